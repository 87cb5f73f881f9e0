"""The language step beside stock langdetect on the same texts in the same run: who is right, how sure, how fast.

    python -m tests.bench.language            all tables
    python -m tests.bench.language --fit      the step's thresholds and confidences, worked out of the data anew

Run it from the project's folder; it needs the development data in ../shared/data. Texts of a length are cut from each
language's sentences, one after the other, from each sentence on; documents are UDHR's. What the step learned from the
data (thresholds of fit, confidences) is reported by cross-validation over languages: learned on four fifths of them,
measured on the rest. Times are CPU time of one process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import langdetect
from langdetect.detector_factory import DetectorFactory
from langdetect.lang_detect_exception import LangDetectException

from transforms.language import tag
from transforms.language.build import load_profile
from transforms.language.profiles import LANGUAGES, SCALE
from transforms.language.scripts import CJK, CJK_WEIGHT, LANGUAGE_OF_SCRIPT, script_of
from transforms.language.tagger import MARGIN, _guess, _look_at

DEV = Path(__file__).parents[3] / "shared" / "data" / "language" / "dev.jsonl"
LENGTHS = (20, 30, 50, 80, 120, 160, 200, 300, 500)
FOLDS = 5
LOST = 0.002
"""Right guesses that a threshold of fit may withhold."""
UNKNOWN = 0.02
"""Articles in languages that langdetect doesn't know among those that a newsroom takes in, for the confidences: an
assumption, on the careful side for a desk that buys agencies' copy. All languages of a kind count alike, and all
lengths."""
TRIALS = 50
SUPPORTED = {*sum(LANGUAGES.values(), ()), *LANGUAGE_OF_SCRIPT.values(), "zh"}


class Sample(NamedTuple):
    """A text of the data."""

    language: str
    kind: str
    """`sentence`, `document`, or the letters it was cut at."""
    text: str
    letters: int
    script: str


class Judged(NamedTuple):
    """A guess before the gate, in a script in which languages compete."""

    language: str
    letters: int
    fit: int
    margin: int
    right: bool
    known: bool


def samples() -> Iterator[Sample]:
    """Sentences, what is cut of them, and documents."""
    sentences: dict[str, list[str]] = defaultdict(list)
    with DEV.open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            language = row["lang"].removeprefix("sentences__").split("-")[0]
            language = {"nb": "no", "nn": "no"}.get(language, language)
            if row["kind"] == "sentence":
                sentences[row["lang"].removeprefix("sentences__")].append(row["text"])
            else:
                yield _sample(language, "document", row["text"])
    for name, texts in sentences.items():
        language = {"nb": "no", "nn": "no"}.get(name, name)
        for at, text in enumerate(texts):
            yield _sample(language, "sentence", text)
            joined = " ".join(texts[at:] + texts[:at])
            for length in LENGTHS:
                yield _sample(language, str(length), cut(joined, length))


def _sample(language: str, kind: str, text: str) -> Sample:
    letters = _look_at(text).letters
    return Sample(language, kind, text, letters.total, letters.script)


def cut(text: str, letters: int) -> str:
    """The start of `text` that has so many letters, to the end of its last word."""
    counted = 0
    for at, character in enumerate(text):
        script = script_of(character)
        if counted >= letters and (script in CJK or character.isspace()):
            return text[:at]
        counted += CJK_WEIGHT if script in CJK else script not in ("", "digit")
    return text


def judged(drawn: Iterable[Sample]) -> list[Judged]:
    """What the profiles say of texts in scripts that they compete in."""
    found = []
    for sample in drawn:
        text = _look_at(sample.text)
        guess = _guess(text, text.leading, text.letters.script) if text.letters.script in LANGUAGES else None
        if guess is not None:
            right = guess.language == sample.language
            known = sample.language in SUPPORTED
            found.append(Judged(sample.language, text.letters.total, guess.fit, guess.margin, right, known))
    return found


class Learned(NamedTuple):
    """What the step learns from data."""

    fits: tuple[tuple[int, int], ...]
    excesses: tuple[tuple[int, int], ...]
    margins: tuple[tuple[int, int], ...]

    def least(self, letters: int) -> int:
        return next((fit for length, fit in self.fits if letters >= length), self.fits[-1][1])

    def sure(self, guess: Judged) -> bool:
        return guess.fit >= self.least(guess.letters) and guess.margin >= MARGIN

    def confidence(self, guess: Judged) -> float:
        known = next(share for excess, share in self.excesses if guess.fit - self.least(guess.letters) >= excess)
        right = next(share for margin, share in self.margins if guess.margin >= margin * SCALE)
        return known * right / 1_000_000


def learn(guesses: Sequence[Judged]) -> Learned:
    """Thresholds of fit by length; how often a text of some excess of fit is in a language that langdetect knows, and
    how often a guess of some margin is right if it is, both in thousandths."""
    bands: dict[int, list[int]] = {length: [] for length in LENGTHS}
    for guess in guesses:
        if guess.right and guess.letters >= LENGTHS[0]:
            bands[LENGTHS[bisect_right(LENGTHS, guess.letters) - 1]].append(guess.fit)
    least = [sorted(fits)[int(LOST * len(fits))] // 10 * 10 for fits in bands.values()]
    fits = tuple((length, max(least[: at + 1])) for at, length in enumerate(LENGTHS))[::-1]
    learned = Learned(fits, (), ())
    passed = [guess for guess in guesses if guess.letters >= LENGTHS[0] and learned.sure(guess)]
    everyone = Counter(guess.known for guess in guesses)
    weights = {True: (1 - UNKNOWN) / everyone[True], False: UNKNOWN / everyone[False]}
    excesses = _rising(
        (200, 150, 100, 70, 40, 20, 0), [(g.fit - learned.least(g.letters), g.known, weights[g.known]) for g in passed]
    )
    margins = _rising((60, 40, 24, 16, 12, 8, 6, 4), [(g.margin // SCALE, g.right, 1.0) for g in passed if g.known])
    return Learned(fits, excesses, margins)


def _rising(edges: Sequence[int], cases: Sequence[tuple[int, bool, float]]) -> tuple[tuple[int, int], ...]:
    """The share that is true from each edge to the next, in thousandths; neighbours that fall are taken together."""
    pools: list[tuple[float, float, list[int]]] = []
    upper = sys.maxsize
    for edge in edges:
        inside = [(true, weight) for value, true, weight in cases if edge <= value < upper]
        upper = edge
        pools.append((sum(w for true, w in inside if true), sum(w for _, w in inside), [edge]))
        while len(pools) > 1 and pools[-1][0] * pools[-2][1] >= pools[-2][0] * pools[-1][1]:
            (true, every, of), (true_before, every_before, before) = pools.pop(), pools.pop()
            pools.append((true + true_before, every + every_before, before + of))
    shares = [(of[-1], min(995, round(1000 * true / every))) for true, every, of in pools if every]
    return tuple((edge, share) for share, edge in {share: edge for edge, share in shares}.items())


def folds(guesses: Sequence[Judged]) -> Iterator[tuple[Learned, list[Judged]]]:
    """What is learned on four fifths of the languages, and the guesses of the rest."""
    languages = sorted({guess.language for guess in guesses})
    for fold in range(FOLDS):
        held_out = set(languages[fold::FOLDS])
        yield learn([g for g in guesses if g.language not in held_out]), [g for g in guesses if g.language in held_out]


def accuracy(drawn: Sequence[Sample]) -> None:
    """Right, wrong and withheld, and the time, of the step and of stock langdetect on the same texts."""
    stock("Warm up, please.")
    kinds = [*map(str, LENGTHS), "sentence", "document"]
    by_kind = {kind: [sample for sample in drawn if sample.kind == kind] for kind in kinds}
    # Stock langdetect takes its time: of the cut texts it gets those from every eighth sentence on.
    by_kind |= {kind: texts[::8] for kind, texts in by_kind.items() if kind.isdecimal()}
    by_kind["over 120"] = [s for s in by_kind["sentence"] + by_kind["document"] if s.letters > 120]
    told: dict[Callable[[str], str], dict[Sample, str]] = {}
    spent: dict[Callable[[str], str], dict[str, float]] = defaultdict(dict)
    for tagger in (ours, stock):
        told[tagger] = {}
        for kind, texts in by_kind.items():
            start = time.process_time()
            told[tagger] |= {sample: tagger(sample.text) for sample in texts}
            spent[tagger][kind] = (time.process_time() - start) / len(texts)
    print(f"{'':10} {'langdetect knows':^49} {'it does not know':^32} {'ms a text':^15}")
    print(f"{'':10} {'n':>5} {'right':>7} {'wrong':>7} {'und':>6} {'acc.':>6} {'stock':>6} "
          f"{'n':>10} {'withheld':>9} {'stock':>6} {'ours':>10} {'stock':>7}")  # fmt: skip
    for kind, texts in by_kind.items():
        known = [sample for sample in texts if sample.language in SUPPORTED]
        rest = [sample for sample in texts if sample.language not in SUPPORTED]
        right = sum(told[ours][sample] == sample.language for sample in known)
        withheld = sum(told[ours][sample] == "und" for sample in known)
        stocks = sum(told[stock][sample] == sample.language for sample in known)
        denied = [sum(told[tagger][sample] == "und" for sample in rest) / len(rest) for tagger in (ours, stock)]
        times = [spent[tagger][kind] * 1000 for tagger in (ours, stock)]
        print(f"{kind:10} {len(known):5} {right:7} {len(known) - right - withheld:7} {withheld:6} "
              f"{right / (len(known) - withheld):6.4f} {stocks / len(known):6.3f} {len(rest):10} {denied[0]:9.3f} "
              f"{denied[1]:6.3f} {times[0]:10.3f} {times[1]:7.2f}")  # fmt: skip
    print("acc.: right of those tagged. und counts as neither; stock never says it.\n")
    by_script(by_kind, told[ours])
    worst(by_kind, told[ours])


def by_script(by_kind: Mapping[str, Sequence[Sample]], told: Mapping[Sample, str]) -> None:
    print(f"{'by script, from 50 letters on':34} {'n':>5} {'right':>6} {'wrong':>6} {'und':>5}   confused")
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in [*by_kind["sentence"], *by_kind["document"]]:
        if sample.letters >= 50 and sample.language in SUPPORTED:
            groups[sample.script].append(sample)
    for script, texts in sorted(groups.items(), key=lambda group: -len(group[1])):
        wrong = Counter(
            f"{sample.language}>{told[sample]}" for sample in texts if told[sample] not in ("und", sample.language)
        )
        right, withheld = (sum(told[s] == said(s) for s in texts) for said in (lambda s: s.language, lambda s: "und"))
        shown = " ".join(f"{pair} {count}" for pair, count in wrong.most_common(6))
        print(f"{script:34} {len(texts):5} {right:6} {wrong.total():6} {withheld:5}   {shown}")
    print()


def worst(by_kind: Mapping[str, Sequence[Sample]], told: Mapping[Sample, str]) -> None:
    print("the ten longest texts with a wrong tag, of languages that langdetect knows")
    wrong = {
        sample
        for sample in [*by_kind["sentence"], *by_kind["document"]]
        if sample.language in SUPPORTED and told[sample] not in ("und", sample.language)
    }
    for sample in sorted(wrong, key=lambda sample: (-sample.letters, sample.text))[:10]:
        found = tag(sample.text)
        confused = f"{sample.language} > {found.language} {found.confidence:.2f}"
        print(f"  {confused} {sample.letters:4} letters: {sample.text[:80]!r}")
    claimed = Counter(
        (sample.language, told[sample])
        for sample in [*by_kind["sentence"], *by_kind["document"]]
        if sample.language not in SUPPORTED and sample.letters > 120 and told[sample] != "und"
    )
    print(
        "of languages that it does not know, over 120 letters:",
        *(f"{a}>{b} {n}" for (a, b), n in claimed.most_common(12)),
    )
    print()


def held_out(guesses: Sequence[Judged]) -> None:
    """The gate and the confidences, learned on some languages and measured on others."""
    gate: dict[int, Counter[str]] = defaultdict(Counter)
    bins: dict[int, list[tuple[float, bool, float]]] = defaultdict(list)
    everyone = Counter(guess.known for guess in guesses)
    weights = {True: (1 - UNKNOWN) / everyone[True], False: UNKNOWN / everyone[False]}
    for learned, rest in folds(guesses):
        for guess in rest:
            if guess.letters < LENGTHS[0]:
                continue
            length = LENGTHS[bisect_right(LENGTHS, guess.letters) - 1]
            kind = "right" if guess.right else "wrong" if guess.known else "unknown"
            sure = learned.sure(guess)
            gate[length][kind] += 1
            gate[length][f"{kind} withheld"] += not sure
            gate[length]["misfits"] += guess.right and guess.fit < learned.least(guess.letters)
            if sure:
                confidence = learned.confidence(guess)
                bins[min(9, int(confidence * 20) - 10)].append((confidence, guess.right, weights[guess.known]))
    print("the gate, by cross-validation over languages: share withheld, by letters")
    print(f"{'letters':>8} {'right':>8} {'of which misfits':>17} {'wrong':>8} {'unknown language':>17}")
    for length, counts in sorted(gate.items()):
        shares = [counts[f"{kind} withheld"] / max(1, counts[kind]) for kind in ("right", "wrong", "unknown")]
        misfits = counts["misfits"] / counts["right"]
        print(f"{length:7}+ {shares[0]:8.4f} {misfits:17.4f} {shares[1]:8.3f} {shares[2]:17.3f}")
    print(f"\nconfidence, likewise; a text in {1 / UNKNOWN:.0f} in a language that langdetect does not know")
    print(f"{'confidence':>12} {'n':>6} {'mean':>7} {'right':>7}")
    for number, cases in sorted(bins.items()):
        total = sum(weight for _, _, weight in cases)
        mean = sum(confidence * weight for confidence, _, weight in cases) / total
        right = sum(weight for _, is_right, weight in cases if is_right) / total
        print(f"{number / 20 + 0.5:6.2f}-{number / 20 + 0.55:.2f} {len(cases):6} {mean:7.3f} {right:7.3f}")
    print()


def agreement(drawn: Sequence[Sample]) -> None:
    """The exact sums beside langdetect's own scoring with the same profiles, at many trials."""
    same = Counter[bool]()
    for script, languages in LANGUAGES.items():
        factory = DetectorFactory()
        for index, name in enumerate(languages):
            factory.add_profile(load_profile(name), index, len(languages))
        factory.set_seed(0)
        for sample in drawn:
            if sample.kind != "sentence" or sample.script != script or sample.letters <= 50:
                continue
            if sample.language in languages:
                text = _look_at(sample.text)
                guess = _guess(text, text.leading, script)
                detector = factory.create()
                detector.n_trial = TRIALS
                detector.append(f"{text.lead} ")
                assert guess is not None
                found = detector.detect()
                same[found == guess.language] += 1
                if found != guess.language:
                    lead = guess.margin / SCALE
                    print(f"  {sample.language}: {guess.language} by {lead:.1f} nats, at {TRIALS} trials {found}")
    print(f"langdetect at {TRIALS} trials, supported languages over 50 letters: {same[True]} of {same.total()} agree")


