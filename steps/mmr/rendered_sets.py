"""Sets of rendered items as one, each of a seed of its own; keys and images bear the number of their set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps.mmr.item_sets import RENDERED, write_fit
from tenfold.mmr.items import ItemSet
from tenfold.mmr.tasks import CHOICE

if TYPE_CHECKING:
    from tenfold.mmr.rendered import RenderedItems
    from tenfold.rendering.assets import Assets

FIT_NUMBER = 999  # of the set to fit on


def draw_sets(
    fonts: Sequence[Path], per_task: int, sets: Sequence[int], seed: int, out: Path
) -> tuple[ItemSet, dict[str, Any]]:
    """Draw the sets of the numbers ``sets`` into the folder ``out``; return their items, and what there is to know.

    Items to fit on, about pages of yet another seed, stand beside them. What is drawn is of the part "evaluation" of
    fonts, words and layouts, which no model here is trained on.
    Raises NoItems, CannotSplit if the fonts do not do.
    """
    from tenfold.mmr.rendered import RenderedItems, write_rendered
    from tenfold.rendering.fonts import bundled_fonts, fonts_in
    from tenfold.rendering.reading_parts import assets_of

    found = {font.name: font for font in (*bundled_fonts(), *(font for folder in fonts for font in fonts_in(folder)))}
    assets = assets_of("evaluation", found.values())
    drawn = [_set(number, per_task, seed, assets) for number in sets]
    write_fit(out, _set(FIT_NUMBER, per_task, seed, assets).items)
    rejected = sum((Counter(one.rejected) for one in drawn), Counter())
    whole = RenderedItems(
        tuple(item for one in drawn for item in one.items),
        {name: page for one in drawn for name, page in one.pages.items()},
        dict(sorted(rejected.items())),
    )
    write_rendered(whole, out)
    return ItemSet(RENDERED, whole.items, out), _about(whole, sets, assets)


def _set(number: int, per_task: int, seed: int, assets: Assets) -> RenderedItems:
    """Return one set, its names changed to bear its number."""
    from tenfold.mmr.rendered import render_items

    one = render_items(per_task=per_task, seed=1000 * seed + number, assets=assets)
    items = tuple(
        replace(
            item,
            key=f"{RENDERED}/{number}/{item.key}",
            image=f"{number}-{item.image}",
            file=f"{number}-{item.file}",
        )
        for item in one.items
    )
    return replace(one, items=items, pages={f"{number}-{name}": page for name, page in one.pages.items()})


def _about(whole: RenderedItems, sets: Sequence[int], assets: Assets) -> dict[str, Any]:
    designs = len({font.design for font in assets.fonts})
    right = {
        task: dict(sorted(Counter(item.answer for item in whole.items if item.task == task).items())) for task in CHOICE
    }
    return {
        "origin": "drawn",
        "stand_in": False,
        "detail": f"{len(whole.pages)} pages drawn here, {designs} designs of fonts, {len(sets)} sets",
        "sets": list(sets),
        "right": right,
        "rejected": whole.rejected,
    }
