"""A folder of generated images: what each was asked to show beside them, and nothing in it ever replaced.

    0000_0000.png …         images, <prompt>_<image>, both from 0: the names by which `images_in` finds the prompt
    prompts.jsonl           a row per prompt: what was asked for, what reached the networks, how it was sampled
    text/0000_0000.png …    the text images, where a text module made or was given one
    grids/0000.png …        layout, images and text images of a prompt on one sheet, where they were asked for

Legend:  B images · H, W canvas
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from tenfold import command_line as cli
from tenfold.artist.layouts import Layout
from tenfold.artist.pipeline import ArtistOutput
from tenfold.artist.plan_images import drawn_layout
from tenfold.imaging.grids import image_grid, png

ROWS, TEXTS, GRIDS = "prompts.jsonl", "text", "grids"
LEGIBLE = 256  # pixels that a canvas on a sheet is wide at least


@contextmanager
def images_folder(out: Path, *, add: bool) -> Iterator[tuple[Path, int]]:
    """Yield where to write, and the number of the next prompt; a new folder appears once all went well.

    By ``add`` images are added to a folder that was written here; one that is not there is made. Raises InvalidOutput
    for a folder that is there without ``add``, for any other folder, and where a run was broken off between its images
    and its row.
    """
    if add and out.is_dir():
        yield out, _next_prompt(out)
        return
    if out.exists() and not add:
        raise cli.InvalidOutput(f"{out} is there already; give another --out, or add images to it with --add")
    with cli.new_output(out) as unfinished:
        unfinished.mkdir()
        yield unfinished, 0


def write_prompt(
    folder: Path, number: int, row: dict[str, Any], made: ArtistOutput, *, sheet: UInt8[np.ndarray, "h w 3"] | None
) -> list[Path]:
    """Write a prompt's images, text images and sheet, then its row; returns the images' paths."""
    paths = _written(folder, number, made.images)
    if made.text_images is not None:
        (folder / TEXTS).mkdir(exist_ok=True)
        _written(folder / TEXTS, number, made.text_images)
    if sheet is not None:
        (folder / GRIDS).mkdir(exist_ok=True)
        _new(folder / GRIDS / f"{number:04d}.png", png(sheet))
    with (folder / ROWS).open("a", encoding="utf-8", errors="backslashreplace", newline="\n") as file:  # surrogates
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return paths


def sheet_of(layout: Layout, made: ArtistOutput) -> UInt8[np.ndarray, "h w 3"]:
    """Return the layout and all images in a row, enlarged so that a person can read them, the text images below."""
    scale = -(-LEGIBLE // layout.width)
    cells = [drawn_layout(layout, scale=scale), *(_enlarged(image, scale) for image in made.images)]
    columns = len(cells)
    if made.text_images is not None:
        cells += [np.full_like(cells[0], 255), *(_enlarged(image, scale) for image in made.text_images)]
    return image_grid(np.stack(cells), columns)


def _next_prompt(folder: Path) -> int:
    rows = folder / ROWS
    if not rows.is_file():
        raise cli.InvalidOutput(f"{folder} holds no {ROWS}: images are added only to a folder that generate wrote")
    number = rows.read_bytes().count(b"\n")  # a prompt may hold other ends of lines
    if left := sorted(folder.glob(f"{number:04d}_*.png")):
        raise cli.InvalidOutput(f"{left[0]} has no row in {ROWS}, left by a run that broke off; take it away first")
    return number


def _written(folder: Path, number: int, images: UInt8[np.ndarray, "B H W *C"]) -> list[Path]:
    paths = [folder / f"{number:04d}_{image:04d}.png" for image in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        _new(path, png(image))
    return paths


def _new(path: Path, content: bytes) -> None:
    with path.open("xb") as file:  # never in place of another
        file.write(content)


def _enlarged(image: UInt8[np.ndarray, "H W *C"], scale: int) -> UInt8[np.ndarray, "h w 3"]:
    large = image.repeat(scale, axis=0).repeat(scale, axis=1)
    return large if large.ndim == 3 else np.repeat(large[..., None], 3, axis=2)
