"""What κ says about a pair of constant rates, and which constant pair a scheduler's rates amount to.

Legend:  ℓ the average of log κ, above 0 where the LLM moves the answers more · ratio η0_S / η0_X
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from steps.commit_tuning.estimates import (
    Cell,
    Evidence,
    aggregate,
    averaged,
    difference,
    paired,
    values,
)
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import mean_of, measured, unavailable

LEARNED = 0.02  # nats per token below what the questions alone give: what a ratio teaches at least to say anything
LEAST_RATIOS = 3
Scores = dict[int, float]


def learned_ratios(evidence: Evidence, task: str) -> list[float]:
    """Return the ratios at which constant rates taught more than the questions alone give, by the mean over seeds."""
    found = []
    for ratio in evidence.ratios(task):
        runs = evidence.by_seed(Cell(task, "constant", ratio)).values()
        gains = [run.blind_loss - run.held_out_loss for run in runs if run.blind_loss is not None]
        if gains and np.mean(gains) >= LEARNED:
            found.append(ratio)
    return found


def validity(evidence: Evidence, task: str) -> Measurement:
    """Return Spearman's correlation over ratios of |ℓ| with the loss beyond the tuned constant, meaned over seeds.

    What the tuned constant's loss is, shifts all ratios of one seed alike, and so no rank.
    """

    def rank(losses: Sequence[float], balances: Sequence[float]) -> float | None:
        if np.ptp(losses) == 0 or np.ptp(balances) == 0:
            return None
        return float(stats.spearmanr(losses, balances).statistic)

    what = f"Spearman's of |ℓ| and the excess of the mean training loss, constant, {task}"
    return _of_seeds(evidence, task, "ema_last", rank, "rank correlation", what)


def direction(evidence: Evidence, task: str) -> Measurement:
    """Return whether ℓ's sign points to the neighbouring ratio with the lower training loss: from −1 to 1.

    Above 0 the scheduler raises the encoder's rate over the LLM's, below 0 it lowers it. 1: each such move to the next
    ratio of the grid lowers the loss; −1: each raises it; a move weighs as much as it changes the loss.
    """
    what = f"fall of the mean training loss to the ratio that ℓ's sign points to, over its changes, constant, {task}"
    return _of_seeds(evidence, task, "log_kappa_mean", _pointed, "share", what)


def direction_beyond_raising(evidence: Evidence, task: str) -> Measurement:
    """Return by how much ℓ's sign points better than a rule that raises the encoder's rate at every ratio."""
    own, unavailable_for = _scores(evidence, task, "log_kappa_mean", _pointed)
    raising, _ = _scores(evidence, task, "log_kappa_mean", lambda losses, _: _pointed(losses, [1.0] * len(losses)))
    if unavailable_for:
        return unavailable(unavailable_for)
    return paired(
        own, raising, "share", f"direction by ℓ's sign less that of always raising the encoder's rate, {task}"
    )


def balance_signs(evidence: Evidence, task: str) -> Measurement:
    """Return how many signs ℓ has over the ratios that taught something.

    With one alone it says what a rule says that always raises the encoder's rate: whether that is right depends on
    where the grid of ratios begins and ends, and not on ℓ.
    """
    grid = learned_ratios(evidence, task)
    found = [values(evidence.by_seed(Cell(task, "constant", ratio)), "log_kappa_mean") for ratio in grid]
    signs = {float(np.sign(np.mean(list(one.values())))) for one in found if one} - {0.0}
    return measured(len(signs), "signs", f"of ℓ, mean over seeds, over {len(grid)} ratios at which {task} is learned")


def _pointed(losses: Sequence[float], balances: Sequence[float]) -> float | None:
    """Return Σ (L_i − L_i+s) / Σ |L_i − L_i+s|, s the sign of ℓ_i; without such a neighbour there is no term."""
    signs = np.sign(balances).astype(int)
    moves = [(place, place + sign) for place, sign in enumerate(signs) if sign and 0 <= place + sign < len(losses)]
    falls = np.array([losses[place] - losses[other] for place, other in moves])
    total = np.abs(falls).sum()
    return float(falls.sum() / total) if total else None


def _scores(
    evidence: Evidence, task: str, name: str, score: Callable[[Sequence[float], Sequence[float]], float | None]
) -> tuple[Scores, str]:
    """Return the score of each seed over the ratios that taught something, and why there is none."""
    grid = learned_ratios(evidence, task)
    if len(grid) < LEAST_RATIOS:
        return {}, f"{len(grid)} ratios at which {task} was learned beyond its questions, where it takes {LEAST_RATIOS}"
    by_ratio = [evidence.by_seed(Cell(task, "constant", ratio)) for ratio in grid]
    losses, balances = ([values(runs, one) for runs in by_ratio] for one in ("auc", name))
    seeds = set.intersection(*map(set, (*losses, *balances)))
    found = {seed: score([one[seed] for one in losses], [one[seed] for one in balances]) for seed in sorted(seeds)}
    return {seed: one for seed, one in found.items() if one is not None}, ""


def _of_seeds(
    evidence: Evidence,
    task: str,
    name: str,
    score: Callable[[Sequence[float], Sequence[float]], float | None],
    unit: str,
    what: str,
) -> Measurement:
    found, reason = _scores(evidence, task, name, score)
    if reason:
        return unavailable(reason)
    ratios = ", ".join(f"{ratio:g}" for ratio in learned_ratios(evidence, task))
    detail = f"{what}, ratios {ratios}"
    return averaged(lambda: mean_of(aggregate(list(found.values()), detail), unit, detail, seeds=len(found)))


def less_equal_rates(evidence: Evidence, clr: Cell, name: str) -> Measurement:
    """Return what a scheduler differs by from the constant pair whose ratio is nearest to that of its mean rates.

    A scheduler that does no more than put another constant pair in the place of the one it was given, does not differ.
    """
    runs = evidence.by_seed(clr)
    used = [run.rate_S / run.rate_X for run in runs.values() if run.rate_S > 0 and run.rate_X > 0]
    constant = replace(clr, method="constant")
    grid = evidence.ratios_of(constant)
    if not used or not grid:
        return unavailable(f"this profile has no such training: {clr.task}, {clr.words}")
    mean = math.exp(float(np.mean(np.log(used))))
    nearest = min(grid, key=lambda ratio: (abs(math.log(ratio / mean)), ratio))
    return difference(evidence, clr, replace(constant, ratio=nearest), name)


def worst_headroom(evidence: Evidence, task: str) -> Measurement:
    """Return the headroom at the ratio whose validation loss is the largest: the grid has a badly set pair at all."""
    known = evidence.chosen.get(task, {})
    losses = {
        float(ratio): loss for ratio, loss in known.get("validation_loss_by_ratio", {}).items() if loss is not None
    }
    if not losses:
        return unavailable(f"no search of {task}'s ratios")
    worst = max(losses, key=lambda ratio: (losses[ratio], ratio))
    return difference(evidence, Cell(task, "constant", worst), Cell(task, "tuned_constant", worst), "auc")


def felt(share: Measurement, change: Measurement, detail: str) -> Measurement:
    """Return 1 where a reward is felt, else 0: a hundredth of the gradient norm, or a difference that excludes 0."""
    if share.unavailable is not None or change.unavailable is not None:
        return unavailable(share.unavailable or change.unavailable or "")
    low, high = change.interval or (change.number, change.number)
    large = share.interval is not None and share.interval[0] >= 0.01
    return measured(float(large or low > 0 or high < 0), "rewards", f"{detail}, of one", seeds=change.seeds)
