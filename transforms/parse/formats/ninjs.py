"""ninjs, IPTC's News in JSON: one item, from 1.0 to 3.1, as agencies and newsroom systems write it.

1.x has a key for each body, headline and description (`body_xhtml`, `headline_main`), 2.x has lists of objects with a
role and a content type, 3.x the same in camel case; keys are compared without case, `_` and `-`, so one table reads
all. Lists of items, envelopes around them and JSON lines are the format `json`'s: it hands each entry that is ninjs to
`read`.

A picture, a graphic, an event, a plan and an advisory are no articles, whatever text they carry: newsroom systems put a
picture's alternative text into `body_text`. A video, an audio and a composite are articles where they have a body.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from transforms.article import Article, RawItem, Reject, Subject
from transforms.parse import json_text, xml
from transforms.parse.base import SAMPLE_BYTES, Elements, Format, ParseError, Sample, Settings, SkipError
from transforms.parse.fields import BODIES, HTML_BODIES, IPTC_SCHEMES, MARKUP, build, by_key, normal, one_text
from transforms.parse.markup import past_prolog
from transforms.parse.text import decode, without_mark

# `a/b` is b of each object in a; `a[r]` the value of a's entry whose role is r, `a[]` of any entry; `a_*` any key that
# begins so.
ELEMENTS: Elements = {
    "guid": ("uri", "guid"),
    "provider": ("provider", "source"),
    "source_url": ("url", "link", "canonicalurl"),
    "alternative_ids": ("altids[]", "altids", "altid"),
    "stated_version": ("version",),
    "first_created": ("firstcreated",),
    "version_created": ("versioncreated",),
    "content_created": ("contentcreated",),
    "published": ("firstpublished", "published"),
    "embargoed": ("embargoed", "embargoeduntil"),
    "expires": ("expires",),
    "pub_status": ("pubstatus",),
    "signal": ("signal/code", "signals/code", "signal", "signals"),
    "evolved_from": ("evolvedfrom", "replacing"),
    "ed_note": ("ednote", "ednotes[]", "ednotes"),
    "headline": ("headline", "headline_main", "headlines[main]", "headlines[]", "headline_*", "title"),
    "slugline": ("slugline", "slug"),
    "byline": ("byline", "by", "bylines/by", "bylines[]", "bylines", "authors/name"),
    "dateline": ("dateline",),
    "dateline_place": ("located",),
    "description": (
        "descriptions[summary]", "descriptions[lead]", "descriptions[text]", "descriptions[]", "description_text",
        "description_summary", "description_*", "description",
    ),
    "body": ("bodies[]", "body_*", "body"),
    "captions": (
        "associations/descriptions[caption]", "associations/descriptions[]", "associations/description_caption",
        "associations/description_text", "associations/description_*",
    ),
    "credits": (
        "associations/byline", "associations/by", "associations/creditline", "associations/descriptions[creditline]",
        "associations/description_creditline",
    ),
    "urgency": ("urgency",),
    "priority": ("priority",),
    "subjects": ("subject", "subjects", "person", "people", "organisation", "organisations"),
    "genre": ("genre", "genres"),
    "places": ("place", "places"),
    "keywords": ("keywords",),
    "copyright_holder": ("copyrightholder",),
    "copyright_notice": ("copyrightnotice",),
    "usage_terms": ("usageterms",),
    "credit": ("creditline", "descriptions[creditline]", "description_creditline"),
    "info_source": ("infosource/name", "infosources/name", "infosource"),
    "language_declared": ("language",),
}  # fmt: skip
_TIMES = ("first_created", "version_created", "content_created", "published", "embargoed", "expires")
_NUMBERS = ("urgency", "priority")
_LISTS = ("alternative_ids", "places", "keywords")
_PLAIN = (
    "guid", "provider", "source_url", "stated_version", "pub_status", "signal", "evolved_from", "ed_note", "slugline",
    "byline", "dateline", "dateline_place", "genre", "copyright_holder", "copyright_notice", "usage_terms", "credit",
    "info_source", "language_declared",
)  # fmt: skip

# What `type` says beside `text`, and what the item is called when it is skipped.
_NO_ARTICLE = {
    "picture": "picture", "image": "picture", "photo": "picture", "graphic": "graphic", "event": "event",
    "planning": "planning", "advisory": "advisory",
}  # fmt: skip
_ARTICLE_WITH_BODY = {
    "video": "video", "audio": "audio", "animation": "animation", "composite": "package", "package": "package",
}  # fmt: skip
_TYPES = {"text", "preformatted", "component", *_NO_ARTICLE, *_ARTICLE_WITH_BODY}
_MEDIA = ("picture", "image", "photo", "graphic", "video", "audio", "animation")

# Words of ninjs that other JSON uses too: with an address of its own, two of them make an item ninjs.
_ENOUGH_WORDS = 2
_SHARED = """
    versioncreated firstcreated contentcreated pubstatus profile usageterms copyrightholder copyrightnotice located
    mimetype ednote infosource infosources bodytext bodyhtml descriptiontext descriptionhtml descriptioncaption
    headlinemain renditions evolvedfrom charcount wordcount embargoeduntil
