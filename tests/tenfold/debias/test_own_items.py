"""People's own questions and predictions, read as they write them or refused by line and column."""

import json

import numpy as np
import pytest

from tenfold.data.errors import DataError
from tenfold.debias.errors import InvalidAnswers, InvalidItem, NoQuestions
from tenfold.debias.items import NONE, Items, write_items
from tenfold.debias.own_items import lacking_condition, option_number, read_own_items
from tenfold.debias.predictions import read_predictions, read_questions
from tenfold.debias.scores import score
from tests.tenfold.debias.questions import balanced, question

LINES = [
    {"question": "Who came?", "options": ["Ada", "Bea", "Not known"], "answer": "C", "unknown": 2, "group": "names"},
    {"question": "Who left?", "A": "Ada", "B": "Bea", "answer": "Bea", "key": "left", "context": "Bea left."},
]


def jsonl(folder, *lines):
    path = folder / "own.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_json_lines(tmp_path):
    first, second = read_own_items(jsonl(tmp_path, *LINES)).rows
    assert (first.gold, first.unknown, first.group, first.template) == (2, 2, "names", first.key)
    assert (second.key, second.options, second.gold, second.context) == ("left", ("Ada", "Bea"), 1, "Bea left.")


def test_a_csv_file_with_named_columns_and_empty_cells(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text(
        'key,question,A,B,C,answer,context\nq1,Who?,"Ada, the elder",Bea,,B,\nq2,"Who\nelse?",Ada,Bea,Cy,,Cy did.\n'
    )
    first, second = read_own_items(path).rows
    assert first.options == ("Ada, the elder", "Bea") and first.gold == 1 and first.context == ""
    assert second.question == "Who\nelse?" and len(second.options) == 3 and second.gold is None


def test_what_write_items_wrote_is_read_the_same(tmp_path):
    items = balanced()
    write_items(items, tmp_path / "items.jsonl")
    assert read_questions(tmp_path / "items.jsonl").rows == items.rows


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer": "D"}, "column 'answer': 'D' is none of"),
        ({"answer": "nobody"}, "column 'answer'"),
        ({"answer": True}, "column 'answer'"),
        ({"question": " "}, "column 'question': it is empty"),
        ({"options": ["Ada"]}, "column 'options': .*two or more"),
        ({"options": ["Ada", "Ada"]}, "column 'options': .*all different"),
        ({"options": ["Ada", "ada."]}, "column 'options': .*all different in words"),
        ({"options": "Ada;Bea"}, "column 'options': give a list"),
        ({"A": "Ada"}, "column 'A': options are listed already"),
        ({"colour": "red"}, "column 'colour': unknown"),
        ({"polarity": "positive"}, "column 'polarity': 'positive' is none of neg, nonneg"),
        ({"answer": 3}, "column 'answer': 3 is the number of none of 3 options"),
        ({"unknown": -2}, "column 'unknown': -2 is the number of none"),
        ({"gold": 0}, "column 'gold': there is an 'answer' as well"),
        ({"question": ["Who came?"]}, "column 'question': .* must be a text"),
        ({"context": ["Ada came."]}, "column 'context': .* must be a text"),
        ({"context": 3}, "column 'context': 3 must be a text"),
        ({"group": {"a": 1}}, "column 'group': .* must be a text"),
        ({"options": ["?", "!"]}, "column 'options': each needs a letter"),
        ({"options": ["Ada", "Bea", "…"]}, "column 'options': each needs a letter"),
        ({"options": ["1", "2", "3"], "answer": "1"}, "column 'answer': '1' may stand for '2' or for '1'"),
        ({"options": ["B", "A", "AB"], "answer": "A"}, "column 'answer': 'A' may stand for 'B' or for 'A'"),
        ({"target": 2}, "target = 2 is the unknown option"),
    ],
)
def test_a_wrong_line_is_named_by_line_and_column(tmp_path, change, words):
    with pytest.raises(InvalidItem, match=rf"own\.jsonl:2, {words}" if words.startswith("column") else words):
        read_own_items(jsonl(tmp_path, LINES[1], LINES[0] | change))


