"""A model answers in batches as it does one by one, by sight and by OCR, and comes back from its folder."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tenfold.language.errors import EmptyAnswer
from tenfold.llava_read.asking import Asking
from tenfold.llava_read.errors import Diverged, InvalidInputs, InvalidParts
from tenfold.llava_read.finetuning import Lesson, finetune
from tenfold.llava_read.reader import Reader
from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.llava_read.training_parts import Vision
from tenfold.models import load, write
from tenfold.multimodal import PlaceholderMismatch
from tenfold.ocr.page import Page, Word
from tests.tenfold.llava_read.small_models import drawn_model, noise_image, stirred

PAGE = Page(
    60, 60, tuple(Word(f"word{row}", (5, 10 * row, 50, 10 * row + 8), 1.0, row) for row in range(5)), "described"
)


@pytest.fixture
def reader(processor) -> Reader:
    return Reader(stirred(drawn_model()), processor, Asking(reply_tokens=10))


@torch.inference_mode()
def greedy(reader: Reader, asked) -> str:
    """Return the reply by one full pass without a cache per token: what batches and caches must not change."""
    batch = dict(reader.processor.prompts([reader.processor.messages(asked.prompt, asked.image)]))
    tokens, said = batch.pop("input_ids"), list[int]()
    batch.pop("attention_mask")
    while len(said) < reader.asking.reply_tokens:
        logits = reader.model(input_ids=tokens, **batch).logits[0, -1]
        logits[reader.model.config.image_token_id] = -torch.inf
        said.append(int(logits.argmax()))
        if said[-1] == reader.processor.tokenizer.eos_token_id:
            break
        tokens = torch.cat([tokens, torch.tensor([[said[-1]]])], dim=1)
    return reader.processor.tokenizer.decode(said, skip_special_tokens=True).strip()


def test_batches_answer_as_one_by_one_and_as_full_passes(reader):
    sightless = reader.asking_by(image=False)
    asked = [reader.asked("Q" * length, noise_image(20 + length, 30, length), PAGE) for length in (9, 1, 5, 3)]
    asked += [
        sightless.asked("Without an image", None, PAGE),
        reader.asking_by(ocr="none").asked("Q", noise_image(9, 9)),
    ]
    together, apart = reader.answer(asked, batch=4), reader.answer(asked, batch=1)
    assert [one.reply for one in together] == [one.reply for one in apart] == [greedy(reader, one) for one in asked]
    assert [one.asked for one in together] == asked
    assert len({one.reply for one in together}) > 1


def test_a_reply_that_ends_and_one_that_is_cut_and_an_empty_one_are_told_apart(reader, processor):
    asked = reader.asked("Q", noise_image(9, 9), PAGE)
    assert reader.answer([asked])[0].status == "cut"
    head = reader.model.get_output_embeddings()
    embeddings = reader.model.get_input_embeddings().weight
    assert head.weight is embeddings
    with torch.no_grad():
        reader.model.language_model.norm.weight.zero_()
        reader.model.language_model.norm.bias.copy_(embeddings[processor.tokenizer.eos_token_id] * 100)
    ended = reader.answer([asked])[0]
    assert (ended.reply, ended.status) == ("", "empty")


def test_the_image_and_the_words_reach_the_reply(reader):
    one, other = reader.asked("Q", noise_image(9, 9, 1), PAGE), reader.asked("Q", noise_image(9, 9, 2), PAGE)
    inputs = [reader.processor.prompts([reader.processor.messages(a.prompt, a.image)]) for a in (one, other)]
    with torch.inference_mode():
        first, second = (reader.model(**batch).logits[0, -1] for batch in inputs)
    assert not torch.allclose(first, second) and one.prompt_sha256 == other.prompt_sha256


@pytest.mark.parametrize("sizes", [[(336, 336)], [(512, 300)], [(336, 336), (512, 300)]])
def test_images_of_any_shape_and_number_have_their_tokens(reader, sizes):
    images = [noise_image(*size) for size in sizes]
    asked = reader.asked("Q", images if len(images) > 1 else images[0], PAGE)
    batch = reader.processor.prompts([reader.processor.messages(asked.prompt, asked.image)])
    assert (batch["input_ids"] == reader.processor.image_token_id).sum() == 16 * len(sizes)
    assert reader.length(asked) == batch["input_ids"].shape[1]
    assert reader.answer([asked])[0].reply == greedy(reader, asked)
    tokens, first = batch["input_ids"], {name: batch[name][:1] for name in ("pixel_values_low", "pixel_values_high")}
    place = int((tokens[0] == reader.processor.image_token_id).nonzero()[0])
    tokens = torch.cat([tokens[:, :place], tokens[:, place + 1 :]], dim=1)
    with pytest.raises(PlaceholderMismatch, match=f"{16 * len(sizes) - 1} image placeholders for 16 image features"):
        reader.model(input_ids=tokens, **first)


def test_a_folder_gives_the_same_answers(reader, tmp_path):
    asked = [reader.asked("Which?", noise_image(30, 20), PAGE)]
    reader.save(tmp_path / "model")
    again = Reader.load(tmp_path / "model")
    assert again.asking == reader.asking and again.name == "model"
    assert again.answer(asked)[0].reply == reader.answer(asked)[0].reply


def test_it_is_kept_as_a_model_with_its_card(reader, tmp_path):
    write(tmp_path / "kept", reader, "# A reader")
    assert (tmp_path / "kept" / "README.md").read_text() == "# A reader"
    again, asked = load(tmp_path / "kept"), [reader.asked("Which?", noise_image(30, 20), PAGE)]
    assert isinstance(again, Reader) and again.answer(asked)[0].reply == reader.answer(asked)[0].reply


def test_paths_and_questions_are_predicted(reader, tmp_path):
    noise_image(70, 70).save(tmp_path / "page.png")
    own = reader.asking_by(ocr="none")
    rows = np.array([[str(tmp_path / "page.png"), "One?"], [str(tmp_path / "page.png"), "Another one?"]])
    replies = own.predict(rows)
    assert replies.tolist() == [own.ask(question, noise_image(70, 70)).reply for _, question in rows]


def test_prompts_that_are_too_long_are_refused_before_anything_is_answered(reader):
    told = []
    long = reader.asked("Q" * 3000, noise_image(9, 9), PAGE)
    with pytest.raises(
        InvalidInputs, match=r"exceed the 2048 that llava-read reads; give the OCR text a smaller budget"
    ):
        reader.answer([reader.asked("Q", noise_image(9, 9), PAGE), long], progress=lambda *both: told.append(both))
    assert not told


def test_what_is_no_model_is_refused_by_name(reader, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidParts, match="empty holds no model"):
        Reader.load(tmp_path / "empty")
    with pytest.raises(InvalidParts, match=r"there is no folder .*OWNER/NAME@COMMIT"):
        Reader.load(tmp_path / "nowhere")
    reader.model.language_model.config.save_pretrained(tmp_path / "decoder")
    with pytest.raises(InvalidParts, match="holds a llava_read_decoder"):
        Reader.load(tmp_path / "decoder")
    reader.save(tmp_path / "model")
    with pytest.raises(InvalidParts, match="no revision main"):
        Reader.load(tmp_path / "model", revision="main")
    (tmp_path / "model" / "model.safetensors").unlink()
    with pytest.raises(InvalidParts, match="no model with a processor"):
        Reader.load(tmp_path / "model")


def lessons(reader, answers=("red", "blue")):
    return [
        Lesson(f"page-{number}", reader.asked("Colour?", noise_image(30, 30, number), PAGE), answer)
        for number, answer in enumerate(answers)
    ]


@pytest.mark.parametrize("rank", [None, 4])
def test_lessons_are_learned_and_the_same_again(processor, rank):
    curves = []
    for _ in range(2):
        reader = Reader(drawn_model(), processor, Asking(reply_tokens=8))
        curves.append(finetune(reader, lessons(reader), updates=12, batch_size=2, learning_rate=1e-2, lora_rank=rank))
        assert not any(".lora_" in name for name, _ in reader.model.named_parameters())
    assert curves[0] == curves[1] and curves[0][-1] < 0.85 * curves[0][0] and curves[0][0] > 0


def test_what_is_frozen_stays_the_same_to_the_bit(processor):
    cases: tuple[tuple[Vision, bool], ...] = (("frozen", False), ("adapters", False), ("full", True))
    for vision, moves in cases:
        reader = Reader(stirred(drawn_model()), processor, Asking(reply_tokens=8))
        before = {name: one.detach().clone() for name, one in reader.model.named_parameters()}
        finetune(reader, lessons(reader), updates=1, batch_size=2, vision=vision)
        moved = {name for name, one in reader.model.named_parameters() if not torch.equal(one, before[name])}
        assert any(name.startswith("vision.low") for name in moved) == moves
        assert any(name.startswith("vision.adapters") for name in moved) == (vision != "frozen")
        assert any(name.startswith("language_model") for name in moved)


def test_a_lesson_without_an_answer_is_refused_by_its_name(reader):
    with pytest.raises(EmptyAnswer, match="page-1"):
        finetune(reader, lessons(reader, ("red", "")), updates=1, batch_size=2)
    with pytest.raises(EmptyAnswer, match="page-1"):
        finetune(reader, lessons(reader, ("red", " \n ")), updates=1, batch_size=2)
    with pytest.raises(InvalidInputs, match="no lessons"):
        finetune(reader, [], updates=1)
    with pytest.raises(InvalidInputs, match="above 0"):
        finetune(reader, lessons(reader), updates=0)
    with torch.no_grad():
        reader.model.language_model.get_output_embeddings().weight.fill_(torch.nan)
    with pytest.raises(Diverged, match="update 1: lower the learning rate"):
        finetune(reader, lessons(reader), updates=3)


@pytest.mark.parametrize("rate", [0.0, float("nan"), float("inf"), 1e30])
def test_a_rate_that_leaves_no_numbers_is_refused_before_the_first_update(reader, rate):
    with pytest.raises(InvalidInputs, match="learning_rate"):
        finetune(reader, lessons(reader), updates=1, learning_rate=rate)


@pytest.mark.parametrize("more", [{"lora_rank": 0}, {"lora_rank": -1}, {"seed": -1}, {"seed": 2**70}])
def test_numbers_that_make_no_sense_are_refused(reader, more):
    with pytest.raises(InvalidInputs):
        finetune(reader, lessons(reader), updates=1, **more)


def test_an_answer_that_could_never_be_given_is_refused_by_its_lesson(reader):
    longest = "a" * (reader.asking.reply_tokens - 1)  # and its end
    finetune(reader, lessons(reader, ("red", longest)), updates=1)
    before = {name: one.clone() for name, one in reader.model.state_dict().items()}
    with pytest.raises(InvalidInputs, match=r"'page-1': an answer of 10 tokens .*reply_tokens=11"):
        finetune(reader, lessons(reader, ("red", longest + "a")), updates=1)
    with pytest.raises(InvalidInputs, match=r"'page-1': the answer '日本' has characters"):
        finetune(reader, lessons(reader, ("red", "日本")), updates=1)
    beyond = reader.asking_by(reply_tokens=reader.context)
    with pytest.raises(InvalidInputs, match=f"'page-0': .* exceed the {reader.context}"):
        finetune(beyond, lessons(beyond), updates=1)
    assert all(torch.equal(one, before[name]) for name, one in reader.model.state_dict().items())


def test_after_a_failure_no_adapter_is_left_and_the_model_answers_as_before(reader):
    asked = reader.asked("Colour?", noise_image(30, 30, 0), PAGE)
    before = reader.answer([asked])[0].reply

    def stopped(update: int, loss: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(EmptyAnswer):
        finetune(reader, lessons(reader, ("", "")), updates=1, lora_rank=2)
    assert reader.answer([asked])[0].reply == before
    with pytest.raises(KeyboardInterrupt):
        finetune(reader, lessons(reader), updates=2, lora_rank=2, told=stopped)
    assert not reader.model.training and not any(".lora_" in name for name, _ in reader.model.named_parameters())
    assert len(finetune(reader, lessons(reader), updates=np.int64(1), lora_rank=2, seed=np.int64(3))) == 1


@pytest.mark.parametrize("batch", [0, -1, 2.5])
def test_a_batch_of_no_prompts_is_refused(reader, batch):
    with pytest.raises(InvalidInputs, match="batch"):
        reader.answer([reader.asked("Q", noise_image(9, 9), PAGE)], batch=batch)


@pytest.mark.parametrize("rows", [[["a.png"]], [["a.png", "?", "more"]], ["a.png"]])
def test_rows_of_other_columns_are_refused(reader, rows):
    with pytest.raises(InvalidInputs, match=r"rows are \(image's path, question\)"):
        reader.predict(np.array(rows))


def test_predictions_read_with_the_engine_that_the_model_was_taught_with(reader, tmp_path, monkeypatch):
    import tenfold.ocr.reading

    called = []
    monkeypatch.setattr(
        tenfold.ocr.reading,
        "read",
        lambda images, engine, enlarge: called.append((engine, enlarge)) or [PAGE for _ in images],
    )
    noise_image(70, 70).save(tmp_path / "page.png")
    rows = np.array([[str(tmp_path / "page.png"), "One?"]])
    reader.predict(rows)
    reader.asking_by(engine="ppocr4", enlarge=2).predict(rows)
    assert called == [("ppocr6", 1), ("ppocr4", 2)]


def test_a_question_without_an_image_is_never_answered_blind(reader):
    with pytest.raises(InvalidPrompt, match="give the image"):
        reader.ask("What?", [], PAGE)


def test_a_name_of_a_model_that_is_too_long_is_refused_in_short():
    with pytest.raises(InvalidParts) as told:
        Reader.load("m" * 5000)
    assert len(str(told.value)) < 300
