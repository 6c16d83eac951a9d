"""Mechanisms that are broken on purpose: what an audit is worth is what it says of these."""

from __future__ import annotations

from dataclasses import replace

from tenfold.dp_cross_attention import tree_memory
from tenfold.dp_cross_attention.calibration import unit_noise
from tenfold.dp_cross_attention.dptree import levels_of
from tenfold.dp_cross_attention.memory import sums_of
from tenfold.dp_cross_attention.observation import (
    Observe,
    Scores,
    box_pair,
    sketch_scores,
    tiny,
    tree_scores,
    worst_pair,
)
from tenfold.dp_cross_attention.sketch import released
from tenfold.privacy.gaussian import gaussian_mu
from tenfold.privacy.noise import NoiseSource


def scaled_noise(factor: float) -> Observe:
    """Use ``factor`` of the noise that is due."""

    def observe(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
        pair = worst_pair()
        known = tiny(pair)
        return sketch_scores(known, pair, factor * known.sensitivity() / gaussian_mu(epsilon, delta), runs, seed)

    return observe


def without_feature_norm(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Take Δ = 2ρ_v, as if ‖P(k)‖ were 1."""
    pair = worst_pair()
    known = tiny(pair)
    return sketch_scores(known, pair, 2 * known.value_radius / gaussian_mu(epsilon, delta), runs, seed)


def exact_denominator(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Publish the denominator's column without noise; here the key changes, which that column shows."""
    pair = worst_pair()
    known = tiny(pair)
    noise_sd = known.sensitivity() / gaussian_mu(epsilon, delta)
    first, second = (sums_of(keys, pair.values, known) for keys in (pair.keys, -pair.keys))
    direction = (first - second)[:, -1]
    scores = []
    for side, sums in enumerate((second, first)):
        draws = released(sums, noise_sd, NoiseSource(2 * seed + side), runs)
        draws[..., -1] = sums[:, -1]
        scores.append(draws[..., -1] @ direction)
    return scores[0], scores[1]


def tree_forgets_levels(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Calibrate a tree as if a row were in one node, not in L."""
    pair = box_pair()
    right = tree_memory.calibrate(tiny(pair), epsilon, delta)
    return tree_scores(replace(right, share=right.share * levels_of(right.bins) ** 0.5), pair, runs, seed)


def tree_half_for_each_column(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Spend ε/2 on the denominator and ε/2 on *each* value column, composing within a column only."""
    pair = box_pair(value_dimension=15)
    right = tree_memory.calibrate(tiny(pair), epsilon, delta)
    within_column = right.releases / (right.setting.value_dimension + 1)
    share = 1 / (unit_noise(epsilon / 2, delta) * within_column**0.5)
    return tree_scores(replace(right, share=share), pair, runs, seed)


def tree_factor_two(epsilon: float, delta: float, runs: int, seed: int) -> Scores:
    """Halve a tree's noise."""
    pair = box_pair()
    right = tree_memory.calibrate(tiny(pair), epsilon, delta)
    return tree_scores(replace(right, share=2 * right.share), pair, runs, seed)


PLANTED_BUGS: dict[str, Observe] = {
    "factor 2 missing": scaled_noise(0.5),
    "feature norm ignored": without_feature_norm,
    "20 % too little noise": scaled_noise(0.8),
    "denominator without noise": exact_denominator,
    "tree: levels forgotten": tree_forgets_levels,
    "tree: ε/2 for each column": tree_half_for_each_column,
    "tree: factor 2 missing": tree_factor_two,
}
