"""What a page shows of one sample: images with boxes, options, messages, reply, reference and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from tenfold.viewing.errors import InvalidSample

Tone = Literal["neutral", "good", "bad", "notice"]


def _check_tone(tone: str, where: str) -> None:
    if tone not in get_args(Tone):
        raise InvalidSample(f"{where}: tone {tone!r}: must be one of {', '.join(get_args(Tone))}")


@dataclass(frozen=True)
class Box:
    """A rectangle over an image, in pixels of the image as given: x to the right, y down, from its upper left corner.

    Raises InvalidSample for an edge that is no finite number, or edges in the wrong order.
    """

    left: float
    top: float
    right: float
    bottom: float
    label: str = ""
    tone: Tone = "notice"

    def __post_init__(self) -> None:
        edges = (self.left, self.top, self.right, self.bottom)
        if not all(map(math.isfinite, edges)) or self.left > self.right or self.top > self.bottom:
            raise InvalidSample(f"box {self.label!r}: left, top, right, bottom = {edges}; give them in this order")
        _check_tone(self.tone, f"box {self.label!r}")


@dataclass(frozen=True)
class SampleImage:
    """An encoded image (PNG, JPEG …) with the boxes that are drawn over it."""

    data: bytes
    caption: str = ""
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Option:
    """One option of a question; ``marks`` say what it is (gold, target …), and the tone colours them."""

    text: str
    marks: tuple[str, ...] = ()
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _check_tone(self.tone, f"option {self.text!r}")


@dataclass(frozen=True)
class Message:
    """What somebody said. Messages that follow one another under the same ``heading`` stand side by side.

    ``tag`` says how the message was read. ``change`` says what the speaker changed since the speaker's last message;
    a message with a change is highlighted in its tone.
    """

    speaker: str
    text: str
    heading: str = ""
    tag: str = ""
    change: str = ""
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        _check_tone(self.tone, f"message of {self.speaker!r}")


@dataclass(frozen=True)
class Verdict:
    """What the scorer decided, in a word or two that samples share, and why."""

    word: str
    reason: str = ""
    tone: Tone = "neutral"

    def __post_init__(self) -> None:
        if not self.word:
            raise InvalidSample("a verdict has a word: correct, wrong …")
        _check_tone(self.tone, f"verdict {self.word!r}")


@dataclass(frozen=True)
class Sample:
    """One sample. ``facets`` are what a reader filters by: name → value; the verdict's word is one of its own.

    Raises InvalidSample without a title, and for a facet named ``verdict``.
    """

    title: str
    facets: Mapping[str, str] = field(default_factory=dict)
    question: str = ""
    images: tuple[SampleImage, ...] = ()
    options: tuple[Option, ...] = ()
    messages: tuple[Message, ...] = ()
    reply: str | None = None
    reference: str | None = None
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        if not self.title.strip():
            raise InvalidSample("a sample has a title")
        if VERDICT in self.facets:
            raise InvalidSample(f"{self.title}: the facet {VERDICT!r} is the verdict's own; name yours otherwise")

    @property
    def all_facets(self) -> dict[str, str]:
        """The facets, the verdict's word last."""
        return {**self.facets, **({} if self.verdict is None else {VERDICT: self.verdict.word})}

    @property
    def rounds(self) -> list[tuple[str, list[Message]]]:
        """The messages in order, those that follow one another under one heading together."""
        found: list[tuple[str, list[Message]]] = []
        for message in self.messages:
            if not found or found[-1][0] != message.heading:
                found.append((message.heading, []))
            found[-1][1].append(message)
        return found


VERDICT = "verdict"
