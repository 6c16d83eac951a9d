"""A paper's graph as a flowchart: every step once, sources together, no arrow that a longer way says."""

from __future__ import annotations

from flows.graph.mermaid import flowchart
from flows.graph.paper import source, step, trace


def walk() -> None:
    """A walk."""
    names = ("a", "b_c", "d", "e", "f")
    prepared = step("prepare", tables=[source(name) for name in names], also=source("weights"))
    arms = [step("train", variant=arm, prepared=prepared, weights=source("weights"), gpu=True) for arm in ("x", "y")]
    timings = step("measure_speed", timed=True)
    step("evaluate", prepared=prepared, arms=arms, timings=timings, publishes=True)


def test_the_flowchart_of_a_paper() -> None:
    assert (
        flowchart(trace(walk))
        == """\
flowchart LR
  prepare[prepare]
  train_x["train x<br/><small>GPU</small>"]
  train_y["train y<br/><small>GPU</small>"]
  measure_speed["measure speed<br/><small>timed</small>"]
  evaluate[evaluate]
  publish[publish]
  data_a[("a<br/>b c<br/>d<br/>and 2 more")] --> prepare
  data_weights[("weights")] --> prepare & train_x & train_y
  prepare --> train_x
  prepare --> train_y
  train_x & train_y & measure_speed --> evaluate
  evaluate --> publish"""
    )
