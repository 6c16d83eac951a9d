"""One transfer over HTTP: it resumes what an earlier one began, and its result is checked before it counts.

`ResumableDownloader` follows pooch's downloader protocol; pooch has the cache and puts the checked file in
place with one rename, and this class adds what pooch's own HTTP downloader lacks: resuming (Range requests),
and a bound on how long an unreachable host is waited for.
"""

from __future__ import annotations

import os
import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urlsplit

from tenfold.data.archives import read_member
from tenfold.data.checksums import check_sum, sha256_file
from tenfold.data.errors import AddressRefused, HostUnreachable, TruncatedDownload
from tenfold.data.progress import Report

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 4.0
READ_SECONDS = 30.0
ANSWER_SECONDS = 10.0  # name look-up, connection and one retry, all together
CHUNK_BYTES = 1 << 14  # also the most that an early close loses


def open_address(address: str, offset: int) -> requests.Response:
    """Ask for the bytes of ``address`` from ``offset`` on, and return the answer once its headers are there.

    The request runs in a thread of its own, because nothing else bounds the time of a name look-up.

    Raises HostUnreachable if no answer comes within ANSWER_SECONDS, or the connection fails twice.
    """
    import requests
    from requests.adapters import HTTPAdapter

    headers = {"Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    answers: queue.Queue[requests.Response | Exception] = queue.Queue()

    def ask() -> None:
        session = requests.Session()
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=1))
        try:
            timeout = (CONNECT_SECONDS, READ_SECONDS)
            answers.put(session.get(address, headers=headers, stream=True, timeout=timeout))
        except requests.RequestException as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except queue.Empty:
        raise HostUnreachable(_unreachable(address, f"no answer within {ANSWER_SECONDS:g} s")) from None
    if isinstance(answer, Exception):
        reason = getattr(answer.args[0], "reason", answer) if answer.args else answer
        raise HostUnreachable(_unreachable(address, str(reason))) from answer
    return answer


def _unreachable(address: str, reason: str) -> str:
    return (
        f"{urlsplit(address).hostname} cannot be reached for {address}: {reason}. "
        "Check the connection, or name a mirror folder in TENFOLD_MIRROR."
    )


class ResumableDownloader:
    """Bring one address to one file, keeping what came as ``part`` if the connection closes early."""

    def __init__(self, part: Path, *, sha256: str | None, size: int | None, report: Report) -> None:
        self.part = part
        self.sha256 = sha256
        self.size = size
        self.report = report

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Bring ``url`` (``…/archive.zip#member`` for one member of an archive) to ``output_file``.

        Raises HostUnreachable if the host cannot be reached. Raises AddressRefused if it answers with an error
        status. Raises TruncatedDownload if it closes early twice; what came is kept as ``part`` for next time.
        Raises CorruptArchive if the member cannot be read; nothing is kept. Raises ChecksumMismatch if the sum
        is not the listed one; nothing is kept.
        """
        address, member = urldefrag(url)
        self.size = None if member else self.size  # the listed size is the member's, not the archive's
        if self._bring(address) and not self._sound(member):
            self.part.unlink()  # the beginning was left by an earlier run, of an older file perhaps
            self._bring(address)
        output = Path(output_file)
        try:
            if member:
                output.write_bytes(read_member(self.part, member))
            else:
                os.replace(self.part, output)
            if self.sha256 is not None:
                remedy = "Nothing was kept. Try again; if it stays so, the published file has changed."
                check_sum(output, expected=self.sha256, size=self.size, where=url, remedy=remedy)
        finally:
            self.part.unlink(missing_ok=True)

    def _sound(self, member: str) -> bool:
        return bool(member) or self.sha256 is None or sha256_file(self.part) == self.sha256

    def _bring(self, address: str) -> bool:
        """Fill ``part``; return whether it holds bytes that an earlier run had brought."""
        held = self._held()
        if self.size is not None and held == self.size:
            return True
        if self._receive(address):
            return held > 0
        try:
            complete = self._receive(address)  # taken up where it closed
        except HostUnreachable as error:
            raise TruncatedDownload(self._cut_short(address)) from error
        if not complete:
            raise TruncatedDownload(self._cut_short(address))
        return held > 0

    def _receive(self, address: str) -> bool:
        """Add what one request brings to ``part``; return whether it came whole."""
        import requests

        response = open_address(address, self._held())
        if response.status_code == 416:  # part is longer than the file: it is of another file
            self.part.unlink()
            response = open_address(address, 0)
        if response.status_code not in (200, 206):
            raise AddressRefused(
                f"{address} answered {response.status_code} {response.reason}, expected the file. "
                "Correct the address in the list, or name a mirror folder in TENFOLD_MIRROR."
            )
        resumed = response.status_code == 206  # a server without Range sends 200 and the whole file
        done = self._held() if resumed else 0
        length = response.headers.get("Content-Length")
        total = self.size if length is None else done + int(length)
        with response, self.part.open("ab" if resumed else "wb") as file:
            try:
                for chunk in response.iter_content(CHUNK_BYTES):
                    done += file.write(chunk)
                    self.report(done, total)
            except requests.RequestException:
                return False
        return total is None or done >= total

    def _held(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _cut_short(self, address: str) -> str:
        expected = "the whole file" if self.size is None else f"{self.size:,} bytes"
        return (
            f"{address} closed the connection early: expected {expected}, {self._held():,} bytes came. "
            f"They are kept in {self.part}; run again to go on from there."
        )
