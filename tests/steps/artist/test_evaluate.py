"""The publishing step: every table and figure from planted readings, twice the same bytes, and images to look at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flows.report.claims import load_claims, load_measurements, require_measurements
from flows.report.verdicts import Verdict, judge
from steps.artist.background_distance import Distances
from steps.artist.canvas_sets import PromptRow, prompt_rows, real_composites
from steps.artist.estimates import Evidence
from steps.artist.evaluate import HEADLINES, EvaluateParams, evaluate
from steps.artist.facts import arrived, moved, wrong_words
from steps.artist.sample import DUMP, IMAGES, SWAP
from steps.artist.saved_arms import ROWS, model_name
from steps.artist.speed import CELL, read_speed, speed_measurements
from steps.artist.tables import benchmarks
from steps.artist.train_background_classifier import CLASSIFIER
from steps.step.json_files import write_json
from steps.step.run import Run
from tenfold.artist.background_classifier import FEATURES, WIDTHS
from tenfold.artist.canvases import Canvases
from tenfold.artist.score_rows import MixedEngines
from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.nn.convnet import ConvNetConfig
from tenfold.nn.seeding import seeded
from tests.steps.artist.planted import (
    MENDED,
    REPEATS,
    SIZE,
    Model,
    evidence,
    readings_of,
    rows_of,
    write_planned,
    write_readings,
)
from tests.steps.artist.small import write_prepared, write_text

CLAIMS = Path("steps/artist/claims.yaml")
GREY = {name: replace(model, stages=("grey",)) for name, model in MENDED.items()}
GREY["glyphs"] = replace(GREY["glyphs"], taken={"cascade": 0.0})  # few prompts: a lead that they can tell


def write_trained(folder: Path, models: dict[str, Model]) -> Path:
    folder.mkdir()
    (folder / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows_of(models)), encoding="utf-8")
    return folder


def write_sampled(folder: Path, models: dict[str, Model], real: Canvases, asked: list[PromptRow]) -> Path:
    """Write images that are the real composites with noise, and what a sampler writes beside them."""
    (folder / IMAGES).mkdir(parents=True)
    dumped, swapped = [], []
    for number, row in enumerate(rows_of(models)):
        name, generator = model_name(row), np.random.default_rng(number)
        twice = np.concatenate([real.images] * REPEATS).astype(float)
        noisy = np.clip(twice + generator.normal(0, 20, twice.shape), 0, 255).astype(np.uint8)
        text = {"text": np.concatenate([real.glyphs] * REPEATS)} if row["arm"] == "artist" else {}
        np.savez_compressed(folder / IMAGES / f"{name}.npz", test=noisy, **text)
        for one in asked:
            words = [
                {"text": word, "box": list(box), "found": word, "cells": 40}
                for word, box in zip(one.keywords, one.boxes, strict=True)
            ]
            dumped.append({"model": name, "layouts": "test", "prompt": one.number, "words": words, "refused": None})
            change = {"inside": 30.0 + one.number % 3, "outside": 3.0}
            swapped.append({"model": name, "prompt": one.number, "kind": "moved", **change})
    (folder / DUMP).write_text("".join(json.dumps(row) + "\n" for row in dumped), encoding="utf-8")
    write_json(folder / SWAP, swapped)
    return folder


def write_speed(folder: Path, *, drawn: float = 0.5, naive: float = 2.0) -> Path:
    """Write what ``measure_speed`` writes: CPU seconds of 400 canvases and of naive sampling, the others' being 1."""
    folder.mkdir()
    kinds = [("draw", "composites", 1.0, "bytes", drawn), ("draw", "text images", 1.0, "bytes", drawn / 2)]
    kinds += [("sample", "lock-step", 3.0, "float32", 1.0), ("sample", "naive", 3.0, "float32", naive)]
    rows = [
        dict(zip(CELL, (*kind[:4], False), strict=True))
        | {"canvases": 400, "repeat": repeat, "seconds": 9.0, "cpu_seconds": kind[4] * (1 + 0.01 * repeat)}
        for kind in kinds
        for repeat in (1, 2)
    ]
    pd.DataFrame(rows).to_csv(folder / "speed.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a folder with what all steps write, and what evaluate makes of it, twice."""
    root = tmp_path_factory.mktemp("artist")
    prepared = write_prepared(root / "prepared", prompts=32)
    asked, real = prompt_rows(prepared), real_composites(prepared, "grey")
    config = ConvNetConfig(64, 3, WIDTHS, FEATURES, 10)
    (root / "classifiers" / "grey" / CLASSIFIER).mkdir(parents=True)
    seeded(MetricClassifier, config, 0).save(root / "classifiers" / "grey" / CLASSIFIER)
    inputs = {
        "prepared": prepared,
        "planned": write_planned(root / "planned"),
        "text": write_text(root / "text", seeds=3),
        "trained": [write_trained(root / "trained", GREY)],
        "samples": [write_sampled(root / "sampled", GREY, real, asked)],
        "read": write_readings(readings_of(GREY, asked=asked), root / "read"),
        "classifiers": root / "classifiers",
        "timings": write_speed(root / "timings"),
    }
    for name in ("first", "second"):
        out = root / name
        out.mkdir()
        params = EvaluateParams(images=SIZE, shown=8)
        evaluate(**inputs, out=out, params=params, run=Run("artist", "evaluate", out=out))
    return root


def table(written: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(written / "first" / "tables" / f"{name}.csv")


def test_everything_is_published_and_the_same_each_time(written):
    first, second = written / "first", written / "second"
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert files and all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    drawn = {path.stem for path in (first / "figures").glob("*.svg")}
    assert drawn == {"samples_grey", "accuracies", "sizes", "planners"}
    assert set(json.loads((first / "metrics.json").read_text())) == set(HEADLINES)
    for kind in ("tables", "figures"):
        captions = json.loads((first / kind / "captions.json").read_text())
        assert all(len(caption) > 40 for caption in captions.values())
        assert len(captions) == len([path for path in (first / kind).iterdir() if path.suffix in (".csv", ".svg")])


def test_every_claim_finds_its_measurements(written):
    claims, path = load_claims(CLAIMS), written / "first" / "claims.json"
    found = load_measurements(path)
    require_measurements(claims, found, CLAIMS, path)
    verdicts = {entry.id: judge(entry, found).verdict for entry in claims.entries}
    assert verdicts["C1"] is Verdict.REPRODUCED, judge(claims.entries[0], found).reason
    assert {verdicts[f"F{number}"] for number in range(1, 8)} == {Verdict.HOLDS}
    assert verdicts["C1-colour"] is Verdict.NOT_TESTABLE
    assert verdicts["C3"] is Verdict.NOT_TESTABLE  # three photographs: without one too few backgrounds are left


def test_each_row_names_engine_version_and_ceiling(written):
    for name in ("arms", "mario_eval_grey_ppocr6", "anytext_grey_ppocr6"):
        found = table(written, name)
        versions = found["version"] if name == "arms" else found["engine_version"]
        assert found.engine.eq("ppocr6").all() and versions.notna().all() and found.ceiling.notna().all()
        assert found.reading.notna().all() and len(found)


def test_official_split_and_corrected_scores_stand_side_by_side(written):
    found = table(written, "mario_eval_grey_ppocr6")
    artist = found[found.method.str.startswith("artist-grey-1000")]
    for kind in ("official", "official_split", "corrected"):
        assert {f"{kind}_{score}" for score in ("accuracy", "precision", "recall", "f")} <= set(found.columns)
    assert (artist.official_split_recall >= artist.official_recall).all()
    assert {"phrase_distance", "phrase_skipped", "phrase_distance_corrected", "blank"} <= set(found.columns)


def test_a_second_engine_never_stands_in_one_table_with_the_first():
    rows = [dict(row) for row in readings_of(GREY)]
    for row in rows:
        if row["model"] == "visual_only-grey-1000-0@500":
            row["version"] = "another version"
    known = evidence(GREY)
    mixed = Evidence.of(rows_of(GREY), known.prompts, rows)
    assert len(benchmarks(known)) == 2
    with pytest.raises(MixedEngines, match="another version"):
        benchmarks(mixed)


def test_the_page_shows_boxes_what_was_wanted_and_read_and_why(written):
    page = (written / "first" / "pages" / "samples.html").read_text(encoding="utf-8")
    assert page.count("<article") == 8 and "letter by letter" in page and "letters are wrong" in page
    assert "PP-OCRv6 planted, boxes" in page and str(written) not in page


def test_slow_drawing_and_useless_caching_are_seen(tmp_path):
    slow = speed_measurements(read_speed(write_speed(tmp_path / "slow", drawn=2.0, naive=1.0)))
    claims = load_claims(CLAIMS)
    failing = [entry for entry in claims.facts if entry.id in ("F6", "F7")]
    assert [judge(entry, slow).verdict for entry in failing] == [Verdict.FAILS, Verdict.FAILS]


def test_facts_see_what_is_wrong(tmp_path):
    prepared = write_prepared(tmp_path / "prepared", prompts=8)
    asked, real = prompt_rows(prepared), real_composites(prepared, "grey")
    few = {"artist": GREY["artist"]}
    sampled = write_sampled(tmp_path / "sampled", few, real, asked)
    assert arrived([sampled])["layouts_arrived"].value == 100 and moved([sampled]).value > 5
    rows = [json.loads(line) for line in (sampled / DUMP).read_text().splitlines()]
    rows[0]["words"][0]["found"] = ""  # a layout that never reached the model
    (sampled / DUMP).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert arrived([sampled])["layouts_arrived"].value < 100
    rows[1] |= {"words": [], "refused": "12 letters; the limit is 9"}
    (sampled / DUMP).write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert arrived([sampled])["layouts_refused"].value == 1
    write_json(sampled / SWAP, [{"model": "artist-x", "prompt": n, "inside": 2.0, "outside": 2.0} for n in range(5)])
    assert moved([sampled]).value == 1
    readings = [dict(row) for row in readings_of(few, asked=asked)]
    known = Evidence.of(rows_of(few), asked, readings)
    assert wrong_words(known, prepared).value == 0
    real_rows = [row for row in readings if row["model"] == "real-grey" and row["mode"] == "crop"]
    for row, other in zip(
        real_rows, [*real_rows[1:], *real_rows[:1]], strict=True
    ):  # a reader that knows the next word
        row["read"] = list(other["wanted"])
    assert wrong_words(Evidence.of(rows_of(few), asked, readings), prepared).value > 50


def test_worse_backgrounds_are_farther_and_better_ones_are_not(tmp_path):
    """A counterfeit for C3: backgrounds in the dark against backgrounds as they are."""
    prepared = write_prepared(tmp_path / "prepared", prompts=60)
    asked, real = prompt_rows(prepared), real_composites(prepared, "grey")
    (tmp_path / "classifiers" / "grey" / CLASSIFIER).mkdir(parents=True)
    model = seeded(MetricClassifier, ConvNetConfig(64, 3, WIDTHS, FEATURES, 10), 0)  # untrained features tell darkness
    model.save(tmp_path / "classifiers" / "grey" / CLASSIFIER)
    few = {name: GREY[name] for name in ("artist", "visual")}
    known = Evidence.of(rows_of(few), asked, readings_of(few, asked=asked))
    generator, claim = np.random.default_rng(1), load_claims(CLAIMS)
    c3 = next(entry for entry in claim.entries if entry.id == "C3")
    tests = tuple(test for test in c3.tests if test.measurement == "fd_bg_artist_excess_grey")
    for worse, wanted in (("artist", Verdict.CONTRADICTED), ("visual_only", Verdict.REPRODUCED)):
        paths = {}
        for row in rows_of(few):
            drawn = real.images.astype(float) + generator.normal(0, 8, real.images.shape)
            drawn = np.clip(drawn if row["arm"] != worse else drawn / 10, 0, 255).astype(np.uint8)
            paths[model_name(row)] = tmp_path / f"{worse}-{model_name(row)}.npz"
            np.savez_compressed(paths[model_name(row)], test=np.concatenate([drawn] * REPEATS))
        measure = Distances(known, prepared, tmp_path / "classifiers", paths, "grey")
        found = {"fd_bg_artist_excess_grey": measure.excess(SIZE)}
        assert judge(c3.model_copy(update={"tests": tests}), found).verdict is wanted, found
    of_photographs = measure.excess(SIZE)
    measure.photographs = (-1,) * len(measure.photographs)  # as if each background were a part of its own
    of_images = measure.excess(SIZE)
    assert of_photographs.value == of_images.value
    assert np.ptp(of_photographs.bounds) > np.ptp(of_images.bounds)
    assert measure.control().unavailable is None and measure.floor().value < measure.rows()[-2]["fd_bg"]
    assert "half against half" in found["fd_bg_artist_excess_grey"].detail
