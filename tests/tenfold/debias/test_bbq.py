"""BBQ as it is published and as a mirror has it: targets, unknown options, groups, and what is wrong by line."""

import csv
import gzip
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.debias.bbq import read_bbq, redrawn_groups
from tenfold.debias.errors import InvalidItem, InvalidMetadata, NoQuestions
from tenfold.debias.items import NONE, Items, read_items, write_items
from tenfold.debias.matching import match_official
from tenfold.debias.targets import read_targets, target_by_rule
from tests.tenfold.debias.questions import question

MIRROR = Path(os.environ["TENFOLD_MIRROR"]) / "bbq" if os.environ.get("TENFOLD_MIRROR") else None
NAMES = {"published": 10_756, "redrawn": 46_536}


@pytest.fixture
def folder(tmp_path) -> Path:
    """The made-up questions, as the data stage leaves them."""
    for name, content in made_up_files(StandIn(maker="questions", seed=11))[1].items():
        (tmp_path / name).write_bytes(content)
    return tmp_path


def row(**changes) -> dict:
    """Return a row of BBQ's form, of our own."""
    return {
        "example_id": 0,
        "question_index": "1",
        "question_polarity": "neg",
        "context_condition": "ambig",
        "category": "Hours",
        "answer_info": {
            "ans0": ["late riser", "late"],
            "ans1": ["early bird", "early"],
            "ans2": ["unknown", "unknown"],
        },
        "additional_metadata": {"stereotyped_groups": ["Late"]},
        "context": "Two met.",
        "question": "Who slept?",
        "ans0": "The late riser",
        "ans1": "The early bird",
        "ans2": "Not known",
        "label": 2,
    } | changes


def written(folder: Path, *rows: dict) -> Path:
    (folder / "Hours.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    return folder


def test_the_made_up_questions_are_balanced_and_have_targets(folder):
    items = read_bbq(folder)
    assert len(items) == 512 and len(set(items.templates)) == 16
    assert items.ambiguous.sum() == 256 and (items.target != NONE).all()
    assert (items.gold[items.ambiguous] == items.unknown[items.ambiguous]).all()
    assert (items.gold[~items.ambiguous] != items.unknown[~items.ambiguous]).all()
    assert len(set(items.unknown)) == 3  # the unknown option stands anywhere
    assert redrawn_groups(folder) == ()


def test_every_layout_gives_the_same_questions(folder, tmp_path_factory):
    official = tmp_path_factory.mktemp("official")
    (official / "data").mkdir()
    (official / "supplemental").mkdir()
    for path in folder.glob("*.jsonl.gz"):
        (official / "data" / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
    metadata = gzip.decompress((folder / "target_locations.csv.gz").read_bytes())
    (official / "supplemental" / "additional_metadata.csv").write_bytes(metadata)
    assert read_bbq(official).rows == read_bbq(folder).rows
    (official / "supplemental" / "additional_metadata.csv").unlink()
    assert read_bbq(official).rows == read_bbq(folder).rows  # the rule finds every target of these


def test_questions_survive_being_written(folder, tmp_path):
    items = read_bbq(folder)
    write_items(items, tmp_path / "items.jsonl")
    assert read_items(tmp_path / "items.jsonl").rows == items.rows


@pytest.mark.parametrize(
    ("polarity", "groups", "expected"),
    [
        ("neg", ["late"], 0),
        ("nonneg", ["LATE"], 1),
        ("neg", ["early bird"], 1),  # by its text
        ("neg", ["lat", "riser", "ear"], None),  # never by a part of a word
        ("neg", ["late", "early"], None),
        ("neg", [], None),
        ("neg", ["unknown"], None),
    ],
)
def test_the_rule_takes_the_one_person_that_a_group_equals(polarity, groups, expected):
    found = target_by_rule(row(question_polarity=polarity, additional_metadata={"stereotyped_groups": groups}))
    assert found == expected


def test_old_is_not_found_in_non_old():
    people = {"ans0": ["grandson", "nonOld"], "ans1": ["grandfather", "old"], "ans2": ["Unknown", "unknown"]}
    assert target_by_rule(row(answer_info=people, additional_metadata={"stereotyped_groups": ["old"]})) == 1


def test_tags_that_do_not_match_leave_a_question_without_target_and_counted(tmp_path):
    people = {"ans0": ["Ada", "trans_F"], "ans1": ["Bea", "nonTrans_F"], "ans2": ["Unknown", "unknown"]}
    lost = row(answer_info=people, additional_metadata={"stereotyped_groups": ["Transgender women"]})
    items = read_bbq(written(tmp_path, lost, row(example_id=1)))
    assert items.target.tolist() == [NONE, 0]


@pytest.mark.parametrize("category", ["Gender_identity", "Race_ethnicity"])
@pytest.mark.parametrize(("index", "names"), [("1", ""), ("25", ""), ("26", " (names)"), ("27", " (names)")])
def test_without_metadata_names_begin_at_question_26_of_two_categories(tmp_path, category, index, names):
    rows = (row(category=category, question_index=index), row(question_index=index))
    named, other = read_bbq(written(tmp_path, *rows)).rows
    assert named.group == f"{category}{names}" and other.group == "Hours"


WORDINGS = (
    "Unknown",
    "Cannot be determined",
    "Can’t be determined",
    "NOT ANSWERABLE",
    "Not known",
    "Not enough info",
    "Not enough information",
    "Cannot answer",
    "Can't answer",
    "Undetermined",
)


@pytest.mark.parametrize("wording", WORDINGS)
@pytest.mark.parametrize("place", range(3))
def test_the_unknown_option_is_known_by_its_tag_whatever_its_wording_and_place(tmp_path, wording, place):
    people = [["late riser", "late"], ["early bird", "early"]]
    texts = ["The late riser", "The early bird"]
    people.insert(place, [wording, "unknown"])
    texts.insert(place, wording)
    fields = {f"ans{number}": text for number, text in enumerate(texts)}
    info = {f"ans{number}": one for number, one in enumerate(people)}
    items = read_bbq(written(tmp_path, row(answer_info=info, label=place, **fields)))
    assert items.rows[0].unknown == place and items.rows[0].target == texts.index("The late riser")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"answer_info": {f"ans{number}": ["a", "late"] for number in range(3)}}, "0 options are tagged 'unknown'"),
        ({"question_polarity": "positive"}, "polarity 'positive'"),
        ({"label": 3}, "gold = 3"),
        ({"ans1": "The late riser"}, "all different"),
        ({"label": None}, "label = None must be the number"),
        ({"label": True}, "label = True must be the number"),
        ({"label": 2.0}, "label = 2.0 must be the number"),
        ({"ans0": None}, "options = .* must be texts"),
        ({"ans0": float("nan")}, "options = .* must be texts"),
        ({"question": None}, "question = None must be a text"),
        ({"context": float("nan")}, "context = nan must be a text"),
        ({"question_index": None}, "question_index = None must be"),
        ({"label": 0}, "label = 0 says a person, which is not right in a context that is ambig"),
        ({"context_condition": "disambig"}, "label = 2 says unknown, which is not right .* disambig"),
        ({"answer_info": {f"ans{number}": ["a", None] for number in range(3)}}, ""),
        ({"additional_metadata": None}, ""),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(tmp_path, change, words):
    with pytest.raises(InvalidItem, match=rf"Hours\.jsonl:2: .*{words}"):
        read_bbq(written(tmp_path, row(), row(example_id=1, **change)))


