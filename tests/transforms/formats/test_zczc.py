"""Telexes: lines that a sign begins, plain ones, several in a file, hostile input."""

from __future__ import annotations

import time

import pytest

from transforms.article import Article, RawItem, Reject
from transforms.parse import Sample, formats, parse
from transforms.parse.times import iso

COPY = "Copiapó (eca).- Los mineros del cobre aceptaron este\nmiércoles una tregua de diez días."
BODY = COPY.replace("\n", " ")
GROUP = "111830 GMT mar 26"


def read(text):
    return list(parse(RawItem("x", text.encode("cp1252"), 0)))


def one(text):
    (found,) = read(text)
    assert isinstance(found, Article), found
    assert found.source_format == "zczc"
    return found


FRAMES = {
    "plain": f"ZCZC ECA014\nChile-Huelga/\nAceptan una tregua =\n\n{COPY}\n{GROUP}\nNNNN\n",
    "CR CR LF": f"ZCZC ECA014\nChile-Huelga/\nAceptan una tregua =\n\n{COPY}\n{GROUP}\nNNNN\n".replace("\n", "\r\r\n"),
    "no end": f"ZCZC ECA014\nChile-Huelga/\nAceptan una tregua\n\n{COPY}\n{GROUP}",
    "time on the first line": f"  ZCZC ECA014 {GROUP}\nChile-Huelga/\nAceptan una tregua<\n{COPY}\n\n\nNNNN\n",
    "signs": f"ZCZC ECA014\n&A\n:Chile-Huelga\n^Aceptan una tregua\n*X\n{COPY}\n{GROUP}\nNNNN\n",
    "signs of races": f"ZCZC ECA014\n#Chile-Huelga\n@TREGUA\n:Aceptan una tregua\n{COPY}\n{GROUP}\nNNNN\n",
    "routed": f"ZCZC ECA014\nYY TDA\n^Aceptan una tregua\n:Chile-Huelga\n{COPY}\n{GROUP}\nNNNN\n",
}


@pytest.mark.parametrize("frame", FRAMES)
def test_frames(frame):
    article = one(FRAMES[frame])
    assert (article.slugline, article.headline, article.body) == ("Chile-Huelga", "Aceptan una tregua", BODY)
    assert (article.guid, article.provider) == ("eca:2026-03-11:chilehuelga", "ECA")
    assert iso(article.version_created.time) == "2026-03-11T18:30:00Z"


def test_signs_state_subjects_and_takes():
    article = one(f"ZCZC HIP\n$f\n+04000000\n=TREGUA\n^Aceptan una tregua\n{COPY}\nNNNN\n")
    assert [tuple(subject) for subject in article.subjects] == [("anpa1312", "f", ""), ("subj", "04000000", "")]
    assert article.keywords == ("TREGUA",)
    assert (article.guid, article.version_created) == ("", None)


def test_a_table_stays_as_it_was_set():
    table = " 1 _    2  Lago Azul  (1)    58\n 2 _       Glaciar  (3)      57.5"
    assert one(f"ZCZC HIP\n:\n:Los inscritos\n*T\n{table}\n\n\nNNNN\n").body == table


def test_a_first_line_of_copy_is_no_headline():
    article = one(f"ZCZC ECA014\n{COPY}\nNNNN\n")
    assert (article.headline, article.body) == ("", BODY)


@pytest.mark.parametrize(
    ("line", "signal", "status"),
    [("URGENTE", "alert", "usable"), ("2ND LEAD", "update", "usable"), ("KILL KILL KILL", "kill", "canceled")],
)
def test_labels(line, signal, status):
    plain = FRAMES["plain"]
    article = one(plain.replace("ECA014\n", f"ECA015\n{line}\n"))
    assert (article.signal, article.pub_status, article.guid) == (signal, status, one(plain).guid)


def test_one_empty_telex_harms_no_other():
    found = read(f"{FRAMES['plain']}ZCZC ECA015\nNNNN\n{FRAMES['signs']}")
    assert [(type(one), one.position) for one in found] == [(Article, 1), (Reject, 2), (Article, 3)]
    assert found[1].error == "no_text"


