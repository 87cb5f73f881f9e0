"""Settles the versions of one article: which deliveries are the same, which version came first, what a kill reaches.

In: all slips of one article_id, in any order, and what earlier runs know of it. Out: one slip a version, settled, in
order, those of earlier runs among them. Pure: the order of arrival does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from transforms.article import KNOWN, NEW, REDELIVERY, STATE, Slip
from transforms.ledger import KnownArticle, KnownVersion

_UNKNOWN = "und"


def settle(slips: Iterable[Slip], known: KnownArticle | None = None) -> Iterator[Slip]:
    """The versions of an article in order of time, each once, with the fields set that are settle's to set.

    - Equal version_keys are one version, delivered several times: the smallest (uri, position) stands for all, and one
      that an earlier run has written before those.
    - Versions are ordered by event time as stated, then the provider's number, then the key.
    - A version that no language could be told of takes that of the version before it. The desk is the first version's,
      because its story was told before the others came, whatever they say.
    - A kill cancels every version, also when it comes first. What is withheld is so from that version on.
    - An article that earlier runs know keeps its desk and its story.
    """
    delivered = {key: next(group) for key, group in groupby(sorted(slips, key=_place), key=_key)}
    if known is None:
        yield from _ordered(delivered.values())
        return
    before = {slip.version_key: slip for slip in _ordered(_slip_of(known, version) for version in known.versions)}
    was_usable = all(slip.usable for slip in before.values())
    for slip in _ordered((delivered | before).values()):
        yield slip._replace(
            desk=known.desk,
            story_id=known.story_id,
            was_usable=was_usable,
            disposition=_disposition(slip, before.get(slip.version_key), slip.version_key in delivered),
            terms=b"",
        )


def known_article(versions: list[Slip], story_id: str) -> KnownArticle:
    """What the next run has to know of an article: of all its settled versions, in order."""
    return KnownArticle(
        versions[0].article_id,
        versions[0].desk,
        story_id,
        tuple(
            KnownVersion(slip.version_key, slip.stated_time, slip.version_number, slip.pub_status, slip.language)
            for slip in versions
        ),
    )


def desk_of(language: str) -> str:
    """The language whose desk keys an article: the primary subtag, so zh-Hans and zh-Hant meet at one desk."""
    return language.partition("-")[0]


def _ordered(slips: Iterable[Slip]) -> Iterator[Slip]:
    versions = sorted(slips, key=_order)
    killed = any(slip.pub_status == "canceled" for slip in versions)
    language = _UNKNOWN
    for number, slip in enumerate(versions, start=1):
        language = slip.language if language == _UNKNOWN else language
        yield slip._replace(
            version=number,
            is_latest=number == len(versions),
            language=language,
            desk=desk_of(versions[0].language),
            pub_status="canceled" if killed else slip.pub_status,
            usable=versions[-1].pub_status == "usable" and not killed,
            # Only the first version is keyed; the others keep its story, so their terms need not travel.
            terms=slip.terms if number == 1 else b"",
        )


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
        body_length=0,
        stated_time=version.stated_time,
    )


def _disposition(slip: Slip, before: Slip | None, delivered: bool) -> str:
    if before is None:
        return NEW
    if _decided(slip) != _decided(before):
        return STATE
    return REDELIVERY if delivered else KNOWN


def _decided(slip: Slip) -> tuple[int, bool, str, str]:
    return slip.version, slip.is_latest, slip.pub_status, slip.language


def _key(slip: Slip) -> str:
    return slip.version_key


def _place(slip: Slip) -> tuple[str, str, int, bytes]:
    return slip.version_key, slip.uri, slip.position, slip.digest


def _order(slip: Slip) -> tuple[int, int, str]:
    return slip.stated_time, slip.version_number, slip.version_key
