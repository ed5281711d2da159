"""Channels of eight pixels between interleaved values, R, G, B, R, G, B, ..., and planes.

The permutations that a compiler chooses take twice the time.  As in `instruction`, functions are
inlined, and after a change here the cache on disk must be emptied.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

PIXELS = 8
AHEAD = 1536  # bytes that are asked for ahead: what follows is computed while they arrive
LINE = 16  # bytes at whose multiples `stream` stores
FLOATS = ir.VectorType(ir.FloatType(), PIXELS)
EVEN, ODD, MIXED = (0, 2, 4, 6), (1, 3, 5, 7), (0, 2, 5, 7)


@intrinsic
def interleave(_, planes, i, out, start):
    """Write pixels i to i + 7 of planes (3, n) float32 to ``out`` (m,) float32, from ``start`` on."""

    def instruction(context, builder, signature, arguments):
        target = _target(context, builder, signature.args, arguments)
        for k, values in enumerate(_interleaved(context, builder, signature.args, arguments)):
            place = builder.gep(target, [ir.IntType(64)(PIXELS * k)])
            builder.store(values, builder.bitcast(place, FLOATS.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature(types.void, planes, i, out, start), instruction


@intrinsic
def stream(_, planes, i, out, start):
    """Do the same as `interleave`, past the caches, for ``out`` and ``start`` at multiples of 16 bytes."""

    def instruction(context, builder, signature, arguments):
        target = _target(context, builder, signature.args, arguments)
        past_caches = builder.module.add_metadata([ir.IntType(32)(1)])
        half = PIXELS // 2
        for k, values in enumerate(_interleaved(context, builder, signature.args, arguments)):
            for first in (0, half):
                part = _shuffle(builder, values, values, range(first, first + half))
                place = builder.gep(target, [ir.IntType(64)(PIXELS * k + first)])
                store = builder.store(part, builder.bitcast(place, part.type.as_pointer()), align=LINE)
                store.set_metadata("nontemporal", past_caches)
        return context.get_dummy_value()

    return signature(types.void, planes, i, out, start), instruction


@intrinsic
def separate(_, values, start, planes, i):
    """Write eight pixels of ``values`` (m,), from ``start`` on, to pixels i to i + 7 of planes (3, n).

    Both are of the same dtype, or values uint8 and planes float32.
    """

    def instruction(context, builder, signature, arguments):
        kinds = signature.args
        source, target = (context.make_array(kinds[k])(context, builder, arguments[k]) for k in (0, 2))
        width = builder.extract_value(target.shape, 1)
        element = context.get_value_type(kinds[0].dtype)
        first = builder.gep(source.data, [arguments[1]])
        _prefetch(builder, first)
        if isinstance(element, ir.FloatType):
            channels = _separated(builder, first)
        else:
            wide = ir.VectorType(element, 3 * PIXELS)
            run = builder.load(builder.bitcast(first, wide.as_pointer()), align=1)
            channels = [_shuffle(builder, run, run, range(c, 3 * PIXELS, 3)) for c in range(3)]
        for c, channel in enumerate(channels):
            value = builder.uitofp(channel, FLOATS) if isinstance(element, ir.IntType) else channel
            place = builder.gep(target.data, [builder.add(arguments[3], builder.mul(width, width.type(c)))])
            builder.store(value, builder.bitcast(place, value.type.as_pointer()), align=4)
        return context.get_dummy_value()

    return signature(types.void, values, start, planes, i), instruction


def _prefetch(builder, first):
    """Ask for the line some iterations of `separate` later; addresses beyond the array do no harm."""
    pointer, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
    place = builder.gep(builder.bitcast(first, pointer), [ir.IntType(64)(AHEAD)])
    prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    builder.call(prefetch, [place, flag(0), flag(3), flag(1)])  # to read, into the nearest cache


def _target(context, builder, kinds, arguments):
    data = context.make_array(kinds[2])(context, builder, arguments[2]).data
    return builder.gep(data, [arguments[3]])


def _interleaved(context, builder, kinds, arguments):
    """Return three vectors with the channels of eight pixels in turn."""
    planes = context.make_array(kinds[0])(context, builder, arguments[0])
    width = builder.extract_value(planes.shape, 1)
    a, b, c = (
        _load(builder, planes.data, builder.add(arguments[1], builder.mul(width, width.type(k))))
        for k in range(3)
    )
    # In each half of a register: a0 a2 b0 b2, b1 b3 c1 c3, c0 c2 a1 a3; then four of a pixel and a third.
    first, second, third = (
        _pairs(builder, a, b, EVEN),
        _pairs(builder, b, c, ODD),
        _pairs(builder, c, a, MIXED),
    )
    thirds = (
        _pairs(builder, first, third, EVEN),
        _pairs(builder, second, first, MIXED),
        _pairs(builder, third, second, ODD),
    )
    return _halves(builder, thirds)


def _separated(builder, first):
    """Return the three channels of eight pixels of 24 floats."""
    runs = [_load(builder, first, ir.IntType(64)(PIXELS * k)) for k in range(3)]
    # The halves of a register are pixels 0 to 3 and 4 to 7: a0 b0 c0 a1, b1 c1 a2 b2, c2 a3 b3 c3.
    left = _shuffle(builder, runs[0], runs[1], [0, 1, 2, 3, 12, 13, 14, 15])
    middle = _shuffle(builder, runs[0], runs[2], [4, 5, 6, 7, 8, 9, 10, 11])
    right = _shuffle(builder, runs[1], runs[2], [0, 1, 2, 3, 12, 13, 14, 15])
    inner = _pairs(builder, left, middle, (1, 2, 4, 5))  # b0 c0 b1 c1
    outer = _pairs(builder, middle, right, (2, 3, 5, 6))  # a2 b2 a3 b3
    return (
        _pairs(builder, left, outer, (0, 3, 4, 6)),
        _pairs(builder, inner, outer, (0, 2, 5, 7)),
        _pairs(builder, inner, right, (1, 3, 4, 7)),
    )


def _pairs(builder, a, b, order):
    """Shuffle each half of two registers alike: 0 to 3 are those of the first, 4 to 7 of the second."""
    low = [k if k < 4 else k + 4 for k in order]
    return _shuffle(builder, a, b, [*low, *(k + 4 for k in low)])


def _halves(builder, thirds):
    """Return the first halves of three registers one after the other, and then the second ones."""
    a, b, c = thirds
    first, second = [0, 1, 2, 3], [4, 5, 6, 7]
    return (
        _shuffle(builder, a, b, [*first, *(k + 8 for k in first)]),
        _shuffle(builder, c, a, [*first, *(k + 8 for k in second)]),
        _shuffle(builder, b, c, [*second, *(k + 8 for k in second)]),
    )


def _load(builder, data, index):
    place = builder.gep(data, [index])
    return builder.load(builder.bitcast(place, FLOATS.as_pointer()), align=4)


def _shuffle(builder, a, b, order):
    order = list(order)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order))
