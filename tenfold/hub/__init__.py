"""Data sets of the hub: splits with the commit that they came from, images, texts and word problems, all checked."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.hub.datasets import Origin as Origin
    from tenfold.hub.datasets import Split as Split
    from tenfold.hub.datasets import load_split as load_split
    from tenfold.hub.errors import HubDataError as HubDataError
    from tenfold.hub.images import HubImages as HubImages
    from tenfold.hub.images import Preprocessing as Preprocessing
    from tenfold.hub.images import image_splits as image_splits
    from tenfold.hub.texts import superglue_split as superglue_split
    from tenfold.hub.texts import text_tokens as text_tokens
    from tenfold.hub.word_problems import problems_to_test as problems_to_test
    from tenfold.hub.word_problems import training_problems as training_problems
else:
    __getattr__, __dir__, __all__ = exports(__name__)
