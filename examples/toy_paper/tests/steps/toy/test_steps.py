"""Every step of the paper as a plain function, one after the other, without any engine."""

from __future__ import annotations

import json
from pathlib import Path

from steps.step.run import Run
from steps.toy.combine import combine
from steps.toy.draw import DrawParams, draw
from steps.toy.evaluate import evaluate
from steps.toy.train import TrainParams, train


def folder(root: Path, name: str) -> Path:
    (root / name).mkdir()
    return root / name


def test_the_steps_run_one_after_the_other(tmp_path: Path) -> None:
    table, drawn = folder(tmp_path, "table"), folder(tmp_path, "drawn")
    (table / "source.json").write_text("{}")
    draw(table, out=drawn, params=DrawParams(coordinates=5), run=Run("toy", "draw", out=drawn))
    arms = []
    for arm in ("left", "right"):
        arms.append(folder(tmp_path, f"train-{arm}"))
        run = Run("toy", "train", variant=arm, out=arms[-1])
        train(drawn, out=arms[-1], params=TrainParams(updates=4, pause=0.0), run=run)
    combined, published = folder(tmp_path, "combined"), folder(tmp_path, "published")
    combine(arms, out=combined)
    evaluate(combined, out=published, run=Run("toy", "evaluate", out=published))
    claims = json.loads((published / "claims.json").read_text())
    assert 0 < claims["shrinkage"]["value"] < 1
    assert (published / "figures" / "walk.svg").is_file() and (published / "tables" / "curve.csv").is_file()
