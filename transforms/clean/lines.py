"""Lines that are not copy: an article with a plain text body in, the article with them in their fields out.

Headline, byline, dateline, captions and source stand as lines around the copy in many feeds. A line is moved only where
its form leaves no doubt; every function returns the very article it was given where there is nothing to do.
"""

from __future__ import annotations

import re
from itertools import pairwise

from transforms.article import Article
from transforms.labels import of_headline

_BLANK = "\n \t"
# It begins with a fixed sign, which the engine skips to; what may stand before a line feed is looked for by itself.
_UNTIDY = re.compile(r"\n(?:[ \t]|\n\n)")
_EMPTY_LINES = re.compile(r"\n{3,}")

# How deep a byline may stand: below the headline, a picture's credit and a rating, above the copy.
_LEAD_LINES = 4
_LEAD_ZONE = 600
"""Characters in which "By" is looked for at all; the lines above the copy are shorter."""
_LINE_LIMIT = 300
"""Characters of the longest line that may be a caption."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NAME_PARTICLES = _words(
    """
    al bin da de del della der di do dos du el ibn la le ten ter van von y zu
    """
)
_AGENCIES = _words(
    """
    AAP AFP ANI AP Agencies Bloomberg CNBC CNN DPA EFE IANS PA PTI Reuters Staff TASS UPI Xinhua Yonhap
    """
)
# What "By …" and a line of capitalised words are when they aren't people.
_NO_NAMES = _words(
    """
    a all an analysis article at breaking brief business by category company country details edition exclusive
    explainer geography global how industry key latest live market markets more news of on opinion our product
    read region report sector segment share special statement story summary the top type update updated video
    watch week what why world monday tuesday wednesday thursday friday saturday sunday january february march
    april may june july august september october november december numbers contrast comparison default law
    accident appointment demand design invitation popular request
    """
)
_BYLINE = re.compile(r"(?:By|BY)[ ]++(?P<who>[^\n]{2,100})")
_BYLINE_PREFIX = re.compile(r"(?:By|BY|by)[ \t:]++(?=\S)")

# "记者 某某": what stands before a Chinese reporter's name.
_WRITER = re.compile(r"^[记記]者[ ：:]{0,2}")
_IN_NAMES = str.maketrans("", "", "'.-·")

_CREDITED = re.compile(r"(?P<caption>[^\n]{2,300}?)[ ]?[(（](?P<credit>[^()（）\n]{2,80})[)）]")
# The credit as a whole, or one of its parts ("Jane Doe/Getty Images"): "it is on loan from the Getty" is copy.
_PICTURE_CREDIT = re.compile(
    r"(?:[^\n]*(?:[/|,;©-]|\bvia\b))?[ ]?"
    r"(?:(?:Getty|Shutterstock|iStock|Alamy|WireImage|Unsplash|EPA-EFE|PA Wire|PA Images|AP Photo|Zuma)"
    r"(?: ?(?:Images|Photo|Editorial|Entertainment|Press|Stock|Stock Photo|Stock Images|[Pp]hotos?)|photo)?"
    r"(?:[/|,;:-][^\n]*| (?:via|for|by|/|-|–|\|) ?[^\n]*)?"
    r"|(?:Photo|Photograph|Image|Picture|Pic|File pic|Photo credit|Photo courtesy)(?:s|graph)?(?: by|:|：)[^\n]*"
    r"|EPA/[^\n]*|(?:AFP|AP|EPA|PA|Reuters|REUTERS|Bloomberg|Xinhua) via [^\n]*)"
    r"|[^\n]{1,30}(?<!拍)[摄攝]"
)
# Initials aside ("J. Doe"), a full stop before a capital parts sentences.
# A Chinese agency's own name may follow the last ("…社发").
_NEXT_SENTENCE = re.compile(
    r"(?:(?<![ ][A-Z])(?<!^[A-Z])[.!?…][\"'”’)]{0,2} +[\"'“‘(]?[^\W_a-z]"
    r"|[。！？][”」』]?(?!\w{1,6}社[发發]$))(?=.)"
)
_AGENCY_CREDIT = re.compile(r"(?:AAP|AFP|ANI|AP|Bloomberg|DPA|EPA|PA|PTI|Reuters|REUTERS|Xinhua|TASS|Yonhap)\b")

_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)[a-z]{0,6}\.?"
_DATE = rf"(?:{_MONTH} \d{{1,2}}(?:,? \d{{4}})?|\d{{1,2}} {_MONTH}(?: \d{{4}})?)"
_WIRES = (
    r"(?:AAP|AFP|ANI|AP|Bloomberg|BUSINESS WIRE|CNS|dpa|DPA|EFE|GLOBE NEWSWIRE|IANS|Interfax|Kyodo|MT Newswires"
    r"|Newsfile|PA|PRNewswire|PTI|Reuters|TASS|The Insurer|UPI|Xinhua|Yonhap|ACCESSWIRE)"
)
_NO_AGENCY = (
    r"(?!(?:[^()\n]*\b)?(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Day|Eve)\b"
    r"|(?:Mon|Tues?|Wed|Thu|Thurs|Fri|Sat|Sun)\b\.?\))"
)
# With a place and a date any name in brackets but a day's is an agency; else it must be known: "Acme (ACM) - " is a
# company. `_is_place` looks at what stands before.
_DATELINE = re.compile(
    r"(?:By (?P<by>[A-Z][^\n()]{2,80}?) (?=\(|[A-Z]{3}))?"
    r"(?P<dateline>(?:(?P<place>[^\W\d_a-z](?:[^\W\d_]|[ .,'’/\[\]-]){1,60}?)(?P<comma>[, ]{1,2}))??"
    rf"(?:(?P<date>{_DATE}),? ?)?"
    rf"(?:\((?P<wire>{_WIRES})\)|/{_WIRES}/"
    rf"|(?(date)\({_NO_AGENCY}(?P<agency>[A-Z][^\W\d_]+(?:[ .&/-]{{1,2}}[^\W\d_]+){{0,4}}\.?)\)|(?!))))"
    r" ?(?:-{1,2}|–|—|:)[ ]++(?=\S)"
)
_PLACE_PARTS = re.compile(r", ?| and | AND |/")
_PLACE_PARTICLES = _NAME_PARTICLES | _words("am an auf aux der des do in of on sous sur the und upon")
_DATELINE_END = re.compile(r"[)/] ?[-–—:]{1,2} ")
# The agency's name, the place behind "社", the day, "电" or "讯", the reporter. "据…" quotes an agency; a word that
# goes on ("2月8日电影") is no dateline.
_CHINESE_DATELINE = re.compile(
    r"(?P<dateline>(?![据據另])"
    r"(?:[\u4e00-\u9fff]{1,5}?[社网網](?P<place>[\u4e00-\u9fff]{0,8}?)(?=\d[\d月]{0,4}日[电電])|[\u4e00-\u9fffA-Za-z]{2,10}?)"
    r"(?:\d{1,2}月)?\d{1,2}日[电電讯訊](?=[（( ,，])(?: ?[（(](?P<who>[^（）()\n]{2,40})[）)])?)[ ,，]{0,2}(?=\S)"
)
# "记者 某某", "某某", "本社记者某某 编辑 某人": who wrote it; an editor alone isn't the author.
_REPORTER = re.compile(
    r"(?:[^记記]{0,8}[记記]者[ ：:]?)?+(?!编辑|編輯|责编)"
    r"(?P<name>[\u4e00-\u9fff·]{2,12}?(?:[ 、][\u4e00-\u9fff·]{2,12}?){0,4})(?:[ ，,;；]*(?:编辑|編輯).*)?"
)
_CHINESE_DATELINE_END = re.compile(r"日[电電讯訊][（( ,，]")
_DATELINE_ZONE = 2_000
"""Characters of a body in which a dateline is looked for: key points may stand above it."""

_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s\u3000-\u9fff]++|[\w.+-]{1,64}@[\w-]++(?:\.[\w-]++)++")
_SOURCE = re.compile(
    r"(?:(?:Source|SOURCE|来源|來源)[ ]?[:：][ ]?|\[(?P<label>[^\[\]\n]{1,80})\]\()(?P<url>https?://[^\s()]++)(?(label)\))"
)


def key(text: str) -> str:
    """What two lines are compared by: letters and digits."""
    return "".join(filter(str.isalnum, text.casefold()))


def _lead(body: str) -> list[str]:
    """The first lines that aren't empty."""
    return [line for line in body.split("\n", 2 * _LEAD_LINES)[: 2 * _LEAD_LINES] if line][:_LEAD_LINES]


