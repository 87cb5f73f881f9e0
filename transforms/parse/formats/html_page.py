"""A web page: what it states about itself, its copy by trafilatura; or a fragment of HTML, which is copy as it stands.

What a page states (JSON-LD, meta elements, microdata) goes into the fields; what trafilatura and htmldate make of its
looks goes into the `guessed_…` fields, and only where nothing is stated. Neither fetches anything or reads a clock
here: htmldate's own latest date is today, so it is given one; its search with dateparser, which knows a today, is off.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

import htmldate
import trafilatura
from lxml import etree
from lxml.html import HtmlElement, HTMLParser, document_fromstring
from trafilatura.metadata import extract_author, extract_sitename

from transforms.article import Article, RawItem
from transforms.parse.base import Format, ParseError, Sample, Settings, SkipError
from transforms.parse.fields import TIMES, build
from transforms.parse.markup import root_of
from transforms.parse.text import decode
from transforms.parse.times import parse_time
from transforms.parse.xml import NO_CHARACTER, Element, markup

# They tell of each page without copy, as the pipeline's counters do already.
for _library in ("trafilatura", "htmldate"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)

# Pages of news have 100 to 500 kB and 500 to 5,000 elements; trafilatura takes a tenth of a millisecond an element.
_PAGE_LIMIT = 4 * 2**20
_ELEMENTS_LIMIT = 10_000
# References to characters that XML has no place for.
_NO_REFERENCE = re.compile(
    r"&#(?:0{0,6}(?:[0-8]|1[124-9]|2\d|3[01])|x0{0,6}(?:[0-8bcef]|1[0-9a-f]))(?:;|(?![0-9a-fA-F]))", re.I
)
# libxml2 holds each attribute of an element against all before it: 5,000 take .1 s, 50,000 ten.
_LONG_TAG = re.compile(r"<[A-Za-z][^<>]{30000,}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_ATTRIBUTES_LIMIT = 5_000
# htmldate reads the text of each element anew, however deep they nest.
_DATED_LIMIT = 262_144
# htmldate takes dates up to here for possible; where it is known when a page was fetched, up to that day.
_LATEST = "2199-12-31"

_FRAGMENTS = frozenset(
    ["p", "div", "span", "a", "b", "i", "em", "strong", "br", "hr", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol",
     "table", "blockquote", "figure", "img", "center", "font", "section", "article"]
)  # fmt: skip
_PARTS_OF_A_PAGE = re.compile(r"<(?:html|head|body|title|meta)[\s>]", re.IGNORECASE)
_HEADING = re.compile(
    r"\s*<h(?P<level>[12])(?:\s[^<>]{0,1000})?>(?P<text>.{1,2000}?)</h(?P=level)\s*>", re.DOTALL | re.I
)
_ANY_TAG = re.compile(r"<[^<>]*>")
_CHARSET = re.compile(
    rb"""<(?:meta|\?xml)\b[^<>]{0,300}?\b(?:charset|encoding)\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})""",
    re.IGNORECASE,
)
_CHARSET_WITHIN = 8192
# Between a headline and the site's name.
_SEPARATOR = re.compile(r"\s*[|\u2013\u2014\u00b7:»\u2022-]\s")

# Types of schema.org that are an article, beside those that end so.
_POSTINGS = frozenset(["BlogPosting", "LiveBlogPosting", "Report", "SocialMediaPosting", "DiscussionForumPosting"])
# What of an object of JSON-LD a person would read.
_READABLE = ("name", "alternateName", "headline", "caption", "@value", "text", "url", "@id")
_JSON_LD_DEPTH = 6
# A list of authors, keywords or pictures is shorter.
_ENTRIES_LIMIT = 100
_TEXTS_LIMIT = 1000
# Of a caption or a title.
_TEXT_LIMIT = 10_000
_WRAPPINGS = (("<!--", "-->"), ("//", ""), ("/*<![CDATA[*/", "/*]]>*/"), ("<![CDATA[", "]]>"), ("", "//"))

# Field -> where a page states it. `JSON-LD x` is a property of its article, `meta x` a meta element by its name or
# property, `itemprop x` microdata, `link x` a link element by rel.
_FIELDS: dict[str, tuple[str, ...]] = {
    "guid": ("JSON-LD identifier", "meta article_id", "meta articleid", "meta article.id", "meta parsely-post-id",
             "meta contentid", "meta dc.identifier"),
    "provider": ("JSON-LD publisher", "meta og:site_name", "meta dc.publisher", "meta publisher",
                 "meta application-name"),
    "source_url": ("link canonical", "meta og:url", "JSON-LD url", "JSON-LD mainEntityOfPage"),
    "headline": ("JSON-LD headline", "itemprop headline", "meta og:title", "meta twitter:title", "meta dc.title",
                 "meta title", "h1", "title", "JSON-LD name", "a fragment's first heading"),
    "byline": ("JSON-LD author", "meta author", "meta article:author", "meta byl", "meta parsely-author",
               "meta sailthru.author", "meta dc.creator", "itemprop author"),
    "dateline": ("JSON-LD dateline",),
    "description": ("JSON-LD description", "meta og:description", "meta description", "meta twitter:description",
                    "meta dc.description"),
    "body": ("the page's copy", "JSON-LD articleBody where that is far longer", "a fragment as it stands"),
    "first_created": ("JSON-LD dateCreated", "meta dcterms.created", "itemprop dateCreated"),
    "published": ("JSON-LD datePublished", "meta article:published_time", "meta og:published_time",
                  "itemprop datePublished", "meta date", "meta dc.date", "meta dc.date.issued", "meta dcterms.issued",
                  "meta pubdate", "meta publishdate", "meta publish-date", "meta publish_date", "meta sailthru.date",
                  "meta parsely-pub-date", "meta cxenseparse:recs:publishtime"),
    "version_created": ("JSON-LD dateModified", "meta article:modified_time", "meta og:updated_time",
                        "itemprop dateModified", "meta dcterms.modified", "meta last-modified", "meta revised"),
    "expires": ("JSON-LD expires", "meta article:expiration_time"),
    "guessed_published": ("htmldate's guess",),
    "guessed_byline": ("trafilatura's guess",),
    "guessed_provider": ("trafilatura's guess", "the host of the address"),
    "captions": ("figcaption", "JSON-LD image caption"),
    "credits": ("JSON-LD image creditText",),
    "genre": ("JSON-LD genre", "JSON-LD articleSection", "meta article:section"),
    "places": ("JSON-LD contentLocation", "JSON-LD spatialCoverage"),
    "keywords": ("JSON-LD keywords", "meta news_keywords", "meta article:tag", "meta keywords", "meta parsely-tags"),
    "copyright_holder": ("JSON-LD copyrightHolder",),
    "copyright_notice": ("JSON-LD copyrightNotice", "meta copyright", "meta dc.rights"),
    "usage_terms": ("JSON-LD usageInfo", "JSON-LD license", "link license"),
    "credit": ("JSON-LD creditText",),
    "language_declared": ("html@lang", "JSON-LD inLanguage", "meta content-language", "meta og:locale"),
}  # fmt: skip
_ITEMPROPS = frozenset(place for places in _FIELDS.values() for place in places if place.startswith("itemprop "))
_LISTS = frozenset(["captions", "credits", "places", "keywords"])
_DATES = frozenset(TIMES)

# trafilatura's elements as HTML.
_TAGS: dict[str, str | None] = {
    "p": "p", "head": "h2", "list": "ul", "item": "li", "table": "table", "row": "tr", "cell": "td",
    "quote": "blockquote", "code": "code", "lb": "br", "div": "div", "graphic": None,
}  # fmt: skip

Stated = dict[str, list[str]]


def recognise(sample: Sample) -> bool:
    """A document type or a root of HTML, or one of the elements that a fragment of copy begins with."""
    root = sample.root
    name = root.name.lower()
    if root.doctype in ("html", "") and name in ("html", "head", "body"):
        return True
    if root.doctype == "html":
        return name not in ("rss", "rdf", "feed")
    xml = root.doctype or root.namespace or sample.head.lstrip().startswith("<?xml")
    return name in _FRAGMENTS and not xml


def parse(item: RawItem, settings: Settings) -> Iterator[Article]:
    """The one article of a page or a fragment."""
    yield read(item, settings)


def read(item: RawItem, settings: Settings, *, url: str = "", charset: str = "", fetched: str = "") -> Article:
    """The article of a page whose bytes are `item.data`.

    `url`, `charset` and `fetched` (a day, YYYY-MM-DD) are what its transport says of it, empty where it says nothing.
    ParseError `too_large` over 4 MiB or 10,000 elements, `too_deep` over 250 levels; SkipError `no_text` where it holds
    no copy and doesn't say that it is an article.
    """
    if len(item.data) > _PAGE_LIMIT:
        raise ParseError("too_large", f"a page of {len(item.data)} bytes, over {_PAGE_LIMIT}")
    found = _CHARSET.search(item.data[:_CHARSET_WITHIN])
    text, flags = decode(item.data, charset or (found[1].decode("ascii") if found else ""))
    if not root_of(text[:_CHARSET_WITHIN]).doctype and not _PARTS_OF_A_PAGE.search(text):
        return _fragment(item, settings, text, url, flags)
    tree = _tree(text)
    stated = dict(_stated(tree))
    values, unread = _values(stated, settings)
    values["source_url"] = _address(stated, url)
    body, body_type, marks = _copy(tree, stated)
    if not body and not (values["headline"] and _says_article(stated)):
        raise SkipError("no_text", "a page without the text of an article")
    _guess(tree, values, fetched or _LATEST)
    return build(values, item, settings, body=body, body_type=body_type, flags=(*flags, *unread, *marks))


def _fragment(item: RawItem, settings: Settings, text: str, url: str, flags: tuple[str, ...]) -> Article:
    heading = _HEADING.match(text)
    # Text only; clean takes references apart.
    headline = " ".join(_ANY_TAG.sub(" ", heading["text"]).split()) if heading else ""
    if not headline and not _ANY_TAG.sub("", text).strip():
        raise SkipError("no_text", "a fragment without text")
    body = text[heading.end() :] if heading else text
    return build(
        {"headline": headline, "source_url": url}, item, settings, body=body.strip(), body_type="html", flags=flags
    )


def _tree(text: str) -> HtmlElement:
    if any(len(set(_QUOTED.sub("", one[0]).split())) > _ATTRIBUTES_LIMIT for one in _LONG_TAG.finditer(text)):
        raise ParseError("too_large", f"an element of over {_ATTRIBUTES_LIMIT} attributes")
    # lxml writes no character that XML has no place for, and trafilatura writes texts anew.
    text = _NO_REFERENCE.sub("", NO_CHARACTER.sub("", text))
    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        tree = document_fromstring(text.encode(), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise SkipError("no_text", f"a page without elements: {error}") from error
    if any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log):
        raise ParseError("too_deep", "elements nest deeper than 250")
    count = sum(1 for _ in tree.iter())
    if count > _ELEMENTS_LIMIT:
        raise ParseError("too_large", f"a page of {count} elements, over {_ELEMENTS_LIMIT}")
    return tree


def _stated(tree: HtmlElement) -> Iterator[tuple[str, list[str]]]:
    """Each place of `_FIELDS` that says something -> all that it says, in the page's order."""
    stated: Stated = {}

    def add(place: str, *values: str | None) -> None:
        stated.setdefault(place, []).extend(filter(None, (_line(value) for value in values)))

    add("html@lang", tree.get("lang") or tree.get("xml:lang"))
    for element in tree.iter("meta", "link", "title", "h1", "figcaption"):
        if element.tag == "meta":
            for key in ("name", "property", "http-equiv"):
                add(f"meta {element.get(key, '').strip().lower()}", element.get("content"))
        elif element.tag == "link":
            add(f"link {element.get('rel', '').strip().lower()}", element.get("href"))
        else:
            add(str(element.tag), _text(element))
    for element in tree.iterfind(".//*[@itemprop]"):
        if (place := f"itemprop {element.get('itemprop')}") in _ITEMPROPS:
            add(place, element.get("content") or element.get("datetime") or _text(element))
    nodes = _nodes(tree)
    article = _resolved(_article(nodes, stated), nodes)
    for key, value in article.items():
        add(f"JSON-LD {key}", *islice(_identifiers(value) if key == "identifier" else _readable(value), _TEXTS_LIMIT))
    for image in _each(article.get("image")):
        if isinstance(image, dict):
            for key in ("caption", "creditText"):
                add(f"JSON-LD image {key}", *_readable(image.get(key)))
    yield from stated.items()


