"""Identity and rows: what makes two articles one, what reaches a file."""

from __future__ import annotations

import io
import json

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import GateError, data_set
from transforms import identity, rows
from transforms.article import STATE, Article, Decision, Reject, Stated, Story, Subject
from transforms.slips import make_slip

HOUR = 3_600_000_000
AS_OF = 500_000 * HOUR


def at(hours: int) -> Stated:
    return Stated(hours * HOUR, "second", False)


ARTICLE = Article(
    uri="a/b.json", position=2, source_format="json", guid="g1", provider="Skarholm News", headline="Ferry aground",
    body="A ferry ran aground on Monday. 渡轮搁浅", published=at(100), language_declared="en", language_detected="en",
    language_confidence=0.99, language_method="profile", subjects=(Subject("medtop", "1", "x"),), urgency=4,
    flags=("short_body",), cleaning=("spaces",),
)  # fmt: skip


def test_article_id_prefers_guid_then_url_then_text():
    same = ARTICLE._replace(body="other", headline="other", published=at(7), uri="else")
    assert identity.article_id(ARTICLE) == identity.article_id(same)
    assert identity.article_id(ARTICLE) != identity.article_id(ARTICLE._replace(provider="Other"))
    by_url = ARTICLE._replace(guid="", source_url="https://news.example/1")
    assert identity.article_id(by_url) == identity.article_id(by_url._replace(body="other"))
    by_text = ARTICLE._replace(guid="")
    assert identity.article_id(by_text) == identity.article_id(by_text._replace(uri="else", arrived=3, position=9))
    assert identity.article_id(by_text) != identity.article_id(by_text._replace(body="other"))
    assert len({identity.article_id(each) for each in (ARTICLE, by_url, by_text)}) == 3


@pytest.mark.parametrize(
    ("url", "in_copy", "expected"),
    [
        ("https://x.example/news/ferry-runs-aground", True, True),
        ("https://x.example/20260309/ferry", True, True),
        ("https://x.example/article?id=77", True, True),
        ("https://x.example/новости/паром", True, True),
        ("https://x.example/subscribe", True, False),
        ("https://x.example/subscribe", False, True),
        ("https://x.example/", False, False),
        ("https://x.example", True, False),
        ("http://[broken", False, False),
        ("", False, False),
    ],
)
def test_a_url_stands_for_an_article_only_if_it_leads_to_one(url, in_copy, expected):
    assert identity.names_an_article(url, found_in_copy=in_copy) is expected
    cleaning = ("source_line",) if in_copy else ()
    one, other = (Article(uri="", source_url=url, headline=text, cleaning=cleaning) for text in ("a", "b"))
    assert (identity.article_id(one) == identity.article_id(other)) is expected


def test_article_id_without_a_stated_time_does_not_depend_on_the_file():
    timeless = ARTICLE._replace(guid="", published=None)
    assert identity.article_id(timeless) == identity.article_id(timeless._replace(arrived=10**15))


def test_parts_of_an_identity_are_set_apart():
    assert identity.digest("x", "ab", "c") != identity.digest("x", "a", "bc")
    assert identity.digest("x", "a") != identity.digest("y", "a")


def test_provider_is_the_host_where_none_is_stated():
    article = Article(uri="", source_url="https://www.news.example/a")
    assert identity.provider(article) == "news.example"
    assert identity.provider(article._replace(source_url="http://[broken")) == ""


@pytest.mark.parametrize(
    ("change", "new"),
    [
        ({"body": "x"}, True), ({"headline": "x"}, True), ({"pub_status": "canceled"}, True), ({"ed_note": "x"}, True),
        ({"embargoed": at(9)}, True), ({"uri": "x"}, False), ({"arrived": 5}, False), ({"published": at(5)}, False),
        ({"stated_version": "7"}, False), ({"keywords": ("x",)}, False),
    ],
)  # fmt: skip
def test_a_version_is_what_readers_see(change, new):
    assert (identity.version_key(ARTICLE) != identity.version_key(ARTICLE._replace(**change))) is new


