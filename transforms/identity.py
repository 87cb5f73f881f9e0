"""Who an article is, which version of it this is, and when it came about.

In: a cleaned Article. Out: hashes and times that depend on its content alone: no path, no clock, no random part. So a
replay of the same copy is recognised wherever and whenever it is read.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from transforms.article import Article, Stated

# 128 bits: among 10^12 articles the chance of one collision is below 10^-14.
_DIGEST_BYTES = 16


_SLUG = re.compile(r"\d|[-_][^-_/]+[-_]|[^\x00-\x7f]|%[0-9A-Fa-f]{2}")


def digest(kind: str, *parts: str) -> str:
    """32 hex digits over `kind` and `parts`; parts are set apart, so ("ab", "c") and ("a", "bc") differ."""
    text = "\0".join((kind, *(part.replace("\0", "") for part in parts)))
    return hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).hexdigest()


def digest_of(row: bytes) -> bytes:
    """8 bytes that tell an encoded row from others of its version."""
    return hashlib.blake2b(row, digest_size=8).digest()


def provider(article: Article) -> str:
    """Who sent it: as the item states, else the host of its source URL without `www.`, else empty."""
    if article.provider:
        return article.provider
    try:
        host = urlsplit(article.source_url).hostname or ""
    except ValueError:
        return ""
    return host.removeprefix("www.")


def article_id(article: Article) -> str:
    """Identity over all versions: of provider and guid, else of provider and source URL, else of text and date."""
    if article.guid:
        return digest("guid", provider(article), article.guid)
    if names_an_article(article.source_url, found_in_copy="source_line" in article.cleaning):
        return digest("url", provider(article), article.source_url)
    stated, source = event_time(article)
    # An article without any stated time must not get its identity from when a file was copied.
    time = "" if source == "arrived" else str(stated.time)
    return digest("text", article.headline, article.body, time)


def ancestor_id(article: Article) -> str:
    """The `article_id` of the item that this one says it evolved from or replaces; empty where it says none.

    The provider is taken to be the same: nobody replaces the items of others.
    """
    if not article.evolved_from or article.evolved_from == article.guid:
        return ""
    return digest("guid", provider(article), article.evolved_from)


def names_an_article(url: str, *, found_in_copy: bool) -> bool:
    """True where a source URL can stand for the article: it leads further than to a site's front page.

    One that was found at the end of the copy may be a plug ("Subscribe to our newsletter"); that of an article has a
    number or a slug of several words in it.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    place = f"{parts.path.strip('/')}?{parts.query}" if parts.query else parts.path.strip("/")
    return bool(place) and (not found_in_copy or _SLUG.search(place) is not None)


def version_key(article: Article) -> str:
    """Identity of what readers and editors see: copy, state and embargo. A new crawl or send time is no new version."""
    return digest(
        "version",
        article.headline,
        article.byline,
        article.dateline,
        article.description,
        article.body,
        "\x1f".join(article.captions),
        article.pub_status,
        article.ed_note,
        "" if article.embargoed is None else str(article.embargoed.time),
    )


def event_time(article: Article) -> tuple[Stated, str]:
    """When this version came about, and which field says so; never the clock.

    `version_created`, else `published`, else `date_line`, else `guessed_published`, else `arrived`, the file's or
    message's own time.
    """
    for name in ("version_created", "published", "date_line", "guessed_published"):
        stated: Stated | None = getattr(article, name)
        if stated is not None:
            return stated, name
    return Stated(article.arrived, "second", False), "arrived"


def version_number(article: Article) -> int:
    """The provider's version as a number, for ties of equal time; 0 where it states none that is a number."""
    stated = article.stated_version.strip()
    return int(stated) if stated.isdecimal() and len(stated) <= 15 else 0
