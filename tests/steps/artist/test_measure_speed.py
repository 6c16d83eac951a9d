"""The step that times: every cell has its repeats, and the file names what was timed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from steps.artist.measure_speed import COLUMNS, MeasureSpeedParams, measure_speed
from steps.step.params import block, read
from steps.step.run import Run
from tenfold.artist.speed import METHODS
from tests.conftest import ROOT

TINY = MeasureSpeedParams(
    networks="tiny", canvases=2, num_inference_steps=1, guidance_scales=[1.0, 3.0], drawn=5, repeats=2
)


def test_each_cell_is_timed_after_one_that_warms_up(tmp_path: Path) -> None:
    measure_speed(out=tmp_path, params=TINY, run=Run("artist", "measure_speed", out=tmp_path))
    frame = pd.read_csv(tmp_path / "speed.csv")
    assert tuple(frame.columns) == COLUMNS
    assert (frame.seconds > 0).all() and (frame.cpu_seconds >= 0).all()
    cells = frame.groupby(["task", "method", "guidance_scale"]).repeat.apply(list)
    assert all(repeats == [1, 2] for repeats in cells)
    drawn, sampled = cells["draw"], cells["sample"]
    assert set(drawn.index.get_level_values("method")) == {"composites", "text images"}
    assert len(sampled) == 2 * len(METHODS) - 1  # without guidance the naive way is lock-step
    assert set(frame[frame.task == "draw"].canvases) == {5} and set(frame[frame.task == "sample"].canvases) == {2}


@pytest.mark.parametrize("profile", ["smoke", "default", "extended", "gpu", "full"])
def test_every_profile_has_its_parameters(profile: str) -> None:
    settings = read(ROOT, ["artist"]) | {"profile": profile}
    found = MeasureSpeedParams(**block(settings, "artist", "measure_speed"))
    assert (found.networks == "stable_diffusion") == (profile in ("gpu", "full"))


def test_other_networks_are_refused() -> None:
    with pytest.raises(ValidationError, match="networks"):
        MeasureSpeedParams(**{**TINY.model_dump(), "networks": "large"})
