"""Deployed flows, run by a worker: what Prefect shows, failure and retry, cancelling, runs that must wait."""

from __future__ import annotations

import sys
import time

import pytest

NAMES = ["data-wine", "toy-draw", "toy-train-left", "toy-train-right", "toy-combine", "toy-evaluate", "toy-publish"]
BREAK = """    if run.variant == "right":
        raise ValueError("the right arm is broken")
    walk = Walk("""
WORK = (sys.executable, "-m", "flows", "worker", "--name")


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

    def wait_for(self, run: str, *states: str, seconds: float = 120) -> str:
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
def deployed(finished, server) -> Deployed:
    """Deployments name no folder: each worker runs them in its own checkout."""
    finished.flows("deploy", **server.environment)
    return Deployed(server)


def test_a_worker_runs_a_deployment_and_prefect_shows_it(deployed, project, start):
    """Steps with their states, log lines, the results as an artifact; afterwards DVC finds everything done."""
    worker = start(project, *WORK, "shows", **deployed.server.environment)
    before = project.digests()
    run = deployed.run(profile="smoke", overrides=["toy.train.updates=5"])
    assert deployed.wait_for(run, "Completed", "Failed", "Crashed") == "Completed", worker.printed()
    assert deployed.tasks(run) == dict.fromkeys(NAMES, "Completed")
    assert deployed.says(run, "steps/toy/params.yaml: train.updates: 3 → 5")
    assert deployed.says(run, "Running stage 'steps/toy/dvc.yaml:combine'")
    (artifact,) = deployed.server.ask("artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
    assert artifact["key"] == "toy-results" and artifact["type"] == "markdown"
    assert "| C1 | ✓ reproduced | The walk gets closer. | `shrinkage` 0." in artifact["data"]
    assert "Profile `smoke`" in artifact["data"] and "walk" in artifact["data"]
    assert project.repro("toy-publish") == []
    again = deployed.run()
    deployed.wait_for(again, "Completed")
    assert set(deployed.tasks(again).values()) == {"Cached"}
    assert {name: value for name, value in project.digests().items() if "/smoke/" not in name} == before


def test_a_failure_is_shown_and_a_retry_goes_on_from_the_cache(deployed, project, start):
    start(project, *WORK, "fails", **deployed.server.environment)
    before = project.digests()
    project.edit("steps/toy/train.py", "    walk = Walk(", BREAK)
    run = deployed.run(force=True)
    assert deployed.wait_for(run, "Completed", "Failed", "Crashed") == "Failed"
    assert deployed.tasks(run)["toy-train-right"] == "Failed" and deployed.tasks(run)["toy-evaluate"] == "NotReady"
    assert deployed.says(run, "ValueError: the right arm is broken")
    project.edit("steps/toy/train.py", BREAK, "    walk = Walk(")
    project.edit("params.yaml", "profile: default", "profile: default  # touched")
    deployed.set(run, "SCHEDULED", "AwaitingRetry")
    assert deployed.wait_for(run, "Completed", "Failed", "Crashed") == "Completed", deployed.logs(run)
    assert project.digests() == before


def test_cancelling_stops_the_work_and_leaves_nothing_half_made(deployed, project, start, living):
    worker = start(project, *WORK, "cancels", **deployed.server.environment)
    before = project.digests()
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 20.0")
    run = deployed.run()
    while "steps toy train" not in "\n".join(living(project.root)):
        assert deployed.state(run) not in ("Failed", "Crashed"), worker.printed()
        time.sleep(0.1)
    deployed.set(run, "CANCELLING", "Cancelling")
    deployed.wait_for(run, "Cancelled")
    assert not [line for line in living(project.root) if "prefect worker" not in line]
    assert "Cancelled" in deployed.tasks(run).values() and "Failed" not in deployed.tasks(run).values()
    whole = {name: value for name, value in project.digests().items() if ".unfinished" not in name}
    assert whole.items() <= before.items()
    project.edit("steps/toy/params.yaml", "pause: 20.0", "pause: 0.0")
    assert project.repro("toy-publish") == []
    assert project.digests() == before


def test_a_run_that_changes_parameters_waits_for_its_turn(deployed, project, start, living):
    start(project, *WORK, "waits", **deployed.server.environment)
    project.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 1.0")
    first = deployed.run()
    while "steps toy train" not in "\n".join(living(project.root)):
        time.sleep(0.1)
    second = deployed.run(overrides=["toy.train.pause=0.0", "toy.train.updates=4"])
    deployed.wait_for(first, "Completed")
    deployed.wait_for(second, "Completed")
    assert deployed.says(second, "waits for another flow in this checkout")
    assert deployed.says(second, "steps/toy/params.yaml: train.updates: 12 → 4")


def test_wrong_parameters_fail_at_once_by_name(deployed, project, start):
    start(project, *WORK, "refuses", **deployed.server.environment)
    run = deployed.run(overrides=["toy.train.updates=many"])
    assert deployed.wait_for(run, "Completed", "Failed", "Crashed") == "Failed"
    assert deployed.says(run, "steps/toy/params.yaml: train.updates")
    assert deployed.tasks(run) == {}


def test_a_worker_without_a_server_or_pool_says_what_to_do(project, server):
    def complaint(*words: str, **more: str) -> str:
        return project.flows("worker", *words, fails=True, **more)

    assert "PREFECT_API_URL names no server; `python -m flows up` starts one" in complaint(PREFECT_API_URL="")
    assert "no Prefect server answers at http://127.0.0.1:9/api" in complaint(PREFECT_API_URL="http://127.0.0.1:9/api")
    assert "has no work pool 'tpu'; run `python -m flows deploy`" in complaint("--pool", "tpu", **server.environment)
