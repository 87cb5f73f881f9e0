"""The desk: which story an article gets, whatever the order of arrival, and what is said of the story."""

from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_texts import (
    BRIDGE,
    CHESS,
    ELSEWHERE,
    HOUR,
    OTHERS,
    START,
    again,
    key_by_story,
    slip,
    wire,
)
from transforms import ledger
from transforms.article import Decision, Story
from transforms.stories.desk import LIFE, SECOND_LOOKS, Desk, in_order, story_id_of
from transforms.stories.keyterms import key_terms
from transforms.stories.model import Model, Tree
from transforms.stories.terms import term_ids
from transforms.stories.vectors import DAY, Vector

# Joins whatever has a cosine of .2: lets a test say who joins without asking the learned model.
NEAR = Model((Tree(((0, 0.2, ~0, ~1),), (-1, 1)),), 0)
# The same, and whatever else has a cosine of .2 merges.
MERGING = Model((Tree(((0, 0.2, ~0, ~1),), (-1, 2_000_000)),), 0)


def keyed(slips, model=None, language="en"):
    """Decisions by (article, version), and stories by id."""
    found = list(key_by_story(language, slips, model=model))
    decisions = {(row.article_id, row.version): row for row in found if isinstance(row, Decision)}
    return decisions, {row.story_id: row for row in found if isinstance(row, Story)}


def stories_of(slips, model=None):
    """The groups of articles that got one key."""
    decisions, _ = keyed(slips, model)
    groups = {}
    for row in decisions.values():
        groups.setdefault(row.story_id, set()).add(row.article_id)
    return sorted(map(sorted, groups.values()))


def test_articles_of_one_event_share_a_story_and_others_do_not():
    assert stories_of(wire()) == [
        ["bridge-1", "bridge-2", "bridge-3"],
        ["chess-1", "chess-2"],
        ["dairy"],
        ["museum"],
        ["nurses"],
        ["storm"],
    ]


def test_two_articles_alone():
    assert len(stories_of([slip("a", *BRIDGE[0]), slip("b", *BRIDGE[1])])) == 1
    for other in (*CHESS, *OTHERS):
        assert len(stories_of([slip("a", *BRIDGE[0]), slip("b", *other)])) == 2


def test_a_story_is_named_after_its_founder():
    decisions, stories = keyed(wire())
    # BLAKE2b-128 of "story\0en\0bridge-1" in hex: the same on every machine.
    assert decisions["bridge-2", 1].story_id == story_id_of("en", "bridge-1") == "b3ca436212247c1acf633a612a510069"
    assert stories[story_id_of("en", "bridge-1")].founder == "bridge-1"


@given(st.permutations(range(9)), st.integers(0, 8), st.integers(0, 8))
def test_order_of_arrival_does_not_matter(order, revised, killed):
    slips = wire()
    later = again(slips[revised], 2, event_time=START + 10 * HOUR, usable=False)
    out = slips[killed]._replace(usable=False)
    slips[killed] = out
    expected = list(key_by_story("en", [*slips, later]))
    shuffled = [later, *(slips[at] for at in order)]
    assert list(key_by_story("en", shuffled)) == expected


words = st.lists(
    st.sampled_from(
        ["brask", "orrin", "kestrel", "tarn", "vela", "ostrand", "skerry", "calder", "norvale", "lindqvist"]
    ),
    max_size=6,
)
articles = st.lists(st.tuples(words, st.integers(0, 9 * 24)), min_size=2, max_size=14)


@given(articles, st.randoms(use_true_random=False))
def test_order_of_arrival_does_not_matter_to_noise(drawn, chance):
    slips = [
        slip(f"n{at}", " ".join(text), " ".join(text[::2]), time=START + hour * HOUR)
        for at, (text, hour) in enumerate(drawn)
    ]
    expected = list(key_by_story("en", slips))
    chance.shuffle(slips)
    assert list(key_by_story("en", slips)) == expected


