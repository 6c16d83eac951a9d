"""Coordinated tuning for transformers' Trainer: rates, balance, reward, log and resumption by one callback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from tenfold.commit_tuning.balance import BalanceEstimator
from tenfold.commit_tuning.components import Components
from tenfold.commit_tuning.errors import InvalidProbe, StateMismatch
from tenfold.commit_tuning.families import known_components
from tenfold.commit_tuning.probe import RandomStreams
from tenfold.commit_tuning.reward import DistributionReward
from tenfold.commit_tuning.schedulers import Scheduler
from tenfold.commit_tuning.state_files import read_state, save_state
from tenfold.commit_tuning.trace import TRACE, TraceWriter
from tenfold.commit_tuning.tuning import CommitTuning
from tenfold.multimodal.labels import IGNORED

ITEMS = "num_items_in_batch"  # by which the Trainer lets a model divide its loss


class CommitTuningCallback(TrainerCallback):
    """Tunes the Trainer's model with ``scheduler``; the Trainer's own schedule stays the global one.

    Give the Trainer an optimiser whose groups keep the components apart: ``optimizers=(AdamW(optimiser_groups(model,
    components, rate)), None)``; its default one mixes them and is refused. ``components`` may be left out for LLaVA,
    BLIP-2 and Qwen2-Audio. The table of components is printed at the start. The trace is written to ``folder``, the
    Trainer's output folder unless it is given; the state goes into each checkpoint, and a resumed run finds it there,
    or in ``resume_from`` if that checkpoint lies elsewhere. Raises what CommitTuning raises, and StateMismatch.
    """

    def __init__(
        self,
        *,
        scheduler: Scheduler | None = None,
        estimator: BalanceEstimator | None = None,
        components: Components | None = None,
        reward: DistributionReward | None = None,
        folder: Path | None = None,
        resume_from: Path | None = None,
    ) -> None:
        self.scheduler, self.estimator, self.components, self.reward = scheduler, estimator, components, reward
        self.folder, self.resume_from = folder, resume_from
        self.tuning: CommitTuning | None = None
        self._hooks: list[Any] = []

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Attach to model and optimiser; go on from the checkpoint that the Trainer resumes."""
        self.on_train_end(args, state, control)  # of a training that failed
        try:
            self._begin(args, state, more)
        except BaseException:
            self.on_train_end(args, state, control)
            raise

    def _begin(self, args: Any, state: Any, more: dict[str, Any]) -> None:
        model, first = more["model"], state.is_world_process_zero
        components = known_components(model) if self.components is None else self.components
        self.tuning = tuning = CommitTuning(
            model,
            more["optimizer"],
            components,
            scheduler=self.scheduler,
            estimator=self.estimator,
            schedule=more["lr_scheduler"],
            reward=self.reward,
        )
        if state.global_step:
            tuning.load_state_dict(read_state(self._checkpoint(args, state)))
        if first:
            folder = Path(args.output_dir) if self.folder is None else self.folder
            tuning.trace = TraceWriter(folder / TRACE, keep=tuning.updates or None)
            print(tuning.table())
        losses = _LossHook(tuning, args.world_size if args.average_tokens_across_devices else 1)
        self._hooks = losses.attach(model)

    def _checkpoint(self, args: Any, state: Any) -> Path:
        own = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
        folder = own if self.resume_from is None else self.resume_from
        if not folder.is_dir():
            raise StateMismatch(
                f"training resumes at update {state.global_step}, and {folder} is not there: "
                "give CommitTuningCallback(resume_from=…) the checkpoint's folder"
            )
        return folder

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Put the state into the checkpoint that the Trainer has written."""
        if self.tuning is not None and state.is_world_process_zero:
            folder = Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            save_state(self.tuning.state_dict(), folder)

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Take all hooks away; ``tuning`` stays for looking at."""
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        if self.tuning is not None:
            self.tuning.close()


class _LossHook:
    """Notes the loss that a model returns in training, and lowers it by the reward."""

    def __init__(self, tuning: CommitTuning, processes: int) -> None:
        self.tuning, self.processes = tuning, processes
        self._streams: RandomStreams | None = None
        self._within = False  # a forward that the reward asks for

    def attach(self, model: Any) -> list[Any]:
        """Put the hooks on a model and return them."""
        return [
            model.register_forward_pre_hook(self.before, with_kwargs=True),
            model.register_forward_hook(self.after, with_kwargs=True),
        ]

    def _training(self, model: Any) -> bool:
        return model.training and torch.is_grad_enabled() and not self._within

    def before(self, model: Any, _inputs: Any, _named: dict[str, Any]) -> None:
        """Keep the random streams that the forward begins with."""
        if self._training(model) and self.tuning.reward is not None:
            self._streams = RandomStreams(next(model.parameters()).device)

    def after(self, model: Any, inputs: tuple[Any, ...], named: dict[str, Any], output: Any) -> Any:
        """Note the loss; lower it where there is a reward."""
        if not self._training(model):
            return output
        if inputs or getattr(output, "loss", None) is None:
            raise InvalidProbe(
                "the model must be called with names, labels among them, and return an output with a loss"
            )
        items = named.get(ITEMS)
        batch = {name: value for name, value in named.items() if name != ITEMS}
        self.tuning.losses_add = items is not None
        scale = 1 if items is None else self.processes
        self.tuning.note_loss(output.loss.detach() * scale)
        if self.tuning.reward is not None and self._streams is not None:
            self._within = True
            try:
                logits, targets = self.tuning.reward.forward(_Said(output), batch)  # type: ignore[arg-type]
                found = self.tuning.reward_of(batch, logits, targets, self._streams)
            finally:
                self._within = False
            share = 1.0 if items is None else (targets != IGNORED).sum() / items
            output["loss"] = output.loss - (share * found.value).to(output.loss.dtype)
        return output


class _Said:
    """What a model has said already, to be asked for answers again without another forward."""

    def __init__(self, output: Any) -> None:
        self._output = output

    def __call__(self, **_batch: Any) -> Any:
        return self._output