"""
_SHARED_WORDS = frozenset(_SHARED.split())
# Words that nothing but ninjs has beside an address.
_OWN = """
    bodyxhtml representationtype eventdetails plannedcoverage trustindicator trustindicators digitalsourcetype
    rightsinfo altids
"""
_OWN_WORDS = frozenset(_OWN.split())
# What has its text here is some other JSON, though it may have learned its words from ninjs.
_FOREIGN_WORDS = frozenset(
    ["@type", "@context", "body", "content", "text", "articlebody", "contenthtml", "contenttext"]
)
# Newsroom systems' own records have ninjs' words, and others for the subjects and the copy.
_INTERNAL_WORDS = frozenset(["currentversion", "familyid", "originalcreator", "anpacategory"])

_NITF_TAGS: dict[str, str | None] = {
    **xml.HTML_TAGS,
    "hl1": "h1",
    "hl2": "h2",
    "bq": "blockquote",
    "media": None,
    "tobject": None,
    "docdata": None,
}
_BODIES = (*HTML_BODIES, *BODIES)
_ANY_TAG = re.compile(r"<[^<>]*>")
# Not the separator that begins a sequence of JSON texts, which Python takes for a blank.
_SPACE = " \t\r\n"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"|["{}\[\],]', re.DOTALL)
_HTML, _NITF, _TEXT, _OTHER = range(4)
# No article has more text; reading it takes long where it is hostile.
_LONGEST_NITF = 500_000
# An item holds text and addresses, no pictures: the longest of agencies have 100 kB. As Python's objects it takes ten
# times its size.
_LARGEST = 8 << 20
# No item has more bodies, pictures, subjects or keys.
_MOST_ENTRIES = 10_000
# A body that has this share of the longest one's letters is as whole as it; what has less is a teaser or a stub.
_WHOLE = 0.8
# Copy that is broken by hand or by a teleprinter has lines of 60 to 80 characters; a longer one is a paragraph.
_LONG_LINE = 120
# TT's lines for its vignette and source, and for who wrote a text or took a picture; fields say both.
_TT_DATELINE = re.compile(r'<div class="dat">((?:<span class="\w{1,20}">[^<>]{0,200}</span>\s*){1,5})</div>')
_TT_BYLINE = re.compile(r'<div class="byline">([^<>]{1,200})</div>')
# Parts of an AP address that change with every request, so they would make each delivery another item.
_SESSION = re.compile(r"(?<=[?&])(?:qt|et)=[^&#]*(?:&|$)")


class _Body(NamedTuple):
    rank: int
    """HTML, NITF, TEXT or OTHER: the lower, the more of the copy's structure it has."""
    text: str


