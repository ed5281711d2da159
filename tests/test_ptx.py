"""PTX on the CPU: planted bugs are found, and instructions give the right results."""

import functools
import math

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="the CUDA compiler is not installed: pip install -e '.[test]'")

from imfeat_kernels.cuda import compiler, launch
from imfeat_kernels.cuda.common import place_of
from imfeat_kernels.cuda.front import cuda

from tests import device, ptx

pytestmark = pytest.mark.skipif(ptx.COMPILER is None, reason="there is no C compiler to run PTX with")
f32, u32, i64 = np.float32, np.uint32, np.int64


@cuda.jit
def swap(out):
    shared = cuda.shared.array(64, f32)
    t = cuda.threadIdx.x
    shared[t] = f32(t)
    cuda.syncthreads()
    out[t] = shared[63 - t]


@cuda.jit
def swap_without_barrier(out):
    shared = cuda.shared.array(64, f32)
    t = cuda.threadIdx.x
    shared[t] = f32(t)
    out[t] = shared[63 - t]


@cuda.jit
def read_past_the_end(out):
    t = cuda.threadIdx.x
    out[t] = out[t + 1]


@cuda.jit
def read_before_the_start(out):
    t = cuda.threadIdx.x
    out[t] = out[u32(t) - u32(1) + u32(0)] if t < 1 else f32(0)


@cuda.jit
def read_before_a_write(out):
    shared = cuda.shared.array(64, f32)
    t = cuda.threadIdx.x
    if t < 63:
        shared[t] = f32(1)
    cuda.syncthreads()
    out[t] = shared[t]


@cuda.jit
def reach_a_barrier_by_some_threads(out):
    t = cuda.threadIdx.x
    if t < 40:
        cuda.syncthreads()
    out[t] = f32(t)


@cuda.jit
def leave_before_a_barrier(out):
    t = cuda.threadIdx.x
    if t >= 50:
        return
    cuda.syncthreads()
    out[t] = f32(t)


@cuda.jit
def add_while_others_clear(out):
    shared = cuda.shared.array(64, u32)
    t = cuda.threadIdx.x
    shared[t] = u32(0)
    cuda.atomic.add(shared, t & 7, u32(1))
    cuda.syncthreads()
    out[t] = f32(shared[t])


@cuda.jit
def write_past_shared_memory(out):
    shared = cuda.shared.array(64, f32)
    t = cuda.threadIdx.x
    shared[t + 1] = f32(t)
    cuda.syncthreads()
    out[t] = shared[t + 1]


def run(body, *arrays, card=(9, 0), threads=64, seed=1):
    with device.on_host(device.Runs(functools.partial(compiler.to_ptx, card=card), seed)):
        there = [launch.to_device(array) for array in arrays]
        launch.launch(body, 1, *there, threads=threads)
        arrays[-1][...] = there[-1].copy_to_host()


@pytest.mark.parametrize("card", device.CARDS)
def test_a_right_kernel_passes(card):
    out = np.zeros(64, np.float32)
    run(swap, out, card=card)
    np.testing.assert_array_equal(out, np.arange(64)[::-1])


@pytest.mark.parametrize("card", device.CARDS)
@pytest.mark.parametrize(
    ("body", "finding"),
    [
        (swap_without_barrier, "race|nobody wrote"),
        (read_past_the_end, "global memory out of bounds"),
        (read_before_the_start, "global memory out of bounds"),
        (read_before_a_write, "nobody wrote"),
        (reach_a_barrier_by_some_threads, "not all threads reach"),
        (leave_before_a_barrier, "not all threads reach"),
        (add_while_others_clear, "race|nobody wrote"),
        (write_past_shared_memory, "shared memory out of bounds"),
    ],
    ids=lambda value: getattr(getattr(value, "py_func", None), "__name__", ""),
)
def test_planted_bugs_are_found(body, finding, card):
    with pytest.raises(RuntimeError, match=finding):
        run(body, np.zeros(64, np.float32), card=card)


@cuda.jit
def functions(x, out):
    i = cuda.grid(1)
    out[i, 0], out[i, 1], out[i, 2] = math.exp(x[i]), math.sqrt(abs(x[i])), math.log(abs(x[i]) + f32(1))
    out[i, 3], out[i, 4] = math.floor(x[i]), f32(int(x[i]))
    out[i, 5] = cuda.fma(x[i], x[i], -(x[i] * f32(3)))


@cuda.jit
def integers(x, out):
    i = cuda.grid(1)
    out[i, 0], out[i, 1], out[i, 2] = x[i] // 7, x[i] % 7, (x[i] * 31) >> 3
    out[i, 3], out[i, 4] = min(x[i], 5), (x[i] & 255) << 40


@cuda.jit
def logarithms(x, out):
    i = cuda.grid(1)
    out[i] = math.log(x[i])


@pytest.mark.parametrize("card", device.CARDS)
def test_logarithms_in_double_precision(card):
    x = np.geomspace(1e-300, 1e300, 64)
    out = np.zeros(64)
    run(logarithms, x, out, card=card)
    np.testing.assert_allclose(out, np.log(x), rtol=1e-14)


@pytest.mark.parametrize("card", device.CARDS)
def test_instructions_give_the_right_results(card):
    x = np.linspace(-30, 30, 64).astype(np.float32)
    out = np.zeros((64, 6), np.float32)
    run(functions, x, out, card=card)
    wide = x.astype(float)
    expected = np.exp(wide), np.sqrt(abs(wide)), np.log(abs(wide) + 1), np.floor(wide), np.trunc(wide)
    np.testing.assert_allclose(out[:, :5], np.stack(expected, 1), rtol=5e-7, atol=1e-7)
    np.testing.assert_allclose(out[:, 5], wide * wide - 3 * wide, atol=2e-4)
    k = np.arange(-32, 32, dtype=np.int64)
    out = np.zeros((64, 5), np.int64)
    run(integers, k, out, card=card)
    expected = k // 7, k % 7, (k * 31) >> 3, np.minimum(k, 5), (k & 255) << 40
    np.testing.assert_array_equal(out, np.stack(expected, 1))


def test_unsupported_instructions_are_named():
    with pytest.raises(NotImplementedError, match="shfl"):
        ptx.Kernel(
            ".visible .entry f(\n\t.param .u64 f_0\n)\n{\n\tshfl.sync.down.b32 \t%r1, %r2, 1, 31, -1;\n}\n",
            device.folder,
        )


@cuda.jit
def places(items, n, out):
    i = cuda.grid(1)
    out[i, 0], out[i, 1] = place_of(items[i], n[0])


def test_places_beyond_32_bits_are_right():
    items = np.array(
        [0, 7, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**32 + 6, 2**34 + 5, *range(2**33, 2**33 + 56)]
    )
    for n in (7, 640, 65_536):
        out = np.zeros((64, 2), np.uint32)
        run(places, items, np.array([n]), out)
        np.testing.assert_array_equal(out, np.stack(np.divmod(items, n), 1))
