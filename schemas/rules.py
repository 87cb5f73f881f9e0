"""The linter of the schemas: what keeps them loading everywhere, and every released file readable with the newest one.

In: schemas as plain JSON, never files. Out: breaches, each with the schema, the field, the rule that it breaks, why the
rule is there and what to do instead. There are two sets of rules. CONSTRUCTS says what a schema may hold: what
DuckDB 1.5, ClickHouse 26.9, Spark 4.3, Hive's AvroSerDe, Polars 2.1, DataFusion 55 and Apache avro 1.12 were seen to
read alike, and what BigQuery, Snowflake, Redshift and Trino document. EVOLUTION says what may change between two
releases of a major version: nullable fields are appended, and nothing else, because a warehouse loads files of both
releases into one table and everything else came out wrong, without a word, in at least one engine.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Schema = dict[str, Any]

# MySQL HeatWave documents that headers must be less than 1 MB; the schema is nearly all of one.
HEADER_BYTES = 1_000_000
# What the newest schemas may hold beside arrays, records and timestamp-micros.
SIMPLE = ("string", "long", "double", "boolean")

_VERSION = re.compile(r"([a-z][a-z0-9_]*)\.v([1-9][0-9]*)")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*")
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
# Shorter ones only repeat the name.
_DOC_CHARACTERS = 10
# The promotions of Avro's specification: a plain compatibility check lets them pass.
_PROMOTIONS = {
    ("int", "long"), ("int", "float"), ("int", "double"), ("long", "float"), ("long", "double"), ("float", "double"),
    ("string", "bytes"), ("bytes", "string"),
}  # fmt: skip


class Rule(NamedTuple):
    """A rule of the linter, in words for the one who broke it."""

    name: str
    forbids: str
    why: str
    """What breaks, and in which engine."""
    instead: str
    """What to do; `{next}` stands for the next major version."""


class Breach(NamedTuple):
    """A place where a schema breaks a rule."""

    schema: str
    """`articles.v1`."""
    field: str
    """`subjects.code` for a field of a nested record; empty for the schema as a whole."""
    rule: Rule
    found: str
    """What stands there."""

    @property
    def instead(self) -> str:
        """What to do, naming the next major version."""
        name, major = split_version(self.schema)
        return self.rule.instead.format(next=f"make {name}.v{major + 1} in a new path")

    def __str__(self) -> str:
        place = f"{self.schema}, field {self.field}" if self.field else self.schema
        return f"{place}: {self.found} [rule {self.rule.name}]. Why: {self.rule.why}. Instead: {self.instead}."


ENUM = Rule(
    "enum",
    "an enum",
    "Polars panics on a nullable or nested one, Hive can't read it into declared columns, Sail fails",
    "take a string and list its values in the doc",
)
MAP = Rule(
    "map",
    "a map",
    "Polars panics, other engines make lists of it",
    "take an array of records, or a string named *_json",
)
NAMED_TWICE = Rule(
    "named_twice",
    "a named type used in two places",
    "Polars, DataFusion and Sail fail, jetliner silently gives JSON; registries keep one of the two",
    "write the type out where it is used, under a name of its own",
)
RECURSION = Rule(
    "recursion",
    "a type that holds itself",
    "most engines have no such column",
    "hold the id of the other, not the other",
)
DEFAULT = Rule(
    "default",
    "a default other than null, or a nullable field without default null",
    "Polars fails with OutOfSpec on other defaults; without one no older file can be read with the schema",
    'give a nullable field "default": null and other fields none',
)
UNION = Rule(
    "union",
    "a union other than null and one type, in that order",
    "most engines have no column of two types",
    'write ["null", T], or a field for each type',
)
NULLABLE_ARRAY = Rule(
    "nullable_array",
    "an array that may be null",
    "ClickHouse reads null as an empty array",
    "take an array that is empty where there is nothing; in a schema that has been released, a nullable string "
    "named *_json",
)
LOGICAL_TYPE = Rule(
    "logical_type",
    "a logical type other than timestamp-micros on a long",
    "uuid, decimal, time-*, local-timestamp-* and the rest are wrong or binary in one engine or another",
    "take a string: ISO 8601 for dates and times, digits for decimals; or timestamp-micros with its text beside it",
)
NARROW_NUMBER = Rule(
    "narrow_number",
    "int or float",
    "they can't be widened later: ClickHouse then reads 2^40 as 0, DuckDB reads 0.1 as 0",
    "take long or double",
)
BINARY = Rule(
    "binary",
    "bytes or fixed",
    "DuckDB makes text with escapes of them, Polars binary",
    "take a string: hex for hashes, base64 for the rest",
)
ARRAY_ITEMS = Rule(
    "array_items",
    "array items other than string, long or a record",
    "BigQuery takes no arrays of arrays, and nothing else in an array was seen to load alike everywhere",
    "take strings, longs, or a record with one field",
)
NESTING = Rule(
    "nesting",
    "an array or record inside of a nested record",
    "deeper nesting was not seen to load alike everywhere, and warehouses can't add to it",
    "make it a top-level field, or a string named *_json",
)
NESTED_TIME = Rule(
    "nested_time",
    "a timestamp in a nested record",
    "Hive, Athena and Trino misread it, and nested columns can't be mended in a load",
    "take a string of ISO 8601 UTC, or a long of microseconds",
)
TIME_AS_TEXT = Rule(
    "time_as_text",
    "a timestamp without its text beside it",
    "Hive, Athena and Trino read timestamp-micros as the year 57080, Snowflake guesses the unit",
    "add NAME_utc, a string (nullable if the time is) of ISO 8601 UTC",
)
NAME = Rule(
    "name",
    "a field not in lower snake case, or a type not in CamelCase",
    "Hive and Redshift fold case, quoted names leak into every query",
    "name fields like event_time and types like ArticleSubject",
)
CASE = Rule(
    "case",
    "names that differ by case alone",
    "DuckDB, Spark and Hive take them for one",
    "choose another name",
)
FOLDER_KEY = Rule(
    "folder_key",
    "a field named as_of",
    "it is the folder's key, and BigQuery refuses a column of that name",
    "take as_of_day, or another name",
)
DOC = Rule(
    "doc",
    "a schema or field without a doc",
    "the doc is all that a reader of the file has, and the reference page",
    "say what it holds, with unit and values, in a sentence",
)
NAMESPACE = Rule(
    "namespace",
    "a namespace other than storywire.vMAJOR of the file's name",
    "readers tell major versions apart by it, and two types of one full name clash",
    "set it on the schema, after the file's name, and on no type inside",
)
ALIASES = Rule(
    "aliases",
    "aliases",
    "engines match by name and know no aliases: ClickHouse then reads 0, Polars null",
    "keep the old name, or {next}",
)
HEADER = Rule(
    "header",
    f"a schema of more than {HEADER_BYTES:,} bytes",
    "readers limit a file's header, MySQL HeatWave to 1 MB",
    "shorten the docs",
)

CONSTRUCTS = (
    ENUM, MAP, NAMED_TWICE, RECURSION, DEFAULT, UNION, NULLABLE_ARRAY, LOGICAL_TYPE, NARROW_NUMBER, BINARY, ARRAY_ITEMS,
    NESTING, NESTED_TIME, TIME_AS_TEXT, NAME, CASE, FOLDER_KEY, DOC, NAMESPACE, ALIASES, HEADER,
)  # fmt: skip

REMOVED = Rule(
    "removed",
    "a field taken away",
    "DuckDB refuses files of both releases together, Spark and Polars make the column null without a word",
    "keep the field and write it empty, or {next}",
)
RENAMED = Rule(
    "renamed",
    "a field renamed",
    "ClickHouse reads the values of older files as 0, Spark and Polars as null; DuckDB refuses both together",
    "keep the name and say in its doc what it means now, or {next}",
)
MOVED = Rule(
    "moved",
    "fields in another order",
    "an INSERT of SELECT * matches by position and puts the values into the wrong columns",
    "keep the order of the released schema",
)
INSERTED = Rule(
    "inserted",
    "a field added before released ones",
    "an INSERT of SELECT * matches by position and puts the values into the wrong columns",
    "append it behind the last field",
)
REQUIRED = Rule(
    "required",
    "a field added that can't be null",
    "older files don't have it: Spark can't read them with the new schema, ClickHouse reads 0 or an empty text",
    'make it ["null", T] with default null; for a list a nullable string named *_json, or {next}',
)
NESTED = Rule(
    "nested",
    "a field of a nested record added, removed, renamed or moved",
    "ClickHouse, Spark and Polars fail on files of both releases together, DuckDB drops the new field without a word",
    "append a nullable top-level field, or {next}",
)
PROMOTED = Rule(
    "promoted",
    "a type promoted, as Avro's specification allows",
    "ClickHouse reads 2^40 as 0 where int became long, DuckDB 0.1 as 0 where int became double; Spark fails",
    "append a nullable field of the wider type beside it, or {next}",
)
TYPE_CHANGED = Rule(
    "type_changed",
    "a type changed",
    "DuckDB, Spark and Polars fail on files of both releases together, or turn the values to text",
    "append a nullable field of the new type beside it, or {next}",
)
NULLABILITY = Rule(
    "nullability",
    "a field that may be null now, or may not any more",
    "a column that is NOT NULL refuses the rows, and ClickHouse reads null as 0",
    "append a nullable field beside it, or {next}",
)
LOGICAL_TYPE_CHANGED = Rule(
    "logical_type_changed",
    "a logical type added, removed or changed",
    "no compatibility check sees it: where micros became millis, Spark reads 2 seconds as 33 minutes; DuckDB fails",
    "append a nullable field (and its text) beside it, or {next}",
)
DEFAULT_CHANGED = Rule(
    "default_changed",
    "a default changed",
    "the same file then reads differently with the two schemas",
    "keep the default of the released schema",
)
ENUM_CHANGED = Rule(
    "enum_changed",
    "the symbols of an enum changed",
    "DuckDB fails on files of both releases together",
    "keep the symbols and append a nullable string beside it, or {next}",
)
TYPE_RENAMED = Rule(
    "type_renamed",
    "a record or namespace renamed",
    "readers that resolve schemas by full name refuse the file, as Apache's own do",
    "keep the name of the released schema, or {next}",
)
ATTRIBUTE = Rule(
    "attribute",
    "any other attribute than doc changed",
    "some engine acts on it, or will",
    "keep it as released, or {next}",
)

EVOLUTION = (
    REMOVED, RENAMED, MOVED, INSERTED, REQUIRED, NESTED, PROMOTED, TYPE_CHANGED, NULLABILITY, LOGICAL_TYPE_CHANGED,
    DEFAULT_CHANGED, ENUM_CHANGED, TYPE_RENAMED, ATTRIBUTE,
)  # fmt: skip


class _Found(NamedTuple):
    field: str
    rule: Rule
    found: str


def split_version(version: str) -> tuple[str, int]:
    """`articles.v1` as (`articles`, 1). Raises ValueError for what is no name of a schema."""
    matched = _VERSION.fullmatch(version)
    if matched is None:
        raise ValueError(f"{version!r} is no name of a schema; write NAME.vMAJOR, such as articles.v1")
    return matched[1], int(matched[2])


def construct_breaches(schemas: Mapping[str, Schema]) -> list[Breach]:
    """What breaks CONSTRUCTS in `schemas`, all that are in use, by version (`articles.v1`)."""
    breaches = []
    owners: dict[str, str] = {}
    for version, schema in schemas.items():
        breaches += [Breach(version, *found) for found in _constructs(version, schema)]
        for name in sorted(set(_type_names(schema))):
            full = f"{schema.get('namespace')}.{name}"
            if owners.setdefault(full, version) != version:
                breaches.append(Breach(version, "", NAMED_TWICE, f"{full} is a type of {owners[full]} too"))
    return breaches


def evolution_breaches(version: str, released: Schema, newest: Schema) -> list[Breach]:
    """What breaks EVOLUTION between a released schema of `version` (`articles.v1`) and the newest one of it."""
    return [Breach(version, *found) for found in _evolution(_plain(released), _plain(newest))]


def is_nullable(kind: Any) -> bool:
    """True for the union of null and one type."""
    return isinstance(kind, list) and "null" in kind


def without_null(kind: Any) -> Any:
    """The type without its null: T for ["null", T], else the type itself."""
    if not isinstance(kind, list):
        return kind
    others = [part for part in kind if part != "null"]
    return others[0] if len(others) == 1 else others


def is_time(kind: Any) -> bool:
    """True for timestamp-micros, nullable or not."""
    inner = without_null(kind)
    return isinstance(inner, dict) and (inner["type"], inner.get("logicalType")) == ("long", "timestamp-micros")


# ---- constructs


def _constructs(version: str, schema: Schema) -> Iterator[_Found]:
    _, major = split_version(version)
    if schema.get("namespace") != f"storywire.v{major}":
        yield _Found("", NAMESPACE, f"the namespace is {schema.get('namespace')!r}, not 'storywire.v{major}'")
    size = len(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode())
    if size > HEADER_BYTES:
        yield _Found("", HEADER, f"the schema takes {size:,} bytes")
    if len(schema.get("doc", "").strip()) < _DOC_CHARACTERS:
        yield _Found("", DOC, "the schema has no doc")
    for name, count in Counter(_type_names(schema)).items():
        if count > 1:
            yield _Found("", NAMED_TWICE, f"{name} is defined {count} times")
    fields = {field["name"]: field["type"] for field in schema["fields"]}
    if "as_of" in fields:
        yield _Found("as_of", FOLDER_KEY, "a field has the folder's name")
    for name, kind in fields.items():
        text = ["null", "string"] if is_nullable(kind) else "string"
        if is_time(kind) and fields.get(f"{name}_utc") != text:
            yield _Found(name, TIME_AS_TEXT, f"no field {name}_utc of type {json.dumps(text)}")
    yield from _record("", schema, frozenset())


def _record(at: str, record: Schema, outer: frozenset[str]) -> Iterator[_Found]:
    """`at` is the path of the field that holds the record, empty for the schema; `outer` the types around it."""
    yield from _named(at, record, _TYPE_NAME)
    if at and "namespace" in record:
        yield _Found(at, NAMESPACE, f"the type {record['name']} has a namespace of its own")
    folded: dict[str, str] = {}
    for field in record["fields"]:
        name = field["name"]
        path = f"{at}.{name}" if at else name
        yield from _named(path, field, _FIELD_NAME)
        other = folded.setdefault(name.lower(), name)
        if other != name:
            yield _Found(path, CASE, f"{other} and {name} differ by case alone")
        if len(field.get("doc", "").strip()) < _DOC_CHARACTERS:
            yield _Found(path, DOC, "the field has no doc")
        if is_nullable(field["type"]) != ("default" in field) or field.get("default") is not None:
            stated = f"the default {json.dumps(field['default'])}" if "default" in field else "no default"
            yield _Found(path, DEFAULT, f"{stated} with the type {_words(field['type'])}")
        yield from _type(path, field["type"], outer | {record["name"]}, nested=bool(at))


def _named(at: str, thing: Schema, allowed: re.Pattern[str]) -> Iterator[_Found]:
    """The rules for what has a name: records, enums, fixed, fields."""
    if not allowed.fullmatch(thing["name"]):
        yield _Found(at, NAME, f"the name {thing['name']!r}")
    if "aliases" in thing:
        yield _Found(at, ALIASES, f"{thing['name']} has the aliases {thing['aliases']}")


def _type(at: str, kind: Any, outer: frozenset[str], nested: bool) -> Iterator[_Found]:
    """`nested`: inside of a record that is a field's type or an array's items."""
    if isinstance(kind, list):
        if len(kind) != 2 or kind[0] != "null" or kind[1] == "null":
            yield _Found(at, UNION, f"the union {_words(kind)}")
            return
        if isinstance(kind[1], dict) and kind[1]["type"] == "array":
            yield _Found(at, NULLABLE_ARRAY, "a nullable array")
        yield from _type(at, kind[1], outer, nested)
    elif isinstance(kind, str):
        yield from _simple(at, kind, outer)
    elif kind["type"] == "array":
        if nested:
            yield _Found(at, NESTING, "an array in a nested record")
        yield from _items(at, kind["items"], outer)
    elif kind["type"] == "record":
        if nested:
            yield _Found(at, NESTING, "a record in a nested record")
        yield from _record(at, kind, outer)
    elif kind["type"] in ("enum", "map"):
        yield _Found(at, ENUM if kind["type"] == "enum" else MAP, f"a field of the type {_words(kind)}")
    elif "logicalType" in kind:
        if not is_time(kind):
            yield _Found(at, LOGICAL_TYPE, f"the logical type {kind['logicalType']} on {_words(kind['type'])}")
        elif nested:
            yield _Found(at, NESTED_TIME, "a timestamp in a nested record")
    else:
        yield from _type(at, kind["type"], outer, nested)


def _simple(at: str, kind: str, outer: frozenset[str]) -> Iterator[_Found]:
    name = kind.rsplit(".", 1)[-1]
    if kind in ("int", "float"):
        yield _Found(at, NARROW_NUMBER, f"a field of the type {kind}")
    elif kind in ("bytes", "fixed"):
        yield _Found(at, BINARY, f"a field of the type {kind}")
    elif kind == "null":
        yield _Found(at, UNION, "a field that can only be null")
    elif name in outer:
        yield _Found(at, RECURSION, f"{name} inside of {name}")
    elif kind not in SIMPLE:
        yield _Found(at, NAMED_TWICE, f"the type {name} by its name")


def _items(at: str, items: Any, outer: frozenset[str]) -> Iterator[_Found]:
    if items in ("double", "boolean") or is_nullable(items) or is_time(items) or _kind(items) == "array":
        yield _Found(at, ARRAY_ITEMS, f"an array of {_words(items)}")
    else:
        # A record among the items is the first level of nesting, which is allowed.
        yield from _type(at, items, outer, nested=False)


def _type_names(kind: Any) -> Iterator[str]:
    """The names of all types that are defined in a type."""
    if isinstance(kind, list):
        for part in kind:
            yield from _type_names(part)
    elif isinstance(kind, dict):
        if kind["type"] in ("record", "enum", "fixed"):
            yield kind["name"]
        for field in kind.get("fields", []):
            yield from _type_names(field["type"])
        for inner in ("items", "values"):
            yield from _type_names(kind.get(inner))
        if not isinstance(kind["type"], str):
            yield from _type_names(kind["type"])


# ---- evolution


def _evolution(old: Schema, new: Schema) -> Iterator[_Found]:
    for attribute in ("name", "namespace"):
        if old.get(attribute) != new.get(attribute):
            yield _Found("", TYPE_RENAMED, f"{attribute} {old.get(attribute)} became {new.get(attribute)}")
    yield from _attributes("", old, new, {"name", "namespace", "fields"})
    before, after = _fields(old), _fields(new)
    renamed = dict(_renamings(old["fields"], new["fields"]))
    for name in before:
        if name in renamed:
            yield _Found(name, RENAMED, f"{name} became {renamed[name]}")
        elif name not in after:
            yield _Found(name, REMOVED, f"{name} is gone")
    stayed = [name for name in before if name in after]
    for expected, name in zip(stayed, [name for name in after if name in before], strict=True):
        if expected != name:
            yield _Found(name, MOVED, f"{name} stands where {expected} stood")
            break
    rest = set(stayed) | set(renamed.values())
    for name, field in after.items():
        if name in rest:
            rest.remove(name)
            if name in before:
                yield from _field(name, before[name], field)
            continue
        if rest:
            yield _Found(name, INSERTED, f"{name} stands before {next(one for one in after if one in rest)}")
        if not is_nullable(field["type"]) or field.get("default", "none") is not None:
            yield _Found(name, REQUIRED, f"{name} has the type {_words(field['type'])} without default null")


def _renamings(old: list[Schema], new: list[Schema]) -> Iterator[tuple[str, str]]:
    """(old name, new name) of fields that have an alias, or that stand where one of the same type is gone."""
    before, after = {field["name"] for field in old}, {field["name"] for field in new}
    for index, field in enumerate(old):
        if field["name"] in after:
            continue
        for place, candidate in enumerate(new):
            same_place = place == index and candidate["type"] == field["type"]
            if candidate["name"] not in before and (same_place or field["name"] in candidate.get("aliases", [])):
                yield field["name"], candidate["name"]
                break


def _field(at: str, old: Schema, new: Schema) -> Iterator[_Found]:
    none = "none"
    if old.get("default", none) != new.get("default", none):
        found = f"the default {json.dumps(old.get('default', none))} became {json.dumps(new.get('default', none))}"
        yield _Found(at, DEFAULT_CHANGED, found)
    yield from _attributes(at, old, new, {"name", "type", "default"})
    yield from _changes(at, old["type"], new["type"])


def _changes(at: str, old: Any, new: Any) -> Iterator[_Found]:
    """What changed between two types, both without docs."""
    if old == new:
        return
    if is_nullable(old) != is_nullable(new):
        yield _Found(at, NULLABILITY, f"{_words(old)} became {_words(new)}")
    old, new = without_null(old), without_null(new)
    kinds = _kind(old), _kind(new)
    if kinds[0] != kinds[1]:
        rule = PROMOTED if kinds in _PROMOTIONS else TYPE_CHANGED
        yield _Found(at, rule, f"{_words(old)} became {_words(new)}")
    elif _logical(old) != _logical(new):
        yield _Found(at, LOGICAL_TYPE_CHANGED, f"{_words(old)} became {_words(new)}")
    elif kinds[0] == "record":
        yield from _record_changes(at, old, new)
    elif kinds[0] == "array":
        yield from _changes(at, old["items"], new["items"])
        yield from _attributes(at, old, new, {"items"})
    elif kinds[0] == "enum" and old["symbols"] != new["symbols"]:
        yield _Found(at, ENUM_CHANGED, f"{old['symbols']} became {new['symbols']}")
    elif old != new:
        rule = TYPE_CHANGED if isinstance(old, list) else ATTRIBUTE
        yield _Found(at, rule, f"{_words(old)} became {_words(new)}")


def _record_changes(at: str, old: Schema, new: Schema) -> Iterator[_Found]:
    if old["name"] != new["name"]:
        yield _Found(at, TYPE_RENAMED, f"the type {old['name']} became {new['name']}")
    before, after = _fields(old), _fields(new)
    if list(before) != list(after):
        yield _Found(at, NESTED, f"the fields {', '.join(before)} became {', '.join(after)}")
    for name in before:
        if name in after:
            yield from _field(f"{at}.{name}", before[name], after[name])
    yield from _attributes(at, old, new, {"name", "fields"})


def _attributes(at: str, old: Schema, new: Schema, compared: set[str]) -> Iterator[_Found]:
    """Attributes other than those that are compared elsewhere."""
    for name in sorted((old.keys() | new.keys()) - compared):
        if old.get(name) != new.get(name):
            yield _Found(at, ATTRIBUTE, f"{name} {json.dumps(old.get(name))} became {json.dumps(new.get(name))}")


# ---- types


def _fields(record: Schema) -> dict[str, Schema]:
    return {field["name"]: field for field in record["fields"]}


def _plain(schema: Any) -> Any:
    """The schema without docs, and {"type": "string"} as "string"."""
    if isinstance(schema, list):
        return [_plain(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {
        # A default is a value, not a schema.
        name: value if name == "default" else _plain(value)
        for name, value in schema.items()
        if name != "doc"
    }
    return plain["type"] if plain.keys() == {"type"} else plain


def _kind(kind: Any) -> str:
    if isinstance(kind, list):
        return "union"
    return str(kind["type"]) if isinstance(kind, dict) else str(kind)


def _logical(kind: Any) -> Any:
    return kind.get("logicalType") if isinstance(kind, dict) else None


def _words(kind: Any) -> str:
    """A type in short: nested records and enums by their name."""
    if isinstance(kind, list):
        return f"[{', '.join(map(_words, kind))}]"
    if not isinstance(kind, dict):
        return str(kind)
    if "name" in kind:
        return f"{_kind(kind)} {kind['name']}"
    if "logicalType" in kind:
        return f"{_words(kind['type'])} ({kind['logicalType']})"
    if kind["type"] in ("array", "map"):
        return f"{kind['type']} of {_words(kind.get('items', kind.get('values')))}"
    return _words(kind["type"])
