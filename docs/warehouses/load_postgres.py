"""Loads the output of `storywire run` into a PostgreSQL database, and keeps it equal to that.

Needs PostgreSQL 12 or newer with a database in UTF-8. PostgreSQL reads no Avro, so fastavro does, which storywire
needs anyway, and the rows go in by COPY.

    pip install 'psycopg[binary]' fastavro
    python docs/warehouses/load_postgres.py OUT 'host=db.example dbname=news user=loader'

A partition is replaced by DELETE and COPY in one transaction with its entry in partitions_loaded: who reads sees it as
it was or as it is, and a load that is killed leaves nothing half done; a second load at the same time waits for the
first. Times are timestamptz, lists text[], lists of objects jsonb. PostgreSQL's text has no NUL character: U+FFFD
stands in its place. Tables and views are made in the first schema of the search_path.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import psycopg
from manifests import DATA_SETS, DECIDED, Column, LoadError, Partition, check_rows, columns, plan
from psycopg import Connection
from psycopg.types.json import Jsonb

TYPES = {
    "string": "text",
    "long": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "strings": "text[]",
    "records": "jsonb",
}

# Held as long as the load is connected; the number is this script's own.
LOCK = "SELECT pg_advisory_lock(7077051201)"
LOADED = "CREATE TABLE IF NOT EXISTS partitions_loaded (partition text PRIMARY KEY, as_of timestamptz, sha256 text)"
TABLE = "CREATE TABLE IF NOT EXISTS {name}_rows (as_of timestamptz NOT NULL, {columns})"
# Schemas grow by nullable fields at their end.
GROW = "ALTER TABLE {name}_rows ADD COLUMN IF NOT EXISTS {column}"
INDEX = "CREATE INDEX IF NOT EXISTS {name}_rows_as_of ON {name}_rows (as_of)"
COPY = "COPY {name}_rows (as_of, {columns}) FROM STDIN (FORMAT binary)"

# Both list the schema's columns last, so that what a new version appends can be added in place, with views above them.
STORIES_CURRENT = """
-- The newest row of each story, and the story that it is part of by now. A ring of merges ends where it began.
CREATE OR REPLACE VIEW stories_current AS
WITH RECURSIVE newest AS (
    SELECT DISTINCT ON (story_id) * FROM stories_rows ORDER BY story_id, as_of DESC
), way AS (
    SELECT story_id, story_id AS passed FROM newest WHERE merged_into IS NOT NULL
    UNION
    SELECT way.story_id, newest.merged_into FROM way JOIN newest ON newest.story_id = way.passed
    WHERE newest.merged_into IS NOT NULL
), ends AS (
    SELECT way.story_id, way.passed FROM way LEFT JOIN newest ON newest.story_id = way.passed
    WHERE newest.merged_into IS NULL
)
SELECT newest.as_of, coalesce(ends.passed, newest.story_id) AS current_story_id, {stories}
FROM newest LEFT JOIN ends ON ends.story_id = newest.story_id
"""
ARTICLES_CURRENT = """
-- Each version of each article: its text from the version row, what was decided from the newest row of any kind.
CREATE OR REPLACE VIEW articles_current AS
WITH v AS (
    SELECT DISTINCT ON (article_id, version_key) * FROM articles_rows WHERE row_kind = 'version'
    ORDER BY article_id, version_key, as_of DESC
), d AS (
    SELECT DISTINCT ON (article_id, version_key) article_id, version_key, {decided} FROM articles_rows
    ORDER BY article_id, version_key, as_of DESC
)
SELECT v.as_of, coalesce(s.current_story_id, d.story_id) AS current_story_id, {articles}
FROM v JOIN d ON d.article_id = v.article_id AND d.version_key = v.version_key
LEFT JOIN stories_current AS s ON s.story_id = d.story_id
"""


def load(output: str, target: str) -> list[str]:
    """Makes the database that the connection string `target` names equal to the output folder; says what was done."""
    with psycopg.connect(target, autocommit=True, client_encoding="UTF8") as warehouse:
        if warehouse.info.parameter_status("server_encoding") != "UTF8":
            raise LoadError("the database is not in UTF-8; make one with CREATE DATABASE … ENCODING 'UTF8'")
        warehouse.execute(LOCK)
        warehouse.execute(LOADED)
        found = warehouse.execute("SELECT partition, sha256 FROM partitions_loaded").fetchall()
        todo = plan(output, dict(found))
        if todo.gone or todo.new:
            set_up(warehouse)
        for name in todo.gone:
            with warehouse.transaction():
                remove(warehouse, name)
        for partition in todo.new:
            with warehouse.transaction():
                remove(warehouse, partition.name)
                insert(warehouse, partition)
    return todo.told()


def set_up(warehouse: Connection) -> None:
    """Makes tables and views, or adds what is new in the schemas; each waits for who reads that table or view now."""
    for name in DATA_SETS:
        typed = {column: f'"{column.name}" {TYPES[column.type]}' for column in columns(name)}
        listed = [text if column.nullable else f"{text} NOT NULL" for column, text in typed.items()]
        warehouse.execute(TABLE.format(name=name, columns=", ".join(listed)))
        warehouse.execute(INDEX.format(name=name))
        for column, text in typed.items():
            if column.nullable:
                warehouse.execute(GROW.format(name=name, column=text))
    stories = ", ".join(f'newest."{column.name}"' for column in columns("stories"))
    articles = ", ".join(f'{"d" if each.name in DECIDED else "v"}."{each.name}"' for each in columns("articles"))
    warehouse.execute(STORIES_CURRENT.format(stories=stories))
    warehouse.execute(ARTICLES_CURRENT.format(articles=articles, decided=", ".join(DECIDED)))


def remove(warehouse: Connection, partition: str) -> None:
    """Deletes a partition's rows and its entry."""
    for name in DATA_SETS:
        warehouse.execute(
            f"DELETE FROM {name}_rows WHERE as_of IN (SELECT as_of FROM partitions_loaded WHERE partition = %s)",
            [partition],
        )
    warehouse.execute("DELETE FROM partitions_loaded WHERE partition = %s", [partition])


