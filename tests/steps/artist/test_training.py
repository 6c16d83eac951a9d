"""Text modules and arms as their steps train them: the traps that concern training, on tiny networks."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from steps.artist.arm_setup import new_artist
from steps.artist.batches import as_images, image_latents, text_batch, text_latents, visual_batch
from steps.artist.canvas_sets import text_set, visual_set
from steps.artist.measurements import unsearched
from steps.artist.settings import read_settings
from steps.artist.text_controls import text_controls
from steps.artist.train_text import CONTROLS, HISTORY, SETTINGS, new_trainee, train_text
from steps.artist.train_visual import MODELS, ROWS, middle, train_visual
from steps.artist.trainee import OptimiserParams, Trainee
from steps.artist.visual_training import ArmTraining, TooFewComposites, VisualData
from steps.step import checkpoint
from steps.step.json_files import read_json
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import FrozenChanged
from tenfold.artist.injector import Injector
from tenfold.artist.losses import text_loss, visual_losses
from tenfold.artist.model import Artist
from tenfold.nn.ema import ExponentialMovingAverage
from tenfold.nn.pretrained import weights_sha256
from tests.steps.artist.material import OPTIMISER, make_prepared, run_of, text_params, visual_params

pytestmark = pytest.mark.skipif(find_spec("rapidocr") is None, reason="rapidocr is not installed")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return make_prepared(tmp_path_factory.mktemp("artist"))


@pytest.fixture(scope="module")
def text(prepared, tmp_path_factory):
    out = tmp_path_factory.mktemp("text") / "out"
    train_text(prepared, out=out, params=text_params(), run=run_of("train_text", out))
    return out


@pytest.fixture(scope="module")
def trained(prepared, text, tmp_path_factory):
    """The output of ``train_visual`` by variant."""
    found = {}
    for variant in ("artist", "visual_only", "controls"):
        out = found[variant] = tmp_path_factory.mktemp("visual") / variant
        run = run_of("train_visual", out, variant)
        train_visual(prepared, text, out=out, params=visual_params(), run=run)
    return found


@pytest.fixture
def data(prepared, text):
    return VisualData(prepared, text, "cpu", visual_params().times)


def training(arm, data, tmp_path, seed=0, rate=2e-3):
    run = run_of("train_visual", tmp_path / f"{arm}-{seed}-{rate}", arm)
    return ArmTraining(arm, "grey", 16, seed, rate, data, OptimiserParams.model_validate(OPTIMISER), run)


def rows_of(out: Path) -> list[dict]:
    return [json.loads(line) for line in (out / ROWS).read_text(encoding="utf-8").splitlines()]


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_images_survive_as_latents(prepared):
    canvases = visual_set(prepared, "colour", "train")
    assert np.array_equal(as_images(image_latents(canvases.images)), canvases.images)  # RGB order and range
    assert np.array_equal(as_images(text_latents(canvases.glyphs)), canvases.glyphs)
    found = visual_batch(canvases, longest=9)
    assert found.images.shape == (20, 12, 8, 32) and found.text.shape == (20, 4, 8, 32)
    assert found.conditions.glyphs is found.text and found.conditions.sequence.shape == (20, 9)


def test_text_modules_and_what_is_written_of_them(text):
    assert sorted(path.name for path in (text / "text").iterdir()) == [
        "word_only-0",
        "word_sentence-0",
        "word_sentence-1",
    ]
    first, second = (Denoiser.from_pretrained(text / "text" / f"word_sentence-{seed}") for seed in (0, 1))
    assert first.characters is not None and first.letters is None
    assert weights_sha256(first) != weights_sha256(second)
    rows = [json.loads(line) for line in (text / HISTORY).read_text(encoding="utf-8").splitlines()]
    # both arms of seed 0 have their first stage in common: it is trained once
    assert [row["stage"] for row in rows if row["seed"] == 0] == ["words"] * 2 + ["sentences_after", "words_after"]
    costs = read_json(text / SETTINGS)["costs"]
    assert costs["word_only"] == costs["word_sentence"] and costs["word_only"]["updates"] == 3
    controls = read_json(text / CONTROLS)
    assert {(row["arm"], row["kind"]) for row in controls} == {
        (arm, kind) for arm in ("word_sentence", "word_only") for kind in ("words", "sentences")
    }
    assert all(row["images"] == 2 and row["words"] == 0 for row in controls)  # the engine "none" reads nothing
    assert all(row["learning_rate"] == 2e-3 and row["searched"] == {} for row in controls)  # of one rate


def test_the_text_modules_rate_is_searched_once_for_all(prepared, tmp_path):
    params, run = text_params(learning_rates=[1e-6, 2e-3, 4e-3]), run_of("train_text", tmp_path / "out")
    train_text(prepared, out=tmp_path / "out", params=params, run=run)
    controls = read_json(tmp_path / "out" / CONTROLS)
    (searched,) = {tuple(row["searched"].items()) for row in controls}
    best = min(searched, key=lambda one: one[1])[0]
    assert [rate for rate, _ in searched] == ["1e-06", "0.002", "0.004"] and best != "1e-06"
    assert all(row["learning_rate"] == float(best) and row["at_edge"] == (best == "0.004") for row in controls)
    own = [row for row in controls if (row["arm"], row["seed"]) == ("word_sentence", 0)]
    assert np.mean([row["validation_loss"] for row in own]) == pytest.approx(dict(searched)[best], rel=1e-12)
    rows = [json.loads(line) for line in (tmp_path / "out" / HISTORY).read_text(encoding="utf-8").splitlines()]
    assert {row["rate"] for row in rows if row["seed"] == 1} == {float(best)}
    assert {row["rate"] for row in rows if row["seed"] == 0} == {1e-6, 2e-3, 4e-3}


def test_a_text_module_that_reads_its_condition_is_told_from_one_that_does_not(prepared, tmp_path):
    params = text_params(
        model=text_params().model.model_dump() | {"block_out_channels": [16, 32]}, learning_rates=[1e-2]
    )
    run = run_of("train_text", tmp_path / "out")
    batch = text_batch(text_set(prepared, "words"), longest=9)
    trainee = new_trainee("word_sentence", 0, params.learning_rates[0], params, run)
    scheduler = params.noise.scheduler()

    def ratio():
        module = trainee.average.model
        (row,) = text_controls(
            module, params.noise, {"words": batch}, visual_set(prepared, "grey", "train"),
            engine="none", count=2, longest=9, num_inference_steps=2, seed=0,
        )  # fmt: skip
        return row["validation_loss_permuted_letters"] / row["validation_loss"]

    assert ratio() < 1.01
    trainee.train(
        run, batch, lambda part, draws: text_loss(trainee.parts, scheduler, part, draws), params.noise.draw, 150, "a"
    )
    assert ratio() > 1.03


def test_the_same_seed_trains_the_same_bytes(prepared, text, trained, tmp_path):
    again = tmp_path / "text"
    train_text(prepared, out=again, params=text_params(), run=run_of("train_text", again))
    assert digests(again) == digests(text)
    out = tmp_path / "artist"
    train_visual(prepared, text, out=out, params=visual_params(), run=run_of("train_visual", out, "artist"))
    assert digests(out) == digests(trained["artist"])


def test_models_by_arm_stage_size_seed_and_updates(trained):
    names = {variant: sorted(path.name for path in (out / MODELS).iterdir()) for variant, out in trained.items()}
    assert names["artist"] == ["artist-colour-16-0@3", "artist-grey-16-0@2", "artist-grey-16-1@2", "artist-grey-8-0@2"]
    grey = [name for name in names["visual_only"] if name.startswith("visual_only-grey-16-0")]
    assert len(grey) == 2 and len(names["visual_only"]) == 7  # two lengths but for the other size
    assert [name.partition("-")[0] for name in names["controls"]] == sorted(visual_params().controls)
    for variant, out in trained.items():
        made = [f"{r['arm']}-{r['stage']}-{r['size']}-{r['seed']}@{r['updates']}" for r in rows_of(out)]
        assert sorted(made) == names[variant]


def test_updates_samples_and_operations_are_matched(trained, text):
    (artist,) = (
        row for row in rows_of(trained["artist"]) if (row["stage"], row["size"], row["seed"]) == ("grey", 16, 0)
    )
    few, many = (
        row for row in rows_of(trained["visual_only"]) if (row["stage"], row["size"], row["seed"]) == ("grey", 16, 0)
    )
    cost = read_json(text / SETTINGS)["costs"]["word_sentence"]
    assert artist["total_updates_with_text"] == artist["updates"] + cost["updates"]
    assert artist["total_flops_with_text"] == artist["flops"] + cost["flops"]
    assert few["updates"] == artist["updates"] and few["samples_seen"] == artist["samples_seen"] == 8
    assert many["updates"] >= artist["total_updates_with_text"]
    assert many["flops"] >= artist["total_flops_with_text"] == artist["flops"] + cost["flops"]
    each = many["flops"] / many["updates"]
    assert (many["updates"] - 1) * each < artist["total_flops_with_text"] or many["updates"] == artist[
        "total_updates_with_text"
    ]
    controls = {row["arm"]: row for row in rows_of(trained["controls"])}
    assert (
        controls["random_text_module"]["flops"]
        == artist["flops"]
        == controls["random_text_module"]["total_flops_with_text"]
    )
    assert controls["joint"]["flops"] > controls["random_text_module"]["flops"]


def test_frozen_text_modules_stay_and_the_others_do_not(trained, text):
    rows = {row["arm"]: row for out in trained.values() for row in rows_of(out) if row["seed"] == 0 == row["size"] % 16}
    pretrained = weights_sha256(Denoiser.from_pretrained(text / "text" / "word_sentence-0"))
    assert rows["artist"]["text_sha256_before"] == pretrained == rows["artist"]["text_sha256_after"]
    assert (
        rows["random_text_module"]["text_sha256_before"]
        == rows["random_text_module"]["text_sha256_after"]
        != pretrained
    )
    for arm in ("unfrozen", "joint"):
        assert rows[arm]["text_sha256_before"] != rows[arm]["text_sha256_after"]
    assert rows["unfrozen"]["text_sha256_before"] == pretrained
    assert rows["visual_only"]["text_sha256_before"] is None


def test_a_frozen_module_is_outside_optimiser_and_average_and_in_evaluation_mode(data, tmp_path):
    arm = training("artist", data, tmp_path)
    arm.train(2)
    frozen = {id(parameter) for parameter in arm.artist.text.parameters()}
    stepped = {id(parameter) for group in arm.trainee.optimiser.param_groups for parameter in group["params"]}
    assert frozen and stepped and not frozen & stepped
    assert not any(name.startswith("text") for name in arm.trainee.average.model.state_dict())
    assert not arm.artist.text.training and arm.artist.visual.training
    assert all(parameter.grad is None and not parameter.requires_grad for parameter in arm.artist.text.parameters())
    with arm.averaged() as model:
        assert model.text is arm.artist.text and not model.visual.training
    assert arm.artist.injector.attached and not model.injector.attached


def test_a_text_module_that_moves_although_it_is_frozen_stops_the_training(data, tmp_path):
    arm = training("artist", data, tmp_path)
    with torch.no_grad():
        next(arm.artist.text.parameters()).add_(1e-3)
    with pytest.raises(FrozenChanged, match="artist-grey-16-0"):
        arm.train(1)


def test_at_update_zero_nothing_is_injected_and_everything_can_learn(data, tmp_path):
    arm = training("artist", data, tmp_path)
    batch = data.train("grey", 16)
    draws = data.noise.draw(batch, torch.Generator().manual_seed(3))
    scheduler = data.noise.scheduler()
    noisy = scheduler.add_noise(batch.images, draws.noise, draws.t)
    read = scheduler.add_noise(batch.text, draws.text_noise, draws.t)
    with torch.no_grad():
        injected, _ = arm.artist(noisy, draws.t, batch.conditions, read)
        with arm.artist.detached():
            assert torch.equal(arm.artist.visual(noisy, draws.t, batch.conditions), injected)
    visual_losses(arm.artist, scheduler, batch, draws)["visual"].backward()
    assert all(float(one.weight.grad.abs().max()) > 0 for one in arm.artist.injector.convolutions)
    arm.trainee.optimiser.zero_grad()
    arm.train(2)
    assert all(float(one.weight.abs().max()) > 0 for one in arm.artist.injector.convolutions)


def test_arms_of_a_seed_start_alike_and_draw_alike(data, tmp_path):
    arms = {name: training(name, data, tmp_path) for name in ("artist", "random_text_module", "visual_only")}
    other = training("artist", data, tmp_path, seed=1)
    assert weights_sha256(arms["artist"].artist.visual) == weights_sha256(arms["random_text_module"].artist.visual)
    assert weights_sha256(arms["artist"].artist.visual) != weights_sha256(other.artist.visual)
    for arm in (*arms.values(), other):
        arm.train(2)
    states = {name: arm.trainee.generator.get_state() for name, arm in arms.items()}
    assert all(torch.equal(state, states["artist"]) for state in states.values())
    assert not torch.equal(other.trainee.generator.get_state(), states["artist"])
    # what is told to both modules of ARTIST is told to the one that is alone
    assert arms["visual_only"].artist.visual.characters is not None and arms["artist"].artist.visual.characters is None


def test_a_training_goes_on_where_it_was_stopped(data, tmp_path):
    whole, first, second = (training("artist", data, tmp_path / name) for name in ("whole", "first", "second"))
    whole.train(4)
    first.train(2)
    path = tmp_path / "state.safetensors"
    checkpoint.save(path, checkpoint.state_of(first.trainee))
    checkpoint.restore(second.trainee, checkpoint.load(path))
    for arm in (first, second):
        arm.train(4)
    sums = {weights_sha256(arm.trainee.average.model) for arm in (whole, first, second)}
    assert len(sums) == 1 and second.trainee.updates == 4 == second.cost().updates


def test_a_branch_leaves_what_it_came_from_as_it_was(prepared, tmp_path):
    params, run = text_params(), run_of("train_text", tmp_path / "out")
    batch, scheduler = text_batch(text_set(prepared, "words"), longest=9), text_params().noise.scheduler()
    trainee = new_trainee("word_sentence", 0, params.learning_rates[0], params, run)

    def go_on(one: Trainee) -> str:
        one.train(
            run, batch, lambda part, draws: text_loss(one.parts, scheduler, part, draws), params.noise.draw, 2, "a"
        )
        return weights_sha256(one.parts)

    go_on(trainee)
    before = weights_sha256(trainee.parts)
    branch = trainee.continued()
    moved = go_on(branch)
    assert weights_sha256(trainee.parts) == before != moved
    assert go_on(trainee) == moved and isinstance(branch.average, ExponentialMovingAverage)


def test_saved_arms_come_back(trained, text, data):
    batch = replace(data.train("grey", 16))
    t = torch.full((16,), 500)
    for row in (row for out in trained.values() for row in rows_of(out)):
        folder = next(out for out in trained.values() if (out / MODELS / name_of(row)).is_dir()) / MODELS / name_of(row)
        visual = Denoiser.from_pretrained(folder / "visual")
        if row["text_sha256_after"] is None:
            assert not (folder / "injector").exists() and visual(batch.images, t, batch.conditions).isfinite().all()
            continue
        own = (folder / "text").is_dir()
        assert own == (row["arm"] in ("random_text_module", "unfrozen", "joint"))
        module = Denoiser.from_pretrained(folder / "text" if own else text / "text" / f"word_sentence-{row['seed']}")
        assert weights_sha256(module) == row["text_sha256_after"]
        artist = Artist(visual, module, Injector.from_pretrained(folder / "injector")).eval()
        assert artist(batch.images, t, batch.conditions, batch.text)[0].isfinite().all()


def name_of(row: dict) -> str:
    return f"{row['arm']}-{row['stage']}-{row['size']}-{row['seed']}@{row['updates']}"


def test_rates_are_searched_once_and_an_edge_is_told(prepared, text, tmp_path):
    out = tmp_path / "artist"
    grid = {"artist": [1e-5, 2e-3, 4e-3], "visual_only": [2e-3]}
    params = visual_params(rates=grid, sizes=[], stages={"grey": {"updates": 3, "seeds": 2}})
    run = run_of("train_visual", out, "artist")
    train_visual(prepared, text, out=out, params=params, run=run)
    rows = rows_of(out)
    losses = rows[0]["searched"]
    assert set(losses) == {"1e-05", "0.002", "0.004"}
    best = min(losses, key=losses.get)
    assert all(row["learning_rate"] == float(best) and row["searched"] == losses for row in rows)
    assert rows[0]["validation_loss"] == losses[best] and rows[0]["at_edge"] == (best in ("1e-05", "0.004"))
    assert len([key for row in run.history for key in row if key.endswith("-1e-05/loss")]) == 3  # of one seed alone
    assert middle([4.0, 1.0, 2.0]) == 2.0


def test_a_longer_training_has_a_search_at_its_own_length(prepared, text, tmp_path):
    out = tmp_path / "visual_only"
    grid = {"artist": [2e-3], "visual_only": [1e-5, 2e-3, 4e-3]}
    params = visual_params(rates=grid, sizes=[], stages={"grey": {"updates": 3, "seeds": 2}})
    train_visual(prepared, text, out=out, params=params, run=run_of("train_visual", out, "visual_only"))
    rows = rows_of(out)
    lengths = sorted({row["updates"] for row in rows})
    assert len(lengths) == 2 and len(rows) == 4
    for row in rows:
        assert row["searched_at"] == row["updates"] and len(row["searched"]) == 3
        assert row["learning_rate"] == float(min(row["searched"], key=row["searched"].get))
        assert not unsearched(row, "compute") or row["at_edge"]
    short, longer = ({tuple(row["searched"].items()) for row in rows if row["updates"] == n} for n in lengths)
    assert len(short) == len(longer) == 1 and short != longer
    first = [row for row in rows if row["seed"] == 0]
    assert all(row["validation_loss"] == row["searched"][f"{row['learning_rate']:g}"] for row in first)


def test_too_small_a_drawn_set_is_refused(data, text):
    with pytest.raises(TooFewComposites, match="21 composites wanted, 20"):
        data.train("grey", 21)
    assert read_settings(text).noise.prediction == "v_prediction"
    arm = new_artist("skip_injection", 0, read_settings(text).model, text, "cpu", 0)
    assert arm.injector.inject == "skip"
