"""Helpers that start runs and read back what they wrote."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import fastavro

from pipeline.options import DAY, Config
from schemas import data_set
from schemas.container import write_container
from tests.reference import Expected
from transforms.rows import DECIDED

AS_OF = 1_773_360_000_000_000
"""2026-03-13T00:00:00Z, the samples' as_of."""


def config(output: Path, *inputs: Path | str, **changes: Any) -> Config:
    made = Config(
        inputs=tuple(map(str, inputs)),
        output=str(output),
        as_of=AS_OF,
        source_timezone="UTC",
        shards=None,
        codec="deflate",
        remember=30 * DAY,
        ledger="auto",
        max_item_bytes=32 * 2**20,
        max_archive_bytes=2**30,
        max_reject_share=0.1,
    )
    return made._replace(**changes)


def tree(output: Path) -> dict[str, str]:
    """SHA-256 of every file below `output` but the logs, hidden ones too."""
    return {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.relative_to(output).parts[0] != "logs"
    }


def manifest(output: Path) -> dict[str, Any]:
    """The manifest of an output that has one partition."""
    (made,) = manifests(output)
    return made


def manifests(output: Path) -> list[dict[str, Any]]:
    """All manifests in order of time; the draft that a killed run has left is none."""
    return [json.loads(path.read_text()) for path in sorted((output / "manifests").glob("[!.]*"))]


def rows(output: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a data set, of the files that the manifests name, partition by partition."""
    found = []
    for made in manifests(output):
        for file in made["data_sets"][name]["files"]:
            with (output / file["name"]).open("rb") as opened:
                found += list(fastavro.reader(opened))
    return found


def current_articles(output: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """The newest state of every version: what a warehouse makes of all partitions."""
    current: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows(output, "articles"):
        key = row["article_id"], row["version_key"]
        if row["row_kind"] == "state":
            current[key] |= {name: row[name] for name in DECIDED if name != "row_kind"}
        else:
            assert key not in current
            current[key] = row
    return current


def current_stories(output: Path) -> dict[str, dict[str, Any]]:
    """The newest row of every story."""
    return {row["story_id"]: row for row in rows(output, "stories")}


def union(output: Path, but: frozenset[str] = frozenset({"as_of_day"})) -> tuple[dict[Any, Any], dict[str, Any]]:
    """What runs over parts and one over all have in common: the articles by version and the stories by id as they stand
    now, merges followed, without the fields `but`."""
    stories = current_stories(output)

    def survivor(story: str) -> str:
        while stories[story]["merged_into"]:
            story = stories[story]["merged_into"]
        return story

    def kept(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name not in but}

    articles = {
        key: kept(row) | {"story_id": survivor(row["story_id"])} for key, row in current_articles(output).items()
    }
    return articles, {key: kept(row) for key, row in stories.items() if not row["merged_into"]}


def files_of(expected: Expected) -> dict[tuple[str, str], bytes]:
    """(data set, kind) -> the one file that the expected rows make."""
    made = {}
    for name, kind, encoded in (
        ("articles", "part", expected.articles),
        ("stories", "part", expected.stories),
        ("rejects", "part", expected.rejects),
        ("ledger", "delta", expected.delta),
        *(("ledger", f"snapshot-{language}", rows) for language, rows in expected.snapshots.items()),
    ):
        buffer = io.BytesIO()
        write_container(buffer, data_set(name), encoded)
        if encoded:
            made[name, kind] = buffer.getvalue()
    return made


def written_files(output: Path) -> dict[tuple[str, str], bytes]:
    """The same of a partition's files, of which there has to be one a data set and kind."""
    paths = list(output.rglob("*.avro"))
    made = {(path.parent.parent.name, path.name.rsplit("-", 2)[0]): path.read_bytes() for path in paths}
    assert len(made) == len(paths)
    return made


def write_articles(folder: Path, count: int, start: int = 0) -> Path:
    """Invented articles, one a file."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(start, start + count):
        town = ("Skarholm", "Brunnsund", "Tjellvik")[number % 3]
        (folder / f"{number:04}.json").write_text(
            json.dumps(
                {
                    "guid": f"urn:example:{number}",
                    "provider": "Skarholm News",
                    "headline": f"Council of {town} votes on harbour plan {number // 3}",
                    "body": f"The council of {town} voted on Tuesday to widen the harbour for plan {number // 3}. "
                    "Work begins in spring, the mayor told reporters, and will take two years.",
                    "versionCreated": f"2026-03-{1 + number % 12:02}T10:00:00Z",
                }
            )
        )
    return folder
