"""Data sets of the hub: what is read from folders in the hub's format, and what is refused by name."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tenfold.hub.datasets import EXPORTED, load_split, resolve_commit
from tenfold.hub.errors import (
    EmptySplit,
    HubDataUnavailable,
    LabelOutOfRange,
    MissingColumn,
    UnknownConfiguration,
    UnknownSplit,
)
from tests.tenfold.hub import hub_folders


def test_a_split_says_what_it_was_and_what_is_wrong_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = hub_folders.sentences(4, "premise")
    tables = {"one": {"train": table, "test": hub_folders.sentences(0, "premise")}, "two": {"train": table}}
    folder = str(hub_folders.write_repository(tmp_path / "set", tables))
    found = load_split(folder, "train", columns=("premise", "label"), configuration="one")
    assert found.column("premise") == table["premise"] and found.labels("label").tolist() == [0, 1, 0, 1]
    record = found.origin.record()
    assert record["rows"] == 4 and record["configuration"] == "one" and record["commit"].startswith("sha256:")
    with pytest.raises(LabelOutOfRange, match="in row 0, no class number"):
        found.labels("premise")
    with pytest.raises(MissingColumn, match="premise, label, without hypothesis; name a data set"):
        load_split(folder, "train", columns=("premise", "hypothesis"), configuration="one")
    for configuration in ("three", None):
        with pytest.raises(UnknownConfiguration, match=r"(?s)one.*two"):
            load_split(folder, "train", columns=(), configuration=configuration)
    with pytest.raises(UnknownSplit, match="no split 'validation'"):
        load_split(folder, "validation", columns=(), configuration="one")
    with pytest.raises(EmptySplit, match="has no rows; name another"):
        load_split(folder, "test", columns=(), configuration="one")
    with pytest.raises(HubDataUnavailable, match="give the folder of a copy"):
        (tmp_path / "nothing").mkdir()
        load_split(str(tmp_path / "nothing"), "train", columns=())
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(HubDataUnavailable, match=r"pip install -c constraints.txt '\.\[hub\]'"):
        load_split(folder, "train", columns=())


def test_the_digest_of_a_folder_is_of_names_and_contents(tmp_path: Path) -> None:
    def digest() -> str:
        resolve_commit.cache_clear()
        return resolve_commit(str(tmp_path), "main")

    (tmp_path / "a").write_text("1")
    first = digest()
    (tmp_path / "a").write_text("2")
    second = digest()
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({first, second, digest()}) == 3


def test_of_the_hub_the_commit_is_asked_for_and_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets
    import huggingface_hub
    from huggingface_hub.errors import OfflineModeIsEnabled

    asked: list[Any] = []

    def dataset_info(self: Any, source: str, *, revision: str) -> Any:
        if source == "someone/offline":
            raise OfflineModeIsEnabled("no network")
        return SimpleNamespace(sha="c0ffee")

    def load_dataset(source: str, **options: Any) -> Any:
        asked.append(options)
        if source == "someone/script":
            raise RuntimeError("Dataset scripts are no longer supported, but found script.py")
        return datasets.Dataset.from_dict({"text": ["a"]})

    monkeypatch.setattr(huggingface_hub.HfApi, "dataset_info", dataset_info)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    found = load_split("someone/some", "train", columns=("text",), configuration="one", revision="main")
    assert found.origin.commit == "c0ffee" and found.origin.revision == "main"
    assert asked == [{"split": "train", "name": "one", "revision": "c0ffee"}]
    load_split("someone/some", "train", columns=("text",), configuration="one", revision=EXPORTED)
    assert asked[-1] == {"split": "train", "data_dir": "one", "revision": "c0ffee"}
    with pytest.raises(HubDataUnavailable, match=f"never run; set its revision to {EXPORTED}"):
        load_split("someone/script", "train", columns=())
    with pytest.raises(HubDataUnavailable, match="someone/offline at main is neither a folder nor"):
        load_split("someone/offline", "train", columns=())


def test_the_hubs_export_has_a_folder_a_configuration(tmp_path: Path) -> None:
    hub_folders.write_repository(
        tmp_path / "set", {"one": {"train": {"text": ["a"]}}, "two": {"train": {"text": ["b"]}}}
    )
    (tmp_path / "set" / "README.md").unlink()
    for configuration, text in (("one", "a"), ("two", "b")):
        found = load_split(
            str(tmp_path / "set"), "train", columns=("text",), configuration=configuration, revision=EXPORTED
        )
        assert found.column("text") == [text]
