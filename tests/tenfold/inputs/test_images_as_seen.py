"""Kind: an image is read as a viewer shows it: upright, all its greys, nothing that is transparent.

Joins: every module that reads image files; there is one reader, ``tenfold.imaging.files.open_image``.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tenfold.hub.images import decode_image
from tenfold.imaging.errors import InvalidImages
from tenfold.imaging.files import channels_of, load_images, open_image
from tenfold.imaging.folders import cropped

ROOT = Path(__file__).parents[3]
RAMP = np.arange(256, dtype=np.uint8).reshape(16, 16)
COLOUR = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def saved(folder: Path, image: Image.Image, name: str = "a.png", **how: Any) -> Path:
    folder.mkdir(exist_ok=True)
    image.save(folder / name, **how)
    return folder / name


READERS: dict[str, Callable[[Path], np.ndarray]] = {
    "open_image": lambda path: np.asarray(open_image(path, "RGB")),
    "bytes": lambda path: np.asarray(open_image(path.read_bytes(), "RGB")),
    "load_images": lambda path: load_images(path.parent, channels=3)[0],
    "cropped": lambda path: cropped(path, 16),
    "decode_image": lambda path: np.asarray(decode_image({"bytes": path.read_bytes(), "path": None}, "row 0")),
}


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_shows_what_a_viewer_shows(tmp_path: Path, reader: str) -> None:
    grey = np.repeat(RAMP[..., None], 3, axis=2)
    sixteen = Image.fromarray(RAMP.astype(np.uint16) * 257)
    assert np.array_equal(READERS[reader](saved(tmp_path / "sixteen", sixteen)), grey)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter, clockwise
    turned = saved(tmp_path / "turned", Image.fromarray(np.rot90(COLOUR)), exif=exif)
    assert np.array_equal(READERS[reader](turned), COLOUR)
    alpha = np.full((16, 16, 1), 255, dtype=np.uint8)
    alpha[:8], alpha[8] = 0, 51
    shown = READERS[reader](saved(tmp_path / "alpha", Image.fromarray(np.concatenate([COLOUR, alpha], axis=2))))
    assert (shown[:8] == 255).all() and np.array_equal(shown[9:], COLOUR[9:])
    assert np.abs(shown[8] - (0.2 * COLOUR[8] + 0.8 * 255)).max() <= 1
    palette = Image.fromarray(RAMP)
    see_through = READERS[reader](saved(tmp_path / "palette", palette, transparency=0))
    assert (see_through[0, 0] == 255).all() and np.array_equal(see_through[0, 1:], grey[0, 1:])


def test_grey_stays_grey_and_numbers_without_a_range_are_refused(tmp_path: Path) -> None:
    for folder, image in (
        ("sixteen", Image.fromarray(RAMP.astype(np.uint16) * 257)),
        ("alpha", Image.fromarray(np.stack([RAMP, RAMP], axis=2))),
        ("bilevel", Image.fromarray(RAMP > 100)),
    ):
        assert channels_of(saved(tmp_path / folder, image).parent) == 1
    assert np.array_equal(load_images(tmp_path / "sixteen", channels=1)[0], RAMP)
    with pytest.raises(InvalidImages, match="save it with 8 or 16 bits"):
        open_image(saved(tmp_path, Image.fromarray(RAMP.astype(np.float32)), "a.tiff"))


def test_a_file_that_is_too_large_to_be_an_image_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(InvalidImages, match=r"a\.png"):
        open_image(saved(tmp_path, Image.fromarray(RAMP)))


def test_there_is_one_reader() -> None:
    opening = re.compile(r"Image\.open\(|\bimread\(|decode_png|read_image\(")
    found = [
        path
        for part in ("tenfold", "steps")
        for path in (ROOT / part).rglob("*.py")
        if opening.search(path.read_text())
    ]
    assert [path.relative_to(ROOT).as_posix() for path in found] == ["tenfold/imaging/files.py"]


def test_bytes_and_files_say_the_same(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(COLOUR).save(buffer, "PNG")
    assert open_image(buffer.getvalue()).mode == "RGB"
