"""The steps as PTransforms: thin wrappers around the pure functions of this package, and the only place with Beam.

Each step that can fail on an article gives two outputs, `articles` and `rejects`: what fails is never dropped and never
ends the run. What is counted flows as data, one small mapping a bundle, because the metrics of some engines count a
bundle again that was tried twice.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import apache_beam as beam
import zstandard
from apache_beam.coders import Coder, RowCoder, registry
from apache_beam.portability.api import schema_pb2
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.windowed_value import WindowedValue

from transforms import identity, ledger, rows, slips
from transforms.article import Article, Decision, RawItem, Reject, Slip, Story
from transforms.clean import clean, rules_of
from transforms.language import tag_language
from transforms.ledger import ARTICLE, EarlierRuns, HeldItem, KnownArticle, LedgerRow
from transforms.parse import Settings, parse
from transforms.parse.times import iso
from transforms.stories.handover import hand_on, recall, take_up
from transforms.versions import settle, settle_linked

ARTICLES = "articles"
REJECTS = "rejects"
COUNTS = "counts"
SLIPS = "slips"
ROWS = "rows"
SIZES = "sizes"
DECISIONS = "decisions"
STORIES = "stories"
LEDGER = "ledger"
HELD = "held"
SETTLED = "settled"
LINKED = "linked"

# An article on its way to the shard that writes it: (item_id, version_key, stated time, number, uri, position, digest,
# tail); of equal versions the least stands, as with slips. The tail, nearly all of a row, travels packed (see
# `unpacker`): a runner holds what it shuffles several times over, on disk or, as the one on a laptop does, in memory.
ArticleRow = tuple[str, str, int, int, str, int, bytes, bytes]

# An item that came, or only its identity, where another evolved from it.
Gathered = tuple[str, Slip | None]
# A settled slip by its desk, or only the desk, which then leaves a snapshot.
Settled = tuple[str, Slip | None]
# Of an item with links: a delivery, or what earlier runs know of it.
Linked = tuple[Slip | None, LedgerRow | None]
# Items are settled in so many groups, each of which asks at once what earlier runs know of them.
_GROUPS = 64

# What one bundle counted.
Counts = dict[str, int]
# A data set, and bytes of a bundle's rows of it.
Size = tuple[str, int]


class RecordCoder(RowCoder):
    """Beam's coder of rows, for records, as a coder of Python's own: an engine passes its bytes on as they are.

    An engine in Java reads what says that it is a row, and fails on fields that only Python understands.
    """

    def to_runner_api_parameter(self, context: Any) -> Any:
        """What an engine is told of it: nothing but that it is Python's."""
        return Coder.to_runner_api_parameter(self, context)

    def __reduce__(self) -> Any:
        return _record_coder, (self.schema.SerializeToString(),)


def _record_coder(schema: bytes) -> RecordCoder:
    return RecordCoder(schema_pb2.Schema.FromString(schema))


for _record in (RawItem, Slip, Decision, Story, Reject, LedgerRow):
    registry.register_coder(_record, RecordCoder)


class Parse(beam.PTransform[Any, Any]):
    """RawItem -> `articles`, `rejects`, `held` for the ledger, and `counts` of the entries read.

    Articles whose embargo ends after `hold_after` (microseconds UTC) are held; with None, none is.
    """

    def __init__(self, settings: Settings, hold_after: int | None = None) -> None:
        super().__init__()
        self._parse = _Parse(settings, hold_after)

    def expand(self, items: Any) -> Any:
        """PCollection[RawItem] -> PCollections `articles`, `rejects`, `held` (LedgerRow) and `counts`."""
        step = beam.ParDo(self._parse).with_output_types(Article, rejects=Reject, held=LedgerRow, counts=Counts)
        return items | step.with_outputs(REJECTS, HELD, COUNTS, main=ARTICLES)