def _line(value: str | None) -> str:
    return " ".join((value or "").replace("\0", "").split())


def _text(element: Element) -> str:
    """An element's text, up to a length: elements may nest, and each would hold that of all within it."""
    parts: list[str] = []
    left = _TEXT_LIMIT
    for part in element.itertext():
        parts.append(str(part)[:left])
        left -= len(part)
        if left <= 0:
            break
    return "".join(parts)


def _nodes(tree: HtmlElement) -> list[dict[str, Any]]:
    """All objects of a page's JSON-LD, in order."""
    loaded: list[Any] = []
    for script in tree.iter("script"):
        if "ld+json" in script.get("type", "").lower():
            text = (script.text or "").strip()
            # Some wrap it as one did with scripts for browsers of 1996.
            for opening, closing in _WRAPPINGS:
                text = text.removeprefix(opening).removesuffix(closing).strip()
            try:
                loaded.append(json.loads(text, strict=False))
            except (ValueError, RecursionError):
                continue
    nodes: list[dict[str, Any]] = []
    waiting = loaded[::-1]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value[::-1]
        elif isinstance(value, dict):
            nodes.append(value)
            waiting += [inner for inner in value.values() if isinstance(inner, dict | list)][::-1]
    return nodes


def _resolved(article: dict[str, Any], nodes: list[dict[str, Any]]) -> dict[str, Any]:
    """The article with the objects that it names by `@id` in their places, not what they name: that may be itself."""
    named: dict[str, Any] = {}
    for node in nodes:
        if len(node) > 1 and isinstance(node.get("@id"), str):
            named.setdefault(node["@id"], node)

    def target(value: Any) -> Any:
        if isinstance(value, dict) and value.keys() == {"@id"} and isinstance(value["@id"], str):
            return named.get(value["@id"], value)
        return value

    return {
        key: [target(entry) for entry in value[:_ENTRIES_LIMIT]] if isinstance(value, list) else target(value)
        for key, value in article.items()
    }


