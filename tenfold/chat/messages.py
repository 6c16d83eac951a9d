"""What goes to a chat model and what comes back: messages with text and images, how a reply is drawn, the reply."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from tenfold.chat.errors import InvalidMessage

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True)
class Image:
    """An encoded image (PNG, JPEG …) of a message."""

    data: bytes
    media_type: str = "image/png"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class Message:
    """One message of a conversation; images come before the text.

    Raises InvalidMessage for an unknown role, and for a message without text and images.
    """

    role: Role
    text: str
    images: tuple[Image, ...] = ()

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InvalidMessage(f"role {self.role!r}: must be one of {', '.join(get_args(Role))}")
        if not self.text and not self.images:
            raise InvalidMessage(f"the {self.role}'s message is empty: give it a text or an image")

    def described(self) -> dict[str, Any]:
        """Return the message as JSON takes it, each image by the digest of its bytes."""
        images = [{"media_type": image.media_type, "sha256": image.sha256} for image in self.images]
        return {"role": self.role, "text": self.text} | ({"images": images} if images else {})


Conversation = Sequence[Message]


@dataclass(frozen=True)
class Sampling:
    """How a reply is drawn. Temperature 0 takes the likeliest token; a seed is a wish that endpoints may ignore.

    ``max_tokens`` counts the tokens of the reply.
    Raises InvalidMessage for a value outside its range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 256
    seed: int | None = None
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise InvalidMessage(f"temperature = {self.temperature}: must be between 0 and 2")
        if not 0 < self.top_p <= 1:
            raise InvalidMessage(f"top_p = {self.top_p}: must be above 0 and at most 1")
        if self.max_tokens < 1:
            raise InvalidMessage(f"max_tokens = {self.max_tokens}: must be 1 or larger")


@dataclass(frozen=True)
class Reply:
    """What a model answered; ``finish_reason`` is "stop" at its own end and "length" where it was cut off.

    Half a surrogate pair in ``text``, which a server may leave where it cuts off, is no character and cannot be sent
    on: it becomes U+FFFD here, whole pairs become their character.
    """

    text: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __post_init__(self) -> None:
        if any("\ud800" <= letter <= "\udfff" for letter in self.text):
            whole = self.text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            object.__setattr__(self, "text", whole)

    def described(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Failure:
    """A call that got no reply: it is no answer, is never kept, and is asked again by the next run."""

    error: str


def call_key(backend: Mapping[str, Any], conversation: Conversation, sampling: Sampling) -> str:
    """Return the SHA-256 of all that a reply may depend on: backend, model, revision, messages, sampling."""
    parts = {
        "backend": dict(backend),
        "messages": [message.described() for message in conversation],
        "sampling": vars(sampling),
    }
    words = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(words.encode(errors="surrogatepass")).hexdigest()
