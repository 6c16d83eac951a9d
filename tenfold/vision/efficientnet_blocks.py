"""EfficientNet-Lite0's blocks as data, and the weights that the network without its classifier has."""

from __future__ import annotations

MODEL_TYPE = "efficientnet_lite0"
STEM = 32  # channels
# kernel, stride, expansion, channels of each block
BLOCKS = (
    *((3, 1, 1, 16), (3, 2, 6, 24), (3, 1, 6, 24), (5, 2, 6, 40), (5, 1, 6, 40)),
    *((3, 2, 6, 80), (3, 1, 6, 80), (3, 1, 6, 80), (5, 1, 6, 112), (5, 1, 6, 112), (5, 1, 6, 112)),
    *((5, 2, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (5, 1, 6, 192), (3, 1, 6, 320)),
)


def weight_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shape of each weight and bias of `tenfold.vision.efficientnet_lite0.EfficientNetLite0`, by name."""
    found: dict[str, tuple[int, ...]] = {}

    def convolution(name: str, *shape: int) -> None:
        found[f"{name}.weight"], found[f"{name}.bias"] = shape, (shape[0],)

    convolution("stem", STEM, 3, 3, 3)
    before = STEM
    for number, (kernel, _, expansion, channels) in enumerate(BLOCKS):
        wide = before * expansion
        if expansion != 1:
            convolution(f"blocks.{number}.expand", wide, before, 1, 1)
        convolution(f"blocks.{number}.depthwise", wide, 1, kernel, kernel)
        convolution(f"blocks.{number}.project", channels, wide, 1, 1)
        before = channels
    return found
