"""Markdown behind front matter: YAML between `---`, TOML between `+++`, or a JSON object.

python-frontmatter splits and loads; before it does, this module refuses what would hang or kill the process, and what
it would pass over in silence (a header that never closes, TOML without its optional library).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml
from frontmatter.default_handlers import BaseHandler, JSONHandler, YAMLHandler

from transforms.article import Article, RawItem
from transforms.parse.base import Format, ParseError, Sample, Settings
from transforms.parse.fields import article_of
from transforms.parse.text import decode

# A header is some 20 lines; libyaml takes the process down on 30,000 nested brackets and spends .4 s on 327 bytes of
# merge keys, so a header is measured before it is loaded.
_HEADER_LIMIT = 65_536
_NESTING_SIGNS_LIMIT = 200
_DEPTH_LIMIT = 50

_OPENING = re.compile(r"\s{0,80}(?:(?P<yaml>-{3,})|(?P<toml>\+{3,})|(?P<json>\{))[ \t]*\n")
# A `}` alone on its line ends a JSON header if what follows is neither the end nor more JSON.
_JSON_CLOSING = re.compile(r"^\}[ \t]*\n(?P<rest>[\s\S]{0,4000})", re.MULTILINE)


class _TOMLHandler(BaseHandler):
    """TOML through the standard library: python-frontmatter's own wants one that is no longer kept up."""

    FM_BOUNDARY = re.compile(r"^\+{3,}\s*$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"

    def load(self, fm: str) -> dict[str, Any]:
        """The header as a mapping."""
        return tomllib.loads(fm)


_HANDLERS: dict[str, BaseHandler] = {"yaml": YAMLHandler(), "toml": _TOMLHandler(), "json": JSONHandler()}


def recognise(sample: Sample) -> bool:
    """Text that opens a header; a JSON object only where something else than JSON follows it."""
    head = sample.head.replace("\r\n", "\n")
    opening = _OPENING.match(head)
    return opening is not None and (opening["json"] is None or _closes_before_text(head))


def parse(item: RawItem, settings: Settings) -> Iterator[Article]:
    """The one article of a front-matter document."""
    text, flags = decode(item.data)
    text = text.lstrip()
    opening = _OPENING.match(text)
    if opening is None:
        raise ParseError("front_matter", "no line of ---, +++ or { opens a header")
    kind = str(opening.lastgroup)
    handler = _HANDLERS[kind]
    try:
        header, body = handler.split(text)
    except ValueError as error:
        raise ParseError(kind, f"the header that {opening[kind]} opens never closes") from error
    metadata = _load(kind, handler, header)
    if not isinstance(metadata, dict):
        raise ParseError(kind, f"the header holds no keys, but {type(metadata).__name__}")
    article = article_of(metadata, item, settings, body=body.strip(), body_type="markdown")
    yield article._replace(flags=tuple(sorted({*article.flags, *flags})))


def _closes_before_text(head: str) -> bool:
    closing = _JSON_CLOSING.search(head)
    if closing is None:
        return False
    rest = closing["rest"].lstrip()
    if not rest or rest[0] in "{}":
        return False
    # A markdown link may open the copy as well as a JSON list.
    return rest[0] != "[" or (rest.startswith("[") and "](" in rest)


def _load(kind: str, handler: BaseHandler, header: str) -> Any:
    if len(header) > _HEADER_LIMIT:
        raise ParseError(kind, f"the header is {len(header)} characters long, over {_HEADER_LIMIT}")
    if kind == "yaml":
        _refuse_bombs(header)
    elif header.count("[") + header.count("{") > _NESTING_SIGNS_LIMIT:
        raise ParseError(kind, f"over {_NESTING_SIGNS_LIMIT} signs of nesting in the header")
    try:
        return handler.load(header)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1} of the header)" if error.problem_mark else ""
        raise ParseError("yaml", f"{error.problem or error.context}{line}") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        # ValueError: a date that does not exist, and what json and tomllib raise.
        raise ParseError(_kind_of(kind, error), str(error)) from error


def _kind_of(kind: str, error: Exception) -> str:
    is_date = kind == "yaml" and isinstance(error, ValueError)
    return "time" if is_date else kind


def _refuse_bombs(header: str) -> None:
    """Raises ParseError for aliases and deep nesting, which cost libyaml the process or the worker its time."""
    nesting = header.count("[") + header.count("{") + header.count("- -") + header.count("? ")
    if nesting <= _NESTING_SIGNS_LIMIT and not ("&" in header and "*" in header):
        return
    depth = 0
    try:
        # The loader in Python: it costs time only here, and has no stack that a nesting could overflow.
        for event in yaml.parse(header, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ParseError("yaml", "the header uses aliases (*name), which are refused")
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _DEPTH_LIMIT:
                    raise ParseError("yaml", f"the header nests deeper than {_DEPTH_LIMIT}")
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except (yaml.YAMLError, RecursionError) as error:
        raise ParseError("yaml", f"the header can't be read: {str(error).splitlines()[0]}") from error


FORMAT = Format("front_matter", recognise, parse)