def in_runs(slips, cuts, language="en", model=None):
    """The keys, the newest story rows and the last snapshot of desks that hand on their entries at `cuts`."""
    ordered = sorted(slips, key=in_order)
    keys, stories, rows = {}, {}, []
    for start, end in pairwise([0, *sorted(cuts), len(ordered)]):
        if start == end:
            continue  # as the graph does: a desk that nothing came for is handed on as it is
        made = list(key_by_story(language, ordered[start:end], map(ledger.decode, rows), model))
        entries = [ledger.encode(one) for one in made if not isinstance(one, Decision | Story)]
        # Of what several runs say about a story that has ended, the newest counts.
        ended = {row.key: row for row in [*rows, *entries] if row.kind == ledger.CLOSED_STORY}
        rows = [*ended.values(), *(row for row in entries if row.kind not in ledger.DELTA)]
        keys |= {(one.article_id, one.version): one.story_id for one in made if isinstance(one, Decision)}
        stories |= {one.story_id: one for one in made if isinstance(one, Story)}
    return followed(keys, stories), stories, sorted(row for row in rows if row.kind not in ledger.DELTA)


def followed(keys, stories):
    """The keys once `merged_into` is followed."""

    def end(story_id):
        while story_id in stories and stories[story_id].merged_into:
            story_id = stories[story_id].merged_into
        return story_id

    return {name: end(story_id) for name, story_id in keys.items()}


def noise(drawn, language="en"):
    return [
        slip(f"n{at}", " ".join(text), " ".join(text[::2]), time=START + hour * HOUR, language=language)
        for at, (text, hour) in enumerate(drawn)
    ]


@given(
    articles,
    st.lists(st.integers(0, 14), max_size=5),
    st.sampled_from([("en", None), ("de", None), ("en", NEAR), ("zh", NEAR), ("en", MERGING)]),
)
def test_runs_that_hand_on_their_ledger_are_one_run(drawn, cuts, desk):
    language, model = desk
    slips = noise(drawn, language)
    whole = in_runs(slips, [], language, model)
    assert in_runs(slips, [min(cut, len(slips)) for cut in cuts], language, model) == whole
    assert in_runs(slips, list(range(len(slips))), language, model) == whole


@given(articles, st.sampled_from([NEAR, MERGING]))
def test_articles_of_one_run_carry_the_story_that_survives(drawn, model):
    decisions, stories = keyed(noise(drawn), model)
    ended = {story_id for story_id, story in stories.items() if story.merged_into}
    assert not ended & {row.story_id for row in decisions.values()}
    counted = Counter(row.story_id for row in decisions.values())
    assert counted == {story_id: story.articles for story_id, story in stories.items() if story_id not in ended}
    for story in stories.values():
        if story.merged_into:
            survivor = stories[story.merged_into]
            assert (survivor.first_time, survivor.story_id) < (story.first_time, story.story_id)


@given(st.lists(st.integers(0, 9), max_size=4))
def test_runs_of_real_looking_copy_are_one_run(cuts):
    slips = [*wire(), slip("late", *BRIDGE[0], time=START + 30 * DAY)]
    assert in_runs(slips, cuts) == in_runs(slips, [])


def test_ties_go_to_the_smaller_story_id():
    # The same text twice founds two stories (nobody joins yet), then an article could join either.
    never = Model((), 1)
    desk = Desk("en", model=never)
    opened = [desk.handle(slip(name, *BRIDGE[0])) for name in ("a", "b")]
    placement = desk.look(slip("c", *BRIDGE[0]))
    assert [candidate.story_id for candidate in placement.candidates] == sorted(opened)
    desk.model = NEAR
    assert desk.look(slip("c", *BRIDGE[0])).choice == min(opened)


def test_an_article_that_fits_two_stories_makes_them_one():
    desk = Desk("en", model=Model((), 1))
    first, second = (desk.handle(slip(name, *BRIDGE[0], time=START + at)) for at, name in enumerate(("b", "a")))
    assert first != second
    desk.model = MERGING
    assert desk.survivor(desk.handle(slip("c", *BRIDGE[0], time=START + 2))) == first
    assert desk.merged() == [second]
    assert desk.survivor(second) == first
    of = {story.story_id: story for story in desk.stories()}
    assert (of[first].articles, of[first].first_time, of[first].last_time) == (3, START, START + 2)
    assert (of[second].articles, of[second].merged_into) == (1, first)
    assert desk.live() == 1


def test_a_version_and_a_kill_reach_the_story_that_survives():
    desk = Desk("en", model=Model((), 1))
    first, second = (desk.handle(slip(name, *BRIDGE[0], time=START + at)) for at, name in enumerate(("b", "a")))
    desk.model = MERGING
    desk.handle(slip("c", *BRIDGE[0], time=START + 2))
    entries = list(map(ledger.decode, map(ledger.encode, [*desk.entries(), *desk.ended()])))
    later = Desk("en")
    later.resume(entries)
    killed = again(slip("a", time=START + 3), 2, story_id=second, usable=False, was_usable=True)
    assert later.handle(killed) == first
    (story,) = later.stories()
    assert (story.story_id, story.articles, story.usable_articles) == (first, 3, 2)


