"""Image files: one reader for files and their bytes, folders and npz files, and what it refuses."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import as_pixels, channels_of, load_images, open_image, save_images

GREY = np.random.default_rng(0).integers(0, 256, (4, 8, 6), dtype=np.uint8)
COLOUR = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


def test_an_image_is_the_same_from_a_file_and_from_its_bytes(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(COLOUR[0]))
    for source in (tmp_path / "a.png", encoded(COLOUR[0])):
        assert np.array_equal(np.asarray(open_image(source)), COLOUR[0])
        assert open_image(source, "L").mode == "L"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_is_no_image_is_named(tmp_path, kind):
    whole = encoded(COLOUR.repeat(9, axis=1).repeat(9, axis=2)[0], kind)
    for content in (b"nothing", whole[: len(whole) // 2], b""):
        (tmp_path / "broken.png").write_bytes(content)
        with pytest.raises(InvalidImages, match=r"broken\.png cannot be read as an image"):
            open_image(tmp_path / "broken.png")
        with pytest.raises(InvalidImages, match="row 3 cannot be read as an image"):
            open_image(content, "RGB", name="row 3")
    with pytest.raises(InvalidImages, match=r"none\.png"):
        open_image(tmp_path / "none.png")


@pytest.mark.parametrize(("pixels", "channels"), [(GREY, 1), (COLOUR, 3)], ids=["grey", "colour"])
@pytest.mark.parametrize("name", ["folder", "file.npz"])
def test_images_come_back_as_they_were_saved(tmp_path, pixels, channels, name):
    save_images(tmp_path / name, pixels)
    assert np.array_equal(load_images(tmp_path / name, channels=channels), pixels)
    assert channels_of(tmp_path / name) == channels


def test_a_single_file_is_a_set_of_one(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(GREY[0]))
    assert np.array_equal(load_images(tmp_path / "a.png", channels=1), GREY[:1])
    assert load_images(tmp_path / "a.png", channels=3).shape == (1, 8, 6, 3)


def test_sizes_that_differ_are_named(tmp_path):
    save_images(tmp_path, GREY)
    (tmp_path / "other.png").write_bytes(encoded(GREY[0, :5]))
    with pytest.raises(InvalidImages, match="images of 2 sizes"):
        load_images(tmp_path, channels=1)


def test_what_holds_no_images_is_named(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidImages, match="holds no images"):
        as_pixels(tmp_path / "empty", channels=1)
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InvalidImages, match="npz"):
        as_pixels(tmp_path / "cut.npz", channels=1)
    np.savez(tmp_path / "other.npz", tokens=GREY)
    with pytest.raises(InvalidImages, match=r"holds \['tokens'\], none of images"):
        as_pixels(tmp_path / "other.npz", channels=1)
    np.savez(tmp_path / "none.npz", images=GREY[:0])
    for source in (tmp_path / "none.npz", GREY[:0], GREY[0], np.zeros((3, 8, 8, 3), np.uint8)):
        with pytest.raises(InvalidImages, match=r"of 1 channel|has 3|holds no images"):
            as_pixels(source, channels=1)


def test_colour_images_have_their_channels():
    assert as_pixels(COLOUR, channels=3) is COLOUR
    with pytest.raises(InvalidImages, match="of 3 channel"):
        as_pixels(COLOUR[..., :2], channels=3)
