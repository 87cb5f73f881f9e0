"""NewsML 1.0 to 1.2: NewsItems in a NewsML document, each of nested NewsComponents.

In: an item's bytes. Out: an article for each NewsItem with text; where components in several languages stand side by
side in one NewsItem, one for each. Pictures' captions are read, pictures alone are skipped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from transforms.article import Article, RawItem, Reject, Subject
from transforms.parse import fields
from transforms.parse.base import Elements, Format, ParseError, Sample, Settings, SkipError, read_entry
from transforms.parse.inline import HEAD, Copy, copy_in, dateline, fullest
from transforms.parse.xml import (
    Element,
    alone,
    attribute,
    document,
    empty,
    find,
    find_all,
    first,
    name_of,
    stated,
    text_of,
)

_IDENTIFIER = "Identification/NewsIdentifier"
_MANAGEMENT = "NewsManagement"

ITEM: Elements = {
    "provider": (f"{_IDENTIFIER}/ProviderId",),
    "stated_version": (f"{_IDENTIFIER}/RevisionId",),
    "first_created": (f"{_MANAGEMENT}/FirstCreated",),
    "version_created": (f"{_MANAGEMENT}/ThisRevisionCreated",),
    "pub_status": (f"{_MANAGEMENT}/Status@FormalName", f"{_MANAGEMENT}/Status"),
    "urgency": (f"{_MANAGEMENT}/Urgency@FormalName", f"{_MANAGEMENT}/Urgency"),
    "signal": (f"{_MANAGEMENT}/Instruction@FormalName",),
    "evolved_from": (f"{_MANAGEMENT}/DerivedFrom@NewsItem",),
}
"""Below the NewsItem."""
LINES: Elements = {
    "headline": ("NewsLines/HeadLine", "NewsLines/NewsLine/HeadLine"),
    "byline": ("NewsLines/ByLine",),
    "dateline": ("NewsLines/DateLine",),
    "slugline": ("NewsLines/SlugLine",),
    "credit": ("NewsLines/CreditLine",),
    "copyright_notice": ("NewsLines/CopyrightLine",),
    "usage_terms": ("NewsLines/RightsLine",),
    "description": ("NewsLines/SubHeadLine",),
    "dateline_place": (
        "DescriptiveMetadata/Location[@HowPresent='Origin']/Property[@FormalName='City']@Value",
        "Location[@HowPresent='Origin']/Property[@FormalName='City']@Value",
        # As one agency spells it.
        "DescriptiveMetada/Location[@HowPresent='Origin']/Property[@FormalName='City']@Value",
    ),
    "copyright_holder": ("RightsMetadata/Copyright/CopyrightHolder",),
    "ed_note": ("AdministrativeMetadata/Property[@FormalName='EditorialInfo']@Value", "Comment"),
    "genre": ("DescriptiveMetadata/Genre@FormalName",),
    "info_source": (
        "AdministrativeMetadata/Source/Party@FormalName",
        "AdministrativeMetadata/Provider/Party@FormalName",
    ),
    "language_declared": ("DescriptiveMetadata/Language@FormalName", "@lang"),
}
"""Below a NewsComponent, the outermost that says something first."""
LISTS: Elements = {
    "keywords": ("NewsLines/KeywordLine", "DescriptiveMetadata/Property[@FormalName='Keyword']@Value"),
    "places": (
        "DescriptiveMetadata/Location/Property[@FormalName='City']@Value",
        "DescriptiveMetadata/Location/Property[@FormalName='Country']@Value",
        "DescriptiveMetadata/Property[@FormalName='City']@Value",
        "DescriptiveMetadata/Property[@FormalName='Country']@Value",
        "DescriptiveMetada/Location/Property[@FormalName='City']@Value",
        "DescriptiveMetada/Location/Property[@FormalName='Country']@Value",
    ),
}
ENVELOPE: Elements = {"priority": ("NewsEnvelope/Priority@FormalName",), "published": ("NewsEnvelope/DateAndTime",)}
"""Below the root."""

_PROVIDER = ("AdministrativeMetadata/Provider/Party@FormalName",)
_KILLS = frozenset(["delete", "kill", "cancel", "withdraw"])
# What a MediaType or a Role says of content that is no copy: the kind of the skip.
_MEDIA = {
    "photo": "picture", "picture": "picture", "image": "picture", "graphic": "graphic", "animation": "graphic",
    "video": "video", "audio": "audio", "logo": "picture", "thumbnail": "picture", "preview": "picture",
    "quicklook": "picture",
}  # fmt: skip
_CAPTIONS = frozenset(["caption", "legend"])
_TITLES = frozenset(["title", "headline"])
_SUMMARIES = frozenset(["summary", "abstract", "synopsis", "teaser"])
# What stands beside the copy for machines and for other media.
_NO_COPY = frozenset(["stylesheet", "tweettext"])
# A NewsLine with a type of its own, in lower case, and the field that it feeds.
_TYPED_LINES = {"summary": "description", "catchword": "keywords"}
_SUBJECT_NAMES = ("Subject", "SubjectMatter", "SubjectDetail", "SubjectQualifier")
_IPTC_CODE = re.compile(r"\d{8}")
_REVISION = re.compile(r"\d+[A-Z]?")
# Texts are compared with each other only where they are few, as renditions are.
_FEW = 8
# Real items have up to some 30 components; what stands in later ones is read as copy, not for metadata. An item has not
# a thousand.
_MOST_COMPONENTS, _TOO_MANY_COMPONENTS = 100, 1000
# A picture has some ten renditions.
_MOST_RENDITIONS = 50
# Documents carry one item mostly, tens in a batch.
_MOST_ENTRIES = 2000
# More components side by side than languages that an agency writes are no translations.
_MOST_PARTS = 40
_TAGS = re.compile(r"<[^<>]{1,2000}>")


class _Part(NamedTuple):
    role: str
    copy: Copy


def recognise(sample: Sample) -> bool:
    """A document whose root is `NewsML`, or a NewsItem alone. (NewsML-G2's roots begin with a small letter.)"""
    return sample.root.name in ("NewsML", "NewsItem")


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a document, with a Reject for each NewsItem that is broken or holds none."""
    root, flags = document(item.data)
    news_items = _news_items(root)
    if len(news_items) > _MOST_ENTRIES:
        raise ParseError("too_large", f"{len(news_items)} items in one document, over {_MOST_ENTRIES}")
    entries = [part for news_item in news_items for part in _stories(news_item)]
    if not entries:
        raise SkipError("topic_set" if find(root, "TopicSet") is not None else "empty_message", "no NewsItem in it")
    if len(entries) == 1:
        yield _article(item, settings, root, *entries[0], flags)
        return
    envelope = find_all(root, "NewsEnvelope")
    for position, (news_item, story) in enumerate(entries, start=1):
        payload = _alone(root, news_item, story, envelope)
        yield read_entry(item, position, payload, partial(_article, item, settings, root, news_item, story, flags))


def _news_items(root: Element) -> list[Element]:
    found = list(root.iter("{*}NewsItem"))
    for one in found:
        parent = one.getparent()
        if parent is not None and parent is not root:
            # One inside a component of another is an item of its own.
            parent.remove(one)
    return found


def _stories(news_item: Element) -> list[tuple[Element, Element | None]]:
    """The item with each of its components that tells the story in another language; with None, it is one story.

    Belga puts them side by side, each with lines and copy of its own. What was taken out of an item to stand alone
    among rejects has left the empty shells of the others, so that the place still tells which one it is.
    """
    parts = find_all(news_item, "NewsComponent/NewsComponent")
    languages = {attribute(part, "lang").lower() for part in parts} - {""}
    if len(languages) > 1 and len(parts) <= _MOST_PARTS:
        shells = [part for part in parts if not len(part)]
        told = [part for part in parts if find(part, "NewsLines/HeadLine") is not None and _has_copy(part)]
        if len({attribute(part, "lang").lower() for part in told}) > 1 or (shells and len(told) == 1):
            return [(news_item, part) for part in told]
    return [(news_item, None)]


def _has_copy(part: Element) -> bool:
    return any(text_of(one) for one in part.iter("{*}DataContent"))


def _alone(root: Element, news_item: Element, story: Element | None, envelope: Sequence[Element]) -> bytes:
    if story is None:
        return alone(root, news_item, envelope)
    others = [one for part, one in _stories(news_item) if one is not story and one is not None]
    shells = [(one, empty(one)) for one in others]
    for one, shell in shells:
        _replace(one, shell)
    try:
        return alone(root, news_item, envelope)
    finally:
        for one, shell in shells:
            _replace(shell, one)


def _replace(old: Element, new: Element) -> None:
    parent = old.getparent()
    if parent is not None:
        parent.replace(old, new)


def _article(
    item: RawItem, settings: Settings, root: Element, news_item: Element, story: Element | None, flags: tuple[str, ...]
) -> Article:
    if sum(1 for _ in news_item.iter("{*}NewsComponent")) > _TOO_MANY_COMPONENTS:
        raise ParseError("too_large", f"over {_TOO_MANY_COMPONENTS} components in one item")
    found: dict[str, Any] = dict(stated(news_item, ITEM))
    found |= {field: first(root, paths) for field, paths in ENVELOPE.items()}
    components = _components(news_item, story)
    lines = [stated(one, {**LINES, **LISTS}, LISTS) for one in components]
    found |= {field: next(filter(None, (one[field] for one in lines)), "") for field in LINES}
    found |= {field: tuple(dict.fromkeys(text for one in lines for text in one[field])) for field in LISTS}
    found["keywords"] = _split(found["keywords"])
    found["language_declared"] = found["language_declared"] or attribute(news_item, "lang")
    found["provider"] = found["provider"] or _line(components, _PROVIDER)
    found |= _identity(news_item)
    _manage(found, news_item)
    _typed_lines(found, components)
    copy, parts = _copy(news_item if story is None else story)
    _from_copy(found, copy, parts)
    if story is not None and not _is_first(news_item, story):
        # The others are translations, items of their own that have no id of their own.
        found["alternative_ids"] = (found["guid"], *found["alternative_ids"])
        found["guid"] = f"{found['guid']}#{attribute(story, 'lang')}"
    if not copy.body and found["pub_status"] != "canceled":
        _skip(news_item, bool(found["headline"]))
    found["subjects"] = tuple(dict.fromkeys(_subjects(components, news_item, found["language_declared"])))
    found["captions"], found["credits"] = copy.captions, copy.credits
    return fields.build(found, item, settings, body=copy.body, body_type=copy.body_type, flags=flags)


def _identity(news_item: Element) -> dict[str, Any]:
    """guid, without revision, and other ids. The public identifier says it best, but some write only half of it.

    A DateId with a time of day is cut to its day: with some the time is that of the revision. One that only names the
    agency, as an item without a number has it, is no identity: all such items would be versions of one.
    """
    provider, day, own, revision = (
        first(news_item, [f"{_IDENTIFIER}/{name}"]) for name in ("ProviderId", "DateId", "NewsItemId", "RevisionId")
    )
    public = first(news_item, [f"{_IDENTIFIER}/PublicIdentifier"])
    own = "" if own == "0" else own
    guid = _guid(public, revision)
    if guid.count(":") < 4 and own:
        guid = ":".join(filter(None, ("urn:newsml", provider, _day(day), own)))
    elif guid.startswith("urn:newsml:") and guid.count(":") < 4:
        guid = public = ""
    guid = guid or first(news_item, ["//guid"]) or attribute(news_item, "Duid")
    others = dict.fromkeys(one for one in (public, own) if one and one != guid)
    return {"guid": guid, "alternative_ids": tuple(others), "stated_version": revision}


def _guid(public: str, revision: str = "") -> str:
    """A public identifier, `urn:newsml:provider:date:id:revision`, without its revision."""
    parts = public.split(":")
    if parts[:2] != ["urn", "newsml"] or len(parts) < 5:
        return public
    if len(parts) > 5 and (parts[-1] == revision or _REVISION.fullmatch(parts[-1])):
        parts.pop()
    parts[3] = _day(parts[3])
    return ":".join(parts)


def _day(stated: str) -> str:
    """`20260309` of `2026-03-09 13:00:00` and `20260309T130000Z`."""
    return "".join(re.findall(r"\d", stated))[:8] or stated[:8]


def _manage(found: dict[str, Any], news_item: Element) -> None:
    """What NewsManagement orders: a kill by instruction, an embargo by the status that will change."""
    if found["signal"].lower() in _KILLS:
        found["pub_status"] = "canceled"
    found["evolved_from"] = _guid(found["evolved_from"])
    if found["evolved_from"] == found["guid"]:
        found["evolved_from"] = ""
    if not any(found[field] for field in ("first_created", "version_created", "published")):
        dated = first(news_item, [f"{_IDENTIFIER}/DateId"])
        found["version_created"] = dated if ":" in dated or "T" in dated else ""
    for change in find_all(news_item, f"{_MANAGEMENT}/StatusWillChange"):
        time, to = first(change, ["DateAndTime"]), first(change, ["FutureStatus@FormalName"]).lower()
        found["embargoed" if to == "usable" else "expires"] = time


def _components(news_item: Element, story: Element | None) -> list[Element]:
    """The components whose lines and metadata hold for the copy, the one that is nearest to a story first."""
    outer = find_all(news_item, "NewsComponent")
    inner = [one for part in ([story] if story is not None else outer) for one in _told(part)]
    # Outermost first in one story; in one of several, its own before what all share.
    found = [*inner, *outer] if story is not None else inner
    return found[:_MOST_COMPONENTS]


def _told(component: Element) -> Iterator[Element]:
    """A component and those in it, but for pictures' and the like."""
    if not _is_media(component):
        yield component
        for inner in find_all(component, "NewsComponent"):
            yield from _told(inner)


def _is_media(component: Element) -> bool:
    """True for a picture and the like: by its role, or where it has none, by all it holds beside a caption."""
    role = _formal(component, "Role")
    parent = component.getparent()
    if role or parent is None or name_of(parent) != "NewsComponent":
        return role in _MEDIA
    items = list(islice(component.iter("{*}ContentItem"), _MOST_RENDITIONS))
    # A component's role is looked up once for all that is in it.
    roles = {above: _formal(above, "Role") for above in dict.fromkeys(one.getparent() for one in items)}
    items = [one for one in items if roles[one.getparent()] not in _CAPTIONS | _TITLES | _SUMMARIES]
    return bool(items) and all(_formal(one, "MediaType") in _MEDIA for one in items)


def _typed_lines(found: dict[str, Any], components: Sequence[Element]) -> None:
    for one in components:
        for line in find_all(one, "NewsLines/NewsLine"):
            field, text = _TYPED_LINES.get(_formal(line, "NewsLineType"), ""), first(line, ["NewsLineText"])
            if field == "keywords":
                found[field] = _unique((*found[field], text))
            elif field and not found[field]:
                found[field] = text


def _line(components: Sequence[Element], paths: Sequence[str]) -> str:
    return next((text for one in components if (text := first(one, paths))), "")


def _split(lines: Sequence[str]) -> tuple[str, ...]:
    words = (word.strip() for line in lines for word in re.split("[;,]", line))
    return tuple(dict.fromkeys(filter(None, words)))


def _formal(element: Element | None, name: str) -> str:
    """The FormalName of a child, in lower case."""
    return "" if element is None else first(element, [f"{name}@FormalName"]).lower()


def _copy(top: Element) -> tuple[Copy, list[_Part]]:
    """The copy of an item or a component, and its parts with their roles."""
    parts = list(_parts(top))
    captions = [text for part in parts for text in _captions(part)]
    credits = [text for part in parts for text in part.copy.credits]
    besides = _CAPTIONS | _TITLES | _SUMMARIES | _NO_COPY
    # Whom to ask comes last, wherever it stands.
    in_order = sorted(parts, key=lambda part: part.role == "contact")
    told = [part.copy for part in in_order if part.role not in besides and part.copy.body]
    told = _each_once(told)
    if len(told) == 1:
        body, body_type = told[0].body, told[0].body_type
    elif all(one.body_type == "text" for one in told):
        body, body_type = "\n\n".join(one.body for one in told), "text"
    else:
        body, body_type = "".join(_as_html(one) for one in told), "html"
    main = max(told, key=lambda one: one.size, default=Copy(""))
    whole = main._replace(body=body, body_type=body_type, captions=_unique(captions), credits=_unique(credits))
    return whole, parts


def _parts(top: Element) -> Iterator[_Part]:
    """The texts below an element in order, each with its component's role; of equivalents, the fullest."""
    # Recursion ends at libxml2's depth of 256.
    in_media = _is_media(top)
    for child in top:
        name = name_of(child)
        if name == "ContentItem":
            for content in _contents(child):
                media = _MEDIA.get(_formal(child, "MediaType"))
                role = "caption" if media or in_media else _formal(top, "Role")
                yield _Part(role, copy_in(content))
            for about in find_all(child, "Property[@FormalName='caption']"):
                yield _Part("caption", Copy(attribute(about, "Value") or attribute(about, "value")))
        elif name == "NewsComponent":
            yield from _of_component(child, in_media)


def _of_component(component: Element, in_media: bool) -> Iterator[_Part]:
    below = list(_parts(component))
    if in_media or _is_media(component):
        # Whatever is written beside a picture is about the picture.
        below = [part if part.role in _TITLES else part._replace(role="caption") for part in below]
    if component.get("EquivalentsList") == "yes":
        best = fullest(part.copy for part in below if part.role not in _CAPTIONS)
        below = [part for part in below if part.copy is best or part.role in _CAPTIONS]
    yield from below


def _contents(item: Element) -> Iterator[Element]:
    # An Encoding holds content in base64 and the like: no copy that is sent so is known.
    yield from find_all(item, "DataContent")


def _captions(part: _Part) -> tuple[str, ...]:
    if part.role in _CAPTIONS:
        return (*part.copy.captions, _plain(part.copy))
    return part.copy.captions


def _plain(copy: Copy) -> str:
    text = copy.body if copy.body_type == "text" else _TAGS.sub(" ", copy.body)
    return " ".join(text.split())


def _each_once(copies: list[Copy]) -> list[Copy]:
    """Without those whose text another holds too: a rendition as plain text beside one as NITF."""
    if not 1 < len(copies) <= _FEW:
        return copies
    said = [("".join(_plain(one).split()), one.body_type, place) for place, one in enumerate(copies)]

    def is_said(text: str, body_type: str, place: int) -> bool:
        return any(
            text in other and (text != other or (kind, at) < (body_type, place))
            for other, kind, at in said
            if at != place
        )

    return [one for one, own in zip(copies, said, strict=True) if not is_said(*own)]


def _as_html(copy: Copy) -> str:
    if copy.body_type == "html":
        return copy.body
    return "".join(f"<p>{html.escape(one, quote=False)}</p>" for one in re.split(r"\n[ \t]*\n", copy.body))


def _from_copy(found: dict[str, Any], copy: Copy, parts: Sequence[_Part]) -> None:
    """What the copy's own parts and head say fills what the lines don't."""
    own = {"headline": "", "description": "", "byline": ""}
    for part in parts:
        field = "headline" if part.role in _TITLES else "description" if part.role in _SUMMARIES else ""
        if field and not own[field]:
            own[field] = _plain(part.copy)
    if copy.nitf is not None:
        line, place = dateline(copy.nitf)
        head: dict[str, Any] = dict(stated(copy.nitf, HEAD))
        head |= {"dateline": line, "dateline_place": head["dateline_place"] or place}
        own = {field: own.get(field) or value for field, value in head.items()}
    own["headline"] = own["headline"] or copy.headline
    own["byline"] = own["byline"] or copy.byline
    found["headline"] = found["headline"] or own["headline"]
    for field, value in own.items():
        if not found.get(field) and value != found["headline"]:
            found[field] = value


def _skip(news_item: Element, has_headline: bool) -> None:
    """Raises SkipError for an item without copy that is whole."""
    items = list(news_item.iter("{*}ContentItem"))
    kinds = [_formal(one, "MediaType") for one in items]
    if "text" not in kinds:
        kinds += [_formal(one, "Role") for one in news_item.iter("{*}NewsComponent")]
        kind = next((_MEDIA[kind] for kind in kinds if kind in _MEDIA), "")
        if kind:
            raise SkipError(kind, f"{kind} without text")
        if any(attribute(one, "Href") for one in items):
            raise SkipError("remote_content", "its content lies elsewhere")
    if next(news_item.iter("{*}NewsItemRef"), None) is not None:
        raise SkipError("package", "it only names other items")
    if find(news_item, "Update") is not None:
        raise SkipError("patch", "it changes parts of an earlier revision")
    if not has_headline and find(news_item, "TopicSet") is not None:
        raise SkipError("topic_set", "a list of topics")


def _subjects(components: Sequence[Element], news_item: Element, language: str) -> Iterator[Subject]:
    names: dict[str, str] = {}
    own = language[:2].lower()
    for topic in news_item.iter("{*}Topic"):
        # The name in the item's language first.
        for described in sorted(
            find_all(topic, "Description"), key=lambda one: attribute(one, "lang")[:2].lower() not in ("", own)
        ):
            if attribute(described, "Variant") in ("", "Name"):
                names.setdefault(first(topic, ["FormalName"]), text_of(described))
    for component in components:
        for one in find_all(component, "DescriptiveMetadata/SubjectCode/*"):
            code = attribute(one, "FormalName")
            if code and name_of(one) in _SUBJECT_NAMES:
                yield Subject(_scheme(one, code), code, names.get(code, ""))


def _scheme(one: Element, code: str) -> str:
    stated = attribute(one, "Scheme") or attribute(one, "Vocabulary")
    if stated == "IptcSubjectCodes" or (not stated and _IPTC_CODE.fullmatch(code)):
        # IPTC's own numbers, as NewsML-G2 calls them.
        return "subj"
    # A vocabulary may be named by the public identifier of the item that holds it.
    parts = stated.split(":")
    return parts[4] if parts[:2] == ["urn", "newsml"] and len(parts) > 4 else stated.replace(":", "-")


def _is_first(news_item: Element, story: Element) -> bool:
    told = {id(one) for _, one in _stories(news_item)}
    for part in find_all(news_item, "NewsComponent/NewsComponent"):
        if part is story:
            return True
        if id(part) in told or not len(part):
            return False
    return True


def _unique(texts: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, texts)))


