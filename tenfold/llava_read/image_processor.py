"""Images as both encoders read them: padded to squares, resized to two sides, normalised.

Legend:  N images · h, w sides of low resolution · H, W of high
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from transformers import AutoImageProcessor
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_processing_utils import BaseImageProcessor

from tenfold.arguments import unmasked
from tenfold.imaging.errors import InvalidImages
from tenfold.llava_read.config import LlavaReadConfig
from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.squares import Square

HALF = (0.5, 0.5, 0.5)


class LlavaReadImageProcessor(BaseImageProcessor):
    """Pad images to squares with the low-resolution mean's colour, resize them to both sides, and normalise them.

    ``mean`` and ``std`` are of values from 0 to 1 per channel. ``high_side`` None, or 0, leaves high resolution out.
    """

    model_input_names = ["pixel_values_low", "pixel_values_high"]  # noqa: RUF012

    def __init__(
        self,
        low_side: int = 96,
        high_side: int | None = 256,
        low_mean: Sequence[float] = HALF,
        low_std: Sequence[float] = HALF,
        high_mean: Sequence[float] = HALF,
        high_std: Sequence[float] = HALF,
        **more: Any,
    ) -> None:
        super().__init__(**more)
        self.low_side, self.high_side = int(low_side), int(high_side) if high_side else None
        self.low_mean, self.low_std = [*map(float, low_mean)], [*map(float, low_std)]
        self.high_mean, self.high_std = [*map(float, high_mean)], [*map(float, high_std)]

    def to_dict(self) -> dict[str, Any]:
        """Return what save_pretrained writes; without a high side, that too, which transformers would leave out."""
        return super().to_dict() | {"high_side": self.high_side or 0}

    def preprocess(self, images: Any, return_tensors: str | None = "pt", **_: Any) -> BatchFeature:
        """Return pixel_values_low (N, 3, h, w) and, with a high side, pixel_values_high (N, 3, H, W), float32.

        ``images`` is one image or a list, nested or not, of PIL images, arrays (H, W) or (H, W, 3) uint8, or paths.
        Raises InvalidInputs for anything else; InvalidImages for a file that holds none; MaskedValues for an array
        that hides values behind a mask.
        """
        from PIL.Image import Resampling

        opened = [opened_image(image) for image in listed_images(images)]
        if not opened:
            raise InvalidInputs("there is no image among the images")
        colour = tuple(round(255 * value) for value in self.low_mean)
        squares = [Square(*image.size).padded(image, colour) for image in opened]  # type: ignore[arg-type]

        def pixels(side: int, mean: list[float], std: list[float]) -> np.ndarray:
            sized = (
                one if one.size == (side, side) else one.resize((side, side), Resampling.BICUBIC) for one in squares
            )
            values = np.stack([np.asarray(one, dtype=np.float32) for one in sized]) / 255  # (N, side, side, 3)
            normal = (values - np.asarray(mean, dtype=np.float32)) / np.asarray(std, dtype=np.float32)
            return np.ascontiguousarray(normal.transpose(0, 3, 1, 2).astype(np.float32))

        found = {"pixel_values_low": pixels(self.low_side, self.low_mean, self.low_std)}
        if self.high_side is not None:
            found["pixel_values_high"] = pixels(self.high_side, self.high_mean, self.high_std)
        return BatchFeature(found, tensor_type=return_tensors)


def listed_images(images: Any) -> list[Any]:
    """Return one image, or lists of images in lists, as one flat list; nothing gives an empty one."""
    if images is None:
        return []
    if isinstance(images, list | tuple):
        return [image for part in images for image in listed_images(part)]
    return [images]


def opened_image(image: Any) -> Any:
    """Return an image as it is seen, in RGB: the same pixels for a file and for what PIL opens of it.

    Raises InvalidInputs for what is no image; InvalidImages for a bad file; MaskedValues for a masked array.
    """
    from PIL import Image

    from tenfold.imaging.files import open_image

    if isinstance(image, Image.Image):
        return _as_seen(image)
    if isinstance(image, str | Path):
        return open_image(Path(image), "RGB")
    array = np.asarray(unmasked(image, "the image"))
    if array.dtype == np.uint8 and (array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)) and array.size:
        return Image.fromarray(array).convert("RGB")
    raise InvalidInputs(
        f"an image is a PIL image, a path, or uint8 (H, W) or (H, W, 3), not {type(image).__name__} "
        f"{array.dtype} {array.shape}"
    )


def _as_seen(image: Any) -> Any:
    """Return an image of PIL as `open_image` returns its file: upright, transparent parts white, 16 bits of grey as 8.

    What Pillow's own conversion would show otherwise goes through a file's bytes. Raises InvalidImages.
    """
    from PIL import ImageOps

    from tenfold.imaging.files import open_image

    try:
        upright = ImageOps.exif_transpose(image)
        kind = "TIFF" if upright.mode[0] in "IF" else "PNG" if upright.has_transparency_data else None
        if kind is None:
            return upright.convert("RGB")
        if upright.mode in ("La", "RGBa", "PA"):  # which no file holds
            upright = upright.convert("LA" if upright.mode == "La" else "RGBA")
        file = io.BytesIO()
        upright.save(file, kind)
    except (OSError, SyntaxError, ValueError) as error:
        raise InvalidImages(f"an image of PIL's mode {image.mode} cannot be read: {error}") from None
    return open_image(file.getvalue(), "RGB", name="an image")


AutoImageProcessor.register(LlavaReadConfig, slow_image_processor_class=LlavaReadImageProcessor, exist_ok=True)
