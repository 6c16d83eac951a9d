"""sha256 sums of files, of bytes and of sets of files; the ids by which git knows files."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tenfold.data.errors import ChecksumMismatch, CorruptArchive


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_bytes(content: bytes) -> str:
    """Return the sha256 of ``content``, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sha256_of_set(sums: Mapping[str, str]) -> str:
    """Return one sum for a set of files: a single file's own, else that of the ``sha256sum`` listing."""
    if len(sums) == 1:
        return next(iter(sums.values()))
    return sha256_bytes("".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode())


def check_sum(path: Path, *, expected: str, size: int | None, where: str, remedy: str) -> None:
    """Compare a file with its listed sha256 and size in bytes.

    Raises ChecksumMismatch if the sums differ; names both, ``where`` the file is from, and the ``remedy``.
    """
    came = sha256_file(path)
    if came != expected:
        listed = "" if size is None else f" ({size:,} bytes)"
        raise ChecksumMismatch(
            f"{where}: expected sha256 {expected}{listed}, "
            f"but came sha256 {came} ({path.stat().st_size:,} bytes). {remedy}"
        )


def check_git_blob(path: Path, *, expected: str, where: str, remedy: str) -> None:
    """Compare a file with the id that git gives its content, a SHA-1 over its size and its bytes.

    Raises ChecksumMismatch if the ids differ; names both, ``where`` the file is from, and the ``remedy``.
    """
    content = path.read_bytes()
    came = _git_id(b"blob", content)
    if came != expected:
        raise ChecksumMismatch(
            f"{where}: expected git blob {expected}, but came git blob {came} ({len(content):,} bytes). {remedy}"
        )


def check_git_tree(path: Path, *, expected: str, where: str, remedy: str) -> None:
    """Compare what a repository's tar archive holds with the id by which git knows that folder, of blobs and modes.

    Archives of one commit may differ in their packing, and never in this id. The archive has one folder at its top,
    which is the repository's. Raises ChecksumMismatch if the ids differ, CorruptArchive if it is no such archive.
    """
    folders: dict[str, Any] = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isdir():
                    continue
                *parents, name = PurePosixPath(member.name).parts
                inside = folders
                for parent in parents:
                    inside = inside.setdefault(parent, {})
                inside[name] = _git_entry(archive, member)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise CorruptArchive(f"{where} is not a readable tar archive: {error}. {remedy}") from error
    if len(folders) != 1 or not isinstance(top := next(iter(folders.values())), dict):
        raise CorruptArchive(f"{where} has {sorted(folders)[:5]} at its top, expected one folder. {remedy}")
    came = _git_tree(top)
    if came != expected:
        raise ChecksumMismatch(f"{where}: expected git tree {expected}, but came git tree {came}. {remedy}")


def _git_entry(archive: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[bytes, str]:
    if member.issym():
        return b"120000", _git_id(b"blob", member.linkname.encode())
    content = archive.extractfile(member)
    if content is None:
        raise tarfile.TarError(f"{member.name} is no plain file")
    return (b"100755" if member.mode & 0o100 else b"100644"), _git_id(b"blob", content.read())


def _git_tree(folder: Mapping[str, Any]) -> str:
    rows = []
    for name, entry in folder.items():
        is_folder = isinstance(entry, dict)
        mode, identity = (b"40000", _git_tree(entry)) if is_folder else entry
        kept = name.encode()
        rows.append((kept + b"/" if is_folder else kept, mode + b" " + kept + b"\0" + bytes.fromhex(identity)))
    return _git_id(b"tree", b"".join(row for _, row in sorted(rows)))


def _git_id(kind: bytes, content: bytes) -> str:
    return hashlib.sha1(kind + b" %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
