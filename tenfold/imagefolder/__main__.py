"""``tenfold imagefolder``: tokenize, detokenize, reconstruct, sample, evaluate, compare, eval-released."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from tenfold import command_line as cli

app = cli.application("Image generation with folded tokens.")

Model = Annotated[Path, typer.Argument(help="A model's folder, as save_pretrained or a run writes it.")]
Images = Annotated[Path, typer.Argument(help="A folder of images, one image, or an npz file.")]
Out = Annotated[Path, typer.Argument(help="An npz file, or a folder for PNG files.")]
Scales = Annotated[int | None, typer.Option(help="Decode the first n scales only.")]
BATCH = 250
FIRST = "00000.png"  # by which a folder is known as one that was written here


def _load(folder: Path, *, whole: bool) -> Any:
    """Return the pipeline in a folder, or (``whole`` False) the tokenizer, a pipeline's or its own."""
    from tenfold.imagefolder.pipeline import ImageFolder
    from tenfold.imagefolder.tokenizer import Tokenizer
    from tenfold.models.folder import verify

    if not folder.is_dir() or whole or verify(folder).endswith(".ImageFolder"):
        pipeline = ImageFolder.from_pretrained(folder)
        return pipeline if whole else pipeline.tokenizer
    return Tokenizer.from_pretrained(folder)


def _tensor(tokenizer: Any, images: Path) -> Any:
    from tenfold.imaging.files import load_images
    from tenfold.imaging.pixels import to_tensor

    config = tokenizer.config
    return to_tensor(load_images(images, channels=config.channels), size=config.image_size)


@app.command(epilog=cli.example("tenfold imagefolder tokenize model images tokens.npz"))
def tokenize(
    model: Model, images: Images, out: Annotated[Path, typer.Argument(help="An npz file.")], force: cli.Force = False
) -> None:
    """Write the tokens of images: indices (N, branches, positions)."""
    import torch

    from tenfold.imagefolder.token_files import write_tokens

    with cli.new_output(out, force=force) as unfinished:
        tokenizer = _load(model, whole=False)
        tensor = _tensor(tokenizer, images)
        indices = torch.cat([tokenizer.encode(part) for part in tensor.split(BATCH)])
        write_tokens(unfinished, indices.numpy())
    typer.echo(f"{len(indices)} images, {tokenizer.config.bits:.0f} bits each: {out}")


@app.command(epilog=cli.example("tenfold imagefolder detokenize model tokens.npz decoded"))
def detokenize(
    model: Model,
    tokens: Annotated[Path, typer.Argument(help="What tokenize wrote.")],
    out: Out,
    scales: Scales = None,
    force: cli.Force = False,
) -> None:
    """Write the images of tokens."""
    import torch

    from tenfold.imagefolder.token_files import read_tokens

    with _new_images(out, force) as write:
        indices = torch.from_numpy(read_tokens(tokens))
        write(_decoded(_load(model, whole=False), indices, scales))
    typer.echo(f"{len(indices)} images: {out}")


@contextmanager
def _new_images(out: Path, force: bool) -> Iterator[Callable[[Any], None]]:
    """Yield what writes images into a new npz file or a new folder, by the name of ``out``."""
    from tenfold.imaging.files import save_images

    as_npz = out.suffix.lower() == ".npz"
    with cli.new_output(out, force=force, mark=None if as_npz else FIRST) as unfinished:
        yield lambda pixels: save_images(unfinished, pixels, as_npz=as_npz)


def _decoded(tokenizer: Any, indices: Any, scales: int | None) -> Any:
    import numpy as np

    from tenfold.imaging.pixels import to_pixels

    return np.concatenate([to_pixels(tokenizer.decode(part, scales)) for part in indices.split(BATCH)])


@app.command(epilog=cli.example("tenfold imagefolder reconstruct model images decoded --scales 3"))
def reconstruct(
    model: Model,
    images: Images,
    out: Out,
    scales: Scales = None,
    strips: Annotated[bool, typer.Option(help="Write one PNG: each image from 1, 2, … scales, then itself.")] = False,
    force: cli.Force = False,
) -> None:
    """Write images as they come back from their tokens."""
    import torch

    from tenfold.imagefolder.grids import scale_strips
    from tenfold.imaging.grids import png

    tokenizer = _load(model, whole=False)
    tensor = _tensor(tokenizer, images)
    if strips:
        with cli.new_output(out, force=force) as unfinished:
            unfinished.write_bytes(png(scale_strips(tokenizer, tensor)))
        typer.echo(f"{len(tensor)} rows: {out}")
        return
    with _new_images(out, force) as write:
        write(_decoded(tokenizer, torch.cat([tokenizer.encode(part) for part in tensor.split(BATCH)]), scales))
    typer.echo(f"{len(tensor)} images: {out}")


