"""Tests, verdicts and their reasons."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.report import claims as declared
from flows.report.claims import Claim, Fact, Finding
from flows.report.verdicts import Outcome, Verdict, judge, outcome
from tenfold.metrics.measurement import Measurement

HOLDS, FAILS, UNDECIDED = Outcome.HOLDS, Outcome.FAILS, Outcome.UNDECIDED


def measured(low: float, high: float | None = None) -> Measurement:
    """A value without an interval, or the middle of one."""
    if high is None:
        return Measurement(value=low)
    return Measurement(value=(low + high) / 2, interval=(low, high))


def claim(*tests: dict[str, Any], **fields: Any) -> Claim:
    built = tuple(declared.Test(**test) for test in tests) or None
    return Claim(id="C1", claim="It is so.", where="abstract", tests=built, **fields)


@pytest.mark.parametrize(
    ("test", "measurement", "expected"),
    [
        ({"at_most": 1.0}, measured(0.5), HOLDS),
        ({"at_most": 1.0}, measured(1.0), HOLDS),
        ({"at_most": 1.0}, measured(1.0000001), FAILS),
        ({"at_most": 1.0}, measured(0.8, 1.0), HOLDS),
        ({"at_most": 1.0}, measured(0.8, 1.1), UNDECIDED),
        ({"at_most": 1.0}, measured(1.0, 1.1), UNDECIDED),
        ({"at_most": 1.0}, measured(1.01, 1.1), FAILS),
        ({"at_least": 1.0}, measured(1.0), HOLDS),
        ({"at_least": 1.0}, measured(0.99), FAILS),
        ({"at_least": 1.0}, measured(0.9, 1.0), UNDECIDED),
        ({"at_least": 1.0}, measured(1.0, 9.0), HOLDS),
        ({"between": (-1.2, -0.8)}, measured(-1.2, -0.8), HOLDS),
        ({"between": (-1.2, -0.8)}, measured(-1.3, -0.9), UNDECIDED),
        ({"between": (-1.2, -0.8)}, measured(-2.0, 0.0), UNDECIDED),
        ({"between": (-1.2, -0.8)}, measured(-0.7, 0.0), FAILS),
        ({"between": (-1.2, -0.8)}, measured(-1.5), FAILS),
        ({"equals": 1.0, "tolerance": 0.05}, measured(1.05), HOLDS),
        ({"equals": 0.3, "tolerance": 0.1}, measured(0.4), HOLDS),  # 0.3 + 0.1 as written, not as floats
        ({"equals": 0.7, "tolerance": 0.1}, measured(0.8), HOLDS),
        ({"equals": 1.0, "tolerance": 0.05}, measured(1.0500001), FAILS),
        ({"equals": 1.0, "tolerance": 0.05}, measured(0.9, 1.0), UNDECIDED),
        ({"equals": 2.0, "tolerance": 0.0}, measured(2.0), HOLDS),
    ],
)
def test_one_measurement(test: dict[str, Any], measurement: Measurement, expected: Outcome) -> None:
    assert outcome(declared.Test(measurement="m", over="items", **test), {"m": measurement}) is expected


@pytest.mark.parametrize(
    ("measurements", "expected"),
    [
        ([measured(1.0), measured(2.0), measured(3.0)], HOLDS),
        ([measured(1.0), measured(1.0)], FAILS),
        ([measured(2.0), measured(1.0)], FAILS),
        ([measured(0.0, 1.0), measured(1.1, 2.0)], HOLDS),
        ([measured(0.0, 1.0), measured(1.0, 2.0)], UNDECIDED),
        ([measured(0.0, 1.5), measured(1.0, 2.0)], UNDECIDED),
        ([measured(1.1, 2.0), measured(0.0, 1.0)], FAILS),
        ([measured(2.0, 4.0), measured(1.0, 5.0), measured(0.0, 1.0)], FAILS),  # the first and the third
    ],
)
def test_order(measurements: list[Measurement], expected: Outcome) -> None:
    names = [f"m{index}" for index in range(len(measurements))]
    test = declared.Test(order=tuple(names), over="items")
    assert outcome(test, dict(zip(names, measurements, strict=True))) is expected


numbers = st.floats(-100, 100).map(lambda value: round(value, 3))


@given(limit=numbers, first=numbers, second=numbers)
def test_an_interval_is_decided_exactly_when_its_ends_agree(limit: float, first: float, second: float) -> None:
    low, high = sorted((first, second))
    test = declared.Test(measurement="m", at_most=limit, over="items")
    ends = {outcome(test, {"m": measured(end)}) for end in (low, high)}
    whole = outcome(test, {"m": Measurement(value=low, interval=(low, high))})
    assert whole is (ends.pop() if len(ends) == 1 else UNDECIDED)


@given(low=numbers, width=st.floats(0, 10), value=numbers, shift=numbers)
def test_at_least_mirrors_at_most(low: float, width: float, value: float, shift: float) -> None:
    interval = Measurement(value=low, interval=(low, low + width))
    mirrored = Measurement(value=-low, interval=(-(low + width), -low))
    above = outcome(declared.Test(measurement="m", at_least=value, over="items"), {"m": interval})
    below = outcome(declared.Test(measurement="m", at_most=-value, over="items"), {"m": mirrored})
    assert above is below


FAILED = "The measured value is 1.5, where the test asks that `b` is at most 1."
GOOD, BAD, WIDE = measured(0.5), measured(1.5), measured(0.5, 1.5)
ABSENT = Measurement(unavailable="needs a GPU")
BOTH = tuple({"measurement": name, "at_most": 1.0, "over": "items"} for name in "ab")


@pytest.mark.parametrize(
    ("a", "b", "verdict", "reason"),
    [
        (GOOD, GOOD, Verdict.REPRODUCED, ""),
        (GOOD, BAD, Verdict.CONTRADICTED, FAILED),
        (ABSENT, BAD, Verdict.CONTRADICTED, FAILED),
        (WIDE, BAD, Verdict.CONTRADICTED, FAILED),
        (
            GOOD,
            WIDE,
            Verdict.INCONCLUSIVE,
            "The interval [0.5, 1.5] straddles what the test asks: `b` is at most 1.",
        ),
        (GOOD, ABSENT, Verdict.INCONCLUSIVE, "`b` was not measured: needs a GPU."),
        (
            ABSENT,
            ABSENT,
            Verdict.NOT_TESTABLE,
            "`a` was not measured: needs a GPU. `b` was not measured: needs a GPU.",
        ),
    ],
)
def test_claim(a: Measurement, b: Measurement, verdict: Verdict, reason: str) -> None:
    judged = judge(claim(*BOTH), {"a": a, "b": b})
    assert (judged.verdict, judged.reason) == (verdict, reason)


def test_declared_reasons_are_printed() -> None:
    wide = judge(claim(*BOTH, inconclusive="Too few seeds."), {"a": GOOD, "b": WIDE})
    assert wide.verdict is Verdict.INCONCLUSIVE and wide.reason.endswith(" Too few seeds.")
    never = judge(claim(not_testable="A proof would be needed."), {})
    assert (never.verdict, never.reason) == (Verdict.NOT_TESTABLE, "A proof would be needed.")


def test_what_it_would_take_is_said_only_while_nothing_was_measured() -> None:
    declared = claim(*BOTH, not_testable="A GPU would be needed.")
    never = judge(declared, {"other": GOOD})
    assert (never.verdict, never.reason, never.tested) == (Verdict.NOT_TESTABLE, "A GPU would be needed.", ())
    assert judge(declared, {"a": GOOD, "b": GOOD}).verdict is Verdict.REPRODUCED
    assert judge(declared, {"a": GOOD, "b": BAD}).verdict is Verdict.CONTRADICTED


@pytest.mark.parametrize(
    ("measurement", "verdict"),
    [
        (measured(0.95), Verdict.CONFIRMED),
        (measured(0.5), Verdict.NOT_CONFIRMED),
        (measured(0.5, 0.95), Verdict.INCONCLUSIVE),
        (ABSENT, Verdict.INCONCLUSIVE),
    ],
)
def test_finding(measurement: Measurement, verdict: Verdict) -> None:
    finding = Finding(id="F1", finding="x", tests=(declared.Test(measurement="leak", at_least=0.9, over="items"),))
    judged = judge(finding, {"leak": measurement})
    assert judged.verdict is verdict
    assert (judged.reason == "") is (verdict is Verdict.CONFIRMED)


def test_a_broken_bound_does_not_read_like_the_bound() -> None:
    judged = judge(claim(BOTH[0]), {"a": measured(1.00004)})
    assert judged.reason == "The measured value is 1.00004, where the test asks that `a` is at most 1."


ONE, IDENTITY = {"measurement": "a", "at_most": 1.0}, {"measurement": "b", "at_most": 1.0, "identity": True}


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        (GOOD, GOOD, Verdict.REPRODUCED),
        (BAD, GOOD, Verdict.CONTRADICTED),
        (BAD, BAD, Verdict.INCONCLUSIVE),  # with a bug of ours nothing is contradicted
        (GOOD, BAD, Verdict.INCONCLUSIVE),
        (ABSENT, GOOD, Verdict.NOT_TESTABLE),
        (GOOD, ABSENT, Verdict.INCONCLUSIVE),
    ],
)
def test_identities_are_checks_beside_the_tests(a: Measurement, b: Measurement, verdict: Verdict) -> None:
    assert judge(claim(ONE, IDENTITY), {"a": a, "b": b}).verdict is verdict


def test_identities_alone_derive() -> None:
    assert judge(claim(IDENTITY), {"b": GOOD}).verdict is Verdict.DERIVED
    failed = judge(claim(IDENTITY), {"b": BAD})
    assert failed.verdict is Verdict.INCONCLUSIVE and failed.reason.endswith("which only a bug of ours can fail.")
    fact = Fact(id="F1", fact="x", tests=(declared.Test(**IDENTITY),))
    assert [judge(fact, {"b": one}).verdict for one in (GOOD, BAD)] == [Verdict.HOLDS, Verdict.FAILS]


def test_a_number_without_noise_has_no_interval() -> None:
    assert judge(claim(IDENTITY), {"b": WIDE.model_copy(update={"value": 1.0})}).verdict is Verdict.DERIVED


@pytest.mark.parametrize(
    ("test", "seeds", "verdict", "reason"),
    [
        ({"training": True, "over": "items"}, 3, Verdict.REPRODUCED, ""),
        ({"training": True, "over": "items"}, 1, Verdict.INCONCLUSIVE, "`a` rests on one seed of a training,"),
        ({"training": True}, None, Verdict.INCONCLUSIVE, "`a` was recorded without its number of seeds,"),
        ({"over": "seeds"}, None, Verdict.INCONCLUSIVE, "`a` was recorded without its number of seeds,"),
        ({"over": "seeds"}, 3, Verdict.REPRODUCED, ""),
        ({"over": "items"}, None, Verdict.REPRODUCED, ""),
    ],
)
def test_one_seed_decides_nothing(test: dict[str, Any], seeds: int | None, verdict: Verdict, reason: str) -> None:
    found = Measurement(value=0.5, interval=(0.4, 0.6), seeds=seeds)
    judged = judge(claim(ONE | test, inconclusive="Too small."), {"a": found})
    assert judged.verdict is verdict and judged.reason.startswith(reason) and "Too small" not in judged.reason


def test_one_seed_that_is_far_from_what_is_asked_is_said_with_its_value() -> None:
    test = ONE | {"training": True, "over": "items"}
    near, far = (Measurement(value=v, interval=(v - 0.1, v + 0.1), seeds=1) for v in (0.5, 90.0))
    reasons = [judge(claim(test), {"a": one}).reason for one in (near, far)]
    assert reasons[0].endswith("decides nothing.") and "90 [89.9, 90.1] is not what is asked: `a` is" in reasons[1]


def test_what_is_withdrawn_stays_so_whatever_was_measured() -> None:
    for measurements in ({"a": GOOD, "b": GOOD}, {"a": GOOD, "b": BAD}):
        judged = judge(claim(*BOTH, withdrawn="It tests another thing."), measurements)
        assert (judged.verdict, judged.reason) == (Verdict.WITHDRAWN, "It tests another thing.")
        assert len(judged.tested) == 2
    never = claim(not_testable="A proof would be needed.", withdrawn="It tests another thing.")
    assert judge(never, {}).verdict is Verdict.WITHDRAWN


@pytest.mark.parametrize(("effect", "chance", "verdict"), [
    (2.0, 0.5, Verdict.REPRODUCED),
    (-2.0, 0.5, Verdict.CONTRADICTED),
    (2.0, -0.5, Verdict.INCONCLUSIVE),
    (-2.0, -0.5, Verdict.CONTRADICTED),
])  # fmt: skip
def test_a_rival_explanation_stands_in_the_way_of_reproduction_alone(
    effect: float, chance: float, verdict: Verdict
) -> None:
    rival = {"measurement": "more_than_chance", "at_least": 0.0, "rival": True}
    tested = claim({"measurement": "effect", "at_least": 0.0}, rival)
    judged = judge(tested, {"effect": Measurement(value=effect), "more_than_chance": Measurement(value=chance)})
    assert judged.verdict is verdict
    assert ("rules out another explanation" in judged.reason) is (verdict is Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(("effect", "headroom", "verdict"), [
    (2.0, 9.0, Verdict.REPRODUCED),
    (-2.0, 9.0, Verdict.CONTRADICTED),
    (2.0, 1.0, Verdict.INCONCLUSIVE),
    (-2.0, 1.0, Verdict.INCONCLUSIVE),
])  # fmt: skip
def test_without_its_control_a_claim_is_neither_reproduced_nor_contradicted(
    effect: float, headroom: float, verdict: Verdict
) -> None:
    power = {"measurement": "headroom", "at_least": 5.0, "control": True}
    tested = claim({"measurement": "effect", "at_least": 0.0}, power)
    judged = judge(tested, {"effect": Measurement(value=effect), "headroom": Measurement(value=headroom)})
    assert judged.verdict is verdict
    if verdict is Verdict.INCONCLUSIVE:
        assert "`headroom` is at least 5, without which nothing is decided" in judged.reason
