"""Raw items to articles: recognises an item's format by its content, then lets the format's parser read it.

In: a RawItem. Out: Articles and Rejects; nothing is raised. Every entry of an item comes out as exactly one of the two;
of what is whole and holds no article, the reject's stage is `skip`.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterator

from transforms.article import NO_ENVELOPE, Article, RawItem, Reject
from transforms.parse import formats as _formats
from transforms.parse.base import Elements, Format, ParseError, Sample, Settings, SkipError, refused
from transforms.parse.formats import json_articles

__all__ = [
    "Elements", "Format", "ParseError", "Sample", "Settings", "SkipError", "formats", "parse", "recognise",
]  # fmt: skip


# The longest transcripts have half as many characters; of worse copy than any that is real, cleaning takes 2 s for it.
BODY_LIMIT = 1_000_000


@functools.cache
def formats() -> tuple[Format, ...]:
    """All formats, by name: one for each module in `formats/`."""
    modules = sorted(module.name for module in pkgutil.iter_modules(_formats.__path__))
    return tuple(importlib.import_module(f"{_formats.__name__}.{name}").FORMAT for name in modules)


def recognise(data: bytes) -> Format | None:
    """The format of an item's bytes, None if no format knows it. Formats exclude each other."""
    sample = Sample.of(data)
    return next((form for form in formats() if form.recognise(sample)), None)


def parse(item: RawItem, settings: Settings = Settings()) -> Iterator[Article | Reject]:  # noqa: B008 (immutable)
    """The articles of `item`, with a Reject for each entry, or for the whole item, that can't be read."""
    for found in _found(item, settings):
        if item.position:
            found = found._replace(position=item.position)
        yield found._replace(envelope=item.envelope) if item.envelope != NO_ENVELOPE else found


def _found(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    try:
        yield from _articles(item, settings)
    except Exception as error:
        yield refused(item, 0, error, item.data)


def _articles(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    if not item.data.strip() and not item.line:
        raise ParseError("empty", "the item is empty")
    # A source that cuts JSON lines into stretches has looked at them already.
    form = json_articles.FORMAT if item.line else recognise(item.data)
    if form is None:
        if b"\0" in item.data[:4096]:
            raise ParseError("binary", "not text, and no format that is known")
        known = ", ".join(form.name for form in formats())
        raise ParseError("unknown_format", f"no format recognises it (known: {known})")
    for found in form.parse(item, settings):
        if isinstance(found, Reject):
            yield found
            continue
        payload = found.payload or item.data
        fault = _fault(found)
        if fault:
            yield refused(item, found.position, fault, payload)
        else:
            # A list of JSON may hold entries in a format of its own.
            yield found._replace(source_format=found.source_format or form.name, payload=payload)


def _fault(article: Article) -> ParseError | None:
    """What no later step can take, whatever the format."""
    if len(article.body) > BODY_LIMIT:
        return ParseError("too_large", f"the body has {len(article.body)} characters, over {BODY_LIMIT}")
    surrogate = _lone_surrogate(article)
    return ParseError("surrogate", surrogate) if surrogate else None


def _lone_surrogate(article: Article) -> str | None:
    """What JSON and YAML escapes can smuggle in and no file can hold, named; None for an article without."""
    for name, value in zip(article._fields, article, strict=True):
        texts = value if isinstance(value, tuple) else (value,)
        for text in texts:
            if isinstance(text, str) and not text.isascii():
                try:
                    text.encode()
                except UnicodeEncodeError as error:
                    return f"{name} holds a lone surrogate, {text[error.start]!a}"
    return None
