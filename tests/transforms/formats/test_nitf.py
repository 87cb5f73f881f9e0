"""NITF beyond its golden files: quirks of agencies, the whole text, hostile input."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import SKIP, RawItem, Reject
from transforms.parse import Sample, formats, parse

DOCUMENT = """<nitf><head>{head}<docdata {attributes}><doc-id id-string="d1" regsrc="TALLIS"/>
<date.issue norm="{issue}"/>{docdata}</docdata></head>
<body><body.head><hedline><hl1>Fire</hl1></hedline>{above}</body.head>
<body.content>{copy}</body.content>{end}</body></nitf>"""
INLINE = st.sampled_from(["em", "person", "org", "location", "chron", "a", "num", "unknown"])
WORD = st.text("abcäßж中", min_size=1, max_size=6)


def nitf(copy="<p>One</p>", *, head="", attributes="", issue="20260309T091500Z", docdata="", above="", end=""):
    return DOCUMENT.format(
        head=head, attributes=attributes, issue=issue, docdata=docdata, above=above, copy=copy, end=end
    ).encode()


def only(data):
    (found,) = parse(RawItem("x.xml", data, 0))
    return found


def words(text):
    return re.sub(r"<[^>]*>", " ", text).split()


@pytest.mark.parametrize(
    ("copy", "body", "body_type"),
    [
        ("<p>One</p><p>Two</p>", "<p>One</p><p>Two</p>", "html"),
        ("<block id='Main'><p>One</p></block>", "<div><p>One</p></div>", "html"),
        ("<hl2>Head</hl2><p>O<person>n</person>e</p>", "<h2>Head</h2><p>One</p>", "html"),
        ("<p>One<br/>two</p>", "<p>One<br>two</p>", "html"),
        ("<nitf-table><nitf-table-metadata><x>no</x></nitf-table-metadata><table><tr><td>1</td><td/></tr></table></nitf-table>",
         "<div><table><tr><td>1</td><td></td></tr></table></div>", "html"),
        ("<dl><dt>A</dt><dd>B</dd></dl><pre>1  2</pre>", "<dl><dt>A</dt><dd>B</dd></dl><pre>1  2</pre>", "html"),
        ("<block>One line\n\nTwo <em>lines</em></block>", "One line\n\nTwo lines", "text"),
        ("&lt;p&gt;One&lt;/p&gt;", "<p>One</p>", "html"),
        ("<![CDATA[<p>One</p>]]>", "<p>One</p>", "html"),
        ("<media><media-caption>Smoke</media-caption></media>Copy", "Copy", "html"),
        ("<p/>", "", "text"),
    ],
)  # fmt: skip
def test_the_body_is_laid_out_as_it_stands(copy, body, body_type):
    found = only(nitf(copy))
    assert (found.body, found.body_type) == (body, body_type)


@given(st.lists(st.tuples(WORD, INLINE, WORD, WORD), min_size=1, max_size=6))
def test_no_word_is_lost_behind_an_inline_tag(rows):
    copy = "".join(f"<p>{a} <{tag}>{b}</{tag}> {c}</p>" for a, tag, b, c in rows)
    assert words(only(nitf(copy)).body) == [word for a, _, b, c in rows for word in (a, b, c)]


@given(st.lists(WORD, min_size=1, max_size=9))
def test_cells_and_items_stay_in_order(cells):
    copy = "".join(
        f"<table><tr><td>{cell}</td><td>{cell}x</td></tr></table><ul><li>{cell}y</li></ul>" for cell in cells
    )
    assert words(only(nitf(copy)).body) == [f"{cell}{end}" for cell in cells for end in ("", "x", "y")]


@pytest.mark.parametrize(
    ("release", "embargoed"),
    [("20260309T091500Z", False), ("20260309T101500+0100", False), ("20260309T120000Z", True), ("", False)],
)
def test_a_release_is_an_embargo_where_it_is_later(release, embargoed):
    found = only(nitf(docdata=f'<date.release norm="{release}"/>'))
    assert (found.embargoed is not None) == embargoed


def test_a_release_that_cannot_be_read_is_flagged():
    assert only(nitf(docdata='<date.release norm="soon"/>')).flags == ("invalid_embargoed",)


@pytest.mark.parametrize(
    ("attributes", "guid", "status", "evolved_from"),
    [
        ('management-status="usable"', "d1", "usable", ""),
        ('management-status="withheld"', "d1", "withheld", ""),
        ('management-status="canceled"', "d1", "canceled", ""),
        ('management-status="canceled" management-doc-idref="d0"', "d0", "canceled", ""),
        (
            'management-status="usable" management-doc-idref="d0" management-idref-status="canceled"',
            "d0",
            "canceled",
            "",
        ),
        ('management-status="usable" management-doc-idref="d0"', "d1", "usable", "d0"),
        ('management-doc-idref="d1"', "d1", "usable", ""),
    ],
)
def test_management_of_documents(attributes, guid, status, evolved_from):
    found = only(nitf(attributes=attributes))
    assert (found.guid, found.pub_status, found.evolved_from) == (guid, status, evolved_from)


@pytest.mark.parametrize(
    ("line", "dateline", "place"),
    [
        ("<dateline>Oslo</dateline>", "Oslo", "Oslo"),
        ("<dateline><location>OSLO</location>, <story.date>March 9</story.date></dateline>", "OSLO, March 9", "OSLO"),
        ("<dateline>OSLO, <story.date>March 9</story.date> -</dateline>", "OSLO, March 9 -", "OSLO"),
        ("<dateline><story.date norm='20260309T090000Z'>20260309T090000Z</story.date></dateline>", "", ""),
        ("<dateline>OSLO, March 9</dateline>", "OSLO, March 9", ""),
        ("", "", ""),
    ],
)
def test_datelines(line, dateline, place):
    found = only(nitf(above=line))
    assert (found.dateline, found.dateline_place) == (dateline, place)


def test_words_of_a_byline_stay_apart():
    assert only(nitf(above="<byline>By RHONA PETRIE<byttl>Tallis Writer</byttl></byline>")).byline == (
        "By RHONA PETRIE Tallis Writer"
    )


def test_the_end_of_the_body_is_copy():
    assert words(only(nitf(end="<body.end><tagline>(Writing by R.)</tagline></body.end>")).body) == [
        "One", "(Writing", "by", "R.)",
    ]  # fmt: skip


def test_the_title_stands_in_for_a_headline():
    data = nitf(head="<title>A title</title>").replace(b"<hl1>Fire</hl1>", b"")
    assert only(data).headline == "A title"


def test_a_picture_alone_is_skipped_and_nothing_at_all_is_refused():
    bare = b"<nitf><body><body.content>%s</body.content></body></nitf>"
    assert (only(bare % b"<media/>").stage, only(bare % b"<media/>").error) == (SKIP, "picture")
    assert only(bare % b"").error == "no_text"


@pytest.mark.parametrize(
    "data",
    [
        nitf("<block>" * 10_000 + "x" + "</block>" * 10_000),
        nitf(("<media>" * 200 + "<media-caption>c</media-caption>" + "</media>" * 200) * 50),
        nitf("<p>x</p>" * 60_000),
        nitf(docdata="<key-list>" + '<keyword key="k"/>' * 60_000 + "</key-list>"),
        nitf("&#x110000;" * 200_000),
        b"<nitf>" + b"<p" * 300_000,
    ],
    ids=["deep", "media", "paragraphs", "keywords", "references", "torn"],
)
def test_hostile_input_is_read_or_refused_soon(data):
    start = time.process_time()
    assert only(data)
    assert time.process_time() - start < 5


@pytest.mark.parametrize("root", [b"<nitf/>", b"<NITF />", b'<n:nitf xmlns:n="x"/>', b"<!DOCTYPE nitf><nitf>"])
def test_a_document_is_told_by_its_root(root):
    assert [form.name for form in formats() if form.recognise(Sample.of(root))] == ["nitf"]


def test_a_torn_document_is_refused():
    found = only(nitf()[:-30])
    assert isinstance(found, Reject)
    assert found.error == "xml"


def test_elements_that_stand_elsewhere_than_in_the_definition():
    data = nitf(
        head='<meta name="anpa-keyword" content="Harbour Fire"/><revision-history comment="ADDS quotes"/>'
        '<urgency ed-urg="2"/>'
        '<meta name="article-keywords" content="fire, harbour"/><meta name="category_iptc" content="04000000"/>',
        docdata='<key-list><keyword>National</keyword></key-list><date.release norm="YYYYMMDD000000-HHMM"/>'
        '<date.expire norm="YYYYMMDD000000-HHMM"/>',
    )
    found = only(data)
    assert (found.ed_note, found.urgency, found.keywords) == ("ADDS quotes", 2, ("National", "fire", "harbour"))
    assert found.subjects == (("subj", "04000000", ""),)
    assert found.slugline == "Harbour Fire"
    assert (found.embargoed, found.expires, found.flags) == (None, None, ())


def test_parts_of_a_place_are_set_apart():
    place = "<location>\n<city>Oban</city>\n<state>Argyll</state> <country>Scotland</country></location>"
    found = only(nitf(above=f"<dateline>{place}</dateline>"))
    assert (found.dateline, found.dateline_place) == ("Oban, Argyll, Scotland", "Oban")
    found = only(nitf(above="<dateline><location><city>Oban</city>, <state>Argyll</state></location> (T)</dateline>"))
    assert (found.dateline, found.dateline_place) == ("Oban, Argyll (T)", "Oban")


def test_by_stands_apart_from_the_person():
    assert only(nitf(above="<byline>By<person>Rhona Petrie</person></byline>")).byline == "By Rhona Petrie"
