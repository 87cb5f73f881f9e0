"""An HTML body in, plain text out, with the links and captions that were in it.

Bodies in feeds are fragments, cut off, badly nested, escaped twice. The standard library's HTMLParser takes minutes for
200 kB of `<a <a <a` and raises on `<![<![`, so tags are found here: every position is looked at a fixed number of
times, and what turns out not to be a tag is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from transforms.clean.entities import decode
from transforms.clean.markdown import Plain, is_alt_text

_OPEN = re.compile(r"<(?P<close>/?)(?P<name>[A-Za-z][A-Za-z0-9]*(?:[:-][A-Za-z0-9:-]*)?)(?=[\s/>])")
_ATTRIBUTES = re.compile(r"(?:[^<>\"']++|\"[^\"]*+\"|'[^']*+')*+")
_TO_THE_NEXT = re.compile(r"[^<>]*+")
_ATTRIBUTE = re.compile(r"(?P<name>[\w:-]++)\s*+=\s*+(?:\"(?P<a>[^\"]*+)\"|'(?P<b>[^']*+)'|(?P<c>[^\s\"'>]++))")
# Stands around a picture's number in the output until that is read over; no text holds it.
_PICTURE = "\x00"
# A blank that stays, inside `pre`.
_FIXED_SPACE = "\x01"
_SPACES = re.compile(" {2,}")
_WHITESPACE = re.compile(r"[ \t\n\r\f]+")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BLOCKS = _words(
    """
    address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer
    form h1 h2 h3 h4 h5 h6 header hgroup hr html legend main nav ol p pre section summary table tbody tfoot thead
    ul
    """
)
_LINES = frozenset(("br", "li", "tr", "caption", "option"))
_INLINE = _words(
    """
    a abbr acronym b base bdi bdo big button cite code col colgroup data del dfn em embed font head i iframe img
    input ins kbd label link map mark meta meter noscript object output param picture progress q rp rt ruby s samp
    script select small source span strike strong style sub sup svg td template textarea th time title track tt u
    var video audio wbr canvas area math nobr
    """
)
_KNOWN = _BLOCKS | _LINES | _INLINE
# What a reader of the page doesn't see, or sees as a thing to watch or fill in. Dropped with all that is inside.
_UNSEEN = _words(
    """
    script style noscript template svg iframe object video audio canvas math head title select textarea
    """
)
# Classes and ids of boxes around the copy: advertisements, newsletters, sharing, other articles. Whole words as pages
# write them ("ad" in class="ad ad--wide"), so that "headline-lead" or "address" is none.
_BOXES = _words(
    """
    ad ads advert adverts advertisement advertisements advertising ad-container ad-slot ad-unit ad-wrapper ad-banner
    adsbygoogle dfp-ad google-ad sponsored-content newsletter newsletter-signup newsletter-sign-up newsletter-form
    newsletter-box newsletter-promo newsletter-widget social-share social-sharing share-buttons share-bar share-links
    sharedaddy jp-relatedposts related-articles related-posts related-stories related-links related-content
    recommended-articles recommended-posts most-read read-also also-read cookie-banner cookie-notice paywall-prompt
    """
)
# Elements that may be such a box.
_BOXED = _words("aside div figure footer form ins li nav p section ul")
# A figure with one of these in it is not a picture.
_NO_FIGURE = re.compile(r"<(?:table|blockquote|ul|ol|pre)\b", re.IGNORECASE)


class _Tag(NamedTuple):
    name: str
    closing: bool
    attributes: str
    start: int
    end: int


class _Tags:
    """Finds the tags of a text, front to back, in linear time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        """Where the next text or tag begins; moving it on skips what is between."""
        # A quote that is never closed makes a try run to the end of the text. Once failed tries have cost as much as
        # reading the text four times, quotes no longer matter: a tag ends at the next ">".
        self.patience = 4 * len(text)
        self.absent: set[str] = set()
        """What doesn't occur any more, so that it is searched for once."""

    def find(self, needle: str, start: int) -> int:
        """Where `needle` (lower case) occurs at or after `start`, -1 if it doesn't."""
        if needle in self.absent:
            return -1
        found = self.text.find(needle, start)
        if found < 0:
            self.absent.add(needle)
        return found

    def tag(self, start: int) -> _Tag | None:
        """The tag at `start`, a "<", None if there is none."""
        opening = _OPEN.match(self.text, start)
        if opening is None:
            return None
        name = opening["name"].lower()
        if name not in _KNOWN and not (opening["name"].islower() and (":" in name or "-" in name)):
            return None
        for pattern in (_ATTRIBUTES, _TO_THE_NEXT) if self.patience > 0 else (_TO_THE_NEXT,):
            found = pattern.match(self.text, opening.end())
            end = found.end() if found else opening.end()
            if self.text[end : end + 1] == ">":
                attributes = self.text[opening.end() : end]
                return _Tag(name, bool(opening["close"]), attributes, start, end + 1)
            self.patience -= end - start
        return None

    def closing(self, name: str, start: int) -> tuple[int, int] | None:
        """(start, end) of the next `</name>` at or after `start`."""
        needle = f"</{name}"
        if needle in self.absent:
            return None
        match = re.compile(rf"</{name}\s*+>", re.IGNORECASE).search(self.text, start)
        if match is None:
            self.absent.add(needle)
            return None
        return match.span()

    def matching(self, tag: _Tag) -> int:
        """The end of the element that `tag` opens; of the tag alone, where nothing closes it or looking costs much."""
        depth, at = 1, tag.end
        either = re.compile(rf"<(/?){tag.name}(?=[\s/>])[^<>]*+>", re.IGNORECASE)
        while self.patience > 0 and (found := either.search(self.text, at)):
            self.patience -= found.end() - at
            at = found.end()
            depth += -1 if found[1] else 1
            if not depth:
                return at
        return tag.end

    def __iter__(self) -> Iterator[str | _Tag]:
        """Text and tags in turn; comments, declarations and what isn't seen left out."""
        while (start := self.text.find("<", self.position)) >= 0:
            if start > self.position:
                yield self.text[self.position : start]
            self.position = self.unseen(start)
            if self.position > start:
                continue
            tag = self.tag(start)
            if tag is None:
                self.position = start + 1
                yield "<"
                continue
            self.position = tag.end
            if tag.name in _UNSEEN and not tag.closing and (span := self.closing(tag.name, tag.end)):
                self.position = span[1]
            else:
                yield tag
        if self.position < len(self.text):
            yield self.text[self.position :]

    def unseen(self, start: int) -> int:
        """The end of the comment or declaration at `start`, `start` if there is none."""
        if self.text.startswith("<!--", start):
            end = self.find("-->", start + 4)
            return end + 3 if end >= 0 else start + 4
        if self.text.startswith("<![CDATA[", start):
            return start + 9
        if self.text.startswith(("<!", "<?"), start) and self.text[start + 2 : start + 3].isalpha():
            end = self.find(">", start + 2)
            return end + 1 if end >= 0 else start
        return start