def test_a_gap_between_options_is_named_in_a_csv_file(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("question,A,B,C\nWho?,Ada,,Cy\n")
    with pytest.raises(InvalidItem, match=r"own\.csv:2, column 'C': the options before it are missing"):
        read_own_items(path)
    path.write_text("question,A,B\nWho?,Ada\n")
    with pytest.raises((InvalidItem, DataError), match="2"):
        read_own_items(path)


def test_no_json_a_key_twice_and_nothing_at_all_are_named(tmp_path):
    path = tmp_path / "own.jsonl"
    path.write_text("{\n")
    with pytest.raises(InvalidItem, match=r"own\.jsonl:1: not JSON"):
        read_own_items(path)
    with pytest.raises(InvalidItem, match=r":2, column 'key': 'left' is there twice"):
        read_own_items(jsonl(tmp_path, LINES[1], LINES[1]))
    with pytest.raises(NoQuestions, match="holds no question"):
        read_own_items(jsonl(tmp_path))
    with pytest.raises(NoQuestions, match="does not exist"):
        read_questions(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("B", 1),
        ("b.", 1),
        (1, 1),
        ("1", 1),
        ("The joiner", 1),
        ("the joiner", 1),
        ("Answer: B", 1),
        ("Answer: **D**", None),
        ("(A) is wrong. Final answer: B", 1),
        ("A man was there", None),
        ("The baker or the joiner", None),
        (-1, None),
        ("-1", None),
        ("7", None),
        ("9" * 5000, None),
        (None, None),
        ("", None),
    ],
)
def test_what_an_answer_names(said, expected):
    assert option_number(said, ("The baker", "The joiner", "Not known")) == expected


@pytest.mark.parametrize(
    ("said", "options", "expected"),
    [
        ("1", ("1", "2", "3"), "two"),
        (1, ("1", "2", "3"), "two"),
        ("1", ("0", "1", "2"), 1),
        ("3", ("1", "2", "3"), 2),  # the number of no option
        (0, ("1", "2", "3"), 0),
        ("A", ("B", "A", "AB"), "two"),
        ("a.", ("B", "A", "AB"), "two"),
        ("Answer: A", ("B", "A", "AB"), "two"),
        ("AB", ("B", "A", "AB"), 2),
        ("C", ("B", "A", "AB"), 2),
        ("A", ("A", "B", "AB"), 0),
        ("It was the baker", ("the baker", "A"), 0),
        (2, ("B", "A"), "none"),
        (-2, ("B", "A"), "none"),
    ],
)
def test_letters_and_numbers_that_mean_two_options_or_none_are_refused(said, options, expected):
    if isinstance(expected, int):
        assert option_number(said, options) == expected
    else:
        with pytest.raises(InvalidAnswers, match="may stand for" if expected == "two" else "the number of none"):
            option_number(said, options)


def test_numbers_that_write_items_wrote_are_places(tmp_path):
    items = Items((question(0, options=("1", "2", "3"), gold=1, unknown=2, condition="disambig"),))
    write_items(items, tmp_path / "items.jsonl")
    assert read_own_items(tmp_path / "items.jsonl").rows == items.rows
    (line,) = read_own_items(
        jsonl(tmp_path, {"question": "Who?", "options": ["a man", "b"], "answer": -1, "key": 7})
    ).rows
    assert line.gold is None and line.key == "7"


def predictions(folder, *lines):
    path = folder / "predictions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_predictions_in_any_order_and_of_some_questions(tmp_path):
    items = balanced()
    lines = [{"key": "H/3", "answer": "garbage"}, {"key": "G/1", "answer": "B"}, {"key": "G/2", "answer": None}]
    answered, answers = read_predictions(predictions(tmp_path, *lines), items)
    assert [item.key for item in answered.rows] == ["G/1", "G/2", "H/3"]
    assert answers.tolist() == [1, NONE, NONE]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([{"key": "G/999", "answer": "A"}], ":1: no question has the key 'G/999'; keys are like 'G/0'"),
        ([{"key": "G/1", "answer": "A"}] * 2, ":2: 'G/1' is answered twice"),
        ([{"answer": "A"}], ":1: a line is an object with the fields key and answer"),
        ([{"key": "G/1", "answer": 1.5}], "answer 1.5"),
    ],
)
def test_wrong_predictions_are_named(tmp_path, lines, words):
    with pytest.raises(InvalidAnswers, match=words):
        read_predictions(predictions(tmp_path, *lines), balanced())


def test_a_key_comes_of_the_content_and_not_of_the_place(tmp_path):
    asked = [{"question": f"Who came on day {number}?", "options": ["Ada", "Bea"]} for number in range(3)]
    before = {item.question: item.key for item in read_own_items(jsonl(tmp_path, *asked)).rows}
    more = [{"question": "First?", "A": "yes", "B": "no"}, *asked[::-1], asked[0], asked[0]]
    after = read_own_items(jsonl(tmp_path, *more)).rows
    assert {item.question: item.key for item in after[1:4]} == before and len(set(before.values())) == 3
    first = before[asked[0]["question"]]
    assert [item.key for item in after[4:]] == [f"{first}#2", f"{first}#3"]
    changed = [asked[0] | change for change in ({"context": "It rained."}, {"options": ["Ada", "Cyd"]})]
    assert not {item.key for item in read_own_items(jsonl(tmp_path, *changed)).rows} & set(before.values())


