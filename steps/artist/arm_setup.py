"""Arms as they start and as they are saved: which variant of the library each is, and on which text module."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from steps.artist.settings import ModelParams
from steps.artist.train_text import TEXT_MODULES

if TYPE_CHECKING:
    from tenfold.artist.model import Artist

ARTIST, VISUAL_ONLY, CONTROLS = "artist", "visual_only", "controls"
WITH_OTHER_TEXT = ("word_only", "sentence_only")  # ARTIST on text modules that saw one kind of text image alone
DEFAULT_TEXT = "word_sentence"


def pretraining_of(arm: str) -> str:
    """Return which pretraining the text module of an arm has had, if it has one."""
    return arm if arm in WITH_OTHER_TEXT else DEFAULT_TEXT


def variant_name(arm: str) -> str:
    """Return the library's name of an arm."""
    return ARTIST if arm in WITH_OTHER_TEXT else arm


def new_artist(arm: str, seed: int, model: ModelParams, text: Path, device: str, start: int) -> Artist:
    """Return an arm ready to be trained; first weights of the visual module depend on ``start`` and its inputs alone.

    An arm without a text module reads the map of letters itself, so that it is told all that ARTIST's two modules are.
    Raises InvalidModel, InvalidConfig.
    """
    from tenfold.artist.denoiser import Denoiser
    from tenfold.artist.variants import VARIANTS, build

    name = variant_name(arm)
    kind = VARIANTS[name].text
    folder = text / TEXT_MODULES / f"{pretraining_of(arm)}-{seed}"
    module = Denoiser.from_pretrained(folder) if kind == "pretrained" else None
    visual = model.visual(characters=kind == "none")
    return build(name, visual, model.text(), module, seed=start).to(device)


def save_arm(artist: Artist, arm: str, folder: Path) -> None:
    """Write visual module and injector, and the text module where it is not the pretrained one as it was."""
    from tenfold.artist.variants import VARIANTS

    variant = VARIANTS[variant_name(arm)]
    artist.visual.save_pretrained(folder / "visual")
    if artist.injector is not None:
        artist.injector.save_pretrained(folder / "injector")
    if artist.text is not None and not (variant.text == "pretrained" and variant.frozen):
        artist.text.save_pretrained(folder / "text")
