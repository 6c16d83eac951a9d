"""Every Python block of the documentation runs on small inputs, or, where it would start something, fits its calls."""

from __future__ import annotations

import ast
import inspect
import re
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from transformers import ViTConfig, ViTForImageClassification

from steps.step.plotting import panels
from steps.step.run import Run
from tenfold.artist.layouts import Layout, PlacedWord
from tenfold.imagefolder import ImageFolder
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.tokenizer import Tokenizer
from tests.conftest import ROOT
from tests.documentation import tuning_blocks
from tests.documentation.pages import PAGES, blocks, name
from tests.tenfold.artist.tiny_pipelines import stable_diffusion, untrained_pipeline
from tests.tenfold.chat.conftest import Book, Call
from tests.tenfold.debias.stand_ins import items

Names = dict[str, Any]
BLOCKS = [(name(page), index, block) for page in PAGES for index, block in enumerate(blocks(page, "python"))]


def john() -> Names:
    return {"A": np.random.default_rng(0).normal(size=(200, 4))}


def john_runs(names: Names) -> None:
    assert names["result"].certificate.max_leverage <= 1.001
    assert names["private"].privacy.proven


def classifier() -> Names:
    X, X_test, y, y_test = train_test_split(*load_digits(return_X_y=True), random_state=0)
    return {"X": X, "X_test": X_test, "y": y, "y_test": y_test}


def classifier_runs(names: Names) -> None:
    assert names["model"].privacy_.proven and names["model"].score(names["X_test"], names["y_test"]) > 0.5


def memory() -> Names:
    X, y = load_digits(return_X_y=True)
    rows = PCA(16, random_state=0).fit(X[1400:]).transform(X)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return {"keys": rows[:1400], "values": np.eye(10)[y[:1400]], "queries": rows[1400:], "truth": y[1400:]}


def memory_runs(names: Names) -> None:
    assert names["memory"].privacy.proven
    assert np.mean(names["answer"].values.argmax(axis=1) == names["truth"]) > 0.5


def generator() -> Names:
    coder = Tokenizer(TokenizerConfig(width=16, depth=1, heads=2, codebook_size=16))
    sizes = GeneratorConfig.for_tokenizer(coder.config, width=16, depth=1, heads=2)
    ImageFolder.of(coder, FoldedGenerator(sizes)).save_pretrained("model")
    return {}


def generator_runs(names: Names) -> None:
    assert names["images"].shape == (3, 32, 32) and names["images"].dtype == np.uint8
    assert names["tokens"].shape == (3, 2, 31)


