"""A private memory: rows (k, v) are summed into one noisy sketch, which then answers any number of queries.

Route B of the specification: after the feature map attention is linear in Σ P(k_i) ⊗ [v_i; 1], so a single Gaussian
release, jointly calibrated, replaces the paper's trees. **Deviation:** arXiv:2407.14717 answers by r(d_v + 1)
trees (``tenfold.dp_cross_attention.dptree``); the noise here is smaller by orders of magnitude.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention import answer as answering
from tenfold.dp_cross_attention.answer import Answer
from tenfold.dp_cross_attention.calibration import Accounting, Setting, unit_noise
from tenfold.dp_cross_attention.calibration import setting as checked_setting
from tenfold.dp_cross_attention.errors import InvalidMemory
from tenfold.dp_cross_attention.ledger import Ledger, Release, digest_of
from tenfold.dp_cross_attention.sketch import build_from, released, with_denominator
from tenfold.dp_cross_attention.validation import OnViolation, finite, matrix, nonnegative, shaped, within
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement


class PrivateMemory:
    """A released sketch with its ledger; it holds no private row.

    Make one with ``fit``; ``query`` answers, ``save`` and ``load`` keep sketch and ledger together in one
    safetensors file. Queries are not protected.
    """

    def __init__(self, sketch: Float[np.ndarray, "r c"], ledger: Ledger) -> None:
        ledger.require(sketch)
        self._ledger = ledger
        self.sketch = sketch

    @classmethod
    def fit(
        cls,
        keys: Any,
        values: Any,
        *,
        epsilon: float,
        delta: float,
        radius: float,
        accounting: Accounting = "analytic",
        on_violation: OnViolation = "error",
        budget_epsilon: float | None = None,
        insecure_seed: int | None = None,
        **public: Any,
    ) -> PrivateMemory:
        """Release rows keys (n, d), values (n, v) as an (ε, δ)-DP memory for softmax(q·k/τ).

        Neighbours differ in one row (``neighbours="replace_one"``, n public, or ``"add_remove"``). ``radius`` ρ ≥ ‖k‖
        and ``value_radius`` ρ_v ≥ ‖v‖ (default 1) are public and must not be read off the rows; a longer row is an
        error, or is shortened with ``on_violation="clip"``. Other public numbers (``temperature``, ``degree``,
        ``features``, ``group``, …) are those of ``calibration.setting``. ``temperature`` "d" is the paper's 1/d,
        "sqrt_d" ordinary attention's 1/√d. ``insecure_seed`` makes the noise reproducible and the release insecure.

        Raises InvalidMemory or BoundViolated if the rows are at fault; InvalidSetting or InvalidBudget if the public
        numbers are.
        """
        keys, values = _same_length(keys, values, hidden=public.get("neighbours") == "add_remove")
        known = checked_setting(
            rows=keys.shape[0], dimension=keys.shape[1], value_dimension=values.shape[1], radius=radius, **public
        )
        ledger = Ledger(delta, (), budget_epsilon)
        return cls(
            *_release(
                keys, values, known, 1 / unit_noise(epsilon, delta, accounting), ledger, on_violation, insecure_seed
            )
        )

    def refit(
        self,
        keys: Any,
        values: Any,
        *,
        epsilon: float,
        on_violation: OnViolation = "error",
        insecure_seed: int | None = None,
    ) -> PrivateMemory:
        """Release new rows with new noise, at ε for this release alone and the ledger's δ.

        Both releases, and those of all other refits, are charged to one account: what they say of a row composes, and
        ``budget_epsilon`` holds for all together. The account is shared by copies and by all that load the same file,
        into which it is written first; a copy of the file, or ``fit`` once more, opens another. Under replace-one, the
        same record should keep its place.
        Raises as ``fit``, and BudgetExceeded; AccountUnreachable if the loaded file has gone; AccountElsewhere in a
        copy that was sent to another process.
        """
        keys, values = _same_length(keys, values, hidden=self.setting.rows is None)
        known = self.setting.with_shape(keys.shape[0], keys.shape[1], values.shape[1])
        mu = 1 / unit_noise(epsilon, self.ledger.delta)
        return PrivateMemory(*_release(keys, values, known, mu, self.ledger, on_violation, insecure_seed))

    @property
    def ledger(self) -> Ledger:
        """The releases that led here, and the account that they are charged to; frozen."""
        return self._ledger

    @property
    def sketch(self) -> Float[np.ndarray, "r c"]:
        """The released array, read-only."""
        return self._sketch

    @sketch.setter
    def sketch(self, array: Float[np.ndarray, "r c"]) -> None:
        self._sketch = np.array(array, dtype=np.float64)
        self._sketch.setflags(write=False)
        self._weights: np.ndarray | None = None

    @property
    def setting(self) -> Setting:
        """The public numbers of the last release."""
        return self.ledger.releases[-1].setting

    @property
    def noise_sd(self) -> float:
        """σ of the last release."""
        return self.ledger.releases[-1].noise_sd

    @property
    def privacy(self) -> PrivacyStatement:
        """The guarantee of everything that was released so far, by other refits and loaded copies, too."""
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
        """Answer queries (m, d) with attention (m, v), or with an ``Answer`` if ``errors`` are wanted.

        NumPy in, NumPy out; torch in, torch out, on the queries' device and in their dtype, or in float32 for whole
        numbers. The denominator is clamped to its range and
        the output projected onto ‖·‖ ≤ ρ_v, both of which are free. With ``released="numerator"`` the
        unnormalised numerators are returned.

        Raises InvalidMemory or BoundViolated if the queries are at fault; UnledgeredSketch if the sketch is not the
        ledger's last release.
        """
        self._verified()
        if hasattr(queries, "detach"):
            given = self._query_torch(queries, on_violation, clamp, project)
            like = queries if queries.is_floating_point() else queries.float()  # a whole number holds no mean
            return given if errors else given.values.to(like.dtype)
        known = self.setting
        rows = within(matrix(queries, "queries", known.dimension), known.radius, "queries", on_violation)
        found = answering.products(self._features, self._weights, rows, known)  # type: ignore[arg-type]
        given = answering.attention(found, known, self.noise_sd, self._allowed, clamp=clamp, project=project)
        return given if errors else given.values

    def _query_torch(self, queries: Any, on_violation: OnViolation, clamp: bool, project: bool) -> Answer:
        import torch

        from tenfold.dp_cross_attention.torch_attention import answer, clipped

        known, device = self.setting, str(queries.device)
        if queries.ndim != 2 or queries.shape[1] != known.dimension or queries.shape[0] == 0:
            raise InvalidMemory(f"queries must be (rows, {known.dimension}), not {tuple(queries.shape)}")
        if device not in self._on_device:
            self._on_device[device] = torch.as_tensor(self._weights, device=device)
        rows = clipped(queries, known.radius, "queries", on_violation)
        weights = self._on_device[device]
        return answer(self._features, weights, rows, known, self._allowed, self.noise_sd, clamp, project)

    def _verified(self) -> None:
        """Check the sketch against the ledger once, and prepare it for queries."""
        if self._weights is not None and not self._sketch.flags.writeable:
            return
        self.ledger.require(self._sketch)
        self._sketch.setflags(write=False)
        self._features = self.setting.feature_map()
        self._weights = self._features.scale[:, None] * self._sketch
        rows = answering.rows_from_sketch(self._sketch, self.setting)
        self._allowed = answering.denominator_range(self._features, self.setting, rows)
        self._on_device: dict[str, Any] = {}

    def save(self, path: Any) -> None:
        """Write sketch and ledger to one safetensors file, safe to publish as far as ``privacy`` says."""
        from tenfold.dp_cross_attention.storage import save

        save(path, self._sketch, self._ledger)

    @classmethod
    def load(cls, path: Any) -> PrivateMemory:
        """Read a file that ``save`` wrote.

        Raises UnledgeredSketch if the file's sketch is not the last release of the file's ledger; InvalidMemory if
        the file is not one that ``save`` wrote.
        """
        from tenfold.dp_cross_attention.storage import load

        return cls(*load(path))


def _same_length(keys: Any, values: Any, *, hidden: bool) -> tuple[Any, Any]:
    """Return both as float64 matrices (tensors on a GPU stay there) with as many rows; where n is hidden, perhaps 0."""
    named = (("keys", keys), ("values", values))
    pair = [item if _on_gpu(item) else shaped(item, name, empty=hidden) for name, item in named]
    if pair[0].ndim != 2 or pair[1].ndim != 2 or pair[0].shape[0] != pair[1].shape[0]:
        counts = "" if hidden else f", not {tuple(pair[0].shape)} and {tuple(pair[1].shape)}"
        raise InvalidMemory(f"keys and values must be (n, d) and (n, v) with one n{counts}")
    return pair[0], pair[1]


def _on_gpu(array: Any) -> bool:
    return hasattr(array, "detach") and array.device.type != "cpu"


def _release(
    keys: Any,
    values: Any,
    known: Setting,
    mu: float,
    ledger: Ledger,
    on_violation: OnViolation,
    insecure_seed: int | None,
) -> tuple[Float[np.ndarray, "r c"], Ledger]:
    ledger.allow(mu)
    sensitivity = known.sensitivity()
    sums = sums_of(keys, values, known, on_violation)
    noisy = released(sums, sensitivity / mu, NoiseSource(insecure_seed, lambda: ledger.charge(mu, known)))
    release = Release(
        setting=known,
        sensitivity=sensitivity,
        noise_sd=sensitivity / mu,
        mu=mu,
        digest=digest_of(noisy),
        insecure_seed=insecure_seed is not None,
    )
    return noisy, ledger.with_release(release)


def sums_of(keys: Any, values: Any, known: Setting, on_violation: OnViolation = "error") -> Float[np.ndarray, "r c"]:
    """Return the sketch without noise: private. Checks rows against the setting's bounds first.

    Tensors on a GPU are summed there.
    """
    if _on_gpu(keys):
        from tenfold.dp_cross_attention.torch_attention import sums_torch

        return sums_torch(keys, values, known, on_violation)
    keys = shaped(keys, "keys", known.dimension, empty=True)  # n was checked where rows came in
    values = shaped(values, "values", known.value_dimension, empty=True)
    weight = known.denominator_weight if known.released == "joint" else None

    def chunk(part: slice) -> tuple[np.ndarray, np.ndarray]:  # checked by chunks: no copy of all rows
        some_keys = within(finite(keys[part], "keys"), known.radius, "keys", on_violation)
        some_values = within(finite(values[part], "values"), known.value_radius, "values", on_violation)
        some_values = nonnegative(some_values) if weight is None else some_values
        return some_keys, with_denominator(some_values, weight)

    return build_from(known.feature_map(), len(keys), known.columns, chunk)
