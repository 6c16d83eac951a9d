"""The privacy ledger: every release of a memory, what it cost, and the digest of what was released.

Releases compose in Gaussian DP: μ = √Σμ_i² (Dong, Roth & Su 2022, Corollary 2), each μ_i = Δ/σ. What counts is the
account (``tenfold.privacy.account``): it holds also what other refits of the same memory cost, whichever object or
loaded copy made them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from tenfold.dp_cross_attention.calibration import Setting
from tenfold.dp_cross_attention.errors import BudgetExceeded, UnledgeredSketch
from tenfold.privacy.account import Account, Charge, charges_of
from tenfold.privacy.gaussian import compose, gaussian_epsilon, positive, probability
from tenfold.privacy.statement import PrivacyStatement
from tenfold.privacy.weak_delta import warn_of_weak_delta

RELATIONS = {
    "replace_one": "one row (k, v) replaced by another; n is public",
    "add_remove": "one row (k, v) added or removed; n is secret",
}
CONTEXTUAL = (
    "a row is protected, not a token or a document: a contextual encoder lets one input token change every row, so "
    "encode each record by itself or state the number of rows of a record as the group"
)


def digest_of(array: Float[np.ndarray, ...]) -> str:
    """Return the sha256 of an array's shape and float64 bytes, little-endian."""
    content = np.ascontiguousarray(array, dtype="<f8")
    return hashlib.sha256(repr(content.shape).encode() + content.tobytes()).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Release:
    """One release: the public numbers, Δ, σ, μ = Δ/σ and the digest of the released array."""

    setting: Setting
    sensitivity: float
    noise_sd: float
    mu: float
    digest: str
    sketches: int = 1  # that one row is in (heads, dyadic intervals), released together: Δ is √sketches times one's
    insecure_seed: bool = False

    def require_calibrated(self) -> None:
        """Raise ``UnledgeredSketch`` unless Δ, σ and μ follow from the public numbers."""
        honest = self.setting.sensitivity() * math.sqrt(self.sketches)
        if abs(self.sensitivity / honest - 1) > 1e-9 or abs(self.mu * self.noise_sd / honest - 1) > 1e-9:
            raise UnledgeredSketch(
                f"a release claims Δ = {self.sensitivity:g}, σ = {self.noise_sd:g}, μ = {self.mu:g}, which do not "
                f"agree with its public numbers (Δ = {honest:g}): do not answer from it"
            )

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return asdict(self)