def _article(nodes: list[dict[str, Any]], stated: Mapping[str, list[str]]) -> dict[str, Any]:
    """The page's own article among the objects of its JSON-LD: lists of others' stand there too."""
    articles = [node for node in nodes if any(map(_is_article, _each(node.get("@type"))))]
    addresses = {url.partition("#")[0] for place in ("link canonical", "meta og:url") for url in stated.get(place, ())}
    titles = {title for place in ("meta og:title", "h1", "title") for title in stated.get(place, ())}

    def rank(node: Mapping[str, Any]) -> int:
        own = [url for key in ("url", "mainEntityOfPage", "@id") for url in _readable(node.get(key), urls=True)]
        if any(url.partition("#")[0] in addresses for url in own):
            return 0
        return 1 if any(_line(title) in titles for title in _readable(node.get("headline"))) else 2

    return min(articles, key=rank, default={})


def _is_article(kind: object) -> bool:
    name = str(kind).rpartition("/")[2].rpartition(":")[2]
    return name.endswith("Article") or name in _POSTINGS


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _readable(value: Any, depth: int = 0, *, urls: bool = False) -> Iterator[str]:
    """The texts of a value of JSON-LD; of an object its name, of a list each entry's."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, list) and depth < _JSON_LD_DEPTH:
        for entry in value:
            yield from _readable(entry, depth + 1, urls=urls)
    elif isinstance(value, dict) and depth < _JSON_LD_DEPTH:
        keys = ("@id", "url") if urls else _READABLE
        inner = (list(_readable(value.get(key), depth + 1, urls=urls)) for key in keys)
        yield from next(filter(None, inner), [])


def _identifiers(value: Any) -> Iterator[str]:
    """Identifiers: of a PropertyValue the value, whose name is the site's or the scheme's."""
    for entry in _each(value):
        inner = entry.get("value", entry.get("@value")) if isinstance(entry, dict) else entry
        if isinstance(inner, str | int) and not isinstance(inner, bool):
            yield str(inner)


def _values(stated: Stated, settings: Settings) -> tuple[dict[str, Any], set[str]]:
    """Field -> what the page states, by the table, and flags of the times that can't be read."""
    values: dict[str, Any] = {}
    flags: set[str] = set()
    for name, places in _FIELDS.items():
        told = [stated[place] for place in places if stated.get(place)]
        if name in _DATES:
            values[name] = _time([text for texts in told for text in texts], settings)
            if told and values[name] is None:
                flags.add(f"invalid_{name}")
        elif name in _LISTS:
            values[name] = _list(name, told)
        else:
            values[name] = told[0][0] if told else ""
    values["byline"] = _byline(stated)
    values["language_declared"] = values["language_declared"].split(",")[0].replace("_", "-").strip()
    title = values["headline"]
    for heading in stated.get("h1", ()):
        # The title for a tab has the site's name behind the headline.
        if title.startswith(heading) and _SEPARATOR.match(title, len(heading)):
            values["headline"] = heading
            break
    for name in ("guessed_published", "guessed_byline", "guessed_provider", "body"):
        values.pop(name, None)
    return values, flags


