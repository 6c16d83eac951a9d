"""What a step is given: seeded randomness, logging that stops on NaN, figures, resumable updates."""

from __future__ import annotations

import itertools
import math
import os
import subprocess
import sys
import termios
from pathlib import Path

import numpy as np
import pytest
import torch

import steps.step.run as run_module
from steps.step.run import Diverged, NestedUpdates, Run

ROOT = Path(__file__).parents[3]


class Killed(BaseException):
    """The process ends here."""


class Sum:
    """A walk whose every update depends on all before, and on its generator."""

    def __init__(self, run: Run, purpose: str = "walk") -> None:
        self.generator = run.generator(purpose)
        self.value = 0.0

    def update(self) -> float:
        self.value = math.sin(self.value + self.generator.normal())
        return self.value

    def state_dict(self) -> dict:
        return {"value": self.value, "generator": self.generator.bit_generator.state}

    def load_state_dict(self, state: dict) -> None:
        self.value, self.generator.bit_generator.state = state["value"], state["generator"]


def run_in(folder: Path, **more) -> Run:
    return Run("toy", "train", out=folder / "out", checkpoints=folder / "checkpoints", **more)


def test_randomness_depends_on_everything_that_it_should(tmp_path: Path):
    def draw(purpose: str = "order", paper: str = "toy", step: str = "train", **more) -> float:
        return Run(paper, step, out=tmp_path, **more).generator(purpose).random()

    draws = [
        draw(),
        draw("noise"),
        draw(seed=1),
        draw(variant="left"),
        draw(variant="right"),
        draw(step="draw"),
        draw(paper="other"),
        draw("order\0x"),
        draw("x", variant="order"),
    ]
    assert len(set(draws)) == len(draws)
    assert draw() == draws[0] and draw(variant="left") == draws[3]
    assert draw(profile="full") == draws[0]


