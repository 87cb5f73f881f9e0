"""Object stores: S3 through one client a process, any other that Beam knows through Beam's FileSystems.

In: paths with a scheme. Out: bytes, listings, and a StorageError that says what to do. There are no folders and there
is no rename here: an object appears at once and whole when its upload ends, and a rename is a copy and a removal.

S3 has code of its own because Beam's makes a new client for each call (200 ms, where the request takes 5), completes an
upload whose writing failed (a truncated object under the whole one's name), can't write an empty object, takes a bucket
that is gone for an empty one, and repeats for ten minutes what an unreachable server refuses. Options and credentials
are Beam's.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import io
import re
import uuid
from collections.abc import Iterator
from typing import IO, Any, NamedTuple, Protocol, cast

from apache_beam.io.filesystem import CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.errors import OptionError, RunError

# Files whose name begins so are on their way; no reader takes them, and the next run removes them.
TEMPORARY = ".tmp-"
SIGNS = re.compile(r"[*?\[]")
"""What makes a path a pattern."""

# S3 takes so many keys in one request.
_DELETE_BATCH = 1000
# A connection may break in the middle of an object; reading goes on where it stopped.
_READ_TRIES = 4
_SCHEMES = {"s3": "an S3 bucket, s3://BUCKET/FOLDER", "gs": "a Google Cloud bucket, gs://BUCKET/FOLDER"}
_EXTRAS = {"s3": "storywire[s3]", "gs": "storywire[gcs]"}
_REFUSED = (
    "the server refused the credentials; look at AWS_PROFILE or AWS_ACCESS_KEY_ID, and that they may list the bucket "
    "and get, put and delete its objects"
)
_UNREACHABLE = "the server can't be reached; look at the network and --s3_endpoint_url, then run again"
_NO_BUCKET = "there is no such bucket; make it, or correct the name"
# By the code that the server answers, or the name of the client's error.
_ADVICE = {
    "403": _REFUSED,
    "AccessDenied": _REFUSED,
    "ExpiredToken": _REFUSED,
    "InvalidAccessKeyId": _REFUSED,
    "InvalidToken": _REFUSED,
    "SignatureDoesNotMatch": _REFUSED,
    "ConnectionClosedError": _UNREACHABLE,
    "ConnectTimeoutError": _UNREACHABLE,
    "EndpointConnectionError": _UNREACHABLE,
    "ReadTimeoutError": _UNREACHABLE,
    "SSLError": "the server's certificate isn't trusted; look at --s3_verify and --s3_endpoint_url",
    "NoCredentialsError": "no credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "PartialCredentialsError": "half of the credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "ProfileNotFound": "AWS_PROFILE names no profile; look at ~/.aws/config",
    "NoSuchBucket": _NO_BUCKET,
    "EntityTooLarge": "a file over 5 GB; raise --shards",
    "ParamValidationError": "no name that a bucket or an object can have",
}


class Found(NamedTuple):
    """A file that a listing found."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """Microseconds UTC; 0 where the filesystem does not say."""


class StorageError(RunError, OSError):
    """A store refused or failed, for the reason that the message gives; never said of what simply is not there."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        # What reads files tells a failing disk or network from damaged bytes by these.
        self.errno = errno.EIO
        self.strerror = message

    def __str__(self) -> str:
        return str(self.strerror)


class Store(Protocol):
    """What every object store does. A path that names nothing is a FileNotFoundError, every other trouble a
    StorageError."""

    def open(self, path: str) -> IO[bytes]:
        """The object's bytes, to be read."""

    def status(self, path: str) -> Found | None:
        """The object at the path, None where there is none."""

    def write(self, path: str, data: bytes) -> None:
        """Makes the object, as a whole or not at all."""

    def rename(self, source: str, target: str) -> None:
        """Copies the object over what bears the new name, at once, then removes it under the old one."""

    def delete(self, paths: list[str]) -> None:
        """Removes objects; one that is gone already is fine."""

    def starting(self, prefix: str) -> Iterator[Found]:
        """The objects whose path begins so."""


def connect(flags: list[str], paths: list[str]) -> None:
    """Hands Beam's flags to the stores of `paths` and asks once whether each answers.

    OptionError for a scheme that is not known, an extra that is not installed, a bucket that is not there;
    StorageError where the server can't be reached or refuses.
    """
    FileSystems.set_options(PipelineOptions(flags))
    for path in paths:
        scheme, _, rest = path.partition("://")
        if scheme not in _SCHEMES:
            known = "; ".join(("a local folder, without a scheme", *_SCHEMES.values()))
            raise OptionError(f"{path}: {scheme}:// is not known; write {known}")
        bucket = rest.partition("/")[0]
        if not bucket or SIGNS.search(bucket):
            raise OptionError(f"{path}: write the bucket's name behind {scheme}://, without signs of a pattern")
        if not _installed(scheme):
            raise OptionError(f"{path}: {scheme}:// needs an extra; pip install '{_EXTRAS[scheme]}'")
        if scheme == "s3":
            _S3().ask(path)


