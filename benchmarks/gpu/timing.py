"""Times on one GPU, of imfeat and of its peers: ``python -m benchmarks.gpu.timing``.

*on the GPU*: the mean of several calls between two events, in microseconds; *host*: until the call came back.
*floor*: the bytes that must move, at the rate of a copy on this card, or the multiplications, at that of a
product of float32.  *predicted*: what the kernels of the call should take on an H100, by ``python -m
benchmarks.cuda``.
"""

import statistics
import time
from dataclasses import dataclass

import click
import numpy as np

import imfeat
from benchmarks.gpu.libraries import installed
from imfeat._backend import cuda_kernels
from imfeat.selfcheck import predict

REPEATS = 10
HEAD = "| what | size | on the GPU, us | host, us | floor, us | times the floor | predicted, us |"


@dataclass
class Card:
    """The two ceilings of a card: bytes and operations of float32 a second."""

    bytes_a_second: float = 3.35e12
    operations_a_second: float = 67e12

    def floor(self, moved, operations):
        """Return the seconds that moving bytes or computing takes at least."""
        return max(moved / self.bytes_a_second, operations / self.operations_a_second)


@click.command()
@click.option("--small", is_flag=True, help="Little work: for a pretended card.")
def main(small):
    """Time imfeat, and what else is installed."""
    library = installed(("torch", "cupy", "imfeat"))[0]
    card = measured(library) if library.name == "torch" and not small else Card()
    click.echo(
        f"copy {card.bytes_a_second / 1e12:.2f} TB/s, products {card.operations_a_second / 1e12:.1f} TFLOP/s"
    )
    click.echo(HEAD + "\n| --- | --- |" + " ---: |" * 5)
    images = pictures(4 if small else 1024, 32 if small else 224)
    for row in (*features(library, images), *vectors(library, 200 if small else 1_000_000)):
        show(card, *row)
    if library.name == "torch":
        for name, peers in (("torchvision", torchvision), ("kornia", kornia)):
            show_peers(card, name, peers, library, images)


def measured(library):
    """Measure the ceilings of the card."""
    torch = library.module
    a = torch.rand(1 << 28, device="cuda")
    b = torch.empty_like(a)
    copy = 2 * a.nbytes / seconds_of(lambda: b.copy_(a))
    torch.backends.cuda.matmul.allow_tf32 = False
    m = torch.rand(8192, 8192, device="cuda")
    return Card(copy, 2 * 8192**3 / seconds_of(lambda: m @ m))


def seconds_of(call):
    """Return the seconds of a call on the GPU."""
    call()
    return cuda_kernels().launch.timed(call, REPEATS)


def pictures(n, side):
    """Return waves with noise (n, side, side, 3) uint8."""
    y, x = np.mgrid[:side, :side]
    waves = 127 + 60 * np.sin(x / 9) + 50 * np.cos(y / 7 - x / 11)
    noise = np.random.default_rng(0).normal(0, 12, (side, side, 3))
    one = np.clip(waves[..., None] * [1, 0.8, 0.6] + noise, 0, 255).astype(np.uint8)
    return np.stack([np.roll(one, 7 * k, (0, 1)) for k in range(n)])


def features(library, images):
    """Yield the calls of images: what, size, call, bytes moved, operations, kernels and items."""
    there, gray = library.up(images), library.up(np.ascontiguousarray(images[..., 1]))
    n = images.size // 3
    size = "x".join(map(str, images.shape))
    for name, call, of_pixel, kernel in (
        ("rgb_to_gray", lambda: imfeat.rgb_to_gray(there), 4, "color.rgb_to_gray_bytes"),
        ("rgb_to_hsv", lambda: imfeat.rgb_to_hsv(there), 15, "color.rgb_to_hsv"),
        ("color_histogram", lambda: imfeat.color_histogram(there), 3, "histogram.joint_histograms"),
        ("color_histogram, hsi", lambda: imfeat.color_histogram(there, space="hsi"), 3, None),
        ("equalize", lambda: imfeat.equalize(there), 9, "equalize.equalize_bytes"),
        ("equalize_clahe, gray", lambda: imfeat.equalize_clahe(gray), 3, "clahe.clahe_blend"),
        ("hog", lambda: imfeat.hog(there), 5.25, "hog.cell_histograms"),
        (
            "hog, trilinear",
            lambda: imfeat.hog(there, interpolation="trilinear"),
            5.25,
            "hog.block_histograms",
        ),
        ("hog_uoctti", lambda: imfeat.hog_uoctti(there), 4.9, "uoctti.cell_features"),
        ("lbp", lambda: imfeat.lbp(gray), 1, None),
        ("dense_sift, gray", lambda: imfeat.dense_sift(gray), 33, "sift.dense_sift"),
        ("local_color", lambda: imfeat.local_color(there), 27, "local_color.gather_bins"),
        ("resize to 128", lambda: imfeat.resize(there, (128, 128)), 4, None),
    ):
        n_items = n // 16 if kernel in ("sift.dense_sift", "local_color.gather_bins") else n
        yield name, size, call, of_pixel * n, 0, kernel, n_items


