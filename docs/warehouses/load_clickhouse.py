"""Loads the output of `storywire run` into ClickHouse (here chdb, ClickHouse in a Python process), and keeps it equal.

    pip install chdb
    python docs/warehouses/load_clickhouse.py OUT CLICKHOUSE_FOLDER

A partition is read into stage tables, counted, and put in place by REPLACE PARTITION, which is atomic a table: who
reads sees each table's partition as it was or as it is. The entry in partitions_loaded comes last, so a load that is
killed is done again by the next. The structure of the files is always named, never inferred: inferred, times lose their
zone and columns that a file lacks are an error. Times are DateTime64(6, 'UTC'); ClickHouse writes those before 1900 or
after 2299 wrongly as text, so take the column *_utc for them.
"""

from __future__ import annotations

import sys
from typing import Any

from chdb import ChdbError, session
from manifests import DATA_SETS, Column, LoadError, Partition, check_rows, columns, plan

TYPES = {
    "string": "String",
    "long": "Int64",
    "double": "Float64",
    "boolean": "Bool",
    "timestamp": "DateTime64(6, 'UTC')",
    "strings": "Array(String)",
    "records": "Array(Tuple({fields}))",
}
# What a data set's rows are found by.
ORDER = {"articles": "article_id, version_key", "stories": "story_id", "rejects": "uri, position"}

TABLE = """
CREATE TABLE IF NOT EXISTS {name} (as_of DateTime('UTC'), {columns})
ENGINE = MergeTree PARTITION BY as_of ORDER BY ({order})
"""
# Schemas grow by nullable fields at their end.
GROW = "ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {column}"
STAGE = "CREATE OR REPLACE TABLE {name}_stage AS {name}"
INSERT = """
INSERT INTO {name}_stage SELECT toDateTime({as_of}, 'UTC') AS as_of, * FROM file('{path}', Avro, '{structure}')
SETTINGS input_format_avro_allow_missing_fields = 1, use_hive_partitioning = 0
"""
REPLACE = "ALTER TABLE {name} REPLACE PARTITION {as_of} FROM {name}_stage"
DROP = "ALTER TABLE {name} DROP PARTITION {as_of}"

VIEWS = (
    """
-- The newest row of each story, and the story that it is part of by now. A ring of merges ends where it began; chains
-- are followed over 100 merges at most.
CREATE OR REPLACE VIEW stories_current AS
WITH RECURSIVE newest AS (
    SELECT * FROM stories_rows ORDER BY as_of DESC LIMIT 1 BY story_id
), way AS (
    SELECT story_id, assumeNotNull(merged_into) AS passed, 1 AS steps FROM newest WHERE merged_into IS NOT NULL
    UNION ALL
    SELECT way.story_id, assumeNotNull(newest.merged_into), way.steps + 1
    FROM way JOIN newest ON newest.story_id = way.passed
    WHERE newest.merged_into IS NOT NULL AND way.steps < 100
), ends AS (
    SELECT way.story_id AS story_id, way.passed AS passed FROM way
    WHERE way.passed NOT IN (SELECT story_id FROM newest WHERE merged_into IS NOT NULL)
)
SELECT newest.as_of AS as_of, {stories}, if(ends.passed = '', newest.story_id, ends.passed) AS current_story_id
FROM newest LEFT JOIN ends ON ends.story_id = newest.story_id
""",
    """
-- Each version of each article: its text from the version row, what was decided from the newest row of any kind.
CREATE OR REPLACE VIEW articles_current AS
WITH decided AS (
    SELECT article_id, version_key, maxIf(as_of, row_kind = 'version') AS text_as_of,
        argMax((version, is_latest, story_id, pub_status, language), as_of) AS d
    FROM articles_rows GROUP BY article_id, version_key
)
SELECT known.as_of AS as_of, {articles},
    if(stories.current_story_id = '', decided.d.3, stories.current_story_id) AS current_story_id
FROM articles_rows AS known
JOIN decided ON decided.article_id = known.article_id AND decided.version_key = known.version_key
    AND decided.text_as_of = known.as_of
LEFT JOIN stories_current AS stories ON stories.story_id = decided.d.3
""",
)
DECIDED = ("version", "is_latest", "story_id", "pub_status", "language")


