"""What a step sees of its user's environment: threads, hashing and locale are fixed, settings that change numbers gone.

Sums are rounded in another order by another number of threads, and so every step has the same number on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

THREADS = 2  # of each library within a step; 1 where the step is one of several processes
COUNTS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
FIXED = {
    "OMP_DYNAMIC": "FALSE",
    "MKL_DYNAMIC": "FALSE",
    "PYTHONHASHSEED": "0",
    "PYTHONUTF8": "1",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "MPLBACKEND": "Agg",
    "MATPLOTLIBRC": os.devnull,  # an empty file: Matplotlib's own defaults
}
LIBRARIES: tuple[str, ...] = (
    "OMP_",
    "GOMP_",
    "KMP_",
    "MKL_",
    "OPENBLAS_",
    "GOTO_",
    "BLIS_",
    "VECLIB_",
    "NUMEXPR_",
    "ONEDNN_",
    "DNNL_",
)
LIBRARIES += ("NPY_", "NUMPY_", "SCIPY_", "ATEN_", "TORCH_", "PYTORCH_", "CUBLAS_", "NVIDIA_TF32_", "ACCELERATE_")
SYSTEM = ("MPL", "MATPLOTLIB", "PYTHON", "LC_", "LANG", "LD_PRELOAD", "GLIBC_TUNABLES")
KEPT = ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER")  # no number follows from these


class UnpinnedEnvironment(RuntimeError):
    """A step was called in the user's own environment."""


def pinned(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a step whose user has this one."""
    threads = str(THREADS if environment.get("WORLD_SIZE", "1") == "1" else 1)
    kept = {name: value for name, value in environment.items() if name in KEPT or not _left_out(name)}
    return kept | FIXED | dict.fromkeys(COUNTS, threads)


def require_pinned() -> None:
    """Raise UnpinnedEnvironment unless this process has such an environment."""
    if pinned(os.environ) != dict(os.environ):
        raise UnpinnedEnvironment("a step runs in an environment of its own; run it by: python -m steps")


def _left_out(name: str) -> bool:
    return name.startswith((*LIBRARIES, *SYSTEM)) or name.endswith("_NUM_THREADS")
