"""Mail: what golden files can't show. The standard library writes what is read."""

from __future__ import annotations

import time
from email.header import Header
from email.mime.text import MIMEText

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article, RawItem, Reject
from transforms.parse import Sample, parse
from transforms.parse.formats.mail import FORMAT

HEAD = "From: Ines Okafor <ines@tallis.example>\nDate: Mon, 09 Mar 2026 10:00:00 +0000\nSubject: S\n"
TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=60)


def read(data):
    return list(parse(RawItem("in", data if isinstance(data, bytes) else data.encode(), 0)))


def one(data) -> Article:
    (found,) = read(data)
    assert isinstance(found, Article), found
    return found


def mixed(*parts):
    return (
        HEAD + "Content-Type: multipart/mixed; boundary=b\n\n" + "".join(f"--b\n{part}\n" for part in parts) + "--b--\n"
    )


@pytest.mark.parametrize("data", [HEAD + "\nx", "Received: by x;\n\tMon, 9 Mar 2026\nMIME-Version: 1.0\n\n",
                                  "\r\n" + HEAD, "From a@b Mon Mar  9 08:00:00 2026\n" + HEAD + "\nx"])  # fmt: skip
def test_mail_is_recognised(data):
    assert FORMAT.recognise(Sample.of(data.encode()))


@pytest.mark.parametrize("data", ["Subject: alone\n\nx", "From the desk\nDate: today\n", "<p>From: a\nTo: b",
                                  "Dear all,\nFrom: me\nTo: you\n", "---\nFrom: a\nDate: b\n---\n",
                                  " From: a\nTo: b\n"])  # fmt: skip
def test_other_text_is_not(data):
    assert not FORMAT.recognise(Sample.of(data.encode()))


@given(subject=TEXT, name=st.text("ab cdéñ漢", min_size=1, max_size=20), text=TEXT)
def test_what_the_library_writes_is_read(subject, name, text):
    mail = MIMEText(text + "\n", "plain", "utf-8")
    mail["From"] = f"{Header(name.strip() or 'x', 'utf-8').encode()} <a@b.example>"
    # `true` and `false` alone are no headline (some forms have `published: true`).
    subject = f"Re {subject}"
    mail["Subject"] = Header(subject, "utf-8")
    mail["Date"] = "Mon, 09 Mar 2026 10:00:00 +0000"
    mail["Message-ID"] = "<1@b.example>"
    article = one(bytes(mail))
    assert article.headline == " ".join(subject.split())
    assert article.byline == " ".join((name.strip() or "x").split())
    assert article.body.strip() == text.strip()
    assert (article.guid, article.provider) == ("1@b.example", "b.example")


