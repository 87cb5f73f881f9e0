"""Invented news as data: hard cases for the desk, and reports in seven languages.

In: `hard_cases/<kind>.toml` and `elsewhere.toml`. Out: `CASES` and `REPORTS`. Texts stand in files of their own because
they are many, and because who adds a case should write news, not Python.

A case's articles say when they came (`0d16:42`: day 0, at 16:42) and of which `story` they are; articles whose story is
`any` may stand anywhere (a round-up is in no story and in five), as long as they glue nothing together. `filler` adds
reports from `elsewhere.toml` by their event, each a story of its own. Paragraphs that several articles of a case share
stand under `copy` and are called `{name}` in a body.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.transforms.stories_texts import HOUR, START
from transforms.stories.vectors import DAY

HERE = Path(__file__).parent
ANY = "any"
FILLER = "filler "  # what the stories of filler begin with

KINDS = (
    "templated_series",
    "round_up",
    "correction",
    "alert",
    "reaction",
    "same_copy",
    "anniversary",
    "fixtures",
    "same_day_disasters",
    "long_story",
    "broad_topic",
    "one_actor",
)


class Report(NamedTuple):
    """An article of one event, from `elsewhere.toml`."""

    event: str
    headline: str
    body: str


class CaseArticle(NamedTuple):
    """An article of a case."""

    id: str
    story: str
    """The expected group: a label; `ANY` for one that is not compared."""
    time: int
    """Microseconds, as slips have them."""
    headline: str
    body: str
    provider: str


class Case(NamedTuple):
    """Articles of one language, and how they should be grouped."""

    name: str
    kind: str
    language: str
    about: str
    """What should happen and why."""
    articles: tuple[CaseArticle, ...]


def time_of(written):
    """`1d06:30` or `1d06:30:20` -> microseconds. Raises ValueError on anything else."""
    day, clock = written.split("d")
    hour, minute, second = map(int, (f"{clock}:00" if clock.count(":") == 1 else clock).split(":"))
    if not (hour < 24 and minute < 60 and second < 60):
        raise ValueError(f"no time of day: {written}")
    return START + int(day) * DAY + hour * HOUR + (minute * 60 + second) * 1_000_000


def read_reports():
    """Language -> its reports, as `elsewhere.toml` has them."""
    found = tomllib.loads((HERE / "elsewhere.toml").read_text(encoding="utf-8"))
    return {language: tuple(Report(**row) for row in rows) for language, rows in found.items()}


REPORTS = read_reports()


def case_of(kind, row):
    """A case, from its table in the file of its kind. Raises what a wrong table raises (KeyError, TypeError)."""
    copy = row.pop("copy", {})
    filler = row.pop("filler", {})
    articles = []
    for given in row.pop("article"):
        body = given.pop("body", "")
        time = time_of(given.pop("time"))
        provider = given.pop("provider", "Nordwire")
        articles.append(
            CaseArticle(time=time, body=body.format_map(copy) if copy else body, provider=provider, **given)
        )
    reports = {report.event: report for report in reversed(REPORTS[row["language"]])}  # the first of each event
    for event, time in filler.items():
        report = reports[event]
        name = FILLER + event
        articles.append(CaseArticle(name, name, time_of(time), report.headline, report.body, "Ostpress"))
    return Case(kind=kind, articles=tuple(articles), **row)


def read_cases():
    """All cases, by kind and in the order of the files."""
    return tuple(
        case_of(kind, row)
        for kind in KINDS
        for row in tomllib.loads((HERE / "hard_cases" / f"{kind}.toml").read_text(encoding="utf-8"))["case"]
    )


CASES = read_cases()
