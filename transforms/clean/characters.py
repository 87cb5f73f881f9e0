"""Broken, invisible and exotic characters: texts in, mended texts out.

Feeds arrive with UTF-8 read as something else, control codes, soft hyphens and a dozen kinds of space. Nearly all
texts have none of it, so one look-up per character (`marks`) says which of the rules here are worth running at all.
What is kept on purpose: quotes and dashes as typed, full-width forms, ligatures, digits, currency signs, emoji.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cache

import ftfy
import numpy as np
import numpy.typing as npt

FTFY = ftfy.TextFixerConfig(
    unescape_html=False,  # a text body may speak of "&amp;"; bodies that are HTML are decoded by their own reader
    remove_terminal_escapes=False,  # wire copy has none, and "\x1b[31m" holds digits
    fix_encoding=True,  # what it is here for: UTF-8 that was read as Windows-1252, 1251, Mac Roman, …
    restore_byte_a0=True,  # "Ã " is "à" whose second byte was taken for a space
    replace_lossy_sequences=True,  # "â€�" cannot be saved: one replacement character instead of three wrong letters
    decode_inconsistent_utf8=True,  # a quote that is broken in a line that is otherwise right
    fix_c1_controls=False,  # own rule, which also drops the five that Windows-1252 leaves undefined
    fix_latin_ligatures=False,  # as written
    fix_character_width=False,  # Chinese and Japanese text is full-width on purpose: "，１０％"
    uncurl_quotes=False,  # as written
    fix_line_breaks=False,  # own rule: NEL may be half of a broken character
    fix_surrogates=False,  # texts have none
    remove_control_chars=False,  # own rule: some of them separate lines
    normalization=None,  # own rule (NFC), for all texts and not only for broken ones
)

# What a character may be, one bit each; a text's marks are the bits of all its characters.
CONTROL = 1
INVISIBLE = 2
SPACE = 4
COMPOSABLE = 8
_FIRST_PAIR = 16  # from here on two bits for each family of encodings: lead byte, continuation byte
# Marks of a whole text, above the table's sixteen bits.
BROKEN = 1 << 16  # two neighbours that look like bytes of UTF-8
STRAY_A = 1 << 17
_MARKS = CONTROL | INVISIBLE | SPACE | COMPOSABLE | BROKEN | STRAY_A

# Families of encodings that UTF-8 gets mistaken for: (codecs, the lead bytes to look for). Western text is read with
# every lead byte; in the others only those that begin Latin letters with accents, quotes and dashes, or the family's
# own alphabet, because the rest are everyday letters there. ftfy has the last word on every line that is found.
_FAMILIES: tuple[tuple[tuple[str, ...], bytes], ...] = (
    (("latin-1", "cp1252", "cp1254"), bytes(range(0xC2, 0xF5))),
    (("cp1250", "iso-8859-2", "cp1257"), b"\xc2\xc3\xe2"),
    (("cp1251",), b"\xc2\xc3\xd0\xd1\xe2"),
    (("cp1253",), b"\xc2\xc3\xe2"),
    (("mac-roman",), b"\xc2\xc3\xe2"),
    (("cp437",), b"\xc2\xc3\xe2"),
)
_CONTINUATION = bytes(range(0x80, 0xC0))

_LINE_SEPARATORS = "\x0b\x0c\x1c\x1d\x1e\u2028\u2029"
_INVISIBLES = "\xad\u180e\u200b\u200c\u200d\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb"
_SPACES = "\xa0\u1680\u2000-\u200a\u202f\u205f\u3000"

# Joiners shape the letters of Arabic, Syriac, Mongolian and Indic scripts, and hold emoji together (also after a
# variation selector or skin tone).
_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc\ufe0f\u20e3"
    "\u2190-\u2bff\U0001f000-\U0001faff"
)
_NO_SPACES = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer: U+200B marks their word ends
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
_INVISIBLE = re.compile(
    f"(?<![{_JOINING}])[\u200c\u200d]|[\u200c\u200d](?![{_JOINING}])|(?<![{_NO_SPACES}])\u200b|\u200b(?![{_NO_SPACES}])"
    "|[\xad\u180e\u2060-\u2064\ufeff\ufff9-\ufffb]"
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_SPACE = re.compile(f"[{_SPACES}][ \t{_SPACES}]*+")
# Codes that separate lines become line feeds, the unit separator a blank; C1 codes were meant as Windows-1252.
_CONTROLS = (
    dict.fromkeys((*range(0x09), *range(0x0E, 0x20), *range(0x7F, 0xA0)), "")
    | {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
    | dict.fromkeys(map(ord, _LINE_SEPARATORS), "\n")
    | {0x1F: " "}
)
# "Â" is what is left of a no-break space whose second byte became a plain space. A capital before it may be a word in
# capitals that really ends in it.
_STRAY_A = re.compile(r"(?<![A-ZÀ-ÞĀ-Ž])Â(?=[ \xa0\n]|$)")


def _characters(ranges: str) -> Iterator[str]:
    """The characters of a regular expression's class."""
    for match in re.finditer("(.)(?:-(.))?", ranges, re.DOTALL):
        first, last = match[1], match[2] or match[1]
        yield from map(chr, range(ord(first), ord(last) + 1))


