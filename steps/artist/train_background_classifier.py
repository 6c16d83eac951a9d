"""Train the classifier whose features measure backgrounds; it takes no part in the training of any arm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from steps.artist.canvas_sets import ABOUT, WORDS, backgrounds, stages_of
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.artist.canvases import CanvasStyle

CLASSIFIER = "classifier"


class TrainBackgroundClassifierParams(Params):
    """How many backgrounds of each photograph in each treatment, of how many photographs at most, and how it learns."""

    each: Count
    photographs: Count
    updates: Count
    batch_size: Count


def train_background_classifier(
    prepared: Path, *, out: Path, params: TrainBackgroundClassifierParams, run: Run
) -> None:
    """Teach a network to tell apart photographs, and how they were treated, on backgrounds of every stage.

    Reads   prepared/about.json, words.json, backgrounds/train
    Writes  <stage>/classifier/: safetensors and configuration; history.json: the loss of every update by stage
    Logs    <stage>/loss (nats per image, the last update's)
    Raises  InvalidDrawing if there is no photograph
    """
    from tenfold.artist.background_classifier import background_examples, train_background_classifier
    from tenfold.rendering.assets import Assets
    from tenfold.rendering.fonts import bundled_fonts

    photographs = backgrounds(prepared, "train")[: params.photographs]
    assets = Assets(bundled_fonts()[:3], tuple(read_json(prepared / WORDS)["train"]), photographs)
    history = {}
    for stage in stages_of(prepared):
        style = canvas_style(prepared, stage)
        images, labels = background_examples(assets, params.each, run.generator(f"examples {stage}"), style=style)
        model, losses = train_background_classifier(
            images, labels, seed=run.seed, updates=params.updates, batch_size=min(params.batch_size, len(images))
        )
        (out / stage / CLASSIFIER).mkdir(parents=True)
        model.save(out / stage / CLASSIFIER)
        history[stage] = losses
        run.log({f"{stage}/loss": losses[-1]})
        run.say(f"{stage}: {len(images)} backgrounds of {len(photographs)} photographs, loss {losses[-1]:.3f}")
    write_json(out / "history.json", history)


def canvas_style(prepared: Path, stage: str) -> CanvasStyle:
    """Return how the canvases of a stage look, as ``prepare`` has written it down."""
    from tenfold.artist.canvases import CanvasStyle

    style = read_json(prepared / ABOUT)["parameters"]["style"]
    return CanvasStyle(
        style["width"],
        style["height"],
        "grey" if stage == "grey" else "photographs",
        style["contrast"],
        style["smallest"],
    )
