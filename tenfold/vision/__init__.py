"""Encoders of images that others trained: EfficientNet-Lite0."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.vision.efficientnet_lite0 import EfficientNetLite0 as EfficientNetLite0
    from tenfold.vision.efficientnet_lite0 import EfficientNetLite0Config as EfficientNetLite0Config
    from tenfold.vision.efficientnet_lite0 import convert_efficientnet_lite0 as convert_efficientnet_lite0
else:
    __getattr__, __dir__, __all__ = exports(__name__)
