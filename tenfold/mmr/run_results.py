"""What is made of a run when every item has its prediction: scores, a page to look at, a row of a leaderboard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.mmr.errors import InvalidLeaderboard
from tenfold.mmr.items import ItemSet
from tenfold.mmr.models import BLIND, FITTED
from tenfold.mmr.predictions import Prediction, read_predictions
from tenfold.mmr.run import has_images
from tenfold.mmr.run_folder import (
    ASKED_AGAIN,
    PAGE,
    PREDICTIONS,
    SCORES,
    items_of_run,
    replace_file,
    replace_json,
    settings_of,
)
from tenfold.mmr.score_report import both_scores, described, table
from tenfold.mmr.showing import Showing
from tenfold.mmr.tasks import COLUMNS, MOST_POINTS, PER_TASK

if TYPE_CHECKING:
    from tenfold.mmr.leaderboard import Row
    from tenfold.mmr.scores import Scores

AGAIN = "asked again, "


def write_results(
    folder: Path, items: ItemSet, predictions: Sequence[Prediction], convention: str = "unit"
) -> list[str]:
    """Write scores.json, the leaderboard and page.html of a run, and return the scores as lines of a table."""
    lines = write_scores(folder, items, predictions, convention)
    write_views(folder, items, predictions)
    return lines


def write_scores(
    folder: Path, items: ItemSet, predictions: Sequence[Prediction], convention: str = "unit"
) -> list[str]:
    """Write scores.json of a run, and return the scores as lines of a table."""
    scores = all_scores(folder, items, predictions, convention)
    replace_json(folder / SCORES, {"model": settings_of(folder)["model"]["name"], "scores": described(scores)})
    return table(scores)


def write_views(folder: Path, items: ItemSet, predictions: Sequence[Prediction]) -> None:
    """Write the leaderboard and page.html of a run whose scores are written."""
    from tenfold.mmr.item_page import write_item_page
    from tenfold.mmr.leaderboard import write_leaderboard

    write_leaderboard(run_rows([folder]), folder)
    name = settings_of(folder)["model"]["name"]
    replace_file(folder / PAGE, lambda path: write_item_page(items, {name: predictions}, path, title=f"{name}: items"))


def all_scores(
    folder: Path | None, items: ItemSet, predictions: Sequence[Prediction], convention: str = "unit"
) -> dict[str, Scores]:
    """Return the scores of a run's predictions, and of those after it asked again, if it did."""
    scores = both_scores(items, predictions, convention)
    if folder is not None and (folder / ASKED_AGAIN).is_file():
        again = both_scores(items, read_predictions(folder / ASKED_AGAIN), convention)
        scores |= {f"{AGAIN}{name}": one for name, one in again.items()}
    return scores


def predictions_of(path: Path) -> tuple[list[Prediction], Path | None]:
    """Return the predictions of a file or of a run's folder, and the folder of the run that they lie in, if any."""
    file = path / PREDICTIONS if path.is_dir() else path
    run = file.parent if (file.parent / "run.json").is_file() else None
    return read_predictions(file), run


def run_rows(folders: Sequence[Path], *, published: bool = False) -> list[Row]:
    """Return the rows of runs, official and mended, and the published ones where every official row may stand by them.

    Raises InvalidLeaderboard if published rows are asked for beside runs that they may not be compared with.
    """
    from tenfold.mmr.leaderboard import Row

    rows = []
    for folder, label in zip(folders, labels(folders), strict=True):
        settings, found = settings_of(folder), _scores(folder)
        for scorer, one in found["scores"].items():
            rows.append(_row(Row, settings, scorer, one, label))
    if published:
        for folder in folders:
            if (reason := not_comparable(folder)) is not None:
                raise InvalidLeaderboard(f"{folder}: published rows cannot stand beside this run: {reason}")
        from tenfold.mmr.leaderboard import published_rows

        rows += published_rows()
    return rows


def not_comparable(folder: Path) -> str | None:
    """Return why a run may not be compared with the published rows, None if it may: trap 13 of ours.

    They are of the 550 released items with their images, the released prompts and the released parser.
    """
    settings = settings_of(folder)
    items = items_of_run(folder)
    if settings["items"]["name"] != "official" or items.points != MOST_POINTS or _uneven(items):
        return f"its items are not the {PER_TASK} official ones of each task"
    if not has_images(items):
        return "its items have no images here"
    if settings["style"] not in ("official", "official_system"):
        return f"its prompts are of the style {settings['style']!r}"
    if not Showing(**settings["showing"]).as_published:
        return "images or options were not shown as released"
    return None


def labels(folders: Sequence[Path]) -> list[str]:
    """Return a name for the items of each run; other items have another name."""
    found = []
    for folder in folders:
        items, settings = items_of_run(folder), settings_of(folder)["items"]
        whole = settings["name"] == "official" and items.points == MOST_POINTS and not _uneven(items)
        name = settings["name"] if whole else f"{settings['name']}, {len(items)} items {settings['sha256'][:6]}"
        found.append(name if has_images(items) else f"{name}, without images")
    return found


def _row(kind: Any, settings: Mapping[str, Any], scorer: str, one: Mapping[str, Any], label: str) -> Row:
    again, own = scorer.startswith(AGAIN), scorer.removeprefix(AGAIN)
    interval = one["interval"]
    made: Row = kind(
        name=f"{settings['model']['name']}{', asked again' if again else ''}",
        columns={column: one["columns"][column] for column in COLUMNS if column in one["columns"]},
        total=one["total"],
        interval=None if interval is None else (interval[0], interval[1]),
        note="" if one["scorer"]["convention"] == "unit" else f"boxes: {one['scorer']['convention']}",
        kind=_kind(settings["model"]["kind"], settings),
        scorer=own,
        items=label,
        prompt=_prompt(settings),
        possible=one["possible"],
    )
    return made


def _kind(kind: str, settings: Mapping[str, Any]) -> str:
    if kind == "random":
        return "chance"
    if kind in FITTED and kind != "blind_text":
        return "constant"
    if kind == "oracle":
        return "model"
    return "blind" if kind in BLIND or not settings["showing"]["images"] else "model"


def _prompt(settings: Mapping[str, Any]) -> str:
    """Return how the items were asked, in words; "official" as released."""
    showing = Showing(**settings["showing"])
    style = "official" if settings["style"] == "official_system" else settings["style"]
    if showing.as_published:
        return str(style)
    other = {
        "side": f"images of {showing.side} px at most",
        "rotation": f"options moved by {showing.rotation}",
        "letterbox": "images padded",
        "images": "without images",
    }
    plain, given = vars(Showing()), settings["showing"]
    return ", ".join([style, *(words for name, words in other.items() if given[name] != plain[name])])


def _scores(folder: Path) -> dict[str, Any]:
    from tenfold.command_line import InvalidOutput

    path = folder / SCORES
    if not path.is_file():
        raise InvalidOutput(f"{folder} holds a run that is not finished; continue it with tenfold mmr run … --resume")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _uneven(items: ItemSet) -> bool:
    return any(int((items.tasks == task).sum()) != PER_TASK for task in set(items.tasks.tolist()))
