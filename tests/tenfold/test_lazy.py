"""The public names of the packages."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import tenfold
from tenfold.lazy import exports

PACKAGES = ("tenfold.dp_john", "tenfold.hub", "tenfold.privacy", "tenfold.data", "tenfold.rendering", "tenfold.ocr")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_can_be_imported(package: str) -> None:
    module = import_module(package)
    assert module.__all__
    for name in module.__all__:
        assert getattr(module, name) is not None


KNOWN = {"tenfold.data": {"resolve"}, "tenfold.privacy": {"discrete_gaussian"}}  # until what depends on them runs anew


@pytest.mark.parametrize(
    "package", sorted(path.parent.name for path in Path(tenfold.__file__).parent.glob("*/__init__.py"))
)
def test_no_public_name_is_that_of_a_module(package: str) -> None:
    """Python puts a module into its package under its own name once it is imported, and a function there is hidden."""
    module = import_module(f"tenfold.{package}")
    modules = {path.stem for path in Path(module.__file__ or "").parent.iterdir()}
    assert set(getattr(module, "__all__", ())) & modules == KNOWN.get(f"tenfold.{package}", set())


def test_the_names_are_those_that_type_checkers_see() -> None:
    get, names, public = exports(import_module("tenfold.text").__name__)
    encoders, choices = ["EncoderMismatch", "InvalidOptions", "SentenceEncoder"], ["normalised", "parse_choice"]
    assert names() == public == [*encoders, "load_encoder", *choices]
    assert get("EncoderMismatch").__module__ == "tenfold.text.encoder"


def test_an_unknown_name_says_what_there_is() -> None:
    get, _, _ = exports(import_module("tenfold.text").__name__)
    with pytest.raises(AttributeError, match=r"no attribute 'nope'; it has \['EncoderMismatch', 'InvalidOptions'"):
        get("nope")


def test_importing_a_package_loads_none_of_its_modules() -> None:
    code = "import sys, tenfold.dp_john; print([m for m in sys.modules if m.startswith('tenfold.dp_john.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
