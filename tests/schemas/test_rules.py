"""The linter of the schemas: an example of each breach, and what a plain compatibility check makes of it."""

from __future__ import annotations

import copy
import json

import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import parse

from schemas import DATA_SETS, data_set, rules
from schemas.rules import CONSTRUCTS, EVOLUTION, construct_breaches, evolution_breaches

TIME = {"type": "long", "logicalType": "timestamp-micros"}
MILLIS = {"type": "long", "logicalType": "timestamp-millis"}
NONE = object()


def field(name, kind, default=NONE, doc="what it holds", **more):
    made = {"name": name, "type": kind, "doc": doc, **more}
    return made if default is NONE else {**made, "default": default}


def nullable(name, kind, **more):
    return field(name, ["null", kind], None, **more)


def record(*fields, name="Row", **more):
    return {"type": "record", "name": name, **more, "fields": list(fields)}


def schema(*fields, **more):
    return record(*fields, **{"namespace": "storywire.v1", "doc": "What a row is.", **more})


def array(items):
    return {"type": "array", "items": items}


def enum(*symbols):
    return {"type": "enum", "name": "Kind", "symbols": list(symbols)}


def test_the_newest_schemas_keep_the_rules():
    newest = {data_set(name).version: data_set(name).schema for name in DATA_SETS}
    assert [str(breach) for breach in construct_breaches(newest)] == []


def test_every_construct_that_is_allowed_passes():
    inside = [field(name, name) for name in rules.SIMPLE] + [nullable("maybe", "double")]
    good = schema(
        field("text", "string"), field("spelled_out", {"type": "string"}), field("number", "long"),
        field("share", "double"), field("yes", "boolean"), nullable("maybe", "string"),
        field("time", TIME), field("time_utc", "string"),
        nullable("other_time", TIME), nullable("other_time_utc", "string"), field("texts", array("string")),
        field("numbers", array("long")), field("rows", array(record(*inside, name="Inner"))),
        nullable("one", record(*inside, name="One")),
    )  # fmt: skip
    assert construct_breaches({"rows.v1": good}) == []


