"""WARC: what golden files can't show, and how the pipeline cuts files into records. warcio writes what is read."""

from __future__ import annotations

import gzip
import io
import time
import tracemalloc
import zlib

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.inputs import InputFile
from pipeline.unpack import Limits, read_file, shares_of
from transforms.article import Article, RawItem, Reject
from transforms.parse import parse

LIMITS = Limits(item=200_000, archive=50_000_000)
PAGE = (
    b"<!doctype html><html><body><article><p>"
    + b"The cold store burned for a second day. " * 10
    + b"</p></article></body></html>"
)
HEADERS = {"WARC-Date": "2026-03-10T12:00:00Z", "WARC-Record-ID": "<urn:uuid:00000000-0000-4000-8000-000000000001>"}


def record(block: bytes, kind="response", media="application/http", head=(), version="1.0"):
    fields = [
        ("WARC-Type", kind),
        *HEADERS.items(),
        ("Content-Type", media),
        *head,
        ("Content-Length", str(len(block))),
    ]
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"WARC/{version}\r\n{lines}\r\n".encode() + block + b"\r\n\r\n"


def answer(body=PAGE, status="200 OK", media="text/html", head=""):
    return f"HTTP/1.1 {status}\r\nContent-Type: {media}\r\n{head}\r\n".encode() + body


