"""What the site needs besides Markdown: drawn graphs, a page per package of the API, files that pages link to."""

from __future__ import annotations

import re
from pathlib import Path
from posixpath import dirname, join, normpath, relpath
from typing import Any

import mermaidx
from mkdocs.structure.files import File, Files

from flows.report.public_names import Package, packages

ROOT = Path(__file__).parents[1]
COPIES = "repository"  # where the site keeps the files of the repository that pages link to
FENCE = re.compile(r"^```mermaid\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()([^)#\s:]+)(#[^)\s]*)?(?=\))")
MARKER = re.compile(r"^<!-- (begin|end) [a-z0-9_ ]+ -->\n", re.MULTILINE)


def on_config(config: Any) -> Any:
    """Fill the sections of the navigation that are made of files."""
    papers = sorted(path.name for path in (ROOT / "docs" / "papers").glob("*.md"))
    sections = {
        "Papers": [f"papers/{name}" for name in papers],
        "API reference": ["api/index.md", *(f"api/{package.name}.md" for package in packages(ROOT))],
    }
    for item in config.nav:
        if isinstance(item, dict):
            item.update({name: sections[name] for name in item if name in sections})
    return config


def on_files(files: Files, config: Any) -> Files:
    """Add a page per package of the API, and every file outside docs/ that a page links to, or one of these files."""
    for package in packages(ROOT):
        files.append(File.generated(config, f"api/{package.name}.md", content=_api_page(package)))
    pages = [f"docs/{file.src_uri}" for file in files.documentation_pages() if file.abs_src_path]
    for page in pages:  # grows
        for target in _targets(page):
            if (
                not target.startswith("docs/")
                and target not in pages
                and files.get_file_from_path(_place(target)) is None
            ):
                for path in _with_parts(_shown(target)):
                    files.append(File.generated(config, _place(path), abs_src_path=str(ROOT / path)))
                pages += [target] if _place(target).endswith(".md") else []
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Draw the page's graphs and lead its links outside docs/ to the copies."""
    place, numbers = page.file.src_uri, iter(range(1, 100))
    markdown = FENCE.sub(lambda fence: _drawn(fence[1], f"graph-{next(numbers)}"), MARKER.sub("", markdown))
    if place == "api/index.md":
        markdown = re.sub(r"^\| `(tenfold\.(\w+))`", r"| [`\1`](\2.md)", markdown, flags=re.MULTILINE)
        return markdown
    home = place.removeprefix(f"{COPIES}/") if place.startswith(f"{COPIES}/") else f"docs/{place}"

    def led(link: re.Match[str]) -> str:
        return relpath(_place(_target(link[1], home)), dirname(place) or ".") + (link[2] or "")

    return LINK.sub(led, markdown)


def _api_page(package: Package) -> str:
    names = (f"::: {module}.{name}" for name, module in package.modules.items())
    return "\n\n".join([f"# tenfold.{package.name}", f"{package.summary}.", *names])


def _drawn(source: str, name: str) -> str:
    """Return a Mermaid graph as SVG, which needs no script; its styles and markers are called ``name``."""
    svg = mermaidx.render(source, theme="neutral").svg().replace("my-svg", name)
    return f'<div class="diagram">{" ".join(svg.splitlines())}</div>'


def _targets(page: str) -> list[str]:
    """Return the files that a page links to; page and files relative to the root."""
    return [_target(link[1], page) for link in LINK.finditer((ROOT / page).read_text(encoding="utf-8"))]


def _target(link: str, page: str) -> str:
    return normpath(join(dirname(page), link))


def _shown(path: str) -> str:
    """Return which file the site shows for one of the repository: for a report, its page."""
    return path.replace(".md", ".html") if path.startswith("reports/") else path


def _with_parts(path: str) -> list[str]:
    """Return a file and, of a report, the papers' pages that it links to."""
    parts = (ROOT / path).with_suffix("").glob("*.html") if path.startswith("reports/") else ()
    return [path, *sorted(str(part.relative_to(ROOT)) for part in parts)]


def _place(path: str) -> str:
    """Return where in the site a file of the repository stands; code and tables as text, which browsers show."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.startswith("reports/"):
        return _shown(path)
    return f"{COPIES}/{path}" if path.endswith(".md") else f"{COPIES}/{path}.txt"
