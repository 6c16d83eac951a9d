"""The estimator: scikit-learn's own checks, one release a budget, and what it says of itself."""

import copy
import json
import multiprocessing
import pickle
import warnings
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.utils.estimator_checks import check_estimator

from tenfold.dp_ntk import BudgetSpent, ClassesNotDeclared, PrivateNTKClassifier
from tenfold.dp_ntk.calibration import InvalidCalibration
from tenfold.dp_ntk.simplex import nearest_probabilities
from tenfold.dp_ntk.validation import TooFewFeatures, UnknownLabel, ZeroRow
from tenfold.models import load, write
from tenfold.privacy import AccountElsewhere, MixedNeighbours, NoAccount, WeakDelta
from tenfold.privacy.gaussian import gaussian_epsilon, gaussian_mu

#: A budget without any privacy, a seed, and refits allowed: the checks are about the interface, not about noise.
INTERFACE = {"epsilon": 1e9, "insecure_seed": 0, "on_refit": "compose", "ridge": 1e-3, "intercept": True}
NOT_FOR_US = {
    "check_classifiers_one_label": "one class is refused: there is nothing to tell apart",
}
DIGITS = range(10)
MODES = {
    "ssp": {},
    "ridge-sample": {"samples": 200},
    "input": {"closeness": 1e-6},
}


class ReadingClasses(PrivateNTKClassifier):
    """Takes the classes of y, which scikit-learn's checks do not declare; nothing private may do so."""

    def _labels(self, y):
        return np.unique(y, return_inverse=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", MODES)
def test_scikit_learns_checks(mode):
    results = check_estimator(
        ReadingClasses(mode=mode, **INTERFACE, **MODES[mode]), expected_failed_checks=NOT_FOR_US, on_fail=None
    )
    failed = {r["check_name"]: r["exception"] for r in results if r["status"] == "failed"}
    assert failed == {}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, random_state=0)


def test_it_learns_digits_at_a_real_budget(digits):
    X, X_test, y, y_test = digits
    model = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=DIGITS, insecure_seed=1).fit(X, y)
    assert model.score(X_test, y_test) > 0.75
    strict = PrivateNTKClassifier(epsilon=0.1, delta=1e-5, classes=DIGITS, insecure_seed=1).fit(X, y)
    assert strict.score(X_test, y_test) < model.score(X_test, y_test)
    names = np.array(list("abcdefghij"))[y]
    named = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=list("abcdefghij"), insecure_seed=1).fit(X, names)
    assert set(named.predict(X_test)) <= set("abcdefghij")


