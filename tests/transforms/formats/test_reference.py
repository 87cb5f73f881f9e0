"""The page of the formats: made from the parsers, and not stale."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from transforms.parse import formats
from transforms.parse.reference import COMMAND, page


def test_page_is_not_stale():
    stored = (ROOT / "docs" / "formats.md").read_text("utf-8")
    assert stored == page(), f"docs/formats.md is stale; write it anew: {COMMAND}"


@pytest.mark.parametrize("form", formats(), ids=lambda form: form.name)
def test_page_has_every_field_of_a_format(form):
    (section,) = re.findall(rf"^## {form.name}$(.*?)^## ", page(), re.MULTILINE | re.DOTALL)
    assert section.count("\n| `") == len(form.elements)
    for places in form.elements.values():
        assert all(f"`{place}`".replace("|", "\\|") in section for place in places)
