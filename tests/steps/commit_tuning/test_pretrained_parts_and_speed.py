"""Tuning of a pretrained decoder and the timing run on made-up parts: one start per seed, rows, traces, shares."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from steps.commit_tuning.estimates import Evidence
from steps.commit_tuning.measure_speed import MeasureSpeedParams, MissingStart, measure_speed
from steps.commit_tuning.measurements import language_measurements, speed_measurements
from steps.commit_tuning.runs import read_runs
from steps.commit_tuning.tasks import FACTS, task_named, write_part
from steps.commit_tuning.tune_language_model import TuneLanguageModelParams, tune_language_model
from steps.step.json_files import read_json, write_json
from steps.step.run import Run
from tenfold.commit_tuning.item_parts import PARTS
from tenfold.commit_tuning.questions import SUBJECTS, ask
from tenfold.commit_tuning.trace import read_trace
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.vision.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Config
from tests.tenfold.commit_tuning.question_samples import small_model

TASKS, ITEMS = ("cifar10", "fsdd"), 10


def made(folder: Path, maker: str) -> Path:
    folder.mkdir()
    for name, content in made_up_files(StandIn(maker=maker, seed=1, width=32))[1].items():  # type: ignore[arg-type]
        (folder / name).write_bytes(content)
    write_json(folder / ("origin.json" if maker == "decoder" else "source.json"), {"stand_in": True})
    return folder


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("inputs")
    prepared = root / "prepared"
    for task in TASKS:
        for number, part in enumerate(PARTS):
            generator = np.random.default_rng(number)
            labels = np.arange(ITEMS) % 10
            names = [f"{part}-{place}" for place in range(ITEMS)]
            arrays = {"names": np.array(names), "labels": labels}
            if task == "cifar10":
                arrays["pixels"] = generator.integers(0, 256, (ITEMS, 32, 32, 3), dtype=np.uint8)
            else:
                arrays["samples"] = generator.integers(-999, 999, 3000 * ITEMS, dtype=np.int16)
                arrays |= {"offsets": np.arange(ITEMS + 1) * 3000, "sample_rate": np.array(8_000)}
            write_part(prepared / task / part, arrays, ask(SUBJECTS[task], names, labels, seed=number))
    write_json(prepared / FACTS, {task: {"blind_accuracy": {"name": 0.1}} for task in TASKS})
    torch.manual_seed(0)
    EfficientNetLite0(EfficientNetLite0Config()).save_pretrained(root / "efficientnet")
    write_json(root / "efficientnet" / "source.json", {"stand_in": True})
    found = {"prepared": prepared, "efficientnet": root / "efficientnet"}
    return found | {"decoder": made(root / "decoder", "decoder"), "whisper": made(root / "whisper", "whisper")}


def params(**more) -> TuneLanguageModelParams:
    tuning = {"updates": 4, "batch_size": 2, "learning_rate": 1e-3, "every": 2, "probe": 4, "smoothing": 0.8}
    tuning |= {"share_every": 2, "lora_rank": 2, "reached": 0.5}
    plain = {"seeds": 1, "tasks": list(TASKS), "methods": ["constant", "clr", "commit"], "ratio": 1.0}
    plain |= {"validated": 5, "asked": 7, "side": 32, "tuning": tuning}
    return TuneLanguageModelParams(**(plain | more))


def tuned(inputs: dict[str, Path], out: Path, own: TuneLanguageModelParams) -> list:
    out.mkdir()
    tune_language_model(**inputs, out=out, params=own, run=Run("commit_tuning", "tune_language_model", out=out))
    return read_runs(out)


@pytest.fixture(scope="module")
def written(inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "first"
    tuned(inputs, out, params())
    return out


def test_methods_of_a_seed_start_alike_and_leave_rows_and_traces(written):
    rows = read_runs(written)
    assert [(row.task, row.method) for row in rows] == [
        (task, method) for task in TASKS for method in ("constant", "clr", "commit")
    ]
    for task in TASKS:
        own = [row for row in rows if row.task == task]
        assert len({(row.start_sha256, row.order_sha256) for row in own}) == 1
        assert {row.adaptation for row in own} == {"lora"} and {row.updates for row in own} == {4}
        assert [row.reward_share is None for row in own] == [True, True, False]
    for row in rows:
        trace = read_trace(written / row.trace)
        assert [one["update"] for one in trace] == [1, 2, 3, 4] and trace[0]["factor_X"] == trace[0]["factor_S"] == 1
        assert [one["undefined"] for one in trace] == [None, False, None, False]
    assert len({row.start_sha256 for row in rows}) == 2  # another encoder per modality
    assert sorted(path.name for path in written.iterdir()) == ["parts.json", "runs.jsonl", "traces"]
    assert all(one["stand_in"] for one in read_json(written / "parts.json").values())


def test_a_scheduler_has_other_rates_once_there_is_an_estimate(written):
    constant, clr = (read_trace(written / row.trace) for row in read_runs(written)[:2])
    assert [one["loss"] for one in constant][:2] == [one["loss"] for one in clr][:2]
    assert {one["lr_X"] for one in constant} == {1e-3} and clr[2]["lr_X"] != 1e-3
    assert clr[2]["lr_X"] * clr[2]["lr_S"] == pytest.approx(1e-6)  # geo: one is slowed as the other is hastened


def test_the_same_again_and_measured_as_one_seed(inputs, written, tmp_path):
    again = tuned(inputs, tmp_path / "again", params(tasks=["fsdd"], methods=["clr"]))
    (before,) = (row for row in read_runs(written) if (row.task, row.method) == ("fsdd", "clr"))
    assert again == [before]
    found = language_measurements(Evidence.of(read_runs(written)))
    assert found["language_starts_apart_images"].value == 0
    assert "1 seeds where" in (found["language_auc_commit_minus_constant_images"].unavailable or "")


def test_without_seeds_the_rows_are_empty(inputs, tmp_path):
    assert tuned(inputs, tmp_path / "none", params(seeds=0)) == []
    assert (tmp_path / "none" / "runs.jsonl").read_text() == ""


def test_shares_of_cpu_time_are_of_interleaved_repeats(inputs, tmp_path):
    pretrained = [tmp_path / "images", tmp_path / "audio"]
    small_model(subjects=("cifar10",))[0].save_pretrained(pretrained[0] / "starts" / "cifar10-0")
    tuning = {"updates": 2, "batch_size": 4, "weight_decay": 0.0, "every": 4, "probe": 4, "smoothing": 0.8}
    tuning |= {"block_updates": 2, "share_every": 9, "lora_rank": 2, "reached": {"cifar10": 0.5}}
    own = MeasureSpeedParams.model_validate(
        {"task": "cifar10", "every": [1, 4], "updates": 4, "repeats": 2, "tuning": tuning}
    )
    out = tmp_path / "out"
    out.mkdir()
    run = Run("commit_tuning", "measure_speed", out=out)
    measure_speed(inputs["prepared"], pretrained, out=out, params=own, run=run)
    found = json.loads((out / "speed.json").read_text())
    assert [(row["what"], row["every"], row["timed"]) for row in found["rows"]] == [
        ("estimate", 1, 2),
        ("estimate", 4, 2),
        ("reward", 1, 2),
    ]
    assert all(row["low"] <= row["share"] <= row["high"] for row in found["rows"])
    assert found["copied_bytes"] == found["trained_bytes"] == found["model_bytes"]  # all is trained
    measured = speed_measurements(found)
    assert set(measured) == {"overhead_m1", "overhead_m4", "overhead_reward", "overhead_as_trained", "copied_share"}
    assert measured["overhead_m1"].number > 0 and measured["copied_share"].value == 1
    shutil.rmtree(pretrained[0])
    with pytest.raises(MissingStart, match="cifar10"):
        measure_speed(inputs["prepared"], pretrained, out=out, params=own, run=run)


def test_the_timed_task_is_one_of_the_papers():
    assert task_named("cifar10").modality == "images"
