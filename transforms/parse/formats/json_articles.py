"""JSON: one article, a list of them, an envelope around such a list, JSON lines, or JSON texts one after another.

Entries are counted from 1; a broken one is a reject of its own and its neighbours go on. Bodies may be text or HTML.
A line of JSON lines is decoded alone: what is wrong with its bytes says nothing about the lines around it. An entry
that is ninjs is read as such, by the format of that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from transforms.article import Article, RawItem, Reject
from transforms.parse import json_text
from transforms.parse.base import Format, ParseError, Sample, Settings, SkipError, refused
from transforms.parse.fields import KEYS, article_of, articles_for_body, by_key, one_text, tells_a_story
from transforms.parse.formats import dated_text, front_matter, ninjs
from transforms.parse.text import decode, without_mark

# Keys under which feeds put their list of articles, and keys that hold an object with such a list, or one in the other
# (`{"hits": {"hits": […]}}`, `{"response": {"docs": […]}}`); the first that holds any wins.
ENVELOPES = ("data", "articles", "items", "results", "entries", "stories", "hits", "docs", "item", "response", "@graph",
             "posts", "news", "records", "documents", "search")  # fmt: skip
_ENVELOPES_DEEP = 3
# Where entries of a list wrap their article: Elasticsearch's answers and dumps, AP's feeds.
_WRAPPERS = ("_source", "item")
# Where a whole document wraps its one article.
_COVERS = ("data", "item", "article", "response", "result", "content", "_source")

# A document or the first of its lines; or JSON lines of whose first only the end is there, told by it and the second.
_OPENING = re.compile(r'\s*[\[{]\s*(?:[\]\[{}"]|$)|[^<\n\x00-\x20][^\n]*\}[ \t\r]*\n\s*\{\s*"')
# How a line of JSON lines begins, even a torn one.
_LINE_OPENING = re.compile(rb'\{\s*"')
# As many articles of 1.5 kB fill the largest item there may be by default.
_MOST_ENTRIES = 20_000
# So many lines tell whether the rest are JSON lines.
_LINES_LOOKED_AT = 100
# Where programs that write an object over several lines end the first.
_BREAKS = (b"{", b"[", b",", b":")
# RFC 7464 puts it before each text of a sequence.
_RECORD_SEPARATOR = b"\x1e"

# What `type` may say of an entry that is no article unless it has a body.
_MEDIA = ("picture", "image", "photo", "graphic", "video", "audio", "gallery")
# The types of schema.org that are articles end so: NewsArticle, ReportageNewsArticle, BlogPosting, LiveBlogPosting.
_SCHEMA_ARTICLES = ("article", "posting", "report")

# Where an article of schema.org may refer to another node by nothing but its address.
_REFERRING = ("author", "creator", "publisher", "copyrightHolder", "contentLocation", "locationCreated")


def recognise(sample: Sample) -> bool:
    """Text that opens a JSON object or list and is of no other format."""
    others = (dated_text, front_matter, ninjs)
    return _OPENING.match(sample.head) is not None and not any(other.recognise(sample) for other in others)


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a JSON document or of JSON lines, in order, with a Reject for each entry that is broken."""
    if item.line:
        yield from _articles_of_lines(item, settings, item.data)
        return
    data = without_mark(item.data)
    if data.startswith(_RECORD_SEPARATOR):
        yield from _articles_of_sequence(item, settings, data)
        return
    try:
        text, flags = decode(data)
        document, more = json_text.loads(text)
    except ParseError as error:
        if _are_json_lines(data):
            yield from _articles_of_lines(item, settings, data)
        elif str(error).startswith("Extra data") and _are_json_texts(text):
            yield from _articles_of_texts(item, settings, text, flags)
        else:
            raise
        return
    flags = (*flags, *more)
    entries = _listed(document)
    if entries is None:
        yield _article(item, settings, _uncovered(document), flags)
    elif not entries:
        raise ParseError("no_text", "an empty list: no article in it")
    elif len(entries) > _MOST_ENTRIES:
        raise ParseError(
            "too_large", f"{len(entries)} entries in one document, over {_MOST_ENTRIES}; JSON lines may hold any number"
        )
    else:
        given = _given_to_all(document)
        for position, entry in enumerate(entries, start=1):
            yield _entry(item, settings, position, given | entry if isinstance(entry, dict) else entry, flags)


def _articles_of_lines(item: RawItem, settings: Settings, data: bytes) -> Iterator[Article | Reject]:
    for position, line in enumerate(data.split(b"\n"), start=item.line or 1):
        if line.strip():
            yield _entry(item, settings, position, line, ())


def _articles_of_sequence(item: RawItem, settings: Settings, data: bytes) -> Iterator[Article | Reject]:
    """Each text of a sequence (RFC 7464); one that is torn, as by a crash of its writer, takes no other with it."""
    texts = [text for text in data.split(_RECORD_SEPARATOR) if text.strip()]
    if not texts:
        raise ParseError("no_text", "an empty sequence: no article in it")
    for position, text in enumerate(texts, start=1):
        yield _entry(item, settings, position, text, ())


