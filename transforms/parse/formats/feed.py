"""RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0: each entry is an article, a tombstone is the kill of one.

Read by our own XML reader. feedparser, the field's library, rewrites the HTML of bodies, gives no entry back as it
stood (a reject keeps it so that it can be read again), passes over tombstones, and reads half of a torn feed without a
word. The tests hold what is read here against what it reads.
"""

from __future__ import annotations

import functools
import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from lxml import etree

from transforms.article import Article, RawItem, Reject
from transforms.parse.base import Format, ParseError, Sample, Settings, SkipError, read_entry
from transforms.parse.fields import build
from transforms.parse.xml import HTML_TAGS, Element, attribute, document, markup, name_of, text_of

_ATOM = ("http://www.w3.org/2005/Atom", "http://purl.org/atom/ns#", "")
# A feed in RDF says so by the namespace of its channel and items.
_RSS_1 = (
    "http://purl.org/rss/1.0/",
    "http://my.netscape.com/rdf/simple/0.9/",
    "http://channel.netscape.com/rdf/simple/",
)
# Vocabularies, by what their namespaces hold: several spellings and versions of each are about.
_VOCABULARIES = (
    ("purl.org/dc/terms", "dcterms"), ("purl.org/dc/elements", "dc"), ("purl.org/rss/1.0/modules/content", "content"),
    ("search.yahoo.com/mrss", "media"), ("purl.org/atompub/tombstones", "at"), ("prismstandard.org", "prism"),
    ("www.w3.org/1999/xhtml", "xhtml"), ("www.w3.org/2005/atom", "atom"), ("purl.org/atom/ns", "atom"),
    ("rdf-syntax-ns", "rdf"), ("itunes.com/dtds", "itunes"), ("purl.org/rss/1.0", ""), ("netscape.com", ""),
    ("backend.userland.com", ""), ("purl.org/net/rss", ""), ("blogs.law.harvard.edu", ""),
)  # fmt: skip
_OF_ATOM = frozenset(["feed", "entry", "source"])
# The tree of a document takes some 100 bytes of memory for each element or attribute; a year's worth of news has fewer.
_MOST_NODES = 1_000_000
# Feeds have tens of entries; an archive of a month has thousands.
_MOST_ENTRIES = 10_000
# What all entries share goes into the payload of each; that of real feeds is some 1,000 bytes.
_SHARED_LIMIT = 16_384
# Of WordPress's export: types of post that are none, and statuses of what was not published.
_NO_POSTS = frozenset(["attachment", "revision", "nav_menu_item", "custom_css", "customize_changeset", "oembed_cache"])
_NOT_OUT = frozenset(["draft", "auto-draft", "pending", "private", "trash"])
_SHARED = frozenset(["title", "language", "copyright", "rights", "author", "creator"])

# Field -> elements of an entry by vocabulary and name, `@` an attribute of it; `channel/` those of the whole feed.
_FIELDS: dict[str, tuple[str, ...]] = {
    "guid": ("guid", "id", "@rdf:about", "at:deleted-entry@ref", "dc:identifier"),
    "provider": ("source", "source/title", "dc:publisher", "prism:publicationName", "channel/title"),
    "source_url": ("link", "link@href", "guid where it is a permalink"),
    "headline": ("title", "dc:title", "media:title"),
    "byline": ("author/name", "author", "dc:creator", "channel/author/name"),
    "description": ("summary", "description where content stands beside it", "dcterms:abstract", "excerpt:encoded"),
    "body": ("content:encoded", "content", "xhtml:body", "description", "summary", "media:description"),
    "first_created": ("created", "dcterms:created"),
    "published": ("published", "pubDate", "issued", "dcterms:issued", "dc:date", "prism:publicationDate"),
    "version_created": ("updated", "modified", "dcterms:modified", "prism:modificationDate", "wp:post_modified_gmt",
                        "at:deleted-entry@when"),
    "embargoed": ("prism:embargoDate",),
    "expires": ("dcterms:valid", "prism:expirationDate"),
    "keywords": ("category", "category@label", "category@term", "dc:subject", "media:keywords"),
    "places": ("dc:coverage", "prism:location"),
    "genre": ("dc:type", "prism:genre"),
    "captions": ("media:description within media:content",),
    "credits": ("media:credit",),
    "copyright_notice": ("rights", "dc:rights", "copyright", "media:copyright", "channel/rights", "channel/copyright"),
    "language_declared": ("@xml:lang", "content@xml:lang", "dc:language", "language", "channel/language",
                          "channel/dc:language", "channel@xml:lang"),
    "pub_status": ("at:deleted-entry (a kill)", "wp:status where it is future"),
    "ed_note": ("at:deleted-entry: at:comment",),
}  # fmt: skip

