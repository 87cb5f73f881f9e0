"""Settles the versions of one article: which deliveries are the same, which version came first, what a kill reaches.

In: all slips of one article_id, in any order. Out: one slip a version, settled, in order. Pure: the order of arrival
does not matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from transforms.article import Slip

_UNKNOWN = "und"


def settle(slips: Iterable[Slip]) -> Iterator[Slip]:
    """The versions of an article in order of time, each once, with version, is_latest, desk, usable and deliveries set.

    - Equal version_keys are one version, delivered several times: the smallest (uri, position) stands for all.
    - Versions are ordered by event time as stated, then the provider's number, then the key.
    - A version that no language could be told of takes that of the version before it. The desk is the first version's,
      because its story was told before the others came, whatever they say.
    - A kill cancels every version, also when it comes first. What is withheld is so from that version on.
    """
    versions = sorted((_delivered(group) for _, group in groupby(sorted(slips, key=_place), key=_key)), key=_order)
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
            headline_terms=slip.headline_terms if number == 1 else b"",
            body_terms=slip.body_terms if number == 1 else b"",
        )


def desk_of(language: str) -> str:
    """The language whose desk keys an article: the primary subtag, so zh-Hans and zh-Hant meet at one desk."""
    return language.partition("-")[0]


def _delivered(group: Iterable[Slip]) -> Slip:
    deliveries = list(group)
    return deliveries[0]._replace(deliveries=len(deliveries))


def _key(slip: Slip) -> str:
    return slip.version_key


def _place(slip: Slip) -> tuple[str, str, int, bytes]:
    return slip.version_key, slip.uri, slip.position, slip.digest


def _order(slip: Slip) -> tuple[int, int, str]:
    return slip.stated_time, slip.version_number, slip.version_key
