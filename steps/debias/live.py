"""Let pretrained models talk: real text from end to end, and a gate that says what it can show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from steps.debias.live_ablations import LiveAblation, live_variations
from steps.debias.live_agents import OPTIONS, BackendParams, ChatPanel, LetterPanel, Panel, chat_backends
from steps.debias.live_outcomes import LiveOutcomes, spread
from steps.debias.live_summary import check_failures, summarise
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params, Positive
from steps.step.resumable_files import kept_folder
from steps.step.run import Run
from tenfold.chat.client import Spent
from tenfold.chat.transcript import Transcript
from tenfold.debias.conversation import Conversation
from tenfold.debias.items import Items, read_items
from tenfold.debias.letter_prompts import LetterPrompts
from tenfold.debias.protocols import (
    Centralized,
    Decentralized,
    Planted,
    Protocol,
    ShuffledPeers,
    Silent,
    Single,
    Vote,
    equal_calls,
)
from tenfold.debias.seeded_order import option_order
from tenfold.debias.subsets import limit_per_group
from tenfold.language.decoder import load_decoder
from tenfold.language.letter_model import LetterModel

PLANTED: tuple[Planted, ...] = ("always_biased", "always_unknown")
TRANSCRIPT = "transcript.jsonl"


class LiveParams(Params):
    """Who talks; how many questions, with planted peers, and in free text of ``max_tokens``; rounds; sizes.

    ``items``: as evenly as can be from each group, all where it is null; none of the groups ``without``.
    ``free_items`` are those that a packaged model, which otherwise answers by letters, gets in free text.
    ``centralized``: whether there are conversations with a centre, too, each agent being it once. ``temperature``: of
    self-consistency's samples, and of agents that differ by nothing else. ``together``: questions whose conversations
    go on side by side, so that what is read of them is kept in memory; ``shown``: debates kept of each protocol.
    """

    backend: BackendParams
    without: list[str]
    items: Count | None
    planted_items: Count
    free_items: Count
    max_tokens: Count
    rounds: Count
    centralized: bool
    temperature: Positive
    ablations: list[LiveAblation]
    together: Count
    shown: Count


def live(prepared: Path, decoder: Path, *, out: Path, params: LiveParams, run: Run) -> None:
    """Put questions to pretrained agents: alone, in conversation, in controls at equal calls, beside planted peers.

    Three agents share the packaged model, its words and temperature 0; they differ by the order of the options, each
    option standing under each letter once, and their replies are held to a letter. Chat models reply in free text; each
    reply is kept at once, so that a step that was interrupted asks for what is missing alone.

    Reads   prepared/items.jsonl; decoder/, of the packaged model: config.json, model.safetensors, a tokenizer,
            origin.json
    Writes  items.jsonl (N questions); answers.npz: <protocol> int8 (N,), the final answers, −1 for none, a protocol's
            name followed by @ and what an ablation varies; <protocol>/rounds int8 (N, rounds + 1, A), everybody's
            answer after each round; places/<part> int64 (M,), the questions of a part, planted, free or reasons, whose
            protocols' arrays have M rows; debates/<protocol>.jsonl, some of each; summary.json: what the models can do,
            how many replies name an option, how often planted peers are followed. Of the packaged model also rotated
            int8 (N,), the likeliest option over all three orders, and probabilities.npy float32 (N, 3)
    Logs    accuracy_dis, s_amb
    Raises  NoQuestions, DecoderMismatch, ContextTooLong, InvalidAgents, ChatError, FailedCalls
    """
    items = questions(read_items(prepared / "items.jsonl"), params, run.seed)
    outcomes = LiveOutcomes(out)
    if params.backend.kind == "packaged":
        places = _with_letters(decoder, items, outcomes, params, run)
        about: dict[str, Any] = {"name": decoder.name, **read_json(decoder / "origin.json")}
    else:
        places = _with_chat(items, outcomes, params, run)
        about = params.backend.model_dump()
    outcomes.write(items, places, params.shown)
    summary, logged, verdict = summarise(items, outcomes, about, run.seed)
    write_json(out / "summary.json", summary)
    run.log(logged)
    run.say(verdict)


def questions(every: Items, params: LiveParams, seed: int) -> Items:
    """Return the questions that are asked, in their order."""
    kept = every.only(~np.isin(every.groups, params.without))
    if params.items is None:
        return kept
    chosen = limit_per_group(kept, ceil(params.items / max(1, len(np.unique(kept.groups)))), seed=seed)
    return chosen.only(spread(np.arange(len(chosen)), params.items))


def protocols(agents: int, params: LiveParams) -> list[Protocol]:
    """Return the single agents, the conversations, and the controls that they are read against."""
    rounds = params.rounds
    conversation = Decentralized(rounds=rounds)
    return [
        Single(),
        Vote(),
        conversation,
        *([Centralized(rounds=rounds)] if params.centralized else []),
        ShuffledPeers(rounds=rounds),
        Silent(rounds=rounds),
        *equal_calls(conversation.calls_per_item(agents), temperature=params.temperature),
    ]


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


def _with_letters(
    decoder: Path, items: Items, outcomes: LiveOutcomes, params: LiveParams, run: Run
) -> dict[str, np.ndarray]:
    """Let the packaged model answer; return the places of the questions that only parts of it were about."""
    model = LetterModel(load_decoder(decoder, device=run.device), OPTIONS)
    panel = LetterPanel(model, params.temperature, params.max_tokens)
    parts, few = _parts(items, params), [name for name in params.ablations if name == "reasons"]
    by_letters = [name for name in params.ablations if name not in few]
    for number in run.updates(len(parts), outcomes):
        part = items.only(parts[number - 1])
        outcomes.probabilities.append(rotated_probabilities(model, part, run.seed))
        _hold_all(panel, part, outcomes, params, by_letters, run.seed)
    places = {"planted": _plantable(items, params.planted_items)}
    _hold_planted(panel, items.only(places["planted"]), outcomes, params, run.seed)
    places["free"] = spread(np.arange(len(items)), params.free_items)
    outcomes.hold(Conversation([panel.speaker()], Single(), run.seed), items.only(places["free"]))
    with _transcript(run) as transcript:  # what both sides of an ablation ask alike is asked once
        for name in few:
            places[name] = places["free"]
            speaking = replace(panel, transcript=transcript)
            _hold_ablation(name, speaking, items.only(places[name]), outcomes, params, run.seed)
    return places


def _with_chat(items: Items, outcomes: LiveOutcomes, params: LiveParams, run: Run) -> dict[str, np.ndarray]:
    """Let chat models answer; return the places of the questions with planted peers.

    The transcript is the checkpoint: conversations are held anew, and what is known from it is not asked again.
    """
    names, backends = chat_backends(params.backend, run.device)
    spent = Spent()
    places = {"planted": _plantable(items, params.planted_items)}
    with _transcript(run) as transcript:
        panel = ChatPanel(names, backends, transcript, spent, params.temperature, params.max_tokens)
        parts = _parts(items, params)
        for number in run.updates(len(parts)):
            _hold_all(panel, items.only(parts[number - 1]), outcomes, params, params.ablations, run.seed)
        _hold_planted(panel, items.only(places["planted"]), outcomes, params, run.seed)
        run.say(
            f"{spent.calls} calls ({spent.failed} failed), {spent.known} replies known from before or alike; "
            f"{spent.prompt_tokens} tokens in, {spent.completion_tokens} out"
        )
        check_failures([debate for debates in outcomes.debates.values() for debate in debates])
    return places


@contextmanager
def _transcript(run: Run) -> Iterator[Transcript]:
    """Give a transcript that outlives a kill or an error, and goes when all went well."""
    kept = kept_folder(run) / TRANSCRIPT
    with Transcript(kept) as transcript:
        yield transcript
    kept.unlink()
    kept.with_name(f".{TRANSCRIPT}.lock").unlink(missing_ok=True)


def _parts(items: Items, params: LiveParams) -> list[np.ndarray]:
    return np.array_split(np.arange(len(items)), ceil(len(items) / params.together))


def _hold_all(
    panel: Panel, items: Items, outcomes: LiveOutcomes, params: LiveParams, ablations: list[LiveAblation], seed: int
) -> None:
    agents = panel.agents()
    for protocol in protocols(len(agents), params):
        outcomes.hold(Conversation(agents, protocol, seed), items)
    for name in ablations:
        _hold_ablation(name, panel, items, outcomes, params, seed)


def _hold_ablation(
    name: LiveAblation, panel: Panel, items: Items, outcomes: LiveOutcomes, params: LiveParams, seed: int
) -> None:
    for suffix, conversation in live_variations(name, panel, rounds=params.rounds, seed=seed):
        outcomes.hold(conversation, items, suffix)


def _hold_planted(panel: Panel, items: Items, outcomes: LiveOutcomes, params: LiveParams, seed: int) -> None:
    for kind in PLANTED:
        protocol = Decentralized(rounds=params.rounds, stop_on_agreement=False, planted=kind)
        outcomes.hold(Conversation(panel.agents(), protocol, seed), items)


def _plantable(items: Items, count: int) -> np.ndarray:
    """Return the places of some questions of which the biased and the unknown option are known."""
    known = [place for place, item in enumerate(items.rows) if item.target is not None and item.unknown is not None]
    return spread(np.array(known, dtype=np.int64), count)
