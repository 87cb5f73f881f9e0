"""Learning: the streams, the rows that desks see on them, the trees, and the command."""

import argparse
import gzip
import io
import json
import random
import tarfile

import pytest

from pipeline.learn import add_arguments, common_words, run
from tests.transforms.stories_texts import BRIDGE, CHESS, OTHERS
from transforms.stories.desk import MERGE_ABOVE, Desk
from transforms.stories.features import NAMES
from transforms.stories.learn.forest import NO_MODEL, Examples, collect, fit
from transforms.stories.learn.streams import Stream, copies, folded, isolated_pairs, small_desk, streams
from transforms.stories.learn.texts import Text, lead, slips_of, squeezed
from transforms.stories.model import Model, Tree, from_json
from transforms.stories.tables import COMMON_WORDS, DATA, load_table
from transforms.stories.terms import term_ids
from transforms.stories.vectors import DAY

IDS = term_ids("en")
LABELLED = [
    Text(f"{cluster}-{at}", headline, body, (100 + at) * DAY, cluster)
    for cluster, texts in (("bridge", BRIDGE), ("chess", CHESS))
    for at, (headline, body) in enumerate(texts)
]
UNLABELLED = [Text(f"other-{at}", *text, (100 + at) * DAY, "") for at, text in enumerate(OTHERS)]
CLUSTERS = {text.name: text.cluster for text in LABELLED}


def test_a_lead_has_so_many_words():
    text = Text("a", "Headline", "one two\n\nthree four", 0, "")
    assert lead(text, 3).body == "one two three"
    assert lead(text, 0).body == ""
    assert lead(text, 9).body == "one two three four"


def test_squeezed_time_runs_faster_from_the_first_article():
    slips = slips_of([LABELLED[1], LABELLED[0]._replace(time=92 * DAY)], IDS)
    assert [slip.event_time for slip in squeezed(slips, 3)] == [95 * DAY, 92 * DAY]


def test_folded_time_keeps_the_gaps_within_a_story():
    slips = slips_of([text for text in LABELLED if text.cluster == "bridge"], IDS)
    times = [slip.event_time for slip in folded(slips, {slip.article_id: 100 * DAY for slip in slips})]
    assert times == [40 * DAY, 41 * DAY, 42 * DAY]
    assert folded(slips[:1], {})[0].event_time == 40 * DAY


def test_every_other_isolated_pair_is_of_one_story():
    forms = [{slip.article_id: slip for slip in slips_of(LABELLED, IDS)}]
    pairs = list(isolated_pairs(LABELLED, forms, 10, random.Random(1)))
    for one, other in pairs[1::2]:
        assert CLUSTERS[one.article_id] == CLUSTERS[other.article_id]
        assert one.article_id != other.article_id
        assert 0 <= other.event_time - one.event_time < 3 * DAY
    assert {one.event_time == other.event_time for one, other in pairs} == {True, False}
    assert pairs == list(isolated_pairs(LABELLED, forms, 10, random.Random(1)))


def test_streams_are_the_same_every_time():
    drawn = [list(streams(LABELLED, LABELLED, UNLABELLED, IDS)) for _ in range(2)]
    assert drawn[0] == drawn[1]
    assert {"full", "headlines", "squeezed x20", "among others x10", "folded", "pair"} <= {
        stream.name for stream in drawn[0]
    }


def rows_of(model, weight=1.0):
    examples = Examples([], [], [])
    slips = slips_of([*LABELLED, *UNLABELLED], IDS)
    collect([Stream("test", weight, load_table("en"), slips, CLUSTERS)], model, examples)
    return examples


def test_gold_joins_give_a_row_for_each_candidate_of_a_labelled_article():
    examples = rows_of(None)
    assert sum(examples.same) == 3  # every article but the two founders finds its story
    assert set(examples.weights) <= {1.0, 0.3}
    for row, same in zip(examples.rows, examples.same, strict=True):
        assert len(row) == len(NAMES)
        assert (row[0] > 0.2) == bool(same)


