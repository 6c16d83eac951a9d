"""Bringing an official file into the downloads folder, where each file stands under its sha256."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from filelock import FileLock

from tenfold.data.checksums import check_git_blob, sha256_bytes, sha256_file
from tenfold.data.errors import AddressUnavailable, ChecksumMismatch, CorruptArchive, HostUnreachable, UnverifiedFile
from tenfold.data.git_trees import check_git_tree
from tenfold.data.progress import Progress, terminal_progress
from tenfold.data.registry import OfficialFile
from tenfold.data.transfer import ResumableDownloader


def download_folder(file: OfficialFile, downloads: Path) -> Path:
    """Return where ``file`` is kept: under its sha256, or under its address's where its own is not known."""
    if file.sha256 is not None:
        return downloads / file.sha256
    return downloads / "unverified" / sha256_bytes(file.addresses[0].encode())


def download(
    file: OfficialFile,
    *,
    downloads: Path,
    allow_unverified: bool = False,
    progress: Progress = terminal_progress,
) -> Path:
    """Bring an official file from the first address that serves it, and return where it is.

    A file that is in ``downloads`` with the listed sum is not brought again. A file without a listed sum is
    checked at first use by its git blob or tree, or trusted if ``allow_unverified``; then its sum is pinned beside it,
    and checked from then on.

    Raises UnverifiedFile if no sum and no id of git's is listed and ``allow_unverified`` is false. Raises
    HostUnreachable or AddressRefused if no address serves the file. Raises ChecksumMismatch for another id of git's,
    and TruncatedDownload, CorruptArchive or ChecksumMismatch as in `ResumableDownloader`.
    """
    folder = download_folder(file, downloads)
    pin = folder / "sha256"
    if not file.verified and not allow_unverified:
        raise UnverifiedFile(
            f"no sha256 is listed for {file.name} from {file.addresses[0]}, so what comes cannot be checked. "
            "List its sum in data/sources.yaml, name a mirror folder in TENFOLD_MIRROR, or allow unverified "
            "files (its sum is then recorded at first use)."
        )
    (downloads / ".locks").mkdir(parents=True, exist_ok=True)
    with FileLock(downloads / ".locks" / folder.name):  # two that append to one .part would spoil it
        expected = file.sha256 or (pin.read_text().strip() if pin.exists() else None)
        path = _first_address(file, folder, expected, progress)
        if file.sha256 is None and expected is None:
            _check_git(file, path)
            pin.write_text(sha256_file(path) + "\n")
    return path


def _check_git(file: OfficialFile, path: Path) -> None:
    where, remedy = file.addresses[0], "Nothing of it is kept: try again, or name a mirror folder in TENFOLD_MIRROR."
    try:
        if file.git_blob is not None:
            check_git_blob(path, expected=file.git_blob, where=where, remedy=remedy)
        if file.git_tree is not None:
            check_git_tree(path, expected=file.git_tree, where=where, remedy=remedy)
    except (ChecksumMismatch, CorruptArchive):
        path.unlink()
        raise


def _first_address(file: OfficialFile, folder: Path, expected: str | None, progress: Progress) -> Path:
    refusals: list[AddressUnavailable] = []
    silent: set[str | None] = set()
    for address in file.addresses:
        host = urlsplit(address).hostname
        if host in silent:
            continue
        try:
            return _retrieve(file, address, folder, expected, progress)
        except AddressUnavailable as error:
            refusals.append(error)
            if isinstance(error, HostUnreachable):
                silent.add(host)
        finally:
            with suppress(OSError):
                folder.rmdir()  # only if nothing is in it
    if len(refusals) == 1:
        raise refusals[0]
    raise type(refusals[-1])(" ".join(str(error) for error in refusals))


def _retrieve(file: OfficialFile, address: str, folder: Path, expected: str | None, progress: Progress) -> Path:
    import pooch

    archive, member = urldefrag(address)
    part = folder / f"{Path(urlsplit(archive).path).name if member else file.name}.part"
    with progress(file.name) as report:
        downloader = ResumableDownloader(part, sha256=expected, size=file.size, report=report)
        known = None if expected is None else f"sha256:{expected}"
        return Path(pooch.retrieve(address, known_hash=known, fname=file.name, path=folder, downloader=downloader))
