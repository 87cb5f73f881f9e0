"""Web pages: what golden files can't show."""

from __future__ import annotations

import datetime
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article, RawItem
from transforms.clean.html_text import to_text
from transforms.parse import Sample, parse
from transforms.parse.formats import html_page

PARAGRAPH = (
    "The cold store at the port of Calder Haven burned for a second day, officials said, and the quay is closed. "
)


def page(head="", body=PARAGRAPH * 4):
    return f"<!doctype html><html><head>{head}</head><body><article><p>{body}</p></article></body></html>"


def read(data):
    return list(parse(RawItem("in", data if isinstance(data, bytes) else data.encode(), 0)))


def one(data) -> Article:
    (found,) = read(data)
    assert isinstance(found, Article), found
    return found


def ld(value):
    return f'<script type="application/ld+json">{json.dumps(value) if not isinstance(value, str) else value}</script>'


@pytest.mark.parametrize("data", ["<!doctype html><p>x", "<HTML><BODY>x", "<p>x</p>", "\n<h1>x</h1>",
                                  "<!-- c --><div>x</div>",
                                  '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'])  # fmt: skip
def test_pages_are_recognised(data):
    assert html_page.FORMAT.recognise(Sample.of(data.encode()))


@pytest.mark.parametrize("data", ["<rss/>", "<nitf><body/></nitf>", "<newsItem/>", "plain <p>", "<NewsML/>",
                                  "<!DOCTYPE nitf><nitf/>", '<?xml version="1.0"?><p/>',
                                  '<p xmlns="urn:x"/>'])  # fmt: skip
def test_others_are_not(data):
    assert not html_page.FORMAT.recognise(Sample.of(data.encode()))


@pytest.mark.parametrize(
    ("head", "fields"),
    [
        ('<meta property="og:title" content="A &amp; B">', {"headline": "A & B"}),
        ('<meta name="OG:TITLE" content="A">', {"headline": "A"}),
        ("<title>A | Site</title>", {"headline": "A | Site"}),
        ('<meta property="article:published_time" content="2026-03-09T06:30:00Z">'
         '<meta property="article:modified_time" content="2026-03-10T06:30:00Z">',
         {"published": 1_773_037_800_000_000, "version_created": 1_773_124_200_000_000}),
        ('<meta name="date" content="some day"><meta name="pubdate" content="2026-03-09T06:30:00Z">',
         {"published": 1_773_037_800_000_000, "flags": ()}),
        ('<meta name="date" content="some day">', {"published": None, "flags": ("invalid_published",)}),
        ('<meta property="article:author" content="https://a.example/ines"><meta name="byl" content="By Ines">',
         {"byline": "By Ines"}),
        (ld({"@type": "NewsArticle", "headline": "A", "author": "Ines"}), {"headline": "A", "byline": "Ines"}),
        (ld([{"@type": "WebPage"}, {"@type": "http://schema.org/NewsArticle", "headline": "A"}]), {"headline": "A"}),
        (ld({"@type": "WebPage", "mainEntity": {"@type": "Article", "headline": "A"}}), {"headline": "A"}),
        (ld('<!--\n{"@type": "Article", "headline": "A"}\n-->'), {"headline": "A"}),
        (ld('{"@type": "Article", "headline": "A\nB"}'), {"headline": "A B"}),
        (ld("{broken") + "<title>T</title>", {"headline": "T"}),
        (ld({"@type": "Article", "identifier": {"@type": "PropertyValue", "name": "X", "value": 17}}), {"guid": "17"}),
        (ld({"@type": "Product", "name": "X"}), {"headline": ""}),
        ('<link rel="canonical" href="ftp://a.example/"><meta property="og:url" content="https://a.example/1">',
         {"source_url": "https://a.example/1"}),
    ],
)  # fmt: skip
def test_what_a_page_states(head, fields):
    article = one(page(head))
    for name, value in fields.items():
        given_value = getattr(article, name)
        assert getattr(given_value, "time", given_value) == value


def test_the_name_of_the_site_is_no_part_of_the_headline():
    data = page('<title>Fire at sea - Tallis</title><meta property="og:title" content="Fire at sea - Tallis">')
    assert one(data.replace("<article>", "<article><h1>Fire at sea</h1>")).headline == "Fire at sea"


def test_of_many_articles_the_pages_own_is_taken():
    articles = [{"@type": "NewsArticle", "headline": f"H{n}", "url": f"https://a.example/{n}"} for n in range(5)]
    assert one(page('<link rel="canonical" href="https://a.example/3">' + ld(articles))).headline == "H3"


