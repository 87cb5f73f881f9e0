"""ClickHouse as the tests load it: chdb, one session a process at a time."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from tests.engines.partitions import Row
from tests.engines.warehouses import Warehouse


class ClickHouse(Warehouse):
    name = "clickhouse"
    module = "chdb"

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Any]:
        from chdb import session

        with session.Session(self.target()) as connection:
            yield connection

    def rows(self, table: str) -> list[Row]:
        with self._connected() as connection:
            return self._query(connection, f"SELECT * FROM {table}", self._types(connection, f"DESCRIBE {table}"))

    def ledger(self, paths: list[str]) -> list[Row]:
        found: list[Row] = []
        with self._connected() as connection:
            for path in paths:
                found += self._lines(connection, f"SELECT * FROM file('{path}', Avro)")
        return found

    def _types(self, connection: Any, describe: str) -> dict[str, str]:
        return {row["name"]: row["type"] for row in self._lines(connection, describe)}

    def _query(self, connection: Any, sql: str, types: dict[str, str]) -> list[Row]:
        exact = [
            f"{'toUnixTimestamp64Micro' if 'DateTime64' in kind else '1000000 * toUnixTimestamp'}({name}) AS {name}"
            for name, kind in types.items()
            if "DateTime" in kind
        ]
        columns = f"* REPLACE ({', '.join(exact)})" if exact else "*"
        return self._lines(connection, f"SELECT {columns} FROM ({sql})")

    def _lines(self, connection: Any, sql: str) -> list[Row]:
        exact = "output_format_json_quote_64bit_integers = 0, output_format_json_named_tuples_as_objects = 1"
        settings = f"SETTINGS {exact}, use_hive_partitioning = 0" if sql.startswith("SELECT") else ""
        told = str(connection.query(f"{sql} {settings}", "JSONEachRow"))
        return [json.loads(line) for line in told.split("\n") if line]