def test_a_story_of_one_article_is_looked_at_again_on_the_next_day():
    # A lone alert joins nothing; what comes the same day makes clear what it was about.
    desk = Desk("en", model=Model((), 1))
    alert = desk.handle(slip("alert", *BRIDGE[0], time=START))
    story = desk.handle(slip("story", *BRIDGE[1], time=START + HOUR))
    desk.model = NEAR
    assert desk.handle(slip("chess", *CHESS[0], time=START + 2 * HOUR)) not in (alert, story)
    assert desk.survivor(story) == story  # the day is not over
    desk.handle(slip("dairy", *OTHERS[0], time=START + DAY))
    assert desk.survivor(story) == alert


def test_so_many_second_looks_at_most_follow_an_article():
    desk = Desk("en", model=Model((), 1))
    pairs = [[slip(f"{side}{at}", f"zorvath{at} brask{at}") for side in "ab"] for at in range(5)]
    for pair in pairs:
        for one in pair:
            desk.handle(one)
    desk.model = NEAR
    merges = []
    for at in range(6):
        desk.handle(slip(f"next{at}", *CHESS[0], time=START + DAY + at))
        merges.append(len(desk.merged()))
    assert sum(merges) == 5
    assert max(merges) <= SECOND_LOOKS


def test_the_headline_is_that_of_the_most_central_article():
    texts = [
        ("Kestrel outage hits Norvale ferry strike talks", "brask orrin"),
        ("Kestrel outage hits Norvale", "kestrel outage norvale grid"),
        ("Kestrel outage: Norvale grid down", "kestrel outage norvale grid operator"),
        ("Kestrel outage, Norvale grid operator", "kestrel outage norvale grid operator"),
    ]
    slips = [slip(str(at), *text, time=START + at) for at, text in enumerate(texts)]
    for number, headline in ((1, 0), (2, 0), (4, 2)):
        _, stories = keyed(slips[:number], NEAR)
        (story,) = stories.values()
        assert story.headline == texts[headline][0], number


def test_a_story_dies_six_days_after_its_last_article():
    first = slip("a", *BRIDGE[0], time=START)
    second = slip("b", *BRIDGE[1], time=START + 5 * DAY)
    last_chance = START + 5 * DAY + LIFE
    assert stories_of([first, second, slip("c", *BRIDGE[2], time=last_chance)], NEAR) == [["a", "b", "c"]]
    assert stories_of([first, second, slip("c", *BRIDGE[2], time=last_chance + 1)], NEAR) == [["a", "b"], ["c"]]


def test_a_dead_story_leaves_nothing_behind_but_its_row():
    desk = Desk("en", model=NEAR)
    for one in wire():
        desk.handle(one)
    assert desk.live() == 6
    desk.handle(slip("late", "Zorvath", time=START + 30 * DAY))
    assert desk.live() == 1
    assert not desk.look(slip("x", *BRIDGE[0], time=START + 30 * DAY)).candidates
    having = desk._live.having.data.nonzero()[0]
    assert desk._vocabulary.terms(having).tolist() == [term_ids("en")["zorvath"]]
    assert len(desk.stories()) == 7
    assert "Norvale" in next(story for story in desk.stories() if story.articles == 3).key_terms


def test_a_version_keeps_its_articles_story_and_adds_nothing():
    slips = wire()
    plain, plain_stories = keyed(slips)
    rewritten = slip("bridge-2", *CHESS[0], provider="Elsewhere", time=START + 12 * HOUR)
    revised, stories = keyed([*slips, again(rewritten, 2)])
    assert revised["bridge-2", 2].story_id == plain["bridge-2", 1].story_id
    assert stories == plain_stories
    assert {key: row for key, row in revised.items() if key[1] == 1} == plain


def test_a_kill_counts_an_article_out_once_and_moves_no_key():
    slips = wire()
    plain, _ = keyed(slips)
    killed = [row._replace(usable=False) if row.article_id == "bridge-1" else row for row in slips]
    killed += [again(killed[0], 2, pub_status="canceled"), again(killed[0], 3, pub_status="canceled")]
    decisions, stories = keyed(killed)
    assert all(decisions[key].story_id == row.story_id for key, row in plain.items())
    story = stories[plain["bridge-1", 1].story_id]
    assert (story.articles, story.usable_articles) == (3, 2)