def test_torch_randomness_follows_the_same_rule(tmp_path: Path):
    run = Run("toy", "train", out=tmp_path)
    first, again, other = (
        torch.rand(4, generator=run.torch_generator(purpose)) for purpose in ("noise", "noise", "order")
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_randomness_is_the_same_in_every_process(tmp_path: Path):
    code = (
        "from steps.step.run import Run; from pathlib import Path; "
        "print(Run('toy', 'train', out=Path(), seed=3).generator('order').random())"
    )
    for hash_seed in "12":
        printed = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert float(printed) == Run("toy", "train", out=tmp_path, seed=3).generator("order").random()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_nan_stops_the_step(tmp_path: Path, value):
    run = run_in(tmp_path)
    run.log({"train/loss": 1.0}, update=6)
    with pytest.raises(Diverged, match=r"toy train: train/loss = (nan|inf|-inf) at update 7; lower the"):
        run.log({"train/accuracy": 0.5, "train/loss": value}, update=7)
    assert run.history == [{"update": 6, "train/loss": 1.0}]


def test_metrics_reach_the_sink(tmp_path: Path):
    class Sink(list):
        def log(self, metrics, update):
            self.append((dict(metrics), update))

    sink = Sink()
    run = run_in(tmp_path, sink=sink)
    run.log({"train/loss": np.float32(0.5)}, update=1)
    run.log({"test/accuracy": 1})
    assert sink == [({"train/loss": 0.5}, 1), ({"test/accuracy": 1.0}, None)]
    assert run.history == [{"update": 1, "train/loss": 0.5}, {"test/accuracy": 1.0}]


def walk(run: Run, total: int, *, die_at: int | None = None, purpose: str = "walk") -> list[float]:
    state = Sum(run, purpose)
    for update in run.updates(total, state=state, every_seconds=0.0):
        run.log({f"{purpose}/value": state.update()}, update=update)
        if update == die_at:
            raise Killed
    return [row[f"{purpose}/value"] for row in run.history if f"{purpose}/value" in row]


@pytest.mark.parametrize("die_at", range(1, 9))
def test_resume_ends_with_the_same_numbers(tmp_path: Path, die_at):
    undisturbed = run_in(tmp_path / "undisturbed")
    expected = walk(undisturbed, 8)
    with pytest.raises(Killed):
        walk(run_in(tmp_path), 8, die_at=die_at)
    run = run_in(tmp_path)
    assert walk(run, 8) == expected
    assert run.history == undisturbed.history
    assert run.resumed_from == (die_at - 1 or None)


def test_many_kills_end_with_the_same_numbers(tmp_path: Path):
    expected = walk(run_in(tmp_path / "undisturbed"), 10)
    for die_at in (2, 3, 3, 7, 9):
        with pytest.raises(Killed):
            walk(run_in(tmp_path), 10, die_at=die_at)
    assert walk(run_in(tmp_path), 10) == expected


def two_walks(run: Run, die_at: tuple[int, int] | None = None) -> tuple[list[float], list[float]]:
    loop, update = die_at or (None, None)
    first = walk(run, 6, die_at=update if loop == 0 else None, purpose="first")
    second = walk(run, 6, die_at=update if loop == 1 else None, purpose="second")
    return first, second


@pytest.mark.parametrize("die_at", itertools.product((0, 1), (1, 2, 6)))
def test_a_second_loop_does_not_take_the_first_one_s_checkpoint(tmp_path: Path, die_at):
    undisturbed = run_in(tmp_path / "undisturbed")
    expected = two_walks(undisturbed)
    assert len(expected[1]) == 6
    with pytest.raises(Killed):
        two_walks(run_in(tmp_path), die_at)
    run = run_in(tmp_path)
    assert two_walks(run) == expected
    assert run.history == undisturbed.history


def test_a_loop_inside_a_loop_is_refused(tmp_path: Path):
    run = run_in(tmp_path)
    with pytest.raises(NestedUpdates, match="make the inner loop a plain `for`"):
        for _ in run.updates(2):
            for _ in run.updates(2):
                pass
    assert list(run.updates(2)) == [1, 2]


def test_leaving_a_loop_early_lets_the_next_begin(tmp_path: Path):
    run = run_in(tmp_path)
    for update in run.updates(5):
        if update == 2:
            break
    assert list(run.updates(3)) == [1, 2, 3]


def test_without_a_state_nothing_is_kept(tmp_path: Path):
    assert list(run_in(tmp_path).updates(3, every_seconds=0.0)) == [1, 2, 3]
    assert not (tmp_path / "checkpoints").exists()


def test_checkpoints_wait_for_their_time(tmp_path: Path):
    run = run_in(tmp_path)
    list(run.updates(50, state=Sum(run), every_seconds=3600.0))
    assert not (tmp_path / "checkpoints").exists()


FIGURE = """
import sys
import termios
from pathlib import Path
from matplotlib.figure import Figure
from steps.step.run import Run
figure = Figure()
axes = figure.subplots()
axes.plot([1, 3, 2], label="loss")
axes.scatter([0, 1], [1, 2], c=[0.1, 0.9])
axes.set_title("A title with $x^2$")
axes.legend()
Run("toy", "draw", out=Path(sys.argv[1])).figure("curve", figure)
"""


def test_figures_are_the_same_bytes_in_every_process(tmp_path: Path):
    written = []
    for number, hash_seed in enumerate("12"):
        out = tmp_path / str(number)
        subprocess.run(
            [sys.executable, "-c", FIGURE, str(out)],
            cwd=ROOT,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": hash_seed, "SOURCE_DATE_EPOCH": str(number + 1)},
        )
        written.append((out / "figures" / "curve.svg").read_bytes())
    assert written[0] == written[1]
    assert b"<svg" in written[0] and b"<dc:date>" not in written[0]


def test_progress_is_a_line_every_so_often_where_there_is_no_terminal(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.setattr(run_module, "EVERY", 0.0)
    assert list(run_in(tmp_path).updates(3)) == [1, 2, 3]
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].startswith("toy train: update 1 of 3, ") and printed.err == ""
    assert printed.out.splitlines()[-1] == "toy train: update 3 of 3, 0 s left"
    monkeypatch.undo()
    list(run_in(tmp_path).updates(3))
    assert capsys.readouterr() == ("", ""), "nothing in the first half minute"


def test_progress_is_a_bar_on_a_terminal(tmp_path: Path):
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    code = "from steps.step.run import Run; from pathlib import Path; list(Run('toy', 'train', out=Path()).updates(3))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=theirs, stderr=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "toy train: 100%" in shown and "3/3" in shown
