"""What the encoders learn before the warm-up: to name the colour and the shape that a page shows at each place.

**Deviation:** the paper starts from CLIP and ConvNeXt, which billions of captions have taught to name things. Encoders
that are drawn anew learn colours and shapes from the descriptions of training pages, many places at a time; questions
alone teach them neither in the updates there are. No text on the pages is named.

Legend:  N images · G side of the low-resolution grid · F = G² tokens of an image
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn
from torch.nn.functional import cross_entropy

from steps.llava_read.fitting import StageParams, rise_and_fall
from steps.llava_read.page_images import PageImages
from steps.step.run import Run
from steps.step.training import TrainingParams, train
from tenfold.llava_read.pages import ReadingPage
from tenfold.rendering.colours import NAMED
from tenfold.rendering.shapes import SHAPES

NOTHING = 0
COLOURS, KINDS = 1 + len(NAMED), 1 + len(SHAPES)
SHOWN, EMPTY = 4.0, 0.3  # weights of a place within a figure and of one without: most are without


class Namer(nn.Module):
    """A model's encoders, with a linear map from each token to colours and shapes that is of use in training only."""

    def __init__(self, model: Any, seed: int) -> None:
        from tenfold.nn.seeding import drawn_from

        super().__init__()
        self.vision = model.vision
        with drawn_from(seed):
            self.names = nn.Linear(int(model.config.vision_low_config.hidden_size), COLOURS + KINDS)

    def forward(self, **images: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return logits of colours (N, F, COLOURS) and of shapes (N, F, KINDS)."""
        found = self.names(self.vision(images["pixel_values_low"], images.get("pixel_values_high")))
        return found[..., :COLOURS], found[..., COLOURS:]


def fit_encoders(
    run: Run,
    model: Any,
    pages: Sequence[ReadingPage],
    images: PageImages,
    stage: StageParams,
    *,
    name: str,
    seed: int,
) -> None:
    """Train the encoders of ``model`` in place on pages and their images. Raises Diverged."""
    side = int(model.config.image_tokens**0.5)
    shown = torch.from_numpy(np.stack([figures_by_place(page, side) for page in pages]))  # (N, F, 2)

    def loss_of(namer: Any, batch: Any) -> torch.Tensor:
        (numbers,) = batch
        colours, kinds = namer(**images.given(numbers.tolist(), run.device))
        wanted = shown[numbers].to(run.device)
        weight = torch.where(wanted[..., 0] == NOTHING, EMPTY, SHOWN).flatten()
        losses = (
            cross_entropy(logits.flatten(0, 1), wanted[..., place].flatten(), reduction="none")
            for place, logits in enumerate((colours, kinds))
        )
        return sum((weight * one).mean() for one in losses)  # type: ignore[return-value]

    for parameter in model.vision.parameters():
        parameter.requires_grad_(True)
    train(
        run,
        Namer(model, seed).to(run.device),
        torch.utils.data.TensorDataset(torch.arange(len(pages))),
        loss_of,
        TrainingParams(updates=stage.updates, batch_size=stage.batch_size, mixed_precision=stage.mixed_precision),
        name=name,
        learning_rate=stage.learning_rate,
        order=f"order of {name}",
        schedule=rise_and_fall,
        weight_decay=stage.weight_decay,
    )


def figures_by_place(page: ReadingPage, side: int) -> Int64[np.ndarray, "F 2"]:
    """Return the colour and the shape of the figure at the centre of each place of a grid, 0 where there is none."""
    found = np.zeros((side, side, 2), dtype=np.int64)
    high, wide = page.image.shape[:2]
    whole = max(high, wide)  # the square around the page, the page in its middle
    centres = (np.arange(side) + 0.5) * whole / side
    x, y = centres - (whole - wide) / 2, centres - (whole - high) / 2
    colours = list(NAMED)
    for figure in page.description["shapes"]:
        x0, y0, x1, y1 = figure["box"]
        within = np.ix_((y0 <= y) & (y <= y1), (x0 <= x) & (x <= x1))
        found[within] = 1 + colours.index(figure["colour"]), 1 + SHAPES.index(figure["name"])
    return found.reshape(side * side, 2)
