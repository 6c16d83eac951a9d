"""A repository's archive compared with the id by which git knows its folder."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from tenfold.data.errors import ChecksumMismatch, CorruptArchive


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
