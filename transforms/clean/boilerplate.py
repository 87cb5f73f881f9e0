"""Lines that a house prints around its copy: plugs, pointers to other articles, contacts, notices, credits.

In: an article with a plain text body, and rules that are data (`boilerplate.toml`, and a house's own file). Out: the
article without those lines, each in the field that its rule names or among `removed_lines`, so that none is lost. A
rule's lines are text with `*` for anything: no regular expression, so a rule of a house can neither hang a run nor
match what its writer didn't see coming.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from transforms.article import Article
from transforms.clean.lines import add_new, is_copy, key, tidy

START, END, ANYWHERE = PLACES = "start", "end", "anywhere"
"""Where a rule's lines may stand: above the copy, below it, or between as well."""

TEXT_FIELDS = (
    "byline", "ed_note", "info_source", "credit", "copyright_holder", "copyright_notice", "usage_terms",
)  # fmt: skip
LIST_FIELDS = ("captions", "credits", "removed_links", "removed_lines")
"""Where a line may move to. A text that is stated already stays as it is; the line is then kept in removed_lines."""

LONGEST_LINE = 400
"""Characters. What is longer reads as copy, whatever it begins with."""
AT_MOST = 200
"""Characters of a rule's lines, where the rule says nothing."""

# Full-width signs are compared as their ASCII ones, the bars that part label and name as a colon.
_FOLDED = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)} | {
    ord(sign): folded
    for signs, folded in (
        ("|｜丨│︱∣", ":"),
        ("“”„«»「」『』", '"'),
        ("‘’‚", "'"),
        ("–—―−", "-"),
        ("。", "."),
        ("、", ","),
    )
    for sign in signs
}
_FOLDED[ord("｜")] = ":"
# What stands around a line to set it off.
_ORNAMENT = " \t\"'*•·●○▲△▼▽■□◆◇★☆⭐>#=+~_-/\\()[]{}<>【】〔〕《》.!,;"
_ORNAMENT_AS_WRITTEN = _ORNAMENT + "".join(chr(code) for code, folded in _FOLDED.items() if folded in _ORNAMENT)
_ORNAMENTS = frozenset(_ORNAMENT_AS_WRITTEN)
_BLANKS = re.compile(r"\s+")
_AROUND_COLON = re.compile(r" ?: ?")
# What parts a label from what it says, in a line as written.
_LABEL_END = re.compile(r"\s*[:：|｜丨│︱∣/／]|(?<=\S)\s")
_LABELLED = re.compile(r".{1,8}[:：]")
# A line may name the author first and then those who checked it.
_OTHER_HANDS = re.compile(
    r"[\s,，;；、|｜丨(（]*(?:责任编辑|責任編輯|编辑|編輯|责编|責編|主编|校对|校對|审核|審核|监制|監製|出品|排版|设计|来源|來源)"
)
_SENTENCE_ENDS = "。？！?!"
_LENGTHS = (5, 4, 3, 2, 1)
"""How many first letters of a line are looked up."""
_HEAD = 24
"""So many letters of a line as written have the first five of it folded, but for a lot of ornament."""
_LETTER = re.compile(r"[^\W\d_]|©")


class LineRule(NamedTuple):
    """Lines that aren't copy, and what becomes of them."""

    name: str
    """As it stands in an article's `cleaning` and in the manifest's counts."""
    lines: tuple[str, ...]
    """What they look like: text, `*` stands for anything. Compared without case, ornament around it and width."""
    why: str = ""
    to: str = "removed_lines"
    """One of TEXT_FIELDS or LIST_FIELDS."""
    takes: str = "line"
    """`line`, or `value`: of "Photo: Jane Doe" only what stands behind the label, unless that is a web address."""
    where: str = ANYWHERE
    at_most: int = AT_MOST
    """Characters of the longest line that it may be."""
    sentences: bool = True
    """False: a line that ends as a sentence stays, since a label may also begin what someone says."""
    with_list: bool = False
    """The list below it goes with it: lines that begin with "- ", or any below the copy."""
    provider: tuple[str, ...] = ()
    """Only in articles of these providers; none: in all."""
    before: str = ""
    """An example: a body."""
    after: str = ""
    """What the rule alone makes of it."""