def test_guesses_are_of_lower_trust_and_only_where_nothing_is_stated():
    byline = '<p class="byline">By <a rel="author" href="/r">Rosa Quintela</a></p>'
    body = f'{byline}<time datetime="2026-03-09">x</time>{PARAGRAPH}'
    guessed = one(page("", body))
    assert (guessed.published, guessed.byline) == (None, "")
    assert guessed.guessed_published is not None
    stated = one(page('<meta name="author" content="Ines"><meta name="date" content="2026-03-01">', body))
    assert (stated.guessed_published, stated.guessed_byline, stated.byline) == (None, "", "Ines")


def test_guessed_dates_hang_on_no_clock(monkeypatch):
    """A date of next century is as good as one of today, whatever day it is."""
    data = page("", f'<time datetime="2126-03-09">9 March 2126</time>{PARAGRAPH}')
    guessed = one(data).guessed_published
    assert guessed is not None
    assert datetime.datetime.fromtimestamp(guessed.time / 1e6, datetime.UTC).year == 2126


@pytest.mark.parametrize("name", ["utf-8", "windows-1251", "koi8-r", "iso-8859-5"])
@pytest.mark.parametrize(
    "form", ['<meta charset="{}">', '<meta http-equiv="Content-Type" content="text/html; charset={}">']
)
def test_the_declared_character_set(name, form):
    text = "В Верхнеозёрске прорвало теплотрассу, без тепла остались двести сорок домов и две школы. " * 3
    article = one(page(form.format(name), text).encode(name))
    assert "Верхнеозёрске прорвало" in article.body
    assert article.flags == ()


@given(st.lists(st.lists(st.text("abcdefg", min_size=3, max_size=8), min_size=25, max_size=30), min_size=3, max_size=5))
def test_text_is_whole(paragraphs):
    """Words behind inline elements, in cells and in list items all come out, in order."""
    # Numbered, because a paragraph that comes twice is taken for a mistake of the page.
    paragraphs = [[f"{word}{n}" for word in paragraph] for n, paragraph in enumerate(paragraphs)]
    words = [word for paragraph in paragraphs for word in paragraph]
    inner = "".join(
        f"<p>{' '.join(p[:5])} <a href='/x'>{p[5]}</a> {' '.join(p[6:10])} <b>{p[10]}</b> {' '.join(p[11:])}</p>"
        for p in paragraphs
    )
    article = one(f"<!doctype html><html><body><main><article>{inner}</article></main></body></html>")
    assert to_text(article.body).text.split() == words


def test_cells_and_items_stay_in_order():
    table = "<table><tr><td>one <i>two</i> three</td><td>four</td></tr></table>"
    body = f"{PARAGRAPH * 3}</p>{table}<ul><li>five</li></ul><p>six"
    text = to_text(one(page("", body)).body).text
    assert [word for word in text.split() if word in ("one", "two", "three", "four", "five", "six")] == [
        "one", "two", "three", "four", "five", "six",
    ]  # fmt: skip


def test_the_text_that_is_stated_where_the_page_has_little():
    article = one(page(ld({"@type": "NewsArticle", "headline": "H", "articleBody": PARAGRAPH * 20})))
    assert article.body == (PARAGRAPH * 20).strip()
    assert article.flags == ("body_from_metadata",)


def test_an_article_without_its_text_is_an_article():
    article = one(page(ld({"@type": "NewsArticle", "headline": "H"}), ""))
    assert (article.headline, article.body) == ("H", "")


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (page("", ""), "no_text"),
        ("<p> </p>", "no_text"),
        ("<!doctype html>" + "<div>" * 10_000 + "text", "too_deep"),
        ("<!doctype html>" + "<b>x</b>" * 20_000, "too_large"),
        ("<!doctype html>" + "x" * (4 * 2**20), "too_large"),
        ("<!doctype html><p " + " ".join(f"a{n}" for n in range(20_000)) + ">x", "too_large"),
    ],
)
def test_what_is_refused_is_refused_soon(data, error):
    start = time.monotonic()
    (reject,) = read(data)
    assert reject.error == error
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    "data",
    [
        page(ld("[" * 100_000)),
        page(ld([{"@type": "Article", "headline": "H", "author": [{"@id": "a"}] * 1000},
                 {"@id": "a", "name": [{"@id": "a"}] * 1000}])),
        page("", "<div itemprop=headline>" * 200 + "word " * 100_000),
        page("", "<div class=date>9 March 2026 " * 150 + "9 Mar 2026 " * 50_000),
        page("", "&" * 100_000),
    ],
)  # fmt: skip
def test_hostile_pages_take_bounded_time(data):
    start = time.monotonic()
    assert len(read(data)) == 1
    assert time.monotonic() - start < 6