_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?=[\s/>])")
_BLOCK = re.compile(r"<(?:p|br|div|table)\b", re.IGNORECASE)
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
_WHOLE_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_REFERENCE = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")
# RSS 2.0: an author is an address, with the name in brackets behind it.
_ADDRESS = re.compile(r"\S{1,200}@\S{1,200}\s+\((?P<name>[^()]{1,200})\)")

Found = Mapping[str, list[Element]]


def recognise(sample: Sample) -> bool:
    """The root of RSS, of Atom, or of RDF with a channel in a namespace of RSS."""
    root = sample.root
    if root.name == "RDF":
        return any(namespace in sample.head for namespace in _RSS_1)
    return root.name == "rss" or (root.name in ("feed", "entry") and root.namespace in _ATOM)


def parse(item: RawItem, settings: Settings) -> Iterator[Article | Reject]:
    """The articles of a feed in its order, with a Reject for each entry that can't be read."""
    if item.data.count(b"<") + item.data.count(b'="') + item.data.count(b"='") > _MOST_NODES:
        raise ParseError("too_large", f"over {_MOST_NODES} elements and attributes")
    root, flags = document(item.data)
    if name_of(root) == "entry":
        yield _article(item, settings, root, {}, "", flags)
        return
    channel = root if name_of(root) == "feed" else next((one for one in root if name_of(one) == "channel"), root)
    # RSS 1.0 has the items beside the channel, all others within it.
    parents = [channel] if channel is root else [channel, root]
    entries = [one for parent in parents for one in parent if name_of(one) in ("item", "entry", "deleted-entry")]
    if not entries:
        raise SkipError("no_entries", "a feed without entries")
    if len(entries) > _MOST_ENTRIES:
        raise ParseError("too_large", f"{len(entries)} entries in one feed, over {_MOST_ENTRIES}")
    # WordPress lists all its authors, which may be hundreds.
    shared = [one for one in channel if _name(one).rpartition(":")[2] in _SHARED and not _name(one).startswith("wp:")]
    shell = _Shell(root, channel, shared)
    about = _children(channel)
    language = attribute(channel, "lang") or attribute(root, "lang")
    for position, one in enumerate(entries, start=1):
        # One alone stays as it came, so that what had to be mended is seen when it is read again.
        payload = item.data if len(entries) == 1 else shell.around(one)
        yield read_entry(
            item, position, payload, functools.partial(_article, item, settings, one, about, language, flags)
        )


class _Shell:
    """A feed without entries, to put one into: copying the feed for each of its entries would take forever."""

    def __init__(self, root: Element, channel: Element, shared: list[Element]) -> None:
        self._root = etree.Element(root.tag, _given(root), cast(Any, root.nsmap))
        self._channel = self._root
        if channel is not root:
            self._channel = etree.SubElement(self._root, channel.tag, _given(channel), cast(Any, channel.nsmap))
        for one in shared:
            # By way of its text: a copy would take the siblings into its own document's memory.
            self._channel.append(etree.fromstring(etree.tostring(one, encoding="utf-8", with_tail=False)))
        size = len(etree.tostring(self._root))
        if size > _SHARED_LIMIT:
            raise ParseError("too_large", f"the feed's own description takes {size} bytes, over {_SHARED_LIMIT}")
        self._beside = channel is not root

    def around(self, entry: Element) -> bytes:
        """A feed of this entry alone."""
        above = entry.getparent()
        beside = self._beside and above is not None and name_of(above) != "channel"
        parent = self._root if beside else self._channel
        # Moved there and back: the place is kept by what stands behind it.
        tail, entry.tail = entry.tail, None
        written = etree.tostring(entry, encoding="utf-8")
        entry.tail = tail
        parent.append(etree.fromstring(written))
        alone = etree.tostring(self._root, encoding="utf-8")
        parent.remove(parent[-1])
        return alone


def _given(element: Element) -> dict[str, str]:
    return {str(name): str(value) for name, value in element.attrib.items()}


