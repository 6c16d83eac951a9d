"""Data that stood in, and that a better origin could serve by now.

DVC sees files and parameters, not the environment: it cannot know that TENFOLD_MIRROR was set since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from flows.graph.paper import Paper
from steps.data import mirror_serves
from steps.step.params import read


def outdated(root: Path, papers: Sequence[Paper]) -> dict[str, str]:
    """Return ``{data stage: why}`` for sources that stood in although the mirror now holds the real data."""
    profile = read(root, [])["profile"]
    sources = {node.name: node for paper in papers for node in paper.stages() if node.is_source}
    found = {}
    for name, node in sources.items():
        record = root / node.out.replace("${profile}", profile) / "source.json"
        if not record.is_file() or not json.loads(record.read_text(encoding="utf-8"))["stand_in"]:
            continue
        if mirror_serves(root, node.step):
            found[name] = "a stand-in was used, and the mirror now holds the real data"
    return found
