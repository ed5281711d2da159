"""PNG, TIFF and PNM files written by hand, sample by sample."""

import struct
import zlib

import numpy as np

PNG = b"\x89PNG\r\n\x1a\n"


def packed(samples, bits, order=">"):
    """Return the bytes of each row of samples (height, n)."""
    if bits >= 8:
        return [row.astype(f"{order}u{bits // 8}").tobytes() for row in samples]
    digits = (samples[..., np.newaxis] >> np.arange(bits - 1, -1, -1)) & 1
    return [np.packbits(row).tobytes() for row in digits.astype(np.uint8)]


def chunk(kind, content):
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(samples, bits=8, color=2, extra=b""):
    """Return a PNG of samples (height, width[, n])."""
    height, width = samples.shape[:2]
    rows = b"".join(b"\0" + row for row in packed(samples.reshape(height, -1), bits))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0))
    return PNG + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def pnm(samples, magic, maximum):
    """Return a PBM, PGM or PPM of samples (height, width[, 3]), as text (P1 to P3) or binary."""
    height, width = samples.shape[:2]
    header = f"P{magic}\n# of imfeat\n{width} {height}\n" + (f"{maximum}\n" if magic not in (1, 4) else "")
    rows = samples.reshape(height, -1)
    if magic <= 3:
        return (header + "\n".join(" ".join(map(str, row)) for row in rows)).encode()
    bits = 1 if magic == 4 else 8 if maximum < 256 else 16
    return header.encode() + b"".join(packed(rows, bits))


def tiff(samples, bits, photometric, *, order="<", planes=1, extra=(), palette=None, kind=1, orientation=1):
    """Return an uncompressed TIFF of samples (height, width, n).

    ``planes`` is 1 for interleaved samples and 2 for separate planes; ``extra`` holds kinds of alpha.
    """
    height, width, n = samples.shape
    parts = [samples.reshape(height, -1)] if planes == 1 else list(np.moveaxis(samples, -1, 0))
    strips = [b"".join(packed(part, bits, order)) for part in parts]
    starts = 8 + np.cumsum([0, *(len(strip) for strip in strips[:-1])])
    short, long = "H", "I"
    tags = {
        256: (short, [width]),
        257: (short, [height]),
        258: (short, [bits] * n),
        259: (short, [1]),
        262: (short, [photometric]),
        273: (long, starts.tolist()),
        274: (short, [orientation]),
        277: (short, [n]),
        278: (short, [height]),
        279: (long, [len(strip) for strip in strips]),
        284: (short, [planes]),
        320: (short, [] if palette is None else palette.T.ravel().tolist()),
        338: (short, list(extra)),
        339: (short, [kind] * n),
    }
    tags = {tag: value for tag, value in tags.items() if value[1]}
    body = b"".join(strips)
    after = 8 + len(body) + 2 + 12 * len(tags) + 4
    entries = struct.pack(f"{order}H", len(tags))
    values = b""
    for tag, (code, numbers) in tags.items():
        value = struct.pack(f"{order}{len(numbers)}{code}", *numbers)
        if len(value) > 4:
            values += value
            value = struct.pack(f"{order}I", after + len(values) - len(value))
        entries += struct.pack(f"{order}HHI", tag, 3 if code == short else 4, len(numbers)) + value.ljust(
            4, b"\0"
        )
    magic = {"<": b"II*\0", ">": b"MM\0*"}[order]
    return magic + struct.pack(f"{order}I", 8 + len(body)) + body + entries + bytes(4) + values