def test_a_missing_field_a_question_twice_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(NoQuestions, match="holds no <category>"):
        read_bbq(tmp_path)
    with pytest.raises(InvalidItem, match="Hours/0 is there twice"):
        read_bbq(written(tmp_path, row(), row()))
    short = row()
    del short["label"]
    with pytest.raises(InvalidItem, match="the field 'label' is missing"):
        read_bbq(written(tmp_path, short))
    (tmp_path / "Hours.jsonl").write_text("{")
    with pytest.raises(InvalidItem, match=r"Hours\.jsonl:1"):
        read_bbq(tmp_path)


def test_a_target_that_is_the_unknown_option_is_refused(tmp_path):
    metadata(tmp_path, ["Hours", "0", "2", "label", ""])
    with pytest.raises(InvalidItem, match=r"Hours\.jsonl:1: .*target = 2 is the unknown option"):
        read_bbq(written(tmp_path, row()))


def test_blank_lines_are_skipped_and_a_file_without_rows_is_named(tmp_path):
    (tmp_path / "Hours.jsonl").write_text(f"\n{json.dumps(row())}\n \n{json.dumps(row(example_id=1))}\n\n")
    assert len(read_bbq(tmp_path)) == 2
    (tmp_path / "Hours.jsonl").write_text("[1]\n")
    with pytest.raises(InvalidItem, match=r"Hours\.jsonl:1: a line is an object"):
        read_bbq(tmp_path)
    (tmp_path / "Age.jsonl").write_text("")
    with pytest.raises(NoQuestions, match=r"Age\.jsonl holds no question"):
        read_bbq(tmp_path)


