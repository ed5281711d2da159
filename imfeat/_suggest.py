"""Suggestions for names that are not there."""

from collections.abc import Iterable


def did_you_mean(name: object, names: Iterable[object]) -> str:
    """Return the end of an error about an unknown name: the most similar one, or nothing.

    Examples
    --------
    >>> did_you_mean("hgo", ["color", "hog"])
    "; did you mean 'hog'?"
    >>> did_you_mean("HoG", ["hog", "HOG"])
    "; did you mean 'hog' or 'HOG'?"
    """
    import difflib  # which takes longer than the start of a command may

    known: dict[str, list[str]] = {}
    for other in names:
        known.setdefault(_plain(other), []).append(repr(other))
    similar = difflib.get_close_matches(_plain(name), known, 1)
    return f"; did you mean {' or '.join(known[similar[0]])}?" if similar else ""


def _plain(name: object) -> str:
    return str(name).lower().replace("-", "_")
