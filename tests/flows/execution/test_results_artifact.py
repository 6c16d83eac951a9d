"""A paper's results as Prefect shows them: verdicts, measured values, links into MLflow where it has pages."""

from __future__ import annotations

from flows.execution.results_artifact import results
from flows.report.collect import collect_paper

RUN = "http://127.0.0.1:5000/#/experiments/7/runs/"


def test_with_and_without_mlflow(finished):
    paper = collect_paper("toy", "default", finished.root)
    plain = results(paper, "default", "", {})
    assert "| C1 | ✓ reproduced | The walk gets closer. | `shrinkage` 0." in plain
    assert f"commit `{paper.publisher.commit[:10]}`" in plain
    assert "- `results/default/toy/figures/walk.svg`: " in plain and "MLflow" not in plain
    linked = results(paper, "default", "http://127.0.0.1:5000", {"train-left": "7/ab", "evaluate": "7/cd"})
    assert f"- [walk]({RUN}cd/artifacts/figures/walk.svg?workflowType=machine_learning): " in linked
    assert f"- [train-left]({RUN}ab?workflowType=machine_learning)" in linked


def test_what_would_break_the_table_does_not(finished):
    paper = collect_paper("toy", "default", finished.root)
    (judged,) = paper.claims
    entry = judged.entry.model_copy(update={"claim": "a | b"})
    row = results(
        type(paper)(**(vars(paper) | {"claims": (type(judged)(**(vars(judged) | {"entry": entry})),)})),
        "default",
        "",
        {},
    )
    assert "| a &#124; b |" in row