def store_of(path: str) -> Store:
    """The store that a path with a scheme lies in."""
    return _S3() if path.startswith("s3://") else BeamStore()


def _installed(scheme: str) -> bool:
    # Beam registers S3 with or without its client, Google's only with it.
    if scheme == "s3":
        return importlib.util.find_spec("boto3") is not None
    try:
        FileSystems.get_filesystem(f"{scheme}://")
    except ValueError:
        return False
    return True


@contextlib.contextmanager
def _telling(path: str) -> Iterator[None]:
    """Each store has errors of its own; out of here come FileNotFoundError and StorageError alone."""
    try:
        yield
    except (OptionError, StorageError, FileNotFoundError):
        raise
    except Exception as error:
        told = " ".join(str(error).split()) or type(error).__name__
        advice = next((_ADVICE[key] for key in (_code(error), type(error).__name__) if key in _ADVICE), "")
        raise StorageError(f"{path}: {advice} ({told})" if advice else f"{path}: {told}") from error


def _code(error: BaseException) -> str:
    """What an S3 server answered; empty where it is not its answer."""
    return str((getattr(error, "response", None) or {}).get("Error", {}).get("Code", ""))


class BeamStore:
    """Any store that Beam knows, with no more than Beam's FileSystems gives."""

    def open(self, path: str) -> IO[bytes]:
        """See Store."""
        with _telling(path):
            return cast(IO[bytes], FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED))

    def status(self, path: str) -> Found | None:
        """See Store."""
        with _telling(path):
            if not FileSystems.exists(path):
                return None
            return _found(FileSystems.get_filesystem(path).metadata(path))

    def write(self, path: str, data: bytes) -> None:
        """See Store. Beam ends an upload even where writing failed: so it goes to a temporary name first."""
        folder, _, name = path.rpartition("/")
        temporary = f"{folder}/{TEMPORARY}{name}.{uuid.uuid4().hex}"
        with _telling(path):
            try:
                with FileSystems.create(temporary, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                    file.write(data)
                FileSystems.rename([temporary], [path])
            except BaseException:
                with contextlib.suppress(Exception):
                    FileSystems.delete([temporary])
                raise

    def rename(self, source: str, target: str) -> None:
        """See Store."""
        with _telling(target):
            FileSystems.rename([source], [target])

    def delete(self, paths: list[str]) -> None:
        """See Store."""
        with _telling(paths[0]):
            FileSystems.delete(paths)

    def starting(self, prefix: str) -> Iterator[Found]:
        """See Store."""
        # A pattern has no quotes, but a set of one sign stands for that sign.
        pattern = SIGNS.sub(lambda sign: f"[{sign[0]}]", prefix) + "**"
        with _telling(prefix):
            for result in FileSystems.match([pattern]):
                yield from map(_found, result.metadata_list)


def _found(metadata: FileMetadata) -> Found:
    seconds = metadata.last_updated_in_seconds or 0
    return Found(metadata.path, metadata.size_in_bytes, round(seconds * 1_000_000))


class _S3:
    """S3 and what speaks its language, through the client that Beam's options make."""

    # The options that the client was made of, and the client. Clients may be shared by threads.
    _made: tuple[Any, Any] | None = None

    def ask(self, path: str) -> None:
        """OptionError where the bucket is not there, StorageError where the server does not answer or refuses."""
        bucket, key = _place(path)
        with _telling(path):
            try:
                self._client().list_objects_v2(Bucket=bucket, Prefix=SIGNS.split(key, maxsplit=1)[0], MaxKeys=1)
            except Exception as error:
                if _code(error) != "NoSuchBucket" and type(error).__name__ != "ParamValidationError":
                    raise
                raise OptionError(f"{path}: {_NO_BUCKET}") from error

    def open(self, path: str) -> IO[bytes]:
        """See Store."""
        with _telling(path):
            return cast(IO[bytes], _S3Reader(self._client(), path))

    def status(self, path: str) -> Found | None:
        """See Store."""
        bucket, key = _place(path)
        with _telling(path):
            try:
                answer = self._client().head_object(Bucket=bucket, Key=key)
            except Exception as error:
                if _code(error) in ("404", "NoSuchKey"):
                    return None
                raise
            return Found(path, answer["ContentLength"], _micros(answer["LastModified"]))

    def write(self, path: str, data: bytes) -> None:
        """See Store. One PUT: the server has all of it and its checksum, or nothing."""
        bucket, key = _place(path)
        with _telling(path):
            self._client().put_object(Bucket=bucket, Key=key, Body=data)

    def rename(self, source: str, target: str) -> None:
        """See Store."""
        (source_bucket, source_key), (bucket, key) = _place(source), _place(target)
        with _telling(target):
            copied = {"Bucket": source_bucket, "Key": source_key}
            self._client().copy_object(CopySource=copied, Bucket=bucket, Key=key)
        # It bears its new name; what is left under the old one is temporary and harms no one.
        with contextlib.suppress(StorageError):
            self.delete([source])

    def delete(self, paths: list[str]) -> None:
        """See Store."""
        buckets: dict[str, list[str]] = {}
        for path in paths:
            bucket, key = _place(path)
            buckets.setdefault(bucket, []).append(key)
        for bucket, keys in buckets.items():
            for start in range(0, len(keys), _DELETE_BATCH):
                batch = [{"Key": key} for key in keys[start : start + _DELETE_BATCH]]
                with _telling(f"s3://{bucket}/{batch[0]['Key']}"):
                    answer = self._client().delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
                for error in answer.get("Errors", []):
                    advice = _ADVICE.get(error["Code"], error["Message"])
                    raise StorageError(f"s3://{bucket}/{error['Key']} can't be deleted: {advice}")

    def starting(self, prefix: str) -> Iterator[Found]:
        """See Store."""
        bucket, key = _place(prefix)
        with _telling(prefix):
            for page in self._client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key):
                for one in page.get("Contents", []):
                    yield Found(f"s3://{bucket}/{one['Key']}", one["Size"], _micros(one["LastModified"]))

    def _client(self) -> Any:
        options = FileSystems.get_filesystem("s3://")._options
        if _S3._made is None or _S3._made[0] is not options:
            from apache_beam.io.aws.clients.s3.boto3_client import Client

            _S3._made = (options, Client(options or PipelineOptions([])).client)
        return _S3._made[1]


