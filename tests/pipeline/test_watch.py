"""What has arrived in a watched folder, and what of it is whole."""

import os
import time

import pytest

from pipeline.errors import OptionError, RunError
from pipeline.inputs import InputFile
from pipeline.watch import Watch

LONG_AGO = 1_700_000_000


class Wire:
    """A watched folder, and a watch of it whose clocks stand until they are set."""

    def __init__(self, folder, monkeypatch, settle=5.0):
        self.folder = folder / "wire"
        self.folder.mkdir()
        self.seconds = 1_000.0
        self.read: set[tuple[str, int]] = set()
        monkeypatch.setattr(time, "monotonic", lambda: self.seconds)
        # Files bear the real time: by it all of them are new.
        self.watch = Watch([str(self.folder)], str(self.folder / "out"), settle, self.is_read)

    def is_read(self, file: InputFile) -> bool:
        return (file.uri, file.size) in self.read

    def write(self, name: str, text: str = "copy", age: float = 0.0):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        stamp = time.time() - age
        os.utime(path, (stamp, stamp))
        return path

    def settled(self, after: float = 0.0) -> list[str]:
        self.seconds += after
        self.watch.look()
        return [file.uri for file in self.watch.settled()]


@pytest.fixture
def wire(tmp_path, monkeypatch):
    return Wire(tmp_path, monkeypatch)


def test_a_file_counts_once_it_has_stood_still(wire):
    wire.write("a.json")
    assert wire.settled() == []
    assert wire.settled(4.9) == []
    assert wire.settled(0.2) == ["a.json"]


def test_a_file_that_grows_is_waited_for(wire):
    path = wire.write("a.json")
    wire.settled()
    path.write_text("copy and more")
    assert wire.settled(5) == []
    assert wire.settled(5) == ["a.json"]


def test_a_file_whose_time_alone_changes_is_waited_for(wire):
    path = wire.write("a.json")
    wire.settled()
    os.utime(path, (LONG_AGO, LONG_AGO))
    assert wire.settled(5) == []
    assert wire.settled(5) == ["a.json"]


def test_what_has_lain_there_for_long_counts_at_once(wire, monkeypatch):
    wire.write("a.json")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 66)
    assert wire.settled() == ["a.json"]


def test_an_old_time_alone_is_no_sign_of_age(wire):
    """Copying programs give a file the time of its original before or after they write it."""
    wire.write("a.json", age=10_000)
    assert wire.settled() == []


def test_oldest_first(wire):
    for name, age in (("b", 20), ("a", 10), ("d", 30), ("c", 30)):
        wire.write(name, age=age)
    wire.settled()
    stamp = time.time() - 30
    for name in "cd":
        os.utime(wire.folder / name, (stamp, stamp))
    wire.settled(5)
    assert wire.settled(5) == ["c", "d", "b", "a"]


@pytest.mark.parametrize("name", [".a.json.Xk2", "a.json.tmp", "a.json~", "A.PART", "a.filepart", ".nfs/a.json"])
def test_temporary_names_are_not_looked_at_until_they_are_renamed(wire, name):
    path = wire.write(name)
    wire.settled()
    assert wire.settled(10) == []
    path.rename(wire.folder / "whole.json")
    wire.settled()
    assert wire.settled(5) == ["whole.json"]


def test_folders_by_date_come_and_go(wire):
    wire.write("2026/03/09/a.json")
    wire.settled()
    assert wire.settled(5) == ["2026/03/09/a.json"]
    wire.write("2026/03/10/b.json", age=1)
    wire.settled()
    assert wire.settled(5) == ["2026/03/10/b.json", "2026/03/09/a.json"]
    (wire.folder / "2026/03/09/a.json").unlink()
    (wire.folder / "2026/03/09").rmdir()
    assert wire.settled(1) == ["2026/03/10/b.json"]


def test_a_file_that_went_before_it_settled(wire):
    path = wire.write("a.json")
    wire.settled()
    path.unlink()
    assert wire.settled(5) == []
    assert wire.watch.arrived() == 0


def test_links_are_followed_once(wire, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "a.json").write_text("copy")
    (other / "back").symlink_to(wire.folder)
    (wire.folder / "link").symlink_to(other)
    (wire.folder / "dangling").symlink_to(tmp_path / "nowhere")
    wire.settled()
    assert wire.settled(5) == ["link/a.json"]


def test_pipes_are_not_read(wire):
    os.mkfifo(wire.folder / "pipe")
    wire.settled()
    assert wire.settled(5) == []


def test_what_runs_write_into_the_folder_is_no_wire(wire):
    wire.write("out/articles/as_of=20260313T000000Z/part-00000-3f9a1c2e.avro")
    wire.write("out/manifests/as_of=20260313T000000Z.json")
    wire.write("out/note.json")
    wire.settled()
    assert wire.settled(5) == ["out/note.json"]


def test_a_read_file_is_asked_of_once(wire):
    wire.read.add(("a.json", 4))
    wire.write("a.json")
    wire.write("b.json")
    wire.settled()
    assert wire.settled(5) == ["b.json"]
    assert [file.uri for file in wire.watch.read()] == ["a.json"]
    wire.read.add(("b.json", 4))
    wire.watch.ask_again()
    assert wire.settled() == []
    assert len(wire.watch.read()) == 2


def test_a_read_file_that_is_written_again_is_an_arrival(wire):
    wire.read.add(("a.json", 4))
    wire.write("a.json")
    wire.settled()
    wire.write("a.json", "other copy")
    # Where no name has come or gone, all files are looked at only now and then.
    assert wire.settled(1_000) == []
    assert wire.settled(1_000) == ["a.json"]


def test_a_quiet_folder_is_not_listed_again(wire, monkeypatch):
    wire.write("sub/a.json")
    for folder in (wire.folder, wire.folder / "sub"):
        os.utime(folder, (LONG_AGO, LONG_AGO))
    wire.read.add(("sub/a.json", 4))
    wire.settled()
    wire.watch._next_full = float("inf")
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", lambda folder: pytest.fail(f"{folder} was listed"))
        assert wire.settled(1) == []
    wire.write("sub/b.json")
    wire.settled(1)
    assert wire.settled(5) == ["sub/b.json"]


def test_a_folder_that_goes_and_comes_back(wire):
    wire.write("a.json")
    wire.settled()
    wire.folder.rename(wire.folder.with_name("away"))
    with pytest.raises(RunError, match="can't be listed"):
        wire.settled(5)
    wire.folder.with_name("away").rename(wire.folder)
    assert wire.settled(5) == ["a.json"]


@pytest.mark.parametrize("name", ["nowhere", "file", "wire/2026-*"])
def test_what_is_no_folder_is_refused(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="there is no such folder"):
        Watch([str(tmp_path / name)], str(tmp_path / "out"), 5, lambda file: False)
