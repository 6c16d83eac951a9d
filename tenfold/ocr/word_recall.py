"""How much of what stands on pages an engine reads: words with their spaces, words whatever the spaces, letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tenfold.ocr.errors import InvalidPages
from tenfold.ocr.page import Page
from tenfold.text.normalise import normalised


@dataclass(frozen=True)
class Recall:
    """Counts over pages: words that stand there, that were read as words, and whose letters were read at all."""

    words: int
    found: int
    found_without_spaces: int
    read: int

    @property
    def word_recall(self) -> float:
        """The share of words that were read as words of their own."""
        return self.found / self.words

    @property
    def spaceless_recall(self) -> float:
        """The share of words whose letters stand in what was read; "Totalrevenue" holds both of "Total revenue"."""
        return self.found_without_spaces / self.words

    @property
    def precision(self) -> float:
        """The share of what was read that stands on the pages; 0 where nothing was read."""
        return self.found / self.read if self.read else 0.0


def recall(truths: Sequence[Page], pages: Sequence[Page]) -> Recall:
    """Return how many words of ``truths`` an engine read on the same images, each occurrence counted once.

    Texts are compared in the form of `tenfold.text.normalise.normalised` (case, width and outer punctuation do not
    count); words of punctuation alone are left out. A word counts without spaces if it stands in what was read on its
    page with all spaces taken out, the longest words first and no letter for two words: an upper bound, since "at" is
    also found in "seat". Raises InvalidPages if the numbers of pages differ, or no words are there to be read.
    """
    if len(truths) != len(pages):
        raise InvalidPages(f"{len(truths)} pages of truth cannot be compared with {len(pages)} that were read")
    counts = [_counts(truth, page) for truth, page in zip(truths, pages, strict=True)]
    words, found, spaceless, read = (sum(column) for column in zip(*counts, strict=True)) if counts else (0, 0, 0, 0)
    if not words:
        raise InvalidPages("the pages hold no words, so that there is no recall")
    return Recall(words, found, spaceless, read)


def _counts(truth: Page, page: Page) -> tuple[int, int, int, int]:
    wanted, came = _normal(truth), _normal(page)
    hits = sum((Counter(wanted) & Counter(came)).values())
    rest = "".join(came)
    spaceless = 0
    for word in sorted(wanted, key=lambda one: (-len(one), one)):
        if word in rest:
            spaceless += 1
            rest = rest.replace(word, "\n", 1)  # taken: no letter serves two words
    return len(wanted), hits, spaceless, len(came)


def _normal(page: Page) -> list[str]:
    """Return the words of a page in the order in which they are read, in normal form, without those of punctuation."""
    found = (normalised(word.text) for word in page.words)
    return [word for word in found if word]
