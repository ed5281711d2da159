"""Luma (Rec. 601) of 32 pixels of bytes at once, rounded as Pillow rounds it.

With weights in 65536ths, of which that of green is halved,

    L = (19595 R + 19235 G + 7471 B + 19235 G + 32768) / 65536,

two instructions of AVX2 multiply and add the pairs (R, G) and (B, G) of eight pixels.  As in `instruction`,
functions are inlined, and after a change here the cache on disk must be emptied.
"""

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

from imfeat_kernels.cpu.registers import HAS_AVX2

HAS_LUMA = HAS_AVX2 and not config.DISABLE_JIT  # whether `luma_of_32` is available
PIXELS = 32
READ = 100  # bytes that `luma_of_32` reads, four more than it needs
WEIGHTS = (19595, 19235), (7471, 19235)
ROUNDING = 1 << 15
BYTE, WORD, SUM = (ir.IntType(bits) for bits in (8, 16, 32))


@intrinsic
def luma_of_32(_, pixels, first, out, start):
    """Write the luma of 32 pixels of ``pixels`` (m,) uint8, from ``first`` on, to ``out``, from ``start``."""

    def instruction(context, builder, signature, arguments):
        source, target = (
            builder.gep(context.make_array(signature.args[k])(context, builder, arguments[k]).data, [place])
            for k, place in ((0, arguments[1]), (2, arguments[3]))
        )
        groups = [_luma_of_eight(builder, builder.gep(source, [ir.IntType(64)(24 * k)])) for k in range(4)]
        halves = [_joined(builder, *groups[:2]), _joined(builder, *groups[2:])]
        values = builder.trunc(_joined(builder, *halves), ir.VectorType(BYTE, PIXELS))
        builder.store(values, builder.bitcast(target, values.type.as_pointer()), align=1)
        return context.get_dummy_value()

    return signature(types.void, pixels, first, out, start), instruction


def _luma_of_eight(builder, source):
    run = ir.VectorType(BYTE, 16).as_pointer()
    # Four pixels in each half of a register, as shuffles do not cross halves.
    low, high = (
        builder.load(builder.bitcast(builder.gep(source, [ir.IntType(64)(k)]), run), align=1) for k in (0, 12)
    )
    eight = _joined(builder, low, high)
    total = _constant(SUM, [ROUNDING] * 8)
    for channels, weights in zip(((0, 1), (2, 1)), WEIGHTS, strict=True):
        places = [k for p in (0, 3, 6, 9, 16, 19, 22, 25) for c in channels for k in (p + c, 32)]
        words = builder.shuffle_vector(eight, _constant(BYTE, [0] * 32), _constant(SUM, places))
        words = builder.bitcast(words, ir.VectorType(WORD, 16))
        total = builder.add(total, _multiply_add(builder, words, _constant(WORD, weights * 8)))
    return builder.lshr(total, _constant(SUM, [16] * 8))


def _multiply_add(builder, a, b):
    kind = ir.FunctionType(ir.VectorType(SUM, 8), [a.type, b.type])
    name = "llvm.x86.avx2.pmadd.wd"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [a, b])


def _joined(builder, a, b):
    return builder.shuffle_vector(a, b, _constant(SUM, range(2 * a.type.count)))


def _constant(kind, values):
    values = list(values)
    return ir.Constant(ir.VectorType(kind, len(values)), values)
