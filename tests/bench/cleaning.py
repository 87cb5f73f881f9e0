"""What cleaning costs an article, beside plain `ftfy.fix_text` on the same bodies, and what its rules did.

    python -m tests.bench.cleaning [--input FOLDER-OR-ARCHIVE] [--articles 1500] [--repeats 5]

Run it from the project's folder; without --input it takes the development data's corpus. Times are CPU milliseconds an
article on one core, warm, the best of several passes that alternate; parsing is not in them.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import ftfy

from pipeline.inputs import InputFile, expand
from pipeline.unpack import Limits, read_file
from tests.bench.throughput import CORPUS
from tests.pipeline.outputs import config
from transforms.article import Article, RawItem
from transforms.clean import RULES, clean
from transforms.clean.house import shipped
from transforms.parse import parse


def parsed(path: str) -> list[Article]:
    """The articles of a folder or an archive."""
    found: list[Article] = []
    for file in expand(config(Path("unused"), path)):
        for item in read_file(InputFile(*file), Limits(2**25, 2**32)):
            if isinstance(item, RawItem):
                found += (article for article in parse(item) if isinstance(article, Article))
    return found


def best(passes: Sequence[tuple[Callable[[Article], object], Sequence[Article]]], repeats: int) -> list[float]:
    """Milliseconds an article of each pass, the best of those that took turns."""
    spent = [[0.0] * len(passes) for _ in range(repeats)]
    for times in spent:
        for place, (function, articles) in enumerate(passes):
            start = time.process_time()
            for article in articles:
                function(article)
            times[place] = (time.process_time() - start) / len(articles) * 1000
    return [min(column) for column in zip(*spent, strict=True)]


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--input", default=str(CORPUS))
    parser.add_argument("--articles", type=int, default=1500)
    parser.add_argument("--repeats", type=int, default=5)
    args = parser.parse_args()
    corpus = parsed(args.input)
    sample = random.Random(1).sample(corpus, min(args.articles, len(corpus)))
    kinds = {"all": sample}
    for kind, chinese in (("alphabetic", False), ("Chinese, Japanese", True)):
        kinds[kind] = [
            one for one in sample if (sum("\u3040" <= sign <= "\u9fff" for sign in one.body) > 50) == chinese
        ]
    print(f"{len(corpus)} articles, {len(sample)} measured\n")
    print("| bodies | articles | characters | clean, ms | ftfy.fix_text, ms | ratio |\n|---|---|---|---|---|---|")
    for kind, articles in kinds.items():
        if articles:
            ours, plain = best([(clean, articles), (lambda one: ftfy.fix_text(one.body), articles)], args.repeats)
            length = sum(len(one.body) for one in articles) // len(articles)
            print(f"| {kind} | {len(articles)} | {length} | {ours:.3f} | {plain:.3f} | {ours / plain:.2f} |")
    fired: Counter[str] = Counter()
    changed = 0
    for article in corpus:
        cleaned = clean(article)
        fired.update(cleaned.cleaning)
        again = clean(cleaned)
        changed += again != cleaned
    print(f"\n{changed} articles change when they are cleaned again\n\n| rule | articles |\n|---|---|")
    for name in (*(rule.name for rule in RULES if rule.name != "boilerplate"), *(rule.name for rule in shipped())):
        print(f"| {name} | {fired[name]} |")


if __name__ == "__main__":
    main()
