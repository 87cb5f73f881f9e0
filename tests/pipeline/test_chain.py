"""The chain of runs: days that hand on their ledger are one run, a day run again is that day, gaps are told."""

from __future__ import annotations

import json
import shutil

import pytest

from pipeline import check, ledger, run
from pipeline.errors import OptionError, RunError
from pipeline.options import DAY, time_of
from pipeline.summary import summary
from tests.conftest import SAMPLES
from tests.pipeline import outputs
from tests.pipeline.outputs import AS_OF, config, tree

pytestmark = pytest.mark.runner

SAMPLE_DAYS = ("2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12")


def sample_day(output, number, **changes):
    as_of = AS_OF - (len(SAMPLE_DAYS) - 1 - number) * DAY
    asked = config(output, f"{SAMPLES}/{SAMPLE_DAYS[number]}*", as_of=as_of, max_reject_share=1.0)
    return run.run(asked._replace(**changes), [])


@pytest.fixture(scope="module")
def days(tmp_path_factory):
    """The samples, a run a day."""
    output = tmp_path_factory.mktemp("days")
    for number in range(len(SAMPLE_DAYS)):
        sample_day(output, number)
    return output


def test_days_that_hand_on_their_ledger_are_one_run(days, tmp_path):
    run.run(config(tmp_path, SAMPLES), [])
    differing = []
    for current in (outputs.current_articles, outputs.current_stories):
        whole, sliced = current(tmp_path), current(days)
        assert whole.keys() == sliced.keys()
        for key, row in whole.items():
            differing += [(name, row[name], sliced[key][name]) for name in row if row[name] != sliced[key][name]]
    # One article says that it is from after the end of its own day, which the one run does not see.
    odd = [entry for entry in differing if entry[0] not in ("as_of_day", "last_time")]
    assert odd == [
        ("flags", [], ["time_after_as_of"]),
        ("last_time_utc", "2026-03-12T01:48:00Z", "2026-03-12T00:00:00Z"),
    ]


def test_a_day_run_again_is_that_day(days, tmp_path):
    shutil.copytree(days, tmp_path, dirs_exist_ok=True)
    before = tree(tmp_path)
    for number in (1, 3, 0):
        assert sample_day(tmp_path, number).notes == []
        assert tree(tmp_path) == before


def test_each_manifest_names_its_parent(days):
    made = outputs.manifests(days)
    names = [f"as_of=202603{day}T000000Z" for day in ("10", "11", "12", "13")]
    assert [one["parent"] and one["parent"]["partition"] for one in made] == [None, *names[:-1]]
    hashes = tree(days)
    assert [one["parent"]["sha256"] for one in made[1:]] == [hashes[f"manifests/{name}.json"] for name in names[:-1]]


def test_a_day_that_comes_out_otherwise_makes_the_days_after_it_stale(days, tmp_path):
    shutil.copytree(days, tmp_path, dirs_exist_ok=True)
    # Without what it went on from, the second day keys otherwise.
    outcome = sample_day(tmp_path, 1, ledger="none")
    assert outcome.notes == [
        "as_of=20260312T000000Z does not go on from what stands now",
        "as_of=20260313T000000Z does not go on from what stands now",
        "run them, in this order, again",
    ]
    told = sample_day(tmp_path, 3)
    assert told.notes == ["as_of=20260312T000000Z was built on an earlier as_of=20260311T000000Z than stands now; "
                          "run it again"]  # fmt: skip
    for number in (1, 2, 3):
        sample_day(tmp_path, number)
    assert tree(tmp_path) == tree(days)


def write(folder, name, **fields):
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps({"provider": "Skarholm News", **fields}))
    return folder


FERRY = {
    "guid": "ferry",
    "headline": "Ferry runs aground off Skarholm with sixty on board",
    "body": "The ferry Brunn ran aground off Skarholm on Monday with sixty passengers on board, the coast guard said.",
    "published": "2026-03-09T08:00:00Z",
}


def after(output, wire, days, **changes):
    return run.run(config(output, wire, as_of=AS_OF + days * DAY, **changes), [])


def test_a_kill_weeks_later_reaches_the_article_and_its_closed_story(tmp_path):
    out = tmp_path / "out"
    after(out, write(tmp_path / "first", "a", **FERRY), 0)
    # A later article of the same language lets the story expire: it is no longer in any snapshot.
    later = {"guid": "2", "headline": "Choir sings in Tjellvik", "body": "A choir sang.", "published": "2026-03-24"}
    after(out, write(tmp_path / "second", "b", **later), 14)
    kill = {**FERRY, "published": "2026-03-30T08:00:00Z", "pubStatus": "canceled"}
    outcome = after(out, write(tmp_path / "third", "c", **kill), 20)
    assert outcome.manifest["counts"]["state_rows"] == 1
    assert {row["pub_status"] for row in outputs.current_articles(out).values() if row["guid"] == "ferry"} == {
        "canceled"
    }
    ((first, last),) = [
        [row for row in outputs.rows(out, "stories") if row["story_id"] == story["story_id"]]
        for story in outputs.current_stories(out).values()
        if story["headline"] == FERRY["headline"]
    ]
    changed = {name for name in first if first[name] != last[name]}
    assert changed == {"as_of_day", "usable_articles"}
    assert (first["usable_articles"], last["usable_articles"]) == (1, 0)


