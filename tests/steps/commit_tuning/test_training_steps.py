"""Steps that train: what a seed's methods have in common, how rates are set, resuming, and choices on validation."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from steps.commit_tuning import jobs, study
from steps.commit_tuning.ablate import AblateParams, ablate
from steps.commit_tuning.arms import Arm, UnknownArm, knob_arms, main_arms
from steps.commit_tuning.jobs import TrainingFailed, child_run, side_by_side
from steps.commit_tuning.prepare import prepare
from steps.commit_tuning.pretrain import pretrain
from steps.commit_tuning.runs import TuningRun, read_runs
from steps.commit_tuning.scores import score
from steps.commit_tuning.search_rates import InvalidGrid, SearchRatesParams, chosen_rates, search_rates
from steps.commit_tuning.study import MissingSeed, OtherSettings, Study, UnequalStarts, require_equal_starts
from steps.commit_tuning.tasks import task_named
from steps.commit_tuning.training import Rates, TaskData, Training
from steps.commit_tuning.tune import TuneParams, tune
from steps.step.json_files import read_json
from steps.step.run import Diverged
from tenfold.commit_tuning.model import SmallModel
from tenfold.commit_tuning.trace import balances_before, factors_of, read_trace
from tests.steps.commit_tuning.small import TASK, made, prepare_params, pretrain_params, tuning, write_sources

METHODS = {
    **{"constant": [1.0, 0.1], "clr": [1.0], "commit": [1.0], "feature_cd": [1.0], "language_cd": [1.0]},
    **{"half_rate": [1.0], "placebo": [1.0]},
}
Inputs = tuple[Path, Path]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    folder = tmp_path_factory.mktemp("inputs")
    prepared, run = made(folder, "prepare", None)
    prepare(**write_sources(folder / "sources"), out=prepared, params=prepare_params(), run=run)
    pretrained, run = made(folder, "pretrain")
    pretrain(prepared, out=pretrained, params=pretrain_params(), run=run)
    return prepared, pretrained


def search_params(**changes: Any) -> SearchRatesParams:
    values: dict[str, Any] = {
        "rates": [1e-3, 3e-3, 1e-2],
        "rate_seeds": 1,
        "ratios": [0.1, 1.0, 3.0],
        "seeds": {TASK: 2},
    }
    values["coordinated"] = ["commit"]
    return SearchRatesParams.model_validate(values | {"tuning": tuning().model_dump()} | changes)


@pytest.fixture(scope="module")
def searched(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, run = made(tmp_path_factory.mktemp("searched"), "search_rates")
    search_rates(*inputs, out=out, params=search_params(), run=run)
    return out


def tune_params(**changes: Any) -> TuneParams:
    values = {"seeds": {TASK: 2}, "methods": METHODS, "equal_parameter_updates": True, "tuning": tuning().model_dump()}
    return TuneParams.model_validate(values | changes)


@pytest.fixture(scope="module")
def tuned(inputs: Inputs, searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out, run = made(tmp_path_factory.mktemp("tuned"), "tune")
    tune(*inputs, searched, out=out, params=tune_params(), run=run)
    return out


def row_of(folder: Path, method: str, ratio: float = 1.0, seed: int = 0, equal: str = "updates") -> TuningRun:
    (found,) = [
        row
        for row in read_runs(folder)
        if (row.method, row.ratio, row.seed, row.equal, row.knob) == (method, ratio, seed, equal, None)
    ]
    return found


def trace_of(folder: Path, method: str, **settings: Any) -> list[dict[str, Any]]:
    return read_trace(folder / row_of(folder, method, **settings).trace)


def training(
    inputs: Inputs, folder: Path, arm: Arm, *, updates: int = 8, seed: int = 0, rate: float = 3e-3
) -> Training:
    first = SmallModel.from_pretrained(inputs[1] / "starts" / f"{TASK}-0")
    data = TaskData(inputs[0], task_named(TASK), first)
    run = child_run(made(folder, "tune", name="training")[1], folder / "job")
    return Training(run, data, inputs[1], arm, seed, tuning(updates=updates), Rates(3e-3))


def test_methods_of_a_seed_start_from_one_model_and_see_one_order(tuned, searched):
    rows = [*read_runs(tuned), *read_runs(searched)]
    starts = {row.seed: {(one.start_sha256, one.order_sha256) for one in rows if one.seed == row.seed} for row in rows}
    assert set(starts) == {0, 1} and all(len(found) == 1 for found in starts.values())
    assert starts[0] != starts[1]
    with pytest.raises(UnequalStarts, match="clr"):
        require_equal_starts([*rows, replace(row_of(tuned, "clr"), start_sha256="0" * 64)])
    with pytest.raises(UnequalStarts):
        require_equal_starts([*rows, replace(row_of(tuned, "clr"), order_sha256="0" * 64)])


def test_first_factors_are_one_and_rates_are_base_times_ratio_times_factor(tuned, searched):
    rate = chosen_rates(searched, TASK)[0].llm
    for row in read_runs(tuned):
        trace = read_trace(tuned / row.trace)
        if row.method in ("clr", "commit", "placebo", "constant"):
            assert (trace[0]["factor_X"], trace[0]["factor_S"]) == (1.0, 1.0)
        for one in trace:
            assert one["lr_X"] == pytest.approx(rate * one["factor_X"], rel=1e-12)
            assert one["lr_S"] == pytest.approx(rate * row.ratio * one["factor_S"], rel=1e-12)
    assert any(one["factor_X"] != 1 for one in trace_of(tuned, "clr"))  # κ was used


def test_controls_are_made_from_the_trainings_that_they_control(tuned, searched):
    for seed in (0, 1):
        other = balances_before(trace_of(tuned, "clr", seed=1 - seed))
        own = [one["factor_X"] for one in trace_of(tuned, "placebo", seed=seed)]
        assert own == pytest.approx([math.exp(-0.5 * max(-1.2, min(1.2, balance))) for balance in other])
        factors = factors_of(trace_of(tuned, "commit", seed=seed))
        half, rate = row_of(tuned, "half_rate", seed=seed), chosen_rates(searched, TASK)[0].llm
        assert half.rate_X == pytest.approx(rate * sum(one.llm for one in factors) / len(factors))
        assert half.rate_S == pytest.approx(rate * sum(one.encoder for one in factors) / len(factors))


def test_coordinate_descent_moves_one_part_at_a_time_and_its_estimates_are_undefined(tuned):
    for method in ("feature_cd", "language_cd"):
        row, longer = row_of(tuned, method), row_of(tuned, method, equal="parameter_updates")
        assert (row.updates, row.parameter_updates_X, row.parameter_updates_S) == (12, 6, 6)
        assert (longer.updates, longer.parameter_updates_X, longer.parameter_updates_S) == (24, 12, 12)
        assert row.estimates == 0 and row.undefined == 6 and row.log_kappa_last is None
    assert trace_of(tuned, "feature_cd")[0]["factor_S"] == 1 and trace_of(tuned, "language_cd")[0]["factor_X"] == 1


def test_choices_read_validation_alone_and_their_cost_is_charged(searched):
    known, rows = read_json(searched / "chosen.json")[TASK], read_runs(searched)
    constant = [row for row in rows if row.knob is None and row.method == "constant"]
    ratios = {ratio: [row for row in constant if row.ratio == ratio] for ratio in (0.1, 1.0, 3.0)}
    means = {ratio: sum(row.validation_loss for row in own) / len(own) for ratio, own in ratios.items()}
    assert known["validation_loss_by_ratio"] == pytest.approx({f"{ratio:g}": loss for ratio, loss in means.items()})
    assert known["ratio_chosen"] == min(means, key=means.__getitem__)
    assert known["rate_chosen"] == float(min(known["validation_loss_by_rate"].items(), key=lambda one: one[1])[0])
    assert known["updates_charged"] == 12 * (3 * 1 + 3 * 2) and known["seeds"] == [0, 1]
    assert known["at_edge"] == (known["rate_at_edge"] or known["ratio_at_edge"])
    own = {row.value: row.validation_loss for row in rows if (row.method, row.knob) == ("commit", "rate")}
    assert len(own) == 3 and known["rate_by_method"]["commit"] == float(min(own, key=lambda one: own[one]))
    assert known["rate_by_method"]["constant"] == known["rate_chosen"]
    (again,) = [row for row in rows if (row.method, row.knob) == ("commit", None)]  # what the main study takes over
    assert again.rate_X > 0 and again.validation_loss == own[f"{known['rate_chosen']:g}"]


def test_a_rate_at_which_training_diverges_loses_and_elsewhere_it_is_an_error(inputs, tmp_path):
    out, run = made(tmp_path, "search_rates")
    params = search_params(rates=[1e-3, 1e30], ratios=[0.1, 1.0], coordinated=[], seeds={TASK: 1})
    search_rates(*inputs, out=out, params=params, run=run)
    known = read_json(out / "chosen.json")[TASK]
    assert known["rate_chosen"] == 1e-3 and known["validation_loss_by_rate"]["1e+30"] is None
    assert {row.value for row in read_runs(out)} == {"0.001", None}
    with pytest.raises((Diverged, TrainingFailed)):
        _, run = made(tmp_path, "tune")
        data = Study(run, *inputs, task_named(TASK), tuning(), Rates(1e30))
        data.trained([Arm("constant")], 1)


def test_a_perfect_test_score_does_not_sway_the_choice(inputs, searched, tmp_path, monkeypatch):
    kept = Study._row

    def planted(self, one):
        return replace(kept(self, one), held_out_loss=-9.0 if one.arm.ratio == 0.1 else 9.0)

    monkeypatch.setattr(study.Study, "_row", planted)
    out, run = made(tmp_path, "search_rates")
    search_rates(*inputs, out=out, params=search_params(), run=run)
    assert read_json(out / "chosen.json") == read_json(searched / "chosen.json")


def test_what_the_search_trained_is_taken_and_the_tuned_constant_is_its_choice(tuned, searched):
    ratio = chosen_rates(searched, TASK)[1]
    twin = row_of(searched, "constant", ratio, 1)
    assert row_of(tuned, "tuned_constant", ratio, 1) == replace(twin, method="tuned_constant")
    assert row_of(tuned, "constant", 0.1, 1) == row_of(searched, "constant", 0.1, 1)
    assert row_of(tuned, "constant", 1.0, 0) == row_of(searched, "constant", 1.0, 0)  # trained again, for its model
    assert {path.name for path in (tuned / "models").iterdir()} == {f"{TASK}-constant-0", f"{TASK}-commit-0"}
    assert not (tuned / "jobs").exists()


def test_trainings_by_other_settings_are_not_taken(inputs, searched, tmp_path):
    out, run = made(tmp_path, "tune")
    other = tuning().model_dump() | {"smoothing": 0.5, "probe": 4}
    with pytest.raises(OtherSettings, match=r"smoothing = 0\.8 there and 0\.5 here; set the same"):
        tune(*inputs, searched, out=out, params=tune_params(tuning=other), run=run)


def test_each_score_is_of_its_own_part(inputs, tmp_path):
    """Validation, test and training parts have other questions: none stands for another."""
    one = training(inputs, tmp_path, Arm("constant"))
    parts = {"validation": one.data.validation, "test": one.data.test, "train": one.data.train}
    by_hand = {name: score(one.model, part, never=one.data.never).loss for name, part in parts.items()}
    assert len({round(loss, 6) for loss in by_hand.values()}) == 3
    assert (one.validation.loss, one.test.loss) == (by_hand["validation"], by_hand["test"])
    ids = [{question.id for question in part.part.questions} for part in parts.values()]
    assert not (ids[0] & ids[1] or ids[0] & ids[2] or ids[1] & ids[2])


@pytest.mark.parametrize("arm", [Arm("commit"), Arm("clr", adaptation="lora"), Arm("clr", optimiser="adafactor")])
def test_a_training_that_was_killed_goes_on_to_the_same_bytes(inputs, tmp_path, arm, monkeypatch):
    whole = training(inputs, tmp_path / "whole", arm)
    whole.train()

    class Killed(BaseException):
        pass

    monkeypatch.setattr("steps.step.run.time.monotonic", iter(range(0, 10**9, 100)).__next__)  # it saves each update
    first = training(inputs, tmp_path / "killed", arm)
    real = first._loss

    def until_five(batch, update):
        if update == 5:
            raise Killed
        return real(batch, update)

    first._loss = until_five  # type: ignore[method-assign]
    with pytest.raises(Killed):
        first.train()
    (tmp_path / "killed" / "training").rename(tmp_path / "killed" / "before")
    again = training(inputs, tmp_path / "killed", arm)
    again.train()
    assert again.run.resumed_from == 4
    assert again.trace.rows == whole.trace.rows and again.shares.found == whole.shares.found
    for (name, one), other in zip(whole.model.named_parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other), name


def test_pretraining_that_was_killed_after_a_model_was_put_out_goes_on(inputs, tmp_path, monkeypatch):
    killed, run = made(tmp_path, "pretrain", name="killed")
    run = child_run(run, tmp_path / "checkpoints")
    with monkeypatch.context() as patched:
        patched.setattr("steps.commit_tuning.pretrain.clear_jobs", lambda _run: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            pretrain(inputs[0], out=killed, params=pretrain_params(), run=run)
    again = made(tmp_path, "pretrain", name="again")[0]
    pretrain(inputs[0], out=again, params=pretrain_params(), run=child_run(run, tmp_path / "checkpoints"))
    files = [path.relative_to(again) for path in again.rglob("*") if path.is_file()]
    assert files and all((again / one).read_bytes() == (inputs[1] / one).read_bytes() for one in files)


def test_lora_trains_adapters_of_the_llm_and_the_whole_encoder(inputs, tmp_path):
    one = training(inputs, tmp_path, Arm("constant", adaptation="lora"))
    trained = {name for name, value in one.model.named_parameters() if value.requires_grad}
    assert all(".lora_" in name for name in trained if name.startswith("language_model"))
    longer = training(inputs, tmp_path / "longer", Arm("feature_cd", equal="parameter_updates"), updates=3)
    assert (len(longer.order), longer.order_sha256) == (10, one.order_sha256)  # not the digest of three batches
    assert {name.split(".")[0] for name in trained} == {"encoder", "projector", "language_model"}
    assert one.start_sha256 == training(inputs, tmp_path / "full", Arm("constant")).start_sha256


def test_a_placebo_needs_another_seed_and_methods_need_names(inputs, searched, tmp_path):
    out, run = made(tmp_path, "tune")
    params = tune_params(seeds={TASK: 1}, methods={"clr": [1.0], "placebo": [1.0]}, equal_parameter_updates=False)
    with pytest.raises(MissingSeed, match="two seeds"):
        tune(*inputs, searched, out=out, params=params, run=run)
    with pytest.raises(UnknownArm, match="no method is called 'clt'"):
        main_arms({"clt": [1.0]}, equal_parameter_updates=False)
    with pytest.raises(UnknownArm, match="no ablation is called 'momentum'"):
        knob_arms("momentum", [1], 1.0, {})
    with pytest.raises(InvalidGrid, match="at least two rates"):
        search_rates(*inputs, out=out, params=search_params(rates=[1e-3]), run=run)


def test_ablations_change_what_they_name(inputs, searched, tmp_path):
    out, run = made(tmp_path, "ablate")
    values = {"weight": [1e4], "estimate": ["4x3"], "optimiser": ["sgd"], "adaptation": ["lora"], "form": ["damp"]}
    params = AblateParams.model_validate(
        {
            **{"ablations": list(values), "tasks": [TASK], "seeds": 2, "imbalanced": 0.1, "values": values},
            **{"rate_factors": {"sgd": [3.0, 10.0, 1e30], "lora": [1.0, 3.0]}, "rate_seeds": 1},
            **{"tuning": tuning().model_dump()},
        }
    )
    ablate(*inputs, searched, out=out, params=params, run=run)
    first = [row for row in read_runs(out) if row.seed == 0 and row.ratio != pytest.approx(0.3)]
    rows = {(row.method, row.knob, row.value): row for row in first}
    assert len(rows) == len(first) == 9 and len(read_runs(out)) == 2 * (9 + 2)
    assert rows["commit", "weight", "10000"].reward_share > 1e4 * 1e-9 and rows["commit", "weight", "10000"].ratio == 1
    assert rows["clr", "estimate", "4x3"].estimates + rows["clr", "estimate", "4x3"].undefined == 3
    sgd = rows["constant", "optimiser", "sgd"]
    known = read_json(out / "chosen.json")[TASK]
    losses = {factor: loss for factor, loss in known["sgd"]["validation_loss_by_factor"].items() if loss is not None}
    assert set(losses) <= {"3", "10"} and known["sgd"]["factor_chosen"] == float(
        min(losses, key=lambda one: losses[one])
    )
    base = known["sgd"]["factor_chosen"] * chosen_rates(searched, TASK)[0].llm
    assert sgd.rate_X == pytest.approx(base) and sgd.optimiser == "sgd"
    assert known["lora"]["at_edge"] and set(known) == {"sgd", "lora"}
    fed = read_trace(out / rows["placebo", "optimiser", "sgd"].trace)
    (other,) = [row for row in read_runs(out) if (row.method, row.value, row.seed) == ("clr", "sgd", 1)]
    balances = balances_before(read_trace(out / other.trace))
    assert [one["factor_X"] for one in fed] == pytest.approx(
        [math.exp(-0.5 * max(-1.2, min(1.2, b))) for b in balances]
    )
    assert rows["clr", "adaptation", "lora"].adaptation == "lora"
    damped = read_trace(out / rows["clr", "form", "damp"].trace)
    assert max(max(one["factor_X"], one["factor_S"]) for one in damped) == 1
    assert all((out / row.trace).is_file() for row in rows.values())


def test_jobs_side_by_side_give_what_they_give_one_by_one_and_a_failure_is_named(tmp_path, monkeypatch):
    def job(what: int, folder: Path) -> None:
        if what == 3:
            raise ValueError("three")
        generator = torch.Generator().manual_seed(what)
        (folder / "sum").write_text(str(float(torch.randn(10_000, generator=generator).sum())))

    found = {}
    for workers in (1, 2):
        monkeypatch.setattr(jobs, "_threads", lambda count=workers: count)
        folders = side_by_side(made(tmp_path, "tune", name=f"{workers}")[1], {f"{n}": (job, n) for n in range(3)})
        found[workers] = [(folder / "sum").read_text() for folder in folders]
    assert found[1] == found[2]
    _, run = made(tmp_path, "tune", name="failing")
    with pytest.raises(TrainingFailed, match="3 ended with exit status 1"):
        side_by_side(run, {"3": (job, 3), "4": (job, 4)})
    kept = side_by_side(run, {"4": (job, 4)})[0]  # it is done, or is done now
    assert (kept / "done").exists()
