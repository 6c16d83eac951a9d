"""A tiny decoder, and SmolLM2's chat form, on the text of pages: scored options, written texts, budgets, failures."""

from __future__ import annotations

import string
from pathlib import Path

import numpy as np
import pytest
import torch

from tenfold.language.decoder import Decoder, load_decoder
from tenfold.mmr.errors import InvalidModel, MissingPage
from tenfold.mmr.ocr_language_model import NOTHING, OCRLanguageModel, boxed_lines, choice_prompt, ordered_text
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page, Word

PAGE = Page(200, 100, (Word("Silent", (10, 10, 60, 30), 1, 0), Word("Sea", (10, 50, 40, 70), 1, 1)), "test")
IMAGE = np.full((100, 200, 3), 255, np.uint8)
CHOICES = "Which is larger?\nChoices:\n1. One\n2. Two\n3. Three\n4. Four"


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    """A decoder of Llama's class with a token per character, saved and loaded as people's checkpoints are."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Split
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder: Path = tmp_path_factory.mktemp("decoder")
    characters = ["<|end|>", *string.ascii_letters, *string.digits, *string.punctuation, " ", "\n"]
    inner = Tokenizer(WordLevel({one: number for number, one in enumerate(characters)}, unk_token="<|end|>"))
    inner.pre_tokenizer = Split("", "isolated")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|end|>")
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(characters),
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=600,
        bos_token_id=None,
        eos_token_id=0,
        initializer_range=0.5,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return load_decoder(folder, dtype="float64")


def query(task, question=CHOICES, key="k", prompt="What is it?"):
    return Query(key, task, question, prompt, image=IMAGE)


def model(decoder, page=PAGE, **settings):
    settings = {"text_tokens": 60, "reply_tokens": 6} | settings
    return OCRLanguageModel({query("font_size").image_digest: page}, decoder, **settings)


def test_every_query_has_its_reply_in_order(decoder):
    tasks = ("font_size", "recognition_label", "spatial_tt", "grounding_t", "grounding_o")
    asked = [query(task, CHOICES if task in ("font_size", "spatial_tt") else "Which?", task) for task in tasks]
    together = model(decoder).answer(asked)
    assert [found.key for found in together] == list(tasks)
    assert together[0].reply in ("1", "2", "3", "4") and together[0].status == "answered"
    assert together == [model(decoder, batch=1).answer([one])[0] for one in asked]
    assert {found.status for found in together[1::2]} <= {"answered", "cut", "empty"}


def test_rotations_move_with_the_options(decoder):
    """Over all rotations the chosen text is the same wherever it stands; one order alone may follow the place."""
    texts, chosen = ["One", "Two", "Three", "Four"], set()
    for turn in range(4):
        turned = texts[turn:] + texts[:turn]
        question = "Which?\n" + "\n".join(f"{n}. {text}" for n, text in enumerate(turned, 1))
        (found,) = model(decoder, rotations=True).answer([query("font_size", question)])
        chosen.add(turned[int(found.reply) - 1])
    assert len(chosen) == 1


def test_the_text_of_the_page_changes_the_prompt_and_is_cut_to_its_budget(decoder):
    assert model(decoder, text_tokens=5)._text(query("font_size")) == ""
    assert model(decoder, text_tokens=9)._text(query("font_size")) == "Silent"
    assert model(decoder)._text(query("font_size")) == "Silent\nSea"
    assert model(decoder)._text(query("grounding_t")) == '"Silent", [0.05, 0.1, 0.3, 0.3]\n"Sea", [0.05, 0.5, 0.2, 0.7]'


def test_a_page_without_words_says_so(decoder):
    empty = Page(200, 100, (), "test")
    assert ordered_text(empty) == boxed_lines(empty) == NOTHING
    (found,) = model(decoder, empty).answer([query("font_size")])
    assert found.reply in ("1", "2", "3", "4")


def test_neither_key_nor_answer_is_in_a_prompt():
    (message,) = choice_prompt("Silent", "Which?", ["One", "Two"])
    assert (
        message.text
        == "Text in the image:\nSilent\n\nWhich?\nA. One\nB. Two\nAnswer with the letter of the right option only."
    )


def test_a_prompt_beyond_the_context_fails_alone(decoder):
    asked = [query("recognition_label", "Which?", "long", prompt="x" * 700), query("font_size", key="short")]
    long, short = model(decoder).answer(asked)
    assert long.status == "failed" and "600 tokens" in long.why and short.status == "answered"
    choice = query("font_size", "Which?\n" + "\n".join(f"{n}. {'y' * 200}" for n in range(1, 5)))
    assert model(decoder).answer([choice])[0].status == "failed"


def test_settings_that_make_no_sense_and_missing_pages_are_errors(decoder):
    for wrong in ({"text_tokens": 0}, {"reply_tokens": 0}, {"text_tokens": 590}, {"batch": 0}):
        with pytest.raises(InvalidModel, match="1 or more each"):
            model(decoder, **wrong)
    with pytest.raises(MissingPage):
        OCRLanguageModel({}, decoder, text_tokens=9).answer([query("font_size")])


def test_all_that_replies_depend_on_is_in_the_identity(decoder):
    plain, turned = model(decoder).identity(), model(decoder, rotations=True, text_tokens=9).identity()
    assert plain["engines"] == ["test"] and plain["model"] == decoder.name
    assert {key for key in plain if plain[key] != turned[key]} == {"rotations", "text_tokens"}
