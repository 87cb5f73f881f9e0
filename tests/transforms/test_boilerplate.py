"""Rules that are data: each of the shipped lines, a house's own file, and what no rule may take."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.article import Article
from transforms.clean import RuleError, clean, rules_of
from transforms.clean.boilerplate import Boilerplate, LineRule, folded
from transforms.clean.house import shipped
from transforms.clean.reference import page

COPY = (
    "The harbour of Example Bay opened again on Monday after two weeks of storms, and 45,100 passengers were waiting "
    "for the first of 12 ferries that the port had promised for the morning."
)
LINES = [(rule.name, line) for rule in shipped() for line in rule.lines]


def article(body: str, **fields) -> Article:
    return Article(uri="test", body=body, **fields)


def kept(cleaned: Article) -> str:
    """Everything that a line may have moved to."""
    lists = (cleaned.captions, cleaned.credits, cleaned.removed_links, cleaned.removed_lines)
    texts = (
        cleaned.body, cleaned.byline, cleaned.ed_note, cleaned.info_source, cleaned.credit, cleaned.copyright_notice,
        cleaned.usage_terms,
    )  # fmt: skip
    return "\n".join((*texts, *(text for texts in lists for text in texts)))


# The shipped lines


@pytest.mark.parametrize(("name", "line"), LINES, ids=[line for _, line in LINES])
def test_every_line_is_taken_from_below_the_copy_and_kept(name, line):
    """By its own rule, or by one before it in the file, which has a pattern that is more general."""
    written = line.replace("*", " Doe 7@a ").strip()
    before = article(f"{COPY}\n\n{written}")
    cleaned = Boilerplate(shipped()).apply(before)
    assert cleaned.body == COPY
    names = [rule.name for rule in shipped()]
    assert len(cleaned.cleaning) == 1
    assert names.index(cleaned.cleaning[0]) <= names.index(name)
    rule = shipped()[names.index(cleaned.cleaning[0])]
    assert "Doe 7" in kept(cleaned) if "*" in line and rule.takes == "value" else written in kept(cleaned)


@pytest.mark.parametrize("rule", shipped(), ids=lambda rule: rule.name)
def test_the_example_of_a_list(rule):
    cleaned = clean(article(rule.before.strip("\n")))
    assert rule.name in cleaned.cleaning
    assert rule.before.strip("\n") != cleaned.body == rule.after.strip("\n")


@pytest.mark.parametrize(
    "line",
    [
        "Read the statement that the port sent out on Monday.",
        "Related companies of the port were searched as well.",
        "Contact with the ferry was lost at 9 p.m., the coast guard said.",
        "Subscribers of the port's bulletin were told first.",
        "Follow-up talks are planned for May.",
        "Copyright law was the other topic of the session.",
        "Advertisement revenue fell by 3% in the harbour district.",
        "Disclaimers were read out before the hearing.",
        "End of the strike in sight, says union",
        "Photo evidence was shown in court.",
        "Image rights are worth 12 million a year to the club.",
        "Email traffic of the two ministers was read out in court.",
        "Watch sales rose by 4.1% in March.",
        "Source of the fire was a heater, police said.",
        "Telephone lines were cut in three villages.",
        "Editing of genes in rice was approved on Monday.",
        "Join us, the mayor told the strikers.",
        "编辑部的工作人员周一没有上班。",
        "编辑：您怎么看这次复航？",
        "记者：下一步将如何做好改革方案的组织实施？",
        "未经授权的无人机周一闯入机场，航班停飞两小时。",
        "资料图书馆周一重新开放。",
        "相关负责人表示，两艘渡轮周一恢复航行。",
        "来源不明的货物周一在港口被扣押。",
        "关注我国渡轮业的投资者周一松了一口气。",
        "图书销售额同比增长百分之四。",
        "完成改造的码头周一启用。",
        "作者在书中写道，港口改变了这座城市。",
        "更多乘客选择渡轮出行。",
        "股市有涨有跌，投资者观望。",
        "审核程序预计需要三个月。",
    ],
)
def test_reporting_that_begins_like_a_label_stays(line):
    body = f"{COPY}\n\n{line}\n\n{COPY[:-1]}, it said."
    assert clean(article(body)).body == body
    assert clean(article(f"{COPY}\n\n{line}")).body == f"{COPY}\n\n{line}"


def test_a_closing_line_above_copy_stays():
    body = f"Ends\n\n{COPY}\n\nCopyright 2025 was the name of the exhibition\n\n{COPY[:-1]}, it said."
    assert clean(article(body)).body == body


def test_a_list_of_other_articles_goes_with_its_heading():
    items = "- Storm keeps the harbour shut\n- Fishermen ask for help"
    cleaned = clean(article(f"{COPY}\n\nTrending articles:\n\n{items}\n\n{COPY[:-1]}, it said."))
    assert cleaned.body == f"{COPY}\n\n{COPY[:-1]}, it said."
    assert cleaned.removed_lines == ("Trending articles:", *items.split("\n"))
    cleaned = clean(article(f"{COPY}\n\n相關新聞：\n\n颶風過後港口重開\n\n漁民求助\n\n案件編號：HB 51/2026"))
    assert cleaned.body == f"{COPY}\n\n案件編號：HB 51/2026"


def test_what_is_stated_stays_and_the_line_is_kept():
    cleaned = clean(article(f"{COPY}\n\n© 2026 Harbour Post", copyright_notice="© Example Agency"))
    assert (cleaned.copyright_notice, cleaned.removed_lines) == ("© Example Agency", ("© 2026 Harbour Post",))
    cleaned = clean(article(f"{COPY}\n\n© 2026 Harbour Post", copyright_notice="© 2026 Harbour Post"))
    assert (cleaned.copyright_notice, cleaned.removed_lines) == ("© 2026 Harbour Post", ())


@pytest.mark.parametrize(
    ("line", "byline"),
    [
        ("作者｜陈思竹", "陈思竹"),
        ("文/梁艳 编辑/杨磊", "梁艳"),
        ("（文／林森，编辑：王安）", "林森"),
        ("撰文 | 吴先", "吴先"),
    ],
)
def test_a_label_gives_its_value_alone(line, byline):
    assert clean(article(f"{line}\n\n两艘渡轮周一恢复航行，港务局说。")).byline == byline


# A house's own file

HOUSE = """
off = ["related"]

