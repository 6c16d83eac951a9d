"""What is read on images and how it is scored: ceilings, wrong words, blank images, engines kept apart, any folder."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest

from tenfold.artist.asked import Asked, Shown, images_in, read_asked
from tenfold.artist.background_classifier import (
    background_examples,
    background_only,
    fd_bg,
    fd_bg_by_photograph,
    fd_bg_difference,
    train_background_classifier,
)
from tenfold.artist.canvases import Canvases, CanvasStyle, draw_canvases
from tenfold.artist.evaluation import NothingToEvaluate, evaluate, without_watermark
from tenfold.artist.layouts import InvalidLayout, Layout
from tenfold.artist.outside_ink import box_mask
from tenfold.artist.parts import fonts_of
from tenfold.artist.prompt_sets import Prompt, overlong, read_prompts
from tenfold.artist.readings import (
    COLUMNS,
    Reader,
    edit_similarity,
    letter_accuracy,
    read_in_boxes,
    read_lines,
    reading_table,
    word_accuracy,
)
from tenfold.artist.score_rows import MixedEngines, ScoreRow, obstacle, score_table
from tenfold.data.errors import TableMismatch
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import save_images
from tenfold.metrics.clustered import cluster_sums, clustered_difference
from tenfold.ocr.engine import NoEngine
from tenfold.ocr.page import Page, Word
from tenfold.ocr.reading import load_engine
from tenfold.rendering.assets import Assets
from tenfold.rendering.errors import InvalidDrawing
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.words import english_words

FONTS = fonts_of(bundled_fonts(), ("DejaVu Sans Book", "DejaVu Serif Book", "STIXGeneral Regular"))
needs_engine = pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra `ocr` is not installed")


def smooth(seed: int) -> np.ndarray:
    """Return a made-up photograph, 48×160, of a few soft waves."""
    generator = np.random.default_rng(seed)
    y, x = np.mgrid[0:48, 0:160] / 48
    waves = sum(
        generator.uniform(10, 60, (3, 1, 1)) * np.sin(a * x + b * y + c)
        for a, b, c in generator.uniform(0, 9, (3, 3)).tolist()
    )
    return np.clip(128 + np.moveaxis(np.asarray(waves), 0, 2), 0, 255).astype(np.uint8)


PHOTOGRAPHS = tuple(smooth(seed) for seed in range(4))
ASSETS = Assets(FONTS, english_words(3, 4), PHOTOGRAPHS)


@pytest.fixture(scope="module")
def canvases() -> Canvases:
    return draw_canvases(ASSETS, 48, np.random.default_rng(0), style=CanvasStyle())


class Recited:
    """An engine that recites lines, one image after the other, whatever it is shown."""

    name, version = "recited", "recited 1"

    def __init__(self, lines: list[list[str]]) -> None:
        self._lines = iter(lines)

    def read(self, image):
        words = [
            Word(word, (0.0, 0.0, 1.0, 1.0), 1.0, number)
            for number, line in enumerate(next(self._lines))
            for word in line.split()
        ]
        return Page(image.shape[1], image.shape[0], tuple(words), self.version)

    def read_crop(self, image):
        return "", 0.0


@needs_engine
def test_real_composites_reach_the_ceiling_and_wrong_words_score_nothing(canvases):
    """Trap 7: the reader is handed pixels; what it reads fits the right words and no others."""
    came = read_in_boxes(canvases.images, canvases.layouts, load_engine("ppocr6"))
    sums = reading_table(canvases.words, came).sum(axis=0)
    lines = read_lines(canvases.images[:3], load_engine("ppocr6"), enlarge=2, border=40)
    assert [list(words) for words in canvases.words[:3]] == lines
    assert word_accuracy(sums) >= 0.95 and letter_accuracy(sums) >= 0.97
    moved = canvases.words[1:] + canvases.words[:1]
    wrong = reading_table(moved, came).sum(axis=0)
    assert word_accuracy(wrong) == 0 and letter_accuracy(wrong) < 0.4


@needs_engine
def test_a_multi_word_line_costs_all_officially_and_nothing_when_split():
    style = CanvasStyle(words=2, width=200, height=20)
    image = draw_canvases(Assets(FONTS[:1], ("open", "late")), 1, np.random.default_rng(0), style=style)
    asked = Asked(f"a sign that says '{' '.join(image.words[0])}'", image.words[0], image.layouts[0])
    found = evaluate([Shown("0", image.images[0], asked, 0)], load_engine("ppocr6"), enlarge=2, border=60)
    if len(found.lines[0]) == 1:  # both words on one line
        assert found.scores("official").recall == 0
    assert found.scores("official_split").recall == pytest.approx(1)
    assert found.scores().accuracy == 1 and found.blank == 0
    described = found.described()
    assert "PP-OCRv6" in described["reader"]["version"] and described["boxes"]["word_accuracy"] == 1
    assert json.loads(json.dumps(described)) == described


def test_official_and_corrected_scores_differ_where_the_rules_do():
    prompts = [Asked("a sign 'open now'", ("open", "now")), Asked("'don't stop'", ("don't", "stop"))]
    shown = [Shown(str(n), np.zeros((16, 64, 3), np.uint8), one, n) for n, one in enumerate(prompts)]
    found = evaluate(shown, Recited([["open now"], ["don't stop"]]))
    assert found.tables["official"][0].tolist() == pytest.approx([0, 0, 0])
    assert found.tables["official_split"][0].tolist() == pytest.approx([1, 1, 1])
    assert found.tables["official_split"][1].tolist() == pytest.approx([0, 0, 0])  # the target is "don" there
    assert found.tables["corrected"].tolist() == [pytest.approx([1, 1, 1])] * 2
    assert found.phrases.exact == 1 and found.boxes is None and "boxes" not in found.described()


def test_a_blank_image_has_zero_everywhere_and_is_counted(canvases):
    """Symptom 6."""
    shown = [
        Shown(str(number), np.full((16, 64, 3), 128, np.uint8), Asked(said.text, said.words, layout), number)
        for number, (said, layout) in enumerate(zip(canvases.captions, canvases.layouts, strict=True))
    ]
    found = evaluate(shown, NoEngine())
    for name in found.tables:
        scores = found.scores(name)
        assert (scores.accuracy, scores.precision, scores.recall, scores.f_measure) == (0, 0, 0, 0)
    sums = found.boxes.sum(axis=0)
    assert word_accuracy(sums) == letter_accuracy(sums) == 0 and edit_similarity(sums) == pytest.approx(0, abs=1e-5)
    assert found.blank == len(canvases) == sums[COLUMNS.index("images")] == sums[COLUMNS.index("blank")]
    assert found.phrases.skipped == len(canvases) and found.phrases_corrected.images == len(canvases)
    with pytest.raises(NothingToEvaluate):
        evaluate([replace(shown[0], asked=Asked("a cat", ()))], NoEngine())


def test_sums_of_readings_are_resampled_by_prompt():
    wanted = [["open"], ["open"], ["late", "now"], ["late", "now"]]
    good = reading_table(wanted, [["open"], ["OPEN"], ["late", "now"], ["1ate", ""]])
    bad = reading_table(
        wanted,
        [
            [
                "",
            ],
            ["opem"],
            ["x", "y"],
            ["late", "n"],
        ],
    )
    assert good.tolist()[3][:4] == [2, 0, 7, 3] and word_accuracy(good).tolist() == [1, 1, 1, 0]
    prompts = np.array([0, 0, 1, 1])
    difference = clustered_difference(
        cluster_sums(prompts, good), cluster_sums(prompts, bad), word_accuracy, seed=0, resamples=200
    )
    assert difference.value == pytest.approx(4 / 6 - 1 / 6) and difference.n == 2
    assert np.isnan(word_accuracy(np.zeros(len(COLUMNS))))
    with pytest.raises(InvalidLayout):
        reading_table([["a", "b"]], [["a"]])


def test_a_table_of_two_engines_versions_or_ceilings_is_refused():
    """Symptom 2: the same prompts read by another engine give 32 % instead of 58 %."""
    reader = Reader("ppocr6", "PP-OCRv6 small (rapidocr 3.10.0)", "recognition in known boxes, enlarged 4 times")
    row = ScoreRow("artist", {"word_accuracy": 0.58}, reader, 0.97)
    table = score_table([row, replace(row, method="visual only", scores={"word_accuracy": 0.32})])
    assert all({"engine", "engine_version", "reading", "ceiling"} <= set(one) for one in table)
    for other in (
        replace(row, reader=replace(reader, engine="easyocr")),
        replace(row, reader=replace(reader, version="PP-OCRv6 small (rapidocr 3.11.0)")),
        replace(row, reader=replace(reader, how="detection and recognition, enlarged 4 times")),
        replace(row, ceiling=0.6),
    ):
        with pytest.raises(MixedEngines, match="2 readers"):
            score_table([row, other])


def test_what_makes_a_comparison_say_nothing():
    arms = {"artist": 0.76, "visual only": 0.3}
    assert obstacle(1.0, arms, text_module=0.9) is None
    assert "below 0.95" in str(obstacle(0.94, arms))
    assert "nothing to inject" in str(obstacle(1.0, arms, text_module=0.4))
    assert "saturated" in str(obstacle(1.0, {"artist": 0.95, "visual only": 0.93}))


def test_ten_comes_after_two(tmp_path):
    for number in range(1, 13):
        save_images(tmp_path / "made", np.full((1, 8, 8, 3), number, np.uint8))
        next((tmp_path / "made").iterdir()).rename(tmp_path / f"{number}.png")
    shown = images_in(tmp_path, [Asked(f"{number}", ()) for number in range(1, 13)])
    assert [int(one.image.mean()) for one in shown] == list(range(1, 13)) == [one.number + 1 for one in shown]


def test_images_of_a_folder_find_their_prompts(tmp_path):
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a sign 'open'\n\na sign that says “24h late”\n", encoding="utf-8")
    asked = read_asked(prompts)
    assert [one.words for one in asked] == [("open",), ("24h", "late")]
    assert asked[1].official == ("24h", "late")  # nothing between single quotes: its words
    pixels = np.stack([np.full((8, 8, 3), value, np.uint8) for value in (10, 20, 30, 40)])
    save_images(tmp_path / "ordered", pixels)
    assert [(one.number, int(one.image.mean())) for one in images_in(tmp_path / "ordered", asked)] == [
        (0, 10), (0, 20), (1, 30), (1, 40)
    ]  # fmt: skip
    named = tmp_path / "named"
    named.mkdir()
    for source, name in zip(sorted((tmp_path / "ordered").iterdir()), ("x_1_0", "x_0_0", "x_0_1"), strict=False):
        source.rename(named / f"{name}.png")
    assert [(one.name, one.number) for one in images_in(named, asked)] == [
        ("x_0_0.png", 0), ("x_0_1.png", 0), ("x_1_0.png", 1)
    ]  # fmt: skip
    (named / "x_1_0.png").rename(named / "x_2_0.png")
    with pytest.raises(InvalidImages, match="prompt 2"):
        images_in(named, asked)
    (named / "x_2_0.png").rename(named / "cover.png")
    with pytest.raises(InvalidImages, match="only 2 of 3"):
        images_in(named, asked)
    (named / "cover.png").unlink()
    with pytest.raises(InvalidImages, match="1 prompts have no image"):
        images_in(named, asked)
    with pytest.raises(InvalidImages, match="both are needed"):
        images_in(tmp_path, asked)


def test_canvases_that_were_written_are_evaluated_with_their_layouts(canvases, tmp_path):
    canvases.save(tmp_path)
    asked = read_asked(tmp_path / "canvases.jsonl")
    assert [one.layout for one in asked] == list(canvases.layouts)
    assert [one.words for one in asked] == list(canvases.words)
    save_images(tmp_path / "images", canvases.images)
    shown = images_in(tmp_path / "images", asked)
    assert all(np.array_equal(one.image, image) for one, image in zip(shown, canvases.images, strict=True))
    (tmp_path / "wrong.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b", "width": 8, "height": 8, "words": [3]}\n')
    with pytest.raises(TableMismatch, match=r"wrong.jsonl:2"):
        read_asked(tmp_path / "wrong.jsonl")
    row = {"prompt": "a", "wanted": ["open"], "width": 8, "height": 8, "words": [{"text": "shut", "box": [0, 0, 8, 8]}]}
    (tmp_path / "other.jsonl").write_text(json.dumps(row))
    with pytest.raises(TableMismatch, match=r"`wanted` is open, but `words` with boxes are shut"):
        read_asked(tmp_path / "other.jsonl")
    (tmp_path / "prompts.json").write_text("[]")
    with pytest.raises(TableMismatch, match=r"prompts.json: .*\.txt\) or JSON lines \(.jsonl\)"):
        read_asked(tmp_path / "prompts.json")


def test_what_is_no_number_is_none_in_json():
    shown = [
        Shown("0", np.zeros((16, 64, 3), np.uint8), Asked("'open'", ("open",), Layout(64, 16)), 0),
        Shown("1", np.zeros((16, 64, 3), np.uint8), Asked("a cat", (), Layout(64, 16)), 1),
    ]
    heard = []
    described = evaluate(shown, NoEngine(), progress=lambda *told: heard.append(told)).described()
    assert described["boxes"]["word_accuracy"] is None is described["boxes"]["ned"]
    assert json.loads(json.dumps(described, allow_nan=False)) == described and heard == [(1, 2), (2, 2)]


def test_a_watermark_is_blackened():
    image = np.full((512, 512, 3), 200, np.uint8)
    covered = without_watermark(image, 64)
    assert covered[448:, 448:].max() == 0 and covered[:448].min() == covered[:, :448].min() == 200
    assert image.min() == 200 and without_watermark(image, 0) is image


def test_prompts_of_the_mirror_and_of_the_published_files_are_the_same(tmp_path):
    for name, content in made_up_files(StandIn(maker="text_prompts", rows=16, seed=1))[1].items():
        (tmp_path / name).write_bytes(content)
    prompts = read_prompts(tmp_path)
    assert len(prompts) == 16 and all(len(one.words) == 1 and one.words[0] in one.text for one in prompts)
    published = tmp_path / "published"
    published.mkdir()
    for one in prompts:
        with (published / f"{one.set}_{one.bucket}.txt").open("a", encoding="utf-8") as stream:
            stream.write(one.text + "\n")
    (published / "CreativeBench_templates.txt").write_text('a box with ""\n')
    again = read_prompts(published)
    as_published = {replace(one, source="GlyphControl") for one in prompts}
    assert set(again) == as_published | {Prompt('a box with ""', (), "CreativeBench_templates")}
    with pytest.raises(TableMismatch, match="no prompts"):
        read_prompts(tmp_path / "nothing")


def test_prompts_beyond_the_encoders_limit_are_named():
    """Trap 11."""
    prompts = ["a sign", "word " * 75, "word " * 76]
    assert overlong(prompts, lambda prompt: len(prompt.split()) + 2) == [2]
    assert overlong(prompts, lambda prompt: len(prompt.split()) + 2, longest=76) == [1, 2]


def test_backgrounds_are_compared_without_their_words(canvases):
    generator = np.random.default_rng(1)
    style = CanvasStyle(backgrounds="photographs")
    images, labels = background_examples(ASSETS, 8, generator, style=style)
    assert images.shape == (160, 16, 64, 3) and np.bincount(labels).tolist() == [8] * 20
    model, losses = train_background_classifier(images, labels, seed=0, updates=60)
    assert losses[-1] < losses[0] - 0.3
    one, other = (draw_canvases(ASSETS, 64, generator, style=style) for _ in range(2))
    same = fd_bg(one.images, one.layouts, other.images, other.layouts, model)
    noisy = np.clip(one.images + generator.normal(0, 40, one.images.shape), 0, 255).astype(np.uint8)
    worse = fd_bg(noisy, one.layouts, other.images, other.layouts, model)
    assert worse.value > 2 * same.value
    covered = one.images.copy()
    for image, layout in zip(covered, one.layouts, strict=True):
        image[box_mask(layout)] = 7  # other words, or none
    assert np.array_equal(background_only(covered, one.layouts), background_only(one.images, one.layouts))
    difference = fd_bg_difference((noisy, one.layouts), (one.images, one.layouts), (other.images, other.layouts), model)
    assert difference.value == pytest.approx(worse.value - same.value, rel=1e-6)
    sides = ((noisy, one.layouts), (one.images, one.layouts), (other.images, other.layouts))
    alone, by_photograph = (fd_bg_by_photograph(*sides, numbers, model) for numbers in ((-1,) * 64, other.photographs))
    assert len(alone) == 64 and len(by_photograph) == len({n for n in other.photographs if n >= 0}) + sum(
        n < 0 for n in other.photographs
    )
    # a distance that each image has twice differs as much over images as before, counted by pairs and not by images
    twice = tuple(
        (np.repeat(images, 2, axis=0), [one for one in layouts for _ in range(2)]) for images, layouts in sides
    )
    pairs, singles = (fd_bg_by_photograph(*twice, numbers, model) for numbers in (np.arange(128) // 2, (-1,) * 128))
    error, too_small = (one.std(ddof=1) / len(one) ** 0.5 for one in (pairs, singles))
    assert error == pytest.approx(alone.std(ddof=1) / 8, rel=0.1) and too_small < 0.8 * error
    with pytest.raises(InvalidLayout, match="3 photographs for 64 real images"):
        fd_bg_by_photograph(*sides, (0, 1, 2), model)
    _, treatments = background_examples(replace(ASSETS, photographs=PHOTOGRAPHS[:1]), 1, generator, style=style)
    assert len(set(treatments)) > 1, "one photograph in several treatments has classes, too"
    with pytest.raises(InvalidDrawing, match="one or more"):
        background_examples(replace(ASSETS, photographs=()), 1, generator, style=style)
    with pytest.raises(InvalidLayout, match="belong together"):
        background_only(one.images, one.layouts[:1])
