"""The forms in which images are shown to models and OCR engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from tenfold.mmr.items import ItemSet
from tenfold.mmr.prompts import Style
from tenfold.mmr.queries import Query
from tenfold.mmr.showing import Showing

View = Literal["native", "336", "672", "1024", "jpeg", "enlarged"]
NATIVE: View = "native"
JPEG = 75  # quality, that of the released code
ENLARGED = 2  # times


@dataclass(frozen=True)
class Seen:
    """How images are shown, and how many times an OCR engine enlarges them by itself."""

    showing: Showing
    enlarge: int = 1

    def one_per_image(self, items: ItemSet) -> Iterator[Query]:
        """Yield one query about each image, in order."""
        _, first = np.unique(items.images, return_index=True)
        return self.showing.queries(items.only(np.sort(first)))

    def queries(self, items: ItemSet, style: Style = "official", rotation: int = 0) -> Iterator[Query]:
        """Yield the query of each item, in order, options moved up by ``rotation`` lines, one image at a time."""
        return replace(self.showing, rotation=rotation).queries(items, style)


VIEWS: dict[View, Seen] = {
    "native": Seen(Showing()),
    "336": Seen(Showing(side=336)),
    "672": Seen(Showing(side=672)),
    "1024": Seen(Showing(side=1024)),
    "jpeg": Seen(Showing(jpeg=JPEG)),
    "enlarged": Seen(Showing(), ENLARGED),
}
