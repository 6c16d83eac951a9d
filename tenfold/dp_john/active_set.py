"""placeholder"""

from __future__ import annotations
from tenfold.dp_john.wolfe_atwood import wolfe_atwood as active_set  # noqa
