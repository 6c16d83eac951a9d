"""Differential privacy: the Gaussian accountant, the source of noise, statements of guarantee, and audits."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.privacy.account import Account as Account
    from tenfold.privacy.account import AccountElsewhere as AccountElsewhere
    from tenfold.privacy.account import AccountUnreachable as AccountUnreachable
    from tenfold.privacy.account import MixedNeighbours as MixedNeighbours
    from tenfold.privacy.account import NoAccount as NoAccount
    from tenfold.privacy.audit import AuditResult as AuditResult
    from tenfold.privacy.audit import audit_scores as audit_scores
    from tenfold.privacy.audit import noise_sd_test as noise_sd_test
    from tenfold.privacy.concentrated import concentrated_delta as concentrated_delta
    from tenfold.privacy.concentrated import concentrated_rho as concentrated_rho
    from tenfold.privacy.discrete_gaussian import discrete_gaussian as discrete_gaussian
    from tenfold.privacy.gaussian import InvalidBudget as InvalidBudget
    from tenfold.privacy.gaussian import compose as compose
    from tenfold.privacy.gaussian import gaussian_delta as gaussian_delta
    from tenfold.privacy.gaussian import gaussian_epsilon as gaussian_epsilon
    from tenfold.privacy.gaussian import gaussian_mu as gaussian_mu
    from tenfold.privacy.gaussian import noise_multiplier as noise_multiplier
    from tenfold.privacy.gaussian import pure_epsilon as pure_epsilon
    from tenfold.privacy.gaussian import split as split
    from tenfold.privacy.noise import InvalidNoise as InvalidNoise
    from tenfold.privacy.noise import NoiseSource as NoiseSource
    from tenfold.privacy.statement import PrivacyStatement as PrivacyStatement
    from tenfold.privacy.weak_delta import WeakDelta as WeakDelta
else:
    __getattr__, __dir__, __all__ = exports(__name__)
