"""Freed memory stays with the process."""

from __future__ import annotations

import platform
import subprocess
import sys

FAULTS = """
import resource, sys
import numpy as np
from steps.runtime.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()

def touch():  # 16 MiB in one block, then 64 MiB in blocks of 1 MiB
    np.ones(2 << 20), [np.ones(1 << 17) for _ in range(64)]

touch()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    touch()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) * resource.getpagesize() / 2**20)
"""


def fresh_megabytes(how: str) -> float:
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_blocks_are_not_asked_of_the_kernel_again():
    kept = fresh_megabytes("kept")  # elsewhere than in glibc asking is harmless, and that is all
    if platform.libc_ver()[0] == "glibc":
        assert fresh_megabytes("given back") > 400  # of the 800 MiB touched
        assert kept < 40
