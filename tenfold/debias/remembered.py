"""Questions that a reader has read once, so that what is asked after a round begins with their memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from tenfold.debias.memory import Row
from tenfold.debias.micro_prompts import shown_options
from tenfold.debias.reader import Reader
from tenfold.debias.words import END, PADDING


@dataclass(frozen=True)
class Question:
    """A question's memory, the options that it shows, and the numbers of their words with the end."""

    memory: Row
    options: list[str]
    said: list[list[int]]

    @property
    def length(self) -> int:
        """How many words were read."""
        return len(self.memory[0])


class Remembered:
    """The memory of the questions that were asked last; the oldest are forgotten beyond ``most`` words."""

    def __init__(self, reader: Reader, most: int) -> None:
        self.reader, self.most = reader, most
        self._known: dict[str, Question] = {}
        self._words = 0

    def questions(self, texts: Sequence[str]) -> list[Question]:
        """Return the questions that have these texts; those that are new are read, all at once."""
        self._read(text for text in dict.fromkeys(texts) if text not in self._known)
        found = [self._known[text] for text in texts]
        while self._words > self.most:
            oldest = next(iter(self._known))
            self._words -= self._known.pop(oldest).length
        return found

    def _read(self, texts: Iterable[str]) -> None:
        vocabulary = self.reader.vocabulary
        rows = {text: vocabulary.encode(text) for text in texts}
        if not rows:
            return
        tokens = padded(list(rows.values()), vocabulary.number(PADDING), self.reader)
        lengths = torch.tensor([len(row) for row in rows.values()], device=tokens.device)
        for text, memory in zip(rows, self.reader.remember(tokens, lengths).rows(), strict=True):
            options = shown_options(text)
            said = [[*vocabulary.encode(option), vocabulary.number(END)] for option in options]
            self._known[text] = Question(memory, options, said)
            self._words += len(rows[text])


def padded(rows: Sequence[list[int]], value: int, reader: Reader) -> Int[Tensor, "B T"]:
    """Return rows padded on the right, at least one wide, where the reader computes."""
    width = max(1, *map(len, rows))
    return torch.tensor([row + [value] * (width - len(row)) for row in rows], device=reader.embedding.weight.device)
