"""Readers that are trained here as a chat backend: text in, text out; constrained to the options shown, or free.

Legend:  B conversations · O options · T words · L words of the longest option
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.debias.micro_prompts import options_in
from tenfold.debias.reader import Memory, Reader
from tenfold.debias.words import ANSWER, END, PADDING
from tenfold.nn.pretrained import weights_sha256


@dataclass(frozen=True)
class _Scored:
    """The options that a text shows, with their log-likelihoods, and how many words were read and are replied."""

    options: list[str]
    scores: list[float]
    prompt: int
    words: list[int]


@dataclass(frozen=True)
class EmbeddedModel:
    """A reader that answers conversations in ``MicroPrompts``, ``batch`` of like length at a time.

    Constrained, it answers with an option that its last message shows, by the likelihood of all its words; ``free``,
    with whatever words it writes. A reply depends on its own conversation and seed alone, up to rounding.
    """

    reader: Reader
    name: str
    free: bool = False
    batch: int = 64
    window: int = 4096
    _known: dict[str, _Scored] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def load(cls, folder: Path, name: str, *, free: bool = False) -> EmbeddedModel:
        """Return the reader that a folder holds. Raises InvalidModel."""
        return cls(Reader.load(folder), name, free)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the reader's weights."""
        return weights_sha256(self.reader)

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "embedded", "model": self.name, "revision": self.digest, "free": self.free}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations; constrained, one that shows no options is a failure."""
        waiting = iter(calls)
        while window := list(islice(waiting, self.window)):
            asked = {number: (conversation[-1].text, options_in(conversation)) for number, conversation in window}
            if self.free:
                yield from self._written({number: text for number, (text, _) in asked.items()}, sampling)
                continue
            self._score({text: options for text, options in asked.values() if options and text not in self._known})
            for number, (text, options) in asked.items():
                if options:
                    yield number, self._chosen(text, sampling)
                else:
                    yield number, Failure('NoOptions: the last message must begin with "[options] a | b"')

    def _chosen(self, text: str, sampling: Sampling) -> Reply:
        """Return the likeliest option, or one drawn by likelihood to the power of 1 / temperature."""
        known = self._known[text]
        if sampling.temperature == 0:
            place = max(range(len(known.scores)), key=known.scores.__getitem__)
        else:
            chances = torch.softmax(torch.tensor(known.scores).double() / sampling.temperature, dim=0)
            place = int(torch.multinomial(chances, 1, generator=_stream(text, sampling)))
        return Reply(known.options[place], "stop", known.prompt, known.words[place])

    def _prompt(self, text: str) -> list[int]:
        vocabulary = self.reader.vocabulary
        return [*vocabulary.encode(text), vocabulary.number(ANSWER)]

    def _reply(self, option: str) -> list[int]:
        vocabulary = self.reader.vocabulary
        return [*vocabulary.encode(option), vocabulary.number(END)]

    def _batches(self, prompts: Mapping[Any, list[int]]) -> Iterator[list[Any]]:
        names = sorted(prompts, key=lambda name: len(prompts[name]))
        for start in range(0, len(names), self.batch):
            yield names[start : start + self.batch]

    @torch.inference_mode()
    def _score(self, asked: Mapping[str, list[str]]) -> None:
        """Keep the log-likelihood of every option, with its end, of texts that are new."""
        prompts = {text: self._prompt(text) for text in asked}
        for texts in self._batches(prompts):
            tokens, known = self._padded([prompts[text] for text in texts], left=True)
            features, memory = self.reader.read(tokens, known)
            first = self.reader.logits(features[:, -1]).log_softmax(dim=-1)  # (B, V)
            rows = torch.tensor([row for row, text in enumerate(texts) for _ in asked[text]], device=tokens.device)
            options = [option for text in texts for option in asked[text]]
            said = [self._reply(option) for option in options]
            scores = iter(self._option_scores(first[rows], memory.select(rows), said).tolist())
            words = iter(map(len, said))
            for text in texts:
                shown = asked[text]
                found = [next(scores) for _ in shown], len(prompts[text]), [next(words) for _ in shown]
                self._known[text] = _Scored(shown, *found)

    def _option_scores(self, first: Float[Tensor, "N V"], memory: Memory, said: list[list[int]]) -> Float[Tensor, " N"]:
        """Return the log-likelihood of each option after its prompt, from the scores of its first word on."""
        tokens, known = self._padded(said, left=False)  # (N, L)
        features, _ = self.reader.read(tokens[:, :-1], known[:, :-1], memory)
        following = self.reader.logits(features).log_softmax(dim=-1)  # (N, L − 1, V)
        scores = torch.cat([first[:, None], following], dim=1).gather(2, tokens[..., None])[..., 0]
        return (scores * known).sum(dim=1)

    @torch.inference_mode()
    def _written(self, asked: Mapping[int, str], sampling: Sampling) -> Iterator[tuple[int, Reply]]:
        """Yield free replies, word by word until the end or ``max_tokens``."""
        prompts = {number: self._prompt(text) for number, text in asked.items()}
        end = self.reader.vocabulary.number(END)
        for numbers in self._batches(prompts):
            tokens, known = self._padded([prompts[number] for number in numbers], left=True)
            streams = [_stream(asked[number], sampling) for number in numbers]
            said: list[list[int]] = [[] for _ in numbers]
            memory = None
            for _ in range(sampling.max_tokens):
                features, memory = self.reader.read(tokens, known, memory)
                drawn = _drawn(self.reader.logits(features[:, -1]), streams, sampling.temperature)
                for row, word in zip(said, drawn, strict=True):
                    if not row or row[-1] != end:
                        row.append(word)
                if all(row[-1] == end for row in said):
                    break
                tokens = torch.tensor([[row[-1]] for row in said], device=tokens.device)
                known = torch.ones_like(tokens, dtype=torch.bool)
            for number, row in zip(numbers, said, strict=True):
                ended = row[-1] == end
                text = self.reader.vocabulary.decode(row[:-1] if ended else row)
                yield number, Reply(text, "stop" if ended else "length", len(prompts[number]), len(row))

    def _padded(self, rows: list[list[int]], *, left: bool) -> tuple[Int[Tensor, "B T"], Bool[Tensor, "B T"]]:
        """Return rows of words padded on one side, and where the words are."""
        device = self.reader.embedding.weight.device
        longest, padding = max(map(len, rows)), self.reader.vocabulary.number(PADDING)
        filled = [[padding] * (longest - len(row)) for row in rows]
        tokens = [fill + row if left else row + fill for fill, row in zip(filled, rows, strict=True)]
        lengths = torch.tensor([len(row) for row in rows], device=device)[:, None]
        places = torch.arange(longest, device=device)
        known = places >= longest - lengths if left else places < lengths
        return torch.tensor(tokens, device=device), known


def _drawn(logits: Float[Tensor, "B V"], streams: Sequence[torch.Generator], temperature: float) -> list[int]:
    if temperature == 0:
        return [int(word) for word in logits.argmax(dim=-1)]
    chances = torch.softmax(logits.double().cpu() / temperature, dim=-1)
    return [int(torch.multinomial(row, 1, generator=stream)) for row, stream in zip(chances, streams, strict=True)]


def _stream(text: str, sampling: Sampling) -> torch.Generator:
    """Return the random stream of one conversation, from its text and the seed alone."""
    words = f"{sampling.seed or 0}\0{text}"
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little") % 2**63)
