"""Readers of the paper's published checkpoints (``imagenet-4096.pt``, ``imagenet-var-4096.pt``), without pickles.

Torch files are opened with ``weights_only``; the only class that is let in besides tensors is argparse's Namespace,
which holds the training's arguments. A tokenizer's file has ``model`` and ``ema``; a generator's ``trainer``, and in
it ``var_wo_ddp`` and the tokenizer it was trained on, ``vae_local``.

Legend:  P branches · c code_dim · V codes · D width · s patch size · C channels
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from tenfold.imagefolder.config import PAPER_GENERATOR, PAPER_TOKENIZER, GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.sampling import PAPER_GUIDANCE, PAPER_TOP_K, PAPER_TOP_P
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.models.folder import InvalidModel
from tenfold.nn.weight_names import Table, fill, layers, renamed, same

# Other networks of the training, statistics, and what follows from the configuration.
UNREAD = ("semantic_model.", "detail_model.", "semantic_loss.", "detail_loss.", "sem_linear.")
UNREAD_ENDS = ("ema_vocab_hit_SV", "lvl1LC", "lvl_1L", "attn_bias_for_masking", "zero_k_bias", "empty_emb.weight")
WRAPPERS = ("module.", "_orig_mod.")


def read_checkpoint(path: str | Path) -> Any:
    """Return what a torch file holds: tensors, numbers and arguments only. Raises InvalidModel."""
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InvalidModel(f"there is no {path}; download the published file first") from None
    except Exception as error:  # torch names no class of its own for files that it does not open
        raise InvalidModel(f"{path} is no torch file of tensors alone, and nothing else is opened: {error}") from None


def ignored(name: str) -> bool:
    """Say whether a published name is none that reconstructs or generates."""
    return name.startswith(UNREAD) or name.endswith(UNREAD_ENDS)


def unwrapped(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights without the prefixes that parallel and compiled training put before their names."""
    found = {}
    for name, tensor in weights.items():
        while name.startswith(WRAPPERS):
            name = name.split(".", 1)[1]
        found[name] = tensor
    return found


def _transformer(mine: str, theirs: str, depth: int) -> Table:
    """Return a vision transformer's names: ours and timm's."""
    pairs = {f"{mine}.norm": f"{theirs}.norm"}
    table: Table = {}
    for i in range(depth):
        own, other = f"{mine}.blocks.{i}", f"{theirs}.blocks.{i}"
        for number in (1, 2):
            pairs[f"{own}.norm{number}"] = f"{other}.norm{number}"
            table[f"{own}.scale{number}.factor"] = (same, (f"{other}.ls{number}.gamma",))
        pairs[f"{own}.attention.qkv"], pairs[f"{own}.attention.projection"] = f"{other}.attn.qkv", f"{other}.attn.proj"
        pairs[f"{own}.mlp.0"], pairs[f"{own}.mlp.2"] = f"{other}.mlp.fc1", f"{other}.mlp.fc2"
    return table | layers(pairs)


def _matrix(kernel: Tensor) -> Tensor:
    return kernel.flatten(1)  # a 1×1 convolution as a linear map


def _decoder_cls(cls: Tensor, positions: Tensor, levels: Tensor) -> Tensor:
    return cls + positions[:, :1] + levels[None]  # (1, 2, D): before the mask tokens, before the latents


def _quantizer(config: TokenizerConfig) -> Table:
    names = ["quantize"] if config.branches == 1 else [f"quantizes.{branch}" for branch in range(config.branches)]
    count = config.shared_convolutions
    convolutions = "quant_resi.qresi.{kind}" if count == 1 else "quant_resi.qresi_ls.{tick}.{kind}"

    def places(kind: str) -> tuple[str, ...]:
        return tuple(f"{name}.{convolutions.format(tick=tick, kind=kind)}" for tick in range(count) for name in names)

    def stacked(*tensors: Tensor) -> Tensor:
        return torch.cat(tensors).unflatten(0, (count, -1))  # (ticks, P·c, …)

    return {
        "quantizer.codebook": (lambda *codes: torch.stack(codes), tuple(f"{name}.embedding.weight" for name in names)),
        "quantizer.kernels": (stacked, places("weight")),
        "quantizer.biases": (stacked, places("bias")),
    }


