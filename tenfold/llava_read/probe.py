"""How much text frozen visual features hold: a linear map and CTC along each word, whose place is known.

A word's features are sampled from the encoder's grid along its box, on a few rows, and mapped linearly to characters;
CTC (Graves et al. 2006) spells them. The place is given, which an OCR engine has to find: what the probe cannot read
there, the features do not hold in a form that a linear map could use.

Legend:  P pages · N words · B words of a batch · h, w rows and columns of the grid · D width of the features
         S places along a word · R rows · F = R·D · C characters and the blank
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import ctc_loss, grid_sample

from tenfold.llava_read.probe_pages import ProbePage
from tenfold.llava_read.reading_errors import InvalidProbe
from tenfold.metrics.clustered import Difference, cluster_sums, clustered_difference
from tenfold.ocr.page import Page
from tenfold.ocr.word_recall import recall
from tenfold.text.normalise import normalised

ALPHABET = string.ascii_lowercase + string.digits + ".,:/-'&"
PLACES, ROWS = 24, 3
BLANK = 0


@dataclass(frozen=True)
class ProbeWord:
    """A word in the form that it is compared in, its page's number, and its box in shares of the page."""

    page: int
    text: str
    box: tuple[float, float, float, float]


class ReadingProbe(nn.Module):
    """Characters along a word from standardised features: one linear map, nothing else is trained."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Float[Tensor, " F"], deviation: Float[Tensor, " F"], *, seed: int = 0) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.linear = nn.Linear(len(mean), 1 + len(ALPHABET))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.linear.reset_parameters()

    def forward(self, along: Float[Tensor, "B S F"]) -> Float[Tensor, "B S C"]:
        """Return the logarithms of the characters' probabilities at each place along each word."""
        return self.linear((along - self.mean) / self.deviation).log_softmax(dim=2)

    @torch.no_grad()
    def read(self, features: Float[Tensor, "P h w D"], words: Sequence[ProbeWord]) -> list[str]:
        """Return what is spelt at each word's place: the likeliest characters, repeats and blanks taken out."""
        found = []
        for row in self(along_words(features, words)).argmax(dim=2).tolist():
            kept = [one for place, one in enumerate(row) if one != BLANK and (not place or one != row[place - 1])]
            found.append("".join(ALPHABET[one - 1] for one in kept))
        return found


@torch.no_grad()
def along_words(features: Float[Tensor, "P h w D"], words: Sequence[ProbeWord]) -> Float[Tensor, "N S F"]:
    """Return the features at ``ROWS`` rows of ``PLACES`` places in each word's box, the rows' side by side."""
    result = torch.empty(len(words), PLACES, ROWS * features.shape[3])
    for page in sorted({word.page for word in words}):
        own = [number for number, word in enumerate(words) if word.page == page]
        places = _places([words[number] for number in own])  # (n, R, S, 2)
        grid = features[page].permute(2, 0, 1)[None]  # (1, D, h, w)
        sampled = grid_sample(grid, places.flatten(0, 1)[None], align_corners=False, padding_mode="border")
        result[own] = sampled[0].unflatten(1, (len(own), ROWS)).permute(1, 3, 2, 0).flatten(2)  # (n, S, R·D)
    return result


def probe_words(pages: Sequence[ProbePage]) -> list[ProbeWord]:
    """Return the words of pages with their boxes.

    Raises InvalidProbe, with the word, for one that has no letters, cannot be spelt in the alphabet, or is too long.
    """
    words = []
    for number, page in enumerate(pages):
        wide, high = page.truth.width, page.truth.height
        for word in page.truth.words:
            text = normalised(word.text)
            repeats = sum(one == other for one, other in pairwise(text))
            if not text or not set(text) <= set(ALPHABET) or len(text) + repeats > PLACES:
                raise InvalidProbe(f"{page.id}: {word.text!r} cannot be spelt in {PLACES} places of {ALPHABET!r}")
            x0, y0, x1, y1 = word.box
            words.append(ProbeWord(number, text, (x0 / wide, y0 / high, x1 / wide, y1 / high)))
    return words