class Clean(beam.PTransform[Any, Any]):
    """Article -> `articles` (cleaned), `rejects`.

    `rules` is the text of a house's file of cleaning rules; a worker reads it once.
    """

    def __init__(self, rules: str = "") -> None:
        super().__init__()
        self._clean = functools.partial(_clean, rules)

    def expand(self, articles: Any) -> Any:
        """PCollection[Article] -> PCollections `articles` and `rejects`."""
        return articles | _per_article("clean", self._clean)


def _clean(rules: str, article: Article) -> Article:
    return clean(article, rules_of(rules))


class TagLanguage(beam.PTransform[Any, Any]):
    """Article -> `articles` (with their language), `rejects`."""

    def expand(self, articles: Any) -> Any:
        """PCollection[Article] -> PCollections `articles` and `rejects`."""
        return articles | _per_article("language", tag_language)


class Part(beam.PTransform[Any, Any]):
    """Article -> `slips` for those who decide, `rows` and their `sizes` for those who write, `rejects`, `counts`."""

    def __init__(self, as_of: int) -> None:
        super().__init__()
        self._as_of = as_of

    def expand(self, articles: Any) -> Any:
        """PCollection[Article] -> `slips` (item_id, Slip), `rows` (ArticleRow), `sizes` (Size), `rejects`,
        `counts`."""
        step = beam.ParDo(_Part(self._as_of)).with_output_types(
            tuple[str, Slip], rows=ArticleRow, sizes=Size, rejects=Reject, counts=Counts
        )
        return articles | step.with_outputs(ROWS, SIZES, REJECTS, COUNTS, main=SLIPS)


class SettleVersions(beam.PTransform[Any, Any]):
    """Slips of an article, in any order, and what earlier runs know of it -> its versions in order, by desk.

    An item is an article, but for those that evolved from another. These are few, so they and what they evolved from
    are settled on one worker, which sees all links.
    """

    def __init__(self, earlier: EarlierRuns) -> None:
        super().__init__()
        self._settle = _Settle(earlier)

    def expand(self, slips: Any) -> Any:
        """PCollection[(item_id, Slip)] -> PCollection[Settled]."""
        step = beam.ParDo(self._settle).with_output_types(Settled, linked=tuple[int, Linked])
        settled = (
            slips
            | "Gather" >> beam.FlatMap(_gather).with_output_types(tuple[int, Gathered])
            | "ByItem" >> beam.GroupByKey()
            | "Settle" >> step.with_outputs(LINKED, main=SETTLED)
        )
        linked = (
            settled[LINKED]
            | "Together" >> beam.GroupByKey()
            | "SettleLinked" >> beam.FlatMap(_settle_linked).with_output_types(Settled)
        )
        return (settled[SETTLED], linked) | "Settled" >> beam.Flatten()


class KeyByStory(beam.PTransform[Any, Any]):
    """Settled slips -> `decisions`, `stories`, and the `ledger` for the next run.

    One desk is one key: it goes on from what earlier runs have left of it and takes its slips in order of time. With
    `keep` the process holds it for its next run. The desks of `whole` leave a snapshot, even if nothing came.
    """

    def __init__(self, earlier: EarlierRuns, keep: bool = False, whole: Iterable[str] = ()) -> None:
        super().__init__()
        self._whole = frozenset(whole)
        self._key = _KeyByStory(earlier, keep, self._whole)

    def expand(self, slips: Any) -> Any:
        """PCollection[Settled] -> `decisions`, `stories`, `ledger`."""
        step = beam.ParDo(self._key).with_output_types(Decision, stories=Story, ledger=LedgerRow)
        if self._whole:
            named: list[Settled] = [(language, None) for language in sorted(self._whole)]
            idle = slips.pipeline | "Whole" >> beam.Create(named).with_output_types(Settled)
            slips = (slips, idle) | "WithIdle" >> beam.Flatten()
        return slips | "ByDesk" >> beam.GroupByKey() | "Key" >> step.with_outputs(STORIES, LEDGER, main=DECISIONS)


