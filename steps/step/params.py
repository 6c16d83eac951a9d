"""Every parameter once, with switches by profile, checked before anything runs.

What all papers share stands in params.yaml at the root, a paper's own in steps/<paper>/params.yaml. In code and on
our command line a paper's parameter has one dotted key, ``dp_john.solve.tolerance``.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Field
from ruamel.yaml import YAML, YAMLError

PROFILES = ("smoke", "default", "extended", "gpu", "full")
FILE = Path("params.yaml")
UNSEEN = {"size", "nfiles"}  # DVC's run cache leaves out keys of these names, which it has for files, at any depth
GENERAL = {"profile", "seed", "data"}  # the keys of params.yaml at the root
T = TypeVar("T", bound="Params")

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


class Params(BaseModel):
    """A block of parameters: frozen, every key known, every type as declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ParameterError(ValueError):
    """A parameter is missing, unknown, of the wrong type or out of range."""


def file_of(key: str) -> Path:
    """Return the file, relative to the root, that holds a dotted key, of a paper or of what all papers share."""
    paper = key.partition(".")[0]
    return FILE if paper in GENERAL else Path("steps") / paper / FILE


def place(key: str) -> str:
    """Return file and key as they stand there: ``dp_john.solve`` is ``steps/dp_john/params.yaml: solve``."""
    file = file_of(key)
    own = key if file == FILE else key.partition(".")[2]
    return f"{file}: {own}" if own else str(file)


def read(root: Path, papers: Collection[str] | None = None) -> dict[str, Any]:
    """Return what params.yaml holds, and under their names what the files of ``papers`` hold, or those of all.

    Raises ParameterError if a file cannot be parsed, and for an unknown profile, a wrong seed or a strange key.
    """
    if not (root / FILE).is_file():
        raise ParameterError(f"{root / FILE} does not exist; run the command at the root of the checkout")
    settings = parse((root / FILE).read_text(encoding="utf-8"))
    if papers is None:
        papers = [path.parent.name for path in sorted(root.glob(f"steps/*/{FILE}"))]
    for paper in papers:
        file = file_of(paper)
        if (root / file).is_file():
            settings[paper] = mapping((root / file).read_text(encoding="utf-8"), file)
    return settings


def parse(text: str) -> dict[str, Any]:
    """Return the content of params.yaml at the root from its text; raises like ``read``."""
    params = mapping(text, FILE)
    profile, seed = params.get("profile"), params.get("seed")
    if profile not in PROFILES:
        raise ParameterError(f"{FILE}: profile = {profile!r}: must be one of {', '.join(PROFILES)}")
    if type(seed) is not int or seed < 0:
        raise ParameterError(f"{FILE}: seed = {seed!r}: must be a whole number, 0 or larger")
    strange = [str(key) for key in params if key not in GENERAL]
    if strange:
        raise ParameterError(
            f"{FILE}: {', '.join(strange)}: it takes {', '.join(sorted(GENERAL))} only; a paper's own parameters "
            f"stand in {file_of('<paper>')}"
        )
    return params


def mapping(text: str, file: Path) -> dict[str, Any]:
    """Return the mapping that is the content of ``file`` from its text; raises ParameterError if it is none."""
    try:
        content = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise ParameterError(f"{file} is not valid YAML: {error}") from None
    if not isinstance(content, dict):
        takes = "with the keys profile, seed and data" if file == FILE else "one block per step"
        raise ParameterError(f"{file} must be a mapping, {takes}")
    if unseen := UNSEEN & set(_keys(content)):
        raise ParameterError(
            f"{file}: {', '.join(sorted(unseen))}: DVC would restore the output of another value; name it otherwise"
        )
    return content


def _keys(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(item)


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
                f"{place(key)} has no value for profile {profile} or one before it; it names only {', '.join(value)}"
            )
        return switched(value[named[-1]], profile, key)
    mixed = set(value) & set(PROFILES)
    if mixed:
        raise ParameterError(
            f"{place(key)} mixes profile names ({', '.join(sorted(mixed))}) with other keys "
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
            raise ParameterError(f"{place('.'.join(keys[: depth + 1]))} = {value!r}: must be a mapping")
    return switched(value, params["profile"], ".".join(keys))


def typed(kind: type[T], values: Mapping[str, Any], key: str) -> T:
    """Build ``kind`` from ``values``, found at the dotted ``key``.

    Raises ParameterError naming file, key, value and what is allowed.
    """
    try:
        return kind.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise ParameterError("\n".join(_sentence(kind, key, item) for item in error.errors())) from None
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{place(key)}: {error}") from None


def _sentence(kind: type[Params], key: str, item: Any) -> str:
    where = place(".".join([key, *(str(part) for part in item["loc"])]))
    match item["type"]:
        case "unexpected_keyword_argument" | "extra_forbidden":
            allowed = ", ".join(kind.model_fields)
            return f"{where} is not a parameter of {kind.__name__}; it takes {allowed or 'none'}"
        case "missing" | "missing_argument":
            return f"{where} is missing ({kind.__name__} needs it)"
        case _:
            return f"{where} = {item['input']!r}: {item['msg'].lower()}"
