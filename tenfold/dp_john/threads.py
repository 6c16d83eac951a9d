"""One BLAS thread for small matrices, where handing work over costs as much as the work.

NumPy and SciPy carry an OpenBLAS each, whose idle threads spin: products of a block of rows gain about a
tenth from a second core that is free, and take several times as long where it is not.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

import scipy.linalg
import threadpoolctl


@cache
def _controller() -> threadpoolctl.ThreadpoolController:
    assert scipy.linalg, "loaded first, so that the controller finds its library too"
    return threadpoolctl.ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Return a context in which BLAS uses one thread."""
    return _controller().limit(limits=1, user_api="blas")
