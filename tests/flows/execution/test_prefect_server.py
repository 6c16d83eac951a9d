"""A PREFECT_API_URL behind which there is no server is told in one line, by every command that needs one."""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows.execution import prefect_server
from flows.execution.prefect_server import NoServer, require_server

MANY = """
import contextlib, io, json, os, sys
from flows.__main__ import main
answers = []
for words, address in json.loads(sys.argv[1]):
    os.environ["PREFECT_API_URL"], sys.argv, printed = address, ["flows", *words], io.StringIO()
    with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(printed):
        answers.append([main(), "prefect" in sys.modules, printed.getvalue()])
print(json.dumps(answers))
"""


@contextmanager
def listening(answer: int | None = 200) -> Iterator[str]:
    """Serve this status to every question, or accept connections and say nothing."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(answer or 500)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Keep the test's output to itself."""

    if answer is None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            yield f"http://127.0.0.1:{silent.getsockname()[1]}/api"
        return
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/api"
        server.shutdown()
        thread.join()


@pytest.fixture
def closed() -> Iterator[str]:
    """An address of this machine that is taken, but where nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}/api"


def test_every_command_says_in_one_line_where_nobody_answers(pristine, closed):
    cases = [
        [words, address]
        for address in (closed, "http://127.0.0.1:99999/api", "127.0.0.1:4200/api")
        for words in (["run", "toy"], ["run", "all"], ["run", "toy", "--profile", "smoke"], ["deploy"], ["worker"])
    ]
    cases.sort(key=lambda case: case[0][0] != "run")  # the others import Prefect
    printed = pristine.run(sys.executable, "-c", MANY, json.dumps(cases))
    for (words, address), (status, imported, told) in zip(cases, json.loads(printed.splitlines()[-1]), strict=True):
        assert status == 1 and told.startswith("NoServer: ") and told.count("\n") == 1, told
        assert f"PREFECT_API_URL={address}" in told and "start one there (python -m flows up), or let" in told
        assert not (imported and words[0] == "run"), "it is told before Prefect's imports"


def test_a_flow_that_is_called_from_python_says_so_too(pristine, closed):
    code = "from flows.toy import toy\ntoy()"
    printed = pristine.run(sys.executable, "-c", code, fails=True, PREFECT_API_URL=closed)
    assert f"NoServer: no Prefect server answers at PREFECT_API_URL={closed}" in printed.splitlines()[-1]


@pytest.mark.parametrize("answer", [200, 401, 404, 503])
def test_any_answer_of_a_web_server_is_left_to_prefect(answer):
    with listening(answer) as address:
        assert require_server(f"{address}/") == address


def test_a_slow_server_is_no_missing_one(monkeypatch):
    monkeypatch.setattr(prefect_server, "PATIENCE", 0.1)
    with listening(None) as address:
        assert require_server(address) == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:99999/api", "is no address of a server"),
        ("http://127.0.0.1:port/api", "is no address of a server"),
        ("http:///api", "is no address of a server"),
        ("127.0.0.1:4200/api", "is no address of a server"),
        ("sqlite:///prefect.db", "is no address of a server"),
        ("http://nobody.invalid/api", "no Prefect server answers at"),
        ("http://127.0.0.1:4200 /api", "is no address of a server"),
    ],
)
def test_what_is_no_address_of_a_server_is_named(address, why):
    with pytest.raises(NoServer) as raised:
        require_server(address)
    assert why in str(raised.value) and f"PREFECT_API_URL={address}" in str(raised.value)
    assert "\n" not in str(raised.value)
