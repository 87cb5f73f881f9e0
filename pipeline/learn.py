"""`storywire learn`: term tables and the story model from files of articles.

In: JSON lines (plain or .gz), a row an article: {id, title, text, date, lang, cluster}; for term tables also a .tar.gz
of articles with front matter. Out: the data files of `transforms/stories/data`. The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import frontmatter

from transforms.stories.learn.forest import JOIN_FROM_MEASURED, learn_model
from transforms.stories.learn.streams import streams
from transforms.stories.learn.table import count_words, learn_table
from transforms.stories.learn.texts import Text
from transforms.stories.model import SHIPPED, SHIPPED_ESTIMATED, Model, to_json
from transforms.stories.tables import DOCUMENTS, TermTable, estimated_table, format_lines, load_table, table_of
from transforms.stories.terms import TermIds, primary
from transforms.stories.vectors import DAY

_ALL = "storywire learn all --data DIR --output transforms/stories/data"
_LINK = re.compile(r"\]\([^()\s]*\)")
_MICROSECOND = timedelta(microseconds=1)


class LearnError(ValueError):
    """An input that can't be learned from; the message names file and line."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands of `storywire learn`."""
    commands = parser.add_subparsers(dest="learn", required=True, metavar="WHAT")

    terms = commands.add_parser("terms", help="count a term table: which words are common in a language's news")
    terms.add_argument("--language", required=True, help="primary subtag, such as en; rows of another one are skipped")
    terms.add_argument(
        "--articles", required=True, nargs="+", type=Path, metavar="FILE", help="JSON lines, .gz, or a .tar.gz archive"
    )
    terms.add_argument("--output", required=True, type=Path, metavar="PATH", help="e.g. terms.en.txt.gz")

    model = commands.add_parser("model", help="fit the model that decides whether an article joins a story")
    model.add_argument("--language", default="en", help="primary subtag (default: %(default)s)")
    model.add_argument("--dated", required=True, type=Path, metavar="FILE", help="labelled and dated articles")
    model.add_argument("--undated", type=Path, metavar="FILE", help="labelled articles without dates")
    model.add_argument(
        "--background", nargs="*", type=Path, default=[], metavar="FILE", help="dated articles without labels"
    )
    model.add_argument("--output", required=True, type=Path, metavar="PATH", help="e.g. model.json")

    everything = commands.add_parser("all", help="rebuild every data file that ships, from the development data")
    everything.add_argument("--data", required=True, type=Path, metavar="DIR", help="the development data folder")
    everything.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the files go")


def run(args: argparse.Namespace) -> int:
    """Run what `add_arguments` parsed. Gives the exit code: 0 done, 1 LightGBM is missing, 2 an input is wrong."""
    try:
        if args.learn == "terms":
            _write(args.output, _terms(primary(args.language), args.articles, "storywire learn terms")[0])
        elif args.learn == "model":
            ids = TermIds(args.language, load_table(args.language))
            about = f"Learned by `storywire learn model` from {args.dated.name}"
            _write(args.output, _model(args.dated, args.undated, args.background, ids, about))
        else:
            _everything(args.data, args.output)
    except (LearnError, OSError) as error:
        print(f"storywire learn: {error}", file=sys.stderr)
        return 2
    except ModuleNotFoundError as error:
        print(f"storywire learn: {error}; install storywire[learn]", file=sys.stderr)
        return 1
    return 0


def _everything(data: Path, output: Path) -> None:
    """Every shipped file, the tables first: the model is learned on terms counted by them."""
    stories, corpus = data / "stories", data / "wire" / "front_matter.tar.gz"
    background = [stories / "history_en.jsonl.gz", stories / "background_en.jsonl"]
    english, english_table = _terms("en", [*background, corpus], _ALL)
    _write(output / "terms.en.txt.gz", english)
    _write(output / "terms.zh.txt.gz", _terms("zh", [corpus], _ALL)[0])
    words, estimate = common_words(data / "language" / "dev.jsonl")
    _write(output / "common_words.txt.gz", words)
    labelled = stories / "dev_dated_en.jsonl", stories / "dev_undated_en.jsonl"
    about = f"Learned by `{_ALL}` from English articles in stories that editors made"
    _write(output / SHIPPED.name, _model(*labelled, background, TermIds("en", english_table), about))
    about += ", counted as if English had no term table"
    # A third of the background will do, and takes a third of the time.
    _write(output / SHIPPED_ESTIMATED.name, _model(*labelled, background, TermIds("en", estimate), about, thin=3))


