"""κ is what its definition says, leaves training as it was, and says when it is undefined."""

from __future__ import annotations

import copy
import math
import random

import numpy as np
import pytest
import torch
from torch import nn

from tenfold.commit_tuning import BalanceAverage, Components, ImpreciseProbe, InvalidProbe, Probe, StateMismatch
from tenfold.commit_tuning.components import component_of
from tenfold.commit_tuning.probe import _full_float32
from tests.tenfold.commit_tuning.small_models import (
    COMPONENTS,
    Small,
    collate,
    estimator,
    examples,
    optimiser,
    parameters_of,
    probe,
    small,
    train,
)
from tests.tenfold.commit_tuning.test_divergence import naive


def moved(model: nn.Module, llm: float = 1.0, encoder: float = 1.0, size: float = 0.01) -> dict[str, torch.Tensor]:
    """Move each component by so much, and return the parameters before."""
    before, owner = parameters_of(model), component_of(model, COMPONENTS)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, one in model.named_parameters():
            step = torch.randn(one.shape, generator=generator)
            one.add_(step, alpha=size * (llm if owner[name] == "llm" else encoder))
    return before


def oracle(model: nn.Module, before: dict[str, torch.Tensor], batch: dict[str, torch.Tensor]) -> tuple[float, float]:
    """Return K_X and K_S by three whole models and the definition of the divergence."""
    logits = []
    for part in (None, ("llm",), ("encoder", "projector")):
        copied = copy.deepcopy(model).eval()
        with torch.no_grad():
            for name, one in copied.named_parameters():
                if part is None or not name.startswith(part):
                    one.copy_(before[name])
            logits.append(copied(batch["sounds"], batch["input_ids"]).logits[:, :-1])
    targets = batch["labels"][:, 1:]
    return tuple(float(np.mean(naive(new, logits[0], targets))) for new in logits[1:])


def test_it_is_the_definition():
    model = small()
    before = moved(model)
    found = estimator().estimate(model, COMPONENTS, before)
    K_X, K_S = oracle(model, before, probe().draw())
    assert pytest.approx((K_X, K_S), rel=1e-5) == (found.K_X, found.K_S)
    assert found.log_kappa == pytest.approx(math.log(K_X / K_S), rel=1e-5)


def test_tied_embeddings_of_the_llm_move_together():
    model = small()
    model.llm["head"].weight = model.llm["embed"].weight
    before = moved(model)
    found = estimator().estimate(model, COMPONENTS, before)
    assert pytest.approx(oracle(model, before, probe().draw()), rel=1e-5) == (found.K_X, found.K_S)


def test_direction_and_orientation():
    model = small()
    before = moved(model, size=0.3)
    forward, backward = (estimator(direction=way).estimate(model, COMPONENTS, before) for way in ("new_old", "old_new"))
    assert pytest.approx(backward.K_X, rel=1e-3) != forward.K_X
    upside = estimator(orientation="encoder_over_llm")
    flipped = upside.estimate(model, COMPONENTS, before)
    assert (flipped.K_X, flipped.K_S, flipped.log_kappa) == (forward.K_X, forward.K_S, -forward.log_kappa)
    assert upside.balance == pytest.approx(forward.log_kappa)  # what schedulers get is the same


def test_doubling_the_llms_part_quadruples_kappa():
    found = []
    for llm in (1.0, 2.0):
        model = small()
        found.append(estimator().estimate(model, COMPONENTS, moved(model, llm=llm, size=1e-3)))
    assert math.exp(found[1].log_kappa - found[0].log_kappa) == pytest.approx(4, rel=0.05)
    assert found[1].K_S == found[0].K_S


@pytest.mark.parametrize("still", ["llm", "encoder"])
def test_a_component_that_stood_still_has_exactly_nothing_and_no_kappa(still):
    model, made = small(), estimator()
    found = made.estimate(model, COMPONENTS, moved(model, **{still: 0.0}))
    assert (found.K_X == 0.0, found.K_S == 0.0) == (still == "llm", still == "encoder")
    assert found.undefined and found.log_kappa is None
    assert (made.average.count, made.average.undefined, made.balance) == (0, 1, 0.0)


