"""Photographs: from a tar, from single files and from scikit-learn, each with whom to credit."""

from __future__ import annotations

import io
import json
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tenfold.data.errors import CorruptArchive, TableMismatch
from tenfold.data.made_up_files import made_up_files
from tenfold.data.photographs import read_photographs
from tenfold.data.registry import StandIn
from tenfold.imaging.errors import InvalidImages


def test_scikit_learns_two_stand_in_and_name_their_authors(tmp_path):
    detail, files = made_up_files(StandIn(maker="photographs", seed=0))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    china, flower = read_photographs(tmp_path, longest=320)
    assert detail.startswith("STAND-IN PHOTOGRAPHS")
    assert (china.name, flower.name) == ("china", "flower") and china.pixels.shape == (214, 320, 3)
    assert "danielbuechele" in china.credit and flower.page.startswith("https://www.flickr.com/photos/vultilion")


def test_single_files_and_an_archive_read_alike_and_only_large_ones_are_reduced(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    files = {}
    for name, array in (("kodim01.png", pixels), ("commons_027.png", np.tile(pixels, (20, 20, 1)))):
        buffer = io.BytesIO()
        Image.fromarray(array).save(buffer, "PNG")
        files[name] = buffer.getvalue()
    (tmp_path / "single").mkdir()
    (tmp_path / "packed").mkdir()
    with tarfile.open(tmp_path / "packed" / "photos.tar", "w") as archive:
        for name, content in (*files.items(), ("sources.json", b"{}")):
            (tmp_path / "single" / name).write_bytes(content)
            member = tarfile.TarInfo(f"photos/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    single, packed = read_photographs(tmp_path / "single"), read_photographs(tmp_path / "packed")
    assert [one.name for one in single] == [one.name for one in packed] == ["commons_027", "kodim01"]
    assert all((one.pixels == other.pixels).all() for one, other in zip(single, packed, strict=True))
    assert single[0].pixels.shape == (512, 768, 3) and (single[1].pixels == pixels).all()
    assert "Krøyer" in single[0].credit and single[1].credit.startswith("Kodak")


def test_none_and_broken_ones_are_named(tmp_path):
    with pytest.raises(TableMismatch, match="holds no photographs"):
        read_photographs(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InvalidImages, match=r"a.png|, a"):
        read_photographs(tmp_path)
    (tmp_path / "a.png").unlink()
    (tmp_path / "photos.tar").write_bytes(b"broken")
    with pytest.raises(CorruptArchive, match="not a readable archive"):
        read_photographs(tmp_path)


@pytest.mark.skipif("TENFOLD_MIRROR" not in os.environ, reason="there is no mirror folder")
def test_every_photograph_of_the_mirror_is_credited_as_its_list_says():
    folder = Path(os.environ["TENFOLD_MIRROR"]) / "photos"
    listed = {row["file"][:-4]: row for row in json.loads((folder / "photo_sources.json").read_text(encoding="utf-8"))}
    found = read_photographs(folder)
    assert {one.name for one in found} == set(listed) and len(found) == 67
    for one in found:
        assert (one.credit, one.page) == (listed[one.name]["source"], listed[one.name]["page"])
