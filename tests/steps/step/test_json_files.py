"""JSON files as steps write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps.step.json_files import read_json, write_json


def test_what_is_written_comes_back(tmp_path: Path):
    content = {"ε": [1.0, 0.1 + 0.2], "none": None}
    write_json(tmp_path / "a.json", content)
    assert read_json(tmp_path / "a.json") == content
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert '"ε"' in text and text.endswith("}\n")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_json_is_not_written(tmp_path: Path, value: float):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": value})
    assert not (tmp_path / "a.json").exists()
