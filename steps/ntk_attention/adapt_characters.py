"""Adapt the small Llama from one text to another, by every method; or the hub's decoder to a text and to problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.hub import HubRepository
from steps.ntk_attention.losses import next_token_loss, window_losses
from steps.ntk_attention.methods import compare_methods, decoder_methods
from steps.ntk_attention.pretrain import cut_windows
from steps.ntk_attention.problems import HubProblems, adapt_problems
from steps.step.arms import Comparison, SearchParams, Trained, write_arms
from steps.step.params import Count, Params
from steps.step.run import Run
from steps.step.training import TrainingParams, autocast, mean_loss, train
from tenfold.hub.errors import EmptySplit
from tenfold.hub.texts import text_tokens
from tenfold.ntk_attention.backbones import Backbone, decoder_from_hub
from tenfold.ntk_attention.methods import Method, apply, trained_count

FITTED = 100  # training windows whose loss is reported
SPLITS = ("train", "validation", "test")


class HubLanguage(Params):
    """What is adapted in place of the small Llama: a decoder of the hub, to windows of a text and to word problems.

    ``context``: tokens per window. ``evaluation_batch``: how many windows or problems are evaluated at a time.
    """

    model: HubRepository
    dataset: HubRepository
    context: Count
    evaluation_batch: Count
    problems: HubProblems


class AdaptCharactersParams(Params):
    """How much text, how long, which rates, and the hub's model and data where those serve."""

    train_windows: Count
    test_windows: Count
    training: TrainingParams
    search: SearchParams
    hub: HubLanguage | None = None


def adapt_characters(prepared: Path, pretrained: Path, *, out: Path, params: AdaptCharactersParams, run: Run) -> None:
    """Adapt the small Llama from one text to another, by every method; PEFT's prefix tuning is one of them.

    Reads   prepared/characters.npz; pretrained/models/characters/; nothing of them where the hub's serve
    Writes  arms.csv (perplexity per character, with the hub's decoder per token; share of problems solved), search.csv,
            items.npz (nats of each test window, whether each problem is solved); origins.json of the hub's data
    Logs    characters/<method>/<rate>/<seed>/loss (nats per character or token)
    Raises  HubDataError if a data set of the hub cannot serve
    """
    if params.hub is None:
        with np.load(prepared / "characters.npz") as data:
            model = _small(pretrained)
            windows = {name: cut_windows(data[name], model.config.max_position_embeddings // 2) for name in SPLITS}
        write_arms(out, [_text("characters", windows, lambda: _small(pretrained), params, run)])
    else:
        write_arms(out, _from_hub(params.hub, params, run))


def _from_hub(hub: HubLanguage, params: AdaptCharactersParams, run: Run) -> list[Comparison]:
    """Compare the methods on the text and on the problems."""
    from transformers import AutoTokenizer

    def make() -> Any:
        return decoder_from_hub(hub.model.id, hub.model.revision)

    tokenizer = AutoTokenizer.from_pretrained(hub.model.id, revision=hub.model.revision)
    windows, origins = _windows(hub, tokenizer, params)
    text = _text(Path(hub.dataset.id).name, windows, make, params, run, hub.evaluation_batch)
    solved = adapt_problems(hub.problems, make, tokenizer, search=params.search, size=hub.evaluation_batch, run=run)
    return [replace(text, origins=origins), solved]


def _text(
    task: str,
    windows: dict[str, torch.Tensor],
    make: Callable[[], Any],
    params: AdaptCharactersParams,
    run: Run,
    size: int = 64,
) -> Comparison:
    """Compare the methods by perplexity; ``size`` windows are evaluated at a time."""
    data = TensorDataset(windows["train"][: params.train_windows])
    methods = [method for method in decoder_methods(make().config, run) if method.kind != "head"]
    precision = params.training.mixed_precision

    def losses(model: Any, split: str) -> np.ndarray:
        return window_losses(model, windows[split][: params.test_windows].to(run.device), size)

    def one(method: Method, rate: float, seed: int) -> Trained:
        model: Any = apply(make(), method, head=None, seed=seed).to(run.device)
        train(
            run,
            model,
            data,
            next_token_loss,
            params.training,
            name=f"{task}/{method.name}/{rate:g}/{seed}",
            learning_rate=rate,
            order=f"order {seed}",
        )
        with autocast(run.device, precision):
            validation, test = losses(model, "validation"), losses(model, "test")
            fitted = mean_loss(model, TensorDataset(*data[:FITTED]), next_token_loss, size=min(size, 50))
        return Trained(trained_count(model, None), fitted, np.exp(validation.mean()), np.exp(test.mean()), test)

    found = compare_methods(run, task, methods, params.search, one, metric="perplexity", lower_is_better=True)
    with autocast(run.device, precision):
        before = losses(make().to(run.device).eval(), "test")
    run.say(f"{task}: perplexity {float(np.exp(before.mean())):.3f} before any adaptation")
    return found


def _small(pretrained: Path) -> Any:
    return Backbone.load(pretrained / "models" / "characters").model


def _windows(
    hub: HubLanguage, tokenizer: Any, params: AdaptCharactersParams
) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Return windows of the decoder's own tokens by split, and where the splits came from."""
    windows, origins = {}, []
    for name in SPLITS:
        count = params.train_windows if name == "train" else params.test_windows
        split, tokens = text_tokens(
            hub.dataset.id, name, tokenizer, wanted=count * (hub.context + 1), revision=hub.dataset.revision
        )
        windows[name] = cut_windows(tokens, hub.context)
        if not len(windows[name]):
            raise EmptySplit(
                f"{split} has {len(tokens)} tokens, fewer than one window of {hub.context + 1}; lower context"
            )
        origins.append(split.origin.record())
    return windows, origins
