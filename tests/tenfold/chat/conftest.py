"""A server on loopback that speaks the OpenAI protocol, well or badly, as a test scripts it."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Act = Callable[["Call"], None]


class Call(BaseHTTPRequestHandler):
    """One request; acts answer it."""

    protocol_version = "HTTP/1.1"
    server: Any

    def log_message(self, *_words: object) -> None:
        """Print nothing."""

    def do_POST(self) -> None:
        self.asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        book: Book = self.server.book
        with book.lock:
            book.requests.append(self.asked)
            book.headers.append({name.lower(): value for name, value in self.headers.items()})
            words = self.asked["messages"][-1]["content"]
            key = words if isinstance(words, str) else json.dumps(words)
            book.tries[key] += 1
            book.at_once += 1
            book.most_at_once = max(book.most_at_once, book.at_once)
        try:
            book.act(self)
        finally:
            with book.lock:
                book.at_once -= 1

    @property
    def words(self) -> str:
        return self.asked["messages"][-1]["content"]

    def say(self, text: str | None, finish_reason: str | None = "stop", **message: Any) -> None:
        """Answer as a model would."""
        choice = {
            "index": 0,
            "finish_reason": finish_reason,
            "message": {"role": "assistant", "content": text, **message},
        }
        usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
        self.send(
            200,
            {"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage},
        )

    def send(self, status: int, body: Any, cut: int = 0, **headers: str) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data) - cut))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data[: len(data) - cut])


@dataclass
class Book:
    """How the server answers and what it was asked."""

    act: Act
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    at_once: int = 0
    most_at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    address: str = ""
    close: Callable[[], None] = lambda: None  # nothing listens at the address any more


class _Server(ThreadingHTTPServer):
    book: Book
    daemon_threads = True
    request_queue_size = 128


@pytest.fixture
def serve() -> Iterator[Callable[[Act], Book]]:
    """Return a function that starts a server which answers by an act."""
    servers: list[_Server] = []

    def start(act: Act) -> Book:
        server = _Server(("127.0.0.1", 0), Call)
        server.book = Book(act, address=f"http://127.0.0.1:{server.server_address[1]}/v1")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.book.close = lambda: (server.shutdown(), server.server_close())  # type: ignore[assignment,return-value]
        servers.append(server)
        return server.book

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def slowly(seconds: float) -> Act:
    def act(call: Call) -> None:
        time.sleep(seconds)
        call.say(f"you said {call.words}")

    return act
