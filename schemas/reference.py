"""The reference page of the data sets, made from the schemas, so that it can't say anything else than they do.

In: the schemas that runs write now, and the rules of `schemas.rules`. Out: Markdown.
`python -m schemas.reference > docs/schemas.md` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from schemas.registry import DATA_SETS, DataSet, Schema, data_set
from schemas.rules import CONSTRUCTS, EVOLUTION, Rule, is_nullable, is_time, without_null

COMMAND = "python -m schemas.reference > docs/schemas.md"


class Key(NamedTuple):
    """How rows of a data set are told apart: what no schema language has a word for."""

    fields: tuple[str, ...]
    """Empty where rows have no key."""
    words: str


KEYS = {
    "articles": Key(
        ("article_id", "version_key"),
        "One row in a partition. In a later partition a row of the kind `state` says what has changed about it.",
    ),
    "stories": Key(("story_id",), "One row in a partition; of several partitions' rows the newest `as_of` wins."),
    "rejects": Key((), "A partition is taken or replaced as a whole; `uri` and `position` say where to look."),
    "ledger": Key(
        ("kind", "key", "day", "part"),
        "One row in a partition. Only the next run reads it; it is not meant for warehouses.",
    ),
}

_SIMPLE = {"string": "text", "long": "whole number", "double": "number", "boolean": "true or false"}
_PLURAL = {"string": "texts", "long": "whole numbers"}

_HEAD = f"""\
# Data sets, field by field

Made from [the schemas](../schemas/) by `{COMMAND}`; edit those, not this page.

A file names its schema in its metadata: `avro.schema` is the schema itself, docs and namespace included,
`storywire.schema` its name and major version, and `storywire.schema_sha256` its fingerprint, which the run's manifest
has too. `as_of` is the folder's key and in no file.

| in the tables | in Avro |
|---|---|
| text | `string`, UTF-8 |
| whole number | `long`, 64 bits |
| number | `double` |
| true or false | `boolean` |
| time | `timestamp-micros` on `long`: microseconds since 1970-01-01 UTC; the field `*_utc` has the same as text |
| list of … | `array`, never null |
| null: yes | the union `["null", T]` with default null |
"""

_CHANGES = """\
## How the schemas change

A release may append nullable fields to a data set, and change docs. Anything else is a new major version with a path
of its own. Every released schema stays in [schemas/released](../schemas/released/) with a golden file in the tests,
and a linter holds the newest schemas against all of them.

Appended fields are null in older files. To read files of several releases together:

| engine | how |
|---|---|
| DuckDB | `UNION ALL BY NAME` of a `read_avro` for each release, or load with `INSERT … BY NAME`: \
one `read_avro` takes the columns of its first file, and has no `union_by_name` |
| ClickHouse | name the structure, and `input_format_avro_allow_missing_fields = 1` |
| Spark | `option("avroSchema", …)` with the newest schema: without it a column may be missing |
| Polars | `pl.concat(…, how="diagonal")` |
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD]
    parts += [_data_set(data_set(name)) for name in DATA_SETS]
    parts += [_CHANGES, _rules("Between two releases", EVOLUTION), _rules("In every schema", CONSTRUCTS)]
    return "\n".join(parts)


def _data_set(one: DataSet) -> str:
    key = KEYS[one.name]
    named = ", ".join(f"`{field}`" for field in key.fields) or "none"
    return (
        f"## {one.name}\n\n{one.schema['doc']}\n\n"
        f"Schema: [{one.version}](../schemas/{one.version}.avsc), `{one.schema['namespace']}.{one.schema['name']}`\\\n"
        f"Key: {named}. {key.words}\n\n{_fields(one.schema)}{''.join(_nested(one.schema))}"
    )


def _nested(schema: Schema) -> Iterator[str]:
    """A section for each record inside."""
    for field in schema["fields"]:
        record = _record(field["type"])
        if record is not None:
            doc = f"{record['doc']}\n\n" if "doc" in record else ""
            yield f"\n### {record['name']}, in {field['name']}\n\n{doc}{_fields(record)}"


def _record(kind: Any) -> Schema | None:
    inner = without_null(kind)
    if isinstance(inner, dict) and inner["type"] == "array":
        inner = inner["items"]
    return inner if isinstance(inner, dict) and inner["type"] == "record" else None


def _fields(record: Schema) -> str:
    rows = (
        (f"`{field['name']}`", _words(field["type"]), "yes" if is_nullable(field["type"]) else "", field["doc"])
        for field in record["fields"]
    )
    return _table(("field", "type", "null", "what it is"), rows)


def _words(kind: Any) -> str:
    """A type in words; KeyError for one that the rules forbid."""
    inner = without_null(kind)
    if is_time(inner):
        return "time"
    if isinstance(inner, str):
        return _SIMPLE[inner]
    record = _record(inner)
    if inner["type"] == "array":
        return f"list of {record['name'] if record else _PLURAL[inner['items']]}"
    return str(inner["name"]) if record else _words(inner["type"])


def _rules(title: str, rules: Iterable[Rule]) -> str:
    major = "make the next major version in a new path"
    rows = ((f"`{rule.name}`", rule.forbids, rule.why, rule.instead.format(next=major)) for rule in rules)
    return f"### {title}\n\n{_table(('rule', 'refuses', 'because', 'instead'), rows)}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = (f"| {' | '.join(_cell(cell) for cell in row)} |" for row in (head, ("---",) * len(head), *rows))
    return "".join(f"{line}\n" for line in lines)


def _cell(text: str) -> str:
    """Text that stays in its cell, whatever it holds."""
    for special in ("\\", "|", "<", "*"):
        text = text.replace(special, f"\\{special}")
    return " ".join(text.split())


if __name__ == "__main__":
    print(page(), end="")
