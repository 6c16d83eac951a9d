"""``tenfold``: one command for people's own data; each paper brings its own words."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from tenfold.command_line import application, run


class Papers(TyperGroup):
    """The papers with a command line, each imported when it is named: ``tenfold/<paper>/__main__.py``."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the papers' names, with hyphens."""
        found = Path(__file__).parent.glob("*/__main__.py")
        return sorted(path.parent.name.replace("_", "-") for path in found)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a paper's commands; underscores in its name do as well."""
        name = cmd_name.replace("_", "-")
        if name not in self.list_commands(ctx):
            return None
        return typer.main.get_command(import_module(f"tenfold.{name.replace('-', '_')}.__main__").app)


app = application("The methods of ten machine-learning papers, for your own data.", cls=Papers)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``tenfold`` and return its exit status."""
    return run(app, arguments)


if __name__ == "__main__":
    sys.exit(main())
