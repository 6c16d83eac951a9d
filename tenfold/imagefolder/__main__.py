"""``python -m tenfold.imagefolder``: tokenize, detokenize, reconstruct, sample, evaluate, compare, eval-released."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="Image generation with folded tokens.", no_args_is_help=True, pretty_exceptions_enable=False)

Model = Annotated[Path, typer.Argument(help="A model's folder, as save_pretrained or a run writes it.")]
Pictures = Annotated[Path, typer.Argument(help="A folder of pictures, one picture, or an npz file.")]
Out = Annotated[Path, typer.Argument(help="An npz file, or a folder for PNG files.")]
Scales = Annotated[int | None, typer.Option(help="Decode the first n scales only.")]
BATCH = 250


@contextmanager
def _named_errors() -> Iterator[None]:
    """Print what was wrong without a traceback, and end with 2."""
    from tenfold.imagefolder.errors import MissingPackage
    from tenfold.models.folder import InvalidModel

    try:
        yield
    except (ValueError, InvalidModel, MissingPackage) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(2) from None


def _load(folder: Path, *, whole: bool) -> Any:
    """Return the pipeline in a folder, or (``whole`` False) the tokenizer, a pipeline's or its own."""
    from tenfold.imagefolder.pipeline import ImageFolder
    from tenfold.imagefolder.tokenizer import Tokenizer
    from tenfold.models.folder import verify

    if not folder.is_dir() or whole or verify(folder).endswith(".ImageFolder"):
        pipeline = ImageFolder.from_pretrained(folder)
        return pipeline if whole else pipeline.tokenizer
    return Tokenizer.from_pretrained(folder)


def _tensor(tokenizer: Any, pictures: Path) -> Any:
    from tenfold.imagefolder.files import read_pictures
    from tenfold.imagefolder.pictures import to_tensor

    config = tokenizer.config
    return to_tensor(read_pictures(pictures, channels=config.channels), size=config.image_size)


@app.command()
def tokenize(model: Model, pictures: Pictures, out: Annotated[Path, typer.Argument(help="An npz file.")]) -> None:
    """Write the tokens of pictures: indices (N, branches, positions)."""
    import torch

    from tenfold.imagefolder.files import write_tokens

    with _named_errors():
        tokenizer = _load(model, whole=False)
        images = _tensor(tokenizer, pictures)
        indices = torch.cat([tokenizer.encode(part) for part in images.split(BATCH)])
        write_tokens(out, indices.numpy())
    typer.echo(f"{len(indices)} pictures, {tokenizer.config.bits:.0f} bits each: {out}")


@app.command()
def detokenize(
    model: Model, tokens: Annotated[Path, typer.Argument(help="What tokenize wrote.")], out: Out, scales: Scales = None
) -> None:
    """Write the pictures of tokens."""
    import torch

    from tenfold.imagefolder.files import read_tokens

    with _named_errors():
        tokenizer = _load(model, whole=False)
        indices = torch.from_numpy(read_tokens(tokens))
        _write_decoded(tokenizer, indices, out, scales)


def _write_decoded(tokenizer: Any, indices: Any, out: Path, scales: int | None) -> None:
    import numpy as np

    from tenfold.imagefolder.files import write_pictures
    from tenfold.imagefolder.pictures import to_pixels

    write_pictures(out, np.concatenate([to_pixels(tokenizer.decode(part, scales)) for part in indices.split(BATCH)]))
    typer.echo(f"{len(indices)} pictures: {out}")


@app.command()
def reconstruct(
    model: Model,
    pictures: Pictures,
    out: Out,
    scales: Scales = None,
    strips: Annotated[bool, typer.Option(help="Write one PNG: each picture from 1, 2, … scales, then itself.")] = False,
) -> None:
    """Write pictures as they come back from their tokens."""
    import torch

    from tenfold.imagefolder.grids import png, scale_strips

    with _named_errors():
        tokenizer = _load(model, whole=False)
        images = _tensor(tokenizer, pictures)
        if strips:
            out.write_bytes(png(scale_strips(tokenizer, images)))
            typer.echo(f"{len(images)} rows: {out}")
            return
        _write_decoded(tokenizer, torch.cat([tokenizer.encode(part) for part in images.split(BATCH)]), out, scales)


