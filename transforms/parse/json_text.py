"""JSON as feeds write it to Python's values, strictly but for what loses nothing.

In: text. Out: a value, or several that follow one another, with flags of what was mended: `json_mended` where line
ends or tabs stand raw inside a string, which JSON has no place for and many programs write.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from transforms.parse.base import ParseError

# A list of 20,000 articles has half as many; of more, Python's values take seconds and hundreds of megabytes.
_MOST_VALUES = 2_000_000
_MOST_OBJECTS = 600_000
_SPACE = re.compile(r"[\s\x1e]*")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits:.40} is beyond all numbers")
    return number


_STRICT = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)
_LENIENT = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, strict=False)


def loads(text: str) -> tuple[Any, tuple[str, ...]]:
    """The value that `text` is, and flags; ParseError `json` where it is none."""
    try:
        return _decoded(_STRICT, text), ()
    except ParseError as error:
        if not str(error).startswith("Invalid control character"):
            raise
    return _decoded(_LENIENT, text), ("json_mended",)


def values(text: str) -> Iterator[tuple[Any, str]]:
    """The values that follow one another in `text`, each with the text that it is.

    Where one can't be read, its place is taken by the ParseError, with all that is left of the text.
    """
    at = _past_space(text, 0)
    while at < len(text):
        try:
            value, end = _LENIENT.raw_decode(text, at)
        except (ValueError, RecursionError):
            rest = text[at:]
            try:
                loads(rest)
            except ParseError as error:
                yield error, rest
            return
        yield value, text[at:end]
        at = _past_space(text, end)


def opening(text: str) -> tuple[Any, int]:
    """The value that `text` begins with and where it ends; ValueError where it begins with none that is whole."""
    try:
        return _LENIENT.raw_decode(text, _past_space(text, 0))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _past_space(text: str, at: int) -> int:
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _decoded(decoder: json.JSONDecoder, text: str) -> Any:
    if text.count(",") > _MOST_VALUES or text.count("{") + text.count("[") > _MOST_OBJECTS:
        raise ParseError(
            "too_large", f"over {_MOST_VALUES} values or {_MOST_OBJECTS} objects and lists in one document"
        )
    try:
        return decoder.decode(text)
    except json.JSONDecodeError as error:
        raise ParseError("json", f"{error.msg} at line {error.lineno}, column {error.colno}") from error
    except RecursionError as error:
        raise ParseError("json", "nested too deeply") from error
    except ValueError as error:
        raise ParseError("json", str(error)) from error
