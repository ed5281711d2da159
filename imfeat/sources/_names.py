"""The rule of which files of a folder or an archive are clearly not images."""

from collections.abc import Callable, Sequence

HIDDEN = "hidden"
SYSTEM = "of an operating system"
SIDECAR = "sidecar"
NO_IMAGES = "table without images"
LINK_UPWARD = "link to a folder that holds it"

SYSTEM_FILES = ("thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r")
SYSTEM_FOLDERS = ("__macosx", "@eadir", "$recycle.bin", "system volume information")
SIDECARS = (
    *(
        ".aae",
        ".bib",
        ".caption",
        ".cfg",
        ".cls",
        ".csv",
        ".db",
        ".gitignore",
        ".htm",
        ".html",
        ".id",
        ".ini",
    ),
    *(
        ".ipynb",
        ".json",
        ".jsonl",
        ".log",
        ".lst",
        ".list",
        ".mat",
        ".md",
        ".md5",
        ".names",
        ".ndjson",
        ".npy",
    ),
    *(
        ".npz",
        ".pickle",
        ".pkl",
        ".prototxt",
        ".py",
        ".rst",
        ".safetensors",
        ".sh",
        ".sha256",
        ".toml",
        ".tsv",
    ),
    *(".txt", ".url", ".xlsx", ".xml", ".xmp", ".yaml", ".yml"),
)
STARTS_OF_IMAGES = (
    *(b"\xff\xd8\xff", b"\x89PNG\r\n", b"GIF87a", b"GIF89a", b"RIFF", b"BM", b"II*\0", b"MM\0*", b"II+\0"),
    *(b"MM\0+", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51", b"\0\0\0 ftypavif", b"\0\0\0\x1cftypavif"),
)
HEAD = 16  # bytes in which an image shows


def reason_to_leave_out(parts: Sequence[str], head: Callable[[], bytes] = bytes) -> str | None:
    """Return why a file is clearly no image, or None.

    Parameters
    ----------
    parts : sequence of str
        Names of the folders below the source that hold the file, and its own.
    head : function
        Returns the first bytes of the file.  It is called for what the name says to be a sidecar: an image
        of that name is an image.
    """
    if any(part.startswith(".") and part not in (".", "..") for part in parts):
        return HIDDEN
    *folders, name = (part.lower() for part in parts)
    if name in SYSTEM_FILES or any(folder in SYSTEM_FOLDERS for folder in folders):
        return SYSTEM
    if name.endswith(SIDECARS) and not head().startswith(STARTS_OF_IMAGES):
        return SIDECAR
    return None
