"""The adversarial objective: when it starts, how it is weighed, what it leaves alone, and exact resume."""

from __future__ import annotations

import pytest
import torch
from accelerate import Accelerator

from steps.step import checkpoint
from tenfold.imagefolder.adversarial import (
    AdversarialLoss,
    AdversarialSettings,
    RunningLogits,
    adaptive_weight,
    hinge_loss,
)
from tenfold.imagefolder.rows import ablation_rows
from tenfold.imagefolder.training import TokenizerTraining, TrainingSettings
from tenfold.nn.convnet import ConvNet, ConvNetConfig
from tenfold.nn.discriminators import FeatureDiscriminator, discriminator
from tenfold.nn.errors import InvalidConfig, NotFinite
from tenfold.nn.pretrained import weights_sha256

SETTINGS = TrainingSettings(updates=8, learning_rate=3e-3, collapse_check=0)
START = 3


@pytest.fixture(scope="module")
def accelerator() -> Accelerator:
    return Accelerator(cpu=True)


def network() -> ConvNet:
    torch.manual_seed(5)
    return ConvNet(ConvNetConfig(image_size=8, channels=1, widths=(4, 6), features=3))


def adversarial(name: str, accelerator, frozen=None, **changes) -> AdversarialLoss:
    torch.manual_seed(6)
    frozen = frozen or network()
    made = discriminator(name, 1, network=frozen, widths=(4, 6))
    return AdversarialLoss(made, AdversarialSettings(**{"start": START, **changes}), accelerator, seed=7)


def training(config, accelerator, loss, settings=SETTINGS) -> TokenizerTraining:
    return TokenizerTraining(config, settings, accelerator, seed=3, adversarial=loss)


@pytest.mark.parametrize("name", ["patch", "features"])
def test_nothing_happens_before_the_start_and_weights_are_finite_after(config, accelerator, images, name):
    loss = adversarial(name, accelerator)
    run, plain = training(config, accelerator, loss), TokenizerTraining(config, SETTINGS, accelerator, seed=3)
    untouched = weights_sha256(loss.discriminator)
    for number in range(1, START):
        found = run.update(number, images)
        assert found["adversarial"] == found["adversarial_weight"] == 0 and "discriminator" not in found
        assert found["total"] == plain.update(number, images)["total"]
        assert weights_sha256(loss.discriminator) == untouched and not loss.optimiser.state
    found = run.update(START, images)
    assert 0 < found["adversarial_weight"] <= 0.5e4 and found["discriminator"] > 0
    assert found["total"] != plain.update(START, images)["total"]
    assert weights_sha256(loss.discriminator) != untouched and loss.running.count == 1


def test_the_adaptive_weight_is_the_ratio_of_both_gradients(config, accelerator, images):
    loss = adversarial("patch", accelerator, start=1, augment=False)
    run = training(config, accelerator, loss)
    run.model.eval()
    losses, output = run.losses(images, 1)
    layer = run.model.last_layer
    (wanted,) = torch.autograd.grad(losses["mse"], layer, retain_graph=True)
    (own,) = torch.autograd.grad(-loss.discriminator(output.reconstruction).mean(), layer, retain_graph=True)
    expected = 0.5 * wanted.norm() / (own.norm() + 1e-4)
    assert losses["adversarial_weight"].item() == pytest.approx(expected.item(), rel=1e-5)
    (reached,) = torch.autograd.grad(losses["total"], layer, retain_graph=True)
    assert torch.allclose(reached, wanted + expected * own, rtol=1e-3, atol=1e-6)
    blind = 0 * losses["adversarial"]  # no gradient to weigh against
    assert adaptive_weight(losses["mse"], blind, layer).item() == pytest.approx(wanted.norm().item() / 1e-4, rel=1e-4)
    assert adaptive_weight(1e6 * losses["mse"], blind, layer) == 1e4


