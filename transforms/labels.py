"""What wire copy writes into slugs, headlines and lines of its own about versions: `2nd Ld-Writethru`, `UPDATE 1-`,
`KILL`, `ADD 2`, `(Berichtigung)`, `更正：`.

In: a text. Out: `Labels`: what it says in IPTC's terms, the number, and the text without the labels. It is an
allow-list: a prefix that is not in it (`DSM-`, `KKR-`, `AMD:`) is a name and stays. Words that are labels and also
plain English or German (`Lead`, `Hold`, `Blitz`) count only in capitals or with a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

KILL, WITHHOLD, EMBARGO, ADVISORY, TAKE, CORRECTION, UPDATE, ALERT, REPEAT, BRIEF = _SIGNALS = (
    "kill", "withhold", "embargo", "advisory", "take", "correction", "update", "alert", "repeat", "brief",
)  # fmt: skip
"""What labels say, the strongest first: `CORRECTED-UPDATE 1-` is a correction."""


class Labels(NamedTuple):
    """What a text says about itself."""

    base: str
    """The text without its labels: what all versions have in common."""
    signal: str = ""
    """One of the signals of this module, empty where nothing is said."""
    number: int = 0
    """Of the version, 0 where it states none."""
    part: str = ""
    """`add 1`, `take 2`, `insert 1` …: a part of the text and no version of it; empty for a whole text."""
    removed: tuple[str, ...] = ()
    """The labels as written."""


# What is a label wherever it stands alone before a colon, and what only in capitals or with a number beside it.
# Sources: the handbooks for filing of the Associated Press and Reuters, headers of dpa and AFP, heads of Xinhua, Kyodo
# and Yonhap.
_PLAIN = {
    CORRECTION: """
        correction corrected corrective refile refiled berichtigung berichtigt korrektur korrigiert richtigstellung
        rectificatif rectifié corrección correção rettifica correzione rättelse rettelse rectificatie correctie
        исправление исправлено уточнение 更正 訂正 정정 تصحيح
    """,
    UPDATE: """
        update updated writethru zusammenfassung neufassung aktualisierung aktualisiert actualisation actualisé
        actualización ampliación atualização aggiornamento обновление обновлено 更新 続報 종합 تحديث
    """,
    ALERT: """
        urgent newsalert eil eileil eilmeldung urgente alerte breaking молния срочно 快讯 快訊 突发 突發 急电 急電 速報
        속보 عاجل
    """,
    REPEAT: "wiederholung wdh rpt 再送 повтор repetición",
    EMBARGO: "embargoed sperrfrist",
}
_IN_CAPITALS = {
    KILL: """
        kill killed withdrawn withdraw eliminate annulation annulé annulée anulada anulado anulación annullato
        annullamento zurückgezogen аннулировано 撤稿 取り消し
    """,
    WITHHOLD: "withhold hold",
    EMBARGO: "embargo",
    ADVISORY: "advisory advisories",
    CORRECTION: "corrects corrige annule remplace",
    UPDATE: "lead ld lede wrapup wrap roundup recast recasts net meldung actualise actualiza atualiza aggiorna amplía",
    ALERT: "alert flash bulletin snap newsbreak blitz",
    REPEAT: "repeat repeats",
    BRIEF: "brief",
    TAKE: "add insert sub take fortsetzung forts",
}
_SIGNAL = {
    word: signal for table in (_PLAIN, _IN_CAPITALS) for signal, words in table.items() for word in words.split()
}
_IS_PLAIN = frozenset(word for words in _PLAIN.values() for word in words.split())
# What may stand beside a label and says nothing itself.
_FILLERS = frozenset(["story", "version", "matter", "mandatory", "news", "et"])
# After a comma a slug has labels in any case, but these are subjects as well.
_SUBJECTS = "lead net meldung sub brief flash hold blitz wrap snap take add insert eliminate bulletin"
_NOUNS = frozenset(_SUBJECTS.split())
# A label of several words and numbers is not longer.
_LONGEST = 60
# Slugs have 24 characters in ANPA 1312's header, some eighty written out.
_LONGEST_SLUG = 500
# Numbers of versions have two digits at most; longer ones are times (`Zusammenfassung 1430`) or counts of words.
_NUMBERS_BELOW = 100

_TOKEN = re.compile(
    r"""(?P<ordinal>\d{1,2})\s?(?:(?:st|nd|rd|d|th|er|e|ème)(?![a-zà-ÿ])|(?:ST|ND|RD|D|TH)(?=LD|LEAD|WRITE|ADD|TAKE|\W)
                                  |[.ºª](?=\s?[^\W\d_]))
      | (?P<number>\d{1,4})(?!\d)
      | (?P<word>[^\W\d_]+)
      | [\s*/'’"!.()–-]+
      """,
    re.VERBOSE,
)
_IDEOGRAPHS = re.compile("[\u0590-\u06ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_PREFIX = re.compile(
    r"""\s*+(?:
        [(\[（【](?P<framed>[^()\[\]（）【】]{1,60})[)\]）】]\s*+[:：.-]?\s*+
      | (?P<open>[^:：\-–—|｜！!,，(\[（【]{1,60}?)(?P<sign>\s*+(?:[:：|｜！!]|-{1,2}|\.-|[–—])(?:\s++|(?=\S)))
    )""",
    re.VERBOSE,
)
# Reuters writes the second page of a story with the headline of the first and ` =2`.
_PAGE = re.compile(r"(?<=\S)\s=(?P<number>[2-9])\s*$")
_FRAMED_END = re.compile(r"\((?P<framed>[^()]{1,60})\)\s*$")


class _Said(NamedTuple):
    """What one label says, with how sure it is that it is one."""

    signal: str
    number: int
    part: str
    counted: bool
    """A number belongs to it."""
    plain: bool
    """All its words are labels in any case."""
    noun: bool
    """One of its words is a subject as well."""


def _said(text: str) -> _Said | None:
    """What `text` says if it is nothing but a label, else None."""
    if not 0 < len(text) <= _LONGEST:
        return None
    at = pending = number = 0
    last = ""
    kinds: dict[str, int] = {}
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        at = token.end()
        if token["ordinal"]:
            pending = int(token["ordinal"])
        elif token["number"]:
            number = int(token["number"])
            if not last or (kinds[last] and number < _NUMBERS_BELOW):
                return None
            if number < _NUMBERS_BELOW:
                kinds[last] = number
        elif token["word"]:
            word = token["word"].casefold()
            if word in _FILLERS:
                continue
            if word not in _SIGNAL:
                return None
            last = word
            kinds[word] = kinds.get(word) or pending
            pending = 0
    if not kinds or pending:
        return None
    signals = {_SIGNAL[word] for word in kinds}
    parts = [f"{word} {count}".removesuffix(" 0") for word, count in kinds.items() if _SIGNAL[word] == TAKE]
    return _Said(
        next(signal for signal in _SIGNALS if signal in signals),
        max((count for word, count in kinds.items() if _SIGNAL[word] != TAKE), default=0),
        " ".join(parts),
        any(kinds.values()),
        all(word in _IS_PLAIN for word in kinds),
        any(word in _NOUNS for word in kinds),
    )


def _stands_out(text: str, said: _Said) -> bool:
    """True where its looks say that a label is meant: in capitals, or counted."""
    return said.counted or text.upper() == text


@lru_cache(maxsize=1024)
def of_headline(text: str) -> Labels:
    """The labels before a headline (`UPDATE 1-…`, `CORRECTED: …`, `(2nd LD) …`, `快讯：…`) and its page (`… =2`)."""
    found: list[_Said] = []
    removed: list[str] = []
    rest = text
    while len(found) < 4 and (prefix := _PREFIX.match(rest)):
        label = (prefix["framed"] or prefix["open"]).strip()
        said = _said(label)
        behind = rest[prefix.end() :]
        if said is None or not behind or not _is_prefix(label, said, prefix, behind):
            break
        found.append(said)
        removed.append(prefix[0])
        rest = behind
    page = _PAGE.search(rest)
    if page:
        found.append(_Said(TAKE, 0, f"take {page['number']}", True, True, False))
        removed.append(page[0])
        rest = rest[: page.start()]
    return _of(found, rest.strip() if found else text, removed)


def _is_prefix(label: str, said: _Said, prefix: re.Match[str], behind: str) -> bool:
    """True where what looks like a label before a headline is one, by how it is written."""
    sign = prefix["sign"] or ":"
    # "Take 2: the director" and "Hold 3: …" are headlines, whatever the number.
    capitals = label.upper() == label or (said.counted and said.signal in (UPDATE, CORRECTION, ALERT, REPEAT))
    if sign.strip() in (":", "：") or (sign[0].isspace() and sign[-1].isspace() and sign.strip() not in "!！"):
        return said.plain or capitals
    if _IDEOGRAPHS.search(label):
        return True
    # A hyphen joins words too: in a headline all of capitals nothing tells ALERT-LEVEL from ALERT-.
    return capitals and (said.counted or any(char.islower() or _IDEOGRAPHS.match(char) for char in behind))


def of_slug(text: str) -> Labels:
    """The labels behind a slug: `BC-US--Fire,1st Ld-Writethru,450`, `Quake 1stLd-Writethru`, `Brand (Berichtigung)`.

    The count of words at its end is removed as well.
    """
    if len(text) > _LONGEST_SLUG:
        return Labels(text)
    base, *more = (fragment.strip() for fragment in text.split(","))
    found: list[_Said] = []
    removed: list[str] = []
    kept = [base]
    if more and more[-1].isdecimal() and len(more[-1]) <= 5:
        removed.append(more.pop())
    for fragment in more:
        said = _said(fragment)
        if said and (not said.noun or _stands_out(fragment, said)):
            found.append(said)
            removed.append(fragment)
        elif fragment:
            kept.append(fragment)
    framed = _FRAMED_END.search(base)
    said = _said(framed["framed"].strip()) if framed else None
    if framed and said and base[: framed.start()].strip():
        found.append(said)
        removed.append(framed[0])
        kept[0] = base[: framed.start()].strip()
    else:
        for words, label in _endings(base):
            said = _said(label)
            # Without a comma "Amber Alert" and "Road Kill" are subjects; a number tells.
            if said and (said.counted or "writethru" in label.casefold()):
                found.append(said)
                removed.append(label)
                kept[0] = words
                break
    return _of(found, ", ".join(kept), removed)


def _endings(base: str) -> Iterator[tuple[str, str]]:
    """How a slug parts into words before and a label of up to four words behind, the longest label first."""
    for count in range(4, 0, -1):
        parts = base.rsplit(None, count)
        if len(parts) == count + 1:
            yield parts[0], " ".join(parts[1:])


def of_line(text: str) -> Labels | None:
    """What a line of its own says that is nothing but a label (`KILL KILL KILL`, `2ND LEAD`, `(Berichtigung: …)`).

    None for any other line. What a label in brackets explains behind its colon is the base.
    """
    line = text.strip()
    framed = line.startswith("(") and line.endswith(")")
    label, _, note = line[1:-1].partition(":") if framed else (line, "", "")
    said = _said(label.strip())
    if said is None or not (_stands_out(label, said) or (framed and not said.noun)):
        return None
    return _of([said], note.strip(), [label])


def _of(found: list[_Said], base: str, removed: list[str]) -> Labels:
    if not found:
        return Labels(base, removed=tuple(removed))
    signals = {said.signal for said in found}
    return Labels(
        base,
        next(signal for signal in _SIGNALS if signal in signals),
        max(said.number for said in found),
        " ".join(filter(None, (said.part for said in found))),
        tuple(removed),
    )


def together(labels: list[Labels]) -> Labels:
    """What several texts of one item (its slug, lines, headline) say together, on the base of the first."""
    signals = {label.signal for label in labels}
    return Labels(
        labels[0].base if labels else "",
        next((signal for signal in _SIGNALS if signal in signals), ""),
        max((label.number for label in labels), default=0),
        next((label.part for label in labels if label.part), ""),
        tuple(text for label in labels for text in label.removed),
    )
