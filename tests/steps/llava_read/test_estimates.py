"""What estimates stand on, by hand: which question is of which group, whose scores are whose, how wide 95 % are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from steps.llava_read import tables
from steps.llava_read.estimates import (
    GROUPS,
    Asked,
    contrast,
    difference,
    largest_above_chance,
    naming_of,
    share,
)
from steps.llava_read.measurements import (
    ABOVE_CHANCE,
    ABOVE_NAMING,
    COUNTED,
    DIFFERENCES,
    SHARES,
    answer_measurements,
    at_an_edge,
)
from steps.llava_read.predictions import TEST, Answers
from steps.llava_read.probe_measurements import LETTERS, RECALL, SPACELESS, probe_measurements, readers_of
from tenfold.llava_read.questions import KINDS, Question
from tests.steps.llava_read.planted import SEEDS, USUAL, Reads, asked, drawn, probe_about, recall_table

STRATA = ("beside", "extreme", "name", "title", "value")
MEMBERS: dict[tuple[str, str, int], set[str]] = {  # kind, stratum, pixels per em -> the groups but "all"
    ("text", "beside", 8): {"text", "text_rich", "dense"},
    ("text", "beside", 10): {"text", "text_rich", "dense", "between_sizes"},
    ("text", "title", 12): {"text", "text_rich", "dense", "between_sizes"},
    ("text", "title", 13): {"text", "text_rich", "between_sizes"},
    ("text", "beside", 20): {"text", "text_rich", "between_sizes"},
    ("text", "title", 21): {"text", "text_rich", "large"},
    ("relation", "above", 12): {"relation", "text_rich", "dense", "layout"},
    ("relation", "below", 30): {"relation", "text_rich", "layout"},
    ("colour", "colour", 0): {"colour", "sight"},
    ("object", "object", 0): {"object", "sight"},
    ("chart", "bar colour", 0): {"colour", "sight"},
    ("chart", "value", 9): {"chart", "text_rich", "dense", "layout"},
    ("chart", "name", 16): {"chart", "text_rich", "between_sizes", "layout"},
    ("chart", "extreme", 40): {"chart", "text_rich", "layout"},
    ("receipt", "total", 0): {"receipt", "text_rich"},
}


def test_each_question_is_of_the_groups_that_its_kind_and_size_say():
    for (kind, stratum, size), groups in MEMBERS.items():
        assert kind in KINDS
        one = Question("id", "page", kind, "?", ("a",), stratum, size)
        assert {name for name, belongs in GROUPS.items() if belongs(one)} == {"all", *groups}, (kind, stratum, size)
    assert set().union(*MEMBERS.values()) == set(GROUPS) - {"all"}


def test_measurements_are_of_the_group_and_the_arms_that_their_names_say():
    said = {
        "both": "both_resolutions",
        "low": "low_only",
        "plain": "plain_order",
        "t4": "without_T4",
        "ocr": "ocr_only",
    }

    def arm(short: str, name: str) -> str:
        return f"language_{short}" if name.startswith("language") else said.get(short, short)

    for name, (group, first, second) in DIFFERENCES.items():
        start, _, last = name.removeprefix("language_").partition("_minus_")
        last = last.replace("without_t4", "t4")
        assert start.startswith(f"{group}_"), name
        assert (first, second) == (arm(start.removeprefix(f"{group}_"), name), arm(last, name)), name
    for name, (group, first) in {**SHARES, **ABOVE_CHANCE, **ABOVE_NAMING}.items():
        plain = name.removeprefix("language_").removesuffix("_minus_chance").removesuffix("_minus_naming")
        expected = {f"{group}_{short}": arm(short, name) for short in ("ocr", "vision", "both", "low", "full", "plain")}
        expected |= {
            f"{group}_ocr_only": "ocr_only",
            f"{group}_without_stage_one": "without_stage_one",
            "blind": "blind",
        }
        assert first == expected[plain], name


def answers(replies: dict[int, dict[str, str]], arm: str = "full") -> Answers:
    return Answers(arm, "A5", "ppocr6", TEST, replies, {seed: dict.fromkeys(own, arm) for seed, own in replies.items()})


def test_scores_are_of_their_own_seed_and_measure():
    questions = [Question(f"q{n}", f"p{n}", "text", "?", ("total 12.40",), "beside", 12) for n in range(4)]
    right, wrong, near = "total 12.40", "nothing at all", "the total 12.40 it is"
    first = answers({0: {f"q{n}": right for n in range(4)}, 1: {f"q{n}": (right, wrong)[n % 2] for n in range(4)}})
    second = answers({0: {f"q{n}": near for n in range(4)}, 1: {f"q{n}": wrong for n in range(4)}}, "low_only")
    test = Asked(TEST, tuple(questions), (first, second))
    chosen = np.ones(4, dtype=bool)
    assert [test.scores(first, seed).mean() for seed in (0, 1)] == [1.0, 0.5]
    for measure, values in {"exact": (75.0, 0.0), "contained": (75.0, 50.0)}.items():
        for model, value in zip((first, second), values, strict=True):
            found = share(test, model, chosen, measure)  # type: ignore[arg-type]
            assert found is not None and found.value == pytest.approx(value), (measure, model.arm)
    paired = difference(test, first, second, chosen, "contained")
    assert paired is not None and paired.value == pytest.approx(25.0)
    level = answers({seed: dict(own) for seed, own in first.replies.items()}, "again")
    none = difference(test, first, level, chosen)  # seed by seed nothing differs
    assert none is not None and none.value == 0 and none.interval == (0.0, 0.0)
    contained, _ = tables.scores({TEST: test}, "contained")
    assert contained.set_index("arm").loc["low_only", ["references", "contained"]].tolist() == ["long", 50.0]


def test_an_interval_is_of_95_per_cent():
    scores = np.random.default_rng(3).random((1, 400))
    found = contrast(np.arange(400), [(1.0, scores, np.ones(400, dtype=bool))])
    assert found is not None
    error = 100 * scores.std() / np.sqrt(400)
    assert found.interval == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), abs=0.15 * error)


@pytest.mark.parametrize("chosen", [1, 3])
def test_both_ends_of_a_grid_are_edges(chosen):
    assert at_an_edge({"grid": [1, 2, 3], "chosen": chosen}) and not at_an_edge({"grid": [1, 2, 3], "chosen": 2})
    arms = asked({"full": replace(USUAL["full"], about={"rate": {"grid": [1, 2, 3], "chosen": chosen}})}, count=8)
    assert tables.training(arms[1])[0].set_index("arm").at_an_edge["full"].all()


@pytest.mark.parametrize("name", ["updates", "examples", "start_updates", "start_examples"])
def test_whatever_is_counted_of_a_training_must_be_equal(name):
    assert name in COUNTED
    found = answer_measurements(*asked({"full": replace(USUAL["full"], about={name: 7})}, count=8))
    assert found["updates_apart_of_arms"].number > 0 and found["updates_apart_of_language"].value == 0


def test_the_chance_of_a_group_is_that_of_its_own_questions():
    """By hand: of four colours three are red, of two bars' colours both are blue, four titles all differ."""
    answered = {
        "colour": ("red", "Red", "red", "blue"),
        "bar colour": ("blue", "blue"),
        "title": ("a", "b", "c", "d"),
    }
    kinds = {"colour": "colour", "bar colour": "chart", "title": "text"}
    questions = [
        Question(f"{stratum} {n}", f"p{n}", kinds[stratum], "?", (answer,), stratum, 30 if stratum == "title" else 0)  # type: ignore[arg-type]
        for stratum, listed in answered.items()
        for n, answer in enumerate(listed)
    ]
    test = Asked(TEST, tuple(questions), (answers({0: {one.id: "red" for one in questions}}),))
    found, _ = tables.groups({TEST: test})
    chance = found.set_index("group").chance
    assert chance["colour"] == pytest.approx(100 * (4 * 3 / 4 + 2 * 1) / 6)
    assert chance["text"] == chance["large"] == pytest.approx(25)
    assert chance["all"] == pytest.approx(100 * (4 * 3 / 4 + 2 * 1 + 4 * 1 / 4) / 10)


