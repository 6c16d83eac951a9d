"""Published checkpoints, in their format but tiny, written by the test: every tensor lands where it belongs."""

from __future__ import annotations

import argparse
from dataclasses import replace

import pytest
import torch

from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.original_checkpoints import released_pipeline, released_tokenizer
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.models.folder import InvalidModel
from tenfold.nn.errors import UnknownWeights

D, P, V, c, S = 16, 2, 16, 4, 3  # width, branches, codes, code_dim, scales


@pytest.fixture
def wide(config):
    return replace(config, channels=3, depth=2, layer_scale=1.0, local_start=False, decoder_cls=True, teacher_dim=D)


@pytest.fixture
def settings(wide) -> GeneratorConfig:
    return GeneratorConfig.for_tokenizer(wide, classes=3, width=D, depth=2, heads=2)


def drawn(shapes: dict[str, tuple[int, ...]], seed: int) -> dict[str, torch.Tensor]:
    draws = torch.Generator().manual_seed(seed)
    return {name: 0.3 * torch.randn(shape, generator=draws) for name, shape in shapes.items()}


def linear(name: str, out: int, into: int, *sides: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (out, into, *sides), f"{name}.bias": (out,)}


def published_tokenizer(seed: int = 0) -> dict[str, torch.Tensor]:
    shapes: dict[str, tuple[int, ...]] = linear("encoder.model.patch_embed.proj", D, 3, 4, 4)
    for part, levels in (("encoder", P + 1), ("decoder", 2)):
        shapes |= {f"{part}.model.cls_token": (1, 1, D), f"{part}.model.pos_embed": (1, 5, D)}
        shapes |= {f"{part}.lvl_embed.weight": (levels, D), f"{part}.lvl1LC": (1, 7)}
        shapes |= {f"{part}.model.norm.weight": (D,), f"{part}.model.norm.bias": (D,)}
        for i in range(2):
            block = f"{part}.model.blocks.{i}"
            shapes |= linear(f"{block}.attn.qkv", 3 * D, D) | linear(f"{block}.attn.proj", D, D)
            shapes |= linear(f"{block}.mlp.fc1", 4 * D, D) | linear(f"{block}.mlp.fc2", D, 4 * D)
            for number in (1, 2):
                shapes |= {f"{block}.norm{number}.weight": (D,), f"{block}.norm{number}.bias": (D,)}
                shapes |= {f"{block}.ls{number}.gamma": (D,)}
    shapes |= {"encoder.latent_tokens": (1, P * 9, D), "decoder.mask_token": (1, 1, D)}
    shapes |= linear("decoder.to_pixel.model", 48, D)
    shapes |= linear("quant_conv", c, D, 1, 1) | linear("post_quant_conv", D, P * c, 1, 1)
    for branch in range(P):
        shapes |= {f"quantizes.{branch}.embedding.weight": (V, c), f"quantizes.{branch}.ema_vocab_hit_SV": (S, V)}
        for tick in range(4):
            shapes |= linear(f"quantizes.{branch}.quant_resi.qresi_ls.{tick}", c, c, 3, 3)
    shapes |= {"semantic_model.cls_token": (1, 1, D)}
    return drawn(shapes, seed)


def published_generator() -> dict[str, torch.Tensor]:
    shapes: dict[str, tuple[int, ...]] = {"class_emb.weight": (4, D), "pos_start": (1, 1, D), "pos_1LC": (1, 14, D)}
    shapes |= {"lvl_embed.weight": (S, D), "lvl_1L": (1, 14), "attn_bias_for_masking": (1, 1, 14, 14)}
    shapes |= linear("word_embed", D, P * c) | linear("head_nm.ada_lin.1", 2 * D, D) | linear("head", P * V, D)
    for i in range(2):
        block = f"blocks.{i}"
        shapes |= {f"{block}.attn.mat_qkv.weight": (3 * D, D), f"{block}.attn.scale_mul_1H11": (1, 2, 1, 1)}
        shapes |= {f"{block}.attn.{name}": (D,) for name in ("q_bias", "v_bias", "zero_k_bias")}
        shapes |= linear(f"{block}.attn.proj", D, D) | linear(f"{block}.ada_lin.1", 6 * D, D)
        shapes |= linear(f"{block}.ffn.fc1", 4 * D, D) | linear(f"{block}.ffn.fc2", D, 4 * D)
    return drawn(shapes, 5)


@pytest.fixture
def file(tmp_path):
    def write(content):
        torch.save(content, tmp_path / "published.pt")
        return tmp_path / "published.pt"

    return write


