"""Planning, sampling and reading on real small inputs: what goes in arrives, and what is counted is what was drawn."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from steps.artist import read as reading
from steps.artist.canvas_sets import prompt_rows, real_composites
from steps.artist.moved_boxes import changed_layout, changes
from steps.artist.plan import (
    CHAT,
    QUOTED,
    REAL,
    REGEX,
    TAGGER,
    UNQUOTED,
    PlanParams,
    one_of_each,
    plan,
    read_plans,
    template_of,
)
from steps.artist.read import CANVAS, CROP, ReadParams, read, read_readings
from steps.artist.sample import PIPELINE, SWAP, SampleParams, read_dump, read_images, sample
from steps.artist.saved_arms import OtherTextModule, load_arm, read_rows
from steps.artist.train_background_classifier import (
    TrainBackgroundClassifierParams,
    train_background_classifier,
)
from steps.step.json_files import read_json
from steps.step.run import Run
from tenfold.artist.captions import WITHOUT_WORDS
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.layouts import Layout, PlacedWord
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.metrics.metric_classifier import MetricClassifier
from tests.steps.artist.small import MODEL, write_prepared, write_real_prompts, write_text, write_trained

PLAN = PlanParams(seeds=2, captions=40, updates=3, learning_rate=1e-2, real=None, chat=0, max_tokens=32, batch_size=4)
SAMPLE = SampleParams(
    repeats=2, repeats_beside=1, planned=4, moved=6, num_inference_steps=2, guidance_scale=1.0, batch_size=5
)
READ = ReadParams(
    engines=["ppocr6"],
    least_ceiling=0.8,
    canvases=1,
    canvas_repeats=1,
    enlarge=4,
    canvas_enlarge=2,
    canvas_border=40,
)


def ran(step, folder: Path, inputs, params, **about) -> Path:
    folder.mkdir(parents=True)
    name = step.__name__
    step(**inputs, out=folder, params=params, run=Run("artist", name, out=folder, **about))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folders of prepare to sample, the later ones from tiny untrained networks."""
    root = tmp_path_factory.mktemp("artist")
    found = {"prepared": write_prepared(root / "prepared"), "text": write_text(root / "text")}
    found["trained"] = write_trained(
        root / "trained", found["text"], {"artist": [4], "visual_only": [4, 9], "glyph_image": [4]}
    )
    inputs = {
        "prepared": found["prepared"],
        "prompts": write_real_prompts(root / "prompts"),
        "decoder": root / "none",
    }
    found["planned"] = ran(plan, root / "planned", inputs, PLAN)
    names = ("prepared", "planned", "text", "trained")
    found["sampled"] = ran(sample, root / "sampled", {name: found[name] for name in names}, SAMPLE)
    return found


def test_the_first_model_is_saved_as_generate_takes_it(made):
    from tenfold.artist import load_pipeline

    pipeline = load_pipeline(made["sampled"] / PIPELINE)
    assert pipeline.canvas == (64, 16) and pipeline.artist.text is not None and pipeline.artist.text.frozen


def test_plans_of_both_forms_by_both_planners(made):
    rows = read_plans(made["planned"])
    assert {(row["planner"], row["seed"]) for row in rows} == {(REGEX, 0), (TAGGER, 0), (TAGGER, 1)}
    real = [row for row in rows if row["set"] == REAL and row["planner"] == REGEX]
    assert len(real) == 10 and len({row["template"] for row in real}) == 2
    for row in real:
        assert row["found"] == (row["wanted"] if row["form"] == QUOTED else [])
        assert row["hits"] == len(row["found"]) == len(row["boxes"])
    wordless = [row for row in rows if row["set"] == "wordless"]
    assert len({row["template"] for row in wordless}) == len(WITHOUT_WORDS) and not any(
        row["wanted"] for row in wordless
    )
    assert all("{" not in row["prompt"] and not row["prompt"].endswith((" says", " reads ")) for row in wordless)
    assert not [row for row in rows if "street sign on the street" in row["prompt"]]  # a word was cut out of it
    asked = prompt_rows(made["prepared"])
    tested = [row for row in rows if row["set"] == "test" and row["planner"] == TAGGER and row["seed"] == 0]
    assert {row["number"] for row in tested if row["form"] == UNQUOTED} == set(range(len(asked)))
    assert {row["number"] for row in tested if row["form"] == QUOTED} == {one.number for one in asked if one.quoted}
    assert not [row for row in rows if row["planner"] == CHAT] and read_json(made["planned"] / "fallbacks.json")


