"""A run of conversations in a folder: begun or continued, shown as it goes, written when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tenfold.chat.client import ChatBackend, Spent
from tenfold.chat.messages import Sampling
from tenfold.chat.transcript import Transcript
from tenfold.debias.agents import agents_of
from tenfold.debias.conversation import Conversation
from tenfold.debias.debate import Debate
from tenfold.debias.items import Items
from tenfold.debias.prompts import ChatPrompts
from tenfold.debias.protocols import Protocol
from tenfold.debias.run_folder import items_digest, open_run, write_run
from tenfold.debias.run_progress import RunProgress, spent_words


@dataclass(frozen=True)
class ChatRun:
    """Models, how they are asked, and the protocol by which they talk."""

    models: Sequence[str]
    backends: Sequence[ChatBackend]
    protocol: Protocol
    prompts: ChatPrompts
    sampling: Sampling
    seed: int
    spent: Spent

    def settings(self, items: Items) -> dict[str, Any]:
        """Return all that replies and results depend on, as JSON takes it; budgets may change when a run goes on."""
        sampling = asdict(self.sampling) | {"stop": list(self.sampling.stop)}
        return {
            "models": list(self.models),
            "backends": [dict(backend.identity()) for backend in self.backends],
            "protocol": {"name": self.protocol.name} | asdict(self.protocol),
            "prompts": asdict(self.prompts),
            "sampling": sampling,
            "seed": self.seed,
            "questions": len(items),
            "questions_sha256": items_digest(items),
        }

    def run(self, items: Items, folder: Path, *, resume: bool = False, notes: Sequence[str] = ()) -> list[str]:
        """Hold the conversations, write the folder, with ``notes`` on its page, and return in lines what came of them.

        Raises InvalidOutput as ``open_run`` does, and what ``Conversation.run`` raises.
        """
        bar: RunProgress | None = None

        def asked(spent: Spent) -> None:
            if bar is not None:
                bar.asked(spent)

        def ended(debate: Debate) -> None:
            if bar is not None:
                bar.ended(debate)

        agents = agents_of(
            self.models,
            self.backends,
            prompts=self.prompts,
            sampling=self.sampling,
            spent=self.spent,
            progress=asked,
        )
        conversation = Conversation(agents, self.protocol, self.seed, ended=ended)
        with Transcript(open_run(folder, self.settings(items), resume=resume)) as transcript:
            for agent in agents:
                agent.client.transcript = transcript
            one = self.protocol.calls_per_item(len(agents))
            with RunProgress(conversation.calls_per_item * len(items), one) as bar:
                debates = conversation.run(items)
            scores = write_run(folder, debates, notes)
        return [*score_lines(scores), spent_words(self.spent), *failure_lines(debates)]


def score_lines(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each protocol and for each agent's first answers."""
    lines = []
    for protocol, found in scores.items():
        lines.append(f"{protocol}: {_words(found)}")
        if found["calls"] > found["questions"]:
            lines += [f"  {agent}, first answers: {_words(first)}" for agent, first in found["first_answers"].items()]
    return lines


def failure_lines(debates: Sequence[Debate]) -> list[str]:
    """Return how many calls failed and why the first one did, or nothing."""
    failed = [turn.failed for debate in debates for turn in debate.turns if turn.failed is not None]
    again = "a run with --resume asks again"
    return [f"{len(failed)} calls failed, and count as no answer; {again}. The first: {failed[0]}"] if failed else []


def _words(found: Mapping[str, Any]) -> str:
    pooled, parts = found["pooled"], [f"{found['questions']} questions"]
    if found["accuracy"] is not None:
        parts.append(f"accuracy {found['accuracy']:.3f}")
    for name, condition in (("s_AMB", "amb"), ("s_DIS", "dis")):
        if pooled[f"accuracy_{condition}"] is not None:
            undefined = pooled[f"undefined_{condition}"]
            score = "undefined" if undefined else f"{100 * pooled[f's_{condition}']:.1f}"
            parts.append(f"{name} {score} (n = {pooled[f'n_persons_{condition}']})")
    if found["without_answer"]:
        parts.append(f"{found['without_answer']} without an answer")
    return ", ".join(parts)
