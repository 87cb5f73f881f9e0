"""Evaluating runs against a gold file: whose key counts, how gold names articles, what is told, what is refused."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from itertools import pairwise

import fastavro
import pytest

from pipeline import cli, evaluate, gold, manifest, run
from pipeline.errors import OptionError, RunError
from pipeline.manifest import WrittenFile
from pipeline.options import DAY
from pipeline.published import Published
from pipeline.sinks import write_shard
from schemas import data_set
from tests.conftest import ROOT, SAMPLES
from tests.pipeline import outputs
from tests.pipeline.outputs import AS_OF, config
from tests.pipeline.test_chain import days  # noqa: F401 (a fixture)
from transforms.stories.evaluation import bcubed

SAMPLE_GOLD = ROOT / "samples" / "gold.tsv"
TIME = datetime(2026, 3, 9, 8, tzinfo=UTC)


def encoded(name, fields):
    """A row of a data set whose other fields are empty."""
    schema = data_set(name).part(data_set(name).field_names())
    row = {field["name"]: None for field in schema["fields"] if isinstance(field["type"], list)}
    for field in schema["fields"]:
        kind = field["type"]
        kind = kind["type"] if isinstance(kind, dict) else kind
        row.setdefault(field["name"], {"long": 0, "double": 0.0, "boolean": False, "array": []}.get(str(kind), ""))
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, schema, row | fields)
    return buffer.getvalue()


def article(name, story, **fields):
    """A version of the article `name`; its guid, uri, key and headline are made of that."""
    made = {
        "article_id": name,
        "version_key": "1",
        "row_kind": "version",
        "story_id": story,
        "guid": f"guid-{name}",
        "uri": f"{name}.json",
        "headline": f"Headline of {name}",
        "event_time": TIME,
    }
    return encoded("articles", made | fields)


def state(name, story, version_key="1"):
    """A row that says what has changed about a version."""
    return article(name, story, version_key=version_key, row_kind="state", guid=None, uri="", headline="")


def merged(**into):
    """Rows of stories that were merged into others, or (None) were not."""
    return [encoded("stories", {"story_id": story, "merged_into": other}) for story, other in into.items()]


def publish(out, day, articles=(), stories=()):
    """Commits a partition with these rows; the files are those of a run."""
    asked = config(out, as_of=AS_OF + day * DAY)
    written = [*write_shard(asked, "articles", "part", 0, articles), *write_shard(asked, "stories", "part", 0, stories)]
    made = manifest.compose(asked, [], None, {}, written, [])
    path = out / "manifests" / f"{asked.partition()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(manifest.encode(made))
    return asked.partition()


def labels(tmp_path, text, name="gold.tsv"):
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def told(**stories):
    """A gold table of article -> story, by article_id."""
    return "article_id\tstory\n" + "".join(f"{name}\t{story}\n" for name, story in stories.items())


def keys_of(out, tmp_path, text, name="gold.tsv"):
    return evaluate.evaluate(gold.read(labels(tmp_path, text, name)), str(out)).keys


@pytest.fixture
def out(tmp_path):
    """Keys {a b c} {d}, and e, which gold knows nothing of."""
    out = tmp_path / "out"
    publish(out, 0, [article("a", "1"), article("b", "1"), article("c", "1"), article("d", "2"), article("e", "1")])
    return out


GOLD = told(a="x", b="x", c="y", d="y")


# Whose key counts.


def test_merges_are_followed_to_their_end(tmp_path):
    out = tmp_path / "out"
    publish(out, 0, [article(name, name * 2) for name in "abcd"], merged(aa=None, bb="aa", dd="cc"))
    publish(out, 1, [], merged(cc="bb"))
    assert keys_of(out, tmp_path, GOLD) == dict.fromkeys("abcd", "aa")


def test_a_storys_newest_row_says_what_it_was_merged_into(tmp_path):
    out = tmp_path / "out"
    publish(out, 1, [], merged(aa=None, bb=None))
    publish(out, 0, [article("a", "aa"), article("b", "bb")], merged(aa=None, bb="aa"))
    assert keys_of(out, tmp_path, told(a="x", b="x")) == {"a": "aa", "b": "bb"}


def test_a_story_without_a_row_may_be_what_others_were_merged_into(tmp_path):
    """The partition with its row was cleared away."""
    publish(tmp_path / "out", 0, [article("a", "aa")], merged(aa="gone"))
    assert keys_of(tmp_path / "out", tmp_path, told(a="x")) == {"a": "gone"}


@pytest.mark.parametrize("ring", [{"aa": "aa"}, {"aa": "bb", "bb": "cc", "cc": "bb"}])
def test_a_ring_of_merges_is_an_error(tmp_path, ring, capsys):
    publish(tmp_path / "out", 0, [article("a", "aa")], merged(**ring))
    assert cli.main(["evaluate", labels(tmp_path, told(a="x")), str(tmp_path / "out")]) == 1
    assert "was merged into itself" in capsys.readouterr().err


def test_a_long_way_of_merges(tmp_path):
    names = [f"{number:05}" for number in range(3_000)]
    publish(tmp_path, 0, [], merged(**dict(pairwise(names))))
    ends = Published(str(tmp_path)).merged()
    assert ends == dict.fromkeys(names[:-1], names[-1])


def test_the_newest_row_of_an_article_says_its_story(out, tmp_path):
    publish(out, 2, [state("a", "3")])
    publish(out, 1, [state("a", "4"), article("b", "5", version_key="2", uri="late.json")])
    assert keys_of(out, tmp_path, GOLD) == {"a": "3", "b": "5", "c": "1", "d": "2"}


def test_two_versions_of_an_article_in_two_stories_are_damage(out, tmp_path):
    partition = publish(out, 1, [article("a", "1"), article("a", "2", version_key="2")])
    with pytest.raises(RunError, match=f"{partition} has article a in two stories, 1 and 2; `storywire check"):
        keys_of(out, tmp_path, GOLD)
    # Two stories that are one by now are none.
    publish(out, 2, [], merged(**{"2": "1"}))
    assert set(keys_of(out, tmp_path, GOLD).values()) == {"1"}


def test_an_article_of_which_state_rows_are_left_has_its_name_for_a_headline(out, tmp_path):
    publish(out, 1, [state("z", "9"), article("y", "9", headline="")])
    found = evaluate.evaluate(gold.read(labels(tmp_path, told(z="x", y="x2"))), str(out))
    assert found.keys == {"z": "9", "y": "9"}
    (merge,) = evaluate.as_json(found, 5)["worst_merges"]
    assert [part["headline"] for part in merge["parts"]] == ["article_id z", "article_id y"]


def test_what_no_manifest_names_does_not_exist(out, tmp_path):
    before = keys_of(out, tmp_path, GOLD)
    partition = publish(out, 1, [state("a", "7")], merged(**{"1": "8"}))
    (out / "manifests" / f"{partition}.json").unlink()
    stray = next((out / "articles" / config(out).partition()).iterdir()).with_name("part-00000-00000000.avro")
    stray.write_bytes(b"not Avro")
    assert keys_of(out, tmp_path, GOLD) == before


# Published rows.


def test_rows_have_the_fields_asked_for_and_no_others(out):
    found = list(Published(str(out)).rows("articles", ("headline", "article_id", "event_time")))
    assert [partition for partition, _ in found] == [config(out).partition()] * 5
    assert found[0][1] == {"article_id": "a", "headline": "Headline of a", "event_time": TIME}


def test_a_field_that_an_older_file_lacks_is_none(out):
    """Releases append nullable fields; here the oldest file was written before `guid` was."""
    asked = config(out, as_of=AS_OF - DAY)
    schema = json.loads(json.dumps(data_set("articles").schema))
    schema["fields"] = [field for field in schema["fields"] if field["name"] in ("article_id", "headline")]
    buffer = io.BytesIO()
    fastavro.writer(buffer, schema, [{"article_id": "old", "headline": "Old"}])
    data = buffer.getvalue()
    path = out / "articles" / asked.partition() / "part-00000-12345678.avro"
    path.parent.mkdir()
    path.write_bytes(data)
    digest = outputs.tree(out)[f"articles/{asked.partition()}/{path.name}"]
    made = manifest.compose(asked, [], None, {}, [WrittenFile("articles", path.name, 1, len(data), digest, "0")], [])
    (out / "manifests" / f"{asked.partition()}.json").write_bytes(manifest.encode(made))
    rows = [row for _, row in Published(str(out)).rows("articles", ("article_id", "guid"))]
    assert rows[:2] == [{"article_id": "old", "guid": None}, {"article_id": "a", "guid": "guid-a"}]


def test_a_commit_after_the_manifests_were_read_is_not_seen(out):
    published = Published(str(out))
    publish(out, 1, [state("a", "7")])
    assert published.partitions() == [config(out).partition()]
    assert {row["story_id"] for _, row in published.rows("articles", ("story_id",))} == {"1", "2"}


def test_rows_come_one_after_the_other(out):
    """The first are there before the second file, which is missing, is opened."""
    partition = publish(out, 1, [state("a", "7")])
    next((out / "articles" / partition).iterdir()).unlink()
    rows = Published(str(out)).rows("articles", ("article_id",))
    assert [next(rows)[1]["article_id"] for _ in range(5)] == list("abcde")
    with pytest.raises(RunError, match=r"is missing; if a run is at work try again, else `storywire check"):
        next(rows)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-20], "can't be read"),
        (lambda data: b"", "can't be read"),
        (lambda data: data + data[-16:], "can't be read"),
        # A file of no rows is whole Avro; only its hash tells that it is another.
        (lambda data: data[: data.index(data[-16:]) + 16], "is not the file that its manifest names"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_told(out, tmp_path, damage, said):
    (path,) = (out / "articles" / config(out).partition()).iterdir()
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(RunError, match=rf"{path.name} {said}.*; `storywire check {out}` says what to run again"):
        keys_of(out, tmp_path, GOLD)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "is damaged"),
        (b"{}", "is not a manifest that a run writes"),
        (b'{"format_version": 7, "storywire": "9.0"}', "has the format 7, .* take the version that wrote it, 9.0"),
        (
            b'{"format_version": 1, "storywire": "9.0", "data_sets": {"articles": {"schema": "articles.v2"}}}',
            "names articles.v2, this version of storywire knows articles.v1; take the version that wrote it, 9.0",
        ),
    ],
)
def test_a_manifest_that_is_none(out, tmp_path, data, said):
    (out / "manifests" / f"{config(out).partition()}.json").write_bytes(data)
    with pytest.raises(RunError, match=said):
        keys_of(out, tmp_path, GOLD)


def test_a_folder_without_manifests_is_an_option_error(tmp_path, capsys):
    path = labels(tmp_path, GOLD)
    assert cli.main(["evaluate", path, str(tmp_path / "nowhere")]) == 2
    assert "nowhere has no manifests; name the --output folder of a run" in capsys.readouterr().err


# How gold files name articles.


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("gold.tsv", "guid\tstory\nguid-a\tx\nguid-d\ty\n"),
        ("gold.csv", "note,story,guid\nof no concern,x,guid-a\n,y,guid-d\n"),
        ("semicolons.csv", "guid;story\nguid-a;x\nguid-d;y\n"),
        ("quoted.csv", '"guid","story"\r\n"guid-a","x"\r\n"guid-d","y"\r\n'),
        ("marked.csv", "\ufeffGUID , Story\n guid-a , x \n\nguid-d,y"),
        ("uri.tsv", "uri\tposition\tstory\na.json\t0\tx\nd.json\t0\ty\n"),
        ("mixed.tsv", "article_id\tguid\turi\tstory\na\t\t\tx\n\t\td.json\ty\n"),
        ("gold.jsonl", '{"guid": "guid-a", "story": "x", "extra": [1]}\n\n{"guid": "guid-d", "story": "y"}\n'),
        ("mix.jsonl", '{"uri": "a.json", "position": 0, "story": "x"}\n{"guid": null, "article_id": "d", "story":"y"}'),
    ],
)  # fmt: skip
def test_every_form_of_gold(out, tmp_path, name, text):
    found = evaluate.evaluate(gold.read(labels(tmp_path, text, name)), str(out))
    assert found.keys == {"a": "1", "d": "2"}
    assert found.stories == {"a": "x", "d": "y"}
    assert (found.missing, found.gold.unlabelled) == ([], 0)


def test_stories_may_be_numbers_in_json(out, tmp_path):
    path = labels(tmp_path, '{"article_id": "a", "story": 0}\n{"article_id": "b", "story": 12}\n')
    assert [label.story for label in gold.read(path).labels] == ["0", "12"]


def test_a_quoted_cell_may_hold_the_delimiter_and_lines(tmp_path):
    read = gold.read(labels(tmp_path, 'guid,story\n"a,\n""b""",x\nc,y\n'))
    assert [(label.line, label.names[0].value) for label in read.labels] == [(3, 'a,\n"b"'), (4, "c")]