@pytest.mark.parametrize(
    ("text", "stage", "error"),
    [
        (f"ZCZC ECA014\nADVISORY\nNoticias de hoy\n\n{COPY}\nNNNN\n", "skip", "advisory"),
        ("ZCZC ECA014\nKILL KILL KILL\nChile-Huelga/\nAnulada =\n\nNNNN\n", "parse", "kill"),
        ("ZCZC", "parse", "no_text"),
    ],
)
def test_what_is_no_article(text, stage, error):
    (found,) = read(text)
    assert (found.stage, found.error) == (stage, error)


@pytest.mark.parametrize("text", ["ZCZCABC\ntext", "A ZCZC\ntext", "ZCZC nsp0101 3 f 44  nsp 0101\nA/\nB =\n\ntext"])
def test_others_are_left_to_others(text):
    look = Sample.of(text.encode())
    assert "zczc" not in [form.name for form in formats() if form.recognise(look)]


@pytest.mark.parametrize(
    "piece", ["ZCZC\n", "ZCZC ", "NNNN\n", ":\n", ":a\n", "KILL\n", "a/\n", " ", "\n", "*T\n"], ids=repr
)
def test_hostile_input_takes_no_time(piece):
    begun = time.perf_counter()
    for found in read(f"ZCZC ECA014\n{piece * 20_000}"):
        assert isinstance(found, Article) or found.error != "unexpected"
    assert time.perf_counter() - begun < 4


def test_slug_and_headline_on_one_line():
    article = one(f"ZCZC FMG000\nYY TDR\n:POTTED :Market day in Copiapó\n{COPY}\nNNNN\n")
    assert (article.slugline, article.headline, article.body) == ("POTTED", "Market day in Copiapó", BODY)


def test_signs_for_the_typesetter():
    article = one(
        "ZCZC FMG000\nYY TDA\nCopiapó WEIGHTS<!\n"
        "SPRING PLATE 1400M .=!\nGrey Heron 58.0\n<AUTUMN PLATE =!\nTin Roof\nNNNN\n"
    )
    assert article.headline == "Copiapó WEIGHTS"
    assert article.body == "SPRING PLATE 1400M\nGrey Heron 58.0\nAUTUMN PLATE\nTin Roof"


def test_broadcast_copy():
    article = one(
        "ZCZC ECA\n%A\n#Tregua_BC1\n$Aceptan una tregua\n:(COPIAPÓ)\n&ECA\\Ruizm\n*04000000\n@CHL\n~AM Service\n"
        f"{COPY}\n\n\nECA RTV\nNNNN"
    )
    assert (article.slugline, article.headline) == ("Tregua_BC1", "Aceptan una tregua")
    assert (article.dateline_place, article.keywords) == ("COPIAPÓ", ("CHL",))
    assert [tuple(subject) for subject in article.subjects] == [("subj", "04000000", "")]
    assert article.body == f"{BODY}\n\nECA RTV"


def test_routing_of_several_words():
    article = one(f"ZCZC FMG000\nYY RFG INTERNET (3RR) NC(ATD)\nRACING : Copiapó FIELDS\n\n{COPY}\nNNNN")
    assert article.headline == "RACING : Copiapó FIELDS"


def test_lines_that_name_their_fields():
    copy = (
        "Tiveden Bank raised its offer for Vesterø Kredit on Wednesday, as it had said that it might in the spring. "
        * 2
    )
    article = one(
        "zczc\nAN#26945219\nKN#Northern Bites\nPD#11 March 2026 18:30:00\nCO#TVB.ST\nSO#ASX\nSF#*\nBY#\n"
        f"TI#Tiveden raises\nAB#The bank said so.\nTX#\n{copy.strip()}\nIt is its third.\n"
    )
    assert (article.guid, article.provider, article.headline) == ("26945219", "Northern Bites", "Tiveden raises")
    assert (article.description, article.subjects[0].code) == ("The bank said so.", "TVB.ST")
    assert article.body == f"{copy.strip()}\n\nIt is its third."
    assert iso(article.version_created.time) == "2026-03-11T18:30:00Z"
    assert article.version_created.zone_assumed
