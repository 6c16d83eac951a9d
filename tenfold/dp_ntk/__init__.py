"""Differentially private regression with neural tangent kernels (arXiv:2407.13621)."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "BudgetSpent": "estimator",
        "Calibration": "calibration",
        "FiniteKernel": "kernel",
        "LimitKernel": "kernel",
        "PrivateNTKClassifier": "estimator",
        "RandomFeatures": "random_features",
        "Release": "release",
        "calibrate": "calibration",
        "covariance_epsilon": "covariance_accountant",
        "fit": "release",
        "mixture_delta": "mixture_accountant",
        "unit_rows": "validation",
    },
)