def test_rows_without_a_story_do_not_count(out, tmp_path):
    text = "story\tguid\tnote\nx\tguid-a\tb\n\tguid-b\tc\nx\tguid-c\n\t\t\n"
    found = evaluate.evaluate(gold.read(labels(tmp_path, text)), str(out))
    assert found.keys == {"a": "1", "c": "1"}
    assert found.gold.unlabelled == 1


def test_rows_of_articles_that_no_run_has_are_listed(out, tmp_path, capsys):
    """A redelivery's uri is such a one: its row was counted, not written."""
    text = told(a="x", **{f"gone{number}": "y" for number in range(7)})
    assert cli.main(["evaluate", labels(tmp_path, text), str(out)]) == 0
    shown = capsys.readouterr().out
    assert "7 of 8 gold rows name what was not published" in shown
    assert "    line 3: article_id gone0\n" in shown
    assert "    line 7: article_id gone4\n    …\n" in shown
    assert "gone5" not in shown


def test_versions_named_one_by_one_are_one_article(out, tmp_path):
    publish(out, 1, [article("a", "1", version_key="2", uri="again.json"), state("a", "1")])
    text = "uri\tstory\na.json\tx\nagain.json\tx\nd.json\ty\n"
    found = evaluate.evaluate(gold.read(labels(tmp_path, text)), str(out))
    assert found.stories == {"a": "x", "d": "y"}
    assert len(found.gold.labels) == 3


