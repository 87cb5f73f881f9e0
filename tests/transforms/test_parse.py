"""Parse: what each format gives, what is rejected and why, and that an item is claimed by one format only."""

from __future__ import annotations

import functools
import gzip
import json
import re
import tarfile
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import SAMPLES
from transforms.article import PAYLOAD_LIMIT, Article, RawItem, Reject, Subject
from transforms.parse import Sample, Settings, fields, formats, parse, recognise
from transforms.parse.formats import json_articles
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


def test_an_article_that_lists_others_is_the_article():
    article = one('{"headline": "Main", "body": "b", "guid": "1", "articles": [{"title": "Related"}]}')
    assert (article.headline, article.position) == ("Main", 0)
    # A feed has a title too, but no copy.
    feed = items('{"title": "All our news", "items": [{"title": "a"}, {"title": "b"}]}')
    assert [(entry.headline, entry.position) for entry in feed] == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("key", ["content", "story"])
@pytest.mark.parametrize(
    ("page", "headings"),
    [({}, ("title", "headline")), ({"totalPages": 1, "title": "All our news"}, ("headline", "headline"))],
)
def test_a_page_of_articles_is_not_one_body(key, page, headings):
    entries = [{headings[0]: "a", "body": "A"}, {headings[1]: "b"}, {"nothing": 1}]
    found = items(json.dumps({key: entries} | page))
    assert [getattr(entry, "headline", None) for entry in found] == ["a", "b", None]
    assert [entry.position for entry in found] == [1, 2, 3]
    assert (found[0].body, found[2].error) == ("A", "no_text")


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ({"headline": "Main", "content": [{"headline": "a", "text": "A"}]}, "A"),
        ({"title": "Main", "content": [{"title": "a", "text": "A"}, {"title": "b", "text": "B"}]}, "A\n\nB"),
        ({"title": "Main", "body": "x", "content": [{"headline": "a", "body": "A"}]}, "x"),
        ({"guid": "1", "content": [{"type": "p", "text": "A"}, {"type": "p", "text": "B"}]}, "A\n\nB"),
    ],
)
def test_the_parts_of_a_body_are_not_articles(data, body):
    article = one(json.dumps(data))
    assert (article.position, article.body) == (0, body)


def test_elasticsearch_hits_are_unwrapped():
    hit = {"_id": "7", "_source": {"headline": "Ferry", "body": "b", "guid": "1"}}
    assert one(json.dumps({"hits": {"hits": [hit]}})).guid == "1"
    assert [entry.headline for entry in items((json.dumps(hit) + "\n") * 2)] == ["Ferry", "Ferry"]


@pytest.mark.parametrize("write", ["[{}, {}, {}]", "{}\n{}\n{}\n"])
@pytest.mark.parametrize("depth", [30, 900])
def test_an_entry_nested_deep_takes_none_with_it(write, depth):
    deep = '{"title": ' + '{"name": ' * depth + '"x"' + "}" * depth + "}"
    found = items(re.sub(r"\{\}", "%s", write) % ('{"title": "a"}', deep, '{"title": "c"}'))
    assert [entry.position for entry in found] == [1, 2, 3]
    assert [getattr(entry, "headline", "") for entry in found] == ["a", "", "c"]
    assert found[1].error == "no_text"
    assert found[1].payload == deep.encode()


def test_what_an_entry_raises_stays_with_the_entry(monkeypatch):
    def article_of(data, item, settings):
        if data["title"] == "b":
            raise RecursionError("too deep")
        return Article(item.uri, headline=data["title"])

    monkeypatch.setattr(json_articles, "article_of", article_of)
    found = items('[{"title": "a"}, {"title": "b"}, {"title": "c"}]')
    assert [(type(entry), entry.position) for entry in found] == [(Article, 1), (Reject, 2), (Article, 3)]
    assert found[1].message.endswith("entry 2: RecursionError: too deep")
    assert rejected('{"title": "b"}').error == "unexpected"


BAD_LINES = (
    b'{"title": "a"}\n'
    b'{"title": "nul \0 x"}\n'
    b"\n"
    b'{"title": "caf\xe9"}\r\n'
    b'{"title": "d",\r"guid": "4"}\n'
    b'{"title": "\xe6\xb8\xa1"}'
)


