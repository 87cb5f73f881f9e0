"""Feeds: what golden files can't show. feedparser, which reads feeds the field's way, is held against."""

from __future__ import annotations

import time

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article, RawItem, Reject
from transforms.parse import Sample, parse
from transforms.parse.formats import feed
from transforms.parse.formats.feed import FORMAT

WORDS = st.lists(st.text("abcdefgäöüéñ漢字на", min_size=1, max_size=8), min_size=1, max_size=6)


def read(data):
    return list(parse(RawItem("in", data if isinstance(data, bytes) else data.encode(), 0)))


def rss(inside, channel="<title>Tallis</title>", root='version="2.0"'):
    return f"<rss {root}><channel>{channel}<item>{inside}</item></channel></rss>"


def atom(inside, root=""):
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {root}><title>Tallis</title><entry>{inside}</entry></feed>'


def one(data) -> Article:
    (found,) = read(data)
    assert isinstance(found, Article), found
    return found


@pytest.mark.parametrize(
    "data",
    ["<rss></rss>", '<?xml version="1.0"?><!-- x --><rss version="2.0"/>', atom(""),
     '<entry xmlns="http://www.w3.org/2005/Atom"/>', '<feed version="0.3" xmlns="http://purl.org/atom/ns#"/>',
     '<r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"/>'],
)  # fmt: skip
def test_feeds_are_recognised(data):
    assert FORMAT.recognise(Sample.of(data.encode()))


@pytest.mark.parametrize(
    "data",
    ['<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>', '<feed xmlns="urn:other"/>', "<html></html>",
     "an <rss> of words", "<newsItem/>"],
)  # fmt: skip
def test_others_are_not(data):
    assert not FORMAT.recognise(Sample.of(data.encode()))


@pytest.mark.parametrize(
    ("inside", "body", "kind", "description"),
    [
        ("<description>A &amp;amp; B</description>", "A &amp; B", "html", ""),
        ("<description>A &amp; B</description>", "A & B", "text", ""),
        ("<description>1 &lt; 2 and 3 > 2</description>", "1 < 2 and 3 > 2", "text", ""),
        ("<description>Short.</description><content:encoded>&lt;p>Long.</content:encoded>",
         "<p>Long.", "html", "Short."),
        ("<description>Same text.</description><content:encoded>&lt;p>Same text.&lt;/p></content:encoded>",
         "<p>Same text.</p>", "html", ""),
        ("<description/><content:encoded>Full.</content:encoded>", "Full.", "text", ""),
        ("<media:content><media:description>Caption.</media:description></media:content>", "", "text", ""),
        ("<media:description>All there is.</media:description>", "All there is.", "text", ""),
    ],
)  # fmt: skip
def test_what_is_the_body(inside, body, kind, description):
    """One text is the body, whatever its element; of two the full one; none is said twice or lost."""
    article = one(rss(f"<title>T</title>{inside}"))
    assert (article.body, article.body_type, article.description) == (body, kind, description)


@pytest.mark.parametrize(
    ("content", "body", "kind"),
    [
        ('<content type="text">A &lt;b> &amp;amp; c</content>', "A <b> &amp; c", "text"),
        ('<content type="html">A &lt;b>b&lt;/b></content>', "A <b>b</b>", "html"),
        ('<content type="text/html" mode="escaped">A &lt;b>b&lt;/b></content>', "A <b>b</b>", "html"),
        ('<content type="image/png">AAAA</content><summary>S</summary>', "S", "text"),
        ('<content src="https://a.example/x" type="text/html"/><summary>S</summary>', "S", "text"),
    ],
)
def test_content_of_atom(content, body, kind):
    article = one(atom(f"<title>T</title>{content}"))
    assert (article.body, article.body_type, article.description) == (body, kind, "")


@pytest.mark.parametrize(
    ("inside", "url"),
    [
        ("<link>https://a.example/1</link><guid>https://b.example/2</guid>", "https://a.example/1"),
        ("<guid>https://b.example/2</guid>", "https://b.example/2"),
        ('<guid isPermaLink="true">https://b.example/2</guid>', "https://b.example/2"),
        ('<guid isPermaLink="false">https://b.example/2</guid>', ""),
        ("<guid>b-2</guid>", ""),
        ("<link>javascript:alert(1)</link>", ""),
        ("<link>http://[broken/</link>", ""),
    ],
)
def test_the_address_of_an_entry(inside, url):
    assert one(rss(f"<title>T</title>{inside}")).source_url == url


def test_other_vocabularies_are_not_taken_for_the_feeds_own():
    article = one(
        rss("<media:title>Picture</media:title><itunes:author>Someone</itunes:author><title>T</title>"
            "<itunes:summary>No</itunes:summary><description>D</description>")
    )  # fmt: skip
    assert (article.headline, article.byline, article.body) == ("T", "", "D")
    assert article.flags == ("xml_mended",)


@pytest.mark.parametrize(
    ("inside", "byline"),
    [
        ("<author>a@b.example (Ines Okafor)</author>", "Ines Okafor"),
        ("<author>Ines Okafor</author>", "Ines Okafor"),
        ("<dc:creator>Ines</dc:creator><dc:creator>Maud</dc:creator>", "Ines, Maud"),
    ],
)
def test_authors(inside, byline):
    assert one(rss(f"<title>T</title>{inside}")).byline == byline


