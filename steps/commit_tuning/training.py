"""One training of a small model by one arm, from the model that all methods of its seed start from.

Legend:  X the LLM · S the feature encoder · Q questions · T tokens · V words of the vocabulary
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from steps.commit_tuning.arms import REWARDED, Arm, TuningParams
from steps.commit_tuning.pretrain import start_folder
from steps.commit_tuning.scores import Score, score
from steps.commit_tuning.seeding import FIRST, first_batches, order_of, seed_of
from steps.commit_tuning.tasks import Encoded, Task, encoded, read_part
from steps.step.run import Diverged, Run
from tenfold.commit_tuning.balance import BalanceEstimator
from tenfold.commit_tuning.components import Components, optimiser_groups
from tenfold.commit_tuning.model import SmallModel
from tenfold.commit_tuning.probe import Probe, causal_answers
from tenfold.commit_tuning.reward import DistributionReward, gradient_share
from tenfold.commit_tuning.tuning import CommitTuning
from tenfold.multimodal.labels import IGNORED
from tenfold.nn.pretrained import weights_sha256
from tenfold.nn.seeding import drawn_from


@dataclass(frozen=True)
class Rates:
    """The LLM's rate η0_X, found on validation at ratio 1."""

    llm: float

    def of(self, arm: Arm) -> dict[str, float]:
        """Return the base rates of an arm's components; a projector of its own has the LLM's."""
        rate = self.llm * arm.rate_factor
        return {"llm": rate, "encoder": rate * arm.ratio, "projector": rate}


class TaskData:
    """A task's four parts, read once; all questions of a part are encoded at once."""

    def __init__(self, prepared: Path, task: Task, model: SmallModel) -> None:
        self.task, encode = task, model.questions()
        self.never = encode.media_token_id
        parts = ("train", "validation", "probe", "test")
        found = [encoded(read_part(prepared, task, part), encode) for part in parts]
        self.train, self.validation, self.probe, self.test = found


@dataclass
class TraceRows:
    """A trace that is kept in memory, so that it is in the checkpoint; a `TraceWriter` to whoever writes to it."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def write(self, row: Mapping[str, Any]) -> None:
        """Take in the row of an update."""
        self.rows.append(dict(row))

    def close(self) -> None:
        """Do nothing: there is no file."""

    def state_dict(self) -> dict[str, Any]:
        """Return the rows, as checkpoints keep them."""
        return {"rows": self.rows}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from other rows."""
        self.rows = list(state["rows"])


class Trained:
    """The parameters of a model that are trained, as what a checkpoint keeps: adapters alone where there are some."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.parameters = {name: one for name, one in model.named_parameters() if one.requires_grad}

    def state_dict(self) -> dict[str, Tensor]:
        """Return the parameters by name."""
        return {name: one.detach() for name, one in self.parameters.items()}

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Put back other values."""
        for name, one in self.parameters.items():
            one.copy_(state[name])