def _articles_of_texts(
    item: RawItem, settings: Settings, text: str, flags: tuple[str, ...]
) -> Iterator[Article | Reject]:
    """JSON texts one after another, however they are laid out; what follows a broken one is lost with it."""
    for position, (value, source) in enumerate(json_text.values(text), start=1):
        if isinstance(value, ParseError):
            yield refused(item, position, value, source.encode())
        else:
            yield _entry(item, settings, position, value, flags)


def _entry(item: RawItem, settings: Settings, position: int, entry: Any, flags: tuple[str, ...]) -> Article | Reject:
    """One entry: a line's bytes still to be loaded, or a value out of a document. Nothing that it holds is raised."""
    payload = entry if isinstance(entry, bytes) else b""
    try:
        if isinstance(entry, bytes):
            text, flags = decode(entry)
            entry, more = json_text.loads(text)
            flags = (*flags, *more)
        else:
            payload = json.dumps(entry).encode()
        return _article(item, settings, entry, flags)._replace(position=position, payload=payload)
    except Exception as error:
        return refused(item, position, error, payload)


def _article(item: RawItem, settings: Settings, value: Any, flags: tuple[str, ...]) -> Article:
    if not isinstance(value, dict):
        raise ParseError("json", f"an article is an object, not {type(value).__name__}")
    value = _unwrapped(value)
    if ninjs.is_ninjs(value):
        return ninjs.read(value, item, settings, flags)
    if str(value.get("format")).startswith("digitalwires"):
        # Agencies' own JSON is of the format json, however it is read.
        return ninjs.read(_digitalwires(value), item, settings, flags)._replace(source_format="")
    _skip(by_key(value))
    article = article_of(value, item, settings)
    return article._replace(flags=tuple(sorted({*article.flags, *flags})))


def _digitalwires(value: dict[str, Any]) -> dict[str, Any]:
    """An item of dpa's digitalwires in ninjs' words, which are most of its own."""
    categories = _objects(value, "categories")
    kinds = {
        kind: [
            {"code": about.get("qcode"), "name": about.get("name")}
            for about in categories
            if about.get("type") == f"dnltype:{kind}"
        ]
        for kind in ("dpasubject", "geosubject", "keyword", "genre", "provider", "person", "organisation")
    }
    notes = (note.get("ednote") for note in _objects(value, "ednotes"))
    bodies = (value.get(key) for key in ("article_html", "infobox_html"))
    return {
        **value,
        "uri": value.get("urn"),
        "body_html": "\n".join(body for body in bodies if isinstance(body, str)),
        "description_text": value.get("teaser"),
        "descriptions": None,
        "dateline": one_text(value.get("dateline")).strip(" -–"),
        "signal": one_text(value.get("signal")).removeprefix("sig:"),
        "ednotes": "\n".join(note for note in notes if isinstance(note, str)),
        "subject": kinds["dpasubject"],
        "person": kinds["person"],
        "organisation": kinds["organisation"],
        "place": kinds["geosubject"],
        "keywords": kinds["keyword"],
        "genre": kinds["genre"],
        "provider": kinds["provider"],
        "associations": [
            {**media, "description_text": media.get("caption")} for media in _objects(value, "associations")
        ],
    }


