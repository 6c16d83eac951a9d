"""Measurements with their intervals, as the report reads them."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "Measurement": "measurements",
        "difference_of": "measurements",
        "mean_of": "measurements",
        "measured": "measurements",
        "share_of": "measurements",
        "slope_over_seeds": "measurements",
        "unavailable": "measurements",
    },
)
