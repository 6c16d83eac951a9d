"""Tiny pipelines of the real classes: a checkpoint in Stable Diffusion's format, and a small one, trained or not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from tenfold.artist.conditioning import letter_numbers
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.losses import Batch, draw, text_loss, visual_losses
from tenfold.artist.noising import small_scheduler
from tenfold.artist.pipeline import ArtistPipeline
from tenfold.artist.variants import build
from tenfold.nn.seeding import drawn_from
from tests.tenfold.artist.toys import TEXT, VISUAL, H, W, batch

SCHEDULER = small_scheduler("v_prediction")


def stable_diffusion(path: Path) -> Path:
    """Write a folder as the hub's: four kinds of blocks less two, a text encoder of twelve tokens, an autoencoder.

    ``path`` is an empty folder; returns the checkpoint in it.
    """
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    (path / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}))
    (path / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(str(path / "vocab.json"), str(path / "merges.txt"), model_max_length=12)
    with drawn_from(0):
        encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(words), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
                num_attention_heads=2, max_position_embeddings=12,
                bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1,
            )
        )  # fmt: skip
        unet = UNet2DConditionModel(
            sample_size=8, in_channels=4, out_channels=4, block_out_channels=(8, 16), norm_num_groups=4,
            down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
            layers_per_block=2, cross_attention_dim=16, attention_head_dim=2,
        )  # fmt: skip
        vae = AutoencoderKL(
            block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
        )  # fmt: skip
    scheduler = PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True)
    StableDiffusionPipeline(vae, encoder, tokenizer, unet, scheduler, None, None, requires_safety_checker=False
                            ).save_pretrained(path / "sd")  # fmt: skip
    return path / "sd"


def with_letters(data: Batch, letters: str = "ab") -> Batch:
    """Return toy canvases whose letters 1 and 2 are those of words: a is white, b striped."""
    table = torch.tensor([0, *letter_numbers(letters)])
    found = data.conditions
    named = replace(found, letters=table[found.letters], sequence=table[found.sequence])
    return replace(data, conditions=named)


def trained_pipeline(folder: Path) -> Path:
    """Write a pipeline on 16×8 pixels that has learnt to write words of a and b; returns its folder."""
    data, generator = with_letters(batch(64)), torch.Generator().manual_seed(0)
    text = Denoiser.new(TEXT, seed=0)

    def train(parameters: Any, loss: Any) -> None:
        optimiser = torch.optim.AdamW(list(parameters), lr=4e-3)
        for _ in range(150):
            part = data.at(torch.randint(64, (16,), generator=generator))
            optimiser.zero_grad()
            loss(part, draw(part, generator)).backward()
            optimiser.step()

    train(text.parameters(), lambda part, drawn: text_loss(text, SCHEDULER, part, drawn))
    artist = build("artist", VISUAL, TEXT, text.freeze(), seed=1)
    train(artist.trained().parameters(), lambda part, drawn: visual_losses(artist, SCHEDULER, part, drawn)["visual"])
    ArtistPipeline.of(artist, SCHEDULER, canvas=(2 * W, 2 * H)).save_pretrained(folder)
    return folder


def untrained_pipeline(folder: Path) -> Path:
    """Write a pipeline on 64×16 pixels that has learnt nothing, for words of up to 24 letters; returns its folder."""
    sizes = {"longest": 24}
    text, visual = replace(TEXT, **sizes), replace(VISUAL, **sizes)
    artist = build("artist", visual, text, Denoiser.new(text, seed=0), seed=1)
    ArtistPipeline.of(artist, SCHEDULER, canvas=(64, 16)).save_pretrained(folder)
    return folder
