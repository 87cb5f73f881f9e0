"""ninjs: which JSON is ninjs, how its versions state one thing, which items are no articles, and hostile ones."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article, RawItem, Reject, Subject
from transforms.parse import Settings, parse, recognise
from transforms.parse.base import ParseError, Sample, SkipError
from transforms.parse.formats import json_articles, ninjs
from transforms.parse.times import iso

ITEM = {"uri": "urn:x:1", "type": "text", "versioncreated": "2026-03-09T10:00:00Z", "headline": "Ferry"}
NEW = {"uri": "urn:x:1", "type": "text", "versionCreated": "2026-03-09T10:00:00Z"}


def items(value, **more) -> list[Article | Reject]:
    data = value if isinstance(value, bytes) else (value if isinstance(value, str) else json.dumps(value)).encode()
    return list(parse(RawItem("wire/x.json", data, 0, **more)))


def one(value) -> Article:
    (found,) = items(value)
    assert isinstance(found, Article), found
    assert found.source_format == "ninjs"
    return found


def rejected(value) -> Reject:
    (found,) = items(value)
    assert isinstance(found, Reject)
    return found


@pytest.mark.parametrize(
    "value",
    [
        ITEM,
        {"uri": "urn:x:1", "bodies": [{"value": "x"}]},
        {"uri": "urn:x:1", "headlines": [{"role": "main", "value": "x"}]},
        {"uri": "urn:x:1", "body_xhtml": "<p>x</p>"},
        {"uri": "urn:x:1", "body_main": "x"},
        {"uri": "urn:x:1", "representationType": "full", "title": "x"},
        {"uri": "urn:x:1", "eventDetails": {"dates": {}}},
        {"uri": "urn:x:1", "pubStatus": "usable", "usageTerms": "x"},
        {"uri": "urn:x:1", "type": "text", "associations": {"a": {"uri": "urn:x:2"}}},
        {"$standard": {"name": "ninjs", "version": "1.3"}, "headline": "x"},
        {"standard": {"schema": "https://tt.example/spec/ttninjs-schema_3.0.json"}, "title": "x"},
        {"$schema": "http://www.iptc.org/std/ninjs/ninjs-schema_1.2.json", "uri": "x"},
        {"guid": "tag:x", "type": "text", "versioncreated": "2026-03-09T10:00:00+0000", "pubstatus": "usable"},
    ],
)
def test_what_is_ninjs(value):
    assert recognise(json.dumps(value).encode()).name == "ninjs"
    assert recognise(json.dumps(value, indent=4).encode("utf-16")).name == "ninjs"
    # An entry of a list is ninjs too, and so is a line.
    for listed in (json.dumps([value]), json.dumps({"items": [value, value]}), f"{json.dumps(value)}\n" * 2):
        assert recognise(listed.encode()).name == "json"
    assert {found.error for found in items([value]) if isinstance(found, Reject)} <= {"no_text", "event"}


@pytest.mark.parametrize(
    "value",
    [
        {"headline": "x", "body": "y"},
        {"uri": "urn:x:1", "headline": "x", "language": "en", "version": "1", "byline": "z"},
        {"uri": "urn:x:1", "type": "article", "headline": "x", "versionCreated": "2026-03-09"},
        {"uri": "urn:x:1", "type": "text", "versioncreated": "2026-03-09", "pubstatus": "usable", "body": "copy"},
        {"guid": "1", "type": "text", "versionCreated": "2026-03-09T10:00:00Z", "pubStatus": "usable"},
        {"guid": "1", "headline": "x", "versioncreated": "2026-03-09", "pubstatus": "usable", "usageterms": "z"},
        {"guid": "1", "type": "text", "versioncreated": "2026-03-09", "pubstatus": "usable", "family_id": "2"},
        {"@context": "https://schema.org", "@type": "NewsArticle", "uri": "x", "bodies": [{"value": "x"}]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "x", "title": "extends ninjs"},
        {"$schema": "https://example.example/ninjs", "$id": "x", "properties": {}},
        {"title": "an article on ninjs", "text": "ninjs is a format", "url": "https://x.example/ninjs"},
        {"uri": 7, "type": "text", "versioncreated": "2026-03-09", "pubstatus": "usable"},
    ],
)
def test_what_is_other_json(value):
    assert recognise(json.dumps(value).encode()).name == "json"
    assert not ninjs.is_ninjs(value)


@given(st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(["uri", "guid", "type", "bodies", "headline", "standard", "associations", "value", "subject",
                     "renditions", "versioncreated", "pubstatus", "person", "descriptions", "altids", "infosource"]),
    inner), max_leaves=15))  # fmt: skip
def test_any_json_is_read_or_refused_by_one_format(value):
    sample = Sample.of(json.dumps(value).encode())
    assert not (ninjs.recognise(sample) and json_articles.recognise(sample))
    for found in items(value) if isinstance(value, dict | list) else ():
        assert isinstance(found, Article) or found.error != "unexpected", found
    if isinstance(value, dict):
        try:
            assert ninjs.read(value, RawItem("x", b"", 0), Settings()).source_format == "ninjs"
        except ParseError as error:
            assert error.kind in ("no_text", "time") or isinstance(error, SkipError)  # noqa: PT017


SAME = [
    {"uri": "urn:x:1", "headline": "Ferry", "body_xhtml": "<p>a</p>", "byline": "B", "versioncreated": "2026-03-09",
     "subject": [{"scheme": "http://cv.iptc.org/newscodes/mediatopic/", "code": "20000139", "name": "fire"}],
     "place": [{"name": "Ulm"}], "infosource": [{"name": "Police"}], "altids": {"a": "1"}, "embargoed": "2026-03-10",
     "copyrightholder": "C", "usageterms": "U", "ednote": "E", "genre": [{"name": "G"}], "located": "L"},
    {"uri": "urn:x:1", "headlines": [{"role": "sub", "value": "no"}, {"role": "main", "value": "Ferry"}], "by": "B",
     "bodies": [{"role": "main", "contenttype": "application/xhtml+xml", "value": "<p>a</p>"}],
     "versioncreated": "2026-03-09", "subjects": [{"uri": "http://cv.iptc.org/newscodes/mediatopic/20000139",
     "name": "fire"}], "places": [{"name": "Ulm"}], "infosources": [{"name": "Police"}], "altids": [{"role": "a",
     "value": "1"}], "embargoed": "2026-03-10", "copyrightholder": "C", "usageterms": "U", "ednote": "E",
     "genres": [{"name": "G"}], "located": "L"},
    {"uri": "urn:x:1", "headlines": [{"value": "Ferry"}], "bodies": [{"contentType": "text/html", "value": "<p>a</p>"}],
     "by": "B", "versionCreated": "2026-03-09", "subjects": [{"literal": "20000139", "name": "fire",
     "uri": "http://cv.iptc.org/newscodes/mediatopic/20000139"}], "places": [{"name": "Ulm"}],
     "infoSources": [{"name": "Police"}], "altIds": [{"role": "a", "value": "1"}], "embargoedUntil": "2026-03-10",
     "copyrightHolder": "C", "usageTerms": "U", "edNote": "E", "genres": [{"name": "G"}], "located": "L"},
]  # fmt: skip


@pytest.mark.parametrize("value", SAME, ids=["1.x", "2.x", "3.x"])
def test_all_versions_state_one_article(value):
    found = one(value)
    assert found._replace(payload=b"") == one(SAME[0])._replace(payload=b"")
    assert (found.headline, found.body, found.body_type, found.byline) == ("Ferry", "<p>a</p>", "html", "B")
    assert found.subjects == (Subject("medtop", "20000139", "fire"),)
    assert (found.places, found.info_source, found.alternative_ids) == (("Ulm",), "Police", ("1",))
    assert iso(found.embargoed.time) == "2026-03-10T00:00:00Z"
    assert (found.copyright_holder, found.usage_terms, found.ed_note) == ("C", "U", "E")
    assert (found.genre, found.dateline_place) == ("G", "L")


LONG = "A whole story of a ferry that ran aground off the coast and of those who got off it."


@pytest.mark.parametrize(
    ("bodies", "body", "body_type"),
    [
        ({"body_text": LONG, "body_html": f"<p>{LONG}</p>"}, f"<p>{LONG}</p>", "html"),
        ({"body_text": LONG, "body_html": "<p>A teaser.</p>"}, LONG, "text"),
        ({"body_text": LONG, "body_html": ""}, LONG, "text"),
        ({"body_text": f"<p>{LONG}</p>"}, f"<p>{LONG}</p>", "html"),
        ({"body_text": "3 < 4 & 5 > 4"}, "3 < 4 & 5 > 4", "text"),
        ({"body_text": "a\r\n\r\nb"}, "a\n\nb", "text"),
        ({"body_text": f"{LONG * 2}\n{LONG}"}, f"{LONG * 2}\n\n{LONG}", "text"),
        ({"body_text": "short lines\nof a wire"}, "short lines\nof a wire", "text"),
        ({"bodies": [{"contenttype": "text/plain", "value": LONG}, {"contenttype": "body_xhtml", "value": LONG}]},
         LONG, "html"),
        ({"bodies": [{"role": "richtext", "value": f"{LONG} &amp;"}]}, f"{LONG} &amp;", "html"),
        ({"bodies": [{"contenttype": "application/json", "value": json.dumps([LONG] * 3)},
                     {"contenttype": "application/xml", "value": f"<x><y>{LONG * 3}</y></x>"},
                     {"value": LONG}]}, LONG, "text"),
        ({"bodies": [{"contenttype": "application/xml", "value": f"<x>{LONG}</x>"}]}, f"<x>{LONG}</x>", "html"),
        ({"bodies": [{"contentType": "text/vnd.IPTC.NITF", "value": "<nitf><body><body.content><p>A <em>b</em> c</p>"
                      "</body.content></body></nitf>"}]}, "<p>A <em>b</em> c</p>", "html"),
    ],
)  # fmt: skip
def test_the_fullest_body_with_most_structure(bodies, body, body_type):
    found = one(ITEM | bodies)
    assert (found.body, found.body_type) == (body, body_type)


def test_broken_nitf_is_text_all_the_same():
    found = one(ITEM | {"body_nitf": "<nitf><body><p>A ferry <b>ran</p></body>"})
    assert "ferry" in found.body
    assert found.flags == ("nitf_broken",)


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ({"type": "picture", "body_text": "its alternative text"}, "picture"),
        ({"type": "graphic"}, "graphic"),
        ({"type": "event", "bodies": [{"value": "comes"}]}, "event"),
        ({"type": "planning"}, "planning"),
        ({"type": "advisory", "body_text": "x"}, "advisory"),
        ({"type": "video", "description_text": "caption"}, "video"),
        ({"type": "audio"}, "audio"),
        ({"type": "composite", "associations": {"a": ITEM}}, "package"),
        ({"type": None, "eventdetails": {"dates": {}}}, "event"),
        ({"type": None, "plannedcoverage": [{}]}, "planning"),
        ({"type": None, "mimetype": "video/mp4"}, "video"),
        ({"pubstatus": "commissioned"}, "planning"),
        ({"type": "picture", "pubstatus": "canceled"}, "picture"),
    ],
)
def test_what_is_no_article_by_design(more, kind):
    found = rejected(ITEM | {"profile": "x", "pubstatus": "usable"} | more)
    assert (found.stage, found.error) == ("skip", kind)


@pytest.mark.parametrize("kind", ["video", "audio", "composite", "component", "text", "preformatted", "odd", None])
def test_what_has_a_body_is_an_article(kind):
    assert one(ITEM | {"type": kind, "pubstatus": "usable", "body_html": "<p>x</p>"}).body == "<p>x</p>"


@pytest.mark.parametrize("kind", ["text", "composite", "video", None])
def test_a_cancel_needs_no_text(kind):
    kill = one({"uri": "urn:x:1", "type": kind, "pubstatus": "canceled", "versioncreated": "2026-03-09T10:00:00Z"})
    assert (kill.pub_status, kill.guid, kill.headline) == ("canceled", "urn:x:1", "")


def test_an_address_keeps_nothing_of_the_request():
    uri = "https://api.example/content/5f?qt=a1&et=b2"
    assert one(ITEM | {"uri": uri}).guid == one(ITEM | {"uri": uri.replace("a1", "zz")}).guid
    assert one(ITEM | {"uri": uri}).guid == "https://api.example/content/5f"
    assert one(ITEM | {"uri": "https://api.example/?id=5&qt=x&v=2"}).guid == "https://api.example/?id=5&v=2"


def test_texts_of_pictures_are_captions_and_no_body():
    pictures = [
        {"name": "a", "type": "picture", "by": "C", "descriptions": [{"role": "x", "value": "one"},
         {"role": "caption", "value": "Two."}], "bodies": [{"value": "alternative"}]},
        {"name": "b", "type": "text", "description_text": "no picture"},
        {"name": "c", "type": "video", "description_text": "Three.", "creditline": "D"},
    ]  # fmt: skip
    found = one(NEW | {"headlines": [{"value": "x"}], "associations": pictures})
    assert (found.captions, found.credits, found.body) == (("Two.", "Three."), ("C", "D"), "")
    old = one(ITEM | {"associations": {"g": [pictures[0], None, pictures[2]], "n": None, "s": "odd"}})
    assert (old.captions, old.credits) == (found.captions, found.credits)


@pytest.mark.parametrize(
    "more",
    [
        {"person": "x"}, {"subject": [None, 7, [], {"name": 7}]}, {"urgency": 0.1}, {"version": 1.2}, {"title": 42},
        {"altids": "x"}, {"associations": "x"}, {"associations": [[[]]]}, {"expires": {}}, {"contentcreated": {"a": 1}},
        {"infosource": [{"name": "S", "scheme": {"URI": "x"}}]}, {"ednote": {"text": "x"}}, {"place": {"name": "x"}},
        {"renditions": 7}, {"genre": "Fact Check"}, {"bodies": "x"}, {"bodies": [None, {"value": 7}]}, {"headlines": 7},
        {"usageterms": {"start": "2026"}}, {"standard": "ninjs"}, {"keywords": "a"}, {"descriptions": {"value": "x"}},
    ],
)  # fmt: skip
def test_a_wrong_type_costs_its_own_field_only(more):
    found = one(ITEM | {"body_text": LONG} | more)
    assert (found.headline, found.body) == ("Ferry", LONG)


def test_an_odd_entry_takes_no_other_with_it():
    found = items({"items": [ITEM, {"uri": "urn:x:2", "type": "picture", "pubstatus": "usable"},
                             {"uri": "urn:x:3", "type": "text", "versioncreated": "never", "headline": "x"},
                             {"headline": "other JSON", "body": "x"}, NEW, 7, ITEM]})  # fmt: skip
    assert [entry.source_format if isinstance(entry, Article) else entry.error for entry in found] == [
        "ninjs", "picture", "time", "json", "no_text", "json", "ninjs",
    ]  # fmt: skip
    assert [entry.position for entry in found] == [1, 2, 3, 4, 5, 6, 7]
    lines = "\n".join(json.dumps(entry) for entry in (ITEM, {"title": "x"}, ITEM))
    assert [(entry.source_format, entry.position) for entry in items(lines)] == [
        ("ninjs", 1),
        ("json", 2),
        ("ninjs", 3),
    ]


def test_raw_line_ends_in_a_text_are_mended():
    found = one('{"uri": "urn:x:1", "type": "text", "pubstatus": "usable", "body_text": "a\n\n\tb"}')
    assert (found.body, found.flags) == ("a\n\n\tb", ("json_mended",))


WORDS = st.lists(st.text("abcäß中", min_size=1, max_size=8), min_size=1, max_size=20)


@given(WORDS, st.sampled_from(["body_html", "body_nitf", "bodies"]))
def test_every_word_is_in_the_body_in_order(words, key):
    inner = "".join(f"<p>{word} <em>{word}</em> {word}</p>" for word in words)
    text = f"<nitf><body><body.content>{inner}</body.content></body></nitf>" if key == "body_nitf" else inner
    found = one(ITEM | {key: [{"contenttype": "text/html", "value": text}] if key == "bodies" else text})
    assert found.body == inner


def test_a_long_item_is_recognised_by_how_it_begins():
    long = ITEM | {"body_html": '<p>copy, "quoted" {and} [so on], \\ </p>' * 5_000}
    assert recognise(json.dumps(long).encode()).name == "ninjs"
    last = {"body_html": "<p>x</p>" * 20_000} | ITEM
    # Its words come behind the sample: the other format reads it, and says what it is.
    assert recognise(json.dumps(last).encode()).name == "json"
    assert one(last)._replace(payload=b"") == one(ITEM | last)._replace(payload=b"")
    assert recognise(f"{json.dumps(long)}\n{json.dumps(long)}\n".encode()).name == "json"


DEEP = "".join(["["] * 100_000)


@pytest.mark.parametrize(
    "data",
    [
        '{"uri": "urn:x:1", "bodies": ' + DEEP,
        '{"uri": "urn:x:1", "bodies": ' + '{"a":' * 100_000,
        '{"uri": "' + "\\" * 3_000_001,
        '{"uri": "urn:x:1", ' + '"' * 3_000_000,
        '{"uri": "urn:x:1", "type": "text", "pubstatus": "usable", "body_html": "' + "<" * 3_000_000 + '"}',
        '{"uri": "urn:x:1", "type": "text", "pubstatus": "usable", "body_text": "' + "<p " * 300_000 + '"}',
        '{"uri": "urn:x:1", "body_nitf": "<nitf>' + "<p>" * 100_000 + '"}',
        '{"uri": "urn:x:1", "body_nitf": "<nitf>' + "&" * 200_000 + '"}',
        json.dumps(ITEM | {"uri": "https://x.example/?" + "qt=" * 300_000}),
        json.dumps(ITEM | {"bodies": [{"value": "x"}] * 50_000}),
        json.dumps(ITEM | {"associations": [{"type": "picture", "description_text": f"c{n}"} for n in range(9_999)]}),
        json.dumps(ITEM | {"body_html": "<p>x</p>" * (1 << 20)}),
        json.dumps(ITEM | {f"body_{n}": "x" for n in range(50_000)}),
    ],
    ids=range(13),
)
def test_hostile_items_take_bounded_time(data):
    begin = time.perf_counter()
    found = items(data)
    assert len(found) == 1
    assert time.perf_counter() - begin < 3


# Items that the suite of the standard says must fail, by version and number, and are articles all the same: their
# identity and their text can be read, and what is wrong is of a type, a word or a field that no reader needs.
ARTICLES_ALL_THE_SAME = {
    "1.0": "007 009 014 015", "1.1": "001", "1.2": "001", "1.3": "002 003 004 007", "1.5": "002",
    "1.4": "001 002 003 004 005 006",
    "1.x_dev": "001 002 003 004 005 006", "2.0": "002", "2.1": "001 002 003 004", "2.x_dev": "001 002 003 004 005 006",
    "3.0": "002",
}  # fmt: skip


@pytest.mark.corpus
def test_the_examples_of_the_standard(development_data: Path):
    folder = development_data / "wire" / "iptc-newsinjson"
    articles: dict[str, list[str]] = {}
    for path in sorted(folder.glob("*.json")):
        found = list(parse(RawItem(path.name, path.read_bytes(), 0)))
        assert found
        for entry in found:
            told = (path.name, entry)
            if isinstance(entry, Reject):
                assert entry.error != "unexpected", told
                if "__should_fail__" not in path.name and "not-valid" not in path.name:
                    assert entry.stage == "skip" or entry.error == "no_text", told
                    assert path.name.startswith("validation") or entry.stage == "skip", told
            else:
                assert entry.headline or entry.body or entry.pub_status in ("canceled", "withheld"), told
                if path.name.startswith(("examples", "documentation")):
                    assert entry.source_format == "ninjs", told
                _, _, version, _, rest = path.name.split("__", 4) if "__should_fail__" in path.name else [""] * 5
                if version:
                    articles.setdefault(version, []).append(rest[:3])
    assert {version: " ".join(numbers) for version, numbers in articles.items()} == ARTICLES_ALL_THE_SAME


def test_lines_of_vignette_and_names_are_no_copy():
    byline, credit = (f'<div class="byline">{name}</div>' for name in ("Ada Holm/NSP", "Bo Lind/NSP"))
    body = (
        '<article><h1>Färjan</h1><div class="dat"><span class="vignette">Vesterø</span><span class="source">NSP</span>'
        f'</div><div class="bodytext"><p>Den gick på grund.</p></div>{byline}<figure><img alt="x"/>{credit}'
        '<figcaption>Färjan</figcaption></figure><div class="byline">Någon annan</div></article>'
    )
    data = {
        "uri": "http://nsp.example/text/1", "type": "text", "headline": "Färjan", "body_html5": body, "slug": "farja-2",
        "representationtype": "complete", "byline": "Ada Holm/NSP", "replacing": ["http://nsp.example/text/0"],
        "associations": {"a1": {"type": "picture", "byline": "Bo Lind/NSP", "uri": "http://nsp.example/image/1"}},
    }  # fmt: skip
    (article,) = parse(RawItem("x", json.dumps(data).encode(), 0))
    assert isinstance(article, Article)
    assert (article.dateline, article.slugline) == ("Vesterø NSP", "farja-2")
    assert article.evolved_from == "http://nsp.example/text/0"
    assert 'class="dat"' not in article.body
    assert byline not in article.body
    assert credit not in article.body
    assert "Någon annan" in article.body