def test_event_time_order():
    article = Article(uri="", arrived=1)
    assert identity.event_time(article) == (Stated(1, "second", False), "arrived")
    for field in ("date_line", "published", "version_created"):
        article = article._replace(**{field: at(len(field))})
        assert identity.event_time(article) == (at(len(field)), field)


def test_slip_clips_to_as_of_and_the_row_keeps_what_was_stated():
    late = ARTICLE._replace(published=Stated(AS_OF + HOUR, "second", False))
    assert make_slip(late, AS_OF).event_time == AS_OF
    assert rows.flags_of(late, AS_OF) == ["short_body", "time_after_as_of"]
    assert make_slip(ARTICLE, AS_OF).event_time == 100 * HOUR
    assert rows.flags_of(ARTICLE._replace(published=None), AS_OF) == ["no_stated_time", "short_body"]


def read(name: str, encoded: bytes) -> dict:
    whole = data_set(name)
    return fastavro.schemaless_reader(io.BytesIO(encoded), whole.part(whole.field_names()), None)


def test_an_articles_row_is_decided_part_and_tail():
    tail = rows.article_tail(ARTICLE, AS_OF)
    decision = Decision("a" * 32, "k" * 32, 2, True, "usable", "en", "s" * 32)
    row = read("articles", rows.decided_part(decision) + tail)
    assert (row["article_id"], row["version"], row["story_id"]) == ("a" * 32, 2, "s" * 32)
    assert row["body"] == ARTICLE.body
    assert row["word_count"] == 10
    assert row["subjects"] == [{"scheme": "medtop", "code": "1", "name": "x"}]
    assert row["event_time_utc"] == "1970-01-05T04:00:00Z"
    assert row["guid"] == "g1"
    assert row["byline"] is None
    assert row["as_of_day"] == "2027-01-15"


def test_a_state_row_says_what_was_decided_and_nothing_else():
    decision = Decision("a" * 32, "k" * 32, 1, False, "canceled", "en", "s" * 32, STATE, event_time=-5 * HOUR)
    row = read("articles", rows.state_row(decision, AS_OF))
    assert (row["row_kind"], row["version"], row["is_latest"], row["pub_status"]) == ("state", 1, False, "canceled")
    assert (row["story_id"], row["language"]) == ("s" * 32, "en")
    assert (row["event_time_utc"], row["as_of_day"]) == ("1969-12-31T19:00:00Z", "2027-01-15")
    assert {row[name] for name in ("headline", "body", "uri", "provider", "event_time_source")} == {""}
    assert {row[name] for name in ("guid", "published", "published_utc", "source_url")} == {None}
    assert row["flags"] == row["cleaning"] == []


def test_a_row_that_no_warehouse_loads_is_refused():
    with pytest.raises(rows.TooLargeError, match="no warehouse"):
        rows.article_tail(ARTICLE._replace(body="x" * 3_600_000), AS_OF)


def test_a_row_with_a_lone_surrogate_is_refused():
    with pytest.raises(GateError, match="body"):
        rows.article_tail(ARTICLE._replace(body="\ud800"), AS_OF)


@given(st.text(alphabet=st.characters(codec=None), max_size=40), st.binary(max_size=300))
def test_any_reject_can_be_written(text, payload):
    row = read("rejects", rows.reject_row(Reject.of("parse", "x", text, text, 0, payload), AS_OF))
    assert row["payload_size"] == len(payload)
    assert row["payload_truncated"] is False
    json.dumps(row["excerpt"])


def test_story_row():
    story = Story("s", "en", "H", ("a", "b"), "f", HOUR, 2 * HOUR, 3, 2, ("p", "q"))
    row = read("stories", rows.story_row(story, AS_OF))
    assert (row["articles"], row["usable_articles"], row["providers"], row["merged_into"]) == (3, 2, ["p", "q"], None)
    assert row["last_time_utc"] == "1970-01-01T02:00:00Z"


@pytest.mark.parametrize(
    ("text", "words"), [("", 0), ("one two  three", 3), ("渡轮搁浅", 4), ("5 渡轮 km", 4), ("ein – Wort", 3)]
)
def test_count_words(text, words):
    assert rows.count_words(text) == words
