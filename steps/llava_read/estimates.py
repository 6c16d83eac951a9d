"""Shares of right answers and what arms differ by, with intervals over pages and seeds.

Answers are averaged over seeds question by question; the interval over pages is a bootstrap of whole pages, since the
questions of a page share its image and its OCR text. What seeds differ by is not in it: Student's interval over the
seeds' own values is, and the squares of both half widths are added. That is on the safe side, as the noise of a seed's
answers counts in both. With one seed the interval is over pages alone, and says nothing about training.

Legend:  N questions · K pages · S seeds · T terms of a contrast
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from steps.llava_read.predictions import TEST, Answers
from tenfold.llava_read.questions import SIGHT, Question
from tenfold.llava_read.scores import Measure, item_scores
from tenfold.metrics.bootstrap import Estimate, resample_counts
from tenfold.metrics.clustered import RESAMPLES, cluster_sums
from tenfold.metrics.intervals import CONFIDENCE, student

if TYPE_CHECKING:
    from tenfold.llava_read.pages import ReadingPage

DECIMALS = 9  # of all values: what lies beyond is rounding, and must not decide whether a value is at least zero
SEED = 0  # of the resamples: the same pages are drawn for all that is compared
MEASURE: Measure = "exact"  # that of every verdict
LOOKUPS = ("beside", "title", "value", "name")  # strata answered by a text whose place the question gives
BETWEEN = (10, 20)  # pixels per em, from and to: too small for 96 pixels a side, not for 256
DENSE = 12  # pixels per em at most
OVER = "pages and seeds"
Group = Callable[[Question], bool]

GROUPS: dict[str, Group] = {
    "all": lambda one: True,
    "text": lambda one: one.kind == "text",
    "relation": lambda one: one.kind == "relation",
    "colour": lambda one: one.stratum in ("colour", "bar colour"),
    "object": lambda one: one.stratum == "object",
    "chart": lambda one: one.kind == "chart" and one.stratum not in SIGHT,
    "receipt": lambda one: one.kind == "receipt",
    "sight": lambda one: one.stratum in SIGHT,
    "text_rich": lambda one: one.stratum not in SIGHT,
    "dense": lambda one: one.stratum not in SIGHT and 0 < one.text_size <= DENSE,
    "layout": lambda one: one.kind in ("relation", "chart") and one.stratum not in SIGHT,
    "between_sizes": lambda one: one.stratum in LOOKUPS and BETWEEN[0] <= one.text_size <= BETWEEN[1],
    "large": lambda one: one.stratum in LOOKUPS and one.text_size > BETWEEN[1],
}


@dataclass(frozen=True)
class Estimated(Estimate):
    """A value with its interval over ``n`` pages and over ``seeds``."""

    seeds: int


@dataclass(frozen=True)
class Asked:
    """The questions of a set, and every model's answers to them.

    ``naming`` says, by the id of each question, how often one of the page's things of the kind that is asked for, drawn
    at random, answers it.
    """

    name: str
    questions: tuple[Question, ...]
    answers: tuple[Answers, ...]
    naming: Mapping[str, float] = field(default_factory=dict)
    _known: dict[Any, np.ndarray] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def pages(self) -> np.ndarray:
        """The page of each question (N,)."""
        return np.array([question.page for question in self.questions])

    @cached_property
    def chance(self) -> Float[np.ndarray, " N"]:
        """How often the commonest answer of each question's stratum is right there: what needs no page."""
        counts: dict[str, Counter[str]] = {}
        for one in self.questions:
            counts.setdefault(one.stratum, Counter())[one.answers[0].casefold()] += 1
        shares = {stratum: max(found.values()) / found.total() for stratum, found in counts.items()}
        return np.array([shares[one.stratum] for one in self.questions])

    @cached_property
    def by_naming(self) -> Float[np.ndarray, " N"]:
        """How often any of the page's things is right, of the kind that is asked for; on receipts never."""
        return np.array([self.naming.get(one.id, 0.0) for one in self.questions])

    def group(self, name: str) -> Bool[np.ndarray, " N"]:
        """Return which questions belong to a group."""
        return np.array([GROUPS[name](question) for question in self.questions], dtype=bool)

    def scores(self, answers: Answers, seed: int, measure: Measure = MEASURE) -> Float[np.ndarray, " N"]:
        """Return the score of each answer of a model and seed."""
        key = (answers.arm, answers.code, answers.ocr_source, seed, measure)
        if key not in self._known:
            self._known[key] = item_scores(measure, self.questions, answers.replies[seed])
        return self._known[key]


