"""Columns of features whose number depends on the size of an image."""

import itertools
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from imfeat._backend import Array
from imfeat._files import complete


def names_beside(column: str) -> tuple[str, str]:
    """Return the names of the shapes of a column and, in ``.npy``, of its offsets."""
    return f"{column}_shape", f"{column}_offsets"


class Ragged:
    """Features of the images of a shard, each with a shape (n_rows, n_cols, n_channels) of its own.

    Attributes
    ----------
    values : list of array of shape (n,), float32, or None
        Vector of each image, None for an image with an error.
    shapes : array of shape (n_images, 3), int32
        Shape of each vector, 0 for an image with an error.
    """

    def __init__(self, n_images: int) -> None:
        self.values: list[Array | None] = [None] * n_images
        self.shapes = np.zeros((n_images, 3), np.int32)

    def put(self, i: int, values: Array, shape: tuple[int, int, int]) -> None:
        """Take the vector of an image."""
        if len(values) != math.prod(shape):
            raise RuntimeError(f"{len(values)} features do not have the shape {shape}")
        self.values[i] = values
        self.shapes[i] = shape

    @property
    def offsets(self) -> Array:
        """Where the values of each image begin and end in those of all, (n_images + 1,) int64."""
        ends: Array = np.append(0, np.cumsum(self.shapes.prod(1, dtype=np.int64)))
        return ends

    def write_values(self, path: Path) -> None:
        """Write the values of all images, one after the other, as ``.npy``, without a copy of all."""
        with complete(path) as unfinished, open(unfinished, "wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (int(self.offsets[-1]),)}
            np.lib.format.write_array_header_1_0(file, header)
            for vector in self.values:
                if vector is not None:
                    file.write(np.ascontiguousarray(vector, "<f4").data)

    def as_columns(self) -> tuple[Any, Any]:
        """Return lists of values, and of shapes, as columns of pyarrow, null for images with errors."""
        return lists_of(self.values), shape_lists_of(self.shapes)


def lists_of(vectors: Iterable[Array | None]) -> Any:
    """Return vectors as a chunked array of lists of pyarrow, without a copy of all."""
    import pyarrow as pa

    kind = pa.list_(pa.float32())
    chunks = [pa.nulls(1, kind) if vector is None else _as_list(vector) for vector in vectors]
    return pa.chunked_array(chunks, kind)


def _as_list(vector: Array) -> Any:
    """Return a vector as an array of one list."""
    import pyarrow as pa

    flat = np.ascontiguousarray(vector, np.float32)
    values = pa.Array.from_buffers(pa.float32(), len(flat), [None, pa.py_buffer(flat)])
    ends = pa.py_buffer(np.array([0, len(flat)], np.int32))
    return pa.ListArray.from_buffers(pa.list_(pa.float32()), 1, [None, ends], children=[values])


def shape_lists_of(shapes: Array) -> Any:
    """Return shapes (n, 3) as lists of pyarrow, null where they are 0.

    The lists are not of fixed length, whose null ones would have null elements, which pandas reads as floats.
    """
    import pyarrow as pa

    is_valid = shapes.any(1)
    flat = np.ascontiguousarray(shapes[is_valid], np.int32).reshape(-1)
    values = pa.Array.from_buffers(pa.int32(), len(flat), [None, pa.py_buffer(flat)])
    ends = np.append(0, np.cumsum(3 * is_valid)).astype(np.int32)
    validity = None if is_valid.all() else pa.py_buffer(np.packbits(is_valid, bitorder="little"))
    kind = pa.list_(pa.int32())
    return pa.ListArray.from_buffers(kind, len(shapes), [validity, pa.py_buffer(ends)], children=[values])


def read_lists(column: Any, shapes: Any) -> list[Array | None]:
    """Return the arrays of two columns that `Ragged.as_columns` made, each in its shape."""
    vectors: list[Array] = []
    for chunk in column.chunks:
        ends = chunk.offsets.to_numpy()
        values = chunk.values.to_numpy(zero_copy_only=False)
        vectors += [values[start:stop] for start, stop in itertools.pairwise(ends)]
    return [
        None if shape is None else vector.reshape(shape)
        for vector, shape in zip(vectors, shapes.to_pylist(), strict=True)
    ]


def read_arrays(values: Array, offsets: Array, shapes: Array) -> list[Array | None]:
    """Return the arrays of an image each from all values of a shard, where they begin, and their shapes."""
    return [
        values[start:stop].reshape(shape) if shape.any() else None
        for (start, stop), shape in zip(itertools.pairwise(offsets), shapes, strict=True)
    ]