def _terms(language: str, paths: Sequence[Path], command: str) -> tuple[bytes, TermTable]:
    texts = ((text.headline, text.body) for path in paths for text in read_texts(path, language))
    documents, frequencies = learn_table(texts, language)
    if not documents:
        raise LearnError(f"no article in {language} in {', '.join(map(str, paths))}")
    about = (
        f"In how many of {documents} articles a term occurs; language {language}.\n"
        f"Counted by `{command}` from {', '.join(path.name for path in paths)}."
    )
    table = table_of(documents, frequencies, measured=True)
    return format_lines({**frequencies, DOCUMENTS: documents}, about), table


def common_words(path: Path) -> tuple[bytes, TermTable]:
    """The file of common words, and the estimate for English that it gives."""
    sentences = []
    for where, row in _rows(path):
        if not isinstance(row.get("lang"), str) or not isinstance(row.get("text"), str):
            raise LearnError(f"{where}: expected the texts `lang` and `text`")
        sentences.append((primary(row["lang"].rpartition("__")[2]), row["text"]))
    counts = count_words(sentences)
    about = (
        "How often a word's stem occurs in some 40 sentences a language: `language stem count`.\n"
        "Sentences: Leipzig Corpora Collection, CC BY; Universal Declaration of Human Rights.\n"
        f"Counted by `{_ALL}` from {path.name}."
    )
    lines = {f"{language} {word}": count for language, words in counts.items() for word, count in words.items()}
    return format_lines(lines, about), estimated_table(counts.get("en", {}))


def _model(
    dated_path: Path,
    undated_path: Path | None,
    background_paths: Sequence[Path],
    ids: TermIds,
    about: str,
    thin: int = 1,
) -> bytes:
    """A model for articles counted by `ids`, learned among every `thin`-th article of the background."""
    language = ids.language
    dated = [text for text in read_texts(dated_path, language) if text.cluster]
    if not all(text.time for text in dated) or not dated:
        raise LearnError(f"{dated_path}: every labelled article needs a date, and there must be one")
    undated = [text for text in read_texts(undated_path, language) if text.cluster] if undated_path else []
    last = max(text.time for text in dated)
    background: list[Text] = []
    for path in background_paths:
        texts = [text for text in read_texts(path, language) if text.time]
        # An archive of other years is moved by whole days until it ends where the labelled articles end.
        moved = (last - max((text.time for text in texts), default=last)) // DAY * DAY
        background += [text._replace(time=text.time + moved, cluster="") for text in texts]
    model = learn_model(list(streams(dated, undated, background[::thin], ids)))
    if ids.table.measured:
        model = Model(model.trees, JOIN_FROM_MEASURED)
    return to_json(model, about).encode()


def _write(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + ".tmp")
    draft.write_bytes(data)
    draft.replace(path)
    print(f"{path}: {len(data):,} bytes")


def read_texts(path: Path, language: str) -> Iterator[Text]:
    """The articles of a file that are in `language`, or don't say what they are in."""
    if path.name.endswith((".tar.gz", ".tgz")):
        yield from _read_archive(path, language)
        return
    for where, row in _rows(path):
        headline, body, date = row.get("title") or "", row.get("text") or "", row.get("date")
        cluster, name = row.get("cluster") or "", row.get("id")
        if not isinstance(headline, str) or not isinstance(body, str) or not isinstance(cluster, str):
            raise LearnError(f"{where}: title, text and cluster must be text")
        if not isinstance(name, str) or not name or not (headline or body):
            raise LearnError(f"{where}: an article needs an `id`, and a `title` or `text`")
        if primary(str(row.get("lang") or language)) == language:
            yield Text(name, headline, body, _time(date, where) if date else 0, cluster)


def _read_archive(path: Path, language: str) -> Iterator[Text]:
    """The articles of an archive of Markdown files, in order of name; the front matter says the language."""
    try:
        with tarfile.open(path) as archive:
            members = sorted((member for member in archive if member.isfile()), key=lambda member: member.name)
            for member in members:
                file = archive.extractfile(member)
                post = frontmatter.loads(file.read().decode() if file else "")
                stated = post.get("lang")
                tag = str(stated[0] if isinstance(stated, list) and stated else stated or language)
                if primary(tag) == language:
                    yield Text(member.name, str(post.get("title") or ""), _LINK.sub("]", post.content), 0, "")
    except tarfile.TarError as error:
        raise LearnError(f"{path}: {error}") from error


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(file and line, object) of each JSON line."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise LearnError(f"{path}, line {number}: expected an object")
                yield f"{path}, line {number}", row
    except (json.JSONDecodeError, UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise LearnError(f"{path}, line {max(number, 1)}: {error}") from error


def _time(date: object, where: str) -> int:
    """An ISO date or time as microseconds UTC; without a zone it is UTC."""
    try:
        stated = datetime.fromisoformat(str(date))
    except ValueError as error:
        raise LearnError(f"{where}: {error}") from error
    if stated.tzinfo is None:
        stated = stated.replace(tzinfo=UTC)
    return (stated - datetime(1970, 1, 1, tzinfo=UTC)) // _MICROSECOND
