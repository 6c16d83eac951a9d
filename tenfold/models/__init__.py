"""Models as folders: weights in safetensors, a card, and what MLflow needs to load them; no pickles."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "DamagedModel": "folder",
        "ForeignClass": "folder",
        "InvalidModel": "folder",
        "Model": "folder",
        "load": "loader",
        "verify": "folder",
        "write": "folder",
    },
)
