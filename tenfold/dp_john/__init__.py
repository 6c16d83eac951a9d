"""The John ellipsoid of a symmetric polytope, exact, sketched and differentially private (arXiv:2408.06395)."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "Certificate": "certificate",
        "Ellipsoid": "ellipsoid",
        "InvalidPolytope": "polytope",
        "certify": "certificate",
        "john_ellipsoid": "solver",
        "private_john_ellipsoid": "private",
    },
)