def test_a_second_release_under_the_same_budget_is_refused_and_named(digits):
    X, _, y, _ = digits
    model = PrivateNTKClassifier(epsilon=1.0, delta=1e-5, classes=DIGITS).fit(X, y)
    before = model.model_.coefficients.copy()
    for again in (model, clone(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        with pytest.raises(BudgetSpent, match=r"have spent epsilon = 1 at delta = 1e-05 on 1 release"):
            again.set_params(epsilon=0.01).fit(X, y)  # what was spent is named, not the next budget
    assert np.array_equal(model.model_.coefficients, before) and model.releases_ == 1
    with pytest.raises(InvalidCalibration, match="on_refit"):
        PrivateNTKClassifier(on_refit="replay").fit(X, y)


@pytest.mark.parametrize("more", [{}, {"mode": "ridge-sample", "samples": 4}])
def test_composed_fits_say_what_was_really_spent(digits, more):
    X, _, y, _ = digits
    made = PrivateNTKClassifier(epsilon=1.0, delta=1e-6, on_refit="compose", classes=DIGITS, **more)
    for _ in range(5):
        made.fit(X, y)
    said = made.privacy_
    if more:  # not Gaussian: ε and δ add
        assert (said.epsilon, said.delta, said.mu) == pytest.approx((5.0, 5e-6, None))
    else:
        assert said.epsilon == pytest.approx(gaussian_epsilon(1e-6, np.sqrt(5) * gaussian_mu(1.0, 1e-6)))
        assert said.epsilon == pytest.approx(2.40, abs=0.01) and said.delta == 1e-6
    assert made.releases_ == 5 and said.mechanism.startswith("5 releases, the last: ") and said.proven
    with pytest.raises(MixedNeighbours):
        made.set_params(mode="input", closeness=1e-3).fit(X, y)


def test_model_selection_spends_nothing_unseen(digits):
    X, _, y, _ = digits
    X, y = X[:200], y[:200]
    settings = {"epsilon": 1.0, "delta": 1e-5, "features": 20, "classes": DIGITS}
    with pytest.warns(FitFailedWarning, match="have spent epsilon = 1"):
        scores = cross_val_score(PrivateNTKClassifier(**settings), X, y, cv=3)
    assert np.isnan(scores).tolist() == [False, True, True]
    with pytest.warns(FitFailedWarning), pytest.raises(BudgetSpent):
        GridSearchCV(PrivateNTKClassifier(**settings), {"ridge": [0.1, 1.0]}, cv=2).fit(X, y)
    search = GridSearchCV(PrivateNTKClassifier(**settings, on_refit="compose"), {"ridge": [0.1, 1.0]}, cv=2).fit(X, y)
    spent = gaussian_epsilon(1e-5, np.sqrt(5) * gaussian_mu(1.0, 1e-5))  # four fits, and that of the best
    assert search.best_estimator_.privacy_.epsilon == pytest.approx(spent)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool, pytest.raises(AccountElsewhere):
        pool.submit(clone(PrivateNTKClassifier(**settings)).fit, X, y).result()


def test_a_fit_that_is_refused_costs_nothing(digits):
    X, _, y, _ = digits
    made = PrivateNTKClassifier(epsilon=1.0, delta=1e-5, classes=DIGITS, features=2, public_seed=3)
    with pytest.raises(TooFewFeatures):
        made.fit(X - X.mean(axis=0), y)  # a record activates none of two units
    assert made.set_params(features=40).fit(X, y).releases_ == 1


def test_the_classes_are_never_read_off_the_labels(digits):
    """y in {0, 1} against y[0] = 2: the release has one form for all labels that are declared, or is refused."""
    X, y = digits[0][:50], np.arange(50) % 2
    with pytest.raises(ClassesNotDeclared, match="classes="):
        PrivateNTKClassifier().fit(X, y)
    moved = y.copy()
    moved[0] = 2
    made = [PrivateNTKClassifier(classes=[0, 1, 2], features=8).fit(X, labels) for labels in (y, moved)]
    assert made[0].release_.arrays["cross"].shape == made[1].release_.arrays["cross"].shape == (8, 3)
    assert made[0].classes_.tolist() == made[1].classes_.tolist() == [0, 1, 2]
    assert made[0].privacy_ == made[1].privacy_
    assert "a label none of the public classes, when an error says so" in str(made[0].privacy_)


@pytest.mark.parametrize("mode", [*MODES, "paper"])
def test_a_delta_of_one_in_n_is_warned_of_in_every_mode(digits, mode):
    X = digits[0][:30]
    more = MODES.get(mode, {"closeness": 1e-9, "eta_min": 1e-5}) | ({"samples": 2} if mode == "ridge-sample" else {})
    settings = {"mode": mode, "classes": [0, 1], "epsilon": 1.0, "features": 8, "intercept": True} | more
    with pytest.warns(WeakDelta, match=r"1/n = 0\.0333") as caught:
        PrivateNTKClassifier(delta=0.05, **settings).fit(X, np.arange(30) % 2)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        PrivateNTKClassifier(delta=0.03, **settings).fit(X, np.arange(30) % 2)


@pytest.mark.parametrize("mode", MODES)
def test_probabilities_agree_with_the_predictions(digits, mode):
    X, X_test, y, _ = digits
    for labels in (y, y % 2):
        made = PrivateNTKClassifier(
            epsilon=50.0, delta=1e-5, mode=mode, classes=sorted(set(labels.tolist())), insecure_seed=1, **MODES[mode]
        )
        found = made.fit(X, labels).predict_proba(X_test)
        assert found.min() >= 0 and found.sum(axis=1) == pytest.approx(np.ones(len(X_test)))
        assert np.array_equal(made.classes_[found.argmax(axis=1)], made.predict(X_test))
    assert nearest_probabilities(np.array([[0.5, 0.1, -3.0], [0.2, 0.3, 0.5]])) == pytest.approx(
        np.array([[0.7, 0.3, 0.0], [0.2, 0.3, 0.5]])
    )


def test_predictions_are_those_of_the_one_release(digits):
    X, X_test, y, _ = digits
    model = PrivateNTKClassifier(epsilon=1.0, delta=1e-5, classes=DIGITS).fit(X, y)
    assert np.array_equal(model.predict(X_test), model.predict(X_test))  # replayed, never redrawn


def test_privacy_says_what_is_protected(digits):
    X, _, y, _ = digits
    with pytest.raises(NotFittedError):
        PrivateNTKClassifier().predict(X)
    public = {"epsilon": 2.0, "delta": 1e-6, "classes": DIGITS}
    privacy = PrivateNTKClassifier(**public).fit(X, y).privacy_
    assert (privacy.epsilon, privacy.delta, privacy.proven) == (2.0, 1e-6, True)
    assert "together with its label" in privacy.neighbour_relation
    close = PrivateNTKClassifier(**public, mode="input", closeness=1e-3).fit(X, y).privacy_
    assert "moves by at most 0.001" in close.neighbour_relation
    assert any("labels" in item for item in close.not_protected)
    shared = PrivateNTKClassifier(**public, mode="input", closeness=1e-3, label_share=0.5).fit(X, y)
    assert not any("count as public" in item for item in shared.privacy_.not_protected)


def test_refusals_are_named(digits):
    X, _, y, _ = digits
    zero = X.copy()
    zero[5] = 0
    with pytest.raises(ZeroRow, match="row 5"):
        PrivateNTKClassifier(classes=DIGITS).fit(zero, y)
    with pytest.raises(InvalidCalibration, match="closeness"):
        PrivateNTKClassifier(classes=DIGITS, mode="input").fit(X, y)
    with pytest.raises(InvalidCalibration, match="unknown mode"):
        PrivateNTKClassifier(classes=DIGITS, mode="magic").fit(X, y)
    with pytest.raises(ValueError, match="one class"):
        PrivateNTKClassifier(classes=[0]).fit(X, np.zeros(len(X), int))
    with pytest.raises(ValueError, match="eta_min"):
        PrivateNTKClassifier(classes=DIGITS, mode="paper", closeness=1e-6).fit(X, y)


def test_the_order_of_the_classes_is_of_no_account(digits):
    X, X_test, y, _ = digits
    declared = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=range(12), insecure_seed=1).fit(X, y)
    assert declared.classes_.tolist() == list(range(12)) and declared.release_.arrays["cross"].shape == (200, 12)
    named = np.array(list("jihgfedcba"))[y]  # the order of the classes is not that of their numbers
    both = [
        PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=classes, insecure_seed=1).fit(X, named)
        for classes in (list("abcdefghij"), list("bacdefghij"))
    ]
    assert np.array_equal(both[0].predict(X_test), both[1].predict(X_test))
    with pytest.raises(UnknownLabel, match=r"label 'f' of row \d+ is none of the classes \['a', 'b'\]"):
        PrivateNTKClassifier(classes=["b", "a"]).fit(X[:9], list("abababafb"))
    with pytest.raises(ValueError, match="one class"):
        PrivateNTKClassifier(classes=["a"]).fit(X[:2], ["a", "a"])


def test_a_folder_from_before_the_account_says_to_refit(digits, tmp_path):
    """As it was written then: with a count of releases, and one statement."""
    made = PrivateNTKClassifier(epsilon=8.0, delta=1e-5, classes=[0, 1]).fit(digits[0][:20], np.arange(20) % 2)
    made.save(tmp_path)
    path = tmp_path / "estimator.json"
    settings = json.loads(path.read_text(encoding="utf-8"))
    del settings["account"], settings["last_release"]
    path.write_text(json.dumps(settings | {"releases": 1}), encoding="utf-8")
    with pytest.raises(NoAccount, match=r"estimator\.json was saved before .* refit from the rows"):
        PrivateNTKClassifier.load(tmp_path)


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
