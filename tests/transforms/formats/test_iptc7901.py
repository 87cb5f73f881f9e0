"""IPTC 7901 as agencies send it: frames, headers, headlines, what kills what, hostile input."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article, RawItem, Reject
from transforms.parse import Sample, formats, parse

HEADER = "nsp0101 3 f 44  nsp 0101"
COPY = "Stockholm (nsp) - Tiveden Bank raised its offer\nfor Vesterø Kredit on Wednesday."
BODY = "Stockholm (nsp) - Tiveden Bank raised its offer for Vesterø Kredit on Wednesday."
GROUP = "111210 GMT Mar 26"


def message(header=HEADER, slug="Sweden-Banks/", head="Tiveden raises =", copy=COPY, group=GROUP):
    return f"\x01{header}\n{slug}\n\x02{head}\n\n{copy}\n\x03{group}\n\x04"


def read(text, encoding="latin-1"):
    data = text if isinstance(text, bytes) else text.encode(encoding)
    return list(parse(RawItem("x", data, 0)))


def one(text, encoding="latin-1"):
    (found,) = read(text, encoding)
    assert isinstance(found, Article), found
    assert found.source_format == "iptc7901"
    return found


FRAMES = {
    "as it should be": message(),
    "synchronised": f"\x16\x16{message()}\r\n\x7f\x7f",
    "CR LF": message().replace("\n", "\r\n"),
    "CR CR LF": message().replace("\n", "\r\r\n"),
    "LF CR": message().replace("\n", "\n\r"),
    "units for spaces": message().replace(HEADER, HEADER.replace(" ", "\x1f")),
    "filled": f"\x7f\x7f\n\x7f{message()}",
    "no controls": message().translate(dict.fromkeys(range(1, 5))),
    "no controls, empty line first": f"{HEADER}\n\nSweden-Banks/\nTiveden raises =\n\n{COPY}\n\n{GROUP}\n",
    "no controls, slug apart": f"{HEADER}\n\nSweden-Banks\n\nTiveden raises =\n\n{COPY}\n\n{GROUP}\n",
    "telex": f"ZCZC\n{HEADER}\nSweden-Banks/\nTiveden raises =\n\n{COPY}\n{GROUP}\nNNNN\n",
    "telex on one line": f"ZCZC {HEADER}\nSweden-Banks/\nTiveden raises =\n\n{COPY}\n{GROUP}\nNNNN\n",
}


@pytest.mark.parametrize("frame", FRAMES)
def test_frames(frame):
    article = one(FRAMES[frame])
    assert (article.guid, article.headline, article.body) == ("nsp:2026-03-11:swedenbanks", "Tiveden raises", BODY)
    assert (article.slugline, article.priority, article.provider) == ("Sweden-Banks", 3, "nsp")
    assert article.version_created.time == 1773231000 * 10**6


@pytest.mark.parametrize(
    ("header", "priority", "category", "provider", "guid"),
    [
        ("bkn014 4 pl 171 vvvvb KNB 260311-89-00065#2", 4, "pl", "KNB", "260311-89-00065"),
        ("DPB0123 4 I 120 dpb 0456", 4, "i", "dpb", "dpb:2026-03-11:swedenbanks"),
        ("eca00075 3 i 510    dpb 1003", 3, "i", "dpb", "dpb:2026-03-11:swedenbanks"),
        ("ecp0007 4 s 850  dpb-tns 0908", 4, "s", "dpb-tns", "dpb-tns:2026-03-11:swedenbanks"),
        ("nsp0101 f 44", None, "f", "nsp", "nsp:2026-03-11:swedenbanks"),
        ("nsp 0101 3 f", 3, "f", "nsp", "nsp:2026-03-11:swedenbanks"),
    ],
)
def test_headers(header, priority, category, provider, guid):
    article = one(message(header=header))
    assert (article.priority, article.subjects[0].code) == (priority, category)
    assert (article.provider, article.guid) == (provider, guid)


def test_an_items_number_has_its_version():
    assert one(message(header="bkn014 4 pl 171 vvvvb KNB 260311-89-00065#2")).stated_version == "2"


@pytest.mark.parametrize(
    ("head", "headline", "byline", "note", "signal", "version"),
    [
        ("2ND LEAD\n3RD NET\nTiveden\nBy Ingrid Aalto, nsp  =", "Tiveden", "Ingrid Aalto, nsp", "", "update", "3"),
        ("(Achtung)\nTiveden raises =", "Tiveden raises", "", "Achtung", "", ""),
        ("(Berichtigung: es sind drei)\nTiveden\nraises =", "Tiveden raises", "", "es sind drei", "correction", ""),
        ("(Zusammenfassung 1430)\nTiveden raises=", "Tiveden raises", "", "", "update", ""),
        ("Tiveden raises", "Tiveden raises", "", "", "", ""),
        ("UPDATE 2-Tiveden raises =", "UPDATE 2-Tiveden raises", "", "", "update", "2"),
    ],
)  # fmt: skip
def test_headlines(head, headline, byline, note, signal, version):
    article = one(message(head=head))
    assert (article.headline, article.byline, article.ed_note) == (headline, byline, note)
    assert (article.signal, article.stated_version, article.guid[:4]) == (signal, version, "nsp:")


@pytest.mark.parametrize("name", ["publication", "for publication intended"])
def test_what_is_not_for_readers_is_a_note(name):
    line = {"publication": "not for publication", "for publication intended": "not intended for publication"}[name]
    article = one(message(copy=f"{COPY}\n\n* * * *\nThe following information is {line}\n\nTel: 0555"))
    assert (article.body, article.ed_note) == (BODY, "Tel: 0555")


def test_a_kill_reaches_what_it_names():
    first, kill = one(message()), one(message(head="KILL KILL KILL ''''' =", copy="Please kill item nsp 101."))
    assert kill.pub_status == "canceled"
    assert (kill.provider, kill.guid) == (first.provider, first.guid)


def test_versions_share_what_identifies_and_takes_do_not():
    slugs = ["Sweden-Banks/", "Sweden-Banks (Zusammenfassung)", "Sweden-Banks,1st Lead", "Sweden-Banks, Add 1"]
    guids = [one(message(slug=slug)).guid for slug in slugs]
    assert len(set(guids[:3])) == 1
    assert guids[3] == f"{guids[0]}:add1"


@pytest.mark.parametrize(
    ("text", "stage", "error"),
    [
        (message(head="ADVISORY\nNews tonight ="), "skip", "advisory"),
        (message(head="KILL KILL KILL =", group=""), "parse", "kill"),
        (message(head="", copy="", slug="Sweden-Banks/"), "parse", "no_text"),
        (message(group="311210 GMT Feb 26"), "parse", "time"),
    ],
)
def test_what_is_no_article(text, stage, error):
    (found,) = read(text)
    assert (found.stage, found.error) == (stage, error)


def test_without_a_date_there_is_no_time_and_no_identity():
    article = one(message(group=""))
    assert (article.guid, article.version_created) == ("", None)


def test_one_broken_message_harms_no_other():
    found = read(f"{message()}\n{message(head='', copy='')}\n{message(slug='Port/')}")
    assert [(type(one), one.position) for one in found] == [(Article, 1), (Reject, 2), (Article, 3)]


def test_messages_without_controls_are_told_by_their_headers():
    bare = FRAMES["no controls"]
    assert [one.position for one in read(f"{bare}\n{bare.replace('0101', '0102')}")] == [1, 2]


@given(st.lists(st.lists(st.text("abcdeåö", min_size=1, max_size=9), min_size=1, max_size=30), min_size=1, max_size=5))
def test_text_is_whole(paragraphs):
    copy = "\n\n".join(" ".join(words) for words in paragraphs)
    assert one(message(copy=copy), "utf-8").body.split() == copy.split()


@pytest.mark.parametrize(
    "text",
    [
        "nsp0101", "nsp0101 3", "abc 12 ways to 3 win", "\x01\x02\x03", "ZCZC nsp0101\ntext", '{"a": 1}', "---\na: b\n",
        "W2870asian\nf l BC-LT--Fire     11-13 1049\n^BC-LT--Fire<", " date 2026-03-09 Headline",
    ],
)  # fmt: skip
def test_others_are_left_to_others(text):
    look = Sample.of(text.encode())
    assert "iptc7901" not in [form.name for form in formats() if form.recognise(look)]


@pytest.mark.parametrize(
    "piece", ["\x01nsp01 ", "\x02", "\x03", "/\n", "=\n", "(a)\n", "1 ", " ", "\n", "''", "ZCZC "], ids=repr
)
def test_hostile_input_takes_no_time(piece):
    begun = time.perf_counter()
    size = 20_000
    for text in (message(copy=piece * size), message(head=piece * size), f"\x01{HEADER}{piece * size}", piece * size):
        for found in read(text):
            assert isinstance(found, Article) or found.error != "unexpected"
    assert time.perf_counter() - begun < 4


def test_the_slug_may_stand_behind_stx():
    article = one(
        f"\x01{HEADER}\n\x02\nSweden/Banks/\nREFILE\n2ND LEAD\nTiveden raises\nBy Ada Holm =\n\n{COPY}\n\x03{GROUP}"
    )
    assert (article.slugline, article.headline, article.byline) == ("Sweden/Banks", "Tiveden raises", "Ada Holm")
    assert (article.guid, article.stated_version) == ("nsp:2026-03-11:swedenbanks", "2")


def test_a_line_that_names_the_kind_is_no_headline():
    article = one(message(head="EXTRA\nTiveden raises ="))
    assert (article.headline, article.ed_note) == ("Tiveden raises", "EXTRA")


def test_a_note_in_brackets_may_go_over_lines():
    note = "(Berichtigung: In einer früheren Version stand,\ndie Bank habe geboten.\nRichtig ist: erhöht.)"
    article = one(message(head=f"{note}\n(Bericht)\nTiveden erhöht\n(Foto) ="))
    assert (article.headline, article.signal) == ("Tiveden erhöht", "correction")
    assert article.ed_note == (
        "In einer früheren Version stand, die Bank habe geboten. Richtig ist: erhöht.\n\nBericht\n\nFoto"
    )


@pytest.mark.parametrize("hidden", ["", "* * * *\nThe following information is not intended for publication\n\n"])
def test_the_notepad_is_for_editors(hidden):
    article = one(
        message(copy=f"{COPY}\n\n# Notebook\n\n## Note to editors\n- adds quote\n\n{hidden}## Contacts\n- Ada")
    )
    assert article.body == BODY
    assert article.ed_note == "## Note to editors\n- adds quote\n\n## Contacts\n- Ada"


def test_a_plan_of_the_day_is_an_advisory():
    (found,) = read(message(slug="Vorschau/Politik/Tagesvorschau/nsp/"))
    assert (found.stage, found.error) == ("skip", "advisory")


def test_a_slug_may_begin_with_a_slash():
    article = one(f"{HEADER}\n\n/politics/Sweden/Banks/\nTiveden raises =\n\n{COPY}\n\n{GROUP}\n")
    assert (article.slugline, article.keywords) == ("politics/Sweden/Banks", ("politics", "Sweden", "Banks"))
