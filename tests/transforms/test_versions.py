"""Settling: which version stands, what a kill reaches, and what changes about the versions of earlier runs."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import KNOWN, NEW, REDELIVERY, STATE, Slip
from transforms.versions import known_article, link, settle, settle_linked

HOUR = 3_600_000_000


def slip(
    key: str, hours: int = 1, status: str = "usable", language: str = "en", uri: str = "u", number: int = 0
) -> Slip:
    time = hours * HOUR
    return Slip("a" * 32, key, uri, 0, time, number, status, language, "p", "h", b"\2", 9, time, item_id="a" * 32)


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


def bare_kill(key: str = "kill", hours: int = 1) -> Slip:
    return slip(key, hours, "canceled", language="und")._replace(headline="", body_length=0)


def test_a_kill_without_copy_has_no_story_and_is_kept():
    (kill,) = settle([bare_kill()])
    assert (kill.founding, kill.desk, kill.disposition, kill.usable) == (False, "und", NEW, False)
    (again,) = settle([bare_kill()], known(bare_kill(), story=""))
    assert (again.disposition, again.story_id) == (REDELIVERY, "")


@pytest.mark.parametrize("hours", [0, 5])
def test_what_a_kill_named_is_keyed_by_its_own_copy_and_is_canceled(hours):
    settled = {one.version_key: one for one in settle([bare_kill(hours=hours), slip("k1", 1)])}
    assert (settled["k1"].founding, settled["k1"].terms, settled["kill"].founding) == (True, b"\2", False)
    assert {one.pub_status for one in settled.values()} == {"canceled"}
    assert {one.desk for one in settled.values()} == {"en"}


def test_a_kill_that_came_runs_before_its_item_gets_its_story():
    settled = {one.version_key: one for one in settle([slip("k1", 2)], known(bare_kill(hours=1), story=""))}
    assert (settled["k1"].founding, settled["k1"].disposition, settled["k1"].pub_status) == (True, NEW, "canceled")
    # It counts out of the story that its item opens or joins.
    assert (settled["k1"].was_usable, settled["k1"].usable) == (True, False)
    assert settled["kill"].disposition == STATE
    assert {(one.story_id, one.desk) for one in settled.values()} == {("", "en")}


def test_an_item_that_repeats_what_another_said_is_a_redelivery_of_its_own():
    first, other = slip("k1", 1, uri="a")._replace(item_id="x"), slip("k1", 1, uri="b")._replace(item_id="y")
    settled = list(settle([other, first, slip("k2", 2)._replace(item_id="y")]))
    assert [(one.version_key, one.item_id, one.disposition) for one in settled] == [
        ("k1", "x", NEW), ("k2", "y", NEW), ("k1", "y", REDELIVERY),
    ]  # fmt: skip
    assert [one.version_key for one in known_article(settled, "s1").versions] == ["k1", "k2"]


def test_a_redelivery_is_found_by_the_item_that_delivered_it():
    (again,) = settle([slip("k1", 1)._replace(item_id="y")], known(slip("k1", 1)))
    assert (again.disposition, again.item_id) == (REDELIVERY, "y")


@pytest.mark.parametrize(
    ("links", "known", "expected"),
    [
        ([], {}, {}),
        ([("b", "a")], {}, {"b": "a"}),
        ([("c", "b"), ("b", "a"), ("d", "c")], {}, {"b": "a", "c": "a", "d": "a"}),
        ([("b", "a"), ("c", "a"), ("z", "y")], {}, {"b": "a", "c": "a", "z": "y"}),
        ([("b", "a"), ("a", "b"), ("c", "b")], {}, {"b": "a", "c": "a"}),
        ([("a", "a"), ("b", "c")], {}, {"b": "c"}),
        ([("c", "a"), ("a", "b"), ("b", "c")], {}, {"b": "a", "c": "a"}),
        # What earlier runs found stays, whatever is stated now.
        ([("c", "b")], {"b": "a"}, {"b": "a", "c": "a"}),
        ([("b", "a")], {"b": "b"}, {}),
        ([("a", "b"), ("c", "a")], {"a": "a", "b": "a"}, {"b": "a", "c": "a"}),
    ],
)
def test_links(links, known, expected):
    for order in permutations(links):
        assert link(dict(order), known) == expected


def test_of_an_item_its_first_version_says_where_it_comes_from():
    def delivered(*ancestors):
        slips = [slip(f"k{hour}", hour)._replace(item_id="b", evolved_from=one) for hour, one in enumerate(ancestors)]
        return {one.article_id for one in settle_linked(reversed(slips), {}, {})}

    assert delivered("", "a") == {"b"}
    assert delivered("c", "a") == {"c"}
    assert delivered("a", "", "c") == {"a"}


@given(st.lists(st.tuples(st.sampled_from("abcdefg"), st.sampled_from("abcdefg")), unique_by=lambda pair: pair[0]))
def test_what_links_come_to_has_no_ancestor_and_knows_no_order(links):
    found = link(dict(links), {})
    assert found == link(dict(reversed(links)), {})
    assert not found.keys() & set(found.values())
    assert found.keys() >= {item for item, ancestor in links if item != ancestor} - set(found.values())


@given(
    st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), unique_by=lambda pair: pair[0]),
    st.integers(0, 6),
)
def test_links_of_one_run_are_those_of_two(links, cut):
    """Each item is seen when it states something; its ancestor was seen before, as time goes."""
    ordered = sorted(links)
    older = [(item, ancestor) for item, ancestor in ordered if ancestor < item]
    whole = link(dict(older), {})
    first = link(dict(older[:cut]), {})
    seen = {item: first.get(item, item) for item, _ in older[:cut]}
    assert link(dict(older[cut:]), first | seen) == whole


def test_what_is_withheld_takes_all_versions_back_until_one_is_usable():
    settled = list(settle([slip("k1", 1), slip("k2", 2, "withheld")]))
    assert [(one.pub_status, one.usable) for one in settled] == [("withheld", False)] * 2
    later = list(settle([slip("k3", 3)], known_article(settled, "s1")))
    assert [(one.pub_status, one.disposition) for one in later] == [
        ("usable", STATE), ("usable", STATE), ("usable", NEW),
    ]  # fmt: skip
    (again,) = settle([bare_kill()._replace(pub_status="withheld")])
    assert (again.founding, again.pub_status) == (False, "withheld")


def test_a_kill_gives_no_language_to_what_it_kills():
    kill = bare_kill(hours=0)._replace(language="de")
    settled = {one.version_key: one for one in settle([kill, slip("k1", 1, language="en")])}
    assert (settled["k1"].language, settled["k1"].desk) == ("en", "en")


def test_of_equal_deliveries_the_earliest_stands():
    deliveries = [slip("k1", 3, uri="a"), slip("k1", 1, uri="z"), slip("k2", 2, uri="m")]
    settled = list(settle(deliveries))
    assert [(one.version_key, one.uri) for one in settled] == [("k1", "z"), ("k2", "m")]