def unpacker() -> Callable[[bytes], bytes]:
    """A function from a packed tail to the tail; not to be shared between threads."""
    unpack: Callable[[bytes], bytes] = zstandard.ZstdDecompressor().decompress
    return unpack


class Counting(beam.DoFn):
    """A DoFn that counts in `self.counts` and gives the counts of each bundle as one mapping."""

    def start_bundle(self) -> None:
        """Begins a bundle's counts."""
        self.counts: Counter[str] = Counter()

    def finish_bundle(self) -> Iterator[Any]:
        """Gives the bundle's counts, if there are any."""
        if self.counts:
            yield at_the_end(COUNTS, dict(self.counts))


def at_the_end(tag: str, value: Any) -> TaggedOutput:
    """What a bundle gives once it is finished, where no element's window is at hand."""
    window = GlobalWindow()
    return TaggedOutput(tag, WindowedValue(value, window.max_timestamp(), [window]))


class _Parse(Counting):
    def __init__(self, settings: Settings, hold_after: int | None) -> None:
        self._settings = settings
        self._hold_after = hold_after

    def process(self, item: RawItem) -> Iterator[Any]:
        self.counts["parse/items"] += 1
        for found in parse(item, self._settings):
            self.counts["items"] += 1
            if isinstance(found, Reject):
                yield TaggedOutput(REJECTS, found)
            elif (until := self._held_until(found)) is not None:
                self.counts["held"] += 1
                self.counts[f"held_until/{iso(until)}"] += 1
                # The file's own time counts only where the item states none; a copy of the file has another.
                arrived = found.arrived if identity.event_time(found)[1] == "arrived" else 0
                held = HeldItem(found.uri, found.position, arrived, found.payload, found.envelope)
                yield TaggedOutput(HELD, ledger.encode(held))
            else:
                self.counts[f"formats/{found.source_format}"] += 1
                yield found

    def _held_until(self, article: Article) -> int | None:
        """When what may not be published yet may be, microseconds UTC; a kill is no news that could be protected."""
        if self._hold_after is None or article.embargoed is None or article.pub_status == "canceled":
            return None
        return article.embargoed.time if article.embargoed.time > self._hold_after else None


def _per_article(stage: str, function: Callable[[Article], Article]) -> Any:
    step = beam.ParDo(_PerArticle(stage, function)).with_output_types(Article, rejects=Reject)
    return step.with_outputs(REJECTS, main=ARTICLES)


class _PerArticle(beam.DoFn):
    """Applies a function to each article; what it raises makes the article a reject."""

    def __init__(self, stage: str, function: Callable[[Article], Article]) -> None:
        self._stage = stage
        self._function = function

    def process(self, article: Article) -> Iterator[Any]:
        try:
            yield self._function(article)
        except Exception as error:
            yield TaggedOutput(REJECTS, rejected(self._stage, article, error))


class _Part(Counting):
    def __init__(self, as_of: int) -> None:
        self._as_of = as_of

    def setup(self) -> None:
        self._pack = zstandard.ZstdCompressor(level=1).compress

    def start_bundle(self) -> None:
        super().start_bundle()
        self._size = 0

    def finish_bundle(self) -> Iterator[Any]:
        yield from super().finish_bundle()
        yield at_the_end(SIZES, ("articles", self._size))

    def process(self, article: Article) -> Iterator[Any]:
        stage = "slip"
        try:
            slip = slips.make_slip(article, self._as_of)
            stage = "gate"
            tail = rows.article_tail(article, self._as_of)
        except Exception as error:
            yield TaggedOutput(REJECTS, rejected(stage, article, error))
            return
        for rule in article.cleaning:
            self.counts[f"cleaning/{rule}"] += 1
        # Two deliveries from one place: slip and row must agree on which of them stands.
        slip = slip._replace(digest=identity.digest_of(tail))
        self._size += len(tail)
        row: ArticleRow = (
            slip.item_id, slip.version_key, slip.stated_time, slip.version_number, slip.uri, slip.position, slip.digest,
            self._pack(tail),
        )  # fmt: skip
        yield TaggedOutput(ROWS, row)
        yield slip.item_id, slip


