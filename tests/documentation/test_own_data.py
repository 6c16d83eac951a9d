"""The commands for people's own data run as the page shows them, one after the other, on small files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
from PIL import Image, ImageDraw, ImageFont
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from tenfold.__main__ import main
from tenfold.imagefolder import ImageFolder
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.llava_read.asking import Asking
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.llava_read.reader import Reader
from tests.conftest import ROOT
from tests.documentation.own_classes import own_classes
from tests.documentation.pages import blocks, commands
from tests.tenfold.artist.tiny_pipelines import untrained_pipeline
from tests.tenfold.llava_read.small_models import drawn_model, small_config

PAGE = ROOT / "docs" / "own_data.md"
WRITTEN = {
    "dp-john": ["result.json", "result.npz", "private.json", "private.npz"],
    "dp-ntk": ["model", "predictions.csv"],
    "dp-cross-attention": ["memory.safetensors", "answers.csv"],
    "ntk-attention": ["adapter/adapter.safetensors", "text_adapter/adapter.safetensors"],
    "imagefolder": ["grid.png"],
    "debias": ["scores.json", "answers.html"],
    "mmr": ["posters_run/page.html", "posters_board/leaderboard.html"],
    "llava-read": ["answers.jsonl", "by_sight.jsonl", "taught/asking.json", "taught.png"],
    "commit-tuning": ["balance.svg", "animals_run/model/model.safetensors", "calls_run/balance.svg", "animals.svg"],
    "artist": ["images/0001_0003.png", "images/grids/0000.png", "scores.json"],
}
SIZES = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]


def table(name: str, columns: dict[str, object]) -> None:
    pd.DataFrame(columns).to_csv(name, index=False)


def polytope(draws: np.random.Generator) -> None:
    table("table.csv", {f"a{column}": draws.normal(size=200) for column in range(4)})


def records(draws: np.random.Generator) -> None:
    for name in ("train.csv", "new.csv", "test.csv"):
        x = draws.normal(size=(200, 3)) + 1
        table(
            name, {"age": x[:, 0], "hours": x[:, 1], "gain": x[:, 2], "income": np.where(x[:, 0] > 1, ">50K", "<=50K")}
        )


def memory(draws: np.random.Generator) -> None:
    keys = draws.normal(size=(300, 3))
    keys /= np.linalg.norm(keys, axis=1, keepdims=True) * 1.001
    rows = {f"k_{column}": keys[:, column] for column in range(3)}
    table("rows.csv", rows | {f"v_{column}": draws.uniform(-0.5, 0.5, 300) for column in range(2)})
    table("queries.csv", {name: values[:5] for name, values in rows.items()})


def checkpoints(draws: np.random.Generator) -> None:
    for folder, count in (("photos", 4), ("photos_for_testing", 2)):
        for shade, name in ((60, "dark"), (200, "light")):
            Path(folder, name).mkdir(parents=True)
            for number in range(count):
                Image.fromarray(np.full((20, 20, 3), shade + number, np.uint8)).save(
                    Path(folder, name, f"{number}.png")
                )
    for name, count in (("reviews.csv", 16), ("reviews_for_testing.csv", 6)):
        table(name, {"review": ["good film", "bad film"] * (count // 2), "mood": ["happy", "sad"] * (count // 2)})
    torch.manual_seed(0)
    vit = transformers.ViTConfig(**SIZES, image_size=16, patch_size=8)
    transformers.ViTForImageClassification(vit).save_pretrained("vit")
    ViTImageProcessorPil().save_pretrained("vit")
    bert = transformers.BertConfig(**SIZES, vocab_size=len(WORDS), max_position_embeddings=16)
    transformers.BertForMaskedLM(bert).save_pretrained("bert")
    transformers.BertTokenizer(vocab={word: index for index, word in enumerate(WORDS)}).save_pretrained("bert")


def generator(_: np.random.Generator) -> None:
    coder = Tokenizer(TokenizerConfig(width=16, depth=1, heads=2, codebook_size=16))
    sizes = GeneratorConfig.for_tokenizer(coder.config, width=16, depth=1, heads=2)
    ImageFolder.of(coder, FoldedGenerator(sizes)).save_pretrained("model")


def questions(_: np.random.Generator) -> None:
    asked, answered = blocks(PAGE, "csv")
    Path("questions.csv").write_text(asked, encoding="utf-8")
    Path("answers.csv").write_text(answered, encoding="utf-8")


def posters(_: np.random.Generator) -> None:
    asked, replied, read = blocks(PAGE, "json")[:3]
    Path("posters", "images").mkdir(parents=True)
    for name, colour in (("sale", "white"), ("menu", "ivory")):
        Image.new("RGB", (400, 300), colour).save(Path("posters", "images", f"{name}.png"))
    Path("posters", "items.jsonl").write_text(asked, encoding="utf-8")
    Path("pages.jsonl").write_text(read, encoding="utf-8")
    Path("replies.jsonl").write_text(replied, encoding="utf-8")


def till(_: np.random.Generator) -> None:
    slip = Image.new("RGB", (240, 160), "white")
    for row, text in enumerate(("2 May 2026", "Total 12.40")):
        ImageDraw.Draw(slip).text((20, 20 + 60 * row), text, "black", ImageFont.load_default(28))
    slip.save("till.png")
    Path("till.jsonl").write_text(blocks(PAGE, "json")[3], encoding="utf-8")
    asking = Asking(budget=64, policy="head_tail", reply_tokens=4)
    Reader(drawn_model(), LlavaReadProcessor.for_config(small_config()), asking).save(Path("model"))


def classes_and_logs(draws: np.random.Generator) -> None:
    own_classes(draws)
    Path("run").mkdir()
    rows = [
        {"update": update, "log_kappa": float(draws.normal()), "lr_X": 1e-3, "lr_S": 1e-4} for update in range(1, 9)
    ]
    Path("run", "trace.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    table("log.csv", {"step": range(1, 9), "llm_rate": draws.uniform(size=8), "encoder_rate": draws.uniform(size=8)})


def words_on_images(_: np.random.Generator) -> None:
    untrained_pipeline(Path("model"))
    asked = next(block for block in blocks(PAGE, "json") if '"wanted"' in block)
    Path("asked.jsonl").write_text(asked, encoding="utf-8")
    Path("theirs").mkdir()
    for number, word in enumerate(("open", "tea")):
        canvas = Image.new("RGB", (64, 16), "white")
        ImageDraw.Draw(canvas).text((12, 0), word, "black", ImageFont.load_default(14))
        canvas.save(Path("theirs", f"{number:04d}_0000.png"))


FILES = {
    "dp-john": polytope,
    "dp-ntk": records,
    "dp-cross-attention": memory,
    "ntk-attention": checkpoints,
    "imagefolder": generator,
    "debias": questions,
    "mmr": posters,
    "llava-read": till,
    "commit-tuning": classes_and_logs,
    "artist": words_on_images,
}


@pytest.mark.parametrize("paper", WRITTEN)
def test_the_page_s_commands_run(paper: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    FILES[paper](np.random.default_rng(0))
    words = [command.words for command in commands(PAGE) if command.whole and command.words[:2] == ("tenfold", paper)]
    assert words
    for one in words:
        assert main(list(one[1:])) == 0, one
    for path in WRITTEN[paper]:
        assert Path(path).exists()


def test_no_command_of_the_page_is_left_out() -> None:
    assert {command.words[1] for command in commands(PAGE) if command.whole} == set(WRITTEN)


def test_the_four_items_score_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tenfold.mmr.items import read_items
    from tenfold.mmr.predictions import read_predictions
    from tenfold.mmr.scores import MENDED, OFFICIAL, score

    monkeypatch.chdir(tmp_path)
    posters(np.random.default_rng(0))
    items, replies = read_items(Path("posters")), read_predictions(Path("replies.jsonl"))
    found = [score(items, replies, scorer) for scorer in (OFFICIAL, MENDED)]
    said = "The official score of these replies is {:g} of {} points, the mended one {:g}"
    assert said.format(found[0].total, items.points, found[1].total) in PAGE.read_text(encoding="utf-8")


def test_the_four_questions_have_an_accuracy_and_both_bias_scores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    questions(np.random.default_rng(0))
    assert main(["debias", "score", "answers.csv", "--items", "questions.csv", "--out", "scores.json"]) == 0
    found = json.loads(Path("scores.json").read_text())["all"]
    assert (found["accuracy"], found["graded"]) == (0.75, 4)
    assert (found["s_amb"], found["n_persons_amb"], found["s_dis"], found["n_persons_dis"]) == (0.5, 1, 0, 2)
    printed = capsys.readouterr().out.splitlines()[:3]
    assert "\n".join(["```text", *printed, "```"]) in PAGE.read_text(encoding="utf-8")
