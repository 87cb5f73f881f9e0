"""Parse: what each format gives, what is rejected and why, and that an item is claimed by one format only."""

from __future__ import annotations

import gzip
import json
import tarfile
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SAMPLES
from transforms.article import PAYLOAD_LIMIT, Article, RawItem, Reject, Subject
from transforms.parse import Sample, Settings, formats, parse, recognise
from transforms.parse.times import iso, parse_time


def items(data: bytes | str, uri: str = "wire/x.txt", zone: str = "UTC") -> list[Article | Reject]:
    raw = data.encode() if isinstance(data, str) else data
    return list(parse(RawItem(uri, raw, 0), Settings(ZoneInfo(zone))))


def one(data: bytes | str, uri: str = "wire/x.txt", zone: str = "UTC") -> Article:
    found = items(data, uri, zone)
    assert len(found) == 1
    assert isinstance(found[0], Article), found[0]
    return found[0]


def rejected(data: bytes | str, uri: str = "wire/x.txt") -> Reject:
    found = items(data, uri)
    assert len(found) == 1
    assert isinstance(found[0], Reject), found[0]
    return found[0]


def micros(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp()) * 1_000_000


DATED = " date 2026-03-09 Ferry runs aground off Skarholm\n\nIda Lund\n\nA ferry ran aground on Monday.\n"
YAML = """---
title: "Ferry runs aground"
date: "2026-03-09 23:25:27"
summary: "A ferry."
categories:
  - "skarholm-news"
lang:
  - "en"
tags: ["ferry", "Skarholm"]
---

A **ferry** ran aground.

[skarholm-news](https://news.example/a)
"""
TOML = """+++
title = "Ferry runs aground"
date = 2026-03-09T23:25:27+01:00
tags = ["ferry"]
+++
A ferry.
"""
JSON_FRONT = """{
  "title": "Ferry runs aground",
  "date": "2026-03-09T23:25:27Z"
}

[The ferry](https://news.example/b) ran aground.
"""
OBJECT = {
    "guid": "urn:x:1", "version": 3, "provider": "Skarholm News", "headline": "Ferry", "body": "A ferry.",
    "versionCreated": "2026-03-09T10:00:00+01:00", "firstCreated": "20260309T080000+0000", "pubStatus": "stat:usable",
    "urgency": "4", "subjects": [{"scheme": "medtop", "code": "03000000", "name": "disaster"}, "medtop:1", "sea"],
    "keywords": "ferry, sea", "language": "en-GB", "url": "https://news.example/1", "embargoed": "2026-03-10",
}  # fmt: skip


def test_dated_text():
    article = one(DATED)
    assert article.source_format == "dated_text"
    assert article.headline == "Ferry runs aground off Skarholm"
    assert article.date_line.time == micros(2026, 3, 9)
    assert article.date_line.precision == "day"
    assert article.body.strip().startswith("Ida Lund\n\nA ferry")
    assert article.payload == DATED.encode()


def test_yaml_front_matter():
    article = one(YAML, zone="America/New_York")
    assert (article.source_format, article.body_type) == ("front_matter", "markdown")
    assert (article.headline, article.description, article.language_declared) == (
        "Ferry runs aground", "A ferry.", "en",
    )  # fmt: skip
    assert article.keywords == ("ferry", "Skarholm")
    assert article.published.time == micros(2026, 3, 10, 3, 25, 27)
    assert article.published.zone_assumed
    assert article.body.startswith("A **ferry**")
    assert article.body.endswith("(https://news.example/a)")


def test_toml_front_matter():
    article = one(TOML)
    assert article.headline == "Ferry runs aground"
    assert article.published.time == micros(2026, 3, 9, 22, 25, 27)
    assert not article.published.zone_assumed
    assert article.body == "A ferry."


def test_json_front_matter():
    article = one(JSON_FRONT)
    assert article.source_format == "front_matter"
    assert article.body == "[The ferry](https://news.example/b) ran aground."


def test_json_object():
    article = one(json.dumps(OBJECT))
    assert article.source_format == "json"
    assert article.position == 0
    assert (article.guid, article.provider, article.stated_version) == ("urn:x:1", "Skarholm News", "3")
    assert article.version_created.time == micros(2026, 3, 9, 9)
    assert article.first_created.time == micros(2026, 3, 9, 8)
    assert article.embargoed.time == micros(2026, 3, 10)
    assert article.pub_status == "usable"
    assert article.urgency == 4
    assert article.subjects == (
        Subject("medtop", "03000000", "disaster"),
        Subject("medtop", "1", ""),
        Subject("", "", "sea"),
    )
    assert article.keywords == ("ferry", "sea")
    assert article.flags == ()


@pytest.mark.parametrize("envelope", [lambda entries: entries, lambda entries: {"data": entries},
                                      lambda entries: {"hits": {"hits": entries}}])  # fmt: skip
