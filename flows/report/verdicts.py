"""From tests and measurements to verdicts: pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from flows.report.claims import Claim, Finding, Test, untested
from flows.report.formatting import in_words, interval, number
from tenfold.metrics.measurement import Measurement


class Outcome(Enum):
    """What a measurement says about one test."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"
    UNAVAILABLE = "unavailable"


class Verdict(Enum):
    """What the tests say about a claim (the first four) or a finding (the last three)."""

    REPRODUCED = "reproduced"
    CONTRADICTED = "contradicted"
    NOT_TESTABLE = "not testable at this scale"
    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    INCONCLUSIVE = "inconclusive"


CLAIM_VERDICTS = (Verdict.REPRODUCED, Verdict.CONTRADICTED, Verdict.INCONCLUSIVE, Verdict.NOT_TESTABLE)
FINDING_VERDICTS = (Verdict.CONFIRMED, Verdict.NOT_CONFIRMED, Verdict.INCONCLUSIVE)

SYMBOLS: dict[Enum, str] = {
    Verdict.REPRODUCED: "✓",
    Verdict.CONTRADICTED: "✗",
    Verdict.INCONCLUSIVE: "?",
    Verdict.NOT_TESTABLE: "–",
    Verdict.CONFIRMED: "✓",
    Verdict.NOT_CONFIRMED: "✗",
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
        return [bound for item in self.measurements.values() if not item.unavailable for bound in item.bounds]


@dataclass(frozen=True)
class Judged:
    """A claim or finding with its verdict and the reason in words."""

    entry: Claim | Finding
    tested: tuple[Tested, ...]
    verdict: Verdict
    reason: str


def outcome(test: Test, measurements: Mapping[str, Measurement]) -> Outcome:
    """Return what the measurements say about the test.

    It holds if the whole interval (the value, where there is no interval) satisfies it, fails if the
    whole interval violates it, and is undecided otherwise. Bounds are inclusive.
    """
    named = [measurements[name] for name in test.measurements]
    if any(measurement.unavailable for measurement in named):
        return Outcome.UNAVAILABLE
    bounds = [measurement.bounds for measurement in named]
    if test.order is not None:
        return _ordered(bounds)
    (low, high), (least, most) = bounds[0], allowed(test)
    if least <= low and high <= most:
        return Outcome.HOLDS
    return Outcome.FAILS if high < least or low > most else Outcome.UNDECIDED


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


def judge_claim(claim: Claim, measurements: Mapping[str, Measurement]) -> Judged:
    """Return the claim's verdict.

    Contradicted if a test fails; reproduced if all hold; not testable if it is declared so and none of its
    measurements was written, or none was available; inconclusive otherwise.
    """
    if untested(claim, measurements):
        assert claim.not_testable is not None
        return Judged(claim, (), Verdict.NOT_TESTABLE, claim.not_testable)
    tested = _tested(claim, measurements)
    verdict = _verdict(tested, Verdict.REPRODUCED, Verdict.CONTRADICTED)
    if all(item.outcome is Outcome.UNAVAILABLE for item in tested):
        verdict = Verdict.NOT_TESTABLE
    return Judged(claim, tested, verdict, _reason(claim, tested, verdict))


def judge_finding(finding: Finding, measurements: Mapping[str, Measurement]) -> Judged:
    """Return the finding's verdict.

    Not confirmed if a test fails; confirmed if all hold; inconclusive otherwise.
    """
    tested = _tested(finding, measurements)
    verdict = _verdict(tested, Verdict.CONFIRMED, Verdict.NOT_CONFIRMED)
    return Judged(finding, tested, verdict, _reason(finding, tested, verdict))


def _tested(entry: Claim | Finding, measurements: Mapping[str, Measurement]) -> tuple[Tested, ...]:
    return tuple(
        Tested(test, {name: measurements[name] for name in test.measurements}, outcome(test, measurements))
        for test in entry.tests or ()
    )


def _verdict(tested: Sequence[Tested], if_all_hold: Verdict, if_one_fails: Verdict) -> Verdict:
    outcomes = {item.outcome for item in tested}
    if Outcome.FAILS in outcomes:
        return if_one_fails
    return if_all_hold if outcomes == {Outcome.HOLDS} else Verdict.INCONCLUSIVE


def _reason(entry: Claim | Finding, tested: Sequence[Tested], verdict: Verdict) -> str:
    if verdict in (Verdict.REPRODUCED, Verdict.CONFIRMED):
        return ""
    if verdict in (Verdict.CONTRADICTED, Verdict.NOT_CONFIRMED):
        decisive = [item for item in tested if item.outcome is Outcome.FAILS]
    else:
        decisive = [item for item in tested if item.outcome is not Outcome.HOLDS]
    sentences = [_explanation(item) for item in decisive]
    if entry.inconclusive and any(item.outcome is Outcome.UNDECIDED for item in decisive):
        sentences.append(entry.inconclusive)
    return " ".join(dict.fromkeys(sentences))


def _explanation(item: Tested) -> str:
    if item.outcome is Outcome.UNAVAILABLE:
        return " ".join(
            f"`{name}` was not measured: {measurement.unavailable.rstrip('.')}."
            for name, measurement in item.measurements.items()
            if measurement.unavailable
        )
    asked = in_words(item.test)
    if item.test.order is not None:
        what = "are out of order" if item.outcome is Outcome.FAILS else "overlap"
        return f"The measurements {what}, where the test asks that {asked}."
    (measurement,) = item.measurements.values()
    limits = item.compared_with
    if item.outcome is Outcome.UNDECIDED:
        return f"The interval {interval(measurement.bounds, limits)} straddles what the test asks: {asked}."
    measured = number(measurement.bounds[0] if measurement.value is None else measurement.value, limits)
    within = f" {interval(measurement.interval, limits)}" if measurement.interval else ""
    return f"The measured value is {measured}{within}, where the test asks that {asked}."
