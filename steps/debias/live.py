"""Let a small pretrained model talk with itself: real text from end to end, and a gate that says what it can show."""

from __future__ import annotations

import json
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from steps.debias.outcomes import answers_by_round, numbers
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.chat.client import Client
from tenfold.chat.messages import Sampling
from tenfold.chat.transcript import Transcript
from tenfold.debias.capacity import capacity
from tenfold.debias.conversation import Agent, Conversation
from tenfold.debias.debate import Debate, read_debates, write_debates
from tenfold.debias.items import Items, read_items, write_items
from tenfold.debias.letter_prompts import LetterPrompts
from tenfold.debias.prompts import ChatPrompts
from tenfold.debias.protocols import Decentralized, Planted, Protocol, SelfRefine, ShuffledPeers, Single, Vote
from tenfold.debias.seeded_order import option_order
from tenfold.debias.subsets import limit_per_group
from tenfold.language.decoder import Decoder, load_decoder
from tenfold.language.generation import LocalModel
from tenfold.language.letter_model import LetterModel

OPTIONS = 3  # of a question, and so many agents: each sees the options turned by one place more
PLANTED: tuple[Planted, ...] = ("always_biased", "always_unknown")


class LiveParams(Params):
    """Questions in all, those with planted peers, those answered in free text of ``max_tokens``; rounds; sizes.

    ``together``: questions whose conversations go on side by side, so that what is read of them is kept in memory;
    ``shown``: debates kept of each protocol.
    """

    items: Count
    planted_items: Count
    free_items: Count
    max_tokens: Count
    rounds: Count
    together: Count
    shown: Count


def live(prepared: Path, decoder: Path, *, out: Path, params: LiveParams, run: Run) -> None:
    """Put questions to three agents of one pretrained model: alone, in conversation, and beside planted peers.

    The agents share model, words and temperature 0; they differ by the order of the options, each option standing
    under each letter once. Their replies are held to a letter. Some questions are answered in free text, too.

    Reads   prepared/items.jsonl; decoder/: config.json, model.safetensors, a tokenizer; origin.json
    Writes  items.jsonl (N questions); answers.npz: <protocol> int8 (N,), the final answers, −1 for none;
            <protocol>/rounds int8 (N, rounds + 1, 3), everybody's answer after each round; rotated int8 (N,), the
            likeliest option over all three orders; places/planted and places/free int64 (M,), the questions with
            planted peers and those in free text, whose protocols' arrays have M rows; probabilities.npy float32
            (N, 3) of the options; debates/<protocol>.jsonl, some of each; summary.json: what the model can do, its
            letters, how many free replies name an option, how often planted peers are followed
    Logs    accuracy_dis, s_amb
    Raises  NoQuestions, DecoderMismatch, ContextTooLong
    """
    every = read_items(prepared / "items.jsonl")
    groups = len(np.unique(every.groups))
    chosen = limit_per_group(every, ceil(params.items / groups), seed=run.seed)
    items = chosen.only(_spread(np.arange(len(chosen)), params.items))
    model = load_decoder(decoder, device=run.device)
    held = LetterModel(model, OPTIONS)
    state = _Held(out)
    parts = np.array_split(np.arange(len(items)), ceil(len(items) / params.together))
    for number in run.updates(len(parts), state):
        state.add_part(held, items.only(parts[number - 1]), params.rounds, run.seed)
    places = {
        "planted": _plantable(items, params.planted_items),
        "free": _spread(np.arange(len(items)), params.free_items),
    }
    for kind in PLANTED:
        protocol = Decentralized(rounds=params.rounds, stop_on_agreement=False, planted=kind)
        state.hold(letter_agents(held), protocol, items.only(places["planted"]), run.seed)
    free = [Agent("free", Client(LocalModel(model)), ChatPrompts(), Sampling(max_tokens=params.max_tokens))]
    state.hold(free, Single(), items.only(places["free"]), run.seed)
    probabilities = np.concatenate(state.probabilities)
    _write(out, items, state, places, probabilities, params)
    _summarise(out, items, state, probabilities, model, read_json(decoder / "origin.json"), run)


def letter_agents(model: LetterModel, transcript: Transcript | None = None) -> list[Agent]:
    """Return as many agents of one model as there are options, each with the options turned by one place more."""
    return [
        Agent(f"order {turn + 1}", Client(model, transcript), LetterPrompts(turn), Sampling(max_tokens=4))
        for turn in range(OPTIONS)
    ]


def protocols(rounds: int) -> list[Protocol]:
    """Return the single agents, the vote, the conversation, and its controls."""
    return [Single(), Vote(), SelfRefine(rounds=rounds), Decentralized(rounds=rounds), ShuffledPeers(rounds=rounds)]


def rotated_probabilities(model: LetterModel, items: Items, seed: int) -> np.ndarray:
    """Return the probabilities of each item's options (N, 3), in the item's order, as means over all turns."""
    found = np.zeros((len(items), OPTIONS))
    for turn in range(OPTIONS):
        prompts = LetterPrompts(turn)
        orders = [option_order(item, seed) for item in items.rows]
        asked = [prompts.alone(item, order) for item, order in zip(items.rows, orders, strict=True)]
        for row, order, chances in zip(found, orders, model.probabilities(asked), strict=True):
            row[prompts.shown(order)] += chances / OPTIONS
    return found


