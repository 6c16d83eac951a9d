"""``tenfold mmr items``: items as a folder, or in the form that other harnesses take."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.mmr.items import ItemSet

EXAMPLE = cli.example("tenfold mmr items --items rendered --export lmms-eval --out task")
Items = Annotated[
    str,
    typer.Option(help="official, rendered (drawn on the spot), receipts, or a folder with items.jsonl."),
]
Data = Annotated[
    Path | None,
    typer.Option(
        help="Where official items (mmr_qa.json), receipts, or further fonts for rendered ones are. Default: what "
        "TENFOLD_MIRROR holds of them."
    ),
]
PerTask = Annotated[
    int | None, typer.Option(min=1, help="Items of each task. Default: 50, as the released runner; of a folder all.")
]
Limit = Annotated[int | None, typer.Option(min=1, help="Take so many items, evenly over the tasks.")]
Form = Literal["lmms-eval", "vlmevalkit", "folder"]


def items_command(
    items: Items,
    out: Annotated[Path, typer.Option(help="The folder to write into.")],
    export: Annotated[
        Form, typer.Option(help="The form: a task of lmms-eval, a TSV of VLMEvalKit, or ours.")
    ] = "folder",
    data: Data = None,
    per_task: PerTask = None,
    limit: Limit = None,
    hub_images: Annotated[
        str | None,
        typer.Option(help="Bring official images from a hub data set or a folder: puar-playground/MMR."),
    ] = None,
    hub_revision: Annotated[str, typer.Option(help="Of that data set.")] = "main",
    seed: Annotated[int, typer.Option(min=0, help="Draws rendered items and receipts.")] = 0,
    force: cli.Force = False,
) -> None:
    """Write items into a new folder, with their images where there are any.

    --force replaces a folder that this command wrote, if nothing in it was added or changed since.
    """
    from tenfold.mmr.item_sources import named_items
    from tenfold.mmr.outputs import new_folder

    if hub_images is not None and items != "official":
        raise typer.BadParameter(f"--hub-images belongs to --items official, not {items}")
    named = named_items(items, data=data, per_task=per_task, limit=limit, seed=seed)
    inputs = [
        path for path in (*map(Path, filter(None, (items, hub_images))), data) if path is not None and path.exists()
    ]
    inputs += [] if named.items.folder is None else [named.items.folder]
    with TemporaryDirectory() as drawn, new_folder(out, force=force, inputs=inputs) as folder:
        found = named.within(Path(drawn))
        missing: dict[str, str] = {}
        if hub_images is not None:
            from tenfold.mmr.annotations import bring_images, load_hub

            found, missing = bring_images(found, load_hub(hub_images, hub_revision), Path(drawn))
        written = _export(export, found, folder, out)
    for name, why in missing.items():
        typer.echo(f"no image {name}: {why}", err=True)
    typer.echo(f"{len(written)} items of {len(set(written.images.tolist()))} images\nwrote {out}")


def _export(export: Form, items: ItemSet, folder: Path, place: Path) -> ItemSet:
    from tenfold.mmr.item_folder import write_item_folder

    if export == "folder":
        return write_item_folder(items, folder)
    from tenfold.mmr.export import export_lmms_eval, export_vlmevalkit

    if export == "lmms-eval":
        export_lmms_eval(items, folder, place=place)
    else:
        export_vlmevalkit(items, folder)
    return items
