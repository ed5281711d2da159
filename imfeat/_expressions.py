"""The syntax of expressions: ``hog(cell_size=16)+color, patches-800`` or ``mlp(hidden=(64,)), softmax``."""

import ast
import re
from collections.abc import Sequence
from typing import Any

from imfeat._suggest import did_you_mean

NAME = re.compile(r"\s*([\w.-]+)\s*")
TOKEN = re.compile(
    r"""'[^']*'|"[^"]*"|.""", re.DOTALL
)  # strings, which may hold commas, and other characters

Call = tuple[str, dict[str, Any]]  # a name and its options


def split_list(text: str) -> list[str]:
    """Return the items of a list, cut at commas outside of parentheses and strings."""
    items = [""]
    depth = 0
    for token in TOKEN.findall(text):
        depth += (token in "([{") - (token in ")]}")
        if token == "," and depth == 0:
            items.append("")
        else:
            items[-1] += token
    return [item.strip() for item in items if item.strip()]


def in_parentheses(text: str, start: int) -> tuple[str, int]:
    """Return the text between the parenthesis at a position and the one that closes it, and the end of that.

    Raises
    ------
    ValueError
        If nothing closes it.
    """
    depth = 0
    for match in TOKEN.finditer(text, start):
        depth += (match[0] in "([{") - (match[0] in ")]}")
        if not depth:
            return text[start + 1 : match.start()], match.end()
    raise ValueError(f"expected ')' at the end of {text!r}")


def parse_calls(text: str, kind: str = "feature") -> list[Call]:
    """Return the names and options of features joined by ``+``; ``kind`` is what errors call them.

    Raises
    ------
    ValueError
        If the syntax is wrong, or an option is not a literal.
    """
    calls: list[Call] = []
    position = 0
    while True:
        match = NAME.match(text, position)
        if match is None:
            raise ValueError(f"expected the name of a {kind} at {text[position:]!r} in {text!r}")
        arguments = _arguments(text, match.end())
        calls.append((match[1], _literals(match[1], arguments)))
        remainder = text[match.end() + len(arguments) :].lstrip()
        if not remainder:
            return calls
        if remainder[0] != "+":
            raise ValueError(f"expected ',', '+' or options in parentheses at {remainder!r} in {text!r}")
        position = len(text) - len(remainder) + 1


def as_text(name: str, options: dict[str, Any]) -> str:
    """Return the expression of a name with options, in its usual spacing."""
    arguments = ", ".join(f"{option}={value!r}" for option, value in options.items())
    return f"{name}({arguments})" if options else name


def check_options(kind: str, name: str, options: dict[str, Any], allowed: Sequence[str]) -> None:
    """Raise ValueError if an option is not allowed."""
    for option in options:
        if option not in allowed:
            there = ", ".join(allowed) or "none"
            hint = did_you_mean(option, allowed)
            raise ValueError(f"unknown option {option!r} of {kind} {name!r}; its options are {there}{hint}")


def _arguments(text: str, start: int) -> str:
    """Return the parenthesized arguments at a position of a text, if there are any."""
    if text[start : start + 1] != "(":
        return ""
    for end in (match.end() for match in re.finditer(r"\)", text[start:])):
        arguments = text[start : start + end]
        try:
            ast.parse(f"f{arguments}", mode="eval")
        except SyntaxError:
            continue
        return arguments
    raise ValueError(f"options are not in Python's syntax at {text[start:]!r}: write name=value, ...")


def _literals(name: str, arguments: str) -> dict[str, Any]:
    """Return the values of keyword arguments, which must be literals."""
    if not arguments:
        return {}
    call = ast.parse(f"f{arguments}", mode="eval").body
    assert isinstance(call, ast.Call)
    if call.args or any(keyword.arg is None for keyword in call.keywords):
        raise ValueError(f"options of {name!r} must be name=value, got {arguments}")
    values: dict[str, Any] = {}
    for keyword in call.keywords:
        if keyword.arg in values:
            raise ValueError(f"option {keyword.arg!r} of {name!r} is given twice in {arguments}")
        try:
            values[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            source = ast.unparse(keyword.value)
            raise ValueError(
                f"option {keyword.arg!r} of {name!r} must be a literal, such as 8 or 'l1', got {source}"
            ) from None
    return values