def _without_line(body: str, line: str) -> str:
    """The body without the first line that equals `line`."""
    lines = body.split("\n")
    lines.remove(line)
    return tidy("\n".join(lines))


_SENTENCE_ENDS = '.!?。！？…”"'


def is_copy(line: str) -> bool:
    """True for a line that reads as running text: long, or a sentence."""
    return len(line) > 100 or (len(line) > 20 and line[-1] in _SENTENCE_ENDS)


def is_name(text: str) -> bool:
    """True for what looks like a person's name: two to five words that begin with capitals, particles aside."""
    words = text.replace("’", "'").split()
    return (
        2 <= len(words) <= 5
        and len(text) <= 60
        and all(word.replace("'", "").replace("-", "").replace(".", "").isalpha() for word in words)
        and all(word[0].isupper() or word in _NAME_PARTICLES for word in words)
        and words[0][0].isupper()
        and words[-1][0].isupper()
        and not any(word.casefold().rstrip(".") in _NO_NAMES for word in words)
    )


def _is_byline(who: str) -> bool:
    """True for "Jane Doe", "Jane Doe and John Roe", "Jane Doe, Agency", "Reuters"."""
    first, *rest = re.split(r",[ ]| and | & | with | \| ", who)
    if len(who) > 100 or who[-1] in "!?:;。" or any(len(part) > 40 for part in rest):
        return False
    return is_name(first) or (first.rstrip(".") in _AGENCIES and not rest)


