"""The ledger's entries: what is written is read back, whole and from the middle of a file's block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import data_set
from transforms import ledger
from transforms.article import Story
from transforms.ledger import DeskClock, KnownArticle, KnownVersion, LedgerRow, LiveState, StoryEntry, TermCounts

text = st.text(max_size=8)
number = st.integers(-(2**62), 2**62)
counts = st.dictionaries(st.integers(0, 2**32 - 1), st.integers(1, 2**40), max_size=9)
stories = st.builds(
    Story,
    text, text, text, st.just(()), text, number, number, number, number,
    st.lists(text, max_size=3).map(tuple), text,
)  # fmt: skip
entries = st.one_of(
    st.builds(DeskClock, text, number),
    st.builds(TermCounts, text, st.none() | st.integers(-(10**6), 10**6), number, counts),
    st.builds(
        KnownArticle, text, text, text,
        st.lists(st.builds(KnownVersion, text, number, number, text, text), max_size=3).map(tuple),
    ),
    st.builds(
        StoryEntry, stories,
        st.none() | st.builds(LiveState, counts, number, number, number, st.lists(text, max_size=3).map(tuple)),
    ),
)  # fmt: skip


@given(st.lists(entries, max_size=5))
def test_entries_come_back_from_their_rows_and_from_a_block_of_them(drawn):
    rows = [row for entry in drawn for row in ledger.encode(entry)]
    assert [ledger.decode(row) for row in rows] == drawn
    block = b"".join(row.data for row in rows)
    assert list(ledger.split(block, 7, data_set("ledger").schema)) == [row._replace(as_of=7) for row in rows]


def test_entries_of_an_older_schema_are_read_as_the_newest():
    """As files look that were written before a field was appended."""
    whole = data_set("ledger").schema
    older = {**whole, "fields": whole["fields"][:-1]}
    entry = TermCounts("de", None, 3, {5: 2, 9: 1})
    (row,) = ledger.encode(entry)
    assert row.data.endswith(b"\0")  # the last field, null
    (read,) = ledger.split(row.data[:-1], 0, older)
    assert read == row
    assert ledger.decode(read) == entry


def test_a_large_vocabulary_takes_several_rows_that_add_up(monkeypatch):
    monkeypatch.setattr(ledger, "TERMS_A_ROW", 3)
    whole = TermCounts("de", None, 12, {term: term + 1 for term in range(8)})
    parts = [ledger.decode(row) for row in ledger.encode(whole)]
    assert [len(part.counts) for part in parts] == [3, 3, 2]
    assert sum(part.articles for part in parts) == 12
    assert {term: count for part in parts for term, count in part.counts.items()} == whole.counts


def test_what_no_run_can_have_written_is_told():
    (row,) = ledger.encode(DeskClock("en", 5))
    broken = LedgerRow("desk", "en", "en", 0, row.data.replace(b"\x08desk", b"\x08dusk"))
    with pytest.raises(ValueError, match="unknown kind 'dusk'"):
        ledger.decode(broken)
    with pytest.raises(ValueError, match="is no article"):
        ledger.decode_article(row)
