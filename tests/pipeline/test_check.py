"""Checking an output: what is whole is said to be whole, and every fault is found, named, and what to run again."""

from __future__ import annotations

import io
import json
import re
import shutil

import fastavro
import pytest

from pipeline import check, cli, manifest, run
from pipeline.errors import OptionError
from schemas import RowHash, data_set, write_container
from tests.pipeline import outputs
from tests.pipeline.outputs import AS_OF, config
from tests.pipeline.test_chain import SAMPLE_DAYS, days, sample_day  # noqa: F401 (a fixture)

pytestmark = pytest.mark.runner

FIRST, SECOND, THIRD, FOURTH = (f"as_of=202603{day}T000000Z" for day in (10, 11, 12, 13))


@pytest.fixture
def out(days, tmp_path):  # noqa: F811
    shutil.copytree(days, tmp_path, dirs_exist_ok=True)
    return tmp_path


def found(out):
    report = check.check(str(out))
    return [(finding.partition, finding.message) for finding in report.findings], report.again


def edited(out, partition, change, name=""):
    """Writes a manifest anew after `change(manifest)`."""
    path = out / "manifests" / f"{name or partition}.json"
    made = json.loads((out / "manifests" / f"{partition}.json").read_text())
    change(made)
    path.write_bytes(manifest.encode(made))


def test_what_runs_wrote_is_whole(out, capsys):
    assert found(out) == ([], [])
    assert cli.main(["check", str(out)]) == 0
    assert "is whole: 4 partitions" in capsys.readouterr().out
    assert cli.main(["check", str(out), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_a_missing_and_a_changed_file(out, capsys):
    (articles,) = (out / "articles" / SECOND).iterdir()
    articles.unlink()
    (stories,) = (out / "stories" / FOURTH).iterdir()
    data = bytearray(stories.read_bytes())
    data[-30] ^= 1
    stories.write_bytes(data)
    findings, again = found(out)
    assert (SECOND, f"articles/{SECOND}/{articles.name}: the file is missing") in findings
    assert (
        FOURTH,
        f"stories/{FOURTH}/{stories.name}: its bytes are not those that were written ({len(data):,} of {len(data):,})",
    ) in findings
    # The third was built on the second, so it has to be run again though its own files are whole.
    assert again == [SECOND, THIRD, FOURTH]
    assert cli.main(["check", str(out)]) == 1
    told = capsys.readouterr().out
    assert "is not whole" in told
    assert f"storywire run --input ... --output {out} --as_of 2026-03-11T00:00:00Z" in told or "--as_of" in told


def test_running_again_what_a_check_says_mends_it(out):
    (articles,) = (out / "articles" / SECOND).iterdir()
    articles.unlink()
    for partition in check.check(str(out)).again:
        sample_day(out, [FIRST, SECOND, THIRD, FOURTH].index(partition))
    assert found(out) == ([], [])


def rewritten(out, partition, name, change):
    """Replaces the one file of a data set by one with the rows that `change(rows)` gives, manifest included."""
    folder = out / name / partition
    (path,) = folder.glob("part-*")
    with path.open("rb") as opened:
        rows = list(fastavro.reader(opened))
    path.unlink()
    schema = data_set(name).part(data_set(name).field_names())
    encoded = []
    for row in change(rows):
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, schema, row)
        encoded.append(buffer.getvalue())
    buffer = io.BytesIO()
    write_container(buffer, data_set(name), encoded)
    path.write_bytes(buffer.getvalue())
    rows_hash = RowHash()
    for row in encoded:
        rows_hash.add(row)

    def told(made):
        entry = made["data_sets"][name]
        (file,) = entry["files"]
        file["sha256"] = outputs.tree(out)[file["name"]]
        entry["rows"] = file["rows"] = len(encoded)
        entry["rows_sha256"] = file["rows_sha256"] = rows_hash.hexdigest()

    edited(out, partition, told)


@pytest.mark.parametrize(
    ("name", "change", "told"),
    [
        ("articles", lambda rows: [*rows, rows[0]], "two rows have the key"),
        ("articles", lambda rows: rows[1:], "articles + "),
        ("articles", lambda rows: [{**rows[0], "as_of_day": "2026-03-01"}, *rows[1:]], "a row says that it is of 2026"),
        ("articles", lambda rows: [{**rows[0], "row_kind": "odd"}, *rows[1:]], "unknown row_kind 'odd'"),
        (
            "articles",
            lambda rows: [{**rows[0], "row_kind": "state"}, *rows[1:]],
            "no earlier partition has the version",
        ),
        ("articles", lambda rows: [{**rows[0], "story_id": "0" * 32}, *rows[1:]], "such as 00000000"),
        ("stories", lambda rows: [*rows, rows[0]], "two rows have the key"),
    ],
)
def test_rows_that_no_run_writes(out, name, change, told):
    rewritten(out, FIRST, name, change)
    findings, again = found(out)
    assert any(told in message for partition, message in findings if partition == FIRST), findings
    assert again == [FIRST, SECOND, THIRD, FOURTH]


def test_a_version_that_two_partitions_have(out):
    with next((out / "articles" / FIRST).iterdir()).open("rb") as opened:
        row = next(fastavro.reader(opened))
    rewritten(out, SECOND, "articles", lambda rows: [*rows, {**row, "as_of_day": "2026-03-11"}])
    findings, _ = found(out)
    assert any(f"stands in {FIRST} already" in message for _, message in findings)


def test_a_row_that_breaks_its_schema_is_named(out, monkeypatch):
    """fastavro lets a NaN into a double; no warehouse agrees on what that is."""
    rewritten(out, FIRST, "articles", lambda rows: [{**rows[0], "language_confidence": float("nan")}, *rows[1:]])
    findings, _ = found(out)
    assert any("Article.language_confidence: nan is no number" in message for _, message in findings)


def test_a_chain_that_does_not_hold(out):
    edited(out, SECOND, lambda made: made["counts"].update(note=1))
    findings, again = found(out)
    assert findings == [(THIRD, f"it was built on an earlier {SECOND} than stands now")]
    assert again == [THIRD, FOURTH]
    (out / "manifests" / f"{SECOND}.json").unlink()
    findings, _ = found(out)
    assert (THIRD, f"it goes on from {SECOND}, which has no manifest") in findings


def clear(out, *partitions):
    for partition in partitions:
        (out / "manifests" / f"{partition}.json").unlink()
        for name in ("articles", "stories", "rejects", "ledger"):
            shutil.rmtree(out / name / partition, ignore_errors=True)


def test_partitions_that_were_cleared_away_are_a_fault_where_a_desk_goes_on_from_them(out):
    clear(out, FIRST, SECOND, THIRD)
    findings, again = found(out)
    assert findings
    for partition, message in findings:
        assert partition == FOURTH
        assert re.match(
            r"the desk of \w+ goes on from ledger/as_of=2026031.*, which is gone with its manifest", message
        )
    assert again == [FOURTH]


def test_partitions_that_are_not_remembered_any_more_may_be_cleared_away(out):
    sample_day(out, 3, remember=0)
    clear(out, FIRST, SECOND, THIRD)
    assert found(out) == ([], [])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"{", "is damaged"),
        (b"{}", "is not one that a run writes"),
        (b'{"format_version": 7}', "has the format 7, this version of storywire knows 1"),
    ],
)
def test_a_manifest_that_is_none(out, data, told):
    (out / "manifests" / f"{THIRD}.json").write_bytes(data)
    findings, again = found(out)
    assert any(partition == THIRD and told in message for partition, message in findings)
    assert again == [THIRD, FOURTH]


