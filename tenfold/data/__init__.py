"""Data: one list of sources, brought from a mirror, an official address or a stand-in, and always checked."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "load_registry": "registry",
        "Source": "registry",
        "resolve": "resolve",
        "available_origin": "resolve",
        "Resolved": "resolve",
        "write_source": "writing",
        "read_table": "tables",
        "read_schema": "tables",
        "numeric_columns": "tables",
        "numeric_matrix": "tables",
    },
)