def test_json_lists_count_from_one_and_reject_entries_alone(envelope):
    found = items(json.dumps(envelope([{"title": "a"}, {"nothing": 1}, "text", {"title": "b", "date": "2026-02-30"}])))
    assert [entry.position for entry in found] == [1, 2, 3, 4]
    assert isinstance(found[0], Article)
    assert [entry.error for entry in found[1:]] == ["no_text", "json", "time"]
    assert "entry 4" in found[3].message
    assert json.loads(found[3].payload)["title"] == "b"


def test_json_lines_number_the_lines_and_pass_over_a_cut_one():
    found = items('{"title": "a"}\n\n{"title": "b", "bo\n{"title": "c"}\n')
    assert [(type(entry), entry.position) for entry in found] == [(Article, 1), (Reject, 3), (Article, 4)]
    assert found[1].payload == b'{"title": "b", "bo'
    assert found[1].error == "json"


def test_html_bodies_are_told_from_text():
    assert one('{"title": "a", "body_html": "<p>x</p>"}').body_type == "html"
    assert one('{"title": "a", "content": {"rendered": "<p class=\\"x\\">x</p>"}}').body_type == "html"
    assert one('{"title": "a", "body": "profits < losses > 3, and b<c"}').body_type == "text"


def test_yaml_no_is_norwegian():
    assert one("---\ntitle: x\nlang: no\n---\ny").language_declared == "no"


def test_a_date_in_the_file_name_counts_where_nothing_else_does():
    assert one("---\ntitle: x\n---\ny", "in/2026-03-09-slug.md").date_line.time == micros(2026, 3, 9)


@pytest.mark.parametrize(
    ("data", "error", "told"),
    [
        (b"", "empty", "empty"),
        (b" \n\t\n", "empty", "empty"),
        (bytes(range(256)) * 3, "binary", "not text"),
        (b" date 2026-03-09 x\n" + bytes(range(1, 32)) * 9, "binary", "control characters"),
        ("just a line of text", "unknown_format", "known: dated_text, front_matter, json"),
        ("---\ntitle: x\nno end", "yaml", "never closes"),
        ('---\ntitle: "x\ndate: 2026-01-01\n---\nbody', "yaml", "line"),
        ("---\n- a\n---\nbody", "yaml", "no keys"),
        ("---\ntitle: x\ndate: 2026-02-30\n---\nbody", "time", "day is out of range"),
        ('---\ntitle: x\ndate: "2026-02-30 10:00:00"\n---\nbody', "time", "2026-02-30"),
        ("---\ntitle: a\nlist: &a [x]\nb: [*a, *a]\n---\nbody", "yaml", "aliases"),
        ("---\n" + "[" * 30_000 + "\n---\nbody", "yaml", "deeper"),
        ("---\ntitle: " + "x" * 70_000 + "\n---\nbody", "yaml", "65536"),
        ("---\ntitle:\n---\n \n", "no_text", "neither"),
        ("+++\ntitle = \n+++\nbody", "toml", "value"),
        (" date 2026-02-30 Headline\n\nbody", "time", "2026-02-30"),
        (" date 2026-03-09\n\n", "no_text", "neither"),
        ('{"title": "x", ', "json", "line 1"),
        ('{"title": NaN}', "json", "NaN"),
        ('{"headline": "\\ud800 x"}', "surrogate", "headline holds a lone surrogate"),
        ('---\ntitle: "\\uD800"\n---\nbody', "yaml", "line 2"),
        ("[" * 100_000, "json", "deeply"),
        ('{"a":' * 100_000, "json", "deeply"),
        ("[]", "no_text", "empty list"),
        ('{"a": 1}', "no_text", "neither"),
        ('{"title": "x"}'.encode("utf-16") + b"\0", "binary", "utf-16"),
    ],
)
def test_rejects_name_item_and_cause(data, error, told):
    reject = rejected(data)
    assert (reject.stage, reject.error) == ("parse", error)
    assert reject.message.startswith("wire/x.txt")
    assert told in reject.message
    raw = data.encode() if isinstance(data, str) else data
    assert reject.payload == raw[:PAYLOAD_LIMIT]
    assert reject.payload_size == len(raw)


def test_invalid_times_are_flagged_where_others_tell_when():
    article = one('{"title": "x", "versionCreated": "2026-03-09T10:00Z", "expires": "never", "urgency": "high"}')
    assert article.flags == ("invalid_expires", "invalid_urgency")
    assert article.expires is None


def test_kill_words_of_agencies():
    for word in ("canceled", "Cancelled", "KILL", "stat:canceled", "withdrawn"):
        assert one(json.dumps({"title": "x", "pubStatus": word})).pub_status == "canceled"
    assert one('{"title": "x", "pubStatus": "odd"}').flags == ("unknown_pub_status",)


