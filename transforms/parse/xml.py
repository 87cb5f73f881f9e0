"""XML as agencies write it to elements, safely and leniently, and the few ways in which formats read them.

In: an item's bytes. Out: the root element. No entity is expanded but those that name a character, nothing is fetched,
and what nests deeper than any article (libxml2's limit of 256) is refused. Names are compared without namespace:
agencies use several for one standard, or none. A path such as `contentMeta/headline` names elements by their local
names; `@name` at its end is an attribute, `*` any element.
"""

from __future__ import annotations

import copy
import functools
import html
import re
from collections.abc import Iterable, Iterator, Mapping
from html.entities import html5
from typing import NamedTuple

from lxml import etree

from transforms.parse.base import Elements, ParseError
from transforms.parse.markup import past_prolog
from transforms.parse.text import decode

Element = etree._Element

_DECLARED = re.compile(rb"""(?:\xef\xbb\xbf)?\s*<\?xml\b[^<>]{0,200}?\bencoding\s*=\s*["']([\w.:-]{1,40})["']""")
_MENDED = re.compile(
    r"""(?P<cdata><!\[CDATA\[.*?(?:\]\]>|\Z))   # stays as it is
      | &(?!(?:amp|lt|gt|quot|apos);)(?P<name>[A-Za-z][A-Za-z0-9]{1,31});  # XML knows five names, HTML two thousand
      | &\#(?:x(?P<hex>[0-9A-Fa-f]{1,8})|(?P<decimal>[0-9]{1,9}));
      | &(?!(?:amp|lt|gt|quot|apos);)           # begins no reference
      """,
    re.DOTALL | re.VERBOSE,
)
# What XML 1.0, section 2.2, has no place for, as a character or as a reference to one.
NO_CHARACTER = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Messages of a thousand items have 4 MB and 200,000 tags. What is larger would cost seconds and hundreds of megabytes.
_MOST_BYTES = 16 * 2**20
_MOST_TAGS = 400_000
# libxml2 holds each attribute of an element against all before it: 2,000 take .02 s, 50,000 ten.
_LONG_TAG = re.compile(r"<[^<>!?]{10000,}")
_MOST_ATTRIBUTES = 2_000
# So many signs to be mended are no slips of an editor.
_MOST_FAULTS = 100_000
# A name with a prefix, of an element or an attribute; what looks like one in a text does no harm.
_PREFIXED = re.compile(r"[<\s]([^\W\d][\w.-]{0,39}):[^\W\d]")
_PREFIXES_LIMIT = 50
_SPACE = re.compile(r"\s+")
# `@name` or `[@name='value']/…@name` at the end of a path; one inside of brackets is no end.
_STEP = re.compile(r"(?P<slashes>/*)(?P<name>[^/\[]+)(?:\[@(?P<key>[\w.-]+)='(?P<value>[^']*)'\])?")
_ATTRIBUTE = re.compile(r"/?@([\w.-]+)$")
# Where these begin and end, words end: their texts are told apart though no space stands between them.
_BREAKS = """
    p br div h1 h2 h3 h4 h5 h6 li dt dd tr td th table ul ol dl section header blockquote bq pre hl1 hl2 byttl abstract
    media-caption caption P BR DIV LI TD TH TR
"""
_BREAKING = frozenset(_BREAKS.split())
_AREAS = frozenset(["sublocation", "city", "state", "region", "country"])
# Stands for a comma until the text around it is known; XML has no such character.
_COMMA = "\x02"
_LISTED = re.compile(r"([,;:/(–—-]?) *\x02 *(?:, *)?")
_URLS = frozenset(["href", "src", "alt"])


