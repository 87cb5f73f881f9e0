"""NewsML-G2: a newsItem alone or many in a newsMessage; the copy as NITF, XHTML or text.

Items that are not news (concepts, plans, packages, catalogues) and pictures, video and audio without text are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from transforms.article import Article, RawItem, Reject, Subject
from transforms.parse import fields
from transforms.parse.base import Elements, Format, ParseError, Sample, Settings, SkipError, read_entry
from transforms.parse.inline import HEAD, Copy, copy_in, dateline, fullest
from transforms.parse.xml import (
    Element,
    alone,
    attribute,
    document,
    find,
    find_all,
    first,
    name_of,
    stated,
    text_of,
    texts,
)

# What an item is when it is no newsItem: the kind of the skip.
_KINDS = {
    "packageItem": "package",
    "conceptItem": "concept",
    "planningItem": "planning",
    "knowledgeItem": "knowledge",
    "catalogItem": "catalog",
}
# Documentation and tests pass parts of an item around. A contentSet has copy; the others describe what isn't there.
_PARTS = ("itemMeta", "contentMeta", "groupSet", "partMeta")
_ROOTS = frozenset(["newsItem", "newsMessage", "contentSet", *_KINDS, *_PARTS])

CONCEPTS: Elements = {
    "provider": ("itemMeta/provider",),
    "dateline_place": ("contentMeta/located",),
    "genre": ("contentMeta/genre",),
    "copyright_holder": ("rightsInfo/copyrightHolder",),
    "info_source": ("contentMeta/infoSource",),
    "guessed_byline": ("contentMeta/creator",),
}
"""Read by their name in the item's language, else their literal, else the code of their qcode, else their uri."""
WORDS: Elements = {
    "headline": ("contentMeta/headline",),
    "slugline": ("contentMeta/slugline",),
    "byline": ("contentMeta/by",),
    "dateline": ("contentMeta/dateline",),
    "description": ("contentMeta/description",),
    "copyright_notice": ("rightsInfo/copyrightNotice",),
    "usage_terms": ("rightsInfo/usageTerms",),
    "credit": ("contentMeta/creditline",),
}
"""Said in several languages or roles: that of the item's language, a main headline and a summary first."""
PLAIN: Elements = {
    "guid": ("@guid",),
    "stated_version": ("@version",),
    "first_created": ("itemMeta/firstCreated",),
    "version_created": ("itemMeta/versionCreated", "contentMeta/contentModified"),
    "content_created": ("contentMeta/contentCreated",),
    "embargoed": ("itemMeta/embargoed",),
    "expires": ("itemMeta/expires",),
    "pub_status": ("itemMeta/pubStatus@qcode", "itemMeta/pubStatus@uri", "itemMeta/pubStatus@literal"),
    "urgency": ("contentMeta/urgency",),
    "language_declared": (
        "contentMeta/language@tag",
        "@lang",
        "contentSet/inlineXML@lang",
        "contentSet/inlineData@lang",
    ),
}
LISTS: Elements = {
    "keywords": ("contentMeta/keyword",),
    "alternative_ids": ("itemMeta/altId@id", "itemMeta/altId", "contentMeta/altId@id", "contentMeta/altId"),
    "ed_note": ("itemMeta/edNote",),
    "signal": ("itemMeta/signal@qcode", "itemMeta/signal@uri", "itemMeta/signal@literal"),
}
TITLE = ("itemMeta/title",)
HEADER: Elements = {"priority": ("header/priority",), "published": ("header/sent",)}
"""What the newsMessage around an item says."""
# Messages carry tens of items, hundreds in a backfill.
_MOST_ENTRIES = 2000
# A text has two or three renditions, and a note or two for editors.
_MOST_RENDITIONS = _MOST_NOTES = 50
_BESIDE_THE_POINT = ("caption", "sub", "short", "seo", "social")
# Numbers that count and names of other items, by the end of an altId's type.
_NO_IDS = ("runningnumber", "recordsequencenumber", ":refuno")
_TT_SUBJECT = re.compile(r"TT:(\d{8}):\w+")


