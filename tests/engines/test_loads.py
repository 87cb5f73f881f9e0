"""Loads into warehouses: after each change of the output folder the warehouse holds what the manifests say, exactly."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.engines import partitions
from tests.engines.clickhouse import ClickHouse
from tests.engines.partitions import Step, in_order
from tests.engines.polars import Polars
from tests.engines.postgres import PostgreSQL
from tests.engines.spark import Spark
from tests.engines.warehouses import DuckDB, Warehouse

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SCRIPTS = ROOT / "docs" / "warehouses"
WAREHOUSES = {kind.name: kind for kind in (DuckDB, ClickHouse, Polars, PostgreSQL, Spark)}


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("partitions")


@pytest.fixture(scope="session")
def steps(made) -> list[Step]:
    return partitions.steps(made)


@pytest.fixture(scope="session", params=sorted(WAREHOUSES))
def kind(request, tmp_path_factory):
    """One warehouse after the other; what is costly to start (Spark, PostgreSQL) lives as long as its tests."""
    with WAREHOUSES[request.param](tmp_path_factory.mktemp(request.param)) as opened:
        yield opened


@pytest.fixture
def warehouse(kind) -> Warehouse:
    kind.begin()
    return kind


def assert_holds(warehouse: Warehouse, output: Path) -> None:
    found = warehouse.tables()
    wanted = warehouse.as_it_holds(partitions.expected(output))
    assert found.keys() == wanted.keys()
    for name, rows in wanted.items():
        for got, want in zip(in_order(found[name]), in_order(rows), strict=True):
            assert got == want, (name, {column for column in want if got.get(column) != want[column]})


def test_each_change_of_the_output_arrives_and_the_second_load_does_nothing(warehouse, steps):
    for step in steps:
        done = warehouse.load(step.output)
        assert len(done) == step.changed, (step.name, done)
        assert_holds(warehouse, step.output)
        before = warehouse.state()
        assert warehouse.load(step.output) == [], step.name
        assert warehouse.state() == before, step.name


def test_all_at_once_is_the_same(warehouse, steps):
    last = steps[-2].output
    assert len(warehouse.load(last)) == len(list(partitions.manifests(last)))
    assert_holds(warehouse, last)


def test_a_load_that_fails_changes_no_reader_s_view_of_other_partitions(warehouse, steps, tmp_path):
    before, after = steps[0].output, steps[1].output
    warehouse.load(before)
    broken = shutil.copytree(after, tmp_path / "broken")
    (stories,) = broken.glob("stories/as_of=20260311T000000Z/*[!0].avro")
    whole = stories.read_bytes()
    for damage in (lambda: stories.unlink(), lambda: stories.write_bytes(whole[:-40])):
        damage()
        with pytest.raises(warehouse.LoadError, match="run that partition again"):
            warehouse.load(broken)
        assert_holds(warehouse, before)
    stories.write_bytes(whole)
    assert len(warehouse.load(broken)) == 1
    assert_holds(warehouse, after)


def test_a_load_that_ends_in_the_middle_is_completed_by_the_next(warehouse, steps, monkeypatch):
    """The rows are as many as the manifest says, but the last data set's count is refused: all else was done."""
    before, after = steps[0].output, steps[1].output
    warehouse.load(before)

    def refuse(partition, data_set, rows):
        if data_set == "rejects":
            raise warehouse.LoadError("made for a test")

    with monkeypatch.context() as patched:
        patched.setattr(warehouse.script, "check_rows", refuse)
        with pytest.raises(warehouse.LoadError, match="made for a test"):
            warehouse.load(after)
    if warehouse.atomic:
        assert_holds(warehouse, before)
    assert len(warehouse.load(after)) == 1
    assert_holds(warehouse, after)


