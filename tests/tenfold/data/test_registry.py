from __future__ import annotations

from pathlib import Path

import pytest

from tenfold.data.bundled import LOADERS, bundled_table
from tenfold.data.errors import ChecksumMismatch, InvalidRegistry
from tenfold.data.registry import Bundled, load_registry

WITHOUT_STAND_IN = {"easyocr"}  # an untrained reader would be none
SOURCES = Path(__file__).parents[3] / "data" / "sources.yaml"


def test_the_list_is_sound_and_every_official_sum_is_known():
    registry = load_registry(SOURCES)
    assert {name for name, source in registry.items() if source.bundled} == set(LOADERS)
    for source in registry.values():
        assert source.bundled or source.stand_in or source.name in WITHOUT_STAND_IN, source.name
        for file in source.official.files if source.official else ():
            assert (file.sha256 and file.size) or file.git_blob or file.git_tree, (source.name, file.name)


@pytest.mark.parametrize(
    "text, message",
    [
        ("a: [", "cannot be read as YAML"),
        ("- a", "must map each source's name"),
        ("a: 3", "a must be a mapping"),
        ("a: {title: A, kind: table, licence: x}", "name at least one of bundled, packaged, mirror, official"),
        ("a: {title: A, kind: table, licence: x, bundled: {sha256: abc}}", r"bundled\.sha256: String"),
        ("a: {title: A, kind: table, licence: x, colour: red}", "colour: Extra inputs are not permitted"),
    ],
)
def test_a_wrong_entry_is_named(tmp_path, text, message):
    path = tmp_path / "sources.yaml"
    path.write_text(text)
    with pytest.raises(InvalidRegistry, match=message):
        load_registry(path)


@pytest.mark.parametrize("path", ["/etc/passwd", "../other/file.csv", "a/../../b"])
def test_a_mirror_path_stays_in_the_mirror(write_registry, path):
    file = {"path": path, "sha256": "0" * 64, "size": 1}
    with pytest.raises(InvalidRegistry, match=r"mirror\.files\.0\.path"):
        write_registry(["http://host/file"], mirror={"reader": "csv", "files": [file]})


def test_an_unknown_reader_is_named(write_registry):
    file = {"path": "a.csv", "sha256": "0" * 64, "size": 1}
    with pytest.raises(InvalidRegistry, match="reader 'parquet' is none of"):
        write_registry(["http://host/file"], mirror={"reader": "parquet", "files": [file]})


def test_a_column_is_described_by_its_kind(write_registry):
    columns = {"letter": {"kind": "category", "range": [0, 1]}}
    with pytest.raises(InvalidRegistry, match="columns have a range, the others have values"):
        write_registry(["http://host/f"], table={"sha256": "0" * 64, "target": "letter", "columns": columns})


def test_bundled_arrays_are_checked():
    source = load_registry(SOURCES)["wine"]
    wrong = source.model_copy(update={"bundled": Bundled(sha256="0" * 64)})
    with pytest.raises(ChecksumMismatch, match=r"scikit-learn's wine: expected .* 0{64}, but came"):
        bundled_table(wrong)
