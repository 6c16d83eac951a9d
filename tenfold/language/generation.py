"""Replies of a decoder to many conversations: in batches, with a cache of keys and values, a random stream each.

Legend:  B rows of a batch · T tokens · V vocabulary
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import torch

from tenfold.chat.errors import ContextTooLong
from tenfold.chat.messages import Conversation, Failure, Reply, Sampling
from tenfold.language.decoder import Decoder, padded


@dataclass(frozen=True)
class LocalModel:
    """A decoder on this machine as a chat backend: of ``window`` conversations, those of like length share a ``batch``.

    A reply depends on its own conversation and seed alone, up to rounding: neither on its neighbours nor on ``batch``.
    """

    decoder: Decoder
    batch: int = 16
    window: int = 256

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "local", "model": self.decoder.name, "revision": self.decoder.revision}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations; one that is too long for the model is a failure that says by how much."""
        waiting = iter(calls)
        while window := list(islice(waiting, self.window)):
            rows: list[_Row] = []
            for number, conversation in window:
                try:
                    rows.append(_row(self.decoder, number, conversation, sampling))
                except ContextTooLong as error:
                    yield number, Failure(f"ContextTooLong: {error}")
            rows.sort(key=lambda row: len(row.prompt))
            for start in range(0, len(rows), self.batch):
                yield from _answer(self.decoder, rows[start : start + self.batch], sampling)


def generate(
    decoder: Decoder, conversations: Sequence[Conversation], sampling: Sampling, *, batch: int = 16
) -> list[Reply]:
    """Return a decoder's reply to each conversation, in order.

    Raises ContextTooLong before anything is generated.
    """
    rows = [_row(decoder, number, conversation, sampling) for number, conversation in enumerate(conversations)]
    rows.sort(key=lambda row: len(row.prompt))
    found: dict[int, Reply] = {}
    for start in range(0, len(rows), batch):
        found.update(_answer(decoder, rows[start : start + batch], sampling))
    return [found[number] for number in range(len(conversations))]


@dataclass
class _Row:
    number: int
    prompt: list[int]
    stream: torch.Generator | None
    said: list[int] = field(default_factory=list)


def _row(decoder: Decoder, number: int, conversation: Conversation, sampling: Sampling) -> _Row:
    prompt = decoder.prompt(conversation)
    if len(prompt) + sampling.max_tokens > decoder.context:
        raise ContextTooLong(
            f"{len(prompt)} tokens and {sampling.max_tokens} of a reply exceed the {decoder.context} of {decoder.name}"
        )
    stream = None
    if sampling.temperature > 0:
        words = f"{sampling.seed or 0}\0{' '.join(map(str, prompt))}"
        seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:8], "little") % 2**63
        stream = torch.Generator().manual_seed(seed)
    return _Row(number, prompt, stream)


@torch.inference_mode()
def _answer(decoder: Decoder, rows: list[_Row], sampling: Sampling) -> Iterator[tuple[int, Reply]]:
    """Yield the replies of one batch, each when its row has ended; a row that has ended costs nothing more."""
    tokens, mask, _ = padded(decoder, [row.prompt for row in rows])
    cache: Any = None
    rows = list(rows)
    while rows:
        positions = mask.cumsum(dim=1).sub(1).clamp(min=0)[:, -tokens.shape[1] :]  # (B, T): padding counts for nothing
        out = decoder.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        cache = out.past_key_values
        drawn = [
            _draw(logits, row.stream, sampling) for logits, row in zip(out.logits[:, -1].float(), rows, strict=True)
        ]
        staying = []
        for place, (row, token) in enumerate(zip(rows, drawn, strict=True)):
            reply = _ended(decoder, row, token, sampling)
            if reply is None:
                staying.append(place)
            else:
                yield row.number, reply
        if len(staying) < len(rows):
            rows = [rows[place] for place in staying]
            kept = torch.tensor(staying, device=mask.device, dtype=torch.int64)
            mask = mask[kept]
            cache.batch_select_indices(kept)
        if rows:
            tokens = torch.tensor([[row.said[-1]] for row in rows], device=mask.device)
            mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)


def _ended(decoder: Decoder, row: _Row, token: int, sampling: Sampling) -> Reply | None:
    """Add a token to a row; return its reply if that ends it."""
    counted = len(row.said) + 1
    if token in decoder.ends:
        return Reply(decoder.tokenizer.decode(row.said, skip_special_tokens=True), "stop", len(row.prompt), counted)
    row.said.append(token)
    text = decoder.tokenizer.decode(row.said, skip_special_tokens=True) if sampling.stop else ""
    places = [text.index(word) for word in sampling.stop if word in text]
    if places:
        return Reply(text[: min(places)], "stop", len(row.prompt), counted)
    if counted == sampling.max_tokens:
        return Reply(decoder.tokenizer.decode(row.said, skip_special_tokens=True), "length", len(row.prompt), counted)
    return None


def _draw(logits: torch.Tensor, stream: torch.Generator | None, sampling: Sampling) -> int:
    """Return one token from logits (V,): the likeliest, or one drawn from the smallest set that holds ``top_p``."""
    if stream is None:
        return int(logits.argmax())
    chances = torch.softmax(logits.double().cpu() / sampling.temperature, dim=-1)
    if sampling.top_p < 1:
        ordered, places = chances.sort(descending=True)
        beyond = ordered.cumsum(dim=0) - ordered >= sampling.top_p
        chances = chances.clone()
        chances[places[beyond]] = 0
    return int(torch.multinomial(chances, 1, generator=stream))