@pytest.mark.parametrize(
    ("prompt", "words", "template"),
    [
        ("A sign that says open.", ["open"], "a sign that says ·."),
        ("The opener says Open", ["open"], "the opener says ·"),
        ("it says don't stop", ["don't", "stop"], "it says · ·"),
    ],
)
def test_prompts_that_differ_by_their_words_alone_share_a_template(prompt, words, template):
    assert template_of(prompt, words) == template


def test_every_model_is_sampled_from_the_same_noise(made):
    images = read_images([made["sampled"]])
    prompts = prompt_rows(made["prepared"])
    assert len(images) == 4
    for name, path in images.items():
        with np.load(path) as arrays:
            assert arrays["test"].shape == (2 * len(prompts), 16, 64, 3) and arrays["test"].dtype == np.uint8
            assert ("text" in arrays.files) == name.startswith("artist-")
            assert ("tagger-unquoted" in arrays.files) == name.startswith("artist-")
    first, second = (np.load(images[f"visual_only-grey-16-0@{n}"])["test"] for n in (4, 9))
    assert np.array_equal(first, second)  # the same untrained weights, the same noise
    assert not np.array_equal(first[0], first[len(prompts)])  # two images of a prompt


def test_text_is_given_to_both_and_finished_text_to_the_arm_that_reads_it(made):
    images, prompts = read_images([made["sampled"]]), prompt_rows(made["prepared"])
    artist, glyphs = (np.load(images[f"{name}-grey-16-0@4"]) for name in ("artist", "glyph_image"))
    assert {"given", "given-prompts"} <= set(artist.files) and not {"given", "cascade"} & set(
        np.load(images["visual_only-grey-16-0@4"]).files
    )
    assert artist["given"].shape == (len(prompts), 16, 64, 3)
    assert np.array_equal(artist["given"], artist["test"][: len(prompts)])  # an injector of zeros tells no text
    assert "given" not in glyphs.files and glyphs["cascade"].shape == artist["given"].shape
    assert not np.array_equal(
        glyphs["cascade"], glyphs["test"][: len(prompts)]
    )  # another text image than the drawn one
    told = {row["prompt"]: row for row in read_dump(made["sampled"]) if row["layouts"] == "cascade"}
    assert [tuple(word["text"] for word in told[one.number]["words"]) for one in prompts] == [
        one.keywords for one in prompts
    ]


def test_a_language_model_is_asked_one_prompt_of_each_template():
    rows = [
        {"number": 10 * place + n, "template": name, "form": form}
        for place, (name, times) in enumerate((("a", 9), ("b", 1), ("c", 1)))
        for n in range(times)
        for form in (QUOTED, UNQUOTED)
    ]
    assert [row["number"] for row in one_of_each(rows, 5)] == [0, 0, 10, 10, 20, 20]
    assert len({row["template"] for row in one_of_each(rows, 2)}) == 2


def test_a_batch_of_another_size_changes_nothing(made, tmp_path):
    names = ("prepared", "planned", "text", "trained")
    other = ran(
        sample, tmp_path / "other", {name: made[name] for name in names}, SAMPLE.model_copy(update={"batch_size": 16})
    )
    one, two = read_images([made["sampled"]]), read_images([other])
    for name in one:
        difference = np.load(one[name])["test"].astype(int) - np.load(two[name])["test"]
        assert abs(difference).max() <= 1  # the last bit of a sum


