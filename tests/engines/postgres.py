"""PostgreSQL as a warehouse: a cluster of its own on a socket, which ends with the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from tests.engines.partitions import Row, Tables
from tests.engines.warehouses import TABLES, Warehouse

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


class PostgreSQL(Warehouse):
    name = "postgres"
    module = "psycopg"

    def __enter__(self) -> Warehouse:
        if not BINARIES:
            pytest.skip("no PostgreSQL server is installed: apt-get install postgresql")
        super().__enter__()
        import psycopg

        self._connect = psycopg.connect
        # The server refuses to run as root, and a socket's path has to be short.
        self._user = {"user": "postgres", "group": "postgres", "extra_groups": []} if os.geteuid() == 0 else {}
        self._cluster = Path(tempfile.mkdtemp(prefix="storywire-postgres-"))
        try:
            if self._user:
                shutil.chown(self._cluster, "postgres", "postgres")
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop()

    def begin(self) -> None:
        super().begin()
        with self._connect(self._to("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{self._database()}"')

    def target(self) -> str:
        return self._to(self._database())

    def rows(self, table: str) -> list[Row]:
        return self._query(f"SELECT * FROM {table}")

    def state(self) -> Any:
        # xmin is the transaction that wrote a row.
        written = [
            self._query(f"SELECT xmin::text, ctid::text FROM {table} ORDER BY ctid")
            for table in (*TABLES[:3], "partitions_loaded")
        ]
        return self.tables(), written

    def as_it_holds(self, tables: Tables) -> Tables:
        return {name: [_without_nul(row) for row in rows] for name, rows in tables.items()}

    def ledger(self, paths: list[str]) -> None:
        return None

    def _database(self) -> str:
        return f"warehouse-{self._count}"

    def _to(self, database: str) -> str:
        return f"host={self._cluster} dbname={database} user=postgres"

    def _query(self, sql: str) -> list[Row]:
        from psycopg.rows import dict_row

        with self._connect(self.target(), row_factory=dict_row) as connection:
            return connection.execute(sql).fetchall()

    def _start(self) -> None:
        data, log = self._cluster / "data", self._cluster / "log"
        made = subprocess.run(
            [BINARIES[-1] / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"],
            capture_output=True, text=True, cwd=self._cluster, **self._user,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        settings = {"listen_addresses": "", "unix_socket_directories": self._cluster, "fsync": "off"}
        options = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        with log.open("wb") as written:
            self._server: subprocess.Popen[bytes] | None = subprocess.Popen(
                # The server ends when the tests do, however they end.
                ["setpriv", "--pdeathsig", "INT", BINARIES[-1] / "postgres", "-D", data, *options],
                stdin=subprocess.DEVNULL, stdout=written, stderr=written, cwd=self._cluster, **self._user,
            )  # fmt: skip
        ready = [BINARIES[-1] / "pg_isready", "-q", "-h", self._cluster]
        for _ in range(300):
            if subprocess.run(ready).returncode == 0:
                return
            assert self._server.poll() is None, log.read_text()
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    def _stop(self) -> None:
        server = getattr(self, "_server", None)
        if server is not None:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
        shutil.rmtree(self._cluster)


def _without_nul(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nul(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_nul(inner) for inner in value]
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value