COLD = """
import json, sys, time
import transforms.language.tagger as step
texts = json.load(sys.stdin)
def memory():
    return int(next(line for line in open("/proc/self/status") if line.startswith("VmRSS")).split()[1]) / 1024
before, start = memory(), time.process_time()
step.tag(texts[0])
first = time.process_time() - start
for text in texts:
    step.tag(text)
print(f"the first text {first:.3f} s, one of every script {time.process_time() - start:.3f} s;", end=" ")
print(f"{memory():.0f} MB, {memory() - before:.0f} of them the tables")
"""


def cold(drawn: Sequence[Sample]) -> None:
    """What loading takes in a process that has tagged nothing yet; English first."""
    texts = {sample.script: sample.text for sample in drawn if sample.kind == "sentence" and sample.letters > 80}
    english = next(sample.text for sample in drawn if sample.language == "en")
    command = [sys.executable, "-c", COLD]
    given = json.dumps([english, *texts.values()])
    done = subprocess.run(command, check=True, input=given, stdout=subprocess.PIPE, text=True)
    print("a cold process:", done.stdout)


def ours(text: str) -> str:
    return tag(text).language.split("-")[0]


def stock(text: str) -> str:
    langdetect.DetectorFactory.seed = 0
    try:
        found: str = langdetect.detect(text)
    except LangDetectException:
        return "und"
    return found.split("-")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fit", action="store_true", help="work out thresholds and confidences, and print them")
    args = parser.parse_args()
    if not DEV.is_file():
        raise SystemExit(f"the development data {DEV} is not here")
    drawn = list(samples())
    guesses = judged(sample for sample in drawn if sample.kind != "document")
    if args.fit:
        learned = learn(guesses)
        print(f"FITS = {learned.fits}\nEXCESSES = {learned.excesses}\nMARGINS = {learned.margins}")
        return
    accuracy(drawn)
    held_out(guesses)
    agreement(drawn)
    cold(drawn)


if __name__ == "__main__":
    main()
