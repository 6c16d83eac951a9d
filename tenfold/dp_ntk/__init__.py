"""Differentially private regression with neural tangent kernels (arXiv:2407.13621)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.dp_ntk.calibration import Calibration as Calibration
    from tenfold.dp_ntk.calibration import CalibrationMismatch as CalibrationMismatch
    from tenfold.dp_ntk.calibration import calibrate as calibrate
    from tenfold.dp_ntk.covariance_accountant import covariance_epsilon as covariance_epsilon
    from tenfold.dp_ntk.estimator import BudgetSpent as BudgetSpent
    from tenfold.dp_ntk.estimator import ClassesNotDeclared as ClassesNotDeclared
    from tenfold.dp_ntk.estimator import PrivateNTKClassifier as PrivateNTKClassifier
    from tenfold.dp_ntk.kernel import FiniteKernel as FiniteKernel
    from tenfold.dp_ntk.kernel import LimitKernel as LimitKernel
    from tenfold.dp_ntk.mixture_accountant import mixture_delta as mixture_delta
    from tenfold.dp_ntk.random_features import RandomFeatures as RandomFeatures
    from tenfold.dp_ntk.release import Release as Release
    from tenfold.dp_ntk.release import fit as fit
    from tenfold.dp_ntk.validation import unit_rows as unit_rows
else:
    __getattr__, __dir__, __all__ = exports(__name__)
