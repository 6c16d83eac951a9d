"""Fonts as sources: from a package, from the mirror, and what stands in for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tenfold.data.packaged import package_folder
from tenfold.data.registry import find_source, load_registry
from tenfold.data.resolve import resolve
from tenfold.data.writing import write_source
from tenfold.rendering.fonts import fonts_in

REGISTRY = load_registry(Path(__file__).parents[3] / "data" / "sources.yaml")
PACKAGED = ("caladea", "fredoka_one", "manrope", "source_sans", "source_serif")


def brought(name: str, out: Path, *, policy: str, mirror: Path | None = None):
    resolved = resolve(name, registry=REGISTRY, mirror=mirror, policy=policy, downloads=out / "downloads")
    write_source(resolved, find_source(REGISTRY, name), out / name)
    return resolved


@pytest.mark.parametrize("name", ["fonts", *PACKAGED])
def test_dejavu_and_stix_stand_in_for_fonts_with_their_licences(name, tmp_path):
    resolved = brought(name, tmp_path, policy="only")
    fonts = fonts_in(tmp_path / name)
    assert resolved.detail.startswith("STAND-IN FONTS") and "STIX" in resolved.licence
    assert len(fonts) == 6 and len({font.design for font in fonts}) == 4


@pytest.mark.skipif("TENFOLD_MIRROR" not in os.environ, reason="there is no mirror folder")
def test_the_fonts_of_the_mirror_have_open_licences(tmp_path):
    brought("fonts", tmp_path, policy="forbid", mirror=Path(os.environ["TENFOLD_MIRROR"]))
    fonts = fonts_in(tmp_path / "fonts")
    assert len(fonts) == 31 and len({font.design for font in fonts}) == 27
    assert {font.licence for font in fonts} == {"SIL Open Font License 1.1", "Apache-2.0"}


@pytest.mark.parametrize("name", PACKAGED)
def test_the_packages_of_fonts_carry_the_listed_files(name, tmp_path):
    if package_folder(find_source(REGISTRY, name)) is None:
        pytest.skip("the package is not installed")
    resolved = brought(name, tmp_path, policy="forbid")
    fonts = fonts_in(tmp_path / name)
    assert resolved.origin == "packaged" and len(fonts) == len(resolved.files)
    assert {font.licence for font in fonts} == {REGISTRY[name].licence}
