"""What a paper claims (claims.yaml) and what was measured about it (claims.json)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from flows.report.errors import ClaimsError, MeasurementError
from flows.report.schema import Strict, dotted, read_json, read_yaml, typed
from tenfold.metrics.measurement import Measurement

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
KINDS = ("at_most", "at_least", "between", "equals", "order")


class Published(Strict):
    """A figure that the paper prints, with the place where it can be read."""

    value: float | str
    source: Text


class Test(Strict):
    """One condition on our measurements; exactly one kind is given.

    ``identity``: only a bug of ours can fail it. ``training``: it is a result of training runs, of which one seed
    decides nothing. ``control``: it gives the others their power (headroom, something known to work, no winner at a
    grid's edge); without it nothing is decided. ``rival``: it rules out another explanation of the effect; without it
    nothing is reproduced, but it contradicts nothing and stands in no contradiction's way. ``over``: what was resampled
    for the interval (seeds, items, …); without it there is no noise. ``otherwise``: in plain words, what it says of the
    claim where the test does not hold.
    """

    __test__ = False  # not a pytest class

    measurement: Text | None = None
    at_most: float | None = None
    at_least: float | None = None
    between: tuple[float, float] | None = None
    equals: float | None = None
    tolerance: Annotated[float, Field(ge=0)] | None = None
    order: Annotated[tuple[Text, ...], Field(min_length=2)] | None = None
    over: Text | None = None
    identity: bool = False
    training: bool = False
    control: bool = False
    rival: bool = False
    otherwise: Text | None = None

    @property
    def kind(self) -> str:
        """The one kind that is given: at_most, at_least, between, equals or order."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def measurements(self) -> tuple[str, ...]:
        """The names of the measurements that decide the test."""
        return self.order if self.order is not None else (str(self.measurement),)

    @model_validator(mode="after")
    def _one_kind(self) -> Test:
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"a test has one of {', '.join(KINDS)}; this one has {', '.join(given) or 'none'}")
        if (self.order is None) == (self.measurement is None):
            raise ValueError("a test names its measurement, except order, which lists its measurements")
        if (self.equals is None) != (self.tolerance is None):
            raise ValueError("equals and tolerance go together")
        if self.between is not None and not self.between[0] < self.between[1]:
            raise ValueError(f"between {list(self.between)}: the first number must be the smaller")
        if self.order is not None and len(set(self.order)) != len(self.order):
            raise ValueError(f"order names a measurement twice: {', '.join(self.order)}")
        if self.identity and self.training:
            raise ValueError("no training is an identity: a seed can fail it")
        if self.identity and self.control:
            raise ValueError("an identity gives no power: a test is an identity or a control")
        if self.rival and (self.identity or self.control):
            raise ValueError("a test that rules out another explanation is neither an identity nor a control")
        return self


Tests = Annotated[tuple[Test, ...], Field(min_length=1)]


class Amendment(Strict):
    """A change of a test, a measurement's definition or its unit of resampling after a result was committed."""

    date: Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    was: Text
    now: Text
    why: Text
    value_known: bool
    changed: Text


class Entry(Strict):
    """What claims, findings and facts have in common.

    ``shown``: measurements that a reader of the verdict has to see beside those that are tested.
    """

    id: Text
    where: Text | None = None
    tests: Tests | None = None
    shown: tuple[Text, ...] = ()
    inconclusive: Text | None = None
    not_testable: Text | None = None
    withdrawn: Text | None = None
    amendments: tuple[Amendment, ...] = ()

    @property
    def text(self) -> str:
        """What is said."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _tests_or_reason(self) -> Entry:
        if self.tests is None and self.not_testable is None:
            raise ValueError(
                "a claim has tests, or not_testable (what it would take to test it), or both; "
                "a finding and a fact have tests"
            )
        return self


class Claim(Entry):
    """What the paper says, where, and the tests that reproduce it, or why none can.

    ``not_testable`` beside tests: what it would take, where the publishing step measures nothing of what they name.
    """

    claim: Text
    where: Text
    published: Published | None = None

    @property
    def text(self) -> str:
        return self.claim


class Finding(Entry):
    """A flaw in the paper's argument or release, and the tests that confirm it."""

    finding: Text
    not_testable: None = None

    @property
    def text(self) -> str:
        return self.finding


