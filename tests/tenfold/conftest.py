"""The command ``tenfold`` as its user types it, without a process for each call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tenfold.__main__ import main


@dataclass(frozen=True)
class Printed:
    """What a command wrote to standard output and to standard error."""

    out: str
    err: str


@pytest.fixture
def tenfold(capsys: pytest.CaptureFixture[str]) -> Callable[..., Printed]:
    """Return a function that runs a command and checks its exit status; a refusal is one named line at the end."""

    def call(*words: object, status: int = 0) -> Printed:
        found = main([str(word) for word in words])
        printed = Printed(*capsys.readouterr())
        assert found == status, printed
        if status == 1:
            assert ": " in printed.err.splitlines()[-1] and "Traceback" not in printed.err
        return printed

    return call
