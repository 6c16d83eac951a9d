"""``tenfold ntk-attention``: adapt a checkpoint to a person's own images or texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tenfold import command_line as cli

Phi = Literal["elu1", "taylor1", "taylor2", "favor", "hedgehog"]
Images = Annotated[Path | None, typer.Option(help="A folder with a subfolder of images for each class.")]
Texts = Annotated[Path | None, typer.Option("--csv", help="A CSV file of texts, in UTF-8, in place of --images.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Images or texts at a time.")]
Device = Annotated[str | None, typer.Option(help="Such as cpu or cuda. Default: a GPU if there is one.")]
app = cli.application("Adapters for images and texts.")


@app.command(
    epilog=cli.example("tenfold ntk-attention adapt google/vit-base-patch16-224-in21k", "--images photos --out adapter")
)
def adapt(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A checkpoint of transformers: a folder or a hub id.")],
    out: Annotated[Path, typer.Option(help="The folder to write the adapter into.")],
    images: Images = None,
    csv: Texts = None,
    text: Annotated[str | None, typer.Option(help="The CSV file's column of texts.")] = None,
    target: Annotated[str | None, typer.Option(help="The CSV file's column of classes.")] = None,
    revision: Annotated[str | None, typer.Option(help="The hub's commit or branch.")] = None,
    phi: Annotated[Phi, typer.Option(help="The feature map φ.")] = "elu1",
    rank: Annotated[int | None, typer.Option(min=1, help="Rank of Z. Default: full.")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="How often each example is seen.")] = 10,
    batch_size: BatchSize = 16,
    learning_rate: Annotated[float, typer.Option(help="AdamW's.")] = 1e-2,
    max_tokens: Annotated[int | None, typer.Option(min=1, help="Cut texts to so many tokens. Default: 256.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Draws the new head, the adapter and the order.")] = 0,
    device: Device = None,
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
    force: cli.Force = False,
) -> None:
    """Train an adapter and a new head beside a frozen checkpoint.

    The checkpoint is a ViT, BERT, GPT-2, Llama, Mistral or Qwen2; it is neither changed nor written.
    """
    if not learning_rate > 0:
        raise typer.BadParameter(f"--learning-rate {learning_rate:g} must be above 0")
    reading = cli.Reading(header, separator, index, missing)
    _check_source(images, csv, text, target, reading)
    from tenfold.ntk_attention.classification import Classifier, Task
    from tenfold.ntk_attention.config import NTKAttentionConfig

    chosen = cli.torch_device(device)
    with cli.new_output(out, force=force, mark="task.json") as folder:
        examples, labels = _examples(images, csv, text, target, reading)
        classes = tuple(sorted(set(labels)))
        typer.echo(f"{len(examples)} {'images' if images else 'texts'} of {len(classes)} classes", err=True)
        task = Task("images" if images else "texts", model, revision, classes, text, target, max_tokens)
        classifier = Classifier.new(task, NTKAttentionConfig(phi=phi, rank=rank, seed=seed), device=chosen)
        loss = classifier.fit(
            examples,
            task.places(labels),
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            seed=seed,
        )
        classifier.save(folder)
    typer.echo(f"mean loss of the last epoch: {loss:.4g} nats")
    typer.echo(f"wrote {out}")


@app.command(epilog=cli.example("tenfold ntk-attention evaluate adapter --images photos_for_testing"))
def evaluate(
    adapter: Annotated[Path, typer.Argument(metavar="ADAPTER", help="A folder that adapt wrote.")],
    images: Images = None,
    csv: Texts = None,
    text: Annotated[str | None, typer.Option(help="The column of texts. Default: as adapted.")] = None,
    target: Annotated[str | None, typer.Option(help="The column of classes. Default: as adapted.")] = None,
    model: Annotated[str | None, typer.Option(help="Where the checkpoint is now. Default: where it was.")] = None,
    batch_size: BatchSize = 16,
    device: Device = None,
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
) -> None:
    """Print as JSON the share of images or texts whose class is told right."""
    from tenfold.ntk_attention.classification import Classifier, Task

    task = Task.load(adapter, model=model)
    if (images if task.kind == "images" else csv) is None:
        raise typer.BadParameter(f"{adapter} tells {task.kind}: give --{'images' if task.kind == 'images' else 'csv'}")
    if csv is not None:
        text, target = text or task.text, target or task.target
    reading = cli.Reading(header, separator, index, missing)
    _check_source(images, csv, text, target, reading)
    examples, labels = _examples(images, csv, text, target, reading, task.classes)
    places = task.places(labels)
    classifier = Classifier.load(adapter, task, device=cli.torch_device(device))
    right = classifier.predict(examples, batch_size=batch_size) == places
    typer.echo(json.dumps({"accuracy": float(right.mean()), "examples": len(right)}))


def _check_source(
    images: Path | None, csv: Path | None, text: str | None, target: str | None, reading: cli.Reading
) -> None:
    if (images is None) == (csv is None):
        raise typer.BadParameter("give a folder with --images, or a CSV file with --csv")
    if csv is None:
        cli.refuse_unused({"text": text, "target": target, **reading.given()}, (), "--images")
    elif text is None or target is None:
        raise typer.BadParameter("--csv needs --text and --target, the names of its columns")


def _examples(
    images: Path | None,
    csv: Path | None,
    text: Any,
    target: Any,
    reading: cli.Reading,
    classes: Sequence[str] | None = None,
) -> tuple[Sequence[Any], list[str]]:
    """Return paths of images or texts, and the name of each one's class, one of ``classes`` if these are known."""
    if images is not None:
        from tenfold.imaging.folders import class_folders

        names, places, found = class_folders(images)
        return [images / name for name in names], [found[place] for place in places]
    assert csv is not None, "checked by _check_source"
    table = reading.open(csv, named=[text, target])
    rows = reading.read(table, texts=[text, target], values=None if classes is None else {target: classes})
    return rows.texts[text], rows.texts[target]


if __name__ == "__main__":
    sys.exit(cli.run(app))
