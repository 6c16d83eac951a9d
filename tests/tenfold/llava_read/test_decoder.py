"""The small decoder: what comes later changes nothing before, the cache changes nothing, padding changes nothing."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForCausalLM

from tenfold.llava_read.config import TinyDecoderConfig
from tenfold.llava_read.decoder import TinyDecoderForCausalLM


@pytest.fixture(scope="module")
def decoder():
    torch.manual_seed(0)
    config = TinyDecoderConfig(
        vocab_size=31, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        initializer_range=0.3,
    )  # fmt: skip
    return TinyDecoderForCausalLM(config).eval()


@pytest.fixture(scope="module")
def tokens():
    return torch.randint(3, 31, (2, 11), generator=torch.Generator().manual_seed(1))


@torch.inference_mode()
def test_later_tokens_change_no_earlier_logits(decoder, tokens):
    other = tokens.clone()
    other[:, 6:] = (other[:, 6:] + 5) % 31
    before, after = decoder(tokens).logits, decoder(other).logits
    assert torch.allclose(before[:, :6], after[:, :6], atol=1e-5)
    assert (before[:, 6:] - after[:, 6:]).abs().max() > 1e-2


@torch.inference_mode()
@pytest.mark.parametrize("parts", [[11], [1] * 11, [5, 1, 1, 4], [1, 10], [2, 9]])
def test_the_cache_gives_what_the_whole_gives(decoder, tokens, parts):
    whole = decoder(tokens).logits
    cache, found, start = None, [], 0
    for length in parts:
        out = decoder(tokens[:, start : start + length], past_key_values=cache, use_cache=True)
        cache, start = out.past_key_values, start + length
        found.append(out.logits)
    assert torch.allclose(torch.cat(found, dim=1), whole, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("gap", [1, 2, 7])
def test_padding_before_or_after_changes_nothing(decoder, tokens, gap):
    whole = decoder(tokens).logits
    filler, seen = torch.zeros(2, gap, dtype=torch.int64), torch.ones_like(tokens)
    before = decoder(torch.cat([filler, tokens], dim=1), attention_mask=torch.cat([filler, seen], dim=1)).logits
    after = decoder(torch.cat([tokens, filler], dim=1), attention_mask=torch.cat([seen, filler], dim=1)).logits
    assert torch.allclose(before[:, gap:], whole, atol=1e-4) and torch.allclose(after[:, :-gap], whole, atol=1e-4)
    assert torch.isfinite(before).all()


@torch.inference_mode()
def test_the_convolution_reaches_two_tokens_back_and_attention_the_rest():
    torch.manual_seed(0)
    config = TinyDecoderConfig(
        vocab_size=31, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2
    )
    decoder = TinyDecoderForCausalLM(config).eval()
    layer = decoder.layers[0]
    states = torch.randn(1, 6, 16)
    changed = states.clone()
    changed[:, 2] += 1
    moved = (layer._convolved(states, None) - layer._convolved(changed, None)).abs().amax(dim=(0, 2)) > 1e-6
    assert moved.tolist() == [False, False, True, True, True, False]


def test_embeddings_and_head_are_one_and_stay_one(decoder, tmp_path):
    decoder.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(again) is TinyDecoderForCausalLM
    assert again.lm_head.weight is again.embed_tokens.weight
    assert all(torch.equal(one, again.state_dict()[name]) for name, one in decoder.state_dict().items())


def test_the_loss_is_the_mean_over_labels_of_the_next_token(decoder, tokens):
    labels = tokens.clone()
    labels[:, :4] = -100
    out = decoder(tokens, labels=labels)
    expected = torch.nn.functional.cross_entropy(out.logits[:, 3:-1].flatten(0, 1), tokens[:, 4:].flatten())
    assert out.loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    "given", [{}, {"input_ids": torch.ones(1, 2, dtype=torch.int64), "inputs_embeds": torch.ones(1, 2, 16)}]
)
def test_it_reads_tokens_or_embeddings_and_not_both(decoder, given):
    with pytest.raises(ValueError, match="either input_ids or inputs_embeds"):
        decoder(**given)


@torch.inference_mode()
def test_beams_find_a_reply_at_least_as_likely(decoder, tokens):
    settings = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}

    def likelihood(found):
        chosen = decoder(found).logits[:, 10:-1].log_softmax(dim=-1).gather(2, found[:, 11:, None])
        return chosen.sum(dim=(1, 2))

    greedy, beams = (decoder.generate(tokens, num_beams=count, **settings) for count in (1, 4))
    assert (likelihood(beams) >= likelihood(greedy) - 1e-4).all()