def document(data: bytes) -> tuple[Element, tuple[str, ...]]:
    """The root element of a document, and flags of what was guessed or mended.

    ParseError `xml` where it is broken, `too_large` where it is larger than any news.

    Lenient where nothing is lost: an ampersand that begins no reference to a character, characters that XML forbids and
    prefixes that nobody declared (all flagged `xml_mended`), and the names of HTML's entities whatever the document
    type says.
    """
    if len(data) > _MOST_BYTES or data.count(b"<") > _MOST_TAGS:
        raise ParseError("too_large", f"{len(data)} bytes and {data.count(b'<')} tags, more than any article has")
    declared = _DECLARED.match(data)
    text, flags = decode(data, declared[1].decode("ascii") if declared else "")
    # Without its prolog: the declaration names the character set of bytes that are UTF-8 now, and a document type could
    # declare entities.
    text = text[past_prolog(text)[0] :]
    mended = NO_CHARACTER.sub("", text)
    faults = len(text) - len(mended)

    def reference(found: re.Match[str]) -> str:
        nonlocal faults
        if found["cdata"]:
            return found[0]
        if found["name"] and f"{found['name']};" in html5:
            return "".join(f"&#{ord(char)};" for char in html5[f"{found['name']};"])
        if found["hex"] or found["decimal"]:
            code = int(found["hex"], 16) if found["hex"] else int(found["decimal"])
            if code <= 0x10FFFF and not NO_CHARACTER.match(chr(code)):
                return found[0]
        faults += 1
        if faults > _MOST_FAULTS:
            raise ParseError("xml", f"over {_MOST_FAULTS} signs in it that XML forbids")
        return "" if found["hex"] or found["decimal"] else f"&amp;{found[0][1:]}"

    if any(one[0].count("=") > _MOST_ATTRIBUTES for one in _LONG_TAG.finditer(mended)):
        raise ParseError("too_large", f"an element of over {_MOST_ATTRIBUTES} attributes")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
        encoding="utf-8",
    )
    mended = _MENDED.sub(reference, mended).strip()
    try:
        try:
            root = etree.fromstring(mended.encode(), parser)
        except etree.XMLSyntaxError as error:
            if getattr(error, "code", 0) != etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE:
                raise
            faults += 1
            root = etree.fromstring(_with_prefixes(mended).encode(), parser)
    except etree.XMLSyntaxError as error:
        raise ParseError("xml", str(error.msg)) from error
    return root, tuple(sorted({*flags, "xml_mended"} if faults else flags))


def _with_prefixes(text: str) -> str:
    """A document whose root declares the prefixes that are used and nowhere declared, each as its own namespace."""
    declared = {found[1] for found in re.finditer(r"\bxmlns:([\w.-]{1,40})\s*=", text)}
    used = {found[1] for found in _PREFIXED.finditer(text)} - declared - {"xml", "xmlns"}
    start = re.compile(r"<[^\s/>]+").match(text)
    if start is None or len(used) > _PREFIXES_LIMIT:
        return text
    more = "".join(f' xmlns:{prefix}="{prefix}"' for prefix in sorted(used))
    return text[: start.end()] + more + text[start.end() :]


def name_of(element: Element) -> str:
    """Its local name, empty for what is no element (an entity that was not expanded)."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def find_all(element: Element, path: str, known: dict[str, list[Element]] | None = None) -> list[Element]:
    """The elements at a path below `element`; `//` before a name looks at all depths.

    A step may ask for an attribute, as in `meta[@name='slug']`. `known` keeps what was found below the same element
    at paths that begin alike: most paths of a table do, and an item is asked for fifty.
    """
    found = [element]
    for step in _steps(path):
        earlier = None if known is None else known.get(step.path)
        if earlier is not None:
            found = earlier
            continue
        if step.is_deep:
            found = [below for one in found for below in one.iterdescendants(step.tag)]
        else:
            found = [below for one in found for below in one.iterchildren(step.tag)]
        if step.key:
            found = [one for one in found if attribute(one, step.key) == step.value]
        if known is not None:
            known[step.path] = found
    return found


class _Step(NamedTuple):
    path: str
    """From the beginning to here."""
    tag: str
    """As lxml takes it: any namespace or none."""
    is_deep: bool
    key: str
    """The attribute to ask for, or empty."""
    value: str


@functools.cache
def _steps(path: str) -> tuple[_Step, ...]:
    """Paths are few, those of the tables; lxml's own findall keeps fewer of them than they are."""
    return tuple(
        _Step(
            path[: step.end()],
            "*" if step["name"] == "*" else f"{{*}}{step['name']}",
            step["slashes"] == "//",
            step["key"] or "",
            step["value"] or "",
        )
        for step in _STEP.finditer(path)
    )


@functools.cache
def _apart(path: str) -> tuple[str, str]:
    """A path's elements and the attribute at its end, either may be empty."""
    asked = _ATTRIBUTE.search(path)
    return (path[: asked.start()], asked[1]) if asked else (path, "")


def find(element: Element, path: str) -> Element | None:
    """The first element at a path, None where there is none."""
    return next(iter(find_all(element, path)), None)


def text_of(element: Element | None) -> str:
    """All text in an element, that behind its inline tags too, on one line; paragraphs, lines and cells stay apart."""
    if element is None:
        return ""
    if not len(element):
        return _SPACE.sub(" ", element.text or "").strip()
    parts: list[str] = []
    for event, one in etree.iterwalk(element, events=("start", "end")):
        breaks = " " if name_of(one) in _BREAKING else ""
        if event == "start":
            if name_of(one) == "person" and parts and parts[-1].endswith("By"):
                breaks = " "
            parts += (_COMMA if _is_listed(one) else breaks, one.text or "")
        else:
            parts += (breaks, "" if one is element else one.tail or "")
    text = _SPACE.sub(" ", "".join(parts))
    return (_LISTED.sub(lambda found: f"{found[1]} " if found[1] else ", ", text) if _COMMA in text else text).strip()


