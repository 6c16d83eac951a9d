from __future__ import annotations

import gzip
import hashlib
import socket
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tenfold.data import transfer
from tenfold.data.download import download
from tenfold.data.errors import (
    AddressRefused,
    ChecksumMismatch,
    CorruptArchive,
    HostUnreachable,
    TruncatedDownload,
    UnverifiedFile,
)
from tenfold.data.registry import OfficialFile
from tenfold.data.transfer import CHUNK_BYTES


def official(letters, *addresses: str, **changes) -> OfficialFile:
    body = letters["body"]
    fields = {"name": "letters.data", "sha256": hashlib.sha256(body).hexdigest(), "size": len(body)}
    return OfficialFile(**(fields | {"addresses": addresses} | changes))


def test_a_good_file_stands_under_its_sum_and_is_brought_once(site, letters, tmp_path, files_below):
    file = official(letters, site.serve("/letters.data", letters["body"]))
    path = download(file, downloads=tmp_path)
    assert path == tmp_path / file.sha256 / "letters.data"
    assert path.read_bytes() == letters["body"]
    assert download(file, downloads=tmp_path) == path
    assert site.requests == [("/letters.data", None)]
    assert files_below(tmp_path) == [f"{file.sha256}/letters.data"]


def test_progress_rises_to_the_whole_size(site, letters, tmp_path):
    seen = []

    @contextmanager
    def record(label):
        yield lambda done, total: seen.append((label, done, total))

    download(official(letters, site.serve("/l", letters["body"])), downloads=tmp_path, progress=record)
    size = len(letters["body"])
    assert seen[-1] == ("letters.data", size, size)
    assert [done for _, done, _ in seen] == sorted({done for _, done, _ in seen})


def test_a_transfer_cut_once_is_taken_up_where_it_closed(site, letters, tmp_path, files_below):
    file = official(letters, site.serve("/letters.data", letters["body"], cut_after=[20_000]))
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]
    assert site.requests == [("/letters.data", None), ("/letters.data", f"bytes={CHUNK_BYTES}-")]
    assert files_below(tmp_path) == [f"{file.sha256}/letters.data"]


def test_a_transfer_cut_twice_is_an_error_and_the_next_run_goes_on(site, letters, tmp_path, files_below):
    file = official(letters, site.serve("/letters.data", letters["body"], cut_after=[20_000, 20_000]))
    with pytest.raises(TruncatedDownload, match=r"expected 44,390 bytes, 32,768 bytes came.*run again"):
        download(file, downloads=tmp_path)
    assert files_below(tmp_path) == [f"{file.sha256}/letters.data.part"]
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]
    assert site.requests[-1] == ("/letters.data", f"bytes={2 * CHUNK_BYTES}-")
    assert files_below(tmp_path) == [f"{file.sha256}/letters.data"]


@pytest.mark.parametrize("announce_length", [True, False])
def test_a_server_without_ranges_sends_the_whole_file_again(site, letters, tmp_path, announce_length):
    address = site.serve("/l", letters["body"], ranges=False, cut_after=[20_000], announce_length=announce_length)
    assert download(official(letters, address), downloads=tmp_path).read_bytes() == letters["body"]
    assert [path for path, _ in site.requests] == ["/l", "/l"]


@pytest.mark.parametrize("left", [b"of an older file", b"x" * 50_000], ids=["shorter", "longer"])
def test_a_part_of_another_file_is_thrown_away(site, letters, tmp_path, files_below, left):
    file = official(letters, site.serve("/letters.data", letters["body"]))
    (tmp_path / file.sha256).mkdir()
    (tmp_path / file.sha256 / "letters.data.part").write_bytes(left)
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]
    assert files_below(tmp_path) == [f"{file.sha256}/letters.data"]


def test_a_whole_part_needs_no_request(site, letters, tmp_path):
    file = official(letters, site.serve("/letters.data", letters["body"]))
    (tmp_path / file.sha256).mkdir()
    (tmp_path / file.sha256 / "letters.data.part").write_bytes(letters["body"])
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]
    assert site.requests == []


