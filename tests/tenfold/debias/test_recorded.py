"""Recorded answers: votes and agreement by hand, and a real model's published bias scores from its own replies."""

import os
from pathlib import Path

import numpy as np
import pytest

from tenfold.chat.client import Client
from tenfold.chat.messages import Failure, Message, Reply, Sampling
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.debias.bbq import read_bbq
from tenfold.debias.errors import InvalidAnswers, NoQuestions
from tenfold.debias.intervals import compare, compare_groups, estimate_groups, estimate_score
from tenfold.debias.items import NONE, Items
from tenfold.debias.published import DIFFERING, UNIFIEDQA
from tenfold.debias.recorded import FORMATS, RecordedModel, agree_else_unknown, plurality, read_recorded
from tenfold.debias.scores import score, score_groups
from tenfold.debias.variants import variants
from tests.tenfold.debias.questions import balanced, question

MIRROR = Path(os.environ["TENFOLD_MIRROR"]) / "bbq" if os.environ.get("TENFOLD_MIRROR") else None


def four() -> Items:
    return Items(tuple(question(number) for number in range(4)))


VOTES = np.array([[1, 0, NONE, NONE], [0, 0, NONE, 1], [NONE, 1, NONE, 0]])  # a tie, a majority, nothing, a tie


@pytest.mark.parametrize(("tie", "expected"), [("first", [1, 0, NONE, 1]), ("unknown", [2, 0, NONE, 2])])
def test_plurality_by_rule(tie, expected):
    assert plurality(VOTES, four(), tie=tie).tolist() == expected


def test_a_random_tie_is_among_those_that_lead_and_either_comes():
    found = np.stack([plurality(VOTES, four(), tie="random", seed=seed) for seed in range(40)])
    assert set(found[:, 0]) == {0, 1} and set(found[:, 1]) == {0} and set(found[:, 2]) == {NONE}
    with pytest.raises(InvalidAnswers, match="tie = 'most'"):
        plurality(VOTES, four(), tie="most")


def test_two_agree_or_nobody_knows():
    assert agree_else_unknown(VOTES[0], VOTES[1], four()).tolist() == [2, 0, 2, 2]


def test_a_recorded_model_answers_what_it_was_asked_and_nothing_else():
    client = Client(RecordedModel("unifiedqa", {"Who?": "the baker"}))
    replies = client.generate([[Message("user", "Who?")], [Message("user", "Why?")]], Sampling())
    assert replies[0] == Reply("the baker")
    assert isinstance(replies[1], Failure) and "nothing is recorded of unifiedqa for 'Why?'" in replies[1].error


@pytest.fixture(scope="module")
def made_up(tmp_path_factory) -> tuple[Path, Path]:
    folders = []
    for maker in ("questions", "recorded_answers"):
        folders.append(tmp_path_factory.mktemp(maker))
        for name, content in made_up_files(StandIn(maker=maker, seed=11))[1].items():
            (folders[-1] / name).write_bytes(content)
    return folders[0], folders[1]


def test_made_up_answers_have_the_bias_that_was_put_in(made_up):
    items, recorded = read_bbq(made_up[0]), read_recorded(made_up[1])
    arc, race = recorded.array(items, "arc"), recorded.array(items, "race")
    assert 0.2 < score(items, race).s_amb + 0.1 < score(items, arc).s_amb < 0.5
    assert (arc == NONE).any() and score(items, arc).accuracy_dis > 0.8
    with pytest.raises(InvalidAnswers, match="G/0 has no recorded answer"):
        recorded.array(balanced(), "arc")


def test_wrong_recorded_files_are_named(tmp_path):
    with pytest.raises(NoQuestions, match="holds no recorded answers"):
        read_recorded(tmp_path)
    (tmp_path / "Age.jsonl").write_text('{"category": "Age", "example_id": 0}\n')
    with pytest.raises(InvalidAnswers, match=r"Age\.jsonl:1: KeyError"):
        read_recorded(tmp_path)


def test_intervals_are_over_templates_within_categories(made_up):
    items, recorded = read_bbq(made_up[0]), read_recorded(made_up[1])
    arc, race = recorded.array(items, "arc"), recorded.array(items, "race")
    found = estimate_score(items, arc, "s_amb", seed=0)
    assert found.n == 16 and found.interval[0] < found.value == score(items, arc).s_amb < found.interval[1]
    twice = Items(tuple(items.rows) + tuple(type(item)(**vars(item) | {"key": item.key + "+"}) for item in items.rows))
    assert estimate_score(twice, np.tile(arc, 2), "s_amb", seed=0).interval == pytest.approx(found.interval)
    assert set(estimate_groups(items, arc, "s_dis", seed=0)) == set(items.groups)
    assert compare(items, arc, race, "s_amb", seed=0).value == pytest.approx(
        score(items, arc).s_amb - score(items, race).s_amb
    )
    for one in compare_groups(items, arc, race, "s_amb", seed=0).values():
        assert one.difference.p_value <= one.adjusted_p_value <= 1


