"""What holds for every format: its samples give what their golden files say, and nobody else claims them."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT
from tests.transforms.golden import GOLDEN, golden, item_of, samples, written
from transforms.article import SKIP, Article, RawItem, Reject
from transforms.parse import Sample, formats, parse

NAMES = [form.name for form in formats()]
# Formats whose samples are those of the sample wire.
IN_THE_WIRE = {"dated_text", "front_matter", "json"}


def name_of(sample):
    return f"{sample.parent.name}/{sample.name}"


@pytest.mark.parametrize("sample", samples(), ids=name_of)
def test_a_sample_gives_what_its_golden_file_says(sample):
    assert written(sample) == golden(sample).read_text(encoding="utf-8")


@pytest.mark.parametrize("sample", samples(), ids=name_of)
def test_one_format_alone_claims_a_sample(sample):
    look = Sample.of(sample.read_bytes())
    assert [form.name for form in formats() if form.recognise(look)] == [sample.parent.name]


@pytest.mark.parametrize("sample", samples(), ids=name_of)
def test_an_entry_alone_gives_what_it_gave_among_others(sample):
    """What a reject of a later step keeps is read again as it was."""
    for found in parse(item_of(sample)):
        again = list(parse(RawItem(found.uri, found.payload, 0, position=found.position)))
        if isinstance(found, Article):
            assert [entry._replace(payload=b"") for entry in again] == [found._replace(payload=b"")]
        else:
            assert [(entry.stage, entry.error) for entry in again] == [(found.stage, found.error)]


def test_every_golden_file_has_its_sample():
    wanted = {golden(sample) for sample in samples()}
    assert set(GOLDEN.glob("*/*.json")) == wanted


@pytest.mark.parametrize("name", NAMES)
def test_every_format_has_a_sample_and_says_what_feeds_what(name):
    form = next(form for form in formats() if form.name == name)
    assert form.about.endswith(".")
    assert form.elements.keys() <= set(Article._fields)
    assert "headline" in form.elements
    assert name in IN_THE_WIRE or list((ROOT / "samples" / "formats" / name).glob("*"))


def test_no_text_is_no_article():
    for sample in samples():
        for found in parse(item_of(sample)):
            if isinstance(found, Reject):
                assert found.stage in ("parse", SKIP)
            else:
                assert found.headline or found.body or found.pub_status in ("canceled", "withheld")