def recognise(sample: Sample) -> bool:
    """One JSON object that is ninjs, alone; in one that is longer than the sample, by the keys that it begins with."""
    head = sample.head
    if not head[:80].lstrip(_SPACE).startswith("{") or not ('uri"' in head or '"guid"' in head or "ninjs" in head):
        return False
    try:
        value, end = json_text.opening(head)
    except ValueError:
        return (
            len(sample.data) > SAMPLE_BYTES
            and is_ninjs(_begun(head))
            # The first of JSON lines may be as long.
            and sample.data.find(b'\n{"', SAMPLE_BYTES - 1) < 0
        )
    return is_ninjs(value) and not head[end:].strip() and not sample.data[SAMPLE_BYTES:].strip()


def _begun(head: str) -> Any:
    """The members of an object that stand whole in the head of its text."""
    depth, cut = 0, 0
    for token in _TOKEN.finditer(head):
        sign = token[0]
        if sign in "{[":
            depth += 1
        elif sign in "}]":
            depth -= 1
        elif sign == "," and depth == 1:
            cut = token.start()
        elif sign == '"':
            break
    try:
        return json_text.opening(f"{head[:cut]}}}")[0]
    except ValueError:
        return None


def is_ninjs(value: Any) -> bool:
    """True for an object that says it is ninjs, or has an address of its own and the words of ninjs.

    One word that nothing but ninjs has, or two that others have learned from it, are enough; an object that keeps its
    text where ninjs has none is other JSON.
    """
    if not isinstance(value, dict):
        return False
    keyed = by_key(value)
    if any(_names_ninjs(keyed.get(key)) for key in ("standard", "$standard", "$schema")):
        # A JSON Schema that extends the one of ninjs is no item.
        return not keyed.keys() & {"$id", "properties", "allof", "$defs"}
    if keyed.keys() & (_FOREIGN_WORDS | _INTERNAL_WORDS):
        return False
    if _string(keyed.get("uri")):
        texts = map(keyed.get, ("bodies", "headlines", "descriptions"))
        if keyed.keys() & _OWN_WORDS or _has_own_body(value) or any(map(_has_values, texts)):
            return True
        words = len(keyed.keys() & _SHARED_WORDS) + (keyed.get("type") in tuple(_TYPES)) + _has_items(keyed)
        return words >= _ENOUGH_WORDS
    # Superdesk writes `guid` for `uri`, and 1.x's lower case.
    known = _string(keyed.get("guid")) and keyed.get("type") in tuple(_TYPES)
    return bool(known and "versioncreated" in value and len(keyed.keys() & _SHARED_WORDS) >= _ENOUGH_WORDS)


def _names_ninjs(value: Any) -> bool:
    texts = value.values() if isinstance(value, dict) else [value]
    return any(isinstance(text, str) and "ninjs" in text.lower() for text in texts)


def _has_values(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(entry, dict) and "value" in entry for entry in value)


def _has_own_body(value: Mapping[str, Any]) -> bool:
    """True for a body under a key that only ninjs makes up: `body_main`, `body_richtext`."""
    own = (key for key in value if key.startswith("body_") and normal(key) not in _BODIES)
    return any(isinstance(value[key], str) for key in own)


