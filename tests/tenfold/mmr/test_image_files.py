"""Files of images beside what items say of them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PIL import Image

from tenfold.imaging.errors import InvalidImages
from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.image_files import check_sizes, image_size, why_absent, with_sizes
from tenfold.mmr.items import IMAGES, ItemSet, write_items
from tenfold.mmr.predictions import Prediction
from tenfold.mmr.score_report import both_scores
from tests.tenfold.mmr import small_items

WIDTH, HEIGHT = small_items.WIDTH, small_items.HEIGHT


@pytest.fixture
def unsized(items) -> ItemSet:
    """The small items without sizes."""
    return ItemSet(items.name, tuple(replace(one, width=0, height=0) for one in items.rows), items.folder)


def test_items_about_boxes_learn_their_images_sizes(unsized):
    found = with_sizes(unsized)
    assert {(one.width, one.height) for one in found.rows if one.task.startswith("grounding")} == {(WIDTH, HEIGHT)}
    assert {(one.width, one.height) for one in found.rows if not one.task.startswith("grounding")} == {(0, 0)}
    assert found.folder == unsized.folder and [one.key for one in found.rows] == [one.key for one in unsized.rows]


def test_what_an_item_says_stays_and_so_does_one_without_its_image(unsized):
    first, second = (replace(small_items.item("grounding_o", number), width=7 * number, height=9) for number in (0, 1))
    (unsized.folder / IMAGES / first.file).unlink()
    rows = (first, second)
    assert with_sizes(ItemSet("two", rows, unsized.folder)).rows == rows
    assert with_sizes(ItemSet("two", rows)).rows == rows


def test_a_size_is_that_of_the_image_as_it_is_seen(tmp_path):
    path, exif = tmp_path / "turned.jpg", Image.Exif()
    exif[0x0112] = 6  # turn by a quarter
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert image_size(path) == (20, 30)
    path.write_bytes(b"xx")
    with pytest.raises(InvalidImages, match=r"turned\.jpg"):
        image_size(path)


def test_boxes_in_pixels_are_scored_by_the_size_of_the_file(unsized):
    chosen = unsized.only([place for place, one in enumerate(unsized.rows) if one.task == "grounding_o"])
    sides = (WIDTH, HEIGHT, WIDTH, HEIGHT)
    replies = [
        Prediction(
            one.key, json.dumps([share * side for share, side in zip(json.loads(one.answer), sides, strict=True)])
        )
        for one in chosen.rows
    ]
    assert both_scores(chosen, replies, "pixels")["mended"].total == len(chosen)
    with pytest.raises(InvalidItem, match="need the image's size"):
        both_scores(ItemSet("apart", chosen.rows), replies, "pixels")


@pytest.mark.parametrize("says", [{"width": 6}, {"height": 4}, {"width": HEIGHT, "height": WIDTH}])
def test_another_size_than_the_file_s_is_refused(items, says):
    path, one = items.image_path(items.rows[0]), items.rows[0]
    check_sizes([one, replace(one, width=0), replace(one, width=0, height=0)], path, WIDTH, HEIGHT)
    with pytest.raises(InvalidItem, match=r"recognition_label/0: .* has 60 × 40; mend or leave out"):
        check_sizes([one, replace(one, **says)], path, WIDTH, HEIGHT)


def test_an_absent_image_is_named_with_the_path_that_was_tried(items):
    one = items.rows[0]
    assert why_absent(items, one) == ""
    assert "names no file" in why_absent(items, replace(one, file=""))
    assert "no folder" in why_absent(ItemSet("apart", items.rows), one)
    assert why_absent(items, replace(one, file="poster.png")).endswith(
        f"no file {items.folder / IMAGES / 'poster.png'}"
    )
    said = why_absent(items, replace(one, file="Image-0.PNG"))
    assert said.endswith("Image-0.PNG, but 'image-0.png', which differs in upper and lower case")
    assert "no file" in why_absent(items, replace(one, file="no/such/place.png"))


def test_a_run_names_the_image_that_is_not_there(tenfold, items, tmp_path):
    (items.folder / IMAGES / "image-0.png").rename(items.folder / IMAGES / "Image-0.png")
    said = tenfold("mmr", "run", "--model", "page_dump", "--items", items.folder, "--out", tmp_path / "r", status=1).err
    assert "11 of 22 items of items have no image here" in said and "hub-images" not in said
    assert str(items.folder / IMAGES / "image-0.png") in said and "'Image-0.png', which differs in upper" in said


def test_a_size_that_is_not_the_file_s_ends_a_run_before_anything_is_asked(tenfold, items, tmp_path):
    rows = [replace(one, width=6) if one.key == "grounding_o/1" else one for one in items.rows]
    write_items(rows, items.folder)
    command = ("mmr", "run", "--model", "random", "--items", items.folder, "--out", tmp_path / "run")
    assert "grounding_o/1: the image is said to be 6 × 40 pixels" in tenfold(*command, status=1).err
    assert not (tmp_path / "run").exists()


def test_replies_in_pixels_need_no_sizes_in_items(tenfold, unsized, tmp_path):
    write_items(unsized.rows, unsized.folder)
    command = ("mmr", "run", "--model", "oracle", "--items", unsized.folder, "--out", tmp_path / "run")
    tenfold(*command, "--convention", "pixels")
    assert (tmp_path / "run" / "scores.json").is_file()
    tenfold("mmr", "score", tmp_path / "run", "--convention", "pixels")