def test_what_lies_about_is_a_note_and_no_fault(out):
    (out / "articles" / FIRST / ".tmp-part-00000.avro.x").write_bytes(b"left by a killed run")
    (out / "rejects" / "as_of=20270101T000000Z").mkdir()
    (out / "rejects" / "as_of=20270101T000000Z" / "part-00000-12345678.avro").write_bytes(b"of a failed run")
    report = check.check(str(out))
    assert (report.findings, report.again) == ([], [])
    assert report.notes == [
        f"articles/{FIRST} has 1 files that no manifest names; its next run removes them",
        "rejects/as_of=20270101T000000Z has no manifest: a run failed or is at work; no reader takes its files",
    ]


def test_a_folder_without_manifests_is_an_option_error(tmp_path, capsys):
    with pytest.raises(OptionError, match="has no manifests"):
        check.check(str(tmp_path))
    assert cli.main(["check", str(tmp_path)]) == 2
    assert cli.main(["check", str(tmp_path), "more"]) == 2
    assert "'more' stands alone" in capsys.readouterr().err


def test_the_command_of_the_log_is_told(tmp_path, capsys):
    wire = outputs.write_articles(tmp_path / "wire", 2)
    words = ["run", "--input", str(wire), "--output", str(tmp_path / "out"), "--quiet"]
    assert cli.main([*words, "--as_of", "2026-03-13"]) == 0
    (path,) = (tmp_path / "out" / "articles" / FOURTH).iterdir()
    path.unlink()
    log = tmp_path / "out" / "logs" / f"{FOURTH}.json"
    log.write_text(json.dumps({"command": words}))
    assert cli.main(["check", str(tmp_path / "out")]) == 1
    assert f"storywire {' '.join(words)} --as_of 2026-03-13T00:00:00Z" in capsys.readouterr().out


def test_a_year_of_days_is_one_pass(tmp_path):
    """Empty days: the chain is walked once, not once a day."""
    (tmp_path / "wire").mkdir()
    asked = config(tmp_path / "out", tmp_path / "wire", as_of=AS_OF)
    run.run(asked, [])
    assert found(tmp_path / "out") == ([], [])
    assert len(SAMPLE_DAYS) == 4
