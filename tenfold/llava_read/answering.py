"""Greedy replies to many prompts: in batches of like length, with a cache of keys and values.

Legend:  B prompts of a batch · T tokens
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.model import LlavaReadForConditionalGeneration

Seen = Callable[[Sequence[int]], dict[str, Any]]


@dataclass(frozen=True)
class GreedyReply:
    """The tokens of a reply without its end, and whether it came to its end."""

    tokens: tuple[int, ...]
    ended: bool


def greedy_replies(
    model: LlavaReadForConditionalGeneration,
    prompts: Sequence[Sequence[int]],
    *,
    ends: frozenset[int],
    longest: int,
    images: Seen | None = None,
    batch: int = 32,
) -> list[GreedyReply]:
    """Return the likeliest next tokens of each prompt, one after the other, until its end or ``longest`` tokens.

    ``images`` returns what ``model.forward`` takes of the images of prompts, given their numbers in the order of the
    batch: pixels, or the features of frozen encoders. A reply depends on its own prompt alone, up to rounding; a row
    that has ended costs nothing more. Raises InvalidInputs for an empty prompt, and one that is too long to reply to.
    """
    text: Any = model.config.text_config
    context = int(getattr(text, "max_position_embeddings", None) or 2**31)
    for number, prompt in enumerate(prompts):
        if not prompt or len(prompt) + longest > context:
            raise InvalidInputs(
                f"prompt {number} has {len(prompt)} tokens; with a reply of {longest} it must have 1 to {context}"
            )
    order = sorted(range(len(prompts)), key=lambda number: (len(prompts[number]), number))
    found: dict[int, GreedyReply] = {}
    training = model.training
    model.eval()
    try:
        for start in range(0, len(order), batch):
            numbers = order[start : start + batch]
            seen = {} if images is None else images(numbers)
            rows = _batch_replies(model, [prompts[number] for number in numbers], seen, ends, longest)
            found.update(zip(numbers, rows, strict=True))
    finally:
        model.train(training)
    return [found[number] for number in range(len(prompts))]


@torch.inference_mode()
def _batch_replies(
    model: Any, prompts: Sequence[Sequence[int]], seen: dict[str, Any], ends: frozenset[int], longest: int
) -> list[GreedyReply]:
    tokens, mask = _padded_left(prompts, min(ends, default=0), model.device)
    suppressed = list(model.generation_config.suppress_tokens or [])
    said: list[list[int]] = [[] for _ in prompts]
    ended = [False] * len(prompts)
    rows, cache = list(range(len(prompts))), None
    for _ in range(longest):
        positions = mask.cumsum(dim=1).sub(1).clamp(min=0)[:, -tokens.shape[1] :]  # (B, T): padding counts for nothing
        out = model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
            **(seen if cache is None else {}),
        )
        cache, logits = out.past_key_values, out.logits[:, -1].float()
        logits[:, suppressed] = -torch.inf
        staying = []
        for place, (row, token) in enumerate(zip(rows, logits.argmax(dim=-1).tolist(), strict=True)):
            if token in ends:
                ended[row] = True
            else:
                said[row].append(token)
                staying.append(place)
        if not staying:
            break
        if len(staying) < len(rows):
            rows = [rows[place] for place in staying]
            kept = torch.tensor(staying, device=mask.device)
            mask = mask[kept]
            cache.reorder_cache(kept)  # batch_select_indices leaves the states of convolutions as they are
        tokens = torch.tensor([[said[row][-1]] for row in rows], device=mask.device)
        mask = torch.cat([mask, mask.new_ones(len(rows), 1)], dim=1)
    return [GreedyReply(tuple(tokens), end) for tokens, end in zip(said, ended, strict=True)]


def _padded_left(prompts: Sequence[Sequence[int]], filler: int, device: Any) -> tuple[torch.Tensor, torch.Tensor]:
    widest = max(map(len, prompts))
    tokens = torch.full((len(prompts), widest), filler, dtype=torch.int64)
    mask = torch.zeros_like(tokens)
    for place, prompt in enumerate(prompts):
        tokens[place, widest - len(prompt) :] = torch.tensor(list(prompt))
        mask[place, widest - len(prompt) :] = 1
    return tokens.to(device), mask.to(device)
