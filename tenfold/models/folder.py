"""A model's folder: model.safetensors, README.md (its card), model.json (its class and checksums), MLmodel.

model.json names a class of this library and the sha256 of every file of the model; MLmodel is MLflow's
description, whose python_function flavour loads the folder through ``tenfold.models.loader``.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np

WEIGHTS, CARD, INDEX, MLMODEL = "model.safetensors", "README.md", "model.json", "MLmodel"
EXAMPLE, LARGEST_EXAMPLE = "input_example.json", 20_000  # and how many numbers it may hold
LOADER = "tenfold.models.loader"
CLASS = re.compile(r"(tenfold(?:\.[A-Za-z_]\w*)+)\.([A-Za-z_]\w*)")


class InvalidModel(ValueError):
    """An object or a folder is no model of this form."""


class ForeignClass(InvalidModel):
    """A model's class is not one of this library's; it is not loaded, since loading runs its code."""


class DamagedModel(InvalidModel):
    """A model's files are not the ones that were written."""


@runtime_checkable
class Model(Protocol):
    """What a class offers to be kept as a model."""

    def save(self, folder: Path) -> None:
        """Write model.safetensors, and JSON files beside it if need be, into ``folder``."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the model that ``save`` wrote, from its files alone, without pickles."""

    def predict(self, inputs: Any) -> Any:
        """Return predictions, one row an input."""


def write(folder: Path, model: Model | Path, card: str, example: np.ndarray | None = None) -> None:
    """Write a model, an object or a folder written before, with its card into the new ``folder``.

    The shapes and types of ``example`` and of its predictions become the signature that MLflow checks inputs
    against, and the last line of the card; zeros of its shape become MLflow's input example. Its values are not kept.
    Needs an object, not a folder.
    Raises InvalidModel (ForeignClass, DamagedModel), or whatever ``save`` raises; there is no folder then.
    """
    folder.mkdir(parents=True)
    try:
        _write(folder, model, card, example)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)  # half a model is none
        raise


def _write(folder: Path, model: Model | Path, card: str, example: np.ndarray | None) -> None:
    if isinstance(model, Path):
        if example is not None:
            raise InvalidModel("an example needs the model as an object, not as a folder")
        name = verify(model)
        shutil.copytree(model, folder, dirs_exist_ok=True)
    else:
        name = _name(model)
        model.save(folder)
        flavour = {"loader_module": LOADER, "python_version": platform.python_version()}
        description: dict[str, Any] = {"flavors": {"python_function": flavour}}
        if example is not None:
            outputs = np.asarray(model.predict(example))
            card = f"{card.rstrip()}\n\n`predict` takes {_words(example)} and returns {_words(outputs)}.\n"
            description["signature"] = {"inputs": _specification(example), "outputs": _specification(outputs)}
            if example.size <= LARGEST_EXAMPLE:
                description["saved_input_example_info"] = {"artifact_path": EXAMPLE, "type": "ndarray"}
                zeros = json.dumps(np.zeros_like(example).tolist())
                (folder / EXAMPLE).write_text(zeros + "\n", encoding="utf-8")
        (folder / MLMODEL).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")  # JSON is YAML
    _check_weights(folder)
    (folder / CARD).write_text(card, encoding="utf-8")
    ours = (CARD, INDEX, MLMODEL)
    sums = {path.name: _sha256(path) for path in sorted(folder.iterdir()) if path.name not in ours}
    (folder / INDEX).write_text(json.dumps({"class": name, "sha256": sums}, indent=1) + "\n", encoding="utf-8")


def verify(folder: Path) -> str:
    """Return the name of the model's class, after checking every file of the model against its sha256.

    Raises InvalidModel if the folder holds no model, ForeignClass for a class outside this library,
    DamagedModel for a file that is missing or changed.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        name, sums = index["class"], dict(index["sha256"])
    except FileNotFoundError:
        raise InvalidModel(f"{folder} holds no {INDEX}, so it is no model of this library") from None
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedModel(f"{folder / INDEX} cannot be read ({error}); fetch or train the model again") from None
    if not (isinstance(name, str) and CLASS.fullmatch(name)):
        raise ForeignClass(f"{folder / INDEX} names the class {name!r}; only classes inside tenfold are loaded")
    if WEIGHTS not in sums:
        raise DamagedModel(f"{folder / INDEX} names no {WEIGHTS}; fetch or train the model again")
    for file, expected in sums.items():
        path = folder / Path(file).name
        if not path.is_file():
            raise DamagedModel(f"{path} is missing; fetch or train the model again")
        found = _sha256(path)
        if found != expected:
            raise DamagedModel(
                f"{path} has sha256 {found[:12]}… instead of {str(expected)[:12]}…: it is damaged or was "
                f"changed; fetch or train the model again"
            )
    return name


def is_ours(kind: Any, name: str) -> bool:
    """Whether ``kind``, found under ``name``, is a model class that this library itself defines."""
    defined = isinstance(kind, type) and kind.__module__.split(".")[0] == "tenfold"
    return bool(CLASS.fullmatch(name)) and defined and all(hasattr(kind, verb) for verb in ("save", "load", "predict"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name(model: Any) -> str:
    """Return the name that finds the model's class again."""
    kind = type(model)
    name = f"{kind.__module__}.{kind.__qualname__}"
    found = getattr(sys.modules.get(kind.__module__), kind.__qualname__, None)
    if not CLASS.fullmatch(name):
        raise ForeignClass(f"{name} cannot be kept as a model; only classes inside tenfold are loaded")
    if found is not kind or not is_ours(kind, name):
        raise InvalidModel(f"{name} cannot be kept as a model; it needs save, load and predict at a module's top level")
    return name


def _check_weights(folder: Path) -> None:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(folder / WEIGHTS, framework="np"):
            pass
    except FileNotFoundError:
        raise InvalidModel(f"the model wrote no {WEIGHTS} into its folder") from None
    except SafetensorError as error:
        raise DamagedModel(f"{folder / WEIGHTS} is no safetensors file ({error})") from None


def _words(array: np.ndarray) -> str:
    return f"{array.dtype.name} ({', '.join(map(str, ('N', *array.shape[1:])))})"


def _specification(array: np.ndarray) -> str:
    shape = [-1, *array.shape[1:]]
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": array.dtype.name, "shape": shape}}])
