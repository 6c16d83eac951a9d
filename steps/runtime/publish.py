"""Publish a paper's results: copy what ``evaluate`` made, which DVC caches, to results/, which stands in git."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from steps.runtime import provenance
from steps.runtime.outputs import replacing
from steps.runtime.stage import content_digest, declared
from steps.step import params as parameters


def publish(root: Path, paper: str) -> None:
    """Replace results/<profile>/<paper> by the output of ``evaluate``, and write the record of that.

    Raises UnknownStage or OutputError; then the older results are untouched.
    """
    started, profile = time.time(), parameters.read(root, [])["profile"]
    stage = declared(root, f"{paper}-publish", profile)
    (evaluated,) = stage.inputs
    with replacing(stage.out) as out:
        shutil.copytree(evaluated, out, dirs_exist_ok=True)
        digest, commit = content_digest(out), provenance.commit(root)
        provenance.record(stage, profile, digest, commit, started, out).write(stage.provenance)
