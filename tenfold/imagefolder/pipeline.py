"""Tokenizer and generator together: from a class to an image.

Legend:  N images · P branches · L positions
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from jaxtyping import Int, UInt8

from tenfold.arguments import whole
from tenfold.imagefolder.config import TAGS, GeneratorConfig, TokenizerConfig, _from_mapping
from tenfold.imagefolder.errors import InvalidSampling
from tenfold.imagefolder.generator import FoldedGenerator, NextScaleGenerator, class_labels
from tenfold.imagefolder.sampling import sample
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.unfolded import UnfoldedGenerator
from tenfold.imaging.pixels import to_pixels
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.pretrained import Pretrained

KINDS: dict[str, type[NextScaleGenerator]] = {"folded": FoldedGenerator, "unfolded": UnfoldedGenerator}


@dataclass(frozen=True)
class PipelineConfig:
    """Both configurations, the order of prediction, and how ``predict`` samples."""

    tokenizer: TokenizerConfig
    generator: GeneratorConfig
    order: Literal["folded", "unfolded"] = "folded"
    guidance_scale: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        own = {name: getattr(self, name) for name in ("order", "guidance_scale", "top_k", "top_p")}
        return {"tokenizer": self.tokenizer.to_dict(), "generator": self.generator.to_dict(), **own}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Return what ``to_dict`` gave. Raises InvalidConfig for an unknown key or order."""
        if not {"tokenizer", "generator"} <= set(values) or values.get("order", "folded") not in KINDS:
            raise InvalidConfig(f"a pipeline has a tokenizer, a generator and an order of {sorted(KINDS)}")
        parts = {
            "tokenizer": TokenizerConfig.from_dict(values["tokenizer"]),
            "generator": GeneratorConfig.from_dict(values["generator"]),
        }
        return _from_mapping(cls, {**values, **parts})


class ImageFolder(Pretrained):
    """Class-conditional image generator: a folded-token tokenizer and a next-scale transformer (arXiv:2410.01756)."""

    Config: ClassVar[type] = PipelineConfig
    tags = TAGS

    def __init__(self, config: PipelineConfig) -> None:
        super().__init__()
        self.config = config
        self.tokenizer = Tokenizer(config.tokenizer)
        self.generator = KINDS[config.order](config.generator)

    @classmethod
    def of(cls, tokenizer: Tokenizer, generator: NextScaleGenerator, **sampling: Any) -> Self:
        """Put trained parts together; ``sampling`` are guidance_scale, top_k and top_p for ``predict``."""
        order: Any = "folded" if generator.folded else "unfolded"
        whole = cls(PipelineConfig(tokenizer.config, generator.config, order, **sampling))
        whole.tokenizer.load_state_dict(tokenizer.state_dict())
        whole.generator.load_state_dict(generator.state_dict())
        return whole.eval()

    def tokens(
        self,
        labels: Int[np.ndarray, " N"],
        *,
        seed: int = 0,
        guidance_scale: float | None = None,
        top_k: int | None = None,
        top_p: float | None = None,
        temperature: float = 1.0,
        batch: int = 250,
    ) -> Int[torch.Tensor, "N P L"]:
        """Sample tokens for class labels; what is not given is the pipeline's own setting.

        Each image has a stream of its own, so that ``batch``, how many are sampled at a time, changes nothing.
        Raises InvalidSampling.
        """
        classes = class_labels(labels).to(self.generator.head.weight.device)
        batch = whole(batch, "batch", least=1, error=InvalidSampling)
        own = self.config
        scale = own.guidance_scale if guidance_scale is None else guidance_scale
        k, p = own.top_k if top_k is None else top_k, own.top_p if top_p is None else top_p
        parts = [
            sample(self.generator, self.tokenizer, part, scale, k, p, temperature, seed=seed, first=number * batch)
            for number, part in enumerate(classes.split(batch))
        ]
        return torch.cat(parts)

    def generate(self, labels: Int[np.ndarray, " N"], **sampling: Any) -> UInt8[np.ndarray, "N H W *C"]:
        """Return images of the classes as bytes; arguments as for ``tokens``."""
        tokens = self.tokens(labels, **sampling)
        return np.concatenate([to_pixels(self.tokenizer.decode(part)) for part in tokens.split(250)])

    def predict(self, inputs: Int[np.ndarray, " N"]) -> UInt8[np.ndarray, "N H W *C"]:
        """Return one image for each class label, with the pipeline's own settings and seed 0."""
        return self.generate(inputs)
