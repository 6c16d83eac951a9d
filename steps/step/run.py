"""Everything impure that a step may use: randomness, device, logging, figures, resumable updates."""

from __future__ import annotations

import hashlib
import math
import sys
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from accelerate import Accelerator
    from matplotlib.figure import Figure

    from steps.step.batches import Batches
    from steps.step.distributed import World
    from steps.step.publish import CaptionedFigure, CaptionedTable
    from tenfold.metrics.measurement import Measurement
    from tenfold.models.folder import Model


EVERY = 30.0  # seconds between two lines of progress


class Diverged(ArithmeticError):
    """A logged value is NaN or infinite."""


class NestedUpdates(RuntimeError):
    """A loop over ``run.updates`` was begun inside another one."""


class OtherAccelerator(ValueError):
    """A step asked for a second accelerator, unlike its first."""


class Sink(Protocol):
    """Where logged values go besides the output (the tracking spool)."""

    def log(self, metrics: Mapping[str, float], update: int | None) -> None: ...

    def resumed(self, update: int, history: list[dict[str, float]]) -> None: ...


class Alone:
    """A step in one process; ``steps.step.distributed.World`` is one of several."""

    rank, size, local_rank, is_main = 0, 1, 0, True

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        return dict(values)

    def wait(self) -> None: ...

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()


