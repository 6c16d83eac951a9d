"""Several files of one archive at once."""

from __future__ import annotations

import tarfile
from pathlib import Path

from tenfold.data.archives import BROKEN
from tenfold.data.errors import CorruptArchive


def read_members(path: Path, *, suffix: str) -> dict[str, bytes]:
    """Return the plain files of a tar archive whose names end in ``suffix``, by their names in it.

    Raises CorruptArchive if the archive cannot be read.
    """
    try:
        with tarfile.open(path) as tar:
            members = [member for member in tar.getmembers() if member.isfile() and member.name.endswith(suffix)]
            return {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]
    except BROKEN as error:
        raise CorruptArchive(
            f"{path} ({path.stat().st_size:,} bytes) is not a readable tar archive: {error}. Bring the file again."
        ) from error
