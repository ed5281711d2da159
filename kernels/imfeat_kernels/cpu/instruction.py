"""Single instructions that Numba has no names for.

Compiled functions of other files may use them, because they are inlined; but after a change here the cache on
disk must be emptied.
"""

from llvmlite import ir
from numba import config, types
from numba.core import cgutils
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing import signature
from numba.extending import intrinsic

from imfeat_kernels.cpu.registers import HAS_AVX2, HAS_VBMI

PERMUTES_BYTES = HAS_VBMI or HAS_AVX2  # whether `permute_bytes` is available
TAKES_DIFFERENCES = not HAS_VBMI and HAS_AVX2  # whether it takes tables of differences


@intrinsic
def fused(_, a, b, c):
    """Return a * b + c, rounded once."""

    def instruction(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return signature(a, a, b, c), instruction


@intrinsic
def bits_of(_, x):
    """Return the bits of a float as an unsigned integer; those of positive floats are in the same order."""

    def instruction(_context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(signature.return_type.bitwidth))

    return signature(getattr(types, f"uint{x.bitwidth}"), x), instruction


def as_read_only(array):
    """Return an array as read-only, so that helpers are compiled for one type of arrays."""
    return array


if not config.DISABLE_JIT:

    @intrinsic
    def as_read_only(_, array):
        def instruction(context, builder, signature, arguments):
            return impl_ret_borrowed(context, builder, signature.return_type, arguments[0])

        return signature(array.copy(readonly=True), array), instruction


@intrinsic
def copy_eight(_, source, first, target, start):
    """Copy eight float32 from ``first`` on in an array to ``start`` on in another, as one vector."""

    def instruction(context, builder, signature, arguments):
        kind = ir.VectorType(ir.FloatType(), 8).as_pointer()
        source_pointer, target_pointer = (
            builder.bitcast(
                builder.gep(
                    context.make_array(signature.args[k])(context, builder, arguments[k]).data,
                    [arguments[k + 1]],
                ),
                kind,
            )
            for k in (0, 2)
        )
        builder.store(builder.load(source_pointer, align=4), target_pointer, align=4)
        return context.get_dummy_value()

    return signature(types.void, source, first, target, start), instruction


@intrinsic
def add_eight(_, source, first, target, start):
    """Add eight float32 from ``first`` on in an array to those from ``start`` on in another, as vectors."""

    def instruction(context, builder, signature, arguments):
        kind = ir.VectorType(ir.FloatType(), 8).as_pointer()
        source_pointer, target_pointer = (
            builder.bitcast(
                builder.gep(
                    context.make_array(signature.args[k])(context, builder, arguments[k]).data,
                    [arguments[k + 1]],
                ),
                kind,
            )
            for k in (0, 2)
        )
        values = builder.load(source_pointer, align=4)
        total = builder.fadd(builder.load(target_pointer, align=4), values)
        builder.store(total, target_pointer, align=4)
        return context.get_dummy_value()

    return signature(types.void, source, first, target, start), instruction


@intrinsic
def scale_eight(_, source, first, factor, limit, again, target, start):
    """Set eight float32 from ``start`` on to min(x * factor, limit) * again, for x from ``first`` on."""

    def instruction(context, builder, signature, arguments):
        kind = ir.VectorType(ir.FloatType(), 8)
        source_pointer, target_pointer = (
            builder.bitcast(
                builder.gep(
                    context.make_array(signature.args[k])(context, builder, arguments[k]).data,
                    [arguments[k + 1]],
                ),
                kind.as_pointer(),
            )
            for k in (0, 5)
        )
        factor, limit, again = (_spread(builder, arguments[k], kind) for k in (2, 3, 4))
        value = builder.fmul(builder.load(source_pointer, align=4), factor)
        value = builder.select(builder.fcmp_ordered("<", value, limit), value, limit)
        builder.store(builder.fmul(value, again), target_pointer, align=4)
        return context.get_dummy_value()

    kinds = source, first, factor, limit, again, target, start
    return signature(types.void, *kinds), instruction


def _spread(builder, value, kind):
    lanes = builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    return builder.shuffle_vector(lanes, lanes, zeros)


@intrinsic
def nearest_of_four(_, points, first, x, y, z):
    """Return 4 d + k, with d the smallest squared distance of four points to (x, y, z), k the first of them.

    Numbers are integers in float32, and squared distances below 2^29.  From ``first`` on there are four x,
    four y and four z.
    """

    def instruction(context, builder, signature, arguments):
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        lanes = ir.VectorType(ir.FloatType(), 4)
        integers = ir.VectorType(ir.IntType(32), 4)
        squares = None
        for axis in range(3):
            place = builder.add(arguments[1], arguments[1].type(4 * axis))
            pointer = builder.bitcast(builder.gep(data, [place]), lanes.as_pointer())
            value = builder.insert_element(
                ir.Constant(lanes, ir.Undefined), arguments[2 + axis], ir.IntType(32)(0)
            )
            value = builder.shuffle_vector(value, value, ir.Constant(integers, [0] * 4))
            apart = builder.fsub(value, builder.load(pointer, align=4))
            square = builder.fmul(apart, apart)
            squares = square if squares is None else builder.fadd(squares, square)
        keys = builder.shl(builder.fptosi(squares, integers), ir.Constant(integers, [2] * 4))
        keys = builder.or_(keys, ir.Constant(integers, [0, 1, 2, 3]))
        for order in ([2, 3, 0, 1], [1, 0, 3, 2]):
            others = builder.shuffle_vector(keys, keys, ir.Constant(integers, order))
            keys = builder.select(builder.icmp_signed("<", keys, others), keys, others)
        return builder.extract_element(keys, ir.IntType(32)(0))

    return signature(types.int32, points, first, x, y, z), instruction


@intrinsic
def permute_bytes(_, tables, x, first, y):
    """Look up 64 bytes of x a channel, from ``first`` on, into y.

    ``tables`` is (1, 256) or (3, 256) uint8; of three, byte 3 k + c is looked up in table c, and
    ``first`` is a multiple of 3.

    With AVX-512 a register holds 64 bytes of a table, and one instruction looks up 64 bytes in two registers.
    With AVX2 one looks up the low four bits of 32 bytes in 16 bytes of a table, and gives 0 where the highest
    bit is set.  So entry i of ``tables`` is the exclusive or of the table's entries i and i - 16 but for the
    first 16 of each half: the results for a byte less 0, 16, 32, ... add up to its entry, as all that lies
    below 0 gives 0.
    """

    def instruction(context, builder, signature, arguments):
        if PERMUTES_BYTES:
            permute = _permute_64 if HAS_VBMI else _permute_32
            n_channels = builder.extract_value(
                context.make_array(tables)(context, builder, arguments[0]).shape, 0
            )
            gray = builder.icmp_signed("==", n_channels, n_channels.type(1))
            with builder.if_else(gray) as (one, three):
                with one:
                    permute(context, builder, signature.args, arguments, 1)
                with three:
                    permute(context, builder, signature.args, arguments, 3)
        return context.get_dummy_value()

    return signature(types.void, tables, x, first, y), instruction


def _permute_64(context, builder, kinds, arguments, n_channels):
    tables, x, y = (context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (0, 1, 3))
    quarters = [
        [_load(builder, tables, ir.IntType(64)(256 * c + 64 * k), 64) for k in range(4)]
        for c in range(n_channels)
    ]
    for vector in range(n_channels):
        start = builder.add(arguments[2], arguments[2].type(64 * vector))
        indices = _load(builder, x, start, 64)
        result = None
        for c in range(n_channels):
            values = _look_up_64(builder, quarters[c], indices)
            is_of_channel = [int((64 * vector + i) % n_channels == c) for i in range(64)]
            mask = ir.Constant(ir.VectorType(ir.IntType(1), 64), is_of_channel)
            result = values if result is None else builder.select(mask, values, result)
        builder.store(result, _pointer(builder, y, start, 64), align=1)


def _look_up_64(builder, quarters, indices):
    kind = ir.FunctionType(_bytes(64), [_bytes(64)] * 3)
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
    low, high = (builder.call(permute, [quarters[k], indices, quarters[k + 1]]) for k in (0, 2))
    is_high = builder.icmp_signed("<", indices, ir.Constant(_bytes(64), [0] * 64))
    return builder.select(is_high, high, low)


def _permute_32(context, builder, kinds, arguments, n_channels):
    tables, x, y = (context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (0, 1, 3))
    width = 32 * n_channels
    for half in range(2):
        start = builder.add(arguments[2], arguments[2].type(width * half))
        values = _load(builder, x, start, width)
        channels = [_shuffle(builder, values, range(c, width, n_channels)) for c in range(n_channels)]
        channels = [_look_up_32(builder, tables, 256 * c, values) for c, values in enumerate(channels)]
        if n_channels > 1:
            pair = _shuffle(builder, channels[0], range(64), channels[1])
            rest = _shuffle(builder, channels[2], [k % 32 for k in range(64)])
            order = [k % 3 * 32 + k // 3 for k in range(96)]
            channels = [_shuffle(builder, pair, order, rest)]
        builder.store(channels[0], _pointer(builder, y, start, width), align=1)


def _look_up_32(builder, tables, first, indices):
    kind = ir.FunctionType(_bytes(32), [_bytes(32)] * 2)
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx2.pshuf.b")
    subtract = cgutils.get_or_insert_function(builder.module, kind, "llvm.ssub.sat.v32i8")
    sixteen = ir.Constant(_bytes(32), [16] * 32)
    result = None
    for half in range(2):  # bytes below 128, and those from there on
        less = indices if half == 0 else builder.xor(indices, ir.Constant(_bytes(32), [128] * 32))
        for k in range(8):
            part = _load(builder, tables, ir.IntType(64)(first + 128 * half + 16 * k), 16)
            part = _shuffle(builder, part, [j % 16 for j in range(32)])
            less = builder.call(subtract, [less, sixteen]) if k else less
            values = builder.call(permute, [part, less])
            result = values if result is None else builder.xor(result, values)
    return result


def _bytes(n):
    return ir.VectorType(ir.IntType(8), n)


def _shuffle(builder, values, order, others=None):
    order = list(order)
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
    return builder.shuffle_vector(values, values if others is None else others, mask)


def _load(builder, data, index, n):
    return builder.load(_pointer(builder, data, index, n), align=1)


def _pointer(builder, data, index, n):
    return builder.bitcast(builder.gep(data, [index]), _bytes(n).as_pointer())
