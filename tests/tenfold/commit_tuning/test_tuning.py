"""An update uses the rates that the scheduler says, whatever the optimiser, and nothing overwrites them unseen."""

from __future__ import annotations

import math

import pytest
import torch

from tenfold.commit_tuning import (
    CommitTuning,
    Components,
    ConstantScheduler,
    CoordinateDescent,
    CoordinatedScheduler,
    Factors,
    FrozenPart,
    InvalidComponents,
    InvalidScheduler,
    LearningRateOverwritten,
    MixedGroup,
    NoGradient,
    UnknownGroup,
    UnsupportedOptimiser,
    optimiser_groups,
)
from tests.tenfold.commit_tuning.small_models import (
    COMPONENTS,
    Small,
    collate,
    estimator,
    examples,
    optimiser,
    parameters_of,
    small,
    train,
)


def tuned(model, made, **settings):
    settings.setdefault("scheduler", CoordinatedScheduler())
    settings.setdefault("estimator", estimator(every=2))
    return CommitTuning(model, made, COMPONENTS, **settings)


def test_sgd_moves_each_component_by_exactly_the_rate_that_is_logged():
    model = small(dropout=0.0)
    sgd = optimiser(model, rate={"encoder": 0.05, "llm": 0.2})
    tuning = tuned(model, sgd, schedule=lambda update: 1 / update)
    for update in range(1, 7):
        model.train()
        model(**collate(examples(16, seed=update))).loss.backward()
        before, factors = parameters_of(model), tuning.scheduler.factors(update, tuning.balance)
        gradients = {name: one.grad.clone() for name, one in model.named_parameters()}
        sgd.step()
        base = {"encoder": 0.05, "llm": 0.2}
        assert tuning.used == {part: base[part] * (1 / update) * factors.of(part) for part in base}
        for name, one in model.named_parameters():
            rate = tuning.used["llm" if name.startswith("llm") else "encoder"]
            assert torch.equal(one.detach(), before[name].add(gradients[name], alpha=-rate))
        sgd.zero_grad()
    assert factors != Factors()  # κ was estimated, and it was used


OPTIMISERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "adamw": lambda groups: torch.optim.AdamW(groups),
    "fused": lambda groups: torch.optim.AdamW(groups, fused=True),
    "adafactor": lambda groups: torch.optim.Adafactor(groups),
    "tensor": lambda groups: torch.optim.Adam(groups, lr=torch.tensor(0.01), foreach=False),
}


@pytest.mark.parametrize("kind", OPTIMISERS)
def test_a_component_at_rate_zero_stands_still_under_every_optimiser(kind):
    model = small()
    groups = optimiser_groups(model, COMPONENTS, 0.01)
    if kind == "tensor":
        for group in groups:
            del group["lr"]
    made = OPTIMISERS[kind](groups)
    before = parameters_of(model)
    tuning = tuned(model, made, scheduler=ConstantScheduler(encoder=0.0), estimator=None)
    train(model, made, 3)
    assert tuning.used == {"encoder": 0.0, "llm": pytest.approx(0.01)}
    moved = {name for name, one in parameters_of(model).items() if not torch.equal(one, before[name])}
    assert moved == {name for name in before if name.startswith("llm")}
    assert all(float(group["lr"]) == pytest.approx(0.01) for group in made.param_groups)


