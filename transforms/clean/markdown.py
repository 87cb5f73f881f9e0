"""Markdown in, plain text out, with the links and image texts that were in it.

Not a Markdown implementation: bodies come from converters that write a small, predictable part of it, badly at times,
and the full parsers cost twenty times as much. What isn't clearly markup is left as it stands: footnote stars, censored
words, prices, file names.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from transforms.clean.entities import decode, strip_tags

# One character class first: the engine skips to the next sign. What follows a sign is told by looking back at it.
# Every repetition is possessive and every bracket may hold one level of brackets, so a failed try is short.
_LABEL = r"(?:[^\[\]]++|\[[^\[\]]*+\](?:\([^()\s]*+\))?+)*+"
# `<target>`, an address (some editors leave blanks in it) or a word; then perhaps a title in quotes.
_TARGET = (
    r"\(\s*+(?:<(?P<{0}a>[^<>\n]*+)>|(?P<{0}b>"
    r"(?=https?://)[^()\s]++(?:(?:\([^()\s]*+\)|[ ](?!\"))[^()\s]*+)*+|[^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)*+))"
    r"(?:\s*+\"[^\"\n]*+\")?+\s*+\)"
)
_TOKEN = re.compile(
    r"[\\!\[*_`<](?:"
    r"(?<=\\)(?P<escaped>[!-/:-@\[-`{-~]|(?=\n))"
    rf"|(?<=!)\[(?P<alt>{_LABEL})\]{_TARGET.format('image')}"
    rf"|(?<=\[)(?P<label>{_LABEL})\]{_TARGET.format('link')}"
    r"|(?<=[*_])(?P<run>(?:(?<=\*)\*|(?<=_)_)*+)"
    r"|(?<=`)(?P<code>[^`\n]++)`"
    r"|(?<=<)(?P<address>(?:https?://|mailto:|[\w.+-]++@)[^<>\s]++)>"
    r")"
)
# Bold print behind a blank, without another sign in it: nothing before it can pair with its stars.
_BOLD = re.compile(r"\*\*(?<!\S\*\*)(?!ST)([^\s*_`\[\]<\\\n](?:[^*_`\[\]<\\\n]*[^\s*_`\[\]<\\\n])?)\*\*(?![*/=])")
_IMAGE = re.compile(r"!\[([^\[\]()\\*_`<]*)\]\([^()\s<]*\)")
_SOURCE_LINE = re.compile(r"\[(?P<label>[^\[\]\n]{1,80})\]\((?P<url>https?://[^\s]+)\)")
_RULE = re.compile(r"(?:(?:\*[ \t]*+){3,}|(?:-[ \t]*+){3,}|(?:_[ \t]*+){3,})$")
_UNDERLINE = re.compile(r"(?:-{2,}|=+)$")
_HEADING = re.compile(r"#{1,6}(?:[ \t\xa0]++|$)")
_HEADING_END = re.compile(r"(?<=[ \t])#+$")
_QUOTE = re.compile(r"(?:>[ \t]?+)++")
_BULLET = re.compile(r"(?:[*-][ \t]++|\+[ \t]++(?!\d))")
_NUMBER = re.compile(r"\d{1,9}[.)][ \t]")
_DIVIDER = re.compile(r"\|?(?:[ \t]*+:?-+:?[ \t]*+\|)*+(?:[ \t]*+:?-+:?[ \t]*+)?+$")
_CELL = re.compile(r"(?<!\\)\|")
_FENCE = re.compile(r"(?:```+|~~~+)[\w+-]*$")
_SPACES = re.compile(r"(?<=\S)[ \t]{2,}+(?=\S)")
_LINE_SIGNS = re.compile(r"[*_\\\[]")
_LINE_LINK = re.compile(r"!?\[(?P<label>[^\[\]]*+)\]\(https?://[^()\s]*+(?:\([^()\s]*+\)[^()\s]*+)*+\)")
_LINE_EMPHASIS = re.compile(
    r"(?<![\w*/=\\])(?P<sign>\*\*|\*|__|_)(?![\s*_])(?P<text>[^*_\n]++)(?<!\s)(?<!\\)(?P=sign)(?![\w*/=])"
)
_LINE_ESCAPE = re.compile(r"(?<!\\)\\++(?=[*_\[\]#~`|<>])")
# A line that begins like this may be more than a line of a paragraph.
_MARKS = frozenset("#>*+-=_|`~")
_STRUCTURE = _MARKS | frozenset("0123456789")
_NO_PRINT = frozenset(["", "*", " ", "\t"])
_NO_PICTURE = re.compile(
    r"(?:图片?|圖片?|image|img|photo|picture|pic|logo|icon|avatar|thumbnail|placeholder|banner|alt|null|undefined|none)?"
    r"[\s\d_.-]*|[a-z0-9]+(?:[-_][a-z0-9]+)+|\S+\.(?:jpe?g|png|gif|webp|svg|bmp|avif)|(?:https?:|/)\S*",
    re.IGNORECASE,
)


class Plain(NamedTuple):
    """A text without markup, and what was taken out of it."""

    text: str
    links: tuple[str, ...]
    """Targets of links, in order."""
    alts: tuple[str, ...]
    """Texts of images that say something, in order."""
    removed: tuple[str, ...] = ()
    """Lines of boxes around the copy: advertisements, newsletters."""


def is_alt_text(text: str) -> bool:
    """True where an image's text describes it, False for "image", "图片", file names, addresses and nothing."""
    return _NO_PICTURE.fullmatch(text.strip()) is None


