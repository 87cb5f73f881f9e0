"""Loads the output of `storywire run` into a DuckDB database, and keeps it equal to that.

Needs DuckDB 1.5.2 or newer (before that its Avro reader corrupts nullable columns) and its Avro extension: the package
duckdb-extension-avro if it is installed, else DuckDB's own INSTALL, which downloads it once.

    pip install 'duckdb>=1.5.2' duckdb-extension-avro
    python docs/warehouses/load_duckdb.py OUT warehouse.duckdb

A partition is replaced by DELETE and INSERT in one transaction with its entry in partitions_loaded: who reads sees it
as it was or as it is, and a load that is killed leaves nothing half done. Times are TIMESTAMP, in UTC.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb
from manifests import DATA_SETS, Column, LoadError, Partition, check_rows, columns, plan

TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "strings": "VARCHAR[]",
    "records": "STRUCT({fields})[]",
}

LOADED = "CREATE TABLE IF NOT EXISTS partitions_loaded (partition VARCHAR PRIMARY KEY, as_of TIMESTAMP, sha256 VARCHAR)"
TABLE = "CREATE TABLE IF NOT EXISTS {name}_rows (as_of TIMESTAMP NOT NULL, {columns})"
# Schemas grow by nullable fields at their end.
GROW = "ALTER TABLE {name}_rows ADD COLUMN IF NOT EXISTS {column}"

VIEWS = """
-- The newest row of each story, and the story that it is part of by now. A ring of merges ends where it began.
CREATE OR REPLACE VIEW stories_current AS
WITH RECURSIVE newest AS (
    SELECT * FROM stories_rows QUALIFY row_number() OVER (PARTITION BY story_id ORDER BY as_of DESC) = 1
), way AS (
    SELECT story_id, story_id AS passed FROM newest WHERE merged_into IS NOT NULL
    UNION
    SELECT way.story_id, newest.merged_into FROM way JOIN newest ON newest.story_id = way.passed
    WHERE newest.merged_into IS NOT NULL
), ends AS (
    SELECT way.story_id, way.passed FROM way LEFT JOIN newest ON newest.story_id = way.passed
    WHERE newest.merged_into IS NULL
)
SELECT newest.as_of, {stories}, coalesce(ends.passed, newest.story_id) AS current_story_id
FROM newest LEFT JOIN ends USING (story_id);

-- Each version of each article: its text from the version row, what was decided from the newest row of any kind.
CREATE OR REPLACE VIEW articles_current AS
WITH decided AS (
    SELECT article_id, version_key, max(as_of) FILTER (row_kind = 'version') AS as_of, max_by({{
        'version': version, 'is_latest': is_latest, 'story_id': story_id, 'pub_status': pub_status,
        'language': language}}, as_of) AS d
    FROM articles_rows GROUP BY article_id, version_key
), known AS (
    SELECT v.* REPLACE (d.version AS version, d.is_latest AS is_latest, d.story_id AS story_id,
        d.pub_status AS pub_status, d.language AS language)
    FROM articles_rows AS v JOIN decided USING (article_id, version_key, as_of)
)
SELECT known.as_of, {articles}, coalesce(current_story_id, known.story_id) AS current_story_id
FROM known LEFT JOIN (SELECT story_id, current_story_id FROM stories_current) AS s ON s.story_id = known.story_id;
"""


def connect(database: str) -> duckdb.DuckDBPyConnection:
    """Opens the database with the Avro extension."""
    connection = duckdb.connect(database)
    try:
        import duckdb_extension_avro
    except ImportError:
        connection.execute("INSTALL avro; LOAD avro")
    else:
        folder = Path(duckdb_extension_avro.__file__).parent / "extensions" / f"v{duckdb.__version__}"
        connection.load_extension(str(folder / "avro.duckdb_extension"))
    return connection


def load(output: str, database: str) -> list[str]:
    """Makes `database` equal to the output folder; says what was done, a line for each partition."""
    with connect(database) as warehouse:
        set_up(warehouse)
        todo = plan(output, dict(warehouse.execute("SELECT partition, sha256 FROM partitions_loaded").fetchall()))
        for name in todo.gone:
            warehouse.begin()
            remove(warehouse, name)
            warehouse.commit()
        for partition in todo.new:
            warehouse.begin()
            remove(warehouse, partition.name)
            insert(warehouse, partition)
            warehouse.commit()
    return todo.told()


def set_up(warehouse: duckdb.DuckDBPyConnection) -> None:
    """Makes tables and views, or adds what is new in the schemas."""
    warehouse.execute(LOADED)
    for name in DATA_SETS:
        typed = {column: f'"{column.name}" {_type(column)}' for column in columns(name)}
        listed = [text if column.nullable else f"{text} NOT NULL" for column, text in typed.items()]
        warehouse.execute(TABLE.format(name=name, columns=", ".join(listed)))
        for column, text in typed.items():
            if column.nullable:
                warehouse.execute(GROW.format(name=name, column=text))
    names = {
        name: ", ".join(f'{alias}."{column.name}"' for column in columns(name))
        for name, alias in (("stories", "newest"), ("articles", "known"))
    }
    warehouse.execute(VIEWS.format(**names))


def remove(warehouse: duckdb.DuckDBPyConnection, partition: str) -> None:
    """Deletes a partition's rows and its entry."""
    for name in DATA_SETS:
        warehouse.execute(
            f"DELETE FROM {name}_rows WHERE as_of IN (SELECT as_of FROM partitions_loaded WHERE partition = $1)",
            [partition],
        )
    warehouse.execute("DELETE FROM partitions_loaded WHERE partition = $1", [partition])


def insert(warehouse: duckdb.DuckDBPyConnection, partition: Partition) -> None:
    """Inserts a partition's rows and its entry; LoadError where the rows are not as many as its manifest says."""
    as_of = partition.as_of.replace(tzinfo=None)
    for name in DATA_SETS:
        rows = 0
        if partition.files[name]:
            # BY NAME: a file of an older version lacks the columns that came later.
            (rows,) = warehouse.execute(
                f"INSERT INTO {name}_rows BY NAME SELECT $1::TIMESTAMP AS as_of, * "
                "FROM read_avro($2, hive_partitioning = false)",
                [as_of, partition.files[name]],
            ).fetchone() or (0,)
        check_rows(partition, name, rows)
    warehouse.execute("INSERT INTO partitions_loaded VALUES ($1, $2, $3)", [partition.name, as_of, partition.sha256])


def _type(column: Column) -> str:
    return TYPES[column.type].format(fields=", ".join(f'"{field.name}" {_type(field)}' for field in column.fields))


def main() -> None:
    """OUT and the database from the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python load_duckdb.py OUT DATABASE")
    try:
        print("\n".join(load(*sys.argv[1:])) or "nothing to do")
    except (LoadError, duckdb.Error) as error:
        sys.exit(f"load_duckdb: {error}")


if __name__ == "__main__":
    main()
