"""The steps of NTK-Attention as plain functions, on images and texts made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention import methods
from steps.ntk_attention.ablate import rows
from steps.ntk_attention.adapt_text import shortest_first
from steps.ntk_attention.adapt_vision import AdaptVisionParams, adapt_vision, fresh, load_images, train_images
from steps.ntk_attention.measurements import (
    comparisons,
    descent_measurements,
    difference,
    equal_method,
    error_measurements,
    fading_measurements,
)
from steps.ntk_attention.methods import compare_methods, encoder_methods
from steps.ntk_attention.pretrain import PretrainParams, cut_windows, pretrain
from steps.ntk_attention.theory import TheoryParams, theory
from steps.step.arms import Comparison, SearchParams, Trained
from steps.step.run import Run
from steps.step.training import TrainingParams
from tenfold.models.loader import load
from tenfold.ntk_attention.backbones import Backbone, MeanPooledClassifier, small_llama, small_vit
from tenfold.ntk_attention.methods import Method, apply, trained_count
from tenfold.ntk_attention.model import adapter_names

RATES = {"head": [1e-3], "fine_tuning": [1e-3], "lora": [1e-3], "prefix": [1e-3, 1e-2], "ntk": [1e-3, 1e-2]}


def step_run(name: str, out: Path) -> Run:
    out.mkdir(parents=True)
    return Run("ntk_attention", name, out=out)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    generator = np.random.default_rng(0)
    for name, channels in (("fashion_mnist", 1), ("cifar10", 3)):
        arrays = {}
        for split, count in (("source", 20), ("train", 20), ("validation", 10), ("test", 10)):
            labels = np.arange(count) % 5
            x = generator.standard_normal((count, channels, 8, 8)).astype(np.float32) + labels[:, None, None, None]
            arrays |= {f"{split}_x": x, f"{split}_y": labels}
        np.savez(folder / f"{name}.npz", **arrays)
    np.savez(folder / "characters.npz", pretrain=generator.integers(0, 128, 200))
    return folder


@pytest.fixture(scope="module")
def pretrained(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pretrained") / "out"
    params = PretrainParams(
        width=64,
        heads=2,
        layers=1,
        patches=2,
        context=16,
        learning_rate=1e-3,
        images=TrainingParams(updates=2, batch_size=8),
        characters=TrainingParams(updates=2, batch_size=4),
    )
    pretrain(prepared, out=out, params=params, run=step_run("pretrain", out))
    return out


def vision_params(updates: int = 2, rates: dict[str, list[float]] = RATES, seeds: int = 2) -> AdaptVisionParams:
    return AdaptVisionParams(
        datasets=["fashion_mnist"],
        prefixes=[1],
        training=TrainingParams(updates=updates, batch_size=8),
        search=SearchParams(rates=rates, seeds=seeds),
    )


def test_pretrained_models_are_kept_with_cards_and_predict(pretrained: Path) -> None:
    for name, shape in (("fashion_mnist", (2, 1, 8, 8)), ("cifar10", (2, 3, 8, 8))):
        model = load(pretrained / "models" / name)
        assert isinstance(model, Backbone)
        assert model.predict(np.zeros(shape, np.float32)).shape == (2, 5)
        assert "Pretrained from scratch" in (pretrained / "models" / name / "README.md").read_text()
    assert load(pretrained / "models" / "characters").predict(np.zeros((2, 16), np.int64)).shape == (2, 16, 128)


def test_every_method_is_searched_and_repeated_from_more_seeds(
    prepared: Path, pretrained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    adapt_vision(prepared, pretrained, out=out, params=vision_params(), run=step_run("adapt_vision", out))
    table, search = pd.read_csv(out / "arms.csv"), pd.read_csv(out / "search.csv")
    assert set(table.method) == {"head", "full", "lora (r = 8)", "prefix (m = 16)", "prefix (m = 1)", "ntk"}
    assert set(table.setting) == {"searched", "paper"} and set(table.seed) == {0, 1}
    assert (search.groupby("method").chosen.sum() == 1).all()
    for method, part in search.groupby("method"):
        best = part.loc[part.chosen].validation_score.iloc[0]
        assert best == part.validation_score.max(), method
    assert (table[table.setting == "paper"].learning_rate == 1e-3).all()
    counts = table.set_index("method").trainable_parameters
    assert counts["head"].max() == 0 and counts["ntk"].max() == 2 * 32 * 33
    for name in ("lora (r = 8)", "prefix (m = 16)"):
        assert abs(counts[name].max() - counts["ntk"].max()) <= 0.05 * counts["ntk"].max()
    with np.load(out / "items.npz") as items:
        for row in table.itertuples():
            assert items[f"fashion_mnist|{row.method}|{row.setting}|{row.seed}"].mean() == pytest.approx(row.test_score)


def test_a_trained_prefix_is_distilled_before_it_is_scored(prepared: Path, pretrained: Path, tmp_path: Path) -> None:
    parts, run = load_images(prepared / "fashion_mnist.npz"), step_run("ablate", tmp_path / "out")
    training, found = TrainingParams(updates=2, batch_size=8), {}
    for name in ("prefix (m = 16)", "prefix (m = 16) distilled, taylor2"):
        model = fresh(pretrained, "fashion_mnist", 0)
        found[name] = train_images(run, model, rows()[name], parts, training, rate=1e-3, seed=0, name=name)
        assert (adapter_names(model) == ["default", "distilled"]) == ("distilled" in name)
    assert len({result.train_loss for result in found.values()}) == 1  # the same prefix was trained


def test_a_training_that_was_cut_off_goes_on_to_the_same_numbers(
    prepared: Path, pretrained: Path, tmp_path: Path
) -> None:
    """Killed in the middle of an arm and begun again from its checkpoint: the same arms.csv, byte for byte."""
    few = {kind: [1e-3] for kind in RATES}
    params = vision_params(rates=few, seeds=1, updates=4)
    whole = tmp_path / "whole"
    adapt_vision(prepared, pretrained, out=whole, params=params, run=step_run("adapt_vision", whole))

    class Cut(Run):
        left = 9  # in the middle of the third arm

        def updates(self, total, state=None, *, every_seconds=0.0):
            for update in super().updates(total, state, every_seconds=0.0):
                yield update
                Cut.left -= 1
                if Cut.left == 0:
                    raise KeyboardInterrupt

    kept = tmp_path / "checkpoints"
    kept.mkdir()
    for attempt in ("first", "second"):
        out = tmp_path / attempt
        out.mkdir()
        run = Cut("ntk_attention", "adapt_vision", out=out, checkpoints=kept)
        try:
            adapt_vision(prepared, pretrained, out=out, params=params, run=run)
        except KeyboardInterrupt:
            assert attempt == "first"
    assert run.resumed_from is not None
    assert (tmp_path / "second" / "arms.csv").read_bytes() == (whole / "arms.csv").read_bytes()


def test_the_paper_s_rate_is_an_arm_of_its_own_where_the_grid_has_it(tmp_path: Path) -> None:
    def train(method: Method, rate: float, seed: int) -> Trained:
        return Trained(10, 0.0, rate, 0.0, np.zeros(4))

    run, search = step_run("adapt_vision", tmp_path / "out"), SearchParams(rates={"ntk": [1e-3, 1e-2]}, seeds=1)
    found = compare_methods(run, "task", [Method("ntk before rotation", "ntk")], search, train)
    rates = found.arms.set_index("setting").learning_rate
    assert rates.to_dict() == {"searched": 1e-2, "paper": methods.PAPER_RATE}
    assert set(found.arms.method) == {"ntk before rotation"} and methods.PAPER_RATE == 1e-3


def test_what_cannot_be_made_equal_is_left_out(tmp_path: Path) -> None:
    from transformers import BertConfig

    config = BertConfig(hidden_size=32, num_hidden_layers=1, num_attention_heads=4)
    found = encoder_methods(config, step_run("adapt_text", tmp_path / "out"))
    assert [method.kind for method in found] == ["head", "fine_tuning", "ntk"]


def test_a_difference_is_of_pairs_and_equal_tasks() -> None:
    table = pd.DataFrame(
        [
            {"task": task, "method": method, "setting": "searched", "seed": 0, "trainable_parameters": 100}
            for task in ("a", "b")
            for method in ("ntk", "lora (r = 2)", "full")
        ]
    )
    items = {
        "a|ntk|searched|0": np.ones(100),
        "a|full|searched|0": np.zeros(100),
        "b|ntk|searched|0": np.ones(10),
        "b|full|searched|0": np.ones(10),
    }
    both = Comparison(table, pd.DataFrame(), items)
    found = difference(both, "ntk", "full", "searched", "")
    assert found.value == 0.5 and found.n == 110
    assert difference(both, "ntk", "prefix", "searched", "").unavailable
    assert equal_method(table, "lora") == "lora (r = 2)" and equal_method(table, "prefix") == "prefix"
    assert set(comparisons("x", both)) >= {"x_ntk_minus_full", "x_ntk_minus_lora_paper"}


@pytest.mark.parametrize("name", sorted(rows()))
def test_every_row_of_the_ablation_trains_what_it_says(name: str) -> None:
    torch.manual_seed(0)
    model = small_vit(size=8, patch=4, channels=1, width=64, layers=2, heads=2, classes=5)
    x = {"pixel_values": torch.randn(3, 1, 8, 8)}
    with torch.no_grad():
        base = model(**x).logits
    model = apply(model, rows()[name], head="classifier", seed=0, text=x)
    assert model.classifier.weight.requires_grad and not model.vit.embeddings.cls_token.requires_grad
    full, k = 2 * 2 * 32 * 32, 2 * 2 * 32
    expected = {"ntk": full + k, "k removed": full, "first layer alone": (full + k) // 2, "rank s = 2": 2 * 2 * 128 + k}
    assert trained_count(model, "classifier") == expected.get(name, trained_count(model, "classifier"))
    with torch.no_grad():
        changed = float((model(**x).logits - base).abs().max())
    assert (changed > 1e-3) == name.startswith(("start from", "prefix", "k starts"))


def test_every_method_trains_as_many_numbers_of_the_decoder_as_the_formulas_say() -> None:
    """Two query heads of 16 share one head of keys and values."""
    expected = {"p": 3 * 2 * 16, "ours": 3 * 2 * 32, "l": 2 * (32 + 32 + 32 + 16), "n": 2 * (16 * 16 + 16)}
    for method in (
        Method("p", "peft_prefix", {"length": 3}),
        Method("ours", "prefix", {"length": 3}),
        Method("l", "lora", {"rank": 2, "targets": ("q_proj", "v_proj")}),
        Method("n", "ntk", {"pre_rope": True}),
    ):
        model = apply(small_llama(context=16, width=32, layers=1, heads=2), method, head=None, seed=0)
        model(input_ids=torch.zeros(2, 8, dtype=torch.long)).logits.sum().backward()
        assert trained_count(model, None) == expected[method.name], method.name


def test_choices_and_sentences_go_through_the_classifier() -> None:
    from transformers import BertConfig

    sizes = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": 9,
    }
    ids = torch.randint(0, 9, (4, 2, 5))
    one = MeanPooledClassifier(BertConfig(**sizes, num_labels=1)).eval()
    assert one(ids, torch.ones_like(ids)).shape == (4, 2)
    many = MeanPooledClassifier(BertConfig(**sizes, num_labels=3)).eval()
    mask = torch.ones(4, 1, 5, dtype=torch.long)
    mask[:, :, 3:] = 0
    with torch.no_grad():
        short, long = many(ids[:, :1, :3], mask[:, :, :3]), many(ids[:, :1], mask)
    torch.testing.assert_close(short, long, rtol=0, atol=1e-6)


def test_windows_follow_one_another() -> None:
    assert cut_windows(np.arange(10), 2).tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_theory_rows_and_their_measurements(tmp_path: Path) -> None:
    out = tmp_path / "out"
    params = TheoryParams(
        points=5,
        dimensions=4,
        widths=[8, 64],
        updates=40,
        seeds=3,
        head_size=8,
        scales=[0.3, 1.0],
        lengths=[4, 64],
        input_lengths=[256, 1024, 4096],
    )
    theory(out=out, params=params, run=step_run("theory", out))
    descent, errors = pd.read_csv(out / "descent.csv"), pd.read_csv(out / "error.csv")
    assert (descent.loss_after < descent.loss_before).all() and (descent.lambda_min >= 0).all()
    assert (errors[(errors.eta < 1)].difference <= errors[errors.eta < 1].bound * (1 + 1e-9)).all()
    fading = fading_measurements(pd.read_csv(out / "fading.csv"))
    assert fading["memory_share_slope"].value == pytest.approx(-1, abs=0.1)
    found = error_measurements(errors)
    assert found["bound_violations"].value == 0 and found["elu1_over_taylor2"].number > 1
    ratio = descent_measurements(descent)["loss_longest_over_shortest"]
    final = descent.pivot(index="seed", columns="m", values="loss_after")
    assert ratio.seeds == 3 and ratio.number == pytest.approx(np.exp(np.log(final[64] / final[8]).mean()))


def test_texts_come_in_the_order_of_their_lengths() -> None:
    mask = (torch.arange(6) < torch.tensor([5, 2, 3])[:, None]).long()[:, None]  # (3, 1, 6)
    data = shortest_first(TensorDataset(mask, mask, torch.tensor([0, 1, 2])))
    assert data.tensors[2].tolist() == [1, 2, 0]
