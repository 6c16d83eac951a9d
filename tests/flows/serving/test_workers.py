"""Deployed flows, run by a worker in clones: what Prefect shows, schedules, failure and retry, kills, cancelling."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.conftest import Project
from tests.flows.conftest import PATIENCE, Started

NAMES = ["data-wine", "toy-draw", "toy-train-left", "toy-train-right", "toy-combine", "toy-evaluate", "toy-publish"]
BREAK = """    if run.variant == "right":
        raise ValueError("the right arm is broken")
    walk = Walk("""
WORK = (sys.executable, "-m", "flows", "worker")
ENDED = ("Completed", "Failed", "Crashed", "Cancelled")


class Deployed:
    """One project's deployments on the tests' server, and what the server knows of their runs."""

    def __init__(self, server) -> None:
        self.server = server

    def run(self, name: str = "toy/cpu", **parameters: object) -> str:
        """Schedule a run for now and return its number."""
        number = self.server.ask(f"deployments/name/{name}")["id"]
        return self.server.ask(f"deployments/{number}/create_flow_run", {"parameters": parameters})["id"]

    def state(self, run: str) -> str:
        return self.server.ask(f"flow_runs/{run}")["state_name"]

    def wait_for(self, run: str, *states: str, seconds: float = PATIENCE) -> str:
        """Wait until the run is in one of the states and return which."""
        until = time.monotonic() + seconds
        while (state := self.state(run)) not in states:
            assert time.monotonic() < until, f"{state}, not {states}:\n" + "\n".join(self.logs(run))
            time.sleep(0.2)
        return state

    def tasks(self, run: str) -> dict[str, str]:
        """Return the states of the run's tasks, once all have ended; they arrive a little later than its own."""
        until = time.monotonic() + 30
        while True:
            found = self.server.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
            names = {task["name"].rpartition("-")[0]: task["state_name"] for task in found}
            if not {"Pending", "Running"} & set(names.values()):
                return names
            assert time.monotonic() < until, names
            time.sleep(0.2)

    def task_states(self, run: str) -> list[str]:
        found = self.server.ask("task_runs/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return [task["state_name"] for task in found]

    def results(self, run: str) -> str:
        """Return the text of the run's artifact."""
        (found,) = self.server.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
        assert found["key"] == "toy-results" and found["type"] == "markdown"
        return found["data"]

    def logs(self, run: str) -> list[str]:
        lines = self.server.ask("logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200})
        return [line["message"] for line in lines]

    def says(self, run: str, text: str) -> bool:
        """Whether the run's log has ``text``; its lines arrive a little later than its states."""
        until = time.monotonic() + 20
        while text not in (printed := "\n".join(self.logs(run))):
            assert time.monotonic() < until, f"no {text!r} in:\n{printed}"
            time.sleep(0.2)
        return True

    def set(self, run: str, kind: str, name: str) -> None:
        """Do what the buttons of Prefect's pages do."""
        self.server.ask(f"flow_runs/{run}/set_state", {"state": {"type": kind, "name": name}, "force": True})


@pytest.fixture(scope="module")
def checkout(finished, server, tmp_path_factory) -> Iterator[Project]:
    """A checkout whose flows are deployed, with a worker that runs them in clones of it."""
    root = tmp_path_factory.mktemp("worker") / "checkout"
    shutil.copytree(finished.root, root, symlinks=True)
    project = Project(root)
    project.flows("deploy", **server.environment)
    worker = Started(project, root.parent / "worker.log", WORK, **server.environment)
    yield project
    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()
    print(worker.printed())


@pytest.fixture(scope="module")
def deployed(checkout, server) -> Deployed:
    return Deployed(server)


def clone(checkout: Project, run: str) -> Project:
    return Project(checkout.root / ".tenfold/workspaces" / run)


def wait_until(true: Callable[[], object], seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_run_leaves_its_parameters_to_no_other_and_its_results_in_the_cache(deployed, checkout, server):
    """Steps with their states, log lines, the results as an artifact; the checkout is as it was."""
    before = checkout.digests()
    run = deployed.run(profile="smoke", overrides=["toy.train.updates=5"])
    assert deployed.wait_for(run, *ENDED) == "Completed", deployed.logs(run)
    assert deployed.tasks(run) == dict.fromkeys(NAMES, "Completed")
    assert deployed.says(run, "steps/toy/params.yaml: train.updates: 3 → 5")
    assert deployed.says(run, "Running stage 'steps/toy/dvc.yaml:combine'")
    data = deployed.results(run)
    assert "| `C1 ✓ reproduced` | The walk gets closer. | `shrinkage` 0." in data
    assert "Profile `smoke`" in data and "walk" in data
    assert checkout.digests() == before

    again = deployed.run()
    assert deployed.wait_for(again, *ENDED) == "Completed", deployed.logs(again)
    assert "Profile `default`" in deployed.results(again)
    assert set(deployed.tasks(again).values()) == {"Cached"}

    smoke = deployed.run(profile="smoke")
    assert deployed.wait_for(smoke, *ENDED) == "Completed", deployed.logs(smoke)
    assert (checkout.root / "results/smoke/toy/metrics.json").is_file(), "those of another profile are handed over"
    assert checkout.run("git", "status", "--porcelain") == ""
    wait_until(lambda: not list((checkout.root / ".tenfold/workspaces").glob("*/")), 30)
    checkout.flows("run", "toy", "--profile", "smoke", **server.environment)
    states = {name: task["state_name"] for name, task in server.last_run()[1].items()}
    assert {states[name] for name in NAMES[:-1]} == {"Restored"}
    assert checkout.run("git", "status", "--porcelain") == ""


def test_a_schedule_runs_with_committed_parameters(deployed, checkout):
    """The nightly run, moved to a moment from now, after somebody ran another profile by hand."""
    number = deployed.server.ask("deployments/name/toy/cpu")["id"]
    soon = datetime.now(UTC) + timedelta(seconds=15)
    schedule = {"active": True, "schedule": {"interval": 40, "anchor_date": soon.isoformat()}}
    (made,) = deployed.server.ask(f"deployments/{number}/schedules", [schedule])

    def scheduled() -> list[str]:
        asked = {"flow_runs": {"tags": {"all_": ["auto-scheduled"]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return [run["id"] for run in deployed.server.ask("flow_runs/filter", asked)]

    try:
        wait_until(scheduled)
        run = scheduled()[0]
        assert deployed.wait_for(run, *ENDED) == "Completed", deployed.logs(run)
    finally:
        deployed.server.ask(f"deployments/{number}/schedules/{made['id']}", method="DELETE")
    assert "Profile `default`" in deployed.results(run)
    assert set(deployed.tasks(run).values()) == {"Cached"}


def test_a_failure_is_shown_and_a_retry_at_once_goes_on_from_the_cache(deployed, checkout):
    """At once: while the process of the failed try still ends."""
    checkout.edit("steps/toy/train.py", "    walk = Walk(", BREAK)
    checkout.edit(
        "flows/toy.py", "from flows.e", "import atexit\nimport time\n\natexit.register(time.sleep, 8)\nfrom flows.e"
    )
    checkout.run("git", "commit", "-qam", "broken, and slow to end")
    run = deployed.run(force=True)
    assert deployed.wait_for(run, *ENDED) == "Failed"
    checkout.run("git", "revert", "--no-edit", "HEAD")
    deployed.set(run, "SCHEDULED", "AwaitingRetry")
    failed = deployed.tasks(run)
    assert failed["toy-train-right"] == "Failed" and failed["toy-evaluate"] == "NotReady"
    assert deployed.says(run, "ValueError: the right arm is broken")
    assert deployed.wait_for(run, *ENDED) == "Completed", deployed.logs(run)


def test_runs_at_once_do_not_meet_and_cancelling_leaves_nothing_half_made(deployed, checkout, living):
    before = checkout.digests()
    run = deployed.run(overrides=["toy.train.pause=20.0"])
    own = clone(checkout, run)
    wait_until(lambda: "steps toy train" in "\n".join(living(own.root)))
    other = deployed.run(overrides=["toy.train.updates=4"])
    assert deployed.wait_for(other, *ENDED) == "Completed", deployed.logs(other)
    assert "steps toy train" in "\n".join(living(own.root))
    deployed.set(run, "CANCELLING", "Cancelling")
    assert deployed.wait_for(run, *ENDED) == "Cancelled"
    wait_until(lambda: not living(own.root))
    assert "Cancelled" in deployed.tasks(run).values() and "Failed" not in deployed.tasks(run).values()
    whole = {name: value for name, value in own.digests().items() if ".unfinished" not in name}
    assert whole.items() <= before.items()


def test_a_killed_try_leaves_no_task_running_once_the_run_goes_on(deployed, checkout, living):
    run = deployed.run(overrides=["toy.train.pause=0.4"])
    own = clone(checkout, run)
    wait_until(lambda: "steps toy train" in "\n".join(living(own.root)))
    (engine,) = [line for line in living(own.root) if "prefect" in line]
    os.kill(int(engine.split()[0]), signal.SIGKILL)
    assert deployed.wait_for(run, *ENDED) == "Crashed"
    deployed.set(run, "SCHEDULED", "AwaitingRetry")
    assert deployed.wait_for(run, "Completed", "Failed") == "Completed", deployed.logs(run)
    wait_until(lambda: not {"Running", "Pending"} & set(deployed.task_states(run)), 30)
    assert "Crashed" in deployed.task_states(run)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"overrides": ["toy.train.updates=many"]}, "ParameterError: steps/toy/params.yaml: train.updates"),
        ({"revision": "nowhere"}, "RevisionError: revision 'nowhere': neither origin nor"),
    ],
)
def test_what_is_wrong_is_the_run_s_message(deployed, asked, told):
    run = deployed.run(**asked)
    assert deployed.wait_for(run, *ENDED) == "Failed"
    assert told in deployed.server.ask(f"flow_runs/{run}")["state"]["message"]
    assert deployed.says(run, told.partition(": ")[2])
    assert "Traceback" not in "\n".join(deployed.logs(run))
    assert deployed.tasks(run) == {}


def test_a_worker_tells_that_it_has_no_gpu_and_delivers_where_its_pool_says(checkout, project, server, start):
    server.ask("work_pools/gpu", method="DELETE")
    checkout.flows("deploy", MLFLOW_TRACKING_URI="http://127.0.0.1:9", **server.environment)
    worker = start(project, *WORK, "--pool", "gpu", CUDA_VISIBLE_DEVICES="", **server.environment)
    worker.wait_for("worker of pool gpu (this machine has no GPU: steps run on its CPU)")
    worker.wait_for("started!")
    assert not (project.root / "mlflow.db").exists(), "it would have a store of its own"


def test_a_worker_without_a_server_or_pool_says_what_to_do(project, server):
    def complaint(*words: str, **more: str) -> str:
        return project.flows("worker", *words, fails=True, **more)

    assert "PREFECT_API_URL names no server; `python -m flows up` starts one" in complaint(PREFECT_API_URL="")
    assert "no Prefect server answers at PREFECT_API_URL=http://127.0.0.1:9/api" in complaint(
        PREFECT_API_URL="http://127.0.0.1:9/api"
    )
    assert "has no work pool 'tpu'; run `python -m flows deploy`" in complaint("--pool", "tpu", **server.environment)
