"""What comes from elsewhere: a tiny DINOv2 that the test itself writes, and the optional LPIPS."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as functional
from accelerate import Accelerator

from tenfold.imagefolder.pretrained import FrozenTransformer, lpips, resized_patches, start_from_dinov2
from tenfold.imagefolder.scales import bicubic_matrix
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import TokenizerTraining, TrainingSettings
from tenfold.imaging.errors import InvalidImages
from tenfold.models.folder import InvalidModel
from tenfold.nn.discriminators import discriminator
from tenfold.nn.errors import InvalidConfig, MissingPackage, UnknownWeights
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.transformer import resampled


@pytest.fixture(scope="module")
def dinov2():
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    sizes = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4)
    model = Dinov2Model(Dinov2Config(**sizes)).eval()
    for parameter in model.parameters():
        parameter.data = 0.3 * torch.randn_like(parameter)
    return model


@pytest.fixture(scope="module")
def folder(dinov2, tmp_path_factory):
    path = tmp_path_factory.mktemp("dinov2")
    dinov2.save_pretrained(path)
    return path


@pytest.fixture
def colours() -> torch.Tensor:
    return torch.rand(5, 3, 8, 8, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.fixture
def wide(config):
    return replace(
        config, channels=3, depth=2, layer_scale=1.0, local_start=False, decoder_cls=True, semantic_branches="one"
    )


def test_the_teacher_is_the_pooled_feature_of_normalised_images_and_stays_frozen(dinov2, folder, colours):
    teacher = FrozenTransformer.from_pretrained(folder, image_size=8).train()
    before = weights_sha256(teacher)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    normal = ((colours + 1) / 2 - mean.view(3, 1, 1)) / deviation.view(3, 1, 1)
    with torch.no_grad():
        expected = dinov2(normal).pooler_output
    assert torch.allclose(teacher(colours), expected, atol=1e-5) and expected.shape == (5, 16)
    assert not teacher.training and not any(parameter.requires_grad for parameter in teacher.parameters())
    assert torch.allclose(teacher(colours[:, :1]), teacher(colours[:, :1].repeat(1, 3, 1, 1)))
    assert FrozenTransformer.from_pretrained(folder, image_size=16)(colours).shape == (5, 16)
    assert weights_sha256(teacher) == before


def test_the_teacher_and_its_maps_train_a_tokenizer(wide, folder, colours):
    network = FrozenTransformer.from_pretrained(folder, image_size=8, depths=(1, 2))
    before = weights_sha256(network)
    assert [found.shape for found in network.maps(colours)] == [(5, 16, 2, 2)] * 2 and network.widths == (16, 16)
    judge = discriminator("features", 3, network=network, widths=network.widths)
    images = colours.requires_grad_()
    (reached,) = torch.autograd.grad(judge(images).sum(), images)
    assert reached.abs().sum() > 0
    start = Tokenizer(wide)
    start_from_dinov2(start, folder)
    settings = TrainingSettings(updates=4, collapse_check=0)
    run = TokenizerTraining(wide, settings, Accelerator(cpu=True), seed=0, teacher=network, start=start)
    started = run.average.model.encoder.patches.weight.clone()
    assert torch.equal(started, start.encoder.patches.weight) and run.update(1, colours.detach())["semantic"] > 0
    assert weights_sha256(network) == before


@torch.no_grad()
def test_a_tokenizer_started_from_dinov2_has_its_features(wide, dinov2, folder, colours):
    torch.manual_seed(3)
    tokenizer = Tokenizer(wide).eval()
    untouched = {name: tokenizer.state_dict()[name].clone() for name in ("encoder.queries", "decoder.mask")}
    start_from_dinov2(tokenizer, folder)
    encoder, expected = tokenizer.encoder, dinov2(colours).last_hidden_state
    patches = encoder.patches(colours).flatten(2).transpose(1, 2) + encoder.positions(2)
    cls = (encoder.cls + encoder.cls_position).expand(5, -1, -1)
    assert torch.allclose(encoder.transformer(torch.cat([cls, patches], dim=1)), expected, atol=1e-5)
    tokens = torch.cat([tokenizer.decoder.cls[:, :1].expand(5, -1, -1), patches], dim=1)
    assert torch.allclose(tokenizer.decoder.transformer(tokens), expected, atol=1e-5)
    assert torch.equal(tokenizer.decoder.positions.embedding, encoder.positions.embedding)
    assert all(torch.equal(tokenizer.state_dict()[name], tensor) for name, tensor in untouched.items())


def test_positions_and_patches_of_another_size_are_resampled(wide, dinov2, folder):
    tokenizer = Tokenizer(replace(wide, image_size=15, patch_size=5, sides=(1, 2, 3)))
    start_from_dinov2(tokenizer, folder)
    positions = dinov2.embeddings.position_embeddings[:, 1:]
    assert torch.allclose(tokenizer.encoder.positions.embedding, resampled(positions, 3))
    kernels = dinov2.embeddings.patch_embeddings.projection.weight.detach()
    assert torch.allclose(tokenizer.encoder.patches.weight, resized_patches(kernels, 5))


def test_resized_patches_answer_enlarged_patches_alike():
    draws = torch.Generator().manual_seed(0)
    kernels, patches = (torch.randn(6, 3, 4, 4, generator=draws) for _ in range(2))
    enlarged = (patches.flatten(2) @ bicubic_matrix(4, 6)).unflatten(2, (6, 6))
    answers = functional.conv2d(enlarged, resized_patches(kernels, 6))
    assert torch.allclose(answers, functional.conv2d(patches, kernels), atol=1e-4)
    assert resized_patches(kernels, 4) is kernels


def test_what_does_not_fit_is_named(wide, config, folder, tmp_path):
    with pytest.raises(UnknownWeights, match=r"18 missing .*encoder.layer.2"):
        start_from_dinov2(Tokenizer(replace(wide, depth=3)), folder)
    with pytest.raises(UnknownWeights, match=r"18 unknown .*encoder.layer.1"):
        start_from_dinov2(Tokenizer(replace(wide, depth=1)), folder)
    with pytest.raises(InvalidModel, match="do not fit the configuration"):
        start_from_dinov2(Tokenizer(replace(wide, width=32)), folder)
    with pytest.raises(InvalidConfig, match="layer scales"):
        start_from_dinov2(Tokenizer(config), folder)
    with pytest.raises(InvalidModel, match="cannot load"):
        FrozenTransformer.from_pretrained(tmp_path)
    with pytest.raises(InvalidConfig, match="do not tile 9"):
        FrozenTransformer.from_pretrained(folder, image_size=9)
    with pytest.raises(InvalidConfig, match="depths from 1 to 2"):
        FrozenTransformer.from_pretrained(folder, image_size=8, depths=(3,))
    with pytest.raises(InvalidImages, match=r"\(B, 1, H, W\)"):
        FrozenTransformer.from_pretrained(folder, image_size=8)(torch.zeros(2, 2, 8, 8))


def test_lpips_is_optional(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(MissingPackage, match="pip install lpips"):
        lpips()

    class Distance(torch.nn.Module):
        def __init__(self, net: str, verbose: bool) -> None:
            super().__init__()
            self.factor = torch.nn.Parameter(torch.ones(3, 1, 1))

        def forward(self, first, second):
            return ((first - second) * self.factor).square().mean(dim=(1, 2, 3), keepdim=True)

    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=Distance))
    images = torch.rand(4, 1, 8, 8, requires_grad=True)
    loss = lpips()(images, torch.zeros(4, 1, 8, 8))
    assert loss.shape == () and loss.item() == pytest.approx(images.square().mean().item())