def test_the_headline_is_the_first_versions(out, tmp_path):
    early = article("d", "2", version_key="0", headline="Earlier", event_time=TIME.replace(hour=7))
    publish(out, 1, [early, article("d", "2", version_key="2", headline="Later", event_time=TIME.replace(hour=9))])
    found = evaluate.evaluate(gold.read(labels(tmp_path, "guid,story\nguid-d,y\n")), str(out))
    assert found.headlines == {"d": (TIME.replace(hour=7), "Earlier")}


@pytest.fixture
def twins(tmp_path):
    """Two articles of two providers with one guid, and two of two days with one uri; g2 has a third."""
    out = tmp_path / "out"
    publish(out, 0, [article("g1", "1", guid="same"), article("u1", "2", uri="day.jsonl", position=1)])
    publish(
        out, 1, [article("g2", "3", guid="same"), article("u2", "4", uri="day.jsonl", position=2),
                 article("u3", "5", uri="day.jsonl", position=2)],
    )  # fmt: skip
    return out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("guid,story\nsame,x\n", "line 2: 2 articles in .* have the guid same, such as g1 and g2; tell them apart by "
         "columns uri and position, or by article_id"),
        ("uri,story\nday.jsonl,x\n", "3 articles in .* have the uri day.jsonl, such as u1 and u2; tell them apart by a "
         "column position, or by article_id"),
        ("uri,position,story\nday.jsonl,2,x\n", "2 articles in .* have the uri day.jsonl, position 2, such as u2 and "
         "u3; tell them apart by a column guid or article_id"),
        ("guid,uri,position,story\nsame,other.json,0,x\n", "have the guid same, .* by a column article_id"),
    ],
)  # fmt: skip
def test_a_name_of_several_articles_is_refused(twins, tmp_path, text, said):
    with pytest.raises(OptionError, match=rf"gold\.tsv, {said}" if said.startswith("line") else said):
        keys_of(twins, tmp_path, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("guid,uri,story\nsame,g2.json,x\n", "g2"),
        ("uri,position,story\nday.jsonl,1,x\n", "u1"),
        ("uri,position,guid,story\nday.jsonl,2,guid-u3,x\n", "u3"),
        ("article_id,guid,story\ng1,same,x\n", "g1"),
    ],
)
def test_other_names_tell_them_apart(twins, tmp_path, text, found):
    assert list(keys_of(twins, tmp_path, text)) == [found]