def test_the_dump_lists_every_word_and_box(made):
    rows = read_dump(made["sampled"])
    prompts = prompt_rows(made["prepared"])
    test = [row for row in rows if row["layouts"] == "test" and row["model"].startswith("artist-")]
    assert [row["prompt"] for row in test] == [one.number for one in prompts]
    for row, one in zip(test, prompts, strict=True):
        assert [(word["text"], tuple(word["box"])) for word in row["words"]] == list(
            zip(one.keywords, one.boxes, strict=True)
        )
        assert all(word["text"] == word["found"] for word in row["words"]) and row["refused"] is None
    planned = {(row["prompt"], row["layouts"]): row for row in rows if "-" in row["layouts"]}
    plans = read_plans(made["planned"])
    for (number, images), row in planned.items():
        planner, form = images.split("-")
        (asked,) = [
            one
            for one in plans
            if (one["set"], one["number"], one["planner"], one["form"], one["seed"])
            == ("test", number, planner, form, 0)
        ]
        assert [word["text"] for word in row["words"]] == ([] if row["refused"] else asked["found"])
        assert row["refused"] is None or "letters" in row["refused"]


def test_a_moved_box_is_told_from_what_does_not_move():
    layout = Layout(64, 16, (PlacedWord("open", (2, 2, 30, 14)),))
    moved = changed_layout(layout)
    assert moved is not None and moved.boxes == ((36, 2, 64, 14),) and moved.texts == ("open",)
    assert changed_layout(Layout(64, 16, (PlacedWord("open", (2, 2, 62, 14)),))) is None
    pair = Layout(64, 16, (PlacedWord("open", (0, 2, 30, 14)), PlacedWord("shut", (34, 2, 64, 14))))
    exchanged = changed_layout(pair)
    assert exchanged is not None and exchanged.texts == ("shut", "open") and exchanged.boxes == pair.boxes
    before = np.zeros((16, 64, 3), np.uint8)
    inside, outside = before.copy(), before.copy()
    inside[5, 40], outside[5, 33] = 90, 90
    assert changes(before, inside, layout, moved)[1] == 0 < changes(before, inside, layout, moved)[0]
    assert changes(before, outside, layout, moved)[0] == 0 < changes(before, outside, layout, moved)[1]


def test_swaps_are_written_for_prompts_that_have_room(made):
    rows = read_json(made["sampled"] / SWAP)
    prompts = prompt_rows(made["prepared"])[: SAMPLE.moved]
    able = {one.number for one in prompts if changed_layout(one.layout) is not None}
    assert {row["prompt"] for row in rows} == able and able
    assert all(row["inside"] >= 0 and row["outside"] >= 0 for row in rows)


def test_another_text_module_is_refused(made, tmp_path):
    folder = tmp_path / "text"
    Denoiser.new(MODEL.text(), seed=99).save_pretrained(folder / "text" / "word_sentence-0")
    row = next(one for one in read_rows([made["trained"]]) if one["arm"] == "artist")
    with pytest.raises(OtherTextModule, match="again"):
        load_arm(made["trained"], row, folder)
    assert load_arm(made["trained"], row, made["text"]).text.frozen


def test_real_composites_are_read_and_untrained_arms_are_not(made, tmp_path):
    inputs = {"prepared": made["prepared"], "samples": [made["sampled"]]}
    rows = read_readings(ran(read, tmp_path / "read", inputs, READ))
    boxes = [row for row in rows if row["mode"] == CROP]
    real = [row for row in boxes if row["model"] == "real-grey"]
    assert len(real) == 8 and sum(row["exact"] for row in real) >= 0.8 * sum(row["words"] for row in real)
    assert all({"engine", "version", "how"} <= set(row) and row["version"] for row in rows)
    untrained = [row for row in boxes if not row["model"].startswith("real-") and row["layouts"] == "test"]
    assert len(untrained) == 4 * 16 and sum(row["exact"] for row in untrained) == 0
    whole = [row for row in rows if row["mode"] == CANVAS]
    assert {(row["prompt"], row["repeat"]) for row in whole} == {(0, 0)} and len(whole) == 5
    planned = [row for row in boxes if row["layouts"] == f"{REGEX}-{UNQUOTED}"]
    assert planned and all(row["read"] == [] and row["wanted"] for row in planned)
    (about,) = read_json(tmp_path / "read" / reading.READERS)
    assert about["ceilings"]["grey"] >= 0.8 and not about["why_not"]


