"""What an engine read on the images of queries, by their digest.

images = images_of(queries)
reading = read_pages(images, "ppocr6")  # of tenfold.ocr.page_files, which also keeps pages in files
model = OCRRules(reading.pages)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import UInt8

from tenfold.mmr.errors import MissingPage
from tenfold.mmr.queries import Query
from tenfold.ocr.page import Page
from tenfold.ocr.page_files import Pages
from tenfold.ocr.word_recall import Recall, recall

Pixels = UInt8[np.ndarray, "H W 3"]


def images_of(queries: Iterable[Query]) -> dict[str, Pixels]:
    """Return the images of some queries by their digest, each once; queries without an image are left out."""
    return {query.image_digest: query.image for query in queries if query.image is not None}


def page_of(pages: Pages, query: Query) -> Page:
    """Return the page of a query's image.

    Raises MissingPage if the query has no image, or its page is not among ``pages``.
    """
    digest = query.image_digest
    if not digest:
        raise MissingPage(f"{query.key}: a model that reads by OCR needs an image, and this item has none here")
    if digest not in pages:
        raise MissingPage(
            f"{query.key}: none of the {len(pages)} pages is of its image {digest[:12]}…, {query.image.shape[1]}×"  # type: ignore[union-attr]
            f"{query.image.shape[0]} pixels; read the images as they are shown, with images_of and read_pages"  # type: ignore[union-attr]
        )
    return pages[digest]


def reading_recall(truths: Pages, pages: Pages) -> Recall:
    """Return how many of the described words were read, with and without spaces, over the images of ``truths``.

    Raises MissingPage if a described image was not read, InvalidPages if nothing is described.
    """
    missing = [digest for digest in truths if digest not in pages]
    if missing:
        raise MissingPage(f"{len(missing)} of {len(truths)} described images were not read, such as {missing[0][:12]}…")
    return recall(list(truths.values()), [pages[digest] for digest in truths])
