"""Progress bars of fits."""

from collections.abc import Iterable


def iterations(n: int, title: str, progress: bool) -> Iterable[int]:
    """Return ``range(n)``, with a progress bar if ``progress``."""
    if not progress:
        return range(n)
    from rich.progress import track

    return track(range(n), title)