@pytest.mark.parametrize(("line", "first"), [(0, 1), (1, 1), (500, 500)])
def test_a_bad_line_concerns_that_line_only(line, first):
    found = list(parse(RawItem("x", BAD_LINES, 0, line)))
    assert [entry.position - first for entry in found] == [0, 1, 3, 4, 5]
    assert [getattr(entry, "headline", None) for entry in found] == ["a", None, "café", "d", "渡"]
    assert [getattr(entry, "flags", None) for entry in found] == [(), None, ("charset_guessed",), (), ()]
    assert (found[1].error, found[1].payload) == ("binary", b'{"title": "nul \0 x"}')
    assert found[3].guid == "4"


def test_json_lines_in_utf16():
    found = items('{"title": "Élan"}\n{"title": "b"}\n'.encode("utf-16"))
    assert [(entry.headline, entry.position) for entry in found] == [("Élan", 1), ("b", 2)]
    assert json.loads(found[0].payload) == {"title": "Élan"}


def test_json_lines_with_a_byte_order_mark():
    assert [entry.headline for entry in items('\ufeff{"title": "a"}\n{"title": "b"}\n')] == ["a", "b"]


@pytest.mark.parametrize(
    "data",
    [
        'le": "a"}\n{"title": "b"}\n{"title": "c"}\n',
        '{"title": "a", "bo\n{"title": "b"}\n{"title": "c"}\n',
        ' {"title": "a", "bo\n {"title": "b"}\n\t{"title": "c"}\n',
        '{"title": NaN}\n{"title": "b"}\n{"title": "c"}\n',
    ],
)
def test_a_torn_first_line_is_one_reject(data):
    found = items(data)
    assert [getattr(entry, "headline", None) for entry in found] == [None, "b", "c"]
    assert (found[0].error, found[0].payload) == ("json", data.split("\n")[0].encode())


@pytest.mark.parametrize("lines", ['{"title": "a", "bo\n{"title": "b"}', '{"title": "a"}\n{"title": "b", "bo'])
def test_one_torn_line_of_two(lines):
    assert sorted(type(entry).__name__ for entry in items(lines)) == ["Article", "Reject"]


@pytest.mark.parametrize(
    "lines",
    [
        '{"title": "a"}\n{"title": "b", "bo\n{"title": "c", "bo',
        '{"title": "a"}\n\n{"title": "b", "bo\ndy": "x"}\n{"title": "c", "bo\n',
    ],
)
def test_torn_lines_give_the_same_whole_and_as_a_stretch(lines):
    found = items(lines)
    assert [type(entry) for entry in found] == [Article, *[Reject] * (len(found) - 1)]
    assert len(found) == sum(map(bool, lines.split("\n")))
    assert found == list(parse(RawItem("wire/x.txt", lines.encode(), 0, 1)))


@pytest.mark.parametrize(
    "data",
    [
        '[\n{"title": "a"},\n{"title": "b"},\n{"title": "c"}\n',
        '[\n{"title": "a"}\n{"title": "b"}\n{"title": "c"}\n',
        '{"data": [\n{"title": "a"},\n{"title": "b"}\n',
        '{"data": [\n{"title": "a"}\n',
        '{\n"title": "a",\n"subjects": [\n{"code": "1"},\n{"code": "2"}\n',
        json.dumps({"title": "a", "body": "b", "subjects": [{"code": "1"}]}, indent=2)[:-4],
        '{"title": "x"}\n\nA ferry.',
        '{"title": "x"}\n\n{{< figure >}} A ferry.\n\nMore.',
    ],
)
def test_a_broken_document_is_one_reject(data):
    reject = rejected(data)
    assert (reject.error, reject.position, reject.payload) == ("json", 0, data.encode())


@pytest.mark.parametrize("blank", [False, True, None, "", " \n", [], {}, [" ", None], {"name": " "}])
def test_what_holds_no_text_never_wins(blank):
    first = ("guid", "headline", "keywords", "language", "subjects", "body_html", "body", "pub_status")
    full = {
        "id": "7", "title": "X", "tags": ["t"], "lang": "en", "subject": "medtop:1", "text": "y",
        "status": "withheld",
    }  # fmt: skip
    article = one(json.dumps(dict.fromkeys(first, blank) | full))
    assert (article.guid, article.headline, article.body, article.body_type) == ("7", "X", "y", "text")
    assert (article.keywords, article.language_declared, article.pub_status) == (("t",), "en", "withheld")
    assert article.subjects == (Subject("medtop", "1", ""),)


