"""What was read of each arm's images, and what arms differ by, with intervals over prompts and seeds.

The images of a prompt are one cluster, and its sums are averaged over seeds first. What seeds differ by is not in the
bootstrap over prompts: Student's interval over the seeds' own values is, and the squares of both half widths are added.
With one seed the interval is over prompts alone, and says nothing about training. All values are × 100.

Legend:  P prompts · S seeds · C columns of `tenfold.artist.readings.COLUMNS`
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float

from steps.artist.canvas_sets import PromptRow
from steps.artist.compared_arms import Arm, Key, arms_of, common_seeds
from steps.artist.read import CANVAS, CROP, REAL, TEST_LAYOUTS
from tenfold.artist.readings import COLUMNS, edit_similarity, letter_accuracy, word_accuracy
from tenfold.metrics.bootstrap import Estimate, resample_counts
from tenfold.metrics.clustered import RESAMPLES
from tenfold.metrics.intervals import CONFIDENCE, student
from tenfold.metrics.measurement import Interval

Measure = Literal["words", "letters", "ned"]
MEASURES: dict[Measure, Callable[[Any], Any]] = {
    "words": word_accuracy,
    "letters": letter_accuracy,
    "ned": edit_similarity,
}
SAID: dict[Measure, str] = {
    "words": "words read exactly",
    "letters": "letters read right",
    "ned": "normalised edit similarity of words (AnyText's NED)",
}
GROUPS = MAIN, _, _, TOGETHER, _ = ("main", "unseen_font", "two_words", "one_or_two_words", "all")
OVER = "prompts and seeds"
ENGINE = "ppocr6"  # that of every verdict
SEED = 0  # of the resamples: the same prompts are drawn for all that is compared
DECIMALS = 9  # of all values: what lies beyond is rounding
Table = Float[np.ndarray, "S P C"]


class MissingReadings(ValueError):
    """A model's images were not read as often as there are prompts: run the step `read` again."""


@dataclass(frozen=True)
class Estimated(Estimate):
    """A value with its interval over ``n`` prompts and over ``seeds``."""

    seeds: int


@dataclass(frozen=True)
class Evidence:
    """Every arm, what was read on its images, and the prompts that these were asked by."""

    arms: Mapping[Key, Arm]
    prompts: tuple[PromptRow, ...]
    rows: Mapping[tuple[str, str, str, str], Sequence[Mapping[str, Any]]]
    _known: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        trained: Iterable[Mapping[str, Any]],
        prompts: Sequence[PromptRow],
        readings: Iterable[Mapping[str, Any]],
    ) -> Evidence:
        """Return the evidence of rows as the steps write them."""
        rows: dict[tuple[str, str, str, str], list[Mapping[str, Any]]] = {}
        for row in readings:
            rows.setdefault((row["engine"], row["mode"], row["model"], row["layouts"]), []).append(row)
        return cls(arms_of(trained), tuple(prompts), rows)

    @property
    def engines(self) -> tuple[str, ...]:
        """The engines that have read samples, that of the verdicts first."""
        found = {engine for engine, _, model, _ in self.rows if not model.startswith(REAL)}
        return tuple(sorted(found, key=lambda one: (one != ENGINE, one)))

    def readings(
        self, model: str, *, mode: str = CROP, engine: str = ENGINE, layouts: str = TEST_LAYOUTS
    ) -> Sequence[Mapping[str, Any]]:
        """Return the rows of one model's images, of the test's layouts or of planned ones; none where none was read."""
        return self.rows.get((engine, mode, model, layouts), ())

    def sums(self, arm: Arm, seeds: Sequence[int], engine: str = ENGINE, layouts: str = TEST_LAYOUTS) -> Table:
        """Return the sums of what was read, by seed and prompt. Raises MissingReadings."""
        return np.stack([self._of_model(arm.name(seed), engine, layouts) for seed in seeds])

    def _of_model(self, name: str, engine: str, layouts: str) -> Float[np.ndarray, "P C"]:
        if (name, engine, layouts) not in self._known:
            table = np.zeros((len(self.prompts), len(COLUMNS)))
            for row in self.readings(name, engine=engine, layouts=layouts):
                table[row["prompt"]] += [row[column] for column in COLUMNS]
            if not table[:, COLUMNS.index("images")].all():
                raise MissingReadings(f"{name}: {engine} has not read the images of every prompt; run `read` again")
            self._known[name, engine, layouts] = table
        return self._known[name, engine, layouts]

    def was_read(self, arm: Arm, engine: str = ENGINE, layouts: str = TEST_LAYOUTS) -> bool:
        """Say whether an engine has read the images of every seed of an arm."""
        return all(self.readings(arm.name(seed), engine=engine, layouts=layouts) for seed in arm.seeds)

    def ceiling(
        self, stage: str, engine: str = ENGINE, measure: Measure = "words", group: str = MAIN
    ) -> Estimate | None:
        """Return what an engine reads of real composites in their boxes × 100: what samples could have at best.

        Composite n of the prompts' stage has the words and boxes of prompt n, those of other stages as many words.
        """
        chosen = self.group(group)
        rows = [row for row in self.readings(f"{REAL}{stage}", engine=engine) if chosen[row["prompt"]]]
        if len(rows) < 2:
            return None
        sums = np.array([[row[column] for column in COLUMNS] for row in rows])
        return contrast([(1.0, sums[None])], MEASURES[measure])

    def group(self, name: str) -> Bool[np.ndarray, " P"]:
        """Return which prompts belong to a group.

        ``main``, by which most claims are judged, are those of one word in proportions of a design that training has
        seen; ``one_or_two_words`` has those of two words beside them.
        """
        tests: dict[str, Callable[[PromptRow], bool]] = {
            "all": lambda one: True,
            MAIN: lambda one: one.seen and len(one.keywords) == 1,
            "two_words": lambda one: len(one.keywords) == 2,
            TOGETHER: lambda one: one.seen,
            "unseen_font": lambda one: not one.seen,
        }
        return np.array([tests[name](one) for one in self.prompts], dtype=bool)


