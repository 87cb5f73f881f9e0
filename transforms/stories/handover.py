"""A desk from one run to the next: what it takes up before the first slip, and what it leaves after the last.

In: what earlier runs have left of a desk. Out: a desk that goes on as one that never stopped, and the rows to leave:
what the run has changed, or the whole desk once changes have become many. A process may keep a desk for its next run,
which goes on with it if nobody else has had a run since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from transforms.article import Slip
from transforms.ledger import (
    CHANGES,
    CLOSED_STORY,
    ENDED_STORY,
    LIVE_STORY,
    SNAPSHOT,
    DeskState,
    EarlierRuns,
    LedgerRow,
    StoryEntry,
    decode,
    encode,
    net,
)
from transforms.stories.desk import Desk

# Changes are read one file after the other, and each may come from far away: a snapshot after so many runs.
MOST_CHANGES = 100
# A snapshot costs about as much as reading it back, so it pays once changes come to a share of it.
CHANGED_SHARE = 0.5


class Held(NamedTuple):
    """A desk between two runs."""

    desk: Desk
    state: str
    """A hash of all that it has taken and left so far; "" for a new one."""
    changes: int
    """How many runs have left changes since its snapshot; -1 where it has none."""
    changed: int
    """How many stories those have changed, each counted once a run."""


_kept: dict[str, Held] = {}
"""By language."""


def take_up(language: str, earlier: EarlierRuns) -> Held:
    """The desk of a language as the last run left it."""
    state = earlier.state(language)
    kept = _kept.pop(language, None)
    if kept is not None and kept.state == state:
        kept.desk.begin_run()
        return kept
    runs = earlier.desk(language)
    desk = Desk(language)
    desk.resume(map(decode, net(runs)))
    changed = sum(row.kind in (LIVE_STORY, ENDED_STORY) for rows in runs[1:] for row in rows)
    return Held(desk, state, len(runs) - 1, changed)


def recall(desk: Desk, slips: Iterable[Slip], earlier: EarlierRuns) -> None:
    """Lets the desk know the ended stories of articles that come again, and what those have merged into."""
    asked = {slip.story_id for slip in slips if slip.story_id and not desk.knows(slip.story_id)}
    while asked:
        entries = [decode(row) for row in earlier.rows(CLOSED_STORY, sorted(asked))]
        desk.resume(entries)
        merged = {entry.story.merged_into for entry in entries if isinstance(entry, StoryEntry)}
        asked = {story_id for story_id in merged if story_id and not desk.knows(story_id)}


def hand_on(held: Held, before: tuple[str, ...], keep: bool, whole: bool = False) -> list[LedgerRow]:
    """The rows that the desk leaves at the end of a run, sorted; `before` are the files that the last one left.

    With `keep` this process holds the desk for its next run. With `whole` the desk leaves a snapshot in any case.
    """
    desk = held.desk
    changed = held.changed + desk.changed()
    whole = whole or held.changes < 0 or held.changes >= MOST_CHANGES or changed > CHANGED_SHARE * desk.live()
    rows, states = [], []
    for entry in desk.entries() if whole else desk.changes():
        if isinstance(entry, DeskState):
            states.append(entry)
        else:
            rows.append(encode(entry))
    state = hashlib.blake2b(held.state.encode(), digest_size=16)
    for row in sorted(rows):
        state.update(row.data)
    rows += [encode(one._replace(state=state.hexdigest(), before=() if whole else before)) for one in states]
    if keep:
        left = (0, 0) if whole else (held.changes + 1, changed)
        _kept[desk.language] = Held(desk, state.hexdigest(), *left)
    file = SNAPSHOT if whole else CHANGES
    return [row._replace(file=file) for row in sorted(rows)]
