"""A walk towards a target."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:  # the public names: each is imported from its module at first use
    from tenfold.toy.walk import Walk as Walk
else:
    __getattr__, __dir__, __all__ = exports(__name__)