ROWS = array(record(field("code", "string"), name="Inner"))
# (rule, the field that is named, the fields of the schema, other attributes of the schema)
CONSTRUCT_EXAMPLES = [
    ("enum", "a", [field("a", enum("x", "y"))], {}),
    ("enum", "a.b", [field("a", array(record(nullable("b", enum("x")), name="Inner")))], {}),
    ("map", "a", [field("a", {"type": "map", "values": "string"})], {}),
    ("named_twice", "b", [field("a", ROWS), field("b", array("Inner"))], {}),
    ("named_twice", "b", [field("a", ROWS), field("b", array("storywire.v1.Inner"))], {}),
    ("named_twice", "", [field("a", ROWS), field("b", ROWS)], {}),
    ("recursion", "a", [nullable("a", "Row")], {}),
    ("recursion", "a.b", [field("a", array(record(nullable("b", "Inner"), name="Inner")))], {}),
    ("default", "a", [field("a", "string", "")], {}),
    ("default", "a", [field("a", ["null", "string"])], {}),
    ("default", "a.b", [field("a", array(record(field("b", "long", 0), name="Inner")))], {}),
    ("union", "a", [field("a", ["string", "long"])], {}),
    ("union", "a", [nullable("a", "string") | {"type": ["string", "null"]}], {}),
    ("union", "a", [nullable("a", "string") | {"type": ["null", "string", "long"]}], {}),
    ("union", "a", [field("a", ["string"])], {}),
    ("union", "a", [field("a", "null")], {}),
    ("nullable_array", "a", [nullable("a", array("string"))], {}),
    ("logical_type", "a", [field("a", MILLIS)], {}),
    ("logical_type", "a", [field("a", {"type": "string", "logicalType": "uuid"})], {}),
    ("logical_type", "a", [nullable("a", {"type": "long", "logicalType": "local-timestamp-micros"})], {}),
    ("logical_type", "a", [field("a", {"type": "bytes", "logicalType": "decimal", "precision": 4})], {}),
    ("logical_type", "a.b", [field("a", array(record(field("b", MILLIS), name="Inner")))], {}),
    ("narrow_number", "a", [field("a", "int")], {}),
    ("narrow_number", "a", [nullable("a", "float")], {}),
    ("narrow_number", "a", [field("a", array("int"))], {}),
    ("binary", "a", [field("a", "bytes")], {}),
    ("binary", "a", [field("a", {"type": "fixed", "name": "Hash", "size": 16})], {}),
    ("array_items", "a", [field("a", array("double"))], {}),
    ("array_items", "a", [field("a", array(["null", "string"]))], {}),
    ("array_items", "a", [field("a", array(array("string")))], {}),
    ("array_items", "a", [field("a", array(TIME))], {}),
    ("nesting", "a.b", [field("a", array(record(field("b", array("string")), name="Inner")))], {}),
    ("nesting", "a.b", [nullable("a", record(field("b", record(field("c", "long"), name="Two")), name="One"))], {}),
    ("nested_time", "a.b", [field("a", array(record(field("b", TIME), name="Inner")))], {}),
    ("nested_time", "a.b", [nullable("a", record(nullable("b", TIME), name="One"))], {}),
    ("time_as_text", "a", [field("a", TIME)], {}),
    ("time_as_text", "a", [nullable("a", TIME), field("a_utc", "string")], {}),
    ("time_as_text", "a", [field("a", TIME), field("a_utc", "long")], {}),
    ("name", "camelCase", [field("camelCase", "string")], {}),
    ("name", "_a", [field("_a", "string")], {}),
    ("name", "", [field("a", "string")], {"name": "row"}),
    ("name", "a", [field("a", array(record(field("b", "string"), name="inner_row")))], {}),
    ("case", "Uri", [field("uri", "string"), field("Uri", "string")], {}),
    ("folder_key", "as_of", [field("as_of", "string")], {}),
    ("doc", "a", [field("a", "string", doc="")], {}),
    ("doc", "a.b", [field("a", array(record({"name": "b", "type": "string"}, name="Inner")))], {}),
    ("doc", "", [field("a", "string")], {"doc": "  "}),
    ("namespace", "", [field("a", "string")], {"namespace": "storywire.v2"}),
    ("namespace", "", [field("a", "string")], {"namespace": "storywire"}),
    ("namespace", "a", [field("a", array(record(field("b", "long"), name="Inner", namespace="other")))], {}),
    ("aliases", "a", [field("a", "string", aliases=["b"])], {}),
    ("aliases", "", [field("a", "string")], {"aliases": ["Line"]}),
    ("header", "", [field("a", "string", doc="x" * 1_000_000)], {}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "at", "fields", "more"), CONSTRUCT_EXAMPLES)
def test_construct_is_refused(rule, at, fields, more):
    found = construct_breaches({"rows.v1": schema(*fields, **more)})
    assert (rule, at) in [(breach.rule.name, breach.field) for breach in found]
    # A capital letter is told beside what it leads to; nothing else is told twice.
    assert {breach.rule.name for breach in found} <= {rule, "name"}
    breach = next(breach for breach in found if breach.rule.name == rule)
    assert str(breach).startswith(f"rows.v1, field {at}: " if at else "rows.v1: ")
    assert f"[rule {rule}]" in str(breach)
    assert str(breach).endswith(f"Instead: {breach.instead}.")


def test_types_of_one_name_in_two_schemas_are_refused():
    one, other = schema(field("a", ROWS), name="One"), schema(field("b", ROWS), name="Other")
    (breach,) = construct_breaches({"one.v1": one, "other.v1": other})
    assert (breach.schema, breach.rule.name) == ("other.v1", "named_twice")
    assert "storywire.v1.Inner is a type of one.v1 too" in str(breach)
    assert construct_breaches({"one.v1": one, "one.v2": {**one, "namespace": "storywire.v2"}}) == []


def test_file_names_are_checked():
    with pytest.raises(ValueError, match=r"articles\.v1"):
        construct_breaches({"articles": schema()})


