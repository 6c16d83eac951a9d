"""Building blocks of networks: transformer and convolution blocks, weight averages, discriminators, saved models."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.nn.adaptive_norm import AdaptiveBlock as AdaptiveBlock
    from tenfold.nn.convnet import ConvNet as ConvNet
    from tenfold.nn.convnet import ConvNetConfig as ConvNetConfig
    from tenfold.nn.discriminators import FeatureDiscriminator as FeatureDiscriminator
    from tenfold.nn.discriminators import PatchDiscriminator as PatchDiscriminator
    from tenfold.nn.ema import ExponentialMovingAverage as ExponentialMovingAverage
    from tenfold.nn.errors import InvalidConfig as InvalidConfig
    from tenfold.nn.errors import InvalidLabels as InvalidLabels
    from tenfold.nn.errors import MissingPackage as MissingPackage
    from tenfold.nn.errors import NotFinite as NotFinite
    from tenfold.nn.errors import UnknownWeights as UnknownWeights
    from tenfold.nn.pretrained import Pretrained as Pretrained
    from tenfold.nn.transformer import Block as Block
    from tenfold.nn.transformer import Transformer as Transformer
else:
    __getattr__, __dir__, __all__ = exports(__name__)
