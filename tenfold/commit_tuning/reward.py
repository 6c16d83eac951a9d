"""The regulariser: a capped reward for moving the distribution of answers away from that before the last update.

Legend:  X the LLM · S the feature encoder · B rows of a batch · T tokens · V words of the vocabulary

    R_X = KL(P(θX, θS) ‖ stopgrad P(θX_prev, θS))     w_X = sigmoid(−ℓ)
    R_S = KL(P(θX, θS) ‖ stopgrad P(θX, θS_prev))     w_S = sigmoid(ℓ)
    loss = CE − λ·min(w_X·R_X + w_S·R_S, τ)

Source: reconstructed. Uncapped, the reward has no bound and the loss no minimum. R falls with the square of the step,
so that it may do nothing: `gradient_share` says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from tenfold.arguments import real
from tenfold.commit_tuning.components import bare
from tenfold.commit_tuning.divergence import answer_distributions, divergence
from tenfold.commit_tuning.errors import InvalidScheduler
from tenfold.commit_tuning.probe import Forward, RandomStreams, answers_at, causal_answers

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor, nn

INACTIVE = 0.01  # share of the loss's gradient norm, below which the reward is taken to do nothing


@dataclass(frozen=True)
class Reward:
    """The reward λ·min(w_X·R_X + w_S·R_S, τ) with its gradient, and its parts in nats."""

    value: Float[Tensor, ""]
    R_X: float
    R_S: float
    capped: bool


class DistributionReward:
    """The reward's weight λ, its cap τ in nats, and how the model is asked for answers. Raises InvalidScheduler."""

    def __init__(self, *, weight: float = 0.1, cap: float = 0.5, forward: Forward = causal_answers) -> None:
        self.weight, self.cap = real(weight, "weight", error=InvalidScheduler), real(cap, "cap", error=InvalidScheduler)
        if self.weight <= 0 or self.cap <= 0:
            raise InvalidScheduler(f"weight = {weight} and cap = {cap} must be above 0")
        self.forward = forward

    def settings(self) -> dict[str, float]:
        """Return what a saved state must agree with."""
        return {"weight": self.weight, "cap": self.cap}

    def reward(
        self,
        model: nn.Module,
        batch: Mapping[str, Any],
        logits: Float[Tensor, "B T V"],
        targets: Int[Tensor, "B T"],
        *,
        streams: RandomStreams,
        previous: Mapping[str, Tensor],
        owner: Mapping[str, str],
        balance: float,
    ) -> Reward:
        """Return the reward of a forward whose answers are given, by two more forwards without gradient.

        ``streams`` are torch's random streams before that forward, so that dropout drops the same; ``previous`` the
        parameters before the last update by name, none of them before the first, when the reward is 0. Raises
        InvalidProbe.
        """
        if not previous:
            return Reward(logits.new_zeros((), dtype=torch.float64), 0.0, 0.0, False)
        model, now = bare(model), answer_distributions(logits, targets)
        after = RandomStreams(logits.device)
        found = {}
        with torch.no_grad():
            for component in ("llm", "encoder"):
                streams.rewind()
                replaced = {name: one for name, one in previous.items() if owner[name] == component}
                found[component] = answer_distributions(*answers_at(model, self.forward, batch, replaced))
        after.rewind()
        R_X, R_S = (divergence(now, found[component]).mean() for component in ("llm", "encoder"))
        w_X, w_S = 1 / (1 + math.exp(balance)), 1 / (1 + math.exp(-balance))
        total = w_X * R_X + w_S * R_S
        capped = bool(total > self.cap)
        value = self.weight * total.clamp(max=self.cap)
        return Reward(value, float(R_X.detach()), float(R_S.detach()), capped)


def gradient_share(loss: Tensor, reward: Reward, parameters: Iterable[nn.Parameter]) -> float:
    """Return ‖∇ reward‖ / ‖∇ loss‖ over parameters; below 0.01 the reward is inactive. The graph stays for backward.

    0 where the reward is capped or has no gradient; infinite where only the loss has none.
    """
    trained = [one for one in parameters if one.requires_grad]

    def norm(of: Tensor) -> float:
        if not of.requires_grad:
            return 0.0
        found = torch.autograd.grad(of, trained, retain_graph=True, allow_unused=True)
        return math.sqrt(math.fsum(float(one.double().square().sum()) for one in found if one is not None))

    above, below = norm(reward.value), norm(loss)
    if above == 0:
        return 0.0
    return above / below if below else math.inf