def tidy(body: str) -> str:
    """The body in its layout: lines without blanks at their ends, one empty line between paragraphs, none around."""
    body = body.strip(_BLANK)
    if " \n" not in body and _UNTIDY.search(body) is None and ("\t" not in body or "\t\n" not in body):
        return body
    return _EMPTY_LINES.sub("\n\n", "\n".join(line.strip(" \t") for line in body.split("\n")))


def lay_out(article: Article) -> Article:
    """Brings the body into its layout."""
    body = tidy(article.body)
    return article if body == article.body else article._replace(body=body)


def drop_headline_line(article: Article) -> Article:
    """Drops the body's first line where it repeats the headline."""
    body, headline = article.body, article.headline
    first = body.partition("\n")[0]
    if not first or not headline or not len(headline) / 2 <= len(first) <= 2 * len(headline):
        return article
    told = key(headline)
    if not told or key(first) != told:
        return article
    return article._replace(body=body[len(first) :].lstrip("\n"))


def move_byline(article: Article) -> Article:
    """Moves a line "By Jane Doe" among the first lines to the byline, drops one that repeats the byline."""
    if not article.byline and "By " not in article.body[:_LEAD_ZONE] and "BY " not in article.body[:_LEAD_ZONE]:
        return article
    known = key(article.byline)
    for line in _lead(article.body):
        match = _BYLINE.fullmatch(line)
        if match and _is_byline(match["who"]):
            if not known:
                return article._replace(byline=match["who"], body=_without_line(article.body, line))
            if key(match["who"]) == known:
                return article._replace(body=_without_line(article.body, line))
        elif known and len(line) < 120 and key(line) == known:
            return article._replace(body=_without_line(article.body, line))
        if is_copy(line):
            break
    return article


def move_name(article: Article) -> Article:
    """Moves a first line that is nothing but a name to the byline.

    A name alone may also be a kicker. It counts as a byline above a captioned picture, or in a dated text (whose form
    has one there) if the copy never speaks of that person. Above a dated text's doubled caption the form says enough:
    there it may be written in a script without capitals, or name a desk.
    """
    if article.byline:
        return article
    lead = _lead(article.body)
    if len(lead) < 2:
        return article
    rest = article.body[len(lead[0]) :]
    form = article.source_format == "dated_text"
    doubled = lead[1] in lead[2:3]
    if form and doubled and _caption(lead[1], doubled, form) is not None:
        who = _WRITER.sub("", lead[0])
        return article._replace(byline=who, body=rest.lstrip("\n")) if _is_signature(who) else article
    if not is_name(lead[0]):
        return article
    if _caption(lead[1], doubled) is None:
        if not form or not is_copy(lead[1]):
            return article
        text = f"{article.headline}\n{rest}".casefold()
        if any(len(word) > 2 and word.casefold() in text for word in lead[0].split()):
            return article
    return article._replace(byline=lead[0], body=rest.lstrip("\n"))


