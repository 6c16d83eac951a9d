"""Made-up files: the same bytes every time, in formats that the readers know, and something to learn in them."""

import hashlib
import json

import numpy as np
import pytest
import torch

from tenfold.chat import Message, Sampling
from tenfold.data.images import read_images
from tenfold.data.made_up_files import made_up_files
from tenfold.data.recordings import read_spoken_digits
from tenfold.data.registry import StandIn, load_registry
from tenfold.data.resolve import available_origin, resolve
from tenfold.data.texts import read_texts
from tenfold.data.writing import write_source
from tenfold.language import generate, load_decoder
from tenfold.language.scoring import letter_token
from tenfold.vision.efficientnet_blocks import weight_shapes
from tenfold.vision.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Config

STAND_INS = {
    "images": StandIn(maker="images", rows=90, seed=3, shape=(8, 8, 3), classes=("a", "b", "c")),
    "texts": StandIn(maker="texts", rows=90, seed=3, file="made.tsv.gz", classes=("a", "b", "c")),
    "sentence_encoder": StandIn(maker="sentence_encoder", seed=3, width=16),
    "questions": StandIn(maker="questions", seed=3),
    "recorded_answers": StandIn(maker="recorded_answers", seed=3),
    "decoder": StandIn(maker="decoder", seed=3, width=16),
    "image_encoder": StandIn(maker="image_encoder", seed=3),
    "reading_questions": StandIn(maker="reading_questions", rows=3, seed=3),
    "receipts": StandIn(maker="receipts", rows=3, seed=3),
    "spoken_digits": StandIn(maker="spoken_digits", rows=8, seed=3),
    "sound_clips": StandIn(maker="sound_clips", rows=4, seed=3),
    "whisper": StandIn(maker="whisper", seed=3, width=16),
    "text_prompts": StandIn(maker="text_prompts", rows=8, seed=3),
}


@pytest.mark.parametrize("name", STAND_INS)
def test_the_same_seed_gives_the_same_bytes_and_another_others(name):
    stand_in = STAND_INS[name]
    first, again = made_up_files(stand_in), made_up_files(stand_in)
    other = made_up_files(stand_in.model_copy(update={"seed": 4}))
    assert first == again
    assert first[1] != other[1]
    assert first[0].startswith("MADE-UP")


def nearest_mean_accuracy(train, train_labels, test, test_labels):
    means = np.stack([train[train_labels == label].mean(axis=0) for label in np.unique(train_labels)])
    distances = ((test[:, None, :] - means[None]) ** 2).sum(axis=2)
    return np.mean(distances.argmin(axis=1) == test_labels)


def test_made_up_pictures_can_be_read_and_learned(tmp_path):
    for name, content in made_up_files(STAND_INS["images"])[1].items():
        (tmp_path / name).write_bytes(content)
    train, test = read_images(tmp_path, "train"), read_images(tmp_path, "test")
    assert train.pixels.shape == (60, 8, 8, 3) and test.pixels.shape == (30, 8, 8, 3)
    flat = [pictures.pixels.reshape(len(pictures.pixels), -1).astype(float) for pictures in (train, test)]
    assert nearest_mean_accuracy(flat[0], train.labels, flat[1], test.labels) > 0.6  # chance is 1/3


def test_made_up_texts_can_be_read_and_learned(tmp_path):
    for name, content in made_up_files(STAND_INS["texts"])[1].items():
        (tmp_path / name).write_bytes(content)
    train, test = read_texts(tmp_path, "train"), read_texts(tmp_path, "test")
    words = sorted({word for text in train.texts for word in text.split()})
    counts = [
        np.array([[text.split().count(word) for word in words] for text in corpus.texts], dtype=float)
        for corpus in (train, test)
    ]
    assert nearest_mean_accuracy(counts[0], train.labels, counts[1], test.labels) > 0.6


