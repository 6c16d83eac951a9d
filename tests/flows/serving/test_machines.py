"""Several machines: workers in checkouts of their own, each in a network namespace where this machine allows it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Project
from tests.flows.conftest import PrefectServer, answers
from tests.flows.serving.test_workers import NAMES, Deployed

PATIENCE = 300  # seconds


@dataclass
class Network:
    """Three machines that reach each other: what to put before a command that runs on one of them, and addresses."""

    prefixes: list[list[str]]
    address: str  # of the first, where the server is

    def on(self, number: int, *command: str) -> tuple[str, ...]:
        return (*self.prefixes[number], *command)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """Three network namespaces on one bridge; on a machine that does not allow them, three times this machine."""
    names = [f"tf{os.getpid()}-{number}" for number in range(3)]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("-n", names[0], "link", "add", "bridge", "type", "bridge")
        ip("-n", names[0], "addr", "add", "10.99.0.1/24", "dev", "bridge")
        ip("-n", names[0], "link", "set", "bridge", "up")
        for number, name in enumerate(names):
            ip("-n", name, "link", "set", "lo", "up")
            if number:
                ip(
                    "-n",
                    names[0],
                    "link",
                    "add",
                    f"port{number}",
                    "type",
                    "veth",
                    "peer",
                    "name",
                    "eth0",
                    "netns",
                    name,
                )
                ip("-n", names[0], "link", "set", f"port{number}", "master", "bridge", "up")
                ip("-n", name, "addr", "add", f"10.99.0.{number + 1}/24", "dev", "eth0")
                ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", names[0], "link", "add", "port0", "type", "veth", "peer", "name", names[0], "netns", str(os.getpid()))
        ip("-n", names[0], "link", "set", "port0", "master", "bridge", "up")
        ip("addr", "add", "10.99.0.254/24", "dev", names[0])  # this process asks the server, too
        ip("link", "set", names[0], "up")
        found = Network([["ip", "netns", "exec", name] for name in names], "10.99.0.1")
    except (OSError, subprocess.CalledProcessError):
        print("no network namespaces here: all machines are this one")
        found = Network([[], [], []], "127.0.0.1")
    yield found
    for name in names if found.prefixes[0] else []:
        ip("netns", "del", name)


@pytest.fixture
def distant(network: Network, tmp_path: Path) -> Iterator[PrefectServer]:
    """A Prefect server on the first machine that the other two reach, asked from there, too."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    api = f"http://{network.address}:{port}/api"
    with open(tmp_path / "server.log", "wb") as log:
        process = subprocess.Popen(
            [
                *network.on(0, sys.executable, "-m", "prefect", "server", "start"),
                "--host",
                network.address,
                "--port",
                str(port),
            ],
            env=os.environ | {"PREFECT_HOME": str(tmp_path / "prefect"), "DO_NOT_TRACK": "true"},
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            cwd=tmp_path,
            start_new_session=True,
        )
    until = time.monotonic() + PATIENCE
    while not answers(f"{api}/health"):
        assert process.poll() is None and time.monotonic() < until, (tmp_path / "server.log").read_text()
        time.sleep(0.1)
    yield PrefectServer(api, tmp_path / "prefect")
    os.killpg(process.pid, 9)
    process.wait()


@pytest.fixture
def checkouts(finished: Project, tmp_path: Path) -> list[Project]:
    """The starter's checkout, with a remote that holds what is committed, and a clone for each worker."""
    home = tmp_path / "home"
    shutil.copytree(finished.root, home, symlinks=True)
    starter = Project(home)
    starter.edit("flows/serving/work_pools.py", "LOST_AFTER = 75", "LOST_AFTER = 60")
    starter.dvc("remote", "add", "--default", "store", str(tmp_path / "store"))
    starter.edit("steps/toy/params.yaml", "pause: 0.0", "pause: 0.6")
    starter.run("git", "commit", "-qam", "a remote, and steps that take a while")
    starter.dvc("push", "--run-cache")
    starter.run("git", "clone", "-q", "--bare", ".", str(tmp_path / "origin.git"))
    for number in (1, 2, 3):
        starter.run("git", "clone", "-q", str(tmp_path / "origin.git"), str(tmp_path / f"worker{number}"))
    return [starter, *(Project(tmp_path / f"worker{number}") for number in (1, 2, 3))]


def test_papers_run_on_other_machines_and_a_killed_worker_is_replaced(
    network, distant, checkouts, finished, start, living
):
    """Everything on two workers at a revision; one is killed at work, a third takes over; the starter restores."""
    starter = checkouts[0]
    starter.flows("deploy", **distant.environment)
    until = time.monotonic() + PATIENCE
    deployed = Deployed(distant)

    def work(number: int):
        words = network.on(1 + number % 2, sys.executable, "-m", "flows", "worker", "--at-once", "1")
        api = {"PREFECT_API_URL": distant.api, "PREFECT_HOME": str(checkouts[number].root / ".tenfold/prefect")}
        return start(checkouts[number], *words, "--name", f"machine{number}", **api)

    workers = {1: work(1), 2: work(2)}
    run = deployed.run("everything/cpu", revision="main")

    def trainer() -> int:
        """Return which worker trains: its clone of the run is below its checkout."""
        for number in workers:
            if any("steps toy train" in line for line in working(checkouts[number])):
                return number
        return 0

    def working(project: Project) -> list[str]:
        return [line for clone in (project.root / ".tenfold/workspaces").glob("*/") for line in living(clone)]

    while not (victim := trainer()):
        assert time.monotonic() < until, "\n".join(worker.printed() for worker in workers.values())
        time.sleep(0.2)
    assert deployed.state(run) == "Waiting", "it does nothing itself"
    workers[victim].process.kill()
    workers.pop(victim)
    time.sleep(2)
    assert not working(checkouts[victim]), "its work ends with it"
    workers[3] = work(3)
    state = deployed.wait_for(run, "Completed", "Failed", "Crashed", seconds=PATIENCE)
    assert state == "Completed", "\n".join(worker.printed() for worker in workers.values())
    assert {"Restored", "Completed"} <= set(deployed.tasks(run).values()) <= {"Cached", "Restored", "Completed"}
    tasks = deployed.tasks(run)  # one is the paper's own run
    assert {tasks[name] for name in NAMES} <= {"Restored", "Cached"}, tasks
    assert not (starter.root / ".tenfold/workspaces").exists()
    assert starter.repro("--pull") == ["report"], "summaries alone are written anew"
    numbers = {name: value for name, value in finished.digests().items() if not name.startswith("reports/")}
    assert starter.digests() == numbers
