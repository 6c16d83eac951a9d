"""Where MLflow shows given runs: ``python -m steps.tracking.pages PAPER DIGEST …`` prints it as JSON.

A process of its own, like all that knows MLflow: whoever asks is not slowed down or failed by it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

PATIENCE = 60.0  # seconds that MLflow may take to answer


def pages(root: Path, paper: str, digests: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Return (experiment id, run id) of the newest finished run of each stage digest; empty if MLflow is away."""
    command = [sys.executable, "-m", "steps.tracking.pages", paper, *digests]
    try:
        answer = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return {key: tuple(value) for key, value in json.loads(answer.stdout).items()} if answer.returncode == 0 else {}


def main(paper: str, *digests: str) -> int:
    """Return 0 after printing ``{digest: [experiment id, run id]}``."""
    from steps.tracking.store import Store

    client = Store(Path.cwd()).client
    experiment = client.get_experiment_by_name(paper)
    found = {}
    for digest in digests:
        if experiment is None:
            break
        runs = client.search_runs(
            [experiment.experiment_id],
            f"tags.digest = '{digest}' and attributes.status = 'FINISHED'",
            order_by=["attributes.start_time DESC"],
            max_results=1,
        )
        if runs:
            found[digest] = [experiment.experiment_id, runs[0].info.run_id]
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