# What evolution examples start from: released once, though the constructs would refuse some of it today.
OLD = schema(
    field("key", "string"),
    field("number", "int"),
    nullable("text", "string"),
    field("time", TIME),
    field("rows", array(record(field("code", "string"), field("name", "string"), name="Inner"))),
    field("kind", enum("x", "y")),
    field("count", "long", 0),
    field("days", array("long")),
)
SAME, BACKWARD_ONLY, FORWARD_ONLY, NEITHER = (True, True), (True, False), (False, True), (False, False)
"""What Avro's checker says: (the new schema reads old files, the old schema reads new files)."""


def changed(name, /, **to):
    """OLD with attributes of a field changed."""

    def change(fields):
        return [{**one, **to} if one["name"] == name else one for one in fields]

    return change


def without(name):
    return lambda fields: [one for one in fields if one["name"] != name]


def added(one, before=None):
    def add(fields):
        at = len(fields) if before is None else [other["name"] for other in fields].index(before)
        return [*fields[:at], one, *fields[at:]]

    return add


def inner(*fields, name="Inner"):
    return array(record(*fields, name=name))


CODE, NAME = field("code", "string"), field("name", "string")
MAJOR = "make rows.v2 in a new path"
# (rule, the field that is named, the change, what the plain checker says, what to do instead)
EVOLUTION_EXAMPLES = [
    ("removed", "text", without("text"), SAME, "keep the field and write it empty"),
    ("removed", "key", without("key"), BACKWARD_ONLY, MAJOR),
    ("renamed", "key", changed("key", name="id"), NEITHER, "keep the name"),
    ("renamed", "text", changed("text", name="words"), SAME, MAJOR),
    ("renamed", "key", changed("key", name="id", aliases=["key"]), BACKWARD_ONLY, MAJOR),
    ("moved", "text", lambda fields: [fields[0], fields[2], fields[1], *fields[3:]], SAME, "keep the order"),
    ("inserted", "more", added(nullable("more", "string"), "time"), SAME, "append it behind"),
    ("required", "more", added(field("more", "string")), FORWARD_ONLY, "with default null"),
    ("required", "more", added(field("more", array("string"))), FORWARD_ONLY, "*_json"),
    ("required", "more", added(field("more", "string", "")), SAME, MAJOR),
    ("required", "more", added(field("more", ["null", "string"])), FORWARD_ONLY, "with default null"),
    ("nested", "rows", changed("rows", type=inner(CODE, NAME, nullable("more", "string"))), SAME, "top-level"),
    ("nested", "rows", changed("rows", type=inner(CODE)), BACKWARD_ONLY, MAJOR),
    ("nested", "rows", changed("rows", type=inner(NAME, CODE)), SAME, MAJOR),
    ("promoted", "number", changed("number", type="long"), BACKWARD_ONLY, "wider type beside it"),
    ("promoted", "number", changed("number", type="double"), BACKWARD_ONLY, MAJOR),
    ("promoted", "key", changed("key", type="bytes"), SAME, MAJOR),
    ("type_changed", "count", changed("count", type="string", default="0"), NEITHER, "new type beside it"),
    ("type_changed", "kind", changed("kind", type="string"), NEITHER, MAJOR),
    ("type_changed", "rows.code", changed("rows", type=inner(field("code", "long"), NAME)), NEITHER, MAJOR),
    ("type_changed", "days", changed("days", type=array("string")), NEITHER, MAJOR),
    ("type_changed", "text", changed("text", type=["null", "string", "long"]), BACKWARD_ONLY, MAJOR),
    ("nullability", "key", changed("key", type=["null", "string"], default=None), BACKWARD_ONLY, "beside it"),
    ("nullability", "text", lambda fields: changed("text", type="string")(dropped(fields)), FORWARD_ONLY, MAJOR),
    ("logical_type_changed", "time", changed("time", type=MILLIS), SAME, "beside it"),
    ("logical_type_changed", "time", changed("time", type="long"), SAME, MAJOR),
    ("logical_type_changed", "days", changed("days", type=array(TIME)), SAME, MAJOR),
    ("default_changed", "count", changed("count", default=1), SAME, "keep the default"),
    ("default_changed", "key", changed("key", default=""), SAME, "keep the default"),
    ("default_changed", "text", lambda fields: dropped(fields), SAME, "keep the default"),
    ("enum_changed", "kind", changed("kind", type=enum("x", "y", "z")), BACKWARD_ONLY, "keep the symbols"),
    ("enum_changed", "kind", changed("kind", type=enum("y", "x")), SAME, MAJOR),
    ("type_renamed", "rows", changed("rows", type=inner(CODE, NAME, name="Other")), NEITHER, "keep the name"),
    ("attribute", "key", changed("key", aliases=["id"]), SAME, "keep it as released"),
    ("attribute", "key", changed("key", type={"type": "string", "avro.java.string": "String"}), SAME, MAJOR),
]  # fmt: skip


