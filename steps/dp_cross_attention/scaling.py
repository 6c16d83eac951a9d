"""Time of a query batch and of building, against the number of rows: exact attention and the sketch."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from steps.dp_cross_attention.privacy_columns import write_table
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.dp_cross_attention.exact import exact_attention
from tenfold.dp_cross_attention.memory import PrivateMemory
from tenfold.dp_cross_attention.mixtures import mixture


class ScalingParams(Params):
    """Sizes and repeats; times are the best of the repeats."""

    rows: Annotated[list[Count], Field(min_length=3)]
    dimension: Count
    value_dimension: Count
    degrees: list[Count]
    queries: Count
    repeats: Count


def scaling(*, out: Path, params: ScalingParams, run: Run) -> None:
    """Time one batch of queries and the release of a memory. The output holds timings, so it differs from run to run.

    Writes  scaling.csv: n, method, degree, r, seconds of a query batch, seconds of the release, bytes held
    """
    records: list[dict[str, Any]] = []
    for rows in params.rows:
        data = mixture(rows, params.dimension, params.value_dimension, params.queries, run.generator(f"{rows}"))
        best = _best(lambda: exact_attention(data.queries, data.keys, data.values, 1.0), min(3, params.repeats))  # noqa: B023
        held = data.keys.nbytes + data.values.nbytes
        records.append(
            {
                "n": rows,
                "method": "exact attention",
                "degree": 0,
                "feature_count": 0,
                "query_seconds": best,
                "build_seconds": 0.0,
                "bytes": held,
            }
        )
        for degree in params.degrees:
            started = time.perf_counter()
            memory = PrivateMemory.fit(
                data.keys, data.values, epsilon=1.0, delta=1e-6, radius=1.0, temperature=1.0, degree=degree
            )
            built = time.perf_counter() - started
            memory.query(data.queries)
            best = _best(lambda: memory.query(data.queries), params.repeats)  # noqa: B023
            records.append(
                {
                    "n": rows,
                    "method": "one sketch",
                    "degree": degree,
                    "feature_count": memory.sketch.shape[0],
                    "query_seconds": best,
                    "build_seconds": built,
                    "bytes": memory.sketch.nbytes,
                }
            )
        run.say(f"n = {rows}: {records[-len(params.degrees) - 1]['query_seconds']:.3g} s exact")
    write_table(out / "scaling.csv", records)


def _best(call: Callable[[], Any], repeats: int) -> float:
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return min(seconds)
