"""Differential privacy: the Gaussian accountant, the source of noise, statements of guarantee, and audits."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "InvalidBudget": "gaussian",
        "gaussian_mu": "gaussian",
        "gaussian_delta": "gaussian",
        "gaussian_epsilon": "gaussian",
        "noise_multiplier": "gaussian",
        "compose": "gaussian",
        "split": "gaussian",
        "pure_epsilon": "gaussian",
        "NoiseSource": "noise",
        "concentrated_delta": "concentrated",
        "concentrated_rho": "concentrated",
        "discrete_gaussian": "discrete_gaussian",
        "InvalidNoise": "noise",
        "PrivacyStatement": "statement",
        "AuditResult": "audit",
        "audit_scores": "audit",
        "noise_sd_test": "audit",
    },
)
