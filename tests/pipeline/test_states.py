"""Versions of an article over several items and runs: kills that come first, replacements, embargoes that are held."""

from __future__ import annotations

import json

import pytest

from pipeline import check, cli, run
from pipeline.errors import RunError
from pipeline.evaluate import evaluate
from pipeline.explain import difference, explain
from pipeline.gold import read
from pipeline.options import DAY
from pipeline.summary import summary
from tests.pipeline import outputs
from tests.pipeline.outputs import AS_OF, config, tree

pytestmark = pytest.mark.runner

FERRY = {
    "guid": "ferry",
    "headline": "Ferry runs aground off Skarholm with sixty on board",
    "body": "The ferry Brunn ran aground off Skarholm on Monday with sixty passengers on board, the coast guard said.",
    "versionCreated": "2026-03-09T08:00:00Z",
    "language": "en",
}
KILL = {"guid": "ferry", "pubStatus": "canceled", "versionCreated": "2026-03-09T09:00:00Z"}
REPLACEMENT = {
    **FERRY, "guid": "ferry-2", "evolvedFrom": "ferry", "versionCreated": "2026-03-09T10:00:00Z",
    "headline": "Sixty rescued from ferry aground off Skarholm",
}  # fmt: skip
THIRD = {
    **REPLACEMENT, "guid": "ferry-3", "evolvedFrom": "ferry-2", "versionCreated": "2026-03-09T11:00:00Z",
    "body": "All sixty are ashore.",
}  # fmt: skip
CHOIR = {
    "guid": "choir", "headline": "Choir of Tjellvik sings in the harbour", "body": "A choir sang in the rain.",
    "versionCreated": "2026-03-09T08:30:00Z", "language": "en",
}  # fmt: skip


def deliver(folder, out, day, *items, **changes):
    """A run over these items, the `day`th of a chain."""
    wire = folder / f"wire-{day}"
    wire.mkdir()
    lines = [json.dumps({"provider": "Skarholm News", **item}) + "\n" for item in items]
    if lines:
        (wire / "items.jsonl").write_text("".join(lines))
    return run.run(config(out, wire, as_of=AS_OF + day * DAY, **changes), [])


def states(out):
    """guid or article -> (version, is_latest, pub_status, has a story) as it stands now."""
    current = outputs.current_articles(out)
    guids = {}
    for row in outputs.rows(out, "articles"):
        if row["row_kind"] == "version":
            guids[row["article_id"], row["version_key"]] = (row["guid"], row["headline"])
    return {
        guids[key]: (row["version"], row["is_latest"], row["pub_status"], row["story_id"] != "")
        for key, row in current.items()
    }


def test_a_kill_of_an_item_never_seen_is_kept_and_counted(tmp_path):
    out = tmp_path / "out"
    outcome = deliver(tmp_path, out, 0, KILL, CHOIR)
    assert outcome.manifest["counts"]["unseen_kills"] == 1
    assert states(out)["ferry", ""] == (1, True, "canceled", False)
    assert [row["headline"] for row in outputs.rows(out, "stories")] == [CHOIR["headline"]]
    assert check.check(str(out)).findings == []
    asked = config(out, tmp_path, as_of=AS_OF)
    assert "  unseen kills         1  of items that no run has seen" in summary(asked, outcome).splitlines()


@pytest.mark.parametrize("apart", [False, True])
def test_a_kill_reaches_an_item_that_comes_after_it(tmp_path, apart):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, KILL, *([] if apart else [FERRY]))
    if apart:
        deliver(tmp_path, out, 1, FERRY)
    assert states(out) == {
        ("ferry", FERRY["headline"]): (1, False, "canceled", True),
        ("ferry", ""): (2, True, "canceled", True),
    }
    (story,) = outputs.current_stories(out).values()
    assert (story["articles"], story["usable_articles"]) == (1, 0)
    assert check.check(str(out)).findings == []
    found = explain(str(out), "ferry", None, lambda told: None)
    assert difference(found) == ""
    assert found.row["headline"] == FERRY["headline"]


def test_what_has_no_story_is_not_explained(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, KILL, CHOIR)
    with pytest.raises(RunError, match="nothing is known of it but a kill"):
        explain(str(out), "ferry", None, lambda told: None)


@pytest.mark.parametrize("slices", [[3], [1, 1, 1]])
def test_what_evolved_from_an_item_is_a_version_of_it(tmp_path, slices):
    out = tmp_path / "out"
    left = [FERRY, REPLACEMENT, THIRD]
    for day, size in enumerate(slices):
        items, left = left[:size], left[size:]
        deliver(tmp_path, out, day, *reversed(items))
    assert states(out) == {
        ("ferry", FERRY["headline"]): (1, False, "usable", True),
        ("ferry-2", REPLACEMENT["headline"]): (2, False, "usable", True),
        ("ferry-3", REPLACEMENT["headline"]): (3, True, "usable", True),
    }
    assert len({row["article_id"] for row in outputs.rows(out, "articles")}) == 1
    assert [story["articles"] for story in outputs.current_stories(out).values()] == [1]
    assert check.check(str(out)).findings == []


