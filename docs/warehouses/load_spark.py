"""Loads the output of `storywire run` into Parquet by Spark, and keeps it equal to that.

Needs Spark 4 (tested with 4.3) and the Java it asks for, but no jar: Avro's reader is there under its class name. Times
become TIMESTAMP, lists ARRAY<STRING>, subjects and languages arrays of structs.

    pip install 'pyspark>=4'
    python docs/warehouses/load_spark.py OUT FOLDER

To read, call `views` in your session, again for each newer state that you want to see:

    from load_spark import session, views
    views(session(), "FOLDER")
    session().sql("SELECT headline FROM articles_current WHERE is_latest").show()

OUT and FOLDER are on a disk that the driver and all executors share. Each load of a partition goes into folders of its
own, which count from the moment that partitions_loaded.json names them; that file is replaced as a whole when all three
data sets are written. So `views` sees a partition as it was or as it is, and never what a killed load left. Dynamic
partition overwrite would replace one data set after the other under the readers' eyes, and leave as it was what has
become empty. At its end a load removes what is no longer named: a query that still reads that fails, and works after
`views` again. Never start two loads into one folder at once.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path

import manifests
from manifests import DATA_SETS, DECIDED, LoadError, Partition, check_rows, columns, plan
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import lit

AVRO = "org.apache.spark.sql.avro.AvroFileFormat"
LOADED = "partitions_loaded.json"

TYPES = {
    "string": "STRING",
    "long": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "strings": "ARRAY<STRING>",
    "records": "ARRAY<STRUCT<{fields}>>",
}

# stories_ends says where a chain of merges ends; it is made by `views`.
STORIES_NEWEST = """
CREATE OR REPLACE TEMPORARY VIEW stories_newest AS
SELECT rows.* FROM stories_rows AS rows
JOIN (SELECT story_id, max(as_of) AS as_of FROM stories_rows GROUP BY story_id) USING (story_id, as_of)
"""
STORIES_CURRENT = """
CREATE OR REPLACE TEMPORARY VIEW stories_current AS
SELECT newest.as_of, {stories}, coalesce(ends.current_story_id, newest.story_id) AS current_story_id
FROM stories_newest AS newest LEFT JOIN stories_ends AS ends ON ends.story_id = newest.story_id
"""
# Each version of each article: its text from the version row, what was decided from the newest row of any kind.
ARTICLES_CURRENT = """
CREATE OR REPLACE TEMPORARY VIEW articles_current AS
WITH decided AS (
    SELECT article_id, version_key, max(as_of) FILTER (WHERE row_kind = 'version') AS as_of,
        max_by(struct({decided}), as_of) AS d
    FROM articles_rows GROUP BY article_id, version_key
)
SELECT v.as_of, {articles}, coalesce(ends.current_story_id, d.story_id) AS current_story_id
FROM articles_rows AS v
JOIN decided ON decided.article_id = v.article_id AND decided.version_key = v.version_key AND decided.as_of = v.as_of
LEFT JOIN stories_ends AS ends ON ends.story_id = d.story_id
"""


def session() -> SparkSession:
    """The session that runs, or a new one, with what a load and its views need."""
    builder = SparkSession.builder.appName("storywire")
    # Times are shown in UTC, and stored as Parquet's own type: INT96, the default, other readers take for nanoseconds.
    builder = builder.config("spark.sql.session.timeZone", "UTC")
    return builder.config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS").getOrCreate()


def load(output: str, target: str) -> list[str]:
    """Makes the folder `target` equal to the output folder; says what was done, a line for each partition."""
    folder = _folder(target)
    loaded = _loaded(folder)
    todo = plan(output, loaded)
    if todo.gone:
        loaded = {name: sha256 for name, sha256 in loaded.items() if name not in todo.gone}
        _commit(folder, loaded)
    for partition in todo.new:
        for name in DATA_SETS:
            _write(session(), partition, name, _place(folder, name, partition.name, partition.sha256))
        loaded[partition.name] = partition.sha256
        _commit(folder, loaded)
    _sweep(folder, loaded)
    return todo.told()


def views(spark: SparkSession, target: str) -> None:
    """Registers the temporary views articles_current, stories_current and those of all rows, {data set}_rows."""
    folder = _folder(target)
    loaded = _loaded(folder)
    for name in DATA_SETS:
        schema = f"as_of TIMESTAMP, {_typed(name)}"
        places = [f"file://{_place(folder, name, partition, sha256)}" for partition, sha256 in loaded.items()]
        # With the schema named, a file of before a column came has nulls there.
        rows = spark.read.schema(schema).parquet(*places) if places else spark.createDataFrame([], schema)
        rows.createOrReplaceTempView(f"{name}_rows")
    spark.sql(STORIES_NEWEST)
    # Chains of merges are followed here: they are few, and Spark's recursion doesn't end where they make a ring.
    found = spark.sql("SELECT story_id, merged_into FROM stories_newest WHERE merged_into IS NOT NULL").collect()
    merged = {row.story_id: row.merged_into for row in found}
    ends = [(story_id, _end(story_id, merged)) for story_id in merged]
    spark.createDataFrame(ends, "story_id STRING, current_story_id STRING").createOrReplaceTempView("stories_ends")
    stories = ", ".join(f"newest.`{column.name}`" for column in columns("stories"))
    articles = ", ".join(f"{'d' if each.name in DECIDED else 'v'}.`{each.name}`" for each in columns("articles"))
    spark.sql(STORIES_CURRENT.format(stories=stories))
    spark.sql(ARTICLES_CURRENT.format(articles=articles, decided=", ".join(DECIDED)))


def read(spark: SparkSession, partition: Partition, data_set: str) -> DataFrame:
    """A partition's rows of a data set, with as_of; LoadError where its files have columns that the schema lacks."""
    files = [f"file://{path}" for path in partition.files[data_set]]
    if not files:
        return spark.createDataFrame([], f"as_of TIMESTAMP, {_typed(data_set)}")
    schema = (manifests.SCHEMAS / f"{DATA_SETS[data_set]}.avsc").read_text(encoding="utf-8")
    # Spark would leave them out without a word.
    unknown = set(spark.read.format(AVRO).load(files).columns) - {column.name for column in columns(data_set)}
    if unknown:
        raise LoadError(f"{partition.name}: {data_set} have {sorted(unknown)}; take the schemas of that version")
    rows = spark.read.format(AVRO).option("avroSchema", schema).load(files)
    return rows.select(lit(partition.as_of).alias("as_of"), "*")


