"""A run once more from its manifest: the same bytes, or a word on what has changed."""

import json
import shutil

import pytest

from pipeline import again, cli, run
from pipeline.errors import OptionError
from pipeline.options import DAY
from tests.pipeline import outputs
from tests.pipeline.outputs import config, tree, write_articles

MANIFEST = "manifests/as_of=20260313T000000Z.json"


@pytest.fixture
def wire(tmp_path):
    return write_articles(tmp_path / "wire", 4)


def command(*arguments) -> int:
    return cli.main(["run", "--quiet", *map(str, arguments)])


def ran(tmp_path, wire, *options) -> dict[str, str]:
    """Two days, of which the second one is done again."""
    run.run(config(tmp_path / "out", write_articles(tmp_path / "before", 2, start=3), as_of=outputs.AS_OF - DAY), [])
    assert command("--input", wire, "--output", tmp_path / "out", "--as_of", "2026-03-13T00:00:00Z", *options) == 0
    return tree(tmp_path / "out")


@pytest.mark.runner
def test_the_same_options_files_and_bytes(tmp_path, wire):
    (tmp_path / "house.toml").write_text('off = ["plug"]\n')
    options = ("--shards", 3, "--codec", "null", "--source_timezone", "Asia/Tokyo", "--remember", 7)
    before = ran(tmp_path, wire, *options, "--rules", tmp_path / "house.toml")
    (tmp_path / "house.toml").unlink()
    write_articles(wire, 1, start=4)
    for path in (tmp_path / "out" / "articles").rglob("*.avro"):
        path.unlink()
    assert command("--again", tmp_path / "out" / MANIFEST) == 0
    after = tree(tmp_path / "out")
    assert after == {name: digest for name, digest in before.items() if name in after}
    assert {name for name in before if name not in after} == {
        name for name in before if name.startswith("articles/as_of=20260312")
    }


@pytest.mark.runner
def test_files_that_lie_elsewhere_now(tmp_path, wire, capsys):
    before = ran(tmp_path, wire)
    shutil.move(wire, tmp_path / "archive")
    assert command("--again", tmp_path / "out" / MANIFEST) == 2
    assert "there is no such file or folder" in capsys.readouterr().err
    assert command("--again", tmp_path / "out" / MANIFEST, "--input", tmp_path / "archive") == 0
    assert tree(tmp_path / "out") == before


@pytest.mark.runner
def test_a_file_that_is_gone_or_changed(tmp_path, wire, capsys):
    before = ran(tmp_path, wire)
    path = wire / "0002.json"
    text = path.read_text()
    path.unlink()
    assert command("--again", tmp_path / "out" / MANIFEST) == 1
    assert "1 of the 4 files of that run are gone, 0002.json for one" in capsys.readouterr().err
    path.write_text(text + "  ")
    assert command("--again", tmp_path / "out" / MANIFEST) == 1
    assert "it has 2 bytes more" in capsys.readouterr().err
    path.write_text(text.replace("mayor", "minor"))
    assert command("--again", tmp_path / "out" / MANIFEST) == 1
    assert "comes out otherwise than it stands, so it was left as it is: the input" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before


@pytest.mark.runner
def test_a_parent_that_has_changed(tmp_path, wire, capsys):
    ran(tmp_path, wire)
    run.run(config(tmp_path / "out", write_articles(tmp_path / "before", 3, start=3), as_of=outputs.AS_OF - DAY), [])
    before = tree(tmp_path / "out")
    assert command("--again", tmp_path / "out" / MANIFEST) == 1
    assert "it would go on from as_of=20260312T000000Z as that stands now" in capsys.readouterr().err
    assert tree(tmp_path / "out") == before


@pytest.mark.parametrize("path", ["out/articles/as_of=20260313T000000Z", "out/as_of=20260313T000000Z.json", "x"])
def test_what_is_no_manifest(path):
    with pytest.raises(OptionError, match="write for example out/manifests"):
        again.place(path)


def test_a_manifest_that_is_not_there(tmp_path, capsys):
    assert command("--again", tmp_path / MANIFEST) == 2
    assert "there is no such manifest" in capsys.readouterr().err


def test_what_the_manifest_says_is_not_said_again(tmp_path, capsys):
    (tmp_path / MANIFEST).parent.mkdir()
    made = {"options": {}, "input": {"uris": []}}
    (tmp_path / MANIFEST).write_text(json.dumps(made))
    assert command("--again", tmp_path / MANIFEST, "--as_of", "2026-03-13T00:00:00Z") == 2
    assert "leave --output and --as_of out" in capsys.readouterr().err
    made["input"]["uris"] = ["rejects/as_of=20260312T000000Z/part-0.avro"]
    (tmp_path / MANIFEST).write_text(json.dumps(made))
    assert command("--again", tmp_path / MANIFEST) == 2
    assert "run `storywire replay` again" in capsys.readouterr().err


def test_neither_input_nor_manifest(capsys):
    with pytest.raises(SystemExit):
        command("--output", "out")
    assert "--input and --output, or --again" in capsys.readouterr().err
