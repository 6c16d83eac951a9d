"""Adapt the small Llama from one text to another, by every method; or the hub's decoder to a text and to problems."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, decoder_methods, write_arms, write_origins
from steps.ntk_attention.pretrain import cut_windows
from steps.ntk_attention.problems import HubProblems, adapt_problems
from steps.ntk_attention.training import Precision, character_loss, half, mean_loss, nats_a_window, train
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.ntk_attention.backbones import Backbone, decoder_from_hub
from tenfold.ntk_attention.errors import EmptySplit
from tenfold.ntk_attention.hub_texts import text_tokens
from tenfold.ntk_attention.methods import Method, apply, trained_count

FITTED = 100  # training windows whose loss is reported
SPLITS = ("train", "validation", "test")


class HubLanguage(Params):
    """What is adapted in place of the small Llama: a decoder, to windows of ``context`` tokens and to word problems.

    Models and data are named by their ids on the hub or as folders; ``evaluation_batch`` windows or problems at a time
    are evaluated.
    """

    model: str
    revision: str | None
    dataset: str
    dataset_revision: str
    context: Count
    evaluation_batch: Count
    mixed_precision: Precision
    problems: HubProblems


class AdaptCharactersParams(Params):
    """How much text, how long, which rates by kind of method, and the hub's model and data where those serve."""

    train_windows: Count
    test_windows: Count
    updates: Count
    batch_size: Count
    rates: dict[str, list[float]]
    seeds: Count
    hub: HubLanguage | None = None


def adapt_characters(prepared: Path, pretrained: Path, *, out: Path, params: AdaptCharactersParams, run: Run) -> None:
    """Adapt the small Llama from one text to another, by every method; PEFT's prefix tuning is one of them.

    Reads   prepared/characters.npz; pretrained/models/characters/; nothing of them where the hub's serve
    Writes  arms.csv (perplexity a character, of the hub's a token; share of problems solved), search.csv, items.npz
            (nats of each test window, whether each problem is solved); origins.json of the hub's data
    Logs    characters/<method>/<rate>/<seed>/loss
    Raises  HubDataError
    """
    hub = params.hub
    if hub is None:
        with np.load(prepared / "characters.npz") as data:
            model = _small(pretrained)
            windows = {name: cut_windows(data[name], model.config.max_position_embeddings // 2) for name in SPLITS}
        write_arms(out, [_text("characters", windows, lambda: _small(pretrained), params, run)])
        return

    def make() -> Any:
        return decoder_from_hub(hub.model, hub.revision)

    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(hub.model, revision=hub.revision)
    windows, origins = _windows(hub, tokenizer, params)
    found = _text(Path(hub.dataset).name, windows, make, params, run, hub.mixed_precision, hub.evaluation_batch)
    solved, more = adapt_problems(
        hub.problems,
        make,
        tokenizer,
        rates=params.rates,
        seeds=params.seeds,
        mixed_precision=hub.mixed_precision,
        size=hub.evaluation_batch,
        run=run,
    )
    write_arms(out, [found, solved])
    write_origins(out, [*origins, *more])


def _text(
    task: str,
    windows: dict[str, torch.Tensor],
    make: Callable[[], Any],
    params: AdaptCharactersParams,
    run: Run,
    mixed_precision: Precision = "no",
    size: int = 64,
) -> Any:
    """Compare the methods by perplexity; ``size`` windows are evaluated at a time."""
    data = TensorDataset(windows["train"][: params.train_windows])
    methods = [method for method in decoder_methods(make().config, run) if method.kind != "head"]

    def one(method: Method, rate: float, seed: int) -> Trained:
        model: Any = apply(make(), method, head=None, seed=seed).to(run.device)
        train(
            run,
            model,
            data,
            character_loss,
            name=f"{task}/{method.name}/{rate:g}/{seed}",
            learning_rate=rate,
            updates=params.updates,
            batch_size=params.batch_size,
            order=f"order {seed}",
            mixed_precision=mixed_precision,
        )
        with half(run.device, mixed_precision):
            validation, test = (
                nats_a_window(model, windows[split][: params.test_windows].to(run.device), size)
                for split in ("validation", "test")
            )
            fitted = mean_loss(model, TensorDataset(*data[:FITTED]), character_loss, size=min(size, 50))
        return Trained(trained_count(model, None), fitted, np.exp(validation.mean()), np.exp(test.mean()), test)

    found = compare(run, task, methods, params.rates, params.seeds, "perplexity", one)
    with half(run.device, mixed_precision):
        base = make().to(run.device).eval()
        before = nats_a_window(base, windows["test"][: params.test_windows].to(run.device), size)
    run.say(f"{task}: perplexity {float(np.exp(before.mean())):.3f} before any adaptation")
    return found


def _small(pretrained: Path) -> Any:
    return Backbone.load(pretrained / "models" / "characters").model


def _windows(
    hub: HubLanguage, tokenizer: Any, params: AdaptCharactersParams
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Return windows of the decoder's own tokens, and where they came from."""
    windows, origins = {}, []
    for name in SPLITS:
        count = params.train_windows if name == "train" else params.test_windows
        split, tokens = text_tokens(
            hub.dataset, name, tokenizer, wanted=count * (hub.context + 1), revision=hub.dataset_revision
        )
        windows[name] = cut_windows(tokens, hub.context)
        if not len(windows[name]):
            raise EmptySplit(
                f"{split} has {len(tokens)} tokens, fewer than one window of {hub.context + 1}; lower context"
            )
        origins.append(split.origin.record())
    return windows, origins
