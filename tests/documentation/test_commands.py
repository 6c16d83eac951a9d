"""Every command of the documentation is one that its program understands, and names what there is."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from flows.graph.paper import papers
from tests.conftest import ROOT
from tests.documentation.pages import PAGES, Command, commands

NEW = "my_paper"  # a paper that `python -m flows new` would write
HARMLESS = {"cd", "export", "git", "source"}
ALL = sorted({command for page in PAGES for command in commands(page)}, key=str)
STAGES = {f"{node.paper}:{node.own_name}" for paper in papers(ROOT) for node in paper.stages()}


@pytest.mark.parametrize("command", ALL, ids=str)
def test_the_program_understands_it(command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program, *arguments = command.words
    if program in ("python", "pip"):
        program, arguments = f"{program} {' '.join(arguments[:2])}", arguments[2:]
    if program in HARMLESS:
        return
    matching = [known for known in CHECKS if program == known or program.startswith(f"{known} ")]
    assert matching, f"no check for {program}"
    CHECKS[matching[0]](command, arguments)


def understood(app: typer.Typer, command: Command, arguments: Sequence[str]) -> dict[str, Any]:
    """Let a command line of typer read the arguments, down to the last sub-command, and run nothing."""
    current, rest, values = typer.main.get_command(app), list(arguments), {}
    while True:
        context = current.make_context(command.words[0], rest, resilient_parsing=not command.whole)
        values |= context.params
        rest = [*context._protected_args, *context.args]  # a group keeps its sub-command apart
        if not hasattr(current, "resolve_command") or not rest:
            return values
        _, current, rest = current.resolve_command(context, rest)
        assert current is not None


def flows(command: Command, arguments: Sequence[str]) -> None:
    from flows.__main__ import app

    values = understood(app, command, arguments)
    paper = values.get("paper")
    assert paper in (None, "all", NEW) or (ROOT / "flows" / f"{paper}.py").is_file()
    for assignment in values.get("assignments") or ():
        key = assignment.partition("=")[0]
        first, _, inside = key.partition(".")
        own = Path("steps", first, "params.yaml")
        assert has_key(own, inside) if inside and (ROOT / own).is_file() else has_key(Path("params.yaml"), key)


def tenfold(command: Command, arguments: Sequence[str]) -> None:
    from tenfold.__main__ import app

    understood(app, command, arguments)


def dvc(command: Command, arguments: Sequence[str]) -> None:
    from dvc.cli.parser import get_main_parser

    if not command.whole:  # named in a sentence, maybe without what it works on
        with pytest.raises(SystemExit, match="0"):
            get_main_parser().parse_args([*arguments, "--help"])
        return
    parsed = get_main_parser().parse_args(list(arguments))
    for target in parsed.targets if arguments[0] in ("repro", "pull", "push") else ():
        file, _, stage = target.partition(":")
        paper = Path(file).parent.name
        assert paper == NEW or (ROOT / file).is_file()
        assert not stage or f"{paper}:{stage}" in STAGES
    for assignment in getattr(parsed, "set_param", None) or ():
        place = assignment.partition("=")[0]
        file, _, key = place.rpartition(":")
        assert has_key(Path(file or "params.yaml"), key)


def has_key(file: Path, key: str) -> bool:
    """Return whether a file of parameters has the key, down to one of its profiles."""
    value = YAML(typ="safe").load(ROOT / file)
    for part in key.split("."):
        if not isinstance(value, dict) or part not in value:
            # a profile that is not named stands for one that is
            return (
                isinstance(value, dict) and part in ("smoke", "default", "extended", "gpu", "full") and "smoke" in value
            )
        value = value[part]
    return True


def make(_: Command, arguments: Sequence[str]) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert set(arguments) <= set(targets)


def pip_install(_: Command, arguments: Sequence[str]) -> None:
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for word in arguments:
        if match := re.fullmatch(r"\.\[(\w+)\]", word):
            assert re.search(rf"^{match[1]} = \[", pyproject, flags=re.MULTILINE)
        elif word.endswith(".txt"):
            assert (ROOT / word).is_file()


def prefect(_: Command, arguments: Sequence[str]) -> None:
    from prefect.cli._app import _app

    _app.parse_args(list(arguments), exit_on_error=False, print_error=False)
    if arguments[0] == "deploy":
        file, _, flow = arguments[1].partition(":")
        assert (ROOT / file).is_file() and Path(file).stem == flow
    if arguments[:2] == ["deployment", "run"]:
        slug = arguments[2].partition("/")[0]
        assert slug == "everything" or (ROOT / "flows" / f"{slug}.py").is_file()


def mlflow(command: Command, arguments: Sequence[str]) -> None:
    from mlflow.cli import cli

    known = cli.get_command(None, arguments[0])
    assert known is not None
    known.make_context(arguments[0], list(arguments[1:]))


def flow_file(command: Command, _: Sequence[str]) -> None:
    assert (ROOT / command.words[1]).is_file()


def code(command: Command, _: Sequence[str]) -> None:
    compile(command.words[2], str(command), "exec")


def pytest_paths(_: Command, arguments: Sequence[str]) -> None:
    assert all(NEW in path for path in arguments)


def launched(parser: Callable[[], argparse.ArgumentParser]) -> Callable[[Command, Sequence[str]], None]:
    """Return the check of a launcher that takes a module and its arguments after its own options."""

    def check(_: Command, arguments: Sequence[str]) -> None:
        skipped = arguments[1:] if arguments[0] == "launch" else arguments
        parsed = parser().parse_args(list(skipped))
        module, (paper, step, *variant) = parsed.training_script, parsed.training_script_args
        assert module == "steps" and f"{paper}:{'-'.join([step, *variant])}" in STAGES

    return check


def _torchrun() -> argparse.ArgumentParser:
    return importlib.import_module("torch.distributed.run").get_args_parser()


def _accelerate() -> argparse.ArgumentParser:
    return importlib.import_module("accelerate.commands.launch").launch_command_parser()


CHECKS: dict[str, Callable[[Command, Sequence[str]], None]] = {
    "python -m flows": flows,
    "python -m pytest": pytest_paths,
    "python -c": code,
    "python flows/": flow_file,
    "pip install": pip_install,
    "tenfold": tenfold,
    "dvc": dvc,
    "make": make,
    "prefect": prefect,
    "mlflow": mlflow,
    "torchrun": launched(_torchrun),
    "accelerate": launched(_accelerate),
}
