"""What all methods of a seed start from: an encoder that knows its medium, a decoder that knows the words."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

from steps.commit_tuning.jobs import clear_jobs, side_by_side
from steps.commit_tuning.seeding import seed_of
from steps.commit_tuning.tasks import Task, read_part, seeds_of, tasks_of
from steps.step.json_files import write_json
from steps.step.params import Count, Params, Positive
from steps.step.run import Run
from tenfold.commit_tuning.model import SmallModel, SmallModelConfig
from tenfold.commit_tuning.pretexts import pretrain_decoder, pretrain_encoder
from tenfold.commit_tuning.question_batches import words_of
from tenfold.nn.seeding import seeded
from tenfold.nn.token_convnet import TokenConvNetConfig

STARTS, PRETRAINED = "starts", "pretrained.json"
CARD = """# A small model before it is tuned: {task}, seed {seed}

Its encoder learnt {pretext}, its decoder to answer questions about words; its projector is as it was drawn. Made for
the reproduction of "CoMMIT" (arXiv 2407.20454). License: Apache-2.0.
"""


class PretextParams(Params):
    """How long a part is trained on its pretext, on how many items per update, and how fast."""

    updates: Count
    batch_size: Count
    learning_rate: Positive


class SizeParams(Params):
    """Widths of the encoder's convolutions, the grid of its tokens and their cells; the decoder's size."""

    widths: list[Count]
    grid: list[Count]
    cells: list[Count]
    hidden: Count
    layers: Count
    heads: Count


class PretrainParams(Params):
    """From how many seeds models are made, by task, how large they are, and how long their parts are trained."""

    seeds: dict[str, Count]
    model: SizeParams
    encoder: PretextParams
    decoder: PretextParams


def pretrain(prepared: Path, *, out: Path, params: PretrainParams, run: Run) -> None:
    """Make the model that every method of a seed starts from, for each task of the modality and each seed.

    Reads   prepared/<task>/train
    Writes  starts/<task>-<seed>/: a SmallModel; pretrained.json: the losses of both pretexts, per task and seed
    Logs    <task>-0/encoder, <task>-0/decoder (losses of the pretexts, of the first seed)
    Raises  UnknownTask, InvalidConfig
    """
    rows: list[dict[str, Any]] = []
    for task in tasks_of(prepared, run.variant):
        seeds = seeds_of(params.seeds, task)
        media = read_part(prepared, task, "train").media

        def one(seed: int, folder: Path, task: Task = task, media: Any = media) -> None:
            _make(task, media, seed, folder, params, run.seed)

        made = side_by_side(run, {f"{task.name}-{seed}": (one, seed) for seed in range(seeds)})
        for seed, folder in enumerate(made):
            (out / STARTS).mkdir(exist_ok=True)
            copytree(folder / "model", out / STARTS / f"{task.name}-{seed}")
            losses = json.loads((folder / "losses.json").read_text(encoding="utf-8"))
            ends = {name: _end(one) for name, one in losses.items()}
            rows.append({"task": task.name, "seed": seed, "loss_last": ends})
            for name, curve in losses.items() if seed == 0 else ():
                for update in range(1, len(curve) + 1, max(1, len(curve) // 25)):
                    run.log({f"{task.name}-0/{name}": curve[update - 1]}, update=update)
        run.say(f"{task.name}: {seeds} models, {rows[-1]['loss_last']} at the end")
    clear_jobs(run)
    write_json(out / PRETRAINED, rows)


def start_folder(pretrained: Path, task: str, seed: int) -> Path:
    """Return the folder of the model that all methods of a seed start from."""
    return pretrained / STARTS / f"{task}-{seed}"


def _make(task: Task, media: Any, seed: int, folder: Path, params: PretrainParams, run_seed: int) -> None:
    size = params.model
    rows, columns, high, wide = *size.grid, *size.cells
    encoder = TokenConvNetConfig(media.shape[1], tuple(size.widths), (rows, columns), (high, wide))
    config = SmallModelConfig(words_of([task.subject]), encoder, size.hidden, size.layers, size.heads)
    model = seeded(SmallModel, config, seed_of(run_seed, "start", task.name, seed))
    pretext: Any = "rotation" if task.modality == "images" else "masked_band"
    seeds = [seed_of(run_seed, part, task.name, seed) for part in ("encoder", "decoder")]
    losses = {
        "encoder": pretrain_encoder(model.encoder, media, pretext, seed=seeds[0], **params.encoder.model_dump()),
        "decoder": pretrain_decoder(
            model, model.questions(), [task.subject], seed=seeds[1], **params.decoder.model_dump()
        ),
    }
    rmtree(folder / "model", ignore_errors=True)  # of a process that was killed as it wrote
    model.save_pretrained(folder / "model", card=CARD.format(task=task.name, seed=seed, pretext=_said(pretext)))
    (folder / "losses.json").write_text(json.dumps(losses) + "\n", encoding="utf-8")


def _said(pretext: str) -> str:
    return "which way up an image is" if pretext == "rotation" else "what a masked band of a sound's spectrogram held"


def _end(losses: list[float]) -> float:
    last = losses[-max(1, len(losses) // 10) :]
    return sum(last) / len(last)
