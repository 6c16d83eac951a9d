"""Images of any kind become squares of both sides, normalised; anything else is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tenfold.arguments import MaskedValues
from tenfold.imaging.errors import InvalidImages
from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.image_processor import LlavaReadImageProcessor, opened_image
from tests.tenfold.llava_read.small_models import noise_image

READER = LlavaReadImageProcessor(48, 64)


def test_every_form_of_an_image_gives_the_same_pixels(tmp_path):
    image = noise_image(30, 20)
    image.save(tmp_path / "page.png")
    expected = READER(image)["pixel_values_low"]
    for form in ([image], [[image]], np.asarray(image), tmp_path / "page.png", str(tmp_path / "page.png")):
        assert np.array_equal(READER(form)["pixel_values_low"], expected)


def test_values_are_normalised_by_each_resolutions_own_numbers():
    reader = LlavaReadImageProcessor(8, 16, (0.1, 0.2, 0.3), (0.5, 0.5, 0.5), (0, 0, 0), (1, 1, 2))
    found = reader(Image.new("RGB", (9, 9), (255, 0, 51)))
    assert np.allclose(found["pixel_values_low"][0, :, 0, 0], [1.8, -0.4, -0.2], atol=1e-6)
    assert np.allclose(found["pixel_values_high"][0, :, 3, 3], [1, 0, 0.1], atol=1e-6)


def test_padding_is_the_mean_and_so_zero():
    found = READER(Image.new("RGB", (64, 32), "white"))["pixel_values_high"][0, 0]
    assert np.allclose(found[:15], 0, atol=0.01) and np.allclose(found[17:47], 1)


def test_without_a_high_side_there_is_no_high_resolution():
    assert set(LlavaReadImageProcessor(48, None)(noise_image(4, 4))) == {"pixel_values_low"}


@pytest.mark.parametrize("side", [None, 64])
def test_a_folder_says_whether_there_is_a_high_side(side, tmp_path):
    LlavaReadImageProcessor(48, side).save_pretrained(tmp_path)
    assert LlavaReadImageProcessor.from_pretrained(tmp_path).high_side == side


@pytest.mark.parametrize(
    "bad", [3, np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)]
)
def test_what_is_no_image_is_refused(bad):
    with pytest.raises(InvalidInputs, match="an image is"):
        READER(bad)


def test_a_file_without_an_image_and_an_empty_list_are_refused(tmp_path):
    (tmp_path / "page.png").write_bytes(b"no")
    with pytest.raises(InvalidImages, match=r"page\.png"):
        READER(tmp_path / "page.png")
    with pytest.raises(InvalidInputs, match="no image"):
        READER([])


def transparent(image):
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image, {}


def palette(image):
    found = image.quantize(8)
    return found, {"transparency": 3}


def wide_grey(image):
    return Image.fromarray(np.asarray(image.convert("L"), dtype=np.uint16) * 257), {}


def turned(image):
    exif = Image.Exif()
    exif[0x0112] = 6
    return image, {"exif": exif}


@pytest.mark.parametrize("made", [transparent, palette, wide_grey, turned, lambda image: (image.convert("LA"), {})])
def test_what_pil_opens_gives_the_pixels_of_its_file(tmp_path, made):
    image, more = made(noise_image(30, 20))
    image.save(tmp_path / "page.png", **more)
    seen = READER(Image.open(tmp_path / "page.png"))["pixel_values_high"]
    assert np.array_equal(seen, READER(tmp_path / "page.png")["pixel_values_high"])


def test_what_pil_holds_in_other_modes_is_seen_as_it_would_be_from_a_file():
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    for mode in ("RGBA", "RGBa", "LA", "La"):
        assert np.asarray(opened_image(clear.convert("RGBA" if mode[0] == "R" else "LA").convert(mode))).min() == 255
    half = Image.fromarray(np.full((4, 4), 0x8000, dtype=np.int32))
    assert half.mode == "I" and np.asarray(opened_image(half)).max() == 128
    for mode in ("CMYK", "YCbCr", "1", "P"):
        assert opened_image(noise_image(5, 5).convert(mode)).mode == "RGB"
    with pytest.raises(InvalidImages, match="an image cannot be read"):
        opened_image(Image.new("F", (4, 4), 0.5))


def test_an_array_that_hides_pixels_is_refused():
    pixels = np.ma.masked_array(np.zeros((4, 4, 3), np.uint8), mask=False)
    assert opened_image(pixels).size == (4, 4)
    pixels[0, 0] = np.ma.masked
    with pytest.raises(MaskedValues, match=r"the image hides 3 value\(s\)"):
        READER(pixels)