@pytest.mark.parametrize("guid", ["ferry"])
def test_a_kill_of_one_item_reaches_what_evolved_from_it_and_what_it_evolved_from(tmp_path, guid):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, FERRY, REPLACEMENT)
    outcome = deliver(tmp_path, out, 1, {**KILL, "guid": guid, "versionCreated": "2026-03-09T12:00:00Z"})
    assert {status for _, _, status, _ in states(out).values()} == {"canceled"}
    assert outcome.manifest["counts"]["state_rows"] == 2


def test_a_replacement_that_repeats_what_it_replaces_is_a_redelivery(tmp_path):
    out = tmp_path / "out"
    again = {**FERRY, "guid": "ferry-2", "evolvedFrom": "ferry", "versionCreated": "2026-03-09T10:00:00Z"}
    for day, items in enumerate([(FERRY, again), (again,)]):
        counts = deliver(tmp_path, out, day, *items).manifest["counts"]
        assert (counts["items"], counts["redeliveries"]) == (len(items), 1)
    assert len(outputs.rows(out, "articles")) == 1


EMBARGOED = {**FERRY, "embargoed": "2026-03-14T12:00:00Z"}


def test_an_embargoed_article_is_held_and_delivered_when_its_time_has_come(tmp_path):
    out = tmp_path / "out"
    first = deliver(tmp_path, out, 0, EMBARGOED, CHOIR, hold_embargoed=True)
    assert (first.manifest["counts"]["items"], first.manifest["counts"]["held"]) == (2, 1)
    assert "  held                 1  until their embargo ends" in summary(config(out, tmp_path), first).splitlines()
    second = deliver(tmp_path, out, 1, {**CHOIR, "guid": "choir-2"}, hold_embargoed=True)
    assert (second.manifest["counts"]["items"], second.manifest["counts"]["held"]) == (2, 1)
    assert {row["guid"] for row in outputs.rows(out, "articles")} == {"choir", "choir-2"}
    before = tree(out)
    third = deliver(tmp_path, out, 2, hold_embargoed=True)
    assert (third.manifest["counts"]["items"], third.manifest["counts"].get("held")) == (1, None)
    assert third.manifest["input"]["files"] == 0
    (row,) = [row for row in outputs.rows(out, "articles") if row["guid"] == "ferry"]
    assert (row["uri"], row["position"], row["embargoed_until_utc"]) == ("items.jsonl", 1, "2026-03-14T12:00:00Z")
    assert check.check(str(out)).findings == []
    # Nothing is left to deliver, and the runs before stand as they were.
    fourth = deliver(tmp_path, out, 3, hold_embargoed=True)
    assert fourth.manifest["counts"].get("items", 0) == 0
    after = tree(out)
    assert {name: after[name] for name in before} == before


def test_without_the_option_an_embargoed_article_is_a_row_and_what_was_held_is_delivered(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, EMBARGOED, hold_embargoed=True)
    deliver(tmp_path, out, 1, {**EMBARGOED, "guid": "other"})
    assert {row["guid"] for row in outputs.rows(out, "articles")} == {"ferry", "other"}


def test_a_kill_is_never_held_and_waits_for_what_is(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, EMBARGOED, hold_embargoed=True)
    deliver(tmp_path, out, 1, {**KILL, "embargoed": "2026-03-14T12:00:00Z"}, hold_embargoed=True)
    deliver(tmp_path, out, 2, CHOIR, hold_embargoed=True)
    assert {status for (guid, _), (_, _, status, _) in states(out).items() if guid == "ferry"} == {"canceled"}


def test_beginning_anew_says_what_it_leaves_held(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, EMBARGOED, hold_embargoed=True)
    outcome = deliver(tmp_path, out, 1, CHOIR, ledger="none")
    assert outcome.notes == ["as_of=20260313T000000Z holds 1 embargoed items back, and --ledger=none leaves them there"]


def test_a_gold_file_may_name_what_has_no_story(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, KILL, CHOIR)
    gold = tmp_path / "gold.tsv"
    gold.write_text("guid\tstory\nchoir\ta\nferry\tb\n")
    found = evaluate(read(str(gold)), str(out))
    assert list(found.stories.values()) == ["a"]
    assert len(found.missing) == 1


