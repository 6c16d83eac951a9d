"""Split every data set into public, private and test rows, and fit what is fitted on public rows only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from steps.step.json_files import write_json
from steps.step.params import Count, ParameterError, Params, place
from steps.step.run import Run
from tenfold.data.tables import numeric_matrix, read_schema, read_table
from tenfold.dp_cross_attention.mixtures import unit


class Split(Params):
    """Sizes of one data set: rows of the private memory, public rows, the rest is asked; and d."""

    private: Count
    public: Count
    queries: Count
    dimension: Count


class PrepareParams(Params):
    """One split per data set, and how many seeds."""

    digits: Split
    agnews: Split
    seeds: Count


def prepare(digits: Path, embedded: Path, *, out: Path, params: PrepareParams, run: Run) -> None:
    """Draw, for every seed, disjoint public, private and query rows; project and normalise them.

    Mean and principal directions come from the public rows alone. Vectors then have length 1, a public bound.

    Reads   digits: table.csv; embedded/vectors.npy, labels.npy
    Writes  <dataset>-<seed>.npz: keys (n, d), labels (n,), queries (m, d), answers (m,); meta.json
    Raises  ParameterError if a data set has too few rows for its split
    """
    table = read_table(digits)
    target = read_schema(digits).target
    pixels = numeric_matrix(table, exclude=[target])
    data = {
        "digits": (pixels, table[target].cat.codes.to_numpy(dtype=np.int64), params.digits),
        "agnews": (
            np.load(embedded / "vectors.npy").astype(np.float64),
            np.load(embedded / "labels.npy"),
            params.agnews,
        ),
    }
    meta: dict[str, Any] = {}
    for name, (rows, labels, split) in data.items():
        for seed in range(params.seeds):
            parts = _parts(name, rows, labels, split, run.generator(f"{name} {seed}"))
            np.savez(out / f"{name}-{seed}.npz", allow_pickle=False, **parts)
        classes = int(labels.max()) + 1
        meta[name] = {
            "rows": len(rows),
            "classes": classes,
            "d": split.dimension,
            "n": split.private,
            "public": split.public,
            "m": split.queries,
            "seeds": params.seeds,
        }
        run.say(
            f"{name}: {split.private} private rows, {split.public} public, {split.queries} queries, {classes} classes"
        )
    write_json(out / "meta.json", meta)


def _parts(
    name: str,
    rows: Float[np.ndarray, "N D"],
    labels: Int[np.ndarray, " N"],
    split: Split,
    generator: np.random.Generator,
) -> dict[str, np.ndarray]:
    sizes = np.cumsum([split.public, split.private, split.queries])
    if sizes[-1] > len(rows):
        where = place(f"dp_cross_attention.prepare.{name}")
        raise ParameterError(f"{where}: the split asks for {sizes[-1]} rows, there are {len(rows)}: make it smaller")
    public, private, queries, _ = np.split(generator.permutation(len(rows)), sizes)
    mean = rows[public].mean(axis=0)
    directions = np.linalg.svd(rows[public] - mean, full_matrices=False)[2][: split.dimension]  # (d, D)
    keys, asked = (unit((rows[chosen] - mean) @ directions.T) for chosen in (private, queries))
    return {
        "keys": keys,
        "labels": labels[private],
        "queries": asked,
        "answers": labels[queries],
    }
