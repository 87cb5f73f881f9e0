"""The wheel: what a machine has that only runs workers."""

from __future__ import annotations

import zipfile

from tests.conftest import ROOT
from tests.engines.bring import ROOMS, wheel


def test_the_wheel_carries_every_module_and_data_file_and_nothing_else(tmp_path):
    with zipfile.ZipFile(wheel(tmp_path)) as packed:
        told = {name: packed.read(name) for name in packed.namelist()}
    carried = {name: data for name, data in told.items() if ".dist-info/" not in name}
    # Schemas of earlier releases are for tests: a run writes the newest, and files bring their own.
    left_out = {"__pycache__", "released"}
    paths = [path.relative_to(ROOT) for room in ROOMS for path in (ROOT / room).rglob("*") if path.is_file()]
    wanted = {str(path): (ROOT / path).read_bytes() for path in paths if not left_out & set(path.parts)}
    assert carried == wanted
    assert {name.rpartition(".")[2] for name in carried} >= {"py", "avsc", "json", "toml", "npz", "gz", "typed"}
    metadata = next(data for name, data in told.items() if name.endswith(".dist-info/METADATA"))
    assert b"Requires-Dist: apache-beam==2.77.0" in metadata