def _attribute(tag: _Tag, name: str) -> str:
    for match in _ATTRIBUTE.finditer(tag.attributes):
        if match["name"].lower() == name:
            return decode(match["a"] or match["b"] or match["c"] or "").strip()
    return ""


def _is_box(tag: _Tag) -> bool:
    """True for an element whose class or id says that it is no copy."""
    return any(
        match["name"].lower() in ("class", "id")
        and not _BOXES.isdisjoint((match["a"] or match["b"] or match["c"] or "").lower().replace("_", "-").split())
        for match in _ATTRIBUTE.finditer(tag.attributes)
    )


class _Writer:
    """Writes the text that tags and text make; boxes in a box are text like all in it."""

    def __init__(self, in_box: bool = False) -> None:
        self.out: list[str] = []
        self.links: list[str] = []
        self.captions: list[str] = []
        self.lists: list[int] = []
        """The open lists: the number of the last item, -1 where items have none."""
        self.cells = 0
        """Cells so far in the row."""
        self.verbatim = 0
        """Open `pre` elements."""
        self.removed: list[str] = []
        """Lines of boxes around the copy."""
        self.in_box = in_box

    def read(self, body: str) -> None:
        """Writes a fragment. A figure's texts and every `figcaption` go to the captions."""
        tags = _Tags(body)
        no_figure_before = 0
        for piece in tags:
            if isinstance(piece, str):
                self.text(piece)
                continue
            if piece.name in ("figure", "figcaption") and not piece.closing and piece.start >= no_figure_before:
                span = tags.closing(piece.name, piece.end)
                if span and not _NO_FIGURE.search(body, piece.end, span[0]):
                    self.caption(body[piece.end : span[0]])
                    tags.position = span[1]
                    self.out.append("\n\n")
                    continue
                no_figure_before = span[1] if span else len(body)
            if piece.attributes and piece.name in _BOXED and not (piece.closing or self.in_box) and _is_box(piece):
                end = tags.matching(piece)
                if end > piece.end:
                    self.box(body[piece.end : end])
                    tags.position = end
                    self.out.append("\n\n")
                    continue
            self.tag(piece)

    def caption(self, fragment: str) -> None:
        """What a figure says. Its fragment ends at the first closing tag, so nesting ends here."""
        inner = _Writer()
        inner.read(fragment)
        self.links += inner.links
        self.captions += inner.captions
        self.captions += (line for line in inner.written().split("\n") if line)

    def box(self, fragment: str) -> None:
        """What a box says is no copy, but none of it is lost."""
        inner = _Writer(in_box=True)
        inner.read(fragment)
        self.removed += (line for line in inner.written().split("\n") if line)

    def written(self) -> str:
        """The text so far, without lines that only repeat the text of a picture in them or right before them."""
        lines: list[str] = []
        pictures: list[str] = []
        for raw in "".join(self.out).split("\n"):
            line = raw.strip()
            if _PICTURE in line:
                parts = line.split(_PICTURE)
                pictures += (self.captions[int(number)] for number in parts[1::2])
                line = "".join(parts[::2]).strip()
            if line and line in pictures:
                pictures.remove(line)
                continue
            if line and _PICTURE not in raw:
                pictures.clear()
            lines.append(_SPACES.sub(" ", line) if "  " in line else line)
        return "\n".join(lines).replace(_FIXED_SPACE, " ").strip()

    def text(self, text: str) -> None:
        """Writes text; outside of `pre` its line breaks are blanks."""
        text = decode(text).replace(_PICTURE, "")
        if self.verbatim:
            text = text.replace(" ", _FIXED_SPACE)
        elif "\n" in text or "\t" in text:
            text = _WHITESPACE.sub(" ", text)
        self.out.append(text)

    def tag(self, tag: _Tag) -> None:
        """Writes what a tag means for the text."""
        name = tag.name
        if name in _BLOCKS:
            self.out.append("\n\n")
            if name in ("ol", "ul"):
                if not tag.closing:
                    self.lists.append(0 if name == "ol" else -1)
                elif self.lists:
                    self.lists.pop()
            elif name == "pre":
                self.verbatim = max(0, self.verbatim + (-1 if tag.closing else 1))
        elif name in _LINES:
            if name == "br" or not tag.closing:
                self.out.append("\n" + self.bullet() if name == "li" else "\n")
            self.cells = 0
        elif tag.closing:
            pass
        elif name in ("td", "th"):
            self.out.append(" | " if self.cells else "")
            self.cells += 1
        elif name == "a":
            target = _attribute(tag, "href")
            if target and not target.startswith(("#", "javascript:")):
                self.links.append(target)
        elif name == "img":
            alt = " ".join(_attribute(tag, "alt").split())
            if alt and not any(map(str.isalnum, alt)):
                self.out.append(alt)  # an emoji drawn as a picture
            elif is_alt_text(alt):
                self.out.append(f"{_PICTURE}{len(self.captions)}{_PICTURE}")
                self.captions.append(alt)

    def bullet(self) -> str:
        """What stands before a list's next item."""
        if not self.lists or self.lists[-1] < 0:
            return "- "
        self.lists[-1] += 1
        return f"{self.lists[-1]}. "


def to_text(body: str) -> Plain:
    """An HTML body as plain text.

    Block elements make paragraphs, `br` and list items lines, table rows lines with cells joined by " | "; text after
    an inline element is kept like all text. Scripts, styles, comments, forms' choices and players go; boxes that their
    class calls advertisements, newsletters or other articles are `removed`; what a figure says goes to the captions,
    beside image texts. Character references are decoded once, twice-escaped ones as well.
    """
    writer = _Writer()
    writer.read(body.replace(_PICTURE, "").replace(_FIXED_SPACE, ""))
    return Plain(writer.written(), tuple(writer.links), tuple(writer.captions), tuple(writer.removed))
