"""Hostile items for every format, built from its samples: what is cheap to send and may be dear to read.

`spiked` puts runs of signs that formats live on into a sample, at its start, in its copy and in its values; `items` are
whole.

    python -m tests.transforms.hostile SIZE [FORMAT]

puts all of them through and prints those that take long or much memory.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import SAMPLES
from tests.transforms.golden import SAMPLES as FORMAT_SAMPLES
from transforms.article import SKIP, Article, RawItem, Reject
from transforms.clean import clean
from transforms.language import tag_language
from transforms.parse import formats, parse, recognise

# A sign, or a few, that is repeated as often as the size asked for has room for it.
RUNS = {
    name: run.encode() if isinstance(run, str) else run
    for name, run in {
        "less than": "<", "greater than": ">", "tag in tag": "<a ", "open tags": "<b>",
        "open paragraphs": "<p>x", "closing tags": "</p>", "closing": "</", "cdata": "<![CDATA[",
        "cdata end": "]]>", "comments": "<!--", "comment ends": "-->", "dashes": "--", "doctype": "<!DOCTYPE [",
        "instructions": "<?", "quotes in tag": "<a b='", "comments closed": "<!---->", "scripts": "<script>",
        "styles": "<style>", "tables": "<table><tr><td>", "lists": "<ul><li>", "breaks": "<br/>",
        "links": '<a href="http://a.example/">', "ampersands": "&", "references": "&#", "hex references": "&#x",
        "names of entities": "&amp", "entities": "&amp;", "escaped twice": "&amp;amp;",
        "numbers of characters": "&#65;", "null references": "&#0;", "header rules": "---\n",
        "plus rules": "+++\n", "open brackets": "[", "pairs of brackets": "[]", "open braces": "{",
        "objects": '{"a":', "lists of lists": "[[],", "quotes": '"', "escaped quotes": '\\"',
        "backslashes": "\\", "half a pair": "\\ud800", "apostrophes": "'", "curly quotes": "“’", "commas": ",",
        "colons": ": ", "keys": "a: b\n", "dashed keys": "- - ", "question keys": "? ", "anchors": "&a [*a,",
        "merges": "<<: *a\n", "dotted keys": "a.", "equals": "=", "percent": "%", "at signs": "@",
        "mail": "a@b.example ", "dots": ".", "addresses": "http://a.example/?", "www": "www.", "stars": "*",
        "bold": "**a ", "underscores": "_", "ticks": "`", "emphasis": "*a_b", "markdown links": "[a](",
        "pictures": "![](a", "picture in link": "[![", "bars": "|", "quotations": "> ", "quotation levels": ">",
        "bullets": "- ", "headings": "# ", "parentheses": "(", "closing parentheses": ")",
        "nested parentheses": "(a ", "By lines": "By ", "By and and": "By A and B, ",
        "date lines": "PARIS, March 9 (Tallis) - ", "captions": "Photo: ", "credits": "(Photo by A. B.) ",
        "initials": "A. ", "copyright": "© 2026 ", "also read": "Also read: ", "dates": "2026-03-09 ",
        "first lines": " date 2026-03-09 x\n", "nine": "9", "minus nine": "-9", "exponents": "1e9",
        "words": "word ", "one word": "w", "capitals": "A", "spaces": " ", "tabs": "\t", "lines": "\n",
        "blank lines": " \n", "short lines": "a\n", "paragraphs": "a b.\n\n", "carriage returns": "\r",
        "form feeds": "\f", "hard spaces": "\u00a0", "line separators": "\u2028", "next lines": "\u0085",
        "accents": "\u0301", "marks": "\ufeff", "zero widths": "\u200b", "joiners": "\u200d",
        "overrides": "\u202e", "soft hyphens": "\u00ad", "emoji": "👩‍🚀", "tags of language": "\U000e0041",
        "mojibake": "Ã©â€™", "more mojibake": "Ã", "half mojibake": "â€", "stray a": "Â ",
        "replacements": "\ufffd", "han": "火", "han sentences": "港口起火。", "kana": "の", "hangul": "불", "thai": "ไ",
        "indic": "क्", "wide digits": "１，", "arabic": "لا", "not characters": "\uffff", "private": "\ue000",
        "headers": "X-A: b\n", "folded headers": "X: a\n b\n", "encoded words": "=?utf-8?q?a?= ",
        "encoded words open": "=?utf-8?b?", "quoted printable": "=C3=A9", "soft breaks": "=\n",
        "base64": "QUJD", "boundaries": "--x\n",
        "content types": "Content-Type: multipart/mixed; boundary=x\n\n--x\n",
        "messages": "Content-Type: message/rfc822\n\n", "mbox": "\nFrom a@b.example Mon Mar  9 10:00:00 2026\n",
        "warc": "WARC/1.0\r\nContent-Length: 1\r\n\r\n", "chunks": "ffffffff\r\n",
        "start of wire": "ZCZC A0001 4 XYZ\n", "end of wire": "NNNN\n", "transmission": "\x01a\x02b\x03\x04",
        "shifts": "\x0e\x0f", "escapes": "\x1b[0m", "switches": "\x1b$B", "switches back": "\x1b(B",
        "nul": "\0", "utf-7": "+ADw-", "utf-7 pairs": "+2AA-", "overlong": b"\xc0\xaf",
        "surrogate bytes": b"\xed\xa0\x80", "cut sequences": b"\xf0\x9f", "no utf-8": b"\xff",
        "latin": b"\xe9 ", "cyrillic": b"\xcf\xee\xe6 ", "shift jis": b"\x82\xa0",
        "gb four bytes": b"\x81\x30\x81\x30", "noise": bytes(range(128, 256)),
    }.items()
}  # fmt: skip

# Written once around the sign in the middle.
_FEW = 10_000


def _nested(opening: str, closing: str) -> Callable[[int], bytes]:
    return lambda size: (opening * _FEW + "x" + closing * _FEW).encode()


WHOLES: dict[str, Callable[[int], bytes]] = {
    "nested tags": _nested("<div>", "</div>"),
    "nested bold": _nested("<b>", "</b>"),
    "nested tables": _nested("<table><tr><td>", "</td></tr></table>"),
    "nested lists": _nested("<ul><li>", "</li></ul>"),
    "nested links": _nested("<a href='x'>", "</a>"),
    "nested brackets": _nested("[", "]"),
    "nested objects": _nested('{"a":', "}"),
    "many attributes": lambda size: b"<p " + b" ".join(b"a%d='1'" % n for n in range(size // 12)) + b">x</p>",
    "one attribute": lambda size: b"<p class='" + b"x" * size + b"'>x</p>",
    "one attribute left open": lambda size: b"<p class='" + b"x" * size,
    "one tag": lambda size: b"<" + b"x" * size + b">x</" + b"x" * size + b">",
    "one entity": lambda size: b"&" + b"x" * size + b";",
    "one reference": lambda size: b"&#" + b"9" * size + b";",
    "one comment": lambda size: b"<!-- " + b"x" * size,
}

# Declarations that a document type may hold, and a reference to what they declare.
_LAUGHS = '<!ENTITY l0 "lol">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
ENTITIES = {
    "billion laughs": (_LAUGHS, "&l9;"),
    "quadratic blowup": (f'<!ENTITY l "{"lol" * 10_000}">', "&l;" * 10_000),
    "an external entity": ('<!ENTITY l SYSTEM "file:///etc/passwd">', "&l;"),
    "an external entity on the web": ('<!ENTITY l SYSTEM "http://127.0.0.1:9/l">', "&l;"),
    "parameter entities": (
        '<!ENTITY % p SYSTEM "file:///etc/passwd"><!ENTITY % q "<!ENTITY l \'%p;\'>">%q;',
        "&l;",
    ),
    "laughing parameters": (
        '<!ENTITY % l0 "lol">' + "".join(f'<!ENTITY % l{n} "{f"&#37;l{n - 1};" * 10}">' for n in range(1, 10)) + "%l9;",
        "",
    ),
    "default attributes": (f'<!ATTLIST p a CDATA "{"x" * 10_000}">', "<p/>" * 1_000),
}
# What `file:///etc/passwd` would give.
SECRET = "root:"

# The longest stretch of a sample that is copy, by its looks.
_COPY = re.compile(rb"[^<>{}\"\n=:]{12,}")
_DECLARATION = re.compile(rb"\s*<\?xml[^>]*\?>")


def samples_of(name: str) -> list[Path]:
    """A format's samples; those of the formats of the sample wire are there."""
    own = sorted(path for path in (FORMAT_SAMPLES / name).glob("*") if path.is_file())
    wire = (path for path in sorted(SAMPLES.rglob("*")) if path.suffix in (".txt", ".md", ".json", ".jsonl"))
    return own or [path for path in wire if name == getattr(recognise(path.read_bytes()), "name", None)]