def asked_of(
    questions: Mapping[str, Sequence[Question]], answers: Sequence[Answers], naming: Mapping[str, float]
) -> dict[str, Asked]:
    """Return each set that has questions with the answers to it; that of the drawn test pages always."""
    return {
        name: Asked(name, tuple(own), tuple(one for one in answers if one.asked == name), naming)
        for name, own in questions.items()
        if own or name == TEST
    }


def naming_of(pages: Iterable[ReadingPage]) -> dict[str, float]:
    """Return how often one of a page's things of the kind that is asked for, drawn at random, answers each question.

    Things are colours or shapes of its figures or bars, names or values of bars, texts of the column that has the
    answer, all texts where the title is asked for. By the id of each question, from the page's description; real
    receipts have none.
    """
    return {
        one.id: float(np.mean([thing in one.answers for thing in _things(page.description["facts"], one)]))
        for page in pages
        for one in page.questions
        if one.kind != "receipt"
    }


def _things(facts: Mapping[str, Any], asked: Question) -> list[str]:
    match asked.stratum:
        case "colour" | "object":
            return [figure["shape" if asked.stratum == "object" else "colour"] for figure in facts["figures"]]
        case "bar colour":
            return [bar["colour"] for bar in facts["bars"]]
        case "value":
            return [str(bar["value"]) for bar in facts["bars"]]
        case "name" | "extreme":
            return [bar["name"] for bar in facts["bars"]]
        case "title":
            return [facts["title"], *(text for row in facts["cells"] for text in row)]
        case _:
            columns = list(zip(*facts["cells"], strict=True))
            own = [column for column in columns if any(text in asked.answers for text in column)]
            return [text for column in own for text in column]


def share(asked: Asked, answers: Answers, chosen: np.ndarray, measure: Measure = MEASURE) -> Estimated | None:
    """Return the mean score × 100 of a model over the ``chosen`` questions; None for fewer than two pages."""
    per_seed = np.stack([asked.scores(answers, seed, measure) for seed in answers.seeds])
    return contrast(asked.pages, [(1.0, per_seed, chosen)])


def above_chance(asked: Asked, answers: Answers, chosen: np.ndarray) -> Estimated | None:
    """Return the mean score × 100 of a model, less that of the commonest answer of each stratum."""
    per_seed = np.stack([asked.scores(answers, seed) for seed in answers.seeds])
    return contrast(asked.pages, [(1.0, per_seed - asked.chance, chosen)])


def above_naming(asked: Asked, answers: Answers, chosen: np.ndarray) -> Estimated | None:
    """Return the mean score × 100 of a model, less that of naming one of the page's things at random."""
    per_seed = np.stack([asked.scores(answers, seed) for seed in answers.seeds])
    return contrast(asked.pages, [(1.0, per_seed - asked.by_naming, chosen)])


def largest_above_chance(asked: Asked, answers: Answers) -> tuple[Estimate, str] | None:
    """Return the largest mean score × 100 of a stratum less its commonest answer's, and that stratum.

    Each stratum has Clopper–Pearson's interval over its pages at the level that Bonferroni asks of so many strata, with
    the mean over seeds as its share. All hold at once, and the largest lies between the largest of their lower and of
    their upper ends. None without questions.
    """
    strata = np.array([one.stratum for one in asked.questions])
    names = sorted(set(strata.tolist()))
    mean = np.stack([asked.scores(answers, seed) for seed in answers.seeds]).mean(axis=0)
    tail = (1 - CONFIDENCE) / 2 / max(len(names), 1)
    found: list[tuple[float, float, float, int]] = []
    for name in names:
        own = strata == name
        n, chance = len(np.unique(asked.pages[own])), asked.chance[own].mean()
        ends = _clopper_pearson(float(mean[own].mean()), n, tail)
        value, low, high = (round(100 * float(one - chance), DECIMALS) for one in (mean[own].mean(), *ends))
        found.append((value, low, high, n))
    if not found:
        return None
    values, lows, highs, counts = zip(*found, strict=True)
    return Estimate(max(values), (max(lows), max(highs)), min(counts)), names[int(np.argmax(values))]