def adapter() -> Names:
    config = ViTConfig(
        image_size=8,
        patch_size=4,
        num_channels=1,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    model, images = ViTForImageClassification(config).eval(), torch.randn(2, 1, 8, 8)
    return {"model": model, "images": images, "torch": torch, "before": model(pixel_values=images).logits}


def adapter_runs(names: Names) -> None:
    assert torch.equal(names["plain"], names["before"]) and Path("adapter", "adapter.safetensors").is_file()


def serving(text: str) -> Names:
    """Start a server that always replies the same, and return its address and the book of its requests."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Call)
    server.daemon_threads = True
    server.book = Book(lambda call: call.say(text))  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"base_url": f"http://127.0.0.1:{server.server_address[1]}/v1", "book": server.book}  # type: ignore[attr-defined]


def endpoint() -> Names:
    rows = [f"{one.question},{','.join(one.options)},C" for one in items(3).rows]
    Path("questions.csv").write_text("\n".join(["question,A,B,C,answer", *rows]) + "\n", encoding="utf-8")
    return serving("It does not say.\nAnswer: B")


def endpoint_runs(names: Names) -> None:
    assert len(names["book"].requests) == 9 and [debate.rounds for debate in names["debates"]] == [0, 0, 0]
    assert Path("debates.jsonl").is_file()


def posters() -> Names:
    Path("posters", "images").mkdir(parents=True)
    for poster, colour in (("sale", "white"), ("menu", "grey")):
        Image.new("RGB", (400, 300), colour).save(Path("posters", "images", f"{poster}.png"))
    items_written = blocks(ROOT / "docs" / "own_data.md", "json")[0]
    Path("posters", "items.jsonl").write_text(items_written, encoding="utf-8")
    return serving("2")


def posters_read(names: Names) -> None:
    assert len(names["book"].requests) == 4 and names["official"].total == 0 and Path("page.html").is_file()


def posters_scored(names: Names) -> None:
    assert names["scores"].format_failures.sum() == 2 and Path("leaderboard.html").is_file()


def reading_model() -> Names:
    """Write a reader into `model`, parts of one into `decoder` and `efficientnet`, and the image of a till's slip."""
    from tenfold.data.made_up_decoder import decoder as made_up_decoder
    from tenfold.data.registry import StandIn
    from tenfold.llava_read.asking import Asking
    from tenfold.llava_read.processor import LlavaReadProcessor
    from tenfold.llava_read.reader import Reader
    from tenfold.vision.efficientnet_lite0 import EfficientNetLite0, EfficientNetLite0Config
    from tests.tenfold.llava_read.small_models import drawn_model, small_config

    asking = Asking(budget=64, policy="head_tail", reply_tokens=4)
    Reader(drawn_model(), LlavaReadProcessor.for_config(small_config()), asking).save(Path("model"))
    EfficientNetLite0(EfficientNetLite0Config()).save_pretrained("efficientnet")
    Path("decoder").mkdir()
    for file, content in made_up_decoder(StandIn(maker="decoder", seed=6, width=32))[1].items():
        Path("decoder", file).write_bytes(content)
    slip = Image.new("RGB", (200, 120), "white")
    ImageDraw.Draw(slip).text((20, 30), "Total 12.40", "black", ImageFont.load_default(28))
    slip.save("till.png")
    return {}


def reading_answers(names: Names) -> None:
    assert [word.text for word in names["answer"].asked.used] == ["Total", "12.40"] and Path("words.png").is_file()
    assert names["by_sight"].asked.ocr_source == "none" and names["by_reading"].asked.image is None


def reading_learns(names: Names) -> None:
    assert names["losses"][-1] < names["losses"][0] and Path("taught", "asking.json").is_file()


def reading_parts(names: Names) -> None:
    from safetensors.torch import load_file

    lora, others = (load_file(Path("adapters", name)) for name in ("adapter_model.safetensors", "trained.safetensors"))
    assert all(one.any() for name, one in lora.items() if ".lora_B" in name)  # they start at zero
    assert {name.split(".")[0] for name in others} == {"projector", "vision"}
    assert not any(name.startswith(("vision.low", "vision.high")) for name in others)
    assert Path("own", "asking.json").is_file() and names["answer"].asked.image is names["image"]


def words_pipeline() -> Names:
    untrained_pipeline(Path("model"))
    return {}


def words_generated(names: Names) -> None:
    assert names["made"].images.shape == (4, 16, 64, 3) and Path("sheet.png").is_file()


def words_planned(names: Names) -> None:
    assert names["fitted"].layout.texts == ("don't",) and names["dump"][0]["found"] == "don't"


def modules_joined(names: Names) -> None:
    assert Path("model_of_mine", "README.md").is_file() and names["pipe"].artist.injector.attached


def latent_words() -> Names:
    Path("made").mkdir()
    stable_diffusion(Path("made")).rename("stable-diffusion-v1-5")
    word = PlacedWord("open", (8, 2, 56, 14))
    return {"images": np.full((1, 16, 64, 3), 128, np.uint8), "layouts": [Layout(64, 16, (word,))]}


def latent_words_run(names: Names) -> None:
    assert names["pipe"].unet.config.in_channels == 5 and names["ceiling"].described()["images"] == 1


def nothing() -> Names:
    return {}


def step_runs(names: Names) -> None:
    assert names["TrainParams"](updates=3).updates == 3


def training() -> Names:
    model = torch.nn.Linear(4, 2)
    run = Run("paper", "train", out=Path())
    run.model = lambda name, model, *, card, example: None  # type: ignore[assignment,method-assign]
    return {
        "run": run,
        "model": model,
        "optimiser": torch.optim.SGD(model.parameters(), lr=0.1),
        "dataset": [(torch.ones(4) * index, torch.tensor(index % 2)) for index in range(16)],
        "loss_of": torch.nn.functional.cross_entropy,
        "params": SimpleNamespace(batch_size=4, updates=6),
        "Classifier": lambda trained: trained,
        "CARD": "",
        "example": np.zeros((1, 4)),
    }


def training_runs(names: Names) -> None:
    losses = [row["train/loss"] for row in names["run"].history]
    assert len(losses) == 6 and all(np.isfinite(losses))


def published() -> Names:
    ours, theirs = [0.9, 0.8, 0.85], [0.7, 0.75, 0.72]
    scores, (figure, _) = pd.DataFrame({"ours": ours, "theirs": theirs}), panels(1)
    return {
        "run": Run("paper", "evaluate", out=Path()),
        "ours": ours,
        "theirs": theirs,
        "scores": scores,
        "figure": figure,
    }


def published_runs(_: Names) -> None:
    assert '"gain"' in Path("metrics.json").read_text() and Path("figures/scores.svg").is_file()


def imported(names: Names) -> None:
    assert callable(names["john_ellipsoid"])


RUNS: dict[tuple[str, int], tuple[Callable[[], Names], Callable[[Names], None]]] = {
    ("README.md", 0): (john, john_runs),
    ("docs/papers/dp_john.md", 0): (john, john_runs),
    ("docs/papers/dp_ntk.md", 0): (classifier, classifier_runs),
    ("docs/papers/dp_cross_attention.md", 0): (memory, memory_runs),
    ("docs/papers/imagefolder.md", 0): (generator, generator_runs),
    ("docs/papers/ntk_attention.md", 0): (adapter, adapter_runs),
    ("docs/papers/commit_tuning.md", 0): (tuning_blocks.two_components, tuning_blocks.components_were_balanced),
    ("docs/papers/commit_tuning.md", 1): (tuning_blocks.tiny_llava, tuning_blocks.llava_was_tuned),
    ("docs/papers/commit_tuning.md", 2): (tuning_blocks.tiny_decoder, tuning_blocks.parts_have_gradients),
    ("docs/papers/commit_tuning.md", 3): (tuning_blocks.animals, tuning_blocks.animals_are_known),
    ("docs/papers/debias.md", 0): (endpoint, endpoint_runs),
    ("docs/papers/llava_read.md", 0): (reading_model, reading_answers),
    ("docs/papers/llava_read.md", 1): (reading_model, reading_learns),
    ("docs/papers/llava_read.md", 2): (reading_model, reading_parts),
    ("docs/papers/artist.md", 0): (words_pipeline, words_generated),
    ("docs/papers/artist.md", 1): (nothing, words_planned),
    ("docs/papers/artist.md", 2): (nothing, modules_joined),
    ("docs/papers/artist.md", 3): (latent_words, latent_words_run),
    ("docs/papers/mmr.md", 0): (posters, posters_read),
    ("docs/papers/mmr.md", 1): (posters, posters_scored),
    ("docs/adding_a_paper.md", 0): (nothing, step_runs),
    ("docs/adding_a_paper.md", 1): (training, training_runs),
    ("docs/adding_a_paper.md", 2): (published, published_runs),
    ("docs/api/index.md", 0): (nothing, imported),
}
STARTS_SOMETHING = {("docs/running.md", 0), ("docs/serving.md", 0)}  # a run of a paper, and a server


@pytest.mark.parametrize(("page", "index", "block"), BLOCKS, ids=[f"{page} {index}" for page, index, _ in BLOCKS])
def test_the_block_runs(page: str, index: int, block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (page, index) in STARTS_SOMETHING:
        fits(block)
        return
    prepare, check = RUNS.get((page, index), (nothing, lambda names: None))  # what it needs, what shows that it ran
    monkeypatch.chdir(tmp_path)
    names = prepare()
    block = re.sub(r'^base_url = ".*?"', f'base_url = "{names.get("base_url")}"', block, flags=re.MULTILINE)
    exec(compile(block, page, "exec", dont_inherit=True), names)
    check(names)


def fits(block: str) -> None:
    """Check the block's imports, and its calls of what it imports against the signatures."""
    tree, names = ast.parse(block), {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name: getattr(import_module(str(node.module)), alias.name) for alias in node.names}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert calls
    for call in calls:
        called = eval(ast.unparse(call.func), dict(names))
        inspect.signature(called).bind(*call.args, **{str(option.arg): option.value for option in call.keywords})