def test_wrong_bytes_are_named_and_not_kept(site, letters, tmp_path, files_below):
    wrong = letters["body"].replace(b"A", b"C")
    file = official(letters, site.serve("/letters.data", wrong))
    came = hashlib.sha256(wrong).hexdigest()
    sums = f"expected sha256 {file.sha256}.*came sha256 {came}"
    with pytest.raises(ChecksumMismatch, match=f"{site.root}.*{sums}"):
        download(file, downloads=tmp_path)
    assert files_below(tmp_path) == []


def test_a_spoilt_download_is_brought_again(site, letters, tmp_path):
    file = official(letters, site.serve("/letters.data", letters["body"]))
    download(file, downloads=tmp_path).write_bytes(b"spoilt on disk")
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]


def test_a_member_of_an_archive_is_checked_by_its_own_sum(site, letters, tmp_path, files_below):
    address = site.serve("/letters.zip", letters["zip"], cut_after=[500]) + "#letters.data"
    file = official(letters, address)
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]
    assert files_below(tmp_path) == [f"{file.sha256}/letters.data"]


@pytest.mark.parametrize("first, last", [(0, 400), (40, None), (0, -40)])
def test_a_corrupt_archive_is_named_and_not_kept(site, letters, tmp_path, files_below, first, last):
    address = site.serve("/letters.zip", letters["zip"][first:last]) + "#letters.data"
    with pytest.raises(CorruptArchive, match=r"letters\.zip\.part .* not a readable zip or tar"):
        download(official(letters, address), downloads=tmp_path)
    assert files_below(tmp_path) == []


def test_an_archive_without_the_member_is_named(site, letters, tmp_path, files_below):
    address = site.serve("/letters.zip", letters["zip"]) + "#digits.data"
    with pytest.raises(CorruptArchive, match=r"no member 'digits\.data'"):
        download(official(letters, address), downloads=tmp_path)
    assert files_below(tmp_path) == []


def test_a_closed_port_is_unreachable_at_once(closed_address, letters, tmp_path):
    began = time.monotonic()
    with pytest.raises(HostUnreachable, match=r"127\.0\.0\.1 cannot be reached for http.*TENFOLD_MIRROR"):
        download(official(letters, closed_address), downloads=tmp_path)
    assert time.monotonic() - began < 5
    assert [path.name for path in tmp_path.iterdir()] == [".locks"]


