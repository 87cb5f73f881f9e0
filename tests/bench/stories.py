"""Quality and speed of the story desk, next to a plain dictionary TF-IDF clusterer in the same run.

    python -m tests.bench.stories                 the shipped model: in-sample on the labelled articles, and says so
    python -m tests.bench.stories --held_out      learns on the earlier stories first, measures on the later ones
    python -m tests.bench.stories --speed         speed, pauses and size at 1,000, 10,000 and 100,000 live stories

Needs the development data in ../shared/data. Times are CPU time of one process.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from pipeline.learn import common_words, read_texts
from transforms.article import Slip
from transforms.ledger import LIVE_STORY, decode, encode
from transforms.stories.desk import LIFE, Desk, in_order
from transforms.stories.evaluation import bcubed
from transforms.stories.learn.forest import learn_model
from transforms.stories.learn.streams import folded, founding_times, isolated_pairs, streams
from transforms.stories.learn.texts import Text, lead, slips_of, squeezed
from transforms.stories.model import Model
from transforms.stories.tables import TermTable, load_table
from transforms.stories.terms import HASHED, TermIds, pack, term_ids, unpack
from transforms.stories.vectors import DAY

DATA = Path(__file__).parents[3] / "shared" / "data"
MEASURED = 2000
Keyer = Callable[[Sequence[Slip]], dict[str, str]]


def plain_keys(slips: Sequence[Slip], table: TermTable, threshold: float = 0.25) -> dict[str, str]:
    """The usual clusterer: TF-IDF, cosine with each story's centroid, decay in time, join the best over a threshold."""
    sums: dict[int, dict[int, float]] = {}
    lengths: dict[int, float] = {}
    last: dict[int, int] = {}
    postings: dict[int, dict[int, None]] = {}
    keys = {}
    for slip in sorted(slips, key=in_order):
        counts = dict(zip(*(values.tolist() for values in unpack(slip.terms)), strict=True))
        known = table.frequencies
        vector = {
            term: (1 + math.log(count)) * math.log(table.documents / (1 + (known[term] if term < HASHED else 0)))
            for term, count in counts.items()
        }
        vector = dict(sorted(vector.items(), key=lambda item: (-item[1], item[0]))[:50])
        length = math.sqrt(math.fsum(weight * weight for weight in vector.values())) or 1.0
        dots: dict[int, float] = {}
        for term, weight in vector.items():
            for story in list(postings.get(term, ())):
                if slip.event_time - last[story] > 6 * DAY:
                    del postings[term][story]
                else:
                    dots[story] = dots.get(story, 0.0) + weight * sums[story][term]
        best, score = -1, threshold
        for story, dot in dots.items():
            days = (slip.event_time - last[story]) / DAY
            value = dot / (length * lengths[story]) * math.exp(-days / 12)
            if value > score:
                best, score = story, value
        if best < 0:
            best = len(sums)
            sums[best] = {}
        total = sums[best]
        for term, weight in vector.items():
            total[term] = total.get(term, 0.0) + weight / length
            postings.setdefault(term, {})[best] = None
        lengths[best] = math.sqrt(math.fsum(weight * weight for weight in total.values())) or 1.0
        last[best] = slip.event_time
        keys[slip.article_id] = str(best)
    return keys


def desk_keys(slips: Sequence[Slip], table: TermTable, model: Model | None) -> dict[str, str]:
    desk = Desk("en", model=model, table=table)
    keys = {slip.article_id: desk.handle(slip) for slip in sorted(slips, key=in_order)}
    return {name: desk.survivor(story_id) for name, story_id in keys.items()}


