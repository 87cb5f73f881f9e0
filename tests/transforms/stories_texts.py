"""Invented articles for the desk's tests, and slips made of them."""

from transforms.article import Slip
from transforms.stories.terms import count_terms, pack
from transforms.stories.vectors import DAY

HOUR = DAY // 24
START = 20_000 * DAY

BRIDGE = (
    (
        "Harbour bridge in Norvale closes after cracks found",
        "Engineers closed the Harbour Bridge in Norvale on Tuesday after inspectors found cracks in two steel girders. "
        "Mayor Ilse Brandt said the crossing, used by 40,000 drivers a day, would stay shut until the girders are "
        "replaced. Ferries will carry commuters across the Orrin strait in the meantime.",
    ),
    (
        "Norvale shuts Harbour Bridge, cracks in girders",
        "The Norvale city council shut its Harbour Bridge after cracks appeared in girders above the Orrin strait. "
        "Ilse Brandt, the mayor, told reporters that inspectors had no choice. Commuters face long queues for ferries.",
    ),
    (
        "Girders for Norvale bridge will take six weeks, mayor says",
        "New girders for the cracked Harbour Bridge in Norvale will take six weeks to arrive, mayor Ilse Brandt said. "
        "Extra ferries across the Orrin strait start on Monday for commuters who used the bridge.",
    ),
)
CHESS = (
    (
        "Teenager Tomas Vela wins Calder chess open",
        "Tomas Vela, 16, won the Calder Open on Tuesday with a rook endgame against grandmaster Petra Lindqvist. "
        "The teenager is the youngest winner in the tournament's history and takes home a prize of 25,000 crowns.",
    ),
    (
        "Vela, 16, is youngest winner of the Calder Open",
        "Chess prodigy Tomas Vela beat grandmaster Petra Lindqvist in the last round of the Calder Open. His rook "
        "endgame was flawless, the tournament director said after the teenager lifted the trophy.",
    ),
)
OTHERS = (
    (
        "Dairy prices fall as spring milk floods market",
        "Butter and cheese prices fell for a third week as farmers delivered more spring milk than dairies could "
        "process. Analysts at Kestrel expect the surplus to last until June, when exports usually pick up.",
    ),
    (
        "Museum shows lost paintings of Anselm Roe",
        "Twelve paintings by Anselm Roe that were thought lost went on display at the Ostrand museum. Curators found "
        "them behind a false wall in the painter's summer house. The exhibition runs until autumn.",
    ),
    (
        "Storm cuts power on Skerry islands",
        "A winter storm cut power to 3,000 homes on the Skerry islands overnight. Repair crews wait for the wind to "
        "drop before they can sail. Schools on the islands stay closed and the airport is shut.",
    ),
    (
        "Hospital nurses in Tarn vote to strike over pay",
        "Nurses at the Tarn university hospital voted to strike from Friday after talks about pay failed. The union "
        "says emergency wards will be staffed. Management called the demand of nine per cent out of reach.",
    ),
)


def slip(article_id, headline="", body="", time=START, language="en", **changes):
    """The first version of an article; `changes` are fields of the slip."""
    headline_terms, body_terms = count_terms(headline, body, language)
    made = Slip(
        article_id=article_id,
        version_key=f"{article_id}-1",
        uri=article_id,
        position=0,
        event_time=time,
        version_number=0,
        pub_status="usable",
        language=language,
        provider="Nordwire",
        headline=headline,
        headline_terms=pack(headline_terms),
        body_terms=pack(body_terms),
        body_length=len(body),
        version=1,
        is_latest=True,
        desk=language,
    )
    return made._replace(**changes)


def again(first, version, **changes):
    """A later version of an article."""
    return first._replace(version=version, version_key=f"{first.article_id}-{version}", **changes)


def wire():
    """Slips of all the invented articles, an hour apart, the two stories interleaved with the others."""
    texts = [
        ("bridge-1", BRIDGE[0]), ("dairy", OTHERS[0]), ("chess-1", CHESS[0]), ("bridge-2", BRIDGE[1]),
        ("museum", OTHERS[1]), ("chess-2", CHESS[1]), ("storm", OTHERS[2]), ("bridge-3", BRIDGE[2]),
        ("nurses", OTHERS[3]),
    ]  # fmt: skip
    return [slip(name, *text, time=START + number * HOUR) for number, (name, text) in enumerate(texts)]
