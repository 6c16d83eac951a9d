"""The sizes and weights of a tokenizer and of a generator; MSVR10P2-4096 and VAR-d17 are the paper's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Self

from tenfold.nn.errors import InvalidConfig

SemanticBranches = Literal["none", "one", "all"]
CommitReduction = Literal["mean", "sum"]
TAGS = ("image-generation", "arxiv:2410.01756")  # of model cards
PAPER_SIDES = (1, 1, 2, 3, 3, 4, 5, 6, 8, 11)  # 286 positions; the ablation table says 265


def _check(condition: bool, what: str) -> None:
    if not condition:
        raise InvalidConfig(what)


def _from_mapping(cls: type, values: Mapping[str, Any]) -> Any:
    known = {field.name for field in fields(cls)}
    unknown = sorted(set(values) - known)
    _check(not unknown, f"{cls.__name__} has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
    values = dict(values)
    if "sides" in values:
        values["sides"] = tuple(values["sides"])
    return cls(**values)


def _check_scales(sides: tuple[int, ...], branches: int, codebook_size: int, code_dim: int) -> None:
    _check(len(sides) > 0 and all(side > 0 for side in sides), f"sides must be positive, not {sides}")
    _check(list(sides) == sorted(sides), f"sides must not shrink from scale to scale: {sides}")
    _check(branches > 0, f"at least one branch, not {branches}")
    _check(codebook_size > 1, f"a codebook of at least two codes, not {codebook_size}")
    _check(code_dim > 0, f"code_dim must be positive, not {code_dim}")


@dataclass(frozen=True)
class TokenizerConfig:
    """A product-quantised multi-scale residual tokenizer.

    ``sides`` are the sides of the token maps, coarse to fine; the last is the side K of the latent map. ``branches``
    P share the encoder and have codebooks of their own. ``quantizer_dropout`` is the share of a training batch that
    keeps only the first n scales, n uniform in start_drop … S. ``quantize`` False trains the same model without
    quantisation: the control of how much quantisation costs. ``teacher_dim`` is the length of the semantic teacher's
    features. ``local_start`` gives each query the patches, and each mask token the latents, at its own place, which
    pretrained weights would have learnt to look up. ``decoder_cls`` gives the decoder the two CLS tokens that the
    published weights have, one before the mask tokens and one before the latents. Raises InvalidConfig.
    """

    image_size: int = 32
    channels: int = 1
    patch_size: int = 8
    width: int = 64
    depth: int = 2
    heads: int = 4
    sides: tuple[int, ...] = (1, 1, 2, 3, 4)
    branches: int = 2
    codebook_size: int = 256
    code_dim: int = 8
    quantizer_dropout: float = 0.1
    start_drop: int = 2
    commitment_weight: float = 0.25
    commit_reduction: CommitReduction = "mean"
    semantic_weight: float = 0.1
    semantic_branches: SemanticBranches = "one"
    teacher_dim: int = 64
    drop_path: float = 0.0
    shared_convolutions: int = 4  # φ
    residual_ratio: float = 0.5  # φ(u) = (1 − ratio)·u + ratio·Conv(u)
    quantize: bool = True
    local_start: bool = True
    layer_scale: float | None = None  # DINOv2 has one; None: none
    decoder_cls: bool = False

    def __post_init__(self) -> None:
        _check_scales(self.sides, self.branches, self.codebook_size, self.code_dim)
        _check(self.image_size % self.patch_size == 0, f"patches of {self.patch_size} do not tile {self.image_size}")
        _check(self.width % self.heads == 0, f"{self.heads} heads do not divide a width of {self.width}")
        _check(self.depth > 0 and self.channels > 0 and self.teacher_dim > 0, "depth, channels, teacher_dim: positive")
        _check(0 <= self.quantizer_dropout <= 1, f"quantizer_dropout is a share, not {self.quantizer_dropout}")
        _check(
            1 <= self.start_drop <= len(self.sides), f"start_drop from 1 to {len(self.sides)}, not {self.start_drop}"
        )
        _check(self.commit_reduction in ("mean", "sum"), f"commit_reduction: mean or sum, not {self.commit_reduction}")
        _check(self.semantic_branches in ("none", "one", "all"), f"semantic_branches: {self.semantic_branches}")
        weights = (self.commitment_weight, self.semantic_weight, self.drop_path)
        _check(all(math.isfinite(weight) and weight >= 0 for weight in weights), f"a weight is negative: {weights}")
        _check(self.shared_convolutions > 0, "at least one shared convolution")

    @property
    def grid(self) -> int:
        """Patches along one side of the image."""
        return self.image_size // self.patch_size

    @property
    def positions(self) -> int:
        """Positions of one branch over all scales: the length of the folded sequence."""
        return sum(side * side for side in self.sides)

    @property
    def bits(self) -> float:
        """Bits of one image's indices."""
        return self.positions * self.branches * math.log2(self.codebook_size)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        return {**asdict(self), "sides": list(self.sides)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` gave. Raises InvalidConfig for a key that is none of the configuration's."""
        return _from_mapping(cls, values)


@dataclass(frozen=True)
class GeneratorConfig:
    """A next-scale transformer over the tokenizer's scales; take those with ``for_tokenizer``.

    ``class_dropout`` is the share of labels replaced by the null class, for guidance. Raises InvalidConfig.
    """

    classes: int = 10
    width: int = 64
    depth: int = 3
    heads: int = 4
    sides: tuple[int, ...] = (1, 1, 2, 3, 4)
    branches: int = 2
    codebook_size: int = 256
    code_dim: int = 8
    class_dropout: float = 0.1
    drop_path: float = 0.0
    gate_init: float = 1e-4  # standard deviation of AdaLN's gates at the start

    def __post_init__(self) -> None:
        _check_scales(self.sides, self.branches, self.codebook_size, self.code_dim)
        _check(self.width % self.heads == 0, f"{self.heads} heads do not divide a width of {self.width}")
        _check(self.classes > 0 and self.depth > 0, "classes and depth must be positive")
        _check(0 <= self.class_dropout < 1, f"class_dropout is a share below 1, not {self.class_dropout}")
        _check(0 <= self.drop_path < 1, f"drop_path is a share below 1, not {self.drop_path}")

    @classmethod
    def for_tokenizer(cls, tokenizer: TokenizerConfig, **others: Any) -> Self:
        """Return a configuration with the tokenizer's scales, branches and codebooks."""
        shared = {name: getattr(tokenizer, name) for name in ("sides", "branches", "codebook_size", "code_dim")}
        return cls.from_dict({**shared, **others})

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        return {**asdict(self), "sides": list(self.sides)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` gave. Raises InvalidConfig for a key that is none of the configuration's."""
        return _from_mapping(cls, values)


PAPER_TOKENIZER = TokenizerConfig(
    image_size=256,
    channels=3,
    patch_size=16,
    width=768,
    depth=12,
    heads=12,
    sides=PAPER_SIDES,
    branches=2,
    codebook_size=4096,
    code_dim=32,
    quantizer_dropout=0.1,
    start_drop=3,
    teacher_dim=768,
    drop_path=0.1,
    layer_scale=1.0,
    local_start=False,
    decoder_cls=True,
)
PAPER_GENERATOR = GeneratorConfig.for_tokenizer(
    PAPER_TOKENIZER, classes=1000, width=1088, depth=17, heads=17, class_dropout=0.1, drop_path=0.1 * 17 / 24
)
