"""A model of an engine's errors by the height of the type: lines missed, spaces lost, letters taken for others.

It is fitted on pages whose words are known and that the engine has read, and then misreads described pages. An engine's
errors come together: most lines are read as they stand, and a few have most of the errors. So it is drawn first whether
a line is misread at all, then what happens to its letters, one by one. Errors of different lines are independent given
the height, which an engine's are not: compare the recalls of both on other pages before use
(`tenfold.ocr.word_recall.recall`), and call whatever comes of it simulated.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from tenfold.ocr.errors import InvalidPages
from tenfold.ocr.page import Line, Page, Word, words_of_line

HEIGHTS = (0.0, 7.0, 9.0, 11.0, 14.0, 19.0, float("inf"))  # pixels of a line's ink
ENOUGH = 100  # letters, below which a height takes the rates of the nearest one that has as many
DELETED = ""
TRIES = 16  # draws of a misread line's errors until there is one
FEWEST = 0.25  # expected errors of a draw, so that one comes in so many draws


@dataclass(frozen=True)
class Rates:
    """What happens to a line of one range of heights: chances per line, and of a misread one per space and letter.

    ``misread_line`` is a share of the lines that are not missed; a misread one is drawn until it has an error.
    """

    missed_line: float
    misread_line: float
    lost_space: float
    changed_letter: float
    lost_letter: float
    added_letter: float


@dataclass(frozen=True)
class NoiseModel:
    """Rates by height of the line, and what letters are taken for; ``engine`` is the one that it was fitted to."""

    engine: str
    rates: tuple[Rates, ...]
    confusions: Mapping[str, Mapping[str, float]]

    @classmethod
    def fitted(cls, truths: Sequence[Page], pages: Sequence[Page]) -> NoiseModel:
        """Return the model of the engine that read ``pages``, of the images on which ``truths`` stand.

        Heights with fewer than 100 letters have the rates of the nearest height that has more; where none has, all
        lines count together. Raises InvalidPages if the numbers of pages differ, there are none, or several engines
        read them.
        """
        engines = {page.engine for page in pages}
        if len(truths) != len(pages) or len(engines) != 1:
            raise InvalidPages(
                f"{len(truths)} pages of truth, {len(pages)} pages read by {sorted(engines)}: pair them up"
            )
        counts = [Counter[str]() for _ in pairwise(HEIGHTS)]
        confusions: dict[str, Counter[str]] = defaultdict(Counter)
        for truth, page in zip(truths, pages, strict=True):
            for line in truth.lines:
                _count(line, _read_on(line, page), counts[_height_class(line)], confusions)
        shares = {
            letter: {other: count / sum(taken.values()) for other, count in sorted(taken.items())}
            for letter, taken in sorted(confusions.items())
        }
        return cls(engines.pop(), tuple(map(_rates, _borrowed(counts))), shares)

    def misread(self, page: Page, generator: np.random.Generator) -> tuple[Word, ...]:
        """Return the words of a page as the engine might have read them, their boxes in proportion to the letters."""
        words: list[Word] = []
        number = 0
        for line in page.lines:
            rates = self.rates[_height_class(line)]
            if generator.random() < rates.missed_line:
                continue
            text = line.text
            if generator.random() < rates.misread_line:
                text = self._misread_line(text, rates, generator)
            words += words_of_line(text, line.box, 1 - rates.misread_line * rates.changed_letter, number)
            number += 1
        return tuple(words)

    def _misread_line(self, text: str, rates: Rates, generator: np.random.Generator) -> str:
        """Return a line with an error at least, where one comes in ``TRIES`` draws."""
        for _ in range(TRIES):
            found = self._misread_text(text, rates, generator)
            if found != text:
                return found
        return text

    def _misread_text(self, text: str, rates: Rates, generator: np.random.Generator) -> str:
        letters = []
        for letter, chance in zip(text, generator.random(len(text)).tolist(), strict=True):
            if letter == " ":
                letters.append(DELETED if chance < rates.lost_space else letter)
            elif chance < rates.lost_letter:
                letters.append(DELETED)
            elif chance < rates.lost_letter + rates.changed_letter:
                letters.append(self._taken_for(letter, generator))
            elif chance < rates.lost_letter + rates.changed_letter + rates.added_letter:
                letters.append(letter + letter)
            else:
                letters.append(letter)
        return "".join(letters)

    def _taken_for(self, letter: str, generator: np.random.Generator) -> str:
        """Return what a letter is taken for; one that the fit never saw mistaken is taken for any other that was."""
        others = self.confusions.get(letter) or dict.fromkeys(sorted(set(self.confusions) - {letter}), 1.0)
        if not others:
            return letter
        chances = np.array(list(others.values()))
        return list(others)[int(generator.choice(len(others), p=chances / chances.sum()))]

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        rates = [vars(one) for one in self.rates]
        return {"engine": self.engine, "rates": rates, "confusions": {k: dict(v) for k, v in self.confusions.items()}}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> NoiseModel:
        """Return the model that ``to_json`` wrote."""
        return cls(content["engine"], tuple(Rates(**one) for one in content["rates"]), content["confusions"])


def _height_class(line: Line) -> int:
    height = line.box[3] - line.box[1]
    return next(number for number, (low, high) in enumerate(pairwise(HEIGHTS)) if low <= height < high)


def _read_on(line: Line, page: Page) -> str:
    """Return what was read where a line stands: the words whose middle is inside it, from left to right."""
    x0, y0, x1, y1 = line.box
    reach = 0.25 * (y1 - y0)
    inside = []
    for word in page.words:
        left, top, right, bottom = word.box
        if x0 - reach <= (left + right) / 2 <= x1 + reach and y0 - reach <= (top + bottom) / 2 <= y1 + reach:
            inside.append(word)
    return " ".join(word.text for word in sorted(inside, key=lambda word: word.box[0]))


def _count(line: Line, read: str, counts: Counter[str], confusions: Mapping[str, Counter[str]]) -> None:
    """Add up what happened to a line: an alignment of least edits says which letter became which."""
    from rapidfuzz.distance import Levenshtein

    spaces = line.text.count(" ")
    letters = len(line.text) - spaces
    counts["lines"] += 1
    counts["letters seen"] += letters
    if not read:
        counts["missed"] += 1
        return
    counts["read"] += 1
    if read == line.text:
        return
    counts["misread"] += 1
    counts["spaces"] += spaces
    counts["letters"] += letters
    for edit in Levenshtein.editops(line.text, read):
        wanted = line.text[edit.src_pos] if edit.src_pos < len(line.text) else DELETED
        came = read[edit.dest_pos] if edit.dest_pos < len(read) else DELETED
        if edit.tag == "insert":
            counts["added"] += came != " "
        elif wanted == " ":
            counts["spaces lost"] += 1
        elif edit.tag == "delete" or came == " ":
            counts["lost"] += 1
        else:
            counts["changed"] += 1
            confusions[wanted][came] += 1


def _borrowed(counts: Sequence[Counter[str]]) -> list[Counter[str]]:
    """Return the counts of each height, or those of the nearest height with enough letters; the lower of two."""
    rich = [number for number, one in enumerate(counts) if one["letters seen"] >= ENOUGH]
    if not rich:
        return [sum(counts, Counter[str]())] * len(counts)
    return [counts[min(rich, key=lambda other: (abs(other - number), other))] for number in range(len(counts))]


def _rates(counts: Counter[str]) -> Rates:
    def rate(hits: str, of: str) -> float:
        return counts[hits] / counts[of] if counts[of] else 0.0

    errors = sum(counts[kind] for kind in ("spaces lost", "changed", "lost", "added"))
    drawn = _share_of_draws(errors / counts["misread"]) if errors else 1.0
    return Rates(
        missed_line=rate("missed", "lines"),
        misread_line=rate("misread", "read"),
        lost_space=drawn * rate("spaces lost", "spaces"),
        changed_letter=drawn * rate("changed", "letters"),
        lost_letter=drawn * rate("lost", "letters"),
        added_letter=drawn * rate("added", "letters"),
    )


def _share_of_draws(errors: float) -> float:
    """Return by what rates are to be multiplied if draws without an error are repeated.

    Where a draw has λ errors on average (Poisson), those that are kept have λ / (1 − exp(−λ)), which shall be
    ``errors``, the mean per misread line.
    """
    mean = errors
    for _ in range(100):
        mean = errors * -math.expm1(-mean)
    return max(mean, FEWEST) / errors
