"""Explaining keys: what is told is what the run decided, of every article; what can't be told or is not so is said."""

from __future__ import annotations

import io
import json
import re
import shutil
import unicodedata
from collections import Counter

import fastavro
import pytest

from pipeline import check, cli, earlier, explain, run
from pipeline.errors import OptionError, RunError
from pipeline.published import Published
from pipeline.sinks import write_shard
from schemas import data_set
from tests.conftest import SAMPLES
from tests.pipeline import outputs
from tests.pipeline.outputs import config
from tests.pipeline.test_chain import FERRY, SAMPLE_DAYS, after, sample_day, write
from tests.pipeline.test_evaluate import article, publish, state
from transforms.stories.desk import Desk
from transforms.stories.features import NAMES

FIRST, SECOND, THIRD, LAST = (f"as_of=202603{day}T000000Z" for day in (10, 11, 12, 13))


def explained(out, name, position=None):
    return explain.explain(str(out), name, position, lambda text: None)


def seen_by_the_desks(output, runs):
    """What the desks of some runs saw, while they keyed, of each article: candidates by id, and how many were live."""
    seen = {}
    look = Desk.look

    def noting(desk, slip):
        placement = look(desk, slip)
        candidates = {
            one.story_id: (one.cosine, one.score, list(one.features), desk.story(one.story_id).headline)
            for one in placement.candidates
        }
        assert slip.article_id not in seen
        seen[slip.article_id] = candidates, desk.live(), placement.choice
        return placement

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Desk, "look", noting)
        for one in runs:
            one(output)
    return seen


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The samples in one run, and what its desks saw."""
    output = tmp_path_factory.mktemp("whole")
    return output, seen_by_the_desks(output, [lambda out: run.run(config(out, SAMPLES), [])])


@pytest.fixture(scope="module")
def daily(tmp_path_factory):
    """The samples, a run a day, and what their desks saw."""
    output = tmp_path_factory.mktemp("daily")
    days = [lambda out, number=number: sample_day(out, number) for number in range(len(SAMPLE_DAYS))]
    return output, seen_by_the_desks(output, days)


@pytest.fixture(scope="module")
def every(whole, daily):
    """Explanations of all articles of the samples, in one run and in daily ones, by article_id."""
    return {
        name: {article_id: explained(output, article_id) for article_id in sorted(seen)}
        for name, (output, seen) in (("whole", whole), ("daily", daily))
    }


@pytest.fixture(scope="module")
def articles(every):
    """Those of the one run."""
    return list(every["whole"].values())


@pytest.mark.runner
@pytest.mark.parametrize("of", ["whole", "daily"])
def test_every_article_is_explained_as_it_was_keyed(of, whole, daily, every):
    output, seen = {"whole": whole, "daily": daily}[of]
    rows = outputs.rows(output, "articles")
    assert seen.keys() == {row["article_id"] for row in rows}
    first = {row["article_id"]: row for row in reversed(rows) if row["row_kind"] == "version" and row["version"] == 1}
    current = outputs.current_articles(output)
    keyed = Counter()
    for article_id, (candidates, live, choice) in seen.items():
        found = every[of][article_id]
        sight = found.explanation.sight
        told = {
            one.story.story_id: (one.cosine, one.score, list(one.features.values()), one.story.headline)
            for one in sight.candidates
        }
        assert (told, sight.live) == (candidates, live)
        assert sight.story_id == choice or (sight.opened and not choice)
        assert (explain.difference(found), found.explanation.differences) == ("", ())
        assert found.explanation.end.story_id == first[article_id]["story_id"]
        assert found.by_now == current[article_id, found.row["version_key"]]["story_id"]
        keyed[found.partition, found.row["language"].partition("-")[0]] = found.explanation.keyed
    assert sum(keyed.values()) == len(seen)
    assert {partition for partition, _ in keyed} == ({LAST} if of == "whole" else {FIRST, SECOND, THIRD, LAST})


@pytest.mark.runner
def test_days_that_hand_on_their_ledger_are_explained_as_one_run(every):
    parents = {FIRST: "", SECOND: FIRST, THIRD: SECOND, LAST: THIRD}
    compared = Counter()
    for article_id, one in every["whole"].items():
        sliced = every["daily"][article_id]
        assert (one.parent, sliced.parent) == ("", parents[sliced.partition])
        # On the third day an English article states a later time, which shifts what is counted after it.
        if sliced.partition < THIRD or sliced.row["language"] != "en":
            assert one.explanation.sight == sliced.explanation.sight
            compared[sliced.partition] += 1
    assert compared.keys() == parents.keys()


def shown(capsys, out, found, *options):
    assert cli.main(["explain", str(out), found.row["article_id"], *options]) == 0
    return capsys.readouterr().out


@pytest.mark.runner
def test_an_article_that_joined(whole, articles, capsys):
    found = next(one for one in articles if not one.explanation.sight.opened)
    best = found.explanation.sight.candidates[0]
    told = " ".join(shown(capsys, whole[0], found).split())
    assert f"keyed in {LAST}" in told
    assert f"joined story {best.story.story_id} (" in told
    assert f"its score of {best.score / 1e6:.3f} is the highest and not below" in told
    assert f"{best.score / 1e6:.3f} {best.cosine / 1e6:.3f} {best.story.articles} " in told
    assert f"shares {best.shared[0].term} {best.shared[0].share:.0%}" in told
    assert "local_cosine" in told
    assert "cohesion" not in told
    assert f"at the end of the run: story {found.explanation.end.story_id} (" in told
    assert f"as decided: keyed again, all {found.explanation.keyed} articles of the run's desk" in told
    every = shown(capsys, whole[0], found, "--verbose")
    assert [name for name in NAMES if not re.search(rf"\b{name} -?\d", every)] == []


@pytest.mark.runner
def test_an_article_that_opened_a_story(whole, articles, capsys):
    opened = [one for one in articles if one.explanation.sight.opened]
    found = next(one for one in opened if one.explanation.sight.candidates)
    sight = found.explanation.sight
    told = " ".join(shown(capsys, whole[0], found).split())
    assert (
        f"opened story {sight.story_id}: the best candidate's score, {sight.candidates[0].score / 1e6:.3f}, is below"
    ) in told
    found = next(one for one in opened if one.explanation.sight.live and not one.explanation.sight.candidates)
    told = shown(capsys, whole[0], found)
    assert f"of {found.explanation.sight.live} live stories none was found with a cosine of 0.08" in told.replace(
        "\n  ", " "
    )
    assert "candidates" not in told
    found = next(one for one in opened if not one.explanation.sight.live)
    assert f"opened story {found.explanation.sight.story_id}: no story was live" in shown(capsys, whole[0], found)


@pytest.mark.runner
def test_json(whole, articles, capsys):
    for found in (next(one for one in articles if one.explanation.sight.opened == opened) for opened in (True, False)):
        text = shown(capsys, whole[0], found, "--json")
        assert text.isascii()
        made = json.loads(text)
        sight = found.explanation.sight
        assert (made["decision"], made["story_id"]) == ("opened" if sight.opened else "joined", sight.story_id)
        assert made["article"]["headline"] == found.row["headline"]
        assert made["article"]["event_time"] == found.row["event_time"].isoformat().replace("+00:00", "Z")
        assert [(one["story_id"], one["score"], one["cosine"]) for one in made["candidates"]] == [
            (one.story.story_id, one.score / 1e6, one.cosine / 1e6) for one in sight.candidates
        ]
        for one in made["candidates"]:
            assert tuple(one["features"]) == NAMES
            assert 0 < sum(shared["share"] for shared in one["shared_terms"]) < 1 + 1e-9
        assert (made["partition"], made["parent"], made["differences"]) == (LAST, None, [])
        assert [version["version"] for version in made["versions"]] == [*range(1, len(found.versions) + 1)]
        assert made["end_of_run"]["story_id"] == made["story_id_by_now"] == found.explanation.end.story_id


@pytest.mark.runner
def test_shared_terms_of_chinese_articles_can_be_read(articles):
    joined = [one for one in articles if one.row["language"].startswith("zh") and not one.explanation.sight.opened]
    assert joined
    for found in joined:
        text = unicodedata.normalize("NFKC", found.row["headline"] + "\n" + found.row["body"])
        terms = [shared.term for shared in found.explanation.sight.candidates[0].shared]
        assert [term for term in terms if term not in text] == []
        assert max(map(len, terms)) >= 3


@pytest.mark.runner
def test_what_the_wait_is_for_goes_to_stderr(whole, articles, capsys):
    found = articles[0]
    assert cli.main(["explain", f"{whole[0]}/", found.row["article_id"]]) == 0
    told = capsys.readouterr().err.splitlines()
    assert told[0].startswith(f"storywire: looking for {found.row['article_id']} in 1 partitions")
    assert told[-1] == f"storywire: keying {found.explanation.keyed} articles again …"


# Versions, kills, times.


@pytest.mark.runner
def test_a_later_version_has_the_story_of_the_first(daily):
    output, _ = daily
    later = [
        row for row in outputs.rows(output, "articles")
        if row["row_kind"] == "version" and row["version"] == 2 and row["as_of_day"] == "2026-03-12"
    ]  # fmt: skip
    cases = 0
    for row in later:
        found = explained(output, f"{row['uri']}#{row['position']}")
        assert found.row["article_id"] == row["article_id"]
        assert [(one.version, one.version_key) for one in found.versions][1] == (2, row["version_key"])
        told = f"it has 2 versions; version 1 was keyed, the others keep its story: 2 ({THIRD})"
        assert found.notes[0] == told
        cases += found.partition < THIRD
    assert cases


@pytest.mark.runner
def test_a_killed_article(daily, capsys):
    output, _ = daily
    rows = outputs.rows(output, "articles")
    (kill,) = {row["article_id"] for row in rows if row["row_kind"] == "state" and row["pub_status"] == "canceled"}
    found = explained(output, kill)
    assert found.partition < LAST
    assert {version.pub_status for version in found.versions} == {"canceled"}
    assert "note: it is canceled by now, which changes no key" in shown(capsys, output, found)


@pytest.mark.runner
def test_a_time_after_the_runs_interval_is_clipped_as_the_run_did(daily):
    output, _ = daily
    (late,) = [row for row in outputs.rows(output, "articles") if "time_after_as_of" in row["flags"]]
    found = explained(output, late["article_id"])
    assert found.notes == [
        f"the time that it states is after the end of the run's interval; it was keyed as of {found.partition[6:]}"
    ]
    assert found.explanation.sight.slip.event_time < found.explanation.sight.slip.stated_time


@pytest.mark.runner
def test_an_older_version_that_comes_later_was_not_keyed(tmp_path):
    out = tmp_path / "out"
    after(out, write(tmp_path / "first", "a", **FERRY), 0)
    older = FERRY | {"headline": "Ferry aground", "published": "2026-03-09T07:00:00Z"}
    body = "A choir of eighty voices sang in Tjellvik on Friday, and the mayor said that it was the best she had heard."
    write(tmp_path / "second", "b", **older)
    other = {"guid": "other", "headline": "Choir sings in Tjellvik", "body": body, "published": "2026-03-13"}
    after(out, write(tmp_path / "second", "c", **other), 1)
    found = explained(out, "ferry")
    assert (found.partition, found.row["headline"]) == (LAST, FERRY["headline"])
    assert [(one.version, one.partition) for one in found.versions] == [(1, "as_of=20260314T000000Z"), (2, LAST)]
    # At the desk of the same language only the other article was keyed.
    other = explained(out, "other")
    assert (other.row["language"], found.row["language"], other.explanation.keyed) == ("en", "en", 1)


@pytest.mark.runner
def test_an_article_that_was_forgotten_is_explained_where_it_was_keyed_last(tmp_path):
    out = tmp_path / "out"
    wire = write(tmp_path / "wire", "a", **FERRY)
    after(out, wire, 0)
    after(out, wire, 2, ledger="none")
    found = explained(out, "ferry")
    assert (found.partition, found.parent) == ("as_of=20260315T000000Z", "")
    assert found.notes == [
        f"it was keyed before, in {LAST}: the run of as_of=20260315T000000Z did not remember that (--remember), or was "
        "told not to go on from it (--ledger=none)"
    ]


@pytest.mark.runner
def test_a_run_over_nothing_hands_on_what_is_explained(tmp_path):
    out = tmp_path / "out"
    after(out, write(tmp_path / "first", "a", **FERRY), 0)
    (tmp_path / "empty").mkdir()
    after(out, tmp_path / "empty", 1)
    after(out, write(tmp_path / "second", "b", **FERRY | {"guid": "second", "provider": "Ostpress"}), 2)
    sight = explained(out, "second").explanation.sight
    assert (sight.opened, sight.live, len(sight.candidates)) == (False, 1, 1)


@pytest.mark.runner
def test_a_merge_of_a_later_run_is_told(daily, tmp_path, capsys):
    shutil.copytree(daily[0], tmp_path, dirs_exist_ok=True)
    found = explained(tmp_path, next(iter(daily[1])))
    story = found.explanation.end.story_id
    # A later run that says so; its row is that of any merge.
    row = next(row for row in outputs.rows(tmp_path, "stories") if row["story_id"] == story)
    buffer = io.BytesIO()
    schema = data_set("stories").part(data_set("stories").field_names())
    fastavro.schemaless_writer(buffer, schema, row | {"merged_into": "f" * 32})
    publish(tmp_path, 1, [], [buffer.getvalue()])
    assert f"; by now part of story {'f' * 32}" in shown(capsys, tmp_path, found)
    assert explained(tmp_path, found.row["article_id"]).by_now == "f" * 32


# What comes out otherwise.


def rewritten(out, partition, change):
    """Changes the rows of `articles` in a partition, and the manifest accordingly."""
    path = out / "manifests" / f"{partition}.json"
    made = json.loads(path.read_text())
    (file,) = made["data_sets"]["articles"]["files"]
    with (out / file["name"]).open("rb") as opened:
        rows = list(fastavro.reader(opened))
    schema = data_set("articles").part(data_set("articles").field_names())
    encoded = []
    for row in rows:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, schema, change(row))
        encoded.append(buffer.getvalue())
    (written,) = write_shard(config(out, as_of=explain.time_of(partition)), "articles", "part", 0, encoded)
    file |= {"name": f"articles/{partition}/{written.name}", "sha256": written.sha256, "bytes": written.size}
    file["rows_sha256"] = made["data_sets"]["articles"]["rows_sha256"] = written.rows_sha256
    path.write_text(json.dumps(made))


@pytest.mark.runner
def test_a_row_with_another_story_is_told(whole, articles, tmp_path, capsys):
    english = [one for one in articles if one.row["language"] == "en"]
    own, other = english[0].row["article_id"], english[1].row["article_id"]
    shutil.copytree(whole[0], tmp_path, dirs_exist_ok=True)
    rewritten(tmp_path, LAST, lambda row: row | ({"story_id": "0" * 32} if row["article_id"] == own else {}))
    assert check.check(str(tmp_path)).findings[0].message.startswith("1 stories of its articles have no row")
    right = english[0].explanation.end.story_id
    for name, said in ((own, "this one too"), (other, "but not this one")):
        assert cli.main(["explain", str(tmp_path), name]) == 1
        shown = capsys.readouterr()
        told = (
            f"{LAST} comes out otherwise: 1 of {english[0].explanation.keyed} articles have another story than their "
            f"rows say, {said} ({own} has {'0' * 32}, not {right}). Its rows were changed; run {LAST} again"
        )
        assert shown.err.splitlines()[-1] == f"storywire: {told}"
        assert f"NOT what was decided: {told}" in " ".join(shown.out.split())
    assert cli.main(["explain", str(tmp_path), own, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["differences"] == [
        {"article_id": own, "recomputed": right, "decided": "0" * 32}
    ]
    # Another desk is not concerned.
    german = next(one for one in articles if one.row["language"] == "de")
    assert cli.main(["explain", str(tmp_path), german.row["article_id"]]) == 0


@pytest.mark.runner
def test_rows_with_other_text_come_out_otherwise(tmp_path):
    out = tmp_path / "out"
    wire = write(tmp_path / "wire", "a", **FERRY)
    write(wire, "b", **FERRY | {"guid": "second", "provider": "Ostpress", "published": "2026-03-09T09:00:00Z"})
    after(out, wire, 0)
    second = {"body": "A choir sang in Tjellvik.", "headline": "Choir sings"}
    rewritten(out, LAST, lambda row: row | (second if row["guid"] == "second" else {}))
    found = explained(out, "ferry")
    assert [one.article_id for one in found.explanation.differences] == [explained(out, "second").row["article_id"]]


def keyed_in(out):
    """The articles that each partition keyed."""
    found = {}
    for row in outputs.rows(out, "articles"):
        if row["row_kind"] == "version" and row["version"] == 1:
            found.setdefault(f"as_of={row['as_of_day'].replace('-', '')}T000000Z", []).append(row["article_id"])
    return found


@pytest.mark.runner
def test_a_partition_built_on_a_ledger_that_was_made_anew(daily, tmp_path, capsys):
    shutil.copytree(daily[0], tmp_path, dirs_exist_ok=True)
    sample_day(tmp_path, 1, ledger="none")
    by = keyed_in(tmp_path)
    note = (
        f"{THIRD} was built on an earlier {SECOND} than stands now: scores may not be those that decided; run {THIRD} "
        "again"
    )
    # The last day stands on the third as it stands.
    for partition in (FIRST, SECOND, LAST):
        found = explained(tmp_path, by[partition][0])
        assert (note in found.notes, explain.difference(found)) == (False, "")
    third = [explained(tmp_path, article_id) for article_id in by[THIRD]]
    assert all(note in found.notes for found in third)
    wrong = [found for found in third if explain.difference(found)]
    assert 0 < len(wrong) < len(third)
    name = wrong[0].row["article_id"]
    assert cli.main(["explain", str(tmp_path), name]) == 1
    last = capsys.readouterr().err.splitlines()[-1]
    assert re.search(rf"{THIRD} comes out otherwise: .* or its ledger is not the one that it went on from; run", last)
    sample_day(tmp_path, 2)
    mended = explained(tmp_path, name)
    assert (note in mended.notes, explain.difference(mended)) == (False, "")


@pytest.mark.runner
def test_what_a_run_went_on_from_may_be_gone(daily, tmp_path, capsys):
    shutil.copytree(daily[0], tmp_path, dirs_exist_ok=True)
    by = {partition: names[0] for partition, names in keyed_in(tmp_path).items()}
    for partition in (FIRST, SECOND):
        (tmp_path / "manifests" / f"{partition}.json").unlink()
    # Of older runs nothing is needed.
    assert explain.difference(explained(tmp_path, by[LAST])) == ""
    assert cli.main(["explain", str(tmp_path), by[THIRD]]) == 1
    assert (
        f"{THIRD} goes on from {SECOND}, which has no manifest any more, so what its desk knew can't be told; run "
        f"{SECOND} again, then {THIRD}"
    ) in capsys.readouterr().err
    assert cli.main(["explain", str(tmp_path), by[FIRST]]) == 2


@pytest.mark.runner
def test_damage_is_told(daily, tmp_path, capsys):
    shutil.copytree(daily[0], tmp_path, dirs_exist_ok=True)
    name = keyed_in(tmp_path)[LAST][0]
    language = explained(tmp_path, name).row["language"].partition("-")[0]
    (broken,) = (tmp_path / "ledger" / THIRD).glob(f"[sc]*-{language}-*.avro")
    before = broken.read_bytes()
    broken.write_bytes(before[:-40])
    assert cli.main(["explain", str(tmp_path), name]) == 1
    assert "the ledger of an earlier run can't be read" in capsys.readouterr().err
    broken.write_bytes(before)
    (rows,) = (tmp_path / "articles" / LAST).iterdir()
    rows.write_bytes(rows.read_bytes()[:-40])
    assert cli.main(["explain", str(tmp_path), name]) == 1
    assert "`storywire check" in capsys.readouterr().err


@pytest.mark.runner
def test_a_ledger_that_no_desk_left_is_told(daily, monkeypatch):
    """Its bytes are whole Avro, and what they say is nonsense."""
    read_rows = earlier.read_rows
    monkeypatch.setattr(
        earlier, "read_rows", lambda file: [row._replace(data=row.data[:-1]) for row in read_rows(file)]
    )
    with pytest.raises(RunError, match=rf"{LAST} can't be keyed again \(.*`storywire check"):
        explained(daily[0], keyed_in(daily[0])[LAST][0])


@pytest.mark.runner
def test_a_run_of_another_desk_is_refused(daily, monkeypatch, capsys):
    name = next(iter(daily[1]))
    monkeypatch.setattr(explain, "fingerprint", lambda: "another")
    assert cli.main(["explain", str(daily[0]), name]) == 1
    told = capsys.readouterr().err
    assert "was keyed with other tables or another model than this version of storywire has" in told
    assert "use storywire 0.1.0, or run it again" in told


@pytest.mark.runner
def test_a_ledger_of_another_desk_is_refused(daily, tmp_path):
    shutil.copytree(daily[0], tmp_path, dirs_exist_ok=True)
    name = keyed_in(tmp_path)[SECOND][0]
    path = tmp_path / "manifests" / f"{FIRST}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"desk": "another"}))
    with pytest.raises(RunError, match=rf"on an earlier {FIRST} than stands now, which was keyed with other tables"):
        explained(tmp_path, name)


# What articles are called.


@pytest.fixture
def twins(tmp_path):
    """Articles of two providers with one guid, of one uri, and of two days with one uri and position."""
    out = tmp_path / "out"
    none = {"guid": None, "uri": "day.jsonl"}
    numbered = [article(f"u{at}", "", position=at, **none) for at in (1, 2)]
    publish(out, 0, [article("g1", "", guid="same"), *numbered, article("plain", ""), state("older", "")])
    publish(out, 1, [article("g2", "", guid="same"), article("u3", "", position=2, **none)])
    return out


def test_the_names_of_an_article(twins):
    for name, position, article_id in (
        ("plain", None, "plain"),
        ("guid-plain", None, "plain"),
        ("plain.json", None, "plain"),
        ("plain.json#0", None, "plain"),
        ("plain.json", 0, "plain"),
        ("day.jsonl#1", None, "u1"),
        ("day.jsonl", 1, "u1"),
        ("g1", None, "g1"),
    ):
        assert explain._find(Published(str(twins)), name, position) == article_id


def test_a_surer_name_counts(tmp_path):
    publish(tmp_path, 0, [article("a", "", guid="b"), article("b", "", guid="c", uri="x"), article("c", "", guid="x")])
    published = Published(str(tmp_path))
    assert [explain._find(published, name, None) for name in ("b", "c", "x", "x#0")] == ["b", "c", "c", "b"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (["same"], "2 articles in OUT are called same; name one of them:\n  g1.json#0  TIME  Headline of g1\n"
                   "  g2.json#0  TIME  Headline of g2\n"),
        (["day.jsonl"], "3 articles in OUT are called day.jsonl; name one of them:\n"
                        "  day.jsonl#1  TIME  Headline of u1\n  u2  TIME  Headline of u2\n  u3  TIME  Headline"),
        (["day.jsonl", "--position=2"], "2 articles in OUT are called day.jsonl#2; name one of them:\n"
                                        "  u2  TIME  Headline of u2\n  u3  TIME  Headline of u3\n"),
        (["headline OF u"], "OUT has no article headline OF u; name one of those that have it in guid, uri or "
                            "headline:\n  day.jsonl#1  TIME  Headline of u1\n  u2  "),
        (["day"], "OUT has no article day; name one of those that have it in guid, uri or headline:\n  day.jsonl#1  "),
        (["nowhere"], "OUT has no article nowhere; write a guid, a uri or an article_id as its rows of articles have "
                      "them, such as day.jsonl#2, or words of its headline, to be told its name\n"),
        (["guid-plain", "--position=0"], "OUT has no article guid-plain#0; name one of those that have"),
        ([" "], "ARTICLE is empty; write"),
        (["plain", "--jsn"], "unknown option --jsn; did you mean --json?"),
        (["plain", "more"], "'more' stands alone; see `storywire explain --help`"),
    ],
)  # fmt: skip
def test_a_name_of_none_or_several_is_an_option_error(twins, name, said, capsys):
    assert cli.main(["explain", str(twins), *name]) == 2
    told = capsys.readouterr().err.replace(str(twins), "OUT").replace("2026-03-09T08:00:00Z", "TIME")
    assert said in told


def test_a_name_of_very_many_is_cut(tmp_path):
    publish(tmp_path, 0, [article(f"a{at:02}", "", uri="day.jsonl", position=at) for at in range(15)])
    with pytest.raises(OptionError, match=r"(?s)15 articles .*\n  guid-a09  .*\n  and 5 more$"):
        explained(tmp_path, "day.jsonl")


def test_an_article_whose_keying_run_is_gone_is_told(twins, capsys):
    assert cli.main(["explain", str(twins), "older"]) == 1
    assert (
        "the run that keyed article older is not there any more, only what came after it (as_of=20260313T000000Z)"
    ) in capsys.readouterr().err


def test_a_folder_without_manifests_is_an_option_error(tmp_path, capsys):
    assert cli.main(["explain", str(tmp_path / "nowhere"), "a"]) == 2
    assert "nowhere has no manifests; name the --output folder of a run" in capsys.readouterr().err


def test_help_says_how(capsys):
    with pytest.raises(SystemExit) as done:
        cli.main(["explain", "--help"])
    assert done.value.code == 0
    told = capsys.readouterr().out
    for option in ("OUT", "ARTICLE", "--position N", "--json", "--verbose", "exit codes: 0 explained"):
        assert option in told


def test_the_features_told_are_features():
    assert set(explain._TOLD_FEATURES) <= set(NAMES)
