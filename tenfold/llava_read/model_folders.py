"""Where a model lies: in a folder, on the hub, or where a run of the paper's pipeline left it."""

from __future__ import annotations

import os
from pathlib import Path

from tenfold.llava_read.errors import InvalidParts

TRAINED = "llava_read/tune-full/models/full-0"
PROFILES = ("full", "gpu", "extended", "default", "smoke")  # the longer trained first
MADE_BY = "dvc repro steps/llava_read/dvc.yaml"
QUICKLY = "python -m flows run llava_read --profile smoke"


def trained_model(root: Path) -> Path:
    """Return the folder of the model that a run below ``root`` trained longest.

    Raises InvalidParts, with how to make or name one, if there is none.
    """
    found = [root / "artifacts" / profile / TRAINED for profile in PROFILES]
    for folder in found:
        if (folder / "config.json").is_file():
            return folder
    raise InvalidParts(
        f"there is no model: at the root of a checkout make one by `{MADE_BY}` (about 15 minutes of two cores; it "
        f"writes artifacts/default/{TRAINED}), or by `{QUICKLY}` (about 2 minutes; it answers, but knows nothing), or "
        "name a folder or one of the hub by --model FOLDER or OWNER/NAME@COMMIT"
    )


def named_model(name: str) -> tuple[str, str | None]:
    """Return the place and the revision of FOLDER or OWNER/NAME@COMMIT."""
    if os.path.isdir(name):
        return name, None
    place, _, revision = name.partition("@")
    return place, revision or None
