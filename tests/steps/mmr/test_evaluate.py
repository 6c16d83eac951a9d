"""The publishing step: every table and figure from planted replies, twice the same bytes, and pages to look at."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from steps.mmr.evaluate import HEADLINES, EvaluateParams, evaluate
from steps.mmr.item_sets import RECEIPTS, RENDERED, Source
from steps.mmr.replies import RepliesWriter, read_replies
from steps.mmr.scored import score_sets
from steps.mmr.sensitivity import SensitivityParams, sensitivity
from steps.mmr.sensitivity_rows import ROWS
from steps.mmr.show_items import ShowItemsParams, show_items
from steps.mmr.tables import models as table_of_models
from steps.step.run import Run
from tenfold.mmr.items import ItemSet
from tenfold.mmr.showing import Showing
from tenfold.mmr.tasks import CHOICE
from tests.steps.mmr.planted import (
    READS,
    TALKS,
    Planted,
    Reader,
    item_set,
    replied,
    write_read,
    write_replied,
    write_sets,
)

WORSE = Reader(0.2, 0.3, 0.1, 0.3, 0.3)


def run_of(step: str, out: Path) -> Run:
    out.mkdir(parents=True)
    return Run("mmr", step, out=out)


def varied(root: Path, sets: dict[str, ItemSet]) -> list[Path]:
    """Write replies under other views, styles and turns of options."""
    own = {name: sets[name] for name in (RENDERED, RECEIPTS)}
    folders = []
    for view in ("336", "jpeg"):
        about = {"engine": "ppocr6", "view": view}
        reader = WORSE if view == "336" else READS
        planted: Planted = {"OCRRules ppocr6": ("rules", reader, about), "SmolLM2 ppocr6": ("language", TALKS, about)}
        folders.append(write_replied(root / f"view-{view}", own, planted))
    styled: Planted = {"SmolLM2 ppocr6": ("language", READS, {"engine": "ppocr6", "style": "explicit"})}
    folders.append(write_replied(root / "styled", own, styled))
    for turn in (1, 2, 3):
        about = {"engine": "ppocr6", "rotation": turn}
        shown = {name: Showing(rotation=turn).items(items) for name, items in own.items()}
        turned = {name: items.only(np.isin(items.tasks, CHOICE)) for name, items in shown.items()}
        folders.append(write_replied(root / f"turned-{turn}", turned, {"OCRRules ppocr6": ("rules", READS, about)}))
    return folders


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with what all steps write, and what evaluate makes of it, twice."""
    root = tmp_path_factory.mktemp("mmr")
    sets = write_sets(root, 8)
    inputs = [root / name for name in sets]
    read = [write_read(root / f"read-{engine}", engine) for engine in ("ppocr6", "ppocr4")]
    tiny: Planted = {"TinyLLaVARead full": ("trained", WORSE, {"engine": "ppocr6"})}
    trained = write_replied(root / "trained", {name: sets[name] for name in (RENDERED, RECEIPTS)}, tiny)
    predicted = [write_replied(root / "replied", sets), *varied(root, sets), trained]
    rows = SensitivityParams(rows=list(ROWS))
    for name in ("first", "second"):
        out = root / f"sensitivity-{name}"
        sensitivity(*inputs, predicted, out=out, params=rows, run=run_of("sensitivity", out))
        shown, params = root / name, EvaluateParams(shown=6)
        evaluate(*inputs, read, predicted, out, out=shown, params=params, run=run_of("evaluate", shown))
    out = root / "show"
    show_items(*inputs, predicted[:1], out=out, params=ShowItemsParams(shown=4), run=run_of("show_items", out))
    return root


def test_models_that_are_trained_here_are_shown(written):
    for table in ("models_official", "models_mended", "pairs", "groups", "bands"):
        assert "TinyLLaVARead full" in (written / "first" / "tables" / f"{table}.csv").read_text()
    claims = json.loads((written / "first" / "claims.json").read_text())
    assert "TinyLLaVARead" not in json.dumps(claims)
    assert "pretrained model" in json.dumps(claims)  # whose boxes would be judged


def test_everything_is_published_and_the_same_each_time(written):
    for kind in ("", "sensitivity-"):
        first, second = written / f"{kind}first", written / f"{kind}second"
        files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
        assert files and all((first / file).read_bytes() == (second / file).read_bytes() for file in files)
    files = {str(path.relative_to(written / "second")) for path in (written / "second").rglob("*")}
    assert {
        "claims.json",
        "metrics.json",
        "pages/items.html",
        "pages/leaderboard.html",
        "pages/leaderboard.md",
    } <= files
    assert {f"figures/{name}.svg" for name in ("totals", "columns", "recall", "overlaps", "rank_stability")} <= files
    metrics = json.loads((written / "first" / "metrics.json").read_text())
    assert set(metrics) == set(HEADLINES)
    assert all(len(pd.read_csv(written / "first" / file)) for file in files if file.endswith(".csv"))


