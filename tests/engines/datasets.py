"""What runners are held against each other on: slices of articles, each run going on from the ledger of the last.

In: the samples, or the development data, which is not part of the project. Out: each slice's `--as_of` and inputs.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.conftest import DEVELOPMENT_DATA, SAMPLES


class Slice(NamedTuple):
    """What one run of a chain reads."""

    as_of: str
    inputs: list[Path]


def samples(_: Path) -> list[Slice]:
    """The shipped samples, two days and two days: many formats, eight languages, versions, kills, rejects."""
    days = sorted(SAMPLES.iterdir())
    return [Slice("2026-03-11T00:00:00Z", days[:2]), Slice("2026-03-13T00:00:00Z", days[2:])]


def articles(_: Path) -> list[Slice]:
    """4,258 real articles in English and Chinese, and the two seeds, at once."""
    wire = DEVELOPMENT_DATA / "wire"
    return [Slice("2025-02-12T00:00:00Z", [wire / "front_matter.tar.gz", wire / "seeds"])]


def stories(folder: Path) -> list[Slice]:
    """2,067 articles of two years, up to the middle one's day and from there on."""
    rows = []
    for name in ("dev_dated_en.jsonl", "background_en.jsonl"):
        with (DEVELOPMENT_DATA / "stories" / name).open() as file:
            rows += [row for row in map(json.loads, file) if row.get("date")]
    rows.sort(key=lambda row: (row["date"], row["id"]))
    middle = rows[len(rows) // 2]["date"][:10]
    made = []
    for number, (as_of, chosen) in enumerate(
        (
            (f"{middle}T00:00:00Z", [row for row in rows if row["date"] < middle]),
            ("2020-01-01T00:00:00Z", [row for row in rows if row["date"] >= middle]),
        )
    ):
        path = folder / f"slice-{number}.jsonl"
        with path.open("w") as file:
            for row in chosen:
                told = {"guid": row["id"], "title": row["title"], "body": row["text"], "published": row["date"]}
                print(json.dumps(told | {"language": "en"}), file=file)
        made.append(Slice(as_of, [path]))
    return made


DATA_SETS: dict[str, Callable[[Path], list[Slice]]] = {"samples": samples, "articles": articles, "stories": stories}
