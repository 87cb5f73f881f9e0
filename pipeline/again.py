"""A committed run once more: the same interval, options and time, from its manifest.

In: a manifest. Out: the arguments of the run that made it, and its files as they lie there now. It gives the bytes that
stand, or says what has changed since.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from pipeline import manifest, storage
from pipeline.errors import OptionError, RunError
from pipeline.inputs import InputFile, expand
from pipeline.options import Config, time_of

# What a run does again as it was, by the name of its option.
SHAPING = (
    "as_of", "source_timezone", "shards", "codec", "ledger", "hold_embargoed", "rules", "max_item_bytes",
    "max_archive_bytes",
)  # fmt: skip


def complete(args: argparse.Namespace) -> dict[str, Any]:
    """Fills in the arguments of `storywire run --again MANIFEST`, and gives the manifest.

    OptionError where there is none, or nothing says where its input lies.
    """
    output, partition = place(args.again)
    made = manifest.load(args.again)
    if made is None:
        raise OptionError(f"--again={args.again}: there is no such manifest")
    if args.output is not None or args.as_of is not None:
        raise OptionError("--again takes output and as_of from the manifest; leave --output and --as_of out")
    if made["input"]["uris"] and all(uri.startswith("rejects/as_of=") for uri in made["input"]["uris"]):
        raise OptionError(f"--again={args.again}: that was a replay; run `storywire replay` again")
    stated = made["options"]
    for name in SHAPING:
        setattr(args, name, stated[name])
    args.shards = None if stated["shards"] == "auto" else stated["shards"]
    args.remember = stated["remember_days"]
    args.output = output
    if not args.input:
        log = storage.read(storage.join(output, "logs", f"{partition}.json"))
        args.input = json.loads(log)["inputs"] if log else None
    if not args.input:
        raise OptionError(f"--again={args.again}: no log beside it says where its input lay; name it with --input")
    # It was let pass once.
    args.max_reject_share = 1.0
    return made


def place(path: str) -> tuple[str, str]:
    """(output folder, partition) of the path of a manifest; OptionError where it is none."""
    folder, _, name = path.rpartition("/")
    output, _, last = folder.rpartition("/")
    partition = name.removesuffix(".json")
    try:
        time_of(partition)
        if last != "manifests" or not name.endswith(".json"):
            raise ValueError
    except ValueError:
        raise OptionError(
            f"--again={path}: not a manifest of a run; write for example out/manifests/as_of=20260313T000000Z.json"
        ) from None
    return output or ("/" if folder.startswith("/") else "."), partition


def files(config: Config, made: dict[str, Any]) -> list[InputFile]:
    """The files that the manifest names, as they lie there; RunError where one is gone or another one."""
    wanted = made["input"]
    there: dict[str, list[InputFile]] = {}
    for file in expand(config):
        there.setdefault(file.uri, []).append(file)
    gone = sorted(uri for uri, times in Counter(wanted["uris"]).items() if len(there.get(uri, ())) < times)
    if gone:
        raise RunError(
            f"{len(gone)} of the {wanted['files']} files of that run are gone, {gone[0]} for one; bring them back, or "
            f"name with --input where they lie now"
        )
    found = [file for uri in dict.fromkeys(wanted["uris"]) for file in there[uri]]
    stamps = {(read["uri"], read["bytes"], read["modified"]) for read in wanted.get("read", ())}
    others = [file.uri for file in found if stamps and (file.uri, file.size, file.modified) not in stamps]
    changed = sum(file.size for file in found) - wanted["bytes"]
    if others or changed:
        which = f"{others[0]} was written anew" if others else f"it has {abs(changed):,} bytes {_side(changed)}"
        raise RunError(f"the input is not what that run read: {which}; run it without --again to take it as it is")
    return found


def _side(difference: int) -> str:
    return "more" if difference > 0 else "less"


def check(standing: dict[str, Any], made: dict[str, Any]) -> None:
    """RunError where a run comes out otherwise than it stands."""
    if made == standing:
        return
    if made["parent"] != standing["parent"]:
        now, then = (one["parent"]["partition"] if one["parent"] else "nothing" for one in (made, standing))
        why = f"it would go on from {now} as that stands now; it went on from {then} as that stood then"
    elif made["desk"] != standing["desk"] or made["storywire"] != standing["storywire"]:
        why = f"it was made by storywire {standing['storywire']}"
    else:
        why = "the input or what reads it has changed"
    raise RunError(f"the run comes out otherwise than it stands, so it was left as it is: {why}")