@torch.no_grad()
def test_a_published_tokenizer_is_read_averaged_weights_first(file, wide):
    raw, averaged = published_tokenizer(1), published_tokenizer(0)
    path = file({"model": raw, "ema": averaged, "args": argparse.Namespace(epochs=200), "steps": 7})
    tokenizer = released_tokenizer(path, config=wide)
    assert torch.equal(tokenizer.encoder.queries, averaged["encoder.latent_tokens"])
    assert torch.equal(
        released_tokenizer(path, weights="model", config=wide).encoder.queries, raw["encoder.latent_tokens"]
    )
    level, positions = averaged["encoder.lvl_embed.weight"], averaged["encoder.model.pos_embed"]
    assert torch.equal(tokenizer.encoder.levels[0], level)
    assert torch.equal(tokenizer.encoder.cls_position[0, 0], positions[0, 0] + level[0])
    quantizer, tick, branch = tokenizer.quantizer, 2, 1
    theirs = f"quantizes.{branch}.quant_resi.qresi_ls.{tick}"
    assert torch.equal(quantizer.codebook[branch], averaged[f"quantizes.{branch}.embedding.weight"])
    assert torch.equal(quantizer.kernels[tick, branch * c : (branch + 1) * c], averaged[f"{theirs}.weight"])
    assert torch.equal(quantizer.biases[tick, branch * c : (branch + 1) * c], averaged[f"{theirs}.bias"])
    images = torch.rand(2, 3, 8, 8) * 2 - 1
    assert tokenizer.reconstruct(images).shape == images.shape


@torch.no_grad()
def test_pixels_of_a_patch_are_places_first_then_colours(file, wide):
    weights = published_tokenizer()
    weights["decoder.to_pixel.model.weight"].zero_()
    tokenizer = released_tokenizer(file({"ema": weights}), config=wide)
    image = tokenizer.decode(torch.zeros(1, P, 14, dtype=torch.long))
    patch = weights["decoder.to_pixel.model.bias"].view(4, 4, 3).permute(2, 0, 1)
    assert torch.equal(image[0], patch.repeat(1, 2, 2))


@torch.no_grad()
def test_a_published_generator_is_read_with_its_tokenizer(file, wide, settings, tmp_path):
    weights = published_generator()
    wrapped = {f"_orig_mod.{name}": tensor for name, tensor in weights.items()}
    path = file({"trainer": {"var_wo_ddp": wrapped, "vae_local": published_tokenizer(), "config": {"prog_it": 0}}})
    pipeline = released_pipeline(path, tokenizer=wide, generator=replace(settings, codebook_size=V))
    generator, attention = pipeline.generator, pipeline.generator.blocks[1].attention
    start = weights["pos_1LC"][:, :1] + weights["pos_start"]
    assert torch.equal(generator.positions[:, :1], start)
    assert torch.equal(generator.positions[:, 1:], weights["pos_1LC"][:, 1:])
    bias = torch.cat([weights["blocks.1.attn.q_bias"], torch.zeros(D), weights["blocks.1.attn.v_bias"]])
    assert torch.equal(attention.qkv.bias, bias)
    assert torch.equal(attention.log_scale, weights["blocks.1.attn.scale_mul_1H11"][0])
    assert pipeline.config.guidance_scale == 3.25 and pipeline.config.top_k == 750
    again = ImageFolder.from_pretrained(pipeline.save_pretrained(tmp_path / "saved"))
    assert torch.equal(again.generator.head.weight, weights["head.weight"])
    assert pipeline.generate([0, 2], top_k=5).shape == (2, 8, 8, 3)


def test_other_names_are_listed(file, wide):
    weights = published_tokenizer()
    weights["encoder.latent_pos_embed"] = weights.pop("decoder.mask_token")
    with pytest.raises(
        UnknownWeights, match=r"1 missing \(decoder.mask_token\), 1 unknown \(encoder.latent_pos_embed\)"
    ):
        released_tokenizer(file({"ema": weights}), config=wide)


class Anything:
    """What a pickle might bring along."""


def test_other_files_are_refused(file, wide, settings, tmp_path):
    with pytest.raises(InvalidModel, match="tensors alone"):
        released_tokenizer(file({"ema": Anything()}), config=wide)
    with pytest.raises(InvalidModel, match="no published tokenizer"):
        released_tokenizer(file({"trainer": {}}), config=wide)
    with pytest.raises(InvalidModel, match="no published generator"):
        released_pipeline(file({"ema": published_tokenizer()}), tokenizer=wide, generator=settings)
    with pytest.raises(InvalidModel, match="download the published file"):
        released_tokenizer(tmp_path / "none.pt", config=wide)
    with pytest.raises(InvalidModel, match="do not fit the configuration"):
        released_tokenizer(file({"ema": published_tokenizer()}), config=replace(wide, codebook_size=8))