def _article(
    item: RawItem, settings: Settings, entry: Element, channel: Found, language: str, flags: tuple[str, ...]
) -> Article:
    found = _children(entry)
    of_feed = _Reader(channel)
    read = _Reader(found)
    if name_of(entry) == "deleted-entry":
        stated: dict[str, Any] = {
            "guid": attribute(entry, "ref"), "version_created": attribute(entry, "when"), "pub_status": "canceled",
            "provider": read.inner("source", "title") or of_feed.line("title"),
            "ed_note": read.line("at:comment", "comment", "atom:comment"),
        }  # fmt: skip
        return build(stated, item, settings, body="", flags=flags)
    status = _wordpress(read)
    body, body_type, description = _copy(found)
    guid = read.text("guid", "id", "atom:id") or attribute(entry, "about") or read.text("dc:identifier")
    stated = {
        "guid": guid,
        "pub_status": status,
        "provider": read.source() or read.line("dc:publisher", "prism:publicationName") or of_feed.line("title"),
        "source_url": _url(entry, found, guid),
        "headline": read.line("title", "dc:title", "media:title") or read.within_media("media:title"),
        "byline": read.authors() or of_feed.authors(),
        "description": description,
        "captions": read.all_within_media("media:description"),
        "credits": read.all_within_media("media:credit"),
        "keywords": read.keywords(),
        "copyright_notice": read.line("rights", "dc:rights", "copyright", "media:copyright")
        or of_feed.line("rights", "copyright", "dc:rights"),
        "language_declared": attribute(entry, "lang")
        or next((attribute(one, "lang") for one in found.get("content", ()) if attribute(one, "lang")), "")
        or read.text("dc:language", "language")
        or of_feed.text("language", "dc:language")
        or language,
    }
    for name in ("first_created", "published", "version_created", "embargoed", "expires", "genre"):
        paths = [path for path in _FIELDS[name] if "@" not in path]
        stated[name] = read.text(*paths, *(f"atom:{path}" for path in paths if ":" not in path))
    modified = read.text("wp:post_modified_gmt")
    if modified and stated["version_created"] == modified:
        stated["version_created"] = f"{modified}Z"
    stated["places"] = read.lines(*_FIELDS["places"])
    return build(stated, item, settings, body=body, body_type=body_type, flags=flags)


def _wordpress(read: _Reader) -> str:
    """The status of an entry of WordPress's own export, which holds pictures, menus and drafts too; empty elsewhere."""
    kind, status = read.text("wp:post_type"), read.text("wp:status")
    if kind in _NO_POSTS or kind.startswith("wp_"):
        raise SkipError(kind, f"a {kind} of WordPress is no article")
    if status in _NOT_OUT:
        raise SkipError("unpublished", f"its status is {status}")
    return "withheld" if status == "future" else ""


class _Reader:
    """Reads texts from the children of an entry or a channel, by vocabulary and name."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def _all(self, names: tuple[str, ...]) -> Iterator[Element]:
        for name in names:
            yield from self._found.get(name, ())

    def text(self, *names: str) -> str:
        """The first text as it stands."""
        return next(filter(None, map(text_of, self._all(names))), "")

    def line(self, *names: str) -> str:
        """The first text, without the markup of a title in HTML."""
        return next(self._lines(names), "")

    def lines(self, *names: str) -> tuple[str, ...]:
        """All texts, each once."""
        return tuple(dict.fromkeys(self._lines(names)))

    def _lines(self, names: tuple[str, ...]) -> Iterator[str]:
        return filter(None, (text_of(one) for one in self._all(names)))

    def inner(self, name: str, child: str) -> str:
        """The first text of a child's child."""
        return next(
            filter(None, (text_of(two) for one in self._all((name,)) for two in one if name_of(two) == child)), ""
        )

    def source(self) -> str:
        """Who wrote it: RSS has a text there, Atom the head of another feed."""
        return self.inner("source", "title") or next(
            (text_of(one) for one in self._all(("source",)) if not len(one) and text_of(one)), ""
        )

    def authors(self) -> str:
        """All authors, by name."""
        names = []
        for one in self._all(("author", "atom:author")):
            inner = [text_of(two) for two in one if name_of(two) == "name"]
            address = _ADDRESS.fullmatch(text_of(one))
            names.append(inner[0] if inner else "" if len(one) else address["name"] if address else text_of(one))
        names = list(filter(None, names)) or list(
            filter(None, map(text_of, self._all(("dc:creator", "dcterms:creator"))))
        )
        return ", ".join(dict.fromkeys(names))

    def keywords(self) -> tuple[str, ...]:
        """Categories and subjects, by what a person would call them."""
        words = [
            attribute(one, "label") or attribute(one, "term") or text_of(one)
            for one in self._all(("category", "atom:category", "dc:subject", "dcterms:subject"))
        ]
        for one in self._all(("media:keywords", "prism:keyword")):
            words += (word.strip() for word in text_of(one).split(","))
        return tuple(dict.fromkeys(filter(None, words)))

    def _media(self) -> Iterator[Element]:
        for one in self._all(("media:group", "media:content")):
            yield one
            if name_of(one) == "group":
                yield from (two for two in one if _name(two) == "media:content")

    def all_within_media(self, name: str) -> tuple[str, ...]:
        """All texts of that name about pictures and videos, each once."""
        about = [*(two for one in self._media() for two in one)]
        if name == "media:credit":
            about += self._all((name,))
        return tuple(dict.fromkeys(filter(None, (text_of(one) for one in about if _name(one) == name))))

    def within_media(self, name: str) -> str:
        """The first of them."""
        return next(iter(self.all_within_media(name)), "")


