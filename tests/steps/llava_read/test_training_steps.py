"""Steps that train, on a few pages: what they write, what stays frozen, equal training, and going on after a kill."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from steps.llava_read import starts
from steps.llava_read.ablate import UnknownArm, ablate
from steps.llava_read.arms import ABLATED, ARMS, COMPARED, Start, UnequalTraining, require_equal, starts_of
from steps.llava_read.fitting import fit
from steps.llava_read.models import new_model, read_model
from steps.llava_read.ocr_sets import read_ocr
from steps.llava_read.page_sets import pages_of
from steps.llava_read.pretrain import pretrain, stage_one_samples
from steps.llava_read.start_files import read_decoder, read_spent
from steps.llava_read.starts import Material, Spent
from steps.llava_read.tune import MissingSource, arm_training, start_folder, tune
from steps.step.json_files import read_json
from steps.step.run import Run
from tenfold.llava_read.tasks import OCR_HEAD, STAGE_ONE
from tenfold.llava_read.training_parts import part_paths
from tenfold.multimodal import parameters_by_group
from tests.steps.llava_read.small import COUNTS, ablate_params, pretrain_params, stage_two, tune_params, write_inputs

QUESTIONS = 4 * COUNTS["test"]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def made(folder: Path, step: str, variant: str | None = None, kind: type[Run] = Run) -> tuple[Path, Run]:
    out = folder / (variant or step)
    out.mkdir(parents=True)
    return out, kind("llava_read", step, variant=variant, out=out, checkpoints=folder / "checkpoints")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """What ``prepare`` and ``tasks`` write, and what ``pretrain`` makes of it."""
    folder = tmp_path_factory.mktemp("inputs")
    prepared, tasks = write_inputs(folder)
    out, run = made(folder, "pretrain")
    pretrain(prepared, tasks, out=out, params=pretrain_params(), run=run)
    return prepared, tasks, out


@pytest.fixture(scope="module")
def tuned(inputs: tuple[Path, Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder, found = tmp_path_factory.mktemp("tuned"), {}
    for arm in ARMS:
        found[arm], run = made(folder, "tune", arm)
        tune(*inputs, out=found[arm], params=tune_params(), run=run)
    return found


def test_pretraining_writes_both_starts_what_they_share_and_each_stage_s_losses(inputs):
    out = inputs[2]
    assert {path.name for path in (out / "models").iterdir()} == {"both-0", "low-0", "decoder-0"}
    history = lines(out / "history.jsonl")
    assert all(row["loss"] > 0 and row["seed"] == 0 for row in history)
    trained = {(row["start"], row["stage"]) for row in history if row["task"] == "all"}
    stages = {(start, stage) for start in ("both", "low") for stage in ("encoders", "warm_up", "stage_one")}
    assert trained == stages | {("decoder", "lists"), ("decoder", "copying")}
    measured = [(row["task"], row["update"]) for row in history if row["start"] == "low" and row["task"] != "all"]
    assert sorted(measured) == [(task, update) for task in ("T1", "T2", "T3", "T4") for update in (0, 3)]
    assert "T1" not in {row["task"] for row in history if row["start"] == "decoder"}
    assert starts_of(COMPARED.values()) == (Start("none"), Start("gated"))


def test_each_arm_answers_every_question_once_with_its_own_ocr_source(tuned):
    for name, out in tuned.items():
        rows, arm = lines(out / "predictions.jsonl"), COMPARED[name]
        assert len(rows) == QUESTIONS == len({row["question"] for row in rows})
        assert {(row["arm"], row["code"], row["seed"], row["set"]) for row in rows} == {(name, arm.code, 0, "test")}
        assert {row["ocr_source"] for row in rows} == {"none" if arm.ocr == "none" else "oracle"}
        row = read_json(out / "arms.json")[0]
        assert row["ocr_train"] == ("none" if arm.ocr == "none" else "simulated")
        assert row["updates"] == 2 and row["examples"] == 8 and row["answers"] == 32
        assert row["rate"] == {"grid": [1e-3], "chosen": 1e-3, "validation": [], "at_edge": None}
        assert ("projector" in row["trained"]) == arm.image and "low" not in row["trained"]
    require_equal([read_json(out / "arms.json")[0] for out in tuned.values()])


def test_ocr_text_in_the_prompt_changes_its_sum_and_the_image_does_not(tuned):
    sums = {name: [row["prompt_sha256"] for row in lines(out / "predictions.jsonl")] for name, out in tuned.items()}
    assert sums["low_only"] == sums["both_resolutions"] == sums["blind"] and sums["full"] == sums["ocr_only"]
    assert not set(sums["full"]) & set(sums["blind"])


def test_a_tuned_model_is_a_reader_that_answers_as_the_step_did(tuned, inputs):
    from tenfold.llava_read.pages import read_pages
    from tenfold.llava_read.reader import Reader

    page = next(iter(read_pages(inputs[0] / "pages" / "test")))
    for name in ("full", "low_only", "ocr_only"):
        reader = Reader.load(tuned[name] / "models" / f"{name}-0")
        replies = {row["question"]: row["reply"] for row in lines(tuned[name] / "predictions.jsonl")}
        for question in page.questions:
            asked = reader.asked(question.question, page.image, page.truth)
            row = next(r for r in lines(tuned[name] / "predictions.jsonl") if r["question"] == question.id)
            assert asked.prompt_sha256 == row["prompt_sha256"]
            assert reader.answer([asked])[0].reply == replies[question.id]


@pytest.mark.parametrize(
    "name, moved",
    [
        ("full", {"projector", "decoder"}),
        ("vision_adapters", {"adapters", "projector", "decoder"}),
        ("vision_full", {"low", "high", "adapters", "projector", "decoder"}),
    ],
)
def test_what_an_arm_leaves_frozen_is_the_same_to_the_bit(name, moved, inputs, tmp_path):
    _, run = made(tmp_path, "ablate")
    params = ablate_params([name]).stage_two
    training = arm_training(*inputs, ["ppocr6"], params, run)
    arm = ABLATED[name]
    before, _ = read_model(start_folder(inputs[2], arm, 0))
    rate = training.searched(arm, start_folder(inputs[2], arm, 0))
    found = training.trained(arm, 0, start_folder(inputs[2], arm, 0), rate, ["ppocr6"])
    after = found.reader.model.cpu()
    groups = parameters_by_group(after, part_paths(after))
    old = dict(before.named_parameters())
    changed = {part for part, own in groups.items() if any(not torch.equal(old[key], own[key]) for key in own)}
    assert changed == moved == set(found.row["trained"])


def test_the_rate_with_most_right_answers_wins_and_its_place_in_the_grid_is_said(inputs, tmp_path, monkeypatch):
    _, run = made(tmp_path, "tune", "low_only")
    training = arm_training(*inputs, ["ppocr6"], tune_params(rates=[1e-4, 1e-3, 1e-2]).stage_two, run)
    shares = iter([0.1, 0.3, 0.2])
    monkeypatch.setattr(training, "_validation", lambda *_: next(shares))
    found = training.searched(COMPARED["low_only"], start_folder(inputs[2], COMPARED["low_only"], 0))
    assert found == {"grid": [1e-4, 1e-3, 1e-2], "chosen": 1e-3, "validation": [0.1, 0.3, 0.2], "at_edge": False}
    shares = iter([0.3, 0.1, 0.2])
    assert training.searched(COMPARED["low_only"], start_folder(inputs[2], COMPARED["low_only"], 0))["at_edge"] is True
    nothing = training.searched(COMPARED["blind"], start_folder(inputs[2], COMPARED["blind"], 0))
    assert nothing == {"grid": [1e-3], "chosen": 1e-3, "validation": [], "at_edge": None}, "at chance none is best"


@pytest.mark.parametrize("shares", [[0.2, 0.2, 0.2], [0.3, 0.3, 0.1], [0.0, 0.2, 0.2]])
def test_of_rates_that_are_alike_the_one_in_the_middle_wins(shares, inputs, tmp_path, monkeypatch):
    _, run = made(tmp_path, "tune", "full")
    training = arm_training(*inputs, ["ppocr6"], tune_params(rates=[1e-4, 1e-3, 1e-2]).stage_two, run)
    given = iter(shares)
    monkeypatch.setattr(training, "_validation", lambda *_: next(given))
    assert training.searched(COMPARED["full"], start_folder(inputs[2], COMPARED["full"], 0))["chosen"] == 1e-3


def test_a_rate_at_which_training_diverges_has_none_right(inputs, tmp_path):
    _, run = made(tmp_path, "tune", "full")
    training = arm_training(*inputs, ["ppocr6"], tune_params(rates=[1e-3, 1e30]).stage_two, run)
    found = training.searched(COMPARED["full"], start_folder(inputs[2], COMPARED["full"], 0))
    assert found["chosen"] == 1e-3 and found["validation"][1] == 0.0


def test_ablations_train_starts_of_their_own_and_ask_the_full_arm_with_every_source(inputs, tuned, tmp_path):
    out, run = made(tmp_path, "ablate")
    arms = ["full", "plain_order", "without_stage_one", "high_side_128", "merge_none", "budget_64"]
    params = ablate_params(arms).model_copy(update={"searched": ["plain_order"], "seeds_beside": 1})
    ablate(*inputs, tuned["full"], out=out, params=params, run=run)
    rows = lines(out / "predictions.jsonl")
    asked = {arm: len([row for row in rows if row["arm"] == arm]) for arm in arms}
    assert asked == dict.fromkeys(arms, QUESTIONS) | {"full": 2 * QUESTIONS}
    trained = {row["arm"]: row for row in read_json(out / "arms.json")}
    assert trained["full"]["code"] == "A12"
    assert {row["rate"]["chosen"] for row in trained.values()} == {1e-3}
    assert sorted(path.name for path in out.iterdir()) == ["arms.json", "predictions.jsonl"]


@pytest.mark.parametrize("stage_one", [STAGE_ONE, STAGE_ONE[:3], ()])
def test_what_a_start_is_said_to_have_taken_is_what_it_was_trained_on(stage_one, inputs, tmp_path, monkeypatch):
    """With Stage I or without, the same: else an arm without it had other training, and not none."""
    seen = Spent()

    def counted(run, model, rows, images, stage, *rest, **named):
        nonlocal seen
        seen += Spent(stage.updates, len(rows), sum(row.answers for row in rows))
        return fit(run, model, rows, images, stage, *rest, **named)

    monkeypatch.setattr(starts, "fit", counted)
    prepared, tasks, pretrained = inputs
    params = pretrain_params().start
    pages = pages_of(prepared, "train")
    material = Material(pages, read_ocr(tasks, "train", "simulated"), "simulated", stage_one_samples(tasks))
    decoder = read_decoder(pretrained / "models" / "decoder-0")
    _, run = made(tmp_path, "pretrain")
    start = Start(merge="none", stage_one=stage_one)
    found = starts.start_model(run, start, 0, material, decoder, pretrain_params().model, params)
    encoders = Spent(params.encoders.updates, params.encoders.examples)
    assert found.spent == decoder.spent + encoders + seen
    assert found.spent == read_spent(pretrained / "models" / "low-0")


def test_the_warm_up_has_conversations_in_the_form_of_the_whole_model(inputs):
    prepared, tasks, _ = inputs
    material = Material(pages_of(prepared, "train"), read_ocr(tasks, "train", "simulated"), "simulated")
    _, processor = new_model(Start(), pretrain_params().model, 0)

    def forms(together: float) -> Counter[tuple[bool, bool]]:
        params = pretrain_params(together=together).start
        rows = starts.warm_rows(material, processor, params, 200, np.random.default_rng(0))
        texts = [processor.tokenizer.decode([token for token in row.tokens]) for row in rows]
        return Counter((row.image is not None, OCR_HEAD in text) for row, text in zip(rows, texts, strict=True))

    mixed, apart = forms(0.5), forms(1e-9)
    assert sum(mixed.values()) == 200 and 70 <= mixed[True, True] <= 130 and not mixed[False, False]
    assert not apart[True, True] and apart[False, True] == 50


def test_ablations_may_be_none_and_unknown_ones_are_refused_by_name(inputs, tuned, tmp_path):
    out, run = made(tmp_path, "ablate")
    ablate(*inputs, tuned["full"], out=out, params=ablate_params([]), run=run)
    assert read_json(out / "arms.json") == [] and not lines(out / "predictions.jsonl")
    with pytest.raises(UnknownArm, match="no arm is called 'A3'; there are full, plain_order"):
        ablate(*inputs, tuned["full"], out=out, params=ablate_params(["A3"]), run=run)


def test_a_set_that_the_engine_has_not_read_is_refused(inputs, tmp_path):
    _, run = made(tmp_path, "tune", "full")
    (inputs[1] / "ocr" / "validation" / "ppocr4.jsonl").write_bytes(
        (inputs[1] / "ocr" / "validation" / "ppocr6.jsonl").read_bytes()
    )
    with pytest.raises(MissingSource, match="test was not read by ppocr4, but by oracle, ppocr6"):
        arm_training(*inputs, ["ppocr4"], tune_params().stage_two, run)


def test_unequal_training_is_refused_with_the_numbers():
    row = {"updates": 2, "examples": 8, "answers": 32, "start_updates": 6, "start_examples": 24, "start_answers": 40}
    rows = [{"arm": "full", "seed": 0} | row, {"arm": "blind", "seed": 0} | row]
    require_equal(rows)
    for name in row:
        with pytest.raises(UnequalTraining, match=rf"blind-0: .*\b99 {name}\b"):
            require_equal([rows[0], rows[1] | {name: 99}])


class Cut(Run):
    """A run that saves at every update and is killed in one of its loops."""

    kill_at: tuple[int, int] | None = None

    def updates(self, total: int, state: Any = None, *, every_seconds: float = 0.0):  # type: ignore[no-untyped-def]
        for update in super().updates(total, state, every_seconds=0.0):
            if (self._loops, update) == self.kill_at:
                raise KeyboardInterrupt
            yield update


@pytest.mark.parametrize("step, kill_at", [("pretrain", (3, 2)), ("full", (1, 2))])
def test_a_killed_training_goes_on_to_the_same_bytes(step, kill_at, inputs, tmp_path):
    def done(folder: str, kill: tuple[int, int] | None, again: bool = False) -> dict[str, bytes]:
        out = tmp_path / f"{folder}{again}"
        out.mkdir()
        variant = None if step == "pretrain" else step
        name = "tune" if variant else step
        run = Cut("llava_read", name, variant=variant, out=out, checkpoints=tmp_path / f"{folder}-checkpoints")
        run.kill_at = kill
        if variant:
            tune(*inputs, out=out, params=tune_params(), run=run)
        else:
            pretrain(*inputs[:2], out=out, params=pretrain_params(), run=run)
        assert (run.resumed_from is not None) == again
        return {str(path.relative_to(out)): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}

    whole = done("whole", None)
    with pytest.raises(KeyboardInterrupt):
        done("cut", kill_at)
    assert done("cut", None, again=True) == whole


def test_starts_differ_in_what_they_are_and_begin_with_the_same_weights():
    params = pretrain_params().model
    gated, off = new_model(Start(), params, 0)[0], new_model(Start(merge="sum"), params, 0)[0]
    low = new_model(Start(merge="none"), params, 0)[0]
    assert gated.config.image_tokens == off.config.image_tokens == low.config.image_tokens == 16
    high = new_model(Start(high_side=128), params, 0)[0]
    assert high.config.image_side_high == 128 and high.config.image_tokens == 16
    assert torch.equal(gated.vision.low.patches.weight, low.vision.low.patches.weight)
    names = [arm.start.name for arm in ABLATED.values()]
    assert len(set(names)) == len({arm.start for arm in ABLATED.values()}) and "both" in names


def test_pretrained_parts_are_assembled_tuned_with_lora_and_asked(tmp_path, inputs):
    from tests.steps.llava_read.small import hub_parts

    prepared, tasks = inputs[:2]
    out, run = made(tmp_path, "pretrain")
    start = {"lists": None, "copying": None, "encoders": None, "warm_up": None, "vision": "frozen", "decoder": "frozen"}
    model = {"hub": hub_parts(tmp_path), "high_side": 64}
    pretrain(prepared, tasks, out=out, params=pretrain_params(model, **start), run=run)
    tuned, run = made(tmp_path, "tune", "full")
    params = tune_params(**stage_two(decoder="lora", rank=2, alpha=4))
    tune(prepared, tasks, out, out=tuned, params=params, run=run)
    row = read_json(tuned / "arms.json")[0]
    assert len(lines(tuned / "predictions.jsonl")) == QUESTIONS
    assert set(row["trained"]) == {"projector", "decoder"} and row["start_updates"] == 3
    assert 0 < row["trained"]["decoder"] < 5000  # of LoRA alone
