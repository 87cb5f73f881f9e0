"""A house's own cleaning rules, from the option to the row, the manifest and a replay."""

import json

import pytest

from pipeline import cli
from pipeline.errors import OptionError
from pipeline.options import config_of
from tests.pipeline import outputs
from tests.pipeline.test_cli import NOW

HOUSE = """
off = ["related"]

[[rule]]
name = "evening_plug"
lines = ["get the Evening Post app*"]
"""
COPY = "Both ferries sailed again on Monday with two hundred people aboard, the harbour authority said."
BODY = f"{COPY}\n\nAlso read: Storm\n\nGet the Evening Post app today"


@pytest.mark.runner
def test_rules_of_a_house_shape_rows_and_stand_in_the_manifest(tmp_path):
    rules, wire, out = tmp_path / "house.toml", tmp_path / "wire", tmp_path / "out"
    rules.write_text(HOUSE)
    wire.mkdir()
    (wire / "a.json").write_text(json.dumps({"guid": "a", "headline": "Ferries sail", "body": BODY}))
    (wire / "b.json").write_text("{")
    arguments = ["--input", str(wire), "--output", str(out), "--as_of", "2026-03-13", "--max_reject_share", "1"]
    assert cli.main(["run", *arguments, "--rules", str(rules), "--quiet"]) == 0
    (row,) = outputs.rows(out, "articles")
    assert row["body"] == f"{COPY}\n\nAlso read: Storm"
    assert row["removed_lines"] == ["Get the Evening Post app today"]
    assert row["cleaning"] == ["evening_plug"]
    (manifest,) = (json.loads(path.read_text()) for path in (out / "manifests").glob("*.json"))
    assert manifest["options"]["rules"] == HOUSE
    assert manifest["counts"]["cleaning/evening_plug"] == 1

    rules.unlink()
    assert cli.main(["replay", str(out / "rejects" / "as_of=20260313T000000Z"), "--quiet"]) == 0
    made = [json.loads(path.read_text())["options"]["rules"] for path in sorted((out / "manifests").glob("*.json"))]
    assert made == [HOUSE, HOUSE]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "can't be read"),
        (b"\xff", "name a file of UTF-8 text"),
        (b"of = []", 'did you mean "off"'),
    ],
    ids=["missing", "binary", "unknown key"],
)
def test_a_bad_file_stops_before_anything_is_read(tmp_path, text, told):
    rules = tmp_path / "house.toml"
    if text is not None:
        rules.write_bytes(text)
    arguments = ["run", "--input", "in", "--output", "out", "--rules", str(rules)]
    with pytest.raises(OptionError, match=told) as raised:
        config_of(cli._parsers()[0].parse_args(arguments), NOW)
    assert str(raised.value).startswith(f"--rules={rules}: ")
