"""Runs from and to S3, against a server on loopback that the tests start: same bytes, commits, kills, refusals."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline import inputs, manifest, storage
from pipeline.cli import main
from pipeline.errors import OptionError
from pipeline.objects import _S3, BeamStore
from pipeline.storage import Found, StorageError
from tests.pipeline.outputs import config, tree, write_articles

# The machine may be busy, and many runs are started here.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

AS_OF = "2026-03-13T00:00:00Z"
PARTITION = "as_of=20260313T000000Z"
MANIFEST = f"manifests/{PARTITION}.json"
TWO_PROCESSES = ("--direct_num_workers=2", "--direct_running_mode=multi_processing")
ODD_NAMES = ("with space.json", "a+b %20.json", "nördlich 北.json", "brackets [1].json", "sub folder/what?.json")

Answer = tuple[int, str] | None
Hook = Callable[[dict[str, Any]], Answer]


class Server:
    """moto's server; `hook` sees each request and may answer in its place with (status, S3 error code)."""

    def __init__(self, boto3: Any, moto: Any) -> None:
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Silent(WSGIRequestHandler):
            def log(self, *_: Any) -> None:
                pass

        app = moto.DomainDispatcherApplication(moto.create_backend_app)
        self.hook: Hook = lambda request: None
        self.cut = 0
        self._app = app
        self._server = make_server("127.0.0.1", 0, self._serve, threaded=True, request_handler=Silent)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.client = boto3.client("s3", endpoint_url=self.url)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _serve(self, environ: dict[str, Any], start: Any) -> Any:
        answer = self.hook(environ)
        if answer is not None:
            status, code = answer
            body = f"<Error><Code>{code}</Code><Message>made for a test</Message></Error>".encode()
            start(f"{status} Test", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        if self.cut and environ["REQUEST_METHOD"] == "GET" and "HTTP_RANGE" not in environ:
            # The connection breaks in the middle of the object.
            whole = b"".join(self._app(environ, start))
            return [whole[: self.cut]]
        return self._app(environ, start)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    boto3 = pytest.importorskip("boto3", reason="boto3 is not installed: pip install 'storywire[s3]'")
    moto = pytest.importorskip("moto.server", reason="no S3 server for tests is installed: pip install 'moto[server]'")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        given = {"ACCESS_KEY_ID": "reader", "SECRET_ACCESS_KEY": "invented", "DEFAULT_REGION": "us-east-1"}
        for name, value in given.items():
            patch.setenv(f"AWS_{name}", value)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        running = Server(boto3, moto)
        try:
            yield running
        finally:
            running.stop()


class Bucket:
    """A bucket of one test."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.client = server.client
        self.client.create_bucket(Bucket=name)
        storage.connect([self.flag()], f"s3://{name}")

    def flag(self) -> str:
        return f"--s3_endpoint_url={self.server.url}"

    def path(self, key: str = "") -> str:
        return f"s3://{self.name}/{key}"

    def put(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=key, Body=data)

    def get(self, key: str) -> bytes:
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def upload(self, folder: Path, key: str) -> str:
        """Puts the files of a folder; gives the path of what is then the same folder."""
        for path in folder.rglob("*"):
            if path.is_file():
                self.put(f"{key}/{path.relative_to(folder)}", path.read_bytes())
        return self.path(key)

    def keys(self, folder: str = "") -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=folder)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def tree(self, folder: str) -> dict[str, str]:
        """What outputs.tree gives of a local folder."""
        keys = [key for key in self.keys(f"{folder}/") if not key.startswith(f"{folder}/logs/")]
        return {key.removeprefix(f"{folder}/"): hashlib.sha256(self.get(key)).hexdigest() for key in keys}

    def arguments(self, source: str, output: str, *flags: str) -> list[str]:
        options = [f"--input={source}", f"--output={output}", f"--as_of={AS_OF}", self.flag()]
        return ["run", *options, *flags]


@pytest.fixture
def bucket(server: Server) -> Iterator[Bucket]:
    made = Bucket(server, f"wire-{random.SystemRandom().randrange(2**40)}")
    try:
        yield made
    finally:
        server.hook, server.cut = lambda request: None, 0


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles with odd names and in archives; each states its time, as objects do not keep that of a file."""
    folder = write_articles(tmp_path_factory.mktemp("wire"), 9)
    texts = {path.name: path.read_bytes() for path in write_articles(tmp_path_factory.mktemp("more"), 9, 9).iterdir()}
    (folder / "sub folder").mkdir()
    for name, text in zip(ODD_NAMES, texts.values(), strict=False):
        (folder / name).write_bytes(text)
    with tarfile.open(folder / "two.tar.gz", "w:gz") as tar, zipfile.ZipFile(folder / "two.zip", "w") as packed:
        for name in ("0014.json", "0015.json"):
            member = tarfile.TarInfo(name)
            member.size = len(texts[name])
            tar.addfile(member, io.BytesIO(texts[name]))
        for name in ("0016.json", "0017.json"):
            packed.writestr(name, texts[name])
    return folder


@pytest.fixture(scope="module")
def undisturbed(wire: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a local run over the same articles writes."""
    output = tmp_path_factory.mktemp("local")
    assert main(["run", f"--input={wire}", f"--output={output}", f"--as_of={AS_OF}", "--quiet", "--shards=3"]) == 0
    return {name: digest for name, digest in tree(output).items() if name != ".lock"}


def named(bucket: Bucket, output: str) -> set[str]:
    """The manifest and what it names, relative to the output."""
    made = json.loads(bucket.get(f"{output}/{MANIFEST}"))
    return {MANIFEST, *manifest.named_files(made)}


@pytest.mark.parametrize("processes", [(), TWO_PROCESSES], ids=["one", "two"])
def test_a_run_on_s3_writes_the_bytes_of_a_local_run(bucket, wire, undisturbed, processes):
    source = bucket.upload(wire, "in tray/wire")
    asked = bucket.arguments(source, bucket.path("out"), "--shards=3", *processes)
    secret = "--s3_secret_access_key=invented"
    assert main([*asked, secret, "--s3_access_key_id", "reader"]) == 0
    assert bucket.tree("out") == undisturbed
    log = bucket.get(f"out/logs/{PARTITION}.json").decode()
    assert "invented" not in log
    assert "reader" not in log
    assert secret.replace("invented", "***") in log

    assert main([*asked, "--quiet"]) == 0
    assert bucket.tree("out") == undisturbed


def test_a_changed_input_leaves_only_what_the_manifest_names(bucket, tmp_path):
    source = bucket.upload(write_articles(tmp_path / "first", 6), "in")
    asked = bucket.arguments(source, bucket.path("out"), "--quiet")
    assert main(asked) == 0
    before = bucket.tree("out")
    bucket.upload(write_articles(tmp_path / "second", 3, 6), "in")
    assert main(asked) == 0
    after = bucket.tree("out")
    assert set(after) == named(bucket, "out")
    assert not {name for name in before if name.startswith("articles/")} & set(after)


def test_a_failed_run_leaves_the_partition_whole(bucket, tmp_path, capsys):
    source = bucket.upload(write_articles(tmp_path / "good", 4), "in")
    asked = bucket.arguments(source, bucket.path("out"), "--quiet")
    assert main(asked) == 0
    before = bucket.tree("out")
    for number in range(4):
        bucket.put(f"in/bad{number}", b"\x00\x01 no article")
    assert main(asked) == 1
    assert "max_reject_share" in capsys.readouterr().err
    after = bucket.tree("out")
    assert {name: after.get(name) for name in before} == before
    # The rejects say why; all else of the failed run is gone.
    assert all(name.startswith("rejects/") for name in set(after) - set(before))
    assert len(after) > len(before)


def look(bucket: Bucket, output: str) -> str:
    """Reads a partition as a reader should (docs/storage.md): the manifest's ETag; an AssertionError where it breaks.

    A file may vanish under a reader whose manifest is no longer the newest; then it begins again.
    """
    while True:
        answer = bucket.client.get_object(Bucket=bucket.name, Key=f"{output}/{MANIFEST}")
        made = json.loads(answer["Body"].read())
        broken = ""
        for data_set in made["data_sets"].values():
            for file in data_set["files"]:
                try:
                    data = bucket.get(f"{output}/{file['name']}")
                except bucket.client.exceptions.NoSuchKey:
                    broken = f"{file['name']} is named and not there"
                else:
                    if hashlib.sha256(data).hexdigest() != file["sha256"]:
                        # Names end in the content's hash: other bytes under a name would never be right.
                        raise AssertionError(f"{file['name']} has other bytes than the manifest says")
        if not broken:
            return str(answer["ETag"])
        now = bucket.client.head_object(Bucket=bucket.name, Key=f"{output}/{MANIFEST}")["ETag"]
        assert now != answer["ETag"], f"{broken}, and the manifest still stands"


def test_a_reader_that_follows_manifests_never_sees_half_a_partition(bucket, tmp_path):
    source = bucket.upload(write_articles(tmp_path / "first", 6), "in")
    asked = bucket.arguments(source, bucket.path("out"), "--quiet", "--shards=4")
    assert main(asked) == 0
    seen: Counter[str] = Counter()
    failures: list[BaseException] = []
    over = threading.Event()

    def watch() -> None:
        try:
            while not over.is_set():
                seen[look(bucket, "out")] += 1
            seen[look(bucket, "out")] += 1
        except BaseException as failure:
            failures.append(failure)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        for start in (6, 9):
            bucket.upload(write_articles(tmp_path / str(start), 3, start), "in")
            assert main(asked) == 0
    finally:
        over.set()
        watcher.join()
    assert not failures
    assert len(seen) == 3, "the reader met each of the three commits"


class Killer:
    """Kills the process group of a run as its n-th writing request comes in, which is then done or lost."""

    def __init__(self, server: Server, at: int = 0, lost: bool = False) -> None:
        self.writes = 0
        self.process: subprocess.Popen[bytes] | None = None
        self._at = at
        self._lost = lost
        self._lock = threading.Lock()
        server.hook = self

    def __call__(self, request: dict[str, Any]) -> Answer:
        if request["REQUEST_METHOD"] in ("PUT", "POST", "DELETE"):
            with self._lock:
                self.writes += 1
                if self.writes == self._at and self.process is not None:
                    os.killpg(self.process.pid, signal.SIGKILL)
                    return (500, "InternalError") if self._lost else None
        return None

    def run(self, asked: list[str]) -> int:
        command = [sys.executable, "-m", "pipeline.cli", *asked]
        self.process = subprocess.Popen(command, start_new_session=True)
        try:
            return self.process.wait(120)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def test_a_killed_run_leaves_the_old_partition_and_the_next_one_completes(bucket, wire, undisturbed, tmp_path):
    source = bucket.upload(wire, "in")
    older = bucket.upload(write_articles(tmp_path / "older", 6, 30), "older")
    asked = bucket.arguments(source, bucket.path("out"), "--quiet", "--shards=3")
    old = bucket.arguments(older, bucket.path("out"), "--quiet", "--shards=3")
    assert main(old) == 0
    counting = Killer(bucket.server)
    assert main(asked) == 0
    assert bucket.tree("out") == undisturbed
    # The last five: the draft, the commit, the removal of the draft, the sweep of the old files, the log.
    last = counting.writes
    assert last > 8
    for at, lost in ((last // 2, True), (last - 4, False), (last - 3, True), (last - 3, False), (last - 1, True)):
        bucket.server.hook = lambda request: None
        assert main(old) == 0
        before = bucket.tree("out")
        killed = Killer(bucket.server, at, lost).run(asked)
        bucket.server.hook = lambda request: None
        assert killed == -signal.SIGKILL, f"the run was over before its write {at}"
        found = bucket.tree("out")
        committed = found[MANIFEST] != before[MANIFEST]
        assert committed == (at > last - 3 or (at == last - 3 and not lost))
        expected = undisturbed if committed else before
        assert {name: found.get(name) for name in expected} == expected, f"killed at write {at} of {last}"
        assert main(asked) == 0
        assert bucket.tree("out") == undisturbed, f"killed at write {at} of {last}"


STORES = pytest.mark.parametrize("store", [_S3(), BeamStore()], ids=["s3", "beam"])


# Each call of Beam's makes a new client, so it is asked for less.
@pytest.mark.parametrize(
    ("store", "name"),
    [*((_S3(), name) for name in ("plain", *ODD_NAMES, "star*", "[", ".tmp-x")), (BeamStore(), "ö [1]+ ?.json")],
)
def test_every_store_keeps_its_word(bucket, store, name):
    path = bucket.path(f"folder å/{name}")
    assert store.status(path) is None
    with pytest.raises(FileNotFoundError):
        store.open(path)
    assert list(store.starting(path)) == []
    store.delete([path])

    before = time.time() - 1
    store.write(path, b"old")
    store.write(path, b"0123456789")
    found = store.status(path)
    assert (found.path, found.size) == (path, 10)
    assert before <= found.modified / 1_000_000 <= time.time() + 1
    assert [(one.path, one.size) for one in store.starting(bucket.path("folder å/"))] == [(path, 10)]
    assert [one.path for one in store.starting(path[:-1])] == [path]
    with store.open(path) as file:
        assert file.read(4) == b"0123"
        assert (file.seek(-2, io.SEEK_END), file.read()) == (8, b"89")
        assert (file.seek(2), file.read(3), file.tell(), file.read()) == (2, b"234", 5, b"56789")
        assert file.read() == b""

    target = bucket.path(f"other/{name}")
    store.write(target, b"to be replaced")
    store.rename(path, target)
    assert bucket.keys() == [f"other/{name}"]
    assert bucket.get(f"other/{name}") == b"0123456789"
    store.delete([target])
    assert bucket.keys() == []


@STORES
def test_a_write_that_fails_leaves_the_old_object_and_no_other(bucket, store):
    bucket.put("out/file", b"old")
    refused: list[str] = []

    def refuse(request: dict[str, Any]) -> Answer:
        if request["REQUEST_METHOD"] == "PUT":
            refused.append(request["PATH_INFO"])
            return 403, "AccessDenied"
        return None

    bucket.server.hook = refuse
    with pytest.raises(StorageError):
        store.write(bucket.path("out/file"), bytes(12 * 2**20))
    bucket.server.hook = lambda request: None
    assert refused
    assert bucket.keys() == ["out/file"]
    assert bucket.get("out/file") == b"old"


def test_beam_writes_interrupted_leave_nothing(bucket, monkeypatch):
    """Beam's own writer completes the upload of a truncated object where its `with` ends in an exception."""
    from apache_beam.io.aws import s3io

    def stop(self: Any, data: Any) -> None:
        self.buffer += data.tobytes()[:3]
        raise KeyboardInterrupt

    monkeypatch.setattr(s3io.S3Uploader, "put", stop)
    with pytest.raises(KeyboardInterrupt):
        BeamStore().write(bucket.path("out/file"), bytes(2**20))
    assert bucket.keys() == []


def test_an_empty_object_and_a_large_one(bucket):
    for data in (b"", random.Random(3).randbytes(9 * 2**20)):
        storage.write(bucket.path("file"), data)
        assert storage.read(bucket.path("file")) == data
    assert bucket.client.list_multipart_uploads(Bucket=bucket.name).get("Uploads", []) == []


def test_reading_goes_on_where_a_connection_broke(bucket):
    data = random.Random(4).randbytes(300_000)
    bucket.put("file", data)
    bucket.server.cut = 100_000
    assert storage.read(bucket.path("file")) == data
    with storage.open_to_read(bucket.path("file")) as file:
        assert file.read(150_000) + file.read(150_000) == data


def test_reading_never_mixes_two_objects(bucket):
    bucket.put("file", b"a" * 1000)
    with storage.open_to_read(bucket.path("file")) as file:
        assert file.read(10) == b"a" * 10
        bucket.put("file", b"b" * 1000)
        file.seek(500)
        with pytest.raises(StorageError, match="was replaced while it was read"):
            file.read()


def test_deleting_thousands_and_what_is_gone(bucket):
    keys = [f"many/{number} å" for number in range(1100)]
    for key in keys:
        bucket.put(key, b"")
    bucket.put("kept", b"")
    assert len(storage.listing(bucket.path("many"))) == 1100
    storage.delete([bucket.path(key) for key in [*keys, "never there"]])
    assert bucket.keys() == ["kept"]
    storage.delete([bucket.path(key) for key in keys])


def test_a_refused_delete_is_told(bucket, monkeypatch):
    class Refusing:
        def delete_objects(self, **given: Any) -> Any:
            return {"Errors": [{"Key": "x", "Code": "AccessDenied", "Message": "no"}]}

    monkeypatch.setattr(_S3, "_client", lambda self: Refusing())
    with pytest.raises(StorageError, match=r"/x can't be deleted: the server refused"):
        storage.delete([bucket.path("x")])


def test_listings_are_of_one_folder(bucket):
    assert storage.listing(bucket.path("none")) == []
    for key in ("f/", "f/b", "f/.tmp-a", "f/deep/c", "f2/d", "f"):
        bucket.put(key, b"")
    assert storage.listing(bucket.path("f")) == [bucket.path("f/.tmp-a"), bucket.path("f/b")]


def test_exists_tells_missing_from_unknown(bucket):
    bucket.put("here", b"")
    assert storage.exists(bucket.path("here"))
    assert not storage.exists(bucket.path("gone"))
    assert storage.read(bucket.path("gone")) is None
    for answer in ((503, "SlowDown"), (403, "AccessDenied"), (500, "InternalError")):
        bucket.server.hook = lambda request, answer=answer: answer
        for ask in (storage.exists, storage.read, storage.listing):
            with pytest.raises(StorageError):
                ask(bucket.path("gone"))


def test_a_manifest_that_can_not_be_read_is_not_taken_for_none(bucket, tmp_path, capsys):
    source = bucket.upload(write_articles(tmp_path / "in", 3), "in")
    asked = bucket.arguments(source, bucket.path("out"), "--quiet")
    assert main(asked) == 0
    before = bucket.tree("out")

    def lose(request: dict[str, Any]) -> Answer:
        asks = request["REQUEST_METHOD"] in ("GET", "HEAD") and request["PATH_INFO"].endswith(MANIFEST)
        return (500, "InternalError") if asks else None

    bucket.server.hook = lose
    assert main(asked) == 1
    assert MANIFEST in capsys.readouterr().err
    bucket.server.hook = lambda request: None
    assert bucket.tree("out") == before


@pytest.mark.parametrize("option", ["--input", "--output"])
def test_a_bucket_that_is_not_there(bucket, capsys, tmp_path, option):
    asked = {"--input": str(write_articles(tmp_path / "in", 1)), "--output": str(tmp_path / "out")}
    asked[option] = "s3://nowhere-to-be-found/x"
    assert main(["run", *(f"{name}={value}" for name, value in asked.items()), bucket.flag()]) == 2
    assert "there is no such bucket; make it, or correct the name" in capsys.readouterr().err


def test_a_server_that_is_away_is_told_in_seconds(bucket, capsys, tmp_path):
    start = time.monotonic()
    asked = ["run", f"--input={write_articles(tmp_path / 'in', 1)}", f"--output={bucket.path('out')}"]
    assert main([*asked, "--s3_endpoint_url=http://127.0.0.1:9"]) == 1
    assert "the server can't be reached" in capsys.readouterr().err
    assert time.monotonic() - start < 60


def test_wrong_and_missing_credentials(bucket, capsys, tmp_path, monkeypatch):
    asked = ["run", f"--input={write_articles(tmp_path / 'in', 1)}", f"--output={bucket.path('out')}", bucket.flag()]

    def allow(requests: str) -> None:
        plain = {"Content-Type": "text/plain"}
        reset = urllib.request.Request(f"{bucket.server.url}/moto-api/reset-auth", requests.encode(), plain)
        urllib.request.urlopen(reset).close()

    allow("0")
    try:
        assert main(asked) == 1
    finally:
        allow("inf")
    assert "the server refused the credentials; look at AWS_PROFILE" in capsys.readouterr().err

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    assert main(asked) == 1
    assert "no credentials; set AWS_PROFILE" in capsys.readouterr().err
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert main(asked) == 1
    assert "AWS_PROFILE names no profile" in capsys.readouterr().err


NAMES = (
    "2026-03-01/a.md", "2026-03-01/deep/b.md", "2026-03-02/c.json", "2026-03-02/.hidden.md", "2026-04-01/d.md",
    "other/e.md", "top.md", "2026-03-03.md", *ODD_NAMES,
)  # fmt: skip


@pytest.fixture
def mirrored(bucket, tmp_path) -> tuple[str, str]:
    """The same names in a local folder and in a bucket, where tools also left marks of folders."""
    for name in NAMES:
        path = tmp_path / "wire" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    bucket.upload(tmp_path / "wire", "in/wire")
    for mark in ("in/wire/", "in/wire/2026-03-01/"):
        bucket.put(mark, b"")
    return str(tmp_path / "wire"), bucket.path("in/wire")


@pytest.mark.parametrize(
    "pattern",
    [
        "", "/", "/2026-03-*", "/2026-03-*/*.md", "/*/*", "/top.md", "/2026-03-0[12]/*", "/**/*.json", "/other",
        "/brackets [1].json", "/a+b %20.json", "/nördlich*", "/2026-03-02/.h*", "/sub folder/what?.json", "/*.json",
    ],
)  # fmt: skip
def test_an_input_on_s3_names_what_it_names_on_a_disk(mirrored, tmp_path, pattern):
    local, remote = mirrored
    here = inputs.expand(config(tmp_path / "out", local + pattern))
    there = inputs.expand(config(tmp_path / "out", remote + pattern))
    if "**" in pattern:
        # On a disk `**/` may stand for no folder at all.
        here = [one for one in here if "/" in one.uri]
    assert [(one.uri, one.size) for one in there] == [(one.uri, one.size) for one in here]
    assert there


def test_two_stars_run_across_folders_on_s3(mirrored, tmp_path):
    found = inputs.expand(config(tmp_path / "out", f"{mirrored[1]}/2026-*/**.md"))
    assert [one.uri for one in found] == ["2026-03-01/a.md", "2026-03-01/deep/b.md", "2026-04-01/d.md"]


def test_a_bucket_as_input_and_a_name_that_leads_nowhere(mirrored, bucket, tmp_path):
    for whole in (bucket.path()[:-1], bucket.path()):
        uris = [one.uri for one in inputs.expand(config(tmp_path / "out", whole))]
        assert uris == sorted(f"in/wire/{name}" for name in NAMES if "/." not in name)
    for wrong in ("in/wire/2027-*", "in/wir", "in/wire/top.md/", "in/wire/top.md/x"):
        with pytest.raises(OptionError, match="matches no object"):
            inputs.expand(config(tmp_path / "out", bucket.path(wrong)))


def test_what_runs_wrote_is_no_input_on_s3_either(bucket, tmp_path):
    bucket.upload(write_articles(tmp_path / "in", 2), "all")
    bucket.put(f"all/articles/{PARTITION}/part.avro", b"Obj")
    found = inputs.expand(config(tmp_path, bucket.path("all"))._replace(output=bucket.path("all")))
    assert [one.uri for one in found] == ["0000.json", "0001.json"]


def test_times_of_objects_are_exact(bucket):
    bucket.put("file", b"1")
    asked = bucket.client.head_object(Bucket=bucket.name, Key="file")["LastModified"].timestamp()
    assert storage.status(bucket.path("file")) == Found(bucket.path("file"), 1, int(asked) * 1_000_000)


def test_one_client_a_process(bucket, monkeypatch):
    """Making a client takes as long as forty requests."""
    from apache_beam.io.aws.clients.s3 import boto3_client

    made = Counter()
    start = boto3_client.Client.__init__

    def counted(self: Any, options: Any) -> None:
        made["clients"] += 1
        start(self, options)

    monkeypatch.setattr(boto3_client.Client, "__init__", counted)
    storage.connect([bucket.flag()], bucket.path())
    for number in range(5):
        storage.write(bucket.path(str(number)), b"1")
        assert storage.read(bucket.path(str(number))) == b"1"
    assert made["clients"] == 1


def test_the_commit_is_one_copy(bucket, tmp_path):
    """Nothing but whole objects, then the manifest by one request, then removals."""
    source = bucket.upload(write_articles(tmp_path / "in", 3), "in")
    writes: list[tuple[str, str]] = []

    def note(request: dict[str, Any]) -> Answer:
        if request["REQUEST_METHOD"] in ("PUT", "POST", "DELETE"):
            copied = "HTTP_X_AMZ_COPY_SOURCE" in request
            writes.append(("copy" if copied else request["REQUEST_METHOD"], request["PATH_INFO"]))
        return None

    bucket.server.hook = note
    assert main(bucket.arguments(source, bucket.path("out"), "--quiet")) == 0
    commits = [place for place, (kind, path) in enumerate(writes) if path.endswith(MANIFEST)]
    assert len(commits) == 1
    assert writes[commits[0]][0] == "copy"
    for kind, path in writes[commits[0] + 1 :]:
        assert kind in ("POST", "DELETE") or "/logs/" in path
    assert not [path for kind, path in writes if "uploads" in path]


def test_connect_needs_no_more_than_listing(bucket, monkeypatch):
    asked: list[str] = []
    bucket.server.hook = lambda request: asked.append(request["QUERY_STRING"])
    storage.connect([bucket.flag()], bucket.path("wire/2026-*/x"))
    assert len(asked) == 1
    assert "prefix=wire%2F2026-&" in asked[0]
