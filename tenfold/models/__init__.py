"""Models as folders: weights in safetensors, a card, and what MLflow needs to load them; no pickles."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.models.folder import DamagedModel as DamagedModel
    from tenfold.models.folder import ForeignClass as ForeignClass
    from tenfold.models.folder import InvalidModel as InvalidModel
    from tenfold.models.folder import Model as Model
    from tenfold.models.folder import verify as verify
    from tenfold.models.folder import write as write
    from tenfold.models.loader import load as load
else:
    __getattr__, __dir__, __all__ = exports(__name__)