def table(folder, text, name="own.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_options_in_one_cell_are_a_json_list_or_refused_with_a_way_out(tmp_path):
    (item,) = read_own_items(table(tmp_path, 'question,options\nWho?,"[""Ada, the elder"", ""Bea""]"\n')).rows
    assert item.options == ("Ada, the elder", "Bea")
    with pytest.raises(
        InvalidItem, match=r"own\.csv:2, column 'options': give a list of texts such as \[.*columns A, B"
    ):
        read_own_items(table(tmp_path, "question,options\nWho?,Ada;Bea\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (",question,A,B\n0,Who?,Ada,Bea\n", "column 1 has no name|line 1: every column needs a name"),
        ("Frage,A,B\nWer?,Ada,Bea\n", "line 1: there is no column 'question'; it names Frage, A, B"),
        ("question,A,B\nWho, then?,Ada,Bea\n", "4 cells, not 3; quote a cell"),
    ],
)
def test_a_table_is_refused_in_the_words_of_this_command(tmp_path, text, words):
    with pytest.raises(InvalidItem, match=words) as caught:
        read_own_items(table(tmp_path, text))
    assert "--" not in str(caught.value)


def test_the_separator_is_the_one_that_names_the_columns(tmp_path):
    text = "question;A;B;context\nWho, or what?;Ada;Bea;They came, all\n"
    assert read_own_items(table(tmp_path, text)).rows[0].context == "They came, all"
    tabs = read_own_items(table(tmp_path, text.replace(";", "\t"), "own.tsv")).rows[0]
    assert tabs.question == "Who, or what?"


def test_a_target_without_a_condition_is_said(tmp_path):
    bare = read_own_items(jsonl(tmp_path, *LINES))
    assert "1 of 2 questions name a target or an unknown option and no condition" in str(lacking_condition(bare))
    assert lacking_condition(read_own_items(jsonl(tmp_path, LINES[0] | {"condition": "ambig"}, LINES[1]))) is None


SCORED = {
    "question": "Who did it?",
    "options": ["Ann", "Ben", "Not known"],
    "condition": "ambig",
    "answer": "C",
    "unknown": "C",
    "target": "A",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"unknown": None}, "column 'unknown': a bias score counts the answers that name a person"),
        ({"unknown": None, "condition": "disambig", "answer": "A"}, "column 'unknown': a bias score"),
        ({"answer": "A"}, "column 'answer': 'Ann' names a person, which is not right in a context that is ambig"),
        ({"answer": "A", "target": None}, "column 'answer': 'Ann' names a person"),
        ({"condition": "disambig"}, "column 'answer': 'Not known' says unknown, .* not right .* disambig"),
    ],
)
def test_what_a_bias_score_would_get_wrong_is_refused(tmp_path, change, words):
    with pytest.raises(InvalidItem, match=rf"own\.jsonl:2, {words}"):
        read_own_items(jsonl(tmp_path, LINES[1], SCORED | change))
    assert read_own_items(jsonl(tmp_path, SCORED, SCORED | {"condition": "disambig", "answer": "B"})).gold.tolist() == [
        2,
        1,
    ]


def test_right_in_an_ambiguous_context_is_the_unknown_option_though_nobody_says_so(tmp_path):
    rows = [SCORED | {"answer": None, "key": f"q{number}"} for number in range(4)]
    items = read_own_items(jsonl(tmp_path, *rows))
    assert items.gold.tolist() == [2] * 4
    found = score(items, np.array([0, 0, 1, 2]))
    assert not found.undefined_amb and found.s_amb == pytest.approx((1 - 1 / 4) * (2 * 2 / 3 - 1))
    (open_one,) = read_own_items(jsonl(tmp_path, SCORED | {"condition": "disambig", "answer": None})).rows
    assert open_one.gold is None


@pytest.mark.parametrize("column", ["answer", "unknown", "target"])
@pytest.mark.parametrize("said", ["not Ann", "Ann or so", "Answer: A", "I choose A", "neither", "-1.5", "D", "3.0"])
def test_a_cell_names_an_option_by_letter_number_or_its_whole_text_alone(tmp_path, column, said):
    bare = {"question": "Who?", "options": ["Ann", "Ben", "Not known"], column: said}
    with pytest.raises(InvalidItem, match=rf"own\.jsonl:1, column '{column}': "):
        read_own_items(jsonl(tmp_path, bare))
    for right in ("A", "a", "(A)", "A.", "0", "0.0", 0, 0.0, "Ann", " ANN "):
        (item,) = read_own_items(jsonl(tmp_path, bare | {column: right})).rows
        assert (item.gold, item.unknown, item.target)[("answer", "unknown", "target").index(column)] == 0, right


