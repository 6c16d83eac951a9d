"""What a run leaves in its folder, and whether a folder may be written into.

run.json              what was asked of whom, and by which versions: a run is continued only as it was begun
items.jsonl           the items as they were asked and are scored, with images/ where they were drawn for the run, and
                      shown/images/ where they were padded
transcript.jsonl      every reply with what was asked: what is known from here is not asked again
ocr.jsonl             pages that were read, for models that read by OCR
predictions.jsonl     a reply per item; predictions.asked_again.jsonl after a second question about replies out of form
scores.json           official and mended points by column, with intervals
page.html             the items to look at, with replies and reasons
leaderboard.md, .html the run's row beside chance, and beside the published ones where they may be compared
"""

from __future__ import annotations

import json
import platform
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from tenfold.chat.transcript import Transcript
from tenfold.command_line import InvalidOutput
from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.items import IMAGES, ITEMS, ItemSet, items_digest, read_items, write_items

RUN, TRANSCRIPT, PREDICTIONS = "run.json", "transcript.jsonl", "predictions.jsonl"
ASKED_AGAIN, SCORES, PAGE, OCR = "predictions.asked_again.jsonl", "scores.json", "page.html", "ocr.jsonl"
SHOWN = "shown"  # a folder with images as they were shown, where boxes are of these
LOCK = f".{TRANSCRIPT}.lock"
UNFINISHED = ".*.unfinished"  # what a process that was killed left
PACKAGES = ("tenfold", "numpy", "pillow", "openai", "torch", "transformers", "rapidocr")


def check_folder(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> None:
    """Check that a run may be begun in a folder, or continued there; nothing is written.

    What a process left that was killed before the run had begun does not count.
    Raises InvalidOutput if something else is there, a run without ``resume``, or one with other settings.
    """
    above = next(one for one in folder.absolute().parents if one.exists())
    if not above.is_dir():
        raise InvalidOutput(f"{above} is no folder, so that {folder} cannot be made; give another --out")
    begun = folder / RUN
    if begun.is_file():
        known = _read_json(begun).get("settings")
        if not resume:
            raise InvalidOutput(f"{folder} holds a run already; continue it with --resume, or give another --out")
        other = list(_differences(known, json.loads(json.dumps(settings))))
        if other:
            raise InvalidOutput(f"{folder} holds another run ({'; '.join(other)}); give another --out")
    elif folder.exists() and (not folder.is_dir() or any(map(_is_strange, folder.iterdir()))):
        raise InvalidOutput(f"{folder} holds something else than a run; give another --out")


@contextmanager
def open_run(folder: Path, settings: Mapping[str, Any], *, resume: bool) -> Iterator[Transcript]:
    """Make a run's folder, or find the one that was begun with the same settings, and yield its transcript.

    As long as that is open the folder is this process's alone; what killed ones left unfinished is removed. If it ends
    by an error before anything was answered or read, a folder that was made for it is removed.
    Raises what ``check_folder`` and ``Transcript`` raise.
    """
    check_folder(folder, settings, resume=resume)
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    with Transcript(folder / TRANSCRIPT) as transcript:
        check_folder(folder, settings, resume=resume)  # another process may have begun a run until now
        for left in folder.glob(UNFINISHED):
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        if not (folder / RUN).is_file():
            replace_json(folder / RUN, {"settings": settings, "versions": versions()})
        try:
            yield transcript
        except BaseException:
            if new and not holds_replies(folder):
                shutil.rmtree(folder)
            raise


def holds_replies(folder: Path) -> bool:
    """Return whether a run's folder holds replies, or pages read by OCR, that need not be made again."""
    kept = (folder / name for name in (TRANSCRIPT, OCR, PREDICTIONS))
    return any(path.is_file() and path.stat().st_size > 0 for path in kept)


def settings_of(folder: Path) -> dict[str, Any]:
    """Return the settings of the run in a folder. Raises InvalidOutput where there is none."""
    if not (folder / RUN).is_file():
        raise InvalidOutput(f"{folder} holds no run; name a folder that tenfold mmr run wrote")
    settings = _read_json(folder / RUN).get("settings")
    if not isinstance(settings, dict):
        raise InvalidOutput(f"{folder / RUN} is of no run; name a folder that tenfold mmr run wrote")
    return settings


def items_of_run(folder: Path) -> ItemSet:
    """Return the items of the run in a folder, as they are scored.

    Raises InvalidOutput where there is no run, and what ``read_items`` raises.
    """
    settings = settings_of(folder)
    found, given = read_items(folder, name=settings["items"]["name"]), settings["items"]["folder"]
    own = next((one for one in (folder / SHOWN, folder) if (one / IMAGES).is_dir()), None)
    return ItemSet(found.name, found.rows, own if own is not None or given is None else Path(given))


def check_items(folder: Path, items: ItemSet) -> None:
    """Check that predictions in the folder of a run are scored against the items of that run, as they were shown.

    Raises InvalidPredictions if these are others, and InvalidOutput for a folder without a run.
    """
    asked = settings_of(folder)["items"]
    known, given = asked["sha256"], items_digest(items)
    shown = items_digest(read_items(folder)) if (folder / ITEMS).is_file() else known
    if given not in (known, shown):
        words = f"over other items: {asked['count']} of {asked['name']}, sha256 {known[:12]}…, not {given[:12]}…"
    elif given != shown:
        words = "whose options or boxes were shown otherwise than they stand in these items"
    else:
        return
    raise InvalidPredictions(f"the predictions in {folder} are of a run {words}; leave out --items to score that run")


def keep_items(items: ItemSet, folder: Path) -> None:
    """Write items into a run's folder, whole or not at all."""
    with tempfile.TemporaryDirectory(prefix=".", suffix=".unfinished", dir=folder) as unfinished:
        write_items(items.rows, Path(unfinished))
        (Path(unfinished) / ITEMS).replace(folder / ITEMS)


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that replies may depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def replace_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON beside its place and move it there."""
    replace_file(path, lambda file: _write_json(file, value))


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let a file be written beside its place, and move it there."""
    unfinished = path.with_name(f".{path.name}.{uuid.uuid4().hex}.unfinished")  # a process's number may come again
    try:
        write(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_strange(path: Path) -> bool:
    """Whether a file is none that a process leaves which was killed before its run had begun."""
    empty = path.name == TRANSCRIPT and path.is_file() and not path.stat().st_size
    return not (empty or path.name == LOCK or path.match(UNFINISHED))


def _differences(known: Any, given: Any, name: str = "") -> Iterator[str]:
    """Yield in words each setting, by its path, that is not as it was."""
    if isinstance(known, dict) and isinstance(given, dict):
        for key in dict.fromkeys([*known, *given]):
            yield from _differences(known.get(key), given.get(key), f"{name}.{key}" if name else key)
    elif known != given:
        yield f"{name} was {known!r} and is {given!r}"


def _read_json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InvalidOutput(f"{path} cannot be read ({error}); give another --out") from None
    if not isinstance(found, dict):
        raise InvalidOutput(f"{path} is of no run; give another --out")
    return found


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
