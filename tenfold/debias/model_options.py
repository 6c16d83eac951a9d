"""What a command's options about models and protocols mean: backends and a protocol, or wrong usage that says why."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from dataclasses import fields
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
    told: Callable[[str], None] | None = None,
) -> list[ChatBackend]:
    """Return each model behind its endpoint, or on this machine; ``told`` hears of calls that are tried again."""
    from tenfold.chat.endpoint import KEY
    from tenfold.debias.agents import endpoints, local_models

    if kind == "local":
        given = {"base-url": base_url or None, "key-variable": key_variable or None, "concurrency": concurrency}
        cli.refuse_unused(given, (), "--backend local")
        return local_models(models, device=cli.torch_device(device))
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


def listed_options(text: str) -> tuple[str, ...]:
    """Return the options in ``a;b;c``; wrong usage if there are fewer than two, or one is empty or comes twice."""
    found = tuple(option.strip() for option in text.split(";"))
    if len(found) < 2 or not all(found) or len({option.casefold() for option in found}) < len(found):
        raise typer.BadParameter(f"--options {text!r}: give two or more, all different, with semicolons between")
    return found
