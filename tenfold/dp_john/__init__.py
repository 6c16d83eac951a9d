"""The John ellipsoid of a symmetric polytope: exact, sketched, differentially private (arXiv:2408.06395)."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "Certificate": "certificate",
        "Ellipsoid": "ellipsoid",
        "InvalidPolytope": "polytope",
        "JohnResult": "solver",
        "NotConverged": "solver",
        "PrivateJohnResult": "release",
        "audit_mode": "audit",
        "audit_planted_bugs": "audit",
        "calibrate": "calibration",
        "certify": "certificate",
        "john_ellipsoid": "solver",
        "diagnose": "diagnostic",
        "leverage_scores": "certificate",
        "private_john_ellipsoid": "private",
        "release_private": "private",
    },
)
