"""Invented articles for the desk's tests, slips made of them, and what a desk makes of those."""

from collections.abc import Iterable, Iterator

from transforms.article import Decision, Slip, Story
from transforms.ledger import Entry
from transforms.stories.desk import Desk
from transforms.stories.model import Model
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
        terms=pack(count_terms(headline, body, language)),
        body_length=len(body),
        version=1,
        founding=True,
        is_latest=True,
        desk=language,
    )
    return made._replace(**changes)


def again(first, version, **changes):
    """A later version of an article."""
    return first._replace(version=version, version_key=f"{first.article_id}-{version}", founding=False, **changes)


def wire():
    """Slips of all the invented articles, an hour apart, the two stories interleaved with the others."""
    texts = [
        ("bridge-1", BRIDGE[0]), ("dairy", OTHERS[0]), ("chess-1", CHESS[0]), ("bridge-2", BRIDGE[1]),
        ("museum", OTHERS[1]), ("chess-2", CHESS[1]), ("storm", OTHERS[2]), ("bridge-3", BRIDGE[2]),
        ("nurses", OTHERS[3]),
    ]  # fmt: skip
    return [slip(name, *text, time=START + number * HOUR) for number, (name, text) in enumerate(texts)]


# For languages without a term table: the first two articles of each are one story, the others are not.
ELSEWHERE = {
    "de": (
        (
            "Hafenbrücke in Norvale nach Rissen gesperrt",
            "Die Hafenbrücke in Norvale ist seit Dienstag gesperrt, nachdem Prüfer Risse in zwei Stahlträgern gefunden "
            "haben. Bürgermeisterin Ilse Brandt sagte, die Brücke bleibe zu, bis die Träger ersetzt seien.",
        ),
        (
            "Risse im Stahlträger: Norvale sperrt Hafenbrücke",
            "Wegen Rissen in den Stahlträgern hat die Stadt Norvale ihre Hafenbrücke gesperrt. Fähren bringen Pendler "
            "über den Sund, wie Bürgermeisterin Brandt am Dienstag mitteilte.",
        ),
        (
            "Milchpreise fallen im Frühjahr weiter",
            "Die Preise für Butter und Käse sind in der dritten Woche gefallen, weil die Bauern mehr Milch geliefert "
            "haben. Die Branche hofft, dass der Export im Juni wieder anzieht, wie ein Sprecher am Dienstag sagte.",
        ),
        (
            "Museum zeigt verschollene Bilder von Anselm Roe",
            "Zwölf Bilder des Malers Anselm Roe, die als verschollen galten, sind seit Dienstag im Museum Ostrand zu "
            "sehen. Sie waren hinter einer Wand in seinem Sommerhaus gefunden worden, sagte die Direktorin.",
        ),
    ),
    "fr": (
        (
            "Le pont du port de Norvale fermé à cause de fissures",
            "Le pont du port de Norvale est fermé depuis mardi après la découverte de fissures dans deux poutres en "
            "acier. La maire Ilse Brandt a déclaré que le pont resterait fermé jusqu'au remplacement des poutres.",
        ),
        (
            "Fissures dans les poutres : Norvale ferme son pont",
            "La ville de Norvale a fermé le pont du port en raison de fissures dans les poutres. Des bacs transportent "
            "les voyageurs, a annoncé mardi la maire Ilse Brandt.",
        ),
        (
            "Le prix du lait baisse encore au printemps",
            "Les prix du beurre et du fromage ont baissé pour la troisième semaine, car les éleveurs ont livré plus de "
            "lait. Le secteur espère une reprise des exportations en juin, a déclaré mardi un porte-parole.",
        ),
        (
            "Un musée montre des tableaux perdus d'Anselm Roe",
            "Douze tableaux du peintre Anselm Roe, que l'on croyait perdus, sont exposés depuis mardi au musée "
            "d'Ostrand. Ils avaient été retrouvés derrière un mur de sa maison d'été, selon la directrice.",
        ),
    ),
    "es": (
        (
            "Cierran el puente del puerto de Norvale por grietas",
            "El puente del puerto de Norvale está cerrado desde el martes tras el hallazgo de grietas en dos vigas de "
            "acero. La alcaldesa Ilse Brandt dijo que el puente seguirá cerrado hasta que se cambien las vigas.",
        ),
        (
            "Grietas en las vigas: Norvale cierra su puente",
            "La ciudad de Norvale cerró el puente del puerto por las grietas en las vigas. Los transbordadores llevan "
            "a los viajeros, anunció el martes la alcaldesa Ilse Brandt.",
        ),
        (
            "El precio de la leche vuelve a bajar en primavera",
            "Los precios de la mantequilla y el queso bajaron por tercera semana porque los ganaderos entregaron más "
            "leche. El sector espera que las exportaciones suban en junio, dijo el martes un portavoz.",
        ),
        (
            "Un museo muestra cuadros perdidos de Anselm Roe",
            "Doce cuadros del pintor Anselm Roe que se creían perdidos se exponen desde el martes en el museo de "
            "Ostrand. Fueron hallados detrás de una pared de su casa de verano, según la directora.",
        ),
    ),
    "ru": (
        (
            "Портовый мост в Норвале закрыли из-за трещин",
            "Портовый мост в Норвале закрыт со вторника: в двух стальных балках нашли трещины. Мэр Ильза Брандт "
            "сказала, что мост останется закрытым, пока балки не заменят.",
        ),
        (
            "Трещины в балках: Норвале закрывает портовый мост",
            "Город Норвале закрыл портовый мост из-за трещин в балках. Жителей перевозят паромы, сообщила во вторник "
            "мэр Ильза Брандт.",
        ),
        (
            "Цены на молоко весной продолжают падать",
            "Цены на масло и сыр снизились третью неделю подряд, так как фермеры поставили больше молока. Отрасль "
            "надеется, что экспорт вырастет в июне, сказал во вторник представитель союза.",
        ),
        (
            "Музей показывает пропавшие картины Ансельма Роэ",
            "Двенадцать картин художника Ансельма Роэ, которые считались пропавшими, со вторника выставлены в музее "
            "Остранда. Их нашли за стеной в его летнем доме, сообщила директор.",
        ),
    ),
    "vi": (
        (
            "Đóng cửa cầu cảng Norvale vì vết nứt",
            "Cầu cảng ở Norvale đã đóng cửa từ thứ Ba sau khi các kỹ sư phát hiện vết nứt trên hai dầm thép. Thị "
            "trưởng Ilse Brandt cho biết cầu sẽ đóng cho đến khi các dầm thép được thay thế.",
        ),
        (
            "Dầm thép bị nứt, Norvale đóng cầu cảng",
            "Thành phố Norvale đã đóng cầu cảng vì vết nứt trên các dầm thép. Phà sẽ chở hành khách qua eo biển, thị "
            "trưởng Ilse Brandt cho biết hôm thứ Ba.",
        ),
        (
            "Giá sữa tiếp tục giảm trong mùa xuân",
            "Giá bơ và phô mai đã giảm tuần thứ ba liên tiếp do nông dân giao nhiều sữa hơn. Ngành sữa hy vọng xuất "
            "khẩu sẽ tăng trở lại vào tháng Sáu, một người phát ngôn cho biết hôm thứ Ba.",
        ),
        (
            "Bảo tàng trưng bày tranh thất lạc của Anselm Roe",
            "Mười hai bức tranh của họa sĩ Anselm Roe từng được cho là thất lạc đã được trưng bày tại bảo tàng "
            "Ostrand. Chúng được tìm thấy sau bức tường trong ngôi nhà mùa hè của ông.",
        ),
    ),
    "ja": (
        (
            "ノルベール港大橋、亀裂で通行止め",
            "ノルベール市の港大橋は、二本の鋼桁に亀裂が見つかったため火曜日から通行止めになった。"
            "ブラント市長は桁を交換するまで橋を閉鎖すると述べた。",
        ),
        (
            "鋼桁に亀裂、ノルベール市が港大橋を閉鎖",
            "ノルベール市は鋼桁の亀裂を受けて港大橋を閉鎖した。通勤客はフェリーで海峡を渡ると、"
            "ブラント市長が火曜日に発表した。",
        ),
        (
            "牛乳の価格、春も下落続く",
            "酪農家の出荷が増えたため、バターとチーズの価格は三週続けて下がった。業界は六月に輸出が回復することを期待していると、"
            "広報担当者が火曜日に述べた。",
        ),
        (
            "美術館、アンセルム・ローの失われた絵を展示",
            "失われたと考えられていた画家アンセルム・ローの絵十二点が、火曜日からオストランド美術館で公開されている。"
            "夏の家の壁の裏から見つかったという。",
        ),
    ),
}


def key_by_story(
    desk_language: str, slips: Iterable[Slip], entries: Iterable[Entry] = (), model: Model | None = None
) -> Iterator[Decision | Story | Entry]:
    """What a new desk makes of all slips of one language, and the ledger's entries for the next run, given those of
    the last: see `Desk.key`."""
    desk = Desk(desk_language, model=model)
    desk.resume(entries)
    yield from desk.key(slips)
    yield from desk.entries()