def later_half(texts: Sequence[Text]) -> tuple[list[Text], list[Text]]:
    """Earlier and later stories, with half of the articles each."""
    founded = founding_times(texts)
    middle = sorted(founded.values())[len(texts) // 2]
    return [text for text in texts if founded[text.name] < middle], [
        text for text in texts if founded[text.name] >= middle
    ]


def quality(dated: Sequence[Text], background: Sequence[Text], ids: TermIds, keyers: Mapping[str, Keyer]) -> None:
    gold = {text.name: text.cluster for text in dated}
    founded = founding_times(dated)
    headed = [text for text in dated if text.headline]
    whole, short = slips_of(dated, ids), slips_of([lead(text, 50) for text in dated], ids)
    headlines = slips_of([lead(text, 0) for text in headed], ids)
    around = slips_of(background, ids)
    around_headlines = slips_of([lead(text, 0) for text in background if text.headline], ids)
    forms = {
        "whole": whole,
        "lead": short,
        "headline": headlines,
        "whole, dense": whole + around,
        "whole, dense x10": squeezed(whole + around, 10),
        "whole, dense x100": squeezed(whole + around, 100),
        "whole, folded": folded(whole, founded) + folded(around, {}),
        "headline, folded": folded(headlines, founded) + folded(around_headlines, {}),
    }
    print(f"{'BCubed P / R / F1':20}" + "".join(f"{name:>28}" for name in keyers))
    for form, slips in forms.items():
        present = {slip.article_id for slip in slips}
        scored = {name: cluster for name, cluster in gold.items() if name in present}
        figures = [bcubed(keyer(slips), scored) for keyer in keyers.values()]
        texts = [f"{figure.precision:.3f} / {figure.recall:.3f} / {figure.f1:.4f}" for figure in figures]
        shown = "".join(f"{text:>28}" for text in texts)
        print(f"{form:20}{shown}   {len(slips)} articles", flush=True)


def pairs(dated: Sequence[Text], ids: TermIds, keyers: Mapping[str, Keyer]) -> None:
    """Two articles alone in a run."""
    cluster = {text.name: text.cluster for text in dated}
    texts = [text for text in dated if text.headline]
    for form, words in (("whole", 10_000), ("lead", 50), ("headline", 0)):
        slips = {slip.article_id: slip for slip in slips_of([lead(text, words) for text in texts], ids)}
        drawn = list(isolated_pairs(texts, [slips], 2000, random.Random(5)))
        for name, keyer in keyers.items():
            joined: dict[bool, list[bool]] = {True: [], False: []}
            for pair in drawn:
                one, other = pair
                same = cluster[one.article_id] == cluster[other.article_id]
                joined[same].append(len(set(keyer(pair).values())) == 1)
            wrong, right = (sum(joined[same]) / len(joined[same]) for same in (False, True))
            print(f"pairs, {form:10} {name:16} unrelated joined {wrong:.1%}, related joined {right:.1%}")


def many(slips: Sequence[Slip], stories: int, chance: random.Random) -> Iterator[Slip]:
    """The same slips over and over, as if each time all names had changed: hashed terms get other hashes, and terms of
    the table swap places with neighbours that are about as common."""
    rounds = 0
    while True:
        swapped = np.arange(len(load_table("en").frequencies))
        for start in range(0, len(swapped), 64) if rounds else ():
            chance.shuffle(block := swapped[start : start + 64].tolist())
            swapped[start : start + 64] = block
        for slip in slips:
            terms, counts = unpack(slip.terms)
            known = terms < HASHED
            renamed = (
                np.where(known, swapped[np.where(known, terms, 0)], (terms * 2654435761 + rounds) | HASHED) % 2**32
            )
            name = f"{slip.article_id} {rounds}"
            made = pack(dict(zip(renamed.tolist(), counts.tolist(), strict=True)))
            yield slip._replace(article_id=name, version_key=name, terms=made)
        rounds += 1


def speed(texts: Sequence[Text], table: TermTable, ids: TermIds, sizes: Sequence[int]) -> None:
    """Articles a second, the longest pause, what the ledger takes and how long it takes to load, by live stories."""
    slips = slips_of(texts, ids)
    random.Random(3).shuffle(slips)
    print(
        f"{'live':>9} {'desk/s':>7} {'p99 ms':>7} {'worst ms':>8} {'plain/s':>8} {'B/story':>8} {'load s':>7} {'MB':>6}"
    )
    for live in sizes:
        stream = many(slips, live, random.Random(7))
        desk, day = Desk("en", table=table), 20_000
        # As many articles a day as make the desk hold that many stories after the days that one lives.
        a_day = max(live * DAY // LIFE * 3 // 2, 50)
        number, warm = 0, []
        while desk.live() < live:
            warm.append(next(stream)._replace(event_time=day * DAY + number * DAY // a_day))
            desk.handle(warm[-1])
            number += 1
        measured = [
            next(stream)._replace(event_time=day * DAY + (number + at) * DAY // a_day) for at in range(MEASURED)
        ]
        took = []
        for slip in measured:
            start = time.process_time()
            desk.handle(slip)
            took.append(time.process_time() - start)
        took.sort()
        entries = [encode(entry) for entry in desk.entries()]
        stories = [row.data for row in entries if row.kind == LIVE_STORY]
        stored = sum(len(zlib.compress(b"".join(stories[at : at + 16]))) for at in range(0, len(stories), 16))
        some = [row for row in entries if row.kind == LIVE_STORY][:10_000]
        start = time.process_time()
        Desk("en", table=table).resume(map(decode, some))
        loaded = (time.process_time() - start) / len(some) * 10_000
        start, of_plain = time.process_time(), min(live, 20_000)
        plain = plain_keys([*warm[-of_plain:], *measured], table)
        rate = len(plain) / (time.process_time() - start)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        pauses = f"{took[-MEASURED // 100] * 1000:7.1f} {took[-1] * 1000:8.1f}"
        print(
            f"{desk.live():9,} {MEASURED / sum(took):7,.0f} {pauses} "
            f"{rate:8,.0f} {stored / len(stories):8,.0f} {loaded:7.2f} {memory:6,}",
            flush=True,
        )
    print(
        "load: 10,000 stories, decoded and indexed. B/story: in the ledger, deflated. plain/s: TF-IDF in dictionaries."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held_out", action="store_true", help="learn on the earlier stories, measure on the later")
    parser.add_argument(
        "--speed", type=int, nargs="*", metavar="LIVE", help="speed and size alone, at so many live stories"
    )
    args = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the development data {DATA} is not here")
    dated = list(read_texts(DATA / "stories" / "dev_dated_en.jsonl", "en"))
    near = [text._replace(cluster="") for text in read_texts(DATA / "stories" / "background_en.jsonl", "en")]
    history = [text._replace(cluster="") for text in read_texts(DATA / "stories" / "history_en.jsonl.gz", "en")]
    background = near + [text._replace(time=text.time + 720 * DAY) for text in history]
    ids, measured, model = term_ids("en"), load_table("en"), None
    if args.speed is not None:
        speed(history, measured, ids, args.speed or (1_000, 10_000, 100_000))
        return
    estimate = TermIds("en", common_words(DATA / "language" / "dev.jsonl")[1])
    if args.held_out:
        earlier, dated = later_half(dated)
        undated = list(read_texts(DATA / "stories" / "dev_undated_en.jsonl", "en"))
        # Half of the unlabelled articles are learned among, the other half is measured among.
        model = learn_model(list(streams(earlier, undated, background[::2], ids)))
        background = background[1::2]
        print(f"held out by time: learned on {len(earlier)} earlier articles, measured on {len(dated)} later ones")
    else:
        print("IN-SAMPLE: the shipped model was learned on these very articles; see --held_out")
    keyers: dict[str, Keyer] = {
        "desk": lambda slips: desk_keys(slips, measured, model),
        "plain TF-IDF": lambda slips: plain_keys(slips, measured),
    }
    quality(dated, background, ids, keyers)
    pairs(dated, ids, keyers)
    if not args.held_out:
        print("English counted as a language without a table (in-sample too):")
        pairs(dated, estimate, {"desk": lambda slips: desk_keys(slips, estimate.table, None)})


if __name__ == "__main__":
    main()