def _objects(value: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries = value.get(key)
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _skip(keyed: Mapping[str, Any]) -> None:
    """Raises SkipError for what says that it is something else than an article and has no body."""
    if "json-schema.org/" in str(keyed.get("$schema"))[:80]:
        raise SkipError("no_article", "a JSON Schema, no article")
    types = keyed.get("@type") or keyed.get("type")
    kinds = [kind.lower() for kind in (types if isinstance(types, list) else [types]) if isinstance(kind, str)]
    if tells_a_story(keyed) and not (set(kinds) & {*_MEDIA} and not _has_body(keyed)):
        return
    if kinds and "@type" in keyed and not any(kind.endswith(_SCHEMA_ARTICLES) for kind in kinds):
        raise SkipError("no_article", f"schema.org's {kinds[0]:.60}, no article")
    if medium := next((kind for kind in kinds if kind in _MEDIA), ""):
        raise SkipError(medium, f"{medium} without a body, no article")


def _has_body(keyed: Mapping[str, Any]) -> bool:
    return tells_a_story({key: value for key, value in keyed.items() if key != "headline"})


def _unwrapped(value: dict[str, Any]) -> dict[str, Any]:
    """An entry without what wraps it; the wrapper's id does where the article states none."""
    for key in _WRAPPERS:
        inner = value.get(key)
        if isinstance(inner, dict) and not tells_a_story(value):
            return {"item_id": value["_id"], **inner} if "_id" in value else inner
    return value


def _uncovered(document: Any) -> Any:
    """The one article in a document that wraps it and says nothing itself (`{"data": {"item": {…}}}`)."""
    for _ in range(_ENVELOPES_DEEP):
        if not isinstance(document, dict) or tells_a_story(document) or one_text(by_key(document).get("title")):
            break
        objects = [document[key] for key in _COVERS if isinstance(document.get(key), dict)]
        if len(objects) != 1 or ninjs.is_ninjs(document):
            break
        document = objects[0]
    return document


def _listed(document: Any) -> list[Any] | None:
    """The entries of a list or of an envelope around one; None for a document that is one article."""
    if isinstance(document, list):
        return document
    if not isinstance(document, dict) or ninjs.is_ninjs(document):
        return None
    page = articles_for_body(document)
    if page is not None:
        return page
    if tells_a_story(document):
        # An article may list others, as related ones, under the very keys that feeds use.
        return None
    entries = _within(document, _ENVELOPES_DEEP)
    return _graph(entries) if entries is not None and "@graph" in document else entries


def _within(document: Mapping[str, Any], deep: int) -> list[Any] | None:
    keyed = by_key(document)
    for key in ENVELOPES:
        inner = keyed.get(key)
        if isinstance(inner, dict) and deep > 1 and not tells_a_story(inner):
            inner = _within(inner, deep - 1)
        if isinstance(inner, list) and any(isinstance(entry, dict) for entry in inner):
            return inner
    return None


def _graph(nodes: list[Any]) -> list[Any]:
    """The articles in a graph of JSON-LD, each with the people and organisations that it refers to; all, if none is."""
    known = {node["@id"]: node for node in nodes if isinstance(node, dict) and isinstance(node.get("@id"), str)}
    articles = [node for node in nodes if isinstance(node, dict) and _is_schema_article(node)]
    return [
        {key: _resolved(value, known) if key in _REFERRING else value for key, value in node.items()}
        for node in articles
    ] or nodes


def _is_schema_article(node: Mapping[str, Any]) -> bool:
    types = node.get("@type")
    kinds = types if isinstance(types, list) else [types]
    return any(isinstance(kind, str) and kind.lower().endswith(_SCHEMA_ARTICLES) for kind in kinds)


def _resolved(value: Any, known: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_resolved(entry, known) for entry in value if not isinstance(entry, list)]
    if isinstance(value, dict) and isinstance(value.get("@id"), str) and not value.get("name"):
        named = known.get(value["@id"], {}).get("name")
        return {**value, "name": named} if isinstance(named, str) else value
    return value


def _given_to_all(document: Any) -> dict[str, Any]:
    """What a JSON Feed says of all its entries: the site's name, language and authors, for those that say nothing."""
    if not isinstance(document, dict) or "jsonfeed.org/version/" not in str(document.get("version"))[:80]:
        return {}
    given = {"site_name": document.get("title"), "language": document.get("language")}
    given["authors"] = document.get("authors") or document.get("author")
    return {key: value for key, value in given.items() if value}


def _are_json_texts(text: str) -> bool:
    """True where an object is followed by another, not by the copy behind a front matter in JSON or by noise."""
    try:
        value, end = json_text.opening(text)
    except ValueError:
        return False
    return isinstance(value, dict) and re.match(r'[\s\x1e]*\{\s*"', text[end : end + 1000]) is not None


def _are_json_lines(data: bytes) -> bool:
    """True where what can't be read as one document is JSON lines: most of its lines are an object each.

    Half of them will do where all open one, as in two lines of which one is torn; but not if the first ends where a
    document that is written over several lines may end it. Nor does it matter how many are torn where the first is an
    object and the second opens another: no document goes on so.
    """
    lines = [line.strip() for line in data.split(b"\n", _LINES_LOOKED_AT)[:_LINES_LOOKED_AT] if line.strip()]
    if len(lines) < 2 or lines[0].startswith(b"["):
        return False
    if _is_object(lines[0]) and _LINE_OPENING.match(lines[1]):
        return True
    whole = sum(map(_is_object, lines))
    written_out = lines[0].endswith(_BREAKS) or not all(line.startswith(b"{") for line in lines)
    return 2 * whole > len(lines) or (2 * whole == len(lines) and not written_out)


def _is_object(line: bytes) -> bool:
    try:
        return line.startswith(b"{") and isinstance(json_text.loads(decode(line)[0])[0], dict)
    except ParseError:
        return False


FORMAT = Format(
    "json",
    'JSON: one article, a list of them, an envelope such as `{"data": [...]}` around a list, JSON lines, or JSON texts '
    "one after another (RFC 7464 too). JSON Feed, schema.org's NewsArticle, WordPress, Elasticsearch and Superdesk are "
    "such. Keys are compared without case, `_`, `-` and spaces; bodies may be text or HTML.",
    recognise,
    parse,
    KEYS,
)
