"""The tokenizer: image → P aligned maps of tokens at S scales → image.

Legend:  B images · C channels · P branches · c code_dim · K side of the latent map · L positions · S scales
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn

from tenfold.imagefolder.config import TAGS, TokenizerConfig
from tenfold.imagefolder.decoder import Decoder
from tenfold.imagefolder.encoder import Encoder
from tenfold.imagefolder.errors import InvalidTokens
from tenfold.imagefolder.quantizer import Quantizer
from tenfold.imagefolder.semantic import gathered, info_nce
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.pixels import to_tensor
from tenfold.nn.pretrained import Pretrained

Images = Float[Tensor, "B C H W"]
Indices = Int[Tensor, "B P L"]
CACHED = 2**20  # numbers of an activation that a processor's cache holds


@dataclass
class TokenizerOutput:
    """What one forward pass gives.

    ``losses`` are unweighted: codebook, commitment, and semantic where a teacher's features were given.
    ``branch_features`` (B, P, c) are the means of the quantised maps, which probes and the semantic loss read;
    ``kept`` (B,) says how many scales each sample kept.
    """

    reconstruction: Images
    losses: dict[str, Tensor]
    indices: Indices
    branch_features: Float[Tensor, "B P c"]
    kept: Int[Tensor, " B"]


class Tokenizer(Pretrained):
    """Product-quantised multi-scale residual tokenizer (ImageFolder, arXiv:2410.01756)."""

    Config: ClassVar[type] = TokenizerConfig
    tags = TAGS

    def __init__(self, config: TokenizerConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.quantizer, self.decoder = Encoder(config), Quantizer(config), Decoder(config)
        self.projection = nn.Linear(config.width, config.code_dim)  # shared by branches and teacher
        same = config.teacher_dim == config.width
        # Deviation: a teacher of another width than the encoder's first passes a trainable linear map.
        self.teacher_inputs = nn.Identity() if same else nn.Linear(config.teacher_dim, config.width)

    @property
    def last_layer(self) -> Tensor:
        """The weight before the pixels, at which gradients of two losses are weighed against each other."""
        return self.decoder.head.weight

    def in_parts(self, function: Callable[[Tensor], Tensor], batch: Tensor) -> Tensor:
        """Return the function of a batch: on one thread, out of training, of as many rows at once as a cache holds.

        Several threads gain nothing by it: they would meet more often.
        """
        config = self.config
        tokens = 1 + config.grid**2 + config.branches * self.quantizer.side**2
        rows = max(1, CACHED // (4 * config.width * tokens))
        alone = batch.device.type == "cpu" and torch.get_num_threads() == 1
        if self.training or not alone or len(batch) <= rows:
            return function(batch)
        return torch.cat([function(part) for part in batch.split(rows)])

    def latents(self, images: Images) -> Float[Tensor, "B P c K2"]:
        """Return the continuous maps z. Raises InvalidImages for another shape."""
        config = self.config
        expected = (config.channels, config.image_size, config.image_size)
        if tuple(images.shape[1:]) != expected:
            raise InvalidImages(f"this tokenizer reads images (B, {', '.join(map(str, expected))}), not {images.shape}")
        images = images.to(self.projection.weight.dtype)
        return self.projection(self.encoder(images)).transpose(2, 3)

    def forward(
        self, images: Images, generator: torch.Generator | None = None, teacher_features: Tensor | None = None
    ) -> TokenizerOutput:
        """Encode, quantise, decode; ``generator`` draws the dropped scales, in training mode only.

        ``teacher_features`` (B, teacher_dim) of the same images add the semantic loss.
        """
        z = self.latents(images)
        quantized = self.quantizer(z, generator)
        losses = {"codebook": quantized.codebook_loss, "commitment": quantized.commitment_loss}
        decoded_from = quantized.output
        if not self.config.quantize:
            losses, decoded_from = {name: 0 * loss for name, loss in losses.items()}, z
        features = decoded_from.mean(dim=3)  # (B, P, c)
        if teacher_features is not None and self.config.semantic_branches != "none":
            losses["semantic"] = self.semantic_loss(features, teacher_features, quantized.kept)
        return TokenizerOutput(self.pixels_of(decoded_from), losses, quantized.indices, features, quantized.kept)

    def semantic_loss(
        self, features: Float[Tensor, "B P c"], teacher_features: Tensor, kept: Int[Tensor, " B"]
    ) -> Float[Tensor, ""]:
        """Contrast the last branch, or each, with the teacher's features; samples that dropped scales stay out.

        Branches add up, so that each is pulled with the same weight as one alone would be.
        """
        whole = kept == len(self.config.sides)
        teacher = gathered(self.projection(self.teacher_inputs(teacher_features.detach()[whole])))
        chosen = range(self.config.branches) if self.config.semantic_branches == "all" else [-1]
        parts = [info_nce(gathered(features[whole, branch]), teacher) for branch in chosen]
        return torch.stack(parts).sum()

    @torch.no_grad()
    def encode(self, images: Images) -> Indices:
        """Return the indices of all scales of every branch, coarse to fine; nothing is dropped."""
        return self.in_parts(lambda part: self.quantizer.tokens(self.latents(part)), images)

    @torch.no_grad()
    def decode(self, indices: Indices, scales: int | None = None) -> Images:
        """Return images from indices, from the first ``scales`` scales if given. Raises InvalidTokens."""
        S = len(self.config.sides)
        if scales is not None and not 1 <= scales <= S:
            raise InvalidTokens(f"scales from 1 to {S}, not {scales}")
        last = (scales or S) - 1
        return self.in_parts(lambda part: self.pixels_of(self.quantizer.running_sums(part)[last]), indices)

    def pixels_of(self, latents: Float[Tensor, "B P c K2"]) -> Images:
        """Return the images of latent maps, in the decoder's dtype."""
        return self.decoder(latents.to(self.projection.weight.dtype))

    @torch.no_grad()
    def reconstruct(self, images: Images, scales: int | None = None, *, bypass: bool = False) -> Images:
        """Return the images through encoder and decoder; ``bypass`` leaves the quantiser out."""
        if bypass or not self.config.quantize:
            return self.pixels_of(self.latents(images))
        return self.decode(self.encode(images), scales)

    @torch.no_grad()
    def features(self, images: Images) -> Float[Tensor, "B P c"]:
        """Return each branch's mean quantised token, for linear probes: what a generator would get to see."""
        return self.quantizer.running_sums(self.encode(images))[-1].mean(dim=3)

    def predict(self, inputs: UInt8[np.ndarray, "N H W *C"]) -> Int[np.ndarray, "N P L"]:
        """Return the indices of uint8 images; smaller ones are padded."""
        images = to_tensor(inputs, size=self.config.image_size).to(self.projection.weight.device)
        return self.encode(images).cpu().numpy()
