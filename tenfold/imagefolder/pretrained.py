"""What the full setting takes from elsewhere: frozen vision transformers, DINOv2's weights as a start, and LPIPS.

Legend:  B images · C channels · D width · h patches along a side · G patches along the tokenizer's side
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.imagefolder.scales import bicubic_matrix
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imaging.errors import InvalidImages
from tenfold.models.folder import InvalidModel
from tenfold.nn.errors import InvalidConfig, MissingPackage
from tenfold.nn.transformer import resampled
from tenfold.nn.weight_names import Table, fill, layers, renamed, rows, same

TEACHER = "facebook/dinov2-base"
DISCRIMINATOR_FEATURES = "facebook/dino-vits16"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # ImageNet's, of colours in [0, 1]

Images = Float[Tensor, "B C H W"]


def load_transformer(source: str | Path, revision: str | None = None) -> Any:
    """Return a transformers model from the hub, at a revision, or from a folder. Raises InvalidModel."""
    from transformers import AutoModel

    try:
        return AutoModel.from_pretrained(str(source), revision=revision or "main").eval()
    except (OSError, ValueError) as error:
        raise InvalidModel(
            f"cannot load {source} at {revision or 'its newest revision'}: {error}; without a network, give a folder"
        ) from None


class FrozenTransformer(nn.Module):
    """A frozen vision transformer: the semantic teacher (its feature), or the discriminator's network (its maps).

    Reads images in [−1, 1], resizes them to ``image_size`` and normalises them as for ImageNet; one channel is
    repeated. Deviation: DINOv2's patches of 14 read 224² images, where the paper resamples them to 16 for 256².
    """

    def __init__(self, model: Any, *, image_size: int = 224, depths: tuple[int, ...] = ()) -> None:
        super().__init__()
        self.model = model.eval().requires_grad_(False)
        self.image_size, self.depths = image_size, depths
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(1, 3, 1, 1), persistent=False)
        if image_size % model.config.patch_size:
            raise InvalidConfig(f"patches of {model.config.patch_size} do not tile {image_size}")
        if not all(0 < depth <= model.config.num_hidden_layers for depth in depths):
            raise InvalidConfig(f"depths from 1 to {model.config.num_hidden_layers}, not {depths}")

    @classmethod
    def from_pretrained(
        cls,
        source: str | Path = TEACHER,
        *,
        revision: str | None = None,
        image_size: int = 224,
        depths: tuple[int, ...] = (),
    ) -> Self:
        """Load from the hub or a folder; ``depths`` are the blocks after which ``maps`` looks. Raises InvalidModel."""
        return cls(load_transformer(source, revision), image_size=image_size, depths=depths)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever ``mode`` says."""
        return super().train(False)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each map."""
        return (self.model.config.hidden_size,) * len(self.depths)

    def normalised(self, images: Images) -> Float[Tensor, "B 3 S S"]:
        """Return what the transformer reads. Raises InvalidImages for two channels or more than three."""
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise InvalidImages(f"images are (B, 1, H, W) or (B, 3, H, W), not {tuple(images.shape)}")
        size = (self.image_size, self.image_size)
        images = images.float()
        if tuple(images.shape[2:]) != size:
            images = functional.interpolate(images, size=size, mode="bicubic", antialias=True)
        colours = (images.expand(-1, 3, -1, -1) + 1) / 2
        return ((colours - self.get_buffer("mean")) / self.get_buffer("deviation")).to(self.model.dtype)

    def forward(self, images: Images) -> Float[Tensor, "B D"]:
        """Return the CLS token after the last norm."""
        return self.model(pixel_values=self.normalised(images)).last_hidden_state[:, 0]

    def maps(self, images: Images) -> list[Float[Tensor, "B D h h"]]:
        """Return the patches' tokens after each block of ``depths`` as maps."""
        states = self.model(pixel_values=self.normalised(images), output_hidden_states=True).hidden_states
        side = self.image_size // self.model.config.patch_size
        return [states[depth][:, -side * side :].transpose(1, 2).unflatten(2, (side, side)) for depth in self.depths]


