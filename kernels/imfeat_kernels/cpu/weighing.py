"""Weighted sums of rows, and blocks that are turned so that columns become rows.

A compiler would load and store the sums once a row.  As in `instruction`, functions are inlined, and after a
change here the cache on disk must be emptied.
"""

from llvmlite import ir
from numba import types
from numba.core.typing import signature
from numba.extending import intrinsic

from imfeat_kernels.resampling import BITS

ROWS = 16  # rows of a block that is turned
COLUMNS = 32  # columns of it
LANES = 16  # neighbours whose sums stay in registers
I32, I64 = ir.IntType(32), ir.IntType(64)
SUMS = ir.VectorType(I32, LANES)
DOUBLES = ir.VectorType(ir.DoubleType(), LANES)
FLOATS = ir.VectorType(ir.FloatType(), LANES)


def _weigher(n_parts):
    """Return a function that computes weighted sums of ``n_parts`` times LANES columns."""

    @intrinsic
    def weigh(_, source, start, pitch, weights, first, count, target, place):
        """Write weighted sums of rows to ``target`` (n,), from ``place`` on.

        ``source`` (m,) holds rows at ``start``, ``start`` + ``pitch``, ... of uint8, and ``weights`` from
        ``first`` on int32 in units of 2^-22: sums are rounded and clipped.  Or it holds float32, with weights
        of float64: sums are float64, and rounded to float32.
        """

        def instruction(context, builder, signature, arguments):
            kinds = signature.args
            data = {k: context.make_array(kinds[k])(context, builder, arguments[k]).data for k in (0, 3, 6)}
            first = builder.gep(data[0], [arguments[1]])
            weights = builder.gep(data[3], [arguments[4]])
            target = builder.gep(data[6], [arguments[7]])
            weigh = _weigh_bytes if kinds[0].dtype == types.uint8 else _weigh_floats
            weigh(builder, n_parts, first, arguments[2], weights, arguments[5], target)
            return context.get_dummy_value()

        kinds = source, start, pitch, weights, first, count, target, place
        return signature(types.void, *kinds), instruction

    return weigh


weigh_one, weigh_three = _weigher(1), _weigher(3)


@intrinsic
def turn(_, source, start, pitch, n_rows, target, place):
    """Write ROWS rows of COLUMNS values as COLUMNS rows of ROWS, one after the other.

    Rows of ``source`` (m,) begin at ``start``, ``start`` + ``pitch``, ...; from ``n_rows`` on, the last one
    is repeated.  The results begin at ``place`` in ``target`` (n,).
    """

    def instruction(context, builder, signature, arguments):
        source, target = _places(context, builder, signature.args, arguments, (0, 4))
        last = builder.sub(arguments[3], I64(1))
        rows = []
        for k in range(ROWS):
            is_inside = builder.icmp_signed("<", I64(k), last)
            row = builder.select(is_inside, I64(k), last)
            rows.append(builder.gep(source, [builder.mul(row, arguments[2])]))
        columns = [builder.gep(target, [I64(ROWS * k)]) for k in range(COLUMNS)]
        _turn(builder, rows, columns)
        return context.get_dummy_value()

    return signature(types.void, source, start, pitch, n_rows, target, place), instruction


@intrinsic
def turn_back(_, source, start, target, place, pitch):
    """Write COLUMNS rows of ROWS values, one after the other, as ROWS rows of COLUMNS.

    Rows of ``target`` (n,) begin at ``place``, ``place`` + ``pitch``, ...
    """

    def instruction(context, builder, signature, arguments):
        source, target = _places(context, builder, signature.args, arguments, (0, 2))
        rows = [builder.gep(source, [I64(ROWS * k)]) for k in range(COLUMNS)]
        columns = [builder.gep(target, [builder.mul(I64(k), arguments[4])]) for k in range(ROWS)]
        _turn(builder, rows, columns)
        return context.get_dummy_value()

    return signature(types.void, source, start, target, place, pitch), instruction


def _places(context, builder, kinds, arguments, arrays):
    return [
        builder.gep(context.make_array(kinds[k])(context, builder, arguments[k]).data, [arguments[k + 1]])
        for k in arrays
    ]


def _turn(builder, rows, columns):
    """Write what begins at pointers to rows to pointers to columns."""
    if isinstance(rows[0].type.pointee, ir.IntType):
        _turn_bytes(builder, rows, columns)
        return
    side = 8
    for top in range(0, len(rows), side):
        for left in range(0, len(columns), side):
            vectors = [_load(builder, builder.gep(row, [I64(left)]), side) for row in rows[top : top + side]]
            for k, vector in enumerate(_transposed(builder, vectors, side)):
                _store(builder, vector, builder.gep(columns[left + k], [I64(top)]))


