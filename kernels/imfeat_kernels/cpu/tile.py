"""Loops whose sums stay in registers: blocks of some rows and 32 columns.

The results of a matrix product are compared, thresholded or squared in registers, on the thread that needs
them, which BLAS cannot do.  A block takes these steps:

1. Load a line of the table, and broadcast a value of each row.
2. Multiply and add; 1 and 2 are repeated for all dimensions.
3. Use the sums: store them (`multiply`, `sum_squares`), or compare them (`compare`).

The number of rows, and how many of the 32 columns are taken at once, depend on the registers: `registers`.
As in `instruction`, functions are inlined, and after a change here the cache on disk must be emptied.
"""

import itertools

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

from imfeat_kernels.cpu.registers import PRODUCT, SQUARES

BLOCK_ROWS, BLOCK_COLS = PRODUCT.rows, 32
LINE = 16  # floats of a cache line
FLOATS = ir.VectorType(ir.FloatType(), BLOCK_COLS)  # a line of a panel
INTEGERS = ir.VectorType(ir.IntType(32), BLOCK_COLS)


def panels(vectors):
    """Return vectors (k, d) as (ceil(k / 32), d, 32): 32 of them side by side, padded with zeros."""
    k, d = vectors.shape
    n_panels = -(-k // BLOCK_COLS)
    rows = np.zeros((n_panels * BLOCK_COLS, d), np.float32)
    rows[:k] = vectors
    return aligned(rows.reshape(n_panels, BLOCK_COLS, d).transpose(0, 2, 1))


def aligned(array):
    """Return a float32 array in C order at an address where no load of a register crosses a cache line."""
    memory = np.empty(array.size + LINE, np.float32)
    start = -(memory.ctypes.data // memory.itemsize) % LINE
    copy = memory[start : start + array.size].reshape(array.shape)
    copy[...] = array
    return copy


@intrinsic
def multiply(_, x, row, table, panel, out, target, column):
    """Multiply BLOCK_ROWS rows by 32 columns.

    ``x`` is (n, d), ``table`` (panels, d, 32): 32 columns for each of d dimensions.
    out[target + r, column + c] becomes the sum over j of x[row + r, j] * table[panel, j, c].  All are
    float32.
    """

    def instruction(context, builder, signature, arguments):
        kinds = signature.args
        out = context.make_array(kinds[4])(context, builder, arguments[4])
        width = builder.extract_value(out.shape, 1)
        for r, c, product in _products(context, builder, kinds, arguments):
            line = builder.mul(builder.add(arguments[5], width.type(r)), width)
            column = builder.add(arguments[6], width.type(c))
            _store(builder, product, out.data, builder.add(line, column))
        return context.get_dummy_value()

    return signature(types.void, x, row, table, panel, out, target, column), instruction


@intrinsic
def compare(_, x, row, table, panel, halves, target, lowest, nearest):
    """Compare BLOCK_ROWS vectors with 32 words.

    ``x`` and ``table`` are as for `multiply`, ``halves`` (words,) half the squared lengths.  If
    halves[32 panel + c] less the product is below lowest[target + r, c], it replaces this value, and the
    panel replaces nearest[target + r, c] (int32).
    """

    def instruction(context, builder, signature, arguments):
        kinds = signature.args
        halves, lowest, nearest = (
            context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (4, 6, 7)
        )
        panel = arguments[3]
        target = arguments[5]
        first = builder.mul(panel, panel.type(BLOCK_COLS))
        integers = ir.VectorType(ir.IntType(32), PRODUCT.columns)
        this = _broadcast(builder, builder.trunc(panel, ir.IntType(32)), integers)
        for r, c, product in _products(context, builder, kinds, arguments):
            half = _load(builder, halves, builder.add(first, panel.type(c)), product.type)
            line = builder.mul(builder.add(target, target.type(r)), target.type(BLOCK_COLS))
            line = builder.add(line, line.type(c))
            score = builder.fsub(half, product)
            best = _load(builder, lowest, line, product.type)
            index = _load(builder, nearest, line, integers)
            # A selection would be stored under a mask, which is slow on some processors.
            minimum = _call(builder, "minnum", (score, best), fastmath=("nnan", "nsz"))
            chosen = builder.select(builder.fcmp_ordered("<", score, best), this, index)
            _store(builder, minimum, lowest, line)
            _store(builder, chosen, nearest, line)
        return context.get_dummy_value()

    return signature(types.void, x, row, table, panel, halves, target, lowest, nearest), instruction


@intrinsic
def first_of_lowest(_, lowest, nearest, row):
    """Return the word (int32) of the lowest score in a line of 32 columns, the first of several.

    ``lowest`` and ``nearest`` are results of `compare`: word 32 nearest[row, c] + c has the score
    lowest[row, c].
    """

    def instruction(context, builder, signature, arguments):
        lowest, nearest = (
            context.make_array(signature.args[k])(context, builder, arguments[k]).data for k in (0, 1)
        )
        line = builder.mul(arguments[2], arguments[2].type(BLOCK_COLS))
        scores, panels = (
            _load(builder, data, line, kind) for data, kind in ((lowest, FLOATS), (nearest, INTEGERS))
        )
        width, columns = (
            ir.Constant(INTEGERS, v) for v in ([BLOCK_COLS] * BLOCK_COLS, list(range(BLOCK_COLS)))
        )
        words = builder.add(builder.mul(panels, width), columns)
        best = _broadcast(builder, _reduce(builder, "fmin", scores, fastmath=("nnan",)), FLOATS)
        far = ir.Constant(INTEGERS, [2**31 - 1] * BLOCK_COLS)
        is_best = builder.fcmp_ordered("==", scores, best)
        return _reduce(builder, "smin", builder.select(is_best, words, far))

    return signature(types.int32, lowest, nearest, row), instruction


@intrinsic
def sum_excess(_, even, odd, first, count, threshold, sums, line):
    """Sum the excess over a threshold of 32 columns of some rows.

    ``even`` and ``odd`` are (n, 32) float32.  Over rows ``first`` to ``first + count - 1`` the sums of
    max(0, z - threshold) and max(0, -z - threshold) for z = even + odd, and then for z = even - odd,
    are added to four lines of ``sums`` (m, 32), from ``line`` on.
    """

    def instruction(context, builder, signature, arguments):
        kinds = signature.args
        kind = ir.VectorType(ir.FloatType(), BLOCK_COLS // 2)
        even, odd, sums = (
            context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (0, 1, 5)
        )
        first, count, threshold, line = arguments[2], arguments[3], arguments[4], arguments[6]
        least = _broadcast(builder, threshold, kind)
        zero = ir.Constant(kind, [0.0] * kind.count)

        def add_row(i, totals):
            index = builder.add(builder.mul(builder.add(first, i), i.type(BLOCK_COLS)), start)
            e, o = (_load(builder, data, index, kind) for data in (even, odd))
            responses = builder.fadd(e, o), builder.fsub(e, o)
            signed = [z for response in responses for z in (response, builder.fneg(response))]
            for total, z in zip(totals, signed, strict=True):
                excess = builder.fsub(z, least)
                above = builder.fcmp_ordered(">", excess, zero)
                yield builder.fadd(total, builder.select(above, excess, zero))

        for start in (line.type(0), line.type(kind.count)):  # half of the columns: eight registers of AVX2
            indices = [
                builder.add(builder.mul(builder.add(line, line.type(k)), line.type(BLOCK_COLS)), start)
                for k in range(4)
            ]
            before = [_load(builder, sums, index, kind) for index in indices]
            for total, index in zip(_loop(builder, count, before, add_row), indices, strict=True):
                _store(builder, total, sums, index)
        return context.get_dummy_value()

    return signature(types.void, even, odd, first, count, threshold, sums, line), instruction


@intrinsic
def sum_squares(_, x, row, table, panel, out):
    """Sum the squares of x * scale + shift for BLOCK_ROWS rows and 32 columns.

    ``x`` is (n, d or more), ``table`` (panels, d, 2, 32): the scales and shifts of 32 columns for each of d
    dimensions.  out[row + r, 32 panel + c] becomes the sum over j of
    (x[row + r, j] * table[panel, j, 0, c] + table[panel, j, 1, c])^2.  All are float32.
    """

    def instruction(context, builder, signature, arguments):
        def add_square(total, value, scale, shift):
            distance = _fma(builder, value, scale, shift)
            return _fma(builder, distance, distance, total)

        out = context.make_array(signature.args[4])(context, builder, arguments[4])
        width = builder.extract_value(out.shape, 1)
        row, panel = arguments[1], arguments[3]
        column = builder.mul(panel, width.type(BLOCK_COLS))
        for r, c, total in _sums(context, builder, signature.args, arguments, 2, SQUARES, add_square):
            line = builder.mul(builder.add(row, width.type(r)), width)
            _store(builder, total, out.data, builder.add(line, builder.add(column, width.type(c))))
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
        count = arguments[3]
        k = arguments[4]
        d = builder.extract_value(x.shape, 1)
        listed = builder.mul(k, builder.extract_value(rows.shape, 1))
        indices, weights = (builder.gep(array.data, [listed]) for array in (rows, shares))
        line, sums = (
            builder.gep(array.data, [builder.mul(k, builder.mul(d, d.type(2)))]) for array in (lines, out)
        )
        has_rows = builder.icmp_signed(">", count, count.type(0))
        blocks = cgutils.for_range_slice(builder, d.type(0), d, d.type(SQUARES.columns))
        with builder.if_then(has_rows), blocks as (j, _):
            columns = [j, builder.add(j, d)]
            kind = ir.VectorType(ir.FloatType(), SQUARES.columns)
            factors = [_load(builder, line, column, kind) for column in columns]
            rows = indices, weights, count
            _sum_moments(builder, builder.gep(x.data, [j]), d, rows, factors, sums, columns)
        return context.get_dummy_value()

    return signature(types.void, x, rows, shares, count, k, lines, out), instruction


def _products(context, builder, kinds, arguments):
    def add_product(total, value, columns):
        return _fma(builder, value, columns, total)

    return _sums(context, builder, kinds, arguments, 1, PRODUCT, add_product)


def _sums(context, builder, kinds, arguments, n_lines, block, add):
    """Yield the number of each of BLOCK_ROWS rows, a first column, and sums over the dimensions from there.

    ``add(total, value, *columns)`` is called with a value of the row and ``n_lines`` of the table.
    """
    x, table = (context.make_array(kinds[k])(context, builder, arguments[k]) for k in (0, 2))
    stride, d = (builder.extract_value(array.shape, 1) for array in (x, table))
    length = n_lines * BLOCK_COLS
    lines = builder.gep(table.data, [builder.mul(arguments[3], builder.mul(d, d.type(length)))])
    kind = ir.VectorType(ir.FloatType(), block.columns)
    starts = itertools.product(range(0, BLOCK_COLS, block.columns), range(0, BLOCK_ROWS, block.rows))
    for column, first in starts:
        rows = [builder.add(arguments[1], d.type(r)) for r in range(first, first + block.rows)]
        vectors = [builder.gep(x.data, [builder.mul(i, stride)]) for i in rows]

        def step(j, totals, vectors=vectors, column=column):
            line = builder.gep(lines, [builder.mul(j, j.type(length))])
            columns = [_load(builder, line, j.type(k * BLOCK_COLS + column), kind) for k in range(n_lines)]
            for total, vector in zip(totals, vectors, strict=True):
                value = _broadcast(builder, builder.load(builder.gep(vector, [j])), kind)
                yield add(total, value, *columns)

        zeros = [ir.Constant(kind, [0.0] * block.columns)] * block.rows
        for r, total in enumerate(_loop(builder, d, zeros, step), first):
            yield r, column, total


def _sum_moments(builder, x, d, rows, factors, sums, columns):
    indices, weights, count = rows
    kind = factors[0].type

    def add_row(i, totals):
        row = builder.load(builder.gep(indices, [i]))
        weight = _broadcast(builder, builder.load(builder.gep(weights, [i])), kind)
        distance = _fma(builder, _load(builder, x, builder.mul(row, d), kind), *factors)
        product = builder.fmul(weight, distance)
        return builder.fadd(totals[0], product), _fma(builder, product, distance, totals[1])

    before = [_load(builder, sums, column, kind) for column in columns]
    for value, column in zip(_loop(builder, count, before, add_row), columns, strict=True):
        _store(builder, value, sums, column)


def _loop(builder, count, before, step):
    """Return the results of ``values = step(i, values)`` for i = 0 to count - 1, starting from ``before``.

    The values stay in registers.  ``count`` is at least 1.
    """
    entry = builder.block
    loop = builder.append_basic_block("loop")
    builder.branch(loop)
    builder.position_at_end(loop)
    i = builder.phi(count.type)
    values = [builder.phi(value.type) for value in before]
    results = list(step(i, values))
    following = builder.add(i, count.type(1))
    for phi, start, value in zip((i, *values), (count.type(0), *before), (following, *results), strict=True):
        phi.add_incoming(start, entry)
        phi.add_incoming(value, loop)
    done = builder.append_basic_block("done")
    builder.cbranch(builder.icmp_unsigned("<", following, count), loop, done)
    builder.position_at_end(done)
    return results


def _reduce(builder, name, vector, fastmath=()):
    kind = vector.type
    letter = "f" if name.startswith("f") else "i"
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(kind.element, [kind]),
        f"llvm.vector.reduce.{name}.v{kind.count}{letter}32",
    )
    return builder.call(function, [vector], fastmath=fastmath)


def _broadcast(builder, value, kind):
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.IntType(32)(0))
    return builder.shuffle_vector(
        first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
    )


def _fma(builder, *vectors):
    return _call(builder, "fma", vectors)


def _call(builder, name, vectors, fastmath=()):
    kind = vectors[0].type
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * len(vectors)), f"llvm.{name}.v{kind.count}f32"
    )
    return builder.call(function, vectors, fastmath=fastmath)


def _load(builder, data, index, kind):
    return builder.load(_pointer(builder, data, index, kind), align=4)


def _store(builder, value, data, index):
    builder.store(value, _pointer(builder, data, index, value.type), align=4)


def _pointer(builder, data, index, kind):
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())
