"""An endpoint that others wrote: the server that transformers brings, with a made-up decoder behind it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tenfold.chat import Client, Endpoint, Failure, Message, Sampling, Transcript, WrongEndpoint
from tenfold.data.made_up_files import made_up_files
from tenfold.data.registry import StandIn
from tenfold.language import generate, load_decoder

CONVERSATIONS = [
    [Message("user", "hello")],
    [Message("system", "be short"), Message("user", "what is 2 + 2?")],
    [Message("user", "a"), Message("assistant", "b"), Message("user", "and then?")],
    [Message("user", "“Ünïcode”")],
]
SERVE = "from transformers.cli.transformers import main; main()"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("decoder")
    for name, content in made_up_files(StandIn(maker="decoder", seed=6, width=32))[1].items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def address(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("server") / "log"
    command = [sys.executable, "-c", SERVE, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port)]
    with log.open("w") as stream:
        server = subprocess.Popen(
            [*command, "--device", "cpu"], stdout=stream, stderr=stream, env=os.environ | {"HF_HUB_OFFLINE": "1"}
        )
    try:
        for _ in range(600):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        server.kill()
        server.wait()


def test_its_replies_are_the_models_own(address, folder, tmp_path):
    sampling = Sampling(max_tokens=12)
    endpoint = Endpoint(address, str(folder), concurrency=3)
    own = generate(load_decoder(folder), CONVERSATIONS, sampling)
    with Transcript(tmp_path / "replies.jsonl") as kept:
        client = Client(endpoint, kept)
        replies = client.generate(CONVERSATIONS, sampling)
        assert [reply.text for reply in replies] == [reply.text for reply in own]
        assert [reply.finish_reason for reply in replies] == [reply.finish_reason for reply in own]
        for reply, expected in zip(replies, own, strict=True):
            assert (reply.prompt_tokens, reply.completion_tokens) == (
                expected.prompt_tokens,
                expected.completion_tokens,
            )
        assert client.generate(CONVERSATIONS, sampling) == replies and client.spent.calls == len(CONVERSATIONS)


def test_what_it_refuses_is_final(address, folder):
    (reply,) = Client(Endpoint(address, "another/model")).generate(CONVERSATIONS[:1], Sampling())
    assert isinstance(reply, Failure) and reply.error.startswith("Refused: another/model")
    with pytest.raises(WrongEndpoint):
        Client(Endpoint(address.removesuffix("/v1"), str(folder))).generate(CONVERSATIONS[:1], Sampling())
