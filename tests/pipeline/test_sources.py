"""Sources: what an input names, archives and compression, and everything that can't be read."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tracemalloc
import zipfile

import pytest
import zstandard

from pipeline import storage
from pipeline.errors import OptionError
from pipeline.inputs import InputFile, expand
from pipeline.unpack import Limits, read_file, shares_of
from tests.pipeline.outputs import config
from transforms.article import PAYLOAD_LIMIT, RawItem, Reject
from transforms.parse import parse

LIMITS = Limits(item=1000, archive=100_000)
MEMBERS = {"a.txt": b"first", "deep/b.txt": b"second", "deep/.hidden": b"no", "c.txt": b"x" * 2000}


def tar_of(members: dict[str, bytes], mode: str = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1_000_000
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 3, 9, 1, 2, 4)), data)
    return buffer.getvalue()


def read(tmp_path, data: bytes, limits: Limits = LIMITS, name: str = "in.bin") -> list[RawItem | Reject]:
    path = tmp_path / name
    path.write_bytes(data)
    return list(read_file(InputFile(bytes(path), name, len(data), 5), limits))


def test_a_file_is_an_item(tmp_path):
    assert read(tmp_path, b"text") == [RawItem("in.bin", b"text", 5)]
    assert read(tmp_path, b"") == [RawItem("in.bin", b"", 5)]


def test_compressed_files_are_opened_whatever_their_name(tmp_path):
    for packed in (gzip.compress(b"text"), zstandard.compress(b"text"), gzip.compress(b"te") + gzip.compress(b"xt")):
        assert read(tmp_path, packed) == [RawItem("in.bin", b"text", 5)]


@pytest.mark.parametrize("small_item_limit", [True, False])
@pytest.mark.parametrize(
    "data",
    [tar_of(MEMBERS), tar_of(MEMBERS, "w:gz"), zstandard.compress(tar_of(MEMBERS)), gzip.compress(tar_of(MEMBERS)),
     zip_of(MEMBERS)],
)  # fmt: skip
def test_archives_give_their_members(tmp_path, data, small_item_limit):
    limits = LIMITS if small_item_limit else LIMITS._replace(item=1999)
    first, second, third = read(tmp_path, data, limits)
    assert (first.uri, first.data) == ("in.bin!/a.txt", b"first")
    assert (second.uri, second.data) == ("in.bin!/deep/b.txt", b"second")
    assert first.arrived in (1_000_000_000_000, 1_773_018_124_000_000)
    assert (third.stage, third.error, third.uri) == ("read", "too_large", "in.bin!/c.txt")
    assert third.payload_size == 2000
    assert third.payload_sha256 == hashlib.sha256(b"x" * 2000).hexdigest()


def test_compressed_members_are_opened_too(tmp_path):
    inner = tar_of({"a.json.gz": gzip.compress(b"text"), "b.zip": zip_of({"c": b"deep"})}, "w:gz")
    assert [(item.uri, item.data) for item in read(tmp_path, inner)] == [
        ("in.bin!/a.json.gz", b"text"),
        ("in.bin!/b.zip!/c", b"deep"),
    ]


def test_packing_without_end_is_a_reject(tmp_path):
    data = b"x"
    for _ in range(6):
        data = gzip.compress(data)
    (reject,) = read(tmp_path, data)
    assert reject.error == "nested_archive"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress, lambda data: zip_of({"bomb": data})])
def test_a_bomb_stops_at_the_limit(tmp_path, pack):
    bomb = pack(b"\0" * 50_000_000)
    tracemalloc.start()
    (reject,) = read(tmp_path, bomb, Limits(item=1000, archive=5_000_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert reject.error == "archive_too_large"
    assert "--max_archive_bytes=5000000" in reject.message
    assert peak < 30_000_000


@pytest.mark.parametrize("whole", [tar_of(MEMBERS, "w:gz"), gzip.compress(os.urandom(5000)), zip_of(MEMBERS),
                                   zstandard.compress(os.urandom(5000)),
                                   tar_of({"a.txt": b"a", "c.txt": b"c" * 19_000})])  # fmt: skip
def test_a_cut_archive_is_a_reject_and_what_came_before_is_read(tmp_path, whole):
    found = read(tmp_path, whole[: len(whole) * 2 // 3], Limits(item=30_000, archive=100_000))
    assert "archive_broken" in [one.error for one in found if isinstance(one, Reject)]
    assert all(isinstance(one, RawItem) for one in found[:-2])


def test_links_in_archives_are_rejects(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        link = tarfile.TarInfo("../../etc/link")
        link.type = tarfile.SYMTYPE
        link.linkname = "/etc/passwd"
        archive.addfile(link)
    (reject,) = read(tmp_path, buffer.getvalue())
    assert reject.error == "not_a_file"


@pytest.mark.parametrize("pack", [tar_of, zip_of])
@pytest.mark.parametrize("name", ["/etc/storywire-test", "../../escaped", "a/../../../escaped"])
def test_members_with_paths_that_lead_out_are_read_and_written_nowhere(tmp_path, pack, name):
    folder = tmp_path / "in" / "side"
    folder.mkdir(parents=True)
    (member,) = read(folder, pack({name: b"text"}))
    assert isinstance(member, RawItem)
    assert (member.uri, member.data) == (f"in.bin!/{name}", b"text")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["in.bin"]


def test_an_item_that_is_too_large_is_hashed_whole_and_kept_at_its_start(tmp_path):
    data = os.urandom(PAYLOAD_LIMIT + 5000)
    (reject,) = read(tmp_path, data)
    assert (reject.error, reject.payload_size) == ("too_large", len(data))
    assert data.startswith(reject.payload)
    assert len(reject.payload) == 65_536
    assert reject.payload_sha256 == hashlib.sha256(data).hexdigest()


def test_a_file_that_has_gone_is_a_reject(tmp_path):
    (reject,) = read_file(InputFile(bytes(tmp_path / "gone"), "gone", 3, 0), LIMITS)
    assert (reject.stage, reject.error) == ("read", "unreadable")
    assert "No such file" in reject.message


def test_shares_of_an_archive_are_all_of_it_once(tmp_path):
    members = {f"{number}.txt": os.urandom(500) for number in range(30)}
    path = tmp_path / "big.tar"
    path.write_bytes(tar_of(members))
    whole = InputFile(bytes(path), "big.tar", path.stat().st_size, 0)
    shares = [whole._replace(share=share, shares=4) for share in range(4)]
    found = [item for share in shares for item in read_file(share, LIMITS)]
    assert sorted(found) == sorted(read_file(whole, LIMITS))
    assert len(found) == 30
    assert len(shares_of(whole._replace(size=2**23))) == 3
    assert len(shares_of(InputFile(__file__.encode(), "x.py", 2**23, 0))) == 1


def test_a_broken_archive_is_told_of_once_by_its_shares(tmp_path):
    path = tmp_path / "big.tar.gz"
    path.write_bytes(tar_of({f"{number}": os.urandom(900) for number in range(20)}, "w:gz")[:9000])
    shares = [InputFile(bytes(path), "big.tar.gz", 9000, 0, share, 3) for share in range(3)]
    rejects = [one for share in shares for one in read_file(share, LIMITS) if isinstance(one, Reject)]
    # The archive once, and the member in which it was cut.
    assert [one.uri for one in rejects if "!/" not in one.uri] == ["big.tar.gz"]
    assert len(rejects) <= 2
    assert {one.error for one in rejects} == {"archive_broken"}


@pytest.fixture
def wire(tmp_path):
    for name in ("a.txt", "day/b.txt", "day/c.md", "day/.hidden.txt", ".tmp/d.txt"):
        path = tmp_path / "wire" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "wire"


@pytest.mark.parametrize(
    ("pattern", "uris"),
    [
        ("", ["a.txt", "day/b.txt", "day/c.md"]),
        ("/", ["a.txt", "day/b.txt", "day/c.md"]),
        ("/a.txt", ["a.txt"]),
        ("/*.txt", ["a.txt"]),
        ("/*/*.txt", ["day/b.txt"]),
        ("/**/*.txt", ["a.txt", "day/b.txt"]),
        ("/day/?.m[a-z]", ["c.md"]),
    ],
)
def test_inputs_name_files_folders_and_patterns(wire, pattern, uris):
    assert [file.uri for file in expand(config(wire / "out", f"{wire}{pattern}"))] == uris


def test_inputs_are_read_once_and_the_output_is_not_read(wire):
    (wire / "articles" / "as_of=20260313T000000Z").mkdir(parents=True)
    (wire / "articles" / "as_of=20260313T000000Z" / "part.avro").write_text("ours")
    names = [str(wire), f"{wire}/a.txt", f"{wire}/*.txt", f"{wire}/./day", f"{wire}/day/../a.txt"]
    for order in (names, names[::-1]):
        assert [file.uri for file in expand(config(wire, *order))] == ["a.txt", "day/b.txt", "day/c.md"]


def test_names_with_pattern_signs_are_taken_as_they_are(tmp_path):
    path = tmp_path / "odd [1] *.txt"
    path.write_text("x")
    assert [file.uri for file in expand(config(tmp_path / "out", path))] == ["odd [1] *.txt"]


def test_relative_inputs(wire, monkeypatch):
    monkeypatch.chdir(wire)
    for pattern in (".", "a.txt", "*.txt"):
        assert expand(config(wire / "out", pattern))[0].uri == "a.txt"


@pytest.mark.parametrize("pattern", ["nowhere", "nowhere/a.txt", "nowhere/*.txt", "day/*.none", ""])
def test_what_is_not_there_is_told(wire, pattern):
    with pytest.raises(OptionError, match=r"it exists up to|matches no file|--input is empty"):
        expand(config(wire / "out", f"{wire}/{pattern}" if pattern else " "))


def test_a_pattern_that_names_folders_reads_them(wire):
    assert [file.uri for file in expand(config(wire / "out", f"{wire}//d*"))] == ["day/b.txt", "day/c.md"]


def test_a_file_that_is_named_is_read_whatever_its_name(wire):
    assert [file.uri for file in expand(config(wire / "out", wire / "day" / ".hidden.txt"))] == [".hidden.txt"]


def test_links_to_folders_are_followed_once(wire, tmp_path):
    (tmp_path / "else").mkdir()
    (tmp_path / "else" / "e.txt").write_text("e")
    (wire / "link").symlink_to(tmp_path / "else")
    (wire / "loop").symlink_to(wire)
    (wire / "dangling").symlink_to(tmp_path / "nowhere")
    uris = [file.uri for file in expand(config(wire / "out", wire))]
    assert uris == ["a.txt", "day/b.txt", "day/c.md", "link/e.txt"]


def test_names_that_are_no_utf8_are_read(tmp_path):
    (tmp_path / "wire").mkdir()
    (tmp_path / "wire" / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"text")
    (found,) = expand(config(tmp_path / "out", tmp_path / "wire"))
    assert found.uri == "caf\\xe9.txt"
    assert list(read_file(found, LIMITS)) == [RawItem("caf\\xe9.txt", b"text", found.modified)]


def test_pipes_hold_no_one_up(wire):
    os.mkfifo(wire / "pipe")
    assert len(expand(config(wire / "out", wire))) == 3
    with pytest.raises(OptionError, match="not a file"):
        expand(config(wire / "out", wire / "pipe"))


def lines_of(count: int, size: int = 3000) -> bytes:
    return b"".join(b'{"title": "%d", "body": "%s"}\n' % (number, b"x" * size) for number in range(1, count + 1))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lambda data: tar_of({"a.jsonl": data}, "w:gz")])
def test_long_json_lines_are_read_in_stretches_that_keep_their_numbers(tmp_path, pack):
    data = lines_of(1000) + b'{"cut\n' + b'{"title": "' + b"y" * 20_000 + b'"}\n' + lines_of(2)
    found = read(tmp_path, pack(data), Limits(item=10_000, archive=10**8))
    (reject,) = [one for one in found if isinstance(one, Reject)]
    assert (reject.error, reject.position, reject.payload_size) == ("too_large", 1002, 20_014)
    items = [one for one in found if isinstance(one, RawItem)]
    assert len(items) > 2
    parsed = [entry for item in items for entry in parse(item)]
    assert [entry.position for entry in parsed] == [*range(1, 1002), 1003, 1004]
    assert [type(entry) for entry in parsed].count(Reject) == 1
    assert b"".join(item.data for item in items) == data.replace(b'{"title": "' + b"y" * 20_000 + b'"}\n', b"")


def test_shares_of_json_lines_are_all_of_them_once(tmp_path):
    path = tmp_path / "day.jsonl"
    path.write_bytes(lines_of(2000))
    whole = InputFile(bytes(path), "day.jsonl", path.stat().st_size, 0)
    limits = Limits(item=2**25, archive=2**25)
    assert len(shares_of(whole)) == 2
    found = [item for share in shares_of(whole) for item in read_file(share, limits)]
    assert sorted(found) == sorted(read_file(whole, limits))


def test_a_long_document_that_is_no_json_lines_stays_whole(tmp_path):
    data = b'{"data": [\n' + b",\n".join([b'{"title": "a"}'] * 200_000) + b"]}"
    assert [item.line for item in read(tmp_path, data, Limits(item=2**25, archive=2**25))] == [0]


def test_the_shares_of_a_disk_error_all_tell(tmp_path, monkeypatch):
    path = tmp_path / "big.tar"
    path.write_bytes(tar_of({"a": b"x"}))
    real = storage.open_to_read

    def failing(name):
        if failing.left:
            failing.left -= 1
            raise OSError(5, "Input/output error")
        return real(name)

    monkeypatch.setattr(storage, "open_to_read", failing)
    failing.left = 1
    found = list(read_file(InputFile(bytes(path), "big.tar", 10240, 0, 1, 2), LIMITS))
    assert [(one.error, "share 2 of 2" in one.message) for one in found] == [("unreadable", True)]


def test_one_bad_member_of_a_zip_stands_alone(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("dateless.txt", (1980, 1, 1, 0, 0, 0)), b"first" * 50)
        archive.writestr("broken.txt", os.urandom(400))
        archive.writestr("last.txt", b"last")
    data = bytearray(buffer.getvalue())
    # A DOS date of zero, as reproducible builds write it, in the central directory; and damage in the second member.
    at = data.index(b"PK\x01\x02")
    data[at + 12 : at + 16] = bytes(4)
    place = data.index(b"broken.txt") + 30
    data[place : place + 40] = bytes(40)
    first, broken, last = read(tmp_path, bytes(data))
    assert (first.uri, first.data, first.arrived) == ("in.bin!/dateless.txt", b"first" * 50, 0)
    assert (broken.error, broken.uri) == ("archive_broken", "in.bin!/broken.txt")
    assert last.data == b"last"


def test_a_broken_archive_within_an_archive_stands_alone(tmp_path):
    inner = tar_of({"x.txt": b"x" * 900}, "w:gz")[:100]
    found = read(tmp_path, tar_of({"a.txt": b"a", "inner.tgz": inner, "z.txt": b"z"}))
    uris = [one.uri for one in found]
    assert (uris[0], uris[-1]) == ("in.bin!/a.txt", "in.bin!/z.txt")
    assert [one.uri for one in found if isinstance(one, Reject)] == ["in.bin!/inner.tgz"]


def test_a_zip_within_an_archive_that_is_too_large_stands_alone(tmp_path):
    found = read(tmp_path, tar_of({"in.zip": zip_of({"x": os.urandom(3000)}), "z.txt": b"z"}))
    assert [getattr(one, "error", "") for one in found] == ["too_large", ""]


def test_tar_headers_are_bounded(tmp_path):
    bomb = gzip.compress(tar_of({"n" * 5_000_000: b"x", "z.txt": b"z"}))
    (reject,) = read(tmp_path, bomb, Limits(item=1000, archive=10**8))
    assert reject.error == "archive_broken"
    assert "header" in reject.message


def test_old_tars_without_a_mark_are_opened(tmp_path):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        info = tarfile.TarInfo("old.txt")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"old"))
    data = bytearray(buffer.getvalue())
    data[257:265] = bytes(8)
    data[148:156] = b"%06o\0 " % (sum(data[:148]) + 8 * 32 + sum(data[156:512]))
    assert [item.data for item in read(tmp_path, bytes(data))] == [b"old"]


def test_a_tar_members_long_first_line_is_seen_whole(tmp_path):
    line = b'{"title": "' + b"x" * 20_000 + b'"}\n'
    found = read(tmp_path, tar_of({"a.jsonl": line * 3}), Limits(item=30_000, archive=10**8))
    assert [item.line for item in found] == [1]


def test_member_names_that_are_no_utf8_are_read(tmp_path):
    data = tar_of({"cafX.txt": b"x"}).replace(b"cafX", b"caf\xe9")
    block = bytearray(data)
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + 8 * 32 + sum(block[156:512]))
    assert [item.uri for item in read(tmp_path, bytes(block))] == ["in.bin!/caf\\xe9.txt"]


def damaged_tar(how: str) -> bytes:
    data = tar_of({f"{number}.txt": b"x" * 600 for number in range(10)})
    place = 5 * 1536
    if how == "flipped":
        return data[: place + 20] + b"Z" + data[place + 21 :]
    if how == "cut in a header":
        return data[: place + 100]
    if how == "cut between members":
        return data[:place]
    return data + b"garbage" * 100


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("how", ["flipped", "cut in a header", "cut between members", "garbage behind"])
def test_a_damaged_tar_is_told(tmp_path, how, pack):
    found = read(tmp_path, pack(damaged_tar(how)))
    assert [type(one) for one in found[-2:]] == [RawItem, Reject]
    assert found[-1].error == "archive_broken"
    assert len(found) == (11 if how == "garbage behind" else 6)


def test_tars_that_follow_one_another_are_all_read(tmp_path):
    data = tar_of({"a.txt": b"a"}) + tar_of({"b.txt": b"b"})
    assert [item.uri for item in read(tmp_path, data)] == ["in.bin!/a.txt", "in.bin!/b.txt"]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_what_comes_before_a_cut_is_read(tmp_path, pack):
    rows = b"".join(b'{"title": "%d", "body": "%s"}\n' % (n, os.urandom(300).hex().encode()) for n in range(2000))
    found = read(tmp_path, pack(rows)[:-2000], Limits(item=10**7, archive=10**8))
    assert found[-1].error == "archive_broken"
    assert sum(item.data.count(b"\n") for item in found[:-1]) > 1500
    members = tar_of({f"{n}.txt": os.urandom(3000) for n in range(200)})
    found = read(tmp_path, pack(members)[:-60_000], Limits(item=10**7, archive=10**8))
    assert len(found) > 100
    assert found[-1].error == "archive_broken"


def test_json_lines_with_a_mark_and_blank_lines_are_seen(tmp_path):
    data = b"\xef\xbb\xbf\n\n" + lines_of(1).replace(b"\n", b"\n\n") + lines_of(700)
    found = read(tmp_path, data, Limits(item=1_000_000, archive=10**8))
    assert {type(item) for item in found} == {RawItem}
    parsed = [entry for item in found for entry in parse(item)]
    assert [entry.position for entry in parsed] == [3, *range(5, 705)]


def test_an_input_that_is_nothing_but_output_is_told(tmp_path):
    (tmp_path / "articles" / "as_of=20260313T000000Z").mkdir(parents=True)
    (tmp_path / "articles" / "as_of=20260313T000000Z" / "part.avro").write_text("ours")
    with pytest.raises(OptionError, match="nothing but what runs wrote"):
        expand(config(tmp_path, tmp_path / "articles"))
    (tmp_path / "articles" / "one.json").write_text("{}")
    assert [file.uri for file in expand(config(tmp_path, tmp_path / "articles"))] == ["one.json"]
