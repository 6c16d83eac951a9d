"""``tenfold ntk-attention`` as a person with images or texts of their own would use it: adapt, evaluate."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

COLOURS = ("blue", "green", "red")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "a", "film", "was", "very", "it", "good", "bad"]
ADAPT, EVALUATE = ("ntk-attention", "adapt"), ("ntk-attention", "evaluate")
QUICK = ("--batch-size", 8, "--device", "cpu")


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Images of three colours and two sizes, for training and for testing."""
    folder, draws = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for split, count in (("train", 10), ("test", 4)):
        for channel, colour in enumerate(reversed(COLOURS)):
            (folder / split / colour).mkdir(parents=True)
            for number in range(count):
                pixels = draws.integers(0, 60, (20, 24 - number % 2, 3), dtype=np.uint8)
                pixels[..., channel] += 150
                Image.fromarray(pixels).save(folder / split / colour / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    """Sentences of words that are happy or sad."""
    folder, draws = tmp_path_factory.mktemp("texts"), np.random.default_rng(0)
    for split, count in (("train", 60), ("test", 20)):
        with (folder / f"{split}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["number", "sentence", "mood"])
            for number in range(count):
                mood = number % 2
                chosen = draws.choice(WORDS[5 + 4 * mood : 9 + 4 * mood], int(draws.integers(3, 8)))
                writer.writerow([number, " ".join(chosen), ("happy", "sad")[mood]])
    return folder


@pytest.fixture(scope="module")
def vit(tmp_path_factory) -> Path:
    import transformers as tf
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    folder = tmp_path_factory.mktemp("vit")
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    tf.ViTForImageClassification(tf.ViTConfig(**sizes, image_size=16, patch_size=8, num_labels=7)).save_pretrained(
        folder
    )
    ViTImageProcessorPil().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=["bert", "gpt2"])
def language_model(request, tmp_path_factory) -> Path:
    """An encoder without a classifier or a pooler, or a decoder without a token for padding."""
    import transformers as tf

    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(0)
    if request.param == "bert":
        tf.BertTokenizer(vocab={word: number for number, word in enumerate(WORDS)}).save_pretrained(folder)
        sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
        config = tf.BertConfig(**sizes, vocab_size=len(WORDS), max_position_embeddings=24, initializer_range=0.3)
        tf.BertForMaskedLM(config).save_pretrained(folder)
    else:
        letters = sorted({*"".join(WORDS), "Ġ"})
        vocab = {piece: number for number, piece in enumerate(["<|endoftext|>", *letters])}
        tf.GPT2Tokenizer(vocab=vocab, merges=[]).save_pretrained(folder)
        config = tf.GPT2Config(
            vocab_size=len(vocab),
            n_embd=32,
            n_layer=1,
            n_head=2,
            n_positions=64,
            initializer_range=0.3,
            bos_token_id=0,
            eos_token_id=0,
        )
        tf.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


def test_a_vit_learns_a_folder_of_images(tenfold, tmp_path, vit, photos):
    words = ("--images", photos / "train", "--epochs", 6, *QUICK)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        printed = tenfold(*ADAPT, vit, *words, "--out", tmp_path / name, "--seed", seed)
        assert "30 images of 3 classes" in printed.err and "mean loss of the last epoch: 0." in printed.out
    a, b, c = ((tmp_path / name / "adapter.safetensors").read_bytes() for name in "abc")
    assert a == b != c
    assert {path.name for path in (tmp_path / "a").iterdir()} == {
        "adapter.safetensors",
        "adapter_config.json",
        "task.json",
    }
    found = tenfold(*EVALUATE, tmp_path / "a", "--images", photos / "test", "--device", "cpu")
    assert json.loads(found.out) == {"accuracy": 1.0, "examples": 12}


def test_a_checkpoint_may_move(tenfold, tmp_path, vit, photos):
    moved = tmp_path / "moved"
    words = ("--images", photos / "train", "--epochs", 1, *QUICK)
    tenfold(*ADAPT, vit, *words, "--out", tmp_path / "adapter")
    task = json.loads((tmp_path / "adapter" / "task.json").read_text())
    (tmp_path / "adapter" / "task.json").write_text(json.dumps(task | {"model": str(moved)}))
    test = (*EVALUATE, tmp_path / "adapter", "--images", photos / "test", "--device", "cpu")
    assert "InvalidCheckpoint" in tenfold(*test, status=1).err
    assert json.loads(tenfold(*test, "--model", vit).out)["examples"] == 12


def test_an_encoder_or_a_decoder_learns_a_table_of_texts(tenfold, tmp_path, language_model, texts):
    columns = ("--text", "sentence", "--target", "mood")
    words = (*columns, "--epochs", 15, "--learning-rate", 0.02, *QUICK, "--out", tmp_path / "adapter")
    tenfold(*ADAPT, language_model, "--csv", texts / "train.csv", *words)
    found = tenfold(*EVALUATE, tmp_path / "adapter", "--csv", texts / "test.csv", "--device", "cpu")
    assert json.loads(found.out)["examples"] == 20 and json.loads(found.out)["accuracy"] > 0.7
    one_by_one = ("--csv", texts / "test.csv", "--batch-size", 1, "--device", "cpu")
    assert tenfold(*EVALUATE, tmp_path / "adapter", *one_by_one).out == found.out


@pytest.fixture(scope="module")
def adapter(vit, photos, tmp_path_factory) -> Path:
    from tenfold.__main__ import main

    out = tmp_path_factory.mktemp("adapters") / "adapter"
    words = (*ADAPT, vit, "--images", photos / "train", "--epochs", 1, *QUICK, "--out", out)
    assert main([str(word) for word in words]) == 0
    return out


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ((), 2, "give a folder with --images, or a CSV file with --csv"),
        (("--images", "{photos}/train", "--csv", "x"), 2, "give a folder"),
        (("--images", "{photos}/train", "--text", "x"), 2, "--images has no use for --text"),
        (("--images", "{photos}/train", "--device", "abacus"), 2, "--device abacus"),
        (("--images", "{photos}/train", "--learning-rate", "0"), 2, "--learning-rate 0 must be above 0"),
        (("--images", "{photos}/none"), 1, "MissingImages"),
        (("--images", "{photos}/train/red"), 1, "MissingImages"),
        (("--images", "{one}"), 1, "UnusableClasses: there is one class, red"),
        (("--images", "{broken}"), 1, "InvalidImages: {broken}/"),
        (("--csv", "{texts}/train.csv", "--text", "sentence"), 2, "--csv needs --text and --target"),
        (("--csv", "{texts}/train.csv", "--text", "words", "--target", "mood"), 1, "has no column 'words'"),
        (
            ("--csv", "{texts}/train.csv", "--text", "sentence", "--target", "mood"),
            1,
            "InvalidCheckpoint: {vit} cannot",
        ),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(tenfold, tmp_path, vit, photos, texts, words, status, says):
    places = {"vit": vit, "photos": photos, "texts": texts, "one": tmp_path / "one", "broken": tmp_path / "broken"}
    (tmp_path / "one" / "red").mkdir(parents=True)
    (tmp_path / "one" / "red" / "0.png").write_bytes((photos / "test" / "red" / "0.png").read_bytes())
    for name in "ab":
        (tmp_path / "broken" / name).mkdir(parents=True)
        (tmp_path / "broken" / name / "0.png").write_bytes(b"no image")
    given = [word.format(**places) for word in words]
    printed = tenfold(*ADAPT, vit, "--out", tmp_path / "adapter", "--epochs", 1, *given, status=status)
    assert says.format(**places) in printed.err
    assert not (tmp_path / "adapter").exists()


def test_what_does_not_fit_an_adapter_is_named(tenfold, tmp_path, adapter, photos, texts):
    test = (*EVALUATE, adapter)
    assert "tells images: give --images" in tenfold(*test, "--csv", texts / "test.csv", status=2).err
    other = tmp_path / "other"
    (other / "mauve").mkdir(parents=True)
    (other / "mauve" / "0.png").write_bytes((photos / "test" / "red" / "0.png").read_bytes())
    assert "mauve is none of the classes" in tenfold(*test, "--images", other, status=1).err
    nowhere = tenfold(*EVALUATE, tmp_path / "none", "--images", photos / "test", status=1)
    assert "InvalidAdapter" in nowhere.err and "none is no folder" in nowhere.err


def test_a_training_that_diverges_ends_with_a_name(tenfold, tmp_path, vit, photos):
    words = ("--images", photos / "train", "--out", tmp_path / "adapter", *QUICK, "--learning-rate", 1e30)
    assert "TrainingDiverged: the loss is" in tenfold(*ADAPT, vit, *words, status=1).err
    assert not (tmp_path / "adapter").exists()


def test_texts_longer_than_the_model_reads_are_not_promised(tenfold, tmp_path, language_model, texts):
    words = ("--csv", texts / "train.csv", "--text", "sentence", "--target", "mood", "--out", tmp_path / "adapter")
    printed = tenfold(*ADAPT, language_model, *words, "--max-tokens", 100, "--device", "cpu", status=1)
    assert "tokens at most, not 100; lower --max-tokens" in printed.err


def test_texts_that_are_cut_are_told_of_once(tenfold, tmp_path, language_model, texts):
    columns = ("--csv", texts / "train.csv", "--text", "sentence", "--target", "mood")
    for limit, times in ((3, 1), (None, 0)):
        words = (*columns, "--epochs", 2, *QUICK, "--out", tmp_path / f"adapter_{limit}")
        printed = tenfold(*ADAPT, language_model, *words, *(("--max-tokens", limit) if limit else ()))
        assert printed.err.count("TextsCut: texts of more than 3 tokens are cut there") == times
    assert json.loads((tmp_path / "adapter_3" / "task.json").read_text())["max_tokens"] == 3
