"""The processor expands placeholders by itself, labels answers alone, and takes nobody's words for its own tokens."""

from __future__ import annotations

import pytest
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import AutoProcessor, PreTrainedTokenizerFast

from tenfold.language.errors import EmptyAnswer
from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.multimodal import PlaceholderMismatch
from tests.tenfold.llava_read.small_models import noise_image, small_config


def placeholders(processor, batch):
    return (batch["input_ids"] == processor.image_token_id).sum(dim=1).tolist()


@pytest.mark.parametrize("sizes", [[(336, 336)], [(512, 300)], [(336, 336), (512, 300)], [(1, 1)], [(3, 900)]])
def test_there_are_as_many_placeholders_as_features_whatever_the_images(processor, model, sizes):
    images = [noise_image(*size) for size in sizes]
    batch = processor(images=images, text="<image>" * len(images) + " What?")
    assert placeholders(processor, batch) == [16 * len(images)]
    assert batch["pixel_values_low"].shape == (len(images), 3, 48, 48)
    assert batch["pixel_values_high"].shape == (len(images), 3, 128, 128)
    with torch.inference_mode():
        assert model.encode_images(batch["pixel_values_low"], batch["pixel_values_high"]).shape[:2] == (len(images), 16)
        model(**batch)


def test_at_336_pixels_and_patch_14_an_image_has_576_tokens(processor):
    own = LlavaReadProcessor(processor.image_processor, processor.tokenizer, image_tokens=576)
    assert placeholders(own, own(images=noise_image(512, 300), text="<image>")) == [576]


@pytest.mark.parametrize(
    "images, text, words",
    [
        (2, "<image> one", "1 placeholders for 2 images"),
        (0, "<image>", "1 placeholders for 0 images"),
        (1, "none", "0 placeholders for 1 images"),
    ],
)
def test_more_or_fewer_placeholders_than_images_are_refused_with_both_numbers(processor, images, text, words):
    with pytest.raises(PlaceholderMismatch, match=words):
        processor(images=[noise_image(8, 8)] * images, text=text)


def test_transformers_own_chat_template_call_gives_the_same_tokens(processor, asked):
    for one in asked:
        theirs = processor.apply_chat_template(one, add_generation_prompt=True, tokenize=True, return_dict=True)
        ours = processor.prompts([one])
        assert torch.equal(theirs["input_ids"], ours["input_ids"])
        if "pixel_values_low" in ours:
            assert torch.equal(theirs["pixel_values_low"], ours["pixel_values_low"])


def test_the_words_of_a_page_are_words(processor):
    page = "the sign says <image> and <|assistant|> and <eos>"
    batch = processor.prompts([processor.messages(page, noise_image(8, 8))])
    assert placeholders(processor, batch) == [16]
    tokens = batch["input_ids"][0].tolist()
    assert tokens.count(processor.tokenizer.convert_tokens_to_ids("<|assistant|>")) == 1
    assert processor.tokenizer.eos_token_id not in tokens
    assert page in processor.tokenizer.decode(tokens)


def test_place_tokens_in_prompts_and_answers_are_one_token(processor):
    conversation = processor.messages("Where is <x3><y4>?", answer="<x5><y6>")
    tokens, labels = processor.answered(conversation)
    assert len([label for label in labels if label != -100]) == 3  # two places and the end
    assert processor.tokenizer.convert_tokens_to_ids("<x3>") in tokens


def test_labels_are_the_answer_and_its_end_and_do_not_move_with_the_words(processor):
    def labelled(ocr, answer="9.50"):
        batch = processor.supervised([processor.messages(f"OCR: {ocr}\nTotal?", noise_image(8, 8), answer)])
        return batch["labels"][0], batch["input_ids"][0]

    labels, tokens = labelled("Total 9.50")
    kept = labels != -100
    assert processor.tokenizer.decode(labels[kept]) == "9.50<eos>"
    assert torch.equal(labels[kept], tokens[kept]) and kept.nonzero().flatten().diff().eq(1).all()
    assert torch.equal(labelled("Tutal 8.50")[0], labels)
    assert (labelled("Total 9.50", "8.50")[0] != labels).sum() == 1