def runs(size: int) -> Iterator[tuple[str, bytes]]:
    for name, run in RUNS.items():
        yield name, run * (size // len(run))
    for name, whole in WHOLES.items():
        yield name, whole(size)


def middle_of_copy(sample: bytes) -> int:
    """Where in a sample its copy is, by its looks."""
    copy = max(_COPY.finditer(sample), key=lambda found: len(found[0]), default=None)
    return (copy.start() + copy.end()) // 2 if copy else len(sample) // 2


def spiked(sample: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """Hostile items made of a sample, each with its name: about `size` bytes of each run in three places."""
    middle = middle_of_copy(sample)
    line = sample.find(b"\n") + 1
    for name, run in runs(size):
        yield f"{name} in the copy", sample[:middle] + run + sample[middle:]
        yield f"{name} in the second line", sample[:line] + run + sample[line:]
        yield f"{name} before it", run + sample
        yield f"{name} as values", _with_values(sample, run)
    for name, (declarations, reference) in ENTITIES.items():
        prolog = _DECLARATION.match(sample)
        at = prolog.end() if prolog else 0
        doctype = f"<!DOCTYPE x [{declarations}]>".encode()
        yield name, sample[:at] + doctype + sample[at:middle] + reference.encode() + sample[middle:]
    for mark in ("utf-16-le", "utf-16-be", "utf-32"):
        yield f"{mark} cut short", sample.decode("utf-8", "replace").encode(mark)[:-1]
    yield "its own end many times", sample + sample[middle:] * (size // max(1, len(sample) - middle))
    yield "itself many times", sample * (size // len(sample))
    yield "its head many times", sample[:middle] * (size // max(1, middle))


def _with_values(sample: bytes, run: bytes) -> bytes:
    """JSON with the run in place of each of its texts; of what is no JSON, all copy of one stretch."""
    text = run.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()

    def changed(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: changed(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [changed(inner) for inner in value]
        return text if isinstance(value, str) and " " in value else value

    try:
        return json.dumps(changed(json.loads(sample))).encode()
    except ValueError:
        longest = max(_COPY.findall(sample), key=len, default=b"")
        return sample.replace(longest, run) if longest else sample


def items(size: int) -> Iterator[tuple[str, bytes]]:
    """Hostile items that are made of nothing."""
    for name, run in runs(size):
        yield name, run
        yield f"{name} behind a rule", b"---\n" + run + b"\n---\ncopy"
        yield f"{name} as a title", b"---\ntitle: " + run + b"\n---\ncopy"
        yield f"{name} in TOML", b"+++\na = " + run + b"\n+++\ncopy"
        yield f"{name} in JSON", b'{"title": "x", "body": ' + run
        yield f"{name} as a headline", b" date 2026-03-09 " + run
    yield "a number in JSON", b'{"title": "x", "version": ' + b"9" * size + b"}"
    yield "a number in TOML", b"+++\ntitle = 'x'\nversion = " + b"9" * min(size, 60_000) + b"\n+++\ncopy"
    yield "a number in YAML", b"---\ntitle: x\nversion: " + b"9" * min(size, 60_000) + b"\n---\ncopy"
    yield "YAML of aliases", b"---\na: &a [x]\n" + b"".join(
        b"%c: &%c [%s]\n" % (n + 1, n + 1, b",".join([b"*%c" % n] * 9)) for n in range(97, 112)
    ) + b"title: x\n---\ncopy"  # fmt: skip
    yield "30,000 brackets in YAML", b"---\ntitle: " + b"[" * 30_000 + b"\n---\ncopy"
    yield "30,000 brackets in YAML, closed", b"---\ntitle: " + b"[" * 30_000 + b"]" * 30_000 + b"\n---\ncopy"
    yield "half a pair in JSON", b'{"title": "\\ud800", "body": "\\udc00"}'
    yield "an override in JSON", '{"title": "\u202eeno \u2066two", "body": "copy"}'.encode()
    yield "keys alike in JSON", b"{" + b'"title": "x",' * (size // 13) + b'"body": "x"}'
    yield "keys in JSON", b"{" + b"".join(b'"a%d": 1,' % n for n in range(size // 10)) + b'"title": "x"}'
    yield "entries in JSON", b"[" + b'{"title": "x"},' * (size // 15) + b"{}]"
    yield "lines of JSON", b'{"title": "x"}\n' * (size // 15)
    yield "broken lines of JSON", b'{"title": "x"}\n' * 2 + b'{"title": "x"\n' * (size // 15)
    yield "lines of noise", b'{"title": "\xe9"}\n' * (size // 60)


class Outcome(NamedTuple):
    """What became of an item."""

    seconds: float
    """In parse, of processor time: the machine may have other work."""
    after: float
    """In clean and in the language step, for all articles."""
    found: list[Article | Reject]


def put_through(data: bytes) -> Outcome:
    """Parses, cleans and tags an item; asserts what must hold for any bytes but the time."""
    start = time.process_time()
    found = list(parse(RawItem("hostile/item", data, 0)))
    seconds = time.process_time() - start
    start = time.process_time()
    for one in found:
        if isinstance(one, Article):
            check(one, data)
            tag_language(clean(one))
        else:
            assert one.stage in ("parse", SKIP), one.stage
            assert one.error != "unexpected", one.message
    assert found
    return Outcome(seconds, time.process_time() - start, found)


def check(article: Article, data: bytes) -> None:
    """What holds for every article of any item."""
    assert article.headline.strip() or article.body.strip() or article.pub_status != "usable"
    for value in article:
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                text.encode()
                assert SECRET not in text or SECRET.encode() in data
    assert list(article.flags) == sorted(set(article.flags))


def all_items(size: int, only: str = "") -> Iterator[tuple[str, bytes]]:
    """All hostile items, each with a name that says what it is."""
    for form in formats():
        if only in ("", form.name):
            for name, data in spiked(samples_of(form.name)[0].read_bytes(), size):
                yield f"{form.name}: {name}", data
    if not only:
        yield from items(size)


def main(size: int, only: str = "", slow: float = 0.5) -> None:
    """Prints what takes long or much memory; the peak is of the whole process, reset before each item."""
    worst: list[tuple[float, str]] = []
    for name, data in all_items(size, only):
        try:
            outcome, grown = measured(data)
        except Exception as error:
            print(f"FAILED {name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
            continue
        worst.append((outcome.seconds, name))
        if outcome.seconds > slow or outcome.after > slow or grown > 300:
            what = {one.source_format if isinstance(one, Article) else one.error for one in outcome.found}
            print(
                f"{outcome.seconds:6.2f} s parse {outcome.after:7.2f} s after {grown:5.0f} MB  {len(data)} bytes  "
                f"{len(outcome.found)} {sorted(what)}  {name}",
                flush=True,
            )
    print(f"{len(worst)} items; the slowest took {max(worst)}")


def measured(data: bytes) -> tuple[Outcome, float]:
    """What became of an item, and by how many megabytes the process grew at the most meanwhile (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    before = _memory("VmRSS")
    outcome = put_through(data)
    return outcome, _memory("VmHWM") - before


def _memory(key: str) -> float:
    """Megabytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{key}:")[1].split()[0]) / 1024


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3])
