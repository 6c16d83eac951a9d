"""A model comes back as it was, or is refused by name: damaged files, foreign classes, no model at all."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from tenfold.models.folder import DamagedModel, ForeignClass, InvalidModel, Model, verify, write
from tenfold.models.loader import load


class Line:
    """y = slope · x."""

    def __init__(self, slope: np.ndarray) -> None:
        self.slope = slope

    def save(self, folder: Path) -> None:
        save_file({"slope": self.slope}, folder / "model.safetensors")

    @classmethod
    def load(cls, folder: Path) -> Line:
        return cls(load_file(folder / "model.safetensors")["slope"])

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return inputs @ self.slope


class Mute(Line):
    predict = None  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def planted(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of the library with a model class."""
    module = ModuleType("tenfold.planted")
    for name, kind in {"Line": Line, "Mute": Mute}.items():
        made = type(name, (kind,), {"__module__": "tenfold.planted", "__qualname__": name})
        setattr(module, name, made)
    module.Popen = type("Popen", (Line,), {"__module__": "subprocess"})  # type: ignore[attr-defined]
    module.system = os.system  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tenfold.planted", module)
    return module


@pytest.fixture
def line(planted: ModuleType) -> Model:
    return planted.Line(np.array([1.0, -2.0, 0.5]))


X = np.random.default_rng(0).normal(size=(5, 3))


def test_a_model_comes_back(line: Model, tmp_path: Path):
    assert isinstance(line, Model)
    write(tmp_path / "line", line, "# A line\n", X)
    again = load(tmp_path / "line")
    assert type(again) is type(line) and np.array_equal(again.predict(X), line.predict(X))
    names = ["MLmodel", "README.md", "input_example.json", "model.json", "model.safetensors"]
    assert sorted(os.listdir(tmp_path / "line")) == names
    card = (tmp_path / "line/README.md").read_text()
    assert card == f"# A line\n\n`predict` takes float64 (N, {X.shape[1]}) and returns float64 (N).\n"
    example = json.loads((tmp_path / "line/input_example.json").read_text())
    assert np.array_equal(example, np.zeros_like(X))
    write(tmp_path / "copy", tmp_path / "line", "# Another card\n")
    assert np.array_equal(load(tmp_path / "copy").predict(X), line.predict(X))
    assert (tmp_path / "copy/README.md").read_text() == "# Another card\n"


def test_the_same_model_is_the_same_bytes_and_an_example_leaves_no_values(line: Model, tmp_path: Path):
    for name in ("one", "two"):
        write(tmp_path / name, line, "card", X)
    files = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert not any(str(value)[:8].encode() in content for value in X.ravel() for content in files.values())


CLASSES = [
    "os.system",
    "subprocess.Popen",
    "tenfold.planted.Popen",
    "tenfold.planted.system",
    "tenfold.lazy.exports",
    "tenfold.planted.Absent",
    "tenfold.absent.Line",
    "tenfold",
    "tenfold.",
    ".tenfold.planted.Line",
    "tenfold.planted.Line\n",
    "tenfold..planted.Line",
    "tenfoldish.planted.Line",
    "tenfold.planted:Line",
    "",
    7,
    None,
]


@pytest.mark.parametrize("name", CLASSES)
def test_only_model_classes_of_this_library_are_loaded(line: Model, tmp_path: Path, name):
    write(tmp_path / "line", line, "card")
    index = json.loads((tmp_path / "line/model.json").read_text())
    (tmp_path / "line/model.json").write_text(json.dumps(index | {"class": name}))
    with pytest.raises(ForeignClass):
        load(tmp_path / "line")


def test_only_model_classes_of_this_library_are_kept(tmp_path: Path, planted: ModuleType):
    with pytest.raises(ForeignClass, match="only classes inside tenfold"):
        write(tmp_path / "a", Line(np.ones(3)), "card")
    del planted.Line
    kind = type("Line", (Line,), {"__module__": "tenfold.planted", "__qualname__": "Line"})
    with pytest.raises(InvalidModel, match="at a module's top level"):
        write(tmp_path / "b", kind(np.ones(3)), "card")


def test_every_damage_is_named(line: Model, tmp_path: Path):
    write(tmp_path / "line", line, "card")
    weights = tmp_path / "line" / "model.safetensors"
    whole = weights.read_bytes()
    for position in range(len(whole)):
        weights.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        with pytest.raises(DamagedModel, match=r"model\.safetensors has sha256 .* fetch or train the model again"):
            load(tmp_path / "line")
    for content in (whole[:-1], whole + b"x", b""):
        weights.write_bytes(content)
        with pytest.raises(DamagedModel, match="is damaged or was changed"):
            load(tmp_path / "line")
    weights.unlink()
    with pytest.raises(DamagedModel, match=r"model\.safetensors is missing"):
        load(tmp_path / "line")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"class": "tenfold.planted.Line"}', '{"class": 1, "sha256": 2}']
)
def test_a_broken_index_is_named(line: Model, tmp_path: Path, text):
    write(tmp_path / "line", line, "card")
    (tmp_path / "line/model.json").write_text(text)
    with pytest.raises(DamagedModel, match=r"model\.json"):
        load(tmp_path / "line")


def test_weights_that_never_were_safetensors(planted: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    model = planted.Line(np.ones(3))
    monkeypatch.setattr(planted.Line, "save", lambda self, folder: (folder / "model.safetensors").write_bytes(b"half"))
    with pytest.raises(DamagedModel, match="is no safetensors file"):
        write(tmp_path / "half", model, "card")
    monkeypatch.setattr(planted.Line, "save", lambda self, folder: None)
    with pytest.raises(InvalidModel, match=r"wrote no model\.safetensors"):
        write(tmp_path / "none", model, "card")


def test_a_folder_must_hold_a_model(line: Model, tmp_path: Path):
    with pytest.raises(InvalidModel, match=r"holds no model\.json"):
        verify(tmp_path)
    write(tmp_path / "line", line, "card")
    with pytest.raises(InvalidModel, match="as an object"):
        write(tmp_path / "copy", tmp_path / "line", "card", X)


def test_a_name_in_the_index_cannot_lead_outside_the_folder(line: Model, tmp_path: Path):
    write(tmp_path / "line", line, "card")
    (tmp_path / "secret").write_text("x")
    index = json.loads((tmp_path / "line/model.json").read_text())
    index["sha256"]["../secret"] = "0" * 64
    (tmp_path / "line/model.json").write_text(json.dumps(index))
    with pytest.raises(DamagedModel, match=r"line/secret is missing"):
        load(tmp_path / "line")