def test_a_made_up_image_encoder_is_the_network_whose_weights_it_stands_in_for(tmp_path):
    for name, content in made_up_files(STAND_INS["image_encoder"])[1].items():
        (tmp_path / name).write_bytes(content)
    drawn = EfficientNetLite0(EfficientNetLite0Config())
    assert weight_shapes() == {name: tuple(one.shape) for name, one in drawn.state_dict().items()}
    model, loading = EfficientNetLite0.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(loading.values())
    assert not torch.equal(model.stem.weight, drawn.stem.weight)
    with torch.inference_mode():
        maps = model(torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    assert maps.shape == (1, 320, 2, 2) and 0.01 < maps.std() < 100


def test_made_up_digits_can_be_told_apart_by_their_tones(tmp_path):
    for name, content in made_up_files(STAND_INS["spoken_digits"])[1].items():
        (tmp_path / name).write_bytes(content)
    spoken = read_spoken_digits(tmp_path)
    heard = np.stack([np.abs(np.fft.rfft(sound.astype(float), 8_000))[: 4_000 // 50 * 50] for sound in spoken.sounds])
    heard = np.log(heard.reshape(len(heard), 80, -1).mean(axis=2))
    test = spoken.takes < 5
    assert nearest_mean_accuracy(heard[~test], spoken.digits[~test], heard[test], spoken.digits[test]) > 0.6


def test_a_made_up_decoder_is_a_chat_model(tmp_path):
    for name, content in made_up_files(STAND_INS["decoder"])[1].items():
        (tmp_path / name).write_bytes(content)
    decoder = load_decoder(tmp_path)
    text = "Who was late, “the nurse” or the chef?\n(A) the nurse"
    prompt = decoder.prompt([Message("system", "Be brief."), Message("user", text)])
    written = decoder.tokenizer.decode(prompt)
    assert written == (
        f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n"
    )
    assert len(prompt) == len(written.encode()) - 5 * (len("<|im_start|>") - 1) + 2 * 2  # a token a byte, one a mark
    assert len({letter_token(decoder, place) for place in range(3)}) == 3
    replies = generate(decoder, [[Message("user", word)] for word in ("a", "b", text)], Sampling(max_tokens=4))
    assert all(reply.completion_tokens <= 4 for reply in replies) and len({reply.text for reply in replies}) > 1


def listed(folder, **changes):
    """Return a list with one source of files, changed as asked."""
    source = {
        "title": "Letters",
        "kind": "files",
        "licence": "CC0",
        "mirror": {"files": [{"path": "pictures/images.npz", "sha256": "0" * 64, "size": 1}]},
        "stand_in": {"maker": "images", "rows": 30, "seed": 1, "shape": [4, 4], "classes": ["a", "b"]},
    } | changes
    (folder / "sources.yaml").write_text(json.dumps({"letters": source}))
    return load_registry(folder / "sources.yaml")


def test_a_stand_in_of_files_is_written_and_says_so(tmp_path):
    registry = listed(tmp_path)
    resolved = resolve("letters", registry=registry, mirror=None, policy="only", downloads=tmp_path / "downloads")
    write_source(resolved, registry["letters"], tmp_path / "out")
    record = json.loads((tmp_path / "out" / "source.json").read_text())
    assert record["stand_in"] and record["detail"].startswith("MADE-UP")
    assert set(record["files"]) == {"images.npz"}
    assert read_images(tmp_path / "out", "train").pixels.shape == (20, 4, 4)


def test_a_package_serves_before_the_mirror_but_not_where_only_stand_ins_may(tmp_path, monkeypatch):
    (tmp_path / "carrier").mkdir()
    (tmp_path / "carrier" / "__init__.py").write_text("raise AssertionError('a carrier is never imported')")
    (tmp_path / "carrier" / "weights").write_bytes(b"weights")
    monkeypatch.syspath_prepend(tmp_path)
    sum_ = "9d2c8d4b9b8f5e6d" + "0" * 48
    packaged = {"module": "carrier", "files": [{"path": "weights", "sha256": sum_, "size": 7}]}
    registry = listed(tmp_path, packaged=packaged)
    where = {"registry": registry, "mirror": None, "downloads": tmp_path / "downloads"}
    assert available_origin("letters", policy="allow", **where) == "packaged"
    with pytest.raises(Exception, match=r"weights of the installed package carrier.*expected sha256"):
        resolve("letters", policy="allow", **where)
    assert resolve("letters", policy="only", **where).origin == "stand_in"
    packaged["files"][0]["sha256"] = hashlib.sha256(b"weights").hexdigest()
    where["registry"] = listed(tmp_path, packaged=packaged)
    resolved = resolve("letters", policy="forbid", **where)
    assert resolved.origin == "packaged" and resolved.files["weights"].read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("stand_in", "words"),
    [
        ({"maker": "images", "rows": 3, "seed": 0}, "needs shape, classes"),
        ({"maker": "texts", "rows": 3, "seed": 0, "classes": ["a"]}, "needs file"),
        ({"rows": 3, "seed": 0}, "names a maker"),
    ],
)
def test_an_incomplete_stand_in_is_refused(tmp_path, stand_in, words):
    with pytest.raises(Exception, match=words):
        listed(tmp_path, stand_in=stand_in)
