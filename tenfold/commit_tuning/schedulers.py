"""Schedulers of the two components' rates, one interface: factors of the global rate, from update and balance.

Legend:  X the LLM · S the feature encoder · ℓ the balance, an average of log κ = log(K_X / K_S)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol

from tenfold.arguments import real, whole
from tenfold.commit_tuning.errors import InvalidScheduler

Form = Literal["geo", "damp", "ratio"]
CLIP = 1.2  # c
STRENGTH = 0.5  # γ


@dataclass(frozen=True)
class Factors:
    """What the base and global rates of each component are multiplied by; 0 leaves a component as it is."""

    llm: float = 1.0
    encoder: float = 1.0

    def __post_init__(self) -> None:
        for name in ("llm", "encoder"):
            value = real(getattr(self, name), name, error=InvalidScheduler)
            if value < 0:
                raise InvalidScheduler(f"a factor of a learning rate is not negative: {name} = {value}")
            object.__setattr__(self, name, value)

    def of(self, component: str) -> float:
        """Return the factor of a component; a projector that is its own has 1."""
        return {"llm": self.llm, "encoder": self.encoder}.get(component, 1.0)


class Scheduler(Protocol):
    """What every scheduler is: factors of update 1, 2, … given ℓ (0 before the first estimate)."""

    @property
    def needs_balance(self) -> bool:
        """Whether the factors depend on ℓ, so that it must be estimated."""

    def factors(self, update: int, balance: float) -> Factors:
        """Return the factors for an update."""


@dataclass(frozen=True)
class CoordinatedScheduler:
    """CoMMIT's: the component whose distribution moves more is slowed, or the other one hastened.

    "geo": η_X = η0_X·exp(−γ·clip(ℓ, ±c)), η_S = η0_S·exp(+γ·clip(ℓ, ±c)); "damp": the same, at most 1; "ratio":
    η_X = η0_X·min(1, 1/κ̂), η_S = η0_S·min(1, κ̂), κ̂ = exp(ℓ), which has no use for ``clip`` and ``strength``.
    Source: reconstructed, the paper's exact form is unconfirmed. Raises InvalidScheduler.
    """

    form: Form = "geo"
    clip: float | None = None  # c, 1.2 if it is not given
    strength: float | None = None  # γ, 0.5 if it is not given

    def __post_init__(self) -> None:
        if self.form not in ("geo", "damp", "ratio"):
            raise InvalidScheduler(f"form is geo, damp or ratio, not {self.form!r}")
        if self.form == "ratio" and (self.clip is not None or self.strength is not None):
            raise InvalidScheduler("form ratio has no use for clip and strength")
        for name in ("clip", "strength"):
            value = getattr(self, name)
            if value is not None and real(value, name, error=InvalidScheduler) <= 0:
                raise InvalidScheduler(f"{name} = {value} must be above 0")

    @property
    def needs_balance(self) -> bool:
        """Whether the factors depend on ℓ: they do."""
        return True

    def factors(self, update: int, balance: float) -> Factors:
        """Return the factors under ℓ; exactly 1 while it is 0."""
        if self.form == "ratio":
            return Factors(llm=math.exp(min(0.0, -balance)), encoder=math.exp(min(0.0, balance)))
        clip = CLIP if self.clip is None else self.clip
        exponent = (STRENGTH if self.strength is None else self.strength) * min(max(balance, -clip), clip)
        if self.form == "damp":
            return Factors(llm=math.exp(min(0.0, -exponent)), encoder=math.exp(min(0.0, exponent)))
        return Factors(llm=math.exp(-exponent), encoder=math.exp(exponent))


@dataclass(frozen=True)
class ConstantScheduler:
    """Both components at a constant factor, 1 unless it is given: the baseline, tuned constant and half rate alike."""

    llm: float = 1.0
    encoder: float = 1.0

    def __post_init__(self) -> None:
        Factors(self.llm, self.encoder)

    @property
    def needs_balance(self) -> bool:
        """Whether the factors depend on ℓ: they do not."""
        return False

    def factors(self, update: int, balance: float) -> Factors:
        """Return the constant factors."""
        return Factors(self.llm, self.encoder)


@dataclass(frozen=True)
class CoordinateDescent:
    """Block-coordinate descent: one component at a time, ``block_updates`` updates each; the other stands still.

    Feature CD begins with the encoder, Language CD with the LLM. The paper defines neither; the block's length is
    ours. Raises InvalidScheduler.
    """

    first: Literal["encoder", "llm"]
    block_updates: int

    def __post_init__(self) -> None:
        if self.first not in ("encoder", "llm"):
            raise InvalidScheduler(f"first is encoder or llm, not {self.first!r}")
        whole(self.block_updates, "block_updates", least=1, error=InvalidScheduler)

    @property
    def needs_balance(self) -> bool:
        """Whether the factors depend on ℓ: they do not."""
        return False

    def factors(self, update: int, balance: float) -> Factors:
        """Return 1 for the component whose turn it is, 0 for the other."""
        encoder = ((update - 1) // self.block_updates % 2 == 0) == (self.first == "encoder")
        return Factors(llm=float(not encoder), encoder=float(encoder))


@dataclass(frozen=True)
class PlaceboScheduler:
    """A scheduler that is fed another run's ℓ: rates move as much, and know nothing of this run.

    ``balances[t]`` is ℓ before update t + 1, as in ``balance`` of a trace's line t. Raises InvalidScheduler if there
    are none, and for an update after the last.
    """

    balances: tuple[float, ...]
    scheduler: CoordinatedScheduler = CoordinatedScheduler()

    def __post_init__(self) -> None:
        given = tuple(real(one, "balance", error=InvalidScheduler) for one in self.balances)
        if not given:
            raise InvalidScheduler("a placebo needs the balances of another run")
        object.__setattr__(self, "balances", given)

    @property
    def needs_balance(self) -> bool:
        """Whether the factors depend on this run's ℓ: they do not."""
        return False

    def factors(self, update: int, balance: float) -> Factors:
        """Return the factors under the other run's ℓ."""
        if update > len(self.balances):
            raise InvalidScheduler(f"update {update} comes after the {len(self.balances)} updates of the other run")
        return self.scheduler.factors(update, self.balances[update - 1])
