"""A run that is stopped and goes on is the run that was never stopped, bit by bit; nothing is pickled."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tenfold.commit_tuning import (
    CommitTuning,
    ConstantScheduler,
    CoordinatedScheduler,
    DistributionReward,
    Factors,
    InvalidTrace,
    StateMismatch,
    TraceWriter,
    balances_before,
    factors_of,
    read_state,
    read_trace,
    save_state,
)
from tests.tenfold.commit_tuning.small_models import COMPONENTS, collate, estimator, examples, optimiser, small


class Run:
    """A run with everything that has a state: AdamW, a cosine, dropout, κ, the reward, a trace."""

    def __init__(self, folder: Path, *, keep: int | None = None) -> None:
        self.model = small()
        self.optimiser = optimiser(self.model, torch.optim.AdamW, 0.02)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimiser, 12)
        self.tuning = CommitTuning(
            self.model,
            self.optimiser,
            COMPONENTS,
            scheduler=CoordinatedScheduler(),
            estimator=estimator(every=2),
            schedule=self.schedule,
            reward=DistributionReward(weight=10.0),
            trace=TraceWriter(folder / "trace.jsonl", keep=keep),
        )

    def train(self, first: int, updates: int) -> None:
        self.model.train()
        for update in range(first, first + updates):
            torch.manual_seed(update)
            batch = collate(examples(16, seed=update))
            logits, targets, reward = self.tuning.rewarded(batch)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            (loss - reward.value).backward()
            self.tuning.note_loss(loss)
            self.optimiser.step()
            self.schedule.step()
            self.optimiser.zero_grad()

    def saved(self, folder: Path) -> None:
        save_state(self.tuning.state_dict(), folder)
        save_file(self.model.state_dict(), folder / "model.safetensors")


def test_a_resumed_run_is_the_uninterrupted_one(tmp_path):
    whole = Run(tmp_path / "whole")
    whole.train(0, 11)
    half = Run(tmp_path / "half")
    half.train(0, 5)
    half.saved(tmp_path / "state")
    others = copy.deepcopy((half.optimiser.state_dict(), half.schedule.state_dict()))
    half.train(5, 1)  # a killed process has written on
    half.tuning.close()
    resumed = Run(tmp_path / "half", keep=5)
    resumed.model.load_state_dict(load_file(tmp_path / "state" / "model.safetensors"))
    resumed.optimiser.load_state_dict(others[0])
    resumed.schedule.load_state_dict(others[1])
    resumed.tuning.load_state_dict(read_state(tmp_path / "state"))
    resumed.train(5, 6)
    for name, one in whole.model.state_dict().items():
        assert torch.equal(one, resumed.model.state_dict()[name]), name
    first, second = whole.tuning, resumed.tuning
    assert first.used == second.used and first.factors == second.factors
    assert vars(first.estimator.average) == vars(second.estimator.average)
    assert torch.equal(first.estimator.probe.state(), second.estimator.probe.state())
    assert all(torch.equal(one, second.previous[name]) for name, one in first.previous.items())
    assert (tmp_path / "whole" / "trace.jsonl").read_bytes() == (tmp_path / "half" / "trace.jsonl").read_bytes()


class Halving:
    """A scheduler of one's own, without a representation."""

    needs_balance = False

    def __init__(self, every: int) -> None:
        self.every = every

    def factors(self, update: int, _balance: float) -> Factors:
        return Factors(0.5 ** (update // self.every), 1.0)


def test_a_scheduler_of_ones_own_resumes_and_one_that_is_set_otherwise_does_not():
    def tuning(every: int) -> CommitTuning:
        model = small()
        return CommitTuning(model, optimiser(model, torch.optim.SGD, 0.02), COMPONENTS, scheduler=Halving(every))

    tuning(3).load_state_dict(tuning(3).state_dict())
    with pytest.raises(StateMismatch, match="every=3"):
        tuning(4).load_state_dict(tuning(3).state_dict())


def test_a_trace_says_what_was_used(tmp_path):
    run = Run(tmp_path)
    run.train(0, 4)
    run.tuning.close()
    rows = read_trace(tmp_path / "trace.jsonl")
    assert [row["update"] for row in rows] == [1, 2, 3, 4]
    assert [row["undefined"] for row in rows] == [None, False, None, False]
    assert rows[-1]["lr_X"] == run.tuning.used["llm"] and rows[-1]["ema"] == run.tuning.balance
    assert factors_of(rows)[-1] == run.tuning.factors
    scheduler = run.tuning.scheduler
    assert [scheduler.factors(9, one) for one in balances_before(rows)] == factors_of(rows)
    assert all(row["g_X"] > 0 and row["g_S"] > 0 and row["loss"] > 0 for row in rows)


def test_a_trace_is_not_written_over_nor_gone_on_from_where_it_has_not_been(tmp_path):
    path = tmp_path / "trace.jsonl"
    Run(tmp_path).train(0, 1)
    with pytest.raises(InvalidTrace, match="is there already"):
        TraceWriter(path)
    with pytest.raises(InvalidTrace, match="holds 1 of the 3 updates"):
        TraceWriter(path, keep=3)
    with path.open("a") as file:
        file.write('{"update": 2, "lo')  # killed
    assert len(read_trace(path)) == 1
    TraceWriter(path, keep=1).close()
    assert path.read_text().count("\n") == 1
    path.write_text("nonsense\n{}\n")
    with pytest.raises(InvalidTrace, match="line 1: no JSON object"):
        read_trace(path)


def test_numbers_that_are_not_finite_become_null(tmp_path):
    writer = TraceWriter(tmp_path / "trace.jsonl")
    writer.write({"update": 1, "loss": float("nan")})
    assert json.loads(writer.path.read_text()) == {"update": 1, "loss": None}


def test_a_state_of_another_run_changes_nothing(tmp_path):
    model = small()
    made = optimiser(model)
    tuning = CommitTuning(model, made, COMPONENTS, scheduler=CoordinatedScheduler(), estimator=estimator())
    save_state(tuning.state_dict(), tmp_path)
    other = small()
    plain = CommitTuning(other, optimiser(other), COMPONENTS, scheduler=ConstantScheduler(), estimator=estimator())
    with pytest.raises(StateMismatch, match=r"scheduler = CoordinatedScheduler.*this one ConstantScheduler"):
        plain.load_state_dict(read_state(tmp_path))
    (tmp_path / "commit_tuning.json").write_text("{")
    with pytest.raises(StateMismatch, match="holds no state of coordinated tuning"):
        read_state(tmp_path)
    with pytest.raises(StateMismatch, match="holds no state"):
        read_state(tmp_path / "nowhere")