def test_a_number_that_is_an_options_text_says_how_to_name_it(tmp_path):
    bare = {"question": "How many?", "options": ["10", "20", "30"]}
    with pytest.raises(InvalidItem, match=r"column 'answer': 20 is the number of none of 3 .* in quotes: \"20\""):
        read_own_items(jsonl(tmp_path, bare | {"answer": 20}))
    items = read_own_items(jsonl(tmp_path, bare | {"answer": "20", "key": "q"}))
    assert items.gold.tolist() == [1]
    with pytest.raises(InvalidAnswers, match=r"predictions\.jsonl:1: 20 is the number of none .* in quotes: \"20\""):
        read_predictions(predictions(tmp_path, {"key": "q", "answer": 20}), items)
    (read,) = read_predictions(table(tmp_path, "key,answer\nq,20.0\n", "p.csv"), items)[1]
    assert read == 1


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (("0.0", "1.0", "-1.0"), [0, 1, NONE]),
        (("0.0", "2.0", ""), [0, 2, NONE]),
        (("2", "-1", "1.00"), [2, NONE, 1]),
        (("1", "2", "3"), ":4: 3 is the number of none of 3 options: they count from 0"),
        (("1.0", "2.0", "3.0"), ":4: 3.0 is the number of none"),
        (("0", "0.5", "1"), ":3: 0.5 is the number of none"),
        (("0", "-2", "1"), ":3: -2 is the number of none"),
        (("0", "9" * 5000, "1"), ":3: 9{20} is the number of none"),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_numbers_in_a_table_are_read_as_in_json_or_refused_by_line(tmp_path, cells, expected, form):
    items = Items(tuple(question(number, key=f"q{number}") for number in range(3)))
    if form == "csv":
        text = "".join(f"q{number},{cell}\n" for number, cell in enumerate(cells))
        path = table(tmp_path, f"key,answer\n{text}", "p.csv")
    else:
        path = predictions(tmp_path, {}, *({"key": f"q{number}", "answer": cell} for number, cell in enumerate(cells)))
        path.write_text(path.read_text().replace("{}\n", "\n"))
    if isinstance(expected, str):
        with pytest.raises(InvalidAnswers, match=rf"p.*{form}{expected}"):
            read_predictions(path, items)
    else:
        assert read_predictions(path, items)[1].tolist() == expected


@pytest.mark.parametrize("answer", [0.0, 1.0, 3, 3.0, -2, 0.5, "5"])
def test_numbers_in_json_are_whole_ones_of_an_option_or_refused_by_line(tmp_path, answer):
    items = Items((question(0, key="q"),))
    path = predictions(tmp_path, {"key": "q", "answer": answer})
    if answer in (0.0, 1.0):
        assert read_predictions(path, items)[1].tolist() == [answer]
    else:
        with pytest.raises(InvalidAnswers, match=r"predictions\.jsonl:1[:,] "):
            read_predictions(path, items)


def test_a_minus_is_never_lost_before_a_number(tmp_path):
    items = Items((question(0, key="q", options=("5", "7", "Not known")),))
    with pytest.raises(InvalidAnswers, match=":1: -5 is the number of none"):
        read_predictions(predictions(tmp_path, {"key": "q", "answer": "-5"}), items)
    with pytest.raises(InvalidItem, match="column 'answer'"):
        read_own_items(jsonl(tmp_path, {"question": "How many?", "options": ["5", "7"], "answer": "-5"}))


def test_predictions_as_a_table(tmp_path):
    path = table(tmp_path, 'key,answer,note\nG/2,,none\nG/1,B,\nH/3,"It is the baker, I think",\n', "p.csv")
    answered, answers = read_predictions(path, balanced())
    assert [item.key for item in answered.rows] == ["G/1", "G/2", "H/3"] and answers.tolist() == [1, NONE, 0]
    with pytest.raises(InvalidAnswers, match="there is no column 'answer'"):
        read_predictions(table(tmp_path, "key,reply\nG/1,B\n"), balanced())
    with pytest.raises(InvalidAnswers, match=r"Let its name end in \.csv"):
        read_predictions(table(tmp_path, "key,answer\nG/1,B\n", "p.txt"), balanced())
    with pytest.raises(NoQuestions, match="there is no file"):
        read_predictions(tmp_path / "none.csv", balanced())
