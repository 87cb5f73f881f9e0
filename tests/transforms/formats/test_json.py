"""JSON as feeds, content systems and search engines wrap it: which entries it gives, and what each of them states."""

from __future__ import annotations

import json
import time

import pytest

from transforms.article import Article, RawItem
from transforms.parse import parse
from transforms.parse.times import iso

COPY = {"headline": "Ferry", "body": "It ran aground."}


def items(value):
    data = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
    return list(parse(RawItem("wire/x.json", data, 0)))


def headlines(value):
    return [entry.headline if isinstance(entry, Article) else entry.error for entry in items(value)]


@pytest.mark.parametrize(
    "envelope",
    [
        {"data": [COPY]},
        {"status": "ok", "totalResults": 1, "articles": [COPY]},
        {"took": 3, "hits": {"total": {"value": 1}, "hits": [{"_index": "n", "_id": "7", "_source": COPY}]}},
        {"response": {"status": "ok", "docs": [COPY]}},
        {"response": {"results": [COPY]}},
        {"data": {"items": [{"meta": {}, "item": COPY}]}},
        {"_items": [COPY], "_meta": {"page": 1}},
        {"data": {"search": {"totalHits": 1, "items": [COPY]}}},
        {"total": 1, "item": [COPY]},
        {"posts": [COPY], "found": 1},
        {"@context": "https://schema.org", "@graph": [{"@type": "NewsArticle", **COPY}, {"@type": "WebPage"}]},
    ],
)  # fmt: skip
def test_envelopes_give_their_entries(envelope):
    (found,) = items(envelope)
    assert (found.headline, found.body, found.position) == ("Ferry", "It ran aground.", 1)


@pytest.mark.parametrize(
    "cover", [{"data": {"item": COPY}}, {"article": COPY}, {"data": COPY}, {"_id": "7", "_source": COPY}]
)
def test_one_article_may_be_wrapped(cover):
    (found,) = items(cover)
    assert (found.headline, found.position) == ("Ferry", 0)


def test_the_id_of_a_hit_does_where_its_source_has_none():
    hits = [{"_id": "7", "_source": COPY}, {"_id": "8", "_source": {"guid": "g", **COPY}}]
    assert [entry.guid for entry in items({"hits": {"hits": hits}})] == ["7", "g"]


def test_aggregators():
    newsapi = {"source": {"id": "nsp", "name": "North Sea Press"}, "author": "A. Writer", "title": "Ferry",
               "description": "d", "url": "https://nsp.example/1", "publishedAt": "2026-03-09T10:00:00Z",
               "content": "It ran aground."}  # fmt: skip
    (found,) = items({"status": "ok", "articles": [newsapi]})
    assert (found.provider, found.byline, found.source_url) == ("North Sea Press", "A. Writer", "https://nsp.example/1")
    gdelt = {"url": "https://nsp.example/1", "title": "Ferry", "seendate": "20260309T101500Z", "domain": "nsp.example",
             "language": "English", "sourcecountry": "United Kingdom"}  # fmt: skip
    (found,) = items({"articles": [gdelt]})
    assert (found.provider, iso(found.published.time)) == ("nsp.example", "2026-03-09T10:15:00Z")


def test_schema_org():
    article = {"@context": "https://schema.org", "@type": "NewsArticle", "headline": "Ferry", "articleBody": "Aground.",
               "datePublished": "2026-03-09T10:00:00+01:00", "dateModified": "2026-03-09T11:00:00+01:00",
               "author": [{"@type": "Person", "name": "A"}, {"@type": "Person", "name": "B"}],
               "publisher": {"@type": "Organization", "name": "NSP"}, "inLanguage": "en",
               "mainEntityOfPage": {"@type": "WebPage", "@id": "https://nsp.example/1", "name": "Page"}}  # fmt: skip
    (found,) = items(article)
    assert (found.byline, found.provider, found.source_url) == ("A, B", "NSP", "https://nsp.example/1")
    assert (found.body, iso(found.version_created.time)) == ("Aground.", "2026-03-09T10:00:00Z")
    listed = items([{"@type": "BreadcrumbList", "itemListElement": []}, article])
    assert [getattr(entry, "error", entry) for entry in listed][:1] == ["no_article"]
    assert listed[1].headline == "Ferry"
    (skipped,) = items({"@context": "https://schema.org", "@type": "Organization", "name": "NSP"})
    assert (skipped.stage, skipped.error) == ("skip", "no_article")


