"""Conversations to learn from: labels of answers alone, whatever the OCR text; images as the processor has them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from steps.llava_read.arms import Start
from steps.llava_read.conversations import (
    SEEN,
    asked_alone,
    collate,
    conversation,
    of_like_length,
    page_texts,
    prompt_tokens,
)
from steps.llava_read.fitting import UnevenParts, answer_loss, drawn_numbers, fit
from steps.llava_read.models import new_model
from steps.llava_read.page_images import PageImages
from steps.llava_read.starts import StageParams
from steps.llava_read.warm_up import listed, looked_up, more_questions
from steps.step.run import Run
from tenfold.language.errors import EmptyAnswer
from tenfold.llava_read.questions import SIGHT
from tenfold.llava_read.squares import Square
from tenfold.llava_read.tasks import OCR_HEAD, Sample, answer_samples
from tenfold.multimodal.labels import IGNORED
from tests.steps.llava_read.small import drawn_pages, pretrain_params


@pytest.fixture(scope="module")
def pages():
    return drawn_pages("train", 10)


@pytest.fixture(scope="module")
def built():
    return new_model(Start(), pretrain_params().model, 0)


@pytest.fixture(scope="module")
def samples(pages):
    texts = page_texts(pages[:1], {pages[0].id: pages[0].truth}, "space", 96)
    return answer_samples(pages[:1], texts=texts)


def learnt(processor, row):
    """Return the texts between labels that count for nothing."""
    pairs = zip(row.tokens, row.labels, strict=True)
    kept = [token if label != IGNORED else processor.image_token_id for token, label in pairs]
    return [text for text in processor.tokenizer.decode(kept).split("<image>") if text]


def test_every_answer_with_its_end_is_learnt_and_nothing_else(samples, built):
    _, processor = built
    row = conversation(processor, samples, 3)
    assert learnt(processor, row) == [f"{sample.answer}<eos>" for sample in samples]
    assert all(label in (IGNORED, token) for token, label in zip(row.tokens, row.labels, strict=True))
    assert row.image == 3 and row.answers == 4
    assert list(row.tokens).count(processor.image_token_id) == processor.image_tokens
    text = processor.tokenizer.decode(row.tokens)
    assert text.count(OCR_HEAD) == 1, "one OCR text serves all questions"
    for sample in samples[1:]:
        assert f"<|user|>{asked_alone(sample)}<|assistant|>{sample.answer}<eos>" in text


def test_the_first_question_stands_as_it_is_asked_later(samples, built):
    _, processor = built
    tokens = conversation(processor, samples, 0).tokens
    asked = prompt_tokens(processor, samples[0])
    assert list(tokens[: len(asked)]) == asked
    assert processor.tokenizer.decode(asked).endswith("<|assistant|>")


def test_other_ocr_text_of_the_same_length_leaves_the_labels_where_they_are(samples, built):
    _, processor = built
    row = conversation(processor, samples, 0)
    other = [
        replace(one, prompt=OCR_HEAD + one.prompt[len(OCR_HEAD) :].replace(one.answer, "x" * len(one.answer)))
        for one in samples
    ]
    changed = conversation(processor, other, 0)
    assert changed.labels == row.labels and changed.tokens != row.tokens


def test_a_sample_without_an_answer_is_refused_by_its_id_and_good_ones_have_a_loss(pages, samples, built):
    model, processor = built
    empty = replace(samples[1])
    object.__setattr__(empty, "answer", "")  # which Sample itself refuses
    with pytest.raises(EmptyAnswer, match=empty.id):
        conversation(processor, [empty], 0)
    images = PageImages.of([pages[0].image], processor.image_processor)
    batch = collate([conversation(processor, samples, 0), conversation(processor, samples[:1], 0)])
    assert float(answer_loss(model, batch, images).detach()) > 0


def test_conversations_pad_on_the_right_and_name_only_the_images_they_show(samples, built):
    _, processor = built
    blind = conversation(processor, [replace(one, image=None) for one in samples], 7)
    seen = conversation(processor, samples[:2], 5)
    tokens, labels, mask, numbers = collate([blind, seen])
    assert blind.image is None and numbers.tolist() == [5]
    for place, row in enumerate((blind, seen)):
        length = len(row.tokens)
        assert tokens[place, :length].tolist() == list(row.tokens) and mask[place].sum() == length
        assert (labels[place, length:] == IGNORED).all()


@pytest.mark.parametrize("shape", [(256, 256), (90, 200), (300, 77), (20, 20)])
def test_images_are_those_of_the_processor(shape, built):
    model, processor = built
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    images = PageImages.of([SEEN, image], processor.image_processor)
    given, wanted = images.given([1], "cpu"), processor.image_processor.preprocess([image])
    for name, pixels in wanted.items():
        assert torch.allclose(given[name], pixels, atol=1e-6)
    encoded = images.encoded(model).given([1, 0], "cpu")
    low, high = model.vision.encoded(**{"low": wanted["pixel_values_low"], "high": wanted["pixel_values_high"]})
    assert torch.allclose(encoded["image_features"][0][:1], low, atol=1e-5)
    assert torch.allclose(encoded["image_features"][1][:1], high, atol=1e-5)
    assert images.given([], "cpu") == {} and Square(*shape).side == max(shape)


def test_batches_of_like_length_hold_each_conversation_once(built, samples):
    _, processor = built
    rows = [conversation(processor, samples[: 1 + number % 4], number) for number in range(24)]
    batches = of_like_length(rows, 4, np.random.default_rng(0), window=3)
    assert Counter(id(row) for batch in batches for row in batch) == Counter(map(id, rows))
    lengths = [{len(row.tokens) for row in batch} for batch in batches]
    assert sum(map(len, lengths)) < 4 * len(batches), "less is padded than in batches by chance"


def test_numbers_are_drawn_epoch_after_epoch():
    numbers = drawn_numbers(5, 13, np.random.default_rng(0))
    assert sorted(numbers[:5]) == sorted(numbers[5:10]) == list(range(5)) and len(set(numbers[10:])) == 3


def test_a_batch_that_its_parts_do_not_divide_is_refused(built, samples, tmp_path):
    model, processor = built
    run, rows = Run("llava_read", "tune", out=tmp_path), [conversation(processor, samples, None)] * 8
    for stage in (
        StageParams(updates=2, batch_size=4, learning_rate=1e-3, parts=3),
        StageParams(updates=3, batch_size=4, learning_rate=1e-3),
    ):
        with pytest.raises(UnevenParts, match="8 conversations for"):
            fit(run, model, rows, None, stage, 1e-3, name="x", generator=np.random.default_rng(0))


def test_an_update_in_parts_is_the_update_of_all_its_conversations(pages, tmp_path):
    """The same conversations in one part and in two are the same batch, whatever is padded."""
    params = pretrain_params().model
    found = []
    for parts in (1, 2):
        model, processor = new_model(Start(merge="none"), params, 0)
        rows = [conversation(processor, answer_samples([page], texts=None, with_image=False), None) for page in pages]
        stage = StageParams(updates=1, batch_size=10, learning_rate=1e-2, parts=parts)
        run = Run("llava_read", "tune", out=tmp_path / str(parts))
        generator = np.random.default_rng(0)
        found.append(fit(run, model, rows, None, stage, 1e-2, name="x", generator=generator))
    one, two = (model.state_dict() for model in found)
    assert all(torch.allclose(value, two[name], atol=1e-5) for name, value in one.items())


def test_lookups_of_the_warm_up_are_true_of_the_page(pages):
    read = {page.id: page.truth for page in pages}
    texts = page_texts(pages, read, "space", 400)
    generator = np.random.default_rng(0)
    for page in pages:
        facts = page.description["facts"]
        for sample in looked_up(page, texts[page.id], 8, generator):
            assert sample.image is None and sample.ocr_source == "oracle" and sample.prompt.startswith(OCR_HEAD)
            asked = asked_alone(sample)
            kind, known = asked[0], asked[2:-1]
            assert true_of(facts, kind, known) == sample.answer


def test_lookups_in_lists_are_true_of_the_page(pages):
    generator = np.random.default_rng(0)
    for page in pages:
        for sample in listed(page, 4, 3, generator):
            lines = sample.prompt.removeprefix(OCR_HEAD).split("\n")
            assert 2 <= len(lines) - 1 <= 4 and f"{asked_alone(sample)[2:-1]} {sample.answer}" in lines
            assert true_of(page.description["facts"], ">", asked_alone(sample)[2:-1]) == sample.answer


def true_of(facts, kind, known):
    if "bars" in facts:
        by_name = {bar["name"]: str(bar["value"]) for bar in facts["bars"]}
        return by_name[known] if kind == ">" else {value: name for name, value in by_name.items()}[known]
    place = next((r, c) for r, row in enumerate(facts["cells"]) for c, text in enumerate(row) if text == known)
    row, column = place
    return {
        ">": lambda: facts["cells"][row][column + 1],
        "_": lambda: facts["cells"][row + 1][column],
        "^": lambda: facts["cells"][row - 1][column],
    }[kind]()


def test_the_warm_up_asks_about_every_figure_and_bar_and_answers_truly(pages):
    generator = np.random.default_rng(0)
    for page in pages:
        seen = more_questions(page, 99, generator, sight=True)
        facts = page.description["facts"]
        assert {question.stratum for question in seen} <= set(SIGHT)
        assert not {question.stratum for question in more_questions(page, 99, generator, sight=False)} & set(SIGHT)
        if "figures" in facts:
            colours = {figure["shape"]: figure["colour"] for figure in facts["figures"]}
            answers = {question.question: question.answers[0] for question in seen}
            named = {f"What colour is the {shape}?": colour for shape, colour in colours.items()}
            named |= {f"Which shape is {colour}?": shape for shape, colour in colours.items()}
            assert answers.items() <= named.items() and len(answers) > len(named) / 2


def test_texts_are_as_the_arm_has_them(pages):
    read = {page.id: page.truth for page in pages}
    assert page_texts(pages, read, "none", 96) is None
    space, plain = (page_texts(pages, read, layout, 400)[pages[1].id].text for layout in ("space", "plain"))
    assert "  " in space and "  " not in plain and sorted(space.split()) == sorted(plain.split())
    assert max(text.tokens for text in page_texts(pages, read, "xy_cut", 64).values()) <= 64


def test_a_sample_says_whether_it_has_ocr_text():
    plain = Sample("a", "p", "answer", "What is it?", "x")
    assert asked_alone(plain) == "What is it?"
    read = Sample("a", "p", "answer", f"{OCR_HEAD}one\ntwo\nWhat is it?", "x", "oracle")
    assert asked_alone(read) == "What is it?"