def tokenizer_table(config: TokenizerConfig) -> Table:
    """Return where each tensor of a tokenizer is in the published file."""
    encoder, decoder, s, C = "encoder.model", "decoder.model", config.patch_size, config.channels

    def pixels(tensor: Tensor) -> Tensor:
        return tensor.unflatten(0, (s * s, C)).transpose(0, 1).flatten(0, 1)  # theirs: place, colour; ours: the reverse

    places = f"{encoder}.pos_embed", "encoder.lvl_embed.weight"
    table: Table = {
        "encoder.cls": (same, (f"{encoder}.cls_token",)),
        "encoder.cls_position": (lambda positions, levels: positions[:, :1] + levels[:1], places),
        "encoder.positions.embedding": (lambda positions: positions[:, 1:], places[:1]),
        "encoder.queries": (same, ("encoder.latent_tokens",)),
        "encoder.levels": (lambda levels: levels[None], places[1:]),
        "decoder.positions.embedding": (lambda positions: positions[:, 1:], (f"{decoder}.pos_embed",)),
        "decoder.mask": (same, ("decoder.mask_token",)),
        "decoder.levels": (lambda levels: levels[None], ("decoder.lvl_embed.weight",)),
        "decoder.cls": (_decoder_cls, (f"{decoder}.cls_token", f"{decoder}.pos_embed", "decoder.lvl_embed.weight")),
        "projection.weight": (_matrix, ("quant_conv.weight",)),
        "projection.bias": (same, ("quant_conv.bias",)),
        "decoder.inputs.weight": (_matrix, ("post_quant_conv.weight",)),
        "decoder.inputs.bias": (same, ("post_quant_conv.bias",)),
        "decoder.head.weight": (pixels, ("decoder.to_pixel.model.weight",)),
        "decoder.head.bias": (pixels, ("decoder.to_pixel.model.bias",)),
    }
    table |= layers({"encoder.patches": f"{encoder}.patch_embed.proj"}) | _quantizer(config)
    table |= _transformer("encoder.transformer", encoder, config.depth)
    return table | _transformer("decoder.transformer", decoder, config.depth)


def generator_table(config: GeneratorConfig) -> Table:
    """Return where each tensor of a folded generator is in the published file."""
    first = config.sides[0] ** 2

    def positions(every: Tensor, start: Tensor) -> Tensor:
        return torch.cat([every[:, :first] + start, every[:, first:]], dim=1)

    pairs = {"inputs": "word_embed", "condition": "head_nm.ada_lin.1", "head": "head"}
    table: Table = {
        "classes.weight": (same, ("class_emb.weight",)),
        "positions": (positions, ("pos_1LC", "pos_start")),
        "levels": (lambda levels: levels[None], ("lvl_embed.weight",)),
    }
    for i in range(config.depth):
        block, attention = f"blocks.{i}", f"blocks.{i}.attn"
        biases = f"{attention}.q_bias", f"{attention}.v_bias"
        table[f"{block}.attention.qkv.weight"] = (same, (f"{attention}.mat_qkv.weight",))
        table[f"{block}.attention.qkv.bias"] = (lambda q, v: torch.cat([q, torch.zeros_like(q), v]), biases)
        table[f"{block}.attention.log_scale"] = (lambda scale: scale[0], (f"{attention}.scale_mul_1H11",))
        pairs[f"{block}.attention.projection"], pairs[f"{block}.condition"] = f"{attention}.proj", f"{block}.ada_lin.1"
        pairs[f"{block}.mlp.0"], pairs[f"{block}.mlp.2"] = f"{block}.ffn.fc1", f"{block}.ffn.fc2"
    return table | layers(pairs)


def _tokenizer(weights: Mapping[str, Tensor], config: TokenizerConfig) -> Tokenizer:
    tokenizer = Tokenizer(config)
    fill(tokenizer, renamed(unwrapped(weights), tokenizer_table(config), ignored=ignored), whole=True)
    return tokenizer.eval()


def released_tokenizer(
    path: str | Path, *, weights: Literal["ema", "model"] = "ema", config: TokenizerConfig = PAPER_TOKENIZER
) -> Tokenizer:
    """Return the tokenizer of a published tokenizer file, averaged weights by default.

    Raises InvalidModel for another file or configuration, UnknownWeights (naming them) for other weights.
    """
    found = read_checkpoint(path)
    if not isinstance(found, Mapping) or weights not in found:
        raise InvalidModel(f"{path} has no {weights}: it is no published tokenizer; a generator has trainer")
    return _tokenizer(found[weights], config)


def released_pipeline(
    path: str | Path, *, tokenizer: TokenizerConfig = PAPER_TOKENIZER, generator: GeneratorConfig = PAPER_GENERATOR
) -> ImageFolder:
    """Return generator and tokenizer of a published generator file, with the paper's sampling. Raises as above."""
    found = read_checkpoint(path)
    parts = found.get("trainer") if isinstance(found, Mapping) else None
    if not isinstance(parts, Mapping) or not {"var_wo_ddp", "vae_local"} <= set(parts):
        raise InvalidModel(f"{path} has no trainer with var_wo_ddp and vae_local: it is no published generator")
    model = FoldedGenerator(generator)
    fill(model, renamed(unwrapped(parts["var_wo_ddp"]), generator_table(generator), ignored=ignored), whole=True)
    return ImageFolder.of(
        _tokenizer(parts["vae_local"], tokenizer),
        model,
        guidance_scale=PAPER_GUIDANCE,
        top_k=PAPER_TOP_K,
        top_p=PAPER_TOP_P,
    )
