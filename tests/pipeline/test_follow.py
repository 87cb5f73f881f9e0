"""Following a folder: slices are runs, each file is read once, and whatever ends a follower the next one goes on."""

import json
import os
import time

import pytest

from pipeline import cli, follow, run, storage
from pipeline.errors import OptionError
from pipeline.follow import DELETE, KEEP, MOVE, Follower, Plan
from pipeline.options import SECOND, time_of
from pipeline.stop import Stop
from tests.pipeline import outputs
from tests.pipeline.outputs import config, manifests, tree, write_articles

NOW = outputs.AS_OF // SECOND


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a minute with each slice, so that tests need not wait for one."""
    now = [float(NOW)]
    monkeypatch.setattr(time, "time", lambda: now[0])
    return now


def follower(folder, max_items=100, after=KEEP, every=1e-9, **changes) -> Follower:
    asked = config(folder / "out", folder / "wire", followed=True, max_reject_share=1.0, if_busy="wait", **changes)
    return Follower(asked, [], Plan(every, 0.0, max_items, after, str(folder / "read")), Stop())


def step(one: Follower, clock) -> None:
    one.step()
    clock[0] += 60


def read_of(made) -> list[str]:
    return [file["uri"] for file in made["input"]["read"]]


# Slices


@pytest.mark.runner
def test_slices_are_runs(tmp_path, clock):
    """The same bytes as ordinary runs over the same files at the same times, but for what manifests say was read."""
    (tmp_path / "wire").mkdir()
    one = follower(tmp_path)
    step(one, clock)
    write_articles(tmp_path / "wire", 5)
    step(one, clock)
    write_articles(tmp_path / "wire", 4, start=5)
    step(one, clock)
    step(one, clock)
    first, second = manifests(tmp_path / "out")
    assert read_of(first) == [f"{number:04}.json" for number in range(5)]
    assert read_of(second) == [f"{number:04}.json" for number in range(5, 9)]
    for place, made in enumerate((first, second)):
        wire = write_articles(tmp_path / f"wire{place}", (5, 4)[place], start=(0, 5)[place])
        as_of = time_of("as_of=" + made["options"]["as_of"].replace("-", "").replace(":", ""))
        run.run(config(tmp_path / "runs", wire, as_of=as_of), [])
    data = {name: digest for name, digest in tree(tmp_path / "out").items() if "manifests/" not in name}
    assert data == {name: digest for name, digest in tree(tmp_path / "runs").items() if "manifests/" not in name}
    assert second["parent"]["partition"] == "as_of=20260313T000100Z"
    assert "9 articles" not in one.done


@pytest.mark.runner
def test_a_new_follower_reads_nothing_again(tmp_path, clock):
    write_articles(tmp_path / "wire", 3)
    step(follower(tmp_path), clock)
    before = tree(tmp_path / "out")
    step(follower(tmp_path), clock)
    assert tree(tmp_path / "out") == before
    write_articles(tmp_path / "wire", 1, start=3)
    step(follower(tmp_path), clock)
    assert [read_of(made) for made in manifests(tmp_path / "out")][1:] == [["0003.json"]]


@pytest.mark.runner
def test_a_file_that_is_written_anew_is_a_version_of_its_article(tmp_path, clock):
    write_articles(tmp_path / "wire", 2)
    one = follower(tmp_path)
    step(one, clock)
    path = tmp_path / "wire" / "0001.json"
    article = json.loads(path.read_text())
    path.write_text(json.dumps(article | {"headline": "Council defers plan", "versionCreated": "2026-03-12T10:00:00Z"}))
    step(follower(tmp_path), clock)
    versions = sorted(
        (row["version"], row["headline"])
        for row in outputs.current_articles(tmp_path / "out").values()
        if row["guid"] == "urn:example:1"
    )
    assert versions == [(1, article["headline"]), (2, "Council defers plan")]


@pytest.mark.runner
def test_the_oldest_first_and_the_rest_at_once(tmp_path, clock):
    write_articles(tmp_path / "wire", 5)
    for number in range(5):
        os.utime(tmp_path / "wire" / f"{number:04}.json", (NOW - number, NOW - number))
    one = follower(tmp_path, max_items=2, every=3600)
    for _ in range(4):
        step(one, clock)
    assert [read_of(made) for made in manifests(tmp_path / "out")] == [
        ["0003.json", "0004.json"], ["0001.json", "0002.json"], ["0000.json"],
    ]  # fmt: skip


@pytest.mark.runner
def test_a_slice_comes_no_sooner_than_every(tmp_path, clock):
    write_articles(tmp_path / "wire", 1)
    one = follower(tmp_path, every=3600)
    step(one, clock)
    write_articles(tmp_path / "wire", 1, start=1)
    step(one, clock)
    assert len(manifests(tmp_path / "out")) == 1


# What becomes of files


@pytest.mark.runner
@pytest.mark.parametrize("after", [MOVE, DELETE])
def test_files_go_when_their_slice_is_committed(tmp_path, clock, after, monkeypatch):
    write_articles(tmp_path / "wire" / "day", 2)
    texts = {path.name: path.read_text() for path in (tmp_path / "wire" / "day").iterdir()}
    one = follower(tmp_path, after=after)
    with monkeypatch.context() as patched:
        patched.setattr(run, "_execute", lambda *_: pytest.fail("a fault of ours"))
        with pytest.raises(pytest.fail.Exception):
            one.step()
    assert len(list((tmp_path / "wire" / "day").iterdir())) == 2
    for _ in range(2):
        step(one, clock)
    assert list((tmp_path / "wire" / "day").iterdir()) == []
    moved = {path.name: path.read_text() for path in (tmp_path / "read").rglob("*.json")}
    assert moved == (texts if after == MOVE else {})
    if after == MOVE:
        assert {path.relative_to(tmp_path / "read").parts[:2] for path in (tmp_path / "read").rglob("*.json")} == {
            ("as_of=20260313T000000Z", "day")
        }


@pytest.mark.runner
def test_files_go_even_if_the_follower_was_killed_before(tmp_path, clock):
    write_articles(tmp_path / "wire", 2)
    step(follower(tmp_path), clock)
    assert len(list((tmp_path / "wire").iterdir())) == 2
    step(follower(tmp_path, after=DELETE), clock)
    assert list((tmp_path / "wire").iterdir()) == []


@pytest.mark.runner
def test_a_file_that_changed_after_it_was_read_stays(tmp_path, clock, monkeypatch):
    write_articles(tmp_path / "wire", 1)
    path = tmp_path / "wire" / "0000.json"
    commit = follow.commit

    def commit_and_change(*args):
        outcome = commit(*args)
        path.write_text(path.read_text() + "\n")
        return outcome

    monkeypatch.setattr(follow, "commit", commit_and_change)
    step(follower(tmp_path, after=DELETE), clock)
    assert path.exists()


def test_another_disk(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("copy")
    monkeypatch.setattr("pathlib.Path.rename", _other_disk(tmp_path / "a"))
    follow._move(str(tmp_path / "a"), str(tmp_path / "to" / "b" / "a"))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a"]
    assert (tmp_path / "to" / "b" / "a").read_text() == "copy"


def _other_disk(source):
    from pathlib import Path

    rename = Path.rename

    def refuse(path, target):
        if path == source:
            raise OSError(18, "Invalid cross-device link")
        return rename(path, target)

    return refuse


# What goes wrong


@pytest.mark.runner
def test_files_that_went_are_not_missed(tmp_path, clock, monkeypatch):
    write_articles(tmp_path / "wire", 3)
    one = follower(tmp_path)
    commit = follow.commit
    tries = []

    def commit_without_one(asked, flags, files, *more, **named):
        tries.append([file.uri for file in files])
        (tmp_path / "wire" / "0001.json").unlink(missing_ok=True)
        return commit(asked, flags, files, *more, **named)

    monkeypatch.setattr(follow, "commit", commit_without_one)
    step(one, clock)
    assert tries == [["0000.json", "0001.json", "0002.json"], ["0000.json", "0002.json"]]
    (made,) = manifests(tmp_path / "out")
    assert read_of(made) == ["0000.json", "0002.json"]
    assert made["data_sets"]["rejects"]["rows"] == 0


@pytest.mark.runner
def test_a_file_that_cannot_be_opened_is_told_and_read_later(tmp_path, clock, monkeypatch, capsys):
    write_articles(tmp_path / "wire", 2)
    one = follower(tmp_path)
    opened = storage.open_to_read

    def refuse(path):
        if path.endswith("0001.json"):
            raise PermissionError(13, "Permission denied")
        return opened(path)

    with monkeypatch.context() as patched:
        patched.setattr(storage, "open_to_read", refuse)
        step(one, clock)
        step(one, clock)
    assert capsys.readouterr().err == "storywire: 0001.json: Permission denied; it is read as soon as it can be\n"
    assert "1 files not read yet, 1 can't be opened (0001.json: Permission denied)" in one.waiting()
    step(one, clock)
    assert [read_of(made) for made in manifests(tmp_path / "out")] == [["0000.json"], ["0001.json"]]
    assert one.waiting() == "0 files not read yet"


@pytest.mark.runner
def test_what_fails_is_tried_again(tmp_path, clock, capsys, monkeypatch):
    write_articles(tmp_path / "wire", 1)
    one = follower(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(storage, "rename", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
        waits = [one.step() for _ in range(8)]
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "No space left on device" in capsys.readouterr().err
    assert one.step() < 1
    assert len(manifests(tmp_path / "out")) == 1


@pytest.mark.runner
def test_a_broken_item_does_not_hold_up_the_wire(tmp_path, clock):
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / "a.json").write_text("{")
    step(follower(tmp_path), clock)
    (made,) = manifests(tmp_path / "out")
    assert made["data_sets"]["rejects"]["rows"] == 1


@pytest.mark.runner
def test_a_partition_later_than_the_clock(tmp_path, clock, capsys):
    run.run(config(tmp_path / "out", write_articles(tmp_path / "old", 1), as_of=(NOW + 3600) * SECOND), [])
    write_articles(tmp_path / "wire", 1, start=1)
    follower(tmp_path).step()
    assert "is later than this machine's clock says" in capsys.readouterr().err
    assert len(manifests(tmp_path / "out")) == 1


# Together with others


@pytest.mark.runner
def test_two_followers_share_a_wire(tmp_path, clock):
    (tmp_path / "wire").mkdir()
    one, other = follower(tmp_path, max_items=2), follower(tmp_path, max_items=2)
    step(one, clock)
    step(other, clock)
    write_articles(tmp_path / "wire", 6)
    for _ in range(3):
        step(one, clock)
        step(other, clock)
    made = manifests(tmp_path / "out")
    assert sorted(uri for one in made for uri in read_of(one)) == [f"{number:04}.json" for number in range(6)]
    assert [one["counts"].get("redeliveries", 0) for one in made] == [0, 0, 0]


@pytest.mark.runner
def test_a_run_in_between_is_gone_on_from(tmp_path, clock):
    write_articles(tmp_path / "wire", 1)
    one = follower(tmp_path)
    step(one, clock)
    run.run(config(tmp_path / "out", write_articles(tmp_path / "mail", 1, start=1), as_of=int(clock[0]) * SECOND), [])
    clock[0] += 60
    write_articles(tmp_path / "wire", 1, start=2)
    step(one, clock)
    partitions = [made["parent"] and made["parent"]["partition"] for made in manifests(tmp_path / "out")]
    assert partitions == [None, "as_of=20260313T000000Z", "as_of=20260313T000100Z"]


@pytest.mark.runner
def test_an_embargo_that_ends_makes_a_slice(tmp_path, clock):
    (tmp_path / "wire").mkdir()
    article = {"guid": "1", "provider": "p", "title": "Ferry aground", "published": "2026-03-12T09:00:00Z"}
    (tmp_path / "wire" / "a.json").write_text(json.dumps(article | {"embargoed": "2026-03-13T00:02:30Z"}))
    one = follower(tmp_path, hold_embargoed=True)
    for _ in range(5):
        step(one, clock)
    first, second = manifests(tmp_path / "out")
    assert first["counts"]["held_until/2026-03-13T00:02:30Z"] == 1
    assert second["options"]["as_of"] == "2026-03-13T00:03:00Z"
    assert [row["headline"] for row in outputs.rows(tmp_path / "out", "articles")] == ["Ferry aground"]


# Options


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--every", "0"], "--every=0"),
        (["--settle", "-1"], "--settle=-1"),
        (["--max_items", "0"], "--max_items=0"),
        (["--after", "move"], "belong together"),
        (["--move_to", "read"], "belong together"),
        (["--after", "move", "--move_to", "wire/read"], "lies in --input"),
        (["--input", "wire/sub"], "lies in --input"),
        (["--after", "move", "--move_to", "s3://bucket/read"], "another kind of storage"),
    ],
)
def test_options_that_cannot_be_meant(options, told):
    args = cli._parsers()[0].parse_args(["follow", "--input", "wire", "--output", "out", *options])
    with pytest.raises(OptionError, match=told):
        follow.plan_of(args)


def test_the_command_refuses_a_folder_that_is_not_there(tmp_path, capsys):
    assert cli.main(["follow", "--input", str(tmp_path / "no"), "--output", str(tmp_path / "out")]) == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.runner
def test_a_slice_again(tmp_path, clock, monkeypatch):
    write_articles(tmp_path / "wire", 2)
    one = follower(tmp_path, after=MOVE)
    step(one, clock)
    write_articles(tmp_path / "wire", 2, start=2)
    step(one, clock)
    step(one, clock)
    before = tree(tmp_path / "out")
    manifest = str(tmp_path / "out" / "manifests" / "as_of=20260313T000100Z.json")
    moved = str(tmp_path / "read" / "as_of=20260313T000100Z")
    assert cli.main(["run", "--quiet", "--again", manifest, "--input", moved]) == 0
    assert tree(tmp_path / "out") == before
    os.utime(tmp_path / "read" / "as_of=20260313T000100Z" / "0002.json", (NOW, NOW))
    assert cli.main(["run", "--quiet", "--again", manifest, "--input", moved]) == 1
