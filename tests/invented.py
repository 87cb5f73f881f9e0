"""Invented articles in any number, of stories that go on beside each other."""

from __future__ import annotations

import json
import random
import time

_NOUNS = """
    ferry harbour rudder captain fog lifeboat lighthouse anchor verdict banker prosecutor ledger prison jury fraud
    appeal hospital nurse surgeon strike union wage ward vaccine striker goalkeeper referee league stadium penalty
    coach trophy wildfire vineyard trench smoke motorway harvest drought helicopter comet telescope orbit astronomer
    satellite eclipse rocket galaxy glacier avalanche climber rope summit blizzard chalet guide orchestra violin
    composer opera chorus rehearsal concert pianist parliament coalition ballot minister treaty embassy senator
    budget bakery flour yeast oven recipe pastry chef kitchen railway locomotive tunnel signal platform conductor
    freight bridge earthquake rubble shelter tremor volcano ash crater lava museum painting thief curator gallery
    sculpture frame auction dairy cow tractor barn pasture cheese farmer plough refinery pipeline barrel tanker
    drill valve crude terminal school pupil teacher classroom exam library textbook headmaster castle moat knight
    archive dungeon banner siege tower wolf forest hunter ranger antler badger meadow trail software hacker password
    server outage router laptop network
"""
_SYLLABLES = (
    "bar",
    "dol",
    "fen",
    "gim",
    "hask",
    "jor",
    "kel",
    "lund",
    "mor",
    "nev",
    "pra",
    "rusk",
    "sol",
    "tav",
    "vik",
)


def text_of(number: int) -> str:
    """The article of that number, five minutes after the one before: of one of three stories that go on at a time."""
    story = 3 * (number // 36) + number % 3
    chance = random.Random(story)
    place, person = ("".join(chance.choices(_SYLLABLES, k=3)).title() for _ in range(2))
    about = chance.sample(_NOUNS.split(), 14)
    words = [*about[:2], *random.Random(number).sample(about[2:], 8)]
    at = time.gmtime(1_772_323_200 + 300 * number)
    return json.dumps(
        {
            "guid": f"urn:example:{number}",
            "provider": "Skarholm News",
            "headline": "{} {} and {} in {place}: report {number}".format(*words, place=place, number=number),
            "body": "The {} in {place} is about the {}, and not about the {} or the {}, said {person} on Tuesday. "
            "There was a {} with every {} when they came to the {}. Nobody in {place} had seen such a {} before, but "
            "the {} will be there again in spring, and so will the {}.".format(*words, place=place, person=person),
            "versionCreated": time.strftime("%Y-%m-%dT%H:%M:%SZ", at),
        }
    )
