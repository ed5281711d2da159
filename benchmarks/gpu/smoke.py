"""Every public call on a GPU against the CPU: ``python -m benchmarks.gpu.smoke``.

Prints a line a call: ``ok``, ``OFF`` or ``ERROR``.  Memory is full of NaN before each.  With PyTorch it also
runs calls in a stream of its own behind a delay, in threads, on views, until memory would have grown, and on
batches of more than 2^31 and 2^32 values.
"""

import contextlib
import threading

import click
import numpy as np
from sklearn.base import clone

import imfeat
from benchmarks.gpu.libraries import installed
from tests import gpu_calls

SHAPE = 5, 97, 131, 3
LARGE = 750, 1500  # images of 1024 x 1024 pixels: 2.4 and 4.7 x 10^9 values
ROUNDING = 1e-5  # relative
DELAY = 30_000_000  # clocks, about 17 ms


@click.command()
@click.option("--tiny", is_flag=True, help="Small images, and no large batches: for a pretended card.")
def main(tiny):
    """Compare calls on the GPU with the CPU."""
    calls = all_calls((2, 24, 32, 3) if tiny else SHAPE)
    n_wrong = 0
    for library in installed():
        of_learners = {} if library.name == "imfeat" else learner_calls()  # which take no arrays of imfeat
        n_wrong += sum(not is_right(library, name, *call) for name, call in (calls | of_learners).items())
        if library.name == "torch" and not tiny:
            n_wrong += in_a_stream(library, calls) + under_load(library) + on_large_batches(library)
    click.echo(f"{n_wrong} wrong")
    raise SystemExit(n_wrong > 0)