FORMAT = Format(
    "newsml_1",
    "NewsML 1.0 to 1.2: NewsItems with their copy as NITF, XHTML or text. Equivalent renditions are read once, "
    "components in several languages are an article each; pictures, packages and lists of topics are skipped.",
    recognise,
    parse,
    {
        "guid": (f"{_IDENTIFIER}/PublicIdentifier", f"{_IDENTIFIER}/NewsItemId"),
        "alternative_ids": (f"{_IDENTIFIER}/PublicIdentifier", f"{_IDENTIFIER}/NewsItemId"),
        **ITEM,
        "provider": (*ITEM["provider"], *(f"//NewsComponent/{path}" for path in _PROVIDER)),
        **{
            field: (
                *(f"//NewsComponent/{path}" for path in paths),
                *(f"nitf/{path}" for path in HEAD.get(field, ())),
            )
            for field, paths in {**LINES, **LISTS}.items()
        },
        **ENVELOPE,
        "embargoed": (f"{_MANAGEMENT}/StatusWillChange/DateAndTime",),
        "expires": (f"{_MANAGEMENT}/StatusWillChange/DateAndTime",),
        "subjects": tuple(f"//DescriptiveMetadata/SubjectCode/{name}@FormalName" for name in _SUBJECT_NAMES),
        "body": ("//ContentItem/DataContent",),
        "captions": ("//NewsComponent[Role='Caption']//DataContent", "nitf//media/media-caption"),
        "credits": ("nitf//media/media-producer",),
    },
)
