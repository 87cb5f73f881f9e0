"""`storywire evaluate`: the story keys of runs against an editor's, with the worst splits and merges by headline.

In: a gold file and the output folder of one or many runs. Out: the measures of transforms/stories/evaluation.py, and
what they are made of, in words or as JSON. Only the articles that the gold file names are kept in mind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pipeline.errors import OptionError, RunError
from pipeline.gold import NAMES, Gold, Label, Name, contradiction
from pipeline.published import Published, Row
from pipeline.summary import short
from transforms.rows import VERSION_ROW
from transforms.stories.evaluation import Fault, Part, bcubed, merges, pairwise, splits, v_measure

# Of the rows that the runs don't have, as many as tell what they have in common.
_TOLD_MISSING = 5
# Of the parts of a split or merge; JSON has all of them.
_TOLD_PARTS = 8

_FIELDS = ("article_id", "version_key", "row_kind", "story_id", "uri", "position", "guid", "event_time", "headline")


class Evaluation(NamedTuple):
    """What there is to score."""

    output: str
    partitions: int
    gold: Gold
    missing: list[Label]
    """Gold rows whose article no run has published."""
    keys: dict[str, str]
    """article_id -> story_id, merges followed; of the articles that gold names."""
    stories: dict[str, str]
    """article_id -> gold story, of the same articles."""
    headlines: dict[str, tuple[datetime, str]]
    """article_id -> (event time, headline) of its first version; for those to read who look for what went wrong."""


class _Article:
    """An article while its rows pass by, oldest partition first."""

    __slots__ = ("first", "partition", "story")

    def __init__(self) -> None:
        self.story = ""
        self.partition = ""
        self.first: tuple[datetime, str, str] | None = None
        """(event time, version_key, headline) of the first version under a name of the gold file."""


class _Found(NamedTuple):
    """What one pass over the published rows has kept."""

    articles: dict[str, _Article]
    """By article_id: those that the gold file names."""
    named: dict[Name, set[str]]
    """Who has which of the gold file's names."""
    examples: dict[str, str]
    """By column: what an article that the gold file does not name is called."""


def evaluate(gold: Gold, output: str) -> Evaluation:
    """Finds the articles that `gold` names in what runs have published to `output`, and their keys.

    An article has the story that its newest row says, of whatever version. OptionError where `gold` and `output` don't
    fit, RunError where `output` is damaged.
    """
    published = Published(output)
    found = _find(published, {name for label in gold.labels for name in label.names})
    labelled: dict[str, Label] = {}
    missing = []
    for label in gold.labels:
        article_id = _article_id(gold.path, label, found.named, output)
        if article_id is None:
            missing.append(label)
            continue
        before = labelled.setdefault(article_id, label)
        if before.story != label.story:
            raise contradiction(gold.path, before, label, f"article_id {article_id}")
    if not labelled:
        raise OptionError(_strangers(gold, output, found.examples))
    return Evaluation(
        output=output,
        partitions=len(published.partitions()),
        gold=gold,
        missing=missing,
        keys={article_id: found.articles[article_id].story for article_id in labelled},
        stories={article_id: label.story for article_id, label in labelled.items()},
        headlines={article_id: _headline(found.articles[article_id], label) for article_id, label in labelled.items()},
    )


def tell(found: Evaluation, worst: int) -> str:
    """The evaluation in words, with the `worst` splits and merges."""
    return "\n".join([*_counts(found), *_table(found), *_faults(found, worst)])


def as_json(found: Evaluation, worst: int) -> dict[str, Any]:
    """The evaluation as one JSON object, with the `worst` splits and merges."""
    keys, stories = found.keys, found.stories
    return {
        "gold": found.gold.path,
        "output": found.output,
        "partitions": found.partitions,
        "rows": len(found.gold.labels),
        "unlabelled_rows": found.gold.unlabelled,
        "missing_rows": len(found.missing),
        "missing": [
            {"line": label.line, "name": str(label.names[0]), "story": label.story}
            for label in found.missing[:_TOLD_MISSING]
        ],
        "articles": len(stories),
        "stories": len(set(stories.values())),
        "keys": len(set(keys.values())),
        "bcubed": bcubed(keys, stories)._asdict(),
        "pairwise": pairwise(keys, stories)._asdict(),
        "v_measure": v_measure(keys, stories)._asdict(),
        "worst_splits": [_object(found, fault, "story", "key") for fault in splits(keys, stories)[:worst]],
        "worst_merges": [_object(found, fault, "key", "story") for fault in merges(keys, stories)[:worst]],
    }


def _find(published: Published, wanted: set[Name]) -> _Found:
    """The articles with a wanted name, in one pass: an article's newest rows come last."""
    merged = published.merged()
    found = _Found({}, {}, {})
    for partition, row in published.rows("articles", _FIELDS):
        if not row["story_id"]:
            # A kill of an item that no run has seen.
            continue
        article_id = row["article_id"]
        names = [name for name in _names(row) if name in wanted]
        for name in names:
            found.named.setdefault(name, set()).add(article_id)
        article = found.articles.get(article_id)
        if article is None:
            if not names:
                found.examples.update((column, row[column]) for column in NAMES if row[column])
                continue
            article = found.articles[article_id] = _Article()
        story: str = row["story_id"]
        story = merged.get(story, story)
        if article.partition == partition and article.story != story:
            raise RunError(
                f"{published.output}: {partition} has article {article_id} in two stories, {article.story} and "
                f"{story}; `storywire check {published.output}` says what to run again"
            )
        article.story, article.partition = story, partition
        if names and row["row_kind"] == VERSION_ROW:
            first = (row["event_time"], row["version_key"], row["headline"])
            article.first = first if article.first is None else min(article.first, first)
    return found