def resized_patches(kernels: Float[Tensor, "D C s s"], size: int) -> Float[Tensor, "D C t t"]:
    """Return kernels for patches of another size that answer an enlarged patch as they did the patch itself.

    With U the bicubic enlargement, (x·U)·ŵ = x·w for every patch x: ŵ = U⁺·w (FlexiViT, arXiv:2212.08013).
    """
    own = kernels.shape[-1]
    if own == size:
        return kernels
    inverse = torch.linalg.pinv(bicubic_matrix(own, size).double())  # (t², s²)
    return (kernels.flatten(2).double() @ inverse.T).to(kernels.dtype).unflatten(2, (size, size))


def dinov2_blocks(depth: int) -> Table:
    """Return the names of a Transformer's weights in transformers' Dinov2Model."""
    pairs = {"norm": "layernorm"}
    table: Table = {}
    for i in range(depth):
        mine, theirs = f"blocks.{i}", f"encoder.layer.{i}"
        for kind in ("weight", "bias"):
            names = tuple(f"{theirs}.attention.{part}_proj.{kind}" for part in "qkv")
            table[f"{mine}.attention.qkv.{kind}"] = (rows, names)
        for number in (1, 2):
            table[f"{mine}.scale{number}.factor"] = (same, (f"{theirs}.layer_scale{number}.lambda1",))
            pairs[f"{mine}.norm{number}"] = f"{theirs}.norm{number}"
        pairs[f"{mine}.attention.projection"] = f"{theirs}.attention.o_proj"
        pairs[f"{mine}.mlp.0"], pairs[f"{mine}.mlp.2"] = f"{theirs}.mlp.fc1", f"{theirs}.mlp.fc2"
    return table | layers(pairs)


@torch.no_grad()
def start_from_dinov2(tokenizer: Tokenizer, source: str | Path = TEACHER, *, revision: str | None = None) -> None:
    """Set both transformers of a tokenizer, and the encoder's patches, to DINOv2's weights, positions re-gridded.

    Queries, levels, mask token and everything else stay as they are. Raises InvalidModel, UnknownWeights if width or
    depth differ, and InvalidConfig for a tokenizer without layer scales.
    """
    config = tokenizer.config
    if config.layer_scale is None or config.channels != 3:
        raise InvalidConfig("DINOv2 has layer scales and reads three channels: set layer_scale, and channels to 3")
    weights = load_transformer(source, revision).state_dict()
    start = "embeddings."
    blocks = renamed(weights, dinov2_blocks(config.depth), ignored=lambda name: name.startswith(start))
    own = {f"transformer.{name}": tensor for name, tensor in blocks.items()}
    cls, positions = weights[start + "cls_token"], weights[start + "position_embeddings"]
    first, grid = positions[:, :1], math.isqrt(positions.shape[1] - 1)
    if grid * grid != positions.shape[1] - 1:
        raise InvalidModel(f"{source} has {positions.shape[1] - 1} positions, which are no square")
    own["positions.embedding"] = resampled(positions[:, 1:], config.grid)
    patches = {
        "patches.weight": resized_patches(weights[start + "patch_embeddings.projection.weight"], config.patch_size),
        "patches.bias": weights[start + "patch_embeddings.projection.bias"],
    }
    fill(tokenizer.encoder, {**own, **patches, "cls": cls, "cls_position": first}, whole=False)
    both = {"cls": (cls + first).repeat(1, 2, 1)} if config.decoder_cls else {}
    fill(tokenizer.decoder, {**own, **both}, whole=False)


def lpips(device: torch.device | str = "cpu") -> Callable[[Tensor, Tensor], Tensor]:
    """Return LPIPS on VGG features (arXiv:1801.03924) as a loss of two batches in [−1, 1]. Raises MissingPackage.

    The package downloads VGG's weights once. One channel is repeated to three.
    """
    try:
        import lpips as package
    except ImportError:
        raise MissingPackage("LPIPS wants the package lpips and torchvision: pip install lpips torchvision") from None
    network = package.LPIPS(net="vgg", verbose=False).to(device).eval().requires_grad_(False)

    def loss(first: Images, second: Images) -> Float[Tensor, ""]:
        return network(first.expand(-1, 3, -1, -1), second.expand(-1, 3, -1, -1)).mean()

    return loss
