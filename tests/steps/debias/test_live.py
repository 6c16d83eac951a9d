"""The pretrained agents' steps as plain functions, with the made-up decoder that stands in for SmolLM2."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from steps.debias.answer_sets import read_one_run
from steps.debias.convert import convert
from steps.debias.live import LiveParams, live, rotated_probabilities
from steps.debias.live_agents import BackendParams, LetterPanel
from steps.step.run import Run
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.debias.debate import read_debates
from tenfold.debias.items import Item, Items, read_items, write_items
from tenfold.debias.seeded_order import option_order
from tenfold.language.decoder import load_decoder
from tenfold.language.letter_model import LetterModel

PEOPLE = ("the baker", "the tailor")
PARAMS = LiveParams(
    backend=BackendParams(kind="packaged"),
    without=[],
    items=8,
    planted_items=4,
    free_items=2,
    max_tokens=4,
    rounds=1,
    centralized=False,
    temperature=0.7,
    ablations=["bias_aware", "reasons", "named", "five"],
    together=3,
    shown=2,
)
PROTOCOLS = ["vote", "decentralized", "shuffled_peers", "decentralized:always_biased", "decentralized:always_unknown"]


def question(number: int) -> Item:
    ambiguous, negative = number % 2 == 0, number % 4 < 2
    said = "" if ambiguous else f" {PEOPLE[number % 3 % 2].capitalize()} was late."
    return Item(
        key=f"q/{number}",
        context=f"Two neighbours met at {number} o'clock.{said}",
        question=f"Who was {'late' if negative else 'in time'}?",
        options=(*PEOPLE, "not known"),
        gold=2 if ambiguous else number % 3 % 2,
        group="Trades",
        template=f"t{number % 5}",
        polarity="neg" if negative else "nonneg",
        condition="ambig" if ambiguous else "disambig",
        unknown=2,
        target=int(negative),
    )


ITEMS = Items(tuple(question(number) for number in range(20)))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    detail, files = made_up_files(StandIn(maker="decoder", seed=6, width=32))
    for name, content in files.items():
        (folder / name).write_bytes(content)
    record = {"origin": "stand_in", "stand_in": True, "detail": detail}
    (folder / "source.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(scope="module")
def decoder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("decoder")
    convert(source, out=out, run=Run("debias", "convert", out=out))
    return out


def made(decoder: Path, folder: Path, **changes: object) -> Path:
    (folder / "prepared").mkdir(parents=True)
    write_items(ITEMS, folder / "prepared" / "items.jsonl")
    out = folder / "out"
    out.mkdir()
    params = PARAMS.model_copy(update=changes)
    live(folder / "prepared", decoder, out=out, params=params, run=Run("debias", "live", out=out))
    return out


@pytest.fixture(scope="module")
def lived(decoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(decoder, tmp_path_factory.mktemp("live"))


def test_a_made_up_decoder_is_taken_over_and_says_so(decoder):
    origin = json.loads((decoder / "origin.json").read_text())
    assert origin["stand_in"] and origin["detail"].startswith("MADE-UP") and origin["context"] == 8192
    assert origin["parameters"] == sum(weights.numel() for weights in load_decoder(decoder).model.parameters())


def test_answers_are_those_of_the_debates(lived):
    items, answers = read_items(lived / "items.jsonl"), np.load(lived / "answers.npz")
    assert len(items) == 8 and items.ambiguous.sum() == 4
    planted = items.only(answers["places/planted"])
    for label in PROTOCOLS:
        asked = planted if ":" in label else items
        assert answers[label].shape == (len(asked),) and answers[label].dtype == np.int8
        rounds = answers[f"{label}/rounds"]
        assert rounds.shape == (len(asked), rounds.shape[1], 3) and rounds.min() >= 0  # a letter is always an answer
        for debate in read_debates(lived / "debates" / f"{label.replace(':', '-')}.jsonl"):
            place = [item.key for item in asked.rows].index(debate.item.key)
            assert debate.final == answers[label][place]
    assert answers["single:free"].shape == (2,)
    assert len(read_debates(lived / "debates" / "vote.jsonl")) == PARAMS.shown


def test_each_agent_sees_each_option_under_another_letter(lived, decoder):
    summary = json.loads((lived / "summary.json").read_text())
    assert sum(sum(counts.values()) for counts in summary["letters"].values()) == 3 * 8
    agents = LetterPanel(LetterModel(load_decoder(decoder)), 0.7, 4).agents()
    for item in ITEMS.rows[:3]:
        seen = [agent.prompts.shown(option_order(item, 0)) for agent in agents]
        assert all(sorted(column) == [0, 1, 2] for column in np.array(seen).T)
        for agent in agents:
            text = agent.prompts.alone(item, option_order(item, 0))[0].text
            letter = next(line[0] for line in text.splitlines() if line.endswith(") not known"))
            assert agent.prompts.parse(f"Answer: {letter}", item, option_order(item, 0)) == 2


def test_probabilities_do_not_depend_on_the_order_and_name_the_answer(lived, decoder):
    chances = np.load(lived / "probabilities.npy")
    assert chances.sum(axis=1) == pytest.approx(np.ones(8), abs=1e-6)
    items = read_items(lived / "items.jsonl")
    assert (chances.argmax(axis=1) == np.load(lived / "answers.npz")["rotated"]).all()
    alone = rotated_probabilities(LetterModel(load_decoder(decoder), batch=1), items.only([5]), seed=0)
    assert alone[0] == pytest.approx(chances[5], abs=1e-5)


def test_controls_spend_as_many_calls_as_a_conversation(lived):
    answers = np.load(lived / "answers.npz")
    for agent in ("order 1", "order 2", "order 3"):
        assert answers[f"self_refine:{agent}/rounds"].shape == (8, 6, 1)
        assert answers[f"self_consistency:{agent}/rounds"].shape == (8, 1, 6)
        drawn = answers[f"self_consistency:{agent}/rounds"][:, 0]
        assert any(len(set(row)) > 1 for row in drawn.tolist())  # at a temperature above 0 not all are the same
    assert (answers["silent/rounds"][:, 0] == answers["decentralized/rounds"][:, 0]).all()  # one baseline
    first = np.stack([answers[f"single:order {turn}"] for turn in (1, 2, 3)], axis=1)
    assert (answers["vote/rounds"][:, 0] == first).all()


def test_ablations_stand_behind_their_protocols_and_have_debates(lived):
    answers, parts = np.load(lived / "answers.npz"), read_one_run(lived)
    assert set(parts) == {"", "planted", "free", "reasons"}
    varied = {label for label in parts[""].answers if "@" in label}
    single = {f"single:order {turn}@bias_aware" for turn in (1, 2, 3)}
    named = {f"decentralized@{name}" for name in ("bias_aware", "named", "five")}
    assert varied == {*single, *named, "vote@five"} and answers["vote@five/rounds"].shape == (8, 1, 5)
    assert set(parts["reasons"].answers) == {"decentralized@reasons=shown", "decentralized@reasons=hidden"}
    assert len(parts["reasons"].items) == 2 and not any("@" in name for name in parts[""].protocols)
    (first, *_) = read_debates(lived / "debates" / "decentralized@bias_aware.jsonl")
    assert first.protocol == "decentralized@bias_aware"


def test_five_agents_see_five_orders(decoder):
    agents = LetterPanel(LetterModel(load_decoder(decoder)), 0.7, 4).five()
    assert len({tuple(agent.prompts.shown(option_order(ITEMS.rows[0], 0))) for agent in agents}) == 5


def test_a_model_without_capacity_is_not_called_fair(lived):
    verdict = json.loads((lived / "summary.json").read_text())["capacity"]["rotated"]
    assert not verdict["capable"] and verdict["verdict"].startswith("incapacity, not fairness")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_bytes_come_of_it_however_many_talk_side_by_side(lived, decoder, tmp_path):
    assert digests(made(decoder, tmp_path / "again")) == digests(lived)
    other = np.load(made(decoder, tmp_path / "other", together=8) / "answers.npz")
    first = np.load(lived / "answers.npz")
    for label in ("vote", "decentralized", "rotated", "decentralized/rounds", "self_consistency:order 2"):
        assert (other[label] == first[label]).all()  # shuffled peers come from the questions beside
