"""One row per training, the same for every step that trains: ``runs.jsonl``, and where a training's trace stands.

Legend:  X the LLM · S the feature encoder · ℓ the average of log κ · η0 the rate at a factor of 1
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

Method = Literal[
    "constant",
    "tuned_constant",
    "half_rate",
    "feature_cd",
    "language_cd",
    "clr",
    "commit",
    "regulariser",
    "placebo",
    "miles",
]
METHODS: tuple[Method, ...] = get_args(Method)
RUNS, TRACES = "runs.jsonl", "traces"


class InvalidRuns(ValueError):
    """A file of trainings is not one that these steps wrote."""


@dataclass(frozen=True)
class TuningRun:
    """What one training came to; None where a number does not apply.

    ``ratio`` is η0_S / η0_X. ``knob`` and ``value`` are an ablation's or a search's, None in the main study. ``equal``
    says what the training has as much of as the constant one: updates, or updates of single components. ``auc`` is the
    mean training loss per update in nats per token of the answers, ``log_auc`` the mean of its logarithm, ``loss_last``
    the mean of the last tenth, ``updates_to`` the first update whose smoothed loss is below the task's fixed one.
    ``held_out_loss`` and the accuracies are of the test part, which no choice reads; ``validation_loss`` is what they
    read. ``blind_loss`` is that of a guess by the answers' frequencies, which needs no item, on the test part; None
    where tokens are others. ``clipped_share`` is the share of updates at which |ℓ| was at the scheduler's clip c = 1.2
    or beyond. ``log_kappa_last`` and ``ema_last`` are means of |log κ| and |ℓ| over the last ten defined estimates,
    ``log_kappa_mean`` the mean of log κ, with its sign. ``reward_share`` is the reward's share of the loss's gradient
    norm. ``rate_X`` and ``rate_S`` are means of the rates that were used. The digests are of the weights at the start
    and of the questions of the first ten batches.
    """

    task: str
    method: Method
    ratio: float
    knob: str | None
    value: str | None
    optimiser: str
    adaptation: Literal["full", "lora"]
    equal: Literal["updates", "parameter_updates"]
    seed: int
    updates: int
    parameter_updates_X: int  # noqa: N815
    parameter_updates_S: int  # noqa: N815
    auc: float
    log_auc: float
    loss_last: float
    updates_to: int | None
    held_out_loss: float
    accuracy: float
    accuracy_names: float
    blind_accuracy_names: float
    blind_loss: float | None
    log_kappa_last: float | None
    ema_last: float | None
    clipped_share: float | None
    log_kappa_mean: float | None
    estimates: int
    undefined: int
    reward_share: float | None
    rate_X: float  # noqa: N815
    rate_S: float  # noqa: N815
    start_sha256: str
    order_sha256: str
    validation_loss: float

    @property
    def trace(self) -> Path:
        """Where the training's trace stands below a step's output, if it was kept."""
        return trace_path(self.task, self.method, self.ratio, self.seed, self.knob, self.value, self.equal)


def trace_path(
    task: str,
    method: str,
    ratio: float,
    seed: int,
    knob: str | None = None,
    value: str | None = None,
    equal: str = "updates",
) -> Path:
    """Return ``traces/<task>/<method>@<ratio>[-<knob>=<value>][-parameter_updates]/<seed>.jsonl``."""
    name = f"{method}@{ratio:g}" + ("" if knob is None else f"-{knob}={value}")
    return Path(TRACES) / task / (name + ("" if equal == "updates" else f"-{equal}")) / f"{seed}.jsonl"


def write_runs(folder: Path, runs: Iterable[TuningRun]) -> None:
    """Write ``runs.jsonl`` into a folder. Raises ValueError for NaN and infinities, which are not JSON."""
    rows = [json.dumps(asdict(run), allow_nan=False) + "\n" for run in runs]
    (folder / RUNS).write_text("".join(rows), encoding="utf-8")


def run_of(row: object, where: str) -> TuningRun:
    """Return a training from its row. Raises InvalidRuns for a row with other keys than a training's."""
    known = [field.name for field in fields(TuningRun)]
    if not isinstance(row, dict) or sorted(row) != sorted(known):
        other = sorted(set(row) ^ set(known)) if isinstance(row, dict) else ["no JSON object"]
        raise InvalidRuns(f"{where}: {', '.join(other)}; a row has {', '.join(known)}")
    if row["method"] not in METHODS:
        raise InvalidRuns(f"{where}: no method is called {row['method']!r}; there are {', '.join(METHODS)}")
    return TuningRun(**row)


def read_runs(folder: Path) -> list[TuningRun]:
    """Return the trainings of a step's output. Raises InvalidRuns, FileNotFoundError."""
    path = folder / RUNS
    lines = path.read_text(encoding="utf-8").splitlines()
    return [run_of(json.loads(line), f"{path}, line {number}") for number, line in enumerate(lines, 1)]
