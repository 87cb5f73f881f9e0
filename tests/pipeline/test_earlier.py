"""What earlier runs left is found, in as many files as it lies, and chains of many runs stay quick to look through."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import earlier, ledger, manifest, run, sinks
from pipeline.earlier import Earlier, LedgerFile, read_rows
from pipeline.errors import RunError
from pipeline.ledger import find
from pipeline.options import DAY, SECOND
from tests.pipeline import outputs
from tests.pipeline.outputs import AS_OF, config, tree
from transforms.article import Story
from transforms.ledger import ARTICLE, CLOSED_STORY, DeskState, KnownArticle, KnownVersion, StoryEntry, decode, encode

HOUR = DAY // 24
EARLY = AS_OF - 1000 * SECOND


def name(number):
    return hashlib.md5(str(number).encode()).hexdigest()


def row(number, time=0, kind=ARTICLE):
    """What a run knew of an article or a story; `time` tells one run's knowledge from another's."""
    if kind == CLOSED_STORY:
        return encode(StoryEntry(Story(name(number), "en", str(time), (), "f", 0, 0, 1, 1, (), ""), None))
    version = KnownVersion(name(number), time, 0, "usable", "en", name(number))
    return encode(KnownArticle(name(number), "en", "s" * 1000, (version,)))


def file_of(folder, time, rows):
    """A file of a run at that time."""
    asked = config(folder, as_of=time)
    in_order = [one.data for one in sorted(rows)]
    (written,) = sinks.write_shard(asked, "ledger", "delta", 0, in_order)
    return LedgerFile(str(folder / manifest.name_of(asked, written)), time)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Three runs, each with files of several blocks; the later ones know some of the articles anew."""
    folder = tmp_path_factory.mktemp("large")
    known = {}
    files = []
    for at, numbers in enumerate((range(400), range(300, 600), range(0, 600, 7))):
        time = EARLY + at * SECOND
        rows = [row(number, at, kind) for number in numbers for kind in (ARTICLE, CLOSED_STORY)]
        known |= {(one.kind, one.key): one._replace(as_of=time) for one in rows}
        files.append(file_of(folder, time, rows))
    return tuple(files), known


@given(st.sets(st.integers(0, 700), max_size=40), st.sampled_from([ARTICLE, CLOSED_STORY]), st.permutations(range(3)))
def test_the_newest_of_what_is_asked_for_is_found(large, asked, kind, order):
    files, known = large
    runs = Earlier("", 0, tuple(files[at] for at in order), {})
    expected = [known[kind, name(number)] for number in asked if (kind, name(number)) in known]
    assert sorted(runs.rows(kind, map(name, asked))) == sorted(expected)


def test_what_is_older_than_is_remembered_is_not_known(large):
    files, known = large
    runs = Earlier("", EARLY + SECOND, files, {})
    found = {one.key: one for one in runs.rows(ARTICLE, map(name, range(700)))}
    assert found == {key: one for (kind, key), one in known.items() if kind == ARTICLE and one.as_of > EARLY}


def test_all_rows_of_a_file(large):
    files, _ = large
    assert len(list(read_rows(files[1]))) == 600
    assert sorted(read_rows(files[1])) == list(read_rows(files[1]))


def test_few_blocks_are_read_for_what_is_new(large, monkeypatch):
    """Nearly all articles of a run are new: a file must not be decoded to see that."""
    files, _ = large
    earlier._opened.cache_clear()
    decoded = []
    split = earlier.split
    monkeypatch.setattr(earlier, "split", lambda *given: decoded.append(1) or split(*given))
    assert list(Earlier("", 0, files[:1], {}).rows(ARTICLE, [name(number) for number in range(1000, 1010)])) == []
    blocks = len(earlier._opened(files[0])._blocks)
    assert blocks > 5
    assert len(decoded) <= blocks  # the first rows of some


def test_a_file_that_is_gone_or_cut_off_is_told(tmp_path):
    file = file_of(tmp_path, EARLY, [row(number) for number in range(100)])
    asked = Earlier("", 0, (file,), {})
    whole = Path(file.path).read_bytes()
    for size in (0, 10, 3000, len(whole) - 1):
        earlier._opened.cache_clear()
        Path(file.path).write_bytes(whole[:size])
        with pytest.raises(RunError, match=r"the ledger of an earlier run can't be read .* run that partition again"):
            asked.rows(ARTICLE, [name(5)])
    Path(file.path).unlink()
    earlier._opened.cache_clear()
    with pytest.raises(RunError, match="No such file"):
        asked.rows(ARTICLE, [name(5)])


def test_a_desk_is_read_back_over_all_its_files(tmp_path):
    asked = config(tmp_path, as_of=EARLY)
    names = []
    for number, kind in enumerate(("snapshot-en", "changes-en", "changes-en")):
        state = DeskState("en", number, f"state {number}", tuple(names[-1:]))
        (written,) = sinks.write_shard(asked, "ledger", kind, 0, [encode(state).data])
        names.append(manifest.name_of(asked, written))
    runs = Earlier(str(tmp_path), 0, (), {"en": {"since": asked.partition(), "files": names[-1:]}})
    assert runs.files("en") == (names[-1],)
    assert runs.state("en") == "state 2"
    assert [[one.key for one in rows] for rows in runs.desk("en")] == [["en"]] * 3
    assert (runs.files("de"), runs.state("de"), runs.desk("de")) == ((), "", [])
    with pytest.raises(RunError, match="nothing of where the desk of 'de' stands"):
        runs._replace(desks={"de": {"files": names}}).state("de")


