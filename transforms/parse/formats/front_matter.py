"""Markdown behind front matter: YAML between `---`, TOML between `+++`, or a JSON object.

python-frontmatter splits and loads YAML; before it does, this module refuses what would hang or kill the process, and
what it would pass over in silence (a header that never closes). TOML and JSON have small handlers of their own.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

import yaml
from frontmatter.default_handlers import BaseHandler, YAMLHandler

from transforms.article import Article, RawItem
from transforms.parse.base import Format, ParseError, Sample, Settings
from transforms.parse.fields import KEYS, article_of
from transforms.parse.text import decode

# A header is some 20 lines; libyaml takes the process down on 30,000 nested brackets and spends .4 s on 327 bytes of
# merge keys, so a header is measured before it is loaded.
_HEADER_LIMIT = 65_536
_NESTING_SIGNS_LIMIT = 200
_DEPTH_LIMIT = 50
# tomllib takes 29 s for a key of 32,000 dotted parts, its time growing with their square; real keys have two or three.
_TOML_DOTS_LIMIT = 20
_TOML_DOTTED = re.compile(
    r"""(?:^|[\[{,])[ \t]*(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*)"""
    f"{{{_TOML_DOTS_LIMIT + 1}}}",
    re.MULTILINE,
)

_OPENING = re.compile(r"\s{0,80}(?:(?P<yaml>-{3,})|(?P<toml>\+{3,})|(?P<json>\{))[ \t]*\n")
# What JSON may go on with after an object: its end, a comma, a list (no markdown link), an object (no `{{<` of Hugo,
# `{%` of Jekyll).
_MORE_JSON = re.compile(r'\s*(?:$|[,}\]]|\[(?![^\n]*\]\()|\{\s*(?:["}]|$))')
_LINE_ENDS = re.compile(r"[ \t]*(?:\n|$)")

# Characters that libyaml refuses (controls) or takes for line ends inside a text (NEL, LS, PS): mojibake and what was
# pasted leave them in titles, so they are moved out of its sight while it loads, to a private plane.
_UNSEEN_FROM = 0xF0000
_REFUSED = "".join(map(chr, [*range(9), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), 0x2028, 0x2029]))
_REFUSED += "\ufffe\uffff"
_IS_REFUSED = re.compile(f"[{re.escape(_REFUSED)}]")
_TO_UNSEEN = {ord(char): ord(char) + _UNSEEN_FROM for char in _REFUSED}
_FROM_UNSEEN = {unseen: char for char, unseen in _TO_UNSEEN.items()}
_IS_UNSEEN = re.compile(f"[{''.join(map(chr, _FROM_UNSEEN))}]")


class _TextLoader(yaml.CBaseLoader):
    """YAML whose values are the texts that stand there; only a null is none.

    YAML 1.1 would make the id `010` and the id `8` one number, the version `1.10` another, and Norwegian (`no`) False.
    """


_TextLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("~|null|Null|NULL"), list("~nN"))
_TextLoader.add_constructor("tag:yaml.org,2002:null", lambda loader, node: None)


class _UnseenLoader(_TextLoader):
    """The same for a header whose refused characters were moved out of sight: it moves them back."""

    def construct_scalar(self, node: Any) -> str:
        return str(super().construct_scalar(node)).translate(_FROM_UNSEEN)


class _YAMLHandler(YAMLHandler):
    """YAML that `---` or `...` closes, loaded as text."""

    FM_BOUNDARY = re.compile(r"^(?:-{3,}|\.{3})\s*$", re.MULTILINE)

    def load(self, fm: str, **kwargs: object) -> Any:
        """The header as a mapping, if it is one."""
        loader: type[_TextLoader] = _TextLoader
        if _IS_REFUSED.search(fm) and not _IS_UNSEEN.search(fm):
            fm, loader = fm.translate(_TO_UNSEEN), _UnseenLoader
        _refuse_bombs(fm)
        return super().load(fm, Loader=loader)


class _TOMLHandler(BaseHandler):
    """TOML through the standard library: python-frontmatter's own wants one that is no longer kept up."""

    FM_BOUNDARY = re.compile(r"^\+{3,}\s*$", re.MULTILINE)

    def load(self, fm: str) -> dict[str, Any]:
        """The header as a mapping."""
        _refuse_nesting("toml", fm)
        if _TOML_DOTTED.search(fm):
            raise ParseError("toml", f"a key of over {_TOML_DOTS_LIMIT} dots in the header")
        return tomllib.loads(fm)


class _JSONHandler(BaseHandler):
    """JSON up to where its object ends: python-frontmatter's own takes any `}` at the start of a line for that."""

    FM_BOUNDARY = re.compile(r"\{")

    def split(self, text: str) -> tuple[str, str]:
        """(header, what follows it); ValueError where the object is broken."""
        end = _end_of_object(text)
        return text[:end], text[end:]

    def load(self, fm: str) -> Any:
        """The header as a mapping."""
        _refuse_nesting("json", fm)
        return json.loads(fm)


_HANDLERS: dict[str, BaseHandler] = {"yaml": _YAMLHandler(), "toml": _TOMLHandler(), "json": _JSONHandler()}


def recognise(sample: Sample) -> bool:
    """Text that opens a header; a JSON object only where something else than JSON follows it."""
    head = sample.head.replace("\r\n", "\n")
    opening = _OPENING.match(head)
    if opening is None or opening["json"] is None:
        return opening is not None
    try:
        end = _end_of_object(head)
    except ValueError:
        return False
    return _LINE_ENDS.match(head, end) is not None and _MORE_JSON.match(head, end) is None


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
    if len(header) > _HEADER_LIMIT:
        raise ParseError(kind, f"the header is {len(header)} characters long, over {_HEADER_LIMIT}")
    metadata = _load(kind, handler, header)
    if not isinstance(metadata, dict):
        raise ParseError(kind, f"the header holds no keys, but {type(metadata).__name__}")
    article = article_of(metadata, item, settings, body=body.strip(), body_type="markdown")
    yield article._replace(flags=tuple(sorted({*article.flags, *flags})))


def _end_of_object(text: str) -> int:
    """Where the JSON object that `text` opens with ends; ValueError where it doesn't."""
    try:
        return json.JSONDecoder().raw_decode(text, len(text) - len(text.lstrip()))[1]
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _load(kind: str, handler: BaseHandler, header: str) -> Any:
    try:
        return handler.load(header)
    except ParseError:
        raise
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1} of the header)" if error.problem_mark else ""
        raise ParseError(kind, f"{error.problem or error.context}{line}") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        # ValueError: what json and tomllib raise.
        raise ParseError(kind, str(error)) from error


def _refuse_nesting(kind: str, header: str) -> None:
    if header.count("[") + header.count("{") > _NESTING_SIGNS_LIMIT:
        raise ParseError(kind, f"over {_NESTING_SIGNS_LIMIT} signs of nesting in the header")


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


FORMAT = Format(
    "front_matter",
    "Markdown behind front matter: YAML between lines of `---`, TOML between `+++`, or a JSON object. Keys are "
    "compared without case, `_`, `-` and spaces.",
    recognise,
    parse,
    {**KEYS, "body": ("what follows the header",)},
)