class _Pattern(NamedTuple):
    place: int
    """In the order of the rules: the first that fits takes a line."""
    parts: tuple[str, ...]
    """The folded text between the stars; "" at an end where a star stands."""
    rule: LineRule


class Boilerplate:
    """Rules made ready: applied in one pass over the lines of a body."""

    def __init__(self, rules: Iterable[LineRule]) -> None:
        self._starts: set[str] = set()
        """The first letters of patterns, three or all that they have, in all ways to write them."""
        self._by_start: dict[str, list[_Pattern]] = {}
        """The first letters of patterns, as many as they have up to the most of _LENGTHS."""
        self._ends: dict[str, list[_Pattern]] = {}
        self._longest_by_end = 0
        self._as_written: dict[str, LineRule] = {}
        self._count = 0
        for rule in rules:
            for line in rule.lines:
                self._add(line, rule)

    def _add(self, line: str, rule: LineRule) -> None:
        if is_sign(line):
            self._as_written.setdefault(line.strip(), rule)
            return
        parts = parts_of(line)
        pattern = _Pattern(self._count, parts, rule)
        self._count += 1
        if parts[0]:
            for written in _beginnings(parts[0]):
                self._starts.update(_ways_to_write(written))
            self._by_start.setdefault(parts[0][: _LENGTHS[0]], []).append(pattern)
        else:
            self._longest_by_end = max(self._longest_by_end, rule.at_most)
            for written in _ways_to_write(parts[-1][-2:]):
                self._ends.setdefault(written, []).append(pattern)

    def apply(self, article: Article) -> Article:
        """The article without the lines of the rules; its `cleaning` names those that took one."""
        lines = article.body.split("\n")
        starts, ends, longest, as_written = self._starts, self._ends, self._longest_by_end, self._as_written
        # Three letters tell nearly all lines apart from those that a rule may take.
        likely = [
            at
            for at, line in enumerate(lines)
            if line
            and (
                (start := line[:3] if line[0] not in _ORNAMENTS else line.lstrip(_ORNAMENT_AS_WRITTEN)[:3]) in starts
                or start[:2] in starts
                or (len(line) <= longest and line.rstrip(_ORNAMENT_AS_WRITTEN)[-2:] in ends)
                or line in as_written
            )
        ]
        found = {at: rule for at in likely if (rule := self._rule(lines[at], article.provider))}
        if not found:
            return article
        copy = [at for at, line in enumerate(lines) if line and at not in found and is_copy(line)]
        first, last = (copy[0], copy[-1]) if copy else (len(lines), -1)
        found = {
            at: rule
            for at, rule in found.items()
            if rule.where == ANYWHERE or (at < first if rule.where == START else at > last)
        }
        for at, rule in list(found.items()):
            if rule.with_list:
                found |= dict.fromkeys(_listed(lines, at, at > last), rule)
        if not found:
            return article
        return _without(article, lines, dict(sorted(found.items())))

    def _rule(self, line: str, provider: str) -> LineRule | None:
        if not line or len(line) > LONGEST_LINE:
            return None
        written = self._as_written.get(line)
        if written is not None and _is_of(written, provider):
            return written
        # The first letters, folded, tell most lines apart before the whole is.
        start = folded(line[:_HEAD])
        candidates: list[_Pattern] = []
        for length in _LENGTHS:
            candidates += self._by_start.get(start[:length], ())
        candidates += self._ends.get(line.rstrip(_ORNAMENT_AS_WRITTEN)[-2:], ())
        if not candidates:
            return None
        text = folded(line)
        for _, parts, rule in sorted(candidates, key=_place):
            if (
                len(line) <= rule.at_most
                and (rule.sentences or line[-1] not in _SENTENCE_ENDS)
                and not (rule.takes == "value" and "://" in line)
                and _is_of(rule, provider)
                and _matches(parts, text)
            ):
                return rule
        return None


def _place(pattern: _Pattern) -> int:
    return pattern.place


