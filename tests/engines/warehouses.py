"""The warehouses that the tests load into: each starts what it needs, calls the documented script, and reads back."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.engines.partitions import Row, Tables, in_order, plain

SCRIPTS = ROOT / "docs" / "warehouses"
TABLES = ("articles_rows", "stories_rows", "rejects_rows", "articles_current", "stories_current")


class Warehouse:
    """A warehouse in a folder of its own; `begin` makes a new, empty one."""

    name = ""
    module = ""
    """What it can't do without."""
    atomic = True
    """A load that fails leaves what readers see as it was."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._count = 0

    def __enter__(self) -> Warehouse:
        pytest.importorskip(self.module, reason=f"{self.module} is not installed: pip install 'storywire[engines]'")
        sys.path.insert(0, str(SCRIPTS))
        try:
            self.script: ModuleType = importlib.import_module(f"load_{self.name}")
            self.manifests: ModuleType = importlib.import_module("manifests")
        finally:
            sys.path.remove(str(SCRIPTS))
        self.LoadError = self.manifests.LoadError
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def begin(self) -> None:
        self.close()
        self._count += 1

    def close(self) -> None:
        """Lets go of files that another process is to open."""

    def target(self) -> str:
        return str(self.folder / f"{self.name}-{self._count}")

    def load(self, output: Path) -> list[str]:
        return self.script.load(str(output), self.target())

    def rows(self, table: str) -> list[Row]:
        raise NotImplementedError

    def tables(self) -> Tables:
        return {name: [plain(row) for row in self.rows(name)] for name in TABLES}

    def state(self) -> Any:
        """All that a load could change, compared before and after one that has nothing to do."""
        return {name: in_order(rows) for name, rows in self.tables().items()}

    def as_it_holds(self, tables: Tables) -> Tables:
        """What the warehouse can hold of `tables`."""
        return tables

    def ledger(self, paths: list[str]) -> list[Row] | None:
        """The rows of Avro files as the engine itself reads them, None where it reads none."""
        raise NotImplementedError


class DuckDB(Warehouse):
    name = module = "duckdb"

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        with self.script.connect(self.target()) as connection:
            yield connection

    def rows(self, table: str) -> list[Row]:
        return self._query(f"SELECT * FROM {table}")

    def ledger(self, paths: list[str]) -> list[Row]:
        return self._query("SELECT * FROM read_avro(?, hive_partitioning = false)", [paths])

    def _query(self, sql: str, parameters: Any = None) -> list[Row]:
        with self._connected() as connection:
            found = connection.execute(sql, parameters)
            names = [column[0] for column in found.description]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
