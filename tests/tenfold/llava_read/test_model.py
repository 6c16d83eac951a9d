"""The whole model: batches, caches and folders change nothing, labels count answers alone, mismatches are refused."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModel

from tenfold.language.errors import EmptyAnswer
from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.multimodal import PlaceholderMismatch
from tests.tenfold.llava_read.small_models import drawn_model, stirred

GREEDY = {"max_new_tokens": 8, "do_sample": False}


def answered(processor, conversations, answer="Total   9.50"):
    return [[*one, {"role": "assistant", "content": answer}] for one in conversations]


def test_a_batch_is_answered_as_each_alone(model, processor, asked):
    stirred(model)
    together = model.generate(**processor.prompts(asked), **GREEDY)[:, -8:]
    assert len({tuple(row.tolist()) for row in together}) > 1
    for row, one in zip(together, asked, strict=True):
        alone = model.generate(**processor.prompts([one]), **GREEDY)[0, -8:]
        assert alone.tolist() == row.tolist()


def test_the_cache_changes_no_reply(model, processor, asked):
    stirred(model)
    prompts = processor.prompts(asked)
    cached = model.generate(**prompts, **GREEDY)
    assert torch.equal(cached, model.generate(**prompts, **GREEDY, use_cache=False))


@torch.inference_mode()
def test_the_cache_gives_the_full_forward_logits(model, processor, asked):
    stirred(model)
    prompts = processor.prompts(asked)
    out = model.generate(**prompts, **GREEDY, output_logits=True, return_dict_in_generate=True, eos_token_id=None)
    mask = torch.ones_like(out.sequences)
    mask[:, : prompts["attention_mask"].shape[1]] = prompts["attention_mask"]
    again = model(**(dict(prompts) | {"input_ids": out.sequences, "attention_mask": mask})).logits[:, -9:-1]
    assert torch.allclose(torch.stack(out.logits, dim=1), again, atol=1e-3)


def test_a_reply_ends_with_the_end_of_text(model, processor, asked):
    end = processor.tokenizer.eos_token_id
    head = model.language_model.lm_head
    model.language_model.lm_head = torch.nn.Linear(head.in_features, head.out_features)
    with torch.no_grad():
        model.language_model.lm_head.weight.zero_()
        model.language_model.lm_head.bias.zero_()[end] = 1
    assert model.generate(**processor.prompts(asked[:1]), **GREEDY)[0, -1] == end
    assert model.generate(**processor.prompts(asked[:1]), **GREEDY).shape[1] == 1 + len(
        processor.prompts(asked[:1])["input_ids"][0]
    )


def test_no_reply_holds_a_placeholder(model, processor, asked):
    image = model.config.image_token_id
    model.language_model.lm_head = torch.nn.Linear(32, model.config.text_config.vocab_size)
    with torch.no_grad():
        model.language_model.lm_head.weight.zero_()
        model.language_model.lm_head.bias[image] = 99
    prompts = processor.prompts(asked)
    reply = model.generate(**prompts, **GREEDY)[:, prompts["input_ids"].shape[1] :]
    assert (reply != image).all()


@pytest.mark.parametrize("merge", ["none", "sum", "gated"])
def test_a_folder_gives_the_same_model(merge, processor, asked, tmp_path):
    model = stirred(drawn_model(merge=merge))
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    again = AutoModel.from_pretrained(tmp_path)
    assert type(again) is LlavaReadForConditionalGeneration and not again.training
    assert again.config.merge == merge and again.generation_config.suppress_tokens == [model.config.image_token_id]
    own = model.state_dict()
    assert all(torch.equal(one, own[name]) for name, one in again.state_dict().items()) and len(own) == len(
        again.state_dict()
    )
    batch = dict(processor.supervised(answered(processor, asked)))
    if merge == "none":
        del batch["pixel_values_high"]
    with torch.inference_mode():
        assert torch.equal(model(**batch).logits, again(**batch).logits)


def test_the_loss_counts_the_answers_alone_and_images_reach_it(model, processor, asked):
    batch = processor.supervised(answered(processor, asked))
    out = model(**batch)
    kept = batch["labels"][:, 1:] != -100
    expected = torch.nn.functional.cross_entropy(out.logits[:, :-1][kept], batch["labels"][:, 1:][kept])
    assert out.loss.item() == pytest.approx(expected.item(), rel=1e-5) and out.loss > 0
    out.loss.backward()
    for name in ("vision.low.patches.weight", "vision.high.stages.0.0.weight", "projector.0.weight"):
        assert model.get_parameter(name).grad.abs().max() > 0, name
    assert out.image_hidden_states.shape == (4, 16, 32)


def test_a_row_without_an_answer_is_refused_instead_of_a_loss_of_nothing(model, processor, asked):
    batch = processor.supervised(answered(processor, asked))
    batch["labels"][2] = -100
    with pytest.raises(EmptyAnswer, match="row 2"):
        model(**batch)


def test_placeholders_and_images_that_do_not_fit_are_refused_with_both_numbers(model, processor, asked):
    batch = dict(processor.prompts(asked[:1]))
    short = {name: one[:, 1:] if name in ("input_ids", "attention_mask") else one for name, one in batch.items()}
    image = (batch["input_ids"][0] == model.config.image_token_id).nonzero()[0, 0]
    short["input_ids"] = torch.cat([batch["input_ids"][:, :image], batch["input_ids"][:, image + 1 :]], dim=1)
    with pytest.raises(PlaceholderMismatch, match="15 image placeholders for 16 image features"):
        model(**short)
    with pytest.raises(PlaceholderMismatch, match="16 image placeholders for 0 image features"):
        model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])


def test_inputs_of_one_kind_alone_are_refused(model, processor, asked):
    batch = dict(processor.prompts(asked[:1]))
    low = batch.pop("pixel_values_low")
    with pytest.raises(InvalidInputs, match="come with the same images of low"):
        model(**batch)
    with pytest.raises(InvalidInputs, match="needs input_ids"):
        model(pixel_values_low=low)


def test_without_images_it_is_its_decoder(model, processor, asked):
    batch = processor.prompts(asked[3:])
    assert set(batch) == {"input_ids", "attention_mask"}
    with torch.inference_mode():
        assert torch.equal(model(**batch).logits, model.language_model(**batch).logits)


def test_the_seed_alone_says_what_is_drawn():
    first, second = drawn_model(), drawn_model()
    assert all(torch.equal(one, second.state_dict()[name]) for name, one in first.state_dict().items())
    adapter = first.vision.adapters["1"]
    assert not adapter.low_out.weight.any() and not adapter.high_out.weight.any()
    assert adapter.high_in.weight.any() and first.projector[0].weight.std() > 0.01


def test_it_learns_one_batch_by_heart(model, processor, asked):
    model.train()
    batch = processor.supervised(answered(processor, asked[:2], "9.50"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


@pytest.mark.parametrize("more", [{"num_return_sequences": 2, "do_sample": True}, {"num_beams": 2, "do_sample": False}])
@pytest.mark.parametrize("use_cache", [True, False])
def test_rows_that_are_repeated_keep_their_own_images(model, processor, asked, monkeypatch, more, use_cache):
    """With two images in a row, every copy of a row has both, and no other row's."""
    stirred(model)
    prompts = processor.prompts(asked)
    seen = []
    encode = model.encode_images
    monkeypatch.setattr(model, "encode_images", lambda low, high: seen.append((low, high)) or encode(low, high))
    model.generate(**prompts, **more, max_new_tokens=2, use_cache=use_cache, eos_token_id=None)
    order = [0, 0, 1, 1, 2, 3, 2, 3]  # rows have one, one, two and no images
    for low, high in seen:
        assert torch.equal(low, prompts["pixel_values_low"][order])
        assert torch.equal(high, prompts["pixel_values_high"][order])
    assert len(seen) == (1 if use_cache else 2)