def test_a_guid_counts_before_a_uri(out, tmp_path):
    """The uri of another article says no more than that files have moved."""
    assert keys_of(out, tmp_path, "uri,guid,story\nb.json,guid-a,x\nb.json,guid-b,x\n") == {"a": "1", "b": "1"}


# What is refused.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", " is empty; write a header"),
        (" \n\n", " is empty"),
        ("guid\tstory\n", " has no row with a story"),
        ("guid\tstory\na\t\n", " has no row with a story"),
        ("guid\tcluster\na\tx\n", ": no column story; it has guid, cluster"),
        ("id\tstory\na\tx\n", ": no column names the articles: write guid, article_id or uri; it has id, story"),
        ("position\tstory\n0\tx\n", ": no column names the articles"),
        ("guid\tguid\tstory\na\tb\tx\n", ": the column guid stands twice"),
        ("guid,story\na,b,x\n", ", line 2: 3 cells, but the header has 2"),
        ('guid,story\na,"x\n', ", line 2: not a table"),
        ("guid\tstory\na\tx\n\tx\n", ", line 3: it has a story, but neither guid, article_id nor uri"),
        ("uri\tposition\tstory\na\t-1\tx\n", ", line 2: position '-1'; write a whole number"),
        ("uri\tposition\tstory\na\t²\tx\n", ", line 2: position '²'; write a whole number"),
        ("guid\tstory\na\tx\nb\tx\na\ty\n", r", lines 2 and 4: the same article \(guid a\) in two stories"),
        (b"guid\tstory\na\tx\n\xe9\tx\n", ", line 3: not UTF-8"),
        ('{"guid": "a", "story": "x"}\n{"guid": ', ", line 2: not JSON"),
        ("[" * 100_000, ", line 1: not JSON"),
        ('[{"guid": "a", "story": "x"}]', ", line 1: not a JSON object"),
        ('{"guid": "a", "story": 1.5}', ", line 1: story is 1.5; write a text"),
        ('{"guid": ["a"], "story": "x"}', r", line 1: guid is \[.a.\]; write a text"),
        ('{"guid": true, "story": "x"}', ", line 1: guid is true; write a text"),
        ('{"guid": "a", "cluster": "x"}', ": no column story; it has guid"),
        ('{"id": "a", "story": "x"}', ", line 1: it has a story, but neither guid"),
    ],
)  # fmt: skip
def test_a_gold_file_that_is_wrong_is_told_by_line(tmp_path, text, said):
    with pytest.raises(OptionError, match=rf"gold\.tsv{said}"):
        gold.read(labels(tmp_path, text))


