"""`storywire explain`: why an article has its story, recomputed and held against what the run decided.

In: an output folder and what the article is called. Out: the candidates with features, scores and shared terms, the
decision, and what became of the story until the end of the run, in words or as JSON. The run that keyed the article is
keyed again from its own rows and the ledger that it went on from; rows that come out otherwise are told.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pipeline import ledger
from pipeline.errors import OptionError, RunError
from pipeline.options import time_of
from pipeline.published import Published, Row
from pipeline.summary import short
from transforms.article import Article, Slip, Stated
from transforms.ledger import Entry, decode, net
from transforms.parse.times import iso
from transforms.rows import STATE_ROW, VERSION_ROW
from transforms.slips import make_slip
from transforms.stories import explanation
from transforms.stories.desk import LEAST_COSINE, fingerprint
from transforms.stories.explanation import Change, Explanation, Weighed
from transforms.stories.features import MILLION
from transforms.versions import desk_of

# Of articles that may be meant, and of those that come out otherwise.
_TOLD_ARTICLES = 10
_TOLD_DIFFERENCES = 3
# What tells candidates apart at a glance; --verbose and JSON have all features.
_TOLD_FEATURES = ("local_cosine", "over_best", "gap", "over_joins", "largest_share", "days")
_WIDTH = 120
# Of a name, which is of no use when cut.
_WHOLE = 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_NAMING = ("article_id", "row_kind", "guid", "uri", "position", "event_time", "headline")
_HISTORY = (
    "article_id", "version_key", "row_kind", "version", "story_id", "language", "pub_status", "event_time", "headline",
    "word_count",
)  # fmt: skip
_KEYING = (
    "article_id", "version_key", "row_kind", "version", "story_id", "language", "language_detected", "event_time",
    "guid", "uri", "position", "provider", "headline", "body", "pub_status", "word_count",
)  # fmt: skip


class Version(NamedTuple):
    """A version of the article."""

    version: int
    """As the newest row has it."""
    version_key: str
    event_time: datetime
    pub_status: str
    """As the newest row has it."""
    partition: str
    """Of the run that wrote it; of one whose row was cleared away, of the first that says something about it."""


class Explained(NamedTuple):
    """An article, its story, and why."""

    output: str
    partition: str
    """Of the run that keyed the article."""
    parent: str
    """The partition that this run went on from; empty where it began anew."""
    row: Row
    """The article's in that partition: of the version that was keyed."""
    versions: list[Version]
    """All that the runs have, in order."""
    explanation: Explanation
    by_now: str
    """The story that the article's story is part of by now, merges of later runs followed."""
    notes: list[str]
    """What a person should know about it."""


class _Keyed(NamedTuple):
    """What a desk keyed in a run."""

    slips: dict[str, Slip]
    """By article_id, of founding versions."""
    decided: dict[str, str]
    """article_id -> story_id, of the same articles."""
    row: Row
    """The article's."""


def explain(output: str, article: str, position: int | None, say: Callable[[str], None]) -> Explained:
    """Explains the article that is called `article`: an article_id, a guid, or a uri with or without `#position`.

    With `position` it is a uri. `say` is told what is being done. OptionError where no article or several have that
    name, RunError where `output` is damaged or the run can't be keyed again by this version.
    """
    published = Published(output)
    say(f"looking for {short(article)} in {len(published.partitions()):,} partitions of {output}")
    article_id = _find(published, article, position)
    history = _history(published, article_id)
    keyings = list(_keyings(history))
    written = [row for rows in history.values() for row in rows if row["row_kind"] == VERSION_ROW]
    if written and not keyings and all(map(_is_bare_kill, written)):
        raise RunError(
            f"{output}: article {article_id} has no story: nothing is known of it but a kill ({', '.join(history)})"
        )
    if not keyings:
        raise RunError(
            f"{output}: the run that keyed article {article_id} is not there any more, only what came after it "
            f"({', '.join(history)}); a cleared partition can't be explained"
        )
    partition = keyings[-1]
    _refuse_other_desk(published, partition)
    language = desk_of(_founding(history[partition])["language"])
    parent = published.run(partition)["parent"]
    notes = list(_chain_notes(published, partition, parent, keyings))
    say(f"reading the articles of language {language} in {partition}")
    keyed = _keyed(published, partition, language, article_id)
    say(f"keying {len(keyed.slips):,} articles again")
    text = keyed.row["headline"], keyed.row["body"]
    try:
        entries = list(_entries(output, partition, parent, language))
        found = explanation.explain(language, keyed.slips.values(), entries, keyed.decided, article_id, text)
    except RunError:
        raise
    except Exception as error:
        # What the desk raises for slips and entries that no run can have keyed or left.
        raise RunError(
            f"{partition} can't be keyed again ({type(error).__name__}: {error}); `storywire check {output}` says what "
            f"to run again"
        ) from error
    versions = _versions(history)
    notes += _article_notes(keyed.row, partition, versions)
    return Explained(
        output=output,
        partition=partition,
        parent=parent["partition"] if parent else "",
        row=keyed.row,
        versions=versions,
        explanation=found,
        by_now=published.merged().get(found.end.story_id, found.end.story_id),
        notes=notes,
    )


