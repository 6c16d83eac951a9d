"""Unpacking gzip, zip and tar files, in memory and checked."""

from __future__ import annotations

import gzip
import tarfile
import zipfile
import zlib
from pathlib import Path

from tenfold.data.errors import CorruptArchive


def gunzip(path: Path) -> bytes:
    """Return what a gzip file holds.

    Raises:
        CorruptArchive: if it is not gzip, is cut short, or fails its own check.
    """
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptArchive(_broken(path, "gzip file", error)) from error


def read_member(path: Path, member: str) -> bytes:
    """Return one member of a zip or tar archive (tar plain or compressed).

    Raises:
        CorruptArchive: if the archive cannot be read, lacks the member, or the member fails its own check.
    """
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                return archive.read(member)
        with tarfile.open(path) as tar:
            content = tar.extractfile(member)
            if content is None:
                raise KeyError(f"{member} is not a plain file")
            return content.read()
    except KeyError as error:
        raise CorruptArchive(f"{path} has no member {member!r}; correct its name in the list.") from error
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptArchive(_broken(path, "zip or tar archive", error)) from error


def _broken(path: Path, what: str, error: Exception) -> str:
    return f"{path} ({path.stat().st_size:,} bytes) is not a readable {what}: {error}. Bring the file again."
