"""Unpacking gzip, zip and tar files, in memory and checked."""

from __future__ import annotations

import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

from tenfold.data.errors import CorruptArchive

BROKEN = (  # what the standard library raises on damaged archives, over and above their own errors
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
)


def gunzip(path: Path) -> bytes:
    """Return what a gzip file holds.

    Raises CorruptArchive if it is not gzip, is cut short, or fails its own check.
    """
    content = path.read_bytes()
    if not content:
        raise CorruptArchive(_broken(path, "gzip file", "it is empty"))
    try:
        return gzip.decompress(content)
    except BROKEN as error:
        raise CorruptArchive(_broken(path, "gzip file", error)) from error


def read_member(path: Path, member: str) -> bytes:
    """Return one member of a zip or tar archive (tar plain or compressed).

    Raises CorruptArchive if the archive cannot be read, lacks the member, or the member fails its own check.
    """
    with path.open("rb") as file:
        try:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    return archive.read(member)
            file.seek(0)
            with tarfile.open(fileobj=file) as tar:
                content = tar.extractfile(member)
                if content is None:
                    raise KeyError(f"{member} is not a plain file")
                return content.read()
        except KeyError as error:
            raise CorruptArchive(f"{path} has no member {member!r}; correct its name in the list.") from error
        except BROKEN as error:
            raise CorruptArchive(_broken(path, "zip or tar archive", error)) from error


def _broken(path: Path, what: str, reason: Exception | str) -> str:
    return f"{path} ({path.stat().st_size:,} bytes) is not a readable {what}: {reason}. Bring the file again."
