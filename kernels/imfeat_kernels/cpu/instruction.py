"""Instructions that Numba has no names for, and loops whose sums have to stay in registers.

They are not compiled functions, so the rule that a compiled function calls only those of its own
file does not hold for them; but after a change here the cache on disk must be emptied.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

BYTES = ir.VectorType(ir.IntType(8), 64)  # what a register holds
BLOCK_ROWS, BLOCK_COLS = 8, 32  # of what is summed at once
FLOATS = ir.VectorType(ir.FloatType(), BLOCK_COLS)  # two registers of AVX-512, or more smaller ones


@intrinsic
def fused(_, a, b, c):
    """Return a * b + c, rounded once."""

    def instruction(_context, builder, _signature, arguments):
        return builder.fma(*arguments)

    return signature(a, a, b, c), instruction


@intrinsic
def copy_eight(_, source, first, target, place):
    """Copy eight float32 from ``first`` on in an array to ``place`` on in another, as one vector."""

    def instruction(context, builder, signature, arguments):
        kind = ir.VectorType(ir.FloatType(), 8).as_pointer()
        start, end = (
            builder.bitcast(
                builder.gep(
                    context.make_array(signature.args[k])(context, builder, arguments[k]).data,
                    [arguments[k + 1]],
                ),
                kind,
            )
            for k in (0, 2)
        )
        builder.store(builder.load(start, align=4), end, align=4)
        return context.get_dummy_value()

    return signature(types.void, source, first, target, place), instruction


@intrinsic
def permutes_bytes(_):
    """Tell, at compile time, whether there is `permute_bytes`: on processors with AVX-512 VBMI."""

    def instruction(context, _builder, _signature, _arguments):
        return ir.Constant(ir.IntType(1), int(_has_vbmi(context)))

    return signature(types.boolean), instruction


@intrinsic
def permute_bytes(_, tables, x, first, y):
    """Look up 64 times as many bytes of x as there are channels, from ``first`` on, into y.

    ``tables`` is (1, 256) or (3, 256) uint8; of three, byte 3 k + c goes through table c, and
    ``first`` is a multiple of 3.  A register holds 64 bytes of a table, and one instruction looks
    up 64 bytes in two of them.
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
    parts = [
        [_load(builder, tables, ir.IntType(64)(256 * c + 64 * part)) for part in range(4)]
        for c in range(n_channels)
    ]
    for vector in range(n_channels):
        place = builder.add(arguments[2], arguments[2].type(64 * vector))
        indices, result = _load(builder, x, place), None
        for c in range(n_channels):
            found = _look_up(builder, parts[c], indices)
            chosen = [int((64 * vector + i) % n_channels == c) for i in range(64)]
            mask = ir.Constant(ir.VectorType(ir.IntType(1), 64), chosen)
            result = found if result is None else builder.select(mask, found, result)
        builder.store(result, _pointer(builder, y, place), align=1)


def _look_up(builder, parts, indices):
    kind = ir.FunctionType(BYTES, [BYTES] * 3)
    permute = cgutils.get_or_insert_function(builder.module, kind, "llvm.x86.avx512.vpermi2var.qi.512")
    low, high = (builder.call(permute, [parts[k], indices, parts[k + 1]]) for k in (0, 2))
    is_high = builder.icmp_signed("<", indices, ir.Constant(BYTES, [0] * 64))
    return builder.select(is_high, high, low)


def _load(builder, data, place):
    return builder.load(_pointer(builder, data, place), align=1)


def _pointer(builder, data, place):
    return builder.bitcast(builder.gep(data, [place]), BYTES.as_pointer())


def _has_vbmi(context):
    return "+avx512vbmi," in context.codegen().magic_tuple()[2] + ","


@intrinsic
def sum_squares(_, x, row, table, panel, out):
    """Sum the squares of x * scale + shift for 8 rows and 32 columns.

    ``x`` is (n, d or more), ``table`` (panels, d, 2, 32): the scales and shifts of 32 columns for each of d
    dimensions.  out[row + r, 32 panel + c] becomes the sum over j of
    (x[row + r, j] * table[panel, j, 0, c] + table[panel, j, 1, c])^2.  All are float32.
    """

    def instruction(context, builder, signature, arguments):
        kinds = signature.args
        x, table, out = (context.make_array(kinds[k])(context, builder, arguments[k]) for k in (0, 2, 4))
        stride, d, width = (builder.extract_value(array.shape, 1) for array in (x, table, out))
        lines = builder.gep(table.data, [builder.mul(arguments[3], builder.mul(d, d.type(2 * BLOCK_COLS)))])
        column = builder.mul(arguments[3], d.type(BLOCK_COLS))
        at_once = 8 if "+avx512f," in context.codegen().magic_tuple()[2] + "," else 2  # more would not fit
        for first in range(0, BLOCK_ROWS, at_once):
            rows = [builder.add(arguments[1], d.type(r)) for r in range(first, first + at_once)]
            vectors = [builder.gep(x.data, [builder.mul(i, stride)]) for i in rows]
            results = [builder.gep(out.data, [builder.add(builder.mul(i, width), column)]) for i in rows]
            _sum_squares(builder, vectors, lines, d, results)
        return context.get_dummy_value()

    return signature(types.void, x, row, table, panel, out), instruction


