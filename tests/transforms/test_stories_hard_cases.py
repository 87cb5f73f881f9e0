"""Hard cases for the desk: what editors know to be one story, or two, and a likeness of words does not.

`python -m tests.transforms.test_stories_hard_cases` prints a report: which cases are right, and in the wrong ones which
articles were joined or split. With `--crowd` all cases of a language run as one stream. Names of cases narrow it down.
"""

import sys
from collections import Counter
from functools import cache

import pytest

from tests.transforms.stories_cases import ANY, CASES, FILLER, HERE, KINDS
from tests.transforms.stories_texts import key_by_story, slip
from transforms.article import Decision, Story
from transforms.stories.vectors import DAY

# Cases that today's model gets wrong, and how. One that starts to pass fails its test until it is taken off.
KNOWN_FAILURES = {
    "norvale-closes": "one template: the closes of three days are joined",
    "wetterdienst-berichte": "one template: the forecasts of three days are joined",
    "shares-fall": "one template: four companies are joined",
    "maintained-at-buy": "one template, two lines: four companies are joined",
    "yuangang-closes": "one template: the closes of three days are joined",
    "alerta-explosion": "alert and first report find each other, the longer report has other words and opens a story",
    "mine-ten-years-on": "remembrance and news of two mines are joined by the words of mining",
    "bridge-collapse-anniversary": "the look back at one bridge is joined with the news of another",
    "eishockey-serie": "two games of a series are joined",
    "two-quakes": "quakes in two countries are joined",
    "two-fires-in-one-city": "the city and the fire chief join two fires",
    "lincheng-two-crashes": "the city and its police join two crashes",
    "trial-of-vasker": "each day in court opens a story; only the accused's name is there throughout",
    "dock-strike": "each turn of the strike opens a story",
    "search-for-the-marlin": "search, end of hope, finding, raising, resignation: five stories",
    "four-earnings": "one morning's quarterly results are joined",
    "three-openings": "openings of three museums are joined by the phrases of such reports",
    "drei-bahnmeldungen": "a railway's strike and its delays are joined",
    "president-everywhere": "one president joins three events",
    "country-of-five-stories": "a country and its capital join five events",
    "ministra-en-tres-frentes": "one minister joins three events",
}

# How many cases come out right where all of a language are one stream. More stories to choose from make some cases
# easier and some harder.
LEAST_RIGHT_IN_A_CROWD = 20


def keyed(language, slips):
    """Article id -> the story that its key stands for, after all merges."""
    # The desk looks at a day's lone articles again when the day is over; an article of a later day says that it is.
    last = slip("last", time=max(one.event_time for one in slips) + DAY, language=language)
    keys, merged_into = {}, {}
    for row in key_by_story(language, [*slips, last]):
        if isinstance(row, Decision):
            assert not row.error
            keys[row.article_id] = row.story_id
        elif isinstance(row, Story):
            merged_into[row.story_id] = row.merged_into

    def survivor(key):
        return survivor(merged_into[key]) if merged_into[key] else key

    return {article: survivor(key) for article, key in keys.items()}


def slip_of(case, article, name):
    return slip(name, article.headline, article.body, article.time, case.language, provider=article.provider)


def alone(case):
    """What is wrong with a case in a stream of its own."""
    return wrongs(case.articles, keyed(case.language, [slip_of(case, one, one.id) for one in case.articles]))


@cache
def crowd(language):
    """The keys of all cases of a language in one stream; filler, which many cases have, is there once."""
    slips = {}
    for case in CASES:
        if case.language == language:
            for one in case.articles:
                name = one.id if one.story.startswith(FILLER) else f"{case.name} {one.id}"
                slips.setdefault(name, slip_of(case, one, name))
    return keyed(language, list(slips.values()))


def in_a_crowd(case):
    """What is wrong with a case's own articles among those of all other cases."""
    keys = crowd(case.language)
    articles = [one for one in case.articles if not one.story.startswith(FILLER)]
    return wrongs(articles, {one.id: keys[f"{case.name} {one.id}"] for one in articles})


