"""Partitions for the loads to load, made by the project itself from invented articles, and what a load has to give.

`steps` makes an output folder grow, change and shrink, and keeps a copy of each state of it. `expected` reads such a
state with fastavro, file by file as the manifests name them, and applies the contract in plain Python.
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import fastavro

from pipeline import manifest, run
from pipeline.manifest import WrittenFile
from pipeline.options import Config, time_of
from pipeline.sinks import write_shard
from pipeline.storage import TEMPORARY
from tests.conftest import ROOT
from tests.pipeline.outputs import config
from transforms.article import Story
from transforms.rows import story_row

Row = dict[str, Any]
Tables = dict[str, list[Row]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DECIDED = ("version", "is_latest", "story_id", "pub_status", "language")
DATA_SETS = ("articles", "stories", "rejects")

TEXT = "The council of {} voted on Tuesday to widen the harbour. Work begins in spring, the mayor told reporters."
ODD = (
    "He said \"no', then `yes`; 50 % \\N of \\n, \\t and C:\\new\\table\\\\ {braces} $1 ${x} ''twice'' -- not; \x1c\n\n"
    "A\ttab, a comma, a pipe | and <tags> &amp; more 🏴󠁧󠁢󠁳󠁣󠁴󠁿👩‍👩‍👧 𝒳 ﷽.\n\n"
    "北京消息，议会星期二表决。\n\nصوّت المجلس يوم الثلاثاء على توسيع الميناء.\n\nNULL\n\n\\."
)


class Step(NamedTuple):
    """A state of the output folder."""

    name: str
    output: Path
    changed: int
    """How many partitions a load of the state before has to load or remove."""


def steps(folder: Path) -> list[Step]:
    """Makes the states, one after the other, below `folder`."""
    wire, output = folder / "wire", folder / "growing"
    made: list[Step] = []

    def keep(name: str, changed: int) -> None:
        copy = folder / f"state-{len(made)}"
        shutil.copytree(output, copy)
        _strew(copy)
        made.append(Step(name, copy, changed))

    articles = _articles()
    first = _write(wire / "1", articles["first"])
    second = _write(wire / "2", articles["second"])
    _run(output, first, "20260310T000000Z", shards=2)
    keep("a first partition", 1)
    _run(output, second, "20260311T000000Z", shards=2, codec="null")
    keep("a new version, a kill, a redelivery", 1)
    _run(output, _write(wire / "2b", articles["second, corrected"]), "20260311T000000Z", shards=2)
    keep("run again with other articles, without the kill", 1)
    _run(output, _write(wire / "2c", articles["redelivered"]), "20260311T000000Z")
    keep("run again without a row", 1)
    _run(output, _write(wire / "3", articles["third"]), "20260312T000000Z")
    _run(output, _write(wire / "4", articles["fourth"]), "20260312T000001Z")
    keep("two partitions, the second a replay of the first", 2)
    _run(output, _write(wire / "5", articles["redelivered"]), "20260312T120000Z")
    keep("a day without a row", 1)
    stories = sorted({row["story_id"] for row in expected(output)["stories_rows"]})
    merge(output, "20260313T000000Z", {stories[0]: stories[1], stories[2]: "f" * 32})
    keep("a story merged into another", 1)
    merge(output, "20260314T000000Z", {stories[1]: stories[3]})
    keep("and that one into a third", 1)
    _run(output, second, "20260311T000000Z", shards=2, codec="null")
    keep("an early partition run again below later ones", 1)
    (output / "manifests" / "as_of=20260314T000000Z.json").unlink()
    keep("a partition that is gone", 1)
    return made


def whole(folder: Path, sliced: Path) -> Path:
    """One run over all that the first two partitions of `steps` read from `sliced`."""
    asked = _config(folder, "20260311T000000Z", sliced / "wire" / "1", sliced / "wire" / "2")
    run.run(asked, [])
    return folder


def manifests(output: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(partition, manifest) in order of time."""
    for name in manifest.partitions(str(output)):
        yield name, json.loads((output / "manifests" / f"{name}.json").read_bytes())