def folded(text: str) -> str:
    """A line as it is compared: lower case, ASCII signs, single blanks, none around a colon, no ornament around it."""
    text = _lowered(text)
    if "  " in text or "\t" in text:
        text = _BLANKS.sub(" ", text)
    if " :" in text or ": " in text:
        text = _AROUND_COLON.sub(":", text)
    return text.strip(_ORNAMENT)


def _lowered(text: str) -> str:
    # Nearly all English lines are ASCII, of which one sign alone is folded.
    return (text.replace("|", ":") if text.isascii() else text.translate(_FOLDED)).lower()


def _beginnings(text: str) -> tuple[str, ...]:
    """The first two or three letters of lines that fold to `text`, which may have blanks around a colon."""
    word = text[:3].partition(":")[0].rstrip()
    if len(word) == 1:
        return (text[:2], f"{word} ")
    return (word,)


def _ways_to_write(text: str) -> Iterator[str]:
    """All texts that fold to `text`, which is folded."""
    letters = (
        [letter, letter.upper(), *(chr(code) for code in _FOLDED if _FOLDED[code] in (letter, letter.upper()))]
        for letter in text
    )
    return map("".join, product(*letters))


def parts_of(line: str) -> tuple[str, ...]:
    """A rule's line, cut at its stars and folded; "" at an end where a star stands."""
    # A star is ornament too, so while it is folded another sign stands in its place, which no text has.
    return tuple(folded(line.replace("*", "\0")).split("\0"))


def is_sign(line: str) -> bool:
    """True for a line without letters or with a single one, such as `-30-` or （完）: it is compared as written."""
    return _LETTER.search(line) is None or ("*" not in line and len(folded(line)) == 1)


def _matches(parts: tuple[str, ...], text: str) -> bool:
    """True where the parts stand in the text in order, the first at its start and the last at its end. Linear."""
    if len(parts) == 1:
        return text == parts[0]
    first, *middle, last = parts
    at, end = len(first), len(text) - len(last)
    if end < at or not text.startswith(first) or not text.endswith(last):
        return False
    for part in middle:
        at = text.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _is_of(rule: LineRule, provider: str) -> bool:
    return not rule.provider or provider.casefold() in (name.casefold() for name in rule.provider)


def _listed(lines: list[str], heading: int, below_copy: bool) -> list[int]:
    """Where the list below a heading stands: its items; below the copy all lines down to one with a label (Note: …)."""
    listed = []
    for at in range(heading + 1, len(lines)):
        if lines[at].startswith("- ") or (below_copy and lines[at] and not _LABELLED.match(lines[at])):
            listed.append(at)
        elif lines[at]:
            break
    return listed


def _value(line: str) -> str:
    """What a line says behind its label: "Photo: Jane Doe" -> "Jane Doe"."""
    label = _LABEL_END.search(line)
    value = line[label.end() :] if label else line
    other = _OTHER_HANDS.search(value)
    return (value[: other.start()] if other else value).strip(_ORNAMENT + "：:）)，。")


def _without(article: Article, lines: list[str], found: Mapping[int, LineRule]) -> Article:
    texts: dict[str, str] = {}
    lists: dict[str, list[str]] = {}
    for at, rule in found.items():
        said = _value(lines[at]) if rule.takes == "value" else lines[at]
        if rule.to in LIST_FIELDS:
            lists.setdefault(rule.to, []).append(said)
            continue
        stated = texts.get(rule.to, getattr(article, rule.to))
        if not stated:
            texts[rule.to] = said
        elif key(said) not in key(stated):
            lists.setdefault("removed_lines", []).append(lines[at])
    kept = (line for at, line in enumerate(lines) if at not in found)
    names = dict.fromkeys(rule.name for rule in found.values())
    changed: dict[str, Any] = {name: add_new(getattr(article, name), values) for name, values in lists.items()}
    changed |= texts
    return article._replace(
        body=tidy("\n".join(kept)),
        cleaning=(*article.cleaning, *(name for name in names if name not in article.cleaning)),
        **changed,
    )
