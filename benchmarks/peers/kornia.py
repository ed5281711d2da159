"""kornia on PyTorch's CPU tensors (n, channels, height, width), from uint8 images, channels last."""

import kornia
import torch

from benchmarks.inputs import sheet, strips
from benchmarks.timing import each

VERSION = f"{kornia.__version__} (PyTorch {torch.__version__})"
APPROXIMATE = {"equalize, gray", "equalize, RGB", "equalize_clahe"}  # floats, rounded to other levels
BATCH_PIXELS = 1 << 18
set_threads = torch.set_num_threads


def as_floats(images):
    """Return uint8 images as float tensors in [0, 1], planes of channels."""
    tensor = torch.from_numpy(images)
    planes = tensor[:, None] if tensor.ndim == 3 else tensor.permute(0, 3, 1, 2)
    return planes.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def to_hsv(images, n_threads):
    def convert(strip):
        return kornia.color.rgb_to_hsv(as_floats(strip[None]))

    return each(convert, strips(sheet(images), BATCH_PIXELS), n_threads)


def from_hsv(images, n_threads):
    turn = torch.tensor([2 * torch.pi, 1, 1])
    planes = (torch.from_numpy(sheet(images)) * turn).permute(2, 0, 1)[None].contiguous()
    return lambda: kornia.color.hsv_to_rgb(planes)


def by_batches(function):
    """Return a job that applies a function to batches that are not too large for the cache."""

    def job(images, n_threads):
        n = max(1, BATCH_PIXELS // (images.shape[1] * images.shape[2]))
        batches = [images[i : i + n] for i in range(0, len(images), n)]
        return each(lambda batch: function(as_floats(batch)), batches, n_threads)

    return job


JOBS = {
    "rgb_to_hsv, uint8 to float32": to_hsv,
    "hsv_to_rgb, float32": from_hsv,
    "equalize, gray": by_batches(kornia.enhance.equalize),
    "equalize, RGB": by_batches(kornia.enhance.equalize),
    "equalize_clahe": by_batches(lambda images: kornia.enhance.equalize_clahe(images, 2.0, (8, 8))),
}