def test_a_gold_file_that_is_not_there(tmp_path, capsys):
    assert cli.main(["evaluate", str(tmp_path / "gone.tsv"), str(tmp_path)]) == 2
    assert "gone.tsv: there is no such file" in capsys.readouterr().err
    assert cli.main(["evaluate", str(tmp_path), str(tmp_path)]) == 2
    assert "can't be read (Is a directory)" in capsys.readouterr().err


def test_two_names_of_one_article_in_two_stories(out, tmp_path):
    text = "guid,uri,story\nguid-a,,x\n,a.json,y\n"
    with pytest.raises(OptionError, match=r"lines 2 and 3: the same article \(article_id a\) in two stories, 'x' and"):
        keys_of(out, tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uri,story\nwire/a.json,x\n", "line 2 says uri wire/a.json, but the articles there have such as uri e.json"),
        ("guid,story\nother,x\n", "line 2 says guid other, but the articles there have such as guid guid-e"),
    ],
)
def test_gold_of_other_articles(out, tmp_path, text, said, capsys):
    assert cli.main(["evaluate", labels(tmp_path, text), str(out)]) == 2
    assert f"has none of its articles; {said}" in capsys.readouterr().err


def test_gold_by_guid_of_articles_that_have_none(tmp_path):
    publish(tmp_path / "out", 0, [article("a", "1", guid=None)])
    with pytest.raises(OptionError, match="line 2 says guid a, but no article there has one"):
        keys_of(tmp_path / "out", tmp_path, "guid,story\na,x\n")


