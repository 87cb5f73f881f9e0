"""An article to the slip that deciding needs: identity, time, language and term counts, but no text.

In: a cleaned and tagged Article. Out: its Slip, not yet settled.
"""

from __future__ import annotations

from transforms import identity
from transforms.article import Article, Slip
from transforms.stories import terms


def make_slip(article: Article, as_of: int) -> Slip:
    """The slip of an article, with times clipped to `as_of`, the end of the run's interval (microseconds UTC)."""
    stated = identity.event_time(article)[0].time
    item_id = identity.article_id(article)
    return Slip(
        article_id=item_id,
        version_key=identity.version_key(article),
        uri=article.uri,
        position=article.position,
        event_time=min(stated, as_of),
        version_number=identity.version_number(article),
        pub_status=article.pub_status,
        language=article.language_detected,
        provider=identity.provider(article),
        headline=article.headline,
        terms=terms.pack(terms.count_terms(article.headline, article.body, article.language_detected)),
        body_length=len(article.body),
        stated_time=stated,
        item_id=item_id,
        evolved_from=identity.ancestor_id(article),
    )
