"""The cleaning rules in one table, in the order they run, each with its reason and an example that is a test.

A rule's function takes an article and returns a changed one, or the very same object where there is nothing to do:
that is how `clean` knows what fired. The rule `boilerplate` stands for many, which are data (`boilerplate.toml`, and a
house's own file); it names those that fired itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

from transforms.article import Article
from transforms.clean import characters, entities, html_text, lines, markdown
from transforms.clean.boilerplate import Boilerplate, LineRule
from transforms.clean.characters import marks
from transforms.clean.house import House, read, shipped

# What readers see in a row, and so what has to be free of broken characters.
_TEXTS = (
    "headline",
    "slugline",
    "byline",
    "dateline",
    "dateline_place",
    "description",
    "body",
    "ed_note",
    "genre",
    "copyright_holder",
    "copyright_notice",
    "usage_terms",
    "credit",
    "info_source",
)
_TUPLES = ("captions", "credits", "keywords", "places", "removed_lines")
_texts_of, _tuples_of = attrgetter(*_TEXTS), attrgetter(*_TUPLES)
# Texts of one line that may have come out of a page or a Markdown header.
_ONE_LINERS = ("headline", "description", "byline")


class Rule(NamedTuple):
    """One thing that clean does."""

    name: str
    """As it stands in an article's `cleaning` and in the manifest's counts."""
    does: str
    """What it matches and what becomes of it."""
    why: str
    before: Mapping[str, Any]
    """An example: the fields of an article."""
    after: Mapping[str, Any]
    """What the rule alone makes of them."""
    apply: Callable[[Article], Article]
    mark: int = 0
    """The marks (see `characters`) that a text must have for the rule to change it; 0: it looks for itself."""
    needed: bool = False
    """It can't be switched off: other steps rely on what it does."""


def article_marks(article: Article) -> int:
    """The marks of all texts of an article."""
    texts = list(_texts_of(article))
    for more in _tuples_of(article):
        texts += more
    return marks("\n".join(texts))


def _everywhere(mend: Callable[[str], str]) -> Callable[[Article], Article]:
    """A rule's function that mends every text of an article."""

    def apply(article: Article) -> Article:
        changed: dict[str, Any] = {}
        for name in _TEXTS:
            text = getattr(article, name)
            if text and (mended := mend(text)) != text:
                changed[name] = mended
        for name in _TUPLES:
            texts = getattr(article, name)
            if texts and (mends := tuple(map(mend, texts))) != texts:
                changed[name] = mends
        return article._replace(**changed) if changed else article

    return apply


def _in_one_liners(mend: Callable[[str], str]) -> Callable[[Article], Article]:
    """A rule's function that mends headline, description and byline."""

    def apply(article: Article) -> Article:
        changed: dict[str, Any] = {}
        for name in _ONE_LINERS:
            text = getattr(article, name)
            if text and (mended := mend(text)) != text:
                changed[name] = mended
        return article._replace(**changed) if changed else article

    return apply


def _single_newlines(article: Article) -> Article:
    body = article.body
    return article._replace(body=body.replace("\r\n", "\n").replace("\r", "\n")) if "\r" in body else article


def _source_line(article: Article) -> Article:
    found = markdown.split_source_line(article.body) if article.body_type == "markdown" else None
    if found is None:
        return article
    body, label, url = found
    stated = article.source_url
    return article._replace(
        body=body,
        source_url=stated or url,
        info_source=article.info_source or label,
        removed_links=article.removed_links if stated in ("", url) else lines.add_new(article.removed_links, [url]),
    )


def _to_text(body_type: str, convert: Callable[[str], markdown.Plain]) -> Callable[[Article], Article]:
    """A rule's function that turns bodies of a type into text."""

    def apply(article: Article) -> Article:
        if article.body_type != body_type:
            return article
        plain = convert(article.body)
        headline = lines.key(article.headline)
        return article._replace(
            body=lines.tidy(plain.text),
            body_type="text",
            captions=lines.add_new(article.captions, [alt for alt in plain.alts if lines.key(alt) != headline]),
            removed_links=lines.add_new(article.removed_links, plain.links),
            removed_lines=lines.add_new(article.removed_lines, plain.removed),
        )

    return apply


