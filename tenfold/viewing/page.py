"""One self-contained HTML page of samples, with filters and a search box.

The page fetches nothing: style, script and images stand in it, and its content security policy allows nothing else, so
that a reply with markup in it is shown as text and can do nothing. Without a script it is readable, unfiltered.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tenfold.viewing.embedding import embedded
from tenfold.viewing.errors import PageTooLarge
from tenfold.viewing.sample import Sample
from tenfold.viewing.script import SCRIPT
from tenfold.viewing.style import STYLE
from tenfold.viewing.template import TEMPLATE

MOST_BYTES = 50_000_000  # of a page: what a phone still opens
LARGEST_SIDE = 768  # pixels of an image
MOST_IMAGE_BYTES = 150_000


def write_page(
    samples: Iterable[Sample],
    path: Path,
    *,
    title: str,
    notes: Sequence[str] = (),
    largest_side: int = LARGEST_SIDE,
    most_image_bytes: int = MOST_IMAGE_BYTES,
    most_bytes: int = MOST_BYTES,
) -> None:
    """Write samples as one HTML file, the same bytes for the same samples; ``notes`` are paragraphs above them.

    An image is reduced to ``largest_side`` pixels and ``most_image_bytes``; where that was done, the page says so.
    Raises InvalidSample for an image that is none, PageTooLarge if the page takes more than ``most_bytes``.
    """
    page = render(samples, title=title, notes=notes, largest_side=largest_side, most_image_bytes=most_image_bytes)
    data = page.encode("utf-8", errors="backslashreplace")  # a lone surrogate is shown as it is written in Python
    if len(data) > most_bytes:
        raise PageTooLarge(
            f"{path}: {len(data):,} bytes, and {most_bytes:,} are allowed: show fewer samples, or smaller images"
        )
    path.write_bytes(data)


def render(
    samples: Iterable[Sample],
    *,
    title: str,
    notes: Sequence[str] = (),
    largest_side: int = LARGEST_SIDE,
    most_image_bytes: int = MOST_IMAGE_BYTES,
) -> str:
    """Return the page as text. Raises InvalidSample for an image that is none."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    shown = list(samples)
    images = [
        [embedded(image, largest_side=largest_side, most_bytes=most_image_bytes) for image in sample.images]
        for sample in shown
    ]
    return environment.from_string(TEMPLATE).render(
        title=title,
        notes=notes,
        samples=list(zip(shown, images, strict=True)),
        facets=facets_of(shown),
        json=_json,
        style=STYLE,
        script=SCRIPT,
        style_digest=_digest(STYLE),
        script_digest=_digest(SCRIPT),
    )


def facets_of(samples: Sequence[Sample]) -> dict[str, dict[str, int]]:
    """Return the facets by which samples can be told apart, each with its values and their counts.

    Facets stand in the order of their first appearance, values in alphabetical order; a facet that has the same value
    in all samples is left out.
    """
    found: dict[str, dict[str, int]] = {}
    for sample in samples:
        for name, value in sample.all_facets.items():
            counts = found.setdefault(name, {})
            counts[value] = counts.get(value, 0) + 1
    return {
        name: dict(sorted(counts.items()))
        for name, counts in found.items()
        if len(counts) > 1 or sum(counts.values()) < len(samples)
    }


def _json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


def _digest(text: str) -> str:
    """Return what a content security policy calls an inline style or script by."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
