"""Time the solvers side by side at equal certificate."""

from __future__ import annotations

import csv
import multiprocessing
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from steps.step.params import Count, Field, ParameterError, Params, Positive, Share, place
from steps.step.run import Run
from tenfold.dp_john.certificate import certify, leverage_scores
from tenfold.dp_john.convex_program import ProgramFailed
from tenfold.dp_john.fixed_point import Scores, initial_weights
from tenfold.dp_john.polytopes import gaussian
from tenfold.dp_john.sampling import SampledScores, sample_size
from tenfold.dp_john.sketch import SketchedScores
from tenfold.dp_john.solver import MAX_UPDATES, NotConverged, john_ellipsoid

Size = Annotated[list[Count], Field(min_length=2, max_length=2)]


class BaselinesParams(Params):
    """Which solvers on which sizes, for how long at most."""

    sizes: list[Size]
    tolerances: list[Share]
    methods: list[str]
    cap: Positive  # seconds a solver may take on one problem
    repeats: Count
    round_sizes: list[Size]
    round_repeats: Annotated[int, Field(ge=3)]
    sketch_rows: Count
    sampling_accuracy: Positive


def baselines(prepared: Path, *, out: Path, params: BaselinesParams, run: Run) -> None:
    """Time every solver to the same certificate, and one round exact, sketched and sampled.

    The output holds timings, so it differs from run to run.

    Reads   prepared/adult.npy, for one real problem beside the synthetic ones
    Writes  solvers.csv: problem, n, d, tolerance, method, seconds (median, nan if capped), max_leverage;
            rounds.csv: n, d, kind, repeat, seconds
    """
    unknown = [name for name in params.methods if name not in MAX_UPDATES]
    if unknown:
        raise ParameterError(
            f"{place('dp_john.baselines.methods')}: {', '.join(unknown)}: choose among {', '.join(sorted(MAX_UPDATES))}"
        )
    problems = {f"gaussian {n}×{d}": gaussian(n, d, run.generator(f"{n} {d}")) for n, d in params.sizes}
    problems["adult"] = np.load(prepared / "adult.npy")
    records = []
    for name, rows in problems.items():
        for tolerance in params.tolerances:
            for method in params.methods:
                found = _capped(rows, tolerance, method, params)
                facts = {"problem": name, "n": rows.shape[0], "d": rows.shape[1], "tolerance": tolerance}
                records.append(facts | {"method": method} | found)
        run.say(f"{name}: {len(params.methods)} solvers at {len(params.tolerances)} tolerances")
    _write(out / "solvers.csv", records)
    _write(out / "rounds.csv", _rounds(params, run))


def _capped(rows: np.ndarray, tolerance: float, method: str, params: BaselinesParams) -> dict[str, Any]:
    """Solve in a process of its own, which the kernel ends when one solve takes longer than the cap."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_solve, args=(sender, rows, tolerance, method, params), daemon=True)
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:  # the process was ended
        return {"seconds": float("nan"), "max_leverage": float("nan")}
    finally:
        process.join()


def _solve(sender: Any, rows: np.ndarray, tolerance: float, method: Any, params: BaselinesParams) -> None:
    with suppress(NotConverged, ProgramFailed):
        john_ellipsoid(np.eye(2), 0.5, method=method)  # loads what the method imports
    seconds, result = [], None
    try:
        for _ in range(params.repeats):
            signal.setitimer(signal.ITIMER_REAL, params.cap)
            started = time.perf_counter()
            result = john_ellipsoid(rows, tolerance, method=method)
            seconds.append(time.perf_counter() - started)
        signal.setitimer(signal.ITIMER_REAL, 0)
    except (NotConverged, ProgramFailed):
        result = None
    found = float("nan") if result is None else certify(rows, result.weights).max_leverage
    sender.send({"seconds": float(np.median(seconds)) if result else float("nan"), "max_leverage": found})


def _rounds(params: BaselinesParams, run: Run) -> list[dict[str, Any]]:
    """Time one round of scores of each kind, interleaved so that a drift of the machine falls on all."""
    records = []
    for n, d in params.round_sizes:
        rows, weights = gaussian(n, d, run.generator(f"rounds {n} {d}")), initial_weights(n, d)
        sampled = SampledScores(min(n, sample_size(d, params.sampling_accuracy)), run.generator("sample"))
        sampled(rows, weights)  # the first call is exact
        kinds: dict[str, Scores] = {
            "exact": leverage_scores,
            "sketched": SketchedScores(params.sketch_rows, run.generator("sketch")),
            "sampled": sampled,
        }
        for repeat in range(params.round_repeats):
            for kind, scores in kinds.items():
                started = time.perf_counter()
                scores(rows, weights)
                seconds = time.perf_counter() - started
                records.append({"n": n, "d": d, "kind": kind, "repeat": repeat, "seconds": seconds})
    return records


def _write(path: Path, records: list[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(records[0]))
        writer.writeheader()
        writer.writerows(records)
