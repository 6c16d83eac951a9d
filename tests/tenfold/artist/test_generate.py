"""``tenfold artist generate`` on a tiny trained pipeline: the layout arrives, seeds are bytes, nothing is replaced."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from diffusers import DiffusionPipeline

from tenfold.artist.asked import images_in, read_asked
from tenfold.artist.errors import InvalidSampling
from tenfold.artist.generation import canvas_of, centred_words, drawn_text, generate, load_pipeline
from tenfold.artist.image_folders import sheet_of
from tenfold.artist.layouts import InvalidLayout, Layout, PlacedWord
from tenfold.artist.noising import small_scheduler
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.sampling import SamplingConfig
from tenfold.artist.stable_diffusion import from_stable_diffusion
from tenfold.artist.variants import build
from tenfold.imaging.files import load_images
from tenfold.models.folder import InvalidModel
from tenfold.rendering.fonts import bundled_fonts
from tests.tenfold.artist.toys import TEXT, VISUAL

PROMPT = "a sign that says 'ab'"
WHOLE = ("--boxes", "0,0,1,1")


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_same_seed_writes_the_same_bytes_and_another_does_not(tenfold, trained, tmp_path):
    """Symptom 5, from the command line through diffusers' loading to the files."""
    command = ("artist", "generate", "--model", trained, "--prompt", PROMPT, *WHOLE, "--images", 3, "--grid")
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        printed = tenfold(*command, "--seed", seed, "--out", tmp_path / name)
        assert "3 images of prompt 0, ab (quotes)" in printed.out and "update 15 of 15" in printed.err
    one, same, other = (files(tmp_path / name) for name in ("one", "same", "other"))
    assert one == same and set(one) == set(other)
    assert set(one) == {"prompts.jsonl", "grids/0000.png"} | {
        f"{room}0000_000{n}.png" for room in ("", "text/") for n in range(3)
    }
    assert all(one[name] != other[name] for name in one)
    assert load_images(tmp_path / "one", channels=3).shape == (3, 8, 16, 3)
    assert load_images(tmp_path / "one" / "text", channels=1).shape == (3, 8, 16)


def test_the_words_arrive_in_their_boxes(trained):
    """Symptoms 1 and 8: a is white and b striped, on the text image and inverted on the image, each in its slot."""
    pipe = load_pipeline(trained)
    assert type(pipe.unet).__module__.startswith("diffusers.") and pipe.canvas == (16, 8)
    layout = Layout(16, 8, (PlacedWord("ab", (0, 0, 16, 8)),))
    swapped = Layout(16, 8, (PlacedWord("ba", (0, 0, 16, 8)),))
    made, other = (generate(pipe, PROMPT, one, images=8) for one in (layout, swapped))
    for out, left_is_a in ((made, True), (other, False)):
        text, image = out.text_images.mean(axis=(0, 1)), out.images.mean(axis=(0, 1, 3))  # over columns
        difference = text[:8].mean() - text[8:].mean()
        assert (difference > 40) == left_is_a and abs(difference) > 40
        assert (image[:8].mean() < image[8:].mean()) == left_is_a
    half = generate(pipe, "a sign 'a'", Layout(16, 8, (PlacedWord("a", (0, 0, 8, 8)),)), images=8)
    moved = generate(pipe, "a sign 'a'", Layout(16, 8, (PlacedWord("a", (8, 0, 16, 8)),)), images=8)
    change = np.abs(half.text_images.astype(int) - moved.text_images).mean(axis=(0, 1))
    assert change[:8].mean() > 20 and change[8:].mean() > 20


def test_the_row_says_what_was_asked_for_and_what_reached_the_networks(tenfold, trained, tmp_path):
    """Symptom 1: the dump lists every word and box; the folder is what evaluate reads."""
    out, layout = tmp_path / "images", tmp_path / "plan.json"
    tenfold("artist", "generate", "--model", trained, "--prompt", PROMPT, "--out", out, *WHOLE, "--images", 2)
    plan = tenfold("artist", "plan", "'b' and 'a'", "--width", 64, "--height", 32).out
    described = json.loads(plan)
    described["words"] = [{"text": "b", "box": [0, 0, 32, 32]}, {"text": "a", "box": [32, 0, 64, 32]}]
    layout.write_text(json.dumps(described))
    more = ("--layout", layout, "--images", 2, "--add", "--font", "DejaVu Sans Book")
    tenfold("artist", "generate", "--model", trained, "--prompt", "'b' 'a'", "--out", out, *more)
    follows = ("--layout", layout, "--images", 1, "--steps", 1, "--out", tmp_path / "other")
    said = tenfold("artist", "generate", "--model", trained, "--prompt", "'ab'", *follows).err
    assert "the prompt quotes ab, and --layout has b a: the layout is followed" in said
    first, second = (json.loads(line) for line in (out / "prompts.jsonl").read_text().splitlines())
    assert first["words"] == [{"text": "ab", "box": [0, 0, 16, 8], "found": "ab", "cells": 32}]
    assert [word["found"] for word in second["words"]] == ["b", "a"] == second["wanted"]
    assert [word["box"] for word in second["words"]] == [[0, 0, 8, 8], [8, 0, 16, 8]]
    assert (first["font"], second["font"], second["how"]) == (None, "DejaVu Sans Book", "layout")
    shown = images_in(out, read_asked(out / "prompts.jsonl"))
    assert [(one.name, one.number, one.asked.words) for one in shown] == [
        ("0000_0000.png", 0, ("ab",)), ("0000_0001.png", 0, ("ab",)),
        ("0001_0000.png", 1, ("b", "a")), ("0001_0001.png", 1, ("b", "a")),
    ]  # fmt: skip
    texts = load_images(out / "text", channels=1)
    boxes = tuple(PlacedWord(word["text"], tuple(word["box"])) for word in second["words"])
    assert np.array_equal(texts[2], drawn_text([Layout(16, 8, boxes)], bundled_fonts()[0])[0])


