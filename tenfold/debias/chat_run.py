"""A run of conversations in a folder: begun or continued, shown as it goes, written when it is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tenfold.chat.client import ChatBackend, Spent
from tenfold.chat.endpoint import Endpoint
from tenfold.chat.messages import Sampling
from tenfold.chat.spending import spent_words
from tenfold.debias.agents import agents_of
from tenfold.debias.conversation import Conversation
from tenfold.debias.debate import Debate
from tenfold.debias.errors import NoReply
from tenfold.debias.items import Items
from tenfold.debias.prompts import ChatPrompts
from tenfold.debias.protocols import Protocol
from tenfold.debias.run_folder import items_digest, open_run, write_run
from tenfold.debias.run_progress import RunProgress


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

    def said(self, items: Items, source: str = "") -> str:
        """Return in a line what was asked of whom, and how; ``source`` is where the questions are from."""
        known = {name: value for name, value in asdict(self.protocol).items() if value is not None}
        asked = {"seed": self.seed, "temperature": self.sampling.temperature, "max_tokens": self.sampling.max_tokens}
        protocol = ", ".join([self.protocol.name, *(f"{name} {value}" for name, value in (asked | known).items())])
        questions = counted(len(items), "question", "questions") + (f" of {source}" if source else "")
        return f"Models: {', '.join(self.models)}. Protocol: {protocol}. Asked: {questions}."

    def run(
        self, items: Items, folder: Path, *, resume: bool = False, notes: Sequence[str] = (), source: str = ""
    ) -> list[str]:
        """Hold the conversations, write the folder, and return in lines what came of them.

        ``notes`` stand on its page, as does what was asked of whom; ``source`` is where the questions are from.

        Raises InvalidOutput as ``open_run`` does, NoReply if no call got a reply, and what ``Conversation.run`` raises.
        """
        bar: RunProgress | None = None

        def asked(spent: Spent) -> None:
            if bar is not None:
                bar.asked(spent)

        def ended(debate: Debate) -> None:
            if bar is not None:
                bar.ended(debate)

        def again(why: str) -> None:
            if bar is not None:
                bar.again(why)

        agents = agents_of(
            self.models,
            [replace(one, told=again) if isinstance(one, Endpoint) else one for one in self.backends],
            prompts=self.prompts,
            sampling=self.sampling,
            spent=self.spent,
            progress=asked,
        )
        conversation = Conversation(agents, self.protocol, self.seed, ended=ended)
        with open_run(folder, self.settings(items), resume=resume) as transcript:
            for agent in agents:
                agent.client.transcript = transcript
            one = self.protocol.calls_per_item(len(agents))
            with RunProgress(conversation.calls_per_item * len(items), one) as bar:
                debates = conversation.run(items)
            check_replies(debates)
            cut = cut_lines(debates, self.sampling.max_tokens)
            scores = write_run(folder, debates, [self.said(items, source), *notes, *cut])
        return [*score_lines(scores), spent_words(self.spent), *failure_lines(debates), *cut]


def score_lines(scores: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each protocol and for each agent's first answers."""
    lines = []
    for protocol, found in scores.items():
        file = f" → {found['predictions']}" if len(scores) > 1 and "predictions" in found else ""
        lines.append(f"{protocol}: {_words(found)}{file}")
        if found["calls"] > found["questions"]:
            lines += [f"  {agent}, first answers: {_words(first)}" for agent, first in found["first_answers"].items()]
    return lines


def check_replies(debates: Sequence[Debate]) -> None:
    """Raise NoReply if there were calls and all of them failed: that is no result."""
    turns = [turn for debate in debates for turn in debate.turns]
    if turns and all(turn.failed is not None for turn in turns):
        said = "the only call failed" if len(turns) == 1 else f"all {len(turns)} calls failed"
        raise NoReply(f"{said}, and there is nothing to score; the first: {turns[0].failed}")


def cut_lines(debates: Sequence[Debate], longest: int) -> list[str]:
    """Return how many replies ended at ``longest`` tokens, or nothing."""
    cut = [turn for debate in debates for turn in debate.turns if turn.cut]
    if not cut:
        return []
    lost = sum(turn.choice is None for turn in cut)
    said = f", and {lost} of them name no option" if lost else ""
    return [f"{counted(len(cut), 'reply was', 'replies were')} cut at {longest} tokens{said}; raise --max-tokens"]


def counted(number: int, one: str, several: str) -> str:
    """Return a number with the words that fit it."""
    return f"{number} {one if number == 1 else several}"


def failure_lines(debates: Sequence[Debate]) -> list[str]:
    """Return how many calls failed and why the first one did, or nothing."""
    failed = [turn.failed for debate in debates for turn in debate.turns if turn.failed is not None]
    if not failed:
        return []
    said = counted(len(failed), "call failed, and counts", "calls failed, and count")
    return [f"{said} as no answer; a run with --resume asks again. The first: {failed[0]}"]


def _words(found: Mapping[str, Any]) -> str:
    pooled, parts = found["pooled"], [f"{found['questions']} questions"]
    if found["failed_calls"] and found["failed_calls"] == found["calls"]:
        return f"{parts[0]}, all calls failed"
    if found["accuracy"] is not None:
        of = f" of the {found['graded']} questions with an answer" if found["graded"] < found["questions"] else ""
        parts.append(f"accuracy {found['accuracy']:.3f}{of}")
    for name, condition in (("s_AMB", "amb"), ("s_DIS", "dis")):
        if pooled[f"accuracy_{condition}"] is not None:
            value = pooled[f"s_{condition}"]
            score = "undefined" if value is None else f"{100 * value:.1f}"
            parts.append(f"{name} {score} (n = {pooled[f'n_persons_{condition}']})")
    if found["without_answer"]:
        parts.append(f"{found['without_answer']} left unanswered")
    return ", ".join(parts)
