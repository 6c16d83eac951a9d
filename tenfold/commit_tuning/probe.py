"""Probe batches, and forwards on them that leave no mark on training and run in float32.

Legend:  B rows of a batch · T tokens · V words of the vocabulary
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from tenfold.arguments import whole
from tenfold.commit_tuning.errors import ImpreciseProbe, InvalidProbe
from tenfold.multimodal.labels import IGNORED

if TYPE_CHECKING:
    from jaxtyping import Float, Int

Batch = Mapping[str, Any]
Answers = tuple[Tensor, Tensor]  # logits (B, T, V); targets (B, T): what the logits of a place predict, or IGNORED
Forward = Callable[[nn.Module, Batch], Answers]


def causal_answers(model: nn.Module, batch: Batch) -> Answers:
    """Return logits and targets of a decoder: the logits of a token predict the label of the next one.

    ``batch`` is what the model takes, with ``labels`` (B, T), IGNORED outside of answers. Raises InvalidProbe.
    """
    labels = _labels(batch)
    logits = model(**{name: value for name, value in batch.items() if name != "labels"}).logits
    if logits.shape[:2] != labels.shape:
        raise InvalidProbe(
            f"logits {tuple(logits.shape)} for labels {tuple(labels.shape)}: the processor must expand the "
            "placeholders of images and sounds, so that each token has its logits"
        )
    return logits[:, :-1], labels[:, 1:]


def aligned_answers(model: nn.Module, batch: Batch) -> Answers:
    """Return logits and targets of an encoder-decoder, whose logits stand where labels do. Raises InvalidProbe."""
    labels = _labels(batch)
    return model(**batch).logits, labels


def _labels(batch: Batch) -> Int[Tensor, "B T"]:
    if "labels" not in batch:
        raise InvalidProbe(f"a batch has labels, {IGNORED} outside of answers; this one has {', '.join(batch)}")
    return batch["labels"]


class Probe:
    """Batches of examples that are kept for the estimate: disjoint from training, validation and test.

    Each batch is ``size`` examples drawn without replacement by a generator of its own, whose state is saved; every
    process draws the same. ``collate`` makes a batch of a list of examples, as a DataLoader's does. Raises InvalidProbe
    for fewer examples than ``size``.
    """

    def __init__(
        self, examples: Sequence[Any], size: int, collate: Callable[[list[Any]], Batch], *, seed: int = 0
    ) -> None:
        self.size = whole(size, "size", least=1, error=InvalidProbe)
        if len(examples) < self.size:
            raise InvalidProbe(f"{len(examples)} examples make no probe batch of {self.size}")
        self._examples, self._collate = examples, collate
        self._generator = torch.Generator().manual_seed(seed)

    def draw(self, share: int = 0, shares: int = 1) -> Batch | None:
        """Return the next batch; of several processes, the examples that are this one's, None if there are none."""
        chosen = torch.randperm(len(self._examples), generator=self._generator)[: self.size].tolist()
        own = chosen[share::shares]
        return self._collate([self._examples[index] for index in own]) if own else None

    def state(self) -> Tensor:
        """Return the state of the generator, uint8."""
        return self._generator.get_state()

    def set_state(self, state: Tensor) -> None:
        """Go on as the probe whose state it is."""
        self._generator.set_state(state.cpu())


class Asked(nn.Module):
    """A model and the way to ask it for answers, as one module, so that its tensors can be replaced for one forward."""

    def __init__(self, model: nn.Module, forward: Forward) -> None:
        super().__init__()
        self.model, self.answer = model, forward

    def forward(self, batch: Batch) -> Answers:
        """Return what ``answer`` makes of the model and the batch."""
        return self.answer(self.model, batch)


def answers_at(model: nn.Module, forward: Forward, batch: Batch, replaced: Mapping[str, Tensor]) -> Answers:
    """Return the answers of a model with some parameters replaced by name; the model's own tensors stay as they are.

    Buffers are copies, so that a forward that counts or averages in them changes nothing either.
    """
    state = {f"model.{name}": one.clone() for name, one in model.named_buffers()}
    state |= {f"model.{name}": one for name, one in replaced.items()}
    return functional_call(Asked(model, forward), state, (batch,))


