"""Single instructions that Numba has no names for.

Compiled functions of other files may use them, because they are inlined; but after a change here the cache on
disk must be emptied.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

BYTES = ir.VectorType(ir.IntType(8), 64)  # a register


@intrinsic
def fused(_, a, b, c):
    """Return a * b + c, rounded once."""

    def instruction(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return signature(a, a, b, c), instruction


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
