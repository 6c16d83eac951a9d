"""The John ellipsoid of a symmetric polytope: exact, sketched, differentially private (arXiv:2408.06395)."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.dp_john.audit import audit_mode as audit_mode
    from tenfold.dp_john.audit import audit_planted_bugs as audit_planted_bugs
    from tenfold.dp_john.calibration import CalibrationMismatch as CalibrationMismatch
    from tenfold.dp_john.calibration import UnusedArgument as UnusedArgument
    from tenfold.dp_john.calibration import calibrate as calibrate
    from tenfold.dp_john.certificate import Certificate as Certificate
    from tenfold.dp_john.certificate import certify as certify
    from tenfold.dp_john.certificate import leverage_scores as leverage_scores
    from tenfold.dp_john.diagnostic import diagnose as diagnose
    from tenfold.dp_john.ellipsoid import Ellipsoid as Ellipsoid
    from tenfold.dp_john.polytope import InvalidPolytope as InvalidPolytope
    from tenfold.dp_john.private import private_john_ellipsoid as private_john_ellipsoid
    from tenfold.dp_john.private import release_private as release_private
    from tenfold.dp_john.release import PrivateJohnResult as PrivateJohnResult
    from tenfold.dp_john.solver import JohnResult as JohnResult
    from tenfold.dp_john.solver import NotConverged as NotConverged
    from tenfold.dp_john.solver import john_ellipsoid as john_ellipsoid
else:
    __getattr__, __dir__, __all__ = exports(__name__)
