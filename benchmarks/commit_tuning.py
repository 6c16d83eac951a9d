"""An update of coordinated tuning beside a plain one: estimates of κ, the reward, and a peer that scales gradients.

The plain update is AdamW over two groups. The peer does to the encoder what OGM-GE does: gradients of convolutions are
scaled by how much better the item's answers are than those without it, which takes one more forward per update, and get
noise of their own spread. Batch and probe are 32 questions. Processor time per update, each cell in its own process.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import checkout, machine

RESULTS = Path(__file__).parent / "results" / "commit_tuning.json"
SMALL, LORA = "small model, all trained", "decoder with LoRA, encoder trained"
PLAIN, PEER = "two groups", "gradient scaling"
EVERY = (1, 4, 16)
REWARDED = 4  # updates per estimate beside the reward
GOAL = 0.10  # of a plain update, estimates every 16
BATCH = 32
ALPHA = 0.3  # of OGM-GE's modulation

Row = dict[str, Any]


def estimating(every: int) -> str:
    """Return what a method is called that estimates κ every so many updates."""
    return f"κ every {every} updates" if every > 1 else "κ every update"


REWARD = f"reward, {estimating(REWARDED)}"
METHODS = (PLAIN, PEER, *map(estimating, EVERY), REWARD)
OURS = estimating(16)


def build(kind: str) -> tuple[Any, Any]:
    """Return a model of random weights and how its questions are encoded."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tenfold.commit_tuning.model import MultimodalModel, SmallModel, SmallModelConfig
    from tenfold.commit_tuning.question_batches import words_of
    from tenfold.commit_tuning.questions import CIFAR10
    from tenfold.multimodal.lora import with_lora
    from tenfold.nn.token_convnet import TokenConvNet, TokenConvNetConfig

    torch.manual_seed(0)
    small = SmallModel(SmallModelConfig(words_of([CIFAR10])))
    encode = small.questions()
    if kind == SMALL:
        return small, encode
    sizes: dict[str, Any] = {
        "hidden_size": 256,
        "intermediate_size": 768,
        "num_hidden_layers": 6,
        "num_attention_heads": 4,
    }
    decoder = LlamaForCausalLM(LlamaConfig(vocab_size=len(encode.tokenizer), **sizes))
    model = MultimodalModel(TokenConvNet(TokenConvNetConfig()), decoder, encode.media_token_id)
    model.language_model = with_lora(decoder, rank=8, alpha=16)
    return model, encode


def batches(encode: Any, count: int) -> list[dict[str, Any]]:
    """Return batches of questions about noise."""
    import numpy as np
    import torch

    from tenfold.commit_tuning.questions import CIFAR10, ask

    found = []
    for number in range(count):
        names = [f"{number}-{place}" for place in range(BATCH)]
        questions = ask(CIFAR10, names, np.arange(BATCH) % 10, seed=number)[:BATCH]
        found.append(encode.batch(questions, torch.randn(BATCH, 3, 32, 32)))
    return found


def scale_gradients(model: Any, batch: dict[str, Any], loss: Any) -> None:
    """Scale the encoder's gradients in OGM-GE's manner: its share of the answers' scores is what items add to them."""
    import torch

    with torch.no_grad():
        blind = model(**(batch | {"media": torch.zeros_like(batch["media"])})).loss
        advantage = torch.exp(blind - loss)  # of seeing, over guessing
        coefficient = 1 - torch.tanh(ALPHA * torch.relu(advantage - 1))
        for one in model.encoder.parameters():
            if one.grad is not None and one.grad.ndim == 4:
                noise = torch.randn_like(one.grad) * (one.grad.std() + 1e-8)
                one.grad.mul_(coefficient).add_(noise)


def updater(kind: str, method: str) -> tuple[Callable[[dict[str, Any]], None], Any, Any]:
    """Return what makes an update on a batch, the model, and the tuning, None without one."""
    import torch
    import torch.nn.functional as functional

    from tenfold.commit_tuning.balance import BalanceEstimator
    from tenfold.commit_tuning.components import optimiser_groups
    from tenfold.commit_tuning.families import known_components
    from tenfold.commit_tuning.probe import Probe, causal_answers
    from tenfold.commit_tuning.reward import DistributionReward
    from tenfold.commit_tuning.schedulers import CoordinatedScheduler
    from tenfold.commit_tuning.tuning import CommitTuning
    from tenfold.multimodal.labels import IGNORED

    model, encode = build(kind)
    components = known_components(model)
    optimiser = torch.optim.AdamW(optimiser_groups(model, components, 1e-3))
    tuning = None
    if method not in (PLAIN, PEER):
        kept = batches(encode, 1)[0]
        probe = Probe(range(BATCH), BATCH, lambda chosen: {name: one[chosen] for name, one in kept.items()})
        every = REWARDED if method == REWARD else next(every for every in EVERY if estimating(every) == method)
        tuning = CommitTuning(
            model,
            optimiser,
            components,
            scheduler=CoordinatedScheduler(),
            estimator=BalanceEstimator(probe, every=every),
            reward=DistributionReward() if method == REWARD else None,
        )

    def update(batch: dict[str, Any]) -> None:
        reward = None
        if tuning is not None and tuning.reward is not None:
            logits, targets, reward = tuning.rewarded(batch)
        else:
            logits, targets = causal_answers(model, batch)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        (loss if reward is None else loss - reward.value).backward()
        if method == PEER:
            scale_gradients(model, batch, loss.detach())
        optimiser.step()
        optimiser.zero_grad()

    model.train()
    return update, model, tuning


