"""One measurement: a value with its unit, its interval at 95 % and what it is of, or the reason why there is none.

Steps write it to claims.json and the report reads it back, by this class alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    model_serializer,
    model_validator,
)

Interval = tuple[float, float]
Count = Annotated[int, Field(gt=0)]


class NoValue(ValueError):
    """The number was asked for of a measurement that is unavailable."""


class Measurement(BaseModel):
    """A measured value with its interval, or the reason why there is none.

    ``seeds`` and ``n`` say how many seeds and how many items or values there were, where that applies.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)

    value: float | None = None
    interval: Interval | None = None
    seeds: Count | None = None
    n: Count | None = None
    unit: str = ""
    detail: str = ""
    unavailable: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = None

    @property
    def number(self) -> float:
        """The value. Raises NoValue if the measurement is unavailable."""
        if self.value is None:
            raise NoValue(f"there is no value: {self.unavailable}")
        return self.value

    @property
    def bounds(self) -> Interval:
        """The interval; without one, the value twice. Raises NoValue if the measurement is unavailable."""
        return self.interval or (self.number, self.number)

    @model_validator(mode="after")
    def _value_or_reason(self) -> Measurement:
        if (self.value is None) == (self.unavailable is None):
            raise ValueError("a measurement has either a value or the reason why it is unavailable")
        if self.interval is None:
            return self
        if self.value is None:
            raise ValueError("an interval without a value")
        low, high = self.interval
        slack = 1e-9 * max(abs(low), abs(high))  # a mean of equal numbers may differ in the last digits
        if not low - slack <= self.value <= high + slack:
            raise ValueError(f"the interval [{low}, {high}] does not contain the value {self.value}")
        return self

    @model_serializer(mode="wrap")
    def _one_of_two_forms(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        if self.value is None:
            return {"unavailable": self.unavailable}
        return {name: field for name, field in write(self).items() if name != "unavailable"}
