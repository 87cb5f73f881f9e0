"""Avro container files whose bytes depend on nothing but their rows and schema, and looking into their blocks.

In: rows already encoded, in their final order. Out: the bytes of an object container file, as the Avro 1.12
specification says; fastavro's writer takes records only, and these rows were encoded once and are never decoded again.
The sync marker, random in other writers, is the start of the rows' hash. What is written is found again block by block:
fastavro's reader goes through a file from its start.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, NamedTuple

import fastavro

from schemas.registry import DataSet, Schema

# Bytes of rows in a block before compression: with 16 kB blocks deflate makes files a tenth larger, and every engine
# that was tried opens these.
BLOCK_BYTES = 64_000
# zlib's own default: level 9 takes twice the time for 1% less.
DEFLATE_LEVEL = 6
# zstandard's own default.
ZSTANDARD_LEVEL = 3


def _inflate(packed: bytes) -> bytes:
    return zlib.decompress(packed, -zlib.MAX_WBITS)


def _deflate(block: bytes) -> bytes:
    packer = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(block) + packer.flush()


def _snappy(block: bytes) -> bytes:
    import cramjam

    return bytes(cramjam.snappy.compress_raw(block)) + zlib.crc32(block).to_bytes(4)


def _unsnappy(packed: bytes) -> bytes:
    import cramjam

    return bytes(cramjam.snappy.decompress_raw(packed[:-4]))


def _zstandard(block: bytes) -> bytes:
    from backports import zstd

    return bytes(zstd.compress(block, ZSTANDARD_LEVEL))


def _unzstandard(packed: bytes) -> bytes:
    from backports import zstd

    return bytes(zstd.decompress(packed))


class _Codec(NamedTuple):
    compress: Callable[[bytes], bytes]
    decompress: Callable[[bytes], bytes]
    needs: str
    """The module that it takes, an extra: fastavro needs the same to read it."""


# By their names in Avro's specification.
CODECS: Mapping[str, _Codec] = {
    "deflate": _Codec(_deflate, _inflate, ""),
    "null": _Codec(bytes, bytes, ""),
    "snappy": _Codec(_snappy, _unsnappy, "cramjam"),
    "zstandard": _Codec(_zstandard, _unzstandard, "backports.zstd"),
}


def codec_at_hand(name: str) -> bool:
    """True where the codec can be written here: what it needs is installed."""
    needs = CODECS[name].needs
    try:
        return not needs or importlib.util.find_spec(needs) is not None
    except ModuleNotFoundError:  # of the package above it
        return False


class RowHash:
    """A hash of a multiset of rows: equal rows give an equal hash, whatever their order and files.

    The sum of the rows' SHA-256 digests modulo 2^256, so that it needs no sorting and partial sums can be added.
    """

    def __init__(self, value: int = 0) -> None:
        self._sum = value

    def add(self, row: bytes) -> None:
        """Counts one row in."""
        self._sum += int.from_bytes(hashlib.sha256(row).digest())

    def merge(self, hexdigest: str) -> None:
        """Counts in all rows that another hash has seen."""
        self._sum += int(hexdigest, 16)

    def hexdigest(self) -> str:
        """64 hex digits."""
        return f"{self._sum % 2**256:064x}"


def write_container(file: IO[bytes], data_set: DataSet, rows: Sequence[bytes], codec: str = "deflate") -> None:
    """Writes `rows` (encoded records, in order) to `file` as an Avro container; `codec` is a name of CODECS."""
    compress = CODECS[codec].compress
    digest = hashlib.sha256(data_set.fingerprint.encode())
    for row in rows:
        digest.update(row)
    sync = digest.digest()[:16]
    file.write(_header(data_set, codec, sync))
    for count, block in _blocks(rows):
        packed = compress(block)
        file.write(_long(count) + _long(len(packed)) + packed + sync)


class Container:
    """A container file's blocks, each found without reading the others."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        """`read` gives the bytes of the file from an offset, so many or as many as there are; `size` is the file's.

        Raises ValueError for what is no whole file of this kind.
        """
        self._read = read
        header = io.BytesIO(read(0, _HEADER_BYTES))
        try:
            found: Any = fastavro.schemaless_reader(header, _HEADER, None)
            self.schema: Schema = json.loads(found["meta"]["avro.schema"])
            self._decompress = CODECS[found["meta"].get("avro.codec", b"null").decode()].decompress
        except (EOFError, LookupError, UnicodeDecodeError, StopIteration) as error:
            raise ValueError(f"it is no Avro container file ({type(error).__name__}: {error})") from error
        self._sync: bytes = found["sync"]
        self._blocks = list(self._found(header.tell(), size))

    def __len__(self) -> int:
        """How many blocks the file has."""
        return len(self._blocks)

    def block(self, number: int) -> bytes:
        """A block's rows, encoded one after the other; ValueError for one that is damaged."""
        start, length = self._blocks[number]
        packed = self._read(start, length + len(self._sync))
        if len(packed) < length + len(self._sync) or packed[length:] != self._sync:
            raise ValueError(f"block {number} is cut off or damaged")
        return self._decompress(packed[:length])

    def _found(self, at: int, size: int) -> Iterator[tuple[int, int]]:
        """The place and length of each block."""
        while at < size:
            longs = io.BytesIO(self._read(at, _LONGS_BYTES))
            try:
                fastavro.schemaless_reader(longs, "long", None)
                length: Any = fastavro.schemaless_reader(longs, "long", None)
            except (EOFError, IndexError, StopIteration) as error:
                raise ValueError(f"it is cut off at byte {at}") from error
            start = at + longs.tell()
            at = start + length + len(self._sync)
            if length < 0 or at > size:
                raise ValueError(f"it is cut off or damaged at byte {start}")
            yield start, length


# Far more than a schema takes, and what two longs take at most.
_HEADER_BYTES = 2**20
_LONGS_BYTES = 20

# The Avro 1.12 specification's own schema of a file's header.
_HEADER = fastavro.parse_schema(
    {
        "type": "record",
        "name": "org.apache.avro.file.Header",
        "fields": [
            {"name": "magic", "type": {"type": "fixed", "name": "Magic", "size": 4}},
            {"name": "meta", "type": {"type": "map", "values": "bytes"}},
            {"name": "sync", "type": {"type": "fixed", "name": "Sync", "size": 16}},
        ],
    },
    named_schemas={},
)


def _header(data_set: DataSet, codec: str, sync: bytes) -> bytes:
    """A file's header. fastavro's writer wants its own package of a codec even for a header, so it is not asked."""
    metadata = {
        "avro.codec": codec,
        "avro.schema": json.dumps(data_set.schema, ensure_ascii=False, separators=(",", ":")),
        "storywire.schema": data_set.version,
        # A release may append fields within a major version; the program's own version is not named, because a fix
        # must not change bytes.
        "storywire.schema_sha256": data_set.fingerprint,
        "writer.time.zone": "UTC",
    }
    header = io.BytesIO()
    meta = {name: value.encode() for name, value in metadata.items()}
    fastavro.schemaless_writer(header, _HEADER, {"magic": b"Obj\x01", "meta": meta, "sync": sync})
    return header.getvalue()


def _blocks(rows: Iterable[bytes]) -> Iterable[tuple[int, bytes]]:
    block: list[bytes] = []
    size = 0
    for row in rows:
        block.append(row)
        size += len(row)
        if size >= BLOCK_BYTES:
            yield len(block), b"".join(block)
            block, size = [], 0
    if block:
        yield len(block), b"".join(block)


def _long(value: int) -> bytes:
    """A non-negative Avro long: zigzag, then seven bits a byte, least significant first."""
    value <<= 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
