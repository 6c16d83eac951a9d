"""The guarantee of a private release, in words and numbers that travel with it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

RESEARCH_GRADE = (
    "float64, research-grade: proofs assume real arithmetic, but which float64 outputs are possible depends on the "
    "input (Mironov 2012), so that one output can rule a neighbour out. Exact noise needs sums on a public grid whose "
    "rounding is bounded, too: dp_john's mode input_exact has that, sums of products do not yet"
)


class UnprovenBudget(ValueError):
    """A statement claims an ε without a proof, or a proof without an ε."""


@dataclass(frozen=True)
class PrivacyStatement:
    """What a release guarantees, towards whom, on which assumptions, and what it does not protect.

    ``mu`` is the Gaussian-DP parameter that implies (``epsilon``, ``delta``), or None where these were
    proved otherwise; all three are None where nothing is proven. ``sensitivity`` says in words what was
    bounded and by how much.

    Raises UnprovenBudget if ``proven`` is True without ε and δ, or False with an ε, δ or μ.
    """

    mechanism: str
    epsilon: float | None
    delta: float | None
    mu: float | None
    neighbour_relation: str
    closeness: float | None
    sensitivity: str
    assumptions: tuple[str, ...]
    not_protected: tuple[str, ...]
    proven: bool
    insecure_seed: bool
    arithmetic: str = RESEARCH_GRADE

    def __post_init__(self) -> None:
        budget = (self.epsilon, self.delta, self.mu)
        if self.proven and None in budget[:2]:
            raise UnprovenBudget(f"a proven guarantee needs epsilon and delta, not {budget[:2]}")
        if not self.proven and budget != (None, None, None):
            raise UnprovenBudget(f"without a proof epsilon, delta and mu must be None, not {budget}")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values that JSON can hold."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    def __str__(self) -> str:
        if self.proven:
            budget = f"({self.epsilon:g}, {self.delta:g})-differentially private"
            budget += f", {self.mu:.6g}-GDP" if self.mu is not None else ""
        else:
            budget = "no proven ε"
        lines = [
            f"{self.mechanism}: {budget}",
            f"  neighbours: {self.neighbour_relation}",
            f"  sensitivity: {self.sensitivity}",
            *(f"  assumes: {text}" for text in self.assumptions),
            *(f"  does not protect: {text}" for text in self.not_protected),
            f"  arithmetic: {self.arithmetic}",
        ]
        if self.insecure_seed:
            lines.append("  INSECURE SEED: the noise can be replayed by whoever knows the seed; not for private data")
        return "\n".join(lines)
