"""Greedy replies in batches, with a cache, are those of one prompt at a time without one."""

from __future__ import annotations

import pytest
import torch

from tenfold.llava_read.answering import greedy_replies
from tenfold.llava_read.errors import InvalidInputs
from tests.tenfold.llava_read.small_models import drawn_model, stirred


def oracle(model, tokens, pixels, end, longest):
    """Return the likeliest tokens by a full forward pass of the one prompt for each."""
    said: list[int] = []
    for _ in range(longest):
        row = torch.tensor([[*tokens, *said]])
        with torch.no_grad():
            logits = model(input_ids=row, **pixels).logits[0, -1]
        logits[model.config.image_token_id] = -torch.inf
        if int(logits.argmax()) == end:
            return said, True
        said.append(int(logits.argmax()))
    return said, False


@pytest.fixture
def prompts(processor, asked):
    return [processor.prompts([one]) for one in asked if "Two" not in str(one)]


def tokens_of(prompts):
    return [one["input_ids"][0].tolist() for one in prompts]


def pixels_of(prompts):
    return [{name: value for name, value in one.items() if name.startswith("pixel")} for one in prompts]


@pytest.fixture
def talkative(processor):
    """A model whose replies have several lengths: one of the prompts ends, others go on."""
    model = stirred(drawn_model())
    with torch.no_grad():
        model.language_model.lm_head.weight.mul_(3)
    return model


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_batches_with_a_cache_reply_as_one_prompt_without_one(batch, talkative, prompts):
    seen = pixels_of(prompts)
    wanted = [oracle(talkative, row, one, -1, 12) for row, one in zip(tokens_of(prompts), seen, strict=True)]
    end = wanted[0][0][4]  # a token that some reply holds ends it
    wanted = [oracle(talkative, row, one, end, 12) for row, one in zip(tokens_of(prompts), seen, strict=True)]

    def images(numbers):
        shown = [seen[number] for number in numbers if seen[number]]
        return {name: torch.cat([one[name] for one in shown]) for name in (shown[0] if shown else {})}

    found = greedy_replies(talkative, tokens_of(prompts), ends=frozenset([end]), longest=12, images=images, batch=batch)
    assert [(list(one.tokens), one.ended) for one in found] == wanted
    assert wanted[0][1], "one reply comes to its end, so that its row leaves the batch"


def test_rows_that_end_at_different_places_leave_the_others_as_they_are(processor):
    """What a cache keeps of rows includes the states of convolutions, which must leave with them."""
    model, generator = stirred(drawn_model()), torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in (one for one in model.language_model.layers.parameters() if one.dim() > 1):
            weight.add_(0.3 * torch.randn(weight.shape, generator=generator))
    asked = [
        processor.prompts([processor.messages("Which " * (number % 5 + 1) + letter)])
        for number, letter in enumerate("abcdefgh")
    ]
    free = [oracle(model, row, {}, -1, 12)[0] for row in tokens_of(asked)]
    end = free[7][2]
    wanted = [(row[: row.index(end)], True) if end in row else (row, False) for row in free]
    assert len({len(row) for row, ended in wanted if ended}) > 2 and not all(ended for _, ended in wanted)
    found = greedy_replies(model, tokens_of(asked), ends=frozenset([end]), longest=12)
    assert [(list(one.tokens), one.ended) for one in found] == wanted


def test_features_of_frozen_encoders_reply_as_pixels(talkative, prompts):
    one = prompts[0]
    seen = pixels_of([one])[0]
    with torch.no_grad():
        features = talkative.vision.encoded(seen["pixel_values_low"], seen["pixel_values_high"])
    ends = frozenset([1])
    pixels = greedy_replies(talkative, tokens_of([one]), ends=ends, longest=8, images=lambda _: seen)
    cached = greedy_replies(
        talkative, tokens_of([one]), ends=ends, longest=8, images=lambda _: {"image_features": features}
    )
    assert pixels == cached


def test_a_prompt_that_leaves_no_room_is_refused_before_anything_is_asked(model):
    with pytest.raises(InvalidInputs, match="prompt 1 has 2045 tokens; with a reply of 4 it must have 1 to 2048"):
        greedy_replies(model, [[5, 6], [7] * 2045], ends=frozenset([1]), longest=4)
    with pytest.raises(InvalidInputs, match="prompt 0 has 0 tokens"):
        greedy_replies(model, [[]], ends=frozenset([1]), longest=4)


def test_features_and_pixels_do_not_come_together(model, prompts):
    seen = pixels_of(prompts[:1])[0]
    features = model.vision.encoded(seen["pixel_values_low"], seen["pixel_values_high"])
    with pytest.raises(InvalidInputs, match="not as both"):
        model(input_ids=prompts[0]["input_ids"], image_features=features, **seen)
    with pytest.raises(InvalidInputs, match="another kind of merge"):
        model(input_ids=prompts[0]["input_ids"], image_features=(features[0], None))


@pytest.mark.parametrize("training", [True, False])
def test_a_failure_leaves_the_mode_of_the_model(model, training):
    model.train(training)

    def broken(numbers):
        raise KeyError("no image")

    with pytest.raises(KeyError):
        greedy_replies(model, [[5, 6]], ends=frozenset([1]), longest=4, images=broken)
    assert model.training is training
