"""The arms of the comparison: which text module there is, what of it is trained, and where it enters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from tenfold.artist.denoiser import Denoiser, DenoiserConfig
from tenfold.artist.injector import Injector
from tenfold.artist.model import Artist
from tenfold.artist.taps import Inject, TapKind
from tenfold.nn.errors import InvalidConfig

TextModule = Literal["pretrained", "untrained", "none"]


@dataclass(frozen=True)
class Variant:
    """One arm. ``text_loss`` adds L_text to what is minimised; ``glyphs`` gives the renderer's text image as input."""

    text: TextModule = "pretrained"
    frozen: bool = True
    text_loss: bool = False
    inject: Inject = "both"
    glyphs: bool = False


VARIANTS = {
    "artist": Variant(),
    "visual_only": Variant(text="none"),
    "random_text_module": Variant(text="untrained"),
    "unfrozen": Variant(frozen=False),
    "joint": Variant(text="untrained", frozen=False, text_loss=True),
    "inject_mid": Variant(inject="mid"),
    "inject_up": Variant(inject="up"),
    "skip_injection": Variant(inject="skip"),
    "glyph_image": Variant(text="none", glyphs=True),
}


def build(
    name: str,
    visual: DenoiserConfig,
    text_config: DenoiserConfig,
    text: Denoiser | None = None,
    *,
    seed: int,
    tap: TapKind = "layer",
    kernel_size: int = 1,
) -> Artist:
    """Return an arm ready to be trained; the visual module's first weights depend on ``seed`` and its inputs alone.

    ``text`` is the pretrained text module: shared where it stays frozen, copied where it is trained. Raises
    InvalidConfig for an unknown arm, or one whose text module is missing.
    """
    if name not in VARIANTS:
        raise InvalidConfig(f"unknown arm {name!r}; there are {', '.join(VARIANTS)}")
    variant = VARIANTS[name]
    if visual.glyph_channels:
        raise InvalidConfig("glyph_channels is set by the arm glyph_image; leave it at 0")
    glyph_channels = text_config.latent_channels if variant.glyphs else 0
    seen = Denoiser.new(replace(visual, glyph_channels=glyph_channels), seed=seed)
    module = _text_module(name, variant, text_config, text, seed)
    if module is None:
        return Artist(seen)
    skips = variant.inject == "skip"
    injector = Injector.between(
        module.unet, seen.unet, tap="layer" if skips else tap, inject=variant.inject, kernel_size=kernel_size
    )
    return Artist(seen, module, injector)


def objective(variant: Variant, losses: Mapping[str, Float[Tensor, ""]]) -> Float[Tensor, ""]:
    """Return what an arm minimises: L_vis, and L_text beside it where the arm says so."""
    return losses["visual"] + losses["text"] if variant.text_loss else losses["visual"]


def _text_module(
    name: str, variant: Variant, config: DenoiserConfig, text: Denoiser | None, seed: int
) -> Denoiser | None:
    match variant.text:
        case "none":
            return None
        case "untrained":
            module = Denoiser.new(config, seed=seed + 1)
            return module.freeze() if variant.frozen else module
    if text is None:
        raise InvalidConfig(f"the arm {name} needs a trained text module")
    if variant.frozen:
        return text.freeze()
    return text.copied()
