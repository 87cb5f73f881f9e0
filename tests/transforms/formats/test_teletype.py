"""What the teletype formats share: lines to paragraphs, national letters, day/time groups, identities."""

from __future__ import annotations

import textwrap
import time
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.parse import teletype
from transforms.parse.base import ParseError

TEXT = "The ferry company wants higher fares and islanders have signed against it in great numbers since Monday."
FILLER = textwrap.wrap(TEXT, 60)
WORDS = st.lists(st.text(alphabet="abcdeABCDE", min_size=1, max_size=9), min_size=1, max_size=40)


@given(st.lists(WORDS, min_size=1, max_size=6), st.integers(40, 75), st.sampled_from(["blank", "indent", "tab"]))
def test_paragraphs_come_back_as_they_were_before_they_were_broken(paragraphs, width, mark):
    # One that needs two lines tells an indent from a margin.
    texts = [*(" ".join(words) for words in paragraphs), TEXT]
    wrapped = [textwrap.wrap(text, width, break_on_hyphens=False) for text in texts]
    if mark == "blank":
        lines = [line for lines in wrapped for line in (*lines, "")]
    else:
        sign = {"indent": "   ", "tab": "\t"}[mark]
        lines = [sign * (at == 0) + line for lines in wrapped for at, line in enumerate(lines)]
    assert teletype.paragraphs(lines) == "\n\n".join(texts)


@given(st.lists(st.text(alphabet="ab -\t*.1)", max_size=30), max_size=12))
def test_no_word_of_the_copy_is_lost(lines):
    assert "".join(teletype.paragraphs(lines).split()) == "".join("".join(lines).split())


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["support for low-", "income families"], "support for low-income families"),
        (["die CDU-", "Fraktion"], "die CDU-Fraktion"),
        (["Ober-", "und Unterhaus"], "Ober- und Unterhaus"),
        (["den gesamten Ver-", "kehr, sagt Verkehr"], "den gesamten Verkehr, sagt Verkehr"),
        (["Ver\u00ad", "kehr"], "Verkehr"),
        (["a pause -", "then more"], "a pause - then more"),
    ],
)
def test_a_hyphen_at_a_lines_end(lines, expected):
    assert teletype.paragraphs([*lines, "", "x" * 20]) == f"{expected}\n\n{'x' * 20}"


def test_tables_keep_lines_and_cells():
    lines = ["Results of the weekend, as far as they have come in until now:", "Aoba       3    1", "Minase     0    2"]
    assert teletype.paragraphs(lines).split("\n")[1:] == lines[1:]


def test_lists_keep_their_lines():
    lines = [*textwrap.wrap(TEXT, 60), "- one ferry to the north, which sails on weekdays at noon", "- two"]
    assert teletype.paragraphs(lines).split("\n") == [TEXT, *lines[-2:]]


def test_short_lines_are_no_broken_ones():
    lines = [*textwrap.wrap(TEXT, 60), "", "Glaciar (PE) 58", "Lago Azul (PE) 57.5", "Buena Estrella (CL) 56"]
    assert teletype.paragraphs(lines).split("\n")[2:] == lines[-3:]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("231205 Jan 17", ("2017-01-23 12:05", "2017-01-23")),
        ("101137 GMT Dez 18", ("2018-12-10 11:37 GMT", "2018-12-10")),
        ("091430Z MAR 2026", ("2026-03-09 14:30 UTC", "2026-03-09")),
        ("091430 MESZ Mrz 26", ("2026-03-09 14:30 CEST", "2026-03-09")),
        ("211005 août 19", ("2019-08-21 10:05", "2019-08-21")),
        ("211005 juin 19", ("2019-06-21 10:05", "2019-06-21")),
        ("211005 juil 19", ("2019-07-21 10:05", "2019-07-21")),
        ("010900 ene 79", ("1979-01-01 09:00", "1979-01-01")),
        ("call 120500 and 101137 for more", None),
        ("231205 Jam 17", None),
        ("", None),
    ],
)
def test_day_time_groups(text, expected):
    assert teletype.group_time(text) == expected