@dataclass(frozen=True)
class Ledger:
    """The releases that led to one memory, in order, and the account that they and their siblings are charged to.

    Frozen: adding a release returns another ledger, on the same account. ``budget_epsilon`` at ``delta`` is never
    exceeded by the account: a release that would is refused before any noise is drawn.
    """

    delta: float
    releases: tuple[Release, ...] = field(default=())
    budget_epsilon: float | None = None
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        object.__setattr__(self, "delta", probability(self.delta, "delta"))
        if self.budget_epsilon is not None:
            object.__setattr__(self, "budget_epsilon", positive(self.budget_epsilon, "budget_epsilon"))

    @property
    def mu(self) -> float:
        """The composed μ of everything on the account, 0 where nothing was released."""
        charges = self.account.charges
        return compose(charge.mu or 0.0 for charge in charges) if charges else 0.0

    @property
    def epsilon(self) -> float:
        """The ε of everything on the account at the ledger's δ."""
        return gaussian_epsilon(self.delta, self.mu) if self.account.charges else 0.0

    def allow(self, mu: float) -> None:
        """Raise ``BudgetExceeded`` unless one more release at μ stays within the budget."""
        after = gaussian_epsilon(self.delta, compose([*(charge.mu or 0.0 for charge in self.account.charges), mu]))
        if self.budget_epsilon is not None and after > self.budget_epsilon * (1 + 1e-9):
            raise BudgetExceeded(
                f"{len(self.account.charges)} releases spent ε = {self.epsilon:.4g} of {self.budget_epsilon:.4g} at "
                f"δ = {self.delta:g}; one more at μ = {mu:.4g} would make it {after:.4g}. Ask for a smaller ε, or keep "
                "answering from what was released: answers cost nothing."
            )

    def charge(self, mu: float, setting: Setting) -> None:
        """Charge the account with a release at μ, before its noise is drawn, and warn if δ ≥ 1/n.

        Raises BudgetExceeded if the budget would be exceeded; AccountElsewhere, AccountUnreachable or MixedNeighbours
        as ``Account.charge`` does.
        """
        warn_of_weak_delta(self.delta, setting.rows)
        neighbours = f"{RELATIONS[setting.neighbours]}; unit: {setting.privacy_unit}, of at most {setting.group} row(s)"
        charge = Charge(gaussian_epsilon(self.delta, mu), self.delta, mu, neighbours)
        self.account.charge(charge, lambda _: self.allow(mu))

    def with_release(self, release: Release) -> Ledger:
        """Return the ledger with one more release. Raises UnledgeredSketch unless ``charge`` has paid for it."""
        if len(self.account.charges) <= len(self.releases):
            raise UnledgeredSketch("a release is recorded that the account was not charged for: call charge first")
        return replace(self, releases=(*self.releases, release))

    def require(self, sketch: Float[np.ndarray, ...]) -> None:
        """Raise ``UnledgeredSketch`` unless ``sketch`` is the last release."""
        if not self.releases or digest_of(sketch) != self.releases[-1].digest:
            raise UnledgeredSketch(
                f"the sketch that would answer is not release {len(self.releases)} of the ledger: it was fitted again, "
                "replaced or changed without being recorded. Use `refit`, which records what it spends, or load the "
                "file that the ledger belongs to."
            )

    def statement(self) -> PrivacyStatement:
        """Return the guarantee of everything released, in words."""
        release = self.releases[-1]
        known = release.setting
        return PrivacyStatement(
            mechanism=f"cross-attention sketch, {len(self.account.charges)} release(s), {known.features} features",
            epsilon=self.epsilon,
            delta=self.delta,
            mu=self.mu,
            neighbour_relation=f"{RELATIONS[known.neighbours]}; unit: {known.privacy_unit}",
            closeness=None,
            sensitivity=f"ℓ2 sensitivity Δ = {release.sensitivity:.6g} of the sketch, σ = {release.noise_sd:.6g}",
            assumptions=(
                f"‖k‖ ≤ {known.radius:g}, ‖v‖ ≤ {known.value_radius:g}, τ = {known.temperature:g} are public",
                f"at most {known.group} row(s) belong to one unit",
                *(("δ is well below 1/n, which is secret and not compared with δ",) if known.rows is None else ()),
            ),
            not_protected=("queries, and who asks them", CONTEXTUAL),
            proven=True,
            insecure_seed=any(item.insecure_seed for item in self.releases),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the ledger as plain values that JSON can hold."""
        return {
            "delta": self.delta,
            "budget_epsilon": self.budget_epsilon,
            "releases": [release.as_dict() for release in self.releases],
            "account": self.account.as_dict(),
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Ledger:
        """Return the ledger that ``as_dict`` wrote, on this process's account of that token.

        Raises TypeError or KeyError if fields are wrong; UnledgeredSketch if the account holds less than the releases
        cost.
        """
        releases = tuple(Release(**{**item, "setting": Setting(**item["setting"])}) for item in content["releases"])
        budget = content["budget_epsilon"]
        paid = [charge.mu or 0.0 for charge in charges_of(content["account"]).values()]
        if releases and (not paid or compose(paid) < compose(release.mu for release in releases) * (1 - 1e-9)):
            raise UnledgeredSketch("the account holds less than its releases cost: charges were taken out of it")
        account, budget = Account.from_dict(content["account"]), budget and positive(budget, "budget_epsilon")
        return cls(probability(content["delta"], "delta"), releases, budget, account)
