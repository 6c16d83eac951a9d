"""params.yaml: every parameter once, with switches by profile, checked before anything runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pydantic
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError

__all__ = ["PROFILES", "Field", "ParameterError", "block", "dataclass", "parse", "read", "switched", "typed"]

PROFILES = ("smoke", "default", "extended", "gpu", "full")
FILE = "params.yaml"
T = TypeVar("T")

#: A frozen dataclass that refuses unknown keys and wrong types.
dataclass = partial(
    pydantic.dataclasses.dataclass, frozen=True, kw_only=True, config=ConfigDict(extra="forbid", strict=True)
)


class ParameterError(ValueError):
    """A parameter is missing, unknown, of the wrong type or out of range."""


def read(root: Path) -> dict[str, Any]:
    """Return params.yaml as written, after checking ``profile`` and ``seed``.

    Raises ParameterError if the file cannot be parsed or names an unknown profile.
    """
    path = root / FILE
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParameterError(f"{path} does not exist; run the command at the root of the checkout") from None


def parse(text: str) -> dict[str, Any]:
    """Return the content of params.yaml from its text; raises like ``read``."""
    try:
        params = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ParameterError(f"{FILE} is not valid YAML: {error}") from None
    if not isinstance(params, dict):
        raise ParameterError(f"{FILE} must be a mapping with the keys profile, seed and one block a paper")
    profile, seed = params.get("profile"), params.get("seed")
    if profile not in PROFILES:
        raise ParameterError(f"{FILE}: profile = {profile!r}: must be one of {', '.join(PROFILES)}")
    if type(seed) is not int or seed < 0:
        raise ParameterError(f"{FILE}: seed = {seed!r}: must be a whole number, 0 or larger")
    return params


def switched(value: Any, profile: str, key: str) -> Any:
    """Replace each mapping whose keys are profile names by its value for ``profile``.

    A profile that is not named takes the value of the nearest one before it.
    Raises ParameterError if none of them is named.
    """
    if isinstance(value, list):
        return [switched(item, profile, f"{key}[{index}]") for index, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    if value and set(value) <= set(PROFILES):
        at_most = PROFILES[: PROFILES.index(profile) + 1]
        named = [name for name in at_most if name in value]
        if not named:
            raise ParameterError(
                f"{FILE}: {key} has no value for profile {profile} or one before it; it names only {', '.join(value)}"
            )
        return switched(value[named[-1]], profile, key)
    mixed = set(value) & set(PROFILES)
    if mixed:
        raise ParameterError(
            f"{FILE}: {key} mixes profile names ({', '.join(sorted(mixed))}) with other keys "
            f"({', '.join(sorted(map(str, set(value) - mixed)))}); a switch may hold profile names only"
        )
    return {name: switched(item, profile, f"{key}.{name}") for name, item in value.items()}


def block(params: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Return the block ``params[keys[0]][keys[1]]…``, switched to the profile; an absent one is empty."""
    value: Any = params
    for depth, key in enumerate(keys):
        value = value.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            raise ParameterError(f"{FILE}: {'.'.join(keys[: depth + 1])} = {value!r}: must be a mapping")
    return switched(value, params["profile"], ".".join(keys))


def typed(kind: type[T], values: Mapping[str, Any], key: str) -> T:
    """Build the frozen dataclass ``kind`` from ``values``, found at ``key`` in params.yaml.

    Raises ParameterError naming file, key, value and what is allowed.
    """
    try:
        return TypeAdapter(kind).validate_json(json.dumps(values), strict=True)
    except ValidationError as error:
        raise ParameterError("\n".join(_sentence(kind, key, item) for item in error.errors())) from None
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{FILE}: {key}: {error}") from None


def _sentence(kind: type, key: str, item: Any) -> str:
    where = ".".join([key, *(str(part) for part in item["loc"])])
    match item["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            allowed = ", ".join(kind.__dataclass_fields__)  # type: ignore[attr-defined]
            return f"{FILE}: {where} is not a parameter of {kind.__name__}; it takes {allowed or 'none'}"
        case "missing" | "missing_argument":
            return f"{FILE}: {where} is missing ({kind.__name__} needs it)"
        case _:
            return f"{FILE}: {where} = {item['input']!r}: {item['msg'].lower()}"
