"""Options scored by their likelihood instead of by what a model writes, each seen at every place.

Small models answer with a letter by its place and not by what stands there; with every rotation of the options each
option has stood under each letter once, and the places' own part is the same for all.

Legend:  N options · P prompts · B rows of a batch · T tokens · V vocabulary
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float

from tenfold.chat.errors import ContextTooLong
from tenfold.chat.messages import Conversation
from tenfold.language.decoder import Decoder, padded
from tenfold.language.errors import DecoderMismatch, EmptyAnswer

Ask = Callable[[Sequence[str]], Conversation]  # from options in their order to the conversation that asks for one


@torch.inference_mode()
def log_likelihoods(
    decoder: Decoder, prompts: Sequence[Sequence[int]], continuations: Sequence[Sequence[int]], *, batch: int = 16
) -> Float[np.ndarray, " B"]:
    """Return the log-likelihood, in nats, of each continuation's tokens after its prompt's, summed over the tokens.

    Raises EmptyAnswer for a continuation or prompt without tokens, ContextTooLong beyond the model's context.
    """
    rows = [(list(prompt), list(more)) for prompt, more in zip(prompts, continuations, strict=True)]
    for prompt, more in rows:
        if not prompt or not more:
            raise EmptyAnswer("a prompt or an option has no tokens; leave it out")
        if len(prompt) + len(more) > decoder.context:
            raise ContextTooLong(f"{len(prompt) + len(more)} tokens exceed the {decoder.context} of {decoder.name}")
    order = sorted(range(len(rows)), key=lambda number: len(rows[number][0]) + len(rows[number][1]))
    found = np.empty(len(rows))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        found[chosen] = _scores(decoder, [rows[number] for number in chosen])
    return found


def option_probabilities(
    decoder: Decoder, questions: Sequence[tuple[Ask, Sequence[str]]], *, rotations: bool = True, batch: int = 16
) -> list[Float[np.ndarray, " N"]]:
    """Return each question's probabilities of its options, in their order, from the letters' likelihoods.

    ``ask`` puts the options under the letters A, B, … in the order that it is given. The letters' probabilities,
    among themselves, are averaged over all rotations of the options, or taken from the given order alone.
    Raises ContextTooLong.
    """
    prompts = [
        decoder.prompt(ask([*options[turn:], *options[:turn]]))
        for ask, options in questions
        for turn in range(len(options) if rotations else 1)
    ]
    following, found, at = _following(decoder, prompts, batch), [], 0
    for _, options in questions:
        letters = [letter_token(decoder, place) for place in range(len(options))]
        turns = len(options) if rotations else 1
        total = np.zeros(len(options))
        for turn in range(turns):
            own = following[at + turn][letters]
            chances = np.exp(own - own.max())
            total += np.roll(chances / chances.sum(), turn)  # place j holds option (j + turn) mod N
        at += turns
        found.append(total / turns)
    return found


def letter_token(decoder: Decoder, place: int) -> int:
    """Return the token of an option's letter as the first word of a reply.

    Raises DecoderMismatch if the tokenizer cuts letters up.
    """
    letter = chr(ord("A") + place)
    text = letter if decoder.tokenizer.chat_template else f" {letter}"
    tokens = decoder.tokenizer(text, add_special_tokens=False)["input_ids"]
    if len(tokens) != 1:
        raise DecoderMismatch(f"{decoder.name}: its tokenizer makes {len(tokens)} tokens of {text!r}, not one")
    return int(tokens[0])


@torch.inference_mode()
def _following(decoder: Decoder, prompts: Sequence[Sequence[int]], batch: int) -> Float[np.ndarray, "P V"]:
    """Return the scores of each token after each prompt."""
    for prompt in prompts:
        if len(prompt) + 1 > decoder.context:
            raise ContextTooLong(f"{len(prompt) + 1} tokens exceed the {decoder.context} of {decoder.name}")
    order = sorted(range(len(prompts)), key=lambda number: len(prompts[number]))
    found: list[np.ndarray] = [np.empty(0)] * len(prompts)
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        tokens, mask, positions = padded(decoder, [prompts[number] for number in chosen])
        logits = decoder.model(
            input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=1
        ).logits
        for number, row in zip(chosen, logits[:, -1].double().cpu().numpy(), strict=True):
            found[number] = row
    return np.stack(found)


def _scores(decoder: Decoder, rows: list[tuple[list[int], list[int]]]) -> np.ndarray:
    kept = max(len(more) for _, more in rows) + 1
    tokens, mask, positions = padded(decoder, [[*prompt, *more] for prompt, more in rows])
    logits = decoder.model(
        input_ids=tokens, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=kept
    ).logits
    chances = torch.log_softmax(logits[:, :-1].double(), dim=-1)  # (B, kept − 1, V): at t the token after t
    said = chances.gather(2, tokens[:, -kept + 1 :, None])[..., 0]  # (B, kept − 1)
    counted = torch.tensor([[0] * (kept - 1 - len(m)) + [1] * len(m) for _, m in rows], device=tokens.device)
    return (said * counted).sum(dim=1).cpu().numpy()