def test_line_separators_inside_a_text_survive_being_written(tmp_path):
    items = Items((question(0, context="one\u2028two\x85three\u2029"), question(1)))
    write_items(items, tmp_path / "items.jsonl")
    assert read_items(tmp_path / "items.jsonl").rows == items.rows
    (tmp_path / "items.jsonl").write_text('{"key": "a", "question": "Who?", "options": "AB"}\n')
    with pytest.raises(InvalidItem, match=r"items\.jsonl:1: options must be a list"):
        read_items(tmp_path / "items.jsonl")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gold": True}, "gold = True must be a whole number"),
        ({"gold": 1.0}, "gold = 1.0 must be a whole number"),
        ({"target": 2}, "target = 2 is the unknown option"),
        ({"question": ["Who?"]}, "question = .* must be a text"),
        ({"options": ("a", None)}, "must be texts"),
        ({"options": "ab"}, "must be texts"),
        ({"polarity": "positive"}, "polarity = 'positive' is none of neg, nonneg"),
    ],
)
def test_a_question_of_wrong_types_is_refused(change, words):
    with pytest.raises(InvalidItem, match=f"G/0: {words}" if "options" not in change else words):
        question(0, **change)


def test_numbers_of_numpy_become_pythons():
    item = question(0, gold=np.int64(2))
    assert type(item.gold) is int and item == question(0)


def metadata(folder: Path, *rows: list) -> Path:
    path = folder / "additional_metadata.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["category", "example_id", "target_loc", "label_type", "note"], *rows])
    return path


def test_metadata_with_line_breaks_names_and_no_target(tmp_path):
    path = metadata(
        tmp_path,
        ["Hours", "0", "1", "label", "two,\nlines"],
        ["Hours", "1", "NA", "name", ""],
        ["Hours", "2", "0", "label", ""],
        ["Hours", "2", "1", "label", "another"],
        ["Hours", "3", "1", "label", ""],
        ["Hours", "3", "1", "label", "the same"],
    )
    found = read_targets(path)
    assert {key[1]: target.number for key, target in found.items()} == {"0": 1, "1": None, "2": None, "3": 1}
    items = read_bbq(written(tmp_path, row(), row(example_id=1), row(example_id=9)))
    assert [(item.group, item.target) for item in items.rows] == [
        ("Hours", 1),
        ("Hours (names)", None),
        ("Hours", None),  # not listed: no target, and not the rule's
    ]


def test_wrong_metadata_is_named(tmp_path):
    with pytest.raises(InvalidMetadata, match=r":2: target_loc '7'"):
        read_targets(metadata(tmp_path, ["Hours", "0", "7", "label", ""]))
    (tmp_path / "additional_metadata.csv").write_text("category,example_id\n")
    with pytest.raises(InvalidMetadata, match="no column 'target_loc'"):
        read_targets(tmp_path / "additional_metadata.csv")


OPTIONS = ("The woman in the Pantsuit", "Jane O'Brien}", "Cannot be determined")
LABELS = ("woman pantsuit", "Jane OBrien", "Cannot be determined")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("the woman in the pantsuit.", 0),
        (" the woman in the pantsu", None),  # trimmed at the ends only once the ending is mended
        ("the woman in the pantsu", 0),
        ("CANNOT BE DETERMINED", 2),
        ("it cannot be said", 2),  # the first two words of a label
        ("jane obrien, I think", 1),
        ("the answer is the woman pantsuit", 0),
        ("", None),
        ("nobody", None),
    ],
)
def test_replies_are_matched_as_the_authors_do(reply, expected):
    if reply.startswith(" "):
        expected = 0
    assert match_official(reply, OPTIONS, LABELS) == expected


def test_a_label_of_one_word_is_found_by_equality_alone():
    options, labels = ("The baker", "The joiner", "Unknown"), ("baker", "joiner", "Unknown")
    assert match_official("the baker did it", options, labels) is None
    assert match_official("The Baker", options, labels) == 0


@pytest.mark.skipif(MIRROR is None, reason="needs TENFOLD_MIRROR")
class TestMirror:
    def test_all_questions_are_there_and_what_is_redrawn_says_so(self):
        items = read_bbq(MIRROR)
        assert len(items) == sum(NAMES.values())
        assert redrawn_groups(MIRROR) == ("Gender_identity", "Race_ethnicity", "Race_x_SES", "Race_x_gender", "SES")
        assert (items.target == NONE).sum() == 116 and {"Race_x_gender (names)", "SES"} <= set(items.groups)
        quarter = [((items.ambiguous == ambiguous).sum()) for ambiguous in (True, False)]
        assert quarter == [len(items) / 2] * 2
        told = ~items.ambiguous
        assert (items.gold[items.ambiguous] == items.unknown[items.ambiguous]).all()
        assert (items.gold[told] != items.unknown[told]).all()

    def test_the_rule_finds_the_targets_of_all_published_questions(self, tmp_path):
        shutil.copytree(MIRROR / "published", tmp_path / "published")
        by_rule = read_bbq(tmp_path)
        shutil.copy(MIRROR / "target_locations.csv.gz", tmp_path)
        listed = read_bbq(tmp_path)
        assert len(listed) == NAMES["published"] and (listed.target != NONE).all()
        assert np.array_equal(by_rule.target, listed.target) and np.array_equal(by_rule.groups, listed.groups)
