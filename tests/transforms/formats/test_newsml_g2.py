"""NewsML-G2 beyond its golden files: forms of agencies, the whole text, IPTC's own examples and library."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from NewsMLG2 import NewsMLG2Document

from transforms.article import SKIP, Article, RawItem, Reject
from transforms.parse import Sample, formats, parse

ITEM = """<newsItem {attributes}><itemMeta><itemClass qcode="{kind}"/><provider literal="Tallis"/>
<versionCreated>2026-03-09T09:15:00Z</versionCreated>{item}</itemMeta>
<contentMeta><headline>Fire at harbour</headline>{content}</contentMeta>{more}
<contentSet>{copy}</contentSet></newsItem>"""
WORDS = st.lists(st.text("aäß中б&<>'\" ", min_size=1).filter(str.strip), min_size=1, max_size=8)


def item(copy="", *, kind="ninat:text", item="", content="", more="", attributes='guid="g" version="1" xml:lang="en"'):
    return ITEM.format(kind=kind, item=item, content=content, more=more, copy=copy, attributes=attributes).encode()


def all_of(data):
    return list(parse(RawItem("x.xml", data, 0)))


def only(data):
    (found,) = all_of(data)
    return found


def words(text):
    return re.sub(r"<[^>]*>", " ", text).split()


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.mark.parametrize(
    ("copy", "body", "kind"),
    [
        ("<inlineXML><html><body><p>One <b>two</b> 3</p></body></html></inlineXML>", "<p>One <b>two</b> 3</p>", 0),
        ("<inlineXML><p>One</p>tail</inlineXML>", "<p>One</p>tail", 0),
        ("<inlineXML><nitf><body><body.content><p>One</p></body.content></body></nitf></inlineXML>", "<p>One</p>", 0),
        ("<inlineXML><nitf><body><p>One</p></body></nitf></inlineXML>", "<p>One</p>", 0),
        ("<inlineXML><body.content><p>One</p></body.content></inlineXML>", "<p>One</p>", 0),
        ("<inlineData>One &amp; two\n\nThree</inlineData>", "One & two\n\nThree", 1),
        ("<inlineData contenttype='text/plain'>&lt;p&gt;One&lt;/p&gt;</inlineData>", "<p>One</p>", 0),
        ("<inlineData><![CDATA[<nitf><body><p>One</p></body></nitf>]]></inlineData>", "<p>One</p>", 0),
        ("<inlineData>   One wrapped\nline.\n   Two, too.</inlineData>", "One wrapped\nline.\n\nTwo, too.", 1),
        ("<inlineData>One</inlineData><inlineXML><p>One</p></inlineXML>", "<p>One</p>", 0),
        ("<inlineData>One</inlineData><inlineXML><p>One two three</p></inlineXML>", "<p>One two three</p>", 0),
        ("<inlineXML xml:lang='de'><p>Eins zwei drei</p></inlineXML><inlineXML xml:lang='en'><p>One</p></inlineXML>",
         "<p>One</p>", 0),
        ("<inlineXML><p> </p></inlineXML>", "", 1),
    ],
)  # fmt: skip
def test_copy_is_read_from_wherever_it_stands(copy, body, kind):
    found = only(item(copy))
    assert (found.body, found.body_type) == (body, ("html", "text")[kind])


def test_the_nitf_of_tt_is_read():
    copy = """<inlineXML contenttype="application/ttnitf+xml"><BODY xmlns=""><TEXT><RUBRIK>Brand i hamnen</RUBRIK>
    <DAT><ORT>OSLO</ORT></DAT><INGRESS><P>Två saknas.</P></INGRESS><BRODTEXT><CITAT>Vi letar, säger hon.</CITAT>
    <MELLIS>Taket</MELLIS><P>Taket <B>rasade</B> in.</P></BRODTEXT><BYLINE>Ebba Lindqvist/TT</BYLINE>
    <BILD><BILDTEXT><P>Röken.</P></BILDTEXT><BILDSKAPARE>Foto AB</BILDSKAPARE></BILD></TEXT>
    <TEXT><RUBRIK>Fakta</RUBRIK><BRODTEXT><P>Hamnen.</P></BRODTEXT></TEXT></BODY></inlineXML>"""
    found = only(item(copy))
    said = " ".join(words(found.body))
    assert said == "Två saknas. Vi letar, säger hon. Taket Taket rasade in. Fakta Hamnen."
    assert (found.byline, found.captions, found.credits) == ("Ebba Lindqvist/TT", ("Röken.",), ("Foto AB",))


@pytest.mark.parametrize(
    ("stated", "status"),
    [
        ('<pubStatus qcode="stat:usable"/>', "usable"),
        ('<pubStatus qcode="stat:withheld"/>', "withheld"),
        ('<pubStatus qcode="stat:canceled"/>', "canceled"),
        ('<pubStatus uri="http://cv.iptc.org/newscodes/pubstatusg2/canceled/"/>', "canceled"),
        ('<pubStatus literal="usable"/>', "usable"),
        ("", "usable"),
    ],
)
def test_status_is_read_in_each_form(stated, status):
    assert only(item("<inlineXML><p>One</p></inlineXML>", item=stated)).pub_status == status


@pytest.mark.parametrize(
    ("kind", "copy", "error"),
    [
        ("ninat:picture", '<remoteContent contenttype="image/jpeg" href="a.jpg"/>', "picture"),
        ("ninat:video", "", "video"),
        ("http://cv.iptc.org/newscodes/ninature/audio", "", "audio"),
        ("ninat:composite", "<inlineXML><events><event/></events></inlineXML>", "composite"),
    ],
)
def test_what_is_no_text_is_skipped(kind, copy, error):
    found = only(item(copy, kind=kind))
    assert (found.stage, found.error) == (SKIP, error)


def test_a_video_with_a_script_is_read():
    assert only(item("<inlineXML><p>Shotlist: smoke.</p></inlineXML>", kind="ninat:video")).body


@pytest.mark.parametrize("name", ["planningItem", "conceptItem", "knowledgeItem", "catalogItem", "packageItem"])
def test_items_that_are_no_news_are_skipped(name):
    found = only(f'<{name} guid="g"/>'.encode())
    assert (found.stage, found.error) == (SKIP, name.removesuffix("Item"))


def test_a_headline_alone_is_an_article_and_says_where_its_copy_is():
    assert only(item()).headline == "Fire at harbour"
    assert only(item('<remoteContent href="story.txt"/>')).flags == ("remote_content",)
    assert only(item("<inlineXML><sports-content/></inlineXML>")).flags == ("content_not_read",)


def test_a_version_is_no_evolution_of_itself():
    link = '<link rel="irel:evolvedFrom" residref="{}"/>'
    assert only(item(item=link.format("g"))).evolved_from == ""
    assert only(item(item=link.format("h"))).evolved_from == "h"


def test_subjects_are_named_in_the_items_language():
    content = """<subject qcode="a:1"><name xml:lang="de">Feuer</name><name xml:lang="en-US">fire</name></subject>
    <subject qcode="a:1"><name xml:lang="en">fire</name></subject><subject literal="ALR"/>
    <subject uri="https://cv.example/topics#7"><name>ports</name></subject><subject/>"""
    found = only(item(content=content))
    assert [tuple(one) for one in found.subjects] == [
        ("a", "1", "fire"), ("", "ALR", ""), ("cv.example/topics", "7", "ports"),
    ]  # fmt: skip


@given(WORDS)
def test_all_the_text_comes_out_in_order(texts):
    inline = "".join(f"<p>{escaped(text)}<b>{escaped(text)}</b>{escaped(text)}</p>" for text in texts)
    found = only(item(f"<inlineXML><html><body>{inline}</body></html></inlineXML>"))
    assert "".join(words(found.body)) == "".join(words(inline))


@given(st.lists(st.sampled_from(["text", "empty", "picture"]), min_size=2, max_size=6))
def test_each_item_of_a_message_is_an_article_or_a_reject(kinds):
    entries = {
        "text": item("<inlineXML><p>One</p></inlineXML>").decode(),
        "empty": "<newsItem guid='e'><contentSet/></newsItem>",
        "picture": item(kind="ninat:picture").decode(),
    }
    data = f"<newsMessage><header/><itemSet>{''.join(entries[kind] for kind in kinds)}</itemSet></newsMessage>".encode()
    found = all_of(data)
    assert [one.position for one in found] == list(range(1, len(kinds) + 1))
    assert [isinstance(one, Article) for one in found] == [kind == "text" for kind in kinds]


def test_what_iptcs_library_writes_gives_the_same_article():
    # Without a catalogue, which the library would fetch.
    stated = item(
        "<inlineXML contenttype='application/xhtml+xml'><html xmlns='http://www.w3.org/1999/xhtml'><body><p>Two <b>men"
        "</b> are missing.</p><p>More &amp; more.</p></body></html></inlineXML>",
        item="<firstCreated>2026-03-09T06:30:00Z</firstCreated><edNote>Adds men</edNote>",
        content="<by>By Rhona Petrie</by><dateline>CALDER HAVEN</dateline><slugline>FIRE</slugline>",
        attributes='xmlns="http://iptc.org/std/nar/2006-10-01/" guid="tag:t.example,2026:1" version="3" xml:lang="en" '
        'standard="NewsML-G2" standardversion="2.35" conformance="power"',
    )
    written = NewsMLG2Document(stated).to_xml_string().encode()
    assert written != stated
    found = only(written)
    assert (found.guid, found.byline, found.ed_note) == ("tag:t.example,2026:1", "By Rhona Petrie", "Adds men")
    assert words(found.body) == ["Two", "men", "are", "missing.", "More", "&amp;", "more."]
    expected = only(stated)
    assert found._replace(body="", payload=b"") == expected._replace(body="", payload=b"")


@pytest.mark.parametrize(
    "data",
    [
        item("<inlineXML>" + "<b>" * 10_000 + "x" + "</b>" * 10_000 + "</inlineXML>"),
        item("<inlineXML><p/></inlineXML>" * 10_000),
        item(item="".join(f"<edNote>{n}</edNote>" for n in range(20_000))),
        item("<inlineData>" + "& " * 200_000 + "</inlineData>"),
        b"<newsMessage><itemSet>" + b"<newsItem/>" * 50_000 + b"</itemSet></newsMessage>",
        item("<inlineData><![CDATA[" + "<a <p " * 50_000 + "]]></inlineData>"),
        b"<newsItem>" + b"<x>" * 500_000,
    ],
    ids=["deep", "renditions", "notes", "ampersands", "items", "tags", "unclosed"],
)
def test_hostile_input_is_read_or_refused_soon(data):
    start = time.process_time()
    assert all_of(data)
    assert time.process_time() - start < 5


def test_entities_are_no_bomb_and_fetch_nothing():
    data = b"""<!DOCTYPE newsItem [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>"""
    found = only(data + item("<inlineXML><p>One &b; &c; two</p></inlineXML>"))
    assert found.body == "<p>One &amp;b; &amp;c; two</p>"
    assert found.flags == ("xml_mended",)


def test_other_formats_make_no_claim():
    for data in (item(), b"<newsMessage/>", b'<?xml version="1.0"?><!-- x --><p:newsItem xmlns:p="a"/>'):
        assert [form.name for form in formats() if form.recognise(Sample.of(data))] == ["newsml_g2"]


@pytest.mark.corpus
def test_all_examples_of_iptc_are_read_or_skipped(development_data):
    found = [one for path in sorted((development_data / "wire" / "iptc-newsml-g2").glob("*.xml"))
             for one in all_of(path.read_bytes())]  # fmt: skip
    articles = [one for one in found if isinstance(one, Article)]
    assert [one.message for one in found if isinstance(one, Reject) and one.stage != SKIP] == []
    assert len(articles) == 8
    assert all(one.headline or one.body for one in articles)


def test_what_an_item_of_tt_replaces_is_no_other_id_of_it():
    ids = """<altId type="tt:uno">20260309:TT:7:0</altId><altId type="tt:refuno">20260309:TT:5:0</altId>
    <subject literal="TT:02000000:LAG"/>"""
    attributes = 'guid="urn:newsml:tt.se:20260309:TT:7:0"'
    found = only(item("<inlineData>One</inlineData>", item='<signal qcode="tt_sig:replace"/>', content=ids,
                      attributes=attributes))  # fmt: skip
    assert found.evolved_from == "urn:newsml:tt.se:20260309:TT:5:0"
    assert found.alternative_ids == ("20260309:TT:7:0",)
    assert found.subjects == (("subj", "02000000", ""),)
    assert only(item("<inlineData>One</inlineData>", content=ids, attributes=attributes)).evolved_from == ""


def test_running_numbers_are_no_ids():
    ids = '<altId type="t:runningnumber">en 7</altId><altId type="ap:recordSequenceNumber">1</altId><altId>T7</altId>'
    assert only(item("<inlineData>One</inlineData>", content=ids)).alternative_ids == ("T7",)


@pytest.mark.parametrize("role", ["hld:subHeadline", "hlrole:sub", "hltype:subtitle"])
def test_a_second_headline_is_the_description(role):
    found = only(item("<inlineData>One</inlineData>", content=f'<headline role="{role}">Two missing</headline>'))
    assert (found.headline, found.description) == ("Fire at harbour", "Two missing")
    found = only(item("<inlineData>One</inlineData>", content=f'<headline role="{role}">Fire at harbour</headline>'))
    assert found.description == ""


def test_a_subject_with_a_facet_of_geography_is_a_place():
    place = '<subject qcode="N2:GB" type="cptType:5"><name>Britain</name><facet qcode="geoProp:5"/></subject>'
    assert only(item("<inlineData>One</inlineData>", content=place)).places == ("Britain",)


def test_lines_in_one_paragraph_keep_their_paragraphs():
    copy = "\n<p>\n\n            (T) - Oban, March 9 - It\nburns.\n   Two &amp; more.\n  </p>"
    found = only(item(f"<inlineData><![CDATA[{copy}]]></inlineData>"))
    assert (found.body, found.body_type) == ("(T) - Oban, March 9 - It\nburns.\n\nTwo & more.", "text")


def test_the_time_of_a_change_serves_where_the_version_has_none():
    """One agency's archive has the elements and nothing in them."""
    data = item("<inlineData>One</inlineData>", content="<contentModified>2026-03-09T10:00:00Z</contentModified>")
    empty = data.replace(b"<versionCreated>2026-03-09T09:15:00Z</versionCreated>", b"<versionCreated/>")
    assert only(empty).version_created.time - only(data).version_created.time == 45 * 60 * 1_000_000


@pytest.mark.parametrize(
    "notes", [("In part.", "Notes: In part. And more."), ("Notes: In part. And more.", "In part.")]
)
def test_a_part_of_a_note_is_said_once(notes):
    stated = "".join(f"<edNote>{note}</edNote>" for note in (*notes, "Another."))
    assert only(item("<inlineData>One</inlineData>", item=stated)).ed_note == "Notes: In part. And more.\nAnother."