def test_both_recalls_and_letters_of_a_reader_are_its_own():
    table = recall_table()
    table["recall"], table["recall_spaceless"] = table.letters * 0.25, table.letters * 0.5
    for reader in readers_of(table).values():
        assert np.allclose(reader.shares[RECALL], 0.25 * reader.shares[LETTERS])
        assert np.allclose(reader.shares[SPACELESS], 0.5 * reader.shares[LETTERS])


def test_seeds_whose_slopes_differ_widen_the_interval_of_a_slope():
    steady = probe_measurements(recall_table(), probe_about())
    table = recall_table({"low": Reads(0.4, 0.12, -0.05)})
    low = table.reader == "low"
    step = table.seed.map(dict(zip(SEEDS, (-0.08, 0.0, 0.08), strict=True))) * np.log2(table.text_size / 16)
    table.loc[low, "letters"] = (table.letters + step)[low].clip(0, 1)
    name = "probe_low_minus_ocr_letters_per_doubling_of_text_size"
    wide, narrow = (np.ptp(one[name].bounds) for one in (probe_measurements(table, probe_about()), steady))
    assert wide > 3 * narrow


def test_what_is_legible_is_of_the_easy_cells_that_are_compared():
    table = recall_table()
    own, found = table[table.reader == "low"], probe_measurements(table, probe_about())
    large = own[(own.text_size >= 24) & own.words.isin([1, 4])].letters.mean()  # of 32 px there are no more words
    assert found["probe_low_legible_along_text_size"].value == pytest.approx(100 * large)
    few = own[own.words.isin([1, 4]) & (own.text_size <= 24)].letters.mean()
    assert found["probe_low_legible_along_words"].value == pytest.approx(100 * few)