def test_a_broken_entry_fails_alone_and_its_payload_is_a_feed():
    data = "<rss><channel><title>Tallis</title>" + "".join(
        f"<item>{inside}</item>"
        for inside in ("<title>A</title>", "<link>https://a.example/</link>", "<title>C</title>")
    ) + "</channel></rss>"  # fmt: skip
    found = read(data)
    assert [type(entry) for entry in found] == [Article, Reject, Article]
    assert [entry.position for entry in found] == [1, 2, 3]
    assert b"<title>Tallis</title><item><title>C</title></item>" in found[2].payload
    assert b"<title>A</title>" not in found[2].payload


@given(st.lists(WORDS, min_size=1, max_size=4))
def test_text_is_whole(paragraphs):
    """Every word of the source comes out, in order, behind inline elements too."""
    inner = "".join(f"<p>{'<b>x</b>'.join(words)}</p>" for words in paragraphs)
    wanted = "".join("x".join(words) for words in paragraphs)
    escaped = inner.replace("<", "&lt;")
    for data in (
        rss(f"<description>{escaped}</description>"),
        rss(f"<description><![CDATA[{inner}]]></description>"),
        atom(f'<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">{inner}</div></content>'),
    ):
        body = one(data).body
        for tag in ("p", "b", "div"):
            body = body.replace(f"<{tag}>", "").replace(f"</{tag}>", "")
        assert body == wanted


@given(WORDS, WORDS, st.booleans())
def test_feedparser_reads_the_same(title, text, as_atom):
    head, words = " ".join(title), " ".join(text)
    link = "https://a.example/1"
    data = (
        atom(f"<id>g</id><title>{head}</title><link href='{link}'/><summary>{words}</summary>")
        if as_atom
        else rss(
            f"<guid isPermaLink='false'>g</guid><title>{head}</title><link>{link}</link>"
            f"<description>{words}</description>"
        )
    )
    article = one(data)
    (entry,) = feedparser.parse(data.encode()).entries
    assert (article.guid, article.headline, article.source_url, article.body) == (
        entry.id, entry.title, entry.link, entry.summary,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ("<rss><channel><item><title>torn", "xml"),
        ("<rss><channel>" + "<a>" * 10_000, "xml"),
        ("<rss><channel>" + "<item/>" * (feed._MOST_NODES + 1), "too_large"),
        (rss("<title>T</title>", channel=f"<title>{'x' * 100_000}</title>"), "too_large"),
        ("<rss><channel/></rss>", "no_entries"),
        ('<!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss><channel/></rss>', "no_entries"),
    ],
)
def test_what_is_refused_is_refused_soon(data, error):
    start = time.monotonic()
    (reject,) = read(data)
    assert reject.error == error
    assert time.monotonic() - start < 5


def test_entries_take_time_in_proportion_to_their_number():
    start = time.monotonic()
    assert len(read("<rss><channel>" + "<item><title>T</title></item>" * 1000 + "</channel></rss>")) == 1000
    assert time.monotonic() - start < 5


WORDPRESS = """<guid isPermaLink="false">g</guid><title>Fire</title><content:encoded><![CDATA[{}]]></content:encoded>
<excerpt:encoded><![CDATA[In short.]]></excerpt:encoded><wp:post_modified_gmt>2026-03-09 09:15:00</wp:post_modified_gmt>
<wp:status>{}</wp:status><wp:post_type>{}</wp:post_type>"""
WORDPRESS_ROOT = """xmlns:content="http://purl.org/rss/1.0/modules/content/"
xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/" xmlns:wp="http://wordpress.org/export/1.2/" """


def test_an_export_of_wordpress_is_read():
    entry = WORDPRESS.format("It <b>burns</b>.\n\nTwo\nmissing.", "publish", "post")
    authors = "<wp:author><wp:author_login>Rhona Petrie</wp:author_login></wp:author>" * 500
    found = one(rss(entry, channel=f"<title>T</title>{authors}", root=WORDPRESS_ROOT))
    assert (found.body, found.body_type) == ("<p>It <b>burns</b>.</p><p>Two\nmissing.</p>", "html")
    assert (found.description, found.pub_status) == ("In short.", "usable")
    assert found.version_created.time == 1_773_047_700_000_000
    assert not found.version_created.zone_assumed


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [("inherit", "attachment", "attachment"), ("publish", "nav_menu_item", "nav_menu_item"),
     ("draft", "post", "unpublished"), ("private", "page", "unpublished")],
)  # fmt: skip
def test_what_wordpress_did_not_publish_is_skipped(status, kind, error):
    (found,) = read(rss(WORDPRESS.format("One", status, kind), root=WORDPRESS_ROOT))
    assert isinstance(found, Reject)
    assert (found.stage, found.error) == ("skip", error)


def test_what_wordpress_will_publish_is_withheld():
    assert one(rss(WORDPRESS.format("One", "future", "post"), root=WORDPRESS_ROOT)).pub_status == "withheld"