@intrinsic
def sum_moments(_, x, rows, shares, count, k, lines, out):
    """Add q t and q t^2, t = x * scale + shift, of the listed rows of x to line k of out.

    ``x`` is (n, d), d a multiple of 32; ``rows`` int64 and ``shares`` q, of which the first
    ``count`` of line k count; ``lines`` and ``out`` (n_components, 2 d): scales and then shifts,
    sums of q t and then of q t^2.  All others are float32.
    """

    def instruction(context, builder, signature, arguments):
        kinds = signature.args
        x, rows, shares, lines, out = (
            context.make_array(kinds[i])(context, builder, arguments[i]) for i in (0, 1, 2, 5, 6)
        )
        count, k, d = arguments[3], arguments[4], builder.extract_value(x.shape, 1)
        listed = builder.mul(k, builder.extract_value(rows.shape, 1))
        indices, weights = (builder.gep(array.data, [listed]) for array in (rows, shares))
        line, sums = (
            builder.gep(array.data, [builder.mul(k, builder.mul(d, d.type(2)))]) for array in (lines, out)
        )
        some = builder.icmp_signed(">", count, count.type(0))
        blocks = cgutils.for_range_slice(builder, d.type(0), d, d.type(BLOCK_COLS))
        with builder.if_then(some), blocks as (j, _):
            places = [j, builder.add(j, d)]
            factors, listed = [_floats(builder, line, place) for place in places], (indices, weights, count)
            _sum_moments(builder, builder.gep(x.data, [j]), d, listed, factors, sums, places)
        return context.get_dummy_value()

    return signature(types.void, x, rows, shares, count, k, lines, out), instruction


def _sum_moments(builder, x, d, listed, factors, sums, places):
    indices, weights, count = listed
    before, loop = builder.block, builder.append_basic_block("rows")
    starts = [_floats(builder, sums, place) for place in places]
    builder.branch(loop)
    builder.position_at_end(loop)
    i, first, second = builder.phi(count.type), builder.phi(FLOATS), builder.phi(FLOATS)
    row = builder.load(builder.gep(indices, [i]))
    weight = _spread(builder, builder.load(builder.gep(weights, [i])))
    distance = _fma(builder, _floats(builder, x, builder.mul(row, d)), *factors)
    product = builder.fmul(weight, distance)
    after = builder.add(i, count.type(1))
    results = builder.fadd(first, product), _fma(builder, product, distance, second)
    for phi, start, value in zip(
        (i, first, second), (count.type(0), *starts), (after, *results), strict=True
    ):
        phi.add_incoming(start, before)
        phi.add_incoming(value, loop)
    done = builder.append_basic_block("done")
    builder.cbranch(builder.icmp_signed("<", after, count), loop, done)
    builder.position_at_end(done)
    for value, place in zip(results, places, strict=True):
        builder.store(value, _float_pointer(builder, sums, place), align=4)


def _sum_squares(builder, vectors, lines, d, results):
    before, loop = builder.block, builder.append_basic_block("dimensions")
    builder.branch(loop)
    builder.position_at_end(loop)
    j, sums = builder.phi(d.type), [builder.phi(FLOATS) for _ in vectors]
    line = builder.gep(lines, [builder.mul(j, d.type(2 * BLOCK_COLS))])
    scale, shift = (_floats(builder, line, d.type(k * BLOCK_COLS)) for k in (0, 1))
    after = builder.add(j, d.type(1))
    for total, vector in zip(sums, vectors, strict=True):
        value = _spread(builder, builder.load(builder.gep(vector, [j])))
        distance = _fma(builder, value, scale, shift)
        total.add_incoming(ir.Constant(FLOATS, [0.0] * BLOCK_COLS), before)
        total.add_incoming(_fma(builder, distance, distance, total), loop)
    j.add_incoming(d.type(0), before)
    j.add_incoming(after, loop)
    done = builder.append_basic_block("done")
    builder.cbranch(builder.icmp_unsigned("<", after, d), loop, done)
    builder.position_at_end(done)
    for total, result in zip(sums, results, strict=True):
        builder.store(total.incomings[1][0], _float_pointer(builder, result, d.type(0)), align=4)


def _spread(builder, value):
    undefined = ir.Constant(FLOATS, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), BLOCK_COLS), [0] * BLOCK_COLS)
    )


def _fma(builder, *vectors):
    kind = ir.FunctionType(FLOATS, [FLOATS] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{BLOCK_COLS}f32")
    return builder.call(function, vectors)


def _floats(builder, data, place):
    return builder.load(_float_pointer(builder, data, place), align=4)


def _float_pointer(builder, data, place):
    return builder.bitcast(builder.gep(data, [place]), FLOATS.as_pointer())
