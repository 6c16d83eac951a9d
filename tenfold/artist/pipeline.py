"""ARTIST as a pipeline of diffusers: saved, loaded and called through its public classes.

    pipe = ArtistPipeline.from_pretrained("folder")  # the injector is attached on load
    pipe(conditions, seed=0).images

Legend:  B images · H, W canvas · K, D tokens and width of a text encoder
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from diffusers import DiffusionPipeline
from diffusers.utils import BaseOutput
from jaxtyping import Float, UInt8
from torch import Tensor

from tenfold.artist.cards import card
from tenfold.artist.conditions import Conditions
from tenfold.artist.denoiser import Denoiser, States
from tenfold.artist.errors import InvalidConditions, InvalidSampling
from tenfold.artist.latents import decoded, encoded, shuffled, unshuffled
from tenfold.artist.model import Artist
from tenfold.artist.noising import Latents
from tenfold.artist.sampling import SamplingConfig, sample
from tenfold.imaging.pixels import to_pixels, to_tensor


@dataclass
class ArtistOutput(BaseOutput):
    """Images (B, H, W, 3) and their text images as bytes; no text images without a text module."""

    images: UInt8[np.ndarray, "B H W *C"]
    text_images: UInt8[np.ndarray, "B H W *C"] | None = None


class ArtistPipeline(DiffusionPipeline):
    """Images with text by two disentangled diffusion models (arXiv:2406.12044).

    ``unet`` is the visual module's, ``text_unet`` the text module's; each has its own encoders of letters. With ``vae``
    latents are an autoencoder's, without one pixels, ``side`` × ``side`` of them per place. With ``text_encoder`` and
    ``tokenizer`` both U-Nets read their states. The ``injector`` is attached when the pipeline is made or loaded.
    ``width`` and ``height`` say on which canvas it was trained, in pixels, where that is known.
    """

    _optional_components: ClassVar[list[str]] = [
        "text_unet",
        "injector",
        "characters",
        "letters",
        "text_characters",
        "text_letters",
        "vae",
        "text_encoder",
        "tokenizer",
    ]
    model_cpu_offload_seq = "text_encoder->text_unet->unet->vae"

    def __init__(
        self,
        unet: Any,
        scheduler: Any,
        text_unet: Any = None,
        injector: Any = None,
        characters: Any = None,
        letters: Any = None,
        text_characters: Any = None,
        text_letters: Any = None,
        vae: Any = None,
        text_encoder: Any = None,
        tokenizer: Any = None,
        side: int = 2,
        glyphs: bool = False,
        width: int | None = None,
        height: int | None = None,
    ) -> None:
        super().__init__()
        self.register_modules(
            unet=unet,
            scheduler=scheduler,
            text_unet=text_unet,
            injector=injector,
            characters=characters,
            letters=letters,
            text_characters=text_characters,
            text_letters=text_letters,
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
        )
        self.register_to_config(side=side, glyphs=glyphs, width=width, height=height)
        self._attach()

    def _attach(self) -> None:
        states: tuple[States | None, States | None] = (None, None)
        if self.text_encoder is not None:
            states = ("prompt_states", "text_states")
        visual = Denoiser(self.unet, self.characters, self.letters, glyphs=self.config.glyphs, states=states[0])
        text = None
        if self.text_unet is not None:
            text = Denoiser(self.text_unet, self.text_characters, self.text_letters, states=states[1]).freeze()
        self._artist = Artist(visual, text, self.injector).eval()

    @classmethod
    def of(
        cls,
        artist: Artist,
        scheduler: Any,
        *,
        side: int = 2,
        canvas: tuple[int | None, int | None] = (None, None),
        **encoders: Any,
    ) -> Self:
        """Put a trained model and its scheduler together; ``encoders`` are vae, text_encoder and tokenizer.

        ``canvas`` is the width and height that it was trained on, in pixels, which who generates need not say then.
        The pipeline shares the model's networks: it freezes the text module, and evaluates.
        """
        visual, text = artist.visual, artist.text
        parts: dict[str, Any] = {"unet": visual.unet, "characters": visual.characters, "letters": visual.letters}
        if text is not None:
            parts |= {"text_unet": text.unet, "text_characters": text.characters, "text_letters": text.letters}
            parts["injector"] = artist.injector
        width, height = canvas
        settings: dict[str, Any] = {"side": side, "glyphs": visual.glyphs, "width": width, "height": height}
        return cls(scheduler=scheduler, **settings, **parts, **encoders)

    @property
    def artist(self) -> Artist:
        """Both modules and the injector, as training and `sample` take them."""
        return self._artist

    @property
    def canvas(self) -> tuple[int, int] | None:
        """Width and height in pixels that it was trained on: as it was said, else the autoencoder's; None if unsaid."""
        if self.config.width is not None and self.config.height is not None:
            return self.config.width, self.config.height
        size = self.unet.config.sample_size
        if self.vae is None or size is None:
            return None
        height, width = (size, size) if isinstance(size, int) else size
        return width * self.pixels_per_place, height * self.pixels_per_place

    @property
    def pixels_per_place(self) -> int:
        """How many pixels wide and high a latent place is."""
        return self.config.side if self.vae is None else 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def longest(self) -> int | None:
        """How many letters and spaces all words of a canvas may have together; None where no network counts them."""
        counted = [part.config.longest for part in (self.letters, self.text_letters) if part is not None]
        return min(counted) if counted else None

    def __call__(
        self,
        conditions: Conditions,
        *,
        config: SamplingConfig | None = None,
        seed: int = 0,
        first: int = 0,
        text_images: UInt8[np.ndarray, "B H W"] | None = None,
    ) -> ArtistOutput:
        """Return images for layouts, and prompts where there is a text encoder; the same bytes for the same seed.

        ``first`` numbers the batch's first image; ``text_images`` are finished ones (B, H, W), white on black, in place
        of sampled ones. Raises InvalidConditions, InvalidSampling.
        """
        given = None if text_images is None else self.text_latents(text_images)
        found, text = sample(self.artist, self.scheduler, conditions, config, seed=seed, first=first, text=given)
        return ArtistOutput(to_pixels(self._decoded(found)), None if text is None else self._text_pixels(text))

    def latents(self, images: UInt8[np.ndarray, "B H W *C"]) -> Latents:
        """Return images as latents of this pipeline."""
        tensor = to_tensor(images)
        return unshuffled(tensor, self.config.side) if self.vae is None else encoded(self.vae, tensor)

    def text_latents(self, images: UInt8[np.ndarray, "B H W"]) -> Latents:
        """Return text images, white on black, as latents of this pipeline. Raises InvalidSampling for other shapes."""
        if images.ndim != 3:
            raise InvalidSampling(f"text images are (B, H, W), not {images.shape}")
        return self.latents(images)

    def reconstructed(self, images: UInt8[np.ndarray, "B H W C"]) -> UInt8[np.ndarray, "B H W C"]:
        """Return images as they come back from their latents: the same bytes without an autoencoder."""
        return to_pixels(self._decoded(self.latents(images)))

    def states(self, texts: Sequence[str]) -> Float[Tensor, "B K D"]:
        """Return the text encoder's states. Raises InvalidConditions without one, or for a text beyond its length."""
        if self.tokenizer is None or self.text_encoder is None:
            raise InvalidConditions("this pipeline reads letters; it has no text encoder and tokenizer")
        longest = self.tokenizer.model_max_length
        for text in texts:
            count = len(self.tokenizer(text).input_ids)
            if count > longest:
                raise InvalidConditions(f"{count} tokens, of which the text encoder reads {longest}: {text[:60]!r} …")
        found = self.tokenizer(
            list(texts), padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        )
        with torch.no_grad():
            return self.text_encoder(found.input_ids.to(self.text_encoder.device))[0]

    def conditions(self, mask: Float[Tensor, "B 1 h w"], prompts: Sequence[str], words: Sequence[str]) -> Conditions:
        """Return conditions for a pipeline with a text encoder: prompts for the image, the words for the text image.

        Raises InvalidConditions.
        """
        return Conditions(
            mask=mask,
            prompt_states=self.states(prompts),
            text_states=self.states(words),
            empty_states=self.states([""] * len(mask)),
        )

    def save_pretrained(self, save_directory: str | os.PathLike[str], *arguments: Any, **settings: Any) -> None:
        """Write the pipeline's folder as diffusers does, weights as safetensors, and its card."""
        super().save_pretrained(save_directory, *arguments, **settings)
        (Path(save_directory) / "README.md").write_text(card(self), encoding="utf-8")

    def _decoded(self, latents: Latents) -> Float[Tensor, "B C H W"]:
        return shuffled(latents, self.config.side) if self.vae is None else decoded(self.vae, latents)

    def _text_pixels(self, latents: Latents) -> UInt8[np.ndarray, "B H W *C"]:
        return to_pixels(self._decoded(latents))
