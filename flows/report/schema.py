"""Reading a YAML or JSON file into a strict model, with errors that name file, place and value."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError

from flows.report.errors import ReportError

T = TypeVar("T")


class Strict(BaseModel):
    """A frozen record that refuses unknown keys, wrong types, NaN and infinities."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


def read_yaml(path: Path, error: type[ReportError], advice: str) -> Any:
    """Return the parsed YAML file; raises ``error`` (with ``advice``) if absent or not valid."""
    try:
        return YAML(typ="safe").load(path)
    except FileNotFoundError:
        raise error(f"{path} does not exist: {advice}") from None
    except YAMLError as problem:
        raise error(f"{path} is not valid YAML: {problem}") from None


def read_json(path: Path, error: type[ReportError], advice: str) -> Any:
    """Return the parsed JSON file; raises ``error`` (with ``advice``) if absent or not valid."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise error(f"{path} does not exist: {advice}") from None
    except ValueError as problem:
        raise error(f"{path} is not valid JSON: {problem}") from None


def typed(
    kind: Any, raw: Any, path: Path, error: type[ReportError], place: Callable[[tuple], str] | None = None
) -> Any:
    """Return ``raw`` as ``kind``; raises ``error`` with one line for each thing that is wrong.

    ``place`` turns the location of a problem, such as ``("claims", 0, "tests")``, into words.
    """
    try:
        # through JSON, so that a list is taken for a tuple while "1" is still refused for 1
        return TypeAdapter(kind).validate_json(json.dumps(raw), strict=True)
    except ValidationError as problem:
        where = place or dotted
        lines = [_sentence(path, where(item["loc"]), item) for item in problem.errors()]
        raise error("\n".join(lines)) from None
    except (TypeError, ValueError) as problem:
        raise error(f"{path}: {problem}") from None


def dotted(location: tuple) -> str:
    """Return ``("tests", 0, "at_most")`` as ``tests[0].at_most``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def _sentence(path: Path, where: str, item: Any) -> str:
    place = f"{path}: {where}" if where else f"{path}"
    match item["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"{place} is not a known key: remove it or correct its spelling"
        case "value_error":
            return f"{place}: {item['ctx']['error']}"
        case "finite_number":
            return f"{place} = {item['input']}: must be a finite number, not NaN or infinite"
        case _:
            return f"{place} = {item['input']!r}: {item['msg'][:1].lower()}{item['msg'][1:]}"
