"""Released schemas and their golden files: where they are, and how a release gets its own.

`python -m tests.schemas.golden` freezes the newest schemas as those of the version in pyproject.toml: a copy in
schemas/released/, golden files of invented rows with the same rows as JSON here beside, and their checksums. A release
that is frozen stays as it is; `--again` makes one anew that is not out yet.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import shutil
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import fastavro

from schemas import DATA_SETS, data_set, write_container
from transforms import ledger, rows
from transforms.article import STATE, Article, Decision, Envelope, Header, LanguageShare, Reject, Stated, Story, Subject

ROOT = Path(__file__).parent.parent.parent
RELEASED = ROOT / "schemas" / "released"
GOLDEN = Path(__file__).parent / "golden"
CHECKSUMS = Path(__file__).parent / "released.sha256"
"""Of every released schema and golden file; `sha256sum --check` reads it too."""

AS_OF = 1_773_360_000_000_000
"""2026-03-13T00:00:00Z."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = dict[str, Any]


def releases() -> list[str]:
    """All released versions, oldest first."""
    return sorted((path.name for path in RELEASED.iterdir()), key=lambda version: [int(n) for n in version.split(".")])


def released_schemas(release: str) -> dict[str, Any]:
    """The schemas of a release by version (`articles.v1`)."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted((RELEASED / release).glob("*.avsc"))}


def golden_files() -> list[tuple[str, str]]:
    """(release, version of the schema) of every golden file."""
    return [(release, version) for release in releases() for version in released_schemas(release)]


def golden_path(release: str, version: str) -> Path:
    """The golden file of a released schema."""
    return GOLDEN / release / f"{version.partition('.')[0]}.avro"


def golden_rows(release: str, version: str) -> list[Row]:
    """What stands in a golden file; times are microseconds."""
    loaded: list[Row] = json.loads(golden_path(release, version).with_suffix(".json").read_text("utf-8"))
    return loaded


def plain(value: Any) -> Any:
    """A value as any reader gives it, as the JSON beside the golden file has it: times as microseconds."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // timedelta(microseconds=1)
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def checksums() -> str:
    """The checksum list as it should be, from the files that are there."""
    paths = sorted(path for folder in (RELEASED, GOLDEN) for path in folder.rglob("*") if path.is_file())
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(ROOT).as_posix()}" for path in paths)
    return "".join(f"{line}\n" for line in lines)


def encoded() -> dict[str, list[bytes]]:
    """Invented rows of each data set, encoded as a run does it: each field null and not, each list empty and not."""
    return {
        "articles": list(_articles()),
        "stories": [rows.story_row(story, AS_OF) for story in _STORIES],
        "rejects": [rows.reject_row(reject, AS_OF) for reject in _REJECTS],
        "ledger": [row.data for entry in LEDGER for row in _ledger_rows(entry)],
    }


def container(name: str, encoded_rows: list[bytes]) -> bytes:
    """A file of the data set as a run writes it."""
    file = io.BytesIO()
    write_container(file, data_set(name), encoded_rows)
    return file.getvalue()


def decoded(file: bytes) -> list[Row]:
    """The rows of a file, as `plain` has them."""
    return [plain(row) for row in fastavro.reader(io.BytesIO(file))]


def _id(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:32]


