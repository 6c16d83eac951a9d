"""The sentence encoder on a small checkpoint in the published format, made here."""

import json

import numpy as np
import pytest

from tenfold.data.checksums import sha256_file
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.text.encoder import EncoderMismatch, load_encoder

SENTENCES = ["a stirring and funny film", "dull", "where is the moon", "a stirring and funny film indeed " * 9]


@pytest.fixture
def folder(tmp_path):
    for name, content in made_up_files(StandIn(maker="sentence_encoder", seed=1, width=16))[1].items():
        (tmp_path / name).write_bytes(content)
    files = {path.name: sha256_file(path) for path in tmp_path.iterdir()}
    (tmp_path / "source.json").write_text(json.dumps({"title": "tiny", "stand_in": True, "files": files}))
    return tmp_path


def test_vectors_are_unit_and_do_not_depend_on_their_batch(folder):
    encoder = load_encoder(folder)
    vectors = encoder.encode(SENTENCES)
    assert vectors.shape == (4, 16) and encoder.width == 16 and encoder.name == "made-up encoder"
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    alone = np.concatenate([encoder.encode([sentence]) for sentence in SENTENCES])
    assert np.abs(vectors - alone).max() < 1e-5  # padding is masked out
    assert np.array_equal(vectors, load_encoder(folder).encode(SENTENCES))
    assert vectors[0] @ vectors[3] > vectors[0] @ vectors[1]  # the same words are nearer than other ones


def test_it_is_the_masked_mean_of_the_last_layer(folder):
    import torch
    from transformers import BertModel, BertTokenizer

    model, tokenizer = BertModel.from_pretrained(folder).eval(), BertTokenizer.from_pretrained(folder)
    with torch.inference_mode():
        hidden = model(**tokenizer(SENTENCES[0], return_tensors="pt")).last_hidden_state[0].numpy()
    expected = hidden.mean(axis=0)
    assert load_encoder(folder).encode(SENTENCES[:1])[0] == pytest.approx(expected / np.linalg.norm(expected), abs=1e-5)


def test_other_weights_than_the_listed_ones_are_refused(folder):
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(EncoderMismatch, match="expected sha256"):
        load_encoder(folder)
    (folder / "model.safetensors").unlink()
    with pytest.raises(EncoderMismatch, match=r"needs source\.json and model\.safetensors"):
        load_encoder(folder)
