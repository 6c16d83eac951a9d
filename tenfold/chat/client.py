"""One way to ask any chat model: known replies come from the transcript, the others from the model, within a budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from tenfold.chat.errors import BudgetSpent
from tenfold.chat.messages import Conversation, Failure, Reply, Sampling, call_key
from tenfold.chat.transcript import Transcript

Progress = Callable[["Spent"], None]


class ChatBackend(Protocol):
    """Something that answers conversations: an endpoint, a model on this machine, recorded answers."""

    def identity(self) -> Mapping[str, Any]:
        """Return what tells this backend's replies from another one's: kind, model, revision."""
        ...

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations, each as soon as it is there; take no more of ``calls`` than is being asked.

        Raises ChatError where nothing more can be asked; what came before has been yielded by then.
        """
        ...


@dataclass
class Spent:
    """Calls and tokens so far, and what they may come to; ``known`` counts replies that were not asked again.

    Prices are per million tokens. Tokens are counted when a reply is there: the calls that are under way when the
    limit is reached are still paid.
    """

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    known: int = 0
    failed: int = 0
    most_calls: int | None = None
    most_tokens: int | None = None
    prompt_price: float = 0.0
    completion_price: float = 0.0

    @property
    def cost(self) -> float:
        """What the tokens cost, in the currency of the prices."""
        return (self.prompt_tokens * self.prompt_price + self.completion_tokens * self.completion_price) / 1e6

    def check(self) -> None:
        """Raise BudgetSpent unless one more call may be made."""
        tokens = self.prompt_tokens + self.completion_tokens
        if self.most_calls is not None and self.calls >= self.most_calls:
            raise BudgetSpent(f"{self.calls} calls were made, as many as are allowed; run again with a larger budget")
        if self.most_tokens is not None and tokens >= self.most_tokens:
            raise BudgetSpent(f"{tokens} tokens were spent of {self.most_tokens}; run again with a larger budget")

    def add(self, reply: Reply) -> None:
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens


@dataclass
class Client:
    """Asks a backend, keeps every reply in ``transcript``, and asks nothing that is known from there.

    ``progress`` is called after each reply. One ``spent`` may be shared by several clients.
    """

    backend: ChatBackend
    transcript: Transcript | None = None
    spent: Spent = field(default_factory=Spent)
    progress: Progress | None = None

    def generate(self, conversations: Sequence[Conversation], sampling: Sampling) -> list[Reply | Failure]:
        """Return the reply to each conversation, in order; the same call twice is asked once.

        A call that failed for good is a ``Failure``, which is no answer.
        Raises BudgetSpent, NotAuthorised, WrongEndpoint; every reply until then is in the transcript.
        """
        identity = self.backend.identity()
        keys = [self._key(identity, conversation, sampling) for conversation in conversations]
        found: dict[Any, Reply | Failure] = {}
        missing: dict[Any, Conversation] = {}
        for key, conversation in zip(keys, conversations, strict=True):
            known = None if self.transcript is None else self.transcript.get(key)
            if known is None:
                missing[key] = conversation
            elif key not in found:
                found[key] = known
                self.spent.known += 1
        asked = list(missing)
        spent_out: list[BudgetSpent] = []
        calls = self._affordable(missing.values(), spent_out)
        for number, reply in self.backend.replies(calls, sampling) if missing else ():
            key = asked[number]
            found[key] = reply
            if isinstance(reply, Failure):
                self.spent.failed += 1
            else:
                self.spent.add(reply)
                if self.transcript is not None:
                    self.transcript.add(key, identity, missing[key], sampling, reply)
            if self.progress is not None:
                self.progress(self.spent)
        if spent_out:
            raise spent_out[0]
        return [found[key] for key in keys]

    def _key(self, identity: Mapping[str, Any], conversation: Conversation, sampling: Sampling) -> Any:
        """Return what tells a call from the others; a digest only where the transcript needs it."""
        return tuple(conversation) if self.transcript is None else call_key(identity, conversation, sampling)

    def _affordable(
        self, conversations: Iterable[Conversation], ended: list[BudgetSpent]
    ) -> Iterator[tuple[int, Conversation]]:
        """Yield calls as long as the budget lasts; the calls under way are still answered when it is spent."""
        for number, conversation in enumerate(conversations):
            try:
                self.spent.check()
            except BudgetSpent as error:
                ended.append(error)
                return
            self.spent.calls += 1
            yield number, conversation