def _time(texts: Iterable[str], settings: Settings) -> Any:
    """The first time that can be read: a page tells it in many places, for programs that are more lenient than ours."""
    for text in texts:
        try:
            return parse_time(text, settings.source_timezone)
        except ValueError:
            continue
    return None


def _list(name: str, told: list[list[str]]) -> tuple[str, ...]:
    if name == "captions":
        return tuple(dict.fromkeys(text for texts in told for text in texts))
    texts = told[0] if told else []
    if name == "keywords":
        texts = [word.strip() for text in texts for word in text.split(",")]
    return tuple(dict.fromkeys(filter(None, texts)))


def _byline(stated: Stated) -> str:
    """All authors of the first place that names any; an address (of a profile) is no name."""
    for place in _FIELDS["byline"]:
        names = [name for name in stated.get(place, ()) if not _is_url(name)]
        if names:
            return ", ".join(dict.fromkeys(names))
    return ""


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://", "www.", "/"))


def _address(stated: Stated, url: str) -> str:
    """The page's own address, made absolute by that at which it was got."""
    for place in _FIELDS["source_url"]:
        for told in stated.get(place, ()):
            try:
                full = urljoin(url, told)
                if urlsplit(full).scheme in ("http", "https"):
                    return full
            except ValueError:
                continue
    return url