def test_the_term_teaches_the_tokenizer_and_leaves_the_discriminator_to_its_own_updates(config, accelerator, images):
    loss = adversarial("features", accelerator, start=1)
    run = training(config, accelerator, loss)
    before = weights_sha256(loss.discriminator)
    losses, _ = run.losses(images, 1)
    (losses["adversarial_weight"] * losses["adversarial"]).backward()
    assert run.model.last_layer.grad.abs().sum() > 0
    assert all(parameter.grad is None and parameter.requires_grad for parameter in loss.discriminator.parameters())
    assert weights_sha256(loss.discriminator) == before


def test_the_features_stay_frozen(config, accelerator, images):
    frozen = network().train()
    loss = adversarial("features", accelerator, frozen, start=1)
    assert isinstance(loss.discriminator, FeatureDiscriminator)
    before = weights_sha256(frozen)
    run = training(config, accelerator, loss)
    for number in range(1, 4):
        run.update(number, images)
    assert weights_sha256(frozen) == before and not frozen.training
    assert not [name for name in loss.discriminator.state_dict() if "stages" in name]


@pytest.mark.parametrize("name", ["patch", "features"])
def test_a_run_resumed_in_the_middle_ends_with_the_same_bytes(config, accelerator, images, tmp_path, name):
    settings = TrainingSettings(updates=8, learning_rate=3e-3, collapse_check=0, micro_batches=2)

    def make():
        return training(config, accelerator, adversarial(name, accelerator), settings)

    whole, first, second = make(), make(), make()
    logged = [whole.update(number, images) for number in range(1, 8)]
    for number in range(1, 6):
        first.update(number, images)
    checkpoint.save(tmp_path / "middle.safetensors", checkpoint.state_of(first.state))
    torch.rand(11)
    checkpoint.restore(second.state, checkpoint.load(tmp_path / "middle.safetensors"))
    assert [second.update(number, images) for number in (6, 7)] == logged[5:]
    assert second.adversarial.running.state_dict() == whole.adversarial.running.state_dict()
    assert weights_sha256(second.adversarial.discriminator) == weights_sha256(whole.adversarial.discriminator)
    assert weights_sha256(second.model) == weights_sha256(whole.model)


def test_hinge_and_lecam_by_their_formulas():
    real, fake = torch.tensor([[2.0, 0.5]]), torch.tensor([[-3.0, 0.0]])
    assert hinge_loss(real, fake).item() == pytest.approx((0.25 + 0.5) / 2)
    running = RunningLogits()
    assert running.regulariser(real, fake) == 0
    running.update(1.0, -1.0)
    assert running.regulariser(real, fake).item() == pytest.approx((3**2 + 1.5**2) / 2 + (4**2 + 1) / 2)
    running.update(2.0, -1.0)
    assert running.real == pytest.approx(1.001) and running.fake == pytest.approx(-1.0)


def test_rows_name_their_discriminator_and_the_eighth_alone_has_the_equilibrium(config):
    rows = ablation_rows(config, (1, 2, 4), discriminator="patch")
    found = [row.adversarial(9) for row in rows]
    assert [row.discriminator for row in rows] == ["patch"] * 6 + ["features"] * 2
    assert found[:7] == [AdversarialSettings(1, adaptive=False, lecam=0.0, weight_decay=0.0)] * 7
    assert found[7] == AdversarialSettings(9) and found[7].adaptive and found[7].lecam and found[7].weight_decay
    assert ablation_rows(config, (1, 2, 4))[0].adversarial(9) is None


def test_what_is_wrong_is_named(accelerator, images):
    with pytest.raises(InvalidConfig, match="cannot start at 0"):
        AdversarialSettings(0)
    with pytest.raises(InvalidConfig, match="not negative"):
        AdversarialSettings(1, lecam=-1.0)
    loss = adversarial("patch", accelerator, start=1)
    with pytest.raises(NotFinite, match="discriminator = nan at update 1"):
        loss.update_discriminator(1, [images], [images * torch.nan])