def _has_items(keyed: Mapping[str, Any]) -> bool:
    return any(entry.get("uri") or entry.get("guid") for entry in _objects(keyed.get("associations")))


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The article that an item is; SkipError where it is none by design."""
    if len(item.data) > _LARGEST:
        raise ParseError("too_large", f"{len(item.data)} bytes, more than any single item has")
    text, flags = decode(without_mark(item.data))
    value, more = json_text.loads(text)
    if not isinstance(value, dict):
        raise ParseError("json", f"an item is an object, not {type(value).__name__}")
    yield read(value, item, settings, (*flags, *more))


def read(value: Mapping[str, Any], item: RawItem, settings: Settings, flags: tuple[str, ...] = ()) -> Article:
    """The Article of an object that is ninjs; ParseError or SkipError where there is none."""
    if max(map(len, (value, *filter(_is_listing, value.values())))) > _MOST_ENTRIES:
        raise ParseError("too_large", f"a list or object of more than {_MOST_ENTRIES} entries")
    keyed = by_key(value)
    found: dict[str, Any] = {name: _first(keyed, name) for name in _PLAIN}
    found |= {name: _raw(keyed, name) for name in (*_TIMES, *_NUMBERS)}
    found |= {name: _every(keyed, ELEMENTS[name]) for name in _LISTS}
    found["guid"] = _SESSION.sub("", found["guid"]).rstrip("?&")
    found["headline"] = next(filter(None, map(_string, _all(keyed, "headline"))), "")
    found["description"] = _description(keyed)
    found["subjects"] = tuple(dict.fromkeys(_subjects(keyed)))
    body = _body(keyed)
    _skip(keyed, found, body)
    text, body_type, captions, more = _read_body(body) if body else ("", "text", (), ())
    found["captions"], found["credits"] = _captions_and_credits(keyed, captions)
    if body_type == "html":
        text = _without_tt_lines(text, found)
    article = build(
        found,
        item,
        settings,
        body=text,
        body_type=body_type,
        flags=(*flags, *more),
    )
    return article._replace(source_format=FORMAT.name)


def _without_tt_lines(text: str, found: dict[str, Any]) -> str:
    """A body without TT's lines of vignette and source, which become the dateline, and of names that fields have."""
    stated = _TT_DATELINE.search(text)
    if stated:
        found["dateline"] = found["dateline"] or " ".join(_ANY_TAG.sub(" ", stated[1]).split())
        text = text[: stated.start()] + text[stated.end() :]
    names = (found["byline"], *found["credits"])
    return _TT_BYLINE.sub(lambda line: "" if html.unescape(line[1]).strip() in names else line[0], text)


def _skip(keyed: Mapping[str, Any], found: Mapping[str, Any], body: _Body | None) -> None:
    """Raises SkipError where an item is no article by design."""
    kind = _kind(keyed)
    name = _NO_ARTICLE.get(kind) or ("" if body else _ARTICLE_WITH_BODY.get(kind, ""))
    killed = found["pub_status"].lower().rpartition(":")[2] in ("canceled", "cancelled")
    # The cancel of a video or a package may be that of an article, which had a body.
    if name and not (killed and kind in _ARTICLE_WITH_BODY):
        without = "" if kind in _NO_ARTICLE else ", it has no body"
        raise SkipError(name, f"its type is {kind}{without}: no article")
    if found["pub_status"].lower().endswith("commissioned") and not body:
        raise SkipError("planning", "commissioned: its text is still to come")


def _kind(keyed: Mapping[str, Any]) -> str:
    """What an item is, by its type; where it states none, by what only such items have."""
    kind = _string(keyed.get("type")).lower()
    if kind:
        return kind
    if keyed.get("eventdetails"):
        return "event"
    if keyed.get("plannedcoverage"):
        return "planning"
    return _string(keyed.get("mimetype")).partition("/")[0].lower()


def _body(keyed: Mapping[str, Any]) -> _Body | None:
    """The body to read: of those that are whole the one with most structure, of equals the first."""
    bodies = [_Body(_rank(said, text), text) for path in ELEMENTS["body"] for said, text in _bodies(keyed, path)]
    if len(bodies) < 2:
        return bodies[0] if bodies else None
    # XML of some other kind or JSON is read where there is nothing else: it holds more than the copy.
    bodies = [body for body in bodies if body.rank != _OTHER] or bodies
    lengths = [len(_ANY_TAG.sub("", body.text)) for body in bodies]
    enough = _WHOLE * max(lengths)
    whole = [body for body, length in zip(bodies, lengths, strict=True) if length >= enough]
    return min(whole, key=lambda body: body.rank)


