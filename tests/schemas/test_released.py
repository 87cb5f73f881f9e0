"""Released schemas and golden files: unchanged, kept to by the newest schemas, and read both ways."""

from __future__ import annotations

import copy
import io
import json
from pathlib import Path

import avro.schema
import fastavro
import pytest
from avro.datafile import DataFileReader
from avro.io import DatumReader

from pipeline.earlier import LedgerFile, read_rows
from schemas import DATA_SETS, DataSet, data_set, write_container
from schemas.registry import parsed
from schemas.rules import evolution_breaches, is_nullable, without_null
from tests.schemas import golden
from transforms import ledger

SCHEMAS = Path(__file__).parent.parent.parent / "schemas"
NEWEST = {path.stem: json.loads(path.read_text("utf-8")) for path in SCHEMAS.glob("*.avsc")}
LATER = {"name": "added_later", "type": ["null", "string"], "default": None, "doc": "A field of a later release."}


def with_fastavro(file: bytes, schema):
    return [golden.plain(row) for row in fastavro.reader(io.BytesIO(file), reader_schema=parsed(copy.deepcopy(schema)))]


def with_avro(file: bytes, schema):
    reader = DatumReader(None, avro.schema.parse(json.dumps(schema)))
    return [golden.plain(row) for row in DataFileReader(io.BytesIO(file), reader)]


READERS = pytest.mark.parametrize("read", [with_fastavro, with_avro])
EACH_GOLDEN = pytest.mark.parametrize(("release", "version"), golden.golden_files())


def names(schema) -> list[str]:
    return [field["name"] for field in schema["fields"]]


def named_alike(rows, schema):
    """Rows as `schema` reads them: what it doesn't know is left out, what they don't have is null."""
    return [{name: row.get(name) for name in names(schema)} for row in rows]


def test_every_data_set_is_released_and_every_schema_in_use():
    assert set(DATA_SETS.values()) <= NEWEST.keys()
    assert NEWEST.keys() >= {version for release in golden.releases() for version in golden.released_schemas(release)}
    assert golden.releases()


def test_what_was_released_is_unchanged():
    assert golden.CHECKSUMS.read_text("utf-8") == golden.checksums(), (
        f"a released schema or golden file was changed, added or removed. What is released stays: take the change back "
        f"(git checkout), and change schemas/*.avsc instead. For a new release: python -m tests.schemas.golden, which "
        f"writes {golden.CHECKSUMS.name}"
    )


@EACH_GOLDEN
def test_newest_schema_keeps_the_rules_of_evolution(release, version):
    breaches = evolution_breaches(version, golden.released_schemas(release)[version], NEWEST[version])
    assert not breaches, f"since {release}:\n" + "\n".join(map(str, breaches))


@EACH_GOLDEN
def test_golden_file_was_written_with_its_schema(release, version):
    file = golden.golden_path(release, version).read_bytes()
    reader = fastavro.reader(io.BytesIO(file))
    assert json.loads(reader.metadata["avro.schema"]) == golden.released_schemas(release)[version]
    assert reader.metadata["storywire.schema"] == version
    assert golden.decoded(file) == golden.golden_rows(release, version)


@READERS
@EACH_GOLDEN
def test_golden_file_is_read_with_the_newest_schema(release, version, read):
    found = read(golden.golden_path(release, version).read_bytes(), NEWEST[version])
    assert found == named_alike(golden.golden_rows(release, version), NEWEST[version])
    assert found


@READERS
@EACH_GOLDEN
def test_file_of_today_is_read_with_the_released_schema(release, version, read):
    name = version.partition(".")[0]
    if DATA_SETS[name] != version:
        pytest.skip(f"runs write {DATA_SETS[name]} now")
    file = golden.container(name, golden.encoded()[name])
    released = golden.released_schemas(release)[version]
    assert read(file, released) == named_alike(golden.decoded(file), released)


@READERS
@pytest.mark.parametrize("name", DATA_SETS)
def test_appended_field_is_read_both_ways(name, read):
    today = data_set(name)
    later = {**today.schema, "fields": [*today.schema["fields"], LATER]}
    assert evolution_breaches(today.version, today.schema, later) == []
    rows = golden.encoded()[name]
    old_file = golden.container(name, rows)
    # A later release encodes the appended field behind the others: null, and "ü".
    new_rows = [row + (b"\x02\x04\xc3\xbc" if at % 2 else b"\x00") for at, row in enumerate(rows)]
    new_file = io.BytesIO()
    write_container(new_file, DataSet(name, today.version, later, "0" * 64), new_rows)
    expected = golden.decoded(old_file)
    assert read(old_file, later) == [{**row, LATER["name"]: None} for row in expected]
    assert read(new_file.getvalue(), today.schema) == expected
    both = [{**row, LATER["name"]: "ü" if at % 2 else None} for at, row in enumerate(expected)]
    assert read(new_file.getvalue(), later) == both


@pytest.mark.parametrize("release", golden.releases())
def test_ledger_of_every_release_is_gone_on_from(release):
    file = LedgerFile(str(golden.golden_path(release, DATA_SETS["ledger"])), as_of=0)
    # An article has a row for each of its items.
    assert list(dict.fromkeys(ledger.decode(row) for row in read_rows(file))) == golden.LEDGER


@pytest.mark.parametrize("version", golden.released_schemas(golden.releases()[-1]))
def test_newest_golden_rows_show_every_field(version):
    rows = golden.golden_rows(golden.releases()[-1], version)
    assert not json.dumps(rows, ensure_ascii=False).isascii()
    for field in golden.released_schemas(golden.releases()[-1])[version]["fields"]:
        values = [row[field["name"]] for row in rows]
        kind = without_null(field["type"])
        if is_nullable(field["type"]):
            shown = {value is None for value in values} == {True, False}
        elif isinstance(kind, dict) and kind["type"] == "array":
            shown = {bool(value) for value in values} == {True, False}
        else:
            shown = any(value not in ("", 0, False) for value in values)
        assert shown, f"{field['name']}: give it values, null and empty too, in tests/schemas/golden.py"


@pytest.mark.parametrize("name", DATA_SETS)
def test_namespace_and_version_stand_in_the_metadata(name):
    with DataFileReader(io.BytesIO(golden.container(name, [])), DatumReader()) as reader:
        meta = {key: value.decode() for key, value in reader.meta.items()}
    schema = json.loads(meta["avro.schema"])
    major = DATA_SETS[name].partition(".")[2]
    assert (schema["namespace"], meta["storywire.schema"]) == (f"storywire.{major}", f"{name}.{major}")
    assert meta["storywire.schema_sha256"] == data_set(name).fingerprint
    # Nothing else: the program's own version must not change bytes.
    assert meta.keys() == {
        "avro.codec", "avro.schema", "storywire.schema", "storywire.schema_sha256", "writer.time.zone",
    }  # fmt: skip
