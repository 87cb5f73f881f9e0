"""Settling: which version stands, what a kill reaches, and what changes about the versions of earlier runs."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import KNOWN, NEW, REDELIVERY, STATE, Slip
from transforms.versions import known_article, settle

HOUR = 3_600_000_000


def slip(
    key: str, hours: int = 1, status: str = "usable", language: str = "en", uri: str = "u", number: int = 0
) -> Slip:
    time = hours * HOUR
    return Slip("a" * 32, key, uri, 0, time, number, status, language, "p", "h", b"\2", 9, time)


def test_settle_orders_versions_and_marks_the_newest():
    versions = list(settle([slip("k3", 3), slip("k1", 1), slip("k2", 2)]))
    assert [(one.version_key, one.version, one.is_latest) for one in versions] == [
        ("k1", 1, False), ("k2", 2, False), ("k3", 3, True),
    ]  # fmt: skip
    assert [one.terms for one in versions] == [b"\2", b"", b""]


def test_settle_breaks_ties_by_number_then_key():
    versions = list(settle([slip("b", number=2), slip("c", number=1), slip("a", number=2)]))
    assert [one.version_key for one in versions] == ["c", "a", "b"]


def test_settle_keeps_the_smallest_place_of_a_version_delivered_often():
    (version,) = settle([slip("k", uri="z"), slip("k", uri="b"), slip("k", uri="c")])
    assert version.uri == "b"


@pytest.mark.parametrize("hours", [0, 5])
def test_a_kill_reaches_every_version_also_when_it_comes_first(hours):
    versions = list(settle([slip("k1", 1), slip("k2", 2), slip("kill", hours, "canceled")]))
    assert {one.pub_status for one in versions} == {"canceled"}
    assert not any(one.usable for one in versions)


def test_a_version_without_language_takes_the_articles():
    languages = ("und", "zh-Hans", "und", "en")
    versions = list(settle(slip(key, hours, language=languages[hours]) for hours, key in enumerate("abcd")))
    assert [one.language for one in versions] == ["und", "zh-Hans", "zh-Hans", "zh-Hans"]
    assert {one.desk for one in versions} == {"und"}


def test_settle_knows_no_order_of_arrival():
    slips = [slip("a", 1), slip("b", 1, number=3), slip("kill", 2, "canceled"), slip("a", 1, uri="z")]
    settled = {tuple(settle(order)) for order in permutations(slips)}
    assert len(settled) == 1


def known(*slips: Slip, story: str = "s1"):
    return known_article(list(settle(slips)), story)


def dispositions(*slips: Slip, earlier) -> dict[str, str]:
    return {one.version_key: one.disposition for one in settle(slips, earlier)}


def test_a_version_that_an_earlier_run_wrote_is_a_redelivery():
    (again,) = settle([slip("k1", 1, uri="elsewhere")], known(slip("k1", 1)))
    assert (again.disposition, again.story_id, again.was_usable) == (REDELIVERY, "s1", True)


def test_a_newer_version_changes_the_state_of_the_one_before():
    earlier = known(slip("k1", 1), slip("k2", 2))
    settled = list(settle([slip("k3", 3)], earlier))
    assert [(one.version_key, one.version, one.is_latest, one.disposition) for one in settled] == [
        ("k1", 1, False, KNOWN), ("k2", 2, False, STATE), ("k3", 3, True, NEW),
    ]  # fmt: skip
    assert {one.story_id for one in settled} == {"s1"}


def test_a_version_that_comes_late_renumbers_the_others():
    earlier = known(slip("k1", 1), slip("k3", 3))
    assert dispositions(slip("k2", 2), earlier=earlier) == {"k1": KNOWN, "k2": NEW, "k3": STATE}


def test_a_kill_in_a_later_run_reaches_every_version():
    earlier = known(slip("k1", 1), slip("k2", 2))
    settled = list(settle([slip("kill", 3, "canceled"), slip("k2", 2)], earlier))
    assert [one.disposition for one in settled] == [STATE, STATE, NEW]
    assert {one.pub_status for one in settled} == {"canceled"}
    assert [(one.was_usable, one.usable) for one in settled] == [(True, False)] * 3
    # And nothing brings it back.
    assert {one.pub_status for one in settle([slip("k4", 9)], known_article(settled, "s1"))} == {"canceled"}


def test_what_was_withheld_can_be_usable_again():
    earlier = known(slip("k1", 1, "withheld"))
    settled = list(settle([slip("k2", 2)], earlier))
    assert [(one.was_usable, one.usable) for one in settled] == [(False, True)] * 2


def test_an_article_keeps_its_desk_whatever_comes_later():
    earlier = known(slip("k2", 2, language="de"))
    assert {one.desk for one in settle([slip("k1", 1, language="en")], earlier)} == {"de"}


deliveries = st.lists(
    st.builds(
        slip,
        st.sampled_from(["k1", "k2", "k3", "k4", "k5"]),
        st.just(0),
        st.sampled_from(["usable"] * 4 + ["withheld", "canceled"]),
        st.sampled_from(["en", "en", "de", "und"]),
    ),
    min_size=1,
    max_size=8,
)


@given(deliveries, st.lists(st.integers(0, 8), max_size=3))
def test_runs_in_order_of_time_settle_what_one_run_settles(drawn, cuts):
    """After every run the newest state of each version is that of one run over all."""
    # One version_key is one content, and so one time and status.
    first = {}
    for one in drawn:
        first.setdefault(one.version_key, one._replace(event_time=0, stated_time=int(one.version_key[1:]) * HOUR))
    slips = sorted((first[one.version_key] for one in drawn), key=lambda one: one.stated_time)
    state, earlier = {}, None
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), len(slips)], strict=True):
        if not slips[start:end]:
            continue
        settled = list(settle(slips[start:end], earlier))
        for one in settled:
            what = (one.version, one.is_latest, one.pub_status, one.language)
            assert (one.version_key in state) is (one.disposition != NEW)
            if one.disposition in (KNOWN, REDELIVERY):
                assert state[one.version_key] == what
            state[one.version_key] = what
        earlier = known_article(settled, "s1")
    assert state == {
        one.version_key: (one.version, one.is_latest, one.pub_status, one.language) for one in settle(slips)
    }