def test_the_rates_change_what_adam_does_too():
    found = []
    for factor in (1.0, 0.1):
        model = small(dropout=0.0)
        before = parameters_of(model)
        made = optimiser(model, torch.optim.Adam, 1e-3)
        tuned(model, made, scheduler=ConstantScheduler(encoder=factor), estimator=None)
        train(model, made, 1)
        found.append({name: (one - before[name]).abs().sum() for name, one in parameters_of(model).items()})
    for name in found[0]:
        expected = 1.0 if name.startswith("llm") else 0.1
        assert float(found[1][name] / found[0][name]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize(
    "schedule",
    [
        lambda made: torch.optim.lr_scheduler.LambdaLR(made, lambda update: min(1.0, (update + 1) / 4)),
        lambda made: torch.optim.lr_scheduler.CosineAnnealingLR(made, 8, eta_min=0.01),  # goes on from the last rate
    ],
    ids=["warm-up", "cosine"],
)
def test_a_torch_schedule_is_multiplied_and_not_disturbed(schedule):
    model, other = small(), small()
    made, plain = optimiser(model), optimiser(other)
    followed, alone = schedule(made), schedule(plain)
    tuning = tuned(model, made, schedule=followed)
    for update in range(6):
        factors, overall = tuning.scheduler.factors(update + 1, tuning.balance), alone.get_last_lr()[0]
        train(model, made, 1, first=update)
        assert tuning.used == {part: overall * factors.of(part) for part in ("encoder", "llm")}
        followed.step()
        plain.step()
        alone.step()
    assert factors != Factors() and followed.get_last_lr() == alone.get_last_lr()


def test_one_rate_written_into_all_groups_is_found_at_the_next_update():
    model = small()
    made = optimiser(model, rate={"encoder": 0.05, "llm": 0.2})
    tuned(model, made)
    train(model, made, 1)
    for group in made.param_groups:
        group["lr"] = 0.2  # as LAVIS' schedulers do
    before = parameters_of(model)
    with pytest.raises(LearningRateOverwritten, match=r"group encoder: .* 0\.2 and should be 0\.05") as caught:
        train(model, made, 1)
    assert (caught.value.group, caught.value.expected, caught.value.found) == ("encoder", 0.05, 0.2)
    assert all(torch.equal(one, before[name]) for name, one in parameters_of(model).items())


def test_a_schedule_that_was_not_handed_over_is_found():
    model = small()
    made = optimiser(model)
    tuned(model, made)
    schedule = torch.optim.lr_scheduler.LambdaLR(made, lambda update: 1 / (update + 1))
    train(model, made, 1)
    schedule.step()
    with pytest.raises(LearningRateOverwritten, match="hand a global schedule over"):
        train(model, made, 1)


def test_a_rate_that_is_written_within_the_update_is_found_and_the_groups_are_put_back():
    model = small()
    made = optimiser(model)
    tuned(model, made)

    def meddle(*_):
        made.param_groups[1]["lr"] = 0.5

    made.register_step_pre_hook(meddle)
    with pytest.raises(LearningRateOverwritten, match=r"group llm: the learning rate within the update is 0\.5"):
        train(model, made, 1)
    assert [group["lr"] for group in made.param_groups] == [0.1, 0.1]


def test_an_interrupted_update_leaves_the_rates_as_they_were():
    model = small()
    made = optimiser(model)
    tuning = tuned(model, made, scheduler=ConstantScheduler(encoder=0.5), estimator=None)

    def fail(*_):
        raise KeyboardInterrupt

    hook = made.register_step_pre_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        train(model, made, 1)
    hook.remove()
    train(model, made, 1)  # and not LearningRateOverwritten
    assert tuning.updates == 1 and tuning.used["encoder"] == 0.05


def test_a_group_that_is_added_after_unfreezing_is_scaled_by_its_parameters_component():
    model = small()
    model.encoder[0].requires_grad_(False)
    made = optimiser(model)
    tuning = tuned(model, made, scheduler=ConstantScheduler(encoder=0.5), estimator=None, schedule=lambda _: 0.1)
    train(model, made, 1)
    model.encoder[0].requires_grad_(True)
    made.add_param_group({"params": list(model.encoder[0].parameters()), "lr": 4.0})
    train(model, made, 1)
    assert tuning.used["encoder"] == 4.0 * 0.1 * 0.5
    made.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 1.0, "name": "llm/extra"})
    train(model, made, 1)
    assert tuning.used["llm"] == 1.0 * 0.1
    made.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "lr": 1.0})
    with pytest.raises(UnknownGroup, match="group 4 holds parameters of no component"):
        train(model, made, 1)


def test_an_optimiser_that_mixes_components_or_lacks_one_is_refused():
    model = small()
    with pytest.raises(MixedGroup, match=r"encoder and llm.*optimiser_groups"):
        tuned(model, torch.optim.SGD(model.parameters(), lr=0.1))
    with pytest.raises(InvalidComponents, match=r"no parameter of the encoder \(encoder, projector\)"):
        tuned(model, torch.optim.SGD(model.llm.parameters(), lr=0.1))
    with pytest.raises(InvalidScheduler, match="CoordinatedScheduler needs a balance"):
        tuned(model, optimiser(model), estimator=None)


def test_sharded_parameters_are_refused():
    class Zero:
        """DeepSpeed's is no optimiser of torch."""

        param_groups = ()

    model = small()
    with pytest.raises(UnsupportedOptimiser, match="Zero is no optimiser of torch"):
        tuned(model, Zero())
    model.projector.weight.ds_id = 0  # as DeepSpeed marks a parameter of which it keeps a part
    with pytest.raises(UnsupportedOptimiser, match="DistributedDataParallel"):
        tuned(model, optimiser(model))


class Tower(Small):
    """LLaVA's tower: requires_grad is set, its forward runs without."""

    def features(self, sounds):
        with torch.no_grad():
            return super().features(sounds)


@pytest.mark.parametrize("group", ["encoder", "llm", "own"])
def test_an_encoder_under_no_grad_is_named_at_the_first_update(group):
    model = Tower()
    components = Components(("encoder",), ("llm",), ("projector",), group)
    made = torch.optim.SGD(optimiser_groups(model, components, 0.1))
    CommitTuning(model, made, components, scheduler=CoordinatedScheduler(), estimator=estimator())
    before = parameters_of(model)
    with pytest.raises(NoGradient, match=r"^encoder \(encoder\): requires_grad is set on 4 tensors"):
        train(model, made, 1)
    assert all(torch.equal(one, before[name]) for name, one in parameters_of(model).items())