def _says_article(stated: Stated) -> bool:
    """True where a page says of itself that it is an article, whether or not its text came along."""
    return "article" in stated.get("meta og:type", ()) or "JSON-LD headline" in stated


def _copy(tree: HtmlElement, stated: Stated) -> tuple[str, str, tuple[str, ...]]:
    """(body, its type, flags)."""
    # Formatting is off: with it, memory and time grow with the square of a paragraph's inline elements.
    found = trafilatura.bare_extraction(
        tree,
        output_format="xml",
        fast=True,
        include_comments=False,
        include_tables=True,
        include_links=False,
        include_images=False,
        include_formatting=False,
    )
    body = markup(found.body, _TAGS) if isinstance(found, trafilatura.settings.Document) else ""
    told = max(stated.get("JSON-LD articleBody", ()), key=len, default="")
    if len(told) > 2 * len(_ANY_TAG.sub("", body)):
        return told, "html" if _ANY_TAG.search(told) else "text", ("body_from_metadata",)
    return body, "html", ()


def _guess(tree: HtmlElement, values: dict[str, Any], latest: str) -> None:
    """Adds what the looks of a page tell where it states nothing."""
    if not values["byline"]:
        values["guessed_byline"] = extract_author(tree) or ""
    if not values["provider"]:
        site = extract_sitename(tree) or urlsplit(values["source_url"]).hostname or ""
        values["guessed_provider"] = site.removeprefix("www.")
    short = sum(map(len, tree.itertext())) <= _DATED_LIMIT
    if short and not values["published"] and not values["version_created"]:
        values["guessed_published"] = htmldate.find_date(
            tree, extensive_search=False, original_date=True, outputformat="%Y-%m-%d", max_date=latest
        )


FORMAT = Format(
    "html",
    "A web page: what it states in JSON-LD, meta elements and microdata goes into the fields, its copy is found by "
    "trafilatura. Or a fragment of HTML, which is copy as it stands.",
    recognise,
    parse,
    _FIELDS,
)
