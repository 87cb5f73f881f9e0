"""The graph against a plain for-loop, runners against each other, and what a run promises of its output."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
import shutil
import tarfile

import pytest

from pipeline import manifest, run, sinks, sources
from pipeline.errors import OptionError, RunError
from pipeline.inputs import expand
from pipeline.options import DAY
from schemas import DATA_SETS
from tests import reference
from tests.conftest import ROOT, SAMPLES
from tests.pipeline import outputs
from tests.pipeline.outputs import config, tree, write_articles
from transforms import steps
from transforms.article import Decision
from transforms.stories.desk import Desk

TWO_PROCESSES = ["--direct_running_mode=multi_processing", "--direct_num_workers=2"]


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """The output of a run over the shipped samples."""
    output = tmp_path_factory.mktemp("samples")
    run.run(config(output, SAMPLES), [])
    return output


@pytest.mark.runner
def test_the_graph_writes_what_a_plain_loop_gives(samples):
    asked = config(samples, SAMPLES)
    expected = reference.run(asked, expand(asked))
    assert outputs.written_files(samples) == outputs.files_of(expected)
    counts = outputs.manifest(samples)["counts"]
    assert (counts["items"], counts["redeliveries"]) == (expected.items, expected.redeliveries)


@pytest.mark.runner
def test_the_samples_hash_stands_in_the_readme(samples):
    sets = outputs.manifest(samples)["data_sets"]
    told = (ROOT / "README.md").read_text(encoding="utf-8")
    for name in DATA_SETS:
        assert sets[name]["rows_sha256"] in told, f"{name}: README.md should say {sets[name]['rows_sha256']}"


@pytest.mark.runner
def test_everything_read_is_accounted_for(samples):
    made = outputs.manifest(samples)
    items = len(outputs.rows(samples, "articles")) + len(outputs.rows(samples, "rejects"))
    assert made["counts"]["items"] == items + made["counts"]["redeliveries"]
    parts = made["input"]["files"]
    assert manifest.imbalance(made, parts) == ""
    assert "parts of the input" in manifest.imbalance(made, parts + 1)
    for name, told in (("items", "items read"), ("parse/items", "left the source")):
        made["counts"][name] += 1
        assert told in manifest.imbalance(made, parts)
        made["counts"][name] -= 1


@pytest.mark.runner
@pytest.mark.parametrize(
    "flags",
    [["--runner=FnApiRunner"], ["--runner", "DirectRunner"], TWO_PROCESSES, ["--direct_runner_bundle_repeat=1"]],
)
def test_runners_write_the_same_bytes(samples, tmp_path, flags):
    run.run(config(tmp_path, SAMPLES), flags)
    assert tree(tmp_path) == tree(samples)


@pytest.mark.runner
def test_the_order_of_arrival_changes_nothing(samples, tmp_path, monkeypatch):
    def shuffled(asked):
        files = expand(asked)
        random.Random(7).shuffle(files)
        return files

    monkeypatch.setattr(run, "expand", shuffled)
    run.run(config(tmp_path, SAMPLES), [])
    assert tree(tmp_path) == tree(samples)


@pytest.mark.runner
def test_a_second_run_over_the_same_output_changes_nothing(samples, tmp_path):
    shutil.copytree(samples, tmp_path, dirs_exist_ok=True)
    run.run(config(tmp_path, SAMPLES), [])
    assert tree(tmp_path) == tree(samples)


@pytest.mark.runner
def test_shards_hold_the_same_rows(samples, tmp_path):
    run.run(config(tmp_path, SAMPLES, shards=5), [])
    for name in DATA_SETS:
        whole, parts = (outputs.manifest(out)["data_sets"][name] for out in (samples, tmp_path))
        assert whole["rows_sha256"] == parts["rows_sha256"]
    # A desk's snapshot is one file.
    assert len([file for file in parts["files"] if "/delta-" in file["name"]]) == 5
    assert len(outputs.manifest(tmp_path)["data_sets"]["articles"]["files"]) == 5


@pytest.mark.runner
@pytest.mark.parametrize("codec", ["null", "snappy", "zstandard"])
def test_every_codec_holds_the_same_rows(samples, tmp_path, codec):
    run.run(config(tmp_path, SAMPLES, codec=codec), [])
    for name in DATA_SETS:
        deflated, other = (outputs.manifest(out)["data_sets"][name] for out in (samples, tmp_path))
        assert deflated["rows_sha256"] == other["rows_sha256"]
        assert deflated["files"] != other["files"]
    # And the next run goes on from a ledger so packed.
    assert run.run(config(tmp_path, SAMPLES, as_of=outputs.AS_OF + DAY), []).manifest["counts"]["redeliveries"] == 85


@pytest.mark.runner
def test_rows_over_a_shard_size_make_more_shards_and_over_a_file_size_more_files(tmp_path, monkeypatch):
    wire = write_articles(tmp_path / "wire", 40)
    run.run(config(tmp_path / "one", wire), [])
    whole = outputs.manifest(tmp_path / "one")["data_sets"]
    assert [len(whole[name]["files"]) for name in DATA_SETS] == [1, 1, 0, 2]
    monkeypatch.setattr(sinks, "SHARD_BYTES", 4_000)
    run.run(config(tmp_path / "shards", wire), [])
    monkeypatch.setattr(sinks, "FILE_BYTES", 1_000)
    run.run(config(tmp_path / "files", wire, shards=2), [])
    for other, least in (("shards", 3), ("files", 8)):
        sets = outputs.manifest(tmp_path / other)["data_sets"]
        assert len(sets["articles"]["files"]) >= least
        assert {name: sets[name]["rows_sha256"] for name in sets} == {
            name: whole[name]["rows_sha256"] for name in whole
        }


@pytest.mark.runner
def test_a_partition_is_replaced_as_a_whole(tmp_path):
    wire = write_articles(tmp_path / "wire", 12)
    out = tmp_path / "out"
    run.run(config(out, wire, shards=3), [])
    for left in (
        "articles/as_of=20260313T000000Z/.tmp-part-00000.avro.x",
        "manifests/.tmp-.tmp-as_of=20260313T000000Z.x.y",
    ):
        (out / left).write_bytes(b"left by a killed run")
    (wire / "0000.json").unlink()
    outcome = run.run(config(out, wire), [])
    named = manifest.named_files(outcome.manifest)
    assert [path.name for path in (out / "manifests").iterdir()] == ["as_of=20260313T000000Z.json"]
    assert {
        str(path.relative_to(out)) for path in out.rglob("*") if path.is_file() and "=" in path.parent.name
    } == named
    assert len(outputs.rows(out, "articles")) == 11


@pytest.mark.runner
def test_no_items_write_a_manifest_and_no_files(tmp_path):
    (tmp_path / "wire").mkdir()
    run.run(config(tmp_path / "out", tmp_path / "wire"), [])
    assert [path for path in tree(tmp_path / "out") if path.endswith(".avro")] == []
    assert outputs.manifest(tmp_path / "out")["counts"] == {}


@pytest.mark.runner
def test_too_many_rejects_commit_nothing_and_keep_the_reasons(tmp_path):
    wire = write_articles(tmp_path / "wire", 3)
    out = tmp_path / "out"
    run.run(config(out, wire), [])
    before = (out / "manifests" / "as_of=20260313T000000Z.json").read_bytes()
    (wire / "broken.json").write_text("{")
    with pytest.raises(RunError, match=r"1 of 4 items were rejected, more than --max_reject_share=0.1"):
        run.run(config(out, wire), [])
    assert (out / "manifests" / "as_of=20260313T000000Z.json").read_bytes() == before
    assert list((out / "rejects").rglob("*.avro"))
    assert len(outputs.rows(out, "articles")) == 3
    run.run(config(out, wire, max_reject_share=0.5), [])
    (reject,) = outputs.rows(out, "rejects")
    assert (reject["stage"], reject["error"], reject["uri"]) == ("parse", "json", "broken.json")


@pytest.mark.runner
def test_what_is_broken_becomes_rows_and_the_run_goes_on(tmp_path):
    broken = {
        "a-empty.txt": (b"", "parse", "empty", 0),
        "b-noise.bin": (random.Random(1).randbytes(700), "parse", "binary", 0),
        "c-unclosed.md": (b"---\ntitle: x\nbody", "parse", "yaml", 0),
        "d-no-date.txt": (b" date 2026-02-30 Headline\n\nbody", "parse", "time", 0),
        "e-cut.jsonl": (b'{"title": "one"}\n{"title": "tw\n{"title": "three"}\n', "parse", "json", 2),
        "f-huge.txt": (b"a" * 5_000_000, "read", "too_large", 0),
        "g-surrogate.json": (b'{"title": "lone \\ud83d"}', "parse", "surrogate", 0),
    }
    (tmp_path / "wire").mkdir()
    for name, (data, *_) in broken.items():
        (tmp_path / "wire" / name).write_bytes(data)
    run.run(config(tmp_path / "out", tmp_path / "wire", max_item_bytes=1_000_000, max_reject_share=1.0), [])
    rejects = outputs.rows(tmp_path / "out", "rejects")
    found = {row["uri"]: (row["stage"], row["error"], row["position"]) for row in rejects}
    assert found == {name: tuple(wanted) for name, (_, *wanted) in broken.items()}
    for row in rejects:
        assert row["uri"] in row["message"]
        payload = broken[row["uri"]][0] if not row["position"] else b'{"title": "tw'
        assert row["payload_size"] == len(payload)
        assert payload.startswith(base64.b64decode(row["payload_base64"]))
    assert [row["headline"] for row in outputs.rows(tmp_path / "out", "articles")] in (
        ["one", "three"],
        ["three", "one"],
    )


@pytest.mark.runner
def test_a_step_that_fails_on_one_article_rejects_it_and_goes_on(tmp_path, monkeypatch):
    wire = write_articles(tmp_path / "wire", 20)
    real = steps.clean

    def failing(article, rules):
        if article.guid.endswith(":7"):
            raise RuntimeError("this one")
        return real(article, rules)

    monkeypatch.setattr(steps, "clean", failing)
    run.run(config(tmp_path / "out", wire), [])
    (reject,) = outputs.rows(tmp_path / "out", "rejects")
    assert (reject["stage"], reject["error"]) == ("clean", "runtime")
    assert reject["message"] == "0007.json: this one"
    assert json.loads((wire / "0007.json").read_text()) == json.loads(base64.b64decode(reject["payload_base64"]))
    assert len(outputs.rows(tmp_path / "out", "articles")) == 19


@pytest.mark.runner
def test_a_row_that_no_warehouse_loads_is_a_reject_with_its_hash(tmp_path):
    wire = write_articles(tmp_path / "wire", 12)
    long = {"body": "word " * 180_000, "ednote": "word " * 200_000, "description": "word " * 400_000}
    data = json.dumps({"guid": "long", "title": "All minutes", **long}).encode()
    (wire / "long.json").write_bytes(data)
    run.run(config(tmp_path / "out", wire), [])
    (reject,) = outputs.rows(tmp_path / "out", "rejects")
    assert (reject["stage"], reject["error"], reject["uri"]) == ("gate", "too_large", "long.json")
    assert (reject["payload_size"], reject["payload_truncated"]) == (len(data), True)
    assert reject["payload_sha256"] == hashlib.sha256(data).hexdigest()
    assert len(outputs.rows(tmp_path / "out", "articles")) == 12


@pytest.mark.runner
def test_a_version_that_the_desk_cannot_key_is_a_reject(tmp_path, monkeypatch):
    wire = write_articles(tmp_path / "wire", 12)
    real = Desk.key

    def failing(*given):
        for made in real(*given):
            if isinstance(made, Decision) and made.article_id[0] in "01234567":
                made = made._replace(story_id="", error="ValueError: no")
            yield made

    monkeypatch.setattr(Desk, "key", failing)
    run.run(config(tmp_path / "out", wire, max_reject_share=1.0), [])
    rejects = outputs.rows(tmp_path / "out", "rejects")
    assert rejects
    assert {(one["stage"], one["error"]) for one in rejects} == {("key", "undecided")}
    assert len(rejects) + len(outputs.rows(tmp_path / "out", "articles")) == 12


@pytest.mark.runner
def test_a_run_that_breaks_leaves_the_output_as_it_was(tmp_path, monkeypatch):
    wire = write_articles(tmp_path / "wire", 4)
    out = tmp_path / "out"
    run.run(config(out, wire), [])
    before = tree(out)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sinks, "write_shard", full)
    with pytest.raises(RunError, match="No space left on device"):
        run.run(config(out, write_articles(wire, 1, start=50)), [])
    assert tree(out) == before


@pytest.mark.runner
def test_a_part_that_a_runner_loses_is_found_out(tmp_path, monkeypatch):
    wire = write_articles(tmp_path / "wire", 4)
    monkeypatch.setattr(sources, "read_file", lambda file, *_: iter(()) if b"0002" not in file.path else 1 / 0)
    with pytest.raises(RunError, match="division by zero"):
        run.run(config(tmp_path / "out", wire), [])
    real = run.graph.ReadInput.__init__
    monkeypatch.undo()
    monkeypatch.setattr(run.graph.ReadInput, "__init__", lambda self, parts, *rest: real(self, parts[1:], *rest))
    with pytest.raises(RunError, match="4 parts of the input were listed, but 3 read"):
        run.run(config(tmp_path / "out", wire), [])
    assert tree(tmp_path / "out").keys() == {".lock"}


@pytest.mark.runner
def test_workers_with_another_version_are_found_out(tmp_path, monkeypatch):
    """On an engine they are installed apart from the process that starts the run."""
    asked = config(tmp_path / "out", write_articles(tmp_path / "wire", 2))
    for name in ("version", "fingerprint"):
        with monkeypatch.context() as patch:
            patch.setattr(manifest, name, lambda *_: "0.0.9")
            with pytest.raises(RunError, match="install the same wheel"):
                run.run(asked, [])
    assert tree(tmp_path / "out").keys() == {".lock"}


@pytest.mark.runner
def test_paths_are_told_to_workers_in_full(tmp_path, monkeypatch):
    write_articles(tmp_path / "wire", 2)
    monkeypatch.chdir(tmp_path)
    (file, _) = expand(config("out", "wire"))
    assert (file.name(), file.uri) == (f"{tmp_path}/wire/0000.json", "0000.json")


@pytest.mark.runner
def test_a_failed_run_takes_back_what_it_wrote(tmp_path):
    wire = write_articles(tmp_path / "wire", 3)
    out = tmp_path / "out"
    run.run(config(out, wire), [])
    before = tree(out)
    text = (wire / "0001.json").read_text()
    (wire / "0001.json").write_text(text.replace("votes", "voted"))
    (wire / "broken.json").write_text("{")
    with pytest.raises(RunError, match="were rejected"):
        run.run(config(out, wire), [])
    after = tree(out)
    assert {path for path in after if path not in before} == {path for path in after if path.startswith("rejects/")}
    assert {path: after[path] for path in before} == before
    (wire / "broken.json").unlink()
    (wire / "0001.json").write_text(text)
    run.run(config(out, wire), [])
    assert tree(out) == before


@pytest.mark.runner
def test_the_reasons_of_a_failed_run_stay_however_the_output_is_named(tmp_path, monkeypatch):
    write_articles(tmp_path / "wire", 1)
    (tmp_path / "wire" / "broken.json").write_text("{")
    monkeypatch.chdir(tmp_path)
    for name in ("./out", "a//b", "."):
        with pytest.raises(RunError, match="were rejected"):
            run.run(config(name, "wire"), [])
        assert [path.parts[0] for path in (tmp_path / name / "rejects").rglob("*.avro")]
        assert not list((tmp_path / name).rglob("articles/*/*.avro"))


@pytest.mark.runner
def test_a_damaged_manifest_is_told_and_nothing_swept(tmp_path):
    asked = config(tmp_path / "out", write_articles(tmp_path / "wire", 2))
    run.run(asked, [])
    standing = tmp_path / "out" / "manifests" / "as_of=20260313T000000Z.json"
    whole = standing.read_bytes()
    standing.write_bytes(whole[:50])
    with pytest.raises(RunError, match="is damaged"):
        run.run(asked, [])
    standing.write_bytes(whole)
    assert len(outputs.rows(tmp_path / "out", "articles")) == 2


@pytest.mark.runner
def test_deliveries_from_one_place_agree_on_which_stands(tmp_path):
    """Two inputs with equal names and texts but other times: the row and the story tell the same of them."""
    for folder, hour in (("a", "09"), ("b", "03")):
        (tmp_path / folder).mkdir()
        text = f'{{"guid": "1", "provider": "p", "title": "Ferry aground", "published": "2026-03-09T{hour}:00:00Z"}}'
        (tmp_path / folder / "1.json").write_text(text)
    names = [tmp_path / "a", tmp_path / "b"]
    for number, order in enumerate((names, names[::-1])):
        run.run(config(tmp_path / f"out{number}", *order), [])
    assert tree(tmp_path / "out0") == tree(tmp_path / "out1")
    (row,) = outputs.rows(tmp_path / "out0", "articles")
    (story,) = outputs.rows(tmp_path / "out0", "stories")
    assert row["event_time"] == story["first_time"]
    assert outputs.manifest(tmp_path / "out0")["counts"]["redeliveries"] == 1


@pytest.mark.runner
def test_versions_after_as_of_keep_their_order(tmp_path):
    (tmp_path / "wire").mkdir()
    for hour in ("05", "03", "09", "04"):
        text = f'{{"guid": "1", "title": "Ferry at {hour}", "published": "2026-03-13T{hour}:00:00Z"}}'
        (tmp_path / "wire" / f"{hour}.json").write_text(text)
    run.run(config(tmp_path / "out", tmp_path / "wire"), [])
    rows = sorted(outputs.rows(tmp_path / "out", "articles"), key=lambda row: row["version"])
    assert [row["headline"][-2:] for row in rows] == ["03", "04", "05", "09"]
    assert [row["is_latest"] for row in rows] == [False, False, False, True]
    assert all("time_after_as_of" in row["flags"] for row in rows)


@pytest.mark.runner
def test_names_that_are_no_utf8_do_not_stop_the_run(tmp_path):
    wire = write_articles(tmp_path / "wire", 1)
    (wire / os.fsdecode(b"caf\xe9.json")).write_text('{"title": "Ferry"}')
    run.run(config(tmp_path / "out", wire), [])
    assert sorted(row["uri"] for row in outputs.rows(tmp_path / "out", "articles")) == ["0000.json", "caf\\xe9.json"]


@pytest.mark.runner
def test_an_output_that_cannot_be_written_is_told_before_anything_is_read(tmp_path):
    (tmp_path / "out").write_text("a file, not a folder")
    with pytest.raises(RunError, match="can't be written"):
        run.run(config(tmp_path / "out", SAMPLES), [])


@pytest.mark.runner
def test_the_manifest_knows_no_machine(samples, tmp_path):
    text = (samples / "manifests" / "as_of=20260313T000000Z.json").read_text()
    for secret in (str(samples), str(SAMPLES), os.uname().nodename, "FnApiRunner"):
        assert secret not in text
    log = json.loads((samples / "logs" / "as_of=20260313T000000Z.json").read_text())
    assert log["inputs"] == [str(SAMPLES)]


def test_inputs_that_are_not_there_are_option_errors(tmp_path):
    with pytest.raises(OptionError, match="no such file or folder"):
        run.run(config(tmp_path / "out", tmp_path / "nowhere"), [])
    assert not (tmp_path / "out").exists()


REAL_AS_OF = 1_739_318_400_000_000
"""2025-02-12T00:00:00Z, after the newest article of the corpus."""


def story_of_the_seeds(output) -> set[str]:
    """The stories of the two seed documents: there should be one."""
    return {row["story_id"] for row in outputs.rows(output, "articles") if row["uri"][:4] in ("000_", "003_")}


@pytest.mark.runner
@pytest.mark.timeout(600)
def test_real_articles_as_a_plain_loop_gives_them(development_data, tmp_path):
    wire = tmp_path / "wire"
    with tarfile.open(development_data / "wire" / "front_matter.tar.gz") as archive:
        members = [member for member in archive if member.isfile()]
        for member in random.Random(3).sample(members, 300):
            archive.extract(member, wire, filter="data")
    asked = config(tmp_path / "out", wire, development_data / "wire" / "seeds", as_of=REAL_AS_OF)
    expected = reference.run(asked, expand(asked))
    run.run(asked, [])
    assert outputs.written_files(tmp_path / "out") == outputs.files_of(expected)


@pytest.mark.runner
def test_the_two_seeds_are_one_story_alone(development_data, tmp_path):
    run.run(config(tmp_path, development_data / "wire" / "seeds", as_of=REAL_AS_OF), [])
    assert len(outputs.rows(tmp_path, "articles")) == 2
    assert len(story_of_the_seeds(tmp_path)) == 1


@pytest.mark.runner
@pytest.mark.timeout(900)
def test_the_whole_real_corpus(development_data, tmp_path):
    """No crash, nothing lost, the seeds one story among 1,615 English articles, the same bytes on two processes."""
    wire = development_data / "wire"
    for name, flags in (("one", ["--direct_num_workers=1"]), ("two", TWO_PROCESSES)):
        run.run(config(tmp_path / name, wire / "front_matter.tar.gz", wire / "seeds", as_of=REAL_AS_OF), flags)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")
    made = outputs.manifest(tmp_path / "one")
    assert made["counts"]["items"] == 4260
    assert made["data_sets"]["articles"]["rows"] + made["counts"].get("redeliveries", 0) == 4260
    assert len(story_of_the_seeds(tmp_path / "one")) == 1