def train_probe(
    features: Float[Tensor, "P h w D"],
    words: Sequence[ProbeWord],
    *,
    updates: int,
    seed: int,
    batch: int = 64,
    learning_rate: float = 3e-3,
) -> ReadingProbe:
    """Fit a probe by CTC with Adam, the rate falling to 0 by a cosine; the features get no gradient.

    Raises InvalidProbe for features that are not one finite grid per page, no words, or a page without features.
    """
    _check(features, words)
    along = along_words(features.detach(), words)
    probe = ReadingProbe(along.mean(dim=(0, 1)), along.std(dim=(0, 1)).clamp_min(1e-6), seed=seed)
    spelt = [_spelt(word) for word in words]
    optimizer = torch.optim.Adam(probe.linear.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, updates)
    generator = np.random.default_rng(seed)
    for _ in range(updates):
        chosen = generator.integers(0, len(words), batch).tolist()
        loss = _spelling_loss(probe(along[chosen]), [spelt[number] for number in chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return probe.eval()


@torch.no_grad()
def spelling_loss(probe: ReadingProbe, features: Float[Tensor, "P h w D"], words: Sequence[ProbeWord]) -> float:
    """Return the mean CTC loss of words, nats per letter: what to choose a probe's learning rate by, on other pages.

    Raises InvalidProbe as ``train_probe`` does.
    """
    _check(features, words)
    return float(_spelling_loss(probe(along_words(features, words)), [_spelt(word) for word in words]))


def probe_recall(
    probe: ReadingProbe, features: Float[Tensor, "P h w D"], words: Sequence[ProbeWord]
) -> Float[np.ndarray, " P"]:
    """Return the share of each page's words that the probe spells letter by letter; NaN for a page without words.

    Raises InvalidProbe as ``train_probe`` does.
    """
    _check(features, words)
    hits = np.array([read == word.text for read, word in zip(probe.read(features, words), words, strict=True)])
    pages = np.array([word.page for word in words])
    found = np.bincount(pages, weights=hits, minlength=len(features))
    counts = np.bincount(pages, minlength=len(features))
    return np.divide(found, counts, out=np.full(len(features), np.nan), where=counts > 0)


def engine_recall(pages: Sequence[ProbePage], read: Sequence[Page], *, spaces: bool = True) -> Float[np.ndarray, " P"]:
    """Return the share of each page's words that an engine read, as words or, without ``spaces``, as letters at least.

    Raises InvalidProbe unless there is one page read per page.
    """
    if len(pages) != len(read):
        raise InvalidProbe(f"{len(pages)} pages and {len(read)} that were read: pair them up")
    counts = [recall([page.truth], [came]) for page, came in zip(pages, read, strict=True)]
    return np.array([one.word_recall if spaces else one.spaceless_recall for one in counts])


def slope_difference(
    axis: Float[np.ndarray, " N"],
    first: Float[np.ndarray, " N"],
    second: Float[np.ndarray, " N"],
    pages: Sequence[str],
    *,
    seed: int,
) -> Difference | None:
    """Return how much steeper ``first`` rises with ``axis`` than ``second``: the interaction of reader and axis.

    ``first`` and ``second`` are the recalls of two readers on the same pages, ``axis`` is what they are plotted
    against, such as the number of words or log2 of the size in pixels. The interval is over ``pages``; None where the
    axis has one value only. Raises InvalidProbe for rows of different lengths or values that are not finite.
    """
    rows = [np.asarray(one, dtype=float) for one in (axis, first, second)]
    if len({len(one) for one in (*rows, pages)}) != 1 or not all(np.isfinite(one).all() for one in rows):
        raise InvalidProbe(f"slopes need finite rows of one length, not {[len(one) for one in (*rows, pages)]}")
    x, names = rows[0], np.asarray(pages)
    steep, other = (cluster_sums(names, np.stack([np.ones_like(x), x, x * x, y, x * y], axis=1)) for y in rows[1:])
    return clustered_difference(steep, other, _slope, seed=seed, parts=_count)


def _slope(sums: np.ndarray) -> np.ndarray:
    """Return the slope of least squares from the sums of 1, x, x², y and xy; NaN where all x are the same."""
    n, x, xx, y, xy = np.moveaxis(np.asarray(sums, dtype=float), -1, 0)
    spread = n * xx - x * x
    flat = spread <= 1e-9 * np.maximum(n * xx, 1e-300)
    return np.where(flat, np.nan, (n * xy - x * y) / np.where(flat, 1.0, spread))


def _count(sums: np.ndarray) -> np.ndarray:
    """Return 1 for every page that counts, since a page by itself has no slope."""
    return np.where(np.asarray(sums)[..., :1] > 0, 1.0, np.nan)


def _spelt(word: ProbeWord) -> list[int]:
    return [1 + ALPHABET.index(letter) for letter in word.text]


def _spelling_loss(chances: Float[Tensor, "B S C"], spelt: Sequence[Sequence[int]]) -> Tensor:
    """Return the CTC loss of each word by its letters, their mean."""
    return ctc_loss(
        chances.transpose(0, 1),  # (S, B, C)
        torch.tensor([letter for word in spelt for letter in word]),
        torch.full((len(spelt),), PLACES),
        torch.tensor([len(word) for word in spelt]),
        blank=BLANK,
    )


def _places(words: Sequence[ProbeWord]) -> Float[Tensor, "B R S 2"]:
    """Return where features are sampled: ``ROWS`` rows of ``PLACES`` places in each box, from -1 to 1."""
    boxes = torch.tensor([word.box for word in words])  # (B, 4)
    along, down = (torch.arange(count) + 0.5 for count in (PLACES, ROWS))
    x = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * along / PLACES  # (B, S)
    y = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * down / ROWS  # (B, R)
    x, y = x[:, None, :].expand(-1, ROWS, -1), y[:, :, None].expand(-1, -1, PLACES)
    return 2 * torch.stack([x, y], dim=3) - 1


def _check(features: Tensor, words: Sequence[ProbeWord]) -> None:
    if features.ndim != 4 or not torch.isfinite(features).all():
        raise InvalidProbe(f"features are finite grids (P, h, w, D), not {tuple(features.shape)} with NaN or infinity")
    if not words or max(word.page for word in words) >= len(features):
        raise InvalidProbe(f"{len(words)} words need the features of their pages; there are {len(features)} pages")
