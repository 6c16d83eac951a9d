"""The flow over all papers, then the report; prefect.yaml deploys it beside the papers' own flows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from flows.execution.paper_flow import AS_IT_IS, PaperFlow, Profile, as_flow, run_papers
from flows.graph.paper import papers
from flows.graph.prefect_yaml import ALL_PAPERS, EVERYTHING
from flows.serving.fan_out import fan_out


def _reproduce(
    profile: Profile = AS_IT_IS, overrides: Sequence[str] = (), force: bool = False, revision: str = ""
) -> State[Any]:
    """Run all papers here; with a revision each is first a run of its own, on whichever worker is free."""
    asked = {"profile": profile, "overrides": list(overrides), "force": force}
    chosen = papers(Path.cwd())
    elsewhere = partial(fan_out, chosen, asked) if revision else None
    return run_papers(chosen, profile, overrides, force and not revision, revision, report=True, before=elsewhere)


everything: PaperFlow = as_flow(_reproduce, EVERYTHING, __name__, ALL_PAPERS, lambda: papers(Path.cwd()))
