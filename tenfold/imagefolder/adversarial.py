"""The adversarial part of a tokenizer's objective: λ·weight·L_adv, and the discriminator's own updates.

    L_adv = −mean D(x̂)                                               x̂: reconstructions, x: images
    λ     = ‖∇(MSE + perceptual)‖ / (‖∇L_adv‖ + 10⁻⁴), at most 10⁴    gradients at the tokenizer's last layer
    L_D   = ½·mean max(0, 1 − D(x)) + ½·mean max(0, 1 + D(x̂)) + lecam·R

with R of LeCam (arXiv:2104.03310). All of it starts at update ``start``; before, the discriminator is not touched.

Legend:  B images · C channels · n logits of an image
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.nn.augmentation import augmented
from tenfold.nn.errors import InvalidConfig, NotFinite
from tenfold.nn.seeding import draw_seed

if TYPE_CHECKING:
    from accelerate import Accelerator

Images = Float[Tensor, "B C H W"]
Logits = Float[Tensor, "B n"]
LARGEST_ADAPTIVE_WEIGHT = 1e4
LECAM_DECAY = 0.999


@dataclass(frozen=True)
class AdversarialSettings:
    """How strongly, from which update and against what discriminator a tokenizer is trained. Raises InvalidConfig.

    ``adaptive`` multiplies ``weight`` by λ. ``lecam`` 0 is off. Learning rate and weight decay are the
    discriminator's, whose rate stays constant (Deviation: published runs let it fall as the tokenizer's does).
    """

    start: int
    weight: float = 0.5
    adaptive: bool = True
    lecam: float = 0.001
    learning_rate: float = 8e-4
    weight_decay: float = 5e-4
    betas: tuple[float, float] = (0.9, 0.95)
    augment: bool = True

    def __post_init__(self) -> None:
        if self.start < 1:
            raise InvalidConfig(f"updates count from 1: the adversarial term cannot start at {self.start}")
        sizes = (self.weight, self.lecam, self.learning_rate, self.weight_decay)
        if not all(math.isfinite(size) and size >= 0 for size in sizes):
            raise InvalidConfig(f"weights, rate and decay are finite and not negative: {self}")


class RunningLogits:
    """Running averages of the discriminator's mean logits of images and of reconstructions, for LeCam."""

    def __init__(self) -> None:
        self.real, self.fake, self.count = 0.0, 0.0, 0

    def update(self, real: float, fake: float) -> None:
        """Take in one batch; the first one is the average so far."""
        kept = LECAM_DECAY if self.count else 0.0
        self.real = kept * self.real + (1 - kept) * real
        self.fake = kept * self.fake + (1 - kept) * fake
        self.count += 1

    def regulariser(self, real: Logits, fake: Logits) -> Float[Tensor, ""]:
        """Return R: how far each side's logits lie beyond the other side's average, squared."""
        if not self.count:
            return real.new_zeros(())
        return functional.relu(real - self.fake).square().mean() + functional.relu(self.real - fake).square().mean()

    def state_dict(self) -> dict[str, Any]:
        """Return the averages, for a checkpoint."""
        return {"real": self.real, "fake": self.fake, "count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from what ``state_dict`` returned."""
        self.real, self.fake, self.count = state["real"], state["fake"], state["count"]


def hinge_loss(real: Logits, fake: Logits) -> Float[Tensor, ""]:
    """Return the discriminator's hinge loss: 0 where images are above 1 and reconstructions below −1."""
    return (functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()) / 2


def adaptive_weight(fidelity: Tensor, adversarial: Tensor, layer: Tensor) -> Float[Tensor, ""]:
    """Return λ: how much larger the gradient of MSE and perceptual loss is at ``layer`` than the adversarial one's."""
    (wanted,) = torch.autograd.grad(fidelity, layer, retain_graph=True)
    (own,) = torch.autograd.grad(adversarial, layer, retain_graph=True)
    return (wanted.norm() / (own.norm() + 1e-4)).clamp(max=LARGEST_ADAPTIVE_WEIGHT).detach()


class AdversarialLoss:
    """A discriminator with its optimiser: the tokenizer's adversarial term, and the discriminator's updates.

    What augmentation draws comes from ``seed`` and the update's number; ``state`` is all that a checkpoint must hold.
    """

    def __init__(
        self, discriminator: nn.Module, settings: AdversarialSettings, accelerator: Accelerator, *, seed: int
    ) -> None:
        self.settings, self.accelerator, self.seed = settings, accelerator, seed
        optimiser = torch.optim.AdamW(
            discriminator.parameters(),
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
        )
        self.discriminator, self.optimiser = accelerator.prepare(discriminator, optimiser)
        self.running = RunningLogits()

    @property
    def state(self) -> dict[str, Any]:
        """What the updates change."""
        return {"discriminator": self.discriminator, "optimiser": self.optimiser, "running": self.running}

    def active(self, number: int) -> bool:
        """Say whether update ``number`` (from 1) has the adversarial term."""
        return number >= self.settings.start

    def seen(self, images: Images, number: int, part: int, whose: int) -> Images:
        """Return what the discriminator sees; images, reconstructions and the tokenizer's term draw their own."""
        if not self.settings.augment:
            return images
        seed = draw_seed(self.seed, number, self.accelerator.process_index)
        return augmented(images, torch.Generator().manual_seed(seed + 104_729 * (3 * part + whose + 1)))

    def losses(
        self, fidelity: Float[Tensor, ""], reconstruction: Images, layer: Tensor, number: int, part: int = 0
    ) -> dict[str, Tensor]:
        """Return L_adv as ``adversarial`` and its whole weight as ``adversarial_weight``; both 0 before the start.

        ``fidelity`` is MSE plus weighted perceptual loss, ``layer`` the tokenizer's last weight.
        """
        zero = reconstruction.new_zeros(())
        if not self.active(number):
            return {"adversarial": zero, "adversarial_weight": zero}
        plain = self.accelerator.unwrap_model(self.discriminator).eval().requires_grad_(False)
        adversarial = -plain(self.seen(reconstruction, number, part, 0)).float().mean()
        plain.train().requires_grad_(True)
        weight = zero + self.settings.weight
        if self.settings.adaptive:
            weight = weight * adaptive_weight(fidelity, adversarial, layer)
        return {"adversarial": adversarial, "adversarial_weight": weight}

    def update_discriminator(
        self, number: int, images: Sequence[Images], reconstructions: Sequence[Images]
    ) -> dict[str, float]:
        """Make one update on the parts of a batch; before the start there is none. Raises NotFinite."""
        if not self.active(number):
            return {}
        self.discriminator.train()
        sums, parts = dict.fromkeys(("discriminator", "real_logits", "fake_logits"), 0.0), len(images)
        for part, (real, fake) in enumerate(zip(images, reconstructions, strict=True)):
            fake = fake.detach().float()
            both = torch.cat([self.seen(real, number, part, 1), self.seen(fake, number, part, 2)])
            real_logits, fake_logits = self.discriminator(both).float().split([len(real), len(fake)])
            loss = hinge_loss(real_logits, fake_logits)
            if self.settings.lecam:
                loss = loss + self.settings.lecam * self.running.regulariser(real_logits, fake_logits)
            if not math.isfinite(float(loss.detach())):
                raise NotFinite(f"discriminator = {float(loss.detach())} at update {number}; lower its learning_rate")
            self.accelerator.backward(loss / parts)
            for name, value in zip(sums, (loss, real_logits.mean(), fake_logits.mean()), strict=True):
                sums[name] += float(value.detach()) / parts
        self.optimiser.step()
        self.optimiser.zero_grad()
        means = torch.tensor([sums["real_logits"], sums["fake_logits"]], device=self.accelerator.device)
        self.running.update(*self.accelerator.reduce(means, "mean").tolist())
        return sums
