"""Every public entry point that releases something private, run as its user runs it, on the worst pair that it allows.

An observer sees outputs and the statement, and nothing else: no calibration, no noise level, no helper. A new paper
adds its entry points here, and the audit of ``test_entry_points`` holds them to what they state.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from tenfold.__main__ import main
from tenfold.dp_cross_attention import (
    ContinualMemory,
    ExactKernelMemory,
    PrivateCrossAttention,
    PrivateMemory,
    TreeMemory,
)
from tenfold.dp_cross_attention.replacement import fit_together
from tenfold.dp_john import private_john_ellipsoid
from tenfold.dp_ntk import PrivateNTKClassifier
from tenfold.dp_ntk.sampling import project
from tenfold.models import load, write

EPSILON, DELTA = 12.0, 1e-5
BUDGET = {"epsilon": EPSILON, "delta": DELTA}
Seen = tuple[np.ndarray, float, float]  # outputs, and the ε and δ that are stated


@dataclass(frozen=True)
class EntryPoint:
    """``release(neighbour, folder)`` releases once; ``attained`` is the part of μ that the pair can spend."""

    release: Callable[[bool, Path], Seen]
    runs: int = 120
    attained: float = 1.0


def _seen(outputs, privacy) -> Seen:
    return np.concatenate([np.ravel(part) for part in outputs]), privacy.epsilon, privacy.delta


def _upper(matrix) -> np.ndarray:
    return matrix[np.triu_indices(len(matrix))]


def john_close(mode):
    """One row of length 1 in one dimension, pushed outwards: √Q is the noisy row's length and a constant."""

    def release(neighbour, folder):
        found = private_john_ellipsoid([[1.1 if neighbour else 1.0]], mode=mode, closeness=0.1, **BUDGET)
        return _seen([np.sqrt(found.ellipsoid.matrix)], found.privacy)

    return release


def john_iterate(neighbour, folder):
    """With a large ridge the bound on a round is attained, in one dimension; so is that on AᵀWA."""
    row = [[1.01 if neighbour else 1.0]]
    public = {"closeness": 0.01, "row_norm_floor": 1.0, "row_norm_bound": 1.01, "ridge": 1000.0, "rounds": 3}
    found = private_john_ellipsoid(row, mode="iterate", **public, **BUDGET)
    return _seen([found.released["noisy_log_weights"], found.released["matrix"]], found.privacy)


MOMENT_ROWS = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])


def john_moment(relation):
    """A row replaced by an orthogonal one, or removed; half of μ² goes to the level, which these pairs do not show."""

    def release(neighbour, folder):
        other = MOMENT_ROWS[[0, 2, 2, 3]] if relation == "replace" else MOMENT_ROWS[1:]
        rows = other if neighbour else MOMENT_ROWS
        found = private_john_ellipsoid(rows, mode="moment", neighbours=relation, row_norm_bound=1.0, **BUDGET)
        return _seen([_upper(found.released["moment"]), np.log(found.released["level"])], found.privacy)

    return release


LEVEL_ROWS = [0.0005] * 19 + [0.0316] * 2 + [1.0] * 18  # in one dimension scores are squares, whatever the noise


def john_level(neighbour, folder):
    """A row that passes the middle: levels below it lose one in utility, levels above it win one, as much as can be.

    The target is half a row above the 20 short rows, so that both sides lie half a row and one and a half behind.
    """
    rows = np.array([*LEVEL_ROWS, 1.0 if neighbour else 0.0005])[:, None]
    public = {"row_norm_bound": 1.0, "fraction": (20.5 - LEVEL_SLACK) / len(rows)}
    found = private_john_ellipsoid(rows, mode="moment", **public, **BUDGET)
    moment, level = found.released["moment"][0, 0], float(found.released["level"])
    return _seen([moment, float(level * moment > 1e-3)], found.privacy)


LEVEL_SLACK = 14.740221054094608  # which the result states


def john_command(neighbour, folder):
    """``tenfold dp-john solve``, judged by the files that it writes."""
    (folder / "rows.csv").write_text(f"a\n{1.1 if neighbour else 1.0}\n", encoding="utf-8")
    words = ["--mode", "input", "--closeness", 0.1, "--epsilon", EPSILON, "--delta", DELTA, "--header", "--force"]
    assert _main("dp-john", "solve", "--csv", folder / "rows.csv", "--out", folder / "john", *words) == 0
    said = json.loads((folder / "john.json").read_text(encoding="utf-8"))["privacy"]
    with np.load(folder / "john.npz") as content:
        return np.sqrt(content["matrix"]).ravel(), said["epsilon"], said["delta"]