def test_the_summary_sets_state_rows_apart(tmp_path):
    out = tmp_path / "out"
    after(out, write(tmp_path / "first", "a", **FERRY), 0)
    kill = {**FERRY, "published": "2026-03-10T08:00:00Z", "pubStatus": "canceled"}
    asked = config(out, write(tmp_path / "second", "b", **kill), as_of=AS_OF + DAY)
    told = summary(asked, run.run(asked, [])).splitlines()
    assert told[1:3] == [
        "  articles             1  in 1 stories",
        "  state rows           1  what changed about earlier versions",
    ]


def test_what_came_before_is_a_redelivery_as_long_as_it_is_remembered(tmp_path):
    wire = write(tmp_path / "wire", "a", **FERRY)
    out = tmp_path / "out"
    after(out, wire, 0)
    again = after(out, wire, 20)
    assert (again.manifest["counts"]["redeliveries"], again.manifest["data_sets"]["articles"]["rows"]) == (1, 0)
    # Seen on day 20, so day 45 is within 30 days of it; the first sight alone would be forgotten.
    assert after(out, wire, 45).manifest["counts"]["redeliveries"] == 1
    short = after(out, wire, 50, remember=4 * DAY)
    assert short.manifest["data_sets"]["articles"]["rows"] == 1
    assert short.manifest["options"]["remember_days"] == 4


def test_a_day_that_comes_in_between_is_told(tmp_path):
    out = tmp_path / "out"
    wire = write(tmp_path / "wire", "a", **FERRY)
    after(out, wire, 0)
    after(out, wire, 2)
    assert after(out, wire, 1).notes == [
        "as_of=20260315T000000Z does not go on from what stands now",
        "run it again",
    ]
    assert [finding.message for finding in check.check(str(out)).findings] == [
        "it was built before as_of=20260314T000000Z was there"
    ]
    assert after(out, wire, 2).notes == []
    assert check.check(str(out)).findings == []


def test_old_partitions_may_be_cleared_away(tmp_path):
    out = tmp_path / "out"
    wire = write(tmp_path / "wire", "a", **FERRY)
    for day in (0, 40, 50):
        after(out, wire, day)
    (out / "manifests" / "as_of=20260313T000000Z.json").unlink()
    after(out, wire, 60)


def test_an_empty_day_hands_on_what_it_got(tmp_path):
    out = tmp_path / "out"
    after(out, write(tmp_path / "first", "a", **FERRY), 0)
    (tmp_path / "empty").mkdir()
    empty = after(out, tmp_path / "empty", 1)
    assert empty.manifest["data_sets"]["articles"]["rows"] == 0
    assert empty.manifest["data_sets"]["ledger"]["rows"] == 0
    second = FERRY | {"guid": "second", "provider": "Ostpress", "published": "2026-03-09T10:00:00Z"}
    after(out, write(tmp_path / "second", "b", **second), 2)
    assert len({row["story_id"] for row in outputs.current_articles(out).values()}) == 1


def test_a_ledger_of_another_desk_is_refused_before_anything_is_read(tmp_path, monkeypatch):
    wire = write(tmp_path / "wire", "a", **FERRY)
    out = tmp_path / "out"
    after(out, wire, 0)
    before = tree(out)
    monkeypatch.setattr(ledger, "fingerprint", lambda: "another")
    with pytest.raises(OptionError, match=r"another model .* use storywire 0.1.0, or write --ledger=none"):
        after(out, wire, 1)
    assert tree(out) == before
    anew = after(out, wire, 1, ledger="none")
    assert anew.manifest["parent"] is None
    assert anew.manifest["data_sets"]["articles"]["rows"] == 1


def test_a_gap_in_the_chain_is_told(days, tmp_path):
    shutil.copytree(days, tmp_path, dirs_exist_ok=True)
    (tmp_path / "manifests" / "as_of=20260311T000000Z.json").unlink()
    with pytest.raises(RunError, match=r"as_of=20260311T000000Z\.json is missing, but as_of=20260312T000000Z goes on"):
        sample_day(tmp_path, 3)
    # Beyond what is remembered nobody asks for it.
    sample_day(tmp_path, 3, remember=0)


def test_a_ledger_file_that_is_damaged_is_told(days, tmp_path):
    shutil.copytree(days, tmp_path, dirs_exist_ok=True)
    for name in ("*-en-*", "delta-*"):
        (broken,) = (tmp_path / "ledger" / "as_of=20260312T000000Z").glob(f"{name}.avro")
        before = broken.read_bytes()
        broken.write_bytes(before[:-40])
        with pytest.raises(RunError, match="the ledger of an earlier run can't be read"):
            sample_day(tmp_path, 3)
        broken.write_bytes(before)
    sample_day(tmp_path, 3)


def test_a_partitions_name_is_its_time():
    partition = "as_of=20260313T000000Z"
    assert config("out", as_of=time_of(partition)).partition() == partition
    for other in ("as_of=2026", "as_of=20260313T000000.000001Z", f"{partition}.json", f".tmp-{partition}.x"):
        with pytest.raises(ValueError, match="no name of a partition"):
            time_of(other)
