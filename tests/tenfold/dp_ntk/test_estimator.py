"""The estimator: scikit-learn's own checks, one release a budget, and what it says of itself."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import check_estimator

from tenfold.dp_ntk import BudgetSpent, PrivateNTKClassifier
from tenfold.dp_ntk.calibration import InvalidCalibration
from tenfold.dp_ntk.validation import UnknownLabel, ZeroRow
from tenfold.models import load, write

#: A budget without any privacy, a seed, and refits allowed: the checks are about the interface, not about noise.
INTERFACE = {"epsilon": 1e9, "insecure_seed": 0, "on_refit": "compose", "ridge": 1e-3, "intercept": True}
NOT_FOR_US = {
    "check_classifiers_one_label": "one class is refused: there is nothing to tell apart",
}
MODES = {
    "ssp": {},
    "ridge-sample": {"samples": 200},
    "input": {"closeness": 1e-6},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", MODES)
def test_scikit_learns_checks(mode):
    results = check_estimator(
        PrivateNTKClassifier(mode=mode, **INTERFACE, **MODES[mode]), expected_failed_checks=NOT_FOR_US, on_fail=None
    )
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, random_state=0)


def test_it_learns_digits_at_a_real_budget(digits):
    X, X_test, y, y_test = digits
    model = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, insecure_seed=1).fit(X, y)
    assert model.score(X_test, y_test) > 0.75
    strict = PrivateNTKClassifier(epsilon=0.1, delta=1e-5, insecure_seed=1).fit(X, y)
    assert strict.score(X_test, y_test) < model.score(X_test, y_test)
    names = np.array(list("abcdefghij"))[y]
    named = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, insecure_seed=1).fit(X, names)
    assert set(named.predict(X_test)) <= set("abcdefghij")


def test_a_second_release_under_the_same_budget_is_refused(digits):
    X, _, y, _ = digits
    model = PrivateNTKClassifier(epsilon=1.0, delta=1e-5).fit(X, y)
    before = model.model_.coefficients.copy()
    with pytest.raises(BudgetSpent, match="has spent epsilon = 1"):
        model.fit(X, y)
    assert np.array_equal(model.model_.coefficients, before) and model.releases_ == 1
    assert clone(model).fit(X, y).releases_ == 1  # a new budget, on the user's own account
    composing = PrivateNTKClassifier(epsilon=1.0, delta=1e-5, on_refit="compose").fit(X, y).fit(X, y)
    assert composing.releases_ == 2
    with pytest.raises(InvalidCalibration, match="on_refit"):
        PrivateNTKClassifier(on_refit="replay").fit(X, y)


def test_predictions_are_those_of_the_one_release(digits):
    X, X_test, y, _ = digits
    model = PrivateNTKClassifier(epsilon=1.0, delta=1e-5).fit(X, y)
    assert np.array_equal(model.predict(X_test), model.predict(X_test))  # replayed, never redrawn


def test_privacy_says_what_is_protected(digits):
    X, _, y, _ = digits
    with pytest.raises(NotFittedError):
        PrivateNTKClassifier().predict(X)
    privacy = PrivateNTKClassifier(epsilon=2.0, delta=1e-6).fit(X, y).privacy_
    assert (privacy.epsilon, privacy.delta, privacy.proven) == (2.0, 1e-6, True)
    assert "together with its label" in privacy.neighbour_relation
    close = PrivateNTKClassifier(epsilon=2.0, delta=1e-6, mode="input", closeness=1e-3).fit(X, y).privacy_
    assert "moves by at most 0.001" in close.neighbour_relation
    assert any("labels" in item for item in close.not_protected)
    shared = PrivateNTKClassifier(epsilon=2.0, delta=1e-6, mode="input", closeness=1e-3, label_share=0.5).fit(X, y)
    assert not any("count as public" in item for item in shared.privacy_.not_protected)


def test_refusals_are_named(digits):
    X, _, y, _ = digits
    zero = X.copy()
    zero[5] = 0
    with pytest.raises(ZeroRow, match="row 5"):
        PrivateNTKClassifier().fit(zero, y)
    with pytest.raises(InvalidCalibration, match="closeness"):
        PrivateNTKClassifier(mode="input").fit(X, y)
    with pytest.raises(InvalidCalibration, match="unknown mode"):
        PrivateNTKClassifier(mode="magic").fit(X, y)
    with pytest.raises(ValueError, match="one class"):
        PrivateNTKClassifier().fit(X, np.zeros(len(X), int))
    with pytest.raises(ValueError, match="eta_min"):
        PrivateNTKClassifier(mode="paper", closeness=1e-6).fit(X, y)


def test_classes_may_be_declared_so_that_a_release_does_not_tell_which_occur(digits):
    X, X_test, y, _ = digits
    declared = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=range(12), insecure_seed=1).fit(X, y)
    assert declared.classes_.tolist() == list(range(12)) and declared.release_.arrays["cross"].shape == (200, 12)
    named = np.array(list("jihgfedcba"))[y]  # the order of the classes is not that of their numbers
    both = [
        PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=classes, insecure_seed=1).fit(X, named)
        for classes in (None, list("bacdefghij"))
    ]
    assert np.array_equal(both[0].predict(X_test), both[1].predict(X_test))
    with pytest.raises(UnknownLabel, match=r"label 'f' of row \d+ is none of the classes \['a', 'b'\]"):
        PrivateNTKClassifier(classes=["b", "a"]).fit(X[:9], list("abababafb"))
    with pytest.raises(ValueError, match="one class"):
        PrivateNTKClassifier(classes=["a"]).fit(X[:2], ["a", "a"])


@pytest.mark.parametrize("settings", [*MODES.items(), ("ridge-sample", {"width": 20}), ("input", {"closeness": 1.0})])
def test_saved_and_loaded_it_is_as_before(digits, tmp_path, settings):
    X, X_test, y, _ = digits
    mode, more = settings
    made = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, mode=mode, classes=list(range(10)), **more).fit(X, y)
    write(tmp_path / "model", made, "card")
    found = load(tmp_path / "model")
    assert np.array_equal(found.decision_function(X_test), made.decision_function(X_test))
    assert found.get_params() == made.get_params() and found.classes_.dtype == made.classes_.dtype
    assert found.privacy_ == made.privacy_ and found.releases_ == 1 and not hasattr(found, "feature_names_in_")
    assert {name: array.tolist() for name, array in found.release_.arrays.items()} == {
        name: array.tolist() for name, array in made.release_.arrays.items()
    }
    with pytest.raises(BudgetSpent):
        found.fit(X, y)
    with pytest.raises(NotFittedError):
        PrivateNTKClassifier().save(tmp_path)
