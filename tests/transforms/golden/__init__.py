"""What the samples of each format must give: `samples/formats/FORMAT/NAME` gives `FORMAT/NAME.json` here.

`python -m tests.transforms.golden` writes the files that are missing, and with names of formats theirs anew: read the
difference before you commit it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from transforms.article import Article, RawItem, Reject, Stated
from transforms.parse import parse
from transforms.parse.times import iso

SAMPLES = ROOT / "samples" / "formats"
GOLDEN = Path(__file__).parent


def samples() -> list[Path]:
    return sorted(path for path in SAMPLES.glob("*/*") if path.is_file())


def golden(sample: Path) -> Path:
    return GOLDEN / sample.parent.name / f"{sample.name}.json"


def item_of(sample: Path) -> RawItem:
    return RawItem(f"{sample.parent.name}/{sample.name}", sample.read_bytes(), 0)


def shown(found: Article | Reject) -> dict[str, Any]:
    """What a parser gave, without what is at its default and without the payload's bytes."""
    if isinstance(found, Reject):
        names = ("stage", "error", "message", "position", "payload_size")
        return {"reject": {name: getattr(found, name) for name in names}}
    defaults = Article("")
    fields = {name: value for name, value in found._asdict().items() if value != getattr(defaults, name)}
    del fields["uri"], fields["payload"]
    return {name: _shown(value) for name, value in fields.items()}


def _shown(value: Any) -> Any:
    if isinstance(value, Stated):
        return " ".join((iso(value.time), value.precision, *(["zone assumed"] if value.zone_assumed else [])))
    if isinstance(value, str):
        return value.split("\n") if "\n" in value else value
    if isinstance(value, tuple):
        return [entry._asdict() if hasattr(entry, "_asdict") else entry for entry in value]
    return value


def written(sample: Path) -> str:
    return json.dumps([shown(found) for found in parse(item_of(sample))], indent=1, ensure_ascii=False) + "\n"


def main(again: list[str]) -> Iterator[str]:
    """Writes the golden files that are missing, and all of these formats; gives their names."""
    for sample in samples():
        path = golden(sample)
        if not path.exists() or sample.parent.name in again:
            path.parent.mkdir(exist_ok=True)
            path.write_text(written(sample), encoding="utf-8")
            yield str(path.relative_to(ROOT))
