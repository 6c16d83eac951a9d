"""Questions about a page, each answered by the page's description alone.

kind       what is asked                                                       who can know
text       the value of a name in its row, or the title                        who reads
relation   the text right above or below another one in its column             who reads, and knows where
colour     the colour of a shape                                               who sees
object     the shape of a colour                                               who sees
chart      a bar's value, the name of a value, the highest or lowest; its colour   who reads and knows where; and sees
receipt    the date or the total of a real receipt                             who reads
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from tenfold.llava_read.reading_errors import InvalidQuestion

Kind = Literal["text", "relation", "colour", "object", "chart", "receipt"]
Stratum = Literal[
    "beside", "title", "above", "below", "colour", "object", "value", "name", "extreme", "bar colour", "date", "total"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
SIGHT: tuple[Stratum, ...] = ("colour", "object", "bar colour")  # no text on the page answers these
SPOKEN = {"bars": "bar", "pillars": "pillar", "pins": "pin"}
TITLES = 8  # of so many pages, one is asked for its title rather than for a value


@dataclass(frozen=True)
class Question:
    """A question about the page ``page``, with every answer that counts as right.

    ``stratum`` is what precisely is asked; ``text_size`` is the size, in pixels per em, of the text that answers, 0
    where no text does. Raises InvalidQuestion for an unknown kind, an empty text, or no answer.
    """

    id: str
    page: str
    kind: Kind
    question: str
    answers: tuple[str, ...]
    stratum: str = ""
    text_size: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidQuestion(f"{self.id}: no kind is called {self.kind!r}; there are {', '.join(KINDS)}")
        if not (self.id and self.page and self.question.strip()):
            raise InvalidQuestion(f"question {self.id!r} of page {self.page!r} needs an id, a page and a text")
        if isinstance(self.answers, str) or not self.answers or not all(one.strip() for one in self.answers):
            raise InvalidQuestion(f"{self.id}: answers must be a tuple of texts, none empty, not {self.answers!r}")


def questions_about(page: str, description: Mapping[str, Any], *, number: int, seed: int) -> tuple[Question, ...]:
    """Return four questions about a page from its description, as `tenfold.rendering.drawing.Drawing` gives it.

    A chart has four chart questions; other pages have one each of text, relation, colour and object. Raises
    InvalidQuestion for a page of another kind.
    """
    facts = description.get("facts", {})
    generator = np.random.default_rng([seed, number, 3])
    if "bars" in facts:
        asked = _about_chart(description, number, generator)
    elif "cells" in facts and len(description["shapes"]) >= 2:
        asked = _about_table(description, number, generator)
    else:
        raise InvalidQuestion(f"page {page!r} of layout {description.get('layout')!r} has neither cells nor bars")
    return tuple(
        Question(f"{page}-{stratum.replace(' ', '-')}", page, kind, question, (answer,), stratum, size)
        for kind, stratum, question, answer, size in asked
    )


_Asked = tuple[Kind, str, str, str, int]


def _about_table(description: Mapping[str, Any], number: int, generator: np.random.Generator) -> list[_Asked]:
    facts = description["facts"]
    cells, sizes = facts["cells"], {line["role"]: line["size"] for line in description["lines"]}
    body = sizes["cell 0 0"]
    if number % TITLES == TITLES - 1:
        text: _Asked = ("text", "title", "What is the title?", facts["title"], sizes["title"])
    else:
        row = _one_of(cells, generator)
        text = ("text", "beside", f'What stands to the right of "{row[0]}"?', row[1], body)
    columns = len(cells[0]) if facts["set_as"] != "inline" else 1
    column = int(generator.integers(0, columns))
    upper = int(generator.integers(0, len(cells) - 1))
    above, below = cells[upper][column], cells[upper + 1][column]
    stratum, known, answer = ("below", above, below) if number % 2 else ("above", below, above)
    relation: _Asked = ("relation", stratum, f'What is directly {stratum} "{known}"?', answer, body)
    seen, wanted = facts["figures"][:2]
    colour: _Asked = ("colour", "colour", f"What colour is the {seen['shape']}?", seen["colour"], 0)
    shape: _Asked = ("object", "object", f"Which shape is {wanted['colour']}?", wanted["shape"], 0)
    return [text, relation, colour, shape]


def _about_chart(description: Mapping[str, Any], number: int, generator: np.random.Generator) -> list[_Asked]:
    facts = description["facts"]
    bars = facts["bars"]
    size = next(line["size"] for line in description["lines"] if line["role"] == "value 0")
    spoken = SPOKEN[description["layout"]]
    first, second = (bars[place] for place in generator.permutation(len(bars))[:2].tolist())
    seen = next(bar for bar in bars if bar["name"] == facts["asked"])
    highest = bool(number % 2)
    extreme = (max if highest else min)(bars, key=lambda bar: bar["value"])
    return [
        ("chart", "value", f'What is the value of "{first["name"]}"?', str(first["value"]), size),
        ("chart", "name", f"Which name has the value {second['value']}?", second["name"], size),
        (
            "chart",
            "extreme",
            f"Which name has the {'highest' if highest else 'lowest'} {spoken}?",
            extreme["name"],
            size,
        ),
        ("chart", "bar colour", f'What colour is the {spoken} of "{seen["name"]}"?', seen["colour"], 0),
    ]


def _one_of(things: Sequence[Any], generator: np.random.Generator) -> Any:
    return things[int(generator.integers(0, len(things)))]
