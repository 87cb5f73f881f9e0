"""A desk that knows nothing but its tables: two articles alone, in seven languages.

A run of two articles is the hardest start there is: no other story to compare with, nothing counted yet. What it does
with unrelated ones shows how well the term table of a language tells news from grammar.
"""

from itertools import combinations

import pytest

from tests.transforms.stories_cases import REPORTS
from tests.transforms.stories_texts import HOUR, START, key_by_story, slip
from transforms.article import Decision

MOST_JOINED_WRONGLY = 0.05
# Of the six pairs of two agencies on one event. Found today: all, in Vietnamese four.
LEAST_JOINED_RIGHTLY = {"de": 5, "en": 5, "es": 5, "fr": 5, "ru": 5, "vi": 3, "zh": 5}
EVENTS, RELATED = 14, 6


def joined(language):
    """Of the pairs of reports of a language, each alone in a run of its own, those that share a key: (of one event, of
    two events)."""
    slips = [
        slip(f"{at}", report.headline, report.body, START + at * HOUR, language)
        for at, report in enumerate(REPORTS[language])
    ]
    right, wrong = [], []
    for (one, first), (other, second) in combinations(zip(REPORTS[language], slips, strict=True), 2):
        keys = {row.story_id for row in key_by_story(language, [first, second]) if isinstance(row, Decision)}
        if len(keys) == 1:
            (right if one.event == other.event else wrong).append((one.headline, other.headline))
    return right, wrong


@pytest.mark.parametrize("language", sorted(LEAST_JOINED_RIGHTLY))
def test_two_articles_alone(language):
    right, wrong = joined(language)
    reports = len(REPORTS[language])
    unrelated = reports * (reports - 1) // 2 - RELATED
    assert len(wrong) <= MOST_JOINED_WRONGLY * unrelated, wrong
    assert len(right) >= LEAST_JOINED_RIGHTLY[language], right


def test_the_reports_are_well_formed():
    assert REPORTS.keys() == LEAST_JOINED_RIGHTLY.keys()
    for language, reports in REPORTS.items():
        events = [report.event for report in reports]
        assert len(set(events)) == EVENTS, language
        assert sorted(events.count(event) for event in set(events)) == [1] * (EVENTS - RELATED) + [2] * RELATED
        assert len({report.body for report in reports}) == len(reports), language
        assert all(report.headline.strip() and report.body.strip() for report in reports), language
