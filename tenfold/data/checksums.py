"""sha256 sums of files, of bytes and of sets of files; the ids by which git knows files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from tenfold.data.errors import ChecksumMismatch


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
    came = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if came != expected:
        raise ChecksumMismatch(
            f"{where}: expected git blob {expected}, but came git blob {came} ({len(content):,} bytes). {remedy}"
        )