def test_wordpress_states_gmt_without_a_zone():
    post = {"date": "2026-03-09T11:00:00", "date_gmt": "2026-03-09T10:00:00", "modified_gmt": "2026-03-09T12:00:00",
            "title": {"rendered": "Ferry"}, "content": {"rendered": "<p>Aground</p>"}, "author": 7,
            "tags": [1, 2]}  # fmt: skip
    (found,) = items([post])
    assert (iso(found.published.time), found.published.zone_assumed) == ("2026-03-09T10:00:00Z", False)
    assert (iso(found.version_created.time), found.byline, found.keywords) == ("2026-03-09T12:00:00Z", "", ())


@pytest.mark.parametrize("kind", ["picture", "image", "photo", "graphic", "video", "audio", "gallery"])
def test_a_medium_without_a_body_is_no_article(kind):
    (found,) = items({"type": kind, "headline": "Ferry", "caption": "Aground"})
    assert (found.stage, found.error) == ("skip", kind)
    assert headlines({"type": kind, "headline": "Ferry", "body": "x"}) == ["Ferry"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"title": "a"}{"title": "b"}', ["a", "b"]),
        ('{\n "title": "a"\n}\n\n{\n "title": "b"\n}\n', ["a", "b"]),
        ('{\n "title": "a"\n}\n{\n "title": "b', ["a", "json"]),
        ('\x1e{"title": "a"}\n\x1e{"title": "b"}\n', ["a", "b"]),
        ('\x1e{"title": "a"}\n\x1e{"tit\x1e{"title": "c"}\n', ["a", "json", "c"]),
        ('\x1e{"uri": "u", "body_main": "x", "headline": "a"}\n', ["a"]),
        ("\x1e\n\x1e\n", ["unknown_format"]),
        ('{"title": "a"} and more', ["json"]),
        ('{"title": "a"},{"title": "b"}', ["json"]),
    ],
)
def test_texts_one_after_another(text, found):
    assert headlines(text) == found


def test_raw_control_characters_are_mended_and_flagged():
    (found,) = items('{"title": "a", "body": "one\ntwo\tthree"}')
    assert (found.body, found.flags) == ("one\ntwo\tthree", ("json_mended",))


def test_many_texts_and_deep_wrappers_take_bounded_time():
    begin = time.perf_counter()
    assert len(items('{"title": "a"}' * 500)) == 500
    deep = '{"data":' * 900 + json.dumps(COPY) + "}" * 900
    assert [entry.error for entry in items(deep)] == ["no_text"]
    assert time.perf_counter() - begin < 5


@pytest.mark.parametrize("entry", ["[]", '"x"', '{"a": 1}'])
def test_a_document_of_more_values_than_any_wire_sends_is_refused_soon(entry):
    (found,) = parse(RawItem("x", b"[" + b",".join([entry.encode()] * 2_100_000) + b"]", 0))
    assert (found.stage, found.error) == ("parse", "too_large")


def test_a_list_of_more_articles_than_an_item_holds_says_what_to_write():
    (found,) = parse(RawItem("x", b"[" + b",".join([b'{"title": "a"}'] * 20_001) + b"]", 0))
    assert found.error == "too_large"
    assert "JSON lines" in found.message