def _stated(time: str) -> Stated:
    return Stated((datetime.fromisoformat(time) - _EPOCH) // timedelta(microseconds=1), "second", False)


_FULL = Article(
    uri="2026/03/09/harbour – 港.json",
    position=3,
    source_format="json",
    guid="urn:newsml:example.org:20260309:1042",
    provider="Küstendienst",
    source_url="https://example.org/hafen?id=1042&x=“ü”",
    alternative_ids=("1042", "tag:example.org,2026:1042"),
    stated_version="2",
    first_created=_stated("1969-12-31T23:59:59.999999+00:00"),
    version_created=_stated("2026-03-09T08:15:00.000001+00:00")._replace(zone_assumed=True),
    content_created=_stated("2026-03-09T07:00:00+00:00"),
    published=_stated("2026-03-09T08:16:00+00:00"),
    embargoed=_stated("2026-03-09T09:00:00+00:00"),
    expires=_stated("2100-01-01T00:00:00+00:00"),
    guessed_published=_stated("2026-03-09T06:00:00+00:00"),
    pub_status="usable",
    signal="update",
    evolved_from="urn:newsml:example.org:20260309:1041",
    ed_note="Editors: adds quote\tin paragraph 3",
    headline="Hafen von Nordsiel öffnet nach Sturm wieder ⚓",
    slugline="STORM-HARBOUR",
    byline="Ada Möwe, 王小明",
    dateline="NORDSIEL, March 9 (KD) —",
    dateline_place="Nordsiel",
    description='The port opens "as planned", the harbour master\'s office says.',
    body="Der Hafen öffnet wieder.\n\nالميناء مفتوح. 港口重新开放。\n\nA backslash \\, a tab\t, a pipe |, and 🌊.",
    captions=("Ships wait outside — Möwe", ""),
    credits=("Ada Möwe / KD",),
    removed_links=("https://example.org/tides",),
    removed_lines=("Sign up for our newsletter.",),
    urgency=3,
    priority=5,
    subjects=(Subject("medtop", "04000000", "Wirtschaft"), Subject("medtop", "17000000", "Wetter 🌪")),
    genre="Current",
    places=("Nordsiel", "北港"),
    keywords=("Hafen", "Sturm"),
    copyright_holder="Küstendienst eG",
    copyright_notice="© 2026 Küstendienst eG",
    usage_terms="Not for archives",
    credit="KD",
    info_source="harbour master",
    guessed_byline="Ida Lund",
    guessed_provider="Skarholm News",
    language_declared="de-DE",
    language_detected="de",
    language_confidence=0.9375,
    language_method="profile",
    flags=("charset_guessed",),
    languages=(LanguageShare("de", 0.625), LanguageShare("zh-Hans", 0.25)),
    cleaning=("dateline", "byline"),
    envelope=Envelope("港-1042", (Header("trace", "\\xff\\x00"), Header("empty", ""))),
)
_BARE = Article(uri="a.txt", arrived=AS_OF + 1, source_format="dated_text", language_method="none")


def _articles() -> Iterator[bytes]:
    decisions = [
        Decision(_id(1), _id(2), 2, True, "usable", "de", _id(3)),
        Decision(_id(4), _id(5), 1, True, "withheld", "und", _id(6)),
    ]
    for article, decision in zip((_FULL, _BARE), decisions, strict=True):
        yield rows.decided_part(decision) + rows.article_tail(article, AS_OF)
    killed = Decision(_id(1), _id(7), 1, False, "canceled", "de", _id(3), STATE, AS_OF - 1)
    yield rows.state_row(killed, AS_OF)


_STORY = Story(
    story_id=_id(3),
    language="de",
    headline="Hafen von Nordsiel öffnet nach Sturm wieder ⚓",
    key_terms=("hafen", "stürm", "港口"),
    founder=_id(1),
    first_time=-1,
    last_time=AS_OF,
    articles=2**40,
    usable_articles=0,
    providers=("Küstendienst", "example.org"),
    merged_into=_id(8),
)
_STORIES = [
    _STORY,
    _STORY._replace(story_id=_id(6), key_terms=(), providers=(), merged_into="", language="und", usable_articles=3),
]

_REJECTS = [
    Reject.of("parse", "yaml", "b.md: line 2: “:” expected | got ☃", "b.md", 0, "---\ntitle: ☃: x\n".encode()),
    Reject("read", "too_large", "c.zip!/d.json: 2 GB", "c.zip!/d.json", 7, b"\x00\xff", 2**31, "0" * 64, Envelope("7")),
    Reject.of("skip", "tombstone", "a tombstone", "news/0/5", 0, b"", _FULL.envelope),
]


def _ledger_rows(entry: ledger.Entry) -> Iterator[ledger.LedgerRow]:
    if isinstance(entry, ledger.KnownArticle):
        # One as a run writes it, one as it stands among those of other runs.
        own, *others = ledger.encode_article(entry)
        yield ledger.stamped(own._replace(as_of=AS_OF))
        yield from others
    else:
        yield ledger.encode(entry)


# Both the ledger's rows and what a run has to make of them.
LEDGER: list[ledger.Entry] = [
    ledger.KnownArticle(
        _id(1), "de", _id(3),
        (
            ledger.KnownVersion(_id(7), AS_OF - 2, 1, "canceled", "de", _id(8)),
            ledger.KnownVersion(_id(2), AS_OF - 1, 2, "usable", "de-AT", _id(1)),
        ),
    ),
    ledger.StoryEntry(_STORY, None),
    ledger.StoryEntry(_STORY._replace(story_id=_id(6), key_terms=(), providers=(), merged_into=""), None),
    ledger.StoryEntry(
        _STORY._replace(headline="Hafen offen ⚓", key_terms=(), merged_into=""),
        ledger.LiveState(
            b"\5\x80\x01", b"\3\1", AS_OF, 1_750_000, 4_096, ("Hafen offen ⚓", "Hafen zu", "Hafen offen ⚓"), True,
            b"\5", b"\3", 9,
        ),
    ),
    ledger.TermCounts("de", 20_521, 0, 12, b"\0\7\x80\x01", b"\1\x0c\3"),
    ledger.TermCounts("de", None, 1, 0, b"", b""),
    ledger.DeskState("de", AS_OF),
    ledger.DeskState("fr", AS_OF, _id(9), ("ledger/as_of=1/changes-de-1.avro", "ledger/as_of=1/changes-de-2.avro")),
    ledger.EndedStory("de", _id(4)),
    ledger.HeldItem("tallis.json", 2, AS_OF, b"{}"),
    ledger.HeldItem("news/0/7", 0, AS_OF, b"{}", _FULL.envelope),
]  # fmt: skip


def _write(version: str) -> None:
    for name, encoded_rows in encoded().items():
        schema = RELEASED / version / f"{DATA_SETS[name]}.avsc"
        schema.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "schemas" / schema.name, schema)
        golden = golden_path(version, DATA_SETS[name])
        golden.parent.mkdir(parents=True, exist_ok=True)
        file = container(name, encoded_rows)
        golden.write_bytes(file)
        text = json.dumps(decoded(file), indent=1, ensure_ascii=False)
        golden.with_suffix(".json").write_text(f"{text}\n", "utf-8")
    CHECKSUMS.write_text(checksums(), "utf-8")


def main() -> None:
    """Freezes the newest schemas as those of the project's version."""
    parser = argparse.ArgumentParser(prog="python -m tests.schemas.golden", description=main.__doc__)
    parser.add_argument("--again", action="store_true", help="make a frozen release anew; only before it is out")
    again = parser.parse_args().again
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    if (RELEASED / version).exists() and not again:
        parser.error(f"{version} is frozen; raise the version in pyproject.toml, or say --again if it is not out yet")
    _write(version)
    print(
        f"schemas/released/{version} and tests/schemas/golden/{version} are written; commit them with {CHECKSUMS.name}"
    )


if __name__ == "__main__":
    main()
