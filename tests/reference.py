"""The pipeline as a plain for-loop over the same pure functions: no Beam, no shards, no files.

The graph has to write the rows that this gives.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipeline.earlier import NOTHING
from pipeline.inputs import InputFile
from pipeline.options import Config
from pipeline.unpack import Limits, read_file
from transforms import identity, rows
from transforms.article import NEW, Decision, Reject, Story
from transforms.clean import clean
from transforms.language import tag_language
from transforms.ledger import KnownArticle, LedgerRow, encode, encode_article
from transforms.parse import Settings, parse
from transforms.slips import make_slip
from transforms.steps import rejected
from transforms.stories.handover import hand_on, take_up
from transforms.versions import settle_linked


class Expected(NamedTuple):
    """Encoded rows, in the order in which one shard holds them."""

    articles: list[bytes]
    stories: list[bytes]
    rejects: list[bytes]
    delta: list[bytes]
    """Of the ledger, what the run changed."""
    snapshots: dict[str, list[bytes]]
    """Of the ledger, each desk as the run left it, by language."""
    items: int
    redeliveries: int


def run(config: Config, files: list[InputFile]) -> Expected:
    """What the run over `files` has to write."""
    settings = Settings(ZoneInfo(config.source_timezone))
    limits = Limits(config.max_item_bytes, config.max_archive_bytes)
    rejects: list[Reject] = []
    bodies = []
    slips = []
    items = 0
    for file in files:
        for raw in read_file(file, limits):
            found = [raw] if isinstance(raw, Reject) else list(parse(raw, settings))
            items += len(found)
            for article in found:
                if isinstance(article, Reject):
                    rejects.append(article)
                    continue
                stage = "clean"
                try:
                    cleaned = clean(article)
                    stage = "language"
                    tagged = tag_language(cleaned)
                    stage = "slip"
                    slip = make_slip(tagged, config.as_of)
                    stage = "gate"
                    tail = rows.article_tail(tagged, config.as_of)
                except Exception as error:
                    rejects.append(rejected(stage, article, error))
                    continue
                slip = slip._replace(digest=identity.digest_of(tail))
                slips.append(slip)
                order = slip.stated_time, slip.version_number, slip.uri, slip.position, slip.digest
                bodies.append((slip.item_id, slip.version_key, order, tail))
    by_desk = defaultdict(list)
    for slip in settle_linked(slips, {}, {}):
        by_desk[slip.desk].append(slip)
    stories: list[Story] = []
    delta: list[LedgerRow] = []
    snapshots: dict[str, list[bytes]] = {}
    decisions: dict[tuple[str, str], Decision] = {}
    for desk, settled in by_desk.items():
        held = take_up(desk, NOTHING)
        for made in held.desk.key(settled):
            if isinstance(made, Story):
                stories.append(made)
            elif isinstance(made, Decision):
                decisions[made.item_id, made.version_key] = made
            elif isinstance(made, KnownArticle):
                delta += encode_article(made)
            else:
                delta.append(encode(made))
        snapshots[desk] = [row.data for row in hand_on(held, (), keep=False)]
    written: dict[tuple[str, str], bytes] = {}
    for item_id, version_key, _, tail in sorted(bodies, reverse=True):
        decision = decisions[item_id, version_key]
        if decision.disposition == NEW:
            written[decision.article_id, version_key] = rows.decided_part(decision) + tail
    articles = [written[key] for key in sorted(written)]
    return Expected(
        articles,
        [rows.story_row(story, config.as_of) for story in sorted(stories)],
        [row for *_, row in sorted((one.uri, one.position, rows.reject_row(one, config.as_of)) for one in rejects)],
        [row.data for row in sorted(delta)],
        snapshots,
        items,
        len(bodies) - len(articles),
    )