def all_calls(shape):
    """Return, by name, a function of what brings arrays to the GPU, and the tolerance."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    mask = rng.random(shape[:3]) < 0.6
    x, words = (rng.random((n, 16)).astype(np.float32) for n in (50, 7))
    calls = {}
    for dtype in gpu_calls.DTYPES:
        images = pixels if dtype == "uint8" else (pixels / 255).astype(dtype)
        for name, (feature, tolerance) in gpu_calls.FEATURES.items():
            with contextlib.suppress(TypeError, ValueError):  # not of this dtype
                feature(images[:1])
                calls[f"{name} of {dtype}"] = _of_images(feature, images), max(tolerance, 1e-4)
    for name, feature in gpu_calls.MASKED.items():
        calls[f"{name} under a mask"] = _masked(feature, pixels, mask), 1e-4
    for name, (call, tolerance) in gpu_calls.DESCRIPTORS.items():
        calls[name] = _of_descriptors(call, x, words), max(tolerance, 1e-4)
    for name, (feature, tolerance) in gpu_calls.TWO_CHANNELS.items():
        two = np.ascontiguousarray(pixels[..., 1:])
        calls[f"{name} of two channels"] = _of_images(feature, two), max(tolerance, 1e-4)
    for dtype in gpu_calls.DTYPES[1:]:
        flat = gpu_calls.nearly_flat(dtype)
        calls[f"equalize of nearly flat {dtype}"] = _of_images(imfeat.equalize, flat), 1e-4
    for name, (learn, tolerance) in gpu_calls.LEARNED.items():
        calls[name] = _of_learning(learn, gpu_calls.clusters(rng)), max(tolerance, 1e-3)
    return calls


def learner_calls():
    """Return the calls of classifiers, as `all_calls` does: they learn, and score what they learned from."""
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 4, 600)
    features = rng.normal(size=(600, 30)).astype(np.float32)
    features[np.arange(600), labels] += 1.5
    models = {
        "RidgeClassifier": imfeat.learn.RidgeClassifier((30, 3)),
        "LinearClassifier": imfeat.learn.LinearClassifier(strength=10, tol=1e-6),
        "LinearClassifier of hinge loss": imfeat.learn.LinearClassifier(
            "squared_hinge", strength=10, tol=1e-6
        ),
        "LinearClassifier of few features": imfeat.learn.LinearClassifier(
            penalty="l1", strength=5, epochs=1000, tol=1e-4
        ),
    }
    return {name: (_of_scores(model, features, labels), 5e-3) for name, model in models.items()}


def _of_images(feature, images):
    return lambda up: feature(up(images))


def _of_learning(learn, x):
    """Return a call whose result lies on the GPU, also where what is learned are NumPy arrays."""

    def call(up):
        found = learn(up(x))
        return up(found) if isinstance(found, np.ndarray) else found

    return call


def _of_scores(model, features, labels):
    def call(up):
        there = up(features)
        return clone(model).fit(there, up(labels)).decision_function(there)

    return call


def _masked(feature, images, mask):
    return lambda up: feature(up(images), mask=up(mask))


def _of_descriptors(call, x, words):
    return lambda up: call(up(x), words)


def is_right(library, name, call, tolerance):
    """Print how far a call is from the CPU, and return whether that is near enough."""
    library.poison()
    try:
        found = library.down(call(library.up))
        off = difference(found, call(np.asarray))
    except TypeError as error:
        is_refused = "not computed on a GPU" in str(error)
        print(f"{'     ' if is_refused else 'ERROR'} {library.name:6} {name}: {error}"[:200], flush=True)
        return is_refused
    except Exception as error:  # any error is one to see
        print(f"ERROR {library.name:6} {name}: {type(error).__name__}: {error}"[:200], flush=True)
        return False
    is_near = off <= tolerance
    print(
        f"{'ok   ' if is_near else 'OFF  '} {library.name:6} {name}: {off:.2g} of {tolerance:.2g}", flush=True
    )
    return is_near


def difference(found, expected):
    """Return the largest difference beyond rounding, infinite for other shapes and dtypes, or NaN."""
    if (found.shape, found.dtype) != (expected.shape, expected.dtype):
        return np.inf
    apart = np.abs(found.astype(float) - expected) - ROUNDING * np.abs(expected.astype(float))
    return float(apart.max(initial=0))


def in_a_stream(library, calls):
    """Run calls in a stream behind a delay: what reads or writes in another stream is too early."""
    torch = library.module
    stream = torch.cuda.Stream()
    n_wrong = 0

    def late(array):
        plain = torch.from_numpy(np.array(array)).pin_memory()
        there = torch.zeros(plain.shape, dtype=plain.dtype, device="cuda")
        torch.cuda._sleep(DELAY)
        there.copy_(plain, non_blocking=True)
        kept.append(plain)
        return there

    for name, (call, tolerance) in calls.items():
        kept = []
        with torch.cuda.stream(stream):
            off = difference(library.down(call(late)), call(np.asarray))
        if not off <= tolerance:
            n_wrong += 1
            print(f"OFF   in a stream, {name}: {off:.2g}", flush=True)
    print(f"in a stream of its own, behind a delay: {n_wrong} wrong", flush=True)
    return n_wrong


def under_load(library):
    """Try views, out, threads, memory that would grow, and a result that does not fit."""
    torch = library.module
    images = np.random.default_rng(1).integers(0, 256, SHAPE, dtype=np.uint8)
    there, expected = library.up(images), imfeat.hog(images)
    planes = library.up(np.ascontiguousarray(np.moveaxis(images, -1, 1)))
    out = torch.empty(expected.shape, device="cuda")
    checks = {
        "a view of channels first": difference(library.down(imfeat.hog(planes.permute(0, 2, 3, 1))), expected)
        < 1e-4,
        "out comes back": imfeat.hog(there, out=out) is out
        and difference(library.down(out), expected) < 1e-4,
        "four threads with streams of their own": _in_threads(library, there, expected),
    }
    torch.cuda.synchronize()
    before = torch.cuda.mem_get_info()[0]
    for _ in range(200):
        imfeat.color_histogram(there)
    torch.cuda.synchronize()
    checks["no more memory after 200 calls"] = before - torch.cuda.mem_get_info()[0] < 1 << 24
    with contextlib.suppress(MemoryError):
        imfeat.dense_patches(torch.zeros((64, 2048, 2048, 3), dtype=torch.uint8, device="cuda"), 16)
        checks["820 GB of patches are refused"] = False
    for name, is_right_now in checks.items():
        print(f"{'ok   ' if is_right_now else 'OFF  '} {name}", flush=True)
    return sum(not right for right in checks.values())


def _in_threads(library, there, expected):
    wrong = []

    def work():
        with library.module.cuda.stream(library.module.cuda.Stream()):
            for _ in range(20):
                if not difference(library.down(imfeat.hog(there)), expected) < 1e-4:
                    wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return not wrong


def on_large_batches(library):
    """Compare the last image of batches whose indices do not fit into 31 and 32 bits."""
    torch = library.module
    n_wrong = 0
    for n in LARGE:
        images = torch.randint(0, 256, (n, 1024, 1024, 3), dtype=torch.uint8, device="cuda")
        last = library.down(images[-1])
        for name in ("rgb_to_gray", "color_histogram", "equalize", "hog", "hog_uoctti"):
            feature = getattr(imfeat, name)
            off = difference(library.down(feature(images)[-1]), feature(last))
            n_wrong += not off < 5e-4
            print(f"{'ok   ' if off < 5e-4 else 'OFF  '} {name} of {n} megapixels: {off:.2g}", flush=True)
            torch.cuda.empty_cache()
    return n_wrong


if __name__ == "__main__":
    main()