def tell(found: Explained, every_feature: bool) -> str:
    """The explanation in words."""
    decision = _wrapped(_decision(found), 0)
    return "\n".join([*_article(found), *decision, *_candidates(found, every_feature), *_later(found), *_proof(found)])


def difference(found: Explained) -> str:
    """What is wrong where the run comes out otherwise than its rows say, and what to do; empty where it does not."""
    differing = found.explanation.differences
    if not differing:
        return ""
    own = [one for one in differing if one.article_id == found.row["article_id"]]
    others = [one for one in differing if one not in own]
    told = [f"{one.article_id} has {one.decided}, not {one.recomputed}" for one in [*own, *others][:_TOLD_DIFFERENCES]]
    of_the_parent = " or its ledger is not the one that it went on from" if found.parent else ""
    return (
        f"{found.partition} comes out otherwise: {len(differing):,} of {found.explanation.keyed:,} articles have "
        f"another story than their rows say, {'this one too' if own else 'but not this one'} "
        f"({'; '.join(told)}{'; …' if len(differing) > len(told) else ''}). Its rows were changed{of_the_parent}; run "
        f"{found.partition} again"
    )


def as_json(found: Explained) -> dict[str, Any]:
    """The explanation as one JSON object, with all features."""
    row, why = found.row, found.explanation
    sight = why.sight
    return {
        "output": found.output,
        "partition": found.partition,
        "parent": found.parent or None,
        "article": {name: row[name] for name in ("article_id", "version_key", "guid", "uri", "position", "provider")}
        | {"headline": row["headline"], "language": row["language"], "event_time": iso(_micros(row["event_time"]))},
        "decision": "opened" if sight.opened else "joined",
        "story_id": sight.story_id,
        "join_from": sight.join_from / MILLION,
        "least_cosine": LEAST_COSINE / MILLION,
        "terms": sight.terms,
        "live_stories": sight.live,
        "candidates": [
            {
                "story_id": candidate.story.story_id,
                "headline": candidate.story.headline,
                "articles": candidate.story.articles,
                "last_time": iso(candidate.story.last_time),
                "score": candidate.score / MILLION,
                "cosine": candidate.cosine / MILLION,
                "shared_terms": [shared._asdict() for shared in candidate.shared],
                "features": candidate.features,
            }
            for candidate in sight.candidates
        ],
        "later": [
            {
                "time": iso(change.time),
                "by": "second_look" if change.second_look else "article",
                "article_id": change.article_id,
                "headline": change.headline,
                "merged_with": change.other and change.other.story_id,
                "story_id": change.survivor,
                "score": None if change.score is None else change.score / MILLION,
            }
            for change in why.changes
        ],
        "end_of_run": {"story_id": why.end.story_id, "headline": why.end.headline, "articles": why.end.articles},
        "story_id_by_now": found.by_now,
        "versions": [
            version._asdict() | {"event_time": iso(_micros(version.event_time))} for version in found.versions
        ],
        "recomputed": why.keyed,
        "differences": [one._asdict() for one in why.differences],
        "notes": found.notes,
    }


