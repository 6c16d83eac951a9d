"""One GPU each for GPU stages, whatever else runs on the machine."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from flows.execution import gpus


@pytest.fixture(autouse=True)
def apart(tmp_path, monkeypatch):
    """Locks and a list of GPUs of this test's own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(gpus.tempfile, "tempdir", None)
    monkeypatch.delenv("TENFOLD_PROCESSES", raising=False)
    gpus.visible_gpus.cache_clear()
    yield
    gpus.visible_gpus.cache_clear()


def never(_seconds: float) -> None:
    raise AssertionError("there was a free GPU")


def test_two_stages_have_two_gpus_and_a_third_waits(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    waited: list[float] = []

    class Enough(Exception):
        pass

    def once(seconds: float) -> None:
        waited.append(seconds)
        raise Enough

    both = Barrier(2)

    def hold() -> str:
        with gpus.held_gpu(True, never) as environment:
            both.wait(10)
            with pytest.raises(Enough), gpus.held_gpu(True, once):
                pass
            both.wait(10)
            return environment["CUDA_VISIBLE_DEVICES"]

    with ThreadPoolExecutor(2) as pool:
        assert sorted(item.result(20) for item in [pool.submit(hold), pool.submit(hold)]) == ["3", "5"]
    assert len(waited) == 2
    with gpus.held_gpu(True, never) as environment:
        assert environment == {"CUDA_VISIBLE_DEVICES": "3"}


@pytest.mark.parametrize(("gpu", "visible", "processes"), [(False, "0", "1"), (True, "", "1"), (True, "0", "2")])
def test_no_gpu_where_none_is_asked_for_there_or_all_are_shared(monkeypatch, gpu, visible, processes):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setenv("TENFOLD_PROCESSES", processes)
    with gpus.held_gpu(gpu, never) as environment:
        assert environment == {}


@pytest.mark.parametrize(("script", "expected"), [("echo 0; echo 1", ("0", "1")), ("exit 9", ())])
def test_the_driver_lists_the_gpus(tmp_path, monkeypatch, script, expected):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert gpus.visible_gpus() == expected
