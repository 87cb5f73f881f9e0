"""A file's blocks are found one by one, and what is damaged is told."""

from __future__ import annotations

import io

import fastavro
import pytest

from schemas import CODECS, Container, data_set, write_container
from tests.schemas import golden


def written(codec):
    rows = golden.encoded()["ledger"] * 400
    file = io.BytesIO()
    write_container(file, data_set("ledger"), rows, codec)
    return rows, file.getvalue()


def opened(data):
    return Container(lambda at, size: data[at : at + size], len(data))


@pytest.mark.parametrize("codec", CODECS)
def test_blocks_are_the_rows(codec):
    rows, data = written(codec)
    file = opened(data)
    blocks = [file.block(number) for number in range(len(file))]
    assert len(blocks) > 5
    assert b"".join(blocks) == b"".join(rows)
    assert file.schema == data_set("ledger").schema
    assert [block.num_records for block in fastavro.block_reader(io.BytesIO(data))] == [
        sum(1 for _ in fastavro.reader(io.BytesIO(data[: _end(file, 0)] + block)))
        for block in (data[_end(file, at) : _end(file, at + 1)] for at in range(len(file)))
    ]


def _end(file, number):
    """Where a block begins, its two longs included."""
    if number == len(file):
        return file._blocks[-1][0] + file._blocks[-1][1] + 16
    return file._blocks[number - 1][0] + file._blocks[number - 1][1] + 16 if number else _header_bytes(file)


def _header_bytes(file):
    header = file._read(0, 2**20)
    return header.index(file._sync) + 16


def test_a_file_without_rows_has_no_blocks():
    file = io.BytesIO()
    write_container(file, data_set("ledger"), [])
    assert len(opened(file.getvalue())) == 0


def test_what_is_cut_off_is_told_wherever_it_ends():
    _, data = written("deflate")
    header = data.index(opened(data)._sync) + 16
    for size in [*range(0, header, 501), *range(header + 1, len(data), 997), len(data) - 1]:
        with pytest.raises(ValueError, match=r"cut off|no Avro container"):
            opened(data[:size])


def test_a_damaged_block_is_told():
    _, data = written("null")
    file = opened(data)
    start, length = file._blocks[1]
    broken = data[: start + length] + b"x" + data[start + length + 1 :]
    assert opened(broken).block(0) == file.block(0)
    with pytest.raises(ValueError, match="block 1 is cut off or damaged"):
        opened(broken).block(1)


def test_another_file_is_none():
    for data in (b"", b"Obj\x01", b"PK\x03\x04" + bytes(100), bytes(10_000)):
        with pytest.raises(ValueError, match="no Avro container file"):
            opened(data)