def _find(published: Published, article: str, position: int | None) -> str:
    """The id of the article of that name; of article_ids, guids and uris, the surest that there are count."""
    if not article.strip():
        raise OptionError("ARTICLE is empty; write a guid, a uri or an article_id")
    called = article if position is None else f"{article}#{position}"
    sure: tuple[dict[str, Row], ...] = ({}, {}, {}, {})
    near: dict[str, Row] = {}
    example = ""
    for _, row in published.rows("articles", _NAMING):
        names = [row["article_id"]]
        if row["row_kind"] == VERSION_ROW:  # a state row has no text fields
            names += [row["guid"] or "", row["uri"], _place(row)]
            example = _name(row)
            if len(near) < _TOLD_ARTICLES and article.casefold() in "\n".join([*names, row["headline"]]).casefold():
                near.setdefault(row["article_id"], row)
        for rank, name in enumerate(names):
            if name == called and (position is None or rank == len(sure) - 1):
                sure[rank].setdefault(row["article_id"], row)
    found = next((found for found in sure if found), {})
    if len(found) == 1:
        return next(iter(found))
    if found:
        raise OptionError(
            f"{len(found):,} articles in {published.output} are called {called}; name one of them:{_listed(found)}"
        )
    message = f"{published.output} has no article {called}"
    if near:
        raise OptionError(f"{message}; name one of those that have it in guid, uri or headline:{_listed(near)}")
    such = f", such as {short(example, _WHOLE)}" if example else ""
    raise OptionError(
        f"{message}; write a guid, a uri or an article_id as its rows of articles have them{such}, or words of its "
        f"headline, to be told its name"
    )


def _listed(rows: Mapping[str, Row]) -> str:
    """A line for each article, with a name that no other of them has."""
    names = [(_name(row), _place(row), article_id) for article_id, row in rows.items()]
    times = [Counter(same) for same in zip(*names, strict=True)]
    lines = []
    for row, own in list(zip(rows.values(), names, strict=True))[:_TOLD_ARTICLES]:
        name = next(name for name, count in zip(own, times, strict=True) if count[name] == 1)
        lines.append(f"\n  {short(name, _WHOLE)}  {iso(_micros(row['event_time']))}  {short(row['headline'])}")
    if len(rows) > _TOLD_ARTICLES:
        lines.append(f"\n  and {len(rows) - _TOLD_ARTICLES:,} more")
    return "".join(lines)


def _name(row: Row) -> str:
    return str(row["guid"] or (_place(row) if row["position"] else row["uri"]))


def _place(row: Row) -> str:
    return f"{row['uri']}#{row['position']}"


def _history(published: Published, article_id: str) -> dict[str, list[Row]]:
    """All rows of an article, partition by partition in order of time."""
    found: dict[str, list[Row]] = {}
    for partition, row in published.rows("articles", _HISTORY):
        if row["article_id"] == article_id:
            found.setdefault(partition, []).append(row)
    return found


def _keyings(history: Mapping[str, Sequence[Row]]) -> Iterator[str]:
    """The partitions in which an article with these rows was keyed.

    Where earlier runs know its story, a version that comes before theirs moves those on, which a state row says. A kill
    without copy has no story, so what it kills is keyed when it comes.
    """
    story = None
    for partition, rows in history.items():
        has_copy = any(row["row_kind"] == VERSION_ROW and not _is_bare_kill(row) for row in rows)
        states = any(row["row_kind"] == STATE_ROW for row in rows)
        if has_copy and (story == "" if states else any(row["version"] == 1 for row in rows)):
            yield partition
        story = rows[0]["story_id"]


def _founding(rows: Iterable[Row]) -> Row:
    """Of an article's rows in the partition that keyed it, the one that it was keyed by."""
    return min(
        (row for row in rows if row["row_kind"] == VERSION_ROW and not _is_bare_kill(row)),
        key=lambda row: int(row["version"]),
    )


def _is_bare_kill(row: Row) -> bool:
    return row["pub_status"] != "usable" and not row["headline"] and not row["word_count"]


def _refuse_other_desk(published: Published, partition: str) -> None:
    made = published.run(partition)
    if made["desk"] != fingerprint():
        raise RunError(
            f"{partition} was keyed with other tables or another model than this version of storywire has, so it can't "
            f"be recomputed; use storywire {made['storywire']}, or run it again"
        )


