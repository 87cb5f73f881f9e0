"""Text -> term counts, and the tables behind the ids."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.stories import tables
from transforms.stories.learn.table import count_words, learn_table
from transforms.stories.tables import DOCUMENTS, TermTable, estimated_table, format_lines, load_table, parse_table
from transforms.stories.terms import (
    BODY_CHARACTERS,
    HASHED,
    HEADLINE_CHARACTERS,
    SPACELESS_CHARACTERS,
    TermIds,
    count_terms,
    pack,
    primary,
    spelled_tokens,
    term_ids,
    tokens,
    unpack,
)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Brask's NEW bridge_deal, 1,500 tonnes", ["brask", "s", "new", "bridge", "deal", "1", "500", "tonnes"]),
        ("en", "more at https://example.org/a/b?c=d now", ["more", "at", "now"]),
        ("de", "Die Brücke öffnet", ["die", "brücke", "öffnet"]),
        ("de", "Die Bru\u0308cke", ["die", "brücke"]),
        ("ru", "Мост открыт", ["мост", "открыт"]),
        ("ar", "افتتاح الجسر", ["افتتاح", "الجسر"]),
        ("hi", "पुल का उद्घाटन", ["पुल", "का", "उद्घाटन"]),
        ("ko", "다리 개통", ["다리", "개통"]),
        ("vi", "khánh thành cầu", ["khánh", "thành", "cầu", "khánh thành", "thành cầu"]),
        ("zh", "大桥通车", ["大桥", "桥通", "通车"]),
        ("zh", "全长ＡＢ１２公里。见https://example.cn/甲", ["全长", "ab12", "公里", "见", "甲"]),
        ("ja", "橋がOpen", ["橋が", "open"]),
        ("th", "สะพาน", ["สะ", "ะพ", "พา", "าน"]),
        ("und", "大桥 opens", ["大桥", "opens"]),
    ],
)
def test_tokens_of_each_script(language, text, expected):
    assert tokens(text, language) == expected


def test_spelled_tokens_keep_capitals_and_line_up_with_tokens():
    text = "Mayor OPENS the Bridge"
    assert spelled_tokens(text, "en") == ["Mayor", "OPENS", "the", "Bridge"]
    assert [word.lower() for word in spelled_tokens(text, "en")] == tokens(text, "en")


@pytest.mark.parametrize(("tag", "expected"), [("zh-Hant-HK", "zh"), ("EN", "en"), ("", "und"), ("und", "und")])
def test_primary_subtag(tag, expected):
    assert primary(tag) == expected


def test_forms_of_a_word_are_one_term_and_the_headline_counts_twice():
    ids = term_ids("en")
    body = {ids["bridge"]: 2, ids["open"]: 2, ids["the"]: 1, ids["is"]: 1}
    assert count_terms("", "Bridges opened; the bridge is opening", "en-GB") == body
    assert count_terms("Bridge opens", "", "en-GB") == {ids["bridge"]: 2, ids["open"]: 2}
    both = count_terms("Opening of a bridge", "Bridges opened; the bridge is opening", "en-GB")
    assert both == body | {ids["bridge"]: 4, ids["open"]: 4, ids["of"]: 2, ids["a"]: 2}


def test_only_the_start_of_a_headline_counts():
    start = "bridge " * (HEADLINE_CHARACTERS // 7 + 1)
    assert count_terms(start[:HEADLINE_CHARACTERS] + "harbour", "", "en") == count_terms(
        start[:HEADLINE_CHARACTERS], "", "en"
    )


def test_only_the_lead_of_the_body_counts():
    start = "bridge " * (BODY_CHARACTERS // 7 + 1)
    assert count_terms("", start[:BODY_CHARACTERS] + "harbour", "en") == count_terms("", start[:BODY_CHARACTERS], "en")
    start = "大" * SPACELESS_CHARACTERS
    assert count_terms("", start + "桥", "zh") == count_terms("", start, "zh")


def test_a_term_of_the_table_has_its_place_and_another_a_hash_of_its_own_space():
    ids = TermIds("en", TermTable(10, {"bridg": 0}, (4,), True))
    assert ids["bridge"] == 0
    assert ids["zorvath"] == 0xA0BF55F4  # CRC-32 of `zorvath`: a fixed number, the same on every machine
    assert ids["zorvath"] >= HASHED


counts_by_term = st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 255), max_size=60)


@given(counts_by_term)
def test_unpack_gives_what_was_packed(counts):
    terms, numbers = unpack(pack(counts))
    assert list(zip(terms.tolist(), numbers.tolist(), strict=True)) == sorted(counts.items())


@given(counts_by_term)
def test_packed_bytes_do_not_depend_on_order(counts):
    assert pack(dict(reversed(counts.items()))) == pack(counts)


def test_packed_layout():
    assert pack({7: 2, 1: 300}) == b"\x01\0\0\0\x07\0\0\0" + b"\xff\x02"


def test_unpack_refuses_what_it_cannot_have_made():
    with pytest.raises(ValueError, match="7 bytes"):
        unpack(b"1234567")


def test_a_table_survives_its_file():
    data = format_lines({"brücke": 3, "a": 3, "z": 9, DOCUMENTS: 12}, "first\nsecond")
    table = parse_table(data, "terms.xx.txt.gz")
    assert table == TermTable(12, {"z": 0, "a": 1, "brücke": 2}, (9, 3, 3), True)
    assert data == format_lines({DOCUMENTS: 12, "z": 9, "a": 3, "brücke": 3}, "first\nsecond")
    assert gzip.decompress(data).startswith(b"# first\n# second\n")


def test_a_table_cannot_have_a_term_in_more_articles_than_there_are():
    with pytest.raises(ValueError, match=r"t\.gz: 'a' is said to be in 13 of 12 articles"):
        parse_table(format_lines({"a": 13, DOCUMENTS: 12}, ""), "t.gz")


@pytest.mark.parametrize("line", ["bridge", "bridge x", "bridge ²", " 12"])
def test_a_broken_line_of_a_table_is_named(line):
    with pytest.raises(ValueError, match=r"t\.gz, line 2"):
        parse_table(gzip.compress(f"a 1\n{line}\n".encode()), "t.gz")


def test_a_table_without_its_number_of_articles_is_refused():
    with pytest.raises(ValueError, match="documents"):
        parse_table(gzip.compress(b"a 1\n"), "t.gz")


@pytest.mark.parametrize(("language", "common"), [("en", "said"), ("zh", "中国")])
def test_shipped_tables_know_what_is_common(language, common):
    table = load_table(language)
    assert table.measured
    assert len(table.places) == 20_000
    assert table.documents / 4 < table.frequencies[table.places[common]] <= table.documents
    assert min(table.frequencies) < table.documents / 100


@pytest.mark.parametrize(("language", "word"), [("de", "und"), ("fr", "les"), ("es", "que"), ("ru", "что")])
def test_languages_without_a_table_know_their_commonest_words(language, word):
    table = load_table(language)
    assert not table.measured
    assert table.frequencies[term_ids(language)[word]] > table.documents / 4


def test_nothing_is_known_of_an_unknown_language():
    assert load_table("und").places == {}
    assert load_table("../../en").places == {}


def test_an_estimate_grows_with_the_count():
    table = estimated_table({"und": 20, "haus": 1})
    assert table.frequencies[table.places["und"]] > 4 * table.frequencies[table.places["haus"]]
    assert table.documents == tables.ESTIMATE_DOCUMENTS


def test_learning_a_table_counts_articles_not_words():
    documents, frequencies = learn_table([("Bridge", "the bridge"), ("", "Bridges and the sea"), ("Sea", "")], "en")
    assert documents == 3
    assert frequencies == {"bridg": 2, "sea": 2, "the": 2, "and": 1}


def test_counting_words_by_language():
    counts = count_words([("en", "the sea and the bridge"), ("de", "das Meer")])
    assert counts["en"] == {"the": 2, "sea": 1, "and": 1, "bridg": 1}
    assert sorted(counts) == ["de", "en"]
