"""Readers that are trained here as a chat backend: text in, text out; constrained to the options shown, or free.

What is asked again after a round begins with the same question: its memory is kept, and only what follows it is read.

Legend:  B conversations · T words · M words whose following word counts · W words of options
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
from jaxtyping import Float
from torch import Tensor

from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.debias.memory import Memory
from tenfold.debias.micro_prompts import question_and_rest, shown_options
from tenfold.debias.reader import Reader
from tenfold.debias.remembered import Question, Remembered, padded
from tenfold.debias.words import ANSWER, END
from tenfold.nn.pretrained import weights_sha256


@dataclass(frozen=True)
class _Scored:
    """The options that a text shows, with their log-likelihoods, and how many words were read and are replied."""

    options: list[str]
    scores: list[float]
    prompt: int
    words: list[int]


@dataclass(frozen=True)
class _Asked:
    """A text: the question that it begins with, and the numbers of the words after that, the answer's mark the last."""

    text: str
    question: Question
    rest: list[int]

    @property
    def length(self) -> int:
        return self.question.length + len(self.rest)


@dataclass(frozen=True)
class EmbeddedModel:
    """A reader that answers conversations in ``MicroPrompts``, ``batch`` of like length at a time.

    Constrained, it answers with an option that its last message shows, by the likelihood of all its words; ``free``,
    with whatever words it writes. A reply depends on its own conversation and seed alone, up to rounding. It keeps the
    memory of the latest questions, of ``kept_words`` words at most beside those of one batch: 1 to 2 KB a word.
    """

    reader: Reader
    name: str
    free: bool = False
    batch: int = 64
    window: int = 4096
    kept_words: int = 131072
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
            asked = {number: conversation[-1].text for number, conversation in window}
            if self.free:
                yield from self._written(asked, sampling)
                continue
            new = dict.fromkeys(text for text in asked.values() if text not in self._known)
            self._score([text for text in new if shown_options(text)])
            for number, text in asked.items():
                if text in self._known:
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

    @cached_property
    def _remembered(self) -> Remembered:
        return Remembered(self.reader, self.kept_words)

    def _batches(self, texts: Iterable[str]) -> Iterator[list[_Asked]]:
        """Yield what is asked in batches of like length, with the memory of the questions."""
        vocabulary = self.reader.vocabulary
        parts = {text: question_and_rest(text) for text in texts}
        ordered = sorted(parts, key=lambda text: (len(parts[text][0]), len(text)))
        for start in range(0, len(ordered), self.batch):
            batch = ordered[start : start + self.batch]
            questions = self._remembered.questions([parts[text][0] for text in batch])
            rests = [[*vocabulary.encode(parts[text][1]), vocabulary.number(ANSWER)] for text in batch]
            yield [_Asked(*one) for one in zip(batch, questions, rests, strict=True)]

    @torch.inference_mode()
    def _score(self, texts: Iterable[str]) -> None:
        """Keep the log-likelihood of every option, with its end, of texts that are new."""
        for batch in self._batches(texts):
            scores = iter(_option_scores(self.reader, [(one.question, one.rest) for one in batch]))
            for one in batch:
                shown, words = one.question.options, [len(said) for said in one.question.said]
                self._known[one.text] = _Scored(shown, [next(scores) for _ in shown], one.length, words)

    @torch.inference_mode()
    def _written(self, asked: Mapping[int, str], sampling: Sampling) -> Iterator[tuple[int, Reply]]:
        """Yield free replies, word by word until the end or ``max_tokens``."""
        numbers: dict[str, list[int]] = {}
        for number, text in asked.items():
            numbers.setdefault(text, []).append(number)
        for batch in self._batches(numbers):
            for one, row in zip(batch, self._words(batch, sampling), strict=True):
                ended = row[-1] == self._end
                text = self.reader.vocabulary.decode(row[:-1] if ended else row)
                reply = Reply(text, "stop" if ended else "length", one.length, len(row))
                yield from ((number, reply) for number in numbers[one.text])

    def _words(self, batch: Sequence[_Asked], sampling: Sampling) -> list[list[int]]:
        """Return the words of each reply, with the end where it is reached."""
        streams = [_stream(one.text, sampling) for one in batch]
        memory, rows = Memory.of([one.question.memory for one in batch]), [one.rest for one in batch]
        said: list[list[int]] = [[] for _ in batch]
        for _ in range(sampling.max_tokens):
            tokens, branches = padded(rows, 0, self.reader), padded([[0] * len(row) for row in rows], -1, self.reader)
            counts = (branches == 0).sum(dim=1)
            ends = torch.arange(tokens.shape[1], device=counts.device) == counts[:, None] - 1
            last, kept = self.reader.go_on(memory, tokens, branches, ends)
            memory = memory.grown(kept, counts)
            for row, word in zip(said, _drawn(self.reader.logits(last), streams, sampling.temperature), strict=True):
                if not row or row[-1] != self._end:
                    row.append(word)
            if all(row[-1] == self._end for row in said):
                break
            rows = [[row[-1]] for row in said]
        return said

    @property
    def _end(self) -> int:
        return self.reader.vocabulary.number(END)


def _option_scores(reader: Reader, asked: Sequence[tuple[Question, list[int]]]) -> list[float]:
    """Return the log-likelihood of each option of each question after the words that follow it: one pass for all.

    The options of a question are branches that go on from one end.
    """
    tokens: list[list[int]] = []
    branches: list[list[int]] = []
    heads: list[list[int]] = []  # 1 at words whose following word counts, M of them in all
    scored: list[tuple[int, int, int]] = []  # (number among the M, following word, number of the option)
    count = options = 0
    for question, rest in asked:
        words, branch, answer = list(rest), [0] * len(rest), count
        count += 1
        for number, said in enumerate(question.said, 1):
            sources = [answer, *range(count, count + len(said) - 1)]
            scored += [(source, word, options) for source, word in zip(sources, said, strict=True)]
            words += said[:-1]
            branch += [number] * (len(said) - 1)
            count += len(said) - 1
            options += 1
        tokens.append(words)
        branches.append(branch)
        heads.append([0] * (len(rest) - 1) + [1] * (len(words) - len(rest) + 1))
    memory = Memory.of([question.memory for question, _ in asked])
    wanted = padded(heads, 0, reader).bool()
    features, _ = reader.go_on(memory, padded(tokens, 0, reader), padded(branches, -1, reader), wanted)
    logits = reader.logits(features)  # (M, V)
    froms, following, numbers = torch.tensor(scored, device=features.device).unbind(1)
    likely = logits[froms, following] - logits.logsumexp(dim=-1)[froms]  # (W,)
    return likely.new_zeros(options).index_add(0, numbers, likely).tolist()


def _drawn(logits: Float[Tensor, "B V"], streams: Sequence[torch.Generator], temperature: float) -> list[int]:
    if temperature == 0:
        return [int(word) for word in logits.argmax(dim=-1)]
    chances = torch.softmax(logits.double().cpu() / temperature, dim=-1)
    return [int(torch.multinomial(row, 1, generator=stream)) for row, stream in zip(chances, streams, strict=True)]


def _stream(text: str, sampling: Sampling) -> torch.Generator:
    """Return the random stream of one conversation, from its text and the seed alone."""
    words = f"{sampling.seed or 0}\0{text}"
    return torch.Generator().manual_seed(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little") % 2**63)
