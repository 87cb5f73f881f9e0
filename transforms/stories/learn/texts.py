"""Articles to learn from: what a labelled or unlabelled file gives, and the slips made of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transforms.article import Slip
from transforms.stories.terms import TermIds, count_terms, pack


class Text(NamedTuple):
    """One article to learn from."""

    name: str
    headline: str
    body: str
    time: int
    """Microseconds UTC; 0 where it has none."""
    cluster: str
    """The story an editor put it in; "" for one that nobody labelled."""


def lead(text: Text, words: int) -> Text:
    """The article cut to headline and the first `words` words of its body."""
    return text._replace(body=" ".join(text.body.split(None, words)[:words]))


def slips_of(texts: Iterable[Text], ids: TermIds) -> list[Slip]:
    """A first-version slip for each article, counted by `ids`."""
    slips = []
    for text in texts:
        slips.append(
            Slip(
                article_id=text.name,
                version_key=text.name,
                uri=text.name,
                position=0,
                event_time=text.time,
                version_number=0,
                pub_status="usable",
                language=ids.language,
                provider="",
                headline=text.headline,
                terms=pack(count_terms(text.headline, text.body, ids.language, ids)),
                body_length=len(text.body),
                version=1,
                founding=True,
                is_latest=True,
                desk=ids.language,
            )
        )
    return slips


def squeezed(slips: Sequence[Slip], factor: int) -> list[Slip]:
    """The same slips in a `factor`-th of the time, counted from the first."""
    start = min((slip.event_time for slip in slips), default=0)
    return [slip._replace(event_time=start + (slip.event_time - start) // factor) for slip in slips]
