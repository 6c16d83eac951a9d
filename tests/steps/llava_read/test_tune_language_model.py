"""The comparison with a pretrained decoder runs on made-up weights: equal updates, answers of each arm, LoRA alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from steps.llava_read.fitting import StageParams
from steps.llava_read.ocr_sets import OCR
from steps.llava_read.page_sets import PAGES
from steps.llava_read.tune_language_model import (
    ARMS,
    TuneLanguageModelParams,
    UnknownArm,
    encoder_folder,
    language_model,
    tune_language_model,
)
from steps.step.json_files import write_json
from steps.step.run import Run
from tenfold.data.made_up_decoder import decoder as made_up_decoder
from tenfold.data.registry import StandIn
from tenfold.llava_read.pages import draw_pages, write_pages
from tenfold.ocr.page_files import write_pages as write_ocr
from tenfold.rendering.fonts import bundled_fonts
from tenfold.vision.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Config

COUNTS = {"train": 5, "validation": 1, "test": 3}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory) -> list[Path]:
    root = tmp_path_factory.mktemp("inputs")
    for part, count in COUNTS.items():
        pages = list(draw_pages(part, count, seed=0, fonts=bundled_fonts()))  # type: ignore[arg-type]
        write_pages(pages, root / "prepared" / PAGES / part)
        (root / "tasks" / OCR / part).mkdir(parents=True)
        write_ocr({page.id: page.truth for page in pages}, root / "tasks" / OCR / part / "oracle.jsonl")
    (root / "decoder").mkdir()
    for name, content in made_up_decoder(StandIn(maker="decoder", seed=6, width=32))[1].items():
        (root / "decoder" / name).write_bytes(content)
    write_json(root / "decoder" / "origin.json", {"stand_in": True})
    torch.manual_seed(0)
    EfficientNetLite0(EfficientNetLite0Config()).save_pretrained(root / "efficientnet")
    write_json(root / "efficientnet" / "source.json", {"stand_in": True})
    return [root / name for name in ("prepared", "tasks", "decoder", "efficientnet")]


def params(*arms: str, **more) -> TuneLanguageModelParams:
    stage = StageParams(updates=2, batch_size=2, learning_rate=1e-3)
    plain = {"ocr_train": "oracle", "ocr_source": "oracle", "training": stage, "lora_rank": 2, "side": 64}
    plain |= {"budget": 40, "reply": 4, "batch": 8, "asked": 2, "validated": 1}
    return TuneLanguageModelParams(arms=list(arms), **(plain | more))


def tuned(inputs: list[Path], out: Path, own: TuneLanguageModelParams) -> tuple[list, list, Run]:
    out.mkdir()
    run = Run("llava_read", "tune_language_model", out=out)
    tune_language_model(*inputs, out=out, params=own, run=run)
    rows = [json.loads(line) for line in (out / "predictions.jsonl").read_text().splitlines()]
    assert sorted(path.name for path in out.iterdir()) == ["arms.json", "predictions.jsonl"]
    return json.loads((out / "arms.json").read_text()), rows, run


def test_arms_are_tuned_equally_and_asked_about_the_same_questions(inputs, tmp_path):
    arms, rows, run = tuned(inputs, tmp_path / "out", params(*ARMS))
    assert [row["arm"] for row in arms] == list(ARMS) and all(row["stand_in"] for row in arms)
    assert {(row["updates"], row["examples"], row["answers"]) for row in arms} == {(2, 4, 16)}
    asked = {name: [row for row in rows if row["arm"] == name] for name in ARMS}
    assert len({tuple(row["question"] for row in own) for own in asked.values()}) == 1
    assert all(len(own) == 8 and {row["set"] for row in own} == {"test"} for own in asked.values())
    sources = {name: {row["ocr_source"] for row in own} for name, own in asked.items()}
    assert sources == {"language_full": {"oracle"}, "language_vision": {"none"}, "language_ocr": {"oracle"}}
    prompts = {name: {row["prompt_sha256"] for row in own} for name, own in asked.items()}
    assert (
        prompts["language_full"] == prompts["language_ocr"]
        and not prompts["language_vision"] & prompts["language_full"]
    )
    trained = {row["arm"]: set(row["trained"]) for row in arms}
    assert trained["language_ocr"] == {"decoder"} and trained["language_full"] == {"projector", "decoder"}
    losses = {key for row in run.history for key in row if key != "update"}
    assert losses == {f"{name}-0/loss" for name in ARMS}


def test_the_same_again(inputs, tmp_path):
    for name in ("one", "two"):
        tuned(inputs, tmp_path / name, params("language_full"))
    for file in ("arms.json", "predictions.jsonl"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_without_arms_the_lists_are_empty_and_an_unknown_one_is_refused(inputs, tmp_path):
    assert tuned(inputs, tmp_path / "none", params())[:2] == ([], [])
    with pytest.raises(UnknownArm, match="language_both"):
        tuned(inputs, tmp_path / "out", params("language_both"))


def test_every_arm_starts_from_the_same_model(inputs, tmp_path):
    encoder = encoder_folder(inputs[3], tmp_path)
    assert encoder == inputs[3]
    one, other = (language_model(inputs[2], encoder, params())[0].state_dict() for _ in range(2))
    assert all(torch.equal(values, other[name]) for name, values in one.items())
