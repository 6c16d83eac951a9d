"""Measurements with their intervals, and how generated, reconstructed and encoded images are measured."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.metrics.bootstrap import nested_difference as nested_difference
    from tenfold.metrics.bootstrap import paired_difference as paired_difference
    from tenfold.metrics.generation import frechet_distance as frechet_distance
    from tenfold.metrics.generation import kernel_distance as kernel_distance
    from tenfold.metrics.generation import precision_recall as precision_recall
    from tenfold.metrics.image_sets import evaluate_images as evaluate_images
    from tenfold.metrics.measurement import Measurement as Measurement
    from tenfold.metrics.measurements import InvalidMeasurement as InvalidMeasurement
    from tenfold.metrics.measurements import difference_of as difference_of
    from tenfold.metrics.measurements import estimated as estimated
    from tenfold.metrics.measurements import geometric_mean_of as geometric_mean_of
    from tenfold.metrics.measurements import mean_of as mean_of
    from tenfold.metrics.measurements import measured as measured
    from tenfold.metrics.measurements import share_of as share_of
    from tenfold.metrics.measurements import slope_of as slope_of
    from tenfold.metrics.measurements import slope_over_seeds as slope_over_seeds
    from tenfold.metrics.measurements import unavailable as unavailable
    from tenfold.metrics.measurements import unpaired_difference as unpaired_difference
    from tenfold.metrics.metric_classifier import MetricClassifier as MetricClassifier
    from tenfold.metrics.probes import linear_probe as linear_probe
else:
    __getattr__, __dir__, __all__ = exports(__name__)