def expected(output: Path) -> Tables:
    """What the tables and views of a warehouse hold after a load of `output`: rows by table, values plain."""
    tables: Tables = {f"{name}_rows": [] for name in DATA_SETS}
    for partition, made in manifests(output):
        for name in DATA_SETS:
            for file in made["data_sets"][name]["files"]:
                with (output / file["name"]).open("rb") as opened:
                    rows = [{"as_of": time_of(partition), **plain(row)} for row in fastavro.reader(opened)]
                tables[f"{name}_rows"] += rows
    texts: dict[tuple[str, str], Row] = {}
    decided: dict[tuple[str, str], Row] = {}
    for row in tables["articles_rows"]:
        key = row["article_id"], row["version_key"]
        decided[key] = {name: row[name] for name in DECIDED}
        if row["row_kind"] == "version":
            texts[key] = row
    stories = {row["story_id"]: row for row in tables["stories_rows"]}

    def survivor(story_id: str) -> str:
        while story_id in stories and stories[story_id]["merged_into"] is not None:
            story_id = stories[story_id]["merged_into"]
        return story_id

    def followed(row: Row) -> Row:
        return row | {"current_story_id": survivor(row["story_id"])}

    tables["articles_current"] = [followed(row | decided[key]) for key, row in texts.items()]
    tables["stories_current"] = [followed(row) for row in stories.values()]
    return tables


def ledger(output: Path) -> tuple[list[str], list[Row]]:
    """Paths and rows of the ledger's files."""
    paths = [
        str(output / file["name"]) for _, made in manifests(output) for file in made["data_sets"]["ledger"]["files"]
    ]
    rows: list[Row] = []
    for path in paths:
        with Path(path).open("rb") as opened:
            rows += [plain(row) for row in fastavro.reader(opened)]
    return paths, rows


def merge(output: Path, time: str, merged: Mapping[str, str]) -> None:
    """Adds a partition that says nothing but that stories were merged, written with the project's own functions."""
    asked = _config(output, time)
    known = {row["story_id"]: row for row in expected(output)["stories_rows"]}
    encoded = []
    for story_id, survivor in sorted(merged.items()):
        story = {name: known[story_id][name] for name in Story._fields} | {"merged_into": survivor}
        encoded.append(story_row(Story(**story), asked.as_of))
    _commit(asked, write_shard(asked, "stories", "part", 0, encoded))


def grown_schemas(folder: Path) -> Path:
    """The schemas of a later version, whose articles have one field more."""
    folder.mkdir()
    for path in (ROOT / "schemas").glob("*.avsc"):
        shutil.copy(path, folder)
    path = folder / "articles.v1.avsc"
    schema = json.loads(path.read_text())
    schema["fields"].append({"name": "mood", "type": ["null", "string"], "default": None})
    path.write_text(json.dumps(schema))
    return folder


def grow(output: Path, schemas: Path) -> Path:
    """Adds a partition as that later version would write it: the articles of the first, each of them glad."""
    schema = json.loads((schemas / "articles.v1.avsc").read_text())
    first = expected(output)["articles_rows"]
    buffer = io.BytesIO()
    again = [{**row, "version_key": row["version_key"][::-1], "mood": "glad"} for row in first]
    fastavro.writer(buffer, schema, again, codec="deflate")
    data = buffer.getvalue()
    asked = _config(output, "20260320T000000Z")
    digest = hashlib.sha256(data).hexdigest()
    path = Path(manifest.folder(asked, "articles"), f"part-00000-{digest[:8]}.avro")
    path.parent.mkdir()
    path.write_bytes(data)
    _commit(asked, [WrittenFile("articles", path.name, len(again), len(data), digest, "0")])
    return output


def plain(row: Mapping[str, Any]) -> Row:
    """A row with times as microseconds since 1970 UTC; datetimes without a zone are an engine's UTC."""
    return {name: _plain(value) for name, value in row.items()}


