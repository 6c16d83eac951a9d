"""Load a model's folder: ``tenfold.models.load(folder)``, or ``mlflow.pyfunc.load_model`` of a registered one."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from tenfold.models.folder import CLASS, DamagedModel, ForeignClass, Model, is_ours, verify


def load(folder: Path) -> Model:
    """Return the model that a folder holds, as an object of its own class.

    Raises InvalidModel, ForeignClass for a class that this library does not define, DamagedModel for files
    that are not the ones that were written.
    """
    from safetensors import SafetensorError

    name = verify(folder)
    module, kind = _split(name)
    try:
        found: Any = getattr(import_module(module), kind)
    except (ModuleNotFoundError, AttributeError):
        raise ForeignClass(
            f"this version of tenfold has no class {name}; use the version that wrote the model"
        ) from None
    if not is_ours(found, name):
        raise ForeignClass(f"{name} is no model class that tenfold defines; it is not loaded")
    try:
        return found.load(folder)
    except SafetensorError as error:
        raise DamagedModel(f"{folder}: {error}; fetch or train the model again") from None


def _load_pyfunc(path: str) -> Model:
    """MLflow's entry: return an object with ``predict``."""
    return load(Path(path))


def _split(name: str) -> tuple[str, str]:
    match = CLASS.fullmatch(name)
    assert match is not None, "verify lets no other name through"
    return match[1], match[2]