def recognise(sample: Sample) -> bool:
    """A document whose root is an item or a message of NewsML-G2, or a part of one."""
    return sample.root.name in _ROOTS


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of an item or a message, with a Reject for each item that is broken or holds none."""
    root, flags = document(item.data)
    entries = _entries(root)
    if not entries:
        raise SkipError("empty_message", "a message without items")
    if len(entries) > _MOST_ENTRIES:
        raise ParseError("too_large", f"{len(entries)} items in one message, over {_MOST_ENTRIES}")
    if len(entries) == 1:
        yield _article(item, settings, entries[0], root, flags)
        return
    header = find_all(root, "header")
    for position, one in enumerate(entries, start=1):
        yield read_entry(item, position, alone(root, one, header), partial(_article, item, settings, one, root, flags))


def _entries(root: Element) -> Sequence[Element]:
    if name_of(root) != "newsMessage":
        return [root]
    # An entry that stood alone among rejects has no itemSet around it.
    found = [*find_all(root, "itemSet/*"), *root]
    return [one for one in found if name_of(one) == "newsItem" or name_of(one) in _KINDS]


def _article(item: RawItem, settings: Settings, entry: Element, root: Element, flags: tuple[str, ...]) -> Article:
    name = name_of(entry)
    if name in _KINDS:
        raise SkipError(_KINDS[name], f"a {name} is no article")
    if name in _PARTS:
        raise SkipError("fragment", f"a {name} alone, without its item")
    language = first(entry, PLAIN["language_declared"])
    found: dict[str, Any] = dict(stated(entry, {**PLAIN, **LISTS}, LISTS))
    found |= {field: _words(entry, paths, language) for field, paths in WORDS.items()}
    for field, paths in CONCEPTS.items():
        one = next((one for path in paths for one in find_all(entry, path)), None)
        found[field] = "" if one is None else _called(one, language)
    if root is not entry:
        found |= {field: first(root, paths) for field, paths in HEADER.items()}
    copy = _copy(entry, language)
    _from_copy(found, copy, first(entry, TITLE))
    flags = (*flags, *_state(found, entry))
    kind = _kind(entry)
    if not copy.body and kind not in ("text", ""):
        raise SkipError(kind, f"an item of class {kind} without text")
    if not copy.body and not found["headline"] and found["pub_status"] != "canceled":
        if find(entry, "contentSet") is None:
            raise SkipError("metadata", "a newsItem with neither content nor a headline")
        if find(entry, "contentSet/remoteContent") is not None:
            raise SkipError("remote_content", "its content lies elsewhere, and it has no headline")
    if not copy.body and find(entry, "contentSet/remoteContent") is not None:
        flags = (*flags, "remote_content")
    elif not copy.body and _is_data(entry):
        flags = (*flags, "content_not_read")
    found["captions"], found["credits"] = copy.captions, copy.credits
    found["subjects"] = tuple(dict.fromkeys(_subjects(entry, language)))
    found["places"] = tuple(dict.fromkeys(_places(entry, language)))
    found["evolved_from"] = _link(entry, ("evolvedfrom", "replaces", "replacementof"), "residref", "guidref", "href")
    found["evolved_from"] = found["evolved_from"] or _replaced(entry, found["guid"])
    if found["evolved_from"] == found["guid"]:
        found["evolved_from"] = ""
    found["description"] = found["description"] or _below_headline(entry, found["headline"], language)
    address = _link(entry, ("canonical", "webversion", "permalink"), "href")
    found["source_url"] = address if address.startswith(("http://", "https://")) else ""
    others = {found["guid"], *(text_of(one) for one in find_all(entry, "contentMeta/altId") if _is_no_id(one))}
    found["alternative_ids"] = tuple(one for one in found["alternative_ids"] if one not in others)
    return fields.build(found, item, settings, body=copy.body, body_type=copy.body_type, flags=flags)


def _copy(entry: Element, language: str) -> Copy:
    """The fullest rendition in the item's language, else the fullest of all."""
    # A contentSet that stands alone is the root itself.
    contents = [entry] if name_of(entry) == "contentSet" else find_all(entry, "contentSet")
    inline = [one for content in contents for name in ("inlineXML", "inlineData") for one in find_all(content, name)]
    own = [one for one in inline if _same_language(attribute(one, "lang"), language)]
    return fullest(copy_in(one) for one in (own or inline)[:_MOST_RENDITIONS]) or Copy("")


