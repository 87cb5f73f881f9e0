"""Storage on local disks, and what is said of stores before anything is read of them."""

from __future__ import annotations

import importlib.util
import os

import pytest

from pipeline import objects, storage
from pipeline.cli import main
from pipeline.errors import OptionError, RunError
from pipeline.run import _without_secrets
from pipeline.storage import StorageError


def test_a_written_file_is_whole_and_alone(tmp_path):
    path = str(tmp_path / "new" / "folder" / "name å+ .json")
    storage.write(path, b"one")
    storage.write(path, b"two")
    assert storage.read(path) == b"two"
    assert storage.listing(str(tmp_path / "new" / "folder")) == [path]


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    path = str(tmp_path / "file")
    storage.write(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        storage.write(path, b"new")
    assert storage.read(path) == b"old"
    assert storage.listing(str(tmp_path)) == [path]


def test_what_is_not_there(tmp_path):
    gone, below_a_file = str(tmp_path / "gone"), str(tmp_path / "file" / "below")
    storage.write(str(tmp_path / "file"), b"")
    for path in (gone, below_a_file):
        assert storage.read(path) is None
        assert storage.status(path) is None
        assert not storage.exists(path)
        assert storage.listing(path) == []
    storage.delete([gone])


def test_rename_puts_a_file_in_the_place_of_another(tmp_path):
    first, second = str(tmp_path / "first"), str(tmp_path / "second")
    storage.write(first, b"1")
    storage.write(second, b"2")
    storage.rename(first, second)
    assert storage.read(second) == b"1"
    assert storage.listing(str(tmp_path)) == [second]
    storage.delete([second])
    assert storage.listing(str(tmp_path)) == []


def test_status_tells_size_and_time(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    assert storage.status(str(path)) == storage.Found(str(path), 5, 1_700_000_000_123_456)


def test_listing_has_the_hidden_but_no_folders(tmp_path):
    (tmp_path / "folder").mkdir()
    for name in ("b", ".tmp-a"):
        storage.write(str(tmp_path / name), b"")
    assert storage.listing(str(tmp_path)) == [str(tmp_path / ".tmp-a"), str(tmp_path / "b")]


@pytest.mark.parametrize(
    ("folder", "joined"), [("out", "out/a/b"), ("/", "/a/b"), ("s3://bucket", "s3://bucket/a/b"), ("x/", "x/a/b")]
)
def test_join(folder, joined):
    assert storage.join(folder, "a", "b") == joined


def test_local_paths_need_no_store(monkeypatch):
    monkeypatch.setattr(objects, "connect", lambda *_: pytest.fail("a local run asked for stores"))
    storage.connect(["--s3_endpoint_url=http://127.0.0.1:1"], "out", "/in", "./in/*.json")


@pytest.mark.parametrize("option", ["--input", "--output"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("foo://bucket/x", "foo:// is not known; write a local folder"),
        ("S3://bucket/x", "S3:// is not known"),
        ("s3://", "write the bucket's name"),
        ("s3:///x", "write the bucket's name"),
        ("s3://buck*/x", "write the bucket's name"),
        ("s3://bucket/x", "pip install 'storywire[s3]'"),
        ("gs://bucket/x", "pip install 'storywire[gcs]'"),
    ],
)
def test_a_store_that_can_not_be_used_stops_the_run_before_anything(tmp_path, monkeypatch, capsys, option, path, told):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(objects.FileSystems, "get_filesystem", _no_filesystem)
    local = {"--input": str(tmp_path / "none"), "--output": str(tmp_path / "out")}
    given = {**local, option: path}
    assert main(["run", *(f"{name}={value}" for name, value in given.items())]) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def _no_filesystem(path):
    raise ValueError(path)


def test_a_storage_error_is_all_that_a_caller_may_await():
    error = StorageError("s3://bucket/x: away")
    assert isinstance(error, OSError)
    assert isinstance(error, RunError)
    assert not isinstance(error, OptionError)
    assert error.errno is not None  # read_file's sign of a disk or network that failed
    assert str(error) == error.strerror == "s3://bucket/x: away"


@pytest.mark.parametrize(
    ("flags", "shown"),
    [
        (["--s3_secret_access_key=abc"], ["--s3_secret_access_key=***"]),
        (["--s3_secret_access_key", "abc", "x"], ["--s3_secret_access_key", "***", "x"]),
        (
            ["--s3_access_key_id", "abc", "--s3_session_token=d=e"],
            ["--s3_access_key_id", "***", "--s3_session_token=***"],
        ),
        (["--My_PassWord=a", "--api-token", "b"], ["--My_PassWord=***", "--api-token", "***"]),
        (["--s3_secret_access_key", "--shards=2"], ["--s3_secret_access_key", "--shards=2"]),
        (["--s3_endpoint_url=http://me:pw@host:1/x"], ["--s3_endpoint_url=http://***@host:1/x"]),
        (["run", "--input", "a", "--output=b"], ["run", "--input", "a", "--output=b"]),
    ],
)
def test_the_log_holds_no_secrets(flags, shown):
    assert _without_secrets(flags) == shown


def test_errors_of_the_client_say_what_to_do():
    class SSLError(Exception):
        pass

    with pytest.raises(RunError, match="the server's certificate isn't trusted"), objects._telling("s3://b/x"):
        raise SSLError("certificate verify failed")
    with pytest.raises(RunError, match="s3://b/x: KeyError"), objects._telling("s3://b/x"):
        raise KeyError
