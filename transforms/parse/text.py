"""Bytes to text, with what was guessed on the way.

In: an item's bytes, and the character set that it declares, if any. Out: its text, newlines as `\\n`, and flags:
`charset_guessed` where the bytes are neither what is declared nor the UTF-8 that wires send today and were read as
windows-1252, `charset_damaged` where a few bytes were broken.
"""

from __future__ import annotations

import codecs
import re

from transforms.parse.base import ParseError

# Control characters that no text holds; tab, newline, form feed and carriage return are fine, and agencies' old
# transmission signs (SOH, STX, ETX …) come alone, so a share decides; in a short text a few are a large share.
_CONTROL = bytes([*range(0x09), *range(0x0E, 0x20)])
_CONTROL_SHARE = 0.02
_FEW_CONTROLS = 8
# windows-1252 leaves five bytes undefined; like browsers do, they are read as the C1 controls of latin-1.
_UNDEFINED = {0x81: "\x81", 0x8D: "\x8d", 0x8F: "\x8f", 0x90: "\x90", 0x9D: "\x9d"}
_CP1252 = "".join(_UNDEFINED.get(i) or bytes([i]).decode("cp1252") for i in range(256))


# Declared names that mean another codec, as the WHATWG's encoding standard has it: what is labelled so is its superset.
_SUPERSETS = {
    "ascii": "", "utf-8": "", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "big5": "big5hkscs", "shift_jis": "cp932", "euc_kr": "cp949",
}  # fmt: skip
# The codecs that text is sent in; Python knows others that would run or unpack what they are given.
_CODECS = re.compile(r"iso8859-\d+|cp\d+|koi8-\w+|mac-\w+|gb18030|hz|big5hkscs|euc_jp|iso2022_\w+|johab|ptcp154")
# Of these the bytes are ASCII, so that they can't be told from it.
_SEVEN_BITS = ("hz", "iso2022_")


def decode(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """The text of `data` and the flags of what was guessed; ParseError `binary` where it is no text.

    `declared` is the name of a character set as the item states it (in an XML declaration, a header), or empty. What is
    valid UTF-8 is read as that whatever is declared: no other text is by chance.
    """
    text, flags = _declared(data, declared) or _decode(without_mark(data))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, flags


def _declared(data: bytes, declared: str) -> tuple[str, tuple[str, ...]] | None:
    """What the bytes are in the declared character set; None where that is none, or has nothing to say here."""
    codec = _codec(declared)
    seven_bits = codec.startswith(_SEVEN_BITS)
    if not codec or (data.isascii() and not seven_bits) or data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    if seven_bits and b"\x1b" not in data and b"~{" not in data:
        return None
    if not data.isascii():
        try:
            data.decode("utf-8")
            return None
        except UnicodeDecodeError:
            pass
    _refuse_binary(data, escapes=data.count(b"\x1b") if seven_bits else 0)
    if codec == "cp1252":
        return codecs.charmap_decode(data, "strict", _CP1252)[0], ()
    try:
        return data.decode(codec), ()
    except UnicodeDecodeError:
        lenient = data.decode(codec, "replace")
    # As with UTF-8: a few broken characters are damage, many are another character set.
    whole = len(lenient) - len(lenient.encode("ascii", "ignore"))
    return (lenient, ("charset_damaged",)) if whole > 20 * lenient.count("\ufffd") else None


def _codec(declared: str) -> str:
    """Python's name of a declared character set, empty for UTF-8 and for what is none."""
    try:
        name = codecs.lookup(declared.strip().lower().removeprefix("x-")).name
    except (LookupError, ValueError):
        return ""
    name = _SUPERSETS.get(name, name)
    return name if _CODECS.fullmatch(name) else ""


def without_mark(data: bytes) -> bytes:
    """`data` without its byte order mark; UTF-16, which only such a mark tells, as UTF-8.

    Raises ParseError `binary` where the mark promises UTF-16 and the bytes are none. A UTF-8 mark promises nothing:
    editors leave it on whatever they save.
    """
    for mark, encoding in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding).encode()
            except UnicodeDecodeError as error:
                cause = f"not the {encoding} that its first bytes promise: {error.reason}"
                raise ParseError("binary", cause) from error
    return data.removeprefix(codecs.BOM_UTF8)


def _refuse_binary(data: bytes, escapes: int = 0) -> None:
    controls = len(data) - len(data.translate(None, _CONTROL)) - escapes
    if b"\0" in data or controls > max(_FEW_CONTROLS, _CONTROL_SHARE * len(data)):
        raise ParseError("binary", f"not text: {controls} of {len(data)} bytes are control characters")


def _decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    _refuse_binary(data)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError:
        lenient = data.decode("utf-8", "replace")
    broken = lenient.count("\ufffd")
    whole = len(lenient) - len(lenient.encode("ascii", "ignore")) - broken
    # Random latin letters hardly ever form valid sequences, so a majority of valid ones is UTF-8 with damage.
    if whole > 4 * broken:
        return lenient, ("charset_damaged",)
    return codecs.charmap_decode(data, "strict", _CP1252)[0], ("charset_guessed",)
