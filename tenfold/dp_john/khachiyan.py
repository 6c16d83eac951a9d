"""Khachiyan's algorithm: Frank–Wolfe with exact line search from the uniform start, without away steps.

Source: Khachiyan 1996, *Rounding of polytopes in the real number model of computation*.
Legend: as in ``wolfe_atwood``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tenfold.dp_john.solution import Solution
from tenfold.dp_john.whitening import factor_rows
from tenfold.dp_john.wolfe_atwood import REFRESH, RankOneDesign


def khachiyan(A: NDArray, tolerance: float, max_updates: int) -> Solution:
    """Return weights with max_i h_i ≤ 1 + ξ, or those after ``max_updates``.

    A (n, d) of rank d. Holds one whitened copy of A.
    Raises RankDeficient if the rows do not span the space.
    """
    n, d = A.shape
    design = RankOneDesign(factor_rows(A).whiten(np.asarray(A, dtype=np.float64)), np.full(n, 1 / n))
    for update in range(max_updates):
        best = int(np.argmax(design.scores))
        excess = design.scores[best] / d - 1
        if excess <= tolerance or update % REFRESH == REFRESH - 1:
            design.refresh()
            best = int(np.argmax(design.scores))
            excess = design.scores[best] / d - 1
            if excess <= tolerance:
                return Solution(design.u * (d / design.u.sum()), update)
        design.update(best, excess / (design.scores[best] - 1))  # λ = (κ/d − 1)/(κ − 1)
    return Solution(design.u * (d / design.u.sum()), max_updates)