def written(count, *, packed, page=PAGE):
    """A crawl of `count` pages as warcio writes it."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=packed)
    for number in range(count):
        http = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
        url = f"https://a.example/{number}"
        writer.write_record(
            writer.create_warc_record(url, "response", io.BytesIO(page), http_headers=http, warc_headers_dict=HEADERS)
        )
    return out.getvalue()


def unpack(tmp_path, data, limits=LIMITS, name="in.warc"):
    path = tmp_path / name
    path.write_bytes(data)
    return list(read_file(InputFile(bytes(path), name, len(data), 5), limits))


def read(data):
    return list(parse(RawItem("in", data, 0)))


@pytest.mark.parametrize("packed", [True, False])
def test_a_file_is_cut_into_its_records(tmp_path, packed):
    items = unpack(tmp_path, written(3, packed=packed))
    assert [(item.uri, item.position, item.line) for item in items] == [("in.warc", number, 0) for number in (1, 2, 3)]
    articles = [article for item in items for article in parse(item)]
    assert [article.source_url for article in articles] == [f"https://a.example/{number}" for number in range(3)]
    assert [article.position for article in articles] == [1, 2, 3]
    assert {article.arrived for article in articles} == {1_773_144_000_000_000}


def test_cut_by_the_pipeline_or_not_it_is_the_same(tmp_path):
    data = written(3, packed=False) + record(b"x", "metadata", "application/warc-fields")
    cut = [found for item in unpack(tmp_path, data) for found in parse(item)]
    whole = list(parse(RawItem("in.warc", data, 5)))
    assert cut == whole


def test_shares_of_a_file_are_all_of_it_once(tmp_path):
    path = tmp_path / "in.warc"
    path.write_bytes(written(30, packed=False, page=PAGE + b" " * 150_000))
    whole = InputFile(bytes(path), "in.warc", path.stat().st_size, 5)
    shares = shares_of(whole)
    assert len(shares) > 1
    found = [item for share in shares for item in read_file(share, LIMITS)]
    assert sorted(found) == sorted(read_file(whole, LIMITS))
    assert len(found) == 30


@pytest.mark.parametrize("packed", [True, False])
def test_a_torn_end_is_one_reject_and_what_came_before_stays(tmp_path, packed):
    data = written(3, packed=packed)
    found = unpack(tmp_path, data[:-60])
    assert [type(one) for one in found] == [RawItem, RawItem, Reject]
    assert found[-1].error == "archive_broken"


def test_noise_between_records_is_one_reject(tmp_path):
    found = unpack(tmp_path, written(2, packed=False) + b"noise\r\n\r\n" + written(1, packed=False))
    assert [type(one) for one in found] == [RawItem, RawItem, Reject]
    assert "noise" in found[-1].message


def test_a_record_over_the_limit_is_a_reject_of_its_own(tmp_path):
    large = record(answer(b"x" * 300_000))
    first, reject, last = unpack(tmp_path, record(answer()) + large + record(answer()))
    assert (reject.stage, reject.error, reject.position) == ("read", "too_large", 2)
    assert reject.payload_size == len(large) - 4
    assert (first.position, last.position) == (1, 3)


def test_of_a_large_picture_the_head_goes_on_and_is_counted_as_what_it_is(tmp_path):
    items = unpack(tmp_path, record(answer(b"x" * 300_000, media="image/jpeg")) + record(answer()))
    (skip,) = parse(items[0])
    assert (skip.stage, skip.error, skip.position) == ("skip", "not_html", 1)
    assert skip.payload_size < 500
    assert isinstance(next(parse(items[1])), Article)


def test_a_long_file_takes_little_memory(tmp_path):
    data = gzip.compress(record(answer(b"\0" * 40_000_000, media="video/mp4")) + record(answer()))
    tracemalloc.start()
    found = unpack(tmp_path, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found) == 2
    assert peak < 20_000_000


def test_each_item_gives_one_thing(tmp_path):
    """What the manifest counts adds up: an item is a record, a record an article or a reject."""
    data = (
        written(2, packed=False) + record(b"", "request") + record(answer(status="500 X")) + record(b"nothing of HTTP")
    )
    for item in unpack(tmp_path, data):
        assert len(list(parse(item))) == 1


@pytest.mark.parametrize(
    ("data", "stage", "error"),
    [
        (record(b"", "warcinfo", "application/warc-fields"), "skip", "warcinfo"),
        (record(b"GET / HTTP/1.1\r\n\r\n", "request"), "skip", "request"),
        (record(answer(b""), "revisit"), "skip", "revisit"),
        (record(b"{}", "metadata", "application/json"), "skip", "metadata"),
        (record(b"x", "continuation"), "skip", "continuation"),
        (record(b"dns", "response", "text/dns"), "skip", "not_html"),
        (record(answer(status="301 Moved")), "skip", "http_301"),
        (record(answer(media="application/pdf")), "skip", "not_html"),
        (record(b"\x89PNG", "resource", "image/png"), "skip", "not_html"),
        (record(answer(b"")), "skip", "no_text"),
        (record(b"no head"), "parse", "http"),
        (record(answer(head="Content-Encoding: zstd\r\n")), "parse", "content_encoding"),
        (record(answer())[:-50], "parse", "torn"),
        (b"WARC/1.0\r\nWARC-Type: response\r\n\r\n", "parse", "warc"),
        (b"WARC/1.0\r\nContent-Length: -5\r\n\r\n", "parse", "warc"),
        (b"WARC/1.0\r\nX: " + b"x" * 100_000, "parse", "warc"),
    ],
)
def test_records_that_are_no_article(data, stage, error):
    (reject,) = read(data)
    assert (reject.stage, reject.error) == (stage, error)


@pytest.mark.parametrize(
    ("body", "head"),
    [
        (gzip.compress(PAGE, mtime=0), "Content-Encoding: gzip\r\n"),
        (zlib.compress(PAGE), "Content-Encoding: deflate\r\n"),
        (zlib.compress(PAGE)[2:-4], "Content-Encoding: deflate\r\n"),
        (PAGE, "Content-Encoding: deflate\r\n"),
        (b"%x\r\n%s\r\n0\r\n\r\n" % (len(PAGE), PAGE), "Transfer-Encoding: chunked\r\n"),
        # Some crawlers unpack what they keep and leave what says that it was packed.
        (PAGE, "Transfer-Encoding: chunked\r\n"),
        (PAGE, "Content-Encoding: gzip\r\n"),
    ],
)
def test_answers_are_unpacked(body, head):
    (article,) = read(record(answer(body, head=head)))
    assert article.body.count("The cold store burned for a second day.") == 10


@pytest.mark.parametrize(
    "body", [gzip.compress(PAGE)[:-20], gzip.compress(PAGE)[:30] + b"x" * 90], ids=["cut off", "damaged"]
)
def test_an_answer_that_is_broken_is_told_and_not_cut(body):
    (reject,) = read(record(answer(body, head="Content-Encoding: gzip\r\n")))
    assert (reject.stage, reject.error) == ("parse", "http")


def test_the_answers_character_set_stands_before_the_pages():
    page = (
        '<!doctype html><html><head><meta charset="utf-8"></head><body><p>'
        + "Größe der Brücke. " * 20
        + "</p></body></html>"
    )
    (article,) = read(record(answer(page.encode("latin-1"), media="text/html; charset=ISO-8859-1")))
    assert "Größe der Brücke" in article.body


def test_a_bomb_is_stopped():
    start = time.monotonic()
    bomb = gzip.compress(b"\0" * 50_000_000)
    (reject,) = read(record(answer(bomb, head="Content-Encoding: gzip\r\n")))
    assert reject.error == "too_large"
    assert time.monotonic() - start < 5