def _bodies(keyed: Mapping[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """What is said of a body's form, in lower case, and its text."""
    if path.endswith("[]"):
        for entry in _listed(keyed.get(path[:-2])):
            said = _string(entry.get("contenttype")) or _string(entry.get("role"))
            if text := _string(entry.get("value")):
                yield said.lower(), text
    else:
        for key in _keys(keyed, path):
            if text := _string(keyed[key]):
                yield key, text


def _rank(said: str, text: str) -> int:
    """What a body is, by what is said of it and how it begins."""
    opening = text[past_prolog(text)[0] :][:200].lower()
    if opening.startswith("<nitf") or "nitf" in said:
        return _NITF
    if "html" in said or "richtext" in said:
        return _HTML
    if text.startswith("<?xml") or ("xml" in said and opening.startswith("<")) or "json" in said:
        return _OTHER
    return _HTML if MARKUP.search(text) else _TEXT


def _read_body(body: _Body) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """A body's text, its type, the captions in it and flags."""
    text = body.text.replace("\r\n", "\n").replace("\r", "\n")
    if body.rank == _TEXT:
        return _paragraphs(text), "text", (), ()
    if body.rank == _NITF:
        try:
            return _nitf_body(text)
        except ParseError:
            # It is text all the same, and clean takes the tags out.
            return text, "html", (), ("nitf_broken",)
    return text, "html", (), ()


def _nitf_body(text: str) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    if len(text) > _LONGEST_NITF:
        raise ParseError("too_large", f"{len(text)} characters of NITF in a body")
    root, flags = xml.document(text[past_prolog(text)[0] :].encode("utf-8", "replace"))
    content = next(iter(xml.find_all(root, "//body.content")), root)
    captions = tuple(filter(None, map(xml.text_of, xml.find_all(content, "//media-caption"))))
    return xml.markup(content, _NITF_TAGS), "html", captions, flags


def _paragraphs(text: str) -> str:
    """Paragraphs apart: where no line is empty and lines are longer than any that was broken, each is a paragraph."""
    if "\n\n" in text or max(map(len, text.split("\n"))) <= _LONG_LINE:
        return text
    return text.replace("\n", "\n\n")


def _description(keyed: Mapping[str, Any]) -> str:
    """The first description that is for reading, not one of a picture, and plain text before markup."""
    texts = []
    for path in ELEMENTS["description"]:
        name, _, role = path.rstrip("]").partition("[")
        if path.endswith("]"):
            for entry in _listed(keyed.get(name)):
                if role in ("", _role(entry)) and not _role(entry).startswith(("caption", "credit")):
                    texts.append(_string(entry.get("value")))
        else:
            texts += [_string(keyed[key]) for key in _keys(keyed, path) if not _of_a_picture(key)]
    texts = list(filter(None, texts))
    return next((text for text in texts if not MARKUP.search(text)), texts[0] if texts else "")


def _of_a_picture(key: str) -> bool:
    return key.startswith(("descriptioncaption", "descriptioncredit"))


def _captions_and_credits(keyed: Mapping[str, Any], inside: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A caption for each picture, graphic, video and audio that belongs to an item, and who is credited for them."""
    captions: dict[str, None] = {}
    credited: dict[str, None] = {}
    inner = {field: [path.partition("/")[2] for path in ELEMENTS[field]] for field in ("captions", "credits")}
    for entry in map(by_key, _objects(keyed.get("associations"))):
        if _kind(entry) in _MEDIA:
            texts = (_string(text) for path in inner["captions"] for text in _at(entry, path))
            captions |= dict.fromkeys([text for text in texts if text][:1])
            credited |= dict.fromkeys(_every(entry, inner["credits"]))
    captions |= dict.fromkeys(inside)
    return tuple(captions), tuple(credited)


def _subjects(keyed: Mapping[str, Any]) -> Iterator[Subject]:
    for path in ELEMENTS["subjects"]:
        kind = {"people": "person", "organisations": "organisation"}.get(path, path)
        for entry in _entries(keyed.get(path)):
            about = {"name": entry} if isinstance(entry, str) else entry
            if isinstance(about, dict):
                scheme, code, name = _subject(by_key(about))
                if not scheme and kind in ("person", "organisation"):
                    scheme = kind
                if code or name:
                    yield Subject(scheme, code, name)


def _subject(keyed: Mapping[str, Any]) -> Subject:
    """Scheme, code and name: 1.x states them, 2.x and 3.x have an address whose last part is the code."""
    scheme, name = _string(keyed.get("scheme")), _string(keyed.get("name"))
    code = next(filter(None, (_simple(keyed.get(key)) for key in ("code", "qcode", "literal"))), "")
    address = _string(keyed.get("uri")) or (code if code.startswith(("http://", "https://")) else "")
    if address and not scheme:
        at = max(address.rfind("/"), address.rfind("#")) + 1
        if not code or address.endswith(code):
            scheme, code = address[:at], address[at:]
    elif not scheme and re.fullmatch(r"[\w-]{1,40}:\S+", code):
        scheme, _, code = code.partition(":")
    vocabulary = scheme.rstrip("/:#").rpartition("/")[2]
    if "iptc.org" in scheme and vocabulary in IPTC_SCHEMES:
        scheme = IPTC_SCHEMES[vocabulary]
    return Subject(scheme.rstrip(":"), code.removeprefix(f"{scheme}:"), name)


def _first(keyed: Mapping[str, Any], field: str) -> str:
    return next(filter(None, (_joined(raw) for raw in _all(keyed, field))), "")


def _joined(raw: Any) -> str:
    """One text; sentences that are listed, as AP lists its terms, follow one another without a comma."""
    if isinstance(raw, list) and all(isinstance(entry, str) and entry.strip().endswith(".") for entry in raw):
        return " ".join(map(_string, raw))
    return one_text(raw).strip()


def _raw(keyed: Mapping[str, Any], field: str) -> Any:
    return next((raw for raw in _all(keyed, field) if raw not in (None, "", [], {})), None)


def _every(keyed: Mapping[str, Any], paths: Iterable[str]) -> tuple[str, ...]:
    """All texts at some paths, each once."""
    found = (one_text(entry).strip() for path in paths for raw in _at(keyed, path) for entry in _entries(raw))
    return tuple(filter(None, dict.fromkeys(found)))


def _all(keyed: Mapping[str, Any], field: str) -> Iterator[Any]:
    for path in ELEMENTS[field]:
        yield from _at(keyed, path)


def _at(keyed: Mapping[str, Any], path: str) -> Iterator[Any]:
    """What stands at a path, as ELEMENTS writes them."""
    if "/" in path:
        name, _, inner = path.partition("/")
        for entry in _objects(keyed.get(name)):
            yield from _at(by_key(entry), inner)
    elif path.endswith("]"):
        name, _, role = path[:-1].partition("[")
        for entry in _listed(keyed.get(name)):
            if role in ("", _role(entry)):
                yield entry.get("value")
    else:
        yield from (keyed[key] for key in _keys(keyed, path))


def _keys(keyed: Mapping[str, Any], path: str) -> list[str]:
    """The keys that a name, or the beginning of one before a `*`, stands for."""
    name = path.replace("_", "")
    if path.endswith("*"):
        return [key for key in keyed if key.startswith(name[:-1])]
    return [name] if name in keyed else []


def _role(entry: Mapping[str, Any]) -> str:
    return _string(entry.get("role")).lower()


def _entries(value: Any) -> list[Any]:
    """The entries of a list or the values of an object; a lone value is a list of one."""
    if isinstance(value, dict):
        return [value] if any(isinstance(value.get(key), str) for key in ("name", "literal")) else list(value.values())
    return value if isinstance(value, list) else [value]


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects in a list or an object of them (1.x has an object where 2.x has a list), however listed."""
    for entry in _entries(value)[:_MOST_ENTRIES]:
        yield from (inner for inner in (entry if isinstance(entry, list) else [entry]) if isinstance(inner, dict))


def _listed(value: Any) -> list[dict[str, Any]]:
    """The objects in a list, by key, as 2.x and 3.x list texts with their roles."""
    return [by_key(entry) for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _is_listing(value: Any) -> bool:
    return isinstance(value, list | dict)


def _string(value: Any) -> str:
    """A text that is one; empty for all else, blank or not."""
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _simple(value: Any) -> str:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else _string(value)


FORMAT = Format(
    "ninjs",
    "IPTC ninjs (News in JSON) 1.0 to 3.1: single items; those in lists, envelopes and JSON lines are read too. Of an "
    "item's bodies the fullest with most structure is read. Pictures, graphics, events and plans are skipped, videos, "
    "audios and composites where they have no body.",
    recognise,
    parse,
    ELEMENTS,
)
