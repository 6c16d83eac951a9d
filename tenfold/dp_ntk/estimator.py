"""PrivateNTKClassifier: kernel regression with a privacy guarantee, as a scikit-learn estimator."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from jaxtyping import Float, Int
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from tenfold.arguments import real, unmasked, whole
from tenfold.dp_ntk.calibration import Calibration, InvalidCalibration, WeakDelta, calibrate
from tenfold.dp_ntk.kernel import FiniteKernel, LimitKernel
from tenfold.dp_ntk.mechanisms import release_input, release_paper, release_ridge_sample, release_ssp
from tenfold.dp_ntk.random_features import RandomFeatures
from tenfold.dp_ntk.release import Release, fit
from tenfold.dp_ntk.sampling import direction_shape
from tenfold.dp_ntk.simplex import nearest_probabilities
from tenfold.dp_ntk.statements import statement
from tenfold.dp_ntk.validation import UnknownLabel, targets, unit_rows
from tenfold.privacy.account import Account, Charge, total
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement


class BudgetSpent(RuntimeError):
    """A second release was asked of a budget that one release has used up."""


class ClassesNotDeclared(InvalidCalibration):
    """The public set of classes is missing: read off the labels it would tell which of them occur."""


class OneClass(ValueError):
    """There is nothing to tell apart."""


class PrivateNTKClassifier(ClassifierMixin, BaseEstimator):
    """A classifier whose fitted state is an (ε, δ)-differentially private function of the training data.

    Rows are scaled to unit norm, each by itself; zero rows are refused. The set of classes and the numbers of features
    and of records are public.

    Guarantee, by ``mode``: ``ssp`` and ``ridge-sample`` towards one record replaced by any other; ``input`` towards
    one that moves by at most ``closeness``; ``paper`` proves none. Labels are protected in ``ssp``, and where
    ``label_share`` > 0. ``privacy_`` says all of it, with assumptions and what is not protected. Noise comes from
    the operating system unless ``insecure_seed`` is given.

    Clones share one account: what ``cross_val_score`` or ``GridSearchCV`` release is charged to the estimator that
    they were given, so that with ``on_refit="refuse"`` all but the first fit raise BudgetSpent, and in other processes
    (``n_jobs``) no clone may fit (AccountElsewhere). An estimator made anew has an account of its own, whose budget is
    yours to add.

    Parameters
    ----------
    epsilon, delta : the budget of one fit.
    mode : ``ssp`` (records and labels), ``ridge-sample``, ``input`` or ``paper``.
    closeness : β, in units of unit-norm rows; modes ``input`` and ``paper``.
    width : hidden units of the kernel; None for the limit of infinite width.
    samples : k of mode ``ridge-sample``.
    features : public random features of mode ``ssp``.
    ridge : λ, chosen without looking at the data.
    intercept : append a constant 1 to each record before scaling. The quadratic kernel is even, so that without it
        the modes that use it cannot tell x from −x; and with it no record is zero.
    label_share : part of the budget for noisy labels in modes ``input`` and ``ridge-sample``.
    eta_min : assumed smallest eigenvalue of mode ``paper``.
    classes : all possible classes, public, never read off y: required. Any other label is an UnknownLabel.
    public_seed : of the kernel's weights and of the projections, which are published.
    insecure_seed : makes the noise reproducible, and the release no longer private.
    on_refit : ``refuse``, or ``compose``: fit again, each fit spending the budget once more.

    Attributes
    ----------
    classes_, n_features_in_ : as in scikit-learn.
    privacy_ : the guarantee, a `tenfold.privacy.statement.PrivacyStatement`, of all releases of the account together.
    releases_ : how many releases this estimator and its clones have made.
    release_ : what was released last.
    """

    def __init__(
        self,
        epsilon: float = 1.0,
        delta: float = 1e-6,
        mode: str = "ssp",
        *,
        closeness: float | None = None,
        width: int | None = None,
        samples: int = 32,
        features: int = 200,
        ridge: float = 1.0,
        intercept: bool = False,
        label_share: float = 0.0,
        eta_min: float | None = None,
        classes: Sequence[Any] | None = None,
        public_seed: int = 0,
        insecure_seed: int | None = None,
        on_refit: str = "refuse",
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.mode = mode
        self.closeness = closeness
        self.width = width
        self.samples = samples
        self.features = features
        self.ridge = ridge
        self.intercept = intercept
        self.label_share = label_share
        self.eta_min = eta_min
        self.classes = classes
        self.public_seed = public_seed
        self.insecure_seed = insecure_seed
        self.on_refit = on_refit

    def fit(self, X: Any, y: Any) -> PrivateNTKClassifier:
        """Release once and fit to the release; X (n, d) real, y (n,) class labels.

        Warns WeakDelta if δ ≥ 1/n. Raises, before noise is drawn, BudgetSpent if the account has paid for a release and
        ``on_refit`` is ``refuse``; AccountElsewhere or MixedNeighbours as ``Account.charge`` does; InvalidBudget,
        InvalidCalibration or ClassesNotDeclared if a public number or the classes are at fault; InvalidRows if a row is
        zero or not finite, or a label unknown.
        """
        if self.on_refit not in ("refuse", "compose"):
            raise InvalidCalibration(f"on_refit = {self.on_refit!r} must be 'refuse' or 'compose'")
        self._check_numbers()
        self._allow(self._opened().charges)
        X, y = validate_data(self, unmasked(X, "X"), unmasked(y, "y"))
        check_classification_targets(y)
        known, labels = self._labels(y)
        if len(known) < 2:
            raise OneClass(f"there is one class, {known.tolist()[0]!r}: two are needed")
        released = self._released(self._rows(X), targets(labels, len(known)))
        self.classes_, self.release_ = known, released
        self.model_ = fit(released, self.ridge)
        return self

    def _check_numbers(self) -> None:
        """Raise InvalidCalibration for numbers that only what follows the release would find out of range."""
        if not real(self.ridge, "ridge", error=InvalidCalibration) > 0:
            raise InvalidCalibration(f"ridge = {self.ridge} must be above 0")
        for name, least in (("samples", 1), ("features", 1), ("public_seed", 0)):
            whole(getattr(self, name), name, least=least, error=InvalidCalibration)
        if self.width is not None:
            whole(self.width, "width", least=1, error=InvalidCalibration, says=", or None for infinitely many")

    def _labels(self, y: np.ndarray) -> tuple[np.ndarray, Int[np.ndarray, " n"]]:
        """Return the sorted classes, and the place of each label among them."""
        if self.classes is None:
            raise ClassesNotDeclared(
                "give classes=, all classes that are possible: read off y, they would tell which labels occur"
            )
        known = np.unique(np.asarray(self.classes))
        outside = np.flatnonzero(~np.isin(y, known))
        if len(outside):
            label = y[outside].tolist()[0]
            raise UnknownLabel(f"label {label!r} of row {outside[0]} is none of the classes {known.tolist()}")
        return known, np.searchsorted(known, y)

    def _opened(self) -> Account:
        """Return the account, which is opened at the first fit or clone."""
        if not hasattr(self, "_account"):
            self._account = Account()
        return self._account

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted estimator that spends from the same account."""
        made = super().__sklearn_clone__()
        made._account = self._opened()
        return made

    def _allow(self, charges: tuple[Charge, ...]) -> None:
        if charges and self.on_refit == "refuse":
            epsilon, delta, _ = total(charges, charges[-1].delta)
            spent = "an unproven budget" if epsilon is None else f"epsilon = {epsilon:.4g} at delta = {delta:.3g}"
            raise BudgetSpent(
                f"this estimator and its clones have spent {spent} on {len(charges)} release(s): use what was "
                "released, take a new estimator and add the budgets, or say on_refit='compose'"
            )

    @property
    def releases_(self) -> int:
        """How many releases this estimator and its clones have made."""
        check_is_fitted(self, "release_")
        return len(self._account.charges)

    @property
    def privacy_(self) -> PrivacyStatement:
        """The guarantee of all releases of the account together."""
        check_is_fitted(self, "release_")
        last, count = self.release_.privacy, self.releases_
        if count == 1:
            return last
        epsilon, delta, mu = total(self._account.charges, last.delta)
        words = f"{count} releases, the last: {last.mechanism}"
        return replace(last, mechanism=words, epsilon=epsilon, delta=delta, mu=mu, proven=epsilon is not None)

    def _rows(self, X: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
        return unit_rows(np.column_stack([X, np.ones(len(X))]) if self.intercept else X)

    def _released(self, X: Float[np.ndarray, "n d"], Y: Float[np.ndarray, "n C"]) -> Release:
        public = np.random.default_rng(self.public_seed)
        n, d = X.shape
        if self.mode == "ssp":
            features = RandomFeatures.draw(self.features, d, public)
            paid = self._paid(n=n, d=self.features, classes=Y.shape[1])
            return release_ssp(X, Y, features, *paid)
        kernel = LimitKernel() if self.width is None else FiniteKernel.draw(self.width, d, public)
        if self.mode == "ridge-sample":
            directions = public.standard_normal((self.samples, *direction_shape(kernel, d)))
            paid = self._paid(n=n, d=d, samples=self.samples, diameter=kernel.diameter(), label_share=self.label_share)
            return release_ridge_sample(X, Y, kernel, directions, *paid)
        if self.mode == "paper":
            norm = kernel.operator_norm
            paid = self._paid(n=n, d=d, closeness=self.closeness, eta_min=self.eta_min, operator_norm=norm)
            return release_paper(X, Y, kernel, *paid)
        return release_input(
            X, Y, kernel, *self._paid(n=n, d=d, closeness=self.closeness, label_share=self.label_share)
        )

    def _paid(self, **numbers: Any) -> tuple[Calibration, NoiseSource]:
        """Return the calibration, of public numbers, and noise that charges the account when it is drawn."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", WeakDelta)  # the release itself warns
            calibration = calibrate(self.mode, self.epsilon, self.delta, **numbers)
        said = statement(calibration, NoiseSource(self.insecure_seed))
        cost = Charge(said.epsilon, said.delta, said.mu, said.neighbour_relation)
        return calibration, NoiseSource(self.insecure_seed, lambda: self._opened().charge(cost, self._allow))

    def decision_function(self, X: Any) -> np.ndarray:
        """Return scores (q, C), or (q,) for two classes, positive for the second."""
        check_is_fitted(self, "model_")
        scores = self.model_.decision_function(self._rows(validate_data(self, unmasked(X, "X"), reset=False)))
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    def predict(self, X: Any) -> np.ndarray:
        """Return the class of the largest score for each row (q,)."""
        scores = self.decision_function(X)
        chosen = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return self.classes_[chosen]

    def predict_proba(self, X: Any) -> Float[np.ndarray, "q C"]:
        """Return the probabilities (q, C) nearest to the regression's scores, which estimate P(class | row).

        They are post-processing of the release, and not calibrated: noise and ridge draw them towards 1/C.
        """
        check_is_fitted(self, "model_")
        scores = self.model_.decision_function(self._rows(validate_data(self, X, reset=False)))
        shares = scores if self.mode == "ssp" else scores / 2  # centred one-hot targets, or ±1
        return nearest_probabilities(shares)

    def save(self, folder: Path) -> None:
        """Write the fitted state into ``folder``: model.safetensors and estimator.json, no pickles.

        Raises NotFittedError before ``fit``.
        """
        from tenfold.dp_ntk.save_and_load import save

        check_is_fitted(self, "model_")
        save(self, folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the estimator that ``save`` wrote, its release with it."""
        from tenfold.dp_ntk.save_and_load import load

        return load(cls, folder)
