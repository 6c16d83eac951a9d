"""A step in several processes gives the numbers of one, fails as one, and leaves none behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.numpy import load_file

from steps.runtime import launch
from steps.runtime.stage import address, declared
from steps.step.batches import Batches, Order, UnevenBatch
from steps.step.distributed import TooManyProcesses, World
from steps.step.run import OtherAccelerator, Run

FIT = '''
"""Fit a small network."""

import json
import os
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from safetensors.torch import save_file

from steps.step.params import Count, Params
from steps.step.run import Run


class FitParams(Params):
    """How long to train, and with how many samples an update."""

    updates: Count
    batch_size: Count
    accumulated: Count = 1
    trouble: str = ""  # at update 4, in process 1


def fit(drawn: Path, *, out: Path, params: FitParams, run: Run) -> None:
    """Fit a network to a curve."""
    if params.trouble == "early" and run.world.rank == 1:
        raise ValueError("row 3 is zero")
    accelerator = run.accelerator(gradient_accumulation_steps=params.accumulated)
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    inputs = torch.randn(100, 3, generator=run.torch_generator("inputs"))
    data = torch.utils.data.TensorDataset(inputs, torch.sin(inputs.sum(1, keepdim=True)))
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.05)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, params.updates)
    model, optimiser, schedule = accelerator.prepare(model, optimiser, schedule)
    batches = run.batches(data, params.batch_size)
    state = {"model": model, "optimiser": optimiser, "schedule": schedule, "batches": batches}
    for update in run.updates(params.updates, state, every_seconds=0.0):
        losses = []
        for _ in range(params.accumulated):
            x, y = next(batches)
            with accelerator.accumulate(model):
                loss = torch.nn.functional.mse_loss(model(x), y)
                accelerator.backward(loss)
                optimiser.step()
                schedule.step()
                optimiser.zero_grad()
            losses.append(loss.item())
        if update == 4 and run.world.rank == 1:
            trouble(params.trouble, drawn)
        if update == 4 and params.trouble == "nan":
            losses = [float("nan") if run.world.rank == 1 else 1.0]
        run.log({"train/loss": sum(losses) / len(losses)}, update=update)
        (out / "update").write_text(str(update))
        time.sleep(float(os.environ.get("PAUSE", 0)))
    save_file(accelerator.unwrap_model(model).state_dict(), out / "model.safetensors")
    (out / "history.json").write_text(json.dumps(run.history))


def trouble(kind: str, drawn: Path) -> None:
    """Go wrong in one of the ways there are."""
    if kind == "error":
        raise ValueError("row 7 is zero")
    if kind == "kill":
        os.kill(os.getpid(), 9)
    if kind == "peek":
        (drawn.parents[3] / "pyproject.toml").read_text()
    if kind == "write":
        (drawn / "more.txt").write_text("x")
'''
FLOW = 'combined = step("combine", arms=arms)'
FITTED = "artifacts/default/toy/fit"
TOLERANCE = {"rtol": 1e-5, "atol": 1e-7}  # float32 sums taken in another order, over 12 updates
STEP = (sys.executable, "-m", "steps", "toy", "fit")


@pytest.fixture(scope="module")
def trained(finished, tmp_path_factory: pytest.TempPathFactory):
    """A finished checkout with a step more: one that trains."""
    root = tmp_path_factory.mktemp("trained") / "checkout"
    shutil.copytree(finished.root, root, symlinks=True)
    project = type(finished)(root)
    (root / "steps/toy/fit.py").write_text(FIT.lstrip())
    project.edit("flows/toy.py", FLOW, f'{FLOW}\n    step("fit", drawn=drawn, distributed=True)')
    with open(root / "steps/toy/params.yaml", "a") as file:
        file.write("fit: {updates: 12, batch_size: 16}\n")
    project.flows("generate")
    return project


@pytest.fixture
def training(trained, tmp_path: Path):
    """A checkout of one's own with the step that trains."""
    shutil.copytree(trained.root, tmp_path / "checkout", symlinks=True)
    return type(trained)(tmp_path / "checkout")


def fitted(project) -> tuple[list[float], dict[str, np.ndarray]]:
    """Return the curve and the weights, and remove them."""
    folder = project.root / FITTED
    history = json.loads((folder / "history.json").read_text())
    weights = load_file(folder / "model.safetensors")
    shutil.rmtree(folder)
    assert [row["update"] for row in history] == list(range(1, 13))
    return [row["train/loss"] for row in history], weights


def same(one: tuple, other: tuple) -> bool:
    return np.allclose(one[0], other[0], **TOLERANCE) and all(
        np.allclose(one[1][name], other[1][name], **TOLERANCE) for name in (one[1].keys() | other[1].keys())
    )


