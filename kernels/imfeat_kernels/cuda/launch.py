"""Run kernels on the device and in the stream of their results."""

import numpy as np

from imfeat_kernels.cuda.front import cuda

THREADS = 256  # of a block, where nothing asks for another number


def launch(body, n_blocks, *arguments, threads=THREADS):
    """Run a kernel on blocks of threads; arrays of the host are copied to the device first.

    The last of the arguments is what the kernel fills, and knows the caller's stream.
    """
    if n_blocks:
        stream = getattr(arguments[-1], "stream", 0)
        there = [
            cuda.to_device(argument, stream=stream) if isinstance(argument, np.ndarray) else argument
            for argument in arguments
        ]
        body[n_blocks, threads, stream](*there)


def empty(shape, dtype, like):
    """Return an array on the device of another, to be used in its stream."""
    return cuda.device_array(shape, dtype, stream=like.stream)


def zeros(shape, dtype, like):
    """Return an array of zeros, as `empty` does."""
    array = empty(shape, dtype, like)
    launch(_clear, blocks_of(array.size), array.reshape(-1))
    return array


def blocks_of(n_items, threads=THREADS):
    """Return the number of blocks that have a thread an item."""
    return -(-n_items // threads)


def on_host(array):
    """Return a small array as one of the host."""
    return array if isinstance(array, np.ndarray) else array.copy_to_host()


def as_words(array):
    """Return an array of bytes as one of 8 bytes each, or None where it doesn't begin or end with one."""
    interface = getattr(array, "__cuda_array_interface__", None) or array.__array_interface__
    if array.shape[-1] % 8 or interface["data"][0] % 8:
        return None
    return array.view(np.uint64)


@cuda.jit
def _clear(out):
    i = cuda.grid(1)
    if i < out.size:
        out[i] = 0
