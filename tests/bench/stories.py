"""Quality and speed of the story desk, next to a plain dictionary TF-IDF clusterer in the same run.

    python -m tests.bench.stories                 the shipped model: in-sample on the labelled articles, and says so
    python -m tests.bench.stories --held_out      learns on the earlier stories first, measures on the later ones

Needs the development data in ../shared/data. Times are CPU time of one process.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pipeline.learn import common_words, read_texts
from transforms.article import Slip
from transforms.stories.desk import Desk
from transforms.stories.evaluation import bcubed
from transforms.stories.learn.forest import learn_model
from transforms.stories.learn.streams import folded, founding_times, isolated_pairs, streams
from transforms.stories.learn.texts import Text, lead, slips_of, squeezed
from transforms.stories.model import Model
from transforms.stories.tables import TermTable, load_table
from transforms.stories.terms import HASHED, TermIds, term_ids, unpack
from transforms.stories.vectors import DAY, combine

DATA = Path(__file__).parents[3] / "shared" / "data"
Keyer = Callable[[Sequence[Slip]], dict[str, str]]


def plain_keys(slips: Sequence[Slip], table: TermTable, threshold: float = 0.25) -> dict[str, str]:
    """The usual clusterer: TF-IDF, cosine with each story's centroid, decay in time, join the best over a threshold."""
    sums: dict[int, dict[int, float]] = {}
    lengths: dict[int, float] = {}
    last: dict[int, int] = {}
    postings: dict[int, dict[int, None]] = {}
    keys = {}
    for slip in in_order(slips):
        counts = combine(unpack(slip.headline_terms), unpack(slip.body_terms))
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
    return {slip.article_id: desk.handle(slip) for slip in in_order(slips)}


def in_order(slips: Sequence[Slip]) -> list[Slip]:
    return sorted(slips, key=lambda slip: (slip.event_time, slip.article_id))


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


def speed(texts: Sequence[Text], table: TermTable, ids: TermIds) -> None:
    slips = slips_of(texts, ids)
    print("articles a second, terms given, one core:")
    for factor in (2, 20):
        stream = in_order(squeezed(slips, factor))[:3000]
        desk, start, live = Desk("en", table=table), time.process_time(), 0
        for number, slip in enumerate(stream, start=1):
            desk.handle(slip)
            live += desk.live() if number > 1000 else 0
        of_desk = len(stream) / (time.process_time() - start)
        start = time.process_time()
        plain_keys(stream, table)
        of_plain = len(stream) / (time.process_time() - start)
        print(
            f"  {live // (len(stream) - 1000):6,} live on average: desk {of_desk:6,.0f}, plain TF-IDF {of_plain:6,.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--held_out", action="store_true", help="learn on the earlier stories, measure on the later")
    args = parser.parse_args()
    if not DATA.is_dir():
        raise SystemExit(f"the development data {DATA} is not here")
    dated = list(read_texts(DATA / "stories" / "dev_dated_en.jsonl", "en"))
    near = [text._replace(cluster="") for text in read_texts(DATA / "stories" / "background_en.jsonl", "en")]
    history = [text._replace(cluster="") for text in read_texts(DATA / "stories" / "history_en.jsonl.gz", "en")]
    background = near + [text._replace(time=text.time + 720 * DAY) for text in history]
    ids, measured, model = term_ids("en"), load_table("en"), None
    estimate = TermIds("en", common_words(DATA / "language" / "dev.jsonl")[1])
    if args.held_out:
        earlier, dated = later_half(dated)
        undated = list(read_texts(DATA / "stories" / "dev_undated_en.jsonl", "en"))
        labels = {text.name: text.cluster for text in [*earlier, *undated]}
        # Half of the unlabelled articles are learned among, the other half is measured among.
        model = learn_model(list(streams(earlier, undated, background[::2], ids)), labels)
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
        speed(history, measured, ids)


if __name__ == "__main__":
    main()
