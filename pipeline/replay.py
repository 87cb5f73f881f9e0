"""Rejected payloads as a source: what a run could not read, read again once the cause is mended.

In: the files of a committed `rejects` partition. Out: items with the uri and position that they had, at the time at
which they arrived at the latest, the partition's `as_of`. The replay is a run of its own, a second after the one
whose rejects it takes, so that it adds a partition to the chain and touches none that stands.
"""

from __future__ import annotations

import argparse
import base64
import io
import os
from collections.abc import Iterator
from typing import Any

import fastavro

from pipeline import manifest, storage
from pipeline.errors import OptionError
from pipeline.inputs import InputFile
from pipeline.options import SECOND, TAKEN_OVER, compact, time_of
from pipeline.unpack import Limits, unpacked
from transforms.article import SKIP, RawItem, Reject
from transforms.parse.times import iso
from transforms.rows import envelope_of


def complete(args: argparse.Namespace) -> None:
    """Fills in what the arguments of `storywire replay` leave to the run whose rejects they name.

    The replay's `as_of` is the next second after that run's that no other run has. OptionError where they name no
    committed run.
    """
    output, partition, _ = place(args.rejects)
    made = _manifest(args.rejects, output, partition)
    for name in TAKEN_OVER:
        if getattr(args, name) is None:
            setattr(args, name, made["options"].get(name))
    args.input = [args.rejects]
    args.output = output if args.output is None else args.output
    as_of = time_of(partition) + SECOND
    while not _free(args.output, as_of, partition):
        as_of += SECOND
    args.as_of = iso(as_of)


def _free(output: str, as_of: int, partition: str) -> bool:
    """True where no run has the time, or a replay of the same rejects: that one is replaced."""
    standing = manifest.load(storage.join(output, "manifests", f"as_of={compact(as_of)}.json"))
    if standing is None:
        return True
    uris = standing["input"]["uris"]
    return bool(uris) and all(uri.startswith(f"rejects/{partition}/") for uri in uris)


def place(path: str) -> tuple[str, str, str]:
    """(output folder, partition, file or nothing) of a path such as `out/rejects/as_of=20260313T000000Z`.

    OptionError where it is none.
    """
    parts = path.rstrip("/").split("/")
    at = len(parts) - (2 if parts[-1].endswith(".avro") else 1)
    try:
        time_of(parts[at])
        if at < 1 or parts[at - 1] != "rejects":
            raise ValueError
    except (ValueError, IndexError):
        raise OptionError(
            f"{path}: not the rejects of a run; write a partition's folder, for example "
            f"out/rejects/as_of=20260313T000000Z"
        ) from None
    output = "/".join(parts[: at - 1]) or ("/" if path.startswith("/") else ".")
    return output, parts[at], "/".join(parts[at + 1 :])


def files(path: str) -> list[InputFile]:
    """The files to replay: those under `path` that the partition's manifest names; OptionError where it has none."""
    output, partition, wanted = place(path)
    made = _manifest(path, output, partition)
    where = storage.absolute(output)
    found = [
        InputFile(os.fsencode(storage.join(where, file["name"])), file["name"], file["bytes"], time_of(partition))
        for file in made["data_sets"]["rejects"]["files"]
        if wanted in ("", file["name"].rpartition("/")[2])
    ]
    if not found:
        raise OptionError(f"{path}: {partition} has no {wanted or 'rejects'}; there is nothing to replay")
    return found


def read_rejects(file: InputFile, limits: Limits) -> Iterator[RawItem | Reject]:
    """The items of a file of rejects, but for those that hold no article.

    One whose payload was not kept whole is a reject again.
    """
    with storage.open_to_read(file.name()) as opened:
        data = opened.read()
    for row in fastavro.reader(io.BytesIO(data)):
        if row["stage"] == SKIP:
            continue
        uri, position, payload = row["uri"], row["position"], base64.b64decode(row["payload_base64"])
        envelope = envelope_of(row)
        if row["payload_truncated"]:
            message = (
                f"{uri}: of {row['payload_size']} bytes {len(payload)} were kept, so it can't be replayed; read the "
                f"original again. Its reject said: {row['message']}"
            )
            size, digest = row["payload_size"], row["payload_sha256"]
            yield Reject("read", "truncated", message, uri, position, payload, size, digest, envelope)
        elif row["stage"] == "read" and not position:
            # It may be an archive, whose members were never read.
            yield from unpacked(uri, file.modified, payload, limits, envelope)
        else:
            yield RawItem.entry(uri, payload, file.modified, position, envelope)


def _manifest(path: str, output: str, partition: str) -> dict[str, Any]:
    made = manifest.load(storage.join(output, "manifests", f"{partition}.json"))
    if made is None:
        raise OptionError(
            f"{path}: {partition} was not committed, so there is nothing to replay; mend the cause and run it again"
        )
    return made
