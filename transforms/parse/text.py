"""Bytes to text, with what was guessed on the way.

In: an item's bytes, and the character set that it declares, if any. Out: its text, newlines as `\\n`, and flags:
`charset_guessed` where the bytes are not the UTF-8 that wires send today and were read as windows-1252,
`charset_damaged` where a few bytes of UTF-8 were broken.
"""

from __future__ import annotations

import codecs

from transforms.parse.base import ParseError

# Control characters that no text holds; tab, newline, form feed and carriage return are fine, and agencies' old
# transmission signs (SOH, STX, ETX …) come alone, so a share decides; in a short text a few are a large share.
_CONTROL = bytes([*range(0x09), *range(0x0E, 0x20)])
_CONTROL_SHARE = 0.02
_FEW_CONTROLS = 8
# windows-1252 leaves five bytes undefined; like browsers do, they are read as the C1 controls of latin-1.
_UNDEFINED = {0x81: "\x81", 0x8D: "\x8d", 0x8F: "\x8f", 0x90: "\x90", 0x9D: "\x9d"}
_CP1252 = "".join(_UNDEFINED.get(i) or bytes([i]).decode("cp1252") for i in range(256))


def decode(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """The text of `data` and the flags of what was guessed; ParseError `binary` where it is no text.

    `declared` is the name of a character set as the item states it (in an XML declaration, a header), or empty.
    """
    text, flags = _decode(without_mark(data))
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, flags


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


def _decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    controls = len(data) - len(data.translate(None, _CONTROL))
    if b"\0" in data or controls > max(_FEW_CONTROLS, _CONTROL_SHARE * len(data)):
        raise ParseError("binary", f"not text: {controls} of {len(data)} bytes are control characters")
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
