"""Gold files: which story an editor says that an article belongs to.

In: a table (TSV or CSV with a header) or JSON lines, a row an article, with a column `story` and what names the
article: `article_id`, `guid`, or `uri` with or without `position`, as the articles data set has them. Other columns are
ignored. Out: the rows that have a story.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline import storage
from pipeline.errors import OptionError

STORY = "story"
# What names an article, the surest first.
NAMES = ("article_id", "guid", "uri")
POSITION = "position"
_COLUMNS = (*NAMES, POSITION, STORY)
# The first that the header holds.
_DELIMITERS = "\t,;"


class Name(NamedTuple):
    """What a gold row calls an article."""

    column: str
    """One of NAMES."""
    value: str
    position: int | None = None
    """Of a uri: which entry of the item; None: any."""

    def __str__(self) -> str:
        return f"{self.column} {self.value}" + ("" if self.position is None else f", position {self.position}")


class Label(NamedTuple):
    """A gold row that has a story."""

    line: int
    names: tuple[Name, ...]
    """In the order of NAMES, at least one."""
    story: str


class Gold(NamedTuple):
    """A gold file."""

    path: str
    labels: list[Label]
    unlabelled: int
    """Rows without a story."""


def read(path: str) -> Gold:
    """The gold file at `path`; OptionError says what is wrong with it, and in which line."""
    text = _text(path)
    if not text.strip():
        raise OptionError(f"{path} is empty; write a header, such as guid and story, and a row for each article")
    rows = _json_rows(path, text) if text.lstrip()[0] in "{[" else _table_rows(path, text)
    labels: list[Label] = []
    unlabelled = 0
    told: dict[tuple[Name, ...], Label] = {}
    for line, row in rows:
        story = row.get(STORY, "")
        if not story:
            unlabelled += 1
            continue
        label = Label(line, _names(path, line, row), story)
        before = told.setdefault(label.names, label)
        if before.story != story:
            raise contradiction(path, before, label, str(label.names[0]))
        labels.append(label)
    if not labels:
        raise OptionError(f"{path} has no row with a story; the column {STORY} says which story an article belongs to")
    return Gold(path, labels, unlabelled)


def contradiction(path: str, one: Label, other: Label, article: str) -> OptionError:
    """The error of two rows that say different stories of an article."""
    return OptionError(
        f"{path}, lines {one.line} and {other.line}: the same article ({article}) in two stories, {one.story!r} and "
        f"{other.story!r}; leave one"
    )


def _text(path: str) -> str:
    try:
        data = storage.read(path)
        if data is None:
            raise OptionError(f"{path}: there is no such file; name a table of articles and their stories")
        # With or without the mark that spreadsheets put before UTF-8.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise OptionError(f"{path}, line {line}: not UTF-8 ({error.reason}); save it as UTF-8") from error
    except storage.StorageError:
        raise
    except OSError as error:
        raise OptionError(f"{path} can't be read ({error.strerror or error})") from error


def _table_rows(path: str, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row by column) of a table whose first line is its header."""
    first = text.lstrip().partition("\n")[0]
    delimiter = next((sign for sign in _DELIMITERS if sign in first), "\t")
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        for cells in table:
            if not any(map(str.strip, cells)):
                continue
            if not header:
                header = [cell.strip().lower() for cell in cells]
                _check_columns(path, header)
                continue
            if len(cells) > len(header):
                raise OptionError(
                    f"{path}, line {table.line_num}: {len(cells)} cells, but the header has {len(header)}; put a cell "
                    f"that holds the delimiter in double quotes"
                )
            # Editors strip the delimiters of empty cells at a line's end.
            row = zip(header, map(str.strip, cells), strict=False)
            yield table.line_num, {name: cell for name, cell in row if name in _COLUMNS}
    except csv.Error as error:
        raise OptionError(f"{path}, line {table.line_num}: not a table ({error})") from error


def _json_rows(path: str, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, row by name) of JSON lines."""
    seen: set[str] = set()
    for line, written in enumerate(text.split("\n"), start=1):
        if not written.strip():
            continue
        try:
            row = json.loads(written)
        except (ValueError, RecursionError) as error:
            raise OptionError(f"{path}, line {line}: not JSON ({error}); write an object a line") from error
        if not isinstance(row, dict):
            raise OptionError(f"{path}, line {line}: not a JSON object; write one a line, as {{'guid': …, 'story': …}}")
        known = {name: _cell(path, line, name, row[name]) for name in _COLUMNS if name in row}
        seen.update(known)
        yield line, known
    _check_columns(path, seen)


def _cell(path: str, line: int, name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    # Clusterers number their stories.
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise OptionError(f"{path}, line {line}: {name} is {json.dumps(value)[:40]}; write a text")


def _check_columns(path: str, columns: Iterable[str]) -> None:
    found = list(columns)
    told = ", ".join(found) or "none that counts here"
    if STORY not in found:
        raise OptionError(f"{path}: no column {STORY}; it has {told}")
    if not set(NAMES).intersection(found):
        raise OptionError(f"{path}: no column names the articles: write guid, article_id or uri; it has {told}")
    twice = [name for name in _COLUMNS if found.count(name) > 1]
    if twice:
        raise OptionError(f"{path}: the column {twice[0]} stands twice in its header")


def _names(path: str, line: int, row: Mapping[str, str]) -> tuple[Name, ...]:
    position = row.get(POSITION, "")
    if position and not (position.isascii() and position.isdecimal()):
        raise OptionError(f"{path}, line {line}: position {position!r}; write a whole number, 0 where the item is one "
                          f"article")  # fmt: skip
    names = [Name(column, row[column]) for column in NAMES if row.get(column)]
    if not names:
        raise OptionError(f"{path}, line {line}: it has a story, but neither guid, article_id nor uri")
    return tuple(name._replace(position=int(position)) if name.column == "uri" and position else name for name in names)
