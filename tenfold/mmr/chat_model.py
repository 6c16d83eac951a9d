"""A model under test behind a chat backend: an endpoint, or a model of the hub on this machine.

Replies go into a transcript as they come and are asked for once: a reply's key is the digest of image, messages, model
and revision, sampling and ``ADAPTER``. A reply that was cut off is kept as such and never becomes an answer; a call
that failed, or whose reply is empty, is not kept, and the next run asks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tenfold.chat.client import ChatBackend, Client, Progress, Spent
from tenfold.chat.messages import Conversation, Failure, Image, Message, Reply, Sampling
from tenfold.chat.transcript import Transcript
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Query

ADAPTER = 1  # raise it when the same query becomes another conversation
MOST_TOKENS = 800  # of a reply, as the released code has it for GPT-4o
NO_ANSWER = {"error": "the endpoint ended the reply with an error", "content_filter": "a content filter took the reply"}
EMPTY = "an empty reply"  # in the words of a call that got nothing else in all its tries
CUT = "cut before it said a word"
ASK_AGAIN = {
    "box": "Your reply could not be read. Reply with [x_min, y_min, x_max, y_max] alone, four float numbers.",
    "text and box": 'Your reply could not be read. Reply with "text", [x_min, y_min, x_max, y_max] alone.',
    "choice": "Your reply could not be read. Reply with 1, 2, 3 or 4 alone.",
    "text": "Your reply could not be read. Reply with the text alone.",
}


class QueryImage(Image):
    """A query's image in a message: known by its pixels, and encoded only when it is sent.

    It is sent as PNG, or as JPEG of the quality ``jpeg`` from 1 to 100.
    """

    def __init__(self, pixels: UInt8[np.ndarray, "H W 3"], digest: str, jpeg: int | None = None) -> None:
        object.__setattr__(self, "pixels", pixels)
        object.__setattr__(self, "_digest", digest if jpeg is None else f"{digest} as JPEG {jpeg}")
        object.__setattr__(self, "_jpeg", jpeg)
        object.__setattr__(self, "media_type", "image/png" if jpeg is None else "image/jpeg")

    pixels: UInt8[np.ndarray, "H W 3"]
    _digest: str
    _jpeg: int | None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QueryImage) and other._digest == self._digest

    def __hash__(self) -> int:
        return hash(self._digest)

    @property
    def sha256(self) -> str:
        """What the image is known by: the digest of shape and pixels, and how it is sent."""
        return self._digest

    @property
    def data(self) -> bytes:
        """The encoded image."""
        from tenfold.mmr.images import encoded

        return encoded(self.pixels, self._jpeg)


@dataclass(frozen=True)
class Adapted:
    """A backend whose replies depend on this module, too, and for which a reply that ended in an error is none."""

    backend: ChatBackend

    def identity(self) -> Mapping[str, Any]:
        return {**self.backend.identity(), "adapter": ADAPTER}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        for number, reply in self.backend.replies(calls, sampling):
            if isinstance(reply, Reply) and reply.finish_reason in NO_ANSWER:
                yield number, Failure(NO_ANSWER[reply.finish_reason])
            elif isinstance(reply, Reply) and not reply.text.strip():
                yield number, Failure(EMPTY)
            else:
                yield number, reply


@dataclass
class ChatModel:
    """A chat backend as a model under test, called ``name``.

    ``jpeg`` sends images as JPEG of this quality, otherwise PNG. ``transcript`` keeps replies, ``spent`` counts and
    limits what is asked, ``progress`` hears of each reply.
    """

    name: str
    backend: ChatBackend
    sampling: Sampling = field(default_factory=lambda: Sampling(max_tokens=MOST_TOKENS))
    jpeg: int | None = None
    transcript: Transcript | None = None
    spent: Spent = field(default_factory=Spent)
    progress: Progress | None = None

    def identity(self) -> dict[str, Any]:
        """Return all that replies depend on besides the query."""
        sampling = asdict(self.sampling) | {"stop": list(self.sampling.stop)}
        return {**Adapted(self.backend).identity(), "sampling": sampling, "jpeg": self.jpeg}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return one prediction per query, in order.

        Raises BudgetSpent, NotAuthorised and WrongEndpoint; every reply until then is in the transcript.
        """
        return self._asked(queries, [self.conversation(query) for query in queries])

    def ask_again(self, queries: Sequence[Query], replies: Sequence[str]) -> list[Prediction]:
        """Return a second prediction per query after a first reply that could not be read.

        Raises what ``answer`` raises.
        """
        conversations = [
            [
                *self.conversation(query),
                Message("assistant", reply),
                Message("user", ASK_AGAIN[form_of(query.task)]),
            ]
            for query, reply in zip(queries, replies, strict=True)
        ]
        return self._asked(queries, conversations)

    def conversation(self, query: Query) -> list[Message]:
        """Return the messages of a query."""
        images = () if query.image is None else (QueryImage(query.image, query.image_digest, self.jpeg),)
        system = [Message("system", query.system)] if query.system else []
        return [*system, Message("user", query.prompt, images)]

    def _asked(self, queries: Sequence[Query], conversations: Sequence[Conversation]) -> list[Prediction]:
        client = Client(Adapted(self.backend), self.transcript, self.spent, self.progress)
        replies = client.generate(conversations, self.sampling)
        return [_prediction(query.key, reply) for query, reply in zip(queries, replies, strict=True)]


def form_of(task: str) -> str:
    """Return which form an answer of a task has: "choice", "text", "box" or "text and box"."""
    if task.startswith("grounding"):
        return "box" if task == "grounding_o" else "text and box"
    return "text" if task.startswith("recognition") else "choice"


def _prediction(key: str, reply: Reply | Failure) -> Prediction:
    if isinstance(reply, Reply):
        return prediction_of(key, reply.text, finish_reason=reply.finish_reason)
    if CUT in reply.error:
        return Prediction(key, None, "cut", reply.error)
    return Prediction(key, None, "empty" if EMPTY in reply.error else "failed", reply.error)