@pytest.mark.parametrize(
    ("data", "headline", "flags"),
    [
        ('{"title": "Élan"}'.encode(), "Élan", ()),
        ("\ufeff" + '{"title": "Élan"}', "Élan", ()),
        ('{"title": "Élan"}'.encode("utf-16"), "Élan", ()),
        ('{"title": "Élan “x”"}'.encode("cp1252"), "Élan “x”", ("charset_guessed",)),
        ('{"title": "渡轮在斯卡霍尔姆搁浅"}'.encode() + b"\xff", None, None),
        ('{"title": "渡轮在斯卡霍尔姆'.encode() + b'\xff"}', "渡轮在斯卡霍尔姆\ufffd", ("charset_damaged",)),
    ],
)
def test_character_sets(data, headline, flags):
    found = items(data)[0]
    if headline is None:
        assert isinstance(found, Reject)
    else:
        assert (found.headline, found.flags) == (headline, flags)


def test_line_ends_are_one():
    assert one(DATED.replace("\n", "\r\n"))._replace(payload=b"") == one(DATED)._replace(payload=b"")


@pytest.mark.parametrize(
    ("text", "expected", "precision", "assumed"),
    [
        ("2026-03-09T23:25:27Z", (2026, 3, 9, 23, 25, 27), "second", False),
        ("2026-03-09T23:25:27+01:00", (2026, 3, 9, 22, 25, 27), "second", False),
        ("20260309T232527+0000", (2026, 3, 9, 23, 25, 27), "second", False),
        ("2026-03-09 3:17:01-0400", (2026, 3, 9, 7, 17, 1), "second", False),
        ("2026-03-09 23:25:27 +0100", (2026, 3, 9, 22, 25, 27), "second", False),
        ("2026-03-09 23:25:27 UTC", (2026, 3, 9, 23, 25, 27), "second", False),
        ("2026-03-09 23:25:27", (2026, 3, 9, 22, 25, 27), "second", True),
        ("Mon, 09 Mar 2026 23:25:27 EST", (2026, 3, 10, 4, 25, 27), "second", False),
        ("2026/3/9", (2026, 3, 8, 23, 0, 0), "day", True),
        ("20260309", (2026, 3, 8, 23, 0, 0), "day", True),
        ("1773098727", (2026, 3, 9, 23, 25, 27), "second", False),
        (1773098727000, (2026, 3, 9, 23, 25, 27), "second", False),
    ],
)
def test_times_as_wires_write_them(text, expected, precision, assumed):
    stated = parse_time(text, ZoneInfo("Europe/Paris"))
    assert (iso(stated.time), stated.precision, stated.zone_assumed) == (iso(micros(*expected)), precision, assumed)


@pytest.mark.parametrize("value", ["2026-02-30", "yesterday", "2026-13-01", "", "9999-01-01", "0001-01-01", True, [],
                                   10**30, -(10**30), "2026-03-09T25:00"])  # fmt: skip
def test_impossible_times_are_never_guessed(value):
    with pytest.raises(ValueError, match=r"."):
        parse_time(value, UTC)


def test_an_article_is_claimed_by_one_format():
    files = [
        path.read_bytes() for path in sorted(SAMPLES.rglob("*")) if path.suffix in (".txt", ".md", ".json", ".jsonl")
    ]
    files += [gzip.decompress(path.read_bytes()) for path in sorted(SAMPLES.rglob("*.jsonl.gz"))]
    for path in sorted(SAMPLES.rglob("*.tar.gz")):
        with tarfile.open(path) as archive:
            files += [archive.extractfile(member).read() for member in archive if member.isfile()]
    assert len(files) > 50
    for data in [
        *files,
        DATED.encode(),
        YAML.encode(),
        TOML.encode(),
        JSON_FRONT.encode(),
        json.dumps(OBJECT).encode(),
    ]:
        claimed = [form.name for form in formats() if form.recognise(Sample.of(data))]
        assert len(claimed) <= 1, (data[:80], claimed)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_any_json_object_is_json(value):
    for indent in (None, 2):
        form = recognise(json.dumps(value, indent=indent).encode())
        assert form is not None
        assert form.name == "json"


@given(st.binary(max_size=300))
def test_nothing_is_raised_and_nothing_lost_on_any_bytes(data):
    assert len(items(data)) >= 1


@given(st.sampled_from([DATED, YAML, TOML, JSON_FRONT, json.dumps(OBJECT)]), st.data())
def test_nothing_is_raised_on_damaged_items(text, data):
    raw = bytearray(text.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    found = items(bytes(raw))
    assert found
    assert not any(isinstance(entry, Reject) and entry.error == "unexpected" for entry in found), found


def test_hostile_headers_cost_no_time():
    start = time.process_time()
    for data in (
        "---\n" + "a: {" * 30_000,
        "---\n" + "? " * 60_000 + "\n---\n",
        "+++\n" + "a=[" * 20_000 + "\n+++\n",
        "{\n" + "}\n x" * 20_000,
        " date 2026-03-09 " + " " * 500_000 + "x",
        "\n" * 300_000 + "---",
    ):
        assert items(data)
    assert time.process_time() - start < 2
