"""Loops over points that lie side by side in registers, with the words in the inner loop.

A compiler would load and store the results of all points once a word.  As in `instruction`, functions are
inlined, and after a change here the cache on disk must be emptied.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing import signature
from numba.extending import intrinsic

from imfeat_kernels.cpu.registers import FLOATS

LANES = 2 * FLOATS  # points at a time: two registers
WIDTH = 4  # numbers of a word
VALUES = ir.VectorType(ir.FloatType(), LANES)
INDICES = ir.VectorType(ir.IntType(32), LANES)


@intrinsic
def smallest_of_lines(_, x, first, lines, start, stop, out):
    """Find the smallest value of some lines for LANES points.

    ``x`` is (3, n) float32, the coordinates of points, and ``lines`` (m, 4).  For points ``first`` to
    ``first`` + LANES - 1, ``out`` (n,) gets the smallest of a + b x0 + c x1 + d x2, rounded by fused
    multiplications from left to right, for the lines (a, b, c, d) from ``start`` to ``stop`` - 1.
    """

    def instruction(context, builder, signature, arguments):
        lines, out = _data(context, builder, signature.args, arguments, (2, 5))
        points = _points(builder, context, signature.args, arguments, 3)

        def step(j, values):
            yield _call(builder, "minnum", values[0], _linear(builder, lines, j, points))

        begin, end = arguments[3], arguments[4]
        least = _linear(builder, lines, begin, points)
        following = builder.add(begin, begin.type(1))
        (least,) = _loop(builder, following, end, [least], step)
        builder.store(least, _pointer(builder, out, arguments[1], VALUES), align=4)
        return context.get_dummy_value()

    return signature(types.void, x, first, lines, start, stop, out), instruction


@intrinsic
def first_smallest(_, x, first, lines, best, nearest):
    """Find the first line with the smallest value for LANES points of three coordinates.

    As `smallest_of_lines`, but for all lines; ``best`` (n,) float32 gets the values, ``nearest`` (n,) int32
    the lines.
    """

    def instruction(context, builder, signature, arguments):
        lines, best, nearest = _data(context, builder, signature.args, arguments, (2, 3, 4))
        count = builder.extract_value(
            context.make_array(signature.args[2])(context, builder, arguments[2]).shape, 0
        )
        points = _points(builder, context, signature.args, arguments, 3)
        one = ir.Constant(INDICES, [1] * LANES)

        def step(j, values):
            least, index, line = values
            value = _linear(builder, lines, j, points)
            yield _call(builder, "minnum", value, least)
            yield builder.select(builder.fcmp_ordered("<", value, least), line, index)
            yield builder.add(line, one)

        zero = count.type(0)
        before = [_linear(builder, lines, zero, points), ir.Constant(INDICES, [0] * LANES), one]
        least, index, _ = _loop(builder, count.type(1), count, before, step)
        builder.store(least, _pointer(builder, best, arguments[1], VALUES), align=4)
        builder.store(index, _pointer(builder, nearest, arguments[1], INDICES), align=4)
        return context.get_dummy_value()

    return signature(types.void, x, first, lines, best, nearest), instruction


def _data(context, builder, kinds, arguments, places):
    return [context.make_array(kinds[k])(context, builder, arguments[k]).data for k in places]


def _points(builder, context, kinds, arguments, n_axes):
    """Load the coordinates of points, axis by axis."""
    x = context.make_array(kinds[0])(context, builder, arguments[0])
    width = builder.extract_value(x.shape, 1)
    places = [builder.add(arguments[1], builder.mul(width, width.type(k))) for k in range(n_axes)]
    return [builder.load(_pointer(builder, x.data, place, VALUES), align=4) for place in places]


def _linear(builder, lines, j, points):
    line = builder.gep(lines, [builder.mul(j, j.type(WIDTH))])
    factors = [_spread(builder, builder.load(builder.gep(line, [j.type(k)]))) for k in range(WIDTH)]
    total = factors[0]
    for factor, values in zip(factors[1:], points, strict=True):
        total = _call(builder, "fma", factor, values, total)
    return total


def _loop(builder, start, stop, before, step):
    """Return the results of ``values = step(i, values)`` for i = start to stop - 1, kept in registers."""
    entry = builder.block
    test, body, done = (builder.append_basic_block(name) for name in ("test", "body", "done"))
    builder.branch(test)
    builder.position_at_end(test)
    i = builder.phi(start.type)
    values = [builder.phi(value.type) for value in before]
    builder.cbranch(builder.icmp_signed("<", i, stop), body, done)
    builder.position_at_end(body)
    results = [builder.add(i, start.type(1)), *step(i, values)]
    for phi, first, value in zip((i, *values), (start, *before), results, strict=True):
        phi.add_incoming(first, entry)
        phi.add_incoming(value, builder.block)
    builder.branch(test)
    builder.position_at_end(done)
    return values


def _spread(builder, value):
    lanes = builder.insert_element(ir.Constant(VALUES, ir.Undefined), value, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(lanes, lanes, zeros)


def _call(builder, name, *vectors):
    kind = vectors[0].type
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * len(vectors)), f"llvm.{name}.v{LANES}f32"
    )
    return builder.call(function, vectors, fastmath=("nnan", "nsz") if name == "minnum" else ())


def _pointer(builder, data, index, kind):
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())