def test_a_silent_host_is_waited_for_a_bounded_time_and_asked_once(letters, tmp_path, monkeypatch):
    monkeypatch.setattr(transfer, "ANSWER_SECONDS", 0.3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        host = f"http://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(HostUnreachable, match=r"no answer within 0\.3 s"):
            download(official(letters, f"{host}/a", f"{host}/b"), downloads=tmp_path)
        assert time.monotonic() - began < 0.6


def test_a_refusal_leads_to_the_next_address(site, letters, tmp_path):
    address = site.serve("/letters.zip", letters["zip"]) + "#letters.data"
    file = official(letters, f"{site.root}/moved", address)
    assert download(file, downloads=tmp_path).read_bytes() == letters["body"]


def test_refusals_by_every_address_are_all_told(site, letters, tmp_path, files_below):
    with pytest.raises(AddressRefused, match=r"/one answered 404.*/two answered 404"):
        download(official(letters, f"{site.root}/one", f"{site.root}/two"), downloads=tmp_path)
    assert files_below(tmp_path) == []


def test_a_file_without_a_sum_is_refused_unless_allowed(site, letters, tmp_path):
    file = official(letters, site.serve("/letters.data", letters["body"]), sha256=None)
    with pytest.raises(UnverifiedFile, match=r"no sha256 is listed for letters\.data"):
        download(file, downloads=tmp_path)
    assert site.requests == []


def test_a_file_without_a_sum_is_pinned_at_first_use(site, letters, tmp_path):
    file = official(letters, site.serve("/letters.data", letters["body"]), sha256=None, size=None)
    path = download(file, downloads=tmp_path, allow_unverified=True)
    assert path.read_bytes() == letters["body"]
    path.unlink()
    site.serve("/letters.data", b"something else")
    with pytest.raises(ChecksumMismatch, match=hashlib.sha256(letters["body"]).hexdigest()):
        download(file, downloads=tmp_path, allow_unverified=True)


def test_a_file_without_a_sum_is_checked_by_its_git_blob_and_then_pinned(site, letters, tmp_path):
    body = letters["body"]
    blob = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    address = site.serve("/letters.data", b"something else")
    file = official(letters, address, sha256=None, size=None, git_blob=blob)
    with pytest.raises(ChecksumMismatch, match=f"expected git blob {blob}"):
        download(file, downloads=tmp_path)
    site.serve("/letters.data", body)
    path = download(file, downloads=tmp_path)
    assert path.read_bytes() == body
    assert (path.parent / "sha256").read_text().strip() == hashlib.sha256(body).hexdigest()


def repository_archive(folder: Path, compression: str, *, changed: bool = False) -> tuple[bytes, str]:
    """Return a tar of a repository with folders, a program and a link, and git's own id of its tree."""
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b"]
    if not (folder / ".git").exists():
        (folder / "data.d").mkdir(parents=True)
        (folder / "data").mkdir()
        (folder / "data" / "lines.csv").write_text("1,2\n")
        (folder / "data.d" / "run").write_text("#!/bin/sh\n")
        (folder / "data.d" / "run").chmod(0o755)
        (folder / "link").symlink_to("data/lines.csv")
        subprocess.run([*git[:3], "init", "-q"], check=True)
        subprocess.run([*git, "add", "."], check=True)
        subprocess.run([*git, "commit", "-qm", "first"], check=True)
    tree = subprocess.run([*git, "rev-parse", "HEAD^{tree}"], check=True, capture_output=True, text=True).stdout.strip()
    if changed:
        (folder / "data" / "lines.csv").write_text("1,3\n")
        subprocess.run([*git, "commit", "-qam", "second"], check=True)
    made = subprocess.run(
        [*git, "archive", "--format", "tar", "--prefix", "name-1/", "HEAD"], check=True, capture_output=True
    )
    return (gzip.compress(made.stdout) if compression else made.stdout), tree


def test_the_archive_of_a_repository_is_checked_by_its_git_tree_however_it_is_packed(site, letters, tmp_path):
    good, tree = repository_archive(tmp_path / "repository", "gz")
    plain, _ = repository_archive(tmp_path / "repository", "")
    wrong, _ = repository_archive(tmp_path / "repository", "gz", changed=True)
    for number, content in enumerate((good, plain)):
        address = site.serve(f"/{number}.tar.gz", content)
        file = official(letters, address, sha256=None, size=None, git_tree=tree)
        assert download(file, downloads=tmp_path / "downloads").read_bytes() == content
    for content, error, words in (
        (wrong, ChecksumMismatch, f"expected git tree {tree}"),
        (b"no archive", CorruptArchive, "not a readable tar"),
    ):
        address = site.serve(f"/{error.__name__}.tar.gz", content)
        file = official(letters, address, sha256=None, size=None, git_tree=tree)
        with pytest.raises(error, match=words):
            download(file, downloads=tmp_path / "downloads")
        assert not list((tmp_path / "downloads").rglob("*.part"))


def test_two_that_want_one_file_bring_it_once(site, letters, tmp_path):
    file = official(letters, site.serve("/letters.data", letters["body"], pause=0.1))
    want = {"target": download, "args": (file,), "kwargs": {"downloads": tmp_path}}
    threads = [threading.Thread(**want) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.requests == [("/letters.data", None)]
