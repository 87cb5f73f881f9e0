"""Polars as the tests load it: a folder of Parquet files."""

from __future__ import annotations

from tests.engines.partitions import Row, Tables, plain
from tests.engines.warehouses import Warehouse


class Polars(Warehouse):
    name = module = "polars"

    def tables(self) -> Tables:
        found = self.script.tables(self.target())
        return {name: [plain(row) for row in rows.iter_rows(named=True)] for name, rows in found.items()}

    def ledger(self, paths: list[str]) -> list[Row]:
        import polars

        return [row for path in paths for row in polars.read_avro(path).iter_rows(named=True)]