def test_features_are_generated_from_as_pixels_are(model, processor, asked):
    stirred(model)
    prompts = dict(processor.prompts(asked))
    pixels = [prompts.pop(name) for name in ("pixel_values_low", "pixel_values_high")]
    with torch.inference_mode():
        features = model.vision.encoded(*pixels)
    given = dict(zip(("pixel_values_low", "pixel_values_high"), pixels, strict=True))
    for more in ({}, {"num_beams": 2}):
        found = model.generate(**prompts, image_features=features, **GREEDY, **more)
        assert torch.equal(found, model.generate(**prompts, **given, **GREEDY, **more))


def test_repeated_rows_whose_placeholders_fit_no_images_are_refused(model, processor, asked):
    prompts = dict(processor.prompts(asked))
    prompts["pixel_values_low"], prompts["pixel_values_high"] = (
        prompts[name][:3] for name in ("pixel_values_low", "pixel_values_high")
    )
    with pytest.raises(InvalidInputs, match=r"placeholders in rows do not fit 3 images"):
        model.generate(**prompts, **GREEDY, num_beams=2)


def test_a_placeholder_without_its_image_is_refused_after_a_cache_too(model, processor, asked):
    begun = model(**processor.prompts(asked[3:]), use_cache=True)
    more = torch.tensor([[5, model.config.image_token_id]])
    with pytest.raises(PlaceholderMismatch, match="1 image placeholders for 0 image features"):
        model(input_ids=more, past_key_values=begun.past_key_values, use_cache=True)
