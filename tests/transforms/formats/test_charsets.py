"""Declared character sets, as feeds, pages and mail state them."""

from __future__ import annotations

import pytest

from transforms.parse.base import ParseError
from transforms.parse.text import decode
from transforms.parse.xml import document, name_of


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("привет, мир", "cp1251", "windows-1251"),
        ("привет, мир", "koi8-r", "KOI8-R"),
        ("漢字と仮名", "shift_jis", "Shift_JIS"),
        ("漢字と仮名", "shift_jis", "x-sjis"),
        ("漢字と仮名", "euc_jp", "EUC-JP"),
        ("漢字と仮名", "iso2022_jp", "ISO-2022-JP"),
        ("青屿大桥恢复单向通行，朱镕基", "gb18030", "gb2312"),
        ("渡輪加價", "big5", "big5"),
        ("한국어 기사", "cp949", "euc-kr"),
        ("“quotes” – dash", "cp1252", "iso-8859-1"),
    ],
)
def test_what_is_declared_is_read(text, encoding, declared):
    assert decode(text.encode(encoding), declared) == (text, ())


@pytest.mark.parametrize("declared", ["zip", "unicode_escape", "idna", "rot13", "utf-7", "x" * 1000, "a\0b", ""])
def test_what_is_no_character_set_is_guessed(declared):
    flags = ("charset_declared_wrong", "charset_guessed") if declared else ("charset_guessed",)
    assert decode(b"caf\xe9 +AGE- \\x41", declared) == ("café +AGE- \\x41", flags)


def test_what_is_declared_wrongly_is_guessed():
    assert decode(b"caf\xe9 \xff\xff x", "euc-jp")[1][:2] == ("charset_declared_wrong", "charset_guessed")


def test_a_little_damage_is_told():
    data = "привет, мир ".encode("euc_jp") * 10 + b"\xff"
    text, flags = decode(data, "euc-jp")
    assert text.startswith("привет")
    assert flags == ("charset_damaged",)


def test_bytes_that_are_no_text_are_none_in_any_character_set():
    with pytest.raises(ParseError, match="not text"):
        decode(b"\x00\x01\xff" * 100, "iso-8859-1")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"<a><m:b x:y='1'>t: u</m:b></a>", ["a", "b"]),
        (b"<m:a><m:b/></m:a>", ["a", "b"]),
        (b"<a xmlns:m='urn:m'><m:b/><n:c/></a>", ["a", "b", "c"]),
    ],
)
def test_prefixes_that_nobody_declared_are_mended(data, names):
    root, flags = document(data)
    assert [name_of(element) for element in root.iter()] == names
    assert flags == ("xml_mended",)


def test_too_many_of_them_are_refused():
    with pytest.raises(ParseError):
        document(b"<a>" + b"".join(b"<p%d:x/>" % number for number in range(1000)) + b"</a>")
