"""Columns of Parquet files that hold images, as bytes or as paths, and their values."""

from typing import Any

BYTES = "bytes"
PATHS = "paths"
BYTES_COLUMNS = ("bytes", "image", "img", "jpg", "png", "content", "data")
PATH_COLUMNS = ("path", "file", "file_name", "filename", "image_path", "file_path", "image")


class NoImagesError(ValueError):
    """A Parquet file has no column of images."""


def field_of(batch: Any, column: str) -> Any:
    """Return a column of a batch, or a field of one, as ``image.bytes``, decoded from a dictionary."""
    import pyarrow.compute as pc

    name = next(name for name in _prefixes(column) if name in batch.schema.names)
    values = batch.column(name)
    rest = column[len(name) + 1 :]
    while rest:
        kind = _plain(values.type)
        name = next(name for name in _prefixes(rest) if kind.get_field_index(name) >= 0)
        values = pc.struct_field(_storage(values), name)
        rest = rest[len(name) + 1 :]
    return _storage(values)


def _storage(values: Any) -> Any:
    """Return an array without extension types and dictionaries."""
    import pyarrow as pa

    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _prefixes(column: str) -> list[str]:
    """Return ``a.b.c``, ``a.b`` and ``a``: names may hold points."""
    parts = column.split(".")
    return [".".join(parts[:n]) for n in range(len(parts), 0, -1)]


def _plain(kind: Any) -> Any:
    """Return what a type of pyarrow holds, without extension types and dictionaries."""
    import pyarrow as pa

    while True:
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        elif pa.types.is_dictionary(kind):
            kind = kind.value_type
        else:
            return kind


def _kind_of(kind: Any) -> str | None:
    """Return whether a type, if it is any, holds bytes, paths or neither."""
    import pyarrow as pa

    if kind is None:
        return None
    kind = _plain(kind)
    types = pa.types
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return BYTES
    if types.is_fixed_size_binary(kind):
        return BYTES
    if types.is_list(kind) or types.is_large_list(kind):
        return BYTES if types.is_uint8(kind.value_type) else None
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return PATHS
    return None


def choose_column(schema: Any, column: str | None, path: str) -> tuple[str, str]:
    """Return the column of a Parquet file that holds images or their paths, and which of both."""
    if column is not None:
        return _asked_column(schema, column, path)
    for name in (*BYTES_COLUMNS, *schema.names):
        if name in schema.names:
            if _kind_of(schema.field(name).type) == BYTES and not name.startswith("__"):
                return name, BYTES
            fields = _fields(schema.field(name).type)
            if _kind_of(fields.get("bytes")) == BYTES:
                return f"{name}.bytes", BYTES
    for name in PATH_COLUMNS:
        if name in schema.names:
            if _kind_of(schema.field(name).type) == PATHS:
                return name, PATHS
            if _kind_of(_fields(schema.field(name).type).get("path")) == PATHS:
                return f"{name}.path", PATHS
    raise NoImagesError(
        f"{path} has no column of bytes, and none of paths that is called {', '.join(PATH_COLUMNS)}; "
        f"say which one it is: column=..., one of {', '.join(schema.names)}"
    )


def _asked_column(schema: Any, column: str, path: str) -> tuple[str, str]:
    """Return a column, or the field of one, that was asked for."""
    fields = {name: schema.field(name).type for name in schema.names}
    rest = column
    while rest:
        name = next((name for name in _prefixes(rest) if name in fields), None)
        if name is None:
            raise NoImagesError(f"{path} has no column {column!r}; it has {', '.join(_all_names(schema))}")
        kind = fields[name]
        rest = rest[len(name) + 1 :]
        fields = _fields(kind)
    if _kind_of(kind) is None and _kind_of(fields.get("bytes")) == BYTES:
        return f"{column}.bytes", BYTES
    if _kind_of(kind) is None and _kind_of(fields.get("path")) == PATHS:
        return f"{column}.path", PATHS
    if (held := _kind_of(kind)) is None:
        raise NoImagesError(f"{path}: column {column!r} holds {kind}, expected bytes or paths")
    return column, held


def _fields(kind: Any) -> dict[str, Any]:
    import pyarrow as pa

    kind = _plain(kind)
    return {field.name: field.type for field in kind} if pa.types.is_struct(kind) else {}


def _all_names(schema: Any) -> list[str]:
    return [
        full
        for name in schema.names
        for full in (name, *(f"{name}.{field}" for field in _fields(schema.field(name).type)))
    ]
