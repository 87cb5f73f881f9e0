"""What the shipped model must do on the development data, which is not part of the project. The bench says more."""

import json
import random

import pytest

from pipeline.learn import read_texts
from transforms.stories.desk import Desk
from transforms.stories.evaluation import bcubed
from transforms.stories.learn.streams import isolated_pairs
from transforms.stories.learn.texts import Text, lead, slips_of
from transforms.stories.terms import term_ids
from transforms.stories.vectors import DAY


@pytest.fixture(scope="module")
def dated(development_data):
    return [text for text in read_texts(development_data / "stories" / "dev_dated_en.jsonl", "en") if text.headline]


def keys_of(slips):
    desk = Desk("en")
    ordered = sorted(slips, key=lambda slip: (slip.event_time, slip.article_id))
    return {slip.article_id: desk.handle(slip) for slip in ordered}


def test_headlines_find_their_stories(dated):
    keys = keys_of(slips_of([lead(text, 0) for text in dated], term_ids("en")))
    assert bcubed(keys, {text.name: text.cluster for text in dated}).f1 > 0.9


def test_two_unrelated_articles_alone_are_seldom_joined(dated):
    some = dated[::3]
    cluster = {text.name: text.cluster for text in some}
    slips = {slip.article_id: slip for slip in slips_of(some, term_ids("en"))}
    pairs = list(isolated_pairs(some, [slips], 800, random.Random(11)))
    unrelated = [pair for pair in pairs if cluster[pair[0].article_id] != cluster[pair[1].article_id]]
    joined = sum(len(set(keys_of(pair).values())) == 1 for pair in unrelated)
    assert len(unrelated) > 300
    assert joined / len(unrelated) <= 0.05


def test_the_two_seed_documents_share_a_story_alone(development_data):
    dated_text, front_matter = sorted((development_data / "wire" / "seeds").glob("*.txt"))
    first, _, body = dated_text.read_text().partition("\n")
    header, _, other_body = front_matter.read_text().removeprefix("---\n").partition("\n---\n")
    title = next(line for line in header.splitlines() if line.startswith("title: "))
    seeds = [
        Text("a", first.split(maxsplit=2)[2], body, 20128 * DAY, ""),
        Text("b", json.loads(title.removeprefix("title: ")), other_body, 20129 * DAY - 1, ""),
    ]
    assert len(set(keys_of(slips_of(seeds, term_ids("en"))).values())) == 1