def test_with_a_model_the_desk_chooses_and_without_one_the_editor_does():
    assert max(row[NAMES.index("singleton")] for row in rows_of(None).rows) == 1.0
    assert min(row[NAMES.index("singleton")] for row in rows_of(None).rows) == 0.0  # bridge-2 met a story of two
    assert {row[NAMES.index("singleton")] for row in rows_of(NO_MODEL).rows} == {1.0}


def test_a_merged_story_is_of_the_cluster_of_all_its_articles():
    """Two stories, an article of both that merges them, and one more: most of what it finds is chess."""
    (bridge, chess), both = (BRIDGE[0], CHESS[0]), f"{BRIDGE[0][1]} {CHESS[0][1]}"
    clusters = {"a": "bridge", "b": "chess", "c": "chess", "d": "chess"}
    texts = [
        Text("a", *bridge, 1, ""),
        Text("b", *chess, 2, ""),
        Text("c", "", both, 3, ""),
        Text("d", "", both, 4, ""),
    ]
    merging = Model((Tree(((0, 0.3, ~0, ~1),), (-1, 2 * MERGE_ABOVE)),), 0)
    examples = Examples([], [], [])
    collect([Stream("test", 1.0, load_table("en"), slips_of(texts, IDS), clusters)], merging, examples)
    assert sorted(examples.same[:2]) == [0, 1]  # of c: the bridge, and the chess
    assert examples.same[2:] == [1]  # of d: one story, of two articles on chess and one on a bridge


@pytest.mark.learn
def test_trees_say_what_lightgbm_says():
    lightgbm = pytest.importorskip("lightgbm")
    chance = random.Random(3)
    rows = [[chance.random() for _ in NAMES] for _ in range(600)]
    same = [int(row[0] + row[14] > 1.0) for row in rows]
    examples = Examples(rows, same, [1.0] * 600)
    model = fit(examples)
    assert model.trees == fit(examples).trees
    scores = model.scores(rows)
    right = sum((score > 0) == bool(label) for score, label in zip(scores, same, strict=True))
    assert right > 560
    assert lightgbm.__version__


@pytest.mark.learn
def test_nothing_to_split_still_gives_a_model():
    pytest.importorskip("lightgbm")
    model = fit(Examples([[0.5] * len(NAMES)] * 10, [1] * 5 + [0] * 5, [1.0] * 10))
    (score,) = model.scores([[0.5] * len(NAMES)])
    assert isinstance(score, int)


def command(*words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(word) for word in words]))


def write_rows(path, texts):
    lines = [
        json.dumps({"id": t.name, "title": t.headline, "text": t.body, "lang": "en", "cluster": t.cluster or None,
                    "date": f"2024-05-{t.time // DAY - 90:02}"})
        for t in texts
    ]  # fmt: skip
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


def test_learn_terms(tmp_path):
    articles = write_rows(tmp_path / "articles.jsonl.gz", [*LABELLED, *UNLABELLED])
    outputs = [tmp_path / "one.txt.gz", tmp_path / "two.txt.gz"]
    for output in outputs:
        assert command("terms", "--language", "en", "--articles", articles, "--output", output) == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    text = gzip.decompress(outputs[0].read_bytes()).decode()
    assert text.startswith("# In how many of 9 articles")
    assert "[documents] 9\n" in text
    assert "bridg 3\n" in text


