"""One step in several processes: which of them this one is, and what they do together.

Each process runs the whole step. Process 0 alone writes outputs, checkpoints and tracking; the others write
to a folder that is thrown away. They are started by ``steps.runtime.launch``, torchrun or accelerate launch.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accelerate import Accelerator, PartialState

VARIABLES = (("RANK", "0"), ("WORLD_SIZE", "1"), ("LOCAL_RANK", "0"))
FOLDER = "TENFOLD_LAUNCH"  # names the folder in which processes started by steps.runtime.launch meet
PATIENCE = 3.0  # seconds that a lost connection may come before the reason for it


class PeerFailed(RuntimeError):
    """Another process of the same step failed; its error is the one to look at."""


class TooManyProcesses(ValueError):
    """More processes were started than there are GPUs to give each its own."""


@dataclass(frozen=True)
class World:
    """The processes of one step, seen from one of them; alone where nothing started several."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among those of this machine
    folder: Path | None = None  # where those of steps.runtime.launch meet

    @classmethod
    def current(cls) -> World:
        """Return the world that the environment tells of, in the variables that torchrun sets."""
        rank, size, local = (int(os.environ.get(name, default)) for name, default in VARIABLES)
        folder = os.environ.get(FOLDER)
        return cls(rank, size, local, Path(folder) if folder else None) if size > 1 else cls()

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def accelerator(self, gradient_accumulation_steps: int, mixed_precision: str) -> Accelerator:
        """Return accelerate's Accelerator, whose data loaders split each batch among the processes."""
        from accelerate import Accelerator, DataLoaderConfiguration

        state = self._join() if self.size > 1 else None
        accelerator = Accelerator(
            cpu=not _cuda() if state is None else state.device.type == "cpu",
            mixed_precision=mixed_precision,
            dataloader_config=DataLoaderConfiguration(split_batches=True),
        )
        # not as an argument: there, a variable of the environment would win
        accelerator.gradient_accumulation_steps = gradient_accumulation_steps
        return accelerator

    def wait(self) -> None:
        """Wait until every process has come as far."""
        if self.size > 1:
            self._join().wait_for_everyone()

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return each value averaged over the processes; all must call it alike. NaN in one is NaN in all."""
        if self.size == 1 or not values:
            return dict(values)
        import torch
        from accelerate.utils import reduce

        device = self._join().device
        total = reduce(torch.tensor(list(values.values()), dtype=torch.float64, device=device), reduction="mean")
        return dict(zip(values, total.tolist(), strict=True))

    @contextmanager
    def together(self) -> Iterator[None]:
        """Run the block as one of several: it ends well only if it does so in all of them.

        Raises PeerFailed, with the other's error by name where it is known, when another one fails.
        """
        if self.size == 1:
            yield
            return
        before = signal.signal(signal.SIGTERM, self._stopped)
        try:
            yield
            self.wait()
        except BaseException as error:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # while what is half-written is removed
            if isinstance(error, RuntimeError) and not isinstance(error, PeerFailed):
                self._raise_for_peer(error)  # perhaps only the connection to the one that failed
            raise
        torch: Any = sys.modules.get("torch")
        if torch is not None and torch.distributed.is_initialized():
            torch.distributed.destroy_process_group()
        signal.signal(signal.SIGTERM, before)

    def report(self, error: str) -> bool:
        """Leave ``error`` for the process that started this one; return False if there is nobody to read it."""
        if self.folder is None or not self.folder.is_dir():
            return False
        (self.folder / f"{self.rank}.new").write_text(error, encoding="utf-8")
        os.replace(self.folder / f"{self.rank}.new", self.folder / f"{self.rank}.error")
        return True

    def _join(self) -> PartialState:
        """Meet the other processes, once; those started by steps.runtime.launch do so through a file."""
        import torch
        from accelerate import PartialState

        local = int(os.environ.get("LOCAL_WORLD_SIZE", self.size))
        if _cuda() and local > torch.cuda.device_count():
            raise TooManyProcesses(
                f"{local} processes on a machine with {torch.cuda.device_count()} GPUs; start at most one for each "
                f"(TENFOLD_PROCESSES), or hide the GPUs to train on the CPU: CUDA_VISIBLE_DEVICES="
            )
        if self.folder is not None and not torch.distributed.is_initialized():
            torch.distributed.init_process_group(
                "nccl" if _cuda() else "gloo",
                init_method=f"file://{self.folder}/store",
                rank=self.rank,
                world_size=self.size,
            )
        return PartialState(cpu=not _cuda())

    def _stopped(self, *_: object) -> None:
        if sys.exc_info()[0] is not None:
            return  # an error is on its way out already
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise PeerFailed(self._peer() or "another process of this step failed, or its launcher was stopped")

    def _raise_for_peer(self, error: Exception) -> None:
        until = time.monotonic() + (PATIENCE if self.folder is not None else 0.0)
        while (peer := self._peer()) is None:
            if time.monotonic() > until:
                return
            time.sleep(0.05)
        raise PeerFailed(peer) from error

    def _peer(self) -> str | None:
        """Return what another process reported first, if any has."""
        return None if self.folder is None else first_error(self.folder, self.size, but=self.rank)


def first_error(folder: Path, size: int, but: int | None = None) -> str | None:
    """Return the error that was reported first in ``folder``, by any of ``size`` processes ``but`` one; else None."""
    reported = [path for path in folder.glob("*.error") if path.stem != str(but)]
    if not reported:
        return None
    first = min(reported, key=lambda path: path.stat().st_mtime_ns)
    return f"process {first.stem} of {size} stopped: {first.read_text(encoding='utf-8').strip()}"


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()