def _is_listed(one: Element) -> bool:
    """True for what people set apart by a comma: a state or country that stands bare behind a city."""
    before = one.getprevious()
    return (
        name_of(one) in _AREAS and before is not None and name_of(before) in _AREAS and not (before.tail or "").strip()
    )


def attribute(element: Element | None, name: str) -> str:
    """An attribute's value by its local name (`lang` is xml:lang too), empty where there is none."""
    if element is None:
        return ""
    value = element.get(name)
    if value is not None:
        return value.strip()
    suffix = f"}}{name}"
    return next((str(given).strip() for key, given in element.attrib.items() if str(key).endswith(suffix)), "")


def texts(element: Element, path: str, known: dict[str, list[Element]] | None = None) -> Iterator[str]:
    """What stands at a path, element by element: their texts, or the values of an attribute; nothing blank."""
    elements, name = _apart(path)
    for one in find_all(element, elements, known) if elements else [element]:
        value = attribute(one, name) if name else text_of(one)
        if value:
            yield value


def first(element: Element, paths: Iterable[str], known: dict[str, list[Element]] | None = None) -> str:
    """The first text at the first of the paths where there is one, else empty."""
    for path in paths:
        for value in texts(element, path, known):
            return value
    return ""


def every(element: Element, paths: Iterable[str], known: dict[str, list[Element]] | None = None) -> tuple[str, ...]:
    """All texts at all paths, each once, in order."""
    return tuple(dict.fromkeys(value for path in paths for value in texts(element, path, known)))


def stated(element: Element, elements: Elements, lists: Iterable[str] = ()) -> dict[str, str | tuple[str, ...]]:
    """What a table of field -> paths finds below `element`: one text a field, all of them for the fields in `lists`."""
    many = set(lists)
    known: dict[str, list[Element]] = {}
    return {
        name: every(element, paths, known) if name in many else first(element, paths, known)
        for name, paths in elements.items()
    }


def markup(element: Element, tags: Mapping[str, str | None]) -> str:
    """What is in an element as an HTML fragment, for clean to turn into text; every text in it is kept, in order.

    `tags` names the HTML element for each element by its local name; what it doesn't name goes without a tag, and what
    it names None is left out with all that is in it.
    """
    parts: list[str] = []
    _write(element, tags, parts)
    return "".join(parts).strip()


def _write(element: Element, tags: Mapping[str, str | None], parts: list[str]) -> None:
    parts.append(html.escape(element.text or "", quote=False))
    for child in element:
        name = name_of(child)
        tag = tags.get(name, "") if name else None
        if tag is not None:
            if tag:
                given = "".join(
                    f' {key}="{html.escape(str(value))}"' for key, value in child.attrib.items() if key in _URLS
                )
                parts.append(f"<{tag}{given}>")
            _write(child, tags, parts)
            if tag and tag not in ("br", "img", "hr"):
                parts.append(f"</{tag}>")
        parts.append(html.escape(child.tail or "", quote=False))


_KEPT = """
    p div br hr h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tfoot tr th td caption blockquote pre figure
    figcaption a em strong b i u sub sup cite code q span abbr section article aside header footer img
"""
HTML_TAGS: dict[str, str | None] = {
    **{name: name for name in _KEPT.split()},
    "script": None,
    "style": None,
    "head": None,
}
"""XHTML's own elements, for `markup`."""


def alone(root: Element, entry: Element, kept: Iterable[Element] = ()) -> bytes:
    """`entry` as a document of its own: in a copy of `root` that holds nothing but `kept` and it.

    It is what a reject of the entry keeps, so that it can be read again. An entry that is the root is written whole.
    """
    if entry is root:
        return etree.tostring(root, encoding="utf-8", with_tail=False)
    # Not a copy of the root: that would copy all entries for each of them.
    shell = empty(root)
    for one in (*kept, entry):
        shell.append(copy.deepcopy(one))
        shell[-1].tail = None
    return etree.tostring(shell, encoding="utf-8")


def empty(element: Element) -> Element:
    """An element of the same name, namespaces and attributes with nothing in it."""
    # lxml takes the default namespace under None, which its stubs don't say.
    shell = etree.Element(element.tag, nsmap=element.nsmap)  # type: ignore[arg-type]
    for name, value in element.attrib.items():
        shell.set(name, value)
    return shell