class Fact(Entry):
    """Something about our own library, which says nothing about the paper, and its tests."""

    fact: Text
    not_testable: None = None

    @property
    def text(self) -> str:
        return self.fact


class Claims(Strict):
    """One paper's claims.yaml."""

    title: Text
    arxiv: Annotated[str, StringConstraints(pattern=r"^\d{4}\.\d{4,5}$")]
    summary: Text
    claims: Annotated[tuple[Claim, ...], Field(min_length=1)]
    findings: tuple[Finding, ...] = ()
    facts: tuple[Fact, ...] = ()

    @property
    def entries(self) -> tuple[Claim | Finding | Fact, ...]:
        """Claims, findings, facts, as declared."""
        return (*self.claims, *self.findings, *self.facts)

    @model_validator(mode="after")
    def _ids_once(self) -> Claims:
        ids = [entry.id for entry in self.entries]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"used for more than one claim, finding or fact: {', '.join(twice)}")
        return self


def load_claims(path: Path) -> Claims:
    """Return the claims declared in ``steps/<paper>/claims.yaml``.

    Raises ClaimsError naming the file, the claim and the field.
    """
    raw = read_yaml(path, ClaimsError, "a paper with results declares its claims there")
    return typed(Claims, raw, path, ClaimsError, lambda location: _named(raw, location))


def load_measurements(path: Path) -> dict[str, Measurement]:
    """Return the measurements in ``results/<profile>/<paper>/claims.json``, by name.

    Raises MeasurementError naming the file, the measurement and the field.
    """
    raw = read_json(path, MeasurementError, "the step that publishes the paper writes it; run `dvc repro`")
    measurements: dict[str, Measurement] = typed(dict[str, Measurement], raw, path, MeasurementError)
    return measurements


def require_measurements(
    claims: Claims, measurements: Mapping[str, Measurement], declared_in: Path, measured_in: Path
) -> None:
    """Check that each measurement that a test names was written; a claim that may be ``not_testable`` may lack all.

    Raises MeasurementError naming each claim and the measurement it lacks, or whose interval has no unit.
    """
    lacking = [
        f"{declared_in}: {entry.id} tests the measurement {name!r}, which {measured_in} does not have: "
        f"write it in the publishing step, or {{'unavailable': reason}} where it cannot be measured"
        for entry in claims.entries
        if not untested(entry, measurements)
        for test in entry.tests or ()
        for name in test.measurements
        if name not in measurements
    ]
    lacking += [
        f"{declared_in}: {entry.id} shows the measurement {name!r}, which {measured_in} does not have"
        for entry in claims.entries
        if not untested(entry, measurements)
        for name in entry.shown
        if name not in measurements
    ]
    lacking += [
        f"{declared_in}: {entry.id} tests {name!r}, whose interval in {measured_in} is over nobody knows what: "
        "say `over: seeds` (items, draws, …) in the test"
        for entry in claims.entries
        for test in entry.tests or ()
        for name in test.measurements
        if not test.identity and test.over is None and name in measurements and measurements[name].interval
    ]
    if lacking:
        raise MeasurementError("\n".join(dict.fromkeys(lacking)))


def untested(entry: Entry, measurements: Mapping[str, Measurement]) -> bool:
    """Say whether a claim declares what it would take to test it, and nothing that its tests name was written."""
    named = (name for test in entry.tests or () for name in test.measurements)
    return entry.not_testable is not None and not any(name in measurements for name in named)


def _named(raw: Any, location: tuple) -> str:
    match location:
        case ("claims" | "findings" | "facts" as group, int(index), *rest):
            entry = raw[group][index]
            name = entry.get("id") if isinstance(entry, dict) else None
            kind = group.removesuffix("s")
            title = f"{kind} {name}" if name else f"{kind} number {index + 1}"
            return ": ".join(filter(None, [title, dotted(tuple(rest))]))
    return dotted(location)