@pytest.mark.parametrize("blank", [False, None, " ", []])
def test_a_blank_time_never_wins(blank):
    article = one(
        json.dumps(
            {"title": "x", "published": blank, "version-created": blank}
            | {"date": "2026-03-09", "versionCreated": "2026-03-10"}
        )
    )
    assert (article.published.time, article.version_created.time) == (micros(2026, 3, 9), micros(2026, 3, 10))
    assert article.flags == ()


def test_html_bodies_are_told_from_text():
    assert one('{"title": "a", "body_html": "<p>x</p>"}').body_type == "html"
    assert one('{"title": "a", "content": {"rendered": "<p class=\\"x\\">x</p>"}}').body_type == "html"
    assert one('{"title": "a", "body": "profits < losses > 3, and b<c"}').body_type == "text"


def test_yaml_no_is_norwegian():
    assert one("---\ntitle: x\nlang: no\n---\ny").language_declared == "no"


def test_yaml_values_are_what_stands_there():
    article = one(
        "---\ntitle: x\nid: 010\nversion: 1.10\nslugline: 1_0\ngenre: ~\nbyline: null\ncredit: 'null'\n---\ny"
    )
    assert (article.guid, article.stated_version, article.slugline) == ("010", "1.10", "1_0")
    assert (article.genre, article.byline, article.credit) == ("", "", "null")
    assert one("---\ntitle: on\nid: 0x" + "f" * 9000 + "\n---\ny").headline == "on"


@pytest.mark.parametrize(
    ("date", "expected", "precision"),
    [
        ("2026-03-09", (2026, 3, 9), "day"),
        ("20260309", (2026, 3, 9), "day"),
        ("2026-03-09 23:25:27", (2026, 3, 9, 23, 25, 27), "second"),
        ("2026-03-09t23:25:27.0-05:00", (2026, 3, 10, 4, 25, 27), "second"),
        ("2026-03-09 23:25:27.0 -5", (2026, 3, 10, 4, 25, 27), "second"),
        ("1773098727", (2026, 3, 9, 23, 25, 27), "second"),
        ("1773098727.0", (2026, 3, 9, 23, 25, 27), "second"),
    ],
)
def test_yaml_dates(date, expected, precision):
    published = one(f"---\ntitle: x\ndate: {date}\n---\ny").published
    assert (published.time, published.precision) == (micros(*expected), precision)


@pytest.mark.parametrize("char", ["\x07", "\x0b", "\x1f", "\x7f", "\x80", "\x85", "\x9f", "\u2028", "\ufffe", "\uffff"])
@pytest.mark.parametrize("quote", ['"', "'", ""])
def test_a_yaml_header_keeps_characters_that_yaml_refuses(char, quote):
    article = one(
        f"---\ntitle: {quote}Itâ{char}s a ferry{quote}\ndate: 2026-03-09\ntags: [a{char}b, c]\n---\nbody{char}x"
    )
    assert article.headline == f"Itâ{char}s a ferry"
    assert article.keywords == (f"a{char}b", "c")
    assert article.published.time == micros(2026, 3, 9)


def test_characters_that_yaml_refuses_are_not_mixed_up_with_private_ones():
    assert one("---\ntitle: a\U000f0007b\n---\ny").headline == "a\U000f0007b"
    assert rejected("---\ntitle: a\U000f0007b\x07\n---\ny").error == "yaml"


@pytest.mark.parametrize(
    ("data", "body"),
    [
        ("---\ntitle: a\n...\nbody --- x", "body --- x"),
        ('{\n"title": "a"\n} \t\n\nbody', "body"),
        ('{\n"title": "a"\n}\n\n{{< figure >}} body', "{{< figure >}} body"),
        ('{\n"title": "a"\n}\n{% include x %}', "{% include x %}"),
        ('{\n"title": "a"\n}\n[![map](a.png)](https://news.example/b)', "[![map](a.png)](https://news.example/b)"),
        ('{\n"title": "a",\n"subjects": [\n{\n"code": "1"\n}\n]\n}\nbody', "body"),
        ('+++\ntitle = "a"\n+++\nbody', "body"),
    ],
)
def test_how_front_matter_ends(data, body):
    article = one(data)
    assert (article.source_format, article.headline, article.body) == ("front_matter", "a", body)


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
@pytest.mark.parametrize("end", ["", "\n", " \n\n"])
def test_json_of_any_indent_is_json(indent, end):
    for value in (
        {"data": [{"title": "a", "subjects": [{"code": "1"}]}, {"title": "b"}]},
        {"title": "a", "places": []},
    ):
        found = items(json.dumps(value, indent=indent) + end)
        assert [entry.source_format for entry in found] == ["json"] * len(value.get("data", [0]))


