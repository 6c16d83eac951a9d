"""What a command's options about models and protocols mean: backends and a protocol, or wrong usage that says why."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.chat.client import ChatBackend
    from tenfold.debias.protocols import Protocol

Kind = Literal["http", "local"]
ALONE = {"self_refine": "rounds", "self_consistency": "samples"}  # what makes one agent's calls more or fewer


def model_names(models: str) -> list[str]:
    """Return the names in ``a,b``; wrong usage if one is empty."""
    names = [name.strip() for name in next(csv.reader([models], skipinitialspace=True), [])]
    if not names or not all(names):
        raise typer.BadParameter(f"--models {models!r}: give names with commas between, none of them empty")
    return names


def chosen_protocol(name: str, temperature: float | None, *, equal_calls: int | None = None, **given: Any) -> Protocol:
    """Return the protocol; options that it has no use for are wrong usage.

    ``equal_calls`` lets one agent alone spend as many calls per question as a conversation does.
    """
    from tenfold.debias.protocols import PROTOCOLS, protocol_named
    from tenfold.debias.protocols import equal_calls as controls

    known = {field.name for field in fields(PROTOCOLS[name])}
    alone = {"equal_calls"} if name in ALONE else set()
    cli.refuse_unused(given | {"equal_calls": equal_calls}, known | alone, f"--protocol {name}")
    chosen = {option: value for option, value in given.items() if value is not None}
    if equal_calls is not None:
        own = ALONE[name]
        if own in chosen:
            raise typer.BadParameter(f"--equal-calls says how many --{own} there are: give one of the two")
        control = next(one for one in controls(equal_calls) if one.name == name)
        chosen[own] = getattr(control, own)
    if "temperature" in known and temperature is not None:
        chosen["temperature"] = temperature
    if given.get("planted") is not None:
        chosen["stop_on_agreement"] = False
    return protocol_named(name, **chosen)


def chosen_backends(
    kind: Kind,
    models: Sequence[str],
    base_url: Sequence[str] | None,
    key_variable: Sequence[str] | None,
    concurrency: int | None,
    device: str | None,
    temperature: float = 0.0,
    told: Callable[[str], None] | None = None,
) -> list[ChatBackend]:
    """Return each model behind its endpoint, or on this machine; ``told`` hears of calls that are tried again.

    Raises InvalidAgents if a model comes twice at temperature 0: by its name before anything is loaded, by its files
    after; and what ``endpoints`` and ``local_models`` raise.
    """
    from tenfold.chat.endpoint import KEY
    from tenfold.debias.agents import endpoints

    if temperature == 0:
        _refuse_twins(models, [str(Path(name).resolve()) if kind == "local" else name for name in models])
    if kind == "local":
        given = {"base-url": base_url or None, "key-variable": key_variable or None, "concurrency": concurrency}
        cli.refuse_unused(given, (), "--backend local")
        found = _loaded(models, cli.torch_device(device))
        if temperature == 0:
            _refuse_twins(models, [_weights(backend) for backend in found])
        return found
    cli.refuse_unused({"device": device}, (), "--backend http")
    if not base_url:
        raise typer.BadParameter("--backend http needs --base-url, such as http://localhost:8000/v1")
    for address in base_url:
        if "," in address:
            raise typer.BadParameter(f"--base-url {address!r}: give --base-url once per model, without commas")
        if not address.startswith(("http://", "https://")):
            raise typer.BadParameter(f"--base-url {address!r}: begin with http:// or https://")
    for variable in key_variable or ():
        if not os.environ.get(variable):
            raise typer.BadParameter(f"--key-variable {variable}: no such environment variable is set; export it first")
    return endpoints(models, base_url, key_variable or (KEY,), concurrency=concurrency or 8, told=told)


def _refuse_twins(models: Sequence[str], same: Sequence[str]) -> None:
    """Raise InvalidAgents where two models are the same by what tells them apart."""
    from tenfold.debias.errors import InvalidAgents

    first: dict[str, str] = {}
    for model, key in zip(models, same, strict=True):
        if key in first:
            pair = f"{model} twice" if first[key] == model else f"{first[key]} and {model} are one model, which"
            raise InvalidAgents(f"{pair} would say the same twice: give a temperature above 0, or other models")
        first[key] = model


def _weights(backend: ChatBackend) -> str:
    """Return what tells a local model's weights from others': the digest of its folder, or its name on the hub."""
    identity = backend.identity()
    revision = str(identity["revision"])
    return revision if re.fullmatch("[0-9a-f]{64}", revision) else f"{identity['model']}@{revision}"


def _loaded(models: Sequence[str], device: str) -> list[ChatBackend]:
    """Return local models, each loaded once and announced; a folder of GGUF weights is refused with what to do."""
    from tenfold.debias.agents import local_models
    from tenfold.debias.errors import InvalidAgents

    loaded: dict[str, ChatBackend] = {}
    for model in dict.fromkeys(models):
        if (file := _gguf(Path(model))) is not None:
            raise InvalidAgents(
                f"{model}: {file.name} is GGUF, and a model's folder is one of transformers (config.json, safetensors, "
                f'a tokenizer); convert it: python -c "from pathlib import Path; from tenfold.language import '
                f"convert_gguf; convert_gguf(Path({str(file)!r}), Path('converted'))\""
            )
        typer.echo(f"loading {model}", err=True)
        loaded[model] = local_models([model], device=device)[0]
    return [loaded[model] for model in models]


def _gguf(place: Path) -> Path | None:
    """Return a file of GGUF weights, or the first in a folder that transformers could not read."""
    if place.suffix == ".gguf" and place.is_file():
        return place
    return None if (place / "config.json").is_file() else next(iter(sorted(place.glob("*.gguf"))), None)


def listed_options(text: str) -> tuple[str, ...]:
    """Return the options in ``a;b;c``; wrong usage if there are fewer than two, or one is empty or comes twice."""
    found = tuple(option.strip() for option in text.split(";"))
    if len(found) < 2 or not all(found) or len({option.casefold() for option in found}) < len(found):
        raise typer.BadParameter(f"--options {text!r}: give two or more, all different, with semicolons between")
    return found