def float32_answers(
    model: nn.Module, forward: Forward, batch: Batch, replaced: Mapping[str, Tensor]
) -> tuple[Float[Tensor, "B T V"], Int[Tensor, "B T"]]:
    """Return the answers of a model that computes in float32 whatever its weights are kept in.

    Raises ImpreciseProbe if it computes in half precision all the same.
    """
    state = {name: replaced.get(name, one) for name, one in model.named_parameters()}
    own = {name: one.float() if one.is_floating_point() and one.itemsize < 4 else one for name, one in state.items()}
    own |= {name: one.float() for name, one in model.named_buffers() if one.is_floating_point() and one.itemsize < 4}
    logits, targets = answers_at(model, forward, {name: _widened(value) for name, value in batch.items()}, own)
    if logits.itemsize < 4:
        raise ImpreciseProbe(f"the model answers in {logits.dtype}, which cannot carry a balance: let it keep float32")
    return logits, targets


def _widened(value: Any) -> Any:
    narrow = isinstance(value, Tensor) and value.is_floating_point() and value.itemsize < 4
    return value.float() if narrow else value


def on_device(batch: Batch, device: torch.device) -> dict[str, Any]:
    """Return the batch with its tensors where the model is."""
    return {name: value.to(device) if isinstance(value, Tensor) else value for name, value in batch.items()}


@contextmanager
def quiet(model: nn.Module) -> Iterator[None]:
    """Let forwards run without gradients, in evaluation mode and without autocast, and leave everything as it was.

    Modes of modules and all random streams are put back; each forward may begin from the same one by `rewound`.
    """
    device = next(model.parameters()).device
    modes = [(module, module.training) for module in model.modules()]
    streams = random.getstate(), np.random.get_state()
    wrapped = model.__dict__.get("forward") if "_original_forward" in model.__dict__ else None
    devices = [device] if device.type == "cuda" else []
    hooks = [
        module.register_forward_pre_hook(_refuse_autocast)
        for module in model.modules()
        if any(one is not None for one in module._parameters.values())
    ]
    try:
        for module, _ in modes:
            module.training = False  # not eval(): some models override it
        if wrapped is not None:  # accelerate's, which turns autocast on
            model.__dict__["forward"] = model.__dict__["_original_forward"]
        with (
            torch.random.fork_rng(devices=devices, device_type=device.type if devices else "cuda"),
            torch.no_grad(),
            torch.autocast(device.type, enabled=False),
            _full_float32(device),
        ):
            yield
    finally:
        for hook in hooks:
            hook.remove()
        if wrapped is not None:
            model.__dict__["forward"] = wrapped
        for module, training in modes:
            module.training = training
        random.setstate(streams[0])
        np.random.set_state(streams[1])


@contextmanager
def _full_float32(device: torch.device) -> Iterator[None]:
    """Forbid TF32, whose ten bits of a product would be all that a balance is made of."""
    if device.type != "cuda":
        yield
        return
    cudnn: Any = torch.backends.cudnn
    backends: Any = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn)
    before = [backend.fp32_precision for backend in backends]
    try:
        for backend in backends:
            backend.fp32_precision = "ieee"
        yield
    finally:
        for backend, precision in zip(backends, before, strict=True):
            backend.fp32_precision = precision


def _refuse_autocast(module: nn.Module, _inputs: Any) -> None:
    device = next(one.device.type for one in module._parameters.values() if one is not None)
    if torch.is_autocast_enabled(device):
        raise ImpreciseProbe(
            f"{type(module).__name__} of the model runs under autocast even in the probe, in half precision: "
            "turn autocast on around the training forward, not inside the model"
        )


class RandomStreams:
    """torch's random streams as they are now, to begin a forward again from: the same masks of dropout."""

    def __init__(self, device: torch.device) -> None:
        self._cpu = torch.get_rng_state()
        self._device = device if device.type == "cuda" else None
        self._cuda = torch.cuda.get_rng_state(device) if self._device is not None else None

    def rewind(self) -> None:
        """Put the streams back to where they were."""
        torch.set_rng_state(self._cpu)
        if self._device is not None and self._cuda is not None:
            torch.cuda.set_rng_state(self._cuda, self._device)
