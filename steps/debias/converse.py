"""Let the embedded agents talk: every protocol and control, for every target of deliberation and every seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from steps.debias.ablations import Ablation, hard_questions, variations
from steps.debias.deliberate import LESSONS
from steps.debias.micro import AGENTS, ITEMS, model_name, split_of
from steps.debias.outcomes import Outcomes
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from tenfold.chat.client import Client
from tenfold.debias.conversation import Agent, Conversation
from tenfold.debias.embedded import EmbeddedModel
from tenfold.debias.items import read_items, write_items
from tenfold.debias.micro import context_number
from tenfold.debias.micro_prompts import MicroPrompts
from tenfold.debias.protocols import (
    Centralized,
    Decentralized,
    Protocol,
    ShuffledPeers,
    Silent,
    Single,
    Vote,
    equal_calls,
)

UNTAUGHT = "none"


class ConverseParams(Params):
    """Test contexts per template, rounds, and what else is run.

    ``temperature``: of self-consistency's samples and of the run that finds the hard questions, which are those that
    ``hard_min`` agents or more miss. ``shown``: debates kept of each protocol.
    """

    contexts: Count
    rounds: Count
    temperature: Positive
    hard_min: Count
    ablations: list[Ablation]
    shown: Count


def converse(trained: list[Path], deliberated: Path, *, out: Path, params: ConverseParams, run: Run) -> None:
    """Put the test questions of every seed to the agents: alone, in conversations, and in controls at equal calls.

    Agents of the target ``none`` are those of the first training, never taught to deliberate.

    Reads   trained/*/models/, trained/*/micro.jsonl, deliberated/models/, lessons.json
    Writes  items.jsonl (N questions); answers.npz: tested/<seed> int64 (M,), the places of the seed's test questions
            in items.jsonl; <target>/<seed>/<protocol> int8 (M,), the final answers, −1 for none, a protocol's name
            followed by @ and what an ablation varies; <target>/<seed>/<protocol>/rounds int8 (M, rounds + 1, A),
            everybody's answer after each round; hard/<target>/<seed> bool (M,); debates/<target>-<protocol>.jsonl,
            some of the first seed's; rows.json: scores and calls per question of each
    Logs    <target>/<protocol>/s_amb, the mean over seeds
    """
    items = read_items(trained[0] / ITEMS)
    write_items(items, out / "items.jsonl")
    outcomes = Outcomes(out, params.shown)
    lessons = read_json(deliberated / LESSONS)
    for seed in range(lessons["seeds"]):
        places = split_of(items, seed, "test")
        places = places[[context_number(items.rows[place]) < params.contexts for place in places]]
        outcomes.arrays[f"tested/{seed}"] = places
        asked = items.only(places)
        for target in (UNTAUGHT, *lessons["targets"]):
            agents = _agents(trained, deliberated, target, seed)
            for protocol in protocols(len(agents), params):
                outcomes.add(target, seed, asked, Conversation(agents, protocol, seed))
            for ablation in params.ablations:
                varied = variations(ablation, agents, rounds=params.rounds, temperature=params.temperature, seed=seed)
                for suffix, conversation in varied:
                    outcomes.add(target, seed, asked, conversation, suffix)
            outcomes.arrays[f"hard/{target}/{seed}"] = hard_questions(
                asked, agents, least=params.hard_min, temperature=params.temperature, seed=seed
            )
            run.say(f"seed {seed}, target {target}: {len(asked)} questions")
    np.savez_compressed(out / "answers.npz", allow_pickle=False, **outcomes.arrays)
    write_json(out / "rows.json", outcomes.rows)
    names = sorted({(row["target"], row["protocol"]) for row in outcomes.rows})
    for target, name in names:
        found = [row["s_amb"] for row in outcomes.rows if (row["target"], row["protocol"]) == (target, name)]
        run.log({f"{target}/{name}/s_amb": float(np.mean(found))})


def protocols(agents: int, params: ConverseParams) -> list[Protocol]:
    """Return the single agents, both conversations, and the controls that they are read against."""
    rounds = params.rounds
    conversation = Decentralized(rounds=rounds)
    return [
        Single(),
        Vote(),
        conversation,
        Centralized(rounds=rounds),
        ShuffledPeers(rounds=rounds),
        Silent(rounds=rounds),
        *equal_calls(conversation.calls_per_item(agents), temperature=params.temperature),
    ]


def _agents(trained: list[Path], deliberated: Path, target: str, seed: int) -> list[Agent]:
    agents = []
    for agent, folder in zip(AGENTS, trained, strict=True):
        taught = deliberated / "models" / model_name(agent, seed, target)
        path = folder / "models" / model_name(agent, seed) if target == UNTAUGHT else taught
        agents.append(Agent(agent, Client(EmbeddedModel.load(path, path.name)), MicroPrompts()))
    return agents
