"""How far an arm's backgrounds are from those of real composites, words taken out: ``fd_bg``, which is not FID."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from steps.artist.arm_setup import ARTIST, VISUAL_ONLY
from steps.artist.canvas_sets import PromptRow, real_composites, stages_of
from steps.artist.compared_arms import Arm, Budget, Key, common_seeds
from steps.artist.estimates import Evidence, scaled, widened, with_seeds
from steps.artist.measurements import STAGES, arm_of, told
from steps.artist.train_background_classifier import CLASSIFIER
from tenfold.metrics.intervals import student
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import estimated, measured, unavailable

if TYPE_CHECKING:
    from tenfold.artist.layouts import Layout
    from tenfold.metrics.bootstrap import Estimate
    from tenfold.metrics.metric_classifier import MetricClassifier

FEATURES = 24  # of the classifier: a distance takes more images than these
BLURRED = "blur"
PER_CENT = "per cent"
Sampled = tuple[np.ndarray, Sequence["Layout"]]  # images (N, H, W, 3) with their layouts


def distances(
    evidence: Evidence, prepared: Path, classifiers: Path, images: dict[str, Path], size: int
) -> tuple[dict[str, Measurement], pd.DataFrame]:
    """Return the measurements of ``fd_bg``, and a row per model of every stage.

    Each model's first image of each prompt is set against the real composite of as many prompts.
    """
    found, rows = dict[str, Measurement](), list[dict[str, Any]]()
    for stage in stages_of(prepared) if len(evidence.prompts) > FEATURES else ():
        measure = Distances(evidence, prepared, classifiers, images, stage)
        rows += measure.rows()
        if stage in STAGES:
            found[f"fd_bg_sees_blur_{stage}"] = measure.control()
            found[f"fd_bg_artist_excess_{stage}"] = excess = measure.excess(size)
            found[f"fd_bg_artist_excess_longer_{stage}"] = measure.excess(size, "compute")
            found[f"fd_bg_half_width_{stage}"] = half_width(excess)
            found[f"fd_bg_photographs_{stage}"] = measure.of_photographs()
    for stage in STAGES:
        said = unavailable(f"this profile has no {stage} stage, or no more than {FEATURES} prompts")
        for name in ("sees_blur", "artist_excess", "artist_excess_longer", "half_width", "photographs"):
            found.setdefault(f"fd_bg_{name}_{stage}", said)
    return found, pd.DataFrame(rows, columns=["arm", "stage", "size", "budget", "seed", "fd_bg", "low", "high"])


def half_width(excess: Measurement) -> Measurement:
    """Return half the width of an interval: the least excess that these images can tell from none."""
    if excess.unavailable is not None:
        return excess
    low, high = excess.bounds
    return measured((high - low) / 2, PER_CENT, "half the width of the interval of the excess: what can be told")


class Distances:
    """The distances of one stage, each model's images read once."""

    def __init__(
        self, evidence: Evidence, prepared: Path, classifiers: Path, images: dict[str, Path], stage: str
    ) -> None:
        from tenfold.metrics.metric_classifier import MetricClassifier

        self.evidence, self.images, self.stage = evidence, images, stage
        self.prompts: Sequence[PromptRow] = evidence.prompts
        real = real_composites(prepared, stage)
        count = min(len(real), len(self.prompts))
        self.real: Sampled = (real.images[:count], real.layouts[:count])
        self.photographs = real.photographs[:count]
        self.classifier: MetricClassifier = MetricClassifier.load(classifiers / stage / CLASSIFIER)

    def sampled(self, arm: Arm, seed: int) -> Sampled:
        """Return the first image of each prompt, as many as there are real ones, and their layouts."""
        with np.load(self.images[arm.name(seed)]) as arrays:
            test = arrays["test"]
        count = len(self.real[0])
        return test[:count], [one.layout for one in self.prompts[:count]]

    def of_photographs(self) -> Measurement:
        """Return how many photographs the real backgrounds are parts of: the interval is over these, too."""
        count = len({number for number in self.photographs if number >= 0})
        return measured(count, "photographs", f"of which real {self.stage} backgrounds are parts")

    def control(self) -> Measurement:
        """Return by how much blurred backgrounds are farther from half of the real ones than the others are."""
        from tenfold.artist.background_classifier import TREATMENTS, fd_bg_difference

        images, layouts = self.real
        half = len(images) // 2
        if half <= FEATURES:
            return unavailable(f"{half} images in half of the real {self.stage} composites: too few for a distance")
        generator = np.random.default_rng(0)
        blurred = np.stack([TREATMENTS[BLURRED](image, generator) for image in images[half : 2 * half]])
        own = layouts[half : 2 * half]
        plain = (images[half : 2 * half], own)
        found = fd_bg_difference((blurred, own), plain, (images[:half], layouts[:half]), self.classifier)
        return estimated(found, "fd_bg", f"real {self.stage} backgrounds blurred, less as they are, over images")

    def floor(self) -> Estimate | None:
        """Return the distance of one half of the real backgrounds from the other; None for too few."""
        from tenfold.artist.background_classifier import fd_bg

        images, layouts = self.real
        half = len(images) // 2
        if half <= FEATURES:
            return None
        one, other = (slice(None, 2 * half, 2), slice(1, 2 * half, 2))  # groups of prompts stand one after the other
        return fd_bg(images[one], layouts[one], images[other], layouts[other], self.classifier)

    def excess(self, size: int, budget: Budget = "equal") -> Measurement:
        """Return by how much ARTIST's ``fd_bg`` exceeds that of the visual module alone, in per cent of the latter.

        The interval is over images, the mean of the seeds' widened by what seeds differ by, and by what photographs
        do that real backgrounds are parts of.
        """
        from tenfold.artist.background_classifier import fd_bg, fd_bg_by_photograph, fd_bg_difference
        from tenfold.metrics.bootstrap import Estimate

        keys = Key(ARTIST, self.stage, size), Key(VISUAL_ONLY, self.stage, size, budget)
        arms = [arm for key in keys if (arm := arm_of(self.evidence, key)) is not None]
        seeds = common_seeds(*arms) if len(arms) == 2 else ()
        if not seeds:
            return unavailable(f"this profile has not both {told(keys[0])} and {told(keys[1])} of one seed")
        most = max(Counter(number for number in self.photographs if number >= 0).values(), default=1)
        if (left := len(self.photographs) - most) <= FEATURES:
            return unavailable(f"without one photograph {left} real backgrounds are left, too few for a distance")
        pairs = [tuple(self.sampled(arm, seed) for arm in arms) for seed in seeds]
        level = float(np.mean([fd_bg(*other, *self.real, self.classifier).value for _, other in pairs]))
        per_seed = [
            scaled(fd_bg_difference(one, other, self.real, self.classifier), 100 / level) for one, other in pairs
        ]
        value = float(np.mean([each.value for each in per_seed]))
        low, high = (float(np.mean([each.interval[end] for each in per_seed])) for end in (0, 1))
        of_photographs = [
            fd_bg_by_photograph(one, other, self.real, self.photographs, self.classifier) for one, other in pairs
        ]
        ends = student(100 / level * np.mean(of_photographs, axis=0))
        half = 0.0 if ends is None else (ends[1] - ends[0]) / 2
        over_images = Estimate(value, widened(value, (low, high), half), per_seed[0].n)
        found = with_seeds(over_images, [each.value for each in per_seed])
        floor = self.floor()
        least = "" if floor is None else f", {level:.3g}; real backgrounds, half against half: {floor.value:.3g}"
        compared = f"fd_bg of {told(keys[0])} less that of {told(keys[1])}, of the latter{least}"
        detail = f"{compared}, over images, photographs and seeds"
        return estimated(found, PER_CENT, detail, seeds=found.seeds)

    def rows(self) -> list[dict[str, Any]]:
        """Return the distance of every model of the stage."""
        from tenfold.artist.background_classifier import fd_bg

        rows: list[dict[str, Any]] = []
        for key, arm in self.evidence.arms.items():
            for seed in arm.seeds if key.stage == self.stage else ():
                found = fd_bg(*self.sampled(arm, seed), *self.real, self.classifier)
                low, high = found.interval
                rows.append({**key._asdict(), "seed": seed, "fd_bg": found.value, "low": low, "high": high})
        if (least := self.floor()) is not None:
            about = {"arm": "real composites, half against half", "stage": self.stage, "fd_bg": least.value}
            rows.append(about | dict(zip(("low", "high"), least.interval, strict=True)))
        return rows