def test_a_date_in_the_file_name_counts_where_nothing_else_does():
    assert one("---\ntitle: x\n---\ny", "in/2026-03-09-slug.md").date_line.time == micros(2026, 3, 9)


@pytest.mark.parametrize("date", ["", "date: 2026-03-09\n"])
def test_a_bad_date_in_the_file_name_is_flagged(date):
    article = one(f"---\ntitle: x\n{date}---\ny", "in/2026-02-30-x.md")
    assert article.flags == ("invalid_date_line",)
    assert article.date_line is None
    assert (article.published is not None) == bool(date)


@pytest.mark.parametrize(
    ("data", "error", "told"),
    [
        (b"", "empty", "empty"),
        (b" \n\t\n", "empty", "empty"),
        (bytes(range(256)) * 3, "binary", "not text"),
        (b" date 2026-03-09 x\n" + bytes(range(1, 32)) * 9, "binary", "control characters"),
        ("just a line of text", "unknown_format", "known: anpa1312, dated_text"),
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
        ("+++\n" + "a." * 32_000 + "k = 1\n+++\nbody", "toml", "dots"),
        ('+++\nx = {b = 1, "a"' + " . a" * 30 + " = 1}\n+++\nbody", "toml", "dots"),
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


def test_a_kill_needs_no_text_but_says_of_what():
    for key, value in (("guid", "1"), ("url", "https://news.example/1")):
        kill = one(json.dumps({key: value, "provider": "p", "pubStatus": "canceled", "edNote": "Kill"}))
        assert (kill.pub_status, kill.headline, kill.ed_note) == ("canceled", "", "Kill")
    assert rejected('{"provider": "p", "pubStatus": "canceled", "edNote": "Kill"}').error == "no_text"
    assert one('{"guid": "1", "pubStatus": "withheld"}').pub_status == "withheld"
    assert rejected('{"guid": "1", "pubStatus": "embargoed"}').error == "no_text"


NESTED = functools.reduce(lambda inner, _: [inner], range(900), "x")


ODD = [NESTED, {"name": NESTED}, 10**5000, float("nan"), float("inf"), [{}], [[], None], True,
       time.struct_time(range(9)), datetime(1, 1, 1, tzinfo=UTC)]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=range(len(ODD)))
def test_no_header_value_raises(value):
    item = RawItem("2026-03-09-x.md", b"", 0)
    tables = (fields.TEXTS, fields.TIMES, fields.LISTS, fields.NUMBERS)
    names = [keys[0] for table in tables for keys in table.values()]
    names += [keys[0] for keys in (fields.HTML_BODIES, fields.BODIES, fields.STATUS, fields.LANGUAGE, fields.SUBJECTS)]
    for name in names:
        article = fields.article_of({"title": "x", "body": "y", name: value}, item, Settings())
        assert isinstance(article, Article)


@pytest.mark.parametrize(
    ("data", "headline", "flags"),
    [
        ('{"title": "Élan"}'.encode(), "Élan", ()),
        ("\ufeff" + '{"title": "Élan"}', "Élan", ()),
        ('{"title": "Élan"}'.encode("utf-16"), "Élan", ()),
        ('\ufeff{"title": "'.encode() + b'caf\xe9"}', "café", ("charset_guessed",)),
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
        ("Mon, 9 Mar 2026 23:25 CET", (2026, 3, 9, 22, 25, 0), "second", False),
        ("Mon 9 Mar 2026 3:17 PM", (2026, 3, 9, 14, 17, 0), "second", True),
        ("9 March 2026 12:05 a.m. UTC", (2026, 3, 9, 0, 5, 0), "second", False),
        ("March 9, 2026", (2026, 3, 8, 23, 0, 0), "day", True),
        ("Mon Mar  9 10:00:00 EDT 2026", (2026, 3, 9, 14, 0, 0), "second", False),
        ("Mon Mar 09 2026 10:00:00 GMT+0130 (Somewhere)", (2026, 3, 9, 8, 30, 0), "second", False),
        ("2026-03-09T10:00:00 BST", (2026, 3, 9, 9, 0, 0), "second", False),
        (20260309, (2026, 3, 8, 23, 0, 0), "day", True),
        ("202603091730", (2026, 3, 9, 16, 30, 0), "second", True),
        (20260309173001, (2026, 3, 9, 16, 30, 1), "second", True),
        ("1773098727", (2026, 3, 9, 23, 25, 27), "second", False),
        (1773098727000, (2026, 3, 9, 23, 25, 27), "second", False),
    ],
)
def test_times_as_wires_write_them(text, expected, precision, assumed):
    stated = parse_time(text, ZoneInfo("Europe/Paris"))
    assert (iso(stated.time), stated.precision, stated.zone_assumed) == (iso(micros(*expected)), precision, assumed)


@pytest.mark.parametrize("value", ["2026-02-30", "yesterday", "2026-13-01", "", "9999-01-01", "0001-01-01", True, [],
                                   10**30, -(10**30), "2026-03-09T25:00", 0, 1.5, 631151999, "000000000", -1, 20260230,
                                   "202603092460", 10**400, float("nan"), "Mon 9 Mar 2026 3:17 XM", "9 Mar 2026 CET",
                                   "Mon, 09 Mar 2026 10:00 IST", "9 Mar 2026 10 Mar 2026", "Mar 9 26 10:00",
                                   "9 Mar 2026 15:17 PM", "9 Mar 2026 10:00 +9999", "2026-03-09 UTC",
                                   "09/03/2026 10:00", "2026-03-09T10:00+01:00 CET", "31 Feb 2026 10:00", "9 Mar 10:00",
                                   "2026-W10", "2026W10", "2026-W10-1", "2026W101T10:00Z", "2026-W10-1T10:00 UTC",
                                   "2026 T" * 50_000])  # fmt: skip
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
        BAD_LINES,
        b'le": "a"}\n{"title": "b"}\n',
        DATED.replace("\n\n", '\n{"title": "b"}\n').encode(),
        b'---\n{"title": "b"}\n---\n{"title": "b"}\n',
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
        "+++\n" + "a." * 32_000 + "k=1\n+++\nb",
        "+++\n[" + '"".' * 20_000 + "k]\n+++\nb",
        " date 2026-03-09 x\n" + "\x01x" * 10_000_000,
        "x" * 60_000 + '\n{"' + "a" * 1_000_000,
    ):
        assert items(data)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("yes", ["true", "false"])
