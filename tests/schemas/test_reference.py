"""The reference page: made from the schemas, and not stale."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from schemas import DATA_SETS, data_set
from schemas.reference import COMMAND, KEYS, _cell, page
from tests.schemas.golden import golden_rows, releases

PAGE = Path(__file__).parent.parent.parent / "docs" / "schemas.md"


def test_page_is_not_stale():
    assert PAGE.read_text("utf-8") == page(), f"docs/schemas.md is stale; write it anew: {COMMAND}"


@pytest.mark.parametrize("name", DATA_SETS)
def test_page_has_every_field_and_doc(name):
    (section,) = re.findall(rf"^## {name}$(.*?)^## ", page(), re.MULTILINE | re.DOTALL)
    for field in data_set(name).schema["fields"]:
        (row,) = [
            line for line in section.partition("###")[0].splitlines() if line.startswith(f"| `{field['name']}` |")
        ]
        assert row.endswith(f" {_cell(field['doc'])} |")
        assert ("| yes |" in row) == (field.get("default", "") is None)


@pytest.mark.parametrize("name", DATA_SETS)
def test_keys_are_fields_that_tell_rows_apart(name):
    fields = KEYS[name].fields
    rows = golden_rows(releases()[-1], DATA_SETS[name])
    if fields:
        assert set(fields) <= rows[0].keys()
        assert len({tuple(row[field] for field in fields) for row in rows}) == len(rows)


def test_tables_have_as_many_cells_in_every_row():
    for table in re.findall(r"(?:^\|.*\n)+", page(), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_cells_hold_what_markdown_would_take_for_its_own():
    assert _cell("a | b\n<c> *d* \\") == "a \\| b \\<c> \\*d\\* \\\\"
