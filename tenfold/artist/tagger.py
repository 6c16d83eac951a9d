"""The keyword tagger: which words of a prompt are to be written on the image, by a one-layer GRU over its words.

It knows the words of the templates and takes all others for one, so that it has to go by what stands around a word.
It is trained on captions from `tenfold.artist.captions` and stands in for a language model where there is none.

Legend:  B prompts of a batch · N prompts · T words of the longest · V known words
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.artist.captions import KINDS, MARKS, PLACES, SUBJECTS, TEMPLATES, WITHOUT_WORDS, Caption
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.fitting import fit
from tenfold.nn.pretrained import Pretrained
from tenfold.nn.seeding import seeded
from tenfold.text.normalise import APOSTROPHES

TOKEN = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
WORD = re.compile(r"\w")
PADDING, UNKNOWN = 0, 1
LONGEST = 77  # words that are looked at; a longer prompt is refused


class PromptTooLong(ValueError):
    """A prompt has more words than the tagger looks at."""


def known_words() -> tuple[str, ...]:
    """Return the words and marks of the templates, in alphabetical order."""
    texts = [text.replace("{", " ").replace("}", " ") for text in (*TEMPLATES, *WITHOUT_WORDS)]
    marks = "".join(left + right for left, right in MARKS.values())
    found = {word.lower() for text in (*texts, *SUBJECTS, *PLACES, *KINDS, *marks) for word in TOKEN.findall(text)}
    return tuple(sorted(found - {"kind", "subject", "place"}))


@dataclass(frozen=True)
class TaggerConfig:
    """Known words, the width of their vectors, and that of the GRU in each direction. Raises InvalidConfig."""

    words: tuple[str, ...] = ()
    width: int = 24
    hidden: int = 32

    def __post_init__(self) -> None:
        if min(self.width, self.hidden) < 1:
            raise InvalidConfig(f"all sizes of a tagger are at least 1: width {self.width}, hidden {self.hidden}")

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        return {**asdict(self), "words": list(self.words)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return what ``to_dict`` gave."""
        return cls(tuple(values["words"]), int(values["width"]), int(values["hidden"]))


class KeywordTagger(Pretrained):
    """A GRU that reads a prompt from both ends and says of each word whether it is to be written on the image."""

    Config: ClassVar[type] = TaggerConfig

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config = config
        self.numbers = {word: number for number, word in enumerate(config.words, UNKNOWN + 1)}
        self.embedding = nn.Embedding(len(config.words) + 2, config.width, padding_idx=PADDING)
        self.gru = nn.GRU(config.width, config.hidden, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * config.hidden, 1)

    def forward(self, tokens: Int[Tensor, "B T"]) -> Float[Tensor, "B T"]:
        """Return the logit of each word; 0 pads. What stands after the last word does not count."""
        lengths = (tokens != PADDING).sum(dim=1).clamp(min=1).cpu()
        vectors = self.embedding(tokens)  # (B, T, width)
        packed = nn.utils.rnn.pack_padded_sequence(vectors, lengths, batch_first=True, enforce_sorted=False)
        states, _ = nn.utils.rnn.pad_packed_sequence(
            self.gru(packed)[0], batch_first=True, total_length=tokens.shape[1]
        )
        return self.head(states)[..., 0]

    def encoded(self, prompt: str) -> tuple[list[int], list[tuple[int, int]]]:
        """Return the number of each word or mark of a prompt, and where it stands.

        Raises PromptTooLong above 77 of them.
        """
        found = list(TOKEN.finditer(prompt))
        if len(found) > LONGEST:
            raise PromptTooLong(f"a prompt of {len(found)} words and marks; the tagger takes {LONGEST}: shorten it")
        numbers = [self.numbers.get(match.group().lower(), UNKNOWN) for match in found]
        return numbers, [match.span() for match in found]

    @torch.inference_mode()
    def keywords(self, prompts: Sequence[str], *, threshold: float = 0.5) -> list[list[str]]:
        """Return the words of each prompt that are to be written, in order and lower case; an empty list for none.

        Raises PromptTooLong.
        """
        self.eval()
        rows: list[list[str]] = []
        for prompt in prompts:
            numbers, spans = self.encoded(prompt)
            if not numbers:
                rows.append([])
                continue
            chances = self(torch.tensor([numbers])).sigmoid()[0].tolist()
            words = (
                prompt[start:end] for chance, (start, end) in zip(chances, spans, strict=True) if chance >= threshold
            )
            rows.append([word.translate(APOSTROPHES).lower() for word in words if WORD.search(word)])
        return rows


def train_tagger(
    captions: Sequence[Caption],
    *,
    seed: int,
    updates: int = 400,
    batch_size: int = 64,
    learning_rate: float = 1e-2,
    forgotten: float = 0.15,
) -> tuple[KeywordTagger, list[float]]:
    """Return a tagger trained on captions, and the loss in nats per word of every update.

    A share ``forgotten`` of the known words is taken for unknown ones, others in every batch, so that unknown words
    around the wanted ones do not pass for these. Raises PromptTooLong, InvalidConfig, NotFinite.
    """
    model = seeded(KeywordTagger, TaggerConfig(known_words()), seed)
    tokens, labels = _arrays(model, captions)
    hidden = torch.Generator().manual_seed(seed + 1)
    model.train()

    def loss(chosen: Tensor) -> Tensor:
        batch, wanted = tokens[chosen], labels[chosen]
        forgot = (torch.rand(batch.shape, generator=hidden) < forgotten) & (batch != PADDING)
        batch = batch.masked_fill(forgot, UNKNOWN)
        losses = functional.binary_cross_entropy_with_logits(model(batch), wanted, reduction="none")
        counted = (batch != PADDING).float()
        return (losses * counted).sum() / counted.sum()

    losses = fit(
        list(model.parameters()),
        loss,
        len(captions),
        torch.Generator().manual_seed(seed),
        updates=updates,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=1e-3,
    )
    return model.eval(), losses


def _arrays(model: KeywordTagger, captions: Sequence[Caption]) -> tuple[Int[Tensor, "N T"], Float[Tensor, "N T"]]:
    """Return the numbers of words, 0 after the last, and 1 for each word that is wanted."""
    rows = [model.encoded(caption.text) for caption in captions]
    length = max(1, *(len(numbers) for numbers, _ in rows))
    tokens, labels = np.zeros((len(rows), length), np.int64), np.zeros((len(rows), length), np.float32)
    for number, (caption, (numbers, spans)) in enumerate(zip(captions, rows, strict=True)):
        first, last = caption.span
        wanted = np.array([first <= start and end <= last for start, end in spans], bool)
        tokens[number, : len(numbers)] = numbers
        labels[number, : len(numbers)] = wanted
    return torch.from_numpy(tokens), torch.from_numpy(labels)
