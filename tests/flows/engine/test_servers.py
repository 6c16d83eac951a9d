"""``python -m flows up``: both servers answer on loopback, and none is left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.request

import psutil

from tests.conftest import Project


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_both_servers_answer_and_stop_together(project: Project) -> None:
    ports = free_port(), free_port()
    words = ("up", "--prefect-port", str(ports[0]), "--mlflow-port", str(ports[1]))
    process = subprocess.Popen(
        [sys.executable, "-m", "flows", *words], cwd=project.root, env=project.environment(),
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert lines[0].split() == ["Prefect", f"http://127.0.0.1:{ports[0]}"]
        assert lines[1].startswith(f"MLflow   http://127.0.0.1:{ports[1]}/")
        for port, path in ((ports[0], "/api/health"), (ports[1], "/health")):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
                assert answer.status == 200
        family = [process, *psutil.Process(process.pid).children(recursive=True)]
        listening = {
            connection.laddr.ip
            for member in family
            for connection in psutil.Process(member.pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening == {"127.0.0.1"}
        taken = project.flows(*words, fails=True)
        assert f"port {ports[0]} is taken" in taken
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 130
    until = time.monotonic() + 10
    while any(psutil.pid_exists(member.pid) for member in family[1:]) and time.monotonic() < until:
        time.sleep(0.1)
    assert not [member for member in family[1:] if psutil.pid_exists(member.pid)]
