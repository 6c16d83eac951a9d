"""Training of tokenizers and generators, one update at a time, so that any loop can drive it and resume it.

What an update draws (dropped scales, dropped classes, drop-path) comes from a seed and the update's number alone:
a run resumed at update n goes on with the numbers that it would have had.

Legend:  B images · C channels · P branches · L positions
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator, NextScaleGenerator, generator_losses
from tenfold.imagefolder.layout import sequence_inputs
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.usage import check_collapse, code_counts
from tenfold.nn.ema import ExponentialMovingAverage
from tenfold.nn.errors import NotFinite
from tenfold.nn.seeding import draw_seed, drawn_from

if TYPE_CHECKING:
    from accelerate import Accelerator

    from tenfold.imagefolder.adversarial import AdversarialLoss

Perceptual = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TrainingSettings:
    """How either model is trained.

    Warm-up and ``flat`` are shares of all updates; after them the rate falls to ``floor`` times the peak, as a cosine
    (tokenizer) or a line (generator). ``max_grad_norm`` None is off, as in the tokenizer's published runs, whose flag
    is declared twice. ``micro_batches`` cuts a batch to fit memory; the semantic contrast then is within a part.
    """

    updates: int
    learning_rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.0
    warmup: float = 0.05
    flat: float = 0.0
    floor: float = 0.05
    decay: str = "cosine"
    max_grad_norm: float | None = None
    ema_decay: float = 0.99
    micro_batches: int = 1
    perceptual_weight: float = 0.25
    collapse_check: int = 50  # updates between looks at the codes; 0: never

    def rate(self, number: int) -> float:
        """Return the learning rate of update ``number`` (from 1)."""
        done = (number - 1) / max(1, self.updates)
        if done < self.warmup:
            return self.learning_rate * number / max(1.0, math.ceil(self.warmup * self.updates))
        if done < self.warmup + self.flat:
            return self.learning_rate
        left = 1 - (done - self.warmup - self.flat) / max(1e-9, 1 - self.warmup - self.flat)
        shape = left if self.decay == "linear" else (1 - math.cos(math.pi * left)) / 2
        return self.learning_rate * (self.floor + (1 - self.floor) * shape)


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Return two groups: matrices decay; biases, gains, embeddings and positions do not."""
    plain = [p for name, p in model.named_parameters() if p.ndim == 2 and "classes" not in name]
    chosen = {id(parameter) for parameter in plain}
    others = [p for p in model.parameters() if id(p) not in chosen]
    return [{"params": plain, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]


class Training:
    """What both trainings share: optimiser, rate, average, and the checks on every loss."""

    def __init__(self, model: nn.Module, settings: TrainingSettings, accelerator: Accelerator, seed: int) -> None:
        self.settings, self.accelerator, self.seed = settings, accelerator, seed
        optimiser = torch.optim.AdamW(
            parameter_groups(model, settings.weight_decay), lr=settings.learning_rate, betas=settings.betas, fused=True
        )
        self.model, self.optimiser = accelerator.prepare(model, optimiser)
        self.average = ExponentialMovingAverage(accelerator.unwrap_model(self.model), settings.ema_decay)

    @property
    def state(self) -> dict[str, Any]:
        """What the updates change; everything that a checkpoint must hold."""
        return {"model": self.model, "optimiser": self.optimiser, "average": self.average}

    def draws(self, number: int, part: int = 0) -> torch.Generator:
        """Return the generator of one update (and part of its batch)."""
        seed = draw_seed(self.seed, number, self.accelerator.process_index)
        return torch.Generator().manual_seed(seed + 7919 * part)

    def check(self, losses: Mapping[str, Tensor], number: int) -> None:
        """Raise NotFinite, naming the loss and the update."""
        for name, loss in losses.items():
            if not math.isfinite(float(loss.detach())):
                raise NotFinite(
                    f"{name} = {float(loss)} at update {number}; lower the learning rate, or look at the data"
                )

    def apply(self, number: int) -> None:
        """Update the weights from their gradients, and the average from the weights."""
        if self.settings.max_grad_norm is not None:
            self.accelerator.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.rate(number)
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.average.update(self.accelerator.unwrap_model(self.model))


class TokenizerTraining(Training):
    """Trains a tokenizer: L = MSE + w·perceptual + codebook + β·commitment + λ_sem·semantic (+ adversarial).

    ``teacher`` returns features (B, teacher_dim) of images; ``perceptual`` a loss of two image batches;
    ``adversarial`` adds λ·weight·L_adv and trains its discriminator beside the tokenizer.
    ``start`` is a tokenizer of this configuration to go on from, such as one with pretrained transformers.
    """

    def __init__(
        self,
        config: TokenizerConfig,
        settings: TrainingSettings,
        accelerator: Accelerator,
        *,
        seed: int,
        teacher: Callable[[Tensor], Tensor] | None = None,
        perceptual: Perceptual | None = None,
        adversarial: AdversarialLoss | None = None,
        start: Tokenizer | None = None,
    ) -> None:
        with drawn_from(seed, torch.device("cpu")):
            model = start or Tokenizer(config)
        super().__init__(model, settings, accelerator, seed)
        self.config, self.teacher, self.perceptual, self.adversarial = config, teacher, perceptual, adversarial

    @property
    def state(self) -> dict[str, Any]:
        """What the updates change, the discriminator's part too."""
        own = super().state
        return own if self.adversarial is None else {**own, "adversarial": self.adversarial.state}

    def losses(self, images: Float[Tensor, "B C H W"], number: int, part: int = 0) -> tuple[dict[str, Tensor], Any]:
        """Return the unweighted losses, their weighted total, and the forward pass's output."""
        wants = self.teacher is not None and self.config.semantic_weight > 0 and self.config.semantic_branches != "none"
        with torch.no_grad():
            features = self.teacher(images) if wants and self.teacher is not None else None
        output = self.model(images, self.draws(number, part), features)
        losses = {"mse": functional.mse_loss(output.reconstruction.float(), images), **output.losses}
        total = losses["mse"] + losses["codebook"] + self.config.commitment_weight * losses["commitment"]
        if self.perceptual is not None:
            losses["perceptual"] = self.perceptual(output.reconstruction.float(), images)
            total = total + self.settings.perceptual_weight * losses["perceptual"]
        if "semantic" in losses:
            total = total + self.config.semantic_weight * losses["semantic"]
        if self.adversarial is not None:
            fidelity = losses["mse"] + self.settings.perceptual_weight * losses.get("perceptual", 0.0)
            layer = self.accelerator.unwrap_model(self.model).last_layer
            losses |= self.adversarial.losses(fidelity, output.reconstruction.float(), layer, number, part)
            total = total + losses["adversarial_weight"] * losses["adversarial"]
        return {**losses, "total": total}, output

    def update(self, number: int, images: Float[Tensor, "B C H W"]) -> dict[str, float]:
        """Make update ``number`` (from 1) on a batch; return its losses. Raises NotFinite, CodebookCollapsed."""
        self.model.train()
        sums: dict[str, float] = {}
        reconstructions: list[Tensor] = []
        parts = images.chunk(self.settings.micro_batches)
        device = self.accelerator.device
        for place, part in enumerate(parts):
            with drawn_from(draw_seed(self.seed, number, self.accelerator.process_index), device):
                losses, output = self.losses(part, number, place)
            self.check(losses, number)
            self.accelerator.backward(losses["total"] / len(parts))
            reconstructions.append(output.reconstruction.detach())
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + float(loss.detach()) / len(parts)
        self.apply(number)
        if self.adversarial is not None:
            sums |= self.adversarial.update_discriminator(number, parts, reconstructions)
        every = self.settings.collapse_check
        if every and number % every == 0 and number > self.settings.updates / 4 and self.config.quantize:
            check_collapse(code_counts(output.indices, self.config.sides, self.config.codebook_size))
        return sums

    @property
    def averaged(self) -> Tokenizer:
        """The model with averaged weights: the one to select by, to report and to keep."""
        averaged = self.average.model
        assert isinstance(averaged, Tokenizer)
        return averaged


class GeneratorTraining(Training):
    """Trains a generator on the tokens of a frozen tokenizer: cross-entropy, averaged over branches and positions."""

    def __init__(
        self,
        config: GeneratorConfig,
        settings: TrainingSettings,
        accelerator: Accelerator,
        *,
        tokenizer: Tokenizer,
        seed: int,
        kind: type[NextScaleGenerator] = FoldedGenerator,
    ) -> None:
        with drawn_from(seed, torch.device("cpu")):
            model = kind(config)
        super().__init__(model, settings, accelerator, seed)
        self.layout = model.layout
        self.quantizer = tokenizer.quantizer.to(accelerator.device).eval().requires_grad_(False)

    def update(self, number: int, indices: Int[Tensor, "B P L"], labels: Int[Tensor, " B"]) -> dict[str, float]:
        """Make update ``number`` (from 1); return the loss in nats per token, per image, and of each branch."""
        self.model.train()
        plain = self.accelerator.unwrap_model(self.model)
        totals: list[Tensor] = []
        cut = self.settings.micro_batches
        parts = list(zip(indices.chunk(cut), labels.chunk(cut), strict=True))
        for place, (tokens, classes) in enumerate(parts):
            kept = plain.drop_classes(classes, self.draws(number, place))
            inputs = sequence_inputs(self.quantizer, tokens, self.layout)
            with drawn_from(draw_seed(self.seed, number, self.accelerator.process_index), self.accelerator.device):
                logits = self.model(inputs, kept)
            losses = generator_losses(plain, logits.float(), tokens)  # (P, L)
            self.check({"cross-entropy": losses.mean()}, number)
            self.accelerator.backward(losses.mean() / len(parts))  # ÷ P·L: the same scale for any P
            totals.append(losses.detach() / len(parts))
        self.apply(number)
        return summarise(torch.stack(totals).sum(0))

    @property
    def averaged(self) -> NextScaleGenerator:
        """The model with averaged weights: the one to select by, to report and to keep."""
        averaged = self.average.model
        assert isinstance(averaged, NextScaleGenerator)
        return averaged


def summarise(losses: Float[Tensor, "P L"]) -> dict[str, float]:
    """Return nats per token, nats per image (all branches and positions), and nats per token of each branch."""
    branches = {f"branch_{branch}": float(row.mean()) for branch, row in enumerate(losses)}
    return {"nats_per_token": float(losses.mean()), "nats_per_image": float(losses.sum()), **branches}


@torch.inference_mode()
def evaluate_generator(
    generator: NextScaleGenerator,
    tokenizer: Tokenizer,
    indices: Int[Tensor, "N P L"],
    labels: Int[Tensor, " N"],
    *,
    batch: int = 500,
) -> Float[Tensor, "P L"]:
    """Return the cross-entropy in nats of every branch and position over all images, classes given."""
    generator.eval()
    total = torch.zeros(indices.shape[1:])
    for start in range(0, len(indices), batch):
        part = indices[start : start + batch]
        inputs = sequence_inputs(tokenizer.quantizer, part, generator.layout)
        logits = generator(inputs, labels[start : start + batch]).float()
        total += generator_losses(generator, logits, part).cpu() * len(part)
    return total / len(indices)
