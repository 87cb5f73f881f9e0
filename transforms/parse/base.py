"""The small interface between the parse step and the formats.

A format is one module in `formats/` that holds `FORMAT = Format(name, about, recognise, parse, elements)`; the parse
step finds it. `recognise` decides from content alone; `parse` yields an Article, or a Reject for an entry that is
broken while its neighbours are not. A whole item that can't be read raises ParseError; one that holds no article, and
need not (a picture, a plan), raises SkipError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple

from transforms.article import PARSE, SKIP, Article, RawItem, Reject
from transforms.parse.charsets import marked, wide
from transforms.parse.markup import Root, root_of

# Sniffing looks at this much of the text: a front-matter header or a first JSON entry fits many times over.
SAMPLE_BYTES = 65_536


class ParseError(ValueError):
    """An item or entry that can't be read. `kind` is the reject's error in snake case, the message says the cause."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class SkipError(ParseError):
    """An item or entry that is whole and holds no article: a picture, a concept, an advisory on what will be sent.

    `kind` says in snake case what it is instead; it is counted, and no fault of the input.
    """


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
    root: Root
    """The name of its first element, if it is markup."""

    @classmethod
    def of(cls, data: bytes) -> Sample:
        """The sample of an item's bytes."""
        encoding = marked(data)[0] or wide(data) or "utf-8"
        head = data[:SAMPLE_BYTES].decode(encoding, "replace").removeprefix("\ufeff")
        return cls(data, head, root_of(head))


Elements = Mapping[str, tuple[str, ...]]
"""Field of an Article -> where a format states it, as a reader of the format calls it; the first that says something
wins. The parser reads by it where it can, and the documentation is made of it."""


class Format(NamedTuple):
    """One wire format."""

    name: str
    """As it stands in `source_format`."""
    about: str
    """One or two sentences for its users: what it is, and what of it is read."""
    recognise: Callable[[Sample], bool]
    """True for this format's items and for no other's."""
    parse: Callable[[RawItem, Settings], Iterator[Article | Reject]]
    """Reads an item that was recognised; raises ParseError where none of it can be read."""
    elements: Elements


def refused(item: RawItem, position: int, error: Exception, payload: bytes) -> Reject:
    """The Reject of entry `position` of an item (0: of the whole item) for what its parser raised."""
    where = f"{item.uri}, entry {position}" if position else item.uri
    if not isinstance(error, ParseError):
        # A parser's own bug must not end a run over millions of items: it is shown among the rejects.
        return Reject.of(PARSE, "unexpected", f"{where}: {type(error).__name__}: {error}", item.uri, position, payload)
    stage = SKIP if isinstance(error, SkipError) else PARSE
    return Reject.of(stage, error.kind, f"{where}: {error}", item.uri, position, payload)


def read_entry(item: RawItem, position: int, payload: bytes, read: Callable[[], Article]) -> Article | Reject:
    """What `read` gives as entry `position` of an item, or the Reject for what it raises; `payload` is its bytes."""
    try:
        return read()._replace(position=position, payload=payload)
    except Exception as error:
        return refused(item, position, error, payload)
