"""What goes wrong unseen in trainings of LLaVA, BLIP-2 and Qwen2-Audio, each in transformers' own class and Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import TrainerCallback

from tenfold.commit_tuning import (
    CommitTuningCallback,
    ConstantScheduler,
    CoordinatedScheduler,
    NoGradient,
    known_components,
    linear_paths,
    optimiser_groups,
    parameters_by_component,
    part_counts,
    read_trace,
)
from tests.tenfold.commit_tuning.test_callback import estimator, trainer
from tests.tenfold.commit_tuning.tiny_backbones import FAMILIES, backbone

TOWERS = {"llava": "model.vision_tower", "blip2": "vision_model", "qwen2_audio": "model.audio_tower"}


def run(folder: Path, family: str, callback: Any, model: Any = None, **settings: Any) -> Any:
    model = backbone(family) if model is None else model
    groups = optimiser_groups(model, known_components(model), 0.01)
    return trainer(folder, family, model, callback, groups, save_strategy="no", **settings)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_training_that_is_watched_is_the_one_that_is_not(tmp_path, family):
    watched = CommitTuningCallback(scheduler=ConstantScheduler(), estimator=estimator(family))
    found = []
    for name, callback in (("plain", TrainerCallback()), ("watched", watched)):
        one = run(tmp_path / name, family, callback, max_steps=4)
        one.train()
        found.append((dict(one.model.named_parameters()), dict(one.model.named_buffers()), one.state.log_history))
    assert watched.tuning is not None and watched.tuning.estimator.average.count == 2
    for first, second in zip(found[0][:2], found[1][:2], strict=True):
        assert all(torch.equal(one, second[name]) for name, one in first.items())
    losses = [[row["loss"] for row in history if "loss" in row] for *_, history in found]
    assert losses[0] == losses[1] and len(losses[0]) == 4


@pytest.mark.parametrize("still", ["llm", "encoder"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_component_at_rate_0_moves_no_answer_and_has_no_kappa(tmp_path, family, still):
    callback = CommitTuningCallback(scheduler=ConstantScheduler(**{still: 0.0}), estimator=estimator(family))
    one = run(tmp_path, family, callback, max_steps=2, warmup_steps=0)
    one.train()
    (row,) = [row for row in read_trace(tmp_path / "trace.jsonl") if row["undefined"] is not None]
    nothing, something = ("K_X", "K_S") if still == "llm" else ("K_S", "K_X")
    assert row[nothing] == 0.0 < row[something] and row["undefined"] and row["ema"] == 0.0
    assert row["lr_X" if still == "llm" else "lr_S"] == 0.0


def test_four_accumulated_batches_are_one_update_and_four_updates_one_estimate(tmp_path):
    made = estimator("llava")
    made.every = 4
    callback = CommitTuningCallback(scheduler=CoordinatedScheduler(), estimator=made)
    seen = {"micro-batches": 0}

    class Count(TrainerCallback):
        def on_substep_end(self, args, state, control, **more):
            seen["micro-batches"] += 1

        def on_step_end(self, args, state, control, **more):
            seen["micro-batches"] += 1

    one = run(tmp_path, "llava", callback, max_steps=8, gradient_accumulation_steps=4, per_device_train_batch_size=1)
    one.add_callback(Count())
    one.train()
    rows = read_trace(tmp_path / "trace.jsonl")
    assert seen == {"micro-batches": 32} and len(rows) == 8
    assert [row["update"] for row in rows if row["undefined"] is not None] == [4, 8]
    assert made.average.count + made.average.undefined == 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tower_that_runs_without_gradients_is_named(tmp_path, family):
    model = backbone(family)
    tower = model.get_submodule(TOWERS[family])
    assert all(one.requires_grad for one in tower.parameters() if one.ndim > 1) or family == "qwen2_audio"
    tower.forward = torch.no_grad()(tower.forward)
    callback = CommitTuningCallback(scheduler=CoordinatedScheduler(), estimator=estimator(family))
    one = run(tmp_path, family, callback, model=model, max_steps=2)
    with pytest.raises(NoGradient, match=rf"^{TOWERS[family]} \(encoder\)"):
        one.train()


def lora_values(model: Any) -> dict[str, int]:
    counts = part_counts(model, known_components(model))
    return {component: sum(one.lora for one in parts.values()) for component, parts in counts.items()}


def test_lora_by_a_piece_of_a_name_is_in_both_towers_of_llava_and_by_paths_in_one():
    both = get_peft_model(backbone("llava"), LoraConfig(r=2, target_modules=["q_proj"]))
    assert min(lora_values(both).values()) > 0
    named = parameters_by_component(both, known_components(both))
    owners = {name: component for component, found in named.items() for name in found}
    assert len(owners) == sum(map(len, named.values())) == len(list(both.named_parameters()))
    for name, component in owners.items():
        assert component == ("llm" if "language_model" in name or "lm_head" in name else "encoder"), name
    model = backbone("llava")
    paths = linear_paths(model, known_components(model), "llm")
    one = get_peft_model(model, LoraConfig(r=2, target_modules=[path for path in paths if path != "lm_head"]))
    assert lora_values(one)["encoder"] == 0 < lora_values(one)["llm"]
