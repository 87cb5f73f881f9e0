"""Desks from run to run: one that was kept, one that is read back and one that never stopped are the same."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.stories_texts import HOUR, START
from tests.transforms.stories_texts import slip as a_slip
from tests.transforms.test_stories_desk import MERGING, NEAR, articles, noise
from transforms import ledger
from transforms.article import Decision
from transforms.ledger import CHANGES, CLOSED_STORY, SNAPSHOT, DeskState, LedgerRow
from transforms.stories import handover
from transforms.stories.desk import Desk, in_order
from transforms.stories.vectors import DAY


class Files:
    """What runs have left, each under a name."""

    def __init__(self):
        self.left: dict[str, list[LedgerRow]] = {}
        self.ended: dict[str, LedgerRow] = {}
        self.reads = 0

    def rows(self, kind, keys):
        assert kind == CLOSED_STORY
        return [self.ended[key] for key in keys if key in self.ended]

    def files(self, language):
        return tuple(self.left)[-1:]

    def state(self, language):
        return self._standing(list(self.left)[-1]).state if self.left else ""

    def desk(self, language):
        self.reads += 1
        runs, at = [], list(self.left)[-1] if self.left else ""
        while at:
            runs.append(self.left[at])
            at = "".join(self._standing(at).before)
        return runs[::-1]

    def _standing(self, name):
        (found,) = (ledger.decode(row) for row in self.left[name] if row.kind == ledger.DESK)
        return found


@contextmanager
def of_model(model):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handover, "Desk", partial(Desk, model=model))
        handover._kept.clear()
        yield
        handover._kept.clear()


def run(slips, files, keep, whole=False):
    """A run of the English desk; gives its keys."""
    held = handover.take_up("en", files)
    handover.recall(held.desk, slips, files)
    made = list(held.desk.key(slips))
    files.ended |= {one.story.story_id: ledger.encode(one) for one in made if isinstance(one, ledger.StoryEntry)}
    rows = handover.hand_on(held, files.files("en"), keep, whole)
    files.left[f"f{len(files.left)}"] = rows
    return {one.article_id: one.story_id for one in made if isinstance(one, Decision)}


def in_runs(slips, cuts, kept):
    """The keys, all files, and what a run afterwards would take up. `kept` says after which runs the desk is kept."""
    ordered = sorted(slips, key=in_order)
    files, keys = Files(), {}
    for at, (start, end) in enumerate(pairwise([0, *sorted(cuts), len(ordered)])):
        if start < end:
            keys |= run(ordered[start:end], files, kept[at % len(kept)])
    survivors = {key: ledger.decode(row).story.merged_into for key, row in files.ended.items()}

    def end(story_id):
        while survivors.get(story_id):
            story_id = survivors[story_id]
        return story_id

    taken = handover.take_up("en", files)
    standing = sorted(ledger.encode(one) for one in taken.desk.entries())
    return {name: end(story_id) for name, story_id in keys.items()}, files.left, standing


@given(
    articles,
    st.lists(st.integers(0, 14), max_size=8),
    st.lists(st.booleans(), min_size=1, max_size=4),
    st.sampled_from([None, NEAR, MERGING]),
)
def test_a_desk_that_was_kept_leaves_what_one_leaves_that_was_read_back(drawn, cuts, kept, model):
    slips = noise(drawn)
    cuts = [min(cut, len(slips)) for cut in cuts]
    with of_model(model):
        read_back = in_runs(slips, cuts, [False])
    with of_model(model):
        assert in_runs(slips, cuts, kept) == read_back
    with of_model(model):
        whole = in_runs(slips, [], [False])
    # Stories that opened and ended alike; where the desk has come to is told by the rows, not by their history.
    assert (read_back[0], read_back[2]) == (whole[0], whole[2])


def days(number):
    return [
        a_slip(f"a{at}", f"Harbour wall {at % 40}", "cracks in the wall of the harbour", time=START + at * HOUR)
        for at in range(number)
    ]


def kinds(files):
    return [{row.file for row in rows} for rows in files.left.values()]


def test_changes_are_left_until_they_are_many():
    files = Files()
    with of_model(None):
        run(days(120), files, False)
        for hour in range(4):
            run([a_slip(f"b{hour}", f"Zorvath {hour}", "brask", time=START + 6 * DAY + hour * HOUR)], files, False)
    assert kinds(files)[0] == {SNAPSHOT}
    assert {CHANGES} in kinds(files)
    for before, (name, rows) in zip([None, *files.left], files.left.items(), strict=False):
        (standing,) = (one for one in map(ledger.decode, rows) if isinstance(one, DeskState))
        assert standing.before == ((before,) if rows[0].file == CHANGES else ()), name


def test_a_snapshot_comes_after_so_many_changes(monkeypatch):
    monkeypatch.setattr(handover, "MOST_CHANGES", 3)
    monkeypatch.setattr(handover, "CHANGED_SHARE", 100)
    files = Files()
    with of_model(None):
        for at, one in enumerate(days(9)):
            run([one], files, at % 2 == 0)
    assert kinds(files) == [{SNAPSHOT}, *[{CHANGES}] * 3, {SNAPSHOT}, *[{CHANGES}] * 3, {SNAPSHOT}]


def test_a_kept_desk_is_gone_on_with_only_where_nobody_else_has_had_a_run():
    with of_model(None):
        files, others = Files(), Files()
        run(days(30), files, True)
        assert files.reads == 1
        run(days(31)[30:], files, True)
        assert files.reads == 1
        # Another output folder, or a run elsewhere on this one.
        run(days(3), others, True)
        run(days(32)[31:], files, True)
        assert files.reads == 2
        assert others.reads == 1
        run(days(33)[32:], files, False)
        assert files.reads == 2
        run(days(34)[33:], files, True)
        assert files.reads == 3


def test_a_desk_that_nothing_came_for_leaves_a_snapshot_when_it_is_asked_to():
    with of_model(None):
        files = Files()
        run(days(60), files, False)
        run(days(61)[60:], files, False)
        before = sorted(ledger.encode(one) for one in handover.take_up("en", files).desk.entries())
        run([], files, False, whole=True)
        assert kinds(files)[-1] == {SNAPSHOT}
        assert sorted(ledger.encode(one) for one in handover.take_up("en", files).desk.entries()) == before
