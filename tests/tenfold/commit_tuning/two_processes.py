"""What each of several processes runs: accelerate's loop with accumulation, and what became of the rates as JSON.

Usage: python -m tests.tenfold.commit_tuning.two_processes FOLDER, under RANK and WORLD_SIZE.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import torch
from accelerate import Accelerator

from tenfold.commit_tuning import CommitTuning, CoordinatedScheduler, DistributionReward
from tests.tenfold.commit_tuning.small_models import COMPONENTS, collate, estimator, examples, optimiser, small


def run(rank: int, size: int) -> dict[str, object]:
    """Train on this process's share of each batch; return factors, κ, draws and parameters."""
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model = small(dropout=0.0)
    model.encoder[1] = torch.nn.Identity()  # no batch norm: its statistics are of a process's own share
    made = optimiser(model, torch.optim.AdamW, 0.02)
    schedule = torch.optim.lr_scheduler.LambdaLR(made, lambda steps: 1 / (1 + steps / size))
    prepared, wrapped, schedule = accelerator.prepare(model, made, schedule)
    tuning = CommitTuning(
        prepared,
        wrapped,
        COMPONENTS,
        scheduler=CoordinatedScheduler(),
        estimator=estimator(every=2, size=9),
        schedule=schedule,
        reward=DistributionReward(weight=1.0),
    )
    estimates = []
    for micro in range(8):
        batch = collate(examples(8, seed=micro)[rank::size])
        with accelerator.accumulate(prepared):
            logits, targets, reward = tuning.rewarded(batch)
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
            accelerator.backward(loss - reward.value)
            wrapped.step()
            schedule.step()
            wrapped.zero_grad()
        if tuning.estimated is not None and micro % 2:
            estimates.append([tuning.estimated.K_X, tuning.estimated.K_S])
    return {
        "updates": tuning.updates,
        "estimates": estimates,
        "used": tuning.used,
        "factors": [tuning.factors.llm, tuning.factors.encoder],
        "balance": tuning.balance,
        "probe": tuning.estimator.probe.state().tolist(),
        "parameters": [one.detach().flatten().tolist() for one in model.parameters()],
    }


def main(folder: Path) -> None:
    """Meet the other processes through a file, run, and write what was found."""
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=size)
    (folder / f"{rank}.json").write_text(json.dumps(run(rank, size)))
    torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
