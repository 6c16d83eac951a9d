"""Counterfeits: for every test of every claim, finding and fact, measurements that flip its verdict."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.report.claims import Claim, Entry, Fact, Test, load_claims
from flows.report.verdicts import DECIDED, Verdict, allowed, judge
from tenfold.metrics.measurement import Measurement

ROOT = Path(__file__).resolve().parents[3]
NARROW, WIDE = 1e-9, 1e3  # half an interval, as a share of the scale and in itself


def scale(test: Test) -> float:
    """Return a step that is large beside the test's limits, and small beside its band."""
    low, high = allowed(test)
    if math.isfinite(low) and math.isfinite(high):
        return (high - low) / 2 or 1.0
    limit = low if math.isfinite(low) else high
    return abs(limit) or 1.0


def measurement(value: float, test: Test, half: float, seeds: int | None = 3) -> Measurement:
    interval = (value - half, value + half) if test.over else None
    return Measurement(value=value, interval=interval, seeds=seeds)


def genuine(entry: Entry) -> dict[str, Measurement]:
    """Return measurements with which every test of the entry holds."""
    found: dict[str, Measurement] = {}
    for test in sorted(entry.tests or (), key=lambda test: test.order is not None):
        if test.order is None:
            low, high = allowed(test)
            value = (low + high) / 2 if math.isfinite(low + high) else (low if math.isfinite(low) else high)
            value += 0 if math.isfinite(low + high) else scale(test) * (1 if math.isfinite(low) else -1)
            found[str(test.measurement)] = measurement(value, test, NARROW * scale(test))
            continue
        for place, name in enumerate(test.order):
            below = max((found[one].number for one in test.order[:place] if one in found), default=None)
            above = min((found[one].number for one in test.order[place:] if one in found), default=None)
            if name not in found:
                value = above - 1 if below is None and above is not None else (below or 0.0) + 1
                found[name] = measurement(value, test, NARROW)
    return found


def counterfeits(entry: Entry) -> Iterator[tuple[str, dict[str, Measurement], Test]]:
    """Return, with its kind, every counterfeit of each of the entry's tests."""
    true = genuine(entry)
    for place, test in enumerate(entry.tests or ()):
        first, last = test.measurements[0], test.measurements[-1]
        if test.order is None:
            low, high = allowed(test)
            for side, value in (("below", low - scale(test)), ("above", high + scale(test))):
                if math.isfinite(value):
                    yield f"{place} {side}", true | {first: measurement(value, test, NARROW * scale(test))}, test
            edge = low if math.isfinite(low) else high
            across = measurement(edge, test, WIDE * scale(test))
        else:
            yield f"{place} swapped", true | {first: true[last], last: true[first]}, test
            across = measurement(true[first].number, test, WIDE)
        if test.over:
            yield f"{place} across", true | {first: across}, test
        for seeds in (1, None) if test.training else ():
            alone = true[first].model_copy(update={"seeds": seeds})
            yield f"{place} {'one seed' if seeds else 'unrecorded seeds'}", true | {first: alone}, test
        yield f"{place} missing", true | {first: Measurement(unavailable="a counterfeit")}, test


ENTRIES = [
    (path.parent.name, entry.model_copy(update={"withdrawn": None}))
    for path in sorted(ROOT.glob("steps/*/claims.yaml"))
    for entry in load_claims(path).entries
    if entry.tests
]
CASES = [
    pytest.param(entry, kind, forged, test, id=f"{paper} {entry.id} {kind}")
    for paper, entry in ENTRIES
    for kind, forged, test in counterfeits(entry)
]


@pytest.mark.parametrize(("paper", "entry"), ENTRIES, ids=[f"{paper} {entry.id}" for paper, entry in ENTRIES])
def test_genuine_measurements_hold(paper: str, entry: Entry) -> None:
    identities = all(test.identity or test.control for test in entry.tests or ()) and not isinstance(entry, Fact)
    assert judge(entry, genuine(entry)).verdict is (Verdict.DERIVED if identities else DECIDED[type(entry)][0])


@pytest.mark.parametrize(("entry", "kind", "forged", "test"), CASES)
def test_a_counterfeit_flips_the_verdict(entry: Entry, kind: str, forged: dict[str, Measurement], test: Test) -> None:
    judged = judge(entry, forged)
    word = kind.partition(" ")[2]
    if word == "missing" and isinstance(entry, Claim):
        assert judged.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_TESTABLE)
    elif word in ("below", "above", "swapped") and (
        not (test.identity or test.control or test.rival) or isinstance(entry, Fact)
    ):
        assert judged.verdict is DECIDED[type(entry)][1]
    else:  # undecided; a bug of ours or a lack of power, which say nothing of the paper
        assert judged.verdict is Verdict.INCONCLUSIVE
    assert any(f"`{name}`" in judged.reason for name in test.measurements)


@pytest.mark.parametrize(
    "entry", [entry for _, entry in ENTRIES], ids=[f"{paper} {entry.id}" for paper, entry in ENTRIES]
)
def test_nothing_saves_what_is_withdrawn(entry: Entry) -> None:
    judged = judge(entry.model_copy(update={"withdrawn": "It is false."}), genuine(entry))
    assert (judged.verdict, judged.reason) == (Verdict.WITHDRAWN, "It is false.")
