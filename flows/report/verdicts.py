"""From tests and measurements to verdicts: pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum

from flows.report.claims import Claim, Entry, Fact, Finding, Test, untested
from flows.report.formatting import in_words, interval, number
from tenfold.metrics.measurement import Interval, Measurement


class Outcome(Enum):
    """What a measurement says about one test."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    UNAVAILABLE = "unavailable"


class Verdict(Enum):
    """What the tests say about a claim, a finding or a fact."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    HOLDS = "holds"
    FAILS = "fails"
    DERIVED = "derived"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTABLE = "not testable at this scale"
    WITHDRAWN = "withdrawn"


DECIDED: dict[type[Entry], tuple[Verdict, Verdict]] = {  # if all tests hold, if one fails
    Claim: (Verdict.REPRODUCED, Verdict.CONTRADICTED),
    Finding: (Verdict.CONFIRMED, Verdict.NOT_CONFIRMED),
    Fact: (Verdict.HOLDS, Verdict.FAILS),
}
_UNDECIDED = (Verdict.INCONCLUSIVE, Verdict.WITHDRAWN)
VERDICTS = {
    "claims": (*DECIDED[Claim], Verdict.DERIVED, Verdict.INCONCLUSIVE, Verdict.NOT_TESTABLE, Verdict.WITHDRAWN),
    "findings": (*DECIDED[Finding], Verdict.DERIVED, *_UNDECIDED),
    "facts": (*DECIDED[Fact], *_UNDECIDED),
}

SYMBOLS: dict[Enum, str] = {
    Verdict.REPRODUCED: "✓",
    Verdict.CONTRADICTED: "✗",
    Verdict.CONFIRMED: "✓",
    Verdict.NOT_CONFIRMED: "✗",
    Verdict.HOLDS: "✓",
    Verdict.FAILS: "✗",
    Verdict.DERIVED: "=",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_TESTABLE: "–",
    Verdict.WITHDRAWN: "↩",
    Outcome.HOLDS: "✓",
    Outcome.FAILS: "✗",
    Outcome.UNDECIDED: "?",
    Outcome.UNAVAILABLE: "–",
}


@dataclass(frozen=True)
class Tested:
    """A test, the measurements it names in its order, and what they say."""

    test: Test
    measurements: dict[str, Measurement]
    outcome: Outcome

    @property
    def compared_with(self) -> list[float]:
        """The numbers from which the measured values must be told apart when printed."""
        if self.test.order is None:
            return [limit for limit in allowed(self.test) if math.isfinite(limit)]
        return [end for item in self.measurements.values() if not item.unavailable for end in bounds(self.test, item)]

    @property
    def without_seeds(self) -> list[str]:
        """The names of the measurements that rest on one seed of a training, or on seeds that were not recorded."""
        return [name for name, item in self.measurements.items() if _without_seeds(self.test, item)]


@dataclass(frozen=True)
class Judged:
    """A claim, finding or fact with its verdict and the reason in words, and what is shown beside its tests."""

    entry: Entry
    tested: tuple[Tested, ...]
    verdict: Verdict
    reason: str
    shown: dict[str, Measurement] = field(default_factory=dict)


def outcome(test: Test, measurements: Mapping[str, Measurement]) -> Outcome:
    """Return what the measurements say about the test.

    It holds if the whole interval (the value, where there is no interval) satisfies it, fails if the
    whole interval violates it, and is undecided otherwise; so are one seed of a training, and an interval over
    seeds whose number was not recorded. Bounds are inclusive.
    """
    named = [measurements[name] for name in test.measurements]
    if any(measurement.unavailable for measurement in named):
        return Outcome.UNAVAILABLE
    if any(_without_seeds(test, measurement) for measurement in named):
        return Outcome.UNDECIDED
    intervals = [bounds(test, measurement) for measurement in named]
    if test.order is not None:
        return _ordered(intervals)
    (low, high), (least, most) = intervals[0], allowed(test)
    if least <= low and high <= most:
        return Outcome.HOLDS
    return Outcome.FAILS if high < least or low > most else Outcome.UNDECIDED


def bounds(test: Test, measurement: Measurement) -> Interval:
    """Return the measurement's interval, or the value twice where the test says nothing of resampling: no noise."""
    return measurement.bounds if test.over is not None else (measurement.number, measurement.number)


def _without_seeds(test: Test, measurement: Measurement) -> bool:
    if measurement.unavailable:
        return False
    over_seeds = test.over == "seeds" and measurement.interval is not None
    return (test.training and (measurement.seeds or 1) < 2) or (over_seeds and measurement.seeds is None)


def allowed(test: Test) -> tuple[float, float]:
    """Return the smallest and largest value that satisfy a test of one measurement; ±∞ for no limit."""
    if test.between is not None:
        return test.between
    if test.equals is not None:
        # in decimals, so that 0.3 is within 0.2 of 0.1 as written
        centre, tolerance = Decimal(str(test.equals)), Decimal(str(test.tolerance))
        return float(centre - tolerance), float(centre + tolerance)
    least = -math.inf if test.at_least is None else test.at_least
    most = math.inf if test.at_most is None else test.at_most
    return least, most


def _ordered(bounds: Sequence[tuple[float, float]]) -> Outcome:
    pairs = [(first, second) for i, first in enumerate(bounds) for second in bounds[i + 1 :]]
    if all(first[1] < second[0] for first, second in pairs):
        return Outcome.HOLDS
    return Outcome.FAILS if any(first[0] >= second[1] for first, second in pairs) else Outcome.UNDECIDED