DIGITALWIRES = {
    "format": "digitalwires@0.9.1", "type": "composite", "urn": "urn:newsml:nsp.example:20090101:260311-930-1",
    "version_created": "2026-03-11T12:10:00+01:00", "version": 2, "pubstatus": "usable", "signal": "sig:correction",
    "embargoed": "2026-03-11T19:00:00+01:00", "language": "de", "urgency": 4, "kicker": "Fähren",
    "headline": "Vesterø bekommt eine Fähre", "teaser": "Die Insel wartet seit Jahren.", "byline": None,
    "dateline": "Stralsund (nsp) - ", "article_html": '<section class="main"><p>Am Mittwoch.</p></section>',
    "infobox_html": '<section class="infobox"><h2>Daten</h2></section>', "linkbox_html": "<section>Links</section>",
    "creditline": "nsp", "copyrightnotice": "nsp", "notepad": {"public_html": "<section>Notizen</section>"},
    "ednotes": [{"role": "dpaednoterole:embargo", "ednote": "Sperrfrist beachten.", "is_publishable": True}],
    "descriptions": None,
    "associations": [{"type": "image", "urn": "urn:x", "caption": "Die Fähre", "creditline": "Ada Holm/nsp"}],
    "categories": [
        {"type": "dnltype:wire", "name": "bdt", "qcode": "dpasrv:bdt"},
        {"type": "dnltype:dpasubject", "name": "Verkehr", "qcode": "medtop:20000337", "rank": 1},
        {"type": "dnltype:geosubject", "name": "Vesterø", "qcode": "dpaarea:3", "rank": 1},
        {"type": "dnltype:keyword", "name": "Schiff", "qcode": None, "rank": 1},
        {"type": "dnltype:genre", "name": "Meldung", "qcode": "dpatextgenre:1"},
        {"type": "dnltype:provider", "name": "nsp", "qcode": "dnlprov:nsp"},
    ],
}  # fmt: skip


def test_digitalwires():
    (article,) = items({"entries": [DIGITALWIRES]})
    assert (article.source_format, article.guid, article.provider) == ("json", DIGITALWIRES["urn"], "nsp")
    assert (article.stated_version, article.signal, article.pub_status) == ("2", "correction", "usable")
    assert iso(article.version_created.time) == "2026-03-11T11:10:00Z"
    assert iso(article.embargoed.time) == "2026-03-11T18:00:00Z"
    assert (article.headline, article.dateline) == ("Vesterø bekommt eine Fähre", "Stralsund (nsp)")
    assert article.body == f"{DIGITALWIRES['article_html']}\n{DIGITALWIRES['infobox_html']}"
    assert (article.description, article.ed_note) == ("Die Insel wartet seit Jahren.", "Sperrfrist beachten.")
    assert [tuple(subject) for subject in article.subjects] == [("medtop", "20000337", "Verkehr")]
    assert (article.places, article.keywords, article.genre) == (("Vesterø",), ("Schiff",), "Meldung")
    assert (article.captions, article.credits) == (("Die Fähre",), ("Ada Holm/nsp",))


def test_a_picture_of_digitalwires_is_no_article():
    (found,) = items(DIGITALWIRES | {"article_html": None, "infobox_html": None})
    assert (found.stage, found.error) == ("skip", "package")


def test_a_lead_describes_where_there_is_no_body():
    (article,) = items({"data": [{"uuid": "7", "title": "Ferry", "lead": "It ran aground.", "body": None}]})
    assert (article.guid, article.description, article.body) == ("7", "It ran aground.", "")


def test_keys_of_other_agencies():
    data = {
        "id": "7", "firstIssueDate": "2026-03-11T10:00:00Z", "pubDate": "2026-03-11T11:00:00Z", "title": "Veer",
        "bodyText": "<p>Vast.</p>", "editorialNote": "Let op", "sourceTitle": "NSP 101", "authors": ["Ada"],
    }  # fmt: skip
    (article,) = items({"data": data})
    assert (article.guid, article.headline, article.body_type) == ("7", "Veer", "html")
    assert (article.ed_note, article.provider, article.byline) == ("Let op", "NSP 101", "Ada")
    assert iso(article.first_created.time) == "2026-03-11T10:00:00Z"


@pytest.mark.parametrize("key", ["urn", "release_id"])
def test_keys_that_identify(key):
    (article,) = items({"data": COPY | {key: "20260311NSP1"}})
    assert article.guid == "20260311NSP1"
