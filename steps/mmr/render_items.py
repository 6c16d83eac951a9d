"""Draw pages and ask about them: items of all eleven tasks whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import field_validator

from steps.mmr.item_sets import RENDERED, write_about
from steps.mmr.rendered_sets import FIT_NUMBER, draw_sets
from steps.step.params import Count, Field, Params
from steps.step.run import Run


class RenderItemsParams(Params):
    """How many items of each task a set has, and the numbers of the sets, each of its own seed."""

    per_task: Count
    sets: list[Annotated[int, Field(ge=0)]] = Field(min_length=1)

    @field_validator("sets")
    @classmethod
    def _once(cls, sets: list[int]) -> list[int]:
        if len(set(sets)) != len(sets) or FIT_NUMBER in sets:
            raise ValueError(f"each set is drawn once, and the one to fit on, {FIT_NUMBER}, is none of them: {sets}")
        return sets


def render_items(
    fonts: Path,
    caladea: Path,
    fredoka_one: Path,
    manrope: Path,
    source_sans: Path,
    source_serif: Path,
    *,
    out: Path,
    params: RenderItemsParams,
    run: Run,
) -> None:
    """Draw sets of pages with fonts, words and layouts that no training of the project uses, and ask about them.

    Reads   fonts of each source
    Writes  items.jsonl, all sets one after the other; images/; pages.jsonl: what was drawn, which no model reads;
            about.json: rows per task, how often each index is right, rejected questions by reason; fit/items.jsonl:
            items about pages of another seed, without images
    Logs    items, images, rejected
    Raises  MissingFonts
    """
    folders = (fonts, caladea, fredoka_one, manrope, source_sans, source_serif)
    items, about = draw_sets(folders, params.per_task, params.sets, run.seed, out)
    write_about(out, items, **about)
    images = len(set(items.images.tolist()))
    run.log({"items": len(items), "images": images, "rejected": sum(about["rejected"].values())})
    run.say(f"{RENDERED}: {len(items)} items about {images} pages, {items.points} points")