def _is_signature(text: str) -> bool:
    """True for one to five words without digits or marks, such as a name in a script that has no capitals."""
    words = text.replace("’", "'").split()
    return (
        1 <= len(words) <= 5
        and len(text) <= 60
        and all(word.translate(_IN_NAMES).isalpha() for word in words)
        and not any(word.casefold() in _NO_NAMES for word in words)
    )


def _caption(line: str, doubled: bool, form: bool = False) -> tuple[str, str] | None:
    """(caption, credit) of a picture's line.

    An agency's name alone is a credit only if the line stands there twice; where the format has captions there
    (`form`), anything is that does. More than one sentence is copy, unless it stands there twice.
    """
    if len(line) > _LINE_LIMIT or line[-1:] not in ")）":
        return None
    match = _CREDITED.fullmatch(line)
    if match is None:
        return None
    credit = match["credit"]
    if doubled and (form or _AGENCY_CREDIT.match(credit)):
        return match["caption"].strip(), credit.strip()
    if _PICTURE_CREDIT.fullmatch(credit.strip()) and (doubled or not _NEXT_SENTENCE.search(match["caption"])):
        return match["caption"].strip(), credit.strip()
    return None


def add_new(known: tuple[str, ...], found: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    """The known texts and those found that are new, in order."""
    return tuple(dict.fromkeys((*known, *found)))


def move_captions(article: Article) -> Article:
    """Moves lines "caption (credit)" to captions and credits."""
    body = article.body
    if not (")\n" in body or "）\n" in body or body.endswith((")", "）"))):
        return article
    lines = body.split("\n")
    copy = [line for line in lines if line]
    doubled = frozenset(line for line, following in pairwise(copy) if line == following)
    above_copy = frozenset(_lead(body)) if article.source_format == "dated_text" else frozenset()
    kept: list[str] = []
    captions: list[str] = []
    credits: list[str] = []
    for line in lines:
        found = _caption(line, line in doubled, line in above_copy)
        if found is None:
            kept.append(line)
        else:
            captions.append(found[0])
            credits.append(found[1])
    if len(kept) == len(lines):
        return article
    return article._replace(
        body=tidy("\n".join(kept)),
        captions=add_new(article.captions, captions),
        credits=add_new(article.credits, credits),
    )


def drop_repeats(article: Article) -> Article:
    """Drops a line that repeats the line before it, and a sentence or more that stood anywhere before.

    Short lines, headings and table rows may repeat on purpose.
    """
    lines = article.body.split("\n")
    if len(set(lines)) == len(lines):
        return article
    kept: list[str] = []
    seen: set[str] = set()
    previous = ""
    for line in lines:
        if line:
            if line in seen and " | " not in line and (_is_prose(line) if line != previous else _is_telling(line)):
                continue
            previous = line
            seen.add(line)
        kept.append(line)
    return article if len(kept) == len(lines) else article._replace(body=tidy("\n".join(kept)))


def _is_telling(line: str) -> bool:
    """True for a line that is long enough not to be an exclamation or a count."""
    return len(line) >= 12 or (len(line) >= 6 and not line.isascii())


def _is_prose(line: str) -> bool:
    """True for a line of 60 characters or more (25 outside of ASCII) that ends as a sentence."""
    return (len(line) >= 60 or (len(line) >= 25 and not line.isascii())) and line[-1] in _SENTENCE_ENDS


def move_addresses(article: Article) -> Article:
    """Moves lines that are nothing but a web or mail address to removed_links."""
    body = article.body
    if not ("://" in body or "@" in body or "www." in body):
        return article
    lines = body.split("\n")
    kept = [line for line in lines if not (len(line) <= _LINE_LIMIT and _ADDRESS.fullmatch(line))]
    if len(kept) == len(lines):
        return article
    found = [line for line in lines if line and line not in kept]
    return article._replace(body=tidy("\n".join(kept)), removed_links=add_new(article.removed_links, found))


def strip_label(article: Article) -> Article:
    """Strips the labels of agencies from the headline; what they say is stated by `signal` and the version."""
    label = of_headline(article.headline)
    if not label.removed:
        return article
    return article._replace(headline=label.base, signal=article.signal or label.signal)


def _opens_copy(before: str, above: int) -> bool:
    """True where no copy stands before: at most `above` short lines, beside key points ("- …")."""
    others = [line for line in before.split("\n") if line and not line.startswith("- ")]
    return len(others) <= above and not any(map(is_copy, others))


def _is_place(match: re.Match[str]) -> bool:
    """True if what a match of `_DATELINE` has before date and agency is a place, or nothing, and not a subject.

    A place is names of at most four words, with capitals. Without a date it is written in capitals or has at most two
    words; it isn't what the brackets abbreviate ("Agence France-Presse (AFP)").
    """
    place, date, wire = match["place"], match["date"], match["wire"]
    if place is None:
        return match["agency"] is None
    parts = [part.split() for part in _PLACE_PARTS.split(place.strip(" ,"))]
    first = parts[0]
    names = [word for word in first if word not in _PLACE_PARTICLES]
    capitals = "".join(first).isupper()
    if not all(
        1 <= len(words) <= 4
        and all(word.lstrip("[('’")[:1].isupper() or word in _PLACE_PARTICLES for word in words)
        and words[-1] not in _PLACE_PARTICLES
        for words in parts
    ):
        return False
    if first[0].casefold() == "the":
        if len(first) != 2 or not (capitals or first[1] == "Hague" or (date and "," in match["comma"])):
            return False
    elif first[0].casefold() in _NO_NAMES:
        return False
    if wire and "".join(word[0] for word in re.split(r"[ -]+", " ".join(names))).casefold() == wire.casefold():
        return False
    if date:
        return capitals or match["agency"] is None or "," in match["comma"]
    return capitals or len(names) <= 2


def move_dateline(article: Article) -> Article:
    """Moves "PARIS, March 9 (Agency) -" or "某某社巴黎3月9日电（记者 某某）" from before the copy to the dateline.

    A body with several of them is a digest: they say which item came from where, and stay. So does one before a word
    in lower case: there the sentence has begun before it.
    """
    if article.dateline:
        return article
    body = article.body
    for end, form, above in ((_DATELINE_END, _DATELINE, 3), (_CHINESE_DATELINE_END, _CHINESE_DATELINE, 1)):
        # What ends a dateline is rare, so it is looked for first and the form tried on its line.
        found = end.search(body, 0, _DATELINE_ZONE)
        start = body.rfind("\n", 0, found.start()) + 1 if found else 0
        match = form.match(body, start) if found else None
        if (
            match
            and not body[match.end()].islower()
            and (form is _CHINESE_DATELINE or _is_place(match))
            and _opens_copy(body[:start], above)
            and not any(map(form.match, body[match.end() :].split("\n")))
        ):
            break
    else:
        return article
    groups = match.groupdict()
    reporter = _REPORTER.fullmatch(groups.get("who") or "")
    who = groups.get("by") or (reporter["name"] if reporter else "")
    if groups.get("by") and (not _is_byline(who) or key(article.byline) not in ("", key(who))):
        return article
    return article._replace(
        body=body[: match.start()] + body[match.end() :],
        dateline=match["dateline"].strip(" ,"),
        dateline_place=article.dateline_place or (match["place"] or "").strip(" ,"),
        byline=article.byline or who,
    )


def move_source(article: Article) -> Article:
    """Moves a last line "Source: https://…" or "[label](https://…)" to the source URL, if that is empty or the same."""
    body = article.body
    start = body.rfind("\n") + 1
    match = _SOURCE.fullmatch(body, start)
    if match is None or article.source_url not in ("", match["url"]):
        return article
    return article._replace(
        body=body[:start].rstrip("\n"),
        source_url=match["url"],
        info_source=article.info_source or match["label"] or "",
    )


def strip_by(article: Article) -> Article:
    """Strips "By " from the byline."""
    match = _BYLINE_PREFIX.match(article.byline)
    return article._replace(byline=article.byline[match.end() :]) if match else article