def vectors(library, n):
    """Yield the calls of descriptors, as `features` does."""
    d, k = 64, 256
    rng = np.random.default_rng(0)
    x, words = (rng.normal(size=(count, d)).astype(np.float32) for count in (n, k))
    mixture = imfeat.Mixture(np.full(k, 1 / k), words, np.full((k, d), 1.2))
    there, size = library.up(x), f"{n} x {d}, {k} words"
    products = 2 * n * d * k
    yield "assign", size, lambda: imfeat.assign(there, words), n * (4 * d + 4), products, None, n
    yield (
        "posteriors",
        size,
        lambda: imfeat.posteriors(there, mixture),
        4 * n * (d + k),
        2 * products,
        None,
        n,
    )
    yield "triangle", size, lambda: imfeat.triangle(there, words), 4 * n * d, products, None, n
    yield "normalize_patches", size, lambda: imfeat.normalize_patches(there), 8 * n * d, 0, None, n


def torchvision(library, images):
    """Yield the calls of torchvision."""
    from torchvision.transforms import functional

    planes = library.up(np.ascontiguousarray(np.moveaxis(images, -1, 1)))
    size, n = "x".join(map(str, images.shape)), images.size // 3
    yield "torchvision rgb_to_grayscale", size, lambda: functional.rgb_to_grayscale(planes), 4 * n, 0, None, n
    yield "torchvision equalize", size, lambda: functional.equalize(planes), 9 * n, 0, None, n


def kornia(library, images):
    """Yield the calls of kornia, on an eighth of the images."""
    import kornia

    part = images[: max(1, len(images) // 8)]
    planes = library.up(np.ascontiguousarray(np.moveaxis(part, -1, 1))).float() / 255
    size, n = "x".join(map(str, part.shape)), part.size // 3
    yield "kornia rgb_to_hsv", size, lambda: kornia.color.rgb_to_hsv(planes), 24 * n, 0, None, n
    yield "kornia equalize_clahe", size, lambda: kornia.enhance.equalize_clahe(planes), 72 * n, 0, None, n


def show(card, what, size, call, moved, operations, kernel, n_items):
    """Time a call, and print its line."""
    try:
        seconds = seconds_of(call)
    except Exception as error:  # any error is one to see
        click.echo(f"| {what} | {size} | {type(error).__name__}: {error} |"[:200])
        return
    host = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        call()
        host.append(time.perf_counter() - begin)
    floor = card.floor(moved, operations)
    predicted = predict(kernel, n_items) if kernel else None
    guess = "" if predicted is None else f"{1e6 * predicted:.0f}"
    click.echo(
        f"| {what} | {size} | {1e6 * seconds:,.0f} | {1e6 * statistics.median(host):,.0f} | "
        f"{1e6 * floor:,.0f} | {seconds / floor:.1f} | {guess} |"
    )


def show_peers(card, name, peers, library, images):
    """Time the calls of a peer, or say why there are none."""
    try:
        rows = list(peers(library, images))
    except Exception as error:  # whatever keeps a package from working here
        click.echo(f"{name} was not timed: {type(error).__name__}: {error}")
        return
    for row in rows:
        show(card, *row)


if __name__ == "__main__":
    main()