@app.command()
def sample(
    model: Model,
    out: Out,
    label: Annotated[
        list[int] | None, typer.Option("--class", help="A class; repeat for several; all if none.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Pictures of each class.")] = 8,
    cfg: Annotated[float | None, typer.Option(help="Guidance scale; 0 is none. Without it, the model's own.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Keep the k best codes; 0 is off.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Keep the best codes up to this probability; 1 is off.")] = None,
    temperature: Annotated[float, typer.Option(help="Divides the logits.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal pictures.")] = 0,
    grid: Annotated[bool, typer.Option(help="Write one PNG with a row for each class.")] = False,
) -> None:
    """Write pictures of classes."""
    import numpy as np

    from tenfold.imagefolder.files import write_pictures
    from tenfold.imagefolder.grids import png, sheet

    with _named_errors():
        pipeline = _load(model, whole=True)
        classes = label or list(range(pipeline.config.generator.classes))
        labels = np.repeat(np.asarray(classes, dtype=np.int64), count)
        pixels = pipeline.generate(
            labels, seed=seed, guidance_scale=cfg, top_k=top_k, top_p=top_p, temperature=temperature
        )
        if grid:
            out.write_bytes(png(sheet(pixels, count)))
        else:
            write_pictures(out, pixels)
    typer.echo(f"{len(pixels)} pictures of classes {classes}: {out}")


@app.command()
def evaluate(
    pictures: Pictures,
    reference: Annotated[Path, typer.Argument(help="Real pictures, or reference statistics (npz).")],
    classifier: Annotated[Path, typer.Option(help="The folder of the metric classifier.")],
    k: Annotated[int, typer.Option(min=1, help="Neighbours for precision and recall.")] = 3,
    resamples: Annotated[int, typer.Option(min=2, help="Resamples for the intervals.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Draws the resamples.")] = 0,
) -> None:
    """Compare pictures with real ones and print every figure as JSON."""
    import json

    from tenfold.imagefolder.evaluation import evaluate_images
    from tenfold.imagefolder.metric_classifier import MetricClassifier

    with _named_errors():
        network = MetricClassifier.from_pretrained(classifier)
        figures = evaluate_images(pictures, reference, network, k=k, resamples=resamples, seed=seed)
    typer.echo(json.dumps(figures, indent=1, allow_nan=False))


@app.command()
def compare(
    first: Pictures,
    second: Annotated[Path, typer.Argument(help="Pictures likewise, as many, in the same order.")],
    reference: Annotated[Path | None, typer.Option(help="Real pictures, or reference statistics (npz).")] = None,
    classifier: Annotated[Path | None, typer.Option(help="The folder of the metric classifier.")] = None,
    resamples: Annotated[int, typer.Option(min=2, help="Resamples for the intervals.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Draws the resamples.")] = 0,
) -> None:
    """Compare two sets of pictures pair by pair (error, PSNR, SSIM), and print the figures as JSON.

    With a reference and a classifier, also how much nearer the first set is to the real pictures than the second.
    """
    import json

    from tenfold.imagefolder.evaluation import compare_images, evaluate_reconstruction
    from tenfold.imagefolder.files import channels_of
    from tenfold.imagefolder.metric_classifier import MetricClassifier

    with _named_errors():
        if (reference is None) != (classifier is None):
            raise ValueError("--reference and --classifier go together")
        draws = {"resamples": resamples, "seed": seed}
        figures = evaluate_reconstruction(first, second, channels=channels_of(first), **draws)
        if reference is not None and classifier is not None:
            figures |= compare_images(first, second, reference, MetricClassifier.from_pretrained(classifier), **draws)
    typer.echo(json.dumps(figures, indent=1, allow_nan=False))


@app.command()
def eval_released(
    folder: Annotated[Path, typer.Argument(help="Reconstructions and samples are written here, as npz files.")],
    tokenizer: Annotated[Path | None, typer.Option(help="The published tokenizer file.")] = None,
    generator: Annotated[Path | None, typer.Option(help="The published generator file.")] = None,
    pictures: Annotated[Path | None, typer.Option(help="Validation pictures, cut to the model's size.")] = None,
    reference: Annotated[Path | None, typer.Option(help="The evaluator's reference (npz with mu and sigma).")] = None,
    config: Annotated[Path | None, typer.Option(help="JSON with other sizes and sampling than the paper's.")] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Samples of each class.")] = 50,
    batch: Annotated[int, typer.Option(min=1, help="Pictures at a time.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds, in equal batches, give equal samples.")] = 0,
    fid: Annotated[bool, typer.Option(help="Compute FID here; without, only write what an evaluator reads.")] = True,
    inception: Annotated[Path | None, typer.Option(help="Inception's weights; downloaded if not given.")] = None,
    device: Annotated[str, typer.Option(help="Such as cpu or cuda.")] = "cpu",
) -> None:
    """Reconstruct and sample with the paper's published checkpoints, and print their figures as JSON."""
    import json

    from tenfold.imagefolder.fid import inception as inception_network
    from tenfold.imagefolder.original_checkpoints_evaluation import evaluate_released

    with _named_errors():
        network = inception_network(weights=inception, device=device) if fid else None
        figures = evaluate_released(
            folder,
            network,
            tokenizer=tokenizer,
            pictures=pictures,
            generator=generator,
            reference=reference,
            config=config,
            per_class=per_class,
            batch=batch,
            seed=seed,
            device=device,
        )
    typer.echo(json.dumps(figures, indent=1, allow_nan=False))


if __name__ == "__main__":
    app()
