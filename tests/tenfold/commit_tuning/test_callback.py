"""transformers' Trainer with LLaVA, BLIP-2 and Qwen2-Audio classes: groups, rates, κ, reward, log, resumption."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from tenfold.commit_tuning import (
    BalanceEstimator,
    CommitTuningCallback,
    CoordinatedScheduler,
    DistributionReward,
    FrozenPart,
    InvalidTrace,
    LearningRateOverwritten,
    MixedGroup,
    NoGradient,
    Probe,
    StateMismatch,
    known_components,
    optimiser_groups,
    parameters_by_component,
    part_counts,
    read_trace,
)
from tests.tenfold.commit_tuning.small_models import collate
from tests.tenfold.commit_tuning.tiny_backbones import FAMILIES, backbone, backbone_examples, with_lora

pytestmark = pytest.mark.filterwarnings("ignore::tenfold.commit_tuning.FrozenPart")


def estimator(family: str) -> BalanceEstimator:
    return BalanceEstimator(Probe(backbone_examples(family, 8, seed=99), 4, collate), every=2)


def trainer(folder: Path, family: str, model: Any, callback: Any, groups: Any, **settings: Any) -> Trainer:
    arguments = TrainingArguments(
        output_dir=str(folder),
        **{
            "max_steps": 6,
            "per_device_train_batch_size": 2,
            "gradient_accumulation_steps": 2,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 2,
            "save_steps": 3,
            "logging_steps": 1,
            "report_to": [],
            "use_cpu": True,
            "remove_unused_columns": False,
            "disable_tqdm": True,
            "dataloader_pin_memory": False,
            "seed": 5,
        }
        | settings,
    )
    return Trainer(
        model,
        arguments,
        data_collator=collate,
        train_dataset=backbone_examples(family, 16),  # type: ignore[arg-type]
        optimizers=(torch.optim.AdamW(groups), None),
        callbacks=[callback],
    )


def lora_run(folder: Path, family: str, **settings: Any) -> tuple[Trainer, CommitTuningCallback]:
    model, components = with_lora(backbone(family), family)
    callback = CommitTuningCallback(
        scheduler=CoordinatedScheduler(), estimator=estimator(family), reward=DistributionReward(weight=1.0)
    )
    groups = optimiser_groups(model, components, {"encoder": 0.05, "llm": 0.02})
    return trainer(folder, family, model, callback, groups, **settings), callback


def test_a_start_that_fails_leaves_no_hook(tmp_path):
    (tmp_path / "trace.jsonl").write_text("")
    run, callback = lora_run(tmp_path, FAMILIES[0])
    with pytest.raises(InvalidTrace, match="is there already"):
        run.train()
    assert not run.model._forward_hooks and not run.optimizer.optimizer._optimizer_step_pre_hooks
    (tmp_path / "trace.jsonl").unlink()
    run.train()
    assert callback.tuning.updates == 6 and len(read_trace(tmp_path / "trace.jsonl")) == 6


@pytest.mark.parametrize("family", FAMILIES)
def test_lora_runs_with_disjoint_groups_that_are_printed_and_the_rates_of_the_scheduler(tmp_path, family, capsys):
    run, callback = lora_run(tmp_path, family)
    run.train()
    model, tuning = run.model, callback.tuning
    printed = capsys.readouterr().out
    for component, parts in part_counts(model, known_components(model)).items():
        for path, count in parts.items():
            assert f"{path}: {count.trained:,} values trained" in printed
        assert sum(count.lora for count in parts.values()) > 0, component
    named = parameters_by_component(model, known_components(model))
    assert sorted(name for one in named.values() for name in one) == sorted(n for n, _ in model.named_parameters())
    rows = read_trace(tmp_path / "trace.jsonl")
    assert [row["update"] for row in rows] == [1, 2, 3, 4, 5, 6] and tuning.updates == 6
    assert [row["undefined"] is None for row in rows] == [True, False] * 3
    warm = [0.0, 0.5, 1.0, *(0.5 * (1 + math.cos(math.pi * done / 4)) for done in (1, 2, 3))]
    for row, overall in zip(rows, warm, strict=True):
        assert row["lr_X"] == pytest.approx(0.02 * overall * row["factor_X"])
        assert row["lr_S"] == pytest.approx(0.05 * overall * row["factor_S"])
    assert rows[-1]["factor_X"] != 1.0 and all(row["g_X"] > 0 and row["g_S"] > 0 for row in rows)
    assert not model._forward_hooks


def test_the_logged_loss_is_the_trainers_without_the_reward(tmp_path):
    model, components = with_lora(backbone("llava"), "llava")
    callback = CommitTuningCallback(estimator=estimator("llava"))
    run = trainer(tmp_path, "llava", model, callback, optimiser_groups(model, components, 0.02))
    run.train()
    logged = [row["loss"] for row in run.state.log_history if "loss" in row]
    assert [row["loss"] for row in read_trace(tmp_path / "trace.jsonl")] == pytest.approx(logged, abs=1e-4)


def test_the_reward_of_accumulated_batches_is_weighed_as_their_loss_is(tmp_path):
    found = {}
    for accumulated in (1, 2):
        run, _ = lora_run(
            tmp_path / str(accumulated),
            "llava",
            gradient_accumulation_steps=accumulated,
            per_device_train_batch_size=4 // accumulated,
            warmup_steps=0,
            max_steps=2,
        )
        for module in run.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        run.train()
        found[accumulated] = read_trace(tmp_path / str(accumulated) / "trace.jsonl")[-1]
    for name in ("g_X", "g_S", "loss"):
        assert found[1][name] == pytest.approx(found[2][name], rel=1e-3)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_resumed_training_is_the_uninterrupted_one(tmp_path, family):
    short = {"max_steps": 4, "save_steps": 2, "warmup_steps": 1}
    whole, first = lora_run(tmp_path / "whole", family, **short)
    whole.train()
    half, _ = lora_run(tmp_path / "half", family, **short)

    class Stop(TrainerCallback):
        def on_step_end(self, args, state, control, **more):
            control.should_training_stop = state.global_step == 3

    half.add_callback(Stop())
    half.train()
    resumed, second = lora_run(tmp_path / "half", family, **short)
    resumed.train(resume_from_checkpoint=str(tmp_path / "half" / "checkpoint-2"))
    for name, one in whole.model.named_parameters():
        assert torch.equal(one, resumed.model.get_parameter(name)), name
    assert vars(first.tuning.estimator.average) == vars(second.tuning.estimator.average)
    assert torch.equal(first.tuning.estimator.probe.state(), second.tuning.estimator.probe.state())
    assert first.tuning.used == second.tuning.used
    assert (tmp_path / "whole/trace.jsonl").read_bytes() == (tmp_path / "half/trace.jsonl").read_bytes()
    lost, third = lora_run(tmp_path / "elsewhere", family, **short)
    with pytest.raises(StateMismatch, match=r"resumes at update 2, .*resume_from"):
        lost.train(resume_from_checkpoint=str(tmp_path / "half" / "checkpoint-2"))
    assert third.tuning is None


def full_run(tmp_path: Path, model: Any, groups: Any) -> tuple[Trainer, CommitTuningCallback]:
    callback = CommitTuningCallback(scheduler=CoordinatedScheduler(), estimator=estimator("llava"))
    return trainer(tmp_path, "llava", model, callback, groups, max_steps=2, save_strategy="no"), callback


def test_features_of_the_layer_before_the_last_leave_the_last_block_without_gradient(tmp_path):
    model = backbone("llava")
    run, callback = full_run(tmp_path, model, optimiser_groups(model, known_components(model), 0.02))
    run.train()
    lost = callback.tuning.gradients.without_gradient
    assert any("layers.2.self_attn" in name for name in lost)
    assert all(name.startswith("model.vision_tower.") for name in lost)
    assert not any("layers.1." in name for name in lost)


def test_the_original_recipes_tower_without_gradients_is_named(tmp_path):
    model = backbone("llava")
    tower = model.model.vision_tower
    tower.forward = torch.no_grad()(tower.forward)
    run, _ = full_run(tmp_path, model, optimiser_groups(model, known_components(model), 0.02))
    with pytest.raises(NoGradient, match=r"^model\.vision_tower \(encoder\)"):
        run.train()


def test_a_frozen_tower_is_said(tmp_path):
    model = backbone("llava")
    model.model.vision_tower.requires_grad_(False)
    run, _ = full_run(tmp_path, model, optimiser_groups(model, known_components(model), 0.02))
    with pytest.warns(FrozenPart, match=r"model\.vision_tower is frozen"):
        run.train()


def test_the_trainers_default_groups_are_refused_with_what_to_do(tmp_path):
    model = backbone("llava")
    run, _ = full_run(tmp_path, model, [{"params": list(model.parameters()), "lr": 0.01}])
    with pytest.raises(MixedGroup, match="optimiser_groups"):
        run.train()


def test_a_callback_that_sets_one_rate_for_all_is_found(tmp_path):
    model = backbone("llava")
    groups = optimiser_groups(model, known_components(model), {"encoder": 0.05, "llm": 0.02})
    run, _ = full_run(tmp_path, model, groups)

    class OneRate(TrainerCallback):
        def on_step_begin(self, args, state, control, optimizer=None, **more):
            for group in optimizer.param_groups if state.global_step else ():
                group["lr"] = 0.003

    run.add_callback(OneRate())
    with pytest.raises(LearningRateOverwritten, match=r"0\.003"):
        run.train()
