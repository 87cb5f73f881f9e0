"""Clean: an article as a parser left it in, the article with mended, plain text and filled fields out.

Parsers copy what a format says; this step makes of it what readers, language tagging and story keying can rely on: the
body is plain text, lines that aren't copy are in their fields, characters are whole. What was done is recorded. Harm is
the measure: a rule that isn't sure leaves the text as it is.
"""

from __future__ import annotations

import re
from itertools import chain, repeat

from transforms.article import Article
from transforms.clean.house import RuleError
from transforms.clean.rules import RULES, Rule, article_marks, rules_of

__all__ = ["RULES", "Rule", "RuleError", "clean", "rules_of"]

# A body shorter than this is flagged `short_body`. 200 characters is a headline's worth of English; Chinese and
# Japanese say the same in 80, so each of their characters counts for two and a half.
SHORT_BODY = 200
_DENSE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_OWN_FLAGS = frozenset(("empty_body", "short_body", "headline_only"))

# One rule's change can be another's occasion, so the rules go round until all have passed in vain: that is what makes
# cleaning twice the same as cleaning once. Copy rests in the second round; text that is made to go on forever is
# stopped in the eighth.
_ROUNDS = 8


def clean(article: Article, rules: tuple[Rule, ...] = RULES) -> Article:
    """The article with plain, mended text; `rules` are all of them, or what `rules_of` makes of a house's file.

    The body comes out as `body_type` "text": paragraphs parted by one empty line, lines within them (tables, lists,
    verse) by "\\n". `cleaning` names the rules that changed something, in the order they first did. `flags` gains
    `empty_body`, `short_body` (under 200 characters, a Chinese or Japanese one counting for 2.5), `headline_only`
    (neither body nor a description beyond the headline). Raises nothing; texts must be without lone surrogates.
    """
    fired: dict[str, None] = {}
    before = article.cleaning
    marks: int | None = None
    quiet = 0
    for rule in chain.from_iterable(repeat(rules, _ROUNDS)):
        if quiet == len(rules):
            break
        quiet += 1
        if rule.mark:
            if marks is None:
                marks = article_marks(article)
            if not marks & rule.mark:
                continue
        changed = rule.apply(article)
        if changed is not article:
            if changed.cleaning is before:
                fired[rule.name] = None
            else:  # a rule that stands for many has named them itself
                fired.update(dict.fromkeys(changed.cleaning[len(before) :]))
                changed = changed._replace(cleaning=before)
            article, marks, quiet = changed, None, 0
    flags = _flags(article)
    cleaning = (*before, *(name for name in fired if name not in before))
    if flags == article.flags and cleaning == article.cleaning:
        return article
    return article._replace(flags=flags, cleaning=cleaning)


def _flags(article: Article) -> tuple[str, ...]:
    flags = {flag for flag in article.flags if flag not in _OWN_FLAGS}
    if not article.body:
        flags.add("empty_body")
        if article.headline and article.description in ("", article.headline):
            flags.add("headline_only")
    elif (
        len(article.body) < SHORT_BODY
        and 2 * len(article.body) + 3 * len(_DENSE.findall(article.body)) < 2 * SHORT_BODY
    ):
        flags.add("short_body")  # counted in halves of a character, to stay with integers
    return tuple(sorted(flags))