def set_fit(project, **values) -> None:
    more = "".join(f", {name}: {value}" for name, value in values.items())
    project.edit("steps/toy/params.yaml", "batch_size: 16}", f"batch_size: 16{more}}}")


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def begun(project, *command: str, workers: int = 2, **more: str) -> tuple[subprocess.Popen, list[psutil.Process]]:
    """Start a command and return it, once its training is well under way, with every process below it."""
    process = subprocess.Popen(
        command,
        cwd=project.root,
        env=project.environment(**more),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    until = time.monotonic() + 120
    while not [path for path in progress(project) if int(path.read_text() or 0) >= 3]:
        assert process.poll() is None and time.monotonic() < until, "the training did not begin"
        time.sleep(0.02)
    below = descendants(process.pid)
    assert sum("fit" in child.cmdline() for child in below) >= workers
    return process, below


def progress(project) -> list[Path]:
    return list((project.root / FITTED).parent.glob(".fit.*.unfinished/update"))


def half_written(project) -> list[Path]:
    return [path for path in project.root.rglob("*.unfinished*") if ".dvc" not in path.parts]


LAUNCHERS = {
    "TENFOLD_PROCESSES": STEP,
    "torchrun": ("torchrun", "--standalone", "--nproc-per-node", "2", "-m", "steps", "toy", "fit"),
    "accelerate": (
        "accelerate",
        "launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        "0",
        "-m",
        "steps",
        "toy",
        "fit",
    ),
}


@pytest.fixture(scope="module")
def alone(trained) -> tuple[list[float], dict[str, np.ndarray]]:
    """The curve and the weights of one process."""
    trained.run(*STEP)
    result = fitted(trained)
    assert result[0][-1] < 0.5 * result[0][0], "it learns"
    return result


def test_two_processes_train_like_one_with_twice_the_batch(training, alone):
    """The samples of a batch are counted over all processes: two with 8 each, or one with 16."""
    for name, command in LAUNCHERS.items():
        training.run(*command, **({"TENFOLD_PROCESSES": "2"} if name == "TENFOLD_PROCESSES" else {}))
        record = json.loads((training.root / f"{FITTED}.provenance.json").read_text())
        assert record["processes"] == 2 and record["versions"]["accelerate"]
        assert same(fitted(training), alone), name
        assert not half_written(training)
    set_fit(training, accumulated=2)
    training.edit("steps/toy/params.yaml", "batch_size: 16", "batch_size: 8")
    training.run(*STEP, TENFOLD_PROCESSES="2")
    assert same(fitted(training), alone), "two halves of a batch, accumulated"
    training.edit("steps/toy/params.yaml", "batch_size: 8", "batch_size: 9")
    said = training.run(*STEP, TENFOLD_PROCESSES="2", fails=True)
    assert "UnevenBatch: a batch of 9 cannot be divided among 2 processes" in said and "Traceback" not in said


def test_dvc_runs_the_stage_in_several_processes_and_only_that(training):
    training.edit("params.yaml", "seed: 0", "seed: 1")  # the stages above run anew, too
    said = training.run("dvc", "repro", address("toy-fit"), TENFOLD_PROCESSES="2")
    assert address("toy-draw") in said
    processes = {
        name: json.loads((training.root / f"artifacts/default/toy/{name}.provenance.json").read_text())["processes"]
        for name in ("draw", "fit")
    }
    assert processes == {"draw": 1, "fit": 2}
    assert training.repro("toy-fit") == [], "the number is no parameter"


TROUBLE = [
    ("early", "ValueError: row 3 is zero"),  # the other one waits to meet it
    ("error", "ValueError: row 7 is zero"),
    ("kill", "process 1 of 2 stopped: it was killed by SIGKILL"),
    ("peek", "UndeclaredAccess: stage toy-fit opened pyproject.toml, which it does not declare"),
    ("write", "UndeclaredAccess: stage toy-fit tried to write artifacts/default/toy/draw/more.txt"),
    ("nan", "Diverged: toy fit: train/loss = nan at update 4"),
]


@pytest.mark.parametrize(("trouble", "words"), TROUBLE, ids=[kind for kind, _ in TROUBLE])
def test_what_stops_one_stops_all_by_name(training, trouble, words):
    set_fit(training, trouble=trouble)
    before = training.digests()
    said = training.run(*STEP, TENFOLD_PROCESSES="2", fails=True)
    assert words in said and said.count("Traceback") == ("ValueError" in words)
    assert training.digests() == before and not half_written(training)
    assert not (training.root / FITTED).exists()


def test_torchrun_too_is_stopped_by_name(training):
    set_fit(training, trouble="nan")
    said = training.run(*LAUNCHERS["torchrun"], fails=True)
    assert "Diverged: toy fit: train/loss = nan at update 4" in said
    assert not (training.root / FITTED).exists() and not half_written(training)


@pytest.mark.parametrize("command", [("dvc", "repro", "-s", address("toy-fit")), STEP], ids=["DVC", "launcher"])
def test_kill_9_leaves_no_process_and_resume_gives_the_same_numbers(training, alone, command):
    process, below = begun(training, *command, TENFOLD_PROCESSES="2", PAUSE="0.5")
    for child in below:
        for connection in child.net_connections():
            assert connection.status != psutil.CONN_LISTEN or connection.laddr.ip in ("127.0.0.1", "::1")
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(below, timeout=20)
    assert not alive
    said = training.run(*STEP, TENFOLD_PROCESSES="2")
    assert "goes on from the checkpoint of update" in said
    assert same(fitted(training), alone) and not half_written(training)


def test_a_training_begun_by_two_is_ended_by_one(training, alone):
    process, _ = begun(training, *STEP, TENFOLD_PROCESSES="2", PAUSE="0.5")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert said.strip() == "toy fit: interrupted; nothing half-written was kept" and process.returncode == 130
    assert not half_written(training)
    assert "goes on from the checkpoint of update" in training.run(*STEP)
    assert same(fitted(training), alone)


@pytest.mark.parametrize("number", ["0", "two", "-1", "1.5"])
def test_a_number_of_processes_that_is_none_is_refused(trained, number):
    said = trained.run(*STEP, TENFOLD_PROCESSES=number, fails=True)
    assert f"WrongProcesses: TENFOLD_PROCESSES={number}: must be a whole number" in said


def test_a_step_that_does_not_ask_for_it_imports_nothing(pristine):
    code = (
        "import sys; from pathlib import Path; from steps.step.run import Run; run = Run('toy', 'x', "
        "out=Path('.')); run.log({'a': 1.0}, 1); list(run.updates(2)); "
        "print([name for name in ('torch', 'accelerate') if name in sys.modules])"
    )
    assert pristine.run(sys.executable, "-c", code) == "[]\n"


@pytest.mark.parametrize(
    ("flags", "asked", "count"),
    [
        ("--distributed", None, 1),
        ("--distributed", "3", 3),
        ("--gpu --distributed", None, 4),
        ("--gpu --distributed", "1", 1),
        ("--gpu --distributed", "2", 2),
        ("--gpu", None, 1),
        ("", "2", 1),
    ],
)
def test_how_many_processes_are_started(trained, monkeypatch: pytest.MonkeyPatch, flags, asked, count):
    """On a machine with four GPUs."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    if asked is None:
        monkeypatch.delenv("TENFOLD_PROCESSES", raising=False)
    else:
        monkeypatch.setenv("TENFOLD_PROCESSES", asked)
    fit = declared(trained.root, ["toy", "fit"])
    assert fit.has("distributed") and not fit.has("gpu")
    stage = replace(fit, command=f"python -m steps toy fit {flags}")
    assert launch.wanted(stage) == count
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert launch.wanted(stage) == 1, "one of several starts no more"


def test_more_processes_than_gpus_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    run = Run("toy", "fit", out=tmp_path, world=World(rank=2, size=3, local_rank=2))
    assert run.device == "cuda:2"
    with pytest.raises(TooManyProcesses, match="3 processes on a machine with 2 GPUs"):
        run.accelerator()


def run_in(tmp_path: Path) -> Run:
    return Run("toy", "fit", out=tmp_path)


def test_batches_are_a_new_order_of_every_sample_in_each_epoch(tmp_path: Path):
    run = run_in(tmp_path)
    drawn = list(islice(Order(103, 10, lambda epoch: run.torch_generator(str(epoch))), 20))
    epochs = [[number for batch in part for number in batch] for part in (drawn[:10], drawn[10:])]
    assert all(len(set(epoch)) == 100 for epoch in epochs) and epochs[0] != epochs[1]


@pytest.mark.parametrize("start", [0, 1, 9, 10, 11, 25])
def test_batches_go_on_where_they_were(tmp_path: Path, start):
    run = run_in(tmp_path)
    data = torch.utils.data.TensorDataset(torch.arange(103))
    undisturbed = [batch[0].tolist() for batch in islice(run.batches(data, 10), 40)]
    batches = run.batches(data, 10)
    before = [batch[0].tolist() for batch in islice(batches, start)]
    resumed = run.batches(data, 10)
    next(resumed)
    resumed.load_state_dict(batches.state_dict())
    global_state = torch.random.get_rng_state()
    assert before + [batch[0].tolist() for batch in islice(resumed, 40 - start)] == undisturbed
    assert torch.equal(torch.random.get_rng_state(), global_state), "the step's own draws are left alone"


def test_purposes_have_orders_of_their_own(tmp_path: Path):
    run, data = run_in(tmp_path), torch.utils.data.TensorDataset(torch.arange(50))
    first, second = next(run.batches(data, 20)), next(run.batches(data, 20, "other"))
    assert first[0].tolist() != second[0].tolist()


@pytest.mark.parametrize("size", [0, -1, 51])
def test_a_batch_must_fit_the_data(tmp_path: Path, size):
    with pytest.raises(UnevenBatch, match="from 50 samples"):
        run_in(tmp_path).batches(torch.utils.data.TensorDataset(torch.arange(50)), size)


def test_a_step_has_one_accelerator(tmp_path: Path):
    run = run_in(tmp_path)
    assert run.accelerator() is run.accelerator()
    with pytest.raises(OtherAccelerator, match="one accelerator per step"):
        run.accelerator(gradient_accumulation_steps=2)
    assert isinstance(run.batches([1, 2, 3], 1), Batches)
