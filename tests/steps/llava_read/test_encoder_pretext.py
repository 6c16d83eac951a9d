"""What encoders learn before the warm-up, and Muon for hidden matrices."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from steps.llava_read.arms import BOTH, LOW
from steps.llava_read.encoder_pretext import figures_by_place, fit_encoders
from steps.llava_read.fitting import StageParams, muon_and_adamw
from steps.llava_read.models import new_model
from steps.llava_read.page_images import PageImages
from steps.step.run import Run
from tenfold.llava_read.pages import ReadingPage
from tenfold.llava_read.training_parts import set_trained
from tenfold.rendering.colours import NAMED
from tenfold.rendering.shapes import SHAPES
from tests.steps.llava_read.small import drawn_pages, pretrain_params

MUON = StageParams(updates=4, batch_size=5, learning_rate=1e-3, muon=1e-2)


def page_with(box: list[int], width: int, height: int) -> ReadingPage:
    figure = {"name": "star", "colour": "red", "box": box}
    image = np.zeros((height, width, 3), dtype=np.uint8)
    return ReadingPage("page", "train", image, {"shapes": [figure]}, ())


@pytest.mark.parametrize(
    ("box", "size", "rows", "columns"),
    [
        ([0, 0, 63, 63], (256, 256), [0, 1], [0, 1]),
        ([192, 0, 256, 31], (256, 256), [0], [6, 7]),
        ([0, 0, 63, 63], (256, 128), [2, 3], [0, 1]),  # a wide page stands in the middle of its square
        ([0, 192, 63, 255], (128, 256), [6, 7], [2, 3]),
    ],
)
def test_a_figure_is_named_at_the_places_that_show_it(box, size, rows, columns):
    named = figures_by_place(page_with(box, *size), 8).reshape(8, 8, 2)
    assert sorted(set(np.nonzero(named[..., 0])[0].tolist())) == rows
    assert sorted(set(np.nonzero(named[..., 0])[1].tolist())) == columns
    assert set(named[named[..., 0] > 0][:, 0].tolist()) == {1 + list(NAMED).index("red")}
    assert set(named[named[..., 1] > 0][:, 1].tolist()) == {1 + SHAPES.index("star")}


@pytest.mark.parametrize("start", [LOW, BOTH])
def test_encoders_learn_and_the_decoder_stays(start, tmp_path):
    pages = drawn_pages("train")
    model, processor = new_model(start, pretrain_params().model, 0)
    images = PageImages.of((page.image for page in pages), processor.image_processor)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    stage = StageParams(updates=20, batch_size=10, learning_rate=5e-3)
    run = Run("llava_read", "pretrain", out=tmp_path)
    fit_encoders(run, model, pages, images, stage, name="x", seed=0)
    losses = [row["x/loss"] for row in run.history]
    assert losses[-1] < 0.8 * losses[0]
    moved = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert moved and all(name.startswith("vision.") for name in moved)


def test_muon_takes_hidden_matrices_and_adamw_all_else():
    model, _ = new_model(LOW, pretrain_params().model, 0)
    set_trained(model, vision="full", decoder="full")
    muon, adamw = muon_and_adamw(model, MUON)
    names = {id(one): name for name, one in model.named_parameters() if one.requires_grad}
    hidden = {names[id(one)] for group in muon.param_groups for one in group["params"]}
    others = {names[id(one)] for group in adamw.param_groups for one in group["params"]}
    assert not hidden & others and hidden | others == set(names.values())
    assert "language_model.layers.0.q_proj.weight" in hidden and "language_model.embed_tokens.weight" in others