def test_features_that_are_detached_are_named_too():
    class Detached(Small):
        def features(self, sounds):
            return super().features(sounds).detach()

    model = Detached()
    made = optimiser(model)
    tuned(model, made)
    with pytest.raises(NoGradient, match="its features are detached"):
        train(model, made, 1)


def test_a_frozen_part_is_said_and_a_frozen_component_refused():
    model = small()
    model.encoder.requires_grad_(False)
    made = optimiser(model)
    tuned(model, made)
    with pytest.warns(FrozenPart, match="encoder is frozen: the encoder moves without it"):
        train(model, made, 1)
    frozen = small()
    made = optimiser(frozen)
    tuned(frozen, made)
    frozen.llm.requires_grad_(False)  # after the optimiser was made
    with pytest.raises(NoGradient, match="the llm is frozen, llm"):
        train(frozen, made, 1)


def test_a_gradient_that_stays_zero_is_named_at_the_first_estimate():
    class Gated(Small):
        def features(self, sounds):
            return 0.0 * super().features(sounds)

    model = Gated()
    with torch.no_grad():
        model.projector.requires_grad_(False)
    made = optimiser(model)
    tuned(model, made)
    with pytest.warns(FrozenPart):
        train(model, made, 1)
    with pytest.raises(NoGradient, match="all gradients of the encoder are zero"):
        train(model, made, 1)


def test_a_last_block_without_features_is_listed_and_is_no_error():
    class Early(Small):
        def __init__(self):
            super().__init__()
            self.encoder.append(torch.nn.Linear(8, 8))

        def features(self, sounds):
            return self.encoder[:-1](sounds)

    torch.manual_seed(0)
    model = Early()
    made = optimiser(model)
    tuning = tuned(model, made)
    train(model, made, 1)
    assert tuning.gradients.without_gradient == ("encoder.4.weight", "encoder.4.bias")
    model(**collate(examples(16))).loss.backward()
    own = [one.grad for name, one in model.named_parameters() if not name.startswith("llm") and one.grad is not None]
    expected = math.sqrt(sum(float(one.double().square().sum()) for one in own))
    assert tuning.gradients.norms()["encoder"] == pytest.approx(expected)


def test_coordinate_descent_keeps_the_other_component_and_its_moments_and_its_kappa_is_undefined():
    model = small()
    made = optimiser(model, torch.optim.AdamW, 0.01)
    tuning = tuned(model, made, scheduler=CoordinateDescent("encoder", 2), estimator=estimator(every=1))
    before = parameters_of(model)
    train(model, made, 2, after=lambda _: None)
    assert all(torch.equal(one.detach(), before[f"llm.{name}"]) for name, one in model.llm.named_parameters())
    assert not any(one in made.state for one in model.llm.parameters())
    assert tuning.estimated.undefined and tuning.estimated.K_X == 0.0 and tuning.estimated.K_S > 0
    halfway = parameters_of(model)
    train(model, made, 2, first=2)
    assert all(torch.equal(one.detach(), halfway[f"encoder.{name}"]) for name, one in model.encoder.named_parameters())
    assert tuning.estimator.average.undefined == 4 and tuning.balance == 0.0


def test_four_micro_batches_are_one_update():
    model = small()
    made, counted = optimiser(model), estimator(every=4)
    tuning = tuned(model, made, estimator=counted)
    for micro in range(32):
        model(**collate(examples(4, seed=micro))).loss.backward()
        if micro % 4 == 3:
            made.step()
            made.zero_grad()
    assert tuning.updates == 8 and counted.average.count + counted.average.undefined == 2


def test_an_optimiser_with_a_closure_is_looked_at_after_it():
    model = small(dropout=0.0)
    made = optimiser(model, torch.optim.SGD)
    tuning = tuned(model, made, estimator=estimator(every=1))
    batch = collate(examples(16))

    def closure():
        made.zero_grad()
        loss = model(**batch).loss
        loss.backward()
        return loss

    made.step(closure)
    assert tuning.estimated.log_kappa is not None and tuning.gradients.reached == {"encoder", "llm"}


def test_closing_takes_everything_away():
    model = small()
    made = optimiser(model)
    with tuned(model, made, scheduler=ConstantScheduler(encoder=0.0), estimator=None) as tuning:
        train(model, made, 1)
    train(model, made, 1)
    assert tuning.updates == 1 and [group["lr"] for group in made.param_groups] == [0.1, 0.1]


def test_constant_scheduling_and_estimating_change_no_parameter():
    """A diagnosed run is the run without a diagnosis, bit by bit, dropout included."""
    plain, watched = small(), small()
    torch.manual_seed(7)
    train(plain, optimiser(plain, torch.optim.AdamW, 0.01), 6)
    made = optimiser(watched, torch.optim.AdamW, 0.01)
    tuned(watched, made, scheduler=ConstantScheduler(), estimator=estimator(every=1))
    torch.manual_seed(7)
    train(watched, made, 6)
    assert all(torch.equal(one, parameters_of(plain)[name]) for name, one in parameters_of(watched).items())
