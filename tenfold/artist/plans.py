"""Plans: the keywords of a prompt with a box each, as strict JSON and as a layout."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tenfold.artist.layouts import Fitted, UnitBox, fitted_layout

How = Literal["quotes", "tagger", "chat", "chat, repaired", "centred rows", "none"]
Share = Annotated[float, Field(ge=0, le=1)]


class InvalidPlan(ValueError):
    """A planner's reply is not the JSON that is asked for."""


class NoKeywords(UserWarning):
    """A prompt asks for no words: its image is a plain one."""


class Keyword(BaseModel):
    """One keyword with its box, x0, y0, x1, y1 as shares of the canvas's sides."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    text: Annotated[str, Field(min_length=1)]
    box: Annotated[list[Share], Field(min_length=4, max_length=4)]

    @model_validator(mode="after")
    def _has_area(self) -> Keyword:
        x0, y0, x1, y1 = self.box
        if not (x0 < x1 and y0 < y1):
            raise ValueError(f"the box {self.box} has no area")
        if not self.text.split():
            raise ValueError("the text is blank")
        return self


class Contract(BaseModel):
    """What a planner has to write: ``{"keywords": [{"text": "open", "box": [0.1, 0.2, 0.6, 0.5]}]}``."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    keywords: list[Keyword]


@dataclass(frozen=True)
class Plan:
    """The words that a prompt wants, each with its box in shares of the sides, and how they were found.

    ``how`` is "quotes" or "tagger" where the words come from there and boxes from a sampler, "chat" where a language
    model gave both, at once or after one repair, "centred rows" where it failed, and "none" where no words are wanted.
    """

    prompt: str
    words: tuple[tuple[str, UnitBox], ...]
    how: How

    @property
    def texts(self) -> tuple[str, ...]:
        """The words without their boxes."""
        return tuple(text for text, _ in self.words)

    def layout(self, *, width: int, height: int) -> Fitted:
        """Return the layout on a canvas, with what had to be clamped and what overlaps."""
        return fitted_layout(self.words, width=width, height=height)

    def described(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        words = [{"text": text, "box": [round(value, 6) for value in box]} for text, box in self.words]
        return {"prompt": self.prompt, "how": self.how, "keywords": words}


def parse_plan(reply: str) -> tuple[tuple[str, UnitBox], ...]:
    """Return the words of a planner's reply; a keyword of several words is divided, its box by their letters.

    Raises InvalidPlan unless the reply is the contract's JSON and nothing else.
    """
    try:
        contract = Contract.model_validate_json(reply.strip())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the reply"
        raise InvalidPlan(f"{where}: {first['msg']}") from None
    return tuple(part for keyword in contract.keywords for part in _divided(keyword))


def counted(plans: Iterable[Plan]) -> dict[str, int]:
    """Return how many plans were found in which way: fallbacks are never silent."""
    return dict(sorted(Counter(plan.how for plan in plans).items()))


def _divided(keyword: Keyword) -> list[tuple[str, UnitBox]]:
    x0, y0, x1, y1 = keyword.box
    words = keyword.text.split()
    letters = len(" ".join(words))
    parts, start = [], 0
    for word in words:
        left, right = (x0 + (x1 - x0) * place / letters for place in (start, start + len(word)))
        parts.append((word, (left, y0, x1 if math.isclose(right, x1) else right, y1)))
        start += len(word) + 1
    return parts
