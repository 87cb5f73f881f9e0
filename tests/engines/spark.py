"""Spark in local mode as a warehouse: one session for all tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.engines.partitions import Row, Tables
from tests.engines.warehouses import Warehouse

# For the session of the tests and for that of the script's process; nothing listens beyond loopback.
ENVIRONMENT = {
    "SPARK_LOCAL_IP": "127.0.0.1",
    "PYSPARK_SUBMIT_ARGS": "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false "
    "--conf spark.sql.shuffle.partitions=2 pyspark-shell",
}


class Spark(Warehouse):
    name = "spark"
    module = "pyspark"

    def __enter__(self) -> Warehouse:
        if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
            pytest.skip("Spark needs Java: apt-get install default-jre-headless")
        self._environment = mock.patch.dict(os.environ, ENVIRONMENT)
        self._environment.start()
        try:
            super().__enter__()
            self._spark = self.script.session()
        except BaseException:
            self._environment.stop()
            raise
        return self

    def __exit__(self, *_: Any) -> None:
        try:
            self._spark.stop()
        finally:
            self._environment.stop()

    def tables(self) -> Tables:
        self.script.views(self._spark, self.target())
        return super().tables()

    def rows(self, table: str) -> list[Row]:
        return self._collect(self._spark.table(table))

    def state(self) -> Any:
        # The files are all that there is.
        files = sorted(path for path in Path(self.target()).rglob("*") if path.is_file())
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino, path.read_bytes()) for path in files}

    def ledger(self, paths: list[str]) -> list[Row]:
        return self._collect(self._spark.read.format(self.script.AVRO).load(paths))

    def _collect(self, frame: Any) -> list[Row]:
        from pyspark.sql.functions import unix_micros

        # PySpark gives times without a zone in that of the process, which is not always UTC.
        times = {name: unix_micros(name) for name, kind in frame.dtypes if kind == "timestamp"}
        return [row.asDict(recursive=True) for row in frame.withColumns(times).collect()]