def ntk_ssp(neighbour, folder):
    """x and −x activate different units, so that their features are orthogonal; fitted, saved and loaded again."""
    X, y = np.array([[-1.0 if neighbour else 1.0], [1.0], [-1.0]]), [1 if neighbour else 0, 0, 1]
    made = PrivateNTKClassifier(**BUDGET, features=2, classes=[0, 1], public_seed=OF_BOTH_SIGNS).fit(X, y)
    shutil.rmtree(folder / "model", ignore_errors=True)
    write(folder / "model", made, "card")
    found = load(folder / "model")
    return _seen([_upper(found.release_.arrays["gram"]), found.release_.arrays["cross"]], found.privacy_)


OF_BOTH_SIGNS = next(seed for seed in range(9) if np.prod(np.random.default_rng(seed).standard_normal((2, 1))) < 0)


def ntk_ridge_sample(neighbour, folder):
    """Orthogonal records are the kernel's diameter apart; the published projections say where to look."""
    X = np.array([[0.0, 1.0] if neighbour else [1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    made = PrivateNTKClassifier(**BUDGET, mode="ridge-sample", samples=150, classes=[0, 1]).fit(X, [0, 0, 1])
    kernel, arrays = made.release_.kernel, made.release_.arrays
    first, second = project(kernel, np.array([[1.0, 0.0], [0.0, 1.0]]), arrays["directions"])
    return _seen([arrays["samples"][0] @ (second - first)], made.privacy_)


def ntk_input(neighbour, folder):
    """A record moved by the closeness on the circle, and its label changed, which has its share of the budget."""
    angle = 2 * np.arcsin(0.05) * neighbour
    X = np.array([[np.cos(angle), np.sin(angle)], [1.0, 0.0], [0.0, 1.0]])
    made = PrivateNTKClassifier(**BUDGET, mode="input", closeness=0.1, label_share=0.3, classes=[0, 1], ridge=50.0)
    arrays = made.fit(X, [int(neighbour), 0, 1]).release_.arrays
    return _seen([arrays["rows"][0], arrays["targets"][0]], made.privacy_)


def ntk_command(neighbour, folder):
    """``tenfold dp-ntk fit``, judged by the folder that it writes."""
    first = "-1,b" if neighbour else "1,a"
    (folder / "rows.csv").write_text(f"x,label\n{first}\n1,a\n-1,b\n", encoding="utf-8")
    words = ["--target", "label", "--classes", "a,b", "--epsilon", EPSILON, "--delta", DELTA, "--features", 2]
    words += ["--public-seed", OF_BOTH_SIGNS, "--header", "--force", "--out", folder / "fitted"]
    assert _main("dp-ntk", "fit", "--csv", folder / "rows.csv", *words) == 0
    found = load(folder / "fitted")
    return _seen([_upper(found.release_.arrays["gram"]), found.release_.arrays["cross"]], found.privacy_)


ATTENTION = {"radius": 1.0, "temperature": 1.0}
SMALL = ATTENTION | {"degree": 2}


def _value(neighbour):
    return [[-1.0 if neighbour else 1.0], [0.5]]


def _parts(neighbour):
    """Non-negative values that are furthest apart."""
    return [[0.0, 1.0] if neighbour else [1.0, 0.0], [0.5, 0.5]]


KEYS = [[1.0], [0.5]]


def memory(neighbour, folder):
    """Fitted, saved and loaded again; the same longest key, and the opposite value."""
    PrivateMemory.fit(KEYS, _value(neighbour), **SMALL, **BUDGET).save(folder / "memory")
    found = PrivateMemory.load(folder / "memory")
    return _seen([found.sketch], found.privacy)


def memory_removed(neighbour, folder):
    rows = slice(1, None) if neighbour else slice(None)
    found = PrivateMemory.fit(KEYS[rows], _value(False)[rows], neighbours="add_remove", **SMALL, **BUDGET)
    return _seen([found.sketch], found.privacy)


def memory_query(neighbour, folder):
    found = PrivateMemory.fit(KEYS, _parts(neighbour), released="numerator", **SMALL, **BUDGET)
    return _seen([found.query([[1.0]])], found.privacy)


def memory_refit(neighbour, folder):
    """Two releases, which state one budget together."""
    first = PrivateMemory.fit(KEYS, _value(neighbour), **SMALL, epsilon=6.0, delta=DELTA)
    second = first.refit(KEYS, _value(neighbour), epsilon=7.0)
    return _seen([first.sketch, second.sketch], second.privacy)


def memory_command(neighbour, folder):
    """``tenfold dp-cross-attention build``, judged by the file that it writes."""
    rows = "\n".join(f"{key[0]},{value[0]}" for key, value in zip(KEYS, _value(neighbour), strict=True))
    (folder / "rows.csv").write_text(f"k,v\n{rows}\n", encoding="utf-8")
    words = ["--keys", "k", "--values", "v", "--epsilon", EPSILON, "--delta", DELTA, "--radius", 1, "--degree", 2]
    words += ["--temperature", 1, "--header", "--force", "--out", folder / "built"]
    assert _main("dp-cross-attention", "build", "--csv", folder / "rows.csv", *words) == 0
    found = PrivateMemory.load(folder / "built")
    return _seen([found.sketch], found.privacy)


def exact_kernel(neighbour, folder):
    found = ExactKernelMemory.fit(KEYS, _parts(neighbour), released="numerator", **ATTENTION, **BUDGET)
    return _seen([found.query([[1.0]])], found.privacy)


def continual(neighbour, folder):
    """The first step's row is in the intervals [1, 1], [1, 2] and [1, 4], all of which an observer sees."""
    growing, seen = ContinualMemory(4, 1, 1, **SMALL, **BUDGET), []
    for step in range(4):
        row = slice(0, 1) if step == 0 else slice(1, 2)
        growing.append(KEYS[row], _value(neighbour)[row])
        seen += [] if step == 2 else [growing.sketch]
    return _seen(seen, growing.privacy)


def trees(neighbour, folder):
    """Key and value change: numerators show most where the key stays, denominators where it moves, and both some.

    No pair shows more than 0.77 of μ, because the trees pay one by one for what they cannot all show at once. So a
    fifth less noise would still keep what is stated.
    """
    keys = [[-2.0 if neighbour else 0.0], [1.0]]
    found = TreeMemory.fit(keys, _value(neighbour), radius=2.0, temperature=1.0, degree=2, **BUDGET)
    return _seen(found.released, found.privacy)


def _module():
    made = PrivateCrossAttention(2, heads=2, dim_head=1)
    with torch.no_grad():
        for layer, column in ((made.to_q, 0), (made.to_k, 0), (made.to_v, 1)):
            layer.weight.zero_()[:, column] = 1.0  # every head sees the same key and value
    return made


def module(neighbour, folder):
    """Fitted; the sketch as another process gets it, from the state dict."""
    made, rows = _module(), torch.tensor(np.concatenate([KEYS, _value(neighbour)], axis=1)).float()
    made.fit(rows, radius=1.0, value_radius=1.0, degree=2, **BUDGET)
    other = _module()
    other.load_state_dict(made.state_dict())
    return _seen([other.sketch.numpy()], other.privacy)


def modules(neighbour, folder):
    """All cross-attention of a model, at one budget."""
    both, rows = {name: _module() for name in "ab"}, torch.tensor(np.concatenate([KEYS, _value(neighbour)], axis=1))
    spent = fit_together(both, rows.float(), radius=1.0, value_radius=1.0, degree=2, **BUDGET)
    return np.concatenate([made.sketch.numpy().ravel() for made in both.values()]), spent, DELTA


def _main(*words) -> int:
    return main([str(word) for word in words])


HALF = 0.5**0.5
ENTRY_POINTS = {
    "private_john_ellipsoid, input": EntryPoint(john_close("input")),
    "private_john_ellipsoid, input_exact": EntryPoint(john_close("input_exact"), attained=0.9),
    "private_john_ellipsoid, iterate": EntryPoint(john_iterate),
    "private_john_ellipsoid, moment": EntryPoint(john_moment("replace"), 600, HALF),
    "private_john_ellipsoid, moment, a row removed": EntryPoint(john_moment("add_remove"), 600, HALF),
    "tenfold dp-john solve": EntryPoint(john_command),
    "PrivateNTKClassifier, ssp, loaded": EntryPoint(ntk_ssp, 160, 0.75**0.5),
    "PrivateNTKClassifier, ridge-sample": EntryPoint(ntk_ridge_sample, 120, 0.9),
    "PrivateNTKClassifier, input": EntryPoint(ntk_input),
    "tenfold dp-ntk fit": EntryPoint(ntk_command, 160, 0.75**0.5),
    "PrivateMemory, loaded": EntryPoint(memory),
    "PrivateMemory, a row removed": EntryPoint(memory_removed),
    "PrivateMemory.query": EntryPoint(memory_query),
    "PrivateMemory.refit": EntryPoint(memory_refit),
    "tenfold dp-cross-attention build": EntryPoint(memory_command),
    "ExactKernelMemory.query": EntryPoint(exact_kernel, 1600),
    "ContinualMemory": EntryPoint(continual, 1600),
    "TreeMemory": EntryPoint(trees, 2400, 0.767),
    "PrivateCrossAttention, loaded": EntryPoint(module),
    "fit_together": EntryPoint(modules),
}
