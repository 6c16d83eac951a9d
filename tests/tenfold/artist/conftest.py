"""Tiny pipelines that several files of tests look at, made once."""

from __future__ import annotations

import pytest

from tests.tenfold.artist.tiny_pipelines import stable_diffusion, trained_pipeline


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return stable_diffusion(tmp_path_factory.mktemp("stable-diffusion"))


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    return trained_pipeline(tmp_path_factory.mktemp("trained") / "artist")