class Run:
    """One execution of one step.

    Steps receive it as ``run``; tests make their own: ``Run("paper", "step", out=tmp_path)``.
    """

    def __init__(
        self,
        paper: str,
        step: str,
        *,
        out: Path,
        variant: str | None = None,
        profile: str = "smoke",
        seed: int = 0,
        checkpoints: Path | None = None,
        sink: Sink | None = None,
        world: World | Alone | None = None,
    ) -> None:
        self.paper, self.step, self.variant = paper, step, variant
        self.profile, self.seed, self.out = profile, seed, out
        self.history: list[dict[str, float]] = []
        self.resumed_from: int | None = None
        self.world = Alone() if world is None else world
        self._accelerator: tuple[tuple[int, str], Accelerator] | None = None
        self._checkpoints = checkpoints
        self._loops, self._in_loop = 0, False
        self._sink = sink

    @property
    def device(self) -> str:
        """``cuda`` where a GPU is to be had, else ``cpu``; of several processes each has its own GPU."""
        import torch

        if not torch.cuda.is_available():
            return "cpu"
        return "cuda" if self.world.size == 1 else f"cuda:{self.world.local_rank}"

    def generator(self, purpose: str) -> np.random.Generator:
        """Return NumPy's generator for one purpose; seeded by seed, paper, step, variant and purpose."""
        import numpy as np

        return np.random.default_rng(self._seed_of(purpose))

    def torch_generator(self, purpose: str, device: str = "cpu") -> torch.Generator:
        """Return torch's generator for one purpose; seeded like ``generator``."""
        import torch

        return torch.Generator(device).manual_seed(self._seed_of(purpose) % 2**63)

    def accelerator(self, *, gradient_accumulation_steps: int = 1, mixed_precision: str = "no") -> Accelerator:
        """Return the step's Accelerator: a step that trains through it may run in several processes.

        Model, optimiser and schedule go through its ``prepare``, the loss through its ``backward``, and batches
        come from ``run.batches``; then the numbers do not depend on how many processes there are, up to the
        rounding of sums. What a model draws by itself (dropout) each process draws for itself.
        Raises OtherAccelerator if the step asks again for something else.
        """
        from steps.step.distributed import World

        options = (gradient_accumulation_steps, mixed_precision)
        if self._accelerator is None:
            world = World() if isinstance(self.world, Alone) else self.world
            self._accelerator = options, world.accelerator(*options)
        first, accelerator = self._accelerator
        if first != options:
            raise OtherAccelerator(f"{self.paper} {self.step}: one accelerator per step; the first had {first}")
        return accelerator

    def batches(self, dataset: Any, batch_size: int, purpose: str = "order", **loader: Any) -> Batches:
        """Return an endless iterator over batches of ``dataset``, for this process's part of each.

        ``batch_size`` counts the samples of one batch over all processes: W processes see, B samples each, what
        one sees with W·B. Each epoch has an order of its own from ``torch_generator``. The iterator belongs into
        the ``state`` of ``run.updates``; its state is how many batches came. ``loader`` goes to torch's DataLoader.
        Raises UnevenBatch.
        """
        from steps.step.batches import Batches

        def generator(word: str) -> torch.Generator:
            return self.torch_generator(f"{purpose} {word}")

        accelerator = self.accelerator() if self._accelerator is None else self._accelerator[1]
        return Batches(dataset, batch_size, accelerator, generator, **loader)

    def say(self, text: str) -> None:
        """Print one log line; Prefect shows it in the task's log."""
        if self.world.is_main:
            print(text, flush=True)

    def log(self, metrics: Mapping[str, float], update: int | None = None) -> None:
        """Record metrics, of one update or of the whole step.

        Where a step runs in several processes, each logs the same names: the mean of their values is recorded.
        Raises Diverged if a value is NaN or infinite, naming it and the update; then all processes stop.
        """
        values = self.world.mean({name: float(value) for name, value in metrics.items()})
        for name, value in values.items():
            if not math.isfinite(value):
                where = "" if update is None else f" at update {update}"
                raise Diverged(
                    f"{self.paper} {self.step}: {name} = {value}{where}; lower the learning rate or look at "
                    f"the data (the last good checkpoint was kept)"
                )
        self.history.append(values if update is None else {"update": update, **values})
        if self._sink is not None:
            self._sink.log(values, update)

    def figure(self, name: str, figure: Figure) -> Path:
        """Write a Matplotlib figure to ``out/figures/<name>.svg``, the same bytes for the same figure."""
        import matplotlib as mpl

        path = self.out / "figures" / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        with mpl.rc_context({"svg.hashsalt": "tenfold", "svg.fonttype": "path"}):
            figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")
        return path

    def model(self, name: str, model: Model | Path, *, card: str, example: np.ndarray | None = None) -> Path:
        """Write a model to ``out/models/<name>``; if the step succeeds, MLflow registers it as <paper>-<name>.

        ``model`` is an object of a class inside tenfold with save, load and predict (``tenfold.models.Model``), or
        the folder of one; ``card`` is its README.md. ``example`` gives MLflow the shapes to check inputs against.
        Raises InvalidModel, ForeignClass, DamagedModel.
        """
        from tenfold.models.folder import write

        path = self.out / "models" / name
        write(path, model, card, example)
        return path

    def publish(
        self,
        *,
        claims: Mapping[str, Measurement],
        headlines: Collection[str],
        tables: Mapping[str, CaptionedTable],
        figures: Mapping[str, CaptionedFigure],
        timings: Collection[str] = (),
    ) -> None:
        """Write metrics.json, claims.json, tables and figures with their captions: see ``steps.step.publish``."""
        from steps.step.publish import publish

        publish(self, claims=claims, headlines=headlines, tables=tables, figures=figures, timings=timings)

    def updates(self, total: int, state: Any = None, *, every_seconds: float = 30.0) -> Iterator[int]:
        """Yield the update numbers 1 … total, with progress, checkpoints and exact resume.

        ``state`` is what the updates change: an object with state_dict and load_state_dict, a generator,
        or a mapping of such. After a kill the same step goes on from its last checkpoint and ends with the
        same numbers, because parameters, inputs and code are part of the checkpoint's name. A step may have
        several loops, one after the other; each has a checkpoint of its own. Where a step runs in several
        processes, one of them saves, and any number of them resumes.
        Raises NestedUpdates for a loop inside a loop: which of the two a checkpoint is of could not be told.
        """
        from steps.step import checkpoint

        if self._in_loop:
            raise NestedUpdates(
                f"{self.paper} {self.step}: run.updates inside a loop over run.updates; make the inner loop "
                f"a plain `for`, with what it changes in the outer loop's state"
            )
        self._loops += 1
        path = self._checkpoints and self._checkpoints / f"updates-{self._loops}.safetensors"
        done = self._resume(path, state)
        self.world.wait()  # nobody saves before everybody has resumed
        self._in_loop, saved_at = True, time.monotonic()
        try:
            for update in self._shown(done, total):
                yield update
                due = self.world.is_main and time.monotonic() - saved_at >= every_seconds
                if path is not None and state is not None and due and update < total:
                    tree = {"update": update, "history": self.history, "state": checkpoint.state_of(state)}
                    checkpoint.save(path, tree)
                    saved_at = time.monotonic()
        finally:
            self._in_loop = False

    def _shown(self, done: int, total: int) -> Iterator[int]:
        """Yield the update numbers after ``done``, with a bar on a terminal and a line every half minute elsewhere."""
        from tqdm import tqdm

        title, began = f"{self.paper} {self.step}", time.monotonic()
        shown_at, terminal = began, sys.stderr.isatty()
        silent = not (terminal and self.world.is_main)
        for update in tqdm(range(done + 1, total + 1), title, total, initial=done, disable=silent):
            yield update
            now = time.monotonic()
            if not terminal and now - shown_at >= EVERY:
                shown_at, left = now, (now - began) / (update - done) * (total - update)
                self.say(f"{title}: update {update} of {total}, {left:.0f} s left")

    def _resume(self, path: Path | None, state: Any) -> int:
        if path is None or state is None or not path.exists():
            return 0
        from steps.step import checkpoint

        tree = checkpoint.load(path)
        checkpoint.restore(state, tree["state"])
        self.history = tree["history"]
        self.resumed_from = tree["update"]
        if self._sink is not None:
            self._sink.resumed(tree["update"], self.history)
        self.say(f"goes on from the checkpoint of update {tree['update']}")
        return tree["update"]

    def _seed_of(self, purpose: str) -> int:
        words = "\0".join([str(self.seed), self.paper, self.step, self.variant or "", purpose])
        return int.from_bytes(hashlib.sha256(words.encode()).digest()[:16], "little")