def test_what_a_story_row_says():
    slips = [row._replace(provider="Ostpress") if row.article_id == "bridge-2" else row for row in wire()]
    decisions, stories = keyed(slips)
    story = stories[decisions["bridge-1", 1].story_id]
    assert story.language == "en"
    assert story.headline == BRIDGE[0][0]
    assert (story.first_time, story.last_time) == (START, START + 7 * HOUR)
    assert story.providers == ("Nordwire", "Ostpress")
    assert 5 <= len(story.key_terms) <= 8
    assert {"norvale", "girders"} <= {term.lower() for term in story.key_terms}


def test_a_slip_that_cannot_be_read_harms_nobody_else():
    slips = wire()
    broken = slip("broken", *BRIDGE[0], time=START + HOUR)._replace(terms=b"123")
    decisions, stories = keyed([*slips, broken, again(broken, 2, event_time=START + 2 * HOUR)])
    plain, plain_stories = keyed(slips)
    assert decisions.pop(("broken", 1)) == Decision(
        "broken",
        "broken-1",
        1,
        True,
        "usable",
        "en",
        "",
        error="ValueError: packed terms have 3 bytes, which is no multiple of 5",
    )
    later = decisions.pop(("broken", 2))
    assert (later.story_id, later.error.partition(":")[0]) == ("", "ValueError")
    assert decisions == plain
    assert stories == plain_stories


def test_an_article_without_words_is_a_story_of_its_own():
    assert stories_of([slip("a"), slip("b"), slip("c", *BRIDGE[0])]) == [["a"], ["b"], ["c"]]


@pytest.mark.parametrize("language", sorted(ELSEWHERE))
def test_two_articles_alone_in_a_language_without_a_table(language):
    slips = [slip(str(at), *text, language=language) for at, text in enumerate(ELSEWHERE[language])]
    together = []
    for pair in combinations(slips, 2):
        decisions, _ = keyed(pair, language=language)
        if len({row.story_id for row in decisions.values()}) == 1:
            together.append("".join(one.article_id for one in pair))
    assert together == ["01"]


def test_desks_of_two_languages_never_share_a_story():
    both = [slip("a", *ELSEWHERE["de"][0], language="de"), slip("a", *ELSEWHERE["fr"][0], language="fr")]
    keys = [keyed([one], language=one.desk)[0]["a", 1].story_id for one in both]
    assert keys[0] != keys[1]


def heavy(weights):
    return Vector(np.array(list(weights)), np.array(list(weights.values())))


def test_key_terms_are_spelled_as_headlines_spell_them():
    ids = term_ids("en")
    vector = heavy({ids["bridge"]: 900, ids["norvale"]: 500, ids["said"]: 400, ids["girder"]: 100})
    headlines = ["BRIDGES Closed In Norvale", "Cracked Bridge in Norvale", "Why the bridge shut", "Girders"]
    assert key_terms(vector, headlines, "en") == ("bridge", "Norvale", "Girders")


def test_key_terms_after_the_fifth_must_be_worth_naming():
    ids = term_ids("en")
    names = ["Brask", "Orrin", "Kestrel", "Tarn", "Vela", "Ostrand", "Skerry", "Calder", "Norvale"]
    weights = [900, 800, 200, 190, 180, 170, 160, 150, 140]
    light = {ids[name.lower()]: weight for name, weight in zip(names, weights, strict=True)}
    assert key_terms(heavy(light), [" ".join(names)], "en") == tuple(names[:5])
    assert len(key_terms(heavy(dict.fromkeys(light, 900)), [" ".join(names)], "en")) == 8


def test_key_terms_of_chinese_join_pairs_to_names():
    ids = term_ids("zh")
    vector = heavy({ids[pair]: weight for pair, weight in (("诺瓦", 900), ("瓦尔", 800), ("大桥", 700), ("关闭", 300))})
    assert key_terms(vector, ["诺瓦尔的大桥关闭"], "zh") == ("诺瓦尔", "大桥", "关闭")


def test_key_terms_of_vietnamese_prefer_the_whole_word():
    ids = term_ids("vi")
    vector = heavy({ids["hà"]: 900, ids["hà nội"]: 800, ids["nội"]: 700})
    assert key_terms(vector, ["Cầu Hà Nội"], "vi") == ("Hà Nội",)
