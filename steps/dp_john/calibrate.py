"""Turn budgets and public numbers into noise; there is no data path into this step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from steps.step.json_files import write_json
from steps.step.params import Count, Field, Params, Positive, Share
from steps.step.run import Run
from tenfold.dp_john.calibration import calibrate as calibrated
from tenfold.dp_john.sensitivity import SensitivityUnbounded


class PublicNumbers(Params):
    """What is public about a data set: its shape, bounds on the row norms, and a ridge."""

    n: Count
    d: Count
    row_norm_bound: Positive
    row_norm_floor: Positive
    ridge: Positive


class CalibrateParams(Params):
    """The grid of budgets and modes."""

    public: dict[str, PublicNumbers]
    modes: list[Literal["input", "iterate", "moment"]]
    epsilons: Annotated[list[Positive], Field(min_length=1)]
    closenesses: Annotated[list[Positive], Field(min_length=1)]
    delta: Share
    rounds: Count
    failure_probability: Share
    paper_noise_sds: list[Positive]


def calibrate(*, out: Path, params: CalibrateParams, run: Run) -> None:
    """Turn every budget of the grid into noise, from public numbers alone.

    Writes  privacy.json: one entry per release: data set, mode, calibration or the reason why there is none
    Raises  InvalidBudget, InvalidCalibration
    """
    entries: list[dict[str, Any]] = []
    for dataset, public in params.public.items():
        shape: dict[str, Any] = {"n": public.n, "d": public.d}
        for mode in params.modes:
            for epsilon in params.epsilons:
                for closeness in [None] if mode == "moment" else params.closenesses:
                    entry = {"dataset": dataset, "mode": mode, "epsilon": epsilon, "closeness": closeness}
                    entries.append(entry | _calibration(entry, shape, public, params))
        for noise_sd in params.paper_noise_sds:
            found = calibrated("paper", None, None, None, **shape, noise_sd=noise_sd, rounds=params.rounds)
            entries.append({"dataset": dataset, "mode": "paper", "noise_sd": noise_sd, "calibration": found.as_dict()})
    write_json(out / "privacy.json", entries)
    run.say(f"{len(entries)} releases calibrated, {sum('impossible' in entry for entry in entries)} impossible")


def _calibration(
    entry: dict[str, Any], shape: dict[str, Any], public: PublicNumbers, params: CalibrateParams
) -> dict[str, Any]:
    mode = entry["mode"]
    needs: dict[str, Any] = {"failure_probability": params.failure_probability}
    if mode != "input":
        needs["row_norm_bound"] = public.row_norm_bound
    if mode == "iterate":
        needs |= {"row_norm_floor": public.row_norm_floor, "ridge": public.ridge, "rounds": params.rounds}
    try:
        found = calibrated(mode, entry["epsilon"], params.delta, entry["closeness"], **shape, **needs)
    except SensitivityUnbounded as reason:
        return {"impossible": str(reason)}
    return {"calibration": found.as_dict()}
