"""Settles the versions of one article: which deliveries are the same, which version came first, what a kill reaches.

In: all slips of one article_id, in any order, and what earlier runs know of it. Out: one slip a version, settled, in
order, those of earlier runs among them. Pure: the order of arrival does not matter. Items of which one evolved from the
other are one article.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby

from transforms.article import KNOWN, NEW, REDELIVERY, STATE, Slip
from transforms.ledger import KnownArticle, KnownVersion

_UNKNOWN = "und"


def settle(slips: Iterable[Slip], known: KnownArticle | None = None) -> Iterator[Slip]:
    """The versions of an article in order of time, each once, with the fields set that are settle's to set.

    - Equal version_keys are one version, delivered several times: the earliest stands for all, of several the smallest
      (uri, position), and one that an earlier run has written before those. Where several items delivered it (one that
      replaces another may repeat it), each of the others has a slip of its own behind, a REDELIVERY.
    - Versions are ordered by event time as stated, then the provider's number, then the key.
    - A version that no language could be told of takes that of the version before it. The desk is the founding
      version's, the first that is more than a kill without copy: its story was told before the others came.
    - A kill cancels every version, also when it comes first. Else all versions have the status of the newest: one that
      is withheld takes the others back too, until a later one is usable.
    - An article that earlier runs know keeps its desk and its story. One of which they know nothing but a kill has
      none yet: it gets them with its founding version.
    """
    standing: dict[str, Slip] = {}
    repeated: list[tuple[str, str]] = []
    for key, group in groupby(sorted(slips, key=_place), key=_key):
        standing[key], *others = group
        items = {other.item_id for other in others} - {standing[key].item_id}
        repeated += [(key, item_id) for item_id in sorted(items)]
    before: dict[str, Slip] = {}
    if known is not None:
        before = {slip.version_key: slip for slip in _ordered(_slip_of(known, version) for version in known.versions)}
    ordered = list(_ordered((standing | before).values()))
    has_story = known is not None and known.story_id != ""
    gets_story = not has_story and any(slip.founding for slip in ordered)
    was_usable = all(slip.usable for slip in before.values()) if has_story else True
    settled: dict[str, Slip] = {}
    for slip in ordered:
        delivered = standing.get(slip.version_key)
        disposition = _disposition(slip, before.get(slip.version_key), delivered is not None, gets_story)
        found = slip._replace(disposition=disposition, item_id=(delivered or slip).item_id)
        if known is not None and has_story:
            found = found._replace(
                desk=known.desk, story_id=known.story_id, was_usable=was_usable, founding=False, terms=b""
            )
        settled[slip.version_key] = found
        yield found
    for key, item_id in repeated:
        yield settled[key]._replace(item_id=item_id, disposition=REDELIVERY, founding=False, terms=b"")


def known_article(versions: Iterable[Slip], story_id: str) -> KnownArticle:
    """What the next run has to know of an article, of all its settled versions."""
    first, *others = sorted({slip.version: slip for slip in versions}.values(), key=lambda slip: slip.version)
    return KnownArticle(
        first.article_id,
        first.desk,
        story_id,
        tuple(
            KnownVersion(
                slip.version_key, slip.stated_time, slip.version_number, slip.pub_status, slip.language, slip.item_id
            )
            for slip in (first, *others)
        ),
    )


def desk_of(language: str) -> str:
    """The language whose desk keys an article: the primary subtag, so zh-Hans and zh-Hant meet at one desk."""
    return language.partition("-")[0]


def settle_linked(
    slips: Iterable[Slip], known: Mapping[str, KnownArticle], articles: Mapping[str, str]
) -> Iterator[Slip]:
    """Settles items of which some evolved from others: each article's versions in order, by article_id.

    `known` are the articles that earlier runs know, by id; `articles` says which of them each item is of.
    """
    found: dict[str, list[Slip]] = {}
    items = {item: list(group) for item, group in groupby(sorted(slips, key=_item), key=_item)}
    links = link({item: _evolved_from(group) for item, group in items.items()}, articles)
    for item, group in items.items():
        article_id = links.get(item, item)
        found.setdefault(article_id, []).extend(slip._replace(article_id=article_id) for slip in group)
    for article_id in sorted(found):
        yield from settle(found[article_id], known.get(article_id))


def link(evolved_from: Mapping[str, str], known: Mapping[str, str]) -> dict[str, str]:
    """For each item that is a version of another item's article: that article, the item at the beginning of the chain.

    `evolved_from` says of each item which one it evolved from, empty where from none. `known` says of the items that
    earlier runs have seen which article each is of, which stays so. Of a ring the least of its items is the beginning.
    """
    ancestors = {
        item: ancestor for item, ancestor in evolved_from.items() if ancestor not in ("", item) and item not in known
    }
    found = dict(known)
    for item in sorted(ancestors):
        chain = {item: None}
        at = item
        while at in ancestors and at not in found:
            at = ancestors[at]
            if at in chain:
                way = list(chain)
                at = min(way[way.index(at) :])
                break
            chain[at] = None
        beginning = found.get(at, at)
        found |= {one: beginning for one in chain if one not in known}
    return {item: article for item, article in found.items() if item != article}


def _evolved_from(slips: Iterable[Slip]) -> str:
    """What an item evolved from: its first version says so, so that runs over slices agree."""
    return min(slips, key=lambda slip: (*_order(slip), slip.evolved_from)).evolved_from


def _item(slip: Slip) -> str:
    return slip.item_id


def _ordered(slips: Iterable[Slip]) -> Iterator[Slip]:
    versions = sorted(slips, key=_order)
    killed = any(slip.pub_status == "canceled" for slip in versions)
    pub_status = "canceled" if killed else versions[-1].pub_status if versions else ""
    founding = next((slip for slip in versions if not _is_bare_kill(slip)), None)
    desk = _UNKNOWN if founding is None else desk_of(founding.language)
    language = _UNKNOWN
    for number, slip in enumerate(versions, start=1):
        if language == _UNKNOWN and not _is_bare_kill(slip):
            language = slip.language
        yield slip._replace(
            version=number,
            is_latest=number == len(versions),
            language=language,
            founding=slip is founding,
            desk=desk,
            pub_status=pub_status,
            usable=pub_status == "usable",
            # The other versions keep the story of the founding one, so their terms need not travel.
            terms=slip.terms if slip is founding else b"",
        )


def _is_bare_kill(slip: Slip) -> bool:
    """A kill without copy, which is only the name of what it kills; or what withholds it."""
    return slip.pub_status != "usable" and not slip.headline and not slip.body_length


def _slip_of(known: KnownArticle, version: KnownVersion) -> Slip:
    return Slip(
        article_id=known.article_id,
        version_key=version.version_key,
        uri="",
        position=0,
        event_time=version.stated_time,
        version_number=version.version_number,
        pub_status=version.pub_status,
        language=version.language,
        provider="",
        headline="",
        terms=b"",
        # Where there is no story, nothing but kills without copy is known.
        body_length=1 if known.story_id else 0,
        stated_time=version.stated_time,
        item_id=version.item_id,
    )


def _disposition(slip: Slip, before: Slip | None, delivered: bool, gets_story: bool) -> str:
    if before is None:
        return NEW
    if gets_story or _decided(slip) != _decided(before):
        return STATE
    return REDELIVERY if delivered else KNOWN


def _decided(slip: Slip) -> tuple[int, bool, str, str]:
    return slip.version, slip.is_latest, slip.pub_status, slip.language


def _key(slip: Slip) -> str:
    return slip.version_key


def _place(slip: Slip) -> tuple[str, int, int, str, int, bytes]:
    return slip.version_key, slip.stated_time, slip.version_number, slip.uri, slip.position, slip.digest


def _order(slip: Slip) -> tuple[int, int, str]:
    return slip.stated_time, slip.version_number, slip.version_key
