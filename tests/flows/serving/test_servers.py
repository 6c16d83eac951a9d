"""``python -m flows up``: servers and workers answer on loopback, deployments run, and nothing is left behind."""

from __future__ import annotations

import json
import signal
import socket
import sys
import time
import urllib.request

import psutil

from tests.conftest import Project
from tests.flows.conftest import PrefectServer, answers
from tests.flows.serving.test_workers import Deployed, wait_until

READY = "In another terminal: export PREFECT_API_URL="


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def up(project: Project, start, *more: str):
    """Start everything on free ports and return the command and the ports, once all is ready."""
    ports = free_port(), free_port()
    words = ("up", "--prefect-port", str(ports[0]), "--mlflow-port", str(ports[1]), *more)
    running = start(project, sys.executable, "-m", "flows", *words)
    running.wait_for(READY)
    return running, ports, words


def family_of(running) -> list[psutil.Process]:
    parent = psutil.Process(running.process.pid)
    return [parent, *parent.children(recursive=True)]


def gone(family: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(family, timeout=15)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def answer(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as found:
        return found.read()


def test_servers_and_workers_start_together_and_stop_together(project, start):
    running, ports, words = up(project, start)
    lines = running.printed().splitlines()
    assert lines[0].split() == ["Prefect", f"http://127.0.0.1:{ports[0]}"]
    assert lines[1].startswith(f"MLflow   http://127.0.0.1:{ports[1]}/")
    assert lines[2] == "worker   pool cpu" and lines[3].startswith("worker   pool gpu")
    assert lines[4:] == [f"Ready. {READY}http://127.0.0.1:{ports[0]}/api"], "said last"
    for port, path in ((ports[0], "/api/health"), (ports[1], "/health")):
        assert answer(f"http://127.0.0.1:{port}{path}")
    pages = json.loads(answer(f"http://127.0.0.1:{ports[0]}/ui-settings"))
    assert pages["api_url"] == f"http://127.0.0.1:{ports[0]}/api", "its pages ask the server that serves them"
    family = family_of(running)
    listening = {
        connection.laddr.ip
        for member in family
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}

    assert "the servers of this checkout run already (process" in project.flows(*words, fails=True)
    for name, words, alive in (
        ("worker-cpu", "flows.serving.process_worker cpu", "/api/work_pools/cpu"),
        ("Prefect", "prefect server start", "/api/health"),
    ):
        _guard, member = [process for process in family_of(running) if words in " ".join(process.cmdline())]
        member.kill()
        running.wait_for(f"{name} ended by itself and is started again; see")
        wait_until(lambda path=alive: answers(f"http://127.0.0.1:{ports[0]}{path}"))
    family = [*family, *family_of(running)]
    running.process.send_signal(signal.SIGTERM)
    assert running.status() == 130 and gone(family)


def test_a_run_goes_on_after_a_restart_and_nothing_is_left_by_a_kill(project, start, living):
    project.edit("flows/serving/work_pools.py", "LOST_AFTER = 75", "LOST_AFTER = 60")
    running, ports, _ = up(project, start)
    deployed = Deployed(PrefectServer(f"http://127.0.0.1:{ports[0]}/api", project.root))
    run = deployed.run(overrides=["toy.train.pause=1.5"])
    workspace = project.root / ".tenfold/workspaces" / run
    wait_until(lambda: "steps toy train" in "\n".join(living(workspace)))
    family = family_of(running)
    running.process.kill()
    assert gone(family), "killed, it leaves nothing"
    again, ports, _ = up(project, start)
    deployed = Deployed(PrefectServer(f"http://127.0.0.1:{ports[0]}/api", project.root))
    assert deployed.wait_for(run, "Completed", "Failed", seconds=300) == "Completed", deployed.logs(run)
    family = family_of(again)
    again.process.send_signal(signal.SIGTERM)
    assert again.status() == 130 and gone(family)


def test_what_stands_in_the_way_is_named(project, tmp_path):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        began = time.monotonic()
        printed = project.flows("up", "--prefect-port", port, "--mlflow-port", str(free_port()), fails=True)
    assert f"port {port} is taken, so Prefect cannot start: it is taken" in printed
    assert "choose another with --prefect-port" in printed and time.monotonic() - began < 30
    printed = project.flows("up", "--prefect-port", port, "--mlflow-port", port, fails=True)
    assert f"ServerError: Prefect and MLflow cannot share port {port}" in printed
    for option in ("--prefect-port", "--mlflow-port"):
        printed = project.flows("up", option, "99999", fails=True)
        assert f"Invalid value for '{option}': " in printed and "65535" in printed and "Traceback" not in printed
    for name in ("PREFECT_API_DATABASE_CONNECTION_URL", "MLFLOW_TRACKING_URI"):
        address = f"sqlite:///{tmp_path}/nowhere/state.db"
        printed = project.flows("up", "--prefect-port", str(free_port()), fails=True, **{name: address})
        assert f"{name}: the folder {tmp_path}/nowhere does not exist; make it first" in printed