def dropped(fields):
    """`text` without its default."""
    return [{key: value for key, value in one.items() if one["name"] != "text" or key != "default"} for one in fields]


def evolved(change):
    return {**OLD, "fields": change(copy.deepcopy(OLD["fields"]))}


def plain_check(old, new):
    """(the new schema reads old files, the old schema reads new files) in the eyes of Apache's avro package."""
    old, new = (parse(json.dumps(one), validate_enum_symbols=False) for one in (old, new))

    def reads(reader, writer):
        result = ReaderWriterCompatibilityChecker().get_compatibility(reader, writer)
        return result.compatibility is SchemaCompatibilityType.compatible

    return reads(new, old), reads(old, new)


@pytest.mark.parametrize(("rule", "at", "change", "plainly", "instead"), EVOLUTION_EXAMPLES)
def test_change_is_refused(rule, at, change, plainly, instead):
    new = evolved(change)
    found = evolution_breaches("rows.v1", OLD, new)
    assert (rule, at) in [(breach.rule.name, breach.field) for breach in found]
    # What comes along with a change and can't be had without it.
    assert {breach.rule.name for breach in found} <= {rule, "default_changed", "attribute", "type_changed"}
    breach = next(breach for breach in found if breach.rule.name == rule)
    assert instead in breach.instead
    assert f"rows.v1, field {at}: " in str(breach)
    assert f"[rule {rule}]" in str(breach)
    assert plain_check(OLD, new) == plainly


def test_the_plain_checker_misses_what_the_linter_is_for():
    missed = {rule for rule, _, _, plainly, _ in EVOLUTION_EXAMPLES if plainly == SAME}
    assert missed == {
        "removed", "renamed", "moved", "inserted", "required", "nested", "promoted", "logical_type_changed",
        "default_changed", "enum_changed", "attribute",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("to", "rule"),
    [
        ({"name": "Line"}, "type_renamed"),
        ({"namespace": "storywire.v2"}, "type_renamed"),
        ({"sort": "key"}, "attribute"),
    ],
)
def test_change_of_the_schema_itself_is_refused(to, rule):
    (breach,) = evolution_breaches("rows.v1", OLD, {**OLD, **to})
    assert (breach.rule.name, breach.field) == (rule, "")
    assert MAJOR in breach.instead


ALLOWED = {
    "nothing": lambda fields: fields,
    "text appended": added(nullable("more", "string")),
    "two appended": lambda fields: [*fields, nullable("more", TIME), nullable("more_utc", "string")],
    "record appended": added(nullable("more", record(field("code", "string"), name="More"))),
    "doc changed": changed("key", doc="said better"),
    "inner doc changed": changed("rows", type=inner({**CODE, "doc": "said better"}, NAME)),
    "type spelled out": changed("key", type={"type": "string"}),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_change_is_allowed(what):
    new = evolved(ALLOWED[what])
    assert evolution_breaches("rows.v1", OLD, new) == []
    assert plain_check(OLD, new) == SAME


def test_every_rule_has_an_example():
    examples = {example[0] for example in CONSTRUCT_EXAMPLES} | {example[0] for example in EVOLUTION_EXAMPLES}
    assert examples == {rule.name for rule in CONSTRUCTS + EVOLUTION}
    assert len(examples) == len(CONSTRUCTS + EVOLUTION)
