"""Replaying rejects: the payload, uri and position that they had, a partition of its own, and nothing twice."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from pipeline import check, cli, run, unpack
from pipeline.errors import OptionError
from pipeline.options import SECOND
from pipeline.replay import place
from tests.pipeline import outputs
from tests.pipeline.outputs import config, tree
from transforms import parse as parse_step
from transforms.article import Decision
from transforms.parse.formats import json_articles
from transforms.stories.desk import Desk

pytestmark = pytest.mark.runner

PARTITION = "as_of=20260313T000000Z"
AFTER = "as_of=20260313T000001Z"


def lines(*headlines):
    return "".join(
        json.dumps({"guid": name, "provider": "Skarholm News", "headline": name, "published": "2026-03-09T08:00:00Z"})
        + "\n"
        for name in headlines
    )


@pytest.fixture
def wire(tmp_path):
    folder = tmp_path / "wire"
    outputs.write_articles(folder, 3)
    (folder / "lines.jsonl").write_text(lines("one", "two", "three"))
    return folder


@pytest.fixture
def broken_parser(monkeypatch):
    """A parser with a bug: it fails on what says `two`, and on one whole item."""
    real = json_articles._article

    def failing(item, settings, value, flags):
        if value.get("headline") == "two" or item.uri == "0001.json":
            raise RuntimeError("a bug")
        return real(item, settings, value, flags)

    monkeypatch.setattr(json_articles, "_article", failing)
    return monkeypatch


def replayed(out, *options):
    return cli.main(["replay", f"{out}/rejects/{PARTITION}", "--quiet", *options])


def test_what_a_mended_parser_reads_is_as_if_it_had_been_read_at_once(tmp_path, wire, broken_parser):
    out = tmp_path / "out"
    run.run(config(out, wire, max_reject_share=1.0, source_timezone="Asia/Tokyo"), [])
    assert {(row["uri"], row["position"]) for row in outputs.rows(out, "rejects")} == {
        ("0001.json", 0), ("lines.jsonl", 2),
    }  # fmt: skip
    before = tree(out)
    broken_parser.undo()
    assert replayed(out) == 0
    after = tree(out)
    assert {path: after[path] for path in before} == before
    last = json.loads((out / "manifests" / f"{AFTER}.json").read_text())
    assert last["parent"]["partition"] == PARTITION
    assert last["options"]["source_timezone"] == "Asia/Tokyo"
    assert last["data_sets"]["rejects"]["rows"] == 0
    run.run(config(tmp_path / "whole", wire, source_timezone="Asia/Tokyo"), [])
    whole, late = outputs.current_articles(tmp_path / "whole"), outputs.current_articles(out)
    assert whole.keys() == late.keys()
    for key, row in whole.items():
        assert {name for name in row if row[name] != late[key][name]} <= {"story_id"}
    assert check.check(str(out)).findings == []
    # Once more: the same partition, the same bytes.
    assert replayed(out) == 0
    assert tree(out) == after


def test_a_replay_elsewhere_leaves_the_output_alone(tmp_path, wire, broken_parser):
    out = tmp_path / "out"
    run.run(config(out, wire, max_reject_share=1.0), [])
    before = tree(out)
    assert replayed(out, "--output", str(tmp_path / "trial")) == 0
    assert tree(out) == before
    made = outputs.manifest(tmp_path / "trial")
    assert (made["data_sets"]["rejects"]["rows"], made["data_sets"]["articles"]["rows"]) == (2, 0)


def test_what_is_still_broken_is_rejected_again_and_can_be_replayed_again(tmp_path, wire, broken_parser):
    out = tmp_path / "out"
    run.run(config(out, wire, max_reject_share=1.0), [])
    assert replayed(out) == 0
    rejects = outputs.rows(out, "rejects")
    assert sorted((row["uri"], row["position"], row["payload_sha256"]) for row in rejects[:2]) == sorted(
        (row["uri"], row["position"], row["payload_sha256"]) for row in rejects[2:]
    )
    broken_parser.undo()
    assert cli.main(["replay", f"{out}/rejects/{AFTER}/", "--quiet"]) == 0
    last = json.loads((out / "manifests" / "as_of=20260313T000002Z.json").read_text())
    assert last["data_sets"]["articles"]["rows"] == 2


def test_a_replay_takes_no_other_runs_place(tmp_path, wire, broken_parser):
    out = tmp_path / "out"
    run.run(config(out, wire, max_reject_share=1.0), [])
    run.run(config(out, outputs.write_articles(tmp_path / "next", 1, start=7), as_of=outputs.AS_OF + SECOND), [])
    before = (out / "manifests" / f"{AFTER}.json").read_bytes()
    broken_parser.undo()
    assert replayed(out) == 0
    assert replayed(out) == 0
    assert (out / "manifests" / f"{AFTER}.json").read_bytes() == before
    assert len(outputs.manifests(out)) == 3


def test_a_payload_that_was_not_kept_whole_is_told(tmp_path, monkeypatch):
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "long.txt").write_bytes(b" date 2026-03-09 Long\n\n" + b"word " * 300_000)
    (tmp_path / "wire" / "short.txt").write_bytes(
        b" date 2026-03-09 Ferry aground\n\n" + b"The ferry ran aground. " * 9
    )
    out = tmp_path / "out"
    run.run(config(out, tmp_path / "wire", max_reject_share=1.0, max_item_bytes=100), [])
    assert replayed(out, "--max_item_bytes", "10000000") == 0
    (again,) = outputs.rows(out, "rejects")[2:]
    assert (again["stage"], again["error"], again["payload_size"]) == ("read", "truncated", 1_500_023)
    assert "read the original again" in again["message"]
    assert [row["uri"] for row in outputs.rows(out, "articles")] == ["short.txt"]


def test_an_archive_that_could_not_be_opened_is_opened(tmp_path, monkeypatch):
    (tmp_path / "wire").mkdir()
    with tarfile.open(tmp_path / "wire" / "day.tar.gz", "w:gz") as archive:
        data = lines("one", "two").encode()
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    real = unpack._Unpacker.open
    monkeypatch.setattr(unpack._Unpacker, "open", lambda *given: 1 / 0)
    out = tmp_path / "out"
    run.run(config(out, tmp_path / "wire", max_reject_share=1.0), [])
    assert [row["error"] for row in outputs.rows(out, "rejects")] == ["archive_broken"]
    monkeypatch.setattr(unpack._Unpacker, "open", real)
    assert replayed(out) == 0
    found = {(row["uri"], row["position"]) for row in outputs.rows(out, "articles")}
    assert found == {("day.tar.gz!/a.jsonl", 1), ("day.tar.gz!/a.jsonl", 2)}


def test_what_could_not_be_keyed_is_keyed(tmp_path, wire, monkeypatch):
    real = Desk.key

    def failing(*given):
        for made in real(*given):
            yield made._replace(story_id="", error="no") if isinstance(made, Decision) else made

    monkeypatch.setattr(Desk, "key", failing)
    out = tmp_path / "out"
    run.run(config(out, wire, max_reject_share=1.0, ledger="none"), [])
    assert len(outputs.rows(out, "rejects")) == 6
    monkeypatch.undo()
    assert replayed(out, "--ledger=none") == 0
    run.run(config(tmp_path / "whole", wire), [])
    whole, late = outputs.current_articles(tmp_path / "whole"), outputs.current_articles(out)
    assert whole.keys() == late.keys()
    assert all(whole[key]["body"] == late[key]["body"] for key in whole)


def test_entries_keep_their_position_and_whole_items_get_theirs():
    item = parse_step.RawItem("a.jsonl", lines("one").encode(), 5, position=7)
    (article,) = parse_step.parse(item)
    assert article.position == 7
    (reject,) = parse_step.parse(item._replace(data=b'{"title": "torn'))
    assert (reject.uri, reject.position) == ("a.jsonl", 7)


@pytest.mark.parametrize(
    ("path", "where"),
    [
        (f"out/rejects/{PARTITION}", ("out", PARTITION, "")),
        (f"out/rejects/{PARTITION}/", ("out", PARTITION, "")),
        (f"rejects/{PARTITION}", (".", PARTITION, "")),
        (f"/rejects/{PARTITION}", ("/", PARTITION, "")),
        (f"s3://b/o/rejects/{PARTITION}/part-1.avro", ("s3://b/o", PARTITION, "part-1.avro")),
    ],
)
def test_where_rejects_are(path, where):
    assert place(path) == where


@pytest.mark.parametrize("path", ["out", "out/rejects", f"out/articles/{PARTITION}", "", "part-0.avro", PARTITION])
def test_what_are_no_rejects(path, capsys):
    with pytest.raises(OptionError, match="not the rejects of a run"):
        place(path)
    assert cli.main(["replay", path or "x"]) == 2
    assert "for example out/rejects/as_of=20260313T000000Z" in capsys.readouterr().err


def test_a_run_without_rejects_or_manifest_is_an_option_error(tmp_path, capsys):
    out = tmp_path / "out"
    assert replayed(out) == 2
    assert "was not committed" in capsys.readouterr().err
    run.run(config(out, outputs.write_articles(tmp_path / "wire", 1)), [])
    assert replayed(out) == 2
    assert "there is nothing to replay" in capsys.readouterr().err
