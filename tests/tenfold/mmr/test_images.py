"""One normalisation for every kind of image file, reducing and encoding; what cannot be read is named."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tenfold.imaging.errors import InvalidImages
from tenfold.mmr.errors import MissingImage
from tenfold.mmr.images import encoded, load_image, media_type, resized

RED, WHITE = (255, 0, 0), (255, 255, 255)


def half_red() -> Image.Image:
    """An image of 40×20 whose left half is red, and whose right half is white."""
    image = Image.new("RGB", (40, 20), WHITE)
    image.paste(RED, (0, 0, 20, 20))
    return image


def bytes_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def transparent() -> bytes:
    image = half_red().convert("RGBA")
    image.paste((0, 0, 0, 0), (20, 0, 40, 20))
    return bytes_of(image)


def palette(*, hidden: bool) -> bytes:
    image = half_red().quantize(4)
    place = image.getpixel((30, 10))
    return bytes_of(image, "GIF", transparency=place) if hidden else bytes_of(image)


def rotated(orientation: int) -> bytes:
    """Store the image turned, with the EXIF tag that turns it back."""
    turns = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 8: Image.Transpose.ROTATE_270}
    exif = Image.Exif()
    exif[0x0112] = orientation
    return bytes_of(half_red().transpose(turns[orientation]), "JPEG", quality=95, exif=exif)


KINDS = {
    "RGB": bytes_of(half_red()),
    "transparent": transparent(),
    "palette": palette(hidden=False),
    "palette with a transparent colour": palette(hidden=True),
    "CMYK": bytes_of(half_red().convert("CMYK"), "JPEG", quality=95),
    "webp": bytes_of(half_red(), "WEBP", lossless=True),
    **{f"EXIF {number}": rotated(number) for number in (3, 6, 8)},
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_file_shows_the_same_image(kind, tmp_path):
    (tmp_path / "a").write_bytes(KINDS[kind])
    for source in (tmp_path / "a", KINDS[kind]):
        pixels = load_image(source)
        assert pixels.shape == (20, 40, 3) and pixels.dtype == np.uint8
        assert np.abs(pixels[10, 8].astype(int) - RED).max() < 30
        assert np.abs(pixels[10, 32].astype(int) - WHITE).max() < 12


def test_grey_of_one_eight_and_sixteen_bits_becomes_three_equal_channels():
    shades = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    wide = load_image(bytes_of(Image.fromarray(shades)))
    assert wide.shape == (4, 256, 3) and wide[0, :, 0].tolist() == list(range(256))
    assert load_image(bytes_of(half_red().convert("L")))[0, 0].tolist() == [76, 76, 76]
    assert set(load_image(bytes_of(half_red().convert("1"))).ravel().tolist()) <= {0, 255}
    both = Image.new("LA", (3, 2), (0, 128))
    assert 120 <= load_image(bytes_of(both))[0, 0, 0] <= 135


@pytest.mark.parametrize("content", [b"", b"nothing", bytes_of(half_red())[:60], b"\xff\xd8\xff\xe0"])
def test_empty_and_broken_files_are_named(content, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InvalidImages, match=r"a\.png cannot be read as an image"):
        load_image(tmp_path / "a.png")
    with pytest.raises(InvalidImages, match="image 7 cannot be read"):
        load_image(content, name="image 7")
    with pytest.raises(MissingImage, match=r"no image .*b\.png"):
        load_image(tmp_path / "b.png")


def test_only_larger_images_are_reduced_and_their_shape_is_kept():
    image = np.asarray(half_red())
    assert resized(image, 20).shape == (10, 20, 3) and resized(image.transpose(1, 0, 2), np.int64(20)).shape == (
        20,
        10,
        3,
    )
    assert resized(image, 40) is image and resized(image, 1024) is image and resized(image, None) is image
    assert resized(np.zeros((1, 400, 3), np.uint8), 10).shape == (1, 10, 3)
    with pytest.raises(InvalidImages, match="1 pixel or more"):
        resized(image, 0)
    with pytest.raises(InvalidImages, match=r"not float64 \(20, 40, 3\)"):
        resized(image.astype(float), 20)


def test_png_keeps_every_pixel_and_jpeg_is_of_the_quality_asked_for():
    image = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    assert (load_image(encoded(image)) == image).all() and media_type() == "image/png"
    assert len(encoded(image, 20)) < len(encoded(image, 90)) and media_type(90) == "image/jpeg"
    assert Image.open(io.BytesIO(encoded(image, 90))).format == "JPEG"
    for quality in (0, 101, True):
        with pytest.raises(InvalidImages, match="1 to 100"):
            encoded(image, quality)
    with pytest.raises(InvalidImages, match="with pixels in it"):
        encoded(image[:0])