def guids(out, status):
    return sorted(guid for (guid, _), (_, _, found, _) in states(out).items() if found == status)


KILL_OF = {"pubStatus": "canceled", "versionCreated": "2026-03-09T23:00:00Z"}
ANOTHER = {**CHOIR, "guid": "a", "headline": "Alert on the ferry Brunn", "versionCreated": "2026-03-09T07:00:00Z"}


@pytest.mark.parametrize(
    ("runs", "canceled"),
    [
        # A later version names an ancestor, of an item that has been an article of its own.
        ([[ANOTHER], [FERRY], [{**REPLACEMENT, "guid": "ferry", "evolvedFrom": "a"}],
          [{**KILL_OF, "guid": "ferry"}]], 3),
        # A ring, over runs.
        ([[FERRY], [REPLACEMENT], [{**THIRD, "guid": "ferry"}], [{**KILL_OF, "guid": "ferry"}]], 4),
        # Two ancestors of one item.
        ([[ANOTHER, FERRY], [REPLACEMENT], [{**THIRD, "guid": "ferry-2", "evolvedFrom": "a"}],
          [{**KILL_OF, "guid": "ferry-2"}]], 3),
        # The kill knows nothing of the link.
        ([[FERRY, REPLACEMENT], [{**KILL_OF, "guid": "ferry-2"}]], 3),
    ],
)  # fmt: skip
def test_links_over_runs_are_those_of_one_run_and_a_kill_reaches_all(tmp_path, runs, canceled):
    apart, together = tmp_path / "apart", tmp_path / "together"
    for day, items in enumerate(runs):
        deliver(tmp_path, apart, day, *items)
    (tmp_path / "all").mkdir()
    deliver(tmp_path / "all", together, len(runs) - 1, *[item for items in runs for item in items])
    assert states(apart) == states(together)
    assert len(guids(apart, "canceled")) == canceled
    one, other = ({row["article_id"] for row in outputs.rows(out, "articles")} for out in (apart, together))
    assert one == other
    assert check.check(str(apart)).findings == []


def test_a_link_lasts_as_long_as_its_article(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, FERRY, REPLACEMENT)
    deliver(tmp_path, out, 20, {**FERRY, "body": "All are well.", "versionCreated": "2026-03-29T08:00:00Z"})
    deliver(tmp_path, out, 35, {**KILL_OF, "guid": "ferry-2", "versionCreated": "2026-04-12T08:00:00Z"})
    assert guids(out, "usable") == []


def test_a_replay_holds_what_its_run_held(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, EMBARGOED, {"nothing": 1}, hold_embargoed=True, max_reject_share=1.0)
    assert cli.main(["--quiet", "replay", f"{out}/rejects/{config(out).partition()}"]) == 0
    assert [one["counts"].get("held") for one in outputs.manifests(out)] == [1, 1]
    assert outputs.rows(out, "articles") == []


def test_a_held_object_of_json_lines_is_one_article_again(tmp_path):
    """Read by itself it would be a feed."""
    out = tmp_path / "out"
    feed = {**EMBARGOED, "version": "https://jsonfeed.org/version/1.1", "items": [
        {"id": "x", "content_text": "One.", "title": "One"}, {"id": "y", "content_text": "Two.", "title": "Two"},
    ]}  # fmt: skip
    deliver(tmp_path, out, 0, feed, hold_embargoed=True)
    deliver(tmp_path, out, 1, hold_embargoed=True)
    assert outputs.rows(out, "articles") == []
    deliver(tmp_path, out, 2, hold_embargoed=True)
    assert [row["guid"] for row in outputs.rows(out, "articles")] == ["ferry"]


def test_what_comes_again_while_it_is_held_is_delivered_once(tmp_path):
    out = tmp_path / "out"
    for day in (0, 1):
        deliver(tmp_path, out, day, EMBARGOED, hold_embargoed=True)
    assert check.check(str(out)).findings == []
    third = deliver(tmp_path, out, 2, hold_embargoed=True)
    assert (third.manifest["counts"]["items"], len(outputs.rows(out, "articles"))) == (1, 1)


def test_withheld_reaches_every_version_until_another_is_usable(tmp_path):
    out = tmp_path / "out"
    deliver(tmp_path, out, 0, FERRY)
    deliver(tmp_path, out, 1, {**KILL, "pubStatus": "withheld"})
    assert guids(out, "withheld") == ["ferry", "ferry"]
    deliver(tmp_path, out, 2, {**FERRY, "body": "All are well.", "versionCreated": "2026-03-10T08:00:00Z"})
    assert guids(out, "withheld") == []
    assert check.check(str(out)).findings == []
    assert difference(explain(str(out), "ferry", None, lambda told: None)) == ""