def judge(entry: Entry, measurements: Mapping[str, Measurement]) -> Judged:
    """Return the verdict on a claim, a finding or a fact.

    Withdrawn or not testable if it is declared so (the latter while nothing that its tests name was written).
    Where a control does not hold, nothing is decided; where a rival explanation is not ruled out, nothing is
    reproduced. Identities are checks of ours: with all of them holding, a claim
    is contradicted if a test fails, reproduced if all hold, derived if there are identities alone, not testable if none
    was available, and inconclusive otherwise. Findings and facts have words of their own for the first two; facts are
    not derived.
    """
    unmeasured = untested(entry, measurements)
    tested = tuple(
        Tested(test, {name: measurements[name] for name in test.measurements}, outcome(test, measurements))
        for test in (() if unmeasured else entry.tests or ())
    )
    shown = {name: measurements[name] for name in entry.shown if name in measurements}
    if entry.withdrawn is not None:
        return Judged(entry, tested, Verdict.WITHDRAWN, entry.withdrawn, shown)
    if unmeasured:
        return Judged(entry, (), Verdict.NOT_TESTABLE, entry.not_testable or "")
    verdict = _verdict(entry, tested)
    return Judged(entry, tested, verdict, _reason(entry, tested, verdict), shown)


def _verdict(entry: Entry, tested: Sequence[Tested]) -> Verdict:
    holds, fails = DECIDED[type(entry)]
    controls = [item for item in tested if item.test.control]
    rivals = [item for item in tested if item.test.rival]
    deciding = [
        item
        for item in tested
        if not (item.test.control or item.test.rival) and (not item.test.identity or isinstance(entry, Fact))
    ]
    outcomes = {item.outcome for item in deciding}
    checks = {item.outcome for item in tested if item not in [*deciding, *controls, *rivals]}
    if isinstance(entry, Claim) and outcomes == {Outcome.UNAVAILABLE}:
        return Verdict.NOT_TESTABLE
    if Outcome.FAILS in checks or any(item.outcome is not Outcome.HOLDS for item in controls):
        return Verdict.INCONCLUSIVE
    if Outcome.FAILS in outcomes:
        return fails
    if outcomes | checks | {item.outcome for item in rivals} == {Outcome.HOLDS}:
        return holds if deciding else Verdict.DERIVED
    if isinstance(entry, Claim) and (outcomes or checks) == {Outcome.UNAVAILABLE}:
        return Verdict.NOT_TESTABLE
    return Verdict.INCONCLUSIVE


def _reason(entry: Entry, tested: Sequence[Tested], verdict: Verdict) -> str:
    if verdict is Verdict.DERIVED:
        return "It rests on identities alone: checks that only a bug of ours can fail."
    decisive = [item for item in tested if item.test.control and item.outcome is not Outcome.HOLDS]
    fails = [item for item in tested if item.outcome is Outcome.FAILS]
    decisive = decisive or [item for item in fails if not item.test.rival or verdict is Verdict.INCONCLUSIVE]
    if verdict is Verdict.NOT_TESTABLE or not decisive:
        decisive = [item for item in tested if item.outcome is not Outcome.HOLDS]
    sentences = [text for item in decisive for text in (_explanation(item), _in_plain_words(item)) if text]
    if entry.inconclusive and any(item.outcome is Outcome.UNDECIDED and not item.without_seeds for item in decisive):
        sentences.append(entry.inconclusive)
    return " ".join(dict.fromkeys(sentences))


def _in_plain_words(item: Tested) -> str:
    """Return what the test says of the claim where it was decided, and not in its favour."""
    return item.test.otherwise or "" if item.outcome is Outcome.FAILS else ""


def _explanation(item: Tested) -> str:
    if item.outcome is Outcome.UNAVAILABLE:
        return " ".join(
            f"`{name}` was not measured: {measurement.unavailable.rstrip('.')}."
            for name, measurement in item.measurements.items()
            if measurement.unavailable
        )
    if item.without_seeds:
        return " ".join(_of_one_seed(item, name) for name in item.without_seeds)
    asked = in_words(item.test)
    if item.test.identity and item.outcome is Outcome.FAILS:
        asked += ", which only a bug of ours can fail"
    if item.test.control:
        asked += ", without which nothing is decided"
    if item.test.rival:
        asked += ", which rules out another explanation"
    if item.test.order is not None:
        what = "are out of order" if item.outcome is Outcome.FAILS else "overlap"
        return f"The measurements {what}, where the test asks that {asked}."
    (measurement,) = item.measurements.values()
    limits = item.compared_with
    if item.outcome is Outcome.UNDECIDED:
        return f"The interval {interval(bounds(item.test, measurement), limits)} straddles what the test asks: {asked}."
    measured = number(measurement.number, limits)
    within = f" {interval(measurement.interval, limits)}" if measurement.interval and item.test.over else ""
    return f"The measured value is {measured}{within}, where the test asks that {asked}."


def _of_one_seed(item: Tested, name: str) -> str:
    """Return why one seed decides nothing, and whether others would have to lie elsewhere than it does."""
    measurement, limits = item.measurements[name], item.compared_with
    if not measurement.seeds:
        return f"`{name}` was recorded without its number of seeds, and may rest on one."
    said = f"`{name}` rests on one seed of a training, which decides nothing"
    if item.test.order is None:
        (low, high), (least, most) = bounds(item.test, measurement), allowed(item.test)
        if high < least or low > most:
            within = f" {interval((low, high), limits)}" if high > low else ""
            said += f"; {number(measurement.number, limits)}{within} is not what is asked: {in_words(item.test)}"
    return f"{said}."