@app.command(epilog=cli.example("tenfold imagefolder sample model grid.png --class 0 --class 8 --seed 0 --grid"))
def sample(
    model: Model,
    out: Out,
    label: Annotated[
        list[int] | None, typer.Option("--class", help="A class; repeat for several; all if none.")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Images of each class.")] = 8,
    cfg: Annotated[float | None, typer.Option(help="Guidance scale; 0 is none. Without it, the model's own.")] = None,
    top_k: Annotated[int | None, typer.Option(help="Keep the k best codes; 0 is off.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Keep the best codes up to this probability; 1 is off.")] = None,
    temperature: Annotated[float, typer.Option(help="Divides the logits.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal images.")] = 0,
    grid: Annotated[bool, typer.Option(help="Write one PNG with a row for each class.")] = False,
    force: cli.Force = False,
) -> None:
    """Write images of classes."""
    import numpy as np

    from tenfold.imaging.grids import image_grid, png

    pipeline = _load(model, whole=True)
    classes = label or list(range(pipeline.config.generator.classes))
    labels = np.repeat(np.asarray(classes, dtype=np.int64), count)
    settings = {"guidance_scale": cfg, "top_k": top_k, "top_p": top_p, "temperature": temperature}
    if grid:
        with cli.new_output(out, force=force) as unfinished:
            pixels = pipeline.generate(labels, seed=seed, **settings)
            unfinished.write_bytes(png(image_grid(pixels, count)))
    else:
        with _new_images(out, force) as write:
            pixels = pipeline.generate(labels, seed=seed, **settings)
            write(pixels)
    typer.echo(f"{len(pixels)} images of classes {classes}: {out}")


@app.command(epilog=cli.example("tenfold imagefolder evaluate decoded images --classifier metric_clf"))
def evaluate(
    images: Images,
    reference: Annotated[Path, typer.Argument(help="Real images, or reference statistics (npz).")],
    classifier: Annotated[Path, typer.Option(help="The folder of the metric classifier.")],
    k: Annotated[int, typer.Option(min=1, help="Neighbours for precision and recall.")] = 3,
    resamples: Annotated[int, typer.Option(min=2, help="Resamples for the intervals.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Draws the resamples.")] = 0,
) -> None:
    """Compare images with real ones and print every figure as JSON."""
    import json

    from tenfold.metrics.image_sets import evaluate_images
    from tenfold.metrics.metric_classifier import MetricClassifier

    network = MetricClassifier.from_pretrained(classifier)
    figures = evaluate_images(images, reference, network, k=k, resamples=resamples, seed=seed)
    typer.echo(json.dumps(figures, indent=1, allow_nan=False))


@app.command(epilog=cli.example("tenfold imagefolder compare images decoded"))
def compare(
    first: Images,
    second: Annotated[Path, typer.Argument(help="Images likewise, as many, in the same order.")],
    reference: Annotated[Path | None, typer.Option(help="Real images, or reference statistics (npz).")] = None,
    classifier: Annotated[Path | None, typer.Option(help="The folder of the metric classifier.")] = None,
    resamples: Annotated[int, typer.Option(min=2, help="Resamples for the intervals.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Draws the resamples.")] = 0,
) -> None:
    """Compare two sets of images pair by pair (error, PSNR, SSIM), and print the figures as JSON.

    With a reference and a classifier, also how much nearer the first set is to the real images than the second.
    """
    import json

    from tenfold.imaging.files import channels_of
    from tenfold.metrics.image_sets import compare_images, evaluate_reconstruction
    from tenfold.metrics.metric_classifier import MetricClassifier

    if (reference is None) != (classifier is None):
        raise typer.BadParameter("--reference and --classifier go together")
    draws = {"resamples": resamples, "seed": seed}
    figures = evaluate_reconstruction(first, second, channels=channels_of(first), **draws)
    if reference is not None and classifier is not None:
        figures |= compare_images(first, second, reference, MetricClassifier.from_pretrained(classifier), **draws)
    typer.echo(json.dumps(figures, indent=1, allow_nan=False))


@app.command(
    epilog=cli.example(
        "tenfold imagefolder eval-released figures --tokenizer imagenet-4096.pt",
        "--images val256 --reference statistics.npz",
    )
)
def eval_released(
    folder: Annotated[Path, typer.Argument(help="Reconstructions and samples are written here, as npz files.")],
    tokenizer: Annotated[Path | None, typer.Option(help="The published tokenizer file.")] = None,
    generator: Annotated[Path | None, typer.Option(help="The published generator file.")] = None,
    images: Annotated[Path | None, typer.Option(help="Validation images, cut to the model's size.")] = None,
    reference: Annotated[Path | None, typer.Option(help="The evaluator's reference (npz with mu and sigma).")] = None,
    config: Annotated[Path | None, typer.Option(help="JSON with other sizes and sampling than the paper's.")] = None,
    per_class: Annotated[int, typer.Option(min=1, help="Samples of each class.")] = 50,
    batch: Annotated[int, typer.Option(min=1, help="Images at a time.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal samples.")] = 0,
    fid: Annotated[bool, typer.Option(help="Compute FID here; without, only write what an evaluator reads.")] = True,
    inception: Annotated[Path | None, typer.Option(help="Inception's weights; downloaded if not given.")] = None,
    device: Annotated[str, typer.Option(help="Such as cpu or cuda.")] = "cpu",
) -> None:
    """Reconstruct and sample with the paper's published checkpoints, and print their figures as JSON."""
    import json

    from tenfold.imagefolder.original_checkpoints_evaluation import evaluate_released
    from tenfold.metrics.fid import inception as inception_network

    network = inception_network(weights=inception, device=device) if fid else None
    figures = evaluate_released(
        folder,
        network,
        tokenizer=tokenizer,
        images=images,
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
    sys.exit(cli.run(app))