def _from_copy(found: dict[str, Any], copy: Copy, title: str) -> None:
    """What the copy's own head says fills what the item doesn't; a title, for those who handle it, comes last."""
    if copy.nitf is not None:
        line, place = dateline(copy.nitf)
        own: dict[str, Any] = {**stated(copy.nitf, HEAD), "dateline": line, "dateline_place": place}
    else:
        own = {"headline": copy.headline, "byline": copy.byline}
    found["headline"] = found["headline"] or own["headline"] or title
    for field, value in own.items():
        if not found[field] and value != found["headline"]:
            found[field] = value
    # Who made it is a byline where it is a person, which only the look of the name tells.
    creator = found["guessed_byline"]
    others = (found[field] for field in ("provider", "copyright_holder", "info_source", "credit"))
    if found["byline"] or " " not in creator or creator in others:
        found["guessed_byline"] = ""
    notes = tuple(dict.fromkeys((*found["ed_note"][:_MOST_NOTES], *copy.notes[:_MOST_NOTES])))
    # dpa says parts of a long note again, each in one of its own, before it or behind.
    found["ed_note"] = "\n".join(note for note in notes if not any(note in one and note != one for one in notes))


def _state(found: dict[str, Any], entry: Element) -> Iterator[str]:
    """Sets status and signal; yields flags."""
    found["pub_status"] = found["pub_status"].rstrip("/").rpartition("/")[2].rpartition(":")[2]
    signals = [_code(one) for one in found["signal"]]
    news = [code for scheme, code in signals if scheme == "sig"]
    found["signal"] = " ".join(news or [f"{scheme}:{code}" if scheme else code for scheme, code in signals])
    if not found["embargoed"] and find(entry, "itemMeta/embargoed") is not None:
        # An embargo without a time lasts until another version lifts it.
        if found["pub_status"] != "canceled":
            found["pub_status"] = "withheld"
        yield "embargo_without_end"


def _kind(entry: Element) -> str:
    """`text`, `picture`, `video` …: the item's class, or where it states none what its content is; or empty."""
    given = find(entry, "itemMeta/itemClass")
    named = attribute(given, "qcode") or attribute(given, "uri") or attribute(given, "literal")
    if named:
        return _code(named)[1].lower()
    types = [attribute(one, "contenttype").partition("/")[0] for one in find_all(entry, "contentSet/remoteContent")]
    kind = next((one for one in types if one in ("image", "video", "audio")), "")
    return "picture" if kind == "image" else kind


def _is_data(entry: Element) -> bool:
    return any(len(one) for one in find_all(entry, "contentSet/inlineXML"))


def _words(entry: Element, paths: Sequence[str], language: str) -> str:
    """The text for readers among those in several languages and roles."""

    def rank(one: Element) -> tuple[bool, bool]:
        role, said = attribute(one, "role").lower(), attribute(one, "lang")
        beside = any(word in role.rpartition(":")[2] for word in _BESIDE_THE_POINT)
        return beside, bool(said) and not _same_language(said, language)

    given = [one for path in paths for one in find_all(entry, path) if text_of(one)]
    return text_of(min(given, key=rank)) if given else ""


def _below_headline(entry: Element, headline: str, language: str) -> str:
    """A second headline, of role `sub…`, as NITF's hl2 and NewsML's SubHeadLine are."""
    for one in find_all(entry, "contentMeta/headline"):
        role, said = attribute(one, "role").rpartition(":")[2].lower(), attribute(one, "lang")
        if role.startswith("sub") and (not said or _same_language(said, language)) and text_of(one) != headline:
            return text_of(one)
    return ""


def _is_no_id(one: Element) -> bool:
    return attribute(one, "type").lower().endswith(_NO_IDS)


def _replaced(entry: Element, guid: str) -> str:
    """What an item of TT's replaces: the end of its own guid is its number, and beside it stands the other's."""
    by_type = {attribute(one, "type"): text_of(one) for one in find_all(entry, "contentMeta/altId")}
    own, other = by_type.get("tt:uno", ""), by_type.get("tt:refuno", "")
    replaces = any(one.endswith(":replace") for one in texts(entry, "itemMeta/signal@qcode"))
    return guid.removesuffix(own) + other if replaces and own and other and guid.endswith(own) else ""


def _called(one: Element, language: str) -> str:
    """What a concept is called: by name, else by literal, else by the code of its qcode, else by its uri."""
    name = _name(one, language) or attribute(one, "literal")
    return name or _code(attribute(one, "qcode"))[1] or attribute(one, "uri")