[[rule]]
name = "evening_plug"
lines = ["get the Evening Post app*", "the Evening Post is a member of *"]
provider = ["Evening Post"]
why = "The Evening Post ends every article so."
before = \"\"\"
Boats sailed.

Get the Evening Post app today!\"\"\"
after = \"\"\"
Boats sailed.\"\"\"

[[rule]]
name = "desk"
lines = ["desk:*"]
to = "ed_note"
takes = "value"
where = "start"
"""


def test_a_house_adds_rules_and_switches_others_off():
    rules = rules_of(HOUSE)
    body = f"Desk: City 4\n\n{COPY}\n\nAlso read: Storm\n\nDesk: no\n\nGET THE EVENING POST APP now"
    cleaned = clean(article(body, provider="evening post"), rules)
    assert cleaned.body == f"{COPY}\n\nAlso read: Storm\n\nDesk: no"
    assert (cleaned.ed_note, cleaned.removed_lines) == ("City 4", ("GET THE EVENING POST APP now",))
    assert set(cleaned.cleaning) == {"evening_plug", "desk"}
    assert "GET THE" in clean(article(body, provider="Morning Post"), rules).body
    assert clean(cleaned, rules) == cleaned
    assert "related" in clean(article(body)).cleaning


def test_a_house_has_the_first_word():
    house = '[[rule]]\nname = "own"\nlines = ["also read:*"]\nto = "ed_note"'
    cleaned = clean(article(f"{COPY}\n\nAlso read: Storm"), rules_of(house))
    assert (cleaned.ed_note, cleaned.cleaning) == ("Also read: Storm", ("own",))


def test_every_rule_that_may_be_off_can_be():
    names = [rule.name for rule in rules_of() if not rule.needed and rule.name != "boilerplate"]
    names += [rule.name for rule in shipped()]
    rules = rules_of(f"off = {names}")
    body = f"By Jane Doe\n\n{COPY}\n\nAlso read: Storm\n\n(END)"
    assert clean(article(body), rules).body == body
    assert {rule.name for rule in rules if rule.name != "boilerplate"} == {"newlines", "markdown", "html", "layout"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("off = [", "not TOML"),
        ("of = []", 'did you mean "off"?'),
        ('off = "related"', 'off = ["related"]'),
        ('off = ["relatd"]', 'there is no rule "relatd"; did you mean "related"?'),
        ('off = ["markdown"]', 'there is no rule "markdown"'),
        ("rule = 1", "[[rule]]"),
        ("[rule]\nname = 'a'", "[[rule]]"),
        ("[[rule]]\nlines = ['a b c']", "rule 1: needs a name"),
        ("[[rule]]\nname = 'a b'\nlines = ['a b c']", 'rule 1 ("a b"): needs a name'),
        ("[[rule]]\nname = 'a'", 'needs lines: lines = ["sign up'),
        ("[[rule]]\nname = 'a'\nlines = 'abc'", "lines is a list of texts"),
        ("[[rule]]\nname = 'a'\nlines = [1]", "lines is a list of texts"),
        ("[[rule]]\nname = 'a'\nlines = ['abc']\nat_most = true", "at_most is a number"),
        ("[[rule]]\nname = 'a'\nlines = ['abc']\nat_most = 9000", "at_most is a number from 1 to 400"),
        ("[[rule]]\nname = 'a'\nlines = ['abc']\nwere = 'end'", 'did you mean "where"?'),
        ("[[rule]]\nname = 'a'\nlines = ['abc']\nwhere = 'bottom'", "none of start, end, anywhere"),
        ("[[rule]]\nname = 'a'\nlines = ['abc']\nto = 'copyright'", 'did you mean "copyright_'),
        ("[[rule]]\nname = 'a'\nlines = ['*']", "would take any line"),
        ("[[rule]]\nname = 'a'\nlines = ['- *']", "would take any line"),
        ("[[rule]]\nname = 'a'\nlines = ['']", "would take any line"),
        ("[[rule]]\nname = 'a'\nlines = ['a *']", "far too many lines"),
        ("[[rule]]\nname = 'a'\nlines = ['图*']", "far too many lines"),
        ("[[rule]]\nname = 'a'\nlines = ['* app *']", "leave out the star"),
        ('[[rule]]\nname = "a"\nlines = ["a\\nb"]', "more than one line"),
        ("[[rule]]\nname = 'a'\nlines = ['abc']\n[[rule]]\nname = 'a'\nlines = ['abd']", 'two rules are called "a"'),
        ("[[rule]]\nname = 'related'\nlines = ['abc']", 'two rules are called "related"'),
        (
            "[[rule]]\nname = 'a'\nlines = ['abc']\nbefore = 'abd'\nafter = ''",
            "of its own example it makes 'abd', not ''",
        ),
    ],
)
def test_a_file_that_cannot_be_meant_is_refused(text, told):
    with pytest.raises(RuleError) as raised:
        rules_of(text)
    assert told in str(raised.value)


def test_the_page_shows_every_rule_and_every_key():
    text = page()
    assert all(f"### {rule.name}\n" in text for rule in (*rules_of(), *shipped()))
    assert all(f"| `{key}`" in text for key in LineRule._fields if key not in ("before", "after"))


# Properties

TEXT = st.text(st.sampled_from("aAzZ :：*|｜-—(（)）.。?©图片来源编辑读#\t"), max_size=30)
LINE = st.one_of(st.sampled_from([line for _, line in LINES]).map(lambda line: line.replace("*", "x")), TEXT)


@given(st.lists(LINE, max_size=8))
def test_no_line_is_lost_and_twice_is_once(lines):
    before = clean(article("\n\n".join(lines)), rules_of(f"off = {[rule.name for rule in shipped()]}"))
    cleaned = Boilerplate(shipped()).apply(before)
    left = cleaned.body.split("\n")
    for line in filter(None, before.body.split("\n")):
        assert line in left or any(part and part in line for part in kept(cleaned).split("\n"))
    again = clean(clean(before))
    assert clean(again) == again


@given(TEXT)
def test_folding_twice_is_folding_once(text):
    assert folded(folded(text)) == folded(text)


def test_lines_made_to_take_long_are_quick():
    rules = Boilerplate([LineRule("stars", ("abc" + "*a" * 150 + "*b",), at_most=400)])
    body = "\n".join(["abc" + "a" * 390, "abc" + "ab" * 190 + "c"] * 2000)
    began = time.process_time()
    assert rules.apply(article(body)).body == body
    assert time.process_time() - began < 2
