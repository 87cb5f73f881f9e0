"""The same keys whatever the slices: over all development articles, which are not part of the project."""

import random

import pytest

from pipeline.learn import read_texts
from tests.transforms.test_stories_desk import in_runs
from transforms.stories.desk import in_order
from transforms.stories.learn.texts import lead, slips_of, squeezed
from transforms.stories.terms import term_ids
from transforms.stories.vectors import DAY

pytestmark = pytest.mark.corpus


@pytest.fixture(scope="module")
def texts(development_data):
    stories = development_data / "stories"
    return [
        text._replace(name=f"{name} {text.name}")
        for name in ("dev_dated_en", "background_en")
        for text in read_texts(stories / f"{name}.jsonl", "en")
    ]


def cuts_of(slips, length):
    """Where a run ends, if each takes that much time."""
    ordered = sorted(slips, key=in_order)
    days = [slip.event_time // length for slip in ordered]
    return [at for at in range(1, len(days)) if days[at] != days[at - 1]]


def test_daily_and_uneven_runs_are_one_run(texts):
    slips = slips_of([lead(text, 50) for text in texts], term_ids("en"))
    whole = in_runs(slips, [])
    chance = random.Random(4)
    uneven = sorted(chance.sample(range(len(slips)), 12))
    for cuts in (cuts_of(slips, DAY), uneven):
        assert in_runs(slips, cuts) == whole


@pytest.mark.parametrize("language", ["en", "de"])
def test_a_dense_desk_saved_after_every_few_articles_goes_on_exactly(texts, language):
    # Years in weeks: merges, second looks and many stories that end. A desk without a table counts terms itself.
    slips = squeezed(slips_of([lead(text, 60) for text in texts[::5]], term_ids(language)), 60)
    whole = in_runs(slips, [], language)
    assert any(story.merged_into for story in whole[1].values())
    assert in_runs(slips, range(7, len(slips), 7), language) == whole
    assert in_runs(slips, cuts_of(slips, DAY // 24), language) == whole