def _chain_notes(
    published: Published, partition: str, parent: Mapping[str, str] | None, keyings: Sequence[str]
) -> Iterator[str]:
    """What is to be said about the runs; RunError where the one that the run went on from can't tell what it left."""
    if len(keyings) > 1:
        yield (
            f"it was keyed before, in {', '.join(keyings[:-1])}: the run of {partition} did not remember that "
            f"(--remember), or was told not to go on from it (--ledger=none)"
        )
    if parent is None:
        return
    base = parent["partition"]
    if base not in published.partitions():
        raise RunError(
            f"{partition} goes on from {base}, which has no manifest any more, so what its desk knew can't be told; "
            f"run {base} again, then {partition}"
        )
    left = ledger.snapshot(published.output, base, partition)
    if left.sha256 == parent["sha256"]:
        return
    if left.desk != fingerprint():
        raise RunError(
            f"{partition} was built on an earlier {base} than stands now, which was keyed with other tables or another "
            f"model; run {partition} again"
        )
    yield (
        f"{partition} was built on an earlier {base} than stands now: scores may not be those that decided; run "
        f"{partition} again"
    )


def _entries(output: str, partition: str, parent: Mapping[str, str] | None, language: str) -> Iterator[Entry]:
    """What the desk of a language took up before its first slip."""
    if parent is None:
        return
    yield from map(decode, net(ledger.snapshot(output, parent["partition"], partition).earlier.desk(language)))


def _keyed(published: Published, partition: str, language: str, article_id: str) -> _Keyed:
    """What the desk of a language keyed in a run, of the articles of which one is `article_id`."""
    as_of = time_of(partition)
    founding: dict[str, Row] = {}
    known: set[str] = set()
    for _, row in published.rows("articles", _KEYING, partition):
        if row["row_kind"] == STATE_ROW:
            known.add(row["article_id"])
        elif not _is_bare_kill(row):
            before = founding.get(row["article_id"])
            if before is None or row["version"] < before["version"]:
                founding[row["article_id"]] = row
    for one in _with_a_story(published, partition, known & founding.keys()):
        del founding[one]
    keyed = {one: row for one, row in founding.items() if desk_of(row["language"]) == language}
    return _Keyed(
        slips={one: _slip(row, as_of) for one, row in keyed.items()},
        decided={one: row["story_id"] for one, row in keyed.items()},
        row=keyed[article_id],
    )


def _with_a_story(published: Published, partition: str, articles: set[str]) -> set[str]:
    """Of these articles, those that had a story before the run of a partition: a later version was not keyed."""
    if not articles:
        return articles
    told = {
        row["article_id"]: row["story_id"]
        for earlier, row in published.rows("articles", ("article_id", "story_id"))
        if earlier < partition and row["article_id"] in articles
    }
    # Of what cleared partitions held, a state row is the only trace.
    return {one for one in articles if told.get(one) != ""}


def _slip(row: Row, as_of: int) -> Slip:
    """The slip that the row's article had, settled. Whether it is usable bears on counts, not on keys."""
    article = Article(
        uri=row["uri"],
        position=row["position"],
        guid=row["guid"] or "",
        provider=row["provider"],
        published=Stated(_micros(row["event_time"]), "second", False),
        headline=row["headline"],
        body=row["body"],
        language_detected=row["language_detected"],
    )
    slip = make_slip(article, as_of)
    return slip._replace(article_id=row["article_id"], version_key=row["version_key"], version=1, founding=True)


def _versions(history: Mapping[str, Sequence[Row]]) -> list[Version]:
    found: dict[str, Version] = {}
    for partition, rows in history.items():
        for row in rows:
            before = found.get(row["version_key"])
            written_in = before.partition if before and row["row_kind"] == STATE_ROW else partition
            found[row["version_key"]] = Version(
                row["version"], row["version_key"], row["event_time"], row["pub_status"], written_in
            )
    return sorted(found.values())


def _article_notes(row: Row, partition: str, versions: Sequence[Version]) -> Iterator[str]:
    if _micros(row["event_time"]) > time_of(partition):
        yield f"the time that it states is after the end of the run's interval; it was keyed as of {partition[6:]}"
    others = [one for one in versions if one.version_key != row["version_key"]]
    if others:
        listed = ", ".join(f"{one.version} ({one.partition})" for one in others[:_TOLD_ARTICLES])
        more = ", …" if len(others) > _TOLD_ARTICLES else ""
        keyed = next(one.version for one in versions if one.version_key == row["version_key"])
        yield (
            f"it has {len(others) + 1:,} versions; version {keyed} was keyed, the others keep its story: {listed}{more}"
        )
    if versions[-1].pub_status != "usable":
        yield f"it is {versions[-1].pub_status} by now, which changes no key: its story counts it out"


def _micros(time: datetime) -> int:
    return (time - _EPOCH) // _MICROSECOND


