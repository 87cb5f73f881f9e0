"""The ledger's entries: what is written is read back, whole and from the middle of a file's block."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import data_set
from tests.transforms.stories_texts import START
from tests.transforms.stories_texts import slip as a_slip
from transforms import ledger
from transforms.article import Story
from transforms.ledger import (
    DeskState,
    EndedStory,
    KnownArticle,
    KnownVersion,
    LedgerRow,
    LiveState,
    StoryEntry,
    TermCounts,
)
from transforms.stories import desk
from transforms.stories.desk import Desk
from transforms.stories.packing import pack_all, unpack_all
from transforms.stories.vectors import DAY

text = st.text(max_size=8)
number = st.integers(-(2**62), 2**62)
packed = st.binary(max_size=9)
stories = st.builds(
    Story,
    text, text, text, st.lists(text, max_size=3).map(tuple), text, number, number, number, number,
    st.lists(text, max_size=3).map(tuple), text,
)  # fmt: skip
live_states = st.builds(
    LiveState,
    packed, packed, number, number, number, st.tuples(text, text, text) | text.map(lambda one: (one,) * 3),
    st.booleans(), packed, packed, number,
)  # fmt: skip


def live_entry(story, live):
    """A live story has merged into none, and its state says what else is told of it."""
    return StoryEntry(story._replace(headline=live.headlines[0], key_terms=(), merged_into=""), live)


entries = st.one_of(
    st.builds(DeskState, text, number, text, st.lists(st.sampled_from(["a/b", "c"]), max_size=3).map(tuple)),
    st.builds(EndedStory, text, text),
    st.builds(TermCounts, text, st.none() | st.integers(-(10**6), 10**6), st.integers(0, 99), number, packed, packed),
    st.builds(
        KnownArticle, text, text, text,
        st.lists(st.builds(KnownVersion, text, number, number, text, text), max_size=3).map(tuple),
    ),
    st.builds(StoryEntry, stories, st.none()),
    st.builds(live_entry, stories, live_states),
)  # fmt: skip


@given(st.lists(entries, max_size=5))
def test_entries_come_back_from_their_rows_and_from_a_block_of_them(drawn):
    rows = [ledger.encode(entry) for entry in drawn]
    assert [ledger.decode(row) for row in rows] == drawn
    block = b"".join(row.data for row in rows)
    read = list(ledger.split(block, 7, data_set("ledger").schema))
    assert read == [row._replace(as_of=7) for row in rows]
    # Among those of other runs each keeps its own time.
    stamped = [ledger.stamped(row) for row in read]
    assert [ledger.stamped(row._replace(as_of=8)) for row in stamped] == [row._replace(as_of=8) for row in stamped]
    block = b"".join(row.data for row in stamped)
    assert list(ledger.split(block, 9, data_set("ledger").schema)) == stamped
    assert [ledger.decode(row) for row in stamped] == drawn


def test_entries_of_an_older_schema_are_read_as_the_newest():
    """As files look that were written before a field was appended."""
    whole = data_set("ledger").schema
    older = {**whole, "fields": whole["fields"][:-1]}
    entry = TermCounts("de", None, 0, 3, b"\5\4", b"\2\1")
    row = ledger.encode(entry)
    assert row.data.endswith(b"\0")  # the last field, null
    (read,) = ledger.split(row.data[:-1], 0, older)
    assert read == row
    assert ledger.decode(read) == entry


STORY = Story("s", "en", "", (), "a", 1, 2, 1, 1, ("p",))
ALONE = LiveState(b"\5", b"\1", 2, 0, 0, ("Bridge opens",) * 3, False, b"", b"", 0)


def test_a_story_without_a_headline_is_read_back_also_when_it_has_ended():
    for entry in (StoryEntry(STORY, None), StoryEntry(STORY, ALONE._replace(headlines=("", "", "")))):
        assert ledger.decode(ledger.encode(entry)) == entry


def test_one_headline_is_kept_once():
    several = ALONE._replace(headlines=("Bridge opens", "Bridge closes", "Bridge opens"))
    sizes = []
    for live in (ALONE, several):
        entry = live_entry(STORY, live)
        row = ledger.encode(entry)
        assert ledger.decode(row) == entry
        sizes.append(row.data.count(b"Bridge"))
    assert sizes == [1, 3]


@pytest.mark.parametrize(
    ("entry", "kind", "delta"),
    [
        (DeskState("de", 5), ledger.DESK, False),
        (EndedStory("de", "s"), ledger.ENDED_STORY, False),
        (TermCounts("de", 7, 1, 0, b"", b""), ledger.TERMS, False),
        (StoryEntry(STORY._replace(language="de"), None), ledger.CLOSED_STORY, True),
        (live_entry(STORY._replace(language="de"), ALONE), ledger.LIVE_STORY, False),
        (KnownArticle("a", "de", "s", ()), ledger.ARTICLE, True),
    ],
)
def test_a_row_says_what_it_is_found_by(entry, kind, delta):
    row = ledger.encode(entry)
    assert (row.kind, row.desk, row.as_of) == (kind, "de", 0)
    assert (kind in ledger.DELTA) is delta


def test_a_large_vocabulary_takes_several_rows_that_add_up(monkeypatch):
    made = Desk("de")
    for day, headline in enumerate(["Hafen zu, Risse in der Hafenmauer", "Hafen offen, Mauer geflickt"]):
        made.handle(a_slip(headline, headline, time=START + day * DAY, language="de"))

    def counted(of):
        return [entry for entry in of.entries() if isinstance(entry, TermCounts)]

    whole = counted(made)
    assert [(one.day, one.part, one.articles) for one in whole] == [(20_000, 0, 1), (20_001, 0, 1), (None, 0, 2)]
    monkeypatch.setattr(desk, "TERMS_A_ROW", 3)
    parts = counted(made)
    assert len(parts) > len(whole)
    for one in whole:
        some = [part for part in parts if part.day == one.day]
        assert [part.part for part in some] == list(range(len(some)))
        assert [part.articles for part in some] == [one.articles, *[0] * (len(some) - 1)]
        sizes, terms, numbers = unpack_all([(part.terms, part.numbers) for part in some])
        assert max(sizes) <= 3
        assert pack_all(sizes.sum(keepdims=True), terms, numbers) == [(one.terms, one.numbers)]
    again = Desk("de")
    again.resume(reversed(parts))
    assert sorted(counted(again), key=repr) == sorted(parts, key=repr)


def test_what_no_run_can_have_written_is_told():
    row = ledger.encode(DeskState("en", 5))
    broken = LedgerRow("desk", "en", "en", 0, row.data.replace(b"\x08desk", b"\x08dusk"))
    with pytest.raises(ValueError, match="unknown kind 'dusk'"):
        ledger.decode(broken)
    with pytest.raises(ValueError, match="is no article"):
        ledger.decode_article(row)
