"""The pages of the documentation: README, CONTRIBUTING, docs/, and what stands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("python -m flows", "tenfold", "dvc", "make", "prefect", "mlflow")  # whose commands also stand in sentences
PLACEHOLDERS = {  # words in capitals, and what stands in their place for a parser
    "SCHEDULE_ID": "00000000-0000-0000-0000-000000000000",
    "ADDRESS": "https://localhost/tenfold.git",
    "SERVER": "localhost",
}


@dataclass(frozen=True)
class Command:
    """A command of a page. One in a sentence may be named without what it needs."""

    page: str
    words: tuple[str, ...]
    whole: bool

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, language: str) -> list[str]:
    """Return the page's blocks of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[Command]:
    """Return the commands of the page's shell blocks, and those that its sentences name."""
    text = page.read_text(encoding="utf-8")
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    lines = "".join(re.findall(r"^```sh\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)).replace("\\\n", " ")
    found = [Command(name(page), words, True) for line in lines.splitlines() for words in _simple(line)]
    sentences = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`([^`\n]+)`", sentences):
        if code.startswith(tuple(f"{program} " for program in PROGRAMS)) and "…" not in code and "<" not in code:
            found += [Command(name(page), words, False) for words in _simple(code)]
    return found


def _simple(line: str) -> list[tuple[str, ...]]:
    """Return the simple commands of a line, without variables before them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|")
    lexer.whitespace_split, lexer.commenters = True, "#"
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set(";&|"):
            found.append([])
        elif found[-1] or not re.fullmatch(r"[A-Z_]+=.*", word):
            found[-1].append(word)
    return [tuple(words) for words in found if words]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page: its headings as GitHub and the site name them, and those written by hand."""
    text = page.read_text(encoding="utf-8")
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL), flags=re.MULTILINE
    )
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))
