"""Word problems of the profile full: a decoder is adapted to MetaMathQA, and solves GSM8K's test split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.utils.data import TensorDataset

from steps.ntk_attention.arms import Trained, compare, decoder_methods
from steps.ntk_attention.training import Precision, answer_loss, half, mean_loss, train
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.ntk_attention.methods import Method, apply, trained_count
from tenfold.ntk_attention.word_problems import (
    Problems,
    encode_problems,
    problems_to_test,
    share_right,
    solve,
    training_problems,
)

TASK = "gsm8k"
FITTED = 100  # problems whose loss is reported


class HubProblems(Params):
    """Which problems, by their ids on the hub or as folders, and how long a decoder is adapted to them.

    ``validation``: how many choose the rate. ``test``: the first so many are solved, null for all. ``max_tokens``: of
    a problem with its answer; longer ones are left out. ``new_tokens``: of an answer.
    """

    dataset: str
    dataset_revision: str
    test_dataset: str
    test_revision: str
    updates: Count
    batch_size: Count
    validation: Count
    test: Count | None
    max_tokens: Count
    new_tokens: Count


def adapt_problems(
    hub: HubProblems,
    make: Callable[[], Any],
    tokenizer: Any,
    *,
    rates: Mapping[str, list[float]],
    seeds: int,
    mixed_precision: Precision,
    size: int,
    run: Run,
) -> tuple[Any, list[dict[str, Any]]]:
    """Return what ``compare`` does, scores being shares of problems solved, and where the problems came from.

    Each problem is seen once at most. ``make`` returns the decoder as it is published.
    """
    train_split, given, chosen = training_problems(
        hub.dataset,
        wanted=hub.updates * hub.batch_size,
        validation=hub.validation,
        generator=run.generator(f"validation of {TASK}"),
        revision=hub.dataset_revision,
    )
    test_split, tested = problems_to_test(hub.test_dataset, wanted=hub.test, revision=hub.test_revision)
    ids, targets = (torch.from_numpy(part) for part in encode_problems(given, tokenizer, hub.max_tokens))
    data = TensorDataset(ids, targets)
    methods = [method for method in decoder_methods(make().config, run) if method.kind != "head"]

    def right(model: Any, problems: Problems) -> Any:
        answers = solve(model, tokenizer, problems.questions, new_tokens=hub.new_tokens, size=size)
        return share_right(answers, problems)

    def one(method: Method, rate: float, seed: int) -> Trained:
        model: Any = apply(make(), method, head=None, seed=seed).to(run.device)
        train(
            run,
            model,
            data,
            answer_loss,
            name=f"{TASK}/{method.name}/{rate:g}/{seed}",
            learning_rate=rate,
            updates=hub.updates,
            batch_size=hub.batch_size,
            order=f"order {seed}",
            mixed_precision=mixed_precision,
        )
        with half(run.device, mixed_precision):
            fitted = mean_loss(model, TensorDataset(*data[:FITTED]), answer_loss, size=size)
            validation, test = right(model, chosen), right(model, tested)
        return Trained(trained_count(model, None), fitted, validation.mean(), test.mean(), test)

    found = compare(run, TASK, methods, dict(rates), seeds, "accuracy", one)
    return found, [split.origin.record() for split in (train_split, test_split)]