def test_wrong_options(out, tmp_path, capsys):
    path = labels(tmp_path, GOLD)
    for options, said in (
        (["--worst", "-1"], "--worst=-1: write a number"),
        (["--wrost=3"], "unknown option --wrost; did you mean --worst?"),
        (["more"], "'more' stands alone; see `storywire evaluate --help`"),
    ):
        assert cli.main(["evaluate", path, str(out), *options]) == 2
        assert said in capsys.readouterr().err


# What is told.


def test_the_words(out, tmp_path, capsys):
    assert cli.main(["evaluate", labels(tmp_path, GOLD), f"{out}/"]) == 0
    assert capsys.readouterr().out == (
        f"4 articles in 2 gold stories have 2 keys in {out} (partitions: 1)\n"
        "                 precision        recall            F1\n"
        "  BCubed            0.6667        0.7500        0.7059\n"
        "  pairs             0.3333        0.5000        0.4000\n"
        "               homogeneity  completeness             V\n"
        "  V-measure         0.3113        0.3837        0.3437\n"
        "splits: 1; the worst by what they take from BCubed recall:\n"
        "  0.2500  y: 2 articles, 2 keys\n"
        "         1  1  Headline of c\n"
        "         1  2  Headline of d\n"
        "merges: 1; the worst by what they take from BCubed precision:\n"
        "  0.3333  1: 3 articles, 2 stories\n"
        "         2  x  Headline of a\n"
        "         1  y  Headline of c\n"
    )


def test_json(out, tmp_path, capsys):
    path = labels(tmp_path, GOLD + "é\t\nz\tw\n")
    assert cli.main(["evaluate", path, str(out), "--json"]) == 0
    shown = capsys.readouterr().out
    assert shown.isascii()
    made = json.loads(shown)
    for name in ("bcubed", "pairwise", "v_measure"):
        made[name] = list(made[name].values())
    assert made == {
        "gold": path,
        "output": str(out),
        "partitions": 1,
        "rows": 5,
        "unlabelled_rows": 1,
        "missing_rows": 1,
        "missing": [{"line": 7, "name": "article_id z", "story": "w"}],
        "articles": 4,
        "stories": 2,
        "keys": 2,
        "bcubed": pytest.approx([2 / 3, 3 / 4, 12 / 17]),
        "pairwise": pytest.approx([1 / 3, 1 / 2, 2 / 5]),
        "v_measure": pytest.approx([0.31128, 0.38369, 0.34371], abs=1e-5),
        "worst_splits": [
            {
                "story": "y",
                "articles": 2,
                "cost": 1 / 4,
                "parts": [
                    {"key": "1", "articles": 1, "headline": "Headline of c"},
                    {"key": "2", "articles": 1, "headline": "Headline of d"},
                ],
            }
        ],
        "worst_merges": [
            {
                "key": "1",
                "articles": 3,
                "cost": 1 / 3,
                "parts": [
                    {"story": "x", "articles": 2, "headline": "Headline of a"},
                    {"story": "y", "articles": 1, "headline": "Headline of c"},
                ],
            }
        ],
    }


