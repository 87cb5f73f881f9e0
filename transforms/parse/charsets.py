"""Character sets: which one a name stands for, which one bytes are in, and text by either.

In: bytes, a declared name. Out: names of sets as browsers call them (`windows-1251`), and text. Names are read as
browsers read them (WHATWG, Encoding Standard): latin-1 and ASCII as windows-1252, GB 2312 and GBK as GB 18030, each set
as the superset that wires and programs mean by it. Nothing but these sets is ever decoded: Python's own names reach
compressors and escapes as well.
"""

from __future__ import annotations

import codecs
import re
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import NamedTuple

import chardet

WINDOWS_1252 = "windows-1252"
UTF_8 = "utf-8"

# Set -> Python's codecs for it: the first that can read the bytes does. cp950 maps punctuation as browsers do and has
# no Hong Kong characters; EUC-JP and ISO-2022-JP by the letter have no circled digits and no half-width kana.
_CODECS: dict[str, tuple[str, ...]] = {
    UTF_8: ("utf_8",),
    # Browsers take ASCII for windows-1252; here, bytes that are not ASCII make its declaration a wrong one.
    "us-ascii": ("ascii",),
    **{f"windows-{page}": (f"cp{page}",) for page in (874, 1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"iso-8859-{part}": (f"iso8859_{part}",) for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "koi8-r": ("koi8_r",),
    "koi8-u": ("koi8_u",),
    **{f"cp{page}": (f"cp{page}",) for page in (437, 775, 850, 852, 855, 857, 858, 862, 865, 866)},
    "macintosh": ("mac_roman",),
    "x-mac-cyrillic": ("mac_cyrillic",),
    "gb18030": ("gb18030",),
    "big5": ("cp950", "big5hkscs"),
    "shift_jis": ("cp932", "shift_jis_2004"),
    "euc-jp": ("euc_jp", "euc_jis_2004"),
    "euc-kr": ("cp949",),
    "iso-2022-jp": ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004"),
    "iso-2022-kr": ("iso2022_kr",),
    "hz-gb-2312": ("hz",),
    "utf-7": ("utf_7",),
    **{f"utf-{bits}{order}": (f"utf_{bits}_{order}",) for bits in (16, 32) for order in ("le", "be")},
}
WIDE = frozenset(name for name in _CODECS if name.startswith(("utf-16", "utf-32")))
"""Sets in which ASCII is more than a byte a character."""
SEVEN_BIT = frozenset(["iso-2022-jp", "iso-2022-kr", "hz-gb-2312", "utf-7"])
"""Sets that write everything in the bytes of ASCII."""
MULTI_BYTE = frozenset(["gb18030", "big5", "shift_jis", "euc-jp", "euc-kr"])
"""Sets in which bytes above ASCII come in groups, and not all groups are characters."""

# What Python calls the sets, and what browsers take for them; as they stand in `aliases`, in lower case with `_`.
_NAMES: dict[str, str] = {
    **{codec: name for name, names in _CODECS.items() for codec in names},
    **dict.fromkeys(("latin_1", "cp1252", "iso8859_1", "ansi"), WINDOWS_1252),
    "utf_8_sig": UTF_8, "unicode_1_1_utf_8": UTF_8, "unicode11utf8": UTF_8, "unicode20utf8": UTF_8, "utf8mb4": UTF_8,
    "latin_9": "iso-8859-15", "iso8859_9": "windows-1254", "iso_8859_8_i": "iso-8859-8", "iso_8859_8_e": "iso-8859-8",
    "hz_gb_2312": "hz-gb-2312", "iso8859_11": "windows-874", "tis_620": "windows-874", "dos_874": "windows-874",
    "koi": "koi8-r", "koi8": "koi8-r", "koi8_ru": "koi8-u",
    "gb2312": "gb18030", "gbk": "gb18030", "cp936": "gb18030", "csgb2312": "gb18030", "gb_2312_80": "gb18030",
    "windows_936": "gb18030",
    "big5": "big5", "big5_hkscs": "big5", "cn_big5": "big5", "windows_950": "big5",
    "shift_jis": "shift_jis", "shift_jisx0213": "shift_jis", "sjis": "shift_jis", "ms932": "shift_jis",
    "windows_932": "shift_jis", "windows_31j": "shift_jis", "euc_jisx0213": "euc-jp", "eucjp": "euc-jp",
    "euc_kr": "euc-kr", "ks_c_5601_1989": "euc-kr", "ksc_5601": "euc-kr", "windows_949": "euc-kr",
    "iso2022_jp_1": "iso-2022-jp", "iso2022_jp_2": "iso-2022-jp", "iso2022_jp_3": "iso-2022-jp",
    "utf_16": "utf-16le", "utf_32": "utf-32le", "ucs_2": "utf-16le", "iso_10646_ucs_2": "utf-16le",
    "mac_roman": "macintosh", "mac": "macintosh", "mac_ukrainian": "x-mac-cyrillic",
}  # fmt: skip
# `win1251`, `windows_1251`, `cp_1251`, `cp-win1251`
_PAGE = re.compile(r"(?:cp_?)?(?:win(?:dows)?_?|cp_)(?=\d{3,4}$)")
# No set has a longer name.
_LONGEST_NAME = 40

# Of the sets that wires use, those that chardet may find. Without the Macintosh sets, which it takes for others in
# headlines, without ISO 8859-15, which differs from windows-1252 in eight signs, and without UTF-7, which is never
# guessed: `+AD4-` is text.
_SOUGHT = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "koi8-r",
    "koi8-u", "cp850", "cp852", "cp866", "iso8859-2", "iso8859-5", "iso8859-6", "iso8859-7", "big5hkscs", "gb18030",
    "cp932", "euc-jp", "cp949",
)  # fmt: skip
# Detection looks at so many bytes of what is beyond ASCII and of the ASCII around it. On headlines of 60 bytes in an
# NITF document of 1.5 kB, the right set is found for 99% so, and for 23% if it looks at all.
_LOOKED_AT = 65_536
_CONTEXT = 40
# What ends a phrase; all of it below the bytes that can be the second of two.
_ENDS = rb"\x00-\x1f<>\"&;=/"
_LEAD = re.compile(rb"[^%b]*\Z" % _ENDS)
_PHRASE = re.compile(rb"(?:[\x80-\xff][^\x80-\xff%b]{0,%d})+" % (_ENDS, _CONTEXT))
_HIGH = re.compile(rb"[\x80-\xff]")
# What is not written in Latin letters has several in a row beyond ASCII. A text with a few of them apart is in a set
# for Latin letters, and not in one of DOS, in which `ø` would be a degree sign. One letter alone, as in a name, tells
# no set, and by far the most that nothing declares is windows-1252. Of sentences with two or three such letters 98% in
# windows-1252 are read right so, and 94% in windows-1250.
_ROW = re.compile(rb"[\x80-\xff]{3}")
_FEW_LETTERS, _FEW_KINDS = 4, 3
_LATIN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859-2")
# What windows-1252 has for signs beside the letters, where it is no part of a word: a text that has nothing else above
# ASCII (`£5`, `50°C`, `don’t`, dashes, quotes) shows no language that a set could be told by.
_SIGN = re.compile(
    rb"\x92|(?<![A-Za-z\x80-\xff])[\x80-\xbf](?![A-Za-z\x80-\xff])|(?<=[0-9])[\x80-\xbf](?![\x80-\xff])"
    rb"|(?<![A-Za-z\x80-\xff])[\x91\x93\x96]|[\x85\x94\x97](?![A-Za-z\x80-\xff])"
)

# windows-1252 leaves five bytes undefined; like browsers do, they are read as the C1 controls of latin-1.
_UNDEFINED = {0x81: "\x81", 0x8D: "\x8d", 0x8F: "\x8f", 0x90: "\x90", 0x9D: "\x9d"}
_CP1252 = "".join(_UNDEFINED.get(i) or bytes([i]).decode("cp1252") for i in range(256))
_ARE_UNDEFINED = bytes(_UNDEFINED)

_MARKS = (
    # The mark of UTF-32 begins with that of UTF-16, so it comes first.
    (codecs.BOM_UTF32_LE, "utf-32le"),
    (codecs.BOM_UTF32_BE, "utf-32be"),
    (codecs.BOM_UTF16_LE, "utf-16le"),
    (codecs.BOM_UTF16_BE, "utf-16be"),
    (codecs.BOM_UTF8, UTF_8),
)
_MARK_BEGINS = frozenset(mark[:1] for mark, _ in _MARKS)
# Which bytes are zero in two characters of ASCII.
_ZEROS = (
    ((False, True, True, True) * 2, "utf-32le"),
    ((True, True, True, False) * 2, "utf-32be"),
    ((False, True) * 2, "utf-16le"),
    ((True, False) * 2, "utf-16be"),
)


class Read(NamedTuple):
    """Bytes read by a character set."""

    text: str
    """With U+FFFD for what could not be read."""
    broken: int
    """How many bytes or groups of bytes could not be read."""
    whole: int
    """How many characters beyond ASCII could."""
    damaged: bool = False
    """True where the text shows it."""

    @property
    def plausible(self) -> bool:
        """True where this may be the set, if damaged: what is read in a wrong one breaks more often."""
        return not self.broken or self.whole > 4 * self.broken


def known(declared: str) -> str:
    """The set that a declared name stands for, empty where it stands for none that is known here."""
    if len(declared) > _LONGEST_NAME or not declared.isascii():
        return ""
    name = normalize_encoding(declared.strip().strip("\"'").lower())
    short = name.removeprefix("x_")
    for form in (name, short, _PAGE.sub("cp", short)):
        if form in _NAMES or aliases.get(form) in _NAMES:
            return _NAMES.get(form) or _NAMES[aliases[form]]
    return ""


def marked(data: bytes) -> tuple[str, int]:
    """The set that a byte order mark names, and the mark's length; empty and 0 where there is none."""
    if data[:1] not in _MARK_BEGINS:
        return "", 0
    return next(((name, len(mark)) for mark, name in _MARKS if data.startswith(mark)), ("", 0))


def wide(data: bytes) -> str:
    """UTF-16 or UTF-32 where no mark names it, else empty; it is for the reader to see whether the rest agrees.

    What all formats begin with is ASCII, so that the zeros of the first two characters tell.
    """
    if b"\0" not in data[:4]:
        return ""
    zeros = tuple(byte == 0 for byte in data[:8])
    return next((name for pattern, name in _ZEROS if zeros[: len(pattern)] == pattern), "")


def read(data: bytes, name: str) -> Read:
    """`data` as the text of a set (a name that `known` gives)."""
    if name == WINDOWS_1252:
        text = codecs.charmap_decode(data, "strict", _CP1252)[0]
        broken = len(data) - len(data.translate(None, _ARE_UNDEFINED))
        return Read(text, broken, _beyond_ascii(text) - broken)
    for codec in _CODECS[name]:
        try:
            text = data.decode(codec)
            if name == "utf-7":
                # It alone can write half of a surrogate pair.
                text.encode()
        except UnicodeError:
            continue
        return Read(text, 0, _beyond_ascii(text))
    text = data.decode(_CODECS[name][0], "replace").encode("utf-8", "replace").decode()
    broken = max(1, text.count("\ufffd"))
    return Read(text, broken, _beyond_ascii(text) - broken, damaged=True)


def detect(data: bytes) -> str:
    """The set that bytes which are no UTF-8 are most likely in; windows-1252 where nothing speaks for another."""
    sample = _sample(data)
    letters = _HIGH.findall(_SIGN.sub(b"", sample))
    sought: tuple[str, ...] = _SOUGHT
    if not _ROW.search(sample) and (len(letters) < _FEW_LETTERS or len(set(letters)) < _FEW_KINDS):
        if len(set(letters)) < 2:
            return WINDOWS_1252
        sought = _LATIN
    found = chardet.detect(sample, compat_names=False, include_encodings=sought)["encoding"]
    return known(found or "") or WINDOWS_1252


def _sample(data: bytes) -> bytes:
    """The phrases that have something beyond ASCII: much markup or English around them would tell the set instead."""
    phrases: list[bytes] = []
    size = at = 0
    while size < _LOOKED_AT and (high := _HIGH.search(data, at)):
        begin = high.start()
        lead = _LEAD.search(data[max(at, begin - _CONTEXT) : begin])
        rest = _PHRASE.match(data, begin, begin + _LOOKED_AT)
        phrases.append((lead[0] if lead else b"") + (rest[0] if rest else b""))
        size += len(phrases[-1])
        at = rest.end() if rest else begin + 1
    return b" ".join(phrases)


def _beyond_ascii(text: str) -> int:
    return 0 if text.isascii() else len(text) - len(text.encode("ascii", "ignore"))
