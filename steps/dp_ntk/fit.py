"""Make a model of the published release; no private record can be opened here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from steps.step.json_files import read_json, write_json
from steps.step.run import Run
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.release import Release
from tenfold.dp_ntk.release import fit as fitted
from tenfold.privacy.statement import PrivacyStatement


def fit(released: Path, *, out: Path, run: Run) -> None:
    """Fit kernel regression to one private release: its only input, which the stage's sandbox enforces.

    Reads   released/private_release.npz, private_release.json
    Writes  model.npz: weights (p, d) of the public features, coefficients (p, C); model.json: the guarantee
    """
    facts = read_json(released / "private_release.json")
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in facts["privacy"].items()
    }
    privacy = PrivacyStatement(**fields)
    with np.load(released / "private_release.npz") as content:
        arrays = {name: content[name] for name in ("gram", "cross")}
        features, noise_sd = RandomFeatures(content["weights"]), float(content["noise_sd"])
    model = fitted(Release(facts["mode"], features, arrays, noise_sd, privacy), facts["ridge"])
    np.savez(out / "model.npz", weights=features.weights, coefficients=model.coefficients, allow_pickle=False)
    write_json(out / "model.json", facts["privacy"])
    run.say(str(privacy))