class _Held:
    """The debates so far by protocol, and the options' probabilities; a checkpoint holds both."""

    def __init__(self, out: Path) -> None:
        self.debates: dict[str, list[Debate]] = {}
        self.probabilities: list[np.ndarray] = []
        self._scratch = out / "resumed.jsonl"

    def add_part(self, model: LetterModel, items: Items, rounds: int, seed: int) -> None:
        self.probabilities.append(rotated_probabilities(model, items, seed))
        path = self._scratch.with_name("transcript.jsonl")
        with Transcript(path) as transcript:  # what two protocols ask alike is asked once
            for protocol in protocols(rounds):
                self.hold(letter_agents(model, transcript), protocol, items, seed)
        path.unlink()
        path.with_name(f".{path.name}.lock").unlink(missing_ok=True)

    def hold(self, agents: list[Agent], protocol: Protocol, items: Items, seed: int) -> None:
        for debate in Conversation(agents, protocol, seed).run(items):
            self.debates.setdefault(debate.protocol, []).append(debate)

    def state_dict(self) -> dict[str, Any]:
        lines = {label: [json.dumps(one.described()) for one in found] for label, found in self.debates.items()}
        return {"debates": lines, "probabilities": list(self.probabilities)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.probabilities = list(state["probabilities"])
        for label, lines in state["debates"].items():
            self._scratch.write_text("\n".join(lines), encoding="utf-8")
            self.debates[label] = read_debates(self._scratch)
            self._scratch.unlink()


def _spread(places: np.ndarray, count: int) -> np.ndarray:
    """Return at most ``count`` places, evenly spaced."""
    kept = np.linspace(0, len(places) - 1, min(count, len(places))).round().astype(int)
    return np.asarray(places[kept])


def _plantable(items: Items, count: int) -> np.ndarray:
    """Return the places of some questions of which the biased and the unknown option are known."""
    known = [place for place, item in enumerate(items.rows) if item.target is not None and item.unknown is not None]
    return _spread(np.array(known, dtype=np.int64), count)


def _write(
    out: Path, items: Items, state: _Held, places: dict[str, np.ndarray], chances: np.ndarray, params: LiveParams
) -> None:
    write_items(items, out / "items.jsonl")
    (out / "debates").mkdir()
    arrays = {f"places/{name}": found for name, found in places.items()}
    arrays["rotated"] = chances.argmax(axis=1).astype(np.int8)
    for label, debates in state.debates.items():
        names = list(dict.fromkeys(turn.agent for turn in debates[0].turns))
        arrays[label] = numbers(debate.final for debate in debates).astype(np.int8)
        arrays[f"{label}/rounds"] = answers_by_round(debates, names)
        shown = [debates[place] for place in _spread(np.arange(len(debates)), params.shown)]
        write_debates(shown, out / "debates" / f"{label.replace(':', '-').replace(' ', '_')}.jsonl")
    np.savez_compressed(out / "answers.npz", allow_pickle=False, **arrays)
    np.save(out / "probabilities.npy", chances.astype(np.float32), allow_pickle=False)


def _summarise(
    out: Path, items: Items, state: _Held, chances: np.ndarray, model: Decoder, origin: dict[str, Any], run: Run
) -> None:
    singles = {agent: state.debates[f"single:{agent}"] for agent in (f"order {turn + 1}" for turn in range(OPTIONS))}
    answers = {name: numbers(debate.final for debate in debates) for name, debates in singles.items()}
    answers["rotated"] = chances.argmax(axis=1)
    found = {name: capacity(items, one, seed=run.seed) for name, one in answers.items()}
    free = [turn for debate in state.debates["single:free"] for turn in debate.turns]
    write_json(
        out / "summary.json",
        {
            "model": {"name": model.name, **origin},
            "agents": "one model at temperature 0; each agent sees the options turned by one place more",
            "capacity": {name: one.described() for name, one in found.items()},
            "letters": {name: _letters(debates) for name, debates in singles.items()},
            "free_replies": len(free),
            "free_parsed": sum(turn.choice is not None for turn in free),
            "planted": {kind: _followed(state.debates[f"decentralized:{kind}"], kind) for kind in PLANTED},
        },
    )
    rotated = found["rotated"]
    for name, estimate in (("accuracy_dis", rotated.accuracy), ("s_amb", rotated.bias)):
        if estimate is not None:
            run.log({name: estimate.value})
    run.say(rotated.verdict)


def _letters(debates: list[Debate]) -> dict[str, int]:
    """Return how often each letter was answered: a model that reads the question has no favourite."""
    said = [turn.text[-1] for debate in debates for turn in debate.turns]
    return {letter: said.count(letter) for letter in sorted(set(said))}


def _followed(debates: list[Debate], kind: Planted) -> dict[str, float]:
    """Return the share of answers that name what the planted peers say, before hearing them and in the end."""
    wanted = [debate.item.target if kind == "always_biased" else debate.item.unknown for debate in debates]
    last = max(debate.rounds for debate in debates)
    return {
        name: float(
            np.mean(
                [
                    turn.choice == option
                    for debate, option in zip(debates, wanted, strict=True)
                    for turn in debate.turns
                    if turn.round == number
                ]
            )
        )
        for name, number in (("before", 0), ("after", last))
    }