def wrongs(articles, keys):
    """What is wrong with the keys of articles, in words: a line for each key of several stories, and for each story of
    several keys. Empty if all is well."""
    together = {}
    for one in articles:
        if one.story != ANY:
            together.setdefault((keys[one.id], one.story), []).append(one.id)
    of_key, of_story = {}, {}
    for (key, story), ids in together.items():
        of_key.setdefault(key, []).append(" ".join(ids))
        of_story.setdefault(story, []).append(" ".join(ids))
    joined = [f"joined: {' + '.join(parts)}" for parts in of_key.values() if len(parts) > 1]
    split = [f"split: {' | '.join(parts)}" for parts in of_story.values() if len(parts) > 1]
    return joined + split


def params():
    for case in CASES:
        why = KNOWN_FAILURES.get(case.name)
        marks = [pytest.mark.xfail(reason=why, strict=True, raises=AssertionError)] if why else []
        yield pytest.param(case, id=f"{case.kind}-{case.name}", marks=marks)


@pytest.mark.parametrize("case", params())
def test_a_hard_case(case):
    assert alone(case) == []


def test_hard_cases_in_a_crowd():
    assert sum(not in_a_crowd(case) for case in CASES) >= LEAST_RIGHT_IN_A_CROWD


def test_what_is_wrong_is_found():
    case = next(case for case in CASES if case.name == "quake-alert")
    all_right = {one.id: one.story for one in case.articles}
    assert wrongs(case.articles, all_right) == []
    assert wrongs(case.articles, all_right | {"alert": "another"}) == ["split: alert | report morning"]
    joined = dict.fromkeys(all_right, "quake")
    assert wrongs(case.articles[:4], joined) == ["joined: alert report morning + filler rent-cap"]


def test_the_cases_are_well_formed():
    assert sorted(path.stem for path in (HERE / "hard_cases").glob("*.toml")) == sorted(KINDS)
    kinds = Counter(case.kind for case in CASES)
    assert min(kinds[kind] for kind in KINDS) >= 2
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    for case in CASES:
        assert case.about.endswith("."), case.name
        ids = [one.id for one in case.articles]
        assert len(set(ids)) == len(ids), case.name
        assert all(one.headline.strip() and one.story for one in case.articles), case.name
        # Only an alert may do without a body.
        assert all(one.body.strip() or "alert" in (case.kind, one.id) for one in case.articles), case.name
        assert not any("{" in one.body for one in case.articles), case.name
        assert len({one.story for one in case.articles} - {ANY}) > 1, f"{case.name}: nothing that must be kept apart"


def test_known_failures_are_cases():
    assert KNOWN_FAILURES.keys() <= {case.name for case in CASES}
    assert all(KNOWN_FAILURES.values())


def report(names, find):
    """The report, line by line, of the cases named, or of all; `find` says what is wrong with a case."""
    chosen = [case for case in CASES if not names or case.name in names]
    right, wrong_names = Counter(), set()
    for case in chosen:
        wrong = find(case)
        yield f"{case.kind} / {case.name} ({case.language}): {'wrong' if wrong else 'right'}"
        if wrong:
            yield f"    {case.about}"
            yield from (f"    {line}" for line in wrong)
            wrong_names.add(case.name)
        else:
            right[case.kind] += 1
    yield ""
    total = Counter(case.kind for case in chosen)
    yield from (f"{kind}: {right[kind]} of {total[kind]}" for kind in total)
    yield f"all: {right.total()} of {total.total()}"
    if find is alone:
        known = KNOWN_FAILURES.keys() & {case.name for case in chosen}
        yield f"known failures that are right now: {' '.join(sorted(known - wrong_names)) or 'none'}"
        yield f"failures that are not known: {' '.join(sorted(wrong_names - known)) or 'none'}"


if __name__ == "__main__":
    names = [argument for argument in sys.argv[1:] if argument != "--crowd"]
    print(*report(names, in_a_crowd if "--crowd" in sys.argv else alone), sep="\n")