def load(output: str, folder: str) -> list[str]:
    """Makes the ClickHouse in `folder` equal to the output folder; says what was done, a line for each partition."""
    with session.Session(folder) as clickhouse:
        set_up(clickhouse)
        loaded = str(clickhouse.query("SELECT partition, sha256 FROM partitions_loaded", "TSV")).split("\n")
        todo = plan(output, dict(line.split("\t") for line in loaded if line))
        for name in todo.gone:
            remove(clickhouse, name)
        for partition in todo.new:
            insert(clickhouse, partition)
    return todo.told()


def set_up(clickhouse: Any) -> None:
    """Makes tables and views, or adds what is new in the schemas."""
    known = "partition String, sha256 String"
    clickhouse.query(TABLE.format(name="partitions_loaded", columns=known, order="partition"))
    for name in DATA_SETS:
        typed = [f"{column.name} {_type(column)}" for column in columns(name)]
        clickhouse.query(TABLE.format(name=f"{name}_rows", columns=", ".join(typed), order=ORDER[name]))
        for column, text in zip(columns(name), typed, strict=True):
            if column.nullable:
                clickhouse.query(GROW.format(name=f"{name}_rows", column=text))
    stories = ", ".join(f"newest.{column.name} AS {column.name}" for column in columns("stories"))
    articles = ", ".join(f"{_newest(column.name)} AS {column.name}" for column in columns("articles"))
    for view in VIEWS:
        clickhouse.query(view.format(stories=stories, articles=articles))


def remove(clickhouse: Any, partition: str) -> None:
    """Drops a partition's rows, then its entry."""
    asked = f"SELECT as_of FROM partitions_loaded WHERE partition = '{partition}'"
    as_of = f"'{str(clickhouse.query(asked, 'TSV')).strip()}'"
    for name in (*(f"{name}_rows" for name in DATA_SETS), "partitions_loaded"):
        clickhouse.query(DROP.format(name=name, as_of=as_of))


def insert(clickhouse: Any, partition: Partition) -> None:
    """Replaces a partition; LoadError where the rows are not as many as its manifest says."""
    as_of = f"'{partition.as_of:%Y-%m-%d %H:%M:%S}'"
    tables = [f"{name}_rows" for name in DATA_SETS]
    for name, table in zip(DATA_SETS, tables, strict=True):
        clickhouse.query(STAGE.format(name=table))
        structure = ", ".join(f"{column.name} {_type(column)}" for column in columns(name)).replace("'", "\\'")
        for path in partition.files[name]:
            clickhouse.query(INSERT.format(name=table, as_of=as_of, path=path, structure=structure))
        check_rows(partition, name, int(str(clickhouse.query(f"SELECT count() FROM {table}_stage", "TSV"))))
    clickhouse.query(STAGE.format(name="partitions_loaded"))
    entry = f"({as_of}, '{partition.name}', '{partition.sha256}')"
    clickhouse.query(f"INSERT INTO partitions_loaded_stage (as_of, partition, sha256) VALUES {entry}")
    for table in (*tables, "partitions_loaded"):
        # An empty stage replaces nothing.
        rows = int(str(clickhouse.query(f"SELECT count() FROM {table}_stage", "TSV")))
        clickhouse.query((REPLACE if rows else DROP).format(name=table, as_of=as_of))


def _type(column: Column) -> str:
    kind = TYPES[column.type].format(fields=", ".join(f"{field.name} {_type(field)}" for field in column.fields))
    return f"Nullable({kind})" if column.nullable else kind


def _newest(name: str) -> str:
    return f"decided.d.{DECIDED.index(name) + 1}" if name in DECIDED else f"known.{name}"


def main() -> None:
    """OUT and the folder from the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python load_clickhouse.py OUT CLICKHOUSE_FOLDER")
    try:
        print("\n".join(load(*sys.argv[1:])) or "nothing to do")
    except (LoadError, ChdbError) as error:
        sys.exit(f"load_clickhouse: {error}")


if __name__ == "__main__":
    main()
