"""Labels of wire copy: what is one, what is a name, and that no other word is ever lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms import labels

HEADLINES = {
    "UPDATE 1-Tram drivers stop work": ("update", 1, "Tram drivers stop work"),
    "WRAPUP 3-Floods spread": ("update", 3, "Floods spread"),
    "CORRECTED-UPDATE 2-Bank raises offer": ("correction", 2, "Bank raises offer"),
    "REFILE-Bank raises offer": ("correction", 0, "Bank raises offer"),
    "CORRECTED: Bank raises offer": ("correction", 0, "Bank raises offer"),
    "Correction: Bank story": ("correction", 0, "Bank story"),
    "BRIEF-Vesterø to buy": ("brief", 0, "Vesterø to buy"),
    "ALERT: Fire at port": ("alert", 0, "Fire at port"),
    "URGENT - Fire at port": ("alert", 0, "Fire at port"),
    "KILL: Rival bids for bank": ("kill", 0, "Rival bids for bank"),
    "STORY WITHDRAWN-Rival bids for bank": ("kill", 0, "Rival bids for bank"),
    "1st LD-Writethru: Quake shakes Vanuatu": ("update", 1, "Quake shakes Vanuatu"),
    "(2nd LD) Quake shakes Vanuatu": ("update", 2, "Quake shakes Vanuatu"),
    "Zusammenfassung: Brücke gesperrt": ("update", 0, "Brücke gesperrt"),
    "ROUNDUP 2: Brücke gesperrt": ("update", 2, "Brücke gesperrt"),
    "BERICHTIGUNG: Brücke gesperrt": ("correction", 0, "Brücke gesperrt"),
    "2. Meldung: Brücke gesperrt": ("update", 2, "Brücke gesperrt"),
    "EIL: Brücke gesperrt": ("alert", 0, "Brücke gesperrt"),
    "RECTIFICATIF: Fromage rappelé": ("correction", 0, "Fromage rappelé"),
    "ACTUALISATION-Fromage rappelé": ("update", 0, "Fromage rappelé"),
    "CORRECCIÓN: Huelga del cobre": ("correction", 0, "Huelga del cobre"),
    "更正：大桥封闭": ("correction", 0, "大桥封闭"),
    "快讯！大桥封闭": ("alert", 0, "大桥封闭"),
    "【訂正】駅弁": ("correction", 0, "駅弁"),
    "عاجل: إغلاق المحطة": ("alert", 0, "إغلاق المحطة"),
    "ИСПРАВЛЕНИЕ: Авария": ("correction", 0, "Авария"),
    "Tram drivers stop work =2": ("take", 0, "Tram drivers stop work"),
}
NO_LABELS = [
    "DSM-Firmenich names chief", "KKR-backed firm files", "AMD: chips sell out", "MARKETS-Europe closes higher",
    "ALERT-LEVEL RAISED AT VOLCANO", "FLASH-FLOOD KILLS THREE", "Flash-flood kills three", "Kill: Volume 2 opens",
    "Lead: a metal that poisons", "Take 2: the director returns", "Hold: the line", "Update", "Update-proof phones",
    "Breakingviews: a column", "Road Kill", "Corrections officer hurt", "2026: the year ahead", "E =mc2", "", ":", "-",
]  # fmt: skip
SLUGS = {
    "BC-US--Fire": ("", 0, "", "BC-US--Fire"),
    "BC-US--Fire,450": ("", 0, "", "BC-US--Fire"),
    "BC-US--Fire,1st Ld-Writethru,450": ("update", 1, "", "BC-US--Fire"),
    "BC-US--Fire, 2nd Ld": ("update", 2, "", "BC-US--Fire"),
    "BC-US--Fire,3d Lead": ("update", 3, "", "BC-US--Fire"),
    "BC-BKN--Heat-Hawks 1stLd-Writethru": ("update", 1, "", "BC-BKN--Heat-Hawks"),
    "Dollar-Markets 7thWritethru": ("update", 7, "", "Dollar-Markets"),
    "BC-US--Fire,URGENT": ("alert", 0, "", "BC-US--Fire"),
    "BC-US--Fire,1st Add": ("take", 0, "add 1", "BC-US--Fire"),
    "BC-US--Fire, ADD 2": ("take", 0, "add 2", "BC-US--Fire"),
    "BC-US--Fire,1st Ld-2nd Add": ("take", 1, "add 2", "BC-US--Fire"),
    "BC-US--Fire,Take 2": ("take", 0, "take 2", "BC-US--Fire"),
    "BC-US--Fire,CORRECTION": ("correction", 0, "", "BC-US--Fire"),
    "BC-US--Fire,KILL": ("kill", 0, "", "BC-US--Fire"),
    "BC-US--Fire,WITHHOLD": ("withhold", 0, "", "BC-US--Fire"),
    "BC-US--Fire,Advisory": ("advisory", 0, "", "BC-US--Fire"),
    "Brand/Hafen (Zusammenfassung)": ("update", 0, "", "Brand/Hafen"),
    "Brand/Hafen (2. Zusammenfassung)": ("update", 2, "", "Brand/Hafen"),
    "BC-US--Amber Alert": ("", 0, "", "BC-US--Amber Alert"),
    "BC-US--Fire,Box": ("", 0, "", "BC-US--Fire, Box"),
    "BC-US--Water,Lead": ("", 0, "", "BC-US--Water, Lead"),
    "": ("", 0, "", ""),
}
LINES = {
    "KILL KILL KILL '''''": "kill",
    "HOLD HOLD HOLD": "withhold",
    "BULLETIN KILL": "kill",
    "2ND LEAD": "update",
    "3RD NET": "update",
    "1. Zusammenfassung": "update",
    "(Berichtigung: im 2. Absatz heißt es richtig Lille)": "correction",
    "(Zusammenfassung 1430)": "update",
    "URGENT": "alert",
    "ADVISORY": "advisory",
}


@pytest.mark.parametrize("text", HEADLINES)
def test_a_headline_says_what_it_is(text):
    said = labels.of_headline(text)
    assert (said.signal, said.number, said.base) == HEADLINES[text]


@pytest.mark.parametrize("text", NO_LABELS)
def test_a_name_is_no_label(text):
    assert labels.of_headline(text) == labels.Labels(text)


@pytest.mark.parametrize("text", SLUGS)
def test_a_slug_says_which_version_it_is_of_what(text):
    said = labels.of_slug(text)
    assert (said.signal, said.number, said.part, said.base) == SLUGS[text]


@pytest.mark.parametrize("line", LINES)
def test_a_line_of_its_own_says_what_the_item_is(line):
    assert labels.of_line(line).signal == LINES[line]


@pytest.mark.parametrize("line", ["Correction", "Lead", "(Achtung)", "(Hold)", "Fire at port", "2026", "1st", "", "()"])
def test_other_lines_are_copy(line):
    assert labels.of_line(line) is None


def test_what_a_label_explains_is_kept():
    assert labels.of_line("(Berichtigung: es heißt Lille)").base == "es heißt Lille"


WORDS = st.sampled_from(
    [
        *("UPDATE", "Update", "CORRECTED", "KILL", "Lead", "LD", "1st", "2nd", "3", "1430", "Writethru", "Take", "Add"),
        *(
            "BC-US--Fire",
            "DSM",
            "KKR",
            "Brücke",
            "Port",
            "更正",
            "快讯",
            "(2nd LD)",
            "-",
            ":",
            "：",
            ",",
            "=2",
            "(",
            ")",
        ),
    ]
)


@given(st.lists(WORDS, max_size=9), st.sampled_from(["", " "]))
def test_no_word_is_lost_that_is_no_label(words, between):
    text = between.join(words)
    for said in (labels.of_headline(text), labels.of_slug(text)):
        kept = sorted("".join(said.base.split()).replace(",", ""))
        gone = sorted("".join("".join(said.removed).split()).replace(",", ""))
        assert sorted(kept + gone) == sorted("".join(text.split()).replace(",", ""))
        assert said.signal or said.removed == () or said.removed[0].isdecimal()


@given(st.text(max_size=80))
def test_any_text_is_read(text):
    for said in (labels.of_headline(text), labels.of_slug(text), labels.of_line(text)):
        assert said is None or said.signal in ("", *labels._SIGNALS)


@pytest.mark.parametrize("piece", ["UPDATE 1-", " ", "(", "A,", "a =2", "(a) ", "1st "])
def test_long_texts_take_no_time(piece):
    text = piece * 200_000
    begun = time.perf_counter()
    labels.of_headline(text)
    labels.of_slug(text)
    labels.of_line(text)
    assert time.perf_counter() - begun < 2
