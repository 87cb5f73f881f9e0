"""Schemas: fingerprints, the gate against what must not pass, containers against fastavro."""

from __future__ import annotations

import io
import json
import math

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import CODECS, Gate, GateError, RowHash, codec_at_hand, data_set, write_container
from schemas.container import _long

TIMESTAMP = {"type": "long", "logicalType": "timestamp-micros"}


def test_fingerprint_sees_what_canonical_form_drops():
    schema = data_set("articles").schema
    changed = json.loads(json.dumps(schema).replace("timestamp-micros", "timestamp-millis"))
    assert json.dumps(schema, sort_keys=True) != json.dumps(changed, sort_keys=True)
    assert len(data_set("articles").fingerprint) == 64


SCHEMA = {
    "type": "record",
    "name": "R",
    "fields": [
        {"name": "text", "type": "string"},
        {"name": "number", "type": "long"},
        {"name": "share", "type": "double"},
        {"name": "yes", "type": "boolean"},
        {"name": "maybe", "type": ["null", "string"], "default": None},
        {"name": "time", "type": ["null", TIMESTAMP], "default": None},
        {"name": "list", "type": {"type": "array", "items": "string"}},
        {
            "name": "records",
            "type": {
                "type": "array",
                "items": {"type": "record", "name": "I", "fields": [{"name": "code", "type": "string"}]},
            },
        },
    ],
}
GOOD = {
    "text": "é", "number": -(2**63), "share": 0.5, "yes": True, "maybe": None, "time": 2**62, "list": ["a"],
    "records": [{"code": "x"}],
}  # fmt: skip


def test_gate_lets_the_good_record_pass():
    assert Gate(SCHEMA).check(GOOD) is None


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("text", b"bytes", "wants text"),
        ("text", None, "wants text"),
        ("text", "lone \ud800", "lone surrogate"),
        ("number", 5.0, "whole number"),
        ("number", True, "whole number"),
        ("number", 2**63, "64 bits"),
        ("share", 1, "wants a float"),
        ("share", math.nan, "no number"),
        ("share", math.inf, "no number"),
        ("yes", 1, "true or false"),
        ("maybe", 3, "wants text"),
        ("time", "2026-01-01", "whole number"),
        ("list", "xy", "wants a list"),
        ("list", ("a",), "wants a list"),
        ("list", ["a", 1], "item 1"),
        ("records", [{"code": "x", "more": "y"}], "missing or unknown"),
        ("records", [("x",)], "wants a record"),
    ],
)
def test_gate_refuses(field, value, told):
    with pytest.raises(GateError, match=told) as caught:
        Gate(SCHEMA).check({**GOOD, field: value})
    assert f"R.{field}" in str(caught.value)


def test_gate_refuses_missing_and_unknown_fields():
    with pytest.raises(GateError, match="extra, text"):
        Gate(SCHEMA).check({**{k: v for k, v in GOOD.items() if k != "text"}, "extra": 1})


def test_gate_is_not_built_for_what_warehouses_read_differently():
    with pytest.raises(ValueError, match="union"):
        Gate({"name": "R", "fields": [{"name": "x", "type": ["string", "long"]}]})


@given(st.integers(min_value=0, max_value=2**62))
def test_long_as_fastavro_writes_it(value):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, {"type": "long"}, value)
    assert _long(value) == buffer.getvalue()


def story(number: int) -> dict:
    times = {"first_time": number, "first_time_utc": "x", "last_time": number, "last_time_utc": "x"}
    return {
        "story_id": f"{number:032}", "as_of_day": "2026-03-09", "language": "en", "headline": "headline " * 9,
        "key_terms": ["a", "b"], "founder": "f", **times, "articles": 1, "usable_articles": 1, "providers": [],
        "merged_into": None,
    }  # fmt: skip


def encoded(numbers) -> list[bytes]:
    rows = []
    for number in numbers:
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, data_set("stories").part(data_set("stories").field_names()), story(number))
        rows.append(buffer.getvalue())
    return rows


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("count", [0, 1, 5, 2000])
def test_container_is_read_back_by_fastavro(count, codec):
    assert codec_at_hand(codec)
    buffer = io.BytesIO()
    write_container(buffer, data_set("stories"), encoded(range(count)), codec)
    buffer.seek(0)
    reader = fastavro.reader(buffer)
    assert [row["story_id"] for row in reader] == [f"{number:032}" for number in range(count)]
    assert reader.codec == codec
    assert reader.metadata["writer.time.zone"] == "UTC"
    assert reader.metadata["storywire.schema"] == "stories.v1"


def test_a_codec_whose_package_is_missing_is_not_at_hand(monkeypatch):
    monkeypatch.setitem(CODECS, "snappy", CODECS["snappy"]._replace(needs="no_such_package"))
    monkeypatch.setitem(CODECS, "zstandard", CODECS["zstandard"]._replace(needs="no_such_package.inside"))
    assert [name for name in CODECS if codec_at_hand(name)] == ["deflate", "null"]


def test_container_bytes_come_from_the_rows_alone():
    first, second, other = io.BytesIO(), io.BytesIO(), io.BytesIO()
    write_container(first, data_set("stories"), encoded([1, 2]))
    write_container(second, data_set("stories"), encoded([1, 2]))
    write_container(other, data_set("stories"), encoded([2, 1]))
    assert first.getvalue() == second.getvalue() != other.getvalue()


def test_parts_of_a_record_follow_one_another():
    whole = data_set("stories")
    names = whole.field_names()
    parts = b""
    for part in (names[:4], names[4:7], names[7:]):
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, whole.part(part), {name: story(7)[name] for name in part})
        parts += buffer.getvalue()
    assert parts == encoded([7])[0]


@given(st.lists(st.binary(max_size=5), max_size=20), st.randoms(use_true_random=False), st.integers(0, 20))
def test_row_hash_knows_no_order_and_adds_up(rows, random, cut):
    whole, left, right = RowHash(), RowHash(), RowHash()
    for row in rows:
        whole.add(row)
    shuffled = rows[:]
    random.shuffle(shuffled)
    for row in shuffled[:cut]:
        left.add(row)
    for row in shuffled[cut:]:
        right.add(row)
    left.merge(right.hexdigest())
    assert left.hexdigest() == whole.hexdigest()


def test_row_hash_counts_each_copy():
    once, twice = RowHash(), RowHash()
    once.add(b"x")
    twice.add(b"x")
    twice.add(b"x")
    assert once.hexdigest() != twice.hexdigest()