@pytest.mark.parametrize("moved", [0, 1])
def test_images_are_read_for_the_prompts_that_they_are_of(made, tmp_path, moved):
    """Real composites stand in for samples: each is right for its own prompt, and wrong for the next one's."""
    real = real_composites(made["prepared"], "grey").images
    sampled = tmp_path / "sampled"
    copytree(made["sampled"], sampled)
    for path in (sampled / "images").glob("*.npz"):
        with np.load(path) as arrays:
            kept = dict(arrays)
        for name in [name for name in kept if kept[name].ndim == 4]:
            numbers = kept.get(f"{name}-prompts", np.arange(len(kept[name])) % len(real))
            kept[name] = real[(numbers + moved) % len(real)]
        np.savez_compressed(path, allow_pickle=False, **kept)
    rows = read_readings(ran(read, tmp_path / "read", {"prepared": made["prepared"], "samples": [sampled]}, READ))
    own = [row for row in rows if row["mode"] == CROP and not row["model"].startswith("real-")]
    for layouts in ("test", "given", "cascade"):
        found = [row for row in own if row["layouts"] == layouts]
        share = sum(row["exact"] for row in found) / sum(row["words"] for row in found)
        assert found and (share <= 0.2 if moved else share >= 0.8), (layouts, share)
    assert {row["repeat"] for row in own if row["layouts"] == "test"} == {0, 1}


def test_the_background_classifier_learns_from_training_photographs(made, tmp_path):
    params = TrainBackgroundClassifierParams(each=2, photographs=2, updates=3, batch_size=8)
    out = ran(train_background_classifier, tmp_path / "classifiers", {"prepared": made["prepared"]}, params)
    model = MetricClassifier.load(out / "grey" / "classifier")
    assert model.config.classes == 2 * 5 and len(json.loads((out / "history.json").read_text())["grey"]) == 3


def test_a_language_model_that_writes_no_plan_falls_back_in_the_open(made, tmp_path):
    decoder = tmp_path / "decoder"
    decoder.mkdir()
    for name, content in made_up_files(StandIn(maker="decoder", seed=0, width=16))[1].items():
        (decoder / name).write_bytes(content)
    inputs = {"prepared": made["prepared"], "prompts": write_real_prompts(tmp_path / "prompts"), "decoder": decoder}
    params = PLAN.model_copy(update={"chat": 2, "max_tokens": 4, "seeds": 1})
    out = ran(plan, tmp_path / "planned", inputs, params)
    rows = [row for row in read_plans(out) if row["planner"] == CHAT]
    assert len(rows) == 4 and {row["set"] for row in rows} == {REAL} and all(row["fallback"] for row in rows)
    assert {row["form"]: row["hits"] for row in rows} == {QUOTED: 1, UNQUOTED: 0}  # no tagger helps it
    told = read_json(out / "fallbacks.json")
    assert [CHAT, REAL, UNQUOTED, "centred rows", 2] in told and (out / "replies.jsonl").stat().st_size


def test_controls_have_fewer_images_of_each_prompt(made, tmp_path):
    names = ("prepared", "planned", "text", "trained")
    params = SAMPLE.model_copy(update={"planned": 0, "moved": 0})
    out = ran(sample, tmp_path / "controls", {name: made[name] for name in names}, params, variant="controls")
    prompts = prompt_rows(made["prepared"])
    images = read_images([made["sampled"]])
    for name, path in read_images([out]).items():
        once, twice = (np.load(one)["test"].astype(int) for one in (path, images[name]))
        assert len(once) == len(prompts) and abs(once - twice[: len(prompts)]).max() <= 1  # from the same noise
