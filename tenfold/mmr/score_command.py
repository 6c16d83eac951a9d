"""``tenfold mmr score`` and ``compare``: points as released and mended, and what two models differ by."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.mmr.items import ItemSet
    from tenfold.mmr.predictions import Prediction

EXAMPLE = cli.example("tenfold mmr score predictions.jsonl --items official --html page.html")
COMPARE_EXAMPLE = cli.example("tenfold mmr compare run-a run-b")
Convention = Annotated[
    str,
    typer.Option(
        help="How the mended scorer reads boxes: unit (shares of the sides), 'per mille', pixels, 'y first unit', …"
    ),
]
Asked = Annotated[
    str | None,
    typer.Option("--items", help="official, receipts, rendered, or a folder. Default: the items of the run beside."),
]
Where = Annotated[Path | None, typer.Option("--data", help="Where those items come from; see tenfold mmr items.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws rendered items and receipts, and the intervals.")]


def score_command(
    predictions: Annotated[
        Path, typer.Argument(help="JSON lines with key and reply, or the folder of a run with such a file.")
    ],
    items: Asked = None,
    data: Where = None,
    per_task: Annotated[
        int | None, typer.Option(min=1, help="Items of each task. Default: 50, of a folder all.")
    ] = None,
    convention: Convention = "unit",
    html: Annotated[Path | None, typer.Option(help="Write a page of the items and replies, too.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the scores as JSON, too.")] = None,
    seed: Seed = 0,
    force: cli.Force = False,
) -> None:
    """Score predictions by the released scorer, bug for bug, and by the mended one, side by side.

    A reply that is missing, empty or cut off is no answer: it has no point, and its item counts. Intervals are at 95 %,
    over images. The two scorers' points are two measures: compare a column with the same column only.
    """
    from tenfold.mmr.run_results import all_scores
    from tenfold.mmr.score_report import described, table

    replies, asked, run = _asked(predictions, items, data, per_task, seed)
    outputs = {"--out": out, "--html": html}
    _check_outputs(outputs, predictions, asked)
    for option, path in outputs.items():
        if path is not None:
            cli.check_output(path, force=force, option=option)
    scores = all_scores(run, asked, replies, convention)
    typer.echo("\n".join(table(scores, seed)))
    given = {one.key for one in replies}
    missing = sum(item.key not in given for item in asked.rows)
    if missing:
        typer.echo(f"{missing} of {len(asked)} items have no prediction", err=True)
    if out is not None:
        with cli.new_output(out, force=force) as file:
            file.write_text(json.dumps(described(scores, seed), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        typer.echo(f"wrote {out}")
    if html is not None:
        from tenfold.mmr.item_page import write_item_page

        with cli.new_output(html, force=force, option="--html") as file:
            write_item_page(asked, {predictions.stem: replies}, file)
        typer.echo(f"wrote {html}")


def compare_command(
    first: Annotated[Path, typer.Argument(help="Predictions, or the folder of a run.")],
    second: Annotated[Path, typer.Argument(help="Others of the same items.")],
    items: Asked = None,
    data: Where = None,
    scorer: Annotated[Literal["official", "mended"], typer.Option(help="Whose points are compared.")] = "official",
    convention: Convention = "unit",
    seed: Seed = 0,
) -> None:
    """Compare two models item by item: the difference of each column and of the total, second less first.

    Intervals are at 95 % by a bootstrap over images, the same images for both; p-values of the columns are Holm's,
    adjusted for the number of columns.
    """
    from tenfold.mmr.comparison_report import comparison_lines
    from tenfold.mmr.run_results import other_ways, predictions_of, run_names
    from tenfold.mmr.score_report import both_scores

    one, asked, _ = _asked(first, items, data, None, seed)
    other, same, _ = _asked(second, items, data, None, seed)
    check_same(first, asked, second, same)
    scores = [both_scores(asked, replies, convention)[scorer] for replies in (one, other)]
    runs = [predictions_of(path)[1] for path in (first, second)]
    lines = comparison_lines(*scores, seed=seed, names=run_names(first, second, runs))
    typer.echo("\n".join([*lines, *other_ways(runs)]))


def _check_outputs(outputs: Mapping[str, Path | None], predictions: Path, items: ItemSet) -> None:
    """Raise InvalidOutput if something would be written over what is read, or over what a run cannot do without."""
    from tenfold.mmr.items import IMAGES, ITEMS
    from tenfold.mmr.outputs import check_no_input
    from tenfold.mmr.run_folder import ASKED_AGAIN, OCR, PREDICTIONS, RUN, TRANSCRIPT

    run = predictions if predictions.is_dir() else predictions.parent
    inputs = [predictions, *(run / name for name in (RUN, TRANSCRIPT, PREDICTIONS, ASKED_AGAIN, OCR, ITEMS))]
    if items.folder is not None:
        inputs += [items.folder / ITEMS, *(items.folder / IMAGES / item.file for item in items.rows if item.file)]
    written: list[Path] = []
    for given, path in outputs.items():
        if path is not None:
            check_no_input(given, path, dict.fromkeys([*inputs, *written]))
            written.append(path)


def check_same(first: Path, asked: ItemSet, second: Path, same: ItemSet) -> None:
    """Raise InvalidPredictions if two runs were not about the same items, or were not shown them alike."""
    from tenfold.mmr.errors import InvalidPredictions

    if [item.key for item in asked.rows] != [item.key for item in same.rows]:
        raise InvalidPredictions(f"{first} and {second} are not about the same items; compare runs over the same ones")
    other = [item.key for item, one in zip(asked.rows, same.rows, strict=True) if _scored(item) != _scored(one)]
    if other:
        raise InvalidPredictions(
            f"{first} and {second} have other answers to {len(other)} items, such as {other[0]!r}: these were shown "
            f"otherwise; compare runs in which options and boxes were shown alike"
        )


def _scored(item: Any) -> tuple[Any, ...]:
    return item.task, item.answer, item.also


def _asked(
    predictions: Path, items: str | None, data: Path | None, per_task: int | None, seed: int
) -> tuple[list[Prediction], ItemSet, Path | None]:
    """Return predictions, the items that they are about, and the folder of their run, if it is one."""
    from tenfold.mmr.item_sources import named_items
    from tenfold.mmr.run_folder import check_items, items_of_run
    from tenfold.mmr.run_results import predictions_of

    replies, run = predictions_of(predictions)
    if items is not None:
        named = named_items(items, data=data, per_task=per_task, seed=seed).items
        if run is not None:
            check_items(run, named)
        return replies, named, None
    cli.refuse_unused({"data": data, "per_task": per_task}, (), "a run whose own items are scored")
    if run is None:
        raise typer.BadParameter(
            f"there is no run beside {predictions}: name the items with --items, such as official or a folder"
        )
    typer.echo(f"items: those of the run in {run}", err=True)
    return replies, items_of_run(run), run if predictions.is_dir() else None
