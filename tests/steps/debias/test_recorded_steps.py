"""The steps that prepare the questions and score the recorded answers, on the made-up sources."""

import json
from pathlib import Path

import numpy as np
import pytest

from steps.data import DataParams, bring
from steps.debias.prepare import PrepareParams, prepare
from steps.debias.score_recorded import ScoreRecordedParams, score_recorded
from steps.step.run import Run
from tenfold.debias.items import read_items
from tenfold.debias.scores import score


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("sources")
    for name in ("bbq", "bbq_recorded"):
        bring(name, out=root / name, params=DataParams(stand_in="only"))
    return root


def prepared(sources: Path, out: Path, **params) -> Path:
    out.mkdir()
    prepare(
        sources / "bbq",
        out=out,
        params=PrepareParams(**({"limit_per_group": None, "folds": 3} | params)),
        run=Run("debias", "prepare", out=out),
    )
    return out


def test_questions_splits_and_their_origin_are_written(sources, tmp_path):
    out = prepared(sources, tmp_path / "out")
    items = read_items(out / "items.jsonl")
    assert len(items) == 512
    splits = json.loads((out / "splits.json").read_text())
    assert len(splits) == 3
    for fold in splits:
        names = [name for part in ("train", "deliberation", "test") for name in fold[part]]
        assert sorted(names) == sorted(set(items.templates.tolist()))
    assert set().union(*(fold["test"] for fold in splits)) == set(items.templates.tolist())
    meta = json.loads((out / "meta.json").read_text())
    assert meta["stand_in"] and meta["redrawn"] == [] and meta["without_target"] == 0 and meta["questions"] == 512


def test_a_limit_is_per_group_and_the_same_bytes_come_again(sources, tmp_path):
    outs = [prepared(sources, tmp_path / name, limit_per_group=32) for name in ("one", "two")]
    items = read_items(outs[0] / "items.jsonl")
    assert len(items) == 4 * 32 and len(set(items.templates)) == 16
    for path in sorted(outs[0].rglob("*.json*")):
        assert path.read_bytes() == (outs[1] / path.name).read_bytes()


def test_templates_are_copied_under_short_names(sources, tmp_path):
    folder = tmp_path / "bbq"
    folder.mkdir()
    for path in (sources / "bbq").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "new_templates-Hours.csv").write_text("Q_id\n1\n")
    (folder / "vocabulary.csv").write_text("Name\n")
    out = prepared(tmp_path, tmp_path / "out")
    assert sorted(path.name for path in (out / "templates").iterdir()) == ["Hours.csv", "vocabulary.csv"]


def test_recorded_answers_are_scored_alone_voted_on_and_compared(sources, tmp_path):
    score_recorded(
        sources / "bbq",
        sources / "bbq_recorded",
        out=tmp_path,
        params=ScoreRecordedParams(resamples=200),
        run=Run("debias", "score_recorded", out=tmp_path),
    )
    items, content = read_items(tmp_path / "items.jsonl"), json.loads((tmp_path / "scores.json").read_text())
    answers = np.load(tmp_path / "answers.npz")
    assert content["stand_in"] and content["questions"] == 512 and content["templates"] == 16
    assert set(answers) == set(content["systems"]) >= {"arc", "plurality_random", "agree_arc_race"}
    assert answers["arc"].dtype == np.int8
    arc = content["systems"]["arc"]
    assert arc["pooled"]["s_amb"] == score(items, answers["arc"]).s_amb
    low, high = arc["pooled"]["s_amb_interval"]
    assert 0 < low < arc["pooled"]["s_amb"] < high
    assert arc["pooled"]["parse_rate"] < 1 and set(arc["groups"]) == set(items.groups)
    assert arc["unparsed_dropped"]["pooled"]["accuracy_amb"] > arc["pooled"]["accuracy_amb"]
    for name in ("qonly", "plurality_first", "agree_arc_qonly"):  # nobody saw the contexts, or not all did
        assert not content["systems"][name]["sees_context"]
        assert content["systems"][name]["pooled"]["accuracy_dis"] is None
    best = content["comparisons"]["best_single"]
    assert best == "qonly" and best not in content["comparisons"]["s_amb_minus_best_single"]
    compared = content["comparisons"]["s_amb_minus_best_single"]["arc"]
    assert compared["pooled"]["interval"][0] > 0
    assert all(one["p_value"] <= one["holm"] for one in compared["groups"].values())
    assert content["published"] == []  # no made-up group is a published one