def test_tiny_updates_keep_their_kappa_where_a_large_epsilon_would_drag_it_to_1():
    model = small()
    found = estimator().estimate(model, COMPONENTS, moved(model, llm=10.0, size=3e-5))
    assert 1e-12 < found.K_S < 1e-8
    dragged = math.log((found.K_X + 1e-8) / (found.K_S + 1e-8))
    larger = small()
    right = estimator().estimate(larger, COMPONENTS, moved(larger, llm=10.0, size=1e-3))
    assert found.log_kappa == pytest.approx(right.log_kappa, abs=0.1)
    assert abs(dragged - right.log_kappa) > 1


def test_a_projector_of_its_own_has_no_part_in_it():
    model = small()
    before = moved(model)
    own = Components(encoder=("encoder",), projector=("projector",), llm=("llm",), projector_group="own")
    found = estimator().estimate(model, own, before)
    with torch.no_grad():
        for name, one in model.projector.named_parameters():
            one.copy_(before[f"projector.{name}"])
    assert found == estimator().estimate(model, COMPONENTS, before)


def marks(model: nn.Module) -> dict[str, object]:
    """Return all that an estimate could disturb, as bytes."""
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    gradients = {name: one.grad for name, one in model.named_parameters() if one.grad is not None}
    return {
        "tensors": {name: one.detach().numpy().tobytes() for name, one in tensors.items()},
        "objects": {name: (id(one), one._version) for name, one in tensors.items()},
        "gradients": {name: one.numpy().tobytes() for name, one in gradients.items()},
        "modes": [module.training for module in model.modules()],
        "requires_grad": [one.requires_grad for one in model.parameters()],
        "streams": (torch.get_rng_state().numpy().tobytes(), random.getstate(), np.random.get_state()[1].tobytes()),
        "hooks": [len(module._forward_pre_hooks) for module in model.modules()],
    }


def test_it_leaves_training_as_it_was():
    model = small()
    model.train()
    model.encoder[1].eval()  # a frozen norm
    before = moved(model)
    model(**collate(examples(8))).loss.backward()
    kept = marks(model)
    estimator().estimate(model, COMPONENTS, before)
    assert marks(model) == kept
    assert int(model.forwards) == 1


def test_a_failing_forward_leaves_it_as_it_was_too():
    model = small().train()
    before, kept = parameters_of(model), marks(model)
    with pytest.raises(ZeroDivisionError):
        estimator(forward=lambda _model, _batch: 1 / 0).estimate(model, COMPONENTS, before)
    assert marks(model) == kept


def test_noise_that_a_model_draws_in_evaluation_is_the_same_in_all_three():
    class Noisy(Small):
        def features(self, sounds):
            return super().features(sounds + torch.randn_like(sounds))

    torch.manual_seed(0)
    model = Noisy()
    found = estimator().estimate(model, COMPONENTS, parameters_of(model))
    assert found.K_X == found.K_S == 0.0


def test_weights_in_half_precision_are_probed_in_float32():
    model = small()
    before = moved(model, size=0.05)
    half = copy.deepcopy(model).bfloat16()
    before_half = {name: one.bfloat16() for name, one in before.items()}
    whole = copy.deepcopy(half).float()
    found = estimator().estimate(half, COMPONENTS, before_half)
    expected = estimator().estimate(whole, COMPONENTS, {name: one.float() for name, one in before_half.items()})
    assert found == expected
    assert all(one.dtype is torch.bfloat16 for one in half.parameters())


def test_autocast_around_the_estimate_and_accelerates_own_are_turned_off():
    from accelerate.utils import convert_outputs_to_fp32

    model = small()
    before = moved(model)
    expected = estimator().estimate(model, COMPONENTS, before)
    with torch.autocast("cpu", torch.bfloat16):
        assert estimator().estimate(model, COMPONENTS, before) == expected
    model._original_forward = model.forward  # as accelerate's prepare does
    model.forward = convert_outputs_to_fp32(torch.autocast("cpu", torch.bfloat16)(type(model).forward.__get__(model)))
    patched = model.forward
    assert estimator().estimate(model, COMPONENTS, before) == expected
    assert model.forward is patched


def test_autocast_within_the_model_is_refused():
    class Cast(Small):
        def features(self, sounds):
            with torch.autocast("cpu", torch.bfloat16):
                return super().features(sounds)

    model = Cast()
    with pytest.raises(ImpreciseProbe, match="Linear of the model runs under autocast"):
        estimator().estimate(model, COMPONENTS, parameters_of(model))