class _S3Reader(io.RawIOBase):
    """An object's bytes from one version of it: one request where it is read from start to end."""

    def __init__(self, client: Any, path: str) -> None:
        self._client = client
        self._path = path
        self._at = 0
        self._body: Any = None
        self._version = ""
        self._size = 0
        self._ask()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"{self._path}: negative position {start + offset}")
        if start + offset != self._at:
            self._at = start + offset
            self._drop()
        return self._at

    def readinto(self, buffer: Any) -> int:
        got = 0
        while got < len(buffer) and self._at < self._size:
            data = self._next(len(buffer) - got)
            buffer[got : got + len(data)] = data
            got += len(data)
        return got

    def readall(self) -> bytes:
        parts = []
        while self._at < self._size:
            parts.append(self._next(self._size - self._at))
        return b"".join(parts)

    def close(self) -> None:
        self._drop()
        super().close()

    def _next(self, count: int) -> bytes:
        with _telling(self._path):
            for left in range(_READ_TRIES - 1, -1, -1):
                try:
                    if self._body is None:
                        self._ask()
                    data: bytes = self._body.read(count)
                    if not data:
                        raise EOFError(f"ended after {self._at} of {self._size} bytes")
                    self._at += len(data)
                    return data
                except Exception as error:
                    self._drop()
                    # An answer of the server is an answer: its client has repeated what is worth repeating.
                    if _code(error) or not left:
                        raise
        raise AssertionError

    def _ask(self) -> None:
        bucket, key = _place(self._path)
        rest = {"IfMatch": self._version, "Range": f"bytes={self._at}-"} if self._version else {}
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key, **rest)
        except Exception as error:
            if _code(error) == "NoSuchKey":
                raise FileNotFoundError(errno.ENOENT, "there is no such object", self._path) from error
            if _code(error) in ("412", "PreconditionFailed"):
                raise StorageError(f"{self._path} was replaced while it was read; run again") from error
            raise
        self._body = answer["Body"]
        if not self._version:
            self._version, self._size = answer["ETag"], answer["ContentLength"]

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def _place(path: str) -> tuple[str, str]:
    bucket, _, key = path.removeprefix("s3://").partition("/")
    return bucket, key


def _micros(time: Any) -> int:
    return int(time.timestamp()) * 1_000_000 + int(time.microsecond)
