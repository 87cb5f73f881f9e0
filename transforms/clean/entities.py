"""HTML's character references and tags in short texts: a text in, the text without them out.

The standard library's `html.unescape` reads references without a semicolon ("&copy=2" in an address) and fails on
numbers of thousands of digits; here a reference has its semicolon and a sane length.
"""

from __future__ import annotations

import re
from html.entities import html5

# "&amp;#39;" was escaped twice: the ampersand's own references in front of another one belong to it.
_REFERENCE = re.compile(
    r"&(?:(?:amp|AMP|#0{0,5}38|#[xX]0{0,4}26);)*+"
    r"(?:#(?P<decimal>\d{1,7});|#[xX](?P<hex>[0-9a-fA-F]{1,6});|(?P<name>[A-Za-z][A-Za-z0-9]{1,31};))?+"
)

# Elements that a headline or a Markdown body may hold. A list, because "<AAPL.O>" and "5 <b" are text.
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|center|cite|code|del|div|em|figcaption|figure|font|h[1-6]|hr|i|iframe|img|ins"
    r"|li|mark|ol|p|picture|q|s|section|small|source|span|strike|strong|sub|sup|table|tbody|td|th|thead|time|tr|u|ul|wbr)"
    r"(?:[ \t\n][^<>]*+)?/?>",
    re.IGNORECASE,
)
_BREAKS = re.compile(r"</?(?:blockquote|br|div|figure|h[1-6]|hr|li|p|section|table|td|th|tr|ol|ul)\b", re.IGNORECASE)


def _character(match: re.Match[str]) -> str:
    name = match["name"]
    if name is not None:
        # A name that isn't one keeps what stood there, with one ampersand.
        return html5.get(name) or "&" + name
    if match["decimal"] is not None or match["hex"] is not None:
        code = int(match["decimal"]) if match["decimal"] is not None else int(match["hex"], 16)
        if 0x80 <= code < 0xA0:
            return bytes([code]).decode("cp1252", "ignore")  # as browsers do: "&#146;" is an apostrophe
        if code == 0 or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
            return "\ufffd"
        return chr(code)
    return "&"


def decode(text: str) -> str:
    """Text with its character references decoded, those escaped twice as well.

    `AT&amp;T` → `AT&T`, `&amp;#39;` → `'`; what is no reference stays: `R&D;`, `&copy=1`.
    """
    return _REFERENCE.sub(_character, text) if "&" in text else text


def strip_tags(text: str) -> str:
    """Text without the tags of known elements; those that break lines leave a space."""
    return _TAG.sub(lambda match: " " if _BREAKS.match(match[0]) else "", text) if "<" in text else text