def test_answers_in_half_precision_are_refused():
    model = small()
    with pytest.raises(ImpreciseProbe, match="bfloat16"):
        estimator(forward=lambda m, b: (m(**b).logits[:, :-1].bfloat16(), b["labels"][:, 1:])).estimate(
            model, COMPONENTS, parameters_of(model)
        )


def test_products_in_ten_bits_are_forbidden_on_a_gpu():
    matmul, convolution = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = matmul.fp32_precision, convolution.fp32_precision
    with _full_float32(torch.device("cuda")):
        assert matmul.fp32_precision == convolution.fp32_precision == "ieee"
    assert (matmul.fp32_precision, convolution.fp32_precision) == before


def test_recurrent_encoders_are_replaced_too():
    class Recurrent(Small):
        def __init__(self):
            super().__init__()
            self.encoder = nn.LSTM(1, 8, batch_first=True)

        def features(self, sounds):
            return self.encoder(sounds[..., None])[0][:, -1]

    torch.manual_seed(0)
    model = Recurrent()
    before = moved(model)
    found = estimator().estimate(model, COMPONENTS, before)
    assert pytest.approx(oracle(model, before, probe().draw()), rel=1e-4) == (found.K_X, found.K_S)


def test_the_average_is_that_of_the_definition():
    average, raw = BalanceAverage(0.8), 0.0
    for count, value in enumerate([3.0, None, -1.0, 2.0, None, 0.5], 1):
        average.add(value)
        raw = raw if value is None else 0.8 * raw + 0.2 * value
        defined = [3.0, None, -1.0, 2.0, None, 0.5][:count].count(None)
        assert average.value == pytest.approx(raw / (1 - 0.8 ** (count - defined)))
    assert (average.count, average.undefined) == (4, 2)
    assert BalanceAverage(0.8).value == 0.0
    first = BalanceAverage(0.95)
    first.add(-2.5)
    assert first.value == pytest.approx(-2.5)  # corrected for its start


def test_the_probe_draws_without_replacement_goes_on_from_its_state_and_shares_with_processes():
    drawn = probe(16)
    first = drawn.draw()["sounds"]
    assert len(first.unique(dim=0)) == 16
    state, second = drawn.state(), drawn.draw()["sounds"]
    assert not torch.equal(first, second)
    other = probe(16)
    other.set_state(state)
    assert torch.equal(other.draw()["sounds"], second)
    parts = [probe(3).draw(share, 4) for share in range(4)]
    assert parts[3] is None
    whole = probe(3).draw()["sounds"]
    assert torch.equal(torch.cat([part["sounds"] for part in parts[:3]]), whole)


@pytest.mark.parametrize(
    "settings",
    [{"every": 0}, {"direction": "both"}, {"orientation": "x"}, {"smoothing": 1.0}, {"smallest": 0.0}, {"size": 33}],
)
def test_settings_that_are_none_are_refused(settings):
    with pytest.raises(InvalidProbe):
        estimator(**settings)


def test_a_batch_without_labels_or_with_features_beside_its_tokens_is_refused():
    model = small()
    bare = [{name: one for name, one in item.items() if name != "labels"} for item in examples(8)]
    made = estimator()
    made.probe = Probe(bare, 8, collate)
    with pytest.raises(InvalidProbe, match="this one has sounds, input_ids"):
        made.estimate(model, COMPONENTS, parameters_of(model))
    short = [item | {"labels": item["labels"][:-1]} for item in examples(8)]
    made.probe = Probe(short, 8, collate)
    with pytest.raises(InvalidProbe, match="expand the placeholders"):
        made.estimate(model, COMPONENTS, parameters_of(model))


def test_a_state_goes_only_to_the_same_settings():
    with pytest.raises(StateMismatch, match="every = 4, this one 2"):
        estimator(every=2).load_state_dict(estimator().state_dict())


def test_estimates_of_a_real_update_are_of_that_update():
    """The average over updates of one run is what single estimates say."""
    model = small(dropout=0.0)
    made, sgd = estimator(every=1), optimiser(model)
    logs = []
    for update in range(4):
        before = parameters_of(model)
        train(model, sgd, 1, first=update)
        logs.append(made.estimate(model, COMPONENTS, before).log_kappa)
    weights = [0.8**age for age in range(3, -1, -1)]
    assert made.balance == pytest.approx(np.average(logs, weights=weights))
