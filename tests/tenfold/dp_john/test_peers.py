"""Every method finds the same ellipsoid."""

from __future__ import annotations

import numpy as np
import pytest

from tenfold.dp_john import polytopes
from tenfold.dp_john.certificate import certify
from tenfold.dp_john.khachiyan import khachiyan
from tenfold.dp_john.solver import NotConverged, john_ellipsoid
from tenfold.dp_john.wolfe_atwood import RankOneDesign, spanning_rows, wolfe_atwood

METHODS = ["active_set", "averaged", "last", "sketched", "wolfe_atwood", "khachiyan", "clarabel", "scs"]
TOLERANCE = {"averaged": 1e-2, "sketched": 5e-2, "khachiyan": 2e-3}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", ["gaussian", "log_spaced", "near_duplicates"])
def test_all_methods_agree_on_the_optimum(method: str, family: str) -> None:
    A = polytopes.FAMILIES[family](60, 3, np.random.default_rng(0))
    best = john_ellipsoid(A, 1e-9)
    tolerance = TOLERANCE.get(method, 1e-3)
    result = john_ellipsoid(A, tolerance, method=method)  # type: ignore[arg-type]
    assert result.method == method and result.certificate.meets(tolerance)
    gap = best.ellipsoid.log_volume - result.ellipsoid.log_volume
    assert -1e-8 <= gap <= 1.5 * tolerance  # (d/2)·log(1 + ξ)
    assert certify(A, result.weights).max_leverage == pytest.approx(result.certificate.max_leverage, rel=1e-9)


def test_the_convex_program_matches_the_default_closely() -> None:
    A = polytopes.gaussian(80, 4, np.random.default_rng(1))
    ours, theirs = john_ellipsoid(A, 1e-9), john_ellipsoid(A, 1e-4, method="clarabel")
    np.testing.assert_allclose(ours.ellipsoid.matrix, theirs.ellipsoid.matrix, atol=2e-3)


@pytest.mark.parametrize("method", METHODS[:6])
def test_stopping_short_names_the_certificate_reached(method: str) -> None:
    A = polytopes.gaussian(300, 6, np.random.default_rng(2))
    with pytest.raises(NotConverged, match=rf"{method} reached max leverage \d") as error:
        john_ellipsoid(A, 1e-2, method=method, max_updates=2)  # type: ignore[arg-type]
    result = error.value.result
    assert certify(A, result.weights).max_leverage == pytest.approx(result.certificate.max_leverage, rel=1e-9)


def test_rank_one_updates_equal_recomputing() -> None:
    X = polytopes.gaussian(50, 4, np.random.default_rng(3))
    design = RankOneDesign(X, np.full(50, 1 / 50))
    for row, share in [(3, 0.2), (7, 0.05), (3, -0.1), (11, 0.5)]:
        design.update(row, share)
    fresh = RankOneDesign(X, design.u.copy())
    assert design.u.sum() == pytest.approx(1)
    np.testing.assert_allclose(design.scores, fresh.scores, rtol=1e-9)
    np.testing.assert_allclose(design.inverse, fresh.inverse, rtol=1e-9, atol=1e-12)


def test_the_start_spans_the_space() -> None:
    X = polytopes.near_duplicates(100, 6, np.random.default_rng(4), distance=1e-12)
    assert np.linalg.matrix_rank(X[spanning_rows(X)]) == 6


def test_away_steps_drop_rows_where_plain_steps_cannot() -> None:
    A = polytopes.gaussian(400, 4, np.random.default_rng(5))
    with_away, without = wolfe_atwood(A, 1e-3, 100_000), khachiyan(A, 1e-3, 100_000)
    assert np.count_nonzero(with_away.weights) < 20 < np.count_nonzero(without.weights)
    assert with_away.updates < without.updates