def split_source_line(body: str) -> tuple[str, str, str] | None:
    """(body without it, label, URL) where the last line is nothing but a link, `[label](url)`; else None."""
    body = body.rstrip()
    start = body.rfind("\n") + 1
    match = _SOURCE_LINE.fullmatch(body[start:].lstrip())
    return (body[:start].rstrip(), inline(match["label"], [], []), match["url"]) if match else None


def _is_ascii_word(character: str) -> bool:
    return character.isascii() and character.isalnum()


def _can_open(run: str, before: str, after: str) -> bool:
    if after.isspace() or before in "/=" or (_is_ascii_word(before) and after.isascii()):
        return False
    return run[0] == "*" or not (before.isalnum() or before in "_.@\\")


def _can_close(run: str, before: str, after: str) -> bool:
    # In the middle of a word two stars may close ("**S**afe"), one may not ("sh*t").
    if before.isspace() or after in "/=" or (_is_ascii_word(after) and len(run) == 1):
        return False
    return run[0] == "*" or not (after.isalnum() or after in "_@")


class _Run(NamedTuple):
    """A run of `*` or `_` that may open emphasis."""

    sign: str
    at: int
    """Its place in the output."""


def inline(text: str, links: list[str], alts: list[str]) -> str:
    """One paragraph's text without inline markup; appends link targets and image texts to the lists.

    Emphasis is taken away in pairs: a run of signs gives up as many as the nearest fitting run before it has.
    """
    out: list[str] = []
    open_runs: list[_Run] = []
    end = 0
    match = None
    for match in _TOKEN.finditer(text):
        start = match.start()
        if start > end:
            out.append(text[end:start])
        end = match.end()
        kind = match.lastgroup or ""
        if kind == "escaped" or kind == "code" or kind == "address":
            out.append(match[kind])
        elif kind.startswith("image"):
            alts.append(inline(match["alt"], [], []).strip())
        elif kind.startswith("link"):
            target = match["linka"] or match["linkb"] or ""
            label = match["label"]
            out.append(inline(label, links, alts) if _TOKEN.search(label) else label)
            if target and not target.startswith(("#", "javascript:")):
                links.append(target)
        else:
            run = match[0]
            before = text[start - 1] if start else "\n"
            after = text[end] if end < len(text) else "\n"
            # Chinese exchanges mark shares under special treatment "*ST", at times right behind bold print.
            mark = "*" if run[0] == "*" and text.startswith("ST", end) else ""
            run = run[len(mark) :]
            if run and _can_close(run, before, after):
                while run and any(opener.sign == run[0] for opener in open_runs[-4:]):
                    opener = open_runs[-1]
                    if opener.sign != run[0]:
                        open_runs.pop()  # `*a _b*`: the inner sign never closed, so it is text
                        continue
                    taken = min(len(run), len(out[opener.at]))
                    run, out[opener.at] = run[taken:], out[opener.at][taken:]
                    if not out[opener.at]:
                        open_runs.pop()
            if len(run) > 3 and len(run) % 2 == 0 and not _is_ascii_word(before):
                run = ""  # bold print with nothing in it
            if run and _can_open(run, before, after):
                open_runs.append(_Run(run[0], len(out)))
            out += (run, mark)
    if match is None:
        return text
    out.append(text[end:])
    return "".join(out)


def _has_sign(line: str) -> bool:
    """True for a line with a sign that a token begins with. One by one: that takes a tenth of a character class."""
    return "[" in line or "*" in line or "_" in line or "\\" in line or "`" in line or "<" in line


def _print(line: str, links: list[str], alts: list[str]) -> str:
    """What `inline` gives. Most of what there is stands alone and is told at a look: bold print, an image."""
    if not _has_sign(line):
        return line
    if "**" in line:
        line = _BOLD.sub(r"\1", line)
        if not _has_sign(line):
            return line
    if line[:2] == "![" and (image := _IMAGE.fullmatch(line)):
        alts.append(image[1].strip())
        return ""
    return inline(line, links, alts)