def _names(row: Row) -> Iterator[Name]:
    """Everything that a gold file may call the article of a row."""
    yield Name("article_id", row["article_id"])
    # A state row has no text fields.
    if row["row_kind"] == VERSION_ROW:
        yield Name("uri", row["uri"])
        yield Name("uri", row["uri"], row["position"])
        if row["guid"] is not None:
            yield Name("guid", row["guid"])


def _article_id(path: str, label: Label, named: Mapping[Name, set[str]], output: str) -> str | None:
    """The article that a gold row names, None where no run has it.

    Its surest name says so; the others only tell several of that name apart: two providers may give one guid, two days
    one uri.
    """
    sure, *others = label.names
    found = named.get(sure, set())
    for other in others:
        if len(found) > 1:
            found = found & named.get(other, set()) or found
    if len(found) > 1:
        raise OptionError(
            f"{path}, line {label.line}: {len(found)} articles in {output} have the {sure}, such as "
            f"{' and '.join(sorted(found)[:2])}; tell them apart by {_surer(label)}"
        )
    return next(iter(found), None)


def _surer(label: Label) -> str:
    """The columns that could say which of several articles a gold row means."""
    names = {name.column: name for name in label.names}
    if "uri" not in names:
        return "columns uri and position, or by article_id"
    if names["uri"].position is None:
        return "a column position, or by article_id"
    return "a column article_id" if "guid" in names else "a column guid or article_id"


def _strangers(gold: Gold, output: str, examples: Mapping[str, str]) -> str:
    first = gold.labels[0]
    column = first.names[0].column
    value = examples.get(column)
    instead = f"the articles there have such as {column} {value}" if value else "no article there has one"
    return f"{gold.path}: {output} has none of its articles; line {first.line} says {first.names[0]}, but {instead}"


def _headline(article: _Article, label: Label) -> tuple[datetime, str]:
    if article.first is None:
        # All that is left of it are state rows: the partition with its text was cleared away.
        return datetime.max.replace(tzinfo=UTC), str(label.names[0])
    time, _, headline = article.first
    return time, headline or str(label.names[0])


def _counts(found: Evaluation) -> Iterator[str]:
    stories, keys = len(set(found.stories.values())), len(set(found.keys.values()))
    yield (
        f"{len(found.stories):,} articles in {stories:,} gold stories have {keys:,} keys in {found.output} "
        f"(partitions: {found.partitions:,})"
    )
    if found.gold.unlabelled:
        yield f"  {found.gold.unlabelled:,} gold rows have no story and do not count"
    if found.missing:
        yield (
            f"  {len(found.missing):,} of {len(found.gold.labels):,} gold rows name what was not published: counted as "
            f"a redelivery, rejected, or never read"
        )
        yield from (f"    line {label.line}: {label.names[0]}" for label in found.missing[:_TOLD_MISSING])
        if len(found.missing) > _TOLD_MISSING:
            yield "    …"


def _table(found: Evaluation) -> Iterator[str]:
    yield f"{'':12}{'precision':>14}{'recall':>14}{'F1':>14}"
    for name, shares in (("BCubed", bcubed), ("pairs", pairwise)):
        yield _line(name, shares(found.keys, found.stories))
    yield f"{'':12}{'homogeneity':>14}{'completeness':>14}{'V':>14}"
    yield _line("V-measure", v_measure(found.keys, found.stories))


def _line(name: str, values: Sequence[float]) -> str:
    return f"  {name:10}" + "".join(f"{value:14.4f}" for value in values)


def _faults(found: Evaluation, worst: int) -> Iterator[str]:
    keys, stories = found.keys, found.stories
    for faults, one, several, measure in (
        (splits(keys, stories), "splits", "keys", "recall"),
        (merges(keys, stories), "merges", "stories", "precision"),
    ):
        order = f"; the worst by what they take from BCubed {measure}:" if faults[:worst] else ""
        yield f"{one}: {len(faults):,}{order}"
        for fault in faults[:worst]:
            articles = sum(len(part.articles) for part in fault.parts)
            yield f"  {fault.cost:.4f}  {short(fault.group)}: {articles:,} articles, {len(fault.parts):,} {several}"
            for part in fault.parts[:_TOLD_PARTS]:
                yield f"    {len(part.articles):>6,}  {short(part.group)}  {short(_first(found, part))}"
            if len(fault.parts) > _TOLD_PARTS:
                yield f"            and {len(fault.parts) - _TOLD_PARTS:,} more"


def _object(found: Evaluation, fault: Fault, one: str, other: str) -> dict[str, Any]:
    return {
        one: fault.group,
        "articles": sum(len(part.articles) for part in fault.parts),
        "cost": fault.cost,
        "parts": [
            {other: part.group, "articles": len(part.articles), "headline": _first(found, part)} for part in fault.parts
        ],
    }


def _first(found: Evaluation, part: Part) -> str:
    """The headline of the article of a part that came first."""
    return min((*found.headlines[article_id], article_id) for article_id in part.articles)[1]
