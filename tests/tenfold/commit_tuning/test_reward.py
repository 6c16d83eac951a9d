"""The reward is for moving away from before the last update, is capped, and costs no draw of the random streams."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from torch.nn import functional

from tenfold.commit_tuning import (
    CommitTuning,
    CoordinatedScheduler,
    DistributionReward,
    InvalidScheduler,
    UnusedReward,
    gradient_share,
)
from tests.tenfold.commit_tuning.small_models import COMPONENTS, collate, estimator, examples, optimiser, small
from tests.tenfold.commit_tuning.test_divergence import naive


def made(dropout=0.0, rate=0.1, **settings):
    model = small(dropout=dropout)
    sgd = optimiser(model, rate=rate)
    tuning = CommitTuning(
        model,
        sgd,
        COMPONENTS,
        scheduler=CoordinatedScheduler(),
        estimator=estimator(every=1),
        reward=DistributionReward(**settings),
    )
    model.train()
    return model, sgd, tuning


def update(model, sgd, tuning, seed):
    logits, targets, reward = tuning.rewarded(collate(examples(16, seed=seed)))
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    (loss - reward.value).backward()
    sgd.step()
    sgd.zero_grad()
    return reward


def test_it_is_the_definition_with_weights_of_the_balance():
    model, sgd, tuning = made(weight=0.3, cap=100.0)
    update(model, sgd, tuning, 1)
    batch, balance = collate(examples(16, seed=2)), tuning.balance
    logits, targets, reward = tuning.rewarded(batch)
    by_hand = {}
    for component in ("llm", "encoder"):
        other = copy.deepcopy(model)
        with torch.no_grad():
            for name, one in other.named_parameters():
                if name.startswith("llm") == (component == "llm"):
                    one.copy_(tuning.previous[name])
            old = other(**batch).logits[:, :-1]
        by_hand[component] = float(np.mean(naive(logits, old, targets)))
    assert pytest.approx((by_hand["llm"], by_hand["encoder"]), rel=1e-4) == (reward.R_X, reward.R_S)
    w_X = 1 / (1 + math.exp(balance))
    total = w_X * by_hand["llm"] + (1 - w_X) * by_hand["encoder"]
    assert balance != 0 and float(reward.value) == pytest.approx(0.3 * total, rel=1e-4)


def test_its_gradient_is_none_where_nothing_moved_and_above_0_where_something_did():
    model, sgd, tuning = made(dropout=0.5, rate=0.0)
    update(model, sgd, tuning, 1)  # at rate 0: before is now, and dropout drops the same
    still = tuning.rewarded(collate(examples(16, seed=2)))[2]
    assert (still.R_X, still.R_S) == (0.0, 0.0)
    still.value.backward()
    assert all(one.grad is None or float(one.grad.abs().max()) < 1e-7 for one in model.parameters())
    model, sgd, tuning = made(dropout=0.5)
    update(model, sgd, tuning, 1)
    logits, targets, reward = tuning.rewarded(collate(examples(16, seed=2)))
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    share = gradient_share(loss, reward, model.parameters())
    assert reward.R_X > 0 and reward.R_S > 0 and 0 < share < 1
    (loss - reward.value).backward()  # the graph is still there


def test_no_reward_before_the_first_update():
    model, sgd, tuning = made()
    reward = update(model, sgd, tuning, 1)
    assert float(reward.value) == 0.0 and not reward.value.requires_grad


def test_the_loss_is_never_more_than_lambda_tau_below_the_cross_entropy():
    model, sgd, tuning = made(rate=5.0, weight=0.2, cap=1e-4)
    update(model, sgd, tuning, 1)
    logits, targets, reward = tuning.rewarded(collate(examples(16, seed=2)))
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    assert reward.capped and float(reward.value) == pytest.approx(0.2 * 1e-4)
    assert gradient_share(loss, reward, model.parameters()) == 0.0  # it pushes no further


def test_it_draws_nothing_and_counts_nothing():
    model, sgd, tuning = made(dropout=0.5)
    update(model, sgd, tuning, 1)
    batch = collate(examples(16, seed=2))
    buffers = {name: one.clone() for name, one in model.named_buffers()}
    torch.manual_seed(3)
    tuning.rewarded(batch)
    after, counted = torch.get_rng_state(), {name: one.clone() for name, one in model.named_buffers()}
    model.load_state_dict(buffers, strict=False)
    torch.manual_seed(3)
    model(**batch)
    assert torch.equal(torch.get_rng_state(), after)
    assert all(torch.equal(one, counted[name]) for name, one in model.named_buffers())


def test_previous_is_before_the_previous_update_and_not_now():
    model, sgd, tuning = made()
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    update(model, sgd, tuning, 1)
    assert all(torch.equal(one, before[name]) for name, one in tuning.previous.items())
    assert any(not torch.equal(one, before[name]) for name, one in model.named_parameters())


@pytest.mark.parametrize("settings", [{"weight": 0.0}, {"cap": -1.0}, {"cap": math.inf}])
def test_settings_that_are_none_are_refused(settings):
    with pytest.raises(InvalidScheduler):
        DistributionReward(**settings)


def test_a_tuning_without_a_reward_says_so():
    model = small()
    with pytest.raises(InvalidScheduler, match="no reward"):
        CommitTuning(model, optimiser(model), COMPONENTS).rewarded(collate(examples(4)))


def test_a_reward_that_no_loss_was_lowered_by_is_said_at_the_second_update():
    model, sgd, tuning = made()

    def plain(seed):
        model(**collate(examples(16, seed=seed))).loss.backward()
        sgd.step()
        sgd.zero_grad()

    plain(1)
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    with pytest.raises(UnusedReward, match=r"call tuning\.rewarded\(batch\)"):
        plain(2)
    assert all(torch.equal(one, before[name]) for name, one in model.named_parameters())
    update(model, sgd, tuning, 3)
    assert tuning.updates == 2