class _Reader:
    """Reads lines, keeps what the output will be."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.paragraph: list[str] = []
        self.links: list[str] = []
        self.alts: list[str] = []
        self.waiting: list[str] = []
        """Texts of images since the last text: the next line may repeat one."""

    def part(self) -> None:
        """Parts what stands before from what follows."""
        if self.out and self.out[-1]:
            self.out.append("")

    def flush(self) -> None:
        """Writes the paragraph so far."""
        paragraph = self.paragraph
        if paragraph:
            self.write(paragraph[0] if len(paragraph) == 1 else "\n".join(paragraph))
            paragraph.clear()

    def write(self, markup: str) -> None:
        """Writes a paragraph or line, unless all it says is the text of an image in it or right before it."""
        known = len(self.alts)
        text = _print(markup, self.links, self.alts)
        if self.waiting or len(self.alts) > known:
            images = self.alts[known:]
            said = text.strip()
            self.waiting += images
            if said in self.waiting:
                self.waiting.remove(said)
                return
            if not said:
                self.part()
                return
            self.waiting = images
        self.out.append(text)

    def line(self, markup: str) -> None:
        """A line that stands for itself."""
        self.flush()
        self.write(markup)

    def row(self, text: str) -> None:
        """A line of a table: its cells that say something, in order."""
        self.flush()
        if not _DIVIDER.match(text):
            cells = (inline(cell.strip(), self.links, self.alts).strip() for cell in _CELL.split(text.strip("|")))
            if text := " | ".join(cell for cell in cells if cell):
                self.out.append(text)

    def read(self, body: str) -> str:
        # A fence that never closes fences nothing.
        fenced = "```" in body or "~~~" in body
        fences = len(list(filter(_FENCE.match, map(str.strip, body.split("\n"))))) if fenced else 0
        if fences > 1:
            self.lines(body, fences)
            return "\n".join(self.out)
        for block in body.split("\n\n"):
            line = block.strip()
            if not line:
                continue
            # Nearly all paragraphs are one line whose beginning means nothing; "**" begins bold print.
            if "\n" in line or (line[0] in _MARKS and (line[:2] != "**" or line[2:3] in _NO_PRINT)):
                self.lines(line)
            else:
                self.write(_SPACES.sub(" ", line) if "  " in line else line)
            self.part()
        return "\n".join(self.out)

    def lines(self, block: str, fences: int = 0) -> None:
        """Some lines, of which `fences` open or close a fenced block; they end a paragraph."""
        fenced = False
        for line in map(str.strip, block.split("\n")):
            if line[:3] in ("```", "~~~") and _FENCE.match(line):
                self.flush()
                fences -= 1
                fenced = not fenced and fences > 0
            elif fenced:
                self.out.append(line)
            elif not line:
                self.flush()
                self.part()
            else:
                if "  " in line:
                    line = _SPACES.sub(" ", line)
                if line[0] in _STRUCTURE:
                    self.structure(line)
                elif self.waiting or "![" in line:
                    self.line(line)
                else:
                    self.paragraph.append(line)
        self.flush()

    def structure(self, line: str) -> None:
        """A line whose first character may mean something."""
        if line[0] == ">" and (quoted := _QUOTE.match(line)):
            rest = line[quoted.end() :]
            # ">5%" is a figure; "> 5%" is how a quotation begins.
            if rest[:1].isdigit() and line[quoted.end() - 1] == ">":
                self.paragraph.append(line)
                return
            line = rest
            if not line:
                self.flush()
                self.part()
                return
        if (self.paragraph and _UNDERLINE.match(line)) or _RULE.match(line):
            self.flush()
            self.part()
        elif line[0] == "#" and (heading := _HEADING.match(line)):
            self.flush()
            self.part()
            self.line(_HEADING_END.sub("", line[heading.end() :]).rstrip())
            self.part()
        elif line[0] == "|" and line[-1] == "|" and len(line) > 1:
            self.row(line)
        elif bullet := _BULLET.match(line):
            self.line("- " + line[bullet.end() :])
        elif _NUMBER.match(line):
            self.line(line)
        else:
            self.paragraph.append(line)


def plain_line(text: str) -> str:
    """A headline without paired emphasis, links with a full address, images, and backslashes before signs.

    Stricter than a body: single brackets, code signs and backslashes may be meant.
    """
    if _LINE_SIGNS.search(text) is None:
        return text
    text = _LINE_LINK.sub(r"\g<label>", text)
    text = _LINE_EMPHASIS.sub(r"\g<text>", text)
    return _LINE_ESCAPE.sub("", text)


def to_text(body: str) -> Plain:
    """A Markdown body as plain text.

    Paragraphs, list items ("- ", or their number) and table rows (cells joined by " | ") keep their lines; headings
    become paragraphs; quotation marks at line starts, rules, fences and images go. HTML in it is treated as in a
    headline: known tags go, entities are decoded once.
    """
    reader = _Reader()
    text = reader.read(body)
    if "<" in text:
        text = strip_tags(text)
    if "&" in text:
        text = decode(text)
    return Plain(text, tuple(reader.links), tuple(filter(is_alt_text, reader.alts)))
