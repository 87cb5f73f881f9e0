"""Helpers that start runs and read back what they wrote."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import fastavro

from pipeline.options import Config
from schemas import data_set
from schemas.container import write_container
from tests.reference import Expected

AS_OF = 1_773_360_000_000_000
"""2026-03-13T00:00:00Z, the samples' as_of."""


def config(output: Path, *inputs: Path | str, **changes: Any) -> Config:
    made = Config(
        inputs=tuple(map(str, inputs)),
        output=str(output),
        as_of=AS_OF,
        source_timezone="UTC",
        shards=1,
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
    (path,) = (output / "manifests").iterdir()
    return json.loads(path.read_text())


def rows(output: Path, name: str) -> list[dict[str, Any]]:
    """The rows of a data set, of the files that the manifest names."""
    found = []
    for file in manifest(output)["data_sets"][name]["files"]:
        with (output / file["name"]).open("rb") as opened:
            found += list(fastavro.reader(opened))
    return found


def files_of(expected: Expected) -> dict[str, bytes]:
    """The one file a data set that the expected rows make."""
    made = {}
    for name in ("articles", "stories", "rejects"):
        encoded = getattr(expected, name)
        buffer = io.BytesIO()
        write_container(buffer, data_set(name), encoded)
        if encoded:
            made[name] = buffer.getvalue()
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