def test_an_existing_folder_is_refused_or_added_to_and_nothing_in_it_changes(tenfold, trained, tmp_path):
    """Symptom 5: a peer deletes the images of the last run."""
    out = tmp_path / "images"
    command = ("artist", "generate", "--model", trained, "--prompt", PROMPT, "--out", out, *WHOLE, "--images", 1)
    tenfold(*command, "--steps", 1)
    before = files(out)
    assert "--add" in tenfold(*command, status=1).err and files(out) == before
    tenfold(*command, "--steps", 1, "--seed", 5, "--add")
    after = files(out)
    assert {name: after[name] for name in before if name != "prompts.jsonl"} == {
        name: before[name] for name in before if name != "prompts.jsonl"
    }
    assert after["prompts.jsonl"].startswith(before["prompts.jsonl"]) and "0001_0000.png" in after
    (out / "0002_0000.png").write_bytes(b"left")
    assert "broke off" in tenfold(*command, "--add", status=1).err
    (tmp_path / "mine").mkdir()
    assert "only to a folder that generate wrote" in tenfold(*command[:-5], tmp_path / "mine", "--add", status=1).err


def test_a_prompt_may_hold_other_ends_of_lines_and_half_a_character(tenfold, trained, tmp_path):
    out = tmp_path / "images"
    command = ("artist", "generate", "--model", trained, "--out", out, *WHOLE, "--images", 1, "--steps", 1, "--add")
    said = ["a sign\u2028that says 'ab'", "'ab'\x85 \udce9", "'ab'"]
    for prompt in said:
        tenfold(*command, "--prompt", prompt)
    asked = read_asked(out / "prompts.jsonl")
    assert [one.prompt for one in asked] == said and len(images_in(out, asked)) == 3


def test_a_run_that_fails_leaves_nothing(tenfold, trained, tmp_path):
    command = ("artist", "generate", "--model", trained, "--out", tmp_path / "images", "--prompt")
    for prompt, more, status, says in (
        (PROMPT, ("--boxes", "0,0,1"), 2, "x0,y0,x1,y1"),
        (PROMPT, ("--boxes", "0,0,16,8"), 2, "shares of the sides"),
        (PROMPT, ("--boxes", "0,0,.5,1;.5,0,1,1"), 2, "2 boxes for 1 words (ab)"),
        (PROMPT, ("--boxes", "0,0,.05,1"), 1, "each of its 2 letters needs a place"),
        (PROMPT, ("--layout", tmp_path / "none.json"), 1, "holds no plan"),
        (PROMPT, ("--layout", tmp_path / "none.json", "--boxes", "0,0,1,1"), 2, "has no use for --boxes"),
        (PROMPT, ("--width", 30), 1, "multiples of 4 pixels"),
        (PROMPT, ("--font", "Comic Sans"), 1, "no font is called"),
        ("'Müller'", ("--boxes", "0,0,1,1"), 1, "has no number"),
        ("'abcab'", ("--boxes", "0,0,1,1"), 1, "the limit is 4"),
    ):
        assert says in tenfold(*command, prompt, *more, status=status).err
        assert not list(tmp_path.iterdir())
    empty = tmp_path / "empty"
    empty.mkdir()
    refused = tenfold(*command, PROMPT, "--model", empty, status=1).err
    assert "model_index.json" in refused and not (tmp_path / "images").exists()


def test_a_prompt_without_words_gives_plain_images_with_a_warning(tenfold, trained, tmp_path):
    """Symptom 3."""
    command = ("artist", "generate", "--model", trained, "--prompt", "a cat", "--out", tmp_path / "images")
    printed = tenfold(*command, "--images", 1, "--steps", 2)
    assert "NoKeywords" in printed.err and "no words (none)" in printed.out
    (row,) = (json.loads(line) for line in (tmp_path / "images" / "prompts.jsonl").read_text().splitlines())
    assert row["words"] == [] == row["wanted"]