def in_order(rows: list[Row]) -> list[Row]:
    """The rows, sorted by all that they hold."""
    return sorted(rows, key=lambda row: json.dumps(row, sort_keys=True))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value.replace(tzinfo=value.tzinfo or UTC) - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _articles() -> dict[str, dict[str, Any]]:
    def article(guid: str, time: str, **fields: Any) -> Row:
        text = TEXT.format(guid.title())
        head = f"Council of {guid.title()} votes on harbour"
        return {"guid": guid, "provider": "Skarholm News", "headline": head, "body": text, "published": time} | fields

    words = ("harbour", "ferry", "council", "Nürnberg", "北京", "صوّت", "quay,", '"widened"', "спорт", "tide.")
    choose = random.Random(7)
    long_body = " ".join(choose.choice(words) for _ in range(150_000))
    odd = article(
        "odd 'guid' \"x\" \\y", "2026-03-09T10:00:00.123456Z", headline=f"Odd: {ODD[:40]}", body=ODD,
        subjects=[{"scheme": "medtop", "code": "11000000", "name": 'politics, "so"\n{called} \\'}, "medtop:04000000"],
        keywords=["a,b", 'q"q', "b\\s", "", " ", "NULL", "{}", "äöü 北"], places=["Skarholm's \"Old\" Quay"],
        firstcreated="1850-01-02T03:04:05.000006Z", expires="2199-12-31T23:59:59.999999Z", urgency=3,
        embargoed="2039-01-01T00:00:00Z", slugline="ODD/\t'SLUG'", ednote="null", version="7",
    )  # fmt: skip
    return {
        "first": {
            "ferry": article("ferry", "2026-03-09T08:00:00Z"),
            "harbour": article("harbour", "2026-03-09T09:00:00Z", body="Seal pups rescued on a sandbank off Vidar."),
            "bridge": article("bridge", "2026-03-09T09:30:00Z", body="The old bridge closes for repairs in May."),
            "odd": odd,
            # PostgreSQL has no NUL; what stands in a guid is not cleaned.
            "nul": article("n\0u\x01l", "2026-03-09T10:30:00Z", body="Trawler crews strike over quotas in the north."),
            "old": article("old", "1869-05-10T12:47:00Z", body="The last spike was driven at the summit today."),
            "older than 1970": article("1955", "1955-11-12T22:04:00.000001Z", body="Lightning strikes a clock tower."),
            "late": article("late", "2041-03-09T11:00:00Z", body="A probe reaches the outer planet, say scientists."),
            "long": article("long", "2026-03-09T11:30:00Z", headline="All of the minutes", body=long_body),
            "broken": '{"headline": "torn',
        },
        "second": {
            "ferry": article("ferry", "2026-03-10T08:00:00Z", headline="Council of Ferry votes again on harbour"),
            "kill": article("harbour", "2026-03-10T09:00:00Z", pubstatus="canceled", headline="KILL", body=""),
            "redelivered": article("bridge", "2026-03-09T09:30:00Z", body="The old bridge closes for repairs in May."),
            "tram": article("tram", "2026-03-10T10:00:00Z", body="Trams stand still for 24 hours, drivers say."),
            "broken": "[",
        },
        "second, corrected": {
            "ferry": article("ferry", "2026-03-10T08:00:00Z", headline="Council of Ferry puts off vote on harbour"),
            "kill": article("bridge", "2026-03-10T09:00:00Z", pubstatus="canceled", headline="KILL", body=""),
            "metro": article("metro", "2026-03-10T11:00:00Z", body="The metro opens a line to the airport."),
        },
        "redelivered": {
            "redelivered": article("bridge", "2026-03-09T09:30:00Z", body="The old bridge closes for repairs in May.")
        },
        "third": {"ferry": article("ferry", "2026-03-11T08:00:00Z", body="The vote on the ferry is done: no harbour.")},
        "fourth": {"kill": article("ferry", "2026-03-11T09:00:00Z", pubstatus="canceled", headline="KILL", body="")},
    }


def _write(folder: Path, articles: Mapping[str, Any]) -> Path:
    folder.mkdir(parents=True)
    for name, article in articles.items():
        (folder / f"{name}.json").write_text(article if isinstance(article, str) else json.dumps(article))
    return folder


def _config(output: Path, time: str, *inputs: Path, **changes: Any) -> Config:
    return config(output, *inputs, as_of=time_of(f"as_of={time}"), max_reject_share=0.5, **changes)


def _run(output: Path, inputs: Path, time: str, **changes: Any) -> None:
    run.run(_config(output, time, inputs, **changes), [])


def _commit(asked: Config, written: Iterable[WrittenFile]) -> None:
    made = manifest.compose(asked, [], None, {}, written, [])
    Path(manifest.path_of(asked)).write_bytes(manifest.encode(made))


def _strew(output: Path) -> None:
    """Puts files beside the data that no manifest names, some of which look as if they belonged there."""
    for path in sorted(output.glob("articles/*/*.avro"))[:1] + sorted(output.glob("stories/*/*.avro"))[:1]:
        shutil.copy(path, path.with_name("part-00000-00000000.avro"))
        shutil.copy(path, path.with_name(f"{TEMPORARY}part-00000-11111111.avro"))
        stray = path.parent.with_name("as_of=20260101T000000Z")
        stray.mkdir()
        shutil.copy(path, stray)
    (output / "manifests" / f"{TEMPORARY}as_of=20260309T000000Z.json").write_text("{")
