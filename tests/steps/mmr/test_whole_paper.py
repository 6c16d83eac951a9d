"""The whole paper on made-up data: each step as a plain function, one after the other, as the flow has them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flows.report.claims import load_claims, require_measurements
from flows.report.verdicts import judge
from steps.data import DataParams, bring
from steps.debias.convert import convert
from steps.mmr.evaluate import EvaluateParams
from steps.mmr.item_sets import read_sets
from steps.mmr.load_official import LoadOfficialParams
from steps.mmr.ocr_pages import read_summary, read_views
from steps.mmr.predict_blind import PredictBlindParams
from steps.mmr.predict_language import PredictLanguageParams
from steps.mmr.predict_models import PredictModelsParams
from steps.mmr.predict_rules import PredictRulesParams
from steps.mmr.read import ReadParams
from steps.mmr.receipt_items import ReceiptItemsParams
from steps.mmr.render_items import RenderItemsParams
from steps.mmr.replies import OTHER_IMAGE, RepliesWriter, read_replies
from steps.mmr.scored import score_sets
from steps.mmr.sensitivity import SensitivityParams
from steps.mmr.sensitivity_rows import ROWS
from steps.mmr.show_items import ShowItemsParams
from steps.step.run import Run
from tenfold.metrics.measurement import Measurement
from tenfold.mmr.tasks import CHOICE
from tests.steps.whole_paper import run_steps

SOURCES = (
    *("mmr_bench", "sroie", "minilm", "smollm2"),
    *("fonts", "caladea", "fredoka_one", "manrope", "source_sans", "source_serif"),
)
PARAMS = {
    "load_official": LoadOfficialParams(images=None),
    "render_items": RenderItemsParams(per_task=1, sets=[0, 1]),
    "receipt_items": ReceiptItemsParams(per_task=2),
    "read": ReadParams(
        rendered={"ppocr6": ["native", "672"]}, receipts={"ppocr6": ["native"]}, required=["ppocr6"], threads=1
    ),
    "predict_blind": PredictBlindParams(folds=2, splits=2),
    "predict_rules": PredictRulesParams(rotated=["ppocr6"], dumped=["ppocr6"]),
    "predict_language": PredictLanguageParams(
        engine="ppocr6",
        sets=["rendered", "receipts"],
        styles=["explicit"],
        rotations=[2],
        text_tokens=96,
        reply_tokens=4,
    ),
    "predict_models": PredictModelsParams(models=[], styles=[], views=[], rotations=[], reask=False, together=8),
    "sensitivity": SensitivityParams(rows=list(ROWS)),
    "show_items": ShowItemsParams(shown=3),
    "evaluate": EvaluateParams(shown=4),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the output of every step."""
    root = tmp_path_factory.mktemp("mmr")
    sources = {name: root / "data" / name for name in SOURCES}
    for name, folder in sources.items():
        folder.mkdir(parents=True)
        bring(name, out=folder, params=DataParams(stand_in="only"))
    decoder = root / "convert"
    decoder.mkdir()
    convert(sources["smollm2"], out=decoder, run=Run("debias", "convert", out=decoder))
    seen = root / "answer_items"  # another paper's models, of which there are none here
    seen.mkdir()
    RepliesWriter(seen).close()
    return run_steps("mmr", root, sources | {"debias-convert": decoder, "llava_read-answer_items": seen}, PARAMS)


def test_sets_of_items_are_what_their_steps_say(made):
    sets = read_sets(made["load_official"], made["render_items"], made["receipt_items"])
    assert len(sets["official"].items) == 210 and sets["official"].stand_in and not sets["official"].has_images
    assert len(sets["official"].every) == len(sets["official"].items) + len(sets["official"].unused)
    rendered = sets["rendered"]
    assert len(rendered.items) == 2 * 11 and rendered.has_images and not rendered.stand_in
    assert {item.key.split("/")[1] for item in rendered.items.rows} == {"0", "1"}
    for item in (*rendered.items.rows, *sets["receipts"].items.rows):
        owner = rendered if item.key.startswith("rendered") else sets["receipts"]
        assert owner.every.image_path(item).is_file()
    assert sets["receipts"].stand_in and len(sets["receipts"].items) <= 12


def test_an_engine_reads_each_image_once_and_finds_its_words(made):
    views = {(one.items, one.view): one for one in read_views([made["ppocr6"]])}
    assert set(views) == {("rendered", "native"), ("rendered", "672"), ("receipts", "native")}
    assert views["rendered", "native"].pages == views["rendered", "672"].pages  # nothing is enlarged
    summary = read_summary(made["ppocr6"])["sets"]
    assert 0.5 < summary["rendered"]["native"]["recall_words_large"] <= 1
    assert summary["rendered"]["native"]["recall_spaceless"] >= summary["rendered"]["native"]["recall_words"]
    assert summary["receipts"]["native"]["recall_spaceless"] > 0.5
    assert read_summary(made["tesseract"])["sets"] == {"rendered": {}, "receipts": {}}


def test_every_model_replied_to_every_item(made):
    sets = read_sets(made["load_official"], made["render_items"], made["receipt_items"])
    steps = ("predict_blind", "predict_rules", "predict_language", "predict_models")
    scored = score_sets(sets, read_replies([made[name] for name in steps]))
    for name, own in scored.items():
        plain = {one.entry.named: one for one in own.plain}
        assert plain["Oracle"].official.total == own.items.points
        assert {"Random", "ConstantIndex", "ConstantBox", "Constants", "BlindText"} <= set(plain)
        assert all(one.why != "not asked" for own_one in plain.values() for one in own_one.predictions)
        if name != "official":
            assert {"OCRRules ppocr6", "PageDump ppocr6", "SmolLM2 ppocr6"} <= set(plain)
            assert plain["OCRRules ppocr6"].official.total > plain["BlindText"].official.total
    official = {one.entry.variant: one for one in scored["official"].entries if one.entry.variant}
    assert set(official) == {"split 0", "split 1", "shuffled answers, split 0", "shuffled answers, split 1"}
    choices = np.isin(scored["official"].items.tasks, CHOICE)
    assert all((~one.official.unanswered == choices).all() for one in official.values())
    dumped = {one.entry.variant: one for one in scored["receipts"].entries if one.entry.kind == "dump"}
    assert set(dumped) == {"", OTHER_IMAGE}
    assert all(
        one.reply != other.reply
        for one, other in zip(*(dumped[which].predictions for which in ("", OTHER_IMAGE)), strict=True)
    )
    turned = [one for one in scored["rendered"].entries if one.entry.rotation]
    assert {one.entry.rotation for one in turned} == {1, 2, 3}


def test_every_claim_has_a_verdict(made):
    claims = load_claims(Path("steps/mmr/claims.yaml"))
    content = json.loads((made["evaluate"] / "claims.json").read_text())
    found = {name: Measurement.model_validate_json(json.dumps(one)) for name, one in content.items()}
    require_measurements(claims, found, Path("claims.yaml"), Path("claims.json"))
    verdicts = {entry.id: judge(entry, found).verdict.value for entry in claims.entries}
    assert verdicts["M1"] == "not testable at this scale"  # what is made up says nothing
    assert verdicts["F3"] == "holds" and verdicts["M1-receipts"] == verdicts["M5"] == "withdrawn"


def test_pages_are_written(made):
    assert {path.name for path in (made["evaluate"] / "pages").iterdir()} == {
        "items.html",
        "leaderboard.html",
        "leaderboard.md",
    }
    assert {path.name for path in made["show_items"].iterdir()} == {"official.html", "receipts.html"}