class Chain:
    """An output folder with runs that know an article or two each."""

    def __init__(self, output, remember=30 * DAY):
        (output / "manifests").mkdir(parents=True)
        self.output = output
        self.remember = remember
        self.times = []
        self.known = {}
        self.walked = []

    def run(self, time, numbers):
        asked = config(self.output, as_of=time, remember=self.remember)
        chain = find(asked)
        self.walked.append(len(chain.earlier.changed))
        rows = [row(number, time) for number in sorted(set(numbers))]
        self.known |= {one.key: one._replace(as_of=time) for one in rows}
        written = list(sinks.write_shard(asked, "ledger", "delta", 0, [one.data for one in sorted(rows)]))
        written += sinks._merge(b"", list(chain.merged), asked) if chain.merged else []
        handed_on = chain.handed_on(asked.partition(), {})
        made = manifest.compose(asked, [], chain.parent, handed_on, written, [])
        Path(manifest.path_of(asked)).write_bytes(manifest.encode(made))
        self.times.append(time)
        return chain

    def found(self):
        runs = find(config(self.output, as_of=AS_OF, remember=self.remember)).earlier
        return {one.key: (one.as_of, decode(one)) for one in runs.rows(ARTICLE, self.known)}

    def expected(self):
        since = AS_OF - self.remember
        return {key: (one.as_of, decode(one)) for key, one in self.known.items() if one.as_of >= since}


@pytest.mark.parametrize("seed", range(3))
def test_merged_files_tell_what_all_runs_have_left(tmp_path, monkeypatch, seed):
    """However many runs there were, whatever of them is remembered; articles come again and again."""
    monkeypatch.setattr(ledger, "MERGED_RUNS", 3)
    chance = random.Random(seed)
    chain = Chain(tmp_path, remember=chance.choice([2, 20, 400]) * HOUR)
    for number in range(85):
        chain.run(AS_OF - (85 - number) * HOUR // 2, [chance.randrange(60) for _ in range(chance.randrange(4))])
        if number % 7 == 0:
            assert chain.found() == chain.expected()
    assert chain.found() == chain.expected()
    # 81 are 3 x 3 x 3 x 3: of each power three at most.
    assert max(chain.walked) <= 3 * 5
    merged = list(tmp_path.rglob("merged-*.avro"))
    assert len(merged) >= 20


def test_a_run_again_merges_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "MERGED_RUNS", 3)
    chain = Chain(tmp_path)
    for number in range(10):
        chain.run(AS_OF - (10 - number) * HOUR, [number % 4])
    before = tree(tmp_path)
    chain.run(AS_OF - HOUR, [9 % 4])
    assert tree(tmp_path) == before


def test_large_files_are_few_enough_as_they_are(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "MERGED_RUNS", 3)
    monkeypatch.setattr(ledger, "_MERGED_ROWS", 8)
    chain = Chain(tmp_path)
    for number in range(12):
        chain.run(AS_OF - (12 - number) * HOUR, [2 * number, 2 * number + 1])
    # Three runs are six rows, nine are too many.
    sizes = [len(list(read_rows(LedgerFile(str(path), 0)))) for path in tmp_path.rglob("merged-*.avro")]
    assert sizes == [6] * 3
    assert chain.found() == chain.expected()


def test_cleared_partitions_beyond_what_is_remembered_are_not_missed(tmp_path, monkeypatch):
    monkeypatch.setattr(ledger, "MERGED_RUNS", 3)
    chain = Chain(tmp_path, remember=6 * HOUR)
    for number in range(20):
        chain.run(AS_OF - (20 - number) * HOUR, [number])
    for path in sorted((tmp_path / "manifests").iterdir())[:-6]:
        shutil.rmtree(tmp_path / "ledger" / path.stem)
        path.unlink()
    assert chain.found() == chain.expected()
    assert len(chain.expected()) == 6


def test_desks_that_nothing_came_for_leave_their_files_anew_before_those_may_be_cleared(tmp_path):
    """The files of a desk are where its last news was, which may be long ago."""
    out = tmp_path / "out"
    german = {
        "headline": "Die Brücke ist gesperrt, die Fähren fahren",
        "body": "Die Brücke bleibt bis Freitag zu. " * 5,
    }
    for day in range(6):
        wire = tmp_path / f"wire{day}"
        outputs.write_articles(wire, 3, start=10 * day)
        if not day:
            (wire / "de.json").write_text(json.dumps({"guid": "de", "provider": "Nordwire", **german}))
        run.run(config(out, wire, as_of=AS_OF + day * DAY, remember=4 * DAY), [])
    since = [made["chain"]["desks"]["de"]["since"] for made in outputs.manifests(out)]
    partitions = manifest.partitions(str(out))
    assert since == [partitions[0]] * 3 + [partitions[3]] * 3
    for partition in partitions[:3]:
        shutil.rmtree(out / "ledger" / partition)
    wire = outputs.write_articles(tmp_path / "late", 1, start=99)
    (wire / "de.json").write_text(json.dumps({"guid": "de2", "provider": "Ostpress", **german}))
    run.run(config(out, wire, as_of=AS_OF + 6 * DAY, remember=4 * DAY), [])
    rows = [one for one in outputs.rows(out, "articles") if one["guid"] in ("de", "de2")]
    assert [row["language"] for row in rows] == ["de", "de"]
