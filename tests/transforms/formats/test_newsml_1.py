"""NewsML 1 beyond its golden files: identifiers and components as agencies write them, hostile input."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import SKIP, Article, RawItem
from transforms.parse import Sample, formats, parse

TEXT = '<ContentItem><MediaType FormalName="Text"/><DataContent>{}</DataContent></ContentItem>'


def identifier(provider="t.example", day="20260309", own="N1", revision="2", public=""):
    return (
        f"<Identification><NewsIdentifier><ProviderId>{provider}</ProviderId><DateId>{day}</DateId><NewsItemId>{own}"
        f"</NewsItemId><RevisionId PreviousRevision='1' Update='N'>{revision}</RevisionId><PublicIdentifier>{public}"
        "</PublicIdentifier></NewsIdentifier></Identification>"
    )


def news_item(components="", *, ids=None, management="", status="Usable"):
    return (
        f"<NewsItem>{identifier() if ids is None else ids}<NewsManagement><ThisRevisionCreated>20260309T091500Z"
        f"</ThisRevisionCreated><Status FormalName='{status}'/>{management}</NewsManagement>{components}</NewsItem>"
    )


def component(inner, *, headline="Fire", role="", lang="", attributes=""):
    lines = f"<NewsLines><HeadLine>{headline}</HeadLine></NewsLines>" if headline else ""
    role = f"<Role FormalName='{role}'/>" if role else ""
    lang = f" xml:lang='{lang}'" if lang else ""
    return f"<NewsComponent{lang} {attributes}>{role}{lines}{inner}</NewsComponent>"


def all_of(*items):
    return list(parse(RawItem("x.xml", f"<NewsML>{''.join(items)}</NewsML>".encode(), 0)))


def only(*items):
    (found,) = all_of(*items)
    return found


def words(text):
    return re.sub(r"<[^>]*>", " ", text).split()


@pytest.mark.parametrize(
    ("ids", "guid"),
    [
        (identifier(public="urn:newsml:t.example:20260309:N1:2"), "urn:newsml:t.example:20260309:N1"),
        (identifier(public="urn:newsml:t.example:20260309:N1:2N"), "urn:newsml:t.example:20260309:N1"),
        (identifier(public="urn:newsml:t.example:20260309:N1:12U"), "urn:newsml:t.example:20260309:N1"),
        (identifier(public="urn:newsml:t.example:20260309T091500Z:N1:2"), "urn:newsml:t.example:20260309:N1"),
        (
            identifier(public="urn:newsml:t.example:20260309:N1-v7:7", own="N1-v7"),
            "urn:newsml:t.example:20260309:N1-v7",
        ),
        (identifier(public="urn:newsml:www.t.example", day="20260309T1000"), "urn:newsml:t.example:20260309:N1"),
        (identifier(), "urn:newsml:t.example:20260309:N1"),
        ("<Identification><NewsIdentifier><ProviderId>t</ProviderId></NewsIdentifier></Identification>", ""),
    ],
)
def test_the_guid_is_that_of_all_revisions(ids, guid):
    assert only(news_item(component(TEXT.format("One")), ids=ids)).guid == guid


def test_an_item_that_is_named_only_in_its_metadata():
    """One agency misspells the metadata and puts a bare guid there."""
    part = component("<DescriptiveMetada><guid>16AA</guid></DescriptiveMetada>" + TEXT.format("One"))
    assert only(news_item(part, ids="")).guid == "16AA"


@pytest.mark.parametrize(
    ("status", "management", "pub_status", "embargoed"),
    [
        ("Usable", "", "usable", False),
        ("USABLE", "", "usable", False),
        ("Canceled", "", "canceled", False),
        ("Withheld", "", "withheld", False),
        ("Embargoed", "", "withheld", False),
        ("Embargoed", "<StatusWillChange><FutureStatus FormalName='Usable'/><DateAndTime>20260310T000000Z</DateAndTime>"
         "</StatusWillChange>", "withheld", True),
        ("Usable", "<StatusWillChange><FutureStatus FormalName='Canceled'/><DateAndTime>20260310T000000Z</DateAndTime>"
         "</StatusWillChange>", "usable", False),
        ("Usable", "<Instruction FormalName='Delete'/>", "canceled", False),
        ("Usable", "<Instruction FormalName='Rectify'/>", "usable", False),
    ],
)  # fmt: skip
def test_status_and_instructions(status, management, pub_status, embargoed):
    found = only(news_item(component(TEXT.format("One")), management=management, status=status))
    assert (found.pub_status, found.embargoed is not None) == (pub_status, embargoed)


@pytest.mark.parametrize(
    ("content", "body"),
    [
        ("One &amp; two", "One & two"),
        ("<p>One</p><p>Two</p>", "<p>One</p><p>Two</p>"),
        ("<![CDATA[<P>One</P>]]>", "<P>One</P>"),
        ("<html><head><title>no</title></head><body><p>One</p></body></html>", "<p>One</p>"),
        ("<nitf><body><body.content><p>One</p></body.content></body></nitf>", "<p>One</p>"),
        ("<nitf xmlns='x'><body><body.head><hedline><hl1>H</hl1></hedline></body.head><p>One</p></body></nitf>", None),
    ],
)
def test_content_is_read_in_each_form(content, body):
    found = only(news_item(component(TEXT.format(content))))
    assert found.body == body if body else "One" in found.body


def test_equivalents_are_read_once():
    both = TEXT.format("One two three") + TEXT.format("<p>One two three</p>")
    for attributes in ("EquivalentsList='yes'", ""):
        assert only(news_item(component(both, attributes=attributes))).body == "<p>One two three</p>"


def test_parts_are_put_together_in_order():
    parts = (
        component(TEXT.format("Fire in port"), headline="", role="Title")
        + component(TEXT.format("Lead."), headline="", role="Lead")
        + component(TEXT.format("Rest &lt;3."), headline="", role="Body")
        + component(TEXT.format("In short."), headline="", role="Summary")
        + component(TEXT.format("The port."), headline="", role="Caption")
    )
    found = only(news_item(component(parts, headline="")))
    assert (found.headline, found.body) == ("Fire in port", "Lead.\n\nRest <3.")
    assert (found.description, found.captions) == ("In short.", ("The port.",))


def test_what_stands_beside_a_picture_is_its_caption():
    picture = component(component(TEXT.format("Smoke."), headline="Smoke"), headline="Photo", role="Picture")
    found = only(news_item(component(picture + TEXT.format("One"))))
    assert (found.headline, found.body, found.captions) == ("Fire", "One", ("Smoke.",))


@pytest.mark.parametrize(
    ("inner", "error"),
    [
        ("<ContentItem Href='a.jpg'><MediaType FormalName='Photo'/></ContentItem>", "picture"),
        ("<ContentItem Href='a.mp4'><MediaType FormalName='Video'/></ContentItem>", "video"),
        ("<ContentItem Href='a.txt'/>", "remote_content"),
        ("<NewsItemRef NewsItem='urn:newsml:t.example:20260309:N2:1'/>", "package"),
    ],
)
def test_what_holds_no_text_is_skipped(inner, error):
    found = only(news_item(component(inner)))
    assert (found.stage, found.error) == (SKIP, error)


def test_an_alert_is_an_article_without_a_body():
    found = only(news_item(component(TEXT.format(""), headline="FIRE IN PORT")))
    assert (found.headline, found.body) == ("FIRE IN PORT", "")


def test_translations_are_articles_of_their_own_and_can_stand_alone():
    parts = "".join(component(TEXT.format(f"In {lang}"), headline=lang, lang=lang) for lang in ("nl", "fr", "de"))
    found = all_of(news_item(component(parts)))
    assert [(one.headline, one.body, one.language_declared) for one in found] == [
        (lang, f"In {lang}", lang) for lang in ("nl", "fr", "de")
    ]
    assert [one.guid.rpartition("N1")[2] for one in found] == ["", "#fr", "#de"]
    for one in found:
        (again,) = parse(RawItem("x.xml", one.payload, 0, position=one.position))
        assert again._replace(payload=b"") == one._replace(payload=b"")


def test_components_of_one_language_are_one_article():
    parts = "".join(component(TEXT.format(f"Part {n}"), headline=f"H{n}", lang="nl") for n in range(2))
    assert only(news_item(component(parts))).body == "Part 0\n\nPart 1"


def test_an_item_inside_of_another_is_one_of_its_own():
    inner = news_item(component(TEXT.format("Two")), ids=identifier(own="N2"))
    found = all_of(news_item(component(TEXT.format("One") + inner)))
    assert [(one.guid[-2:], one.body) for one in found] == [("N1", "One"), ("N2", "Two")]


@given(st.lists(st.text("abcäжß中", min_size=1, max_size=6), min_size=1, max_size=8))
def test_no_word_is_lost(texts):
    copy = "".join(f"<p>{text} <b>{text}</b> {text}</p>" for text in texts)
    assert words(only(news_item(component(TEXT.format(copy)))).body) == [text for text in texts for _ in range(3)]


@given(st.lists(st.booleans(), min_size=2, max_size=5))
def test_a_broken_item_leaves_its_neighbours_alone(whole):
    found = all_of(*(news_item(component(TEXT.format("One"), headline="") if good else "") for good in whole))
    assert [isinstance(one, Article) for one in found] == whole
    assert [one.position for one in found] == list(range(1, len(whole) + 1))


@pytest.mark.parametrize(
    "data",
    [
        "<NewsML>" + news_item() * 5_000 + "</NewsML>",
        "<NewsML>" + news_item("<NewsComponent>" * 10_000) + "</NewsML>",
        "<NewsML>" + news_item(component(component(TEXT.format("x")) * 900)) + "</NewsML>",
        "<NewsML>" + news_item(component(component(TEXT.format("x")) * 5_000)) + "</NewsML>",
        "<NewsML>" + ("<NewsItem><NewsComponent>" * 100 + "</NewsComponent></NewsItem>" * 100) * 10 + "</NewsML>",
        "<NewsML>"
        + news_item(component("".join(component(TEXT.format("x"), lang=f"l{n}") for n in range(900))))
        + "</NewsML>",
    ],
    ids=["items", "torn", "components", "more", "nested", "languages"],
)
def test_hostile_input_is_read_or_refused_soon(data):
    start = time.process_time()
    assert list(parse(RawItem("x.xml", data.encode(), 0)))
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "root", [b"<NewsML/>", b"<NewsItem/>", b"<!DOCTYPE NewsML [<!ENTITY % n SYSTEM 'n.dtd'> %n;]><NewsML>"]
)
def test_a_document_is_told_by_its_root(root):
    assert [form.name for form in formats() if form.recognise(Sample.of(root))] == ["newsml_1"]


@pytest.mark.parametrize(
    ("ids", "guid"),
    [
        (identifier(public="urn:newsml:www.t.example", own=""), ""),
        (identifier(public="urn:newsml:www.t.example", own="0"), ""),
        (identifier(public="urn:newsml:t.example:20260309:N1:DS9", revision="DS9"),
         "urn:newsml:t.example:20260309:N1"),
        (identifier(day="2026-03-09 13:00:00"), "urn:newsml:t.example:20260309:N1"),
    ],
)  # fmt: skip
def test_what_names_only_the_agency_is_no_identity(ids, guid):
    found = only(news_item(component(TEXT.format("One")), ids=ids))
    assert found.guid == guid
    assert "urn:newsml:www.t.example" not in found.alternative_ids


def test_the_time_of_an_identifier_serves_where_nothing_else_is_stated():
    data = f"<NewsItem>{identifier(day='2026-03-09 13:00:00')}{component(TEXT.format('One'))}</NewsItem>"
    assert only(data).version_created.time == 1_773_061_200_000_000
    data = f"<NewsItem>{identifier()}{component(TEXT.format('One'))}</NewsItem>"
    assert only(data).version_created is None


def test_style_and_posts_for_networks_are_no_copy_and_contacts_come_last():
    parts = [
        component(TEXT.format(text), headline="", role=role)
        for role, text in [
            ("Abstract", "In short."),
            ("StyleSheet", ".a { color: red }"),
            ("Contact", "Rhona Petrie, 555"),
            ("Body", "The harbour burns."),
            ("TweetText", "It burns! #harbour"),
        ]
    ]
    found = only(news_item(component("".join(parts))))
    assert (found.body, found.description) == ("The harbour burns.\n\nRhona Petrie, 555", "In short.")


def test_lines_of_a_picture_without_a_role_are_not_those_of_the_article():
    picture = """<NewsComponent Duid="photo0"><NewsLines><HeadLine>Smoke</HeadLine><CreditLine>Foto AB</CreditLine>
    <ByLine>Ebba Lindqvist</ByLine></NewsLines><NewsComponent><Role FormalName="Caption"/>{}</NewsComponent>
    <NewsComponent><Role FormalName="HighDef"/><ContentItem Href="a.jpg"><MediaType FormalName="Photo"/></ContentItem>
    </NewsComponent></NewsComponent>""".format(TEXT.format("Smoke over the harbour."))
    found = only(news_item(component(f"<NewsComponent>{TEXT.format('One')}</NewsComponent>{picture}")))
    assert (found.body, found.captions) == ("One", ("Smoke over the harbour.",))
    assert (found.credit, found.byline) == ("", "")


def test_what_agencies_say_in_places_of_their_own():
    inner = f"""<NewsLines>
    <NewsLine><NewsLineType FormalName="Summary"/><NewsLineText>In short.</NewsLineText></NewsLine>
    <NewsLine><NewsLineType FormalName="CatchWord"/><NewsLineText>Harbours</NewsLineText></NewsLine></NewsLines>
    <RightsMetadata><Copyright><CopyrightHolder>Tallis</CopyrightHolder></Copyright></RightsMetadata>
    <DescriptiveMetadata><Property FormalName="City" Value="Oban"/></DescriptiveMetadata>
    <NewsComponent><Comment> Embargoed to 0001 Tuesday </Comment>{TEXT.format("One")}</NewsComponent>
    <ContentItem Href="a.jpg"><MediaType FormalName="Picture"/><Property FormalName="caption" value="Smoke"/>
    </ContentItem>
    """
    found = only(news_item(component(inner)))
    assert (found.description, found.keywords, found.places) == ("In short.", ("Harbours",), ("Oban",))
    assert (found.ed_note, found.copyright_holder) == ("Embargoed to 0001 Tuesday", "Tallis")
    assert (found.body, found.captions) == ("One", ("Smoke",))


def test_a_misspelled_list_of_metadata_has_places_too():
    place = """<DescriptiveMetada><Location HowPresent="Origin"><Property FormalName="City" Value="OBAN"/></Location>
    </DescriptiveMetada>"""
    found = only(news_item(component(place + TEXT.format("One"))))
    assert (found.dateline_place, found.places) == ("OBAN", ("OBAN",))


def test_subjects_are_named_in_the_items_language():
    topics = """<TopicSet><Topic><FormalName>04000000</FormalName><Description xml:lang="el" Variant="Name">Οικονομία
    </Description><Description xml:lang="en" Variant="Name">Economy</Description></Topic></TopicSet>
    <DescriptiveMetadata><Language FormalName="EN"/><SubjectCode><Subject FormalName="04000000"/></SubjectCode>
    </DescriptiveMetadata>"""
    found = only(news_item(component(topics + TEXT.format("One"))))
    assert found.subjects == (("subj", "04000000", "Economy"),)
