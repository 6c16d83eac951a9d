"""A new paper: a copy of examples/toy_paper under another name, which runs as it is."""

from __future__ import annotations

import keyword
import re
from importlib.util import find_spec
from pathlib import Path

from flows.graph.paper import NAME

EXAMPLE, SLUG = Path("examples/toy_paper"), "toy"
TAKEN = {"data", "everything"}  # names that stages and deployments have
_WORD = re.compile(rf"\b{SLUG}\b")


class PaperNameRefused(ValueError):
    """A new paper cannot have this name."""


def new_paper(root: Path, slug: str) -> list[Path]:
    """Write a paper called ``slug`` into the checkout at ``root``; return its files, relative to ``root``.

    Raises PaperNameRefused, before anything is written, if the name is ill-formed or taken.
    """
    files = [path.relative_to(root / EXAMPLE) for path in sorted((root / EXAMPLE).rglob("*")) if _is_source(path)]
    copies = {path: Path(_WORD.sub(slug, path.as_posix())) for path in files}
    _check(root, slug)
    for path, copy in copies.items():
        (root / copy).parent.mkdir(parents=True, exist_ok=True)
        (root / copy).write_text(_WORD.sub(slug, (root / EXAMPLE / path).read_text(encoding="utf-8")), encoding="utf-8")
    return list(copies.values())


def _is_source(path: Path) -> bool:
    return path.is_file() and path.suffix != ".pyc"


def _check(root: Path, slug: str) -> None:
    if not NAME.fullmatch(slug) or keyword.iskeyword(slug):
        raise PaperNameRefused(
            f"{slug!r} is no name for a paper: take lower-case words joined by underscores, as my_paper"
        )
    folders = [Path(layer, slug) for layer in ("flows", "steps", "tenfold", "tests/steps", "tests/tenfold")]
    for path in [*folders, Path("flows", f"{slug}.py"), Path("docs/papers", f"{slug}.md")]:
        if (root / path).exists():
            raise PaperNameRefused(f"{slug} is taken: {path} exists; choose another name")
    if slug in TAKEN or find_spec(slug) is not None:
        raise PaperNameRefused(
            f"{slug} is the name of something else, which flows/{slug}.py would hide; choose another name"
        )