def accuracy(
    evidence: Evidence,
    arm: Arm,
    measure: Measure,
    *,
    group: str = MAIN,
    engine: str = ENGINE,
    layouts: str = TEST_LAYOUTS,
) -> Estimated | None:
    """Return what was read of an arm × 100; None for fewer than two prompts."""
    chosen = evidence.group(group)
    return contrast([(1.0, evidence.sums(arm, arm.seeds, engine, layouts)[:, chosen])], MEASURES[measure])


def difference(
    evidence: Evidence,
    first: Arm,
    second: Arm,
    measure: Measure,
    *,
    group: str = MAIN,
    engine: str = ENGINE,
    layouts: tuple[str, str] = (TEST_LAYOUTS, TEST_LAYOUTS),
) -> Estimated | None:
    """Return what was read of ``first`` less what was read of ``second`` × 100, paired by prompt and by seed.

    None where they have no seed in common, or for fewer than two prompts.
    """
    seeds, chosen = common_seeds(first, second), evidence.group(group)
    if not seeds:
        return None
    sides = ((1.0, first, layouts[0]), (-1.0, second, layouts[1]))
    terms = [(weight, evidence.sums(arm, seeds, engine, taken)[:, chosen]) for weight, arm, taken in sides]
    return contrast(terms, MEASURES[measure])


def contrast(terms: Sequence[tuple[float, Table]], statistic: Callable[[Any], Any]) -> Estimated | None:
    """Return the weighted sum of a statistic of sums × 100, each resample drawing the same prompts for all terms.

    None for fewer than two prompts, or where the statistic is not defined.
    """
    count = terms[0][1].shape[1]
    if count < 2:
        return None
    counts = _resamples(count)  # (R, P)

    def of(summed: Sequence[np.ndarray]) -> Any:
        return 100 * sum(weight * statistic(one) for (weight, _), one in zip(terms, summed, strict=True))

    value = float(of([table.mean(axis=0).sum(axis=0) for _, table in terms]))
    if np.isnan(value):
        return None
    draws = np.round(of([counts @ table.mean(axis=0) for _, table in terms]), DECIMALS)
    tails = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(draws, [tails, 1 - tails])
    of_seeds = [float(of([table[seed].sum(axis=0) for _, table in terms])) for seed in range(len(terms[0][1]))]
    return with_seeds(Estimate(round(value, DECIMALS), (float(low), float(high)), count), of_seeds)


@lru_cache(maxsize=8)
def _resamples(prompts: int) -> Float[np.ndarray, "R P"]:
    """Return how often each resample draws each prompt, the same for all that stands on as many prompts."""
    return resample_counts(prompts, RESAMPLES, np.random.default_rng(SEED))


def with_seeds(found: Estimate, of_seeds: Sequence[float]) -> Estimated:
    """Return an estimate over prompts, its interval widened by what its values per seed differ by."""
    ends = student(of_seeds) if len(of_seeds) > 1 else None
    half = 0.0 if ends is None else (ends[1] - ends[0]) / 2
    return Estimated(found.value, widened(found.value, found.interval, half), found.n, len(of_seeds))


def widened(value: float, interval: Interval, half: float) -> Interval:
    """Return an interval around ``value`` widened by another source of error, of this half width: squares add."""
    low, high = (float(np.hypot(end - value, half)) for end in interval)
    return value - low, value + high


def scaled(found: Estimate, factor: float) -> Estimate:
    """Return an estimate times a positive factor."""
    low, high = found.interval
    return Estimate(factor * found.value, (factor * low, factor * high), found.n)


def whole_canvases(evidence: Evidence, model: str, engine: str) -> tuple[list[list[str]], list[list[str]]]:
    """Return the words wanted and the lines read on each image of a model that was read whole."""
    rows = evidence.readings(model, mode=CANVAS, engine=engine)
    return [list(row["wanted"]) for row in rows], [list(row["read"]) for row in rows]
