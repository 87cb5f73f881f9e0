"""What a person sees at the end of a run.

In: the committed manifest. Out: a few lines: what was read and became of it, the largest stories, where the files are.
"""

from __future__ import annotations

import heapq
import io
import unicodedata
from collections.abc import Iterator
from typing import Any

import fastavro

from pipeline import manifest, storage
from pipeline.options import Config
from pipeline.run import Outcome
from transforms.article import SKIP

_LARGEST = 5
_HEADLINE_WIDTH = 64


def summary(config: Config, outcome: Outcome) -> str:
    """The lines, joined."""
    made = outcome.manifest
    counts = made["counts"]
    rows = {name: entry["rows"] for name, entry in made["data_sets"].items()}
    items = counts.get("items", 0)
    states, held, unseen = (counts.get(name, 0) for name in ("state_rows", "held", "unseen_kills"))
    skips = manifest.skips(made)
    missing, anew = (
        sum(number for name, number in counts.items() if name.startswith(prefix))
        for prefix in ("gaps/deleted/", "gaps/made_anew/")
    )
    rate = items / outcome.seconds if outcome.seconds else 0.0
    lines = [
        f"as of {made['options']['as_of']}: {items:,} items from {_sources(made['input'])} "
        f"in {outcome.seconds:.1f} s ({rate:,.0f} a second)",
        f"  articles      {rows['articles'] - states:>8,}  in {rows['stories']:,} stories",
        *([f"  state rows    {states:>8,}  what changed about earlier versions"] if states else []),
        f"  redeliveries  {counts.get('redeliveries', 0):>8,}",
        f"  rejects       {rows['rejects'] - skips:>8,}  {_listed(counts, 'rejects/', but=f'{SKIP}/')}".rstrip(),
        *([f"  no article    {skips:>8,}  {_listed(counts, f'rejects/{SKIP}/')}"] if skips else []),
        *([f"  held          {held:>8,}  until their embargo ends"] if held else []),
        *([f"  unseen kills  {unseen:>8,}  of items that no run has seen"] if unseen else []),
        f"  languages     {_listed(counts, 'languages/')}",
        *([f"  missing       {missing:>8,}  messages that Kafka had deleted"] if missing else []),
        *([f"  made anew     {anew:>8,}  topics, whose unread messages are lost"] if anew else []),
    ]
    largest = _largest_stories(config, made)
    if largest:
        lines.append("  largest stories")
        lines += [
            f"    {story['articles']:>6,}  {story['language']:<3} {short(story['headline'])}" for story in largest
        ]
    lines.append(
        f"files in {config.output}: {', '.join(f'{name}/{config.partition()}' for name in rows if rows[name])}"
    )
    lines.append(f"manifest {outcome.path}")
    return "\n".join(lines)


def in_a_line(outcome: Outcome) -> str:
    """The same in one line, for a slice of many."""
    made = outcome.manifest
    counts = made["counts"]
    rows = {name: entry["rows"] for name, entry in made["data_sets"].items()}
    skips = manifest.skips(made)
    told = (
        (counts.get("items", 0), f"items from {_sources(made['input'])}"),
        (rows["articles"] - counts.get("state_rows", 0), f"articles in {rows['stories']:,} stories"),
        (counts.get("redeliveries", 0), "redeliveries"),
        (rows["rejects"] - skips, "rejects"),
        (skips, "without article"),
        (counts.get("held", 0), "held"),
    )
    # Items and articles are always told, the others where there are some.
    shown = [f"{number:,} {words}" for place, (number, words) in enumerate(told) if number or place < 2]
    return f"as of {made['options']['as_of']}: {', '.join(shown)}; {outcome.seconds:.1f} s"


def _sources(read: dict[str, Any]) -> str:
    """Where the items came from, in words."""
    partitions = [one for topic in read.get("topics", {}).values() for one in topic.values()]
    count = sum(one["from"] < one["to"] for one in partitions)
    files = f"{read['files']:,} files"
    return f"{files} and {count:,} partitions of topics" if count else files


def _listed(counts: dict[str, int], prefix: str, but: str = "") -> str:
    """The counts whose names begin with a prefix, largest first, but for those that go on with `but`."""
    found = [(-number, name.removeprefix(prefix)) for name, number in counts.items() if name.startswith(prefix)]
    found = [entry for entry in found if not (but and entry[1].startswith(but))]
    return ", ".join(f"{name} {-number:,}" for number, name in sorted(found))


def _largest_stories(config: Config, made: dict[str, Any]) -> list[dict[str, Any]]:
    def stories() -> Iterator[dict[str, Any]]:
        for file in made["data_sets"]["stories"]["files"]:
            data = storage.read(storage.join(config.output, file["name"])) or b""
            yield from fastavro.reader(io.BytesIO(data))

    found = ((story["articles"], story["story_id"], story) for story in stories() if story["articles"] > 1)
    ordered = heapq.nsmallest(_LARGEST, found, key=lambda entry: (-entry[0], entry[1]))
    return [story for _, _, story in ordered]


def short(text: str, most: int = _HEADLINE_WIDTH) -> str:
    """A headline fit for a terminal: no control or direction signs, cut to the width that it takes up."""
    shown = ""
    width = 0
    for char in text:
        if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp"):
            continue
        width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
        if width > most:
            return shown + "…"
        shown += char
    return shown
