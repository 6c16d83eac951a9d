"""Dyadic trees: sums by a naive oracle, distances, sensitivity, and the noise of prefixes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenfold.dp_cross_attention import dptree
from tenfold.dp_cross_attention.dptree import Grid
from tenfold.dp_cross_attention.errors import InvalidSetting
from tenfold.privacy.noise import NoiseSource

GRID = Grid(1.0, 32)


def rows(seed, count=50, trees=2, columns=3):
    generator = np.random.default_rng(seed)
    return generator.uniform(-1, 1, (trees, count)), generator.standard_normal((count, columns))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 32), st.integers(0, 32))
def test_ranges_and_prefixes_are_sums_over_bins(seed, first, last):
    positions, weights = rows(seed)
    nodes = dptree.dyadic_sums(GRID, positions, weights)
    assert nodes[:, 1] == pytest.approx(np.tile(weights.sum(axis=0), (2, 1)))
    bins = GRID.bin_of(positions)
    first, last = min(first, last), max(first, last)
    oracle = np.stack([weights[(bins[tree] >= first) & (bins[tree] < last)].sum(axis=0) for tree in range(2)])
    edges = [np.full((2, 1), edge) for edge in (first, last)]
    assert dptree.range_sums(nodes, *edges)[:, 0] == pytest.approx(oracle, abs=1e-9)
    prefix = dptree.prefix_sums(nodes)
    assert prefix.shape == (2, 33, 3)
    assert prefix[:, last] - prefix[:, first] == pytest.approx(oracle, abs=1e-9)


def test_a_range_takes_few_nodes():
    nodes = np.ones((1, 2 * 1024, 1))
    generator = np.random.default_rng(0)
    edges = np.sort(generator.integers(0, 1025, (200, 2)), axis=1)
    counts = dptree.range_sums(nodes, edges[None, :, 0], edges[None, :, 1])[0, :, 0]  # every node is 1: their number
    assert counts.max() <= 2 * 10
    assert dptree.prefix_sums(nodes).max() <= 11


def test_distances_from_prefixes():
    positions, weights = rows(0, count=400)
    grid = Grid(1.0, 1 << 14)
    nodes = dptree.dyadic_sums(grid, positions, weights)
    moments = np.concatenate([dptree.dyadic_sums(grid, row[None], weights * row[:, None]) for row in positions])
    points = np.random.default_rng(1).uniform(-1, 1, (2, 9))
    found = dptree.l1_from_prefixes(grid, dptree.prefix_sums(nodes), dptree.prefix_sums(moments), points)
    oracle = np.einsum("tmn,nc->tmc", np.abs(points[:, :, None] - positions[:, None]), weights)
    assert found == pytest.approx(oracle, abs=400 * grid.width * 3)


@pytest.mark.parametrize("alpha", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("power", [1, 2])
def test_distances_by_bands_are_right_up_to_their_factor(alpha, power):
    positions = np.random.default_rng(0).uniform(-1, 1, (2, 2000))
    grid = Grid(1.0, 1 << 14)
    nodes = dptree.dyadic_sums(grid, positions, np.ones((2000, 1)))
    points = np.random.default_rng(1).uniform(-1, 1, (2, 20))
    found = dptree.distances_by_bands(nodes, grid, points, alpha, power)[..., 0]
    oracle = (np.abs(points[:, :, None] - positions[:, None]) ** power).sum(axis=2)
    assert (found >= oracle * (1 - 1e-3)).all() and (found <= oracle * (1 + alpha) ** power * (1 + 1e-3)).all()
    with pytest.raises(InvalidSetting):
        dptree.band_edges(grid, 0.0)


def change(position, other, weight, other_weight):
    pairs = ((position, weight), (other, other_weight))
    nodes = [dptree.dyadic_sums(GRID, np.array([[x]]), np.array([[w]])) for x, w in pairs]
    return (nodes[0] - nodes[1]).ravel()


@pytest.mark.parametrize("weights", ["signed", "nonnegative"])
@pytest.mark.parametrize("norm", [1, 2])
def test_no_replacement_moves_a_tree_further(weights, norm):
    generator = np.random.default_rng(0)
    limit, reached = dptree.tree_sensitivity(32, 1.0, weights, norm), 0.0
    low = -1 if weights == "signed" else 0
    for _ in range(4000):
        x, y = generator.uniform(-1, 1, 2)
        y = x if generator.random() < 0.3 else y
        w, u = generator.choice([low, 1.0], 2)
        reached = max(reached, np.linalg.norm(change(x, y, w, u), norm))
    assert reached == pytest.approx(limit)  # never beyond, and reached


def test_signed_weights_exceed_the_usual_bound():
    moved = np.linalg.norm(change(0.3, 0.3, 1.0, -1.0))
    assert moved > np.sqrt(2 * dptree.levels_of(32)) * 1.4
    assert moved <= dptree.tree_sensitivity(32, 1.0, "signed", 2)


def test_prefix_noise_follows_the_law():
    """A prefix takes ½log₂N nodes on average, each of sd √2·2L at pure ε = 1: rms 70 at N = 2¹⁰, against 2.8 for one
    sum.
    """
    scale = np.array([dptree.tree_sensitivity(1024, 1.0, "signed", 1)])
    squares = [
        np.square(
            dptree.prefix_sums(dptree.add_noise(np.zeros((1, 2048, 1)), scale, "laplace", NoiseSource(seed)))[0, 1:-1]
        ).mean()
        for seed in range(200)
    ]
    assert np.sqrt(np.mean(squares)) == pytest.approx(np.sqrt(2) * 22 * np.sqrt(5), rel=0.05)


def test_noise_has_its_scale():
    for kind, sd in (("gaussian", 1.0), ("laplace", np.sqrt(2))):
        drawn = dptree.add_noise(np.zeros((2, 20_000, 2)), np.array([1.0, 3.0]), kind, NoiseSource(0))
        assert drawn.std(axis=(0, 1)) == pytest.approx([sd, 3 * sd], rel=0.03)


def test_coordinates_beyond_the_public_range_are_refused():
    with pytest.raises(InvalidSetting, match="public range"):
        GRID.bin_of(np.array([1.1]))
