"""The page of the wire formats, made from the parsers' own tables, so that it can't say anything else than they do.

In: the formats. Out: Markdown. `python -m transforms.parse.reference > docs/formats.md` writes the page.
"""

from __future__ import annotations

from collections.abc import Iterator

from schemas import data_set
from transforms.article import Article
from transforms.parse import formats
from transforms.parse.base import Format

COMMAND = "python -m transforms.parse.reference > docs/formats.md"

_HEAD = f"""\
# Wire formats: what feeds which field

Made from [the parsers](../transforms/parse/formats/) by `{COMMAND}`; edit those, not this page.

A format is told by content alone, never by a file's name. For each field of [articles](schemas.md) the tables say
where a format states it; the first place that says something wins. Fields that a table does not have stay empty. In XML
a path names elements by their local names, whatever their namespace: `a/b` is the `b` in an `a`, `//b` a `b` at any
depth, `b@c` the attribute `c` of it.

What holds for all of them:

- An item may hold many articles. They keep its `uri` and have a `position` each, from 1; one that is broken is a reject
  of its own.
- What is whole and holds no article (a picture, a plan, a package) is a row of [rejects](schemas.md) too, of the stage
  `skip` with its kind, and counts as no fault of the input.
- An invalid time, urgency or status is flagged (`invalid_…`, `unknown_pub_status`) and never guessed. An article whose
  only times are invalid is a reject.
- The character set is the declared one, else that of the byte order mark, else UTF-8, else a guess that `flags` names.
- A kill needs no text, only what it kills: a guid or a URL.
- Labels before a headline (`UPDATE 2-`, `CORRECTED:`, `更正：`) fill `signal` and `stated_version` where the item says
  nothing of it; the [cleaning](cleaning.md) takes them from the headline.
"""

_HOW = """\
## How to add a format

1. A module in `transforms/parse/formats/` that holds `FORMAT = Format(name, about, recognise, parse, elements)`;
   [base.py](../transforms/parse/base.py) says what each is. `recognise` decides by content and claims no other format's
   items; `parse` yields an Article or a Reject for each entry.
2. Samples in `samples/formats/NAME/`.
3. `python -m tests.transforms.golden NAME` writes what they give beside the others in `tests/transforms/golden/`; read
   it before you commit it.

Nothing else is edited: the parse step, this page and the tests find the module. Written anew by the command above, the
page has its table.
"""


def page() -> str:
    """The page, whole."""
    return "\n".join([_HEAD, *_overview(), *(line for form in formats() for line in _section(form)), _HOW])


def _overview() -> Iterator[str]:
    yield "| format | what it is |\n|---|---|"
    for form in formats():
        yield f"| [`{form.name}`](#{form.name}) | {_cell(form.about)} |"
    yield ""


def _section(form: Format) -> Iterator[str]:
    yield f"## {form.name}\n\n{form.about}\n\n| field | from |\n|---|---|"
    for name in Article._fields:
        if name in form.elements:
            yield f"| `{_column(name)}` | {' · '.join(f'`{_cell(place)}`' for place in form.elements[name])} |"
    yield ""


def _column(name: str) -> str:
    """The field of `articles` that a field of an Article feeds."""
    columns = data_set("articles").field_names()
    if name in columns:
        return name
    return {"embargoed": "embargoed_until", "date_line": "event_time", "arrived": "event_time"}[name]


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    print(page(), end="")
