"""Trained arms as ``train_visual`` writes them: their rows, their names, and their networks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.artist.arm_setup import pretraining_of

if TYPE_CHECKING:
    from tenfold.artist.model import Artist

MODELS, ROWS, TEXT_MODULES = "models", "rows.jsonl", "text"


class OtherTextModule(ValueError):
    """The text module beside a model is not the one that the model was trained with."""


def model_name(row: Mapping[str, Any]) -> str:
    """Return the name of a model's folder and of its images."""
    return f"{row['arm']}-{row['stage']}-{row['size']}-{row['seed']}@{row['updates']}"


def read_rows(trained: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the rows of all models of several outputs of ``train_visual``."""
    return [json.loads(line) for folder in trained for line in (folder / ROWS).read_text(encoding="utf-8").splitlines()]


def load_arm(trained: Path, row: Mapping[str, Any], text: Path) -> Artist:
    """Return a model in evaluation mode; ``text`` is the folder of ``train_text``.

    Raises OtherTextModule by the sha256 of the text module's weights, InvalidModel for a damaged folder.
    """
    from tenfold.artist.denoiser import Denoiser
    from tenfold.artist.injector import Injector
    from tenfold.artist.model import Artist
    from tenfold.nn.pretrained import weights_sha256

    folder = trained / MODELS / model_name(row)
    visual = Denoiser.from_pretrained(folder / "visual")
    wanted = row["text_sha256_after"]
    if wanted is None:
        return Artist(visual).eval()
    own = folder / "text"
    place = own if own.is_dir() else text / TEXT_MODULES / f"{pretraining_of(row['arm'])}-{row['seed']}"
    module = Denoiser.from_pretrained(place).freeze()
    if (found := weights_sha256(module)) != wanted:
        raise OtherTextModule(
            f"{place} holds the text module {found[:12]}…, and {folder.name} was trained with {wanted[:12]}…: run "
            "`train_text` and `train_visual` again"
        )
    injector: Any = Injector.from_pretrained(folder / "injector")
    return Artist(visual, module, injector).eval()
