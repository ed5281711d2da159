"""How optional packages are installed, for error messages."""


def how_to_install(extra: str) -> str:
    """Return the command that installs an extra, for users who have a clone."""
    return f'pip install -e ".[{extra}]" in a clone of imfeat'
