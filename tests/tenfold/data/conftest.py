"""A web site on loopback that serves files well and badly, and a small source in every form."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import socket
import threading
import time
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tenfold.data.registry import load_registry

HEADER = b"letter,width,height\n"
BODY = b"".join(b"%c,%d,%d.5\n" % (b"AB"[row % 2], row % 16, row) for row in range(4000))
NORMAL = HEADER + BODY
PACKED = gzip.compress(NORMAL, mtime=0)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Page:
    content: bytes
    status: int = 200
    ranges: bool = True  # whether Range requests are honoured
    cut_after: list[int] = field(default_factory=list)  # bytes sent before each early close, one a request
    announce_length: bool = True
    pause: float = 0.0  # seconds before the answer


@dataclass
class Site:
    root: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range header

    def serve(self, path: str, content: bytes, **options) -> str:
        self.pages[path] = Page(content, **options)
        return self.root + path


@pytest.fixture
def site():
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            site.requests.append((self.path, asked))
            page = site.pages.get(self.path, Page(b"not here", status=404))
            time.sleep(page.pause)
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and page.ranges else 0
            if start >= len(page.content) > 0:
                self.send_error(416)
                return
            body = page.content[start:]
            self.send_response(206 if start else page.status)
            if start:
                size = len(page.content)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            if page.announce_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: page.cut_after.pop(0)] if page.cut_after else body)

        def log_message(self, *arguments) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed_address() -> str:
    """An address on a loopback port at which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/letters.data"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    folder = tmp_path / "mirror"
    (folder / "tabular").mkdir(parents=True)
    (folder / "tabular" / "letters.csv.gz").write_bytes(PACKED)
    return folder


@pytest.fixture
def write_registry(tmp_path: Path):
    """Return a function that writes a list with the source `letters`, changed as asked, and reads it."""

    def write(addresses: list[str], *, official: dict | None = None, reader="csv_without_header", **changes):
        file = {"name": "letters.data", "sha256": sha256(BODY), "size": len(BODY), "addresses": addresses}
        entry = {
            "title": "Letters",
            "kind": "table",
            "licence": "CC0",
            "mirror": {
                "reader": "csv_gzip",
                "files": [{"path": "tabular/letters.csv.gz", "sha256": sha256(PACKED), "size": len(PACKED)}],
            },
            "official": {"reader": reader, "files": [file | (official or {})]},
            "stand_in": {"rows": 30, "seed": 1},
            "table": {
                "sha256": sha256(NORMAL),
                "target": "letter",
                "columns": {
                    "letter": {"kind": "category", "values": ["A", "B"]},
                    "width": {"kind": "integer", "range": [0, 15]},
                    "height": {"kind": "number", "range": [0.5, 3999.5]},
                },
            },
        }
        entry |= changes
        path = tmp_path / "sources.yaml"
        named = {key: value for key, value in entry.items() if value is not None}
        path.write_text(json.dumps({"letters": named}))
        return load_registry(path)

    return write


def zip_of(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


@pytest.fixture
def letters() -> dict[str, bytes]:
    """The small source in each of its forms."""
    return {
        "header": HEADER,
        "body": BODY,
        "normal": NORMAL,
        "packed": PACKED,
        "zip": zip_of({"letters.data": BODY, "notes.txt": b"about letters"}),
    }


def tree(folder: Path) -> list[str]:
    """Every file below a folder but the lock files, which hold nothing."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(path) for path in found if path.parts[0] != ".locks")


@pytest.fixture
def files_below():
    return tree
