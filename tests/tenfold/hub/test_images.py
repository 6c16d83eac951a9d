"""Images of the hub: decoded, cropped, seen again in training, and refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tenfold.hub.errors import (
    LabelOutOfRange,
    UndecodableImage,
    UnknownTask,
)
from tenfold.hub.images import HubImages, Preprocessing, center_crop, image_splits, random_resized_crop
from tests.tenfold.hub import hub_folders

PREPROCESSING = Preprocessing(8, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def test_images_are_decoded_as_they_are_asked_for(tmp_path: Path) -> None:
    train, test, columns = image_splits(str(hub_folders.images(tmp_path / "cifar100")), "main")
    assert len(train) == 24 and len(test) == 9 and train.classes("fine_label") == 3
    images = HubImages(train, columns, [5, 0, 1], PREPROCESSING)
    batch, labels = images[:2]
    assert batch.shape == (2, 3, 8, 8) and labels.tolist() == [2, 0] and len(images) == 3
    one, label = images[1]
    assert torch.equal(one, batch[1]) and int(label) == 0
    assert float(batch.min()) >= -1 and float(batch[0].mean()) > float(batch[1].mean())
    assert len(images.first(2)) == 2
    seen = images.augmented(4, seed=0)
    assert len(seen) == 12 and torch.equal(seen[7][0], seen[7][0]) and int(seen[7][1]) == int(images[1][1])
    assert not torch.equal(seen[1][0], seen[4][0]) and not torch.equal(seen[1][0], images.augmented(4, 1)[1][0])


def test_images_that_cannot_serve_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownTask, match="known are cifar100, food101, tiny-imagenet"):
        image_splits("someone/flowers", "main")
    broken = [{"bytes": hub_folders.png(0), "path": None}] * 23 + [{"bytes": b"no image", "path": None}]
    train, _, columns = image_splits(str(hub_folders.images(tmp_path / "a" / "cifar100", img=broken)), "main")
    with pytest.raises(
        UndecodableImage, match=r"train, row 23 cannot be read .* \(8 bytes\); bring the data set again"
    ):
        HubImages(train, columns, range(24), PREPROCESSING)[:]
    train, _, columns = image_splits(str(hub_folders.images(tmp_path / "b" / "cifar100", fine_label=[-1] * 24)), "main")
    with pytest.raises(LabelOutOfRange, match=r"is -1 in row 0, of 0 … 2; 24 rows"):
        HubImages(train, columns, range(24), PREPROCESSING)


def test_random_crops_are_within_the_image_and_of_all_sizes() -> None:
    from PIL import Image

    across = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (120, 200, 3))
    image, generator = Image.fromarray(np.ascontiguousarray(across)), np.random.default_rng(0)
    crops = [np.asarray(random_resized_crop(image, 16, generator))[8, :, 0].astype(int) for _ in range(300)]
    widths = np.array([abs(crop[-1] - crop[0]) for crop in crops])
    assert widths.min() < 50 and widths.max() > 140
    mirrored = np.mean([crop[0] > crop[-1] for crop in crops])
    assert 0.4 < mirrored < 0.6
    shapeless = random_resized_crop(Image.new("RGB", (400, 3)), 16, generator)  # no shape that is allowed fits
    assert shapeless.size == (16, 16)
    assert np.asarray(center_crop(image, 60))[30, :, 0].mean() == pytest.approx(99.5, abs=1)
