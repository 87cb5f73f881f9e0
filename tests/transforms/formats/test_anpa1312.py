"""ANPA 1312 as agencies send it: frames, the lines above the copy, times, what kills what, hostile input."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article, RawItem, Reject
from transforms.parse import Sample, formats, parse
from transforms.parse.times import iso

FIRST = "w2870\x1fasian"
SECOND = "u i\x13\x11 BC-LT--Fire     03-09 0152"
SLUG = "^BC-LT--Fire,152<\n"
HEAD = "^Two missing in fire<\n"
COPY = "\t   CALDER HAVEN (NSP) _ A cold store burned.<\n"
SENT = "NSP-WF-03-09-26 0815GMT<"


def message(first=FIRST, second=SECOND, head=SLUG + HEAD, copy=COPY, sent=SENT):
    return f"\x16\x16\x01{first}\r\n{second}\r\n\x02{head}{copy}\x03\r\n\t   {sent}\r\n\x04"


def read(text):
    return list(parse(RawItem("x", text if isinstance(text, bytes) else text.encode("latin-1"), 0)))


def one(text):
    (found,) = read(text)
    assert isinstance(found, Article), found
    assert found.source_format == "anpa1312"
    return found


FRAMES = {
    "as it should be": message(),
    "no controls": message().translate(dict.fromkeys([1, 2, 3, 4, 17, 19, 22, 31])),
    "CR CR LF": message().replace("\r\n", "\n").replace("\n", "\r\r\n"),
    "LF": message().replace("\r\n", "\n"),
    "agate, tabular": message(second=SECOND.replace("\x13\x11", "\x14\x12")),
    "typesetting": message(copy=COPY.replace("store", "\x0cf9\x0bstore").replace(" burned", "\x1eburned")),
}


@pytest.mark.parametrize("frame", FRAMES)
def test_frames(frame):
    article = one(FRAMES[frame])
    assert (article.guid, article.headline) == ("nsp:2026-03-09:ltfire", "Two missing in fire")
    assert article.body == "CALDER HAVEN (NSP) — A cold store burned."
    assert (article.priority, article.subjects[0].code, article.provider) == (3, "i", "NSP")
    assert iso(article.version_created.time) == "2026-03-09T08:15:00Z"


@pytest.mark.parametrize(
    ("sent", "expected", "assumed"),
    [
        ("NSP-WF-03-09-26 0815GMT<", "2026-03-09T08:15:00Z", False),
        ("NSP-NY-03-09-26 0415EDT", "2026-03-09T08:15:00Z", False),
        ("16:35ET 31-10-14<", "2014-10-31T20:35:00Z", False),
        ("16:35ET 31-12-14<", "2014-12-31T21:35:00Z", False),
        ("ABW-21:37-09-12-18", "2018-12-09T21:37:00Z", True),
    ],
)
def test_times(sent, expected, assumed):
    found = one(message(sent=sent)).version_created
    assert (iso(found.time), found.zone_assumed) == (expected, assumed)


def test_without_a_year_there_is_no_time():
    article = one(message(sent=""))
    assert (article.version_created, article.guid) == (None, "w:03-09:ltfire")


def test_the_night_before_new_year_belongs_to_the_old_one():
    guids = {
        one(message(second=SECOND.replace("03-09", "12-31"), sent=sent)).guid
        for sent in ("NSP-WF-12-31-25 2250GMT<", "NSP-WF-01-01-26 0310GMT<")
    }
    assert guids == {"nsp:2025-12-31:ltfire"}


def test_the_lines_above_the_copy():
    head = (
        "^*9006< ^BC-LT--Fire, 2nd Ld-Writethru,152<\n^Two missing\nin fire<\n^NSP Photo CAL1, CAL2<\n^Eds: UPDATES.<\n"
        "^A cold store burns.<\n^By MARA OSTLER=\n^North Sea Press=\n"
    )
    article = one(message(head=head))
    assert article.headline == "Two missing in fire"
    assert (article.slugline, article.stated_version, article.signal) == ("BC-LT--Fire", "2", "update")
    assert article.ed_note == "NSP Photo CAL1, CAL2\nEds: UPDATES."
    assert (article.byline, article.credit, article.description) == (
        "MARA OSTLER", "North Sea Press", "A cold store burns.",
    )  # fmt: skip
    assert article.alternative_ids == ("w2870", "9006")


def test_named_lines():
    head = (
        "^Dollar-Markets, 7th Writethru@<\ncode:2<\n^Update:ADDS details@<\n^INDEX: Economy, Business@<\n"
        "^SYMBOL:TSX:IMQ@<\n"
        "^HL:Stock markets advance as bank seeks to fire up\neconomy@<\n^By Mara Ostler@<\n^THE NORTH PRESS@<\n"
    )
    article = one(
        message(second="r b\x13\x11 Dollar-Markets 7thWritethru TB06 31-10 588", head=head, sent="16:35ET 31-10-14<")
    )
    assert article.headline == "Stock markets advance as bank seeks to fire up economy"
    assert (article.keywords, article.stated_version) == (("Economy", "Business"), "7")
    assert [subject.code for subject in article.subjects] == ["b", "TSX:IMQ"]
    assert article.slugline == "Dollar-Markets"


def test_headlines_alone_are_the_text():
    article = one(message(head=SLUG + "^Top news\n^Ambrel found\n^Petrel calls home\n", copy="\n"))
    assert (article.headline, article.body) == ("Top news", "Ambrel found\n\nPetrel calls home")


def test_tables_keep_their_cells():
    copy = "\t   Results:\n\x08Aoba       3    1\n\x08Minase     0    2\n"
    assert one(message(copy=copy)).body.split("\n") == ["Results:", "Aoba       3    1", "Minase     0    2"]


def test_quotes_and_dashes_that_the_character_set_lacks():
    assert one(message(copy="\t   ``We heard it -- then nothing,'' she said _ twice.\n")).body == (
        "“We heard it — then nothing,” she said — twice."
    )


@pytest.mark.parametrize(
    ("slug", "same", "signal", "status"),
    [
        ("BC-LT--Fire,1st Ld", True, "update", "usable"),
        ("AP-LT--Fire, 2nd Ld-Writethru", True, "update", "usable"),
        ("BC-LT--Fire,CORRECTION", True, "correction", "usable"),
        ("BC-LT--Fire,KILL", True, "kill", "canceled"),
        ("BC-LT--Fire,WITHHOLD", True, "withhold", "withheld"),
        ("BC-LT--Fire,1st Add", False, "take", "usable"),
        ("AM-LT--Fire", False, "", "usable"),
        ("BC-LT--Fire-Box", False, "", "usable"),
    ],
)
def test_what_a_slug_says(slug, same, signal, status):
    article = one(message(first="a0001\x1f-----", head=f"^{slug},99<\n{HEAD}"))
    assert (article.guid == "nsp:2026-03-09:ltfire") == same
    assert (article.signal, article.pub_status) == (signal, status)


@pytest.mark.parametrize(
    ("text", "stage", "error"),
    [
        (message(head=f"^BC-LT--Fire,ADVISORY<\n{HEAD}"), "skip", "advisory"),
        (message(second=SECOND.replace("u i", "r v")), "skip", "advisory"),
        (message(head=SLUG, copy=""), "parse", "no_text"),
        (message(second="u i\x13\x11 BC-LT--Fire", head="^BC-LT--Fire,KILL<\n", sent=""), "parse", "kill"),
        (message(sent="NSP-WF-02-30-26 0815GMT<"), "parse", "time"),
    ],
)
def test_what_is_no_article(text, stage, error):
    (found,) = read(text)
    assert (found.stage, found.error) == (stage, error)


@pytest.mark.parametrize("controls", [True, False])
def test_one_broken_message_harms_no_other(controls):
    text = f"{message()}\n{message(head=SLUG, copy='')}\n{message()}"
    if not controls:
        text = text.translate(dict.fromkeys([1, 2, 3, 4, 17, 19, 22, 31]))
    assert [(type(one), one.position) for one in read(text)] == [(Article, 1), (Reject, 2), (Article, 3)]


@given(st.lists(st.lists(st.text("abcdeABC", min_size=1, max_size=9), min_size=1, max_size=30), min_size=1, max_size=5))
def test_text_is_whole(paragraphs):
    copy = "".join(f"\t   {' '.join(words)}\n" for words in paragraphs)
    assert one(message(copy=copy)).body == "\n\n".join(" ".join(words) for words in paragraphs)


@pytest.mark.parametrize(
    "text", ["w2870", "W2870asian\nsome text", "a1234\nb c d\n", "nsp0101 3 f 44  nsp 0101\nx", "^a<"]
)
def test_others_are_left_to_others(text):
    look = Sample.of(text.encode())
    assert "anpa1312" not in [form.name for form in formats() if form.recognise(look)]


@pytest.mark.parametrize(
    "piece", ["\x01a1234\nr a", "\x02", "^", "^a<", "^\n", "<", "\x0c", "_ ", "\t", "\n"], ids=repr
)
def test_hostile_input_takes_no_time(piece):
    begun = time.perf_counter()
    many = piece * 20_000
    for text in (message(copy=many), message(head=many), message(second=SECOND + many), f"\x01{FIRST}{many}", many):
        for found in read(text):
            assert isinstance(found, Article) or found.error != "unexpected"
    assert time.perf_counter() - begun < 4


def test_a_table_below_the_byline_is_copy():
    table = (
        "^EASTERN LEAGUE=\n^ W   L   Pct   GB\nCalder Haven 73  52  .584   _\nMillport 63  61  .508   9{\n\t   ___=\n"
    )
    article = one(
        message(head=f"{SLUG}^League Glance=\n^By The Northern Press=\n", copy=f"{table}^Monday's Games=\n\t   A\n")
    )
    assert (article.headline, article.byline, article.credit) == ("League Glance", "The Northern Press", "")
    assert article.body == (
        "EASTERN LEAGUE\nW   L   Pct   GB\nCalder Haven 73  52  .584   _\nMillport 63  61  .508   9½\n"
        "___\n\nMonday's Games\n\nA"
    )


def test_a_note_to_editors_may_stand_in_brackets():
    article = one(message(head=f"{SLUG}{HEAD}^(Eds: Minor edits. With NSP Photos.)<\n"))
    assert (article.ed_note, article.description) == ("(Eds: Minor edits. With NSP Photos.)", "")
