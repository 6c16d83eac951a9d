"""MMR: a benchmark of reading in images, as it was released and with its scorer mended."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.mmr.errors import InvalidItem as InvalidItem
    from tenfold.mmr.errors import InvalidModel as InvalidModel
    from tenfold.mmr.errors import InvalidPredictions as InvalidPredictions
    from tenfold.mmr.errors import MissingImage as MissingImage
    from tenfold.mmr.errors import MMRError as MMRError
    from tenfold.mmr.errors import NoItems as NoItems
    from tenfold.mmr.items import Item as Item
    from tenfold.mmr.items import ItemSet as ItemSet
    from tenfold.mmr.items import read_items as read_items
    from tenfold.mmr.items import write_items as write_items
    from tenfold.mmr.predictions import Prediction as Prediction
    from tenfold.mmr.predictions import prediction_of as prediction_of
    from tenfold.mmr.predictions import read_predictions as read_predictions
    from tenfold.mmr.predictions import write_predictions as write_predictions
    from tenfold.mmr.queries import Model as Model
    from tenfold.mmr.queries import Query as Query
else:
    __getattr__, __dir__, __all__ = exports(__name__)
