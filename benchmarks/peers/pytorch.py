"""PyTorch on the CPU: what kornia has no function for."""

import torch

VERSION = torch.__version__
set_threads = torch.set_num_threads


def instructions():
    return [torch.backends.cpu.get_cpu_capability()]


def joint(images, n_threads):
    """Count a whole batch at once: the index of the image is part of the index of the bin."""
    tensor = torch.from_numpy(images)
    first = torch.arange(len(images))[:, None, None] * 512

    def count():
        r, g, b = (tensor >> 5).to(torch.int64).unbind(-1)
        return torch.bincount((first + r * 64 + g * 8 + b).view(-1), minlength=512 * len(images))

    return count


JOBS = {"color_histogram, rgb, 8x8x8": joint}
