"""The page of the cleaning rules, made from the rules themselves, so that it can't say anything else than they do.

In: the rules. Out: Markdown. `python -m transforms.clean.reference > docs/cleaning.md` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from transforms.clean.boilerplate import AT_MOST, LIST_FIELDS, LONGEST_LINE, TEXT_FIELDS, LineRule
from transforms.clean.house import LEAST_LETTERS, shipped
from transforms.clean.rules import RULES, Rule

COMMAND = "python -m transforms.clean.reference > docs/cleaning.md"

_HEAD = f"""\
# Cleaning: what becomes of the copy

Made from [the rules](../transforms/clean/rules.py) by `{COMMAND}`; edit those, not this page.

Harm is the measure: a rule that isn't sure leaves the text as it is, and nothing that a reader could miss is thrown
away. What a rule takes from the body goes into the field that it names, else to `removed_lines` or `removed_links`.
Quotes, dashes, full-width forms, ligatures, digits and currency signs stay as written. A body that is empty, short or
all there is beside the headline is flagged (`empty_body`, `short_body`, `headline_only`) and never rejected.

The rules run in this order, and go round until none has anything left to do: what is clean stays as it is. `cleaning`
on each row names those that changed it, and a run's manifest counts them as `cleaning/NAME`.
"""

_LINES = """\
## Lines around the copy

The rule `boilerplate` stands for these. Each takes lines that its list fits, whatever their case, width, ornament
around them and blanks around a colon; `*` in the lists of [boilerplate.toml](../transforms/clean/boilerplate.toml)
stands for anything. Chinese, English and the phrases of two dozen other languages are in them.
"""

_HOUSE = f"""\
## Rules of your own house

`--rules house.toml` names a file of your own rules for lines, and of those that you want off:

```toml
off = ["related", "byline_name"]

[[rule]]
name = "evening_plug"
why = "The Evening Post ends every article so."
lines = ["get the Evening Post app*", "the Evening Post is a member of *"]
provider = ["Evening Post"]
before = \"\"\"
Boats sailed.

Get the Evening Post app today!\"\"\"
after = \"\"\"
Boats sailed.\"\"\"
```

| key | what it says |
|---|---|
| `name` | as it stands in `cleaning` and in the manifest's counts; letters, digits and `_` |
| `lines` | what the lines look like; `*` stands for anything, and {LEAST_LETTERS} letters (one, in Chinese) must \
stand at a line's start or end before it |
| `to` | where a line goes: {", ".join(f"`{name}`" for name in (*TEXT_FIELDS, *LIST_FIELDS))}; what is stated \
already stays as it is (default: `removed_lines`) |
| `takes` | `line`, or `value`: of "Photo: Jane Doe" only what stands behind the label (default: `line`) |
| `where` | `start` above the copy, `end` below it, or `anywhere` (default: `anywhere`) |
| `at_most` | characters of the longest line that it may be, up to {LONGEST_LINE} (default: {AT_MOST}) |
| `sentences` | `false`: a line that ends in 。？！ ? or ! stays (default: `true`) |
| `with_list` | `true`: the list below it goes with it (default: `false`) |
| `provider` | only in articles of these providers (default: in all) |
| `why` | the reason, for who reads the file |
| `before`, `after` | an example: a body, and what the rule makes of it |

The file is read before anything else: a key or a name that means nothing, a list that would take any line, and a rule
that doesn't do what its example says stop the run with what to write instead. The file's text stands in the manifest
among the options that shape the result, and `storywire replay` takes it over.

Rules change what readers see, so an article that comes again after a change of the rules is a new version of itself.
`newlines`, `markdown`, `html` and `layout` can't be switched off: all that follows relies on plain paragraphs.
"""


def page() -> str:
    """The page, whole."""
    rules = "\n".join(line for rule in RULES for line in _rule(rule))
    lists = "\n".join(line for rule in shipped() for line in _list(rule))
    return "\n".join([_HEAD, rules, _LINES, lists, _HOUSE])


def _rule(rule: Rule) -> Iterator[str]:
    yield f"### {rule.name}\n\n{rule.does} {rule.why}\n"
    yield f"| before | after |\n|---|---|\n| {_fields(rule.before)} | {_fields(rule.after)} |\n"


def _list(rule: LineRule) -> Iterator[str]:
    place = {"start": "Above the copy, ", "end": "Below the copy, "}.get(rule.where, "")
    goes = f"{place}to `{rule.to}`."
    yield f"### {rule.name}\n\n{goes[0].upper()}{goes[1:]} {rule.why}\n"
    yield f"| before | after |\n|---|---|\n| {_text(rule.before.strip())} | {_text(rule.after.strip())} |\n"


def _fields(fields: Mapping[str, Any]) -> str:
    return "<br>".join(f"{name}: {_text(value)}" for name, value in fields.items() if name != "cleaning")


def _text(value: Any) -> str:
    """A value as code in a cell of a table; what can't be seen is written as its escape."""
    texts = value if isinstance(value, tuple) else (value,)
    return ", ".join(f"<code>{_safe(''.join(map(_seen, text)))}</code>" for text in texts)


def _seen(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def _safe(text: str) -> str:
    return (
        text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("|", "&#124;")
        .replace("*", "&#42;")
        .replace("_", "&#95;")
    )


if __name__ == "__main__":
    print(page(), end="")