def test_rows_that_an_engine_leaves_out_are_noticed(warehouse, steps, tmp_path):
    """A manifest that counts one more row than its files have stands for an engine that reads one less."""
    output = shutil.copytree(steps[0].output, tmp_path / "more")
    path = output / "manifests" / "as_of=20260310T000000Z.json"
    made = json.loads(path.read_text())
    rows = made["data_sets"]["articles"]["rows"]
    made["data_sets"]["articles"]["rows"] = rows + 1
    path.write_text(json.dumps(made))
    told = f"{rows} rows of articles were read, the manifest counts {rows + 1}"
    with pytest.raises(warehouse.LoadError, match=told):
        warehouse.load(output)
    assert warehouse.load(steps[0].output)
    assert_holds(warehouse, steps[0].output)


def test_a_ring_of_merges_ends(warehouse, made, steps, tmp_path):
    output = shutil.copytree(steps[0].output, tmp_path / "ring")
    stories = sorted({row["story_id"] for row in partitions.expected(output)["stories_rows"]})
    partitions.merge(output, "20260313T000000Z", {stories[0]: stories[1], stories[1]: stories[0]})
    warehouse.load(output)
    current = {row["story_id"]: row["current_story_id"] for row in warehouse.tables()["stories_current"]}
    assert current == {story: story for story in stories}


def test_a_new_column_arrives_and_older_files_have_none(warehouse, steps, tmp_path, monkeypatch):
    warehouse.load(steps[0].output)
    grown = partitions.grown_schemas(tmp_path / "schemas")
    monkeypatch.setattr(warehouse.manifests, "SCHEMAS", grown)
    output = partitions.grow(shutil.copytree(steps[0].output, tmp_path / "grown"), grown)
    assert len(warehouse.load(output)) == 1
    wanted = partitions.expected(output)
    for name in ("articles_rows", "articles_current"):
        wanted[name] = [{**row, "mood": row.get("mood")} for row in wanted[name]]
    found = warehouse.tables()
    assert {row["mood"] for row in found["articles_current"]} == {None, "glad"}
    for name in ("articles_rows", "articles_current"):
        assert in_order(found[name]) == in_order(warehouse.as_it_holds(wanted)[name])


def test_the_ledger_reads_the_same(warehouse, steps):
    """No load needs it; but its lists of numbers are a construct that the other data sets don't have."""
    paths, wanted = partitions.ledger(steps[-1].output)
    found = warehouse.ledger(paths)
    if found is None:
        pytest.xfail("reads no Avro of its own")
    assert any(row["terms_base64"] for row in wanted)
    assert in_order(found) == in_order(wanted)


def test_the_command(warehouse, steps, tmp_path):
    def call(output: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(SCRIPTS / f"load_{warehouse.name}.py"), str(output), warehouse.target()]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env={**os.environ, "TZ": "Asia/Tokyo"}
        )

    warehouse.close()
    first = call(steps[1].output)
    assert first.returncode == 0, first.stderr
    assert [line.partition(":")[0] for line in first.stdout.splitlines()] == [
        "loaded as_of=20260310T000000Z",
        "loaded as_of=20260311T000000Z",
    ]
    assert call(steps[1].output).stdout == "nothing to do\n"
    assert_holds(warehouse, steps[1].output)
    warehouse.close()
    wrong = call(tmp_path / "nowhere")
    assert wrong.returncode == 1
    assert "has no folder manifests" in wrong.stderr.splitlines()[-1]


def test_slices_give_what_one_run_gives(made, steps, tmp_path):
    """So a warehouse that was loaded day by day holds what one run over everything would have."""
    whole = partitions.expected(partitions.whole(tmp_path / "whole", made))["articles_current"]
    slices = partitions.expected(steps[1].output)["articles_current"]
    when = ("as_of", "as_of_day")
    assert in_order([{k: v for k, v in row.items() if k not in when} for row in slices]) == in_order(
        [{k: v for k, v in row.items() if k not in when} for row in whole]
    )


def test_paths_that_engines_take_for_patterns_are_refused(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)
    manifests = importlib.import_module("manifests")
    (tmp_path / "o[u]t" / "manifests").mkdir(parents=True)
    with pytest.raises(manifests.LoadError, match="pattern"):
        manifests.plan(str(tmp_path / "o[u]t"), {})
