"""Images in class subfolders: their listing, the square in the middle, and random crops that come back alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tenfold.imaging.errors import InvalidImages, MissingImages
from tenfold.imaging.folders import CroppedImages, class_folders, cropped

SIDE, CLASSES = 16, 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images of each class, of different heights."""
    folder, draws = tmp_path_factory.mktemp("classes"), np.random.default_rng(0)
    for label in range(CLASSES):
        (folder / f"n{label}").mkdir()
        for number in range(12):
            pixels = (draws.integers(0, 85, (20 + number, 24, 3)) + 85 * label).astype(np.uint8)
            Image.fromarray(pixels).save(folder / f"n{label}" / f"{number}.png")
    return folder


def test_views_are_random_crops_that_come_back_alike(folder: Path) -> None:
    names, labels, classes = class_folders(folder)
    assert classes == ["n0", "n1", "n2"] and len(names) == 36 and labels[12] == 1
    data = CroppedImages(folder, names, labels, size=SIDE, resized=18, views=2, seed=3)
    (first, label), (again, _), (other, same) = data[4], data[4], data[40]
    assert len(data) == 72 and first.shape == (3, SIDE, SIDE) and label == same == 0
    assert torch.equal(first, again) and not torch.equal(first, other)
    with pytest.raises(InvalidImages, match="no crop of 16"):
        CroppedImages(folder, names, labels, size=SIDE, resized=12, views=1, seed=0)


def test_the_middle_of_an_image_is_cut_out(tmp_path: Path) -> None:
    pixels = np.zeros((8, 12, 3), np.uint8)
    pixels[:, 2:10] = 200
    Image.fromarray(pixels).save(tmp_path / "a.png")
    assert (cropped(tmp_path / "a.png", 8) == 200).all()
    (tmp_path / "b.png").write_text("nothing")
    with pytest.raises(InvalidImages, match=r"b\.png"):
        cropped(tmp_path / "b.png", 8)
    with pytest.raises(MissingImages, match="nowhere/<class>/<image>"):
        class_folders(tmp_path / "nowhere")