def _clopper_pearson(share: float, n: int, tail: float) -> tuple[float, float]:
    """Return the interval of a share of ``n`` that leaves ``tail`` on either side; hits need not be whole."""
    hits = share * n
    low = 0.0 if hits <= 0 else float(stats.beta.ppf(tail, hits, n - hits + 1))
    high = 1.0 if hits >= n else float(stats.beta.ppf(1 - tail, hits + 1, n - hits))
    return low, high


def difference(
    asked: Asked, first: Answers, second: Answers, chosen: np.ndarray, measure: Measure = MEASURE
) -> Estimated | None:
    """Return the mean score × 100 of ``first`` less that of ``second``, paired by page and by seed.

    Only seeds count that both have; None where they have none in common, or for fewer than two pages.
    """
    seeds = common_seeds(first, second)
    if not seeds:
        return None
    per_seed = np.stack([asked.scores(first, one, measure) - asked.scores(second, one, measure) for one in seeds])
    return contrast(asked.pages, [(1.0, per_seed, chosen)])


def common_seeds(*answers: Answers) -> tuple[int, ...]:
    """Return the seeds that all of several models have."""
    return tuple(sorted(set.intersection(*(set(one.seeds) for one in answers))))


def contrast(
    pages: np.ndarray, terms: Sequence[tuple[float, Float[np.ndarray, "S N"], Bool[np.ndarray, " N"]]]
) -> Estimated | None:
    """Return the weighted sum of means × 100, each of its scores over its questions, with its interval.

    ``terms`` are (weight, scores by seed, questions that count). None where a term's questions stand on fewer than
    two pages.
    """
    if any(len(np.unique(pages[chosen])) < 2 for _, _, chosen in terms):
        return None
    columns = [column for _, scores, chosen in terms for column in (scores.mean(axis=0) * chosen, chosen.astype(float))]
    sums = cluster_sums(pages, np.stack(columns, axis=1))  # (K, 2T)
    weights = np.array([weight for weight, _, _ in terms])
    value = float(_weighted(sums.sum(axis=0), weights))
    draws = np.round(_weighted(_resamples(len(sums)) @ sums, weights), DECIMALS)
    tails = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(draws, [tails, 1 - tails])
    n = int(np.count_nonzero(sums[:, 1::2], axis=0).min())
    found = Estimate(round(value, DECIMALS), (float(low), float(high)), n)
    of_seeds = [
        100 * sum(weight * scores[seed][chosen].mean() for weight, scores, chosen in terms)
        for seed in range(len(terms[0][1]))
    ]
    return with_seeds(found, of_seeds)


def _weighted(sums: Float[np.ndarray, "*R 2T"], weights: Float[np.ndarray, " T"]) -> Float[np.ndarray, "*R"]:
    """Return the weighted sum of means × 100 from sums of scores and counts; NaN where a term has no question."""
    above, below = sums[..., 0::2], sums[..., 1::2]
    means = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return 100 * (weights * means).sum(axis=-1)


@lru_cache(maxsize=8)
def _resamples(pages: int) -> Float[np.ndarray, "R K"]:
    """Return how often each resample draws each page, the same for all that stands on as many pages."""
    return resample_counts(pages, RESAMPLES, np.random.default_rng(SEED))


def with_seeds(found: Estimate, of_seeds: Sequence[float]) -> Estimated:
    """Return an estimate over pages, its interval widened by what its values per seed differ by.

    With one seed, or equal values, the interval is the one over pages.
    """
    ends = student(of_seeds) if len(of_seeds) > 1 else None
    half = 0.0 if ends is None else (ends[1] - ends[0]) / 2
    low, high = (float(np.hypot(end - found.value, half)) for end in found.interval)
    return Estimated(found.value, (found.value - low, found.value + high), found.n, len(of_seeds))
