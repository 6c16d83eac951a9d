"""How many threads BLAS may use: one for small matrices, where handing work over costs more than the work.

NumPy and SciPy carry an OpenBLAS each, whose idle threads spin for a while: two pools on the same cores make
a Cholesky factorisation of 300 rows ten times slower.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from typing import Any

import scipy.linalg
import threadpoolctl


@cache
def _controller() -> threadpoolctl.ThreadpoolController:
    assert scipy.linalg, "loaded first, so that the controller finds its library too"
    return threadpoolctl.ThreadpoolController()


def one_thread(small: bool) -> AbstractContextManager[Any]:
    """Return a context in which BLAS uses one thread if ``small``, and as many as before otherwise."""
    return _controller().limit(limits=1, user_api="blas") if small else nullcontext()