@pytest.mark.learn
def test_learn_model(tmp_path):
    pytest.importorskip("lightgbm")
    dated = write_rows(tmp_path / "dated.jsonl", LABELLED)
    background = write_rows(tmp_path / "background.jsonl", UNLABELLED)
    outputs = [tmp_path / "one.json", tmp_path / "two.json"]
    for output in outputs:
        assert command("model", "--dated", dated, "--background", background, "--output", output) == 0
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    desk = Desk("en", model=from_json(outputs[0].read_text()))
    assert all(desk.handle(slip) for slip in slips_of(LABELLED, IDS))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "x", "title": "cut', "line 2"),
        ("[]", "line 2: expected an object"),
        ('{"title": "no id"}', "line 2: an article needs"),
        ('{"id": "x", "title": 7}', "line 2: title"),
        ('{"id": "x", "title": "t", "date": "2024-02-31"}', "line 2: day is out of range"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(tmp_path, capsys, line, said):
    path = tmp_path / "articles.jsonl"
    path.write_text('{"id": "a", "title": "Fine", "text": ""}\n' + line + "\n")
    assert command("terms", "--language", "en", "--articles", path, "--output", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert f"articles.jsonl, {said}" in error
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_is_named(tmp_path, capsys):
    missing = tmp_path / "missing.jsonl"
    assert command("terms", "--language", "en", "--articles", missing, "--output", tmp_path / "out") == 2
    assert "missing.jsonl" in capsys.readouterr().err


def test_no_article_in_the_language_is_an_error(tmp_path, capsys):
    articles = write_rows(tmp_path / "articles.jsonl", LABELLED)
    assert command("terms", "--language", "fr", "--articles", articles, "--output", tmp_path / "out") == 2
    assert "no article in fr" in capsys.readouterr().err


def test_the_shipped_common_words_are_rebuilt_bit_for_bit(development_data):
    data, english = common_words(development_data / "language" / "dev.jsonl")
    assert data == COMMON_WORDS.read_bytes()
    assert not english.measured


def write_archive(path):
    texts = {
        "en/a.md": '---\ntitle: "Bridge opens"\nlang:\n  - "en"\n---\nThe [bridge](https://e.example/zorvath) opens.\n',
        "zh-CN/b.md": '---\ntitle: "大桥通车"\nlang:\n  - "zh-CN"\n---\n大桥今天通车。\n',
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in texts.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))


def test_an_archive_of_front_matter_gives_its_articles_by_language(tmp_path):
    write_archive(tmp_path / "corpus.tar.gz")
    for language, term, absent in (("zh", "大桥 1\n", "bridg"), ("en", "bridg 1\n", "zorvath")):
        output = tmp_path / language
        assert (
            command("terms", "--language", language, "--articles", tmp_path / "corpus.tar.gz", "--output", output) == 0
        )
        text = gzip.decompress(output.read_bytes()).decode()
        assert term in text
        assert absent not in text


@pytest.mark.learn
def test_learn_all_rebuilds_every_file_the_same(tmp_path):
    pytest.importorskip("lightgbm")
    for folder in ("stories", "wire", "language"):
        (tmp_path / "data" / folder).mkdir(parents=True)
    stories = tmp_path / "data" / "stories"
    write_rows(stories / "dev_dated_en.jsonl", LABELLED)
    write_rows(stories / "dev_undated_en.jsonl", LABELLED[:2])
    write_rows(stories / "background_en.jsonl", UNLABELLED)
    write_rows(stories / "history_en.jsonl.gz", UNLABELLED[:1])
    write_archive(tmp_path / "data" / "wire" / "front_matter.tar.gz")
    (tmp_path / "data" / "language" / "dev.jsonl").write_text('{"lang": "sentences__en", "text": "the bridge"}\n')
    for output in ("one", "two"):
        assert command("all", "--data", tmp_path / "data", "--output", tmp_path / output) == 0
    first, second = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert first == second
    assert sorted(first) == sorted(path.name for path in DATA.iterdir())


def test_a_small_desk_holds_stories_that_go_on_for_days():
    form = {slip.article_id: slip for slip in slips_of(LABELLED, IDS)}
    desk = small_desk(LABELLED, form, random.Random(1))
    assert desk == small_desk(LABELLED, form, random.Random(1))
    assert len({slip.article_id for slip in desk}) == len(desk) >= 2
    assert all(0 <= slip.event_time < 8 * DAY for slip in desk)


def test_copies_are_cut_and_come_within_a_day_under_a_headline_of_their_own():
    texts = [LABELLED[0]._replace(name=f"agency {at}", time=at * DAY) for at in range(40)]
    made = copies(texts, random.Random(3))
    assert made == copies(texts, random.Random(3))
    names = {text.name for text in made}
    assert len(names) == len(made) > 20
    assert not names & {text.name for text in texts}
    words = set(LABELLED[0].body.split())
    for text in made:
        agency = texts[int(text.name.split()[1])]
        assert 0 <= text.time - agency.time < DAY
        assert text.cluster == agency.cluster
        assert set(text.body.split()) <= words
    assert {text.headline == LABELLED[0].headline for text in made} == {True, False}
    assert min(len(text.body) for text in made) < len(LABELLED[0].body)
