"""``tenfold commit-tuning tune`` and ``ask`` on one's own folders: what they write and say, and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

from tenfold.commit_tuning import (
    LeakedItems,
    SmallModel,
    TooFewItems,
    own_parts,
    read_own_items,
    read_trace,
    tune_own,
)
from tenfold.commit_tuning.errors import InvalidScheduler
from tenfold.commit_tuning.item_parts import PARTS
from tenfold.commit_tuning.model import SmallModelConfig
from tenfold.commit_tuning.own_tuning import BLOCK, METHODS, RATIOS, TuningSettings, _Asked, scored
from tenfold.commit_tuning.question_batches import words_of
from tenfold.commit_tuning.questions import SUBJECTS
from tenfold.models import load
from tenfold.nn.seeding import seeded
from tenfold.nn.token_convnet import TokenConvNetConfig

SHORT = ("--updates", 4, "--pretrain-updates", 1, "--batch", 8, "--every", 2)
COLOURS = {"Red_Door": (200, 30, 30), "lake": (30, 30, 200)}


def images(folder: Path, count: int = 10) -> Path:
    generator = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = np.clip(np.array(colour) + generator.normal(0, 20, (40, 60, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def sounds(folder: Path, count: int = 6) -> Path:
    generator = np.random.default_rng(0)
    for name, pitch in (("low", 200), ("high", 1500)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            time = np.arange(6_000) / 16_000
            tone = 0.3 * np.sin(2 * np.pi * pitch * time) + generator.normal(0, 0.02, len(time))
            wavfile.write(folder / name / f"{number}.wav", 16_000, (tone * 2**15).astype(np.int16))
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return images(tmp_path_factory.mktemp("own") / "photos")


def test_images_are_learned_told_apart_and_asked_about(tenfold, photos, tmp_path):
    (tmp_path / "more.json").write_text('{"made of water": ["lake"]}')
    words = ("--updates", 40, "--pretrain-updates", 5, "--side", 16, "--properties", tmp_path / "more.json")
    printed = tenfold("commit-tuning", "tune", photos, "--out", tmp_path / "run", *words)
    assert "20 images of red door, lake" in printed.err and "update 40 of 40: loss" in printed.err
    assert "test: 1.000 of the name questions right, 0.500 by their words alone" in printed.out
    assert "of the property questions" in printed.out and "on 4 images" in printed.out
    assert "encoder: update 5 of 5" in printed.err and "decoder: update 5 of 5" in printed.err
    facts = json.loads((tmp_path / "run" / "facts.json").read_text())
    assert facts["items"] == {"train": 12, "validation": 2, "probe": 2, "test": 4, "left_out": 0}
    rows = read_trace(tmp_path / "run" / "trace.jsonl")
    assert len(rows) == 40 and rows[0]["factor_X"] == 1.0 != rows[-1]["factor_X"] and rows[-1]["loss"] < rows[0]["loss"]
    assert "learning rate as used" in (tmp_path / "run" / "balance.svg").read_text()
    assert "red door, lake" in (tmp_path / "run" / "model" / "README.md").read_text()
    new = tmp_path / "new.png"
    Image.new("RGB", (30, 20), COLOURS["lake"]).save(new)
    files = (new, photos / "Red_Door" / "0.png")
    said = tenfold("commit-tuning", "ask", *files, "--model", tmp_path / "run").out.splitlines()
    assert said == [f"{files[0]}: lake", f"{files[1]}: red door"]
    asked = ("--question", "Is it made of water?")
    assert tenfold("commit-tuning", "ask", new, "--model", tmp_path / "run", *asked).out in (
        f"{new}: yes\n",
        f"{new}: no\n",
    )
    assert len(load(tmp_path / "run" / "model").predict(np.zeros((1, 3, 16, 16), np.float32))) == 1
    unknown = ("--question", "where is Rome?")
    refused = tenfold("commit-tuning", "ask", new, "--model", tmp_path / "run", *unknown, status=1)
    assert "does not know where, rome" in refused.err
    assert (
        "leave --like out"
        in tenfold("commit-tuning", "ask", new, "--model", tmp_path / "run", "--like", "fsdd", status=2).err
    )
    assert tenfold("commit-tuning", "ask", *files, "--model", tmp_path / "run" / "model").out.splitlines() == said
    long = ("--question", "is it a lake ? " * 20)
    refused = tenfold("commit-tuning", "ask", new, "--model", tmp_path / "run", *long, status=1).err
    assert "InvalidSubject" in refused and "of which the model reads 64: shorten it by" in refused
    missing = tenfold("commit-tuning", "ask", new, "--model", tmp_path / "runs", status=2).err
    assert "runs is no folder" in " ".join(missing.split())


def test_a_model_that_stands_alone_is_asked_as_what_its_words_allow(tenfold, tmp_path):
    new = tmp_path / "new.png"
    Image.new("RGB", (30, 20), COLOURS["lake"]).save(new)
    sizes = {"encoder": TokenConvNetConfig(channels=3), "hidden": 8, "layers": 1, "heads": 1}
    for name, words in (("known", words_of([SUBJECTS["cifar10"]])), ("other", ("a", "lake"))):
        seeded(SmallModel, SmallModelConfig(words, **sizes), 0).save_pretrained(tmp_path / name)
    known, other = (("commit-tuning", "ask", new, "--model", tmp_path / name) for name in ("known", "other"))
    assert "its words are those of cifar10" in " ".join(tenfold(*known, status=2).err.replace("│", " ").split())
    assert tenfold(*known, "--like", "cifar10").out.startswith(str(new))
    refused = " ".join(tenfold(*other, "--like", "cifar10", status=2).err.replace("│", " ").split())
    assert "was not taught it" in refused and "no task" in refused


def test_sounds_are_heard_as_long_as_the_longest_or_as_is_said(tenfold, tmp_path):
    folder = sounds(tmp_path / "tones")
    (folder / "low" / "notes.txt").write_text("when they were recorded")
    printed = tenfold("commit-tuning", "tune", folder, "--out", tmp_path / "run", "--method", "clr", *SHORT)
    assert "12 sounds of high, low" in printed.err and "1 files not read: they are no sounds" in printed.err
    reader = json.loads((tmp_path / "run" / "items.json").read_text())
    assert (reader["medium"], reader["channels"], reader["seconds"]) == ("sound", 1, 0.375)
    cut = tenfold(
        "commit-tuning", "tune", folder, "--out", tmp_path / "short", "--seconds", 0.25, "--method", "constant", *SHORT
    )
    assert "12 sounds cut after 0.25 s" in cut.err
    heard = folder / "low" / "1.wav"
    assert tenfold("commit-tuning", "ask", heard, "--model", tmp_path / "run").out.startswith(f"{heard}: ")


def test_every_method_starts_alike_and_does_what_it_is_called(photos, tmp_path):
    items, starts = read_own_items(photos, side=16), {}
    for method in METHODS:
        folder = tmp_path / method
        folder.mkdir()
        updates = 2 * BLOCK if method.endswith("_cd") else 4
        settings = TuningSettings(method, updates=updates, batch_size=8, every=2, pretrain_updates=2)
        found = tune_own(items, settings, folder)
        rows = read_trace(folder / "trace.jsonl")
        starts[method] = rows[0]["loss"]
        rates = {(row["factor_X"], row["factor_S"]) for row in rows}
        assert (found.facts["trainings"] == len(RATIOS)) == (method == "tuned_constant")
        if method in ("constant", "tuned_constant"):
            assert rates == {(1.0, 1.0)}
        elif method.endswith("_cd"):
            turns = [(row["factor_X"], row["factor_S"]) for row in rows]
            encoder, llm = [(0.0, 1.0)] * BLOCK, [(1.0, 0.0)] * BLOCK
            assert turns == (encoder + llm if method == "feature_cd" else llm + encoder)
        else:
            assert len(rates) == 2
    assert len(set(starts.values())) == 1
    searched = {path.name for path in (tmp_path / "tuned_constant" / "search").iterdir()}
    assert searched == {f"{ratio:g}.jsonl" for ratio in RATIOS}


def test_the_tuned_constant_is_chosen_on_validation_and_the_model_is_the_chosen_one(photos, tmp_path):
    items = read_own_items(photos, side=16)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    settings = TuningSettings("tuned_constant", updates=4, batch_size=8, pretrain_updates=2)
    tuned = tune_own(items, settings, tmp_path / "a")
    losses = {float(ratio): loss for ratio, loss in tuned.facts["validation_loss_by_ratio"].items()}
    ratio = tuned.facts["settings"]["ratio"]
    assert losses[ratio] == min(losses.values()) and tuned.facts["ratio_at_edge"] == (ratio in (0.1, 10.0))
    plain = TuningSettings("constant", updates=4, batch_size=8, ratio=ratio, pretrain_updates=2)
    alone = tune_own(items, plain, tmp_path / "b").model
    names = own_parts(items).validation.names
    assert losses[ratio] == scored(alone, _Asked(items, names, alone.questions(), 0))["loss"]
    assert all(torch.equal(one, alone.state_dict()[name]) for name, one in tuned.model.state_dict().items())


@pytest.mark.parametrize(
    ("method", "few", "says"),
    [("clr", 4, "from update 5 on"), ("commit", 4, "from update 5 on"), ("feature_cd", 19, "give 20"),
     ("language_cd", 10, "give 20")],
)  # fmt: skip
def test_a_method_that_cannot_act_in_so_few_updates_is_refused_by_name(method, few, says):
    with pytest.raises(InvalidScheduler, match=f"{method} .*{says}"):
        TuningSettings(method, updates=few)
    assert TuningSettings(method, updates=max(20, few + 1)).updates


def test_parts_are_disjoint_and_the_same_seed_draws_the_same(photos):
    items = read_own_items(photos)
    parts, again, other = (own_parts(items, seed=seed) for seed in (0, 0, 1))
    names = [set(parts.part(part).names) for part in PARTS]
    assert set.union(*names) == set(items.names) and sum(map(len, names)) == len(items.names)
    assert parts.test.names == again.test.names != other.test.names
    assert all(np.array_equal(np.unique(parts.part(part).labels), [0, 1]) for part in PARTS)


def test_a_copy_is_left_out_and_one_in_two_classes_refused(tmp_path):
    folder = images(tmp_path / "photos", 6)
    (folder / "lake" / "copy.png").write_bytes((folder / "lake" / "0.png").read_bytes())
    items = read_own_items(folder)
    assert items.left_out == 1 and "lake/copy.png" not in items.names
    (folder / "Red_Door" / "copy.png").write_bytes((folder / "lake" / "0.png").read_bytes())
    with pytest.raises(LeakedItems, match=r"Red_Door/copy.png and lake/0.png are one item in two classes"):
        read_own_items(folder)


def test_a_folder_s_name_and_a_property_s_classes_are_read_alike(tmp_path):
    folder = images(tmp_path / "photos", 5)
    (folder / "lake").rename(folder / "_Polar__bear_")
    subject = read_own_items(folder, properties={"white": ["Polar_Bear"]}).subject
    assert subject.classes == ("red door", "polar bear") and subject.properties == {"white": {"polar bear"}}
    with pytest.raises(TooFewItems, match="elsewhere is no folder"):
        read_own_items(tmp_path / "elsewhere")


def broken(folder: Path) -> None:
    (folder / "lake" / "7.png").write_text("no image")


def mixed(folder: Path) -> None:
    (folder / "lake" / "7.wav").write_bytes(b"RIFF")


def few(folder: Path) -> None:
    (folder / "lake" / "3.png").unlink()


def one_class(folder: Path) -> None:
    (folder / "lake").rename(folder.parent / "away")


def named_alike(folder: Path) -> None:
    (folder / "LAKE").mkdir()
    for path in (folder / "lake").iterdir():
        (folder / "LAKE" / path.name).write_bytes(path.read_bytes())


def long_name(folder: Path) -> None:
    (folder / "lake").rename(folder / "a_lake_in_the_woods")


def special(folder: Path) -> None:
    (folder / "lake").rename(folder / "<end>")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (broken, "InvalidImages: .*7.png cannot be read"),
        (mixed, "InvalidMedia: .*10 images and 1 sounds"),
        (few, "TooFewItems: .*lake has 4 images; a class needs 5"),
        (one_class, "TooFewItems: .*1 subfolders"),
        (named_alike, "InvalidSubject: .*different names"),
        (long_name, "InvalidSubject: .*one to three words"),
        (special, "InvalidSubject: .*no < or >"),
    ],
)
def test_what_cannot_be_learned_is_refused_before_anything_is_written(tenfold, tmp_path, spoil, says):
    folder = images(tmp_path / "photos", 5)
    spoil(folder)
    before = sorted(path.name for path in tmp_path.iterdir())
    refused = tenfold("commit-tuning", "tune", folder, "--out", tmp_path / "run", *SHORT, status=1).err
    assert re.search(says, refused), refused
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_outputs_and_options_that_do_not_go(tenfold, photos, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    assert "no such command wrote" in tenfold("commit-tuning", "tune", photos, "--out", there, status=1).err
    (there / "facts.json").write_text("{}")
    assert "is there already" in tenfold("commit-tuning", "tune", photos, "--out", there, status=1).err
    assert tenfold("commit-tuning", "tune", photos, "--out", there, "--force", *SHORT).out
    assert (there / "model" / "model.safetensors").is_file()
    out = ("--out", tmp_path / "new")
    assert (
        "no use for --ratio"
        in tenfold("commit-tuning", "tune", photos, *out, "--method", "tuned_constant", "--ratio", 3, status=2).err
    )
    assert "have no seconds" in tenfold("commit-tuning", "tune", photos, *out, "--seconds", 1, status=1).err
    (tmp_path / "more.json").write_text('{"Wet": "lake"}')
    wrong = tenfold("commit-tuning", "tune", photos, *out, "--properties", tmp_path / "more.json", status=1)
    assert "must be such as" in wrong.err
    (tmp_path / "more.json").write_text('{"wet": ["sea"]}')
    wrong = tenfold("commit-tuning", "tune", photos, *out, "--properties", tmp_path / "more.json", status=1)
    assert "said of sea, which is no class" in wrong.err and not (tmp_path / "new").exists()


def test_an_interrupted_training_leaves_nothing(tenfold, photos, tmp_path, monkeypatch):
    def interrupted(*_words, **_more):
        raise KeyboardInterrupt

    monkeypatch.setattr(SmallModel, "save_pretrained", interrupted)
    tenfold("commit-tuning", "tune", photos, "--out", tmp_path / "run", *SHORT, status=130)
    assert list(tmp_path.iterdir()) == []
