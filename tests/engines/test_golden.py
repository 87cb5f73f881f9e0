"""Golden files in the engines that people load them with: every value of every release, and files of two releases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas import DATA_SETS, DataSet, data_set, write_container
from schemas.rules import is_nullable, is_time, without_null
from tests.schemas import golden

pytestmark = pytest.mark.engine

LATER = {"name": "added_later", "type": ["null", "string"], "default": None, "doc": "A field of a later release."}


class DuckDB:
    """The avro extension comes from PyPI as a file."""

    def __init__(self) -> None:
        duckdb = pytest.importorskip("duckdb", reason="DuckDB is not installed: pip install duckdb")
        extension = pytest.importorskip(
            "duckdb_extension_avro",
            reason="DuckDB's avro extension is not installed: pip install duckdb-extension-avro",
        )
        self._connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
        (file,) = Path(extension.__file__).parent.glob(f"extensions/v{duckdb.__version__}/avro.duckdb_extension")
        self._connection.execute(f"LOAD '{file}'")

    def read(self, files: list[Path], schema: dict[str, Any]) -> list[dict[str, Any]]:
        each = " UNION ALL BY NAME ".join(f"FROM read_avro('{file}')" for file in files)
        columns = ", ".join(
            f"epoch_us({field['name']}) AS {field['name']}" if is_time(field["type"]) else field["name"]
            for field in schema["fields"]
        )
        found = self._connection.execute(f"SELECT {columns} FROM ({each})")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


class ClickHouse:
    """chdb: the structure is always named, never inferred."""

    def __init__(self) -> None:
        self._chdb = pytest.importorskip("chdb", reason="ClickHouse is not installed: pip install chdb")

    def read(self, files: list[Path], schema: dict[str, Any]) -> list[dict[str, Any]]:
        structure = self._columns(schema["fields"])
        columns = ", ".join(
            f"toUnixTimestamp64Micro({field['name']}) AS {field['name']}" if is_time(field["type"]) else field["name"]
            for field in schema["fields"]
        )
        quoted = structure.replace("'", "\\'")
        found = ""
        # Parts of a UNION ALL come in any order.
        for file in files:
            found += str(
                self._chdb.query(
                    f"SELECT {columns} FROM file('{file}', Avro, '{quoted}') SETTINGS "
                    "input_format_avro_allow_missing_fields = 1, output_format_json_quote_64bit_integers = 0",
                    "JSONEachRow",
                )
            )
        return [json.loads(line) for line in found.splitlines()]

    def _type(self, kind: Any) -> str:
        if is_nullable(kind):
            return f"Nullable({self._type(without_null(kind))})"
        if is_time(kind):
            return "DateTime64(6, 'UTC')"
        if isinstance(kind, str):
            return {"string": "String", "long": "Int64", "double": "Float64", "boolean": "Bool"}[kind]
        if kind["type"] == "array":
            return f"Array({self._type(kind['items'])})"
        return f"Tuple({self._columns(kind['fields'])})"

    def _columns(self, fields: list[dict[str, Any]]) -> str:
        return ", ".join(f"{field['name']} {self._type(field['type'])}" for field in fields)


class Polars:
    """Reads a file at a time."""

    def __init__(self) -> None:
        self._polars = pytest.importorskip("polars", reason="Polars is not installed: pip install polars")

    def read(self, files: list[Path], schema: dict[str, Any]) -> list[dict[str, Any]]:
        frames = [self._polars.read_avro(file) for file in files]
        found: list[dict[str, Any]] = golden.plain(self._polars.concat(frames, how="diagonal").to_dicts())
        return found


class Spark:
    """Its Avro source comes with pyspark, but has no short name there."""

    def __init__(self) -> None:
        sql = pytest.importorskip("pyspark.sql", reason="Spark is not installed: pip install pyspark")
        self._session = (
            sql.SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.memory", "600m")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.session.timeZone", "UTC")
            .getOrCreate()
        )

    def read(self, files: list[Path], schema: dict[str, Any]) -> list[dict[str, Any]]:
        source = self._session.read.format("org.apache.spark.sql.avro.AvroFileFormat")
        columns = [
            f"unix_micros({field['name']}) AS {field['name']}" if is_time(field["type"]) else field["name"]
            for field in schema["fields"]
        ]
        # Spark packs files as it likes, so each is read for itself to keep the order of rows.
        frames = [source.option("avroSchema", json.dumps(schema)).load(str(file)) for file in files]
        return [row.asDict(recursive=True) for frame in frames for row in frame.selectExpr(*columns).collect()]

    def close(self) -> None:
        self._session.stop()


@pytest.fixture(scope="module", params=[DuckDB, ClickHouse, Polars, Spark], ids=lambda engine: engine.__name__)
def engine(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    yield made
    if isinstance(made, Spark):
        made.close()


@pytest.mark.parametrize(("release", "version"), golden.golden_files())
def test_engine_reads_every_value_of_a_golden_file(engine, release, version):
    schema = golden.released_schemas(release)[version]
    assert engine.read([golden.golden_path(release, version)], schema) == golden.golden_rows(release, version)


@pytest.mark.parametrize(("release", "version"), golden.golden_files())
def test_engine_reads_an_appended_field_of_two_releases(engine, release, version, tmp_path):
    name = version.partition(".")[0]
    if DATA_SETS[name] != version:
        pytest.skip(f"runs write {DATA_SETS[name]} now")
    today = data_set(name)
    later = {**today.schema, "fields": [*today.schema["fields"], LATER]}
    # What a later release appends to a row: "ü".
    new_rows = [row + b"\x02\x04\xc3\xbc" for row in golden.encoded()[name]]
    new_file = tmp_path / "new.avro"
    with new_file.open("wb") as file:
        write_container(file, DataSet(name, today.version, later, "0" * 64), new_rows)
    new = golden.decoded(new_file.read_bytes())
    fields = [field["name"] for field in later["fields"]]
    old = [{field: row.get(field) for field in fields} for row in golden.golden_rows(release, version)]
    assert {row["added_later"] for row in new} == {"ü"}
    assert engine.read([golden.golden_path(release, version), new_file], later) == old + new
