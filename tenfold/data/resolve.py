"""Where a source comes from: bundled, a package, a mirror folder, its official address, a stand-in, in that order."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tenfold.data.bundled import bundled_table
from tenfold.data.checksums import check_sum, sha256_bytes, sha256_file, sha256_of_set
from tenfold.data.download import download, download_folder
from tenfold.data.errors import (
    AddressUnavailable,
    MirrorNotFound,
    SourceUnavailable,
    StandInUsed,
    UnknownPolicy,
)
from tenfold.data.made_up_files import made_up_files
from tenfold.data.packaged import package_folder
from tenfold.data.progress import Progress, terminal_progress
from tenfold.data.registry import Registry, Source, find_source
from tenfold.data.stand_in_fonts import LICENCE as FONTS_LICENCE
from tenfold.data.stand_in_photographs import LICENCE as PHOTOGRAPHS_LICENCE
from tenfold.data.stand_ins import made_up_table

Policy = Literal["only", "allow", "forbid"]
Origin = Literal["bundled", "packaged", "mirror", "official", "stand_in"]


@dataclass(frozen=True)
class Resolved:
    """What serves a source, checked.

    ``files`` are those brought, by name (none for bundled tables and stand-ins, which are made in memory);
    ``sha256`` is the sum of the one file or array set, or that of the ``sha256sum`` listing of several.
    """

    name: str
    origin: Origin
    files: Mapping[str, Path]
    detail: str
    sha256: str
    licence: str


def resolve(
    name: str,
    *,
    registry: Registry,
    mirror: Path | None,
    policy: str,
    downloads: Path,
    allow_unverified: bool = False,
    progress: Progress = terminal_progress,
) -> Resolved:
    """Find what serves the source ``name``, downloading it if need be.

    ``policy`` is about stand-ins: ``only`` goes straight to them (bundled tables serve as themselves);
    ``allow`` takes one, with the warning `StandInUsed`, if no address serves the files; ``forbid`` never.
    Only an unreachable host or a refusing address leads to a stand-in: wrong or broken files never do.

    Raises UnknownSource or UnknownPolicy if there is no such source or policy. Raises MirrorNotFound if ``mirror``
    is not a folder. Raises SourceUnavailable if no origin that the policy permits has the source. Raises
    ChecksumMismatch, TruncatedDownload, CorruptArchive or UnverifiedFile as in `download`.
    """
    source = find_source(registry, name)
    _check_policy(policy)
    if source.bundled is not None:
        bundled_table(source)  # checks the arrays' sum
        detail = "arrays inside the installed scikit-learn"
        return Resolved(name, "bundled", {}, detail, source.bundled.sha256, source.licence)
    if policy == "only":
        return _stand_in(source, "the policy asks for stand-ins only")
    folder = package_folder(source)
    if folder is not None:
        return _from_package(source, folder)
    if _in_mirror(source, mirror):
        assert mirror is not None
        return _from_mirror(source, mirror)
    try:
        return _from_addresses(source, downloads, allow_unverified, progress)
    except AddressUnavailable as error:
        if policy == "forbid":
            raise SourceUnavailable(
                f"{name}: {_no_mirror(mirror)}, and its official address does not serve it: {error} "
                "The policy forbids a stand-in."
            ) from error
        found = _stand_in(source, str(error))
        warnings.warn(
            f"MADE-UP DATA stands in for {name}: {_no_mirror(mirror)}, and {error} "
            "Results on it say nothing about the published data.",
            StandInUsed,
            stacklevel=2,
        )
        return found


def available_origin(
    name: str, *, registry: Registry, mirror: Path | None, policy: str, downloads: Path
) -> Origin | None:
    """Return the origin that would serve ``name`` now, without network and without reading any file.

    None says that only asking the official address can tell.

    Raises UnknownSource or UnknownPolicy if there is no such source or policy. Raises MirrorNotFound if ``mirror``
    is not a folder.
    """
    source = find_source(registry, name)
    _check_policy(policy)
    if source.bundled is not None:
        return "bundled"
    if policy == "only":
        return "stand_in"
    if package_folder(source) is not None:
        return "packaged"
    if _in_mirror(source, mirror):
        return "mirror"
    if source.official is None:
        return "stand_in" if policy == "allow" and source.stand_in else None
    held = all((download_folder(file, downloads) / file.name).exists() for file in source.official.files)
    return "official" if held else None


def _check_policy(policy: str) -> None:
    if policy not in get_args(Policy):
        raise UnknownPolicy(f"stand-in policy {policy!r} is none of {', '.join(get_args(Policy))}.")


def _in_mirror(source: Source, mirror: Path | None) -> bool:
    if mirror is None or source.mirror is None:
        return False
    if not mirror.is_dir():
        raise MirrorNotFound(
            f"the mirror folder {mirror} does not exist. Correct TENFOLD_MIRROR, or unset it to do without."
        )
    return all((mirror / file.path).exists() for file in source.mirror.files)


def _from_package(source: Source, folder: Path) -> Resolved:
    assert source.packaged is not None
    files, sums = {}, {}
    for file in source.packaged.files:
        path = folder / file.path
        remedy = "Install the version that this project is locked to, or remove the package to do without."
        where = f"{file.path} of the installed package {source.packaged.module}"
        check_sum(path, expected=file.sha256, size=file.size, where=where, remedy=remedy)
        files[file.name], sums[file.name] = path, file.sha256
    detail = f"inside the installed package {source.packaged.module}"
    return Resolved(source.name, "packaged", files, detail, sha256_of_set(sums), source.licence)


def _from_mirror(source: Source, mirror: Path) -> Resolved:
    assert source.mirror is not None
    files, sums = {}, {}
    for file in source.mirror.files:
        path = mirror / file.path
        remedy = "Put the right file there, remove it, or unset TENFOLD_MIRROR."
        check_sum(path, expected=file.sha256, size=file.size, where=f"mirror file {path}", remedy=remedy)
        files[file.name], sums[file.name] = path, file.sha256
    detail = "mirror: " + ", ".join(file.path for file in source.mirror.files)
    return Resolved(source.name, "mirror", files, detail, sha256_of_set(sums), source.licence)


def _from_addresses(source: Source, downloads: Path, allow_unverified: bool, progress: Progress) -> Resolved:
    if source.official is None:
        raise AddressUnavailable(f"no official address is listed for {source.name}.")
    files, sums = {}, {}
    for file in source.official.files:
        path = download(file, downloads=downloads, allow_unverified=allow_unverified, progress=progress)
        files[file.name], sums[file.name] = path, file.sha256 or sha256_file(path)
    detail = f"official: {', '.join(files)}, published at {source.page or source.official.files[0].addresses[0]}"
    unverified = [file.name for file in source.official.files if not file.verified]
    if unverified:
        detail += f" (unverified, trusted at first use: {', '.join(unverified)})"
    return Resolved(source.name, "official", files, detail, sha256_of_set(sums), source.licence)


def _stand_in(source: Source, reason: str) -> Resolved:
    if source.stand_in is None:
        raise SourceUnavailable(
            f"{source.name} has no stand-in, and one was called for: {reason} "
            "Name a mirror folder in TENFOLD_MIRROR, or make its official address reachable."
        )
    if source.table is not None:
        detail = f"MADE-UP DATA, {source.stand_in.rows:,} rows with the columns and ranges of {source.title}"
        made = sha256_bytes(made_up_table(source.table, source.stand_in))
    else:
        detail, content = made_up_files(source.stand_in)
        made = sha256_of_set({name: sha256_bytes(data) for name, data in content.items()})
    licences = {"fonts": FONTS_LICENCE, "photographs": PHOTOGRAPHS_LICENCE}
    licence = licences.get(source.stand_in.maker or "", "made up; no licence needed")
    return Resolved(source.name, "stand_in", {}, detail, made, licence)


def _no_mirror(mirror: Path | None) -> str:
    if mirror is None:
        return "TENFOLD_MIRROR names no mirror folder"
    return f"the mirror folder {mirror} does not have it"
