"""Items and their files: fields of the right types, and images that lie below their folder and nowhere else."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from tenfold.mmr.errors import InvalidItem
from tenfold.mmr.items import read_items, write_items
from tests.tenfold.mmr import small_items


@pytest.mark.parametrize(
    "file",
    ["/abs/mine.png", "../../x.png", "a/../../x.png", "..", "..\\x.png", "C:\\x.png", "\\\\host\\x.png", "a\0.png"],
)
def test_a_file_that_leads_out_of_its_folder_is_refused(file):
    with pytest.raises(InvalidItem, match=r"font_size/0: file = .* below images/"):
        replace(small_items.item("font_size"), file=file)


@pytest.mark.parametrize("file", ["", "x.png", "a/b/x.png", "..x..png", "a…b c.png", "a..b/x.png"])
def test_other_names_are_names(file):
    assert replace(small_items.item("font_size"), file=file).file == file


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("also", value) for value in ("hullo there", [1], [None], None, {"a": 1}, 3)),
        *((name, value) for name in ("width", "height") for value in ("600", -1, 1.5, True, None)),
        ("file", "../x.png"),
    ],
)
def test_a_field_of_another_type_is_named_with_its_line(tmp_path, field, value):
    good = asdict(small_items.item("font_size"))
    (tmp_path / "items.jsonl").write_text(f"{json.dumps(good)}\n{json.dumps(good | {'key': 'b', field: value})}\n")
    with pytest.raises(InvalidItem, match=rf"items\.jsonl:2: b: {field} = "):
        read_items(tmp_path)


def test_numpy_sizes_and_lists_of_references_come_back_as_they_were(tmp_path):
    item = replace(small_items.item("recognition_pos"), width=np.int64(60), height=np.uint8(40), also=("e", "é"))
    assert type(item.width) is int and type(item.height) is int
    write_items([item], tmp_path)
    assert read_items(tmp_path).rows == (item,)
