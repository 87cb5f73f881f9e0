"""Cleaning rules as data: the shipped lines of `boilerplate.toml`, and a house's own file.

In: the text of a TOML file. Out: a House: which rules are off, and rules for lines. A file that can't mean what its
writer wanted is refused whole, with what to write instead, and every rule is tried on its own example.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from transforms.article import Article
from transforms.clean.boilerplate import (
    LIST_FIELDS,
    LONGEST_LINE,
    PLACES,
    TEXT_FIELDS,
    Boilerplate,
    LineRule,
    is_sign,
    parts_of,
)  # fmt: skip

_SHIPPED = Path(__file__).parent / "boilerplate.toml"

# So much must stand at a line's start or end before its star: "a *" would take half of a newspaper. A Han, kana or
# Hangul character says as much as three letters.
LEAST_LETTERS = 3

_KEYS: Mapping[str, type] = {
    "name": str, "lines": list, "why": str, "to": str, "takes": str, "where": str, "at_most": int, "sentences": bool,
    "with_list": bool, "provider": list, "before": str, "after": str,
}  # fmt: skip
_NAMED: Mapping[str, Collection[str]] = {
    "to": (*TEXT_FIELDS, *LIST_FIELDS),
    "takes": ("line", "value"),
    "where": PLACES,
}


class RuleError(ValueError):
    """A file of cleaning rules that can't be used; the message names the place and says what to write instead."""


class House(NamedTuple):
    """What a file of cleaning rules says."""

    off: tuple[str, ...] = ()
    """Names of rules that are switched off."""
    rules: tuple[LineRule, ...] = ()


def read(text: str, known: Collection[str]) -> House:
    """The House of a TOML file's text; `known` are the names of the rules that there are. Raises RuleError."""
    try:
        stated = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RuleError(f"not TOML: {error}") from error
    _refuse_unknown(stated, ("off", "rule"), "at its top level")
    tables = stated.get("rule", [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise RuleError('"rule" is a list of tables: write [[rule]] above each')
    rules = tuple(_rule(table, number) for number, table in enumerate(tables, start=1))
    names = [rule.name for rule in rules]
    for name in names:
        if name in known or names.count(name) > 1:
            raise RuleError(f'two rules are called "{name}": give this one another name')
    off = stated.get("off", [])
    if not isinstance(off, list) or not all(isinstance(name, str) for name in off):
        raise RuleError('"off" is a list of names of rules: off = ["related"]')
    for name in off:
        if name not in known:
            raise RuleError(f'off: there is no rule "{name}"{_nearest(name, known)}')
    return House(tuple(off), rules)


@cache
def shipped() -> tuple[LineRule, ...]:
    """The rules for lines that come with the project."""
    return read(_SHIPPED.read_text(encoding="utf-8"), ()).rules


def _rule(table: Mapping[str, Any], number: int) -> LineRule:
    name = table.get("name")
    place = f'rule {number} ("{name}")' if isinstance(name, str) else f"rule {number}"
    _refuse_unknown(table, _KEYS, f"in {place}")
    value: Any
    for key, value in table.items():
        if not isinstance(value, _KEYS[key]) or (isinstance(value, bool) and _KEYS[key] is int):
            raise RuleError(f"{place}: {key} is {_called(_KEYS[key])}")
        if isinstance(value, list) and not all(isinstance(one, str) for one in value):
            raise RuleError(f"{place}: {key} is a list of texts")
        if key in _NAMED and value not in _NAMED[key]:
            known = ", ".join(_NAMED[key])
            raise RuleError(f'{place}: {key} = "{value}" is none of {known}{_nearest(str(value), _NAMED[key])}')
    if not name or not name.replace("_", "a").isidentifier():
        raise RuleError(f'{place}: needs a name of letters, digits and _: name = "evening_plug"')
    if not table.get("lines"):
        raise RuleError(f'{place}: needs lines: lines = ["sign up for our newsletter*"]')
    if not 1 <= table.get("at_most", 1) <= LONGEST_LINE:
        raise RuleError(f"{place}: at_most is a number from 1 to {LONGEST_LINE}; what is longer reads as copy")
    for line in table["lines"]:
        _check_line(line, place)
    stated: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    rule = LineRule(**stated)
    _check_example(rule, place)
    return rule


def _check_line(line: str, place: str) -> None:
    if "\n" in line or "\0" in line:
        raise RuleError(f"{place}: {line!r} is more than one line; list them one by one")
    if is_sign(line):
        if "*" in line or not line.strip():
            raise RuleError(f'{place}: "{line}" would take any line; write out what the line says')
        return
    parts = parts_of(line)
    if len(parts) == 1:
        return
    if not parts[0] and not parts[-1]:
        raise RuleError(f'{place}: "{line}" may stand anywhere in a line; leave out the star at its start or its end')
    fixed = parts[0] or parts[-1]
    if len(fixed) < 2 or (_weight(fixed) < LEAST_LETTERS and "©" not in fixed):
        raise RuleError(f'{place}: "{line}" would take far too many lines; write out more of what stands at its start')


def _weight(text: str) -> int:
    return sum(1 if character < "\u0e00" else LEAST_LETTERS for character in text if character.isalnum())


def _check_example(rule: LineRule, place: str) -> None:
    if not rule.before and not rule.after:
        return
    provider = rule.provider[0] if rule.provider else ""
    article = Article("example", body=rule.before.strip("\n"), provider=provider)
    made = Boilerplate([rule]).apply(article).body
    if made != rule.after.strip("\n"):
        raise RuleError(f"{place}: of its own example it makes {made!r}, not {rule.after.strip()!r}")


def _refuse_unknown(stated: Mapping[str, Any], known: Collection[str], place: str) -> None:
    for key in stated:
        if key not in known:
            raise RuleError(f'"{key}" {place} means nothing{_nearest(key, known)}')


def _nearest(name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _called(kind: type) -> str:
    return {str: "a text", list: "a list of texts", int: "a number", bool: "true or false"}[kind]