def test_the_worst_are_as_many_as_asked_for(tmp_path, capsys):
    # Three stories of two keys each, and one that is in twelve.
    names = [f"s{number}-{part}" for number in range(3) for part in "ab"] + [f"big-{part:02}" for part in range(12)]
    publish(tmp_path / "out", 0, [article(name, f"key-{name}") for name in names])
    path = labels(tmp_path, told(**{name: name.partition("-")[0] for name in names}))
    for worst, listed in (("0", []), ("2", ["big", "s0"]), ("9", ["big", "s0", "s1", "s2"])):
        assert cli.main(["evaluate", path, str(tmp_path / "out"), "--worst", worst]) == 0
        shown = capsys.readouterr().out
        assert "splits: 4" in shown
        assert "merges: 0\n" in shown
        assert [line.split()[1].rstrip(":") for line in shown.splitlines() if " articles, " in line] == listed
        assert ("            and 4 more\n" in shown) == bool(listed)
        assert cli.main(["evaluate", path, str(tmp_path / "out"), "--worst", worst, "--json"]) == 0
        made = json.loads(capsys.readouterr().out)
        assert [fault["story"] for fault in made["worst_splits"]] == listed
        assert [len(fault["parts"]) for fault in made["worst_splits"][:1]] == [12] * bool(listed)


def test_headlines_fit_a_terminal_and_stand_whole_in_json(tmp_path, capsys):
    odd = "Storm\u202e warning\x1b[31m " + "x" * 100
    publish(tmp_path / "out", 0, [article("a", "1", headline=odd), article("b", "2", headline=odd)])
    path = labels(tmp_path, told(a="x", b="x"))
    assert cli.main(["evaluate", path, str(tmp_path / "out")]) == 0
    assert f"  1  Storm warning[31m {'x' * 46}…\n" in capsys.readouterr().out
    assert cli.main(["evaluate", path, str(tmp_path / "out"), "--json"]) == 0
    (split,) = json.loads(capsys.readouterr().out)["worst_splits"]
    assert [part["headline"] for part in split["parts"]] == [odd, odd]


def test_help_says_what_gold_is(capsys):
    with pytest.raises(SystemExit):
        cli.main(["evaluate", "--help"])
    shown = capsys.readouterr().out
    for said in ("examples:", "GOLD is a table", "--worst N", "--json", "exit codes: 0 computed"):
        assert said in shown


# Runs over the samples.


@pytest.mark.runner
def test_the_samples_in_one_run_and_in_days_are_one_evaluation(days, tmp_path, capsys):  # noqa: F811
    run.run(config(tmp_path, SAMPLES), [])
    whole, sliced = (evaluate.evaluate(gold.read(str(SAMPLE_GOLD)), str(output)) for output in (tmp_path, days))
    assert (whole.partitions, sliced.partitions) == (1, 4)
    assert sliced._replace(partitions=1, output=whole.output) == whole
    # samples/README.md counts them; one redelivery has nothing but its uri to be known by.
    assert (len(whole.stories), len(set(whole.stories.values()))) == (77, 29)
    assert [str(label.names[0]) for label in whole.missing] == [
        "uri 2026-03-10/017_no-trams-on-tuesday.txt, position 0"
    ]
    # The same by hand, with what a warehouse would hold.
    stories = outputs.current_stories(days)
    keys = {}
    for row in outputs.current_articles(days).values():
        key = row["story_id"]
        while stories[key]["merged_into"]:
            key = stories[key]["merged_into"]
        keys[row["article_id"]] = key
    assert sliced.keys == keys
    assert cli.main(["evaluate", str(SAMPLE_GOLD), str(days), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert tuple(shown["bcubed"].values()) == bcubed(keys, whole.stories)
    assert shown["bcubed"]["f1"] > 0.8
