"""A decoder that answers with nothing but a letter: one pass a question instead of one a token, always an answer.

What a small model says freely often names no option. Here the reply is held to ``Answer: X``; X is the likeliest of the
letters, or one that is drawn by their probabilities.

Legend:  B rows of a batch · N prompts · O letters · T tokens
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from tenfold.chat.errors import ContextTooLong
from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.language.decoder import Decoder
from tenfold.language.errors import DecoderMismatch
from tenfold.language.prefix_cache import BLOCK, PrefixCache

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
BEGINNING = "Answer:"


@dataclass(frozen=True)
class LetterModel:
    """A decoder on this machine as a chat backend whose every reply is ``Answer: X``, X one of so many ``letters``.

    Prompts that begin alike share the work, also between calls, as far as ``kept`` tokens are kept. Of the last
    ``remembered`` prompts the letters' probabilities are known, so that many samples of one prompt cost one pass. A
    reply depends on its own conversation and seed alone, up to rounding.
    """

    decoder: Decoder
    letters: int = 3
    batch: int = 16
    kept: PrefixCache = field(default_factory=PrefixCache, compare=False)
    remembered: int = 8192
    _known: OrderedDict[tuple[int, ...], np.ndarray] = field(default_factory=OrderedDict, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not 2 <= self.letters <= len(LETTERS):
            raise DecoderMismatch(f"letters = {self.letters}: must be between 2 and {len(LETTERS)}")

    def identity(self) -> Mapping[str, Any]:
        model = {"model": self.decoder.name, "revision": self.decoder.revision}
        return {"kind": "local, held to letters", "letters": self.letters, **model}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations; one that is too long for the model is a failure that says by how much."""
        waiting = iter(calls)
        while window := list(islice(waiting, 16 * self.batch)):
            numbers, prompts = [], []
            for number, conversation in window:
                try:
                    prompts.append(self._prompt(conversation))
                    numbers.append(number)
                except ContextTooLong as error:
                    yield number, Failure(f"ContextTooLong: {error}")
            for number, prompt, chances in zip(numbers, prompts, self._probabilities(prompts), strict=True):
                letter = LETTERS[_chosen(chances, prompt, sampling)]
                yield number, Reply(f"{BEGINNING} {letter}", "stop", len(prompt), 1)

    def probabilities(self, conversations: Sequence[Conversation]) -> Float[np.ndarray, "N O"]:
        """Return the letters' probabilities, among themselves, as the answer to each conversation.

        Raises ContextTooLong.
        """
        return self._probabilities([self._prompt(conversation) for conversation in conversations])

    def _prompt(self, conversation: Conversation) -> list[int]:
        prompt = [*self.decoder.prompt(conversation), *self._tokens[0]]
        if len(prompt) + 1 > self.decoder.context:
            raise ContextTooLong(
                f"{len(prompt)} tokens and 1 of a reply exceed the {self.decoder.context} of {self.decoder.name}"
            )
        return prompt

    @cached_property
    def _tokens(self) -> tuple[list[int], list[int]]:
        """The tokens that begin a reply, and those of the letters after them, with their space or without it."""
        for beginning, space in ((BEGINNING, " "), (f"{BEGINNING} ", "")):
            letters = [self._encoded(f"{space}{letter}") for letter in LETTERS[: self.letters]]
            if all(len(tokens) == 1 for tokens in letters):
                return self._encoded(beginning), [token for (token,) in letters]
        raise DecoderMismatch(f"{self.decoder.name}: its tokenizer has no single token for each letter")

    def _encoded(self, text: str) -> list[int]:
        return list(self.decoder.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _probabilities(self, prompts: Sequence[Sequence[int]]) -> Float[np.ndarray, "N O"]:
        keys = [tuple(prompt) for prompt in prompts]
        known = {key: self._known[key] for key in keys if key in self._known}
        missing = [key for key in dict.fromkeys(keys) if key not in known]
        known.update(zip(missing, self._read(missing), strict=True))
        for key in dict.fromkeys(keys):
            self._known[key] = known[key]
            self._known.move_to_end(key)
        while len(self._known) > self.remembered:
            self._known.popitem(last=False)
        return np.array([known[key] for key in keys]).reshape(len(keys), self.letters)

    def _read(self, prompts: Sequence[Sequence[int]]) -> Float[np.ndarray, "N O"]:
        found = np.empty((len(prompts), self.letters))
        left = list(range(len(prompts)))
        waited: dict[int, int] = {}
        while left:
            wave, left = self._wave(prompts, left, waited)
            for start in range(0, len(wave), self.batch):
                chosen = wave[start : start + self.batch]
                scores = self._following([prompts[number] for number in chosen])[:, self._tokens[1]]
                found[chosen] = torch.softmax(scores.double(), dim=1).cpu().numpy()
        return found

    def _wave(
        self, prompts: Sequence[Sequence[int]], left: list[int], waited: dict[int, int]
    ) -> tuple[list[int], list[int]]:
        """Return the prompts to be read now, those of like length together, and those that a kept block waits for.

        ``waited`` holds what was known of each when it last waited: one for which nothing was kept waits no more.
        """
        now: list[tuple[int, int]] = []
        waiting: list[int] = []
        read: set[tuple[int, ...]] = set()  # the beginnings, up to a block's end, that are read now
        for number in left:
            prompt, known = prompts[number], self.kept.known(prompts[number])
            shared = known + BLOCK < len(prompt) and tuple(prompt[: known + BLOCK]) in read
            if shared and waited.get(number, -1) < known <= self.kept.tokens - BLOCK:
                waited[number] = known
                waiting.append(number)
                continue
            now.append((len(prompt) - known, number))
            read.update(tuple(prompt[:end]) for end in range(known + BLOCK, len(prompt), BLOCK))
        return [number for _, number in sorted(now)], waiting

    @torch.inference_mode()
    def _following(self, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the scores (B, V) of each token after each prompt, and keep the prompts' keys and values."""
        from transformers import DynamicCache

        device = self.decoder.model.device
        lengths = [self.kept.known(prompt) for prompt in prompts]
        before = self.kept.before(prompts, lengths)
        cache = DynamicCache(config=self.decoder.model.config)
        for number, (keys, values) in enumerate(before or []):
            cache.update(keys.to(device), values.to(device), number)
        past = max(lengths)
        rows = [list(prompt[length:]) for prompt, length in zip(prompts, lengths, strict=True)]
        longest = max(map(len, rows))
        filler = min(self.decoder.ends, default=0)
        tokens = torch.tensor([[filler] * (longest - len(row)) + row for row in rows], device=device)
        mask = torch.tensor(
            [
                [0] * (past - length) + [1] * length + [0] * (longest - len(row)) + [1] * len(row)
                for row, length in zip(rows, lengths, strict=True)
            ],
            device=device,
        )
        positions = mask.cumsum(dim=1).sub(1).clamp(min=0)[:, past:]
        out = self.decoder.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        for number, prompt in enumerate(prompts):
            self.kept.keep(prompt, lengths[number], out.past_key_values, number)
        return out.logits[:, -1]


def _chosen(chances: np.ndarray, prompt: Sequence[int], sampling: Sampling) -> int:
    """Return the likeliest letter, or one drawn from the smallest set that holds ``top_p``, at the temperature."""
    if sampling.temperature == 0:
        return int(chances.argmax())
    warmed = np.exp(np.log(np.maximum(chances, 1e-300)) / sampling.temperature)
    warmed /= warmed.sum()
    order = np.argsort(-warmed, kind="stable")
    beyond = order[np.cumsum(warmed[order]) - warmed[order] >= sampling.top_p]
    warmed[beyond] = 0
    words = f"{sampling.seed or 0}\0{' '.join(map(str, prompt))}"
    stream = np.random.default_rng(int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little"))
    return int(stream.choice(len(warmed), p=warmed / warmed.sum()))
