"""Bytes to text, with what was guessed on the way.

In: an item's bytes, and the character set that it declares, if any. Out: its text, newlines as `\\n`, and flags:

- `charset_guessed`: neither a declaration nor a mark says what the bytes are in, and they are not the UTF-8 that wires
  send today. They were read as windows-1252, or as the set that a second flag names (`charset_windows_1251`).
- `charset_declared_wrong`: the item declares a set that its bytes are not in, or one that is not known.
- `charset_damaged`: a few bytes were broken, and stand as U+FFFD.

What counts, in this order: UTF-16 and UTF-32 by their mark or their zeros, UTF-8 that can be no accident, what is
declared, detection.
"""

from __future__ import annotations

from transforms.parse import charsets
from transforms.parse.base import ParseError
from transforms.parse.charsets import MULTI_BYTE, SEVEN_BIT, UTF_8, WIDE, WINDOWS_1252

# Control characters that no text holds; tab, newline, form feed and carriage return are fine, and agencies' old
# transmission signs (SOH, STX, ETX …) come alone, so a share decides; in a short text a few are a large share.
_CONTROL = bytes([*range(0x09), *range(0x0E, 0x20)])
_CONTROL_SHARE = 0.02
_FEW_CONTROLS = 8
# How ISO-2022-JP switches to Japanese.
_TO_JAPANESE = (b"\x1b$B", b"\x1b$@")
# One character of GBK or Big5 in five or six is valid UTF-8 by accident, so a text of so many is not.
_NO_ACCIDENT = 5

_GUESSED, _WRONG, _DAMAGED = "charset_guessed", "charset_declared_wrong", "charset_damaged"


def decode(data: bytes, declared: str = "") -> tuple[str, tuple[str, ...]]:
    """The text of `data` and the flags of what was guessed; ParseError `binary` where it is no text.

    `declared` is the name of a character set as the item states it (in an XML declaration, a header), or empty.
    """
    narrow, wide, guessed = _narrow(data)
    if wide:
        text, flags = _decode(narrow, "")
        if declared and charsets.known(declared) not in WIDE:
            flags += (_WRONG,)
        if guessed and not declared:
            flags += _names(wide)
    else:
        text, flags = _decode(narrow, declared)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text, tuple(sorted(flags)) if flags else ()


def without_mark(data: bytes) -> bytes:
    """`data` without its byte order mark; UTF-16 and UTF-32 as UTF-8.

    Raises ParseError `binary` where the mark promises UTF-16 and the bytes are none. A UTF-8 mark promises nothing:
    editors leave it on whatever they save.
    """
    return _narrow(data)[0]


def _narrow(data: bytes) -> tuple[bytes, str, bool]:
    """What `without_mark` gives, the wide set that it was in, and whether that was guessed."""
    name, length = charsets.marked(data)
    if name == UTF_8:
        return data[length:], "", False
    guess = "" if name else charsets.wide(data)
    if not (name or guess):
        return data, "", False
    found = charsets.read(data[length:], name or guess)
    if not found.broken:
        return found.text.encode(), name or guess, bool(guess)
    if guess:
        return data, "", False
    raise ParseError("binary", f"not the {name} that its first bytes promise")


def _names(guess: str) -> tuple[str, ...]:
    """The flags of a guess."""
    return (_GUESSED,) if guess == WINDOWS_1252 else (_GUESSED, f"charset_{guess.replace('-', '_')}")


def _decode(data: bytes, declared: str) -> tuple[str, tuple[str, ...]]:
    name = charsets.known(declared) if declared else ""
    wrong = (_WRONG,) if declared else ()
    controls = len(data) - len(data.translate(None, _CONTROL))
    switches = name if name in SEVEN_BIT else ""
    if not switches and controls and any(switch in data for switch in _TO_JAPANESE):
        switches = "iso-2022-jp"
    if switches and data.isascii():
        found = charsets.read(data, switches)
        if found.whole and found.plausible:
            damage = (_DAMAGED,) if found.broken else ()
            return found.text, damage if name == switches else (*_names(switches), *damage, *wrong)
    if b"\0" in data or controls > max(_FEW_CONTROLS, _CONTROL_SHARE * len(data)):
        raise ParseError("binary", f"not text: {controls} of {len(data)} bytes are control characters")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return _other(data, name, wrong)
    if not declared or name == UTF_8 or text.isascii():
        return text, ()
    if name in MULTI_BYTE and len(text) - len(text.encode("ascii", "ignore")) < _NO_ACCIDENT:
        found = charsets.read(data, name)
        if not found.broken:
            return found.text, ()
    return text, wrong


def _other(data: bytes, name: str, wrong: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """The text of what is not valid UTF-8; `name` is the declared set, `wrong` the flags if it is not."""
    # Random latin letters hardly ever form valid sequences, so a majority of valid ones is UTF-8 with damage.
    utf_8 = charsets.read(data, UTF_8)
    if name and name not in WIDE | SEVEN_BIT | {UTF_8} and (name in MULTI_BYTE or not utf_8.plausible):
        found = charsets.read(data, name)
        if not found.broken or (found.plausible and not utf_8.plausible):
            return found.text, (_DAMAGED,) if found.damaged else ()
    if utf_8.plausible:
        return utf_8.text, (_DAMAGED,) if name == UTF_8 else (_DAMAGED, *wrong)
    del utf_8
    guess = charsets.detect(data)
    found = charsets.read(data, guess)
    if guess not in MULTI_BYTE:
        usual = charsets.read(data, WINDOWS_1252)
        if not found.plausible or found.text == usual.text:
            guess, found = WINDOWS_1252, usual
    return found.text, (*_names(guess), *([_DAMAGED] if found.damaged else []), *wrong)
