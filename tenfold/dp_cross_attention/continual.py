"""Rows that arrive over time: the one place where a tree is needed.

Time is cut into T steps, each bringing any number of rows. One noisy sketch is released for every dyadic interval of
time as it ends; a row is in at most L = ⌊log₂T⌋ + 1 of them, so that all together have sensitivity Δ√L. At time t
attention is answered from the at most L sketches that make up [1, t] (Dwork et al. 2010; Chan, Shi & Song 2011).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention import answer as answering
from tenfold.dp_cross_attention.calibration import Setting, unit_noise
from tenfold.dp_cross_attention.calibration import setting as checked_setting
from tenfold.dp_cross_attention.errors import HorizonReached, InvalidMemory, Uncopied
from tenfold.dp_cross_attention.ledger import Ledger, Release
from tenfold.dp_cross_attention.memory import sums_of
from tenfold.dp_cross_attention.sketch import released
from tenfold.dp_cross_attention.validation import OnViolation, matrix, within
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement
from tenfold.privacy.weak_delta import warn_of_weak_delta


def levels_for(horizon: int) -> int:
    """Return L = ⌊log₂T⌋ + 1, the most dyadic intervals that hold one step."""
    return horizon.bit_length()


class ContinualMemory(Uncopied):
    """A memory that grows; at every time its answers are private, and so are all answers of all times together.

    The number of rows of each step, perhaps 0, is public (replace-one) or secret (add-remove: ``rows`` is None). Until
    an interval ends, its exact sum is kept: the object itself is private, its answers are not; it cannot be copied.
    """

    def __init__(
        self,
        horizon: int,
        dimension: int,
        value_dimension: int,
        *,
        epsilon: float,
        delta: float,
        radius: float,
        on_violation: OnViolation = "error",
        insecure_seed: int | None = None,
        **public: Any,
    ) -> None:
        """Fix the horizon T and the public numbers before any row arrives; arguments as ``PrivateMemory.fit``.

        Raises InvalidMemory if T is below 1; InvalidSetting or InvalidBudget if a public number is out of range.
        """
        if horizon < 1:
            raise InvalidMemory(f"horizon = {horizon} must be the number of steps, at least 1")
        self.horizon, self.time, self._rows = horizon, 0, 0
        self._on_violation = on_violation
        self._known: Setting = checked_setting(
            rows=1, dimension=dimension, value_dimension=value_dimension, radius=radius, **public
        )
        sensitivity = self._known.sensitivity() * levels_for(horizon) ** 0.5
        mu = 1 / unit_noise(epsilon, delta)
        self._source = NoiseSource(insecure_seed)
        ledger = Ledger(delta)
        ledger.charge(mu, replace(self._known, rows=None))  # n is warned of as rows come
        self.ledger = ledger.with_release(
            Release(
                setting=self._known,
                sensitivity=sensitivity,
                noise_sd=sensitivity / mu,
                mu=mu,
                digest="none: sketches are released as intervals end",
                sketches=levels_for(horizon),
                insecure_seed=insecure_seed is not None,
            )
        )
        self._exact: dict[int, np.ndarray] = {}  # level to sum, of the intervals that make up [1, t]
        self._noisy: dict[int, np.ndarray] = {}

    @property
    def privacy(self) -> PrivacyStatement:
        """The guarantee of all answers of all times."""
        return self.ledger.statement()

    @property
    def rows(self) -> int | None:
        """How many rows have come; None where that is secret."""
        return None if self._known.rows is None else self._rows

    @property
    def noise_sd(self) -> float:
        """The sd of each entry of the present sketch: σ√(number of intervals that make up [1, t])."""
        return self.ledger.releases[-1].noise_sd * self.time.bit_count() ** 0.5

    def append(self, keys: Any, values: Any) -> None:
        """Bring the rows of one step.

        Raises HorizonReached if all steps have come; InvalidMemory if the rows have another shape or are not finite;
        BoundViolated if a row is longer than its bound.
        """
        if self.time == self.horizon:
            raise HorizonReached(f"the noise was calibrated for {self.horizon} steps, which have all come")
        keys = matrix(keys, "keys", self._known.dimension, empty=True)
        values = matrix(values, "values", self._known.value_dimension, empty=True)
        if len(keys) != len(values):
            raise InvalidMemory("there are not as many keys as values: give one value per key")
        total = sums_of(keys, values, self._known, self._on_violation)
        self.time, self._rows = self.time + 1, self._rows + len(keys)
        warn_of_weak_delta(self.ledger.delta, self.rows)
        level = 0
        while level in self._exact:  # carry, as in counting
            total = total + self._exact.pop(level)
            del self._noisy[level]
            level += 1
        self._exact[level] = total
        self._noisy[level] = released(total, self.ledger.releases[-1].noise_sd, self._source)

    @property
    def sketch(self) -> Float[np.ndarray, "r c"]:
        """The released sketch of all rows so far."""
        if not self._noisy:
            raise InvalidMemory("no rows have come yet: attention over no rows is not defined")
        return np.sum([self._noisy[level] for level in sorted(self._noisy)], axis=0)

    def query(self, queries: Any, *, errors: bool = False, on_violation: OnViolation = "error") -> Any:
        """Answer queries (m, d) over the rows that have come, as ``PrivateMemory.query`` does."""
        if self.rows == 0:
            raise InvalidMemory("no rows have come yet: attention over no rows is not defined")
        known = self._known.with_shape(self._rows, self._known.dimension, self._known.value_dimension)
        rows = within(matrix(queries, "queries", known.dimension), known.radius, "queries", on_violation)
        features, sketch = known.feature_map(), self.sketch
        found = answering.products(features, features.scale[:, None] * sketch, rows, known)
        allowed = answering.denominator_range(features, known, answering.rows_from_sketch(sketch, known))
        given = answering.attention(found, known, self.noise_sd, allowed)
        return given if errors else given.values