def test_letters_are_told_above_chance():
    table = recall_table()
    known = readers_of(table)["low"].shares[LETTERS]
    shifted = table.assign(letters=0.2 + 0.8 * table.letters, letters_by_chance=0.2)
    assert np.allclose(readers_of(shifted)["low"].shares[LETTERS], known)
    assert np.allclose(readers_of(table.assign(letters=0.3, letters_by_chance=0.3))["low"].shares[LETTERS], 0)


def test_naming_is_the_share_of_the_pages_things_that_answer():
    pages = [page for page in drawn(10) if page.questions]
    naming = naming_of(pages)
    for page in pages:
        facts = page.description["facts"]
        for one in page.questions:
            if one.stratum == "bar colour":
                alike = [bar for bar in facts["bars"] if bar["colour"] == one.answers[0]]
                assert naming[one.id] == pytest.approx(len(alike) / len(facts["bars"]))
            elif one.stratum in ("colour", "object"):  # figures differ in both
                assert naming[one.id] == pytest.approx(1 / len(facts["figures"]))
            elif one.stratum in ("name", "extreme"):  # bars differ in name
                assert naming[one.id] == pytest.approx(1 / len(facts["bars"]))
            elif one.stratum == "beside":
                beside = [row[1] for row in facts["cells"]]
                assert naming[one.id] == pytest.approx(beside.count(one.answers[0]) / len(beside))
            else:
                assert 0 < naming[one.id] <= 0.5


def test_the_interval_of_the_largest_stratum_holds_for_all_of_them():
    questions = [
        Question(f"q{n}-{kind}", f"p{n}", "text", "?", (f"{kind} {n}",), kind, 12) for n in range(50) for kind in STRATA
    ]
    generator = np.random.default_rng(0)
    told = {one.id: one.answers[0] if generator.random() < 0.2 else "" for one in questions}
    model = answers({0: told})
    test = Asked(TEST, tuple(questions), (model,))
    found = largest_above_chance(test, model)
    assert found is not None
    estimate, stratum = found
    shares = {name: np.mean([bool(told[one.id]) for one in questions if one.stratum == name]) for name in STRATA}
    assert stratum == max(shares, key=shares.__getitem__)
    assert estimate.value == pytest.approx(100 * (max(shares.values()) - 0.02))
    low, high = stats.binomtest(round(50 * shares[stratum]), 50).proportion_ci(0.99)
    assert estimate.interval == pytest.approx((100 * low - 2, 100 * high - 2)) and estimate.n == 50
