"""Avro container files whose bytes depend on nothing but their rows and schema.

In: rows already encoded, in their final order. Out: the bytes of an object container file. fastavro writes the header;
the blocks are put behind it as the Avro 1.12 specification says, because rows come encoded once and are never decoded
again. The sync marker, random in other writers, is the start of the rows' hash.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Iterable, Sequence
from typing import IO

import fastavro

from schemas.registry import DataSet

# Bytes of rows in a block before compression: with 16 kB blocks deflate makes files a tenth larger, and every engine
# that was tried opens these.
BLOCK_BYTES = 64_000
# zlib's own default: level 9 takes twice the time for 1% less.
DEFLATE_LEVEL = 6


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


def write_container(file: IO[bytes], data_set: DataSet, rows: Sequence[bytes]) -> None:
    """Writes `rows` (encoded records, in order) to `file` as an Avro container with deflated blocks."""
    digest = hashlib.sha256(data_set.fingerprint.encode())
    for row in rows:
        digest.update(row)
    sync = digest.digest()[:16]
    file.write(_header(data_set, sync))
    for count, block in _blocks(rows):
        packer = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = packer.compress(block) + packer.flush()
        file.write(_long(count) + _long(len(packed)) + packed + sync)


def _header(data_set: DataSet, sync: bytes) -> bytes:
    header = io.BytesIO()
    metadata = {"writer.time.zone": "UTC", "storywire.schema": data_set.version}
    fastavro.writer(header, data_set.schema, [], codec="deflate", metadata=metadata, sync_marker=sync)
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
