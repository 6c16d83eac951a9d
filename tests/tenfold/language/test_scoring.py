"""Options by likelihood: against a naive sum, and with a model that looks at places alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.chat import ContextTooLong, Message
from tenfold.language import EmptyAnswer, log_likelihoods, option_probabilities
from tenfold.language.scoring import letter_token


def ask(options):
    return [Message("user", "who? " + " ".join(f"({'ABCD'[n]}) {text}" for n, text in enumerate(options)))]


def naive(decoder, prompt, more) -> float:
    with torch.inference_mode():
        logits = decoder.model(input_ids=torch.tensor([[*prompt, *more]])).logits[0]
    chances = torch.log_softmax(logits, dim=-1)
    return float(sum(chances[len(prompt) + place - 1, token] for place, token in enumerate(more)))


def test_likelihoods_are_the_naive_sums(decoder):
    prompts = [decoder.prompt(ask(["x", "y"])), decoder.prompt(ask(["longer", "text", "here"])), [5, 6]]
    more = [[7], [8, 9, 10], [11, 12]]
    found = log_likelihoods(decoder, prompts, more, batch=3)
    assert found == pytest.approx([naive(decoder, *row) for row in zip(prompts, more, strict=True)], abs=1e-9)
    assert log_likelihoods(decoder, prompts, more, batch=1) == pytest.approx(found, abs=1e-9)


def test_probabilities_are_means_over_rotations(decoder):
    options = ["her", "him", "unknown"]
    (found,) = option_probabilities(decoder, [(ask, options)])
    expected = np.zeros(3)
    letters = [letter_token(decoder, place) for place in range(3)]
    for turn in range(3):
        turned = options[turn:] + options[:turn]
        scores = np.array([naive(decoder, decoder.prompt(ask(turned)), [letter]) for letter in letters])
        chances = np.exp(scores) / np.exp(scores).sum()
        for place, text in enumerate(turned):
            expected[options.index(text)] += chances[place] / 3
    assert found == pytest.approx(expected, abs=1e-9)
    both = option_probabilities(decoder, [(ask, options), (ask, ["a", "b"])], batch=2)
    assert both[0] == pytest.approx(found, abs=1e-9) and both[1].sum() == pytest.approx(1)


def test_a_model_that_knows_places_alone_has_no_preference(decoder, monkeypatch):
    """With one order it seems to have one."""
    seen = decoder.model.forward

    def by_place(**given):
        out = seen(**given)
        out.logits = torch.zeros_like(out.logits)
        out.logits[..., letter_token(decoder, 0)] = 3.0
        return out

    monkeypatch.setattr(decoder.model, "forward", by_place)
    options = ["her", "him", "unknown"]
    assert option_probabilities(decoder, [(ask, options)])[0] == pytest.approx([1 / 3] * 3)
    assert option_probabilities(decoder, [(ask, options)], rotations=False)[0][0] > 0.9


def test_what_cannot_be_scored_is_refused(decoder):
    with pytest.raises(EmptyAnswer):
        log_likelihoods(decoder, [[5]], [[]])
    with pytest.raises(ContextTooLong, match="101 tokens exceed the 96"):
        log_likelihoods(decoder, [[5] * 100], [[6]])
