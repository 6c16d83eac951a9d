"""The same comparison with parts that others trained: SmolLM2 with LoRA behind EfficientNet-Lite0 or Whisper tiny.

Whether a scheduler of rates helps does not rest on a decoder that knows a few words: this one has a prior to protect.
The encoder and the projector, which is drawn, are trained whole. The model stays in evaluation mode, so that batch
norms keep their averages. One rate for both components, as in the paper, and no search of it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np

from steps.commit_tuning.jobs import child_run, clear_jobs, side_by_side
from steps.commit_tuning.language_parts import Parts, placed
from steps.commit_tuning.runs import TuningRun, run_of, write_runs
from steps.commit_tuning.seeding import FIRST, first_batches, order_of, seed_of
from steps.commit_tuning.tasks import FACTS, Encoded, read_part, task_named
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Field, Params, Positive
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.commit_tuning.question_batches import QuestionEncoder
    from tenfold.commit_tuning.tuning import CommitTuning

METHODS = ("constant", "clr", "commit")
ROW, TRACE_FILE, PARTS_FILE = "row.json", "trace.jsonl", "parts.json"


class LanguageTuningParams(Params):
    """How long each model is tuned on how many questions at once, and how κ is estimated, as in the main study."""

    updates: Count
    batch_size: Count
    learning_rate: Positive
    every: Count
    probe: Count
    smoothing: float
    share_every: Count
    lora_rank: Count
    reached: Positive


class TuneLanguageModelParams(Params):
    """From how many seeds each method is trained, 0 being an empty comparison, on which tasks, at which ratio of rates.

    ``validated`` and ``asked``: questions of the validation and the test part that are asked. ``side``: of images for
    EfficientNet-Lite0, in pixels.
    """

    seeds: Annotated[int, Field(ge=0)]
    tasks: list[str]
    methods: list[Literal["constant", "clr", "commit"]]
    ratio: Positive
    validated: Count
    asked: Count
    side: Count
    tuning: LanguageTuningParams


def tune_language_model(
    prepared: Path,
    decoder: Path,
    efficientnet: Path,
    whisper: Path,
    *,
    out: Path,
    params: TuneLanguageModelParams,
    run: Run,
) -> None:
    """Tune a pretrained decoder by each method from each seed: within a seed one start and the same questions in order.

    Reads   prepared/<task>, prepared/tasks.json; decoder/: config.json, model.safetensors, a tokenizer, origin.json;
            efficientnet/ and whisper/: the published weights, source.json
    Writes  runs.jsonl, without a line where there is no seed; traces/; parts.json: whether a part stands in for another
    Logs    <task>/<method>/loss (nats per token of the answers), <task>/<method>/balance (ℓ), of the first seed
    Raises  UnknownTask, InvalidModelParts, UnknownWeights, Diverged
    """
    places = {"decoder": decoder / "origin.json"}
    places |= {"efficientnet": efficientnet / "source.json", "whisper": whisper / "source.json"}
    write_json(out / PARTS_FILE, {name: {"stand_in": bool(read_json(one)["stand_in"])} for name, one in places.items()})
    rows: list[TuningRun] = []
    for task in [task_named(name) for name in params.tasks] if params.seeds else ():
        parts = Parts(decoder, efficientnet if task.modality == "images" else whisper, task, params.side)
        jobs: dict[str, Any] = {
            f"language-{task.name}-{method}-{seed}": (_train, (run, prepared, parts, params, method, seed))
            for method in params.methods
            for seed in range(params.seeds)
        }
        for folder in side_by_side(run, jobs):
            row = run_of(read_json(folder / ROW), str(folder / ROW))
            (out / row.trace).parent.mkdir(parents=True, exist_ok=True)
            copyfile(folder / TRACE_FILE, out / row.trace)
            rows.append(row)
            _log(run, row, folder / TRACE_FILE)
    if not params.seeds:
        run.say("no training of a pretrained decoder under this profile")
    clear_jobs(run)
    write_runs(out, rows)


def _train(what: tuple[Run, Path, Parts, TuneLanguageModelParams, str, int], folder: Path) -> None:
    """Train one method from one seed, and leave its row and its trace in a folder."""
    from tenfold.commit_tuning.trace import TraceWriter
    from tenfold.nn.pretrained import weights_sha256

    run, prepared, parts, params, method, seed = what
    settings, name = params.tuning, parts.task.name
    seeds = {purpose: seed_of(run.seed, f"language {purpose}", name, seed) for purpose in ("start", "order", "probe")}
    model, encode = parts.model(folder / "encoder", settings.lora_rank, seeds["start"])
    start = weights_sha256(model)
    ids = [one.id for one in read_part(prepared, parts.task, "train").questions]
    shown = max(settings.updates, FIRST)  # the digest is of as many batches however short the training is
    order = order_of(len(ids), settings.batch_size, shown, seeds["order"])
    order_sha256, order = first_batches(order, ids), order[: settings.updates]
    asked = sorted({place for batch in order for place in batch})
    train = parts.part(prepared, "train", encode, asked)
    renamed = {place: number for number, place in enumerate(asked)}
    order = [[renamed[place] for place in batch] for batch in order]
    probe = parts.part(prepared, "probe", encode)
    trace, shares = _tuned(child_run(run, folder), model, train, probe, order, method, params, seeds["probe"])
    (folder / TRACE_FILE).unlink(missing_ok=True)
    writer = TraceWriter(folder / TRACE_FILE)
    for row in trace:
        writer.write(row)
    writer.close()
    marks = {"seed": seed, "start_sha256": start, "order_sha256": order_sha256, "reward_share": shares}
    scored = _row(model, encode, prepared, parts, params, method, trace, marks)
    write_json(folder / ROW, asdict(scored))


def _tuned(
    run: Run,
    model: Any,
    train: Encoded,
    probe: Encoded,
    order: list[list[int]],
    method: str,
    params: TuneLanguageModelParams,
    probe_seed: int,
) -> tuple[list[dict[str, Any]], float | None]:
    """Make all updates; return the trace, and the mean share of the reward in the gradient norm, if there is one."""
    import torch

    from steps.commit_tuning.training import Shares, TraceRows, Trained
    from tenfold.commit_tuning.probe import causal_answers
    from tenfold.commit_tuning.reward import gradient_share
    from tenfold.multimodal.labels import IGNORED

    settings = params.tuning
    model.to(run.device)
    train, probe = placed(train, run.device), placed(probe, run.device)
    optimiser, tuning = _set_up(model, probe, method, params, probe_seed)
    trace, shares = TraceRows(), Shares()
    written: Any = trace
    tuning.trace = written
    state = {"model": Trained(model), "optimiser": optimiser, "tuning": tuning, "trace": trace, "shares": shares}
    with tuning:
        for update in run.updates(len(order), state):
            batch = train.batch(order[update - 1])
            if tuning.reward is not None:
                logits, targets, reward = tuning.rewarded(batch)
            else:
                logits, targets = causal_answers(model, batch)
                reward = None
            counted = targets != IGNORED
            loss = torch.nn.functional.cross_entropy(logits[counted], targets[counted])
            tuning.note_loss(loss)
            if reward is not None and update % settings.share_every == 0:
                shares.found.append(gradient_share(loss, reward, model.parameters()))
            (loss if reward is None else loss - reward.value).backward()
            optimiser.step()
            optimiser.zero_grad()
    return trace.rows, shares.mean


def _set_up(
    model: Any, probe: Encoded, method: str, params: TuneLanguageModelParams, probe_seed: int
) -> tuple[Any, CommitTuning]:
    """Return the optimiser, and what sets its rates by the method."""
    import torch

    from tenfold.commit_tuning.balance import BalanceEstimator
    from tenfold.commit_tuning.components import Components, optimiser_groups
    from tenfold.commit_tuning.probe import Probe
    from tenfold.commit_tuning.reward import DistributionReward
    from tenfold.commit_tuning.schedulers import ConstantScheduler, CoordinatedScheduler
    from tenfold.commit_tuning.tuning import CommitTuning

    settings = params.tuning
    components = Components(("encoder",), ("language_model",), ("projector",))
    rates: Any = {"llm": settings.learning_rate, "encoder": settings.learning_rate * params.ratio}
    optimiser = torch.optim.AdamW(optimiser_groups(model, components, rates))
    drawn = Probe(range(len(probe)), min(settings.probe, len(probe)), probe.batch, seed=probe_seed)
    return optimiser, CommitTuning(
        model,
        optimiser,
        components,
        scheduler=ConstantScheduler() if method == "constant" else CoordinatedScheduler(),
        estimator=BalanceEstimator(drawn, every=settings.every, smoothing=settings.smoothing),
        reward=DistributionReward() if method == "commit" else None,
    )


def _row(
    model: Any,
    encode: QuestionEncoder,
    prepared: Path,
    parts: Parts,
    params: TuneLanguageModelParams,
    method: str,
    trace: list[dict[str, Any]],
    marks: dict[str, Any],
) -> TuningRun:
    """Return what a training came to."""
    from steps.commit_tuning.scores import of_trace, score

    found = {}
    device = next(model.parameters()).device
    for name, count in (("validation", params.validated), ("test", params.asked)):
        total = len(read_part(prepared, parts.task, name).questions)
        chosen = np.linspace(0, total - 1, min(count, total)).round().astype(int).tolist()
        part = placed(parts.part(prepared, name, encode, chosen), device)
        found[name] = score(model, part, never=encode.media_token_id, size=params.tuning.batch_size)
    return TuningRun(
        task=parts.task.name,
        method=method,  # type: ignore[arg-type]
        ratio=params.ratio,
        knob=None,
        value=None,
        optimiser="adamw",
        adaptation="lora",
        equal="updates",
        held_out_loss=found["test"].loss,
        accuracy=found["test"].accuracy,
        accuracy_names=found["test"].names,
        blind_accuracy_names=read_json(prepared / FACTS)[parts.task.name]["blind_accuracy"]["name"],
        blind_loss=None,  # per token of this decoder it is another
        validation_loss=found["validation"].loss,
        **marks,
        **of_trace(trace, params.tuning.reached),
    )


def _log(run: Run, row: TuningRun, path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines() if row.seed == 0 else ():
        update = json.loads(line)
        name = f"{row.task}/{row.method}"
        run.log({f"{name}/loss": update["loss"], f"{name}/balance": update["ema"]}, update=update["update"])
    run.say(
        f"{row.task} {row.method}, seed {row.seed}: {row.loss_last:.3f} nats per token, {row.accuracy_names:.3f} names"
    )