def _decoded(data: bytes, codecs: tuple[str, ...]) -> str:
    return "".join(sorted({bytes([byte]).decode(codec, "ignore") for byte in data for codec in codecs}))


@cache
def _table() -> npt.NDArray[np.uint16]:
    """The bits of each character."""
    table = np.zeros(0x110000, np.uint16)
    for bit, ranges in (
        (CONTROL, _LINE_SEPARATORS + "\x00-\x08\x0e-\x1b\x1f\x7f-\x9f"),
        (INVISIBLE, _INVISIBLES),
        (SPACE, _SPACES),
    ):
        for character in _characters(ranges):
            table[ord(character)] |= bit
    # What NFC may change: combining characters, those that aren't in this form, second halves of pairs. The blocks of
    # Han and Hangul that are left out, and what is above, have none.
    for code in (*range(0xC0, 0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x1F000), *range(0x2F800, 0x2FA20)):
        character = chr(code)
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            table[int(parts[1], 16)] |= COMPOSABLE
        joins = unicodedata.combining(character) or 0x1160 < code < 0x1200  # vowels and finals of Hangul
        if joins or not unicodedata.is_normalized("NFC", character):
            table[code] |= COMPOSABLE
    for family, (codecs, leads) in enumerate(_FAMILIES):
        bit = _FIRST_PAIR << (2 * family)
        for character in _decoded(leads, codecs):
            table[ord(character)] |= bit
        # C1 controls stand for bytes that a codec leaves undefined, the replacement character for those that got lost.
        for character in _decoded(_CONTINUATION, codecs) + "".join(map(chr, range(0x80, 0xA0))) + "\ufffd":
            table[ord(character)] |= bit << 1
    table.flags.writeable = False
    return table


_LEADS = np.uint16(sum(_FIRST_PAIR << (2 * family) for family in range(len(_FAMILIES))))


def marks(text: str) -> int:
    """The marks of a text: which rules of this module could change it (a superset, found in one pass).

    The cost is some 5 ns a character, whatever the text.
    """
    bits = _table().take(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32))
    found = int(np.bitwise_or.reduce(bits))
    if found & int(_LEADS):
        if (((bits[:-1] & _LEADS) << 1) & bits[1:]).any():
            found |= BROKEN
        if "Â" in text:
            found |= STRAY_A
    return found & _MARKS


def _broken(line: str) -> bool:
    return bool(marks(line) & BROKEN)


def mend_encoding(text: str) -> str:
    """Text with mojibake turned back, as far as ftfy is sure of it; only lines that may have some are given to it."""
    return "\n".join(
        ftfy.fix_text(line, FTFY) if not line.isascii() and _broken(line) else line for line in text.split("\n")
    )


def drop_stray_a(text: str) -> str:
    """Text without the "Â" that a half-mended no-break space leaves before a space or at the end of a line."""
    return _STRAY_A.sub("", text)


def mend_controls(text: str) -> str:
    """Text without control characters.

    Those that separate lines become "\\n", C1 codes the Windows-1252 character they were meant to be.
    """
    return text.translate(_CONTROLS)


def drop_invisibles(text: str) -> str:
    """Text without soft hyphens, zero-width spaces and byte order marks.

    Joiners stay where they shape letters or emoji, direction marks where there is right-to-left text, zero-width
    spaces between letters of scripts that write no spaces.
    """
    text = _INVISIBLE.sub("", text)
    return text if _RIGHT_TO_LEFT.search(text) else _DIRECTION.sub("", text)


def plain_spaces(text: str) -> str:
    """Text in which every run of no-break, thin, wide … spaces is one plain space."""
    # A plain space in front stays the only one. It is no part of the pattern, which would try every space of a text.
    return _SPACE.sub(lambda run: "" if text[run.start() - 1 : run.start()] in (" ", "\t") else " ", text)


def compose(text: str) -> str:
    """Text in Unicode's form NFC: "e" + accent is "é", so that equal words are equal bytes.

    Not NFKC, which rewrites full-width forms, ligatures and fractions.
    """
    return unicodedata.normalize("NFC", text)