def _turn_bytes(builder, rows, columns):
    """Turn two squares of 16 bytes at once, one in each half of 16 registers."""
    side = 16
    both = list(range(2 * side))
    if len(rows) == side:
        vectors = [_load(builder, row, 2 * side) for row in rows]
    else:
        halves = [_load(builder, row, side) for row in rows]
        vectors = [
            _shuffle(builder, low, high, both) for low, high in zip(halves[:side], halves[side:], strict=True)
        ]
    vectors = _transposed(builder, vectors, side)
    for k, vector in enumerate(vectors):
        if len(columns) == side:
            _store(builder, vector, columns[k])
        else:
            _store(builder, _shuffle(builder, vector, vector, both[:side]), columns[k])
            _store(builder, _shuffle(builder, vector, vector, both[side:]), columns[side + k])


def _transposed(builder, vectors, side):
    """Transpose squares of numbers that lie side by side in as many vectors as a square has rows."""
    width = vectors[0].type.count
    orders = []
    for first in (0, side // 2):
        orders.append(
            [
                k
                for left in range(0, width, side)
                for j in range(left + first, left + first + side // 2)
                for k in (j, width + j)
            ]
        )
    for _ in range(side.bit_length() - 1):
        pairs = zip(vectors[: side // 2], vectors[side // 2 :], strict=True)
        vectors = [_shuffle(builder, *pair, order) for pair in pairs for order in orders]
    return vectors


def _weigh_bytes(builder, n_parts, first, pitch, weights, count, target):
    def add(row, weight, sums):
        weight = _spread(builder, weight, SUMS)
        for k, total in enumerate(sums):
            values = builder.zext(_load(builder, _part(builder, row, k), LANES), SUMS)
            yield builder.add(total, builder.mul(values, weight))

    half = ir.Constant(SUMS, [1 << (BITS - 1)] * LANES)
    low, high = (ir.Constant(SUMS, [value] * LANES) for value in (0, 255))
    for k, total in enumerate(_over_rows(builder, first, pitch, weights, count, [half] * n_parts, add)):
        value = builder.ashr(total, ir.Constant(SUMS, [BITS] * LANES))
        value = builder.select(builder.icmp_signed(">", value, low), value, low)
        value = builder.select(builder.icmp_signed("<", value, high), value, high)
        _store(builder, builder.trunc(value, ir.VectorType(ir.IntType(8), LANES)), _part(builder, target, k))


def _weigh_floats(builder, n_parts, first, pitch, weights, count, target):
    def add(row, weight, sums):
        values = builder.fpext(_load(builder, row, LANES), DOUBLES)
        yield builder.fadd(sums[0], builder.fmul(values, _spread(builder, weight, DOUBLES)))

    zeros = ir.Constant(DOUBLES, [0.0] * LANES)
    for k in range(n_parts):
        part = _part(builder, first, k)
        (total,) = _over_rows(builder, part, pitch, weights, count, [zeros], add)
        _store(builder, builder.fptrunc(total, FLOATS), _part(builder, target, k))


def _over_rows(builder, first, pitch, weights, count, before, add):
    """Return the results of ``sums = add(row, weight, sums)`` for ``count`` rows, kept in registers."""
    entry = builder.block
    test, body, done = (builder.append_basic_block(name) for name in ("test", "body", "done"))
    builder.branch(test)
    builder.position_at_end(test)
    i = builder.phi(I64)
    row = builder.phi(first.type)
    sums = [builder.phi(value.type) for value in before]
    builder.cbranch(builder.icmp_signed("<", i, count), body, done)
    builder.position_at_end(body)
    weight = builder.load(builder.gep(weights, [i]))
    results = [builder.add(i, I64(1)), builder.gep(row, [pitch]), *add(row, weight, sums)]
    for phi, start, value in zip((i, row, *sums), (I64(0), first, *before), results, strict=True):
        phi.add_incoming(start, entry)
        phi.add_incoming(value, builder.block)
    builder.branch(test)
    builder.position_at_end(done)
    return sums


def _part(builder, pointer, k):
    return builder.gep(pointer, [I64(LANES * k)])


def _spread(builder, value, kind):
    lanes = builder.insert_element(ir.Constant(kind, ir.Undefined), value, I32(0))
    return _shuffle(builder, lanes, lanes, [0] * kind.count)


def _shuffle(builder, a, b, order):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(I32, len(order)), order))


def _load(builder, pointer, n):
    kind = ir.VectorType(pointer.type.pointee, n)
    return builder.load(builder.bitcast(pointer, kind.as_pointer()), align=_alignment(pointer))


def _store(builder, value, pointer):
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=_alignment(pointer))


def _alignment(pointer):
    return 1 if isinstance(pointer.type.pointee, ir.IntType) else 4
