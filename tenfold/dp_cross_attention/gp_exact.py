"""The limit g = ∞: exact kernel sums plus one Gaussian process, drawn as it is asked.

The noise G is a centred Gaussian process with covariance σ²e^{<q, q'>/τ}, the kernel itself. Replacing a row moves
q ↦ Σ e^{<q, k_i>/τ}[v_i; λ] by at most Δ = 2ρ_v e^{B/2} in the kernel's own norm, so any finite set of answers,
adaptively asked, is (Δ/σ)-GDP (Hall, Rinaldo & Wasserman 2013). Unlike a sketch the memory keeps the rows and every
earlier answer, so it cannot be published, and it holds at most ``max_queries`` different queries.

Legend: m queries, c = d_v + 1 columns, a queries asked before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.linalg import solve_triangular

from tenfold.dp_cross_attention import answer as answering
from tenfold.dp_cross_attention.answer import Products
from tenfold.dp_cross_attention.calibration import Accounting, unit_noise
from tenfold.dp_cross_attention.calibration import setting as checked_setting
from tenfold.dp_cross_attention.errors import InvalidMemory, TooManyQueries, Uncopied
from tenfold.dp_cross_attention.exact import exact_sums
from tenfold.dp_cross_attention.ledger import Ledger, Release
from tenfold.dp_cross_attention.sketch import with_denominator
from tenfold.dp_cross_attention.validation import OnViolation, matrix, nonnegative, within
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement

MAX_QUERIES = 2000
JITTER = 1e-10  # relative; more noise than asked for is post-processing


class ExactKernelMemory(Uncopied):
    """Private attention with the exact kernel; holds private rows, so it serves and is never saved nor copied."""

    def __init__(
        self, keys: np.ndarray, columns: np.ndarray, ledger: Ledger, source: NoiseSource, max_queries: int
    ) -> None:
        self.ledger, self.max_queries = ledger, max_queries
        self._keys, self._columns, self._source = keys, columns, source
        self._asked = np.empty((0, keys.shape[1]))
        self._factor = np.empty((0, 0))  # Cholesky factor of the kernel of what was asked
        self._normals = np.empty((0, columns.shape[1]))
        self._noisy = np.empty((0, columns.shape[1]))  # what was answered: it stays so, to the last bit
        self._index: dict[bytes, int] = {}

    @classmethod
    def fit(
        cls,
        keys: Any,
        values: Any,
        *,
        epsilon: float,
        delta: float,
        radius: float,
        max_queries: int = MAX_QUERIES,
        accounting: Accounting = "analytic",
        on_violation: OnViolation = "error",
        insecure_seed: int | None = None,
        **public: Any,
    ) -> ExactKernelMemory:
        """Take rows as an (ε, δ)-DP memory; arguments and errors as ``PrivateMemory.fit``, without features."""
        hidden = public.get("neighbours") == "add_remove"
        keys, values = matrix(keys, "keys", empty=hidden), matrix(values, "values", empty=hidden)
        if len(keys) != len(values):
            raise InvalidMemory("there are not as many keys as values: give one value per key")
        known = checked_setting(
            rows=len(keys),
            dimension=keys.shape[1],
            value_dimension=values.shape[1],
            radius=radius,
            features="exact",
            **public,
        )
        keys = within(keys, known.radius, "keys", on_violation)
        values = within(values, known.value_radius, "values", on_violation)
        if known.released == "numerator":
            values = nonnegative(values)
        columns = with_denominator(values, known.denominator_weight if known.released == "joint" else None)
        mu, sensitivity = 1 / unit_noise(epsilon, delta, accounting), known.sensitivity()
        ledger = Ledger(delta)
        ledger.charge(mu, known)
        release = Release(
            setting=known,
            sensitivity=sensitivity,
            noise_sd=sensitivity / mu,
            mu=mu,
            digest="none: answers are drawn as they are asked",
            insecure_seed=insecure_seed is not None,
        )
        return cls(keys, columns, ledger.with_release(release), NoiseSource(insecure_seed), max_queries)

    @property
    def privacy(self) -> PrivacyStatement:
        """The guarantee of all answers together."""
        return self.ledger.statement()

    def query(
        self,
        queries: Any,
        *,
        errors: bool = False,
        on_violation: OnViolation = "error",
        clamp: bool = True,
        project: bool = True,
    ) -> Any:
        """Answer queries (m, d) as ``PrivateMemory.query`` does; the same query gets the same answer for ever.

        Raises InvalidMemory or BoundViolated if the queries are at fault; TooManyQueries if ``max_queries`` different
        ones were asked before.
        """
        release = self.ledger.releases[-1]
        known = release.setting
        rows = within(matrix(queries, "queries", known.dimension), known.radius, "queries", on_violation)
        rows = rows + 0.0  # −0 and 0 are one query
        places = self._places(rows)
        noisy = self._noisy[places]
        lengths = np.exp(np.einsum("md,md->m", rows, rows) / (2 * known.temperature))
        allowed = answering.denominator_range(known.feature_map(), known, known.rows)
        if known.released == "numerator":
            found = Products(noisy, None, lengths)
        else:
            found = Products(noisy[:, :-1], noisy[:, -1] / known.denominator_weight, lengths)
        given = answering.attention(found, known, release.noise_sd, allowed, clamp=clamp, project=project)
        return given if errors else given.values

    def _places(self, rows: Float[np.ndarray, "m d"]) -> list[int]:
        """Return where each query stands among those asked, after asking the new ones."""
        keys = [row.tobytes() for row in rows]
        new: dict[bytes, int] = {}
        for position, key in enumerate(keys):
            if key not in self._index:
                new.setdefault(key, position)
        if len(self._index) + len(new) > self.max_queries:
            raise TooManyQueries(
                f"{len(self._index)} different queries were answered and {len(new)} are new, more than max_queries = "
                f"{self.max_queries}: earlier answers must all be kept. Use PrivateMemory, which answers without limit."
            )
        if new:
            self._ask(rows[list(new.values())])
            self._index |= {key: len(self._index) + number for number, key in enumerate(new)}
        return [self._index[key] for key in keys]

    def _ask(self, rows: Float[np.ndarray, "b d"]) -> None:
        """Answer new queries: exact sums plus noise that is conditioned on that of all earlier ones."""
        release = self.ledger.releases[-1]
        temperature = release.setting.temperature
        a, b = len(self._asked), len(rows)
        within_new = np.exp(rows @ rows.T / temperature)
        factor = np.zeros((a + b, a + b))
        factor[:a, :a] = self._factor
        if a:
            factor[a:, :a] = solve_triangular(self._factor, np.exp(self._asked @ rows.T / temperature), lower=True).T
            within_new = within_new - factor[a:, :a] @ factor[a:, :a].T
        largest = np.exp(np.einsum("bd,bd->b", rows, rows) / temperature).max()
        factor[a:, a:] = _cholesky(within_new, JITTER * largest)
        normals = self._source.gaussian((b, self._columns.shape[1]), 1.0)
        self._factor, self._normals = factor, np.concatenate([self._normals, normals])
        sums = exact_sums(rows, self._keys, self._columns, temperature)
        noisy = sums + release.noise_sd * (factor[a:] @ self._normals)
        self._asked, self._noisy = np.concatenate([self._asked, rows]), np.concatenate([self._noisy, noisy])


def _cholesky(matrix_: np.ndarray, jitter: float) -> np.ndarray:
    """Return a Cholesky factor; nearly equal queries make the matrix singular, and jitter grows until it is not."""
    while True:
        try:
            return np.linalg.cholesky(matrix_ + jitter * np.eye(len(matrix_)))
        except np.linalg.LinAlgError:
            jitter *= 10