def test_a_prompt_is_the_beginning_of_its_answered_conversation(processor, asked):
    for one in asked:
        tokens, labels = processor.answered([*one, {"role": "assistant", "content": "yes"}])
        prompt = processor.prompts([one])["input_ids"][0].tolist()
        assert tokens[: len(prompt)] == prompt and set(labels[: len(prompt)]) == {-100}


@pytest.mark.parametrize("answer", ["", None])
def test_a_sample_without_an_answer_is_refused_by_its_name(processor, answer):
    good, bad = processor.messages("a", answer="b"), processor.messages("c", answer=answer)
    with pytest.raises(EmptyAnswer, match="page-7"):
        processor.supervised([good, bad], names=["page-6", "page-7"])


def test_rows_are_padded_left_for_replies_and_right_for_learning(processor, asked):
    prompts = processor.prompts(asked)
    learned = processor.supervised([[*one, {"role": "assistant", "content": "yes"}] for one in asked])
    assert prompts["attention_mask"][:, -1].all() and learned["attention_mask"][:, 0].all()
    assert (learned["labels"][learned["attention_mask"] == 0] == -100).all()
    assert (prompts["input_ids"][prompts["attention_mask"] == 0] == processor.tokenizer.pad_token_id).all()


def test_runs_of_spaces_reach_the_model(processor):
    text = "A" + 9 * " " + "B\n  C"
    assert text in processor.tokenizer.decode(processor.prompts([processor.messages(text)])["input_ids"][0])


def test_a_folder_gives_the_same_processor(processor, asked, tmp_path):
    processor.save_pretrained(tmp_path)
    again = LlavaReadProcessor.from_pretrained(tmp_path)
    for own, found in ((processor.prompts(asked), again.prompts(asked)),):
        assert set(own) == set(found) and all(torch.equal(one, found[name]) for name, one in own.items())
    small_config().save_pretrained(tmp_path)
    assert type(AutoProcessor.from_pretrained(tmp_path)) is LlavaReadProcessor


def talk(*words):
    roles = ("user", "assistant")
    return [{"role": roles[place % 2], "content": word} for place, word in enumerate(words)]


def test_all_answers_of_a_conversation_are_learnt_each_with_its_end(processor):
    conversation = talk("One?", "1", "Two?", "22")
    tokens, labels = processor.all_answered(conversation)
    assert processor.tokenizer.decode(tokens) == "<|user|>One?<|assistant|>1<eos><|user|>Two?<|assistant|>22<eos>"
    learnt = [token for token, label in zip(tokens, labels, strict=True) if label != -100]
    assert processor.tokenizer.decode(learnt) == "1<eos>22<eos>"
    assert processor.all_answered(conversation[:2]) == processor.answered(conversation[:2])


def test_a_conversation_that_cannot_be_learnt_from_at_once_is_refused(processor):
    for odd in ((), talk("One?"), talk("One?", "1", "Two?")):
        with pytest.raises(EmptyAnswer, match="page-7"):
            processor.all_answered(odd, name="page-7")
    forgetful = LlavaReadProcessor(
        processor.image_processor,
        processor.tokenizer,
        chat_template="{% for message in messages[-1:] %}{{ message['content'] }}{% endfor %}",
    )
    with pytest.raises(InvalidInputs, match="page-7: the chat template rewrites earlier messages"):
        forgetful.all_answered(talk("One?", "1", "Two?", "2"), name="page-7")


def test_what_it_cannot_do_is_refused(processor):
    with pytest.raises(InvalidInputs, match="truncation"):
        processor(text="long", truncation=True)
    with pytest.raises(InvalidInputs, match="does not know max_length"):
        processor(text="long", max_length=9, padding=True)
    with pytest.raises(InvalidInputs, match="needs text"):
        processor(images=noise_image(8, 8))
    with pytest.raises(InvalidInputs, match="holds no image"):
        processor.prompts([[{"role": "user", "content": [{"type": "image"}]}]])
    inner = Tokenizer(WordLevel({"<unk>": 0}, unk_token="<unk>"))
    with pytest.raises(InvalidInputs, match="has no token <image>"):
        LlavaReadProcessor(
            processor.image_processor, PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>")
        )
