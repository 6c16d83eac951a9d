"""Data: one list of sources, brought from a mirror, an official address or a stand-in, and always checked."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.data.registry import Source as Source
    from tenfold.data.registry import load_registry as load_registry
    from tenfold.data.resolve import Resolved as Resolved
    from tenfold.data.resolve import available_origin as available_origin
    from tenfold.data.resolve import resolve as resolve
    from tenfold.data.tables import numeric_columns as numeric_columns
    from tenfold.data.tables import numeric_matrix as numeric_matrix
    from tenfold.data.tables import read_schema as read_schema
    from tenfold.data.tables import read_table as read_table
    from tenfold.data.writing import write_source as write_source
else:
    __getattr__, __dir__, __all__ = exports(__name__)
