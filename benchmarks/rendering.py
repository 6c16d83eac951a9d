"""How many pages and small canvases are drawn, and read, per second of one core.

    python -m benchmarks.rendering [--quick] [--profile] [--engine NAME]

CPU seconds are counted, so that other work on the machine matters little. The goal is 500 canvases of 64×64 with one or
two words per second; the program ends with status 1 below it. Nothing is written.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np

from benchmarks.machine import machine
from tenfold.ocr.reading import load_engine
from tenfold.rendering.assets import Assets
from tenfold.rendering.fonts import bundled_fonts
from tenfold.rendering.pages import LAYOUTS, draw_page
from tenfold.rendering.word_canvases import draw_word_canvas, glyph_image
from tenfold.rendering.words import drawn_words, english_words

GOAL = 500.0  # canvases of 64×64 per second and core


def rate(call: Callable[[int], object], count: int) -> float:
    """Return calls per CPU second, after a tenth of them that is not counted."""
    for number in range(-(-count // 10)):
        call(number)
    started = time.process_time()
    for number in range(count):
        call(number)
    return count / (time.process_time() - started)


def canvases(assets: Assets, size: tuple[int, int], *, grey: bool, glyphs: bool = False) -> Callable[[int], object]:
    """Return a call that draws one canvas with one or two words."""
    generator = np.random.default_rng(0)

    def call(number: int) -> object:
        words = drawn_words(assets.words, 1 + number % 2 if size[1] >= 32 else 1, generator)
        drawing = draw_word_canvas(words, generator, assets=assets, size=size, grey=grey)
        return glyph_image(drawing) if glyphs else drawing

    return call


def profile(call: Callable[[int], object], count: int) -> None:
    """Print where the time goes."""
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    profiler.enable()
    for number in range(count):
        call(number)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(15)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the drawings")
    parser.add_argument("--profile", action="store_true", help="where the time of a small canvas goes")
    parser.add_argument("--engine", help="also time this OCR engine on pages of 256×256")
    options = parser.parse_args()
    count = 300 if options.quick else 3000
    assets = Assets(bundled_fonts(), english_words(3, 8))
    print(machine("pillow", "numpy"))
    small = canvases(assets, (64, 64), grey=False)
    found = rate(small, count)
    print(f"64×64, one or two words: {found:.0f} canvases per CPU second (goal: {GOAL:.0f})")
    print(f"64×16, one word, grey: {rate(canvases(assets, (64, 16), grey=True), count):.0f}")
    print(f"64×64 with glyph image: {rate(canvases(assets, (64, 64), grey=False, glyphs=True), count):.0f}")
    for layout in LAYOUTS:
        per_second = rate(lambda number, layout=layout: draw_page(layout, number, assets=assets), count // 30)  # type: ignore[misc]
        print(f"256×256 {layout}: {per_second:.0f} pages per CPU second")
    if options.engine:
        engine = load_engine(options.engine)
        pages = [draw_page("columns", number, assets=assets).image for number in range(4)]
        print(f"{engine.version}: {1 / rate(lambda number: engine.read(pages[number % 4]), 8):.2f} CPU s per page")
    if options.profile:
        profile(small, count)
    return int(found < GOAL)


if __name__ == "__main__":
    raise SystemExit(main())
