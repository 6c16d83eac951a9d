"""Word problems of the profile full: a decoder is adapted to MetaMathQA and solves GSM8K's test split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.hub import HubRepository
from steps.ntk_attention.losses import answer_loss
from steps.ntk_attention.methods import compare_methods, decoder_methods
from steps.step.arms import Comparison, SearchParams, Trained
from steps.step.params import Count, Params
from steps.step.run import Run
from steps.step.training import TrainingParams, autocast, mean_loss, train
from tenfold.hub.word_problems import (
    Problems,
    answered_right,
    encode_problems,
    problems_to_test,
    solve,
    training_problems,
)
from tenfold.ntk_attention.methods import Method, apply, trained_count

TASK = "gsm8k"
FITTED = 100  # problems whose loss is reported


class HubProblems(Params):
    """Which problems a decoder is adapted to, and how long.

    ``validation``: how many problems choose the rate. ``test``: how many are solved, from the first on; null for all.
    ``max_tokens``: of a problem with its answer; longer problems are left out. ``new_tokens``: of a generated answer.
    """

    dataset: HubRepository
    test_dataset: HubRepository
    training: TrainingParams
    validation: Count
    test: Count | None
    max_tokens: Count
    new_tokens: Count


def adapt_problems(
    hub: HubProblems, make: Callable[[], Any], tokenizer: Any, *, search: SearchParams, size: int, run: Run
) -> Comparison:
    """Compare the methods by the share of problems solved, ``size`` at a time; each problem is trained on at most once.

    ``make`` returns the decoder as it is published.
    """
    training = hub.training
    train_split, given, chosen = training_problems(
        hub.dataset.id,
        wanted=training.updates * training.batch_size,
        validation=hub.validation,
        generator=run.generator(f"validation of {TASK}"),
        revision=hub.dataset.revision,
    )
    test_split, tested = problems_to_test(hub.test_dataset.id, wanted=hub.test, revision=hub.test_dataset.revision)
    ids, targets = (torch.from_numpy(part) for part in encode_problems(given, tokenizer, hub.max_tokens))
    data = TensorDataset(ids, targets)
    methods = [method for method in decoder_methods(make().config, run) if method.kind != "head"]

    def right(model: Any, problems: Problems) -> np.ndarray:
        answers = solve(model, tokenizer, problems.questions, new_tokens=hub.new_tokens, size=size)
        return answered_right(answers, problems)

    def one(method: Method, rate: float, seed: int) -> Trained:
        model: Any = apply(make(), method, head=None, seed=seed).to(run.device)
        train(
            run,
            model,
            data,
            answer_loss,
            training,
            name=f"{TASK}/{method.name}/{rate:g}/{seed}",
            learning_rate=rate,
            order=f"order {seed}",
        )
        with autocast(run.device, training.mixed_precision):
            fitted = mean_loss(model, TensorDataset(*data[:FITTED]), answer_loss, size=size)
            validation, test = right(model, chosen), right(model, tested)
        return Trained(trained_count(model, None), fitted, validation.mean(), test.mean(), test)

    found = compare_methods(run, TASK, methods, search, one)
    return replace(found, origins=[split.origin.record() for split in (train_split, test_split)])
