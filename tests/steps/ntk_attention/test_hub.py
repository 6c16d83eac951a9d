"""The profile full end to end, with tiny checkpoints and data sets in the hub's format."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from flows.report.claims import load_claims, load_measurements, require_measurements
from flows.report.verdicts import Verdict, judge
from steps.ntk_attention.adapt_characters import AdaptCharactersParams, HubLanguage, adapt_characters
from steps.ntk_attention.adapt_text import AdaptTextParams, HubTasks, adapt_text
from steps.ntk_attention.adapt_vision import AdaptVisionParams, HubVision, adapt_vision
from steps.ntk_attention.evaluate import evaluate
from steps.ntk_attention.hub import HubRepository
from steps.ntk_attention.problems import HubProblems
from steps.ntk_attention.theory import TheoryParams, theory
from steps.step.arms import SearchParams
from steps.step.params import PROFILES, block, read, typed
from steps.step.run import Run
from steps.step.training import Precision, TrainingParams
from tenfold.hub.errors import EmptySplit, UnknownTask
from tenfold.hub.texts import SUPERGLUE
from tenfold.ntk_attention.backbones import decoder_classifier_from_hub, decoder_logits, vit_from_hub
from tests.tenfold.hub import hub_folders

ROOT = Path(__file__).parents[3]
CLAIMS = ROOT / "steps" / "ntk_attention" / "claims.yaml"
KINDS = ("head", "fine_tuning", "lora", "prefix", "peft_prefix", "ntk")
SEARCH = SearchParams(rates={kind: [1e-3] for kind in KINDS}, seeds=1)
STEPS = {"adapt_vision": AdaptVisionParams, "adapt_text": AdaptTextParams, "adapt_characters": AdaptCharactersParams}


def step_run(name: str, out: Path) -> Run:
    out.mkdir(parents=True)
    return Run("ntk_attention", name, out=out, profile="full")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints and data sets, each in a folder."""
    folder = tmp_path_factory.mktemp("hub")
    hub_folders.tiny_vit(folder / "vit")
    hub_folders.tiny_decoder(folder / "decoder")
    hub_folders.images(folder / "cifar100")
    tables = {}
    for task, (columns, _) in SUPERGLUE.items():
        splits = {}
        for split, count in (("train", 24), ("validation", 9)):
            splits[split] = hub_folders.sentences(count, *columns, label=3 if task == "cb" else 2)
            if task == "copa":
                splits[split]["question"] = ["cause", "effect", "cause"] * (count // 3)
        splits["test"] = splits["validation"] | {"label": [-1] * 9}
        tables[task] = splits
    hub_folders.write_repository(folder / "super_glue", tables)
    hub_folders.text(folder / "wikitext")
    hub_folders.problems(folder / "MetaMathQA")
    hub_folders.problems_to_test(folder / "gsm8k")
    return folder


@pytest.fixture(autouse=True)
def cache(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", hub / "cache")


def repository(folder: Path) -> HubRepository:
    return HubRepository(id=str(folder), revision="main")


def vision_params(hub: Path, mixed_precision: Precision = "no", dataset: str = "cifar100", **more: Any) -> Any:
    from_hub = {
        "model": repository(hub / "vit"),
        "datasets": [repository(hub / dataset)],
        "validation": 0.25,
        "epochs": 2,
        "workers": 0,
    }
    return AdaptVisionParams(
        datasets=[],
        prefixes=[1],
        training=TrainingParams(updates=1, batch_size=6, mixed_precision=mixed_precision),
        search=SEARCH,
        hub=HubVision(**(from_hub | more)),
    )


def text_params(hub: Path, mixed_precision: Precision = "no", tasks: tuple[str, ...] = ("cb", "copa")) -> Any:
    from_hub = HubTasks(
        model=repository(hub / "decoder"),
        dataset=repository(hub / "super_glue"),
        tasks=list(tasks),
        validation=0.25,
        max_tokens=16,
    )
    return AdaptTextParams(
        tasks=[],
        prefixes=[],
        training=TrainingParams(updates=2, batch_size=4, mixed_precision=mixed_precision),
        search=SEARCH,
        hub=from_hub,
    )


def language_params(hub: Path, mixed_precision: Precision = "no", context: int = 8) -> AdaptCharactersParams:
    problems = HubProblems(
        dataset=repository(hub / "MetaMathQA"),
        test_dataset=repository(hub / "gsm8k"),
        training=TrainingParams(updates=2, batch_size=2, mixed_precision=mixed_precision),
        validation=2,
        test=3,
        max_tokens=90,
        new_tokens=3,
    )
    language = HubLanguage(
        model=repository(hub / "decoder"),
        dataset=repository(hub / "wikitext"),
        context=context,
        evaluation_batch=3,
        problems=problems,
    )
    return AdaptCharactersParams(
        train_windows=8,
        test_windows=4,
        training=TrainingParams(updates=2, batch_size=4, mixed_precision=mixed_precision),
        search=SEARCH,
        hub=language,
    )


@pytest.fixture(scope="module")
def adapted(hub: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the three steps write at the profile full."""
    import datasets

    folder = tmp_path_factory.mktemp("adapted")
    nothing = folder / "nothing"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", hub / "cache")
        adapt_vision(
            nothing,
            nothing,
            out=folder / "adapt_vision",
            params=vision_params(hub),
            run=step_run("adapt_vision", folder / "adapt_vision"),
        )
        adapt_text(
            nothing,
            nothing,
            out=folder / "adapt_text",
            params=text_params(hub),
            run=step_run("adapt_text", folder / "adapt_text"),
        )
        adapt_characters(
            nothing,
            nothing,
            out=folder / "adapt_characters",
            params=language_params(hub),
            run=step_run("adapt_characters", folder / "adapt_characters"),
        )
    return folder


def read_arms(folder: Path) -> tuple[pd.DataFrame, Any, list[dict[str, Any]]]:
    items = np.load(folder / "items.npz")
    return pd.read_csv(folder / "arms.csv"), items, json.loads((folder / "origins.json").read_text(encoding="utf-8"))


def test_the_hubs_vit_is_adapted_to_whole_data_sets(adapted: Path) -> None:
    table, items, origins = read_arms(adapted / "adapt_vision")
    assert set(table.method) == {"head", "full", "lora (r = 8)", "prefix (m = 16)", "prefix (m = 1)", "ntk"}
    assert table[table.method == "ntk"].trainable_parameters.iloc[0] == 2 * 2 * 32 * 33
    assert set(table.task) == {"cifar100"} and len(items["cifar100|ntk|searched|0"]) == 9  # the official test split
    assert [origin["split"] for origin in origins] == ["train", "test"]
    assert all(origin["commit"].startswith("sha256:") and origin["revision"] == "main" for origin in origins)


def test_the_hubs_decoder_is_adapted_to_superglue(adapted: Path) -> None:
    table, items, origins = read_arms(adapted / "adapt_text")
    families = {
        "head",
        "full",
        "lora (r = 9)",
        "prefix (m = 16)",
        "prefix (m = 32), PEFT",
        "ntk",
        "ntk before rotation",
    }
    assert set(table.method) == families and set(table.task) == {"cb", "copa"}
    others = table[~table.method.isin(["head", "full"])].trainable_parameters
    assert others.between(4000, 4440).all()  # beside the classifier, also with PEFT's
    assert (table[table.method == "head"].trainable_parameters == 0).all()
    assert len(items["copa|ntk|paper|0"]) == 9 and len(origins) == 4
    assert {origin["split"] for origin in origins} == {"train", "validation"}  # the test split's labels are hidden


def test_the_hubs_decoder_is_adapted_to_a_text_and_to_problems(adapted: Path) -> None:
    table, items, origins = read_arms(adapted / "adapt_characters")
    assert table.groupby("task").metric.unique().map(list).to_dict() == {
        "wikitext": ["perplexity"],
        "gsm8k": ["accuracy"],
    }
    families = {"full", "lora (r = 9)", "prefix (m = 16)", "prefix (m = 32), PEFT", "ntk", "ntk before rotation"}
    assert all(set(part.method) == families for _, part in table.groupby("task"))
    assert (table[table.task == "wikitext"].test_score > 1).all()
    assert (table[table.method == "ntk"].trainable_parameters == 4 * 32 * 33).all()
    assert table[table.method != "full"].trainable_parameters.between(4000, 4440).all()
    assert items["gsm8k|ntk|searched|0"].dtype == bool and len(items["gsm8k|ntk|searched|0"]) == 3
    assert [origin["split"] for origin in origins] == ["train", "validation", "test", "train", "test"]
    assert origins[-1]["configuration"] == "main" and origins[0]["configuration"] == "wikitext-103-raw-v1"


@pytest.fixture(scope="module")
def evaluated(adapted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    params = TheoryParams(
        points=5,
        dimensions=4,
        widths=[8, 64],
        updates=40,
        seeds=2,
        head_size=8,
        scales=[0.3, 1.0],
        lengths=[4, 64],
        input_lengths=[256, 1024],
    )
    theory(out=folder / "theory", params=params, run=step_run("theory", folder / "theory"))
    (folder / "timing").mkdir()
    cells = [
        ("prefix", 64, 32, 2.0),
        ("merged", 0, 32, 1.0),
        ("no prefix", 0, 32, 1.0),
        ("official", 0, 32, 1.0),
        ("official", 0, 64, 4.0),
    ]
    pd.DataFrame(cells, columns=["method", "m", "length", "seconds"]).to_csv(folder / "timing/timing.csv", index=False)
    out = folder / "evaluate"
    ablation = adapted / "adapt_vision"  # of the same form
    evaluate(
        adapted / "adapt_vision",
        adapted / "adapt_text",
        adapted / "adapt_characters",
        ablation,
        folder / "theory",
        folder / "timing",
        out=out,
        run=step_run("evaluate", out),
    )
    return out


def test_every_claim_has_its_measurements_and_mathematics_a_verdict(evaluated: Path) -> None:
    claims, measurements = load_claims(CLAIMS), load_measurements(evaluated / "claims.json")
    require_measurements(claims, measurements, CLAIMS, evaluated / "claims.json")
    judged = {claim.id: judge(claim, measurements) for claim in claims.claims}
    for name, wanted in (("E1", 3), ("E2", 3), ("E3", 3)):
        assert judged[name].verdict is not Verdict.NOT_TESTABLE and len(judged[name].tested) == wanted
    assert measurements["math_ntk_minus_lora"].n == 3
    assert "nats per token" in {item.unit for name, item in measurements.items() if name.startswith("characters")}
    without = {name: item for name, item in measurements.items() if not name.startswith("math_")}
    require_measurements(claims, without, CLAIMS, evaluated / "claims.json")
    (mathematics,) = (claim for claim in claims.claims if claim.id == "E3")
    never = judge(mathematics, without)
    assert never.verdict is Verdict.NOT_TESTABLE and never.reason.startswith("Needs a pretrained model")


def test_the_tables_say_which_data_was_adapted_to(evaluated: Path) -> None:
    captions = json.loads((evaluated / "tables" / "captions.json").read_text(encoding="utf-8"))
    assert captions["text.csv"].startswith("SuperGLUE") and "GSM8K" in captions["characters.csv"]
    origins = pd.read_csv(evaluated / "tables" / "origins.csv")
    assert len(origins) == 2 + 4 + 5 and origins.commit.str.startswith("sha256:").all()
    assert set(pd.read_csv(evaluated / "tables" / "characters.csv").task) == {"wikitext", "gsm8k"}


@pytest.fixture
def new_precision() -> Iterator[None]:
    """A process has one precision, and this one has had another."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


@pytest.mark.usefixtures("new_precision")
def test_every_path_runs_in_bfloat16_with_workers(hub: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    images = vision_params(hub, "bf16", workers=1, epochs=1)
    adapt_vision(nothing, nothing, out=tmp_path / "v", params=images, run=step_run("adapt_vision", tmp_path / "v"))
    tasks = text_params(hub, "bf16", ("wic",))
    adapt_text(nothing, nothing, out=tmp_path / "t", params=tasks, run=step_run("adapt_text", tmp_path / "t"))
    language = language_params(hub, "bf16")
    adapt_characters(
        nothing, nothing, out=tmp_path / "c", params=language, run=step_run("adapt_characters", tmp_path / "c")
    )
    for folder in "vtc":
        assert pd.read_csv(tmp_path / folder / "arms.csv").test_score.notna().all()


def test_the_same_training_gives_the_same_scores(hub: Path, adapted: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    adapt_vision(out, out, out=out, params=vision_params(hub), run=step_run("adapt_vision", out))
    for name in ("arms.csv", "search.csv", "items.npz", "origins.json"):
        assert (out / name).read_bytes() == (adapted / "adapt_vision" / name).read_bytes()


def test_unusable_data_is_named_before_anything_is_trained(hub: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    with pytest.raises(UnknownTask, match="no task 'record'"):
        adapt_text(
            nothing,
            nothing,
            out=tmp_path / "t",
            params=text_params(hub, tasks=("record",)),
            run=step_run("adapt_text", tmp_path / "t"),
        )
    with pytest.raises(UnknownTask, match="columns of 'wikitext' are not known"):
        adapt_vision(
            nothing,
            nothing,
            out=tmp_path / "v",
            params=vision_params(hub, dataset="wikitext"),
            run=step_run("adapt_vision", tmp_path / "v"),
        )
    with pytest.raises(EmptySplit, match="fewer than one window of 2001; lower context"):
        adapt_characters(
            nothing,
            nothing,
            out=tmp_path / "c",
            params=language_params(hub, context=2000),
            run=step_run("adapt_characters", tmp_path / "c"),
        )


def test_the_classifiers_of_the_hub_are_new_and_of_the_seed(hub: Path) -> None:
    assert vit_from_hub(str(hub / "vit"), None, 5).classifier.out_features == 5
    made = [decoder_classifier_from_hub(str(hub / "decoder"), None, 3, 0, seed) for seed in (1, 1, 2)]
    first, again, other = (model.score.weight for model in made)
    assert torch.equal(first, again) and not torch.equal(first, other) and first.dtype is torch.float32


def test_padding_and_choices_do_not_change_a_texts_logits(hub: Path) -> None:
    model = decoder_classifier_from_hub(str(hub / "decoder"), None, 1, 0, 0).eval()
    ids, mask = torch.randint(1, 30, (4, 2, 7)), torch.ones(4, 2, 7, dtype=torch.long)
    mask[:, 0, 4:] = 0
    ids[:, 0, 4:] = 0
    with torch.no_grad():
        both, short = decoder_logits(model, ids, mask), decoder_logits(model, ids[:, :1, :4], mask[:, :1, :4])
    assert both.shape == (4, 2) and short.shape == (4, 1)
    torch.testing.assert_close(both[:, :1], short)


def test_only_the_profile_full_takes_what_the_hub_has() -> None:
    params = read(ROOT)
    for profile in PROFILES:
        params["profile"] = profile
        for step, kind in STEPS.items():
            found: Any = typed(kind, block(params, "ntk_attention", step), step)
            assert (found.hub is not None) == (profile == "full")
            if profile == "full":
                assert all(1e-3 in grid for grid in found.search.rates.values())  # the released scripts' rate