def test_tables_say_what_was_planted(written):
    folder = written / "first" / "tables"
    models = pd.read_csv(folder / "models_official.csv").set_index(["items", "model"])
    oracle = models.loc[("rendered", "Oracle")]
    assert oracle.total == oracle.of == 12 * 8 and oracle.format_failures == 0
    assert models.loc[("receipts", "Oracle"), "of"] == 7 * 8
    assert pd.isna(models.loc[("receipts", "Oracle"), "grounding_o"])
    rules = models.loc[("rendered", "OCRRules ppocr6")]
    assert rules.low < rules.total < rules.high and rules.total > models.loc[("rendered", "BlindText"), "high"]
    mended = pd.read_csv(folder / "models_mended.csv").set_index(["items", "model"])
    dumped = ("receipts", "PageDump ppocr6")
    assert models.loc[dumped, "recognition_label"] >= 6 and mended.loc[dumped, "recognition_label"] == 0
    pairs = pd.read_csv(folder / "pairs.csv").set_index(["items", "first", "second"])
    row = pairs.loc[("rendered", "BlindText", "OCRRules ppocr6")]
    assert row.high < 0 and row.p_holm < 0.05 and row.p <= row.p_holm
    assert "Oracle" not in set(pairs.reset_index()["first"])
    bands = pd.read_csv(folder / "bands.csv")
    assert set(bands[bands.of == "band"].value) == {"small", "large"}
    groups = pd.read_csv(folder / "groups.csv").set_index(["items", "model", "group"])
    assert groups.loc[("rendered", "Oracle", "text box"), "corrected"] == 100
    assert groups.loc[("rendered", "BlindText", "object box"), "corrected"] == 0  # its box is one of other images
    assert pd.isna(groups.loc[("rendered", "Oracle", "without objects"), "corrected"])


def test_the_share_of_replies_that_were_cut_stands_beside_the_points(tmp_path):
    items = item_set(RENDERED, 4)
    replies = replied(items, READS, 0)
    short = [replace(one, status="cut") if place < 11 else one for place, one in enumerate(replies)]
    writer = RepliesWriter(tmp_path)
    writer.add(RENDERED, "Whole", "language", replies)
    writer.add(RENDERED, "Short", "language", short)
    writer.close()
    sets = score_sets({RENDERED: Source(items, {"stand_in": False})}, read_replies([tmp_path]))
    found = table_of_models(sets, "official")[0].set_index("model")
    assert found.cut.to_dict() == {"Whole": 0, "Short": 25} and found.unanswered["Short"] == 11


def test_each_row_compares_its_variants(written):
    shares = pd.read_csv(written / "first" / "tables" / "sensitivity.csv")
    assert set(shares.row) == set(ROWS)
    own = shares[(shares["items"] == "rendered")].set_index(["row", "group", "variant", "model"]).share.sort_index()
    rules = "OCRRules ppocr6"
    assert own["B7", "all", "336", rules] < own["B7", "all", "native", rules]
    assert own["B10", "all", "jpeg", rules] > own["B7", "all", "336", rules]
    assert own["B8", "choice", "right in all four", rules] <= own["B8", "choice", "turned by 0", rules]
    assert own["B8", "choice", "turned by 1", rules] > 60  # scored against the options where they were shown
    assert own["B1", "grounding", "explicit", "SmolLM2 ppocr6"] > own["B1", "grounding", "official", "SmolLM2 ppocr6"]
    assert own["B3", "recognition", "pnls", "PageDump ppocr6"] > own["B3", "recognition", "exact", "PageDump ppocr6"]
    assert own["B4", "text box", "IoU > 0.5", "Oracle"] == own["B4", "text box", "mean IoU", "Oracle"] == 100
    tiny = "TinyLLaVARead full"
    assert own["B11", "text box", "unit", tiny] > 0 == own["B11", "text box", "per mille", tiny]
    assert set(shares[shares.row == "B11"].model) == {tiny}  # a convention is a habit of models that see
    assert set(shares[shares.row == "B9"]["items"]) == {"official"}
    assert set(shares[shares.row == "B9"].model) == {"Oracle", "Random", "ConstantBox of the other rows"}
    ranks = pd.read_csv(written / "first" / "tables" / "rank_changes.csv").set_index(
        ["row", "items", "group", "variant"]
    )
    assert ranks.loc[("B2", "rendered", "all", "robust"), "tau"] <= 1
    assert ranks.loc[("B7", "rendered", "all", "336"), "models"] == 2
    assert "B6" not in set(ranks.reset_index().row)  # no model answers both with a language model and with rules


def test_pages_show_our_own_items_alone_where_they_are_published(written):
    page = (written / "first" / "pages" / "items.html").read_text(encoding="utf-8")
    assert page.count("<article") == 6 and "rendered/" in page
    assert "official/" not in page and "receipts/" not in page
    for name in ("official", "receipts"):
        assert f"{name}/" in (written / "show" / f"{name}.html").read_text(encoding="utf-8")
    board = (written / "first" / "pages" / "leaderboard.md").read_text(encoding="utf-8")
    assert "Claude 3.5 Sonnet" in board and "Constants" in board


def test_captions_are_there_and_speak_of_intervals(written):
    for kind in ("tables", "figures"):
        captions = json.loads((written / "first" / kind / "captions.json").read_text())
        assert all(len(caption) > 40 for caption in captions.values())
