"""Draw what is learnt from and what is tested on, in parts that share nothing, and measure the reader's ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import NonNegativeInt

from steps.artist import canvas_sets as sets
from steps.artist.canvas_sets import GlyphSet, PromptRow, Stage, chosen, joined
from steps.artist.ceilings import WholeParams, measured_ceilings
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Field, Params, Positive
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.artist.canvases import Canvases, CanvasStyle
    from tenfold.artist.parts import Parts
    from tenfold.rendering.fonts import Font


class StyleParams(Params):
    """How canvases look: sides in pixels, the text's least contrast (WCAG ratio), its size in its place."""

    width: Count
    height: Count
    contrast: Positive
    smallest: Positive


class TextParams(Params):
    """How many text images of one word, of two words, and of each to validate with."""

    words: Count
    sentences: Count
    validation: Count


class VisualParams(Params):
    """How many composites each stage has to train and to validate with, and which share of them has two words."""

    train: Count
    validation: Count
    two_words: float = Field(ge=0, lt=1)


class TestParams(Params):
    """How many prompts the test has: of one word, of one word in the held-out face, of two words."""

    one_word: Count
    unseen_font: Count
    two_words: NonNegativeInt


class PrepareParams(Params):
    """Letters of the words, faces by name, the stages and how their canvases look, and how many of each there are.

    ``photograph``: the longest side, in pixels, of the photographs that are cut up. ``engines`` read the composites
    of the test; those that are not installed read nothing, and say so. ``whole``: how whole canvases are read.
    """

    shortest: Count
    longest: Count
    fonts: list[str]
    held_out: list[str]
    stages: list[Stage]
    style: StyleParams
    text: TextParams
    visual: VisualParams
    test: TestParams
    photograph: Count
    engines: list[str]
    whole: WholeParams

    def style_of(self, stage: Stage, words: int = 1) -> CanvasStyle:
        """Return how the canvases of a stage look."""
        from tenfold.artist.canvases import CanvasStyle

        kind = self.style
        backgrounds = "grey" if stage == "grey" else "photographs"
        return CanvasStyle(kind.width, kind.height, backgrounds, kind.contrast, kind.smallest, words)  # type: ignore[arg-type]


def prepare(
    fonts: Path,
    caladea: Path,
    fredoka_one: Path,
    manrope: Path,
    source_sans: Path,
    source_serif: Path,
    photographs: Path,
    *,
    out: Path,
    params: PrepareParams,
    run: Run,
) -> None:
    """Draw text images and composites whose parts share no word, photograph or held-out face; read the test's.

    Reads   fonts of each source; photographs
    Writes  words.json (train, validation, test); fonts.json (name, licence, sha256 and part of each face);
            text/{words,sentences,validation_words,validation_sentences}.npz: glyphs, words, boxes;
            visual/<stage>/{train,validation}/, test/<stage>/: composites, glyphs, layouts, captions;
            prompts.jsonl: what the test asks for; backgrounds/{train,test}/: photographs;
            ceiling.json: what each engine reads on the test's composites; about.json: stages, sources, counts
    Logs    ceiling/<stage>/<engine>/{words,letters} (shares, words read in their boxes)
    Raises  SharedParts, MissingFonts, TextDoesNotFit; EngineNotInstalled if no engine is there
    """
    from tenfold.artist.parts import split_parts
    from tenfold.data.photographs import read_photographs
    from tenfold.rendering.words import english_words

    folders = (fonts, caladea, fredoka_one, manrope, source_sans, source_serif)
    faces, kept, held_out = _faces(folders, params)
    pixels = [one.pixels for one in read_photographs(photographs, longest=params.photograph)]
    words = english_words(params.shortest, params.longest)
    parts = split_parts(words, (*kept, *held_out), pixels, held_out=held_out[0].design, seed=run.seed)
    _write_assets(parts, faces, out)
    _write_text(parts, params, out, run)
    for stage in params.stages:
        for part in ("train", "validation"):
            _visual(parts, stage, part, params, run).save(out / sets.VISUAL / stage / part)
        _test(parts, stage, params, run).save(out / sets.TEST / stage)
    sets.write_prompts(_prompts(out, params, parts), out)
    about = {
        "stages": params.stages,
        "sources": {folder.name: _origin(folder) for folder in (*folders, photographs)},
        "words": {name: len(getattr(parts, name).words) for name in ("train", "validation", "test")},
        "parameters": params.model_dump(mode="json"),
    }
    write_json(out / sets.ABOUT, about)
    found = measured_ceilings(out, params.engines, params.whole)
    write_json(out / sets.CEILING, found)
    for row in found:
        if row["mode"] == "crop" and not row["why_not"]:
            name = f"ceiling/{row['stage']}/{row['engine']}"
            run.log({f"{name}/words": row["words"], f"{name}/letters": row["letters"]})
            run.say(f"{name}: {row['words']:.3f} of words, {row['letters']:.3f} of letters on {row['images']} images")


