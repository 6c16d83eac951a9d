"""The arms that are compared: how rates are set, what is rewarded, how κ is estimated, and by which optimiser.

Legend:  X the LLM · S the feature encoder · ℓ the average of log κ · η0 the rate at a factor of 1
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from steps.commit_tuning.runs import Method
from steps.step.params import Count, Params, Positive

Optimiser = Literal["adamw", "sgd", "adafactor"]
REWARDED = ("commit", "regulariser")
COORDINATED = ("clr", "commit", "placebo")
BLOCKS = {"feature_cd": "encoder", "language_cd": "llm"}
REGIME_KNOBS = ("optimiser", "adaptation")  # whose values have base rates of their own
RELABELLED = 3.0  # times the ratio: about that of geo's mean rates where ℓ is at the clip, exp(2·γ·c) = 3.3
AFTER_OTHERS = ("half_rate", "placebo")  # made from other trainings' traces


class UnknownArm(ValueError):
    """No method or no knob has this name, or a knob cannot be turned so far."""


class TuningParams(Params):
    """How long a model is tuned, and how κ is estimated.

    ``every`` is m, the updates between two estimates; ``probe`` questions are asked for each. ``smoothing`` is β.
    ``block_updates``: of coordinate descent. ``share_every``: updates between two looks at the reward's share of the
    gradient. ``reached``: the loss in nats per token, by task, whose update is counted.
    """

    updates: Count
    batch_size: Count
    weight_decay: float
    every: Count
    probe: Count
    smoothing: float
    block_updates: Count
    share_every: Count
    lora_rank: Count
    reached: dict[str, Positive]


@dataclass(frozen=True)
class Arm:
    """One arm: a method at a ratio of rates η0_S / η0_X, with what an ablation changes; None is the parameters' own.

    ``knob`` and ``value`` name the change. ``rate_factor`` multiplies the base rates of both components.
    """

    method: Method
    ratio: float = 1.0
    knob: str | None = None
    value: str | None = None
    optimiser: Optimiser = "adamw"
    adaptation: Literal["full", "lora"] = "full"
    equal: Literal["updates", "parameter_updates"] = "updates"
    form: Literal["geo", "damp", "ratio"] = "geo"
    clip: float | None = None
    strength: float | None = None
    smoothing: float | None = None
    every: int | None = None
    probe: int | None = None
    weight: float = 0.1
    cap: float = 0.5
    projector_group: Literal["encoder", "llm", "own"] = "encoder"
    rate_factor: float = 1.0

    @property
    def name(self) -> str:
        """The arm's name within its task."""
        changed = "" if self.knob is None else f"-{self.knob}={self.value}"
        return f"{self.method}@{self.ratio:g}{changed}" + ("" if self.equal == "updates" else f"-{self.equal}")

    def scheduler(self, settings: TuningParams, balances: Sequence[float], factors: Sequence[Any]) -> Any:
        """Return how the arm sets rates; ``balances``: another seed's ℓ, ``factors``: those of the same seed's CoMMIT.

        Raises InvalidScheduler, also for a placebo or half the rate without the training that it is made from.
        """
        from tenfold.commit_tuning.baselines import mean_rate
        from tenfold.commit_tuning.schedulers import (
            ConstantScheduler,
            CoordinateDescent,
            CoordinatedScheduler,
            PlaceboScheduler,
        )

        coordinated = CoordinatedScheduler(self.form, self.clip, self.strength)
        if self.method == "placebo":
            return PlaceboScheduler(tuple(balances), coordinated)
        if self.method in COORDINATED:
            return coordinated
        if self.method in BLOCKS:
            return CoordinateDescent(cast(Any, BLOCKS[self.method]), settings.block_updates)
        if self.method == "half_rate":
            return mean_rate(factors)
        if self.method in ("constant", "tuned_constant", "regulariser"):
            return ConstantScheduler()
        raise UnknownArm(f"no arm trains by the method {self.method!r}")

    def updates(self, settings: TuningParams) -> int:
        """Return how many updates the arm has: coordinate descent needs twice as many to update both parts as often."""
        return settings.updates * (2 if self.equal == "parameter_updates" else 1)


def main_arms(methods: dict[str, list[float]], *, equal_parameter_updates: bool) -> list[Arm]:
    """Return the arms of the main study, by the ratios of each method. Raises UnknownArm."""
    from steps.commit_tuning.runs import METHODS

    if unknown := sorted(set(methods) - set(METHODS)):
        raise UnknownArm(f"no method is called {unknown[0]!r}; there are {', '.join(METHODS)}")
    arms = [Arm(cast(Method, method), ratio) for method, ratios in methods.items() for ratio in ratios]
    longer = [replace(arm, equal="parameter_updates") for arm in arms if arm.method in BLOCKS]
    return arms + (longer if equal_parameter_updates else [])


KNOBS = {  # the paper's ablations, by the name of what is changed
    **{"weight": "A2", "cap": "A2", "smoothing": "A3", "estimate": "A4", "form": "A5", "strength": "A5", "clip": "A5"},
    **{"projector_group": "A7", "optimiser": "A8", "adaptation": "A9"},
}


def knob_arms(knob: str, values: Sequence[Any], ratio: float, rate_factors: dict[str, float]) -> list[Arm]:
    """Return the arms of an ablation: per value CLR, or CoMMIT where the reward is changed.

    Under another optimiser, adaptation or owner of the projector, constant rates are trained beside CLR, and under
    another optimiser or adaptation the rivals of CLR besides: constant rates at `RELABELLED` times the ratio, and a
    placebo. A value of ``estimate`` is m and the probe's size, such as "4x32". ``rate_factors``: of the base rates by
    optimiser or adaptation, which have rates of their own. Raises UnknownArm.
    """
    if knob not in KNOBS:
        raise UnknownArm(f"no ablation is called {knob!r}; there are {', '.join(KNOBS)}")
    arms: list[Arm] = []
    for value in values:
        said = f"{value:g}" if isinstance(value, float | int) else str(value)
        method: Method = "commit" if knob in ("weight", "cap") else "clr"
        arm = Arm(method, ratio, knob, said)
        if knob == "estimate":
            every, probe = (int(one) for one in said.split("x"))
            arms.append(replace(arm, every=every, probe=probe))
        elif knob in ("optimiser", "adaptation", "projector_group"):
            changed: dict[str, Any] = {knob: said}
            arm = replace(arm, rate_factor=rate_factors.get(said, 1.0), **changed)
            arms += [arm, replace(arm, method="constant")]
            if knob in REGIME_KNOBS:
                arms += [replace(arm, method="constant", ratio=RELABELLED * ratio), replace(arm, method="placebo")]
        else:
            arms.append(replace(arm, **{knob: value}))
    return arms