@pytest.mark.parametrize(
    ("subject", "headline"),
    [
        ("=?utf-8?q?a_=C3=A9?=", "a é"),
        ("=?utf-8?q?a?= =?utf-8?q?b?= c", "ab c"),
        ("=?utf-8?b?w6?= =?utf-8?b?qQ==?=", "é"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A9?=", "é"),
        ("=?ISO-8859-1*fr?Q?=E9t=E9?=", "été"),
        ("=?utf-8?q?a?=\n =?iso-8859-1?q?=E9?=", "aé"),
        ("=?unknown-x?q?=E9?=", "é"),
        ("50=?50", "50=?50"),
        ("a\n\tb", "a b"),
        ("Größe", "Größe"),
    ],
)
def test_headlines_are_decoded(subject, headline):
    assert one(HEAD.replace("Subject: S", f"Subject: {subject}") + "\nx").headline == headline


def test_bytes_in_headers_are_read_as_the_copys():
    data = (HEAD.replace("Subject: S", "Subject: Größe") + "Content-Type: text/plain; charset=latin-1\n\nGröße").encode(
        "latin-1"
    )
    article = one(data)
    assert (article.headline, article.body, article.flags) == ("Größe", "Größe", ())


def test_an_alternative_is_read_once_and_attachments_are_flagged():
    alternative = (
        "Content-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\n"
        "Plain copy of some length.\n--c\nContent-Type: text/html\n\n<p>Plain copy of some length.</p>\n--c--"
    )
    article = one(mixed(alternative, "Content-Disposition: attachment; filename=a.txt\n\nattached"))
    assert (article.body, article.body_type, article.flags) == (
        "Plain copy of some length.",
        "text",
        ("attachments_ignored",),
    )


def test_html_is_read_where_the_plain_part_only_points_to_it():
    data = HEAD + (
        "Content-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/plain\n\nView in browser.\n"
        f"--c\nContent-Type: text/html\n\n<p>{'Words of the copy. ' * 20}</p>\n--c--\n"
    )
    assert one(data).body.startswith("<p>Words of the copy.")


def test_text_and_html_parts_are_joined_whole():
    article = one(mixed("\nfirst < part\n\nsecond", "Content-Type: text/html\n\n<p>third <b>part</b> here</p>"))
    assert article.body == "<p>first &lt; part</p><p>second</p>\n<p>third <b>part</b> here</p>"


def test_a_forwarded_message_is_part_of_the_copy():
    article = one(mixed("\nSee below.", f"Content-Type: message/rfc822\n\n{HEAD}\nForwarded copy."))
    assert article.body == "See below.\n\nForwarded copy."
    assert article.flags == ("forwarded_message",)


def test_flowed_text_is_put_together():
    article = one(
        HEAD + "Content-Type: text/plain; format=flowed\n\nOne \ntwo \nthree\n\n> quoted \n> on\n From here\n-- \nInes"
    )
    assert article.body == "One two three\n\n> quoted on\nFrom here\n-- \nInes"


def test_a_time_that_cannot_be_read_is_taken_from_where_it_was_received():
    article = one(
        "Received: from a\n by b; Mon, 9 Mar 2026 11:00:00 +0000\nReceived: by c; Mon, 9 Mar 2026 10:00:01 +0000\n"
        + HEAD.replace("09 Mar", "39 Mar") + "\nx"
    )  # fmt: skip
    assert article.published is not None
    assert article.published.time == 1_773_050_401_000_000
    assert article.flags == ("invalid_published",)


@pytest.mark.parametrize(
    ("header", "stage", "error"),
    [
        ("Content-Type: multipart/report; boundary=b", "skip", "delivery_report"),
        ("Auto-Submitted: auto-replied", "skip", "auto_reply"),
        ("Content-Type: text/calendar", "skip", "calendar"),
        ("Content-Type: application/pkcs7-mime", "parse", "encrypted"),
    ],
)
def test_what_is_no_article(header, stage, error):
    (reject,) = read(f"{HEAD}{header}\n\nx")
    assert (reject.stage, reject.error) == (stage, error)


def test_a_broken_message_of_an_mbox_fails_alone():
    def message(body):
        return f"From a@b Mon Mar  9\n{HEAD}\n{body}\n\n"

    found = read((message("a") + message("\x00" * 50) + message("c")).encode())
    assert [type(entry) for entry in found] == [Article, Reject, Article]
    assert [entry.position for entry in found] == [1, 2, 3]


@pytest.mark.parametrize(
    "data",
    [
        HEAD + "Content-Type: multipart/mixed; boundary=b0\n\n"
        + "".join(f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(10_000)),
        HEAD + "X: y\n" * 100_000 + "\nx",
        HEAD + "Subject: " + "=?a?q?" * 30_000 + "\n\nx",
        HEAD + "Subject: " + "=?utf-8?q?a?= " * 15_000 + "\n\nx",
        HEAD.replace("Ines", "(" * 60_000) + "\nx",
        HEAD + "Content-Type: text/plain" + ";" * 100_000 + "\n\nx",
        HEAD + "Content-Type: text/plain; " + "a*0=b; " * 10_000 + "\n\nx",
        HEAD + "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 100_000,
        HEAD + "\n" + "\n" * 1_000_000,
        HEAD + "Content-Type: text/plain; format=flowed\n\n" + "x \n" * 100_000,
    ],
)  # fmt: skip
def test_hostile_mail_takes_bounded_time(data):
    start = time.monotonic()
    assert len(read(data)) == 1
    assert time.monotonic() - start < 5