def insert(warehouse: Connection, partition: Partition) -> None:
    """Inserts a partition's rows and its entry; LoadError where the rows are not as many as its manifest says."""
    for name in DATA_SETS:
        known = columns(name)
        names = ", ".join(f'"{column.name}"' for column in known)
        rows = 0
        with warehouse.cursor() as cursor, cursor.copy(COPY.format(name=name, columns=names)) as copy:
            # PostgreSQL converts nothing in a binary COPY, so the types are named.
            copy.set_types(["timestamptz", *(TYPES[column.type] for column in known)])
            for row in read(partition, name, known):
                copy.write_row([partition.as_of, *row])
                rows += 1
        check_rows(partition, name, rows)
    warehouse.execute(
        "INSERT INTO partitions_loaded VALUES (%s, %s, %s)", [partition.name, partition.as_of, partition.sha256]
    )


def read(partition: Partition, data_set: str, known: list[Column]) -> Iterator[list[Any]]:
    """The values of a partition's rows as PostgreSQL takes them, null where a file of an older version lacks one."""
    for path in partition.files[data_set]:
        with Path(path).open("rb") as file:
            for row in fastavro.reader(file):
                values: dict[str, Any] = dict(row) if isinstance(row, dict) else {}
                unknown = values.keys() - {column.name for column in known}
                if unknown:
                    raise LoadError(f"{path} has {sorted(unknown)}; take the schemas of that version of storywire")
                yield [_value(column, values.get(column.name)) for column in known]


def _value(column: Column, value: Any) -> Any:
    return Jsonb(_storable(value)) if column.type == "records" else _storable(value)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, dict):
        return {name: _storable(item) for name, item in value.items()}
    return value


def main() -> None:
    """OUT and the connection string from the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python load_postgres.py OUT CONNECTION")
    try:
        print("\n".join(load(*sys.argv[1:])) or "nothing to do")
    except (LoadError, psycopg.Error) as error:
        sys.exit(f"load_postgres: {error}")


if __name__ == "__main__":
    main()