def _name(one: Element, language: str) -> str:
    names = [name for name in find_all(one, "name") if text_of(name)]
    if not names:
        return ""
    # A mnemonic is a code once more.
    best = min(
        names,
        key=lambda name: (
            "mnemonic" in attribute(name, "role"),
            bool(attribute(name, "lang")) and not _same_language(attribute(name, "lang"), language),
        ),
    )
    return text_of(best)


def _subjects(entry: Element, language: str) -> Iterator[Subject]:
    asserted: dict[str, Element] = {}
    for one in find_all(entry, "assert"):
        asserted.setdefault(attribute(one, "qcode") or attribute(one, "literal"), one)
    for one in find_all(entry, "contentMeta/subject"):
        main = find(one, "mainConcept")
        one = one if main is None else main
        qcode, literal, uri = (attribute(one, name) for name in ("qcode", "literal", "uri"))
        name = _name(one, language)
        if not name and (qcode or literal) in asserted:
            name = _name(asserted[qcode or literal], language)
        scheme, code = _code(qcode or uri)
        if not code and (tt := _TT_SUBJECT.fullmatch(literal)):
            scheme, code = "subj", tt[1]
        elif not code and literal:
            # A literal is a code of a list that has no name, or the very words.
            code, name = ("", name or literal) if " " in literal else (literal, name)
        if code or name:
            yield Subject(scheme, code, name)


def _code(named: str) -> tuple[str, str]:
    """(scheme, code) of a qcode such as `medtop:20000139`, or of a concept's address."""
    if "://" not in named:
        scheme, _, code = named.partition(":")
        return (scheme, code) if code else ("", scheme)
    place = named.partition("://")[2].rstrip("/")
    scheme, _, code = place.rpartition("#" if "#" in place else "/")
    last = scheme.rpartition("/")[2]
    return (fields.IPTC_SCHEMES.get(last, last) if "iptc.org" in scheme else scheme).replace(":", "-"), code


def _places(entry: Element, language: str) -> Iterator[str]:
    for one in find_all(entry, "contentMeta/subject"):
        is_place = attribute(one, "type").lower().endswith((":geoarea", ":poi"))
        if is_place or attribute(find(one, "facet"), "qcode").startswith("geoProp:"):
            name = _name(one, language)
            if name:
                yield name


def _link(entry: Element, relations: Sequence[str], *targets: str) -> str:
    """Where the first link of one of the relations (without their scheme, in lower case) leads, else empty."""
    for one in find_all(entry, "itemMeta/link"):
        if _code(attribute(one, "rel"))[1].lower() in relations:
            return next(filter(None, (attribute(one, target) for target in targets)), "")
    return ""


def _same_language(one: str, other: str) -> bool:
    return bool(one) and one.partition("-")[0].lower() == other.partition("-")[0].lower()


def _and_head(elements: Elements) -> dict[str, tuple[str, ...]]:
    """The paths, with those of the copy's own NITF behind them."""
    return {
        field: (*paths, *(f"nitf/{path}" for path in HEAD.get(field, ()) if field != "dateline_place"))
        for field, paths in elements.items()
    }


FORMAT = Format(
    "newsml_g2",
    "NewsML-G2: a newsItem alone or many in a newsMessage, their copy as NITF, XHTML or text (the fullest rendition in "
    "the item's language). Concepts, plans, packages, and pictures, video and audio without text are skipped.",
    recognise,
    parse,
    {
        **PLAIN,
        **LISTS,
        **_and_head({**CONCEPTS, **WORDS}),
        **{field: tuple(f"newsMessage/{path}" for path in paths) for field, paths in HEADER.items()},
        "headline": (*WORDS["headline"], *(f"nitf/{path}" for path in HEAD["headline"]), "html/body/header/h1", *TITLE),
        "subjects": ("contentMeta/subject", "contentMeta/subject/mainConcept", "assert/name"),
        "places": ("contentMeta/subject[@type='cpnat:geoArea']/name",),
        "evolved_from": (
            "itemMeta/link[@rel='irel:evolvedFrom']@residref",
            "itemMeta/link[@rel='irel:replaces']@residref",
        ),
        "source_url": ("itemMeta/link[@rel='irel:canonical']@href",),
        "body": ("contentSet/inlineXML", "contentSet/inlineData"),
        "captions": ("nitf//media/media-caption",),
        "credits": ("nitf//media/media-producer",),
    },
)