def _faces(folders: Sequence[Path], params: PrepareParams) -> tuple[list[Font], tuple[Font, ...], tuple[Font, ...]]:
    """Return the faces that are drawn with, each once, then those of training and the held-out ones."""
    from tenfold.artist.parts import SharedParts, fonts_of
    from tenfold.rendering.fonts import bundled_fonts, fonts_in

    found = (*bundled_fonts(), *(font for folder in folders for font in fonts_in(folder)))
    every = list({font.name: font for font in found}.values())
    kept, held_out = fonts_of(every, params.fonts), fonts_of(every, params.held_out)
    design = held_out[0].design
    wrong = [font.name for font in kept if font.design == design]
    wrong += [font.name for font in held_out if font.design != design]
    if wrong:
        raise SharedParts(f"held out is one design, {design!r}, in no other part: {wrong[0]!r} is on the wrong side")
    return [*kept, *held_out], kept, held_out


def _write_assets(parts: Parts, faces: Sequence[Font], out: Path) -> None:
    """Write words, faces and photographs of the parts."""
    from PIL import Image

    write_json(out / sets.WORDS, {name: list(getattr(parts, name).words) for name in ("train", "validation", "test")})
    seen = {font.name for font in parts.train.fonts}
    rows = [
        {"name": font.name, "design": font.design, "licence": font.licence, "sha256": font.sha256}
        | {"part": "seen" if font.name in seen else "held_out"}
        for font in faces
    ]
    write_json(out / sets.FONTS, rows)
    for name in ("train", "test"):
        folder = out / sets.BACKGROUNDS / name
        folder.mkdir(parents=True)
        for number, photograph in enumerate(getattr(parts, name).photographs):
            Image.fromarray(photograph).save(folder / f"{number:03d}.png")


def _write_text(parts: Parts, params: PrepareParams, out: Path, run: Run) -> None:
    """Write text images of one word and of two, with words of training, and a few of each with new words."""
    from tenfold.artist.canvases import draw_glyphs

    counts = {
        "words": (parts.train, params.text.words, 1),
        "sentences": (parts.train, params.text.sentences, 2),
        "validation_words": (parts.validation, params.text.validation, 1),
        "validation_sentences": (parts.validation, params.text.validation, 2),
    }
    for name, (assets, count, words) in counts.items():
        style = params.style_of(params.stages[0], words)
        drawn = draw_glyphs(assets, count, run.generator(f"text {name}"), style=style)
        GlyphSet(*drawn).save(out / sets.TEXT / f"{name}.npz")


def _visual(parts: Parts, stage: Stage, part: str, params: PrepareParams, run: Run) -> Canvases:
    """Return composites to train or to validate with, those of one word and of two in an order drawn at random."""
    from tenfold.artist.canvases import draw_canvases

    count = int(getattr(params.visual, part))
    pairs = round(params.visual.two_words * count)
    generator = run.generator(f"visual {stage} {part}")
    drawn = [
        draw_canvases(getattr(parts, part), number, generator, style=params.style_of(stage, words))
        for words, number in ((1, count - pairs), (2, pairs))
        if number
    ]
    return chosen(joined(drawn), generator.permutation(count).tolist())


def _test(parts: Parts, stage: Stage, params: PrepareParams, run: Run) -> Canvases:
    """Return composites of the test's words: one word, one word in the held-out face, two words."""
    from tenfold.artist.canvases import draw_canvases

    counts = params.test
    groups = (
        (parts.test, counts.one_word, 1),
        (parts.held_out, counts.unseen_font, 1),
        (parts.test, counts.two_words, 2),
    )
    generator = run.generator(f"test {stage}")
    return joined(
        [
            draw_canvases(assets, count, generator, style=params.style_of(stage, words))
            for assets, count, words in groups
            if count
        ]
    )


def _prompts(out: Path, params: PrepareParams, parts: Parts) -> list[PromptRow]:
    """Return the prompts of the test: captions and boxes of the first stage's composites."""
    canvases = sets.real_composites(out, params.stages[0])
    unseen = {font.name for font in parts.held_out.fonts}
    rows = zip(canvases.captions, canvases.layouts, canvases.fonts, strict=True)
    return [
        PromptRow(
            number,
            said.text,
            _quotes(said.text, said.span),
            layout.texts,
            layout.boxes,
            layout.width,
            layout.height,
            font,
            font not in unseen,
        )
        for number, (said, layout, font) in enumerate(rows)
    ]


def _quotes(text: str, span: tuple[int, int]) -> str:
    """Return which marks stand around the words of a caption."""
    from tenfold.artist.captions import MARKS

    around = (text[span[0] - 1 : span[0]], text[span[1] : span[1] + 1])
    return next((name for name, marks in MARKS.items() if marks == around), "none")


def _origin(folder: Path) -> dict[str, Any]:
    record = read_json(folder / "source.json")
    return {name: record[name] for name in ("origin", "stand_in", "detail")}