def test_a_zone_that_nobody_knows_leaves_the_day():
    sent = teletype.group_time("101137 QQT Dec 18")
    assert teletype.times_of(sent, UTC) == {"version_created": "2018-12-10 11:37 QQT", "date_line": "2018-12-10"}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"Die Br}cke f}r M{rz ist gro~ und nicht der M|bel", "Die Brücke für März ist groß und nicht der Möbel"),
        (b"Det {r n|d i Sk}ne och det som av en inte med den", "Det är nöd i Skåne och det som av en inte med den"),
        (b"Det er f|r p} og v{re ikke en av og ikke og", "Det er før på og være ikke en av og ikke og"),
        (b"Le caf} { la une et {t{", None),
        (b'{"a": [1, 2], "b": {"c": "der die das"}} a|b {x} c~d', None),
        (b"if (a) {b} else {c} der die das und von", None),
    ],
)  # fmt: skip
def test_national_letters(data, expected):
    text, flags = teletype.text_of(data)
    assert (text, flags) == ((expected, ("charset_guessed",)) if expected else (data.decode(), ()))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\r\n", b"\r"])
def test_ends_of_lines(end):
    assert teletype.text_of(b"a" + end + b"b" + end + end + b"c")[0] == "a\nb\n\nc"


def test_control_characters_go_and_the_frame_stays():
    assert teletype.text_of(b"\x16\x16\x01h\x07\n\x02te\x0fxt\x02\n\x03t\x00ail\x04\x7f")[0] == "h\n\x02text\n\x03tail"


def test_identity_leaves_out_what_headers_shorten():
    whole = teletype.guid_of("NSP", "2026-03-09", "BC-US--Giant Lobster-Death", "")
    assert whole == teletype.guid_of("nsp", "2026-03-09", "BC-US--GiantLobsterDeath", "")
    assert whole != teletype.guid_of("nsp", "2026-03-09", "BC-US--GiantLobsterDeath", "add 1")
    assert teletype.guid_of("nsp", "", "slug", "") == teletype.guid_of("nsp", "day", "--", "") == ""


def test_limits():
    with pytest.raises(ParseError, match="over") as raised:
        teletype.text_of(b"a" * 1_000_001)
    assert raised.value.kind == "too_large"
    with pytest.raises(ParseError, match="over"):
        list(teletype.messages(b"", range(10_001)))
    with pytest.raises(ParseError, match="lines"):
        list(teletype.messages(b"\n" * 200_001, [0]))
    with pytest.raises(ParseError, match="bytes"):
        list(teletype.messages(b"a" * 12_000_001, [0]))


@pytest.mark.parametrize(
    "piece", [b"- \n", b"a   b\n", b"a-\n", b"{a", b"1", b" ", b"\r", b"010101 ", b"a\n", b"\x02\x03"], ids=repr
)
def test_hostile_text_takes_no_time(piece):
    begun = time.perf_counter()
    text, _ = teletype.text_of(piece * (300_000 // len(piece)))
    teletype.paragraphs(text.split("\n"))
    teletype.group_time(text)
    assert time.perf_counter() - begun < 3


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["SPRING HANDICAP", "Grey Heron (AUS) 58.0", "Old Lamp (NZ) 57.5"], None),
        (["x" * 130, "y" * 125], f"{'x' * 130}\n\n{'y' * 125}"),
        (["First race", "", "  4.50 Grey Heron", " 11.00 Old Lamp", "  7.00 Tin Roof", "", *FILLER],
         f"First race\n\n4.50 Grey Heron\n11.00 Old Lamp\n7.00 Tin Roof\n\n{TEXT}"),
        (["The man who runs the yard in Vesterø calls the trade rather odd",
          "- which is why he would not like to be named in any newspaper."],
         "The man who runs the yard in Vesterø calls the trade rather odd - which is why he would not like to be named "
         "in any newspaper."),
        (["- a note to editors on the fare of the ferry to Vesterø and", "  the islands", "- one more", "", *FILLER],
         f"- a note to editors on the fare of the ferry to Vesterø and the islands\n- one more\n\n{TEXT}"),
    ],
    ids=["a list of short lines", "a line for each paragraph", "rows set right", "a dash", "an item of two lines"],
)  # fmt: skip
def test_lines_that_were_ended_on_purpose(lines, expected):
    assert teletype.paragraphs(lines) == (expected or "\n".join(lines))