def measure(kind: str, method: str, updates: int) -> Row:
    """Return processor seconds per update, and the bytes of the tensors that an estimate is kept for."""
    update, model, tuning = updater(kind, method)
    drawn = batches(model_questions(model, kind), 8)
    copied = [0]
    if tuning is not None and tuning.estimator is not None:
        estimate = tuning.estimator.estimate

        def counted(model: Any, components: Any, before: Any) -> Any:
            copied[0] = sum(one.nbytes for one in before.values())
            return estimate(model, components, before)

        tuning.estimator.estimate = counted
    for number in range(16):
        update(drawn[number % len(drawn)])
    started = time.process_time()
    for number in range(updates):
        update(drawn[number % len(drawn)])
    seconds = (time.process_time() - started) / updates
    parameters = list(model.parameters())
    return {
        "seconds": seconds,
        "copied_bytes": copied[0],
        "trained_bytes": sum(one.nbytes for one in parameters if one.requires_grad),
        "model_bytes": sum(one.nbytes for one in parameters),
    }


def model_questions(model: Any, kind: str) -> Any:
    """Return how a model's questions are encoded."""
    return model.questions() if kind == SMALL else build(SMALL)[1]


def in_process(kind: str, method: str, updates: int, cap: float) -> Row | None:
    """Measure one cell in a new process; None if it fails or takes too long."""
    request = json.dumps([kind, method, updates])
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.commit_tuning", "--request", request]
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=cap)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    found: Row = json.loads(done.stdout.splitlines()[-1])
    return found


def sentences(rows: list[Row]) -> list[str]:
    """Return what the numbers say, in words."""
    found, by = [], {(row["model"], row["method"]): row for row in rows}
    for kind in (SMALL, LORA):
        plain = by.get((kind, PLAIN))
        if plain is None:
            continue
        for method in METHODS[1:]:
            if (kind, method) in by:
                more = by[kind, method]["seconds"] / plain["seconds"] - 1
                goal = f" (goal: at most {GOAL:.0%})" if method == OURS else ""
                found.append(f"{kind}: {method} adds {more:.1%} to a plain update{goal}")
        if (kind, OURS) in by:
            own = by[kind, OURS]
            found.append(
                f"{kind}: the copies that an estimate needs are {own['copied_bytes'] / own['trained_bytes']:.0%} of "
                f"the trained tensors' size, {own['copied_bytes'] / own['model_bytes']:.0%} of the model's"
            )
    return found


def document(rows: list[Row], where: dict[str, Any], started: dict[str, Any]) -> dict[str, Any]:
    """Return what the report reads."""
    value = {"role": "value", "unit": "s", "better": "lower", "superlative": "fastest"}
    return {
        "title": "What coordinated tuning adds to an update",
        "note": "Processor seconds per update, medians over processes. Two groups: AdamW and nothing else. Gradient "
        "scaling: in OGM-GE's manner, with one more forward per update. κ and the reward: CoMMIT's scheduler; batch "
        f"and probe are {BATCH} questions.",
        "command": "python -m benchmarks.commit_tuning",
        **where,
        "machine": started,
        "default": OURS,
        "findings": sentences(rows),
        "columns": [
            {"name": "model", "label": "model", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {"name": "seconds", "label": "time per update", **value},
            *(
                {"name": name, "label": label, "role": "detail", "unit": "bytes"}
                for name, label in (
                    ("copied_bytes", "copies of an estimate"),
                    ("trained_bytes", "trained tensors"),
                    ("model_bytes", "all parameters"),
                )
            ),
        ],
        "rows": rows,
    }


def main() -> None:
    """Measure all cells, or with --request one, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few updates, one process per cell; writes nothing")
    parser.add_argument("--cap", type=float, default=600.0, help="seconds after which a cell is given up")
    parser.add_argument("--rounds", type=int, default=3, help="processes per cell")
    parser.add_argument("--request", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.request:
        print(json.dumps(measure(*json.loads(options.request))))
        return
    where, started = checkout(), machine("torch", "transformers", "peft")
    known: dict[tuple[str, str], list[Row]] = {(kind, method): [] for kind in (SMALL, LORA) for method in METHODS}
    for _ in range(1 if options.quick else options.rounds):  # rounds around cells: a busy moment meets all methods
        for (kind, method), found in known.items():
            one = in_process(kind, method, 16 if options.quick else 96, options.cap)
            print(kind, method, one, flush=True)
            found += [] if one is None else [one]
    rows = [
        {"model": kind, "method": method, **found[0], "seconds": median(one["seconds"] for one in found)}
        for (kind, method), found in known.items()
        if found
    ]
    print("\n".join(sentences(rows)))
    if not options.quick:
        content = json.dumps(document(rows, where, started), indent=1, ensure_ascii=False)
        RESULTS.write_text(content + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
