"""NITF 3.x: one article a document, with or without a namespace.

The head says what the article is (docdata, tobject), body.head what stands above the copy, body.content the copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from transforms.article import Article, RawItem, Subject
from transforms.parse import fields
from transforms.parse.base import Elements, Format, Sample, Settings, SkipError
from transforms.parse.inline import HEAD, dateline, nitf_copy
from transforms.parse.times import parse_time
from transforms.parse.xml import Element, attribute, document, find, find_all, name_of, stated, text_of, texts

_DOCDATA = "head/docdata"
_MANY_KEYWORDS = "head/meta[@name='article-keywords']@content"
_HELD = "head/docdata@management-doc-idref"

ELEMENTS: Elements = {
    "guid": (f"{_DOCDATA}/doc-id@id-string",),
    "provider": (
        f"{_DOCDATA}/doc-id@regsrc",
        f"{_DOCDATA}/del-list/from-src@src-name",
        "body/body.head/distributor",
        f"{_DOCDATA}/doc.copyright@holder",
    ),
    "stated_version": (f"{_DOCDATA}/du-key@version", "head/meta[@name='article-revision']@content"),
    "evolved_from": (f"{_DOCDATA}/correction@id-string", _HELD),
    "version_created": (f"{_DOCDATA}/date.issue@norm",),
    "published": ("head/pubdata@date.publication", f"{_DOCDATA}/pubdata@date.publication"),
    "date_line": ("body/body.head/dateline/story.date@norm",),
    "embargoed": (f"{_DOCDATA}/date.release@norm",),
    "expires": (f"{_DOCDATA}/date.expire@norm",),
    "pub_status": (f"{_DOCDATA}@management-status",),
    "ed_note": (
        f"{_DOCDATA}/ed-msg@info",
        f"{_DOCDATA}/correction@info",
        "body/body.head/note",
        f"{_DOCDATA}/revision-history@comment",
        "head/revision-history@comment",
    ),
    **HEAD,
    "copyright_holder": (f"{_DOCDATA}/doc.copyright@holder", *HEAD["copyright_holder"]),
    "slugline": (f"{_DOCDATA}/du-key@key", "head/meta[@name='anpa-keyword']@content"),
    "dateline": ("body/body.head/dateline",),
    "urgency": (f"{_DOCDATA}/urgency@ed-urg", "head/urgency@ed-urg"),
    "genre": ("head/tobject/tobject.property@tobject.property.type",),
    "keywords": (
        f"{_DOCDATA}/key-list/keyword@key",
        f"{_DOCDATA}/key-list/keyword",
        _MANY_KEYWORDS,
        "head/meta[@name='keyword']@content",
    ),
    "places": (
        f"{_DOCDATA}/evloc@city",
        f"{_DOCDATA}/evloc@county-dist",
        f"{_DOCDATA}/evloc@state-prov",
        f"{_DOCDATA}/evloc@iso-cc",
        f"{_DOCDATA}/identified-content/location",
    ),
    "usage_terms": (f"{_DOCDATA}/doc.rights@limitations",),
    "language_declared": ("@baselang", "@lang", "body@lang", "head/meta[@name='article-language']@content"),
}
_LISTS = ("keywords", "places", "ed_note")
_WORDS_OF_SUBJECTS = ("tobject.subject.detail", "tobject.subject.matter", "tobject.subject.type")


def recognise(sample: Sample) -> bool:
    """A document whose root is `nitf`, in any namespace."""
    return sample.root.name.lower() == "nitf"


def parse(item: RawItem, settings: Settings) -> Iterator[Article]:
    """The one article of a NITF document."""
    root, flags = document(item.data)
    if name_of(root) != "nitf":
        # Written all in capitals by some: one case for all names.
        for element in root.iter("*"):
            element.tag = name_of(element).lower()
    copy = nitf_copy(root)
    found: dict[str, Any] = dict(stated(root, ELEMENTS, _LISTS))
    found["dateline"], place = dateline(root)
    found["dateline_place"] = found["dateline_place"] or place
    found["ed_note"] = "\n".join(found["ed_note"])
    found["keywords"] = tuple(dict.fromkeys(_keywords(root, found["keywords"])))
    for field in ("embargoed", "expires"):
        if found[field].startswith("YYYY"):
            # The template's own words, which nobody filled in.
            found[field] = ""
    if found["description"] == found["headline"]:
        found["description"] = ""
    found["subjects"] = tuple(dict.fromkeys(_subjects(root)))
    found["signal"] = "correction" if find(root, f"{_DOCDATA}/correction") is not None else ""
    if not _is_later(found["embargoed"], found["version_created"], settings):
        # Most name the time of release though it is that of issue.
        found["embargoed"] = ""
    held = next(texts(root, _HELD), "")
    if held and "cancel" in (found["pub_status"] + attribute(find(root, _DOCDATA), "management-idref-status")).lower():
        # It cancels the document that it names, which may not be itself.
        found |= {"guid": held, "pub_status": "canceled", "evolved_from": "", "alternative_ids": (found["guid"],)}
    if found["evolved_from"] == found["guid"]:
        found["evolved_from"] = ""
    if not (found["headline"] or copy.body or found["pub_status"]) and find(root, "//media") is not None:
        raise SkipError("picture", "no headline and no text beside its media")
    found |= {"captions": copy.captions, "credits": copy.credits}
    yield fields.build(found, item, settings, body=copy.body, body_type=copy.body_type, flags=flags)


def _subjects(root: Element) -> Iterator[Subject]:
    for one in find_all(root, "head/tobject/tobject.subject"):
        code = attribute(one, "tobject.subject.refnum") or attribute(one, "tobject.subject.code")
        source = attribute(one, "tobject.subject.ipr")
        name = next(filter(None, (attribute(one, word) for word in _WORDS_OF_SUBJECTS)), "")
        if code or name:
            # IPTC's own numbers, as NewsML-G2 calls them.
            yield Subject("subj" if source in ("", "IPTC") else source.replace(":", "-"), code, name)
    for code in texts(root, "head/meta[@name='category_iptc']@content"):
        yield Subject("subj", code, "")
    for one in find_all(root, f"{_DOCDATA}/identified-content/classifier"):
        code, name = attribute(one, "value"), text_of(one)
        if code or name:
            yield Subject(attribute(one, "type").replace(":", "-"), code, name)


def _keywords(root: Element, stated: tuple[str, ...]) -> Iterator[str]:
    """The keywords; those that one `meta` holds are set apart by commas."""
    joined = set(texts(root, _MANY_KEYWORDS))
    for one in stated:
        yield from filter(None, map(str.strip, one.split(","))) if one in joined else (one,)


def _is_later(release: str, issue: str, settings: Settings) -> bool:
    """True where a time of release is later than that of issue, or can't be compared and so should be seen."""
    try:
        zone = settings.source_timezone
        return bool(release) and (not issue or parse_time(release, zone).time > parse_time(issue, zone).time)
    except ValueError:
        return True


FORMAT = Format(
    "nitf",
    "NITF 3.x, one article a document. Tables, lists, headings and links of its body are kept; what `media` says goes "
    "to captions and credits, and a time of release counts as an embargo only where it is later than that of issue.",
    recognise,
    parse,
    {
        **ELEMENTS,
        "description": (*HEAD["description"],),
        "signal": (f"{_DOCDATA}/correction",),
        "subjects": ("head/tobject/tobject.subject", f"{_DOCDATA}/identified-content/classifier"),
        "body": ("body/body.content", "body/body.end"),
        "captions": ("body/body.content//media/media-caption",),
        "credits": ("body/body.content//media/media-producer",),
    },
)
