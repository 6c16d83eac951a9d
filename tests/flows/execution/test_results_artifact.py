"""A paper's results as Prefect shows them: verdicts, measured values, figures, links to where more is to be read."""

from __future__ import annotations

import subprocess

from flows.execution.links import commit_page, file_page
from flows.execution.results_artifact import INLINE, Pages, results
from flows.report.collect import Figure, collect_paper

RUN = "http://127.0.0.1:5000/#/experiments/7/runs/"


def test_with_and_without_pages(finished):
    paper = collect_paper("toy", "default", finished.root)
    plain = results(paper, "default", Pages(), ["toy: 14 same"])
    assert "Claims: `✓ 1 reproduced`" in plain
    assert "| `C1 ✓ reproduced` | The walk gets closer. | `shrinkage` 0." in plain
    commit = (paper.publisher.commit or "")[:10]
    assert f"Profile `default`, commit {commit}, reports/default.md." in plain
    assert "![walk](data:image/svg+xml;base64," in plain and "MLflow" not in plain and "http" not in plain
    assert "```text\ntoy: 14 same\n```" in plain
    runs = {"train-left": "7/ab", "evaluate": "7/cd"}
    where = Pages(
        "http://127.0.0.1:5000", runs, "http://127.0.0.1:4200/runs/flow-run/1", "https://host/c", "https://host/r"
    )
    linked = results(paper, "default", where, [])
    assert f"- [train-left]({RUN}ab?workflowType=machine_learning)" in linked
    assert (
        f"Profile `default`, [commit {commit}](https://host/c), [reports/default.md](https://host/r), "
        "[MLflow](http://127.0.0.1:5000/#/experiments/7?workflowType=machine_learning), [Prefect](http://127.0.0.1:4200/runs/flow-run/1)."
    ) in linked


def test_what_would_break_the_table_or_the_page_does_not(finished):
    paper = collect_paper("toy", "default", finished.root)
    (judged,) = paper.claims
    entry = judged.entry.model_copy(update={"claim": "a | b " + "and so on " * 30})
    large = Figure(paper.figures[0].path, "Large.", b" " * (INLINE + 1))
    changed = {"claims": (type(judged)(**(vars(judged) | {"entry": entry})),), "figures": (large,)}
    text = results(type(paper)(**(vars(paper) | changed)), "default", Pages(), [])
    assert "| a &#124; b and so on" in text and " … | `shrinkage` 0." in text
    assert "`results/default/toy/figures/walk.svg`" in text and "data:" not in text


def test_pages_of_the_host_of_origin(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    assert commit_page(tmp_path, "ab12") == ""
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", "somewhere"], check=True)
    for address in ("git@host.org:me/it.git", "https://user:secret@host.org/me/it", "ssh://git@host.org:22/me/it.git"):
        subprocess.run(["git", "-C", tmp_path, "remote", "set-url", "origin", address], check=True)
        assert commit_page(tmp_path, "ab12") == "https://host.org/me/it/commit/ab12"
    assert file_page(tmp_path, "reports/a.md#b") == "https://host.org/me/it/blob/HEAD/reports/a.md#b"
    subprocess.run(["git", "-C", tmp_path, "remote", "set-url", "origin", "/a/folder"], check=True)
    assert commit_page(tmp_path, "ab12") == ""
