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

BYTES = ir.VectorType(ir.IntType(8), 64)  # a register


@intrinsic
def fused(_, a, b, c):
    """Return a * b + c, rounded once."""

    def instruction(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return signature(a, a, b, c), instruction


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
def permutes_bytes(_):
    """Return at compile time whether `permute_bytes` is available: on processors with AVX-512 VBMI."""

    def instruction(context, _builder, _signature, _arguments):
        return ir.Constant(ir.IntType(1), int(_has_vbmi(context)))

    return signature(types.boolean), instruction


@intrinsic
def permute_bytes(_, tables, x, first, y):
    """Look up 64 bytes of x a channel, from ``first`` on, into y.

    ``tables`` is (1, 256) or (3, 256) uint8; of three, byte 3 k + c is looked up in table c, and
    ``first`` is a multiple of 3.  A register holds 64 bytes of a table, and one instruction looks up
    64 bytes in two registers.
    """

    def instruction(context, builder, signature, arguments):
        if _has_vbmi(context):
            n_channels = builder.extract_value(
                context.make_array(tables)(context, builder, arguments[0]).shape, 0
            )
            gray = builder.icmp_signed("==", n_channels, n_channels.type(1))
            with builder.if_else(gray) as (one, three):
                with one:
                    _permute(context, builder, signature.args, arguments, 1)
                with three:
                    _permute(context, builder, signature.args, arguments, 3)
        return context.get_dummy_value()

    return signature(types.void, tables, x, first, y), instruction


def _permute(context, builder, kinds, arguments, n_channels):
    tables, x, y = (context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (0, 1, 3))
    quarters = [
        [_load(builder, tables, ir.IntType(64)(256 * c + 64 * k)) for k in range(4)]
        for c in range(n_channels)
    ]
    for vector in range(n_channels):
        start = builder.add(arguments[2], arguments[2].type(64 * vector))
        indices = _load(builder, x, start)
        result = None
        for c in range(n_channels):
            values = _look_up(builder, quarters[c], indices)
            is_of_channel = [int((64 * vector + i) % n_channels == c) for i in range(64)]
            mask = ir.Constant(ir.VectorType(ir.IntType(1), 64), is_of_channel)
            result = values if result is None else builder.select(mask, values, result)
        builder.store(result, _pointer(builder, y, start), align=1)


def _look_up(builder, quarters, indices):
    kind = ir.FunctionType(BYTES, [BYTES] * 3)
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
    low, high = (builder.call(permute, [quarters[k], indices, quarters[k + 1]]) for k in (0, 2))
    is_high = builder.icmp_signed("<", indices, ir.Constant(BYTES, [0] * 64))
    return builder.select(is_high, high, low)


def _load(builder, data, index):
    return builder.load(_pointer(builder, data, index), align=1)


def _pointer(builder, data, index):
    return builder.bitcast(builder.gep(data, [index]), BYTES.as_pointer())


def _has_vbmi(context):
    return "+avx512vbmi," in context.codegen().magic_tuple()[2] + ","