def test_published_may_be_a_switch(yes):
    article = one(f"---\ntitle: x\npublished: {yes}\ndate: 2026-03-09\n---\ny")
    assert article.published.time == micros(2026, 3, 9)
    assert article.flags == ()
    assert one(f'{{"title": "x", "published": {yes}, "date": "2026-03-09"}}').published.time == micros(2026, 3, 9)


def test_no_field_holds_a_nul():
    article = one(
        '{"guid": "a\\u0000b", "provider": "p\\u0000", "url": "https://news.example/\\u0000x", "title": "T\\u0000",'
        ' "keywords": ["k\\u0000"], "subjects": [{"scheme": "s\\u0000", "code": "1\\u0000", "name": "n\\u0000"}]}'
    )
    assert (article.guid, article.provider, article.subjects) == ("ab", "p", (Subject("s", "1", "n"),))
    texts = (article.headline, article.source_url, *article.keywords, *article.subjects[0])
    assert not any("\0" in text for text in texts)


def test_a_body_that_no_row_holds_is_refused_before_it_is_cleaned():
    reject = rejected(DATED + "x" * 1_000_001)
    assert (reject.error, reject.payload_size) == ("too_large", len(DATED) + 1_000_001)
    assert one(DATED + "x" * 900_000).body


def test_a_word_that_is_a_truth_value_elsewhere_is_a_headline():
    assert one('{"headline": "False", "body": "x"}').headline == "False"