@dataclass
class Shares:
    """The reward's shares of the gradient norm, at the updates that looked."""

    found: list[float] = field(default_factory=list)

    def state_dict(self) -> dict[str, Any]:
        """Return what was found so far."""
        return {"found": self.found}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what was found."""
        self.found = list(state["found"])

    @property
    def mean(self) -> float | None:
        """The mean of what was found; None without a reward."""
        return sum(self.found) / len(self.found) if self.found else None


class Training:
    """A training that is set up: model, optimiser, estimator and scheduler of one arm and one seed."""

    def __init__(
        self,
        run: Run,
        data: TaskData,
        pretrained: Path,
        arm: Arm,
        seed: int,
        settings: TuningParams,
        rates: Rates,
        *,
        balances: Sequence[float] = (),
        factors: Sequence[Any] = (),
    ) -> None:
        self.run, self.data, self.arm, self.seed, self.settings = run, data, arm, seed, settings
        self.updates = arm.updates(settings)
        name = data.task.name
        self.model: Any = SmallModel.from_pretrained(start_folder(pretrained, name, seed))
        self.start_sha256 = weights_sha256(self.model)
        shown = max(self.updates, FIRST)  # the digest is of as many batches however short the training is
        self.order = order_of(len(data.train), settings.batch_size, shown, seed_of(run.seed, "order", name, seed))
        ids = [one.id for one in data.train.part.questions]
        self.order_sha256 = first_batches(self.order, ids)
        self.scheduler = arm.scheduler(settings, balances, factors)
        self._adapt(settings.lora_rank)
        components = Components(("encoder",), ("language_model",), ("projector",), arm.projector_group)
        groups = optimiser_groups(self.model, components, rates.of(arm), weight_decay=settings.weight_decay)  # type: ignore[arg-type]
        self.optimiser = _optimiser(arm.optimiser, groups)
        self.trace, self.shares = TraceRows(), Shares()
        trace: Any = self.trace
        self.tuning = CommitTuning(
            self.model,
            self.optimiser,
            components,
            scheduler=self.scheduler,
            estimator=self._estimator(),
            reward=DistributionReward(weight=arm.weight, cap=arm.cap) if arm.method in REWARDED else None,
            trace=trace,
        )

    def _adapt(self, rank: int) -> None:
        if self.arm.adaptation == "lora":
            from tenfold.multimodal.lora import with_lora

            with drawn_from(seed_of(self.run.seed, "lora", self.data.task.name, self.seed)):
                self.model.language_model = with_lora(self.model.language_model, rank=rank, alpha=2 * rank)

    def _estimator(self) -> BalanceEstimator:
        arm, settings, probe = self.arm, self.settings, self.data.probe
        drawn = Probe(
            range(len(probe)),
            settings.probe if arm.probe is None else arm.probe,
            probe.batch,
            seed=seed_of(self.run.seed, "probe", self.data.task.name, self.seed),
        )
        return BalanceEstimator(
            drawn,
            every=settings.every if arm.every is None else arm.every,
            smoothing=settings.smoothing if arm.smoothing is None else arm.smoothing,
        )

    def train(self) -> None:
        """Make all updates; after a kill, those that the last checkpoint has not. Raises Diverged."""
        state = {
            "model": Trained(self.model),
            "optimiser": self.optimiser,
            "tuning": self.tuning,
            "trace": self.trace,
            "shares": self.shares,
        }
        self.model.train()
        with self.tuning:
            for update in self.run.updates(self.updates, state):
                loss = self._loss(self.data.train.batch(self.order[update - 1]), update)
                loss.backward()
                self.optimiser.step()
                self.optimiser.zero_grad()
        self.model.eval()

    def _loss(self, batch: dict[str, Any], update: int) -> Tensor:
        """Return what is minimised; the cross-entropy of the answers alone goes into the trace."""
        if self.tuning.reward is not None:
            logits, targets, reward = self.tuning.rewarded(batch)
        else:
            logits, targets = causal_answers(self.model, batch)
            reward = None
        counted = targets != IGNORED
        loss = torch.nn.functional.cross_entropy(logits[counted], targets[counted])
        self.tuning.note_loss(loss)
        if not bool(torch.isfinite(loss)):
            raise Diverged(f"{self.data.task.name} {self.arm.name}, seed {self.seed}: loss = {loss.item()} at {update}")
        if reward is None:
            return loss
        if update % self.settings.share_every == 0:
            self.shares.found.append(gradient_share(loss, reward, self.model.parameters()))
        return loss - reward.value

    @cached_property
    def validation(self) -> Score:
        """How the model answers the validation part, by which choices are made."""
        return self._score(self.data.validation)

    @cached_property
    def test(self) -> Score:
        """How the model answers the test part."""
        return self._score(self.data.test)

    def _score(self, part: Encoded) -> Score:
        return score(self.model, part, never=self.data.never)


def _optimiser(name: str, groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """Return an optimiser over groups that have their own rates."""
    if name == "sgd":
        return torch.optim.SGD(groups, momentum=0.9)
    if name == "adafactor":
        return torch.optim.Adafactor(groups)
    return torch.optim.AdamW(groups, fused=True)
