"""Samples to look at: one HTML page with images, boxes, messages, and why the scorer decided as it did."""

from typing import TYPE_CHECKING

from tenfold.lazy import exports

if TYPE_CHECKING:
    from tenfold.viewing.errors import InvalidSample as InvalidSample
    from tenfold.viewing.errors import PageTooLarge as PageTooLarge
    from tenfold.viewing.page import write_page as write_page
    from tenfold.viewing.sample import Box as Box
    from tenfold.viewing.sample import Message as Message
    from tenfold.viewing.sample import Option as Option
    from tenfold.viewing.sample import Sample as Sample
    from tenfold.viewing.sample import SampleImage as SampleImage
    from tenfold.viewing.sample import Verdict as Verdict
else:
    __getattr__, __dir__, __all__ = exports(__name__)
