"""Metadata of image files: the orientation, and files without what a decoder can stumble over."""

import struct
import zlib

from PIL import ExifTags, Image

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8"
START_OF_SCAN = 0xDA
ANCILLARY = 0x20  # bit of the first letter of a PNG's chunk that a decoder may leave out
# Segments of a JPEG that hold neither pixels nor their colour space (of Adobe, 0xEE) nor the orientation.
DROPPED_SEGMENTS = (0xE0, *range(0xE2, 0xEE), 0xEF, 0xFE)

ORDERS = {b"II*\0": "<", b"MM\0*": ">"}  # of bytes, by the start of EXIF
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # of EXIF's types
SHORT, RATIONALS = 3, (5, 10)
# Types of the tags of which Pillow looks at the value as it opens a file.
TYPES = {
    ExifTags.Base.Orientation: (SHORT,),
    ExifTags.Base.ResolutionUnit: (SHORT,),
    ExifTags.Base.XResolution: RATIONALS,
}

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def orientation_of(image: Image.Image) -> int:
    """Return the orientation that EXIF or XMP states, as far as they can be read; 1 without one."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
        return value[0] if isinstance(value, bytes) else int(value)
    except Exception:  # damaged metadata raise errors of many types
        return 1


def orientation_of_exif(exif: bytes) -> int | None:
    """Return the orientation in well-formed EXIF, 0 without one, or None if it is not well-formed.

    Nothing is left to interpretation in well-formed EXIF, so that it says the same as `orientation_of`, and
    gives no reason for warnings.
    """
    order = ORDERS.get(exif[:4])
    if order is None:
        return None
    try:
        return _orientation_of_directory(exif, order)
    except struct.error:
        return None


def _orientation_of_directory(exif: bytes, order: str) -> int | None:
    (first,) = struct.unpack_from(order + "I", exif, 4)
    (n_entries,) = struct.unpack_from(order + "H", exif, first)
    struct.unpack_from(
        order + "I", exif, first + 2 + 12 * n_entries
    )  # the next directory, which has to be there
    values: dict[int, int] = {}
    for start in range(first + 2, first + 2 + 12 * n_entries, 12):
        tag, kind, count, at = struct.unpack_from(order + "HHII", exif, start)
        size = SIZES.get(kind, 0) * count
        if tag in values or (tag in TYPES and (kind not in TYPES[tag] or count != 1)):
            return None
        if size > 4 and at + size > len(exif):
            return None
        values[tag] = struct.unpack_from(order + "H", exif, start + 8)[0]
    return values.get(ExifTags.Base.Orientation, 0)


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn an image as its orientation says."""
    return image.transpose(TRANSPOSES[orientation]) if orientation in TRANSPOSES else image


def without_metadata(content: bytes) -> bytes | None:
    """Return a PNG or JPEG without metadata that pixels don't depend on, or None for other files."""
    try:
        if content.startswith(PNG):
            return _png_without_metadata(content)
        return _jpeg_without_metadata(content) if content.startswith(JPEG) else None
    except (IndexError, struct.error):
        return None


def _png_without_metadata(content: bytes) -> bytes:
    chunks = [PNG]
    start = len(PNG)
    kind = b""
    while start < len(content) and kind != b"IEND":
        (n_bytes,) = struct.unpack_from(">I", content, start)
        kind = content[start + 4 : start + 8]
        end = start + 12 + n_bytes
        if kind == b"eXIf":
            chunks += [content[start : end - 4], struct.pack(">I", zlib.crc32(content[start + 4 : end - 4]))]
        elif kind == b"tRNS" or not kind[0] & ANCILLARY:
            chunks.append(content[start:end])
        start = end
    return b"".join(chunks)


def _jpeg_without_metadata(content: bytes) -> bytes:
    segments = [JPEG]
    start = len(JPEG)
    while content[start] == 0xFF and content[start + 1] != START_OF_SCAN:
        (n_bytes,) = struct.unpack_from(">H", content, start + 2)
        end = start + 2 + n_bytes
        if content[start + 1] not in DROPPED_SEGMENTS:
            segments.append(content[start:end])
        start = end
    return b"".join([*segments, content[start:]])
