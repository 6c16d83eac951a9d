"""Characters, runs of spaces and place tokens come back as they went in; special tokens in words are words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tenfold.llava_read.characters import LETTERS, character_tokenizer

TOKENIZER = character_tokenizer()


@given(st.lists(st.sampled_from([*LETTERS, "   ", "<x0>", "<y31>"]), max_size=30).map("".join))
def test_a_round_trip_keeps_every_character_and_every_space(text):
    tokens = TOKENIZER(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert TOKENIZER.decode(tokens, skip_special_tokens=True) == text


def test_places_are_one_token_and_characters_one_each():
    assert len(TOKENIZER("<x31><y0>")["input_ids"]) == 2
    assert len(TOKENIZER("<x32>")["input_ids"]) == 5
    assert len(TOKENIZER("A" + 9 * " " + "B")["input_ids"]) == 11


def test_special_tokens_are_characters_where_the_caller_says_so():
    assert len(TOKENIZER("<image>")["input_ids"]) == 1
    assert len(TOKENIZER("<image>", split_special_tokens=True)["input_ids"]) == len("<image>")


def test_what_is_unknown_is_said_to_be():
    assert TOKENIZER.convert_ids_to_tokens(TOKENIZER("a世b")["input_ids"])[1:-1] == ["<unk>"] * len(
        TOKENIZER("世")["input_ids"]
    )


def test_it_is_the_same_after_a_round_trip_through_a_folder(tmp_path):
    from transformers import AutoTokenizer

    TOKENIZER.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    text = "Sum:   <x3><y4> é\n<image>"
    assert again(text)["input_ids"] == TOKENIZER(text)["input_ids"]
    assert again.padding_side == "left" and again.chat_template == TOKENIZER.chat_template