@pytest.mark.parametrize(
    ("words", "size"), [(["open"], (64, 16)), (["open", "late"], (64, 16)), (["to", "be"], (32, 32))]
)
def test_words_in_the_middle_fill_their_parts_without_overlap(words, size):
    layout = centred_words(words, width=size[0], height=size[1])
    assert layout.texts == tuple(words) and not layout.overlaps
    drawn = drawn_text([layout])[0]
    for x0, y0, x1, y1 in layout.boxes:
        assert drawn[y0:y1, x0:x1].max() > 150
        rows = np.flatnonzero(drawn[y0:y1, x0:x1].any(axis=1))
        assert rows[0] <= 1 and rows[-1] >= y1 - y0 - 3  # the ink fills its box, but for sizes of whole pixels
    assert not np.delete(drawn, [row for _, y0, _, y1 in layout.boxes for row in range(y0, y1)], axis=0).any()
    if len(words) == 2:
        (first, second), along = layout.boxes, 0 if size[0] > size[1] else 1
        assert first[2 + along] <= second[along]


def test_batches_change_no_image_but_for_rounding_and_progress_is_told(trained):
    pipe, heard = load_pipeline(trained), []
    layout = Layout(16, 8, (PlacedWord("ab", (0, 0, 16, 8)),))
    config = SamplingConfig(num_inference_steps=3)
    whole = generate(pipe, PROMPT, layout, images=5, config=config)
    parts = generate(pipe, PROMPT, layout, images=5, config=config, batch=2, progress=lambda *told: heard.append(told))
    assert np.abs(whole.images.astype(int) - parts.images).max() <= 1
    assert heard == [(number, 9) for number in range(1, 10)]
    assert not pipe.unet._forward_hooks.keys() - load_pipeline(trained).unet._forward_hooks.keys()
    assert sheet_of(layout, parts).shape == (2 * 128, 6 * 256, 3)


def test_a_pipeline_that_reads_drawn_text_and_one_that_reads_none(tmp_path):
    drawn = ArtistPipeline.of(build("glyph_image", VISUAL, TEXT, seed=0), small_scheduler(), canvas=(16, 8))
    drawn.save_pretrained(tmp_path / "glyphs")
    pipe, layout = load_pipeline(tmp_path / "glyphs"), centred_words(["ab"], width=16, height=8)
    config = SamplingConfig(num_inference_steps=2)
    fonts = bundled_fonts()
    sans, mono = (generate(pipe, PROMPT, layout, config=config, font=font).images for font in (None, fonts[8]))
    assert (sans != mono).any()
    alone = ArtistPipeline.of(build("visual_only", VISUAL, TEXT, seed=0), small_scheduler())
    with pytest.raises(InvalidSampling, match="a font draws the text image"):
        generate(alone, PROMPT, layout, config=config, font=fonts[0])
    with pytest.raises(InvalidLayout, match="give width and height"):
        canvas_of(alone)


def test_weights_that_are_pickles_are_refused(trained, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    weights = copy / "unet" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(InvalidModel, match="cannot be loaded") as raised:
        load_pipeline(copy)
    assert "\n" not in str(raised.value)


def test_loading_is_diffusers_own(trained):
    """Symptom 8: nothing of how diffusers loads is replaced or patched."""
    assert ArtistPipeline.from_pretrained.__func__ is DiffusionPipeline.from_pretrained.__func__
    pipe = ArtistPipeline.from_pretrained(trained, use_safetensors=True)
    assert pipe.artist.injector.attached and pipe.canvas == (16, 8)


def test_a_latent_pipeline_reads_the_prompt_and_says_which_words_are_small(tenfold, checkpoint, tmp_path):
    """Trap 11: a word of fewer than 8 latent places; a prompt beyond the text encoder's tokens."""
    from_stable_diffusion(checkpoint).save_pretrained(tmp_path / "full")
    command = ("artist", "generate", "--model", tmp_path / "full", "--steps", 1, "--images", 1)
    small = tenfold(*command, "--prompt", "'ab'", "--boxes", "0,0,.5,.5", "--out", tmp_path / "small").err
    assert "below 8 latent places" in small and "ab" in small
    large = tenfold(*command, "--prompt", "'ab'", "--boxes", "0,0,1,1", "--out", tmp_path / "large").err
    assert "below" not in large
    refused = tenfold(*command, "--prompt", "a very long prompt indeed 'ab'", *WHOLE, "--out", tmp_path / "x", status=1)
    assert "tokens, of which the text encoder reads 12" in refused.err and not (tmp_path / "x").exists()
