"""Explanations: what they say is what the desk did, in the article's own words, and what came later is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_texts import BRIDGE, CHESS, HOUR, OTHERS, START, key_by_story, slip, wire
from transforms.article import Decision
from transforms.ledger import DeskState, StoryEntry, TermCounts
from transforms.stories.desk import Desk, in_order, story_id_of
from transforms.stories.explanation import Difference, SharedTerm, explain, readable
from transforms.stories.features import NAMES
from transforms.stories.model import Model, Tree
from transforms.stories.terms import count_terms, counted_text, spelled_tokens, term_ids
from transforms.stories.vectors import DAY

TEXTS = [*BRIDGE, *CHESS, *OTHERS]
# Joins from a cosine of .45; a second story of .5 merges.
NEAR = Model((Tree(((0, 0.45, ~0, 1), (0, 0.5, ~1, ~2)), (-1, 1, 2_000_000)),), 0)
NEVER = Model((), 1)
# Joins only where three other stories are live.
IN_COMPANY = Model((Tree(((NAMES.index("live"), 2.5, ~0, ~1),), (-1, 7)),), 0)


def explained(slips, name, model=None, entries=(), **decided):
    """Of a run that decided as the desk does, but for `decided`."""
    made = list(key_by_story("en", slips, entries, model))
    rows = {row.article_id: row.story_id for row in made if isinstance(row, Decision)} | decided
    headline = next(one.headline for one in slips if one.article_id == name)
    text = next((text for text in TEXTS if text[0] == headline), (headline, ""))
    return explain("en", slips, entries, rows, name, text, model)


def of(founder):
    return story_id_of("en", founder)


def test_what_the_desk_saw_is_told():
    slips = wire()
    desk = Desk("en")
    for one in sorted(slips, key=in_order):
        placement = desk.look(one)
        live, stories = desk.live(), {found.story_id: desk.story(found.story_id) for found in placement.candidates}
        story_id = desk.take(placement, placement.choice)
        sight = explained(slips, one.article_id).sight
        assert (sight.slip, sight.live, sight.story_id) == (one, live, story_id)
        assert sight.opened == (placement.choice == "")
        assert sight.terms == len(placement.vector.places)
        told = {found.story.story_id: found for found in sight.candidates}
        assert told.keys() == stories.keys()
        for found in placement.candidates:
            weighed = told[found.story_id]
            story = stories[found.story_id]
            assert weighed.story == (story.story_id, story.headline, story.articles, story.last_time)
            assert (weighed.cosine, weighed.score) == (found.cosine, found.score)
            assert list(weighed.features.items()) == list(zip(NAMES, map(float, found.features), strict=True))
            assert weighed.shared
        assert list(sight.candidates) == sorted(sight.candidates, key=lambda one: (-one.score, one.story.story_id))
        assert sight.opened or sight.candidates[0].story.story_id == sight.story_id


def test_the_first_article_has_nothing_to_join():
    found = explained(wire()[:1], wire()[0].article_id)
    assert (found.sight.opened, found.sight.live, found.sight.candidates, found.changes) == (True, 0, (), ())
    assert (found.end.articles, found.keyed, found.differences) == (1, 1, ())


def test_an_explanation_goes_on_from_the_ledger():
    first, *rest = sorted(wire(), key=in_order)
    entries = [one for one in key_by_story("en", [first]) if isinstance(one, StoryEntry | TermCounts | DeskState)]
    for one in rest:
        found = explained(rest, one.article_id, entries=entries)
        assert found.sight == explained(wire(), one.article_id).sight
        assert found.keyed == len(rest)


def test_articles_that_come_out_otherwise_are_told():
    found = explained(wire(), "chess-1", dairy="elsewhere", **{"chess-1": "nowhere"})
    assert found.differences == (
        Difference("chess-1", of("chess-1"), "nowhere"),
        Difference("dairy", of("dairy"), "elsewhere"),
    )
    assert explained(wire(), "chess-1").differences == ()


def test_an_article_that_was_not_keyed_is_refused():
    with pytest.raises(LookupError, match="no slip of article other"):
        explain("en", wire(), (), {}, "other", ("", ""))


def numbered(word, count):
    return " ".join(f"{word}{number}" for number in range(count))


def test_a_merge_is_told_from_both_sides():
    first, second, common = numbered("brask", 10), numbered("orrin", 10), numbered("tarn", 4)
    slips = [
        slip("a", f"{first} {common}", time=START),
        slip("b", f"{second} {common}", time=START + 1),
        slip("c", f"{first} {second} {common}", time=START + 2),
    ]
    for name, other in (("a", "b"), ("b", "a")):
        found = explained(slips, name, NEAR)
        assert found.sight.opened
        (change,) = found.changes
        assert (change.time, change.article_id, change.headline) == (START + 2, "c", slips[2].headline)
        assert (change.second_look, change.score) == (False, None)
        assert (change.story_id, change.other.story_id, change.survivor) == (of(name), of(other), of("a"))
        assert (found.end.story_id, found.end.articles) == (of("a"), 3)
        assert found.differences == ()
    joined = explained(slips, "c", NEAR)
    assert not joined.sight.opened
    assert [change.article_id for change in joined.changes] == ["c"]
    assert joined.end.story_id == of("a")


def test_a_second_look_that_merges_is_told_from_both_sides():
    slips = [
        slip("a", *BRIDGE[0], time=START),
        slip("b", *BRIDGE[1], time=START + HOUR),
        slip("chess", *CHESS[0], time=START + 2 * HOUR),
        slip("dairy", *OTHERS[0], time=START + DAY),
    ]
    for name, other in (("a", "b"), ("b", "a")):
        found = explained(slips, name, IN_COMPANY)
        assert found.sight.opened
        (change,) = found.changes
        assert (change.time, change.article_id, change.second_look, change.score) == (START + DAY, "dairy", True, 7)
        assert (change.story_id, change.other.story_id, change.survivor) == (of(name), of(other), of("a"))
        assert (found.end.story_id, found.end.articles) == (of("a"), 2)
    assert explained(slips, "chess", IN_COMPANY).changes == ()


def test_a_second_look_that_leaves_a_story_alone_is_told():
    slips = [slip("a", *BRIDGE[0]), slip("b", *BRIDGE[1], time=START + 1), slip("c", *CHESS[0], time=START + DAY)]
    (change,) = explained(slips, "a", NEVER).changes
    assert (change.second_look, change.other, change.survivor, change.score) == (True, None, of("a"), 0)
    assert explained(slips, "b", NEVER).changes == ()


def test_a_second_look_that_finds_nothing_near_is_told():
    slips = [slip(f"o{at}", numbered("orrin", 10), time=START + at) for at in range(20)]
    slips.append(slip("a", numbered("brask", 10), time=START + HOUR))
    # It is near to a, but joins the many; near to all of them together a is not.
    slips.append(slip("b", f"{numbered('orrin', 10)} {numbered('brask', 6)}", time=START + 2 * HOUR))
    slips.append(slip("c", *CHESS[0], time=START + DAY))
    assert [found.story.story_id for found in explained(slips, "b", NEAR).sight.candidates] == [of("o0"), of("a")]
    (change,) = explained(slips, "a", NEAR).changes
    assert (change.second_look, change.other, change.score) == (True, None, None)


@given(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4), st.sampled_from(["en", "vi", "de"]))
def test_shared_terms_are_spelled_as_in_the_text(texts, language):
    headline, body = texts[0][0], "\n\n".join(body for _, body in texts)
    words = [word for part in counted_text(headline, body, language) for word in spelled_tokens(part, language)]
    ids = term_ids(language)
    terms = sorted({ids[word.lower()] for word in words})
    products = [(term, len(terms) - at) for at, term in enumerate(terms)]
    shared = readable(products, (headline, body), language)
    assert {one.term for one in shared} <= set(words)
    assert [ids[one.term.lower()] for one in shared] == terms[:8]
    assert shared[0].share == len(terms) / sum(product for _, product in products)


def test_pairs_of_characters_are_put_together():
    headline, body = "青屿大桥今起封闭检测", "青屿大桥管理处说，大桥今起封闭。"
    ids = term_ids("zh")
    products = [(ids[pair], 10) for pair in ("青屿", "屿大", "大桥", "封闭")]
    assert readable(products, (headline, body), "zh") == (SharedTerm("青屿大桥", 0.75), SharedTerm("封闭", 0.25))


@pytest.mark.parametrize("headline", ["İstanbul 大桥", "ΟΔΟΣ'Α 大桥", "Ⅷ大桥", "大桥 https://example.org/İ"])
def test_every_counted_term_has_a_spelling(headline):
    """Lower case and normal forms take some letters apart."""
    for language in ("zh", "en", "el"):
        products = [(term, 1) for term in count_terms(headline, "", language)]
        shared = readable(products, (headline, ""), language)
        assert sum(one.share for one in shared) == pytest.approx(1)


def test_a_word_that_the_limit_cuts_is_spelled_so():
    body = "字" * 1497 + " Skarholm"
    (term,) = count_terms("", body, "zh").keys() & {term_ids("zh")["sk"]}
    assert readable([(term, 1)], ("", body), "zh") == (SharedTerm("Sk", 1.0),)
