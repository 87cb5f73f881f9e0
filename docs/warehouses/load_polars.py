"""Loads the output of `storywire run` into a folder of Parquet files with Polars, and keeps it equal to that.

    pip install polars
    python docs/warehouses/load_polars.py OUT PARQUET_FOLDER

A partition is one Parquet file a data set, named after the partition and its manifest's hash; loaded.json says which
files count and is replaced in one rename. So who asks it (as `tables` does) sees the folder as it was or as it is, and
a load that is killed leaves nothing but files that the next one removes. Times are Datetime("us", "UTC").
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl
from manifests import DATA_SETS, DECIDED, Column, LoadError, Partition, check_rows, columns, plan

TYPES = {
    "string": pl.String(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "boolean": pl.Boolean(),
    "timestamp": pl.Datetime("us", "UTC"),
    "strings": pl.List(pl.String()),
}
LOADED = "loaded.json"


def load(output: str, folder: str) -> list[str]:
    """Makes `folder` equal to the output folder; says what was done, a line for each partition."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    loaded = _loaded(root)
    todo = plan(output, loaded)
    if not todo.told():
        return []
    for partition in todo.new:
        insert(root, partition)
        loaded[partition.name] = partition.sha256
    for name in todo.gone:
        del loaded[name]
    _replace(root / LOADED, json.dumps(loaded, indent=2, sort_keys=True).encode())
    for path in root.glob("*.parquet*"):
        if path.name not in {_file(data_set, *entry) for data_set in DATA_SETS for entry in loaded.items()}:
            path.unlink()
    return todo.told()


def insert(root: Path, partition: Partition) -> None:
    """Writes a partition's files; LoadError where the rows are not as many as its manifest says."""
    as_of = pl.lit(partition.as_of).cast(pl.Datetime("us", "UTC")).alias("as_of")
    for name in DATA_SETS:
        # A file of an older version lacks the columns that came later.
        frames = [pl.read_avro(path) for path in partition.files[name]]
        rows = pl.concat([_empty(name), *frames], how="diagonal_relaxed")
        check_rows(partition, name, rows.height)
        path = root / _file(name, partition.name, partition.sha256)
        rows.select(as_of, pl.all()).write_parquet(f"{path}.tmp")
        Path(f"{path}.tmp").replace(path)


def tables(folder: str) -> dict[str, pl.DataFrame]:
    """All tables: the rows as they came, by data set, and what holds now of articles and stories.

    `articles_current` has each version of each article, its text from the version row and what was decided from the
    newest row of any kind; `stories_current` the newest row of each story. `current_story_id` follows merges.
    """
    root = Path(folder)
    found = {
        f"{name}_rows": pl.concat(
            [
                _empty(name).select(pl.lit(None, pl.Datetime("us", "UTC")).alias("as_of"), pl.all()),
                *(pl.read_parquet(root / _file(name, *entry)) for entry in sorted(_loaded(root).items())),
            ],
            how="diagonal_relaxed",
        )
        for name in DATA_SETS
    }
    stories = found["stories_rows"].sort("as_of").unique("story_id", keep="last", maintain_order=True)
    merged = dict(stories.filter(pl.col("merged_into").is_not_null()).select("story_id", "merged_into").iter_rows())
    survivors = {story_id: _survivor(story_id, merged) for story_id in merged}

    def followed(rows: pl.DataFrame) -> pl.DataFrame:
        story = pl.col("story_id")
        return rows.with_columns(story.replace(survivors).alias("current_story_id"))

    key = ["article_id", "version_key"]
    rows = found["articles_rows"].sort("as_of")
    decided = rows.group_by(key, maintain_order=True).agg(pl.col(DECIDED).last())
    texts = rows.filter(pl.col("row_kind") == "version").drop(DECIDED).unique(key, keep="last", maintain_order=True)
    current = texts.join(decided, on=key).select(rows.columns)
    return found | {"stories_current": followed(stories), "articles_current": followed(current)}


def _survivor(story_id: str, merged: dict[str, str]) -> str:
    """The story at the end of a chain of merges; a ring ends where it began."""
    passed = {story_id}
    end = story_id
    while end in merged:
        end = merged[end]
        if end in passed:
            return story_id
        passed.add(end)
    return end


def _loaded(root: Path) -> dict[str, str]:
    path = root / LOADED
    return dict(json.loads(path.read_bytes())) if path.exists() else {}


def _file(data_set: str, partition: str, sha256: str) -> str:
    return f"{data_set}-{partition.removeprefix('as_of=')}-{sha256[:16]}.parquet"


def _replace(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.tmp")
    beside.write_bytes(data)
    beside.replace(path)


def _empty(name: str) -> pl.DataFrame:
    return pl.DataFrame(schema={column.name: _type(column) for column in columns(name)})


def _type(column: Column) -> pl.DataType:
    if column.type == "records":
        return pl.List(pl.Struct({field.name: _type(field) for field in column.fields}))
    return TYPES[column.type]


def main() -> None:
    """OUT and the folder from the command line."""
    if len(sys.argv) != 3:
        sys.exit("usage: python load_polars.py OUT PARQUET_FOLDER")
    try:
        print("\n".join(load(*sys.argv[1:])) or "nothing to do")
    except (LoadError, OSError, pl.exceptions.PolarsError) as error:
        sys.exit(f"load_polars: {error}")


if __name__ == "__main__":
    main()