def _article(found: Explained) -> Iterator[str]:
    row = found.row
    yield short(row["headline"]) or row["article_id"]
    yield f"  article_id  {row['article_id']}"
    if row["guid"]:
        yield f"  guid        {short(row['guid'], _WHOLE)}"
    yield f"  uri         {short(row['uri'], _WHOLE)}" + (f", position {row['position']}" if row["position"] else "")
    yield f"  time        {iso(_micros(row['event_time']))}, language {row['language']}"
    yield f"  keyed in    {found.partition}" + (f", which goes on from {found.parent}" if found.parent else "")
    yield from (f"  note: {note}" for note in found.notes)


def _decision(found: Explained) -> str:
    sight = found.explanation.sight
    join_from = f"{_number(sight.join_from)}, from which articles join"
    if not sight.opened:
        best = sight.candidates[0]
        return (
            f"joined story {_named(best.story.story_id, best.story.headline)}: its score of {_number(best.score)} is "
            f"the highest and not below {join_from}"
        )
    if sight.candidates:
        why = f"the best candidate's score, {_number(sight.candidates[0].score)}, is below {join_from}"
    elif not sight.terms:
        why = "it has no terms that could be compared"
    elif not sight.live:
        why = "no story was live"
    else:
        why = f"of {sight.live:,} live stories none was found with a cosine of {LEAST_COSINE / MILLION:g} or more"
    return f"opened story {sight.story_id}: {why}"


def _candidates(found: Explained, every_feature: bool) -> Iterator[str]:
    sight = found.explanation.sight
    if not sight.candidates:
        return
    yield f"candidates among {sight.live:,} live stories:"
    yield f"  {'score':>7} {'cosine':>7} {'articles':>9}  {'last article':20}  {'story':8}  headline"
    for candidate in sight.candidates:
        story = candidate.story
        yield (
            f"  {_number(candidate.score):>7} {_number(candidate.cosine):>7} {story.articles:>9,}  "
            f"{iso(story.last_time):20}  {story.story_id[:8]}  {short(story.headline)}"
        )
        shared = ", ".join(f"{short(term)} {share:.0%}" for term, share in candidate.shared)
        yield from _wrapped(f"shares {shared}")
        yield from _wrapped(_features(candidate, every_feature))


def _features(candidate: Weighed, every: bool) -> str:
    named = candidate.features if every else _TOLD_FEATURES
    return ", ".join(f"{name} {_trimmed(candidate.features[name])}" for name in named)


def _later(found: Explained) -> Iterator[str]:
    why = found.explanation
    if why.changes:
        yield "later in the run:"
    for change in why.changes:
        yield from _wrapped(f"{iso(change.time)}  {_change(found, change)}", 2)
    end = why.end
    by_now = f"; by now part of story {found.by_now}" if found.by_now != end.story_id else ""
    yield (
        f"at the end of the run: story {_named(end.story_id, end.headline)}, {end.articles:,} "
        f"article{'s' * (end.articles > 1)}{by_now}"
    )


def _change(found: Explained, change: Change) -> str:
    score = "no story came near" if change.score is None else f"the best score was {_number(change.score)}"
    if change.other is None:
        return f"a second look left it as it was: {score}"
    if change.second_look:
        why = f"second look, {score}"
    elif change.article_id == found.row["article_id"]:
        why = "this article fits both"
    else:
        why = f"article {change.article_id} ({short(change.headline)}) fits both"
    other = change.other.story_id, change.other.headline
    if change.survivor == change.story_id:
        return f"story {_named(*other)} merged into it: {why}"
    return f"it merged into the older story {_named(*other)}, as it is called since: {why}"


def _proof(found: Explained) -> Iterator[str]:
    wrong = difference(found)
    why = found.explanation
    yield from _wrapped(
        f"NOT what was decided: {wrong}"
        if wrong
        else f"as decided: keyed again, all {why.keyed:,} articles of the run's desk "
        f"{desk_of(found.row['language'])} have the stories that their rows say",
        0,
    )


def _named(story_id: str, headline: str) -> str:
    return f"{story_id} ({short(headline)})"


def _number(millionths: int) -> str:
    return f"{millionths / MILLION:.3f}"


def _trimmed(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def _wrapped(text: str, indent: int = 10) -> list[str]:
    """The text in lines, the ones after the first a bit further in."""
    return textwrap.wrap(
        text, _WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_long_words=False,
        break_on_hyphens=False,
    )  # fmt: skip