def _boilerplate(rules: tuple[LineRule, ...]) -> Rule:
    return Rule(
        "boilerplate",
        "Lines that a house prints around its copy, by lists of them: to fields of their own, else to removed_lines.",
        "They are the same on hundreds of articles and drown what tells stories apart. Each list has its own reason.",
        {"body": "Boats sailed.\n\nSign up for our Harbour Morning newsletter."},
        {
            "body": "Boats sailed.",
            "removed_lines": ("Sign up for our Harbour Morning newsletter.",),
            "cleaning": ("plug",),
        },
        Boilerplate(rules).apply,
    )


@cache
def rules_of(house: str = "") -> tuple[Rule, ...]:
    """The rules in order, with those that a house switches off left out and its own put first among the lines.

    `house` is the text of its TOML file. RuleError says what is wrong with it and what to write instead.
    """
    lists = shipped()
    optional = [rule.name for rule in RULES if not rule.needed]
    stated = read(house, (*optional, *(rule.name for rule in lists))) if house else House()
    own = tuple(rule for rule in (*stated.rules, *lists) if rule.name not in stated.off)
    return tuple(
        _boilerplate(own) if rule.name == "boilerplate" else rule for rule in RULES if rule.name not in stated.off
    )


RULES: tuple[Rule, ...] = (
    Rule(
        "newlines",
        "Carriage returns in the body become line feeds.",
        "Windows, mail and old agency systems write them; every later rule thinks in lines.",
        {"body": "One.\r\n\r\nTwo."},
        {"body": "One.\n\nTwo."},
        _single_newlines,
        needed=True,
    ),
    Rule(
        "source_line",
        "The last line of a Markdown body, if it is nothing but a link: its target to source_url (to removed_links if "
        "another one is stated), its text to info_source.",
        "Feeds in this form end every article so; it isn't copy.",
        {"body": "Ferries sail again.\n\n[harbour-post](https://news.example/a_(1).html)", "body_type": "markdown"},
        {
            "body": "Ferries sail again.",
            "body_type": "markdown",
            "source_url": "https://news.example/a_(1).html",
            "info_source": "harbour-post",
        },
        _source_line,
    ),
    Rule(
        "markdown",
        "A Markdown body becomes text: marks go, words stay; link targets to removed_links, image texts to captions (a "
        "line below the image that only repeats them goes).",
        "Signs of markup are noise to readers, language tagging and term counts.",
        {
            "body": "## Tides\n\nThe **harbour** [closed](https://x.example/c) at 5\\*.\n\n![Boats at anchor](b.jpg)",
            "body_type": "markdown",
        },
        {
            "body": "Tides\n\nThe harbour closed at 5*.",
            "removed_links": ("https://x.example/c",),
            "captions": ("Boats at anchor",),
        },
        _to_text("markdown", markdown.to_text),
        needed=True,
    ),
    Rule(
        "html",
        "An HTML body becomes text: blocks make paragraphs, character references are decoded once, scripts go; link "
        "targets to removed_links, figures and image texts to captions, boxes whose class says ad, newsletter or other "
        "articles to removed_lines.",
        "As for Markdown. References that were escaped twice (&amp;#39;) are mended on the way.",
        {
            "body": "<p>The <b>harbour</b> closed, it&amp;#39;s said.</p><script>x()</script><p>Rain&nbsp;fell.",
            "body_type": "html",
        },
        {"body": "The harbour closed, it's said.\n\nRain\xa0fell."},
        _to_text("html", html_text.to_text),
        needed=True,
    ),
    Rule(
        "entities",
        "Character references in headline, description and byline are decoded, those escaped twice as well.",
        "Headlines come out of pages and feeds half decoded.",
        {"headline": "Port &amp; rail &amp;#8211; what&#8217;s next"},
        {"headline": "Port & rail – what’s next"},
        _in_one_liners(entities.decode),
    ),
    Rule(
        "tags",
        "Tags of known HTML elements in headline, description and byline go.",
        "As above. An instrument code such as <ACME.O> is no tag.",
        {"headline": "<b>Harbour</b> opens<br/>again <ACME.O>"},
        {"headline": "Harbour opens again <ACME.O>"},
        _in_one_liners(entities.strip_tags),
    ),
    Rule(
        "emphasis",
        "Markdown in headline, description and byline goes: paired ** and *, links with a full address, escapes.",
        "Converters write it there too. Single stars, prices and prefixes (BRIEF-, Update:) stay.",
        {"headline": "**Harbour** [opens](https://x.example/1) at 5\\* again*"},
        {"headline": "Harbour opens at 5* again*"},
        _in_one_liners(markdown.plain_line),
    ),
    Rule(
        "mojibake",
        "UTF-8 that was read as another encoding is turned back by ftfy, line by line, where it is sure.",
        "Rare and always embarrassing. Quotes, width, ligatures stay as written: see the switches in `characters`.",
        {"body": "The mayorâ€™s cafÃ©"},
        {"body": "The mayor’s café"},
        _everywhere(characters.mend_encoding),
        characters.BROKEN,
    ),
    Rule(
        "stray_a",
        "Â in front of a blank or at a line's end goes.",
        "What is left of a no-break space whose second byte was cleaned into a plain one; ftfy leaves it.",
        {"body": "It cost €50Â million.\n\nÂ \n\nNobody paid."},
        {"body": "It cost €50 million.\n\n \n\nNobody paid."},
        _everywhere(characters.drop_stray_a),
        characters.STRAY_A,
    ),
    Rule(
        "controls",
        "Control characters go; those that separate lines become line feeds, C1 codes the letter they stood for.",
        "Leftovers of transmission and of Windows-1252; Avro readers and databases choke on some.",
        {"body": "The mayor\x92s\x00 word\u2028Second line\x9d"},
        {"body": "The mayor’s word\nSecond line"},
        _everywhere(characters.mend_controls),
        characters.CONTROL,
    ),
    Rule(
        "invisibles",
        "Soft hyphens, zero-width characters, stray direction marks go; joiners stay where letters, emoji need them.",
        "They split words that look whole: to a search or a term count 'har\\u00adbour' is no 'harbour'.",
        {"body": "har\xadbour\u200b and \ufeffpier, می\u200cخواهم"},
        {"body": "harbour and pier, می\u200cخواهم"},
        _everywhere(characters.drop_invisibles),
        characters.INVISIBLE,
    ),
    Rule(
        "spaces",
        "No-break, thin, wide and ideographic spaces become one plain space.",
        "A fifth of web copy has them, some lines hold nothing else; words should split in one way.",
        {"body": "\u3000\u3000港口重开。\n10\u202f000 boats\xa0\xa0sail"},
        {"body": " 港口重开。\n10 000 boats sail"},
        _everywhere(characters.plain_spaces),
        characters.SPACE,
    ),
    Rule(
        "nfc",
        "Texts are brought into Unicode's form NFC.",
        "The same word must be the same bytes for hashes and terms. Not NFKC: that rewrites ，１０％ and ½.",
        {"headline": "Cafe\u0301 １０％"},
        {"headline": "Café １０％"},
        _everywhere(characters.compose),
        characters.COMPOSABLE,
    ),
    Rule(
        "one_line",
        "Headline, description and byline become one line without blanks around or doubled.",
        "They are columns of a table and keys of a comparison.",
        {"headline": " Harbour\n  opens "},
        {"headline": "Harbour opens"},
        _in_one_liners(lambda text: " ".join(text.split())),
    ),
    Rule(
        "byline_prefix",
        '"By " at the start of the byline goes.',
        "The field says it already.",
        {"byline": "By Jane Doe"},
        {"byline": "Jane Doe"},
        lines.strip_by,
    ),
    Rule(
        "layout",
        "Lines lose blanks at their ends, paragraphs are parted by exactly one empty line.",
        "The body's promise to all that follows.",
        {"body": "\n One. \n \n\n\nTwo.\n"},
        {"body": "One.\n\nTwo."},
        lines.lay_out,
        needed=True,
    ),
    Rule(
        "headline_line",
        "A first line that repeats the headline goes.",
        "It would count twice in the story's terms.",
        {"headline": "Harbour opens", "body": "HARBOUR OPENS\n\nBoats sailed."},
        {"headline": "Harbour opens", "body": "Boats sailed."},
        lines.drop_headline_line,
    ),
    Rule(
        "headline_label",
        "Agencies' labels before the headline go (UPDATE 2-, BRIEF-, Correction:, 快讯：), by a list of them.",
        "`signal` and `stated_version` say it already, and a story's versions should have one headline. What isn't in "
        "the list is a name: DSM-, AMD:.",
        {"headline": "UPDATE 2-Harbour opens again"},
        {"headline": "Harbour opens again", "signal": "update"},
        lines.strip_label,
    ),
    Rule(
        "byline_line",
        'A line "By Jane Doe" or "By Jane Doe, Agency" among the first lines to the byline; one that repeats it goes.',
        "It isn't copy, and readers filter by author.",
        {"body": "By Jane Doe and John Roe, Example Agency\n\nBoats sailed."},
        {"body": "Boats sailed.", "byline": "Jane Doe and John Roe, Example Agency"},
        lines.move_byline,
    ),
    Rule(
        "byline_name",
        "A first line that is only a name to the byline: above a captioned picture, or in a dated text that doesn't "
        "speak of that person.",
        "Plain wire text has the author's name there, without By. Alone, it might be a kicker: then it stays.",
        {
            "body": "Jane Doe\nBoats in the harbour (Photo: Example Agency)\n\nThe harbour opened on Monday.",
        },
        {
            "body": "Boats in the harbour (Photo: Example Agency)\n\nThe harbour opened on Monday.",
            "byline": "Jane Doe",
        },
        lines.move_name,
    ),
    Rule(
        "captions",
        'Lines "caption (picture credit)" to captions and credits.',
        "They interrupt the copy, often doubled. A plain agency name is a credit only where the line stands twice; "
        "above the copy of a dated text, whose form has captions there, any name is. More than one sentence is copy.",
        {"body": "Boats (AP)\nBoats (AP)\n\nThe pier (via AP)\n\nThe harbour opened."},
        {
            "body": "The pier (via AP)\n\nThe harbour opened.",
            "captions": ("Boats",),
            "credits": ("AP",),
        },
        lines.move_captions,
    ),
    Rule(
        "addresses",
        "Lines that are nothing but a web or mail address to removed_links.",
        "They stand below press releases and between paragraphs; their letters tag and key nothing.",
        {"body": "Boats sailed.\n\nhttps://harbour.example/plan\n\npress@harbour.example"},
        {"body": "Boats sailed.", "removed_links": ("https://harbour.example/plan", "press@harbour.example")},
        lines.move_addresses,
    ),
    Rule(
        "repeats",
        "A line that repeats the line before it goes, and a sentence of 60 characters (25 in Chinese) or more that "
        "stood anywhere before; short lines and table rows may repeat.",
        "Pull quotes and broken templates print a line twice.",
        {"body": "Boats sailed at dawn.\n\nBoats sailed at dawn.\n\nHo!\nHo!"},
        {"body": "Boats sailed at dawn.\n\nHo!\nHo!"},
        lines.drop_repeats,
    ),
    Rule(
        "dateline",
        'A wire dateline before the copy ("PARIS, March 9 (Agency) -", "某某社巴黎3月9日电（记者 某某）") to dateline, '
        "dateline_place, byline.",
        "It says where and who, in fields of their own; in the copy it makes every article of an agency look alike. "
        'What may be a sentence\'s subject ("The Coast Guard (CG) – which …") stays.',
        {"body": "PARIS, March 9 (Example Agency) - Boats sailed."},
        {"body": "Boats sailed.", "dateline": "PARIS, March 9 (Example Agency)", "dateline_place": "PARIS"},
        lines.move_dateline,
    ),
    Rule(
        "source_end",
        'A last line "Source: https://…" or "[label](https://…)" to source_url, if that is empty or the same.',
        "The same as source_line in bodies of other types. With another address stated it stays: it may be a note.",
        {"body": "Boats sailed.\n\nSource: https://news.example/1"},
        {"body": "Boats sailed.", "source_url": "https://news.example/1"},
        lines.move_source,
    ),
    _boilerplate(shipped()),
)
