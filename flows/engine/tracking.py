"""Carry what the steps recorded into MLflow, in a process of its own so that it cannot fail anything else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def carry_to_mlflow(root: Path) -> None:
    """Run the tracking synchronisation if anything waits; its warnings are shown, its failure is not ours."""
    waiting = root / ".tenfold" / "tracking"
    if waiting.is_dir() and any(waiting.iterdir()) and os.environ.get("TENFOLD_TRACKING") != "off":
        subprocess.run([sys.executable, "-m", "steps.runtime.tracking"], cwd=root, check=False)