def _write(spark: SparkSession, partition: Partition, data_set: str, place: Path) -> None:
    """Writes a data set of a partition; LoadError where the rows are not as many as its manifest says."""
    read(spark, partition, data_set).write.mode("overwrite").parquet(f"file://{place}")
    written = spark.read.schema("as_of TIMESTAMP").parquet(f"file://{place}").count()
    check_rows(partition, data_set, written)


def _folder(target: str) -> Path:
    folder = Path(target).resolve()
    if re.search(r"[*?\[\]{}\\]", str(folder)):
        raise LoadError(f"{folder}: Spark takes some of its characters for a pattern; load into a folder without them")
    return folder


def _place(folder: Path, data_set: str, partition: str, sha256: str) -> Path:
    # No key=value: Spark would make a column of it, and guess its type.
    return folder / data_set / f"{partition.removeprefix('as_of=')}-{sha256[:12]}"


def _loaded(folder: Path) -> dict[str, str]:
    """{partition's name: its manifest's sha256} of what is loaded."""
    try:
        return dict(json.loads((folder / LOADED).read_bytes()))
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError) as error:
        raise LoadError(f"{folder / LOADED} is damaged ({error}); delete it and load again") from error


def _commit(folder: Path, loaded: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / f"{LOADED}.new"
    with new.open("w", encoding="utf-8") as file:
        json.dump(loaded, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    new.replace(folder / LOADED)


def _sweep(folder: Path, loaded: dict[str, str]) -> None:
    """Removes what former loads have written and partitions_loaded.json no longer names, or never named."""
    for name in DATA_SETS:
        named = {_place(folder, name, partition, sha256) for partition, sha256 in loaded.items()}
        # Nothing but what is called as `_place` calls it, should FOLDER be another than meant.
        for place in set((folder / name).glob(f"????????T??????*Z-{'[0-9a-f]' * 12}")) - named:
            shutil.rmtree(place)


def _end(story_id: str, merged: dict[str, str]) -> str:
    """The story that it is part of by now; itself where the chain of merges is a ring."""
    passed = {story_id}
    last = merged[story_id]
    while last in merged and last not in passed:
        passed.add(last)
        last = merged[last]
    return story_id if last in passed else last


def _typed(data_set: str) -> str:
    return ", ".join(
        f"`{column.name}` "
        + TYPES[column.type].format(fields=", ".join(f"{field.name}: {TYPES[field.type]}" for field in column.fields))
        for column in columns(data_set)
    )


def main() -> None:
    """OUT and the folder from the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python load_spark.py OUT FOLDER")
    try:
        print("\n".join(load(*sys.argv[1:])) or "nothing to do")
    except (LoadError, PySparkException, Py4JJavaError, OSError) as error:
        sys.exit(f"load_spark: {str(error).partition(chr(10) + chr(9) + 'at ')[0]}")
    finally:
        running = SparkSession.getActiveSession()
        if running:
            running.stop()


if __name__ == "__main__":
    main()