def _gather(entry: tuple[str, Slip]) -> Iterator[tuple[int, Gathered]]:
    item_id, slip = entry
    yield _group_of(item_id), (item_id, slip)
    if slip.evolved_from:
        yield _group_of(slip.evolved_from), (slip.evolved_from, None)


def _group_of(item_id: str) -> int:
    return int(item_id[:8], 16) % _GROUPS


class _Settle(beam.DoFn):
    def __init__(self, earlier: EarlierRuns) -> None:
        self._earlier = earlier

    def process(self, group: tuple[int, Iterable[Gathered]]) -> Iterator[Any]:
        items: dict[str, list[Slip]] = {}
        ancestors: set[str] = set()
        for item_id, slip in group[1]:
            items.setdefault(item_id, [])
            if slip is None:
                ancestors.add(item_id)
            else:
                items[item_id].append(slip)
        rows = {row.key: row for row in self._earlier.rows(ARTICLE, sorted(items))}
        for item_id, delivered in items.items():
            row = rows.get(item_id)
            known = None if row is None else ledger.decode_article(row)
            is_linked = known.is_linked() if known else any(slip.evolved_from for slip in delivered)
            if not is_linked and item_id not in ancestors:
                for slip in settle(delivered, known):
                    yield slip.desk, slip
                continue
            for slip in delivered:
                yield TaggedOutput(LINKED, (0, (slip, None)))
            if row is not None:
                yield TaggedOutput(LINKED, (0, (None, row)))


def _settle_linked(group: tuple[int, Iterable[Linked]]) -> Iterator[tuple[str, Slip]]:
    slips: list[Slip] = []
    rows: list[LedgerRow] = []
    for slip, row in group[1]:
        slips += [slip] if slip is not None else []
        rows += [row] if row is not None else []
    known: dict[str, KnownArticle] = {}
    articles: dict[str, str] = {}
    for row in sorted(rows, key=lambda row: row.as_of):
        article = ledger.decode_article(row)
        known[article.article_id] = article
        articles[row.key] = article.article_id
    for slip in settle_linked(slips, known, articles):
        yield slip.desk, slip


class _KeyByStory(beam.DoFn):
    def __init__(self, earlier: EarlierRuns, keep: bool, whole: frozenset[str]) -> None:
        self._earlier = earlier
        self._keep = keep
        self._whole = whole

    def process(self, group: tuple[str, Iterable[Slip | None]]) -> Iterator[Any]:
        language, slips = group[0], [slip for slip in group[1] if slip is not None]
        held = take_up(language, self._earlier)
        recall(held.desk, slips, self._earlier)
        for made in held.desk.key(slips):
            if isinstance(made, Decision):
                yield made
            elif isinstance(made, Story):
                yield TaggedOutput(STORIES, made)
            elif isinstance(made, KnownArticle):
                yield from (TaggedOutput(LEDGER, row) for row in ledger.encode_article(made))
            else:
                yield TaggedOutput(LEDGER, ledger.encode(made))
        for row in hand_on(held, self._earlier.files(language), self._keep, language in self._whole):
            yield TaggedOutput(LEDGER, row)


def rejected(stage: str, article: Article, error: Exception) -> Reject:
    """The reject of an article that a step could not handle."""
    where = f"{article.uri}, entry {article.position}" if article.position else article.uri
    kind = _snake(type(error).__name__.removesuffix("Error"))
    return Reject.of(stage, kind, f"{where}: {error}", article.uri, article.position, article.payload, article.envelope)


@functools.cache
def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