@functools.lru_cache(maxsize=1024)
def _vocabulary(namespace: str, prefix: str) -> str:
    short = next((short for part, short in _VOCABULARIES if part in namespace.lower()), None)
    # Where a namespace is of someone's own, or was never declared, what the prefix calls it is what was meant.
    return prefix if short is None else short


def _name(element: Element) -> str:
    """`vocabulary:name`; of the elements of the feed's own format the name alone."""
    if not isinstance(element.tag, str):
        return ""
    namespace, _, name = element.tag.rpartition("}")
    vocabulary = _vocabulary(namespace, element.prefix or "")
    if vocabulary == "atom" and (above := element.getparent()) is not None and name_of(above) in _OF_ATOM:
        return name
    return f"{vocabulary}:{name}" if vocabulary else name


def _children(element: Element) -> dict[str, list[Element]]:
    found: dict[str, list[Element]] = {}
    for child in element:
        found.setdefault(_name(child), []).append(child)
    return found


def _copy(found: Found) -> tuple[str, str, str]:
    """(body, its type, description): where there is one text only, it is the body; no text is said twice."""
    full = _first_content(found, "content:encoded", "content", "atom:content", "xhtml:body")
    brief = _first_content(
        found, "summary", "atom:summary", "description", "dcterms:abstract", "dc:description", "excerpt:encoded"
    )
    if not full[0]:
        return *(brief if brief[0] else _first_content(found, "media:description")), ""
    return *full, "" if _words(brief[0]) == _words(full[0]) else brief[0]


def _first_content(found: Found, *names: str) -> tuple[str, str]:
    contents = (_content(one) for name in names for one in found.get(name, ()))
    return next((content for content in contents if content[0]), ("", "text"))


def _words(text: str) -> str:
    return " ".join(html.unescape(_WHOLE_TAG.sub(" ", text)).split())


def _content(element: Element) -> tuple[str, str]:
    """(text, its type) of what may be text, escaped HTML or elements; empty where it is a link or bytes."""
    kind = attribute(element, "type").lower()
    if kind.startswith(("image/", "audio/", "video/", "application/")) and "xml" not in kind:
        return "", "text"
    if attribute(element, "mode").lower() == "base64":
        return "", "text"
    if len(element):
        return markup(element, HTML_TAGS), "html"
    text = (element.text or "").strip()
    declared = "html" in kind or attribute(element, "mode").lower() == "escaped"
    if _name(element) == "content:encoded" and not _BLOCK.search(text):
        # As WordPress keeps it: an empty line ends a paragraph.
        text = "".join(f"<p>{one}</p>" for one in _BLANK_LINE.split(text)) if _BLANK_LINE.search(text) else text
    plain = kind in ("text", "text/plain") and not declared
    return text, "html" if declared or (not plain and _is_html(text)) else "text"


def _is_html(text: str) -> bool:
    return bool(_TAG.search(text) or _REFERENCE.search(text))


def _url(entry: Element, found: Found, guid: str) -> str:
    """The address of the article itself: RSS has it as text, Atom as an attribute; or the guid is one."""
    urls = [text_of(one) for one in found.get("link", ())]
    for one in (*found.get("link", ()), *found.get("atom:link", ())):
        if attribute(one, "rel").lower() in ("", "alternate") and attribute(one, "href"):
            urls.append(attribute(one, "href"))
    if not any(urls) and any(attribute(one, "isPermaLink").lower() != "false" for one in found.get("guid", ())):
        urls.append(guid)
    url = next(filter(None, urls), "")
    try:
        full = urljoin(entry.base or "", url) if url else ""
        return full if urlsplit(full).scheme in ("http", "https") else ""
    except ValueError:
        return ""


FORMAT = Format(
    "feed",
    "RSS 0.9x, 1.0 and 2.0, Atom 0.3 and 1.0. Each entry is an article; a tombstone (`at:deleted-entry`) kills the one "
    "that it names. Where an entry has both a description and its full content, the content is the body.",
    recognise,
    parse,
    _FIELDS,
)
