"""Batches in an order that depends on neither the number of processes nor on where a step was resumed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Self

import torch
from torch.utils.data import DataLoader, Sampler

if TYPE_CHECKING:
    from accelerate import Accelerator


class UnevenBatch(ValueError):
    """A batch cannot be cut into equal parts, or there are fewer samples than one batch holds."""


class Order(Sampler[list[int]]):
    """The numbers of the samples of each batch, without end: epoch after epoch, each in an order of its own.

    ``generator`` returns the generator of one epoch. Samples that do not fill a batch are left out of their
    epoch, so that the mean over a batch is the mean of its parts' means.
    """

    drop_last = True

    def __init__(
        self, samples: int, batch_size: int, generator: Callable[[int], torch.Generator], start: int = 0
    ) -> None:
        self.samples, self.batch_size, self.start = samples, batch_size, start
        self._generator = generator

    def __iter__(self) -> Iterator[list[int]]:
        per_epoch = self.samples // self.batch_size
        epoch, batch = divmod(self.start, per_epoch)
        while True:
            order = torch.randperm(self.samples, generator=self._generator(epoch))
            for first in range(batch * self.batch_size, per_epoch * self.batch_size, self.batch_size):
                yield order[first : first + self.batch_size].tolist()
            epoch, batch = epoch + 1, 0


class Batches:
    """An endless iterator over this process's part of each batch, on its device; its state is how many came.

    ``batch_size`` counts the samples of a batch over all processes. Raises UnevenBatch if it cannot be divided
    among them, or exceeds the data set.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        accelerator: Accelerator,
        generator: Callable[[str], torch.Generator],
        **loader: Any,
    ) -> None:
        processes = accelerator.num_processes
        if not 0 < batch_size <= len(dataset):
            raise UnevenBatch(f"a batch of {batch_size} from {len(dataset)} samples; choose a size from 1 to that")
        if batch_size % processes:
            raise UnevenBatch(
                f"a batch of {batch_size} cannot be divided among {processes} processes; choose a multiple of that"
            )
        self.dataset, self.batch_size, self.drawn = dataset, batch_size, 0
        self._accelerator, self._generator, self._options = accelerator, generator, loader
        self._stream: Iterator[Any] | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        if self._stream is None:
            order = Order(len(self.dataset), self.batch_size, lambda epoch: self._generator(str(epoch)), self.drawn)
            loader = DataLoader(
                self.dataset, batch_sampler=order, generator=self._generator("workers"), **self._options
            )
            self._stream = iter(self._accelerator.prepare_data_loader(loader))
        self.drawn += 1
        return next(self._stream)

    def state_dict(self) -> dict[str, int]:
        return {"drawn": self.drawn}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.drawn, self._stream = state["drawn"], None
