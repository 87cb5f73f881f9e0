"""The small interface between the parse step and the formats.

A format is one module in `formats/` that holds `FORMAT = Format(name, recognise, parse)`; the parse step finds it.
`recognise` decides from content alone; `parse` yields an Article, or a Reject for an entry that is broken while its
neighbours are not. A whole item that can't be read raises ParseError.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from datetime import UTC, tzinfo
from typing import NamedTuple

from transforms.article import Article, RawItem, Reject

# Sniffing looks at this much of the text: a front-matter header or a first JSON entry fits many times over.
SAMPLE_BYTES = 65_536


class ParseError(ValueError):
    """An item or entry that can't be read. `kind` is the reject's error in snake case, the message says the cause."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Settings(NamedTuple):
    """What a parser may need to know beside the item."""

    source_timezone: tzinfo = UTC
    """Taken for times that name no zone."""


class Sample(NamedTuple):
    """What a format is recognised by."""

    data: bytes
    """The whole item."""
    head: str
    """The text of its first SAMPLE_BYTES without byte order mark, leniently decoded: enough to sniff, not to keep."""

    @classmethod
    def of(cls, data: bytes) -> Sample:
        """The sample of an item's bytes."""
        encoding = "utf-8"
        for mark, name in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
            if data.startswith(mark):
                encoding = name
        return cls(data, data[:SAMPLE_BYTES].decode(encoding, "replace").removeprefix("\ufeff"))


class Format(NamedTuple):
    """One wire format."""

    name: str
    """As it stands in `source_format`."""
    recognise: Callable[[Sample], bool]
    """True for this format's items and for no other's."""
    parse: Callable[[RawItem, Settings], Iterator[Article | Reject]]
    """Reads an item that was recognised; raises ParseError where none of it can be read."""
