"""Texts as numbers of words, for readers that are trained here: lower case, no punctuation at the ends of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cached_property, lru_cache

from tenfold.debias.errors import InvalidItem
from tenfold.text.normalise import normalised

PADDING, UNKNOWN_WORD, END, ANSWER = "[padding]", "[unknown word]", "[end]", "[answer]"
SPECIAL = (PADDING, UNKNOWN_WORD, END, ANSWER)
MARKERS = ("[options]", "|", "[context]", "[question]", "[own]", "[peer]", "[centre]", "[decide]")


def words_of(text: str) -> list[str]:
    """Return the words of a text, normalised, and markers as they are: "[own] The man." is "[own]", "the", "man"."""
    found = []
    for part in text.split():
        word = _word(part)
        if word:
            found.append(word)
    return found


@lru_cache(maxsize=65536)
def _word(part: str) -> str:
    return part if part in MARKERS else normalised(part)


class Vocabulary:
    """The words that a reader knows; their numbers are their places, any other word is ``UNKNOWN_WORD``.

    Raises InvalidItem for a word that stands there twice.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        if len(set(self.words)) < len(self.words) or self.words[: len(SPECIAL)] != SPECIAL:
            raise InvalidItem(f"a vocabulary begins with {', '.join(SPECIAL)} and holds no word twice")

    @classmethod
    def of(cls, texts: Iterable[str]) -> Vocabulary:
        """Return the vocabulary of all words of some texts, the most frequent ones first."""
        counts = Counter(word for text in texts for word in words_of(text) if word not in MARKERS)
        return cls([*SPECIAL, *MARKERS, *sorted(counts, key=lambda word: (-counts[word], word))])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {word: place for place, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def number(self, word: str) -> int:
        return self._places.get(word, 1)

    def encode(self, text: str) -> list[int]:
        """Return the numbers of a text's words."""
        return [self.number(word) for word in words_of(text)]

    def decode(self, numbers: Iterable[int]) -> str:
        """Return words with spaces between them."""
        return " ".join(self.words[number] for number in numbers)