def test_an_undefined_score_and_a_single_template_have_no_interval():
    items = balanced(templates=1, groups=("G",))
    assert estimate_score(items, items.target, "s_amb", seed=0) is None
    assert compare(items, items.target, items.gold, "s_amb", seed=0) is None
    items = balanced()
    assert estimate_score(items, items.unknown, "s_amb", seed=0) is None
    found = compare_groups(items, items.unknown, items.target, "s_amb", seed=0)
    assert all(one.difference is None and one.adjusted_p_value is None for one in found.values())


@pytest.fixture(scope="module")
def published() -> tuple[Items, dict[str, np.ndarray]]:
    recorded = read_recorded(MIRROR / "recorded_unifiedqa")
    every = read_bbq(MIRROR)
    items = every.only(np.array([item.key in recorded.answers["arc"] for item in every.rows]))
    return items, {form: recorded.array(items, form) for form in FORMATS}


@pytest.mark.skipif(MIRROR is None, reason="needs TENFOLD_MIRROR")
class TestUnifiedQA:
    """Figures of five published categories; with Religion, which is not in the mirror, s_AMB (ARC) is 32.7."""

    @pytest.mark.parametrize("form", UNIFIEDQA)
    def test_published_scores_are_what_the_authors_own_predictions_give_but_for_one_category(self, published, form):
        items, answers = published
        found = score_groups(items, answers[form], unparsed="dropped")
        figures = {group: (round(100 * one.s_amb, 1), round(100 * one.s_dis, 1)) for group, one in found.items()}
        printed = {group: UNIFIEDQA[form][group] for group in figures}
        assert len(figures) == 5
        assert [group for group in figures if figures[group] != printed[group]] == [DIFFERING]
        assert figures[DIFFERING] == {"arc": (48.5, 0.3), "race": (41.6, -0.3)}[form]

    def test_pooled_scores_with_intervals(self, published):
        items, answers = published
        found = estimate_score(items, answers["arc"], "s_amb", seed=0)
        assert (
            len(items) == 10_756 and found.n == 123
        )  # of 125 templates, in two no answer to an ambiguous question names a person
        assert 100 * found.value == pytest.approx(33.7, abs=0.05)
        assert 100 * np.array(found.interval) == pytest.approx([26, 41.5], abs=1.5)
        assert score(items, answers["race"]).accuracy_dis == pytest.approx(0.918, abs=0.001)

    def test_voting_alone_does_not_take_the_bias_of_one_model_away(self, published):
        items, answers = published
        votes = np.stack([answers[form] for form in FORMATS])[:, items.ambiguous]
        items, best = items.only(items.ambiguous), answers["race"][items.ambiguous]
        for tie, s_amb in (("first", 29.8), ("unknown", 29.5)):
            voted = plurality(votes, items, tie=tie)
            assert 100 * score(items, voted).s_amb == pytest.approx(s_amb, abs=0.05)
            assert compare(items, voted, best, "s_amb", seed=0).interval[0] > 0.04  # above the best single format
        agreed = agree_else_unknown(votes[0], votes[1], items)
        assert 100 * score(items, agreed).s_amb == pytest.approx(21.3, abs=0.05)

    def test_helm_says_less_than_the_formula(self, published):
        items, answers = published
        found = {one.name: one for one in variants(items, answers["arc"])}
        assert 100 * found["HELM"].s_amb == pytest.approx(19.7, abs=0.05)
        assert found["HELM"].s_amb < 0.6 * found["BBQ's authors"].s_amb


def unifiedqa_by_counts() -> tuple[Items, np.ndarray]:
    """Return questions of our own and answers with the counts of UnifiedQA (ARC) on the six published categories.

    Ambiguous: 2,320 right, 3,657 persons of whom 2,807 are the target, one reply that names nothing. Disambiguated:
    5,442 persons, 2,756 of them the target; 5,327 right of 5,978.
    """
    told = np.repeat([0, 1, 2], [2756, 5442 - 2756, 5978 - 5442])
    gold = np.where(np.arange(5978) < 5327, told, 1 - told % 2)
    rows = [question(number) for number in range(5978)]
    rows += [question(5978 + n, condition="disambig", gold=int(one)) for n, one in enumerate(gold)]
    return Items(tuple(rows)), np.concatenate([np.repeat([0, 1, 2, NONE], [2807, 3657 - 2807, 2320, 1]), told])


def test_the_counts_of_the_six_published_categories_give_the_published_scores_and_helms_other_one():
    items, answers = unifiedqa_by_counts()
    found = score(items, answers, unparsed="dropped")
    assert (round(100 * found.s_amb, 1), round(100 * found.s_dis, 1)) == (32.7, 1.3)
    assert (round(found.accuracy_amb, 2), round(found.accuracy_dis, 2)) == (0.39, 0.89)
    by_name = {one.name: one.s_amb for one in variants(items, answers)}
    assert (round(100 * by_name["ours"], 1), round(100 * by_name["HELM"], 1)) == (32.7, 19.3)
