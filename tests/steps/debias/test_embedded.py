"""The steps of the embedded agents as plain functions, on made-up questions: train, deliberate, converse."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from steps.debias.ablations import hard_questions, variations
from steps.debias.converse import ConverseParams, converse, protocols
from steps.debias.deliberate import DeliberateParams, deliberate, first_answers
from steps.debias.lessons import Lesson, Teaching
from steps.debias.micro import AGENTS, MicroParams, split_of
from steps.debias.outcomes import answers_by_round
from steps.debias.rate_search import HELD_OUT, loss_per_word, search_rates
from steps.debias.train import BiasParams, Course, TrainParams, train
from steps.step.run import Run
from steps.step.training import TrainingParams
from tenfold.chat.client import Client
from tenfold.debias.conversation import Agent, Conversation
from tenfold.debias.debate import Debate, Turn, read_debates
from tenfold.debias.embedded import EmbeddedModel
from tenfold.debias.items import NONE, Item, Items, read_items, write_items
from tenfold.debias.micro_prompts import MicroPrompts
from tenfold.debias.protocols import Single
from tenfold.debias.reader import Reader, answer_loss
from tenfold.debias.reading import collate, encode, question_examples
from tenfold.debias.subsets import held_out_templates
from tenfold.models.folder import verify
from tests.tenfold.debias.micro_cases import made_up_items

TRAIN = TrainParams(
    micro=MicroParams(contexts=2, without=[]),
    seeds=2,
    widths={"a0": 8, "a1": 8, "a2": 16},
    layers=1,
    heads=2,
    bias=BiasParams(fair_rate=0.1, biased_rate=0.85, consistent=0.85),
    associations=0.25,
    unknown_share=0.1,
    learning_rate=5e-3,
    training=TrainingParams(updates=6, batch_size=16),
)
DELIBERATE = DeliberateParams(
    targets=["proposal"],
    replay=0.5,
    learning_rates=[1e-4, 5e-3, 1e-2],
    training=TrainingParams(updates=3, batch_size=16),
)
CONVERSE = ConverseParams(contexts=1, rounds=1, temperature=1.0, hard_min=2, ablations=["planted"], shown=3)


def step_run(name: str, out: Path, variant: str | None = None) -> Run:
    out.mkdir(parents=True)
    return Run("debias", name, out=out, variant=variant)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    rows = made_up_items().rows
    apart = [replace(item, context=f"{item.context} It was day {item.template[-1]}.") for item in rows]
    write_items(Items(tuple(apart)), folder / "items.jsonl")  # no two templates share a context
    return folder


@pytest.fixture(scope="module")
def trained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folders = [tmp_path_factory.mktemp("train") / agent for agent in AGENTS]
    for agent, folder in zip(AGENTS, folders, strict=True):
        train(prepared, out=folder, params=TRAIN, run=step_run("train", folder, agent))
    return folders


@pytest.fixture(scope="module")
def deliberated(trained: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("deliberate") / "out"
    deliberate(trained, out=out, params=DELIBERATE, run=step_run("deliberate", out))
    return out


@pytest.fixture(scope="module")
def conversed(trained: list[Path], deliberated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("converse") / "out"
    converse(trained, deliberated, out=out, params=CONVERSE, run=step_run("converse", out))
    return out


def agents_of(trained: list[Path]) -> list[Agent]:
    models = [
        EmbeddedModel.load(folder / "models" / f"{name}-0", name) for name, folder in zip(AGENTS, trained, strict=True)
    ]
    return [Agent(model.name, Client(model), MicroPrompts()) for model in models]


def test_agents_are_trained_on_one_micro_set_each_with_its_own_bias(trained: list[Path]) -> None:
    assert len({(folder / "micro.jsonl").read_bytes() for folder in trained}) == 1
    assert [Course.read(folder).annotator.fair_groups for folder in trained] == [{"g0"}, {"g1"}, {"g2"}]
    names = sorted(path.name for folder in trained for path in (folder / "models").iterdir())
    assert names == ["a0-0", "a0-1", "a1-0", "a1-1", "a2-0", "a2-1"]
    assert verify(trained[0] / "models" / "a0-0") == "tenfold.debias.reader.Reader"


def test_training_again_writes_the_same_bytes(prepared: Path, trained: list[Path], tmp_path: Path) -> None:
    train(prepared, out=tmp_path / "again", params=TRAIN, run=step_run("train", tmp_path / "again", "a0"))
    for name in ("models/a0-0/model.safetensors", "models/a0-1/model.safetensors", "micro.jsonl"):
        assert (tmp_path / "again" / name).read_bytes() == (trained[0] / name).read_bytes()


def test_the_first_training_sees_no_context_of_other_templates(trained: list[Path]) -> None:
    items = read_items(trained[0] / "micro.jsonl")
    examples = Course.read(trained[0]).examples(items, 0, np.random.default_rng(0), 400)
    closed = [example for example in examples if "[context]" not in example.asked]
    assert len(closed) == 100
    allowed = {item.context for item in items.only(split_of(items, 0, "train")).rows}
    shown = {example.asked.split("[context] ")[1].split("\n")[0] for example in examples if example not in closed}
    assert shown <= allowed


def test_three_seeds_test_every_template_and_splits_share_no_context(trained: list[Path]) -> None:
    items = read_items(trained[0] / "micro.jsonl")
    tested: set[str] = set()
    for seed in range(3):
        parts = [items.only(split_of(items, seed, name)) for name in ("train", "deliberation", "test")]
        contexts = [{item.context for item in part.rows} for part in parts]
        assert len(set().union(*contexts)) == sum(map(len, contexts))
        tested |= set(parts[2].templates)
    assert tested == set(items.templates)


def test_stage_2_changes_every_agent_and_notes_the_first_answers(trained: list[Path], deliberated: Path) -> None:
    lessons = json.loads((deliberated / "lessons.json").read_text())
    assert (lessons["seeds"], lessons["targets"]) == (2, ["proposal"])
    for agent, folder in zip(AGENTS, trained, strict=True):
        before = (folder / "models" / f"{agent}-0" / "model.safetensors").read_bytes()
        assert (deliberated / "models" / f"{agent}-proposal-0" / "model.safetensors").read_bytes() != before
    assert all(0 <= share <= 1 for share in lessons["first_answers_right"]["0"].values())


def test_the_first_seed_chooses_the_rate_of_least_loss_on_held_out_templates(
    trained: list[Path], deliberated: Path
) -> None:
    rows = json.loads((deliberated / "rates.json").read_text())
    assert [row["learning_rate"] for row in rows] == DELIBERATE.learning_rates
    losses = [row["validation_loss"] for row in rows]
    assert losses == [pytest.approx(np.mean([row[f"loss_{agent}"] for agent in AGENTS])) for row in rows]
    assert [row["chosen"] for row in rows] == [loss == min(losses) for loss in losses] and len(set(losses)) == 3
    assert not list((deliberated / "models").glob("search*"))


def test_a_single_rate_is_taken_without_a_search_and_rates_rise(trained: list[Path], tmp_path: Path) -> None:
    lesson = Lesson("gold", 0, *[read_items(trained[0] / "micro.jsonl")] * 2, np.zeros(0))
    (only,) = search_rates([2e-3], lesson, [], Teaching(0.5, DELIBERATE.training), step_run("d", tmp_path / "out"))
    assert only.chosen and only.learning_rate == 2e-3 and only.described()["validation_loss"] is None
    for rates in ([], [1e-3, 1e-3], [1e-2, 1e-3], [-1.0]):
        with pytest.raises(ValidationError):
            DeliberateParams(**DELIBERATE.model_dump() | {"learning_rates": rates})


def test_the_search_teaches_and_judges_on_templates_apart(trained: list[Path]) -> None:
    items = read_items(trained[0] / "micro.jsonl")
    asked = items.only(split_of(items, 0, "deliberation"))
    held_out = held_out_templates(asked, HELD_OUT)
    lesson = Lesson("gold", 0, items, asked, np.zeros((len(asked), 3), dtype=int))
    taught, judged = lesson.only(~held_out).asked, lesson.only(held_out).asked
    assert len(taught) + len(judged) == len(asked) and len(judged)
    assert not {item.context for item in taught.rows} & {item.context for item in judged.rows}
    tested = [set(items.only(split_of(items, seed, "test")).templates) for seed in range(3)]
    assert not set(judged.templates) & tested[0]
    assert set(judged.templates) <= tested[1] | tested[2]  # as the paper's page, the table and the measurement say


def test_the_loss_per_word_is_that_of_all_examples_in_one_batch(trained: list[Path]) -> None:
    reader = Reader.load(trained[0] / "models" / "a0-0")
    items = read_items(trained[0] / "micro.jsonl")
    examples = question_examples(items, items.gold, np.random.default_rng(0), 100)  # of more than one batch
    data = encode(examples, reader.vocabulary)
    with torch.inference_mode():
        together = float(answer_loss(reader, *collate(data)))
    assert loss_per_word(reader, data) == pytest.approx(together, rel=1e-5)


def test_first_answers_are_what_the_agents_say_alone(trained: list[Path]) -> None:
    items = read_items(trained[0] / "micro.jsonl").only(range(8))
    folders = [folder / "models" / f"{agent}-0" for agent, folder in zip(AGENTS, trained, strict=True)]
    found = first_answers(folders, items, seed=0)
    debates = Conversation(agents_of(trained), Single(), 0).run(items)
    assert [debate.final for debate in debates] == found.T.ravel().tolist()


def test_every_protocol_is_held_on_the_test_templates_of_every_seed(conversed: Path) -> None:
    items = read_items(conversed / "items.jsonl")
    with np.load(conversed / "answers.npz") as answers:
        for seed in range(2):
            tested = items.only(answers[f"tested/{seed}"])
            first = [place for place in split_of(items, seed, "test") if "/0/" in items.rows[place].key[4:]]
            assert answers[f"tested/{seed}"].tolist() == first
            for target in ("none", "proposal"):
                for name in (
                    "single:a0",
                    "vote",
                    "decentralized",
                    "centralized:a2",
                    "shuffled_peers",
                    "silent",
                    "self_refine:a1",
                    "self_consistency:a1",
                    "decentralized:always_biased@planted",
                ):
                    assert answers[f"{target}/{seed}/{name}"].shape == (len(tested),)
                rounds = answers[f"{target}/{seed}/decentralized/rounds"]
                assert rounds.dtype == np.int8
                alone = np.column_stack([answers[f"{target}/{seed}/single:{agent}"] for agent in AGENTS])
                assert (rounds[:, 0] == alone).all()
                hard = answers[f"hard/{target}/{seed}"]
                assert not hard[~tested.ambiguous].any()


def test_controls_have_as_many_calls_as_the_conversation(conversed: Path) -> None:
    rows = json.loads((conversed / "rows.json").read_text())
    calls = {row["protocol"].split(":")[0]: row["calls"] for row in rows}
    assert calls["decentralized"] == calls["self_refine"] == calls["self_consistency"] == calls["centralized"] == 6
    assert (calls["single"], calls["vote"]) == (1, 3)
    assert all(row["calls_made"] <= row["calls"] for row in rows)


def test_some_debates_of_each_protocol_can_be_read(conversed: Path) -> None:
    debates = read_debates(conversed / "debates" / "proposal-centralized-a1.jsonl")
    assert len(debates) == 3
    assert {turn.role for debate in debates for turn in debate.turns} <= {"agent", "centre", "follower"}


def test_answers_by_round_stay_after_agreement() -> None:
    item = Item("k", "Who?", ("a", "b", "c"))
    long = [Turn("x", 0, "agent", "", 0), Turn("y", 0, "agent", "", None), Turn("x", 1, "agent", "", 2)]
    short = [Turn("x", 0, "agent", "", 1), Turn("y", 0, "agent", "", 1)]
    debates = [Debate(item, "p", tuple(turns), None) for turns in (long, short)]
    assert answers_by_round(debates, ["x", "y"]).tolist() == [[[0, NONE], [2, NONE]], [[1, 1], [1, 1]]]


def test_each_ablation_varies_one_thing(trained: list[Path]) -> None:
    agents = agents_of(trained)
    expected = {"rounds": 7, "agents": 3, "same_model": 3, "planted": 2, "ties": 2, "orders": 12, "free": 2}
    for ablation, count in expected.items():
        found = list(variations(ablation, agents, rounds=1, temperature=0.7, seed=0))  # type: ignore[arg-type]
        assert len(found) == count
        assert all(suffix.startswith("@") for suffix, _ in found)
    items = read_items(trained[0] / "micro.jsonl").only(range(4))
    (_, free), _ = variations("free", agents, rounds=1, temperature=0.7, seed=0)
    assert len(free.run(items)) == 12
    (_, fixed), *_ = variations("orders", agents, rounds=1, temperature=0.7, seed=0)
    assert {fixed.orders(item) for item in items.rows if fixed.orders} == {(0, 1, 2)}


def test_hard_questions_are_ambiguous_ones_that_agents_miss(trained: list[Path]) -> None:
    items = read_items(trained[0] / "micro.jsonl")
    agents = agents_of(trained)
    found = [hard_questions(items, agents, least=least, temperature=1.0, seed=0) for least in (1, 2, 3)]
    assert all((harder <= easier).all() for easier, harder in pairwise(found))
    assert not found[0][~items.ambiguous].any()
    assert found[0].any()


def test_protocols_hold_both_conversations_and_all_controls() -> None:
    names = [protocol.name for protocol in protocols(3, CONVERSE)]
    assert names == [
        "single",
        "vote",
        "decentralized",
        "centralized",
        "shuffled_peers",
        "silent",
        "self_refine",
        "self_consistency",
    ]
