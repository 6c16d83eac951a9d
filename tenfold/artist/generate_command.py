"""``tenfold artist generate``: images of a prompt with its words in their boxes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.artist.layouts import Layout, UnitBox
    from tenfold.artist.pipeline import ArtistPipeline
    from tenfold.rendering.fonts import Font

EXAMPLE = cli.example(
    "tenfold artist generate --prompt \"a sign that says 'open'\"",
    "--model model --out images --boxes 0.2,0.1,0.8,0.9 --seed 1 --grid",
)
SMALL = 8  # latent places that the longer side of a word has at least, or a word on it


Boxes = Annotated[
    str | None, typer.Option(help="x0,y0,x1,y1 for each word, ; between: shares of the sides. Default: in the middle.")
]
Plan = Annotated[Path | None, typer.Option("--layout", help="Words and boxes as plan prints them, in place of both.")]
Tagger = Annotated[
    Path | None, typer.Option(help="A keyword tagger, such as a run's plan/taggers/0, for words not quoted.")
]
Face = Annotated[
    str | None,
    typer.Option(help="Draw the text image in this font ('DejaVu Serif Book', or a file); else it is sampled."),
]
Steps = Annotated[int | None, typer.Option(min=1, help="Of sampling. Default: 15; 50 with an autoencoder.")]
Cfg = Annotated[float | None, typer.Option(help="Guidance scale; 1 is none. Default: 1; 7.5 with an autoencoder.")]
Grid = Annotated[bool, typer.Option("--grid", help="Write layout, images and text images on one sheet, too.")]
Side = Annotated[int | None, typer.Option(min=8, help="Of the canvas, in pixels. Default: the model's.")]


def generate_command(
    prompt: Annotated[str, typer.Option(help="What the image should show; words in quotation marks are written.")],
    model: Annotated[
        Path, typer.Option(help="A pipeline's folder, as save_pretrained or a run's sample-artist writes it.")
    ],
    out: Annotated[Path, typer.Option(help="The folder that images are written into.")],
    boxes: Boxes = None,
    plan: Plan = None,
    tagger: Tagger = None,
    font: Face = None,
    images: Annotated[int, typer.Option(min=1, help="How many.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal images.")] = 0,
    steps: Steps = None,
    cfg: Cfg = None,
    grid: Grid = False,
    width: Side = None,
    height: Side = None,
    batch: Annotated[int, typer.Option(min=1, help="Images at a time.")] = 16,
    add: Annotated[bool, typer.Option("--add", help="Add to a folder that generate wrote.")] = False,
    device: Annotated[str | None, typer.Option(help="Such as cpu. Default: a GPU if there is one.")] = None,
) -> None:
    """Write images of a prompt, and what was asked for beside them: words, boxes, seed, and what the networks got.

    The words are the quoted ones, or those that a tagger finds; without any the image is plain. No file is ever
    replaced. The folder is what evaluate takes: tenfold artist evaluate images images/prompts.jsonl.
    """
    from diffusers.utils import logging

    from tenfold.artist import generation
    from tenfold.artist.image_folders import images_folder, sheet_of, write_prompt
    from tenfold.artist.told_progress import told_progress

    if plan is not None:
        cli.refuse_unused({"boxes": boxes, "tagger": tagger}, [], "--layout")
    logging.disable_progress_bar()  # of loading: sampling has its own
    with images_folder(out, add=add) as (folder, number):
        pipeline = generation.load_pipeline(model, cli.torch_device(device))
        face = None if font is None else _font(font)
        size = generation.canvas_of(pipeline, width, height)
        layout, how = _planned(plan, size) if plan is not None else _placed(prompt, tagger, boxes, size, face)
        _warn_of(pipeline, prompt, layout)
        if plan is not None:
            _warn_of_others(prompt, layout)
        config = generation.default_config(pipeline, steps, cfg)
        told: dict[str, Any] = {"prompt": prompt, "wanted": list(layout.texts), "how": how, "seed": seed}
        told |= {"steps": config.num_inference_steps, "cfg": config.guidance_scale, "images": images, "batch": batch}
        told |= {"font": None if face is None else face.name, **_described(pipeline, layout)}
        with told_progress(f"sampling {images} images", "update") as progress:
            options: dict[str, Any] = {"config": config, "font": face, "batch": batch, "progress": progress}
            made = generation.generate(pipeline, prompt, layout, images=images, seed=seed, **options)
        write_prompt(folder, number, told, made, sheet=sheet_of(layout, made) if grid else None)
    said = " ".join(layout.texts) or "no words"
    typer.echo(f"{out}: {images} images of prompt {number}, {said} ({how}), seed {seed}")


def _placed(
    prompt: str, tagger: Path | None, boxes: str | None, size: tuple[int, int], font: Font | None
) -> tuple[Layout, str]:
    """Return the words of a prompt in the boxes that were given, else in the middle, and how words were found."""
    from tenfold.artist.generation import centred_words
    from tenfold.artist.planners import found_words
    from tenfold.artist.tagger import KeywordTagger

    words, how = found_words(prompt, None if tagger is None else KeywordTagger.load(tagger))
    if boxes is None:
        return centred_words(words, width=size[0], height=size[1], font=font), how
    return _fitted(list(zip(words, _boxes(boxes, words), strict=True)), size), how


def _planned(path: Path, size: tuple[int, int]) -> tuple[Layout, str]:
    """Return the layout that plan wrote, on another canvas by its shares of the sides. Raises InvalidLayout."""
    from tenfold.artist.layouts import InvalidLayout, Layout

    try:
        known = Layout.from_description(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise InvalidLayout(f"{path} holds no plan: {error}; write it with tenfold artist plan") from None
    return _fitted(list(zip(known.texts, known.unit_boxes(), strict=True)), size), "layout"


def _fitted(words: Sequence[tuple[str, UnitBox]], size: tuple[int, int]) -> Layout:
    from tenfold.artist.layouts import fitted_layout

    fitted = fitted_layout(words, width=size[0], height=size[1])
    if fitted.clamped:
        _say(f"boxes that were moved onto the canvas, or made one pixel large: {', '.join(fitted.clamped)}")
    return fitted.layout


def _warn_of(pipeline: ArtistPipeline, prompt: str, layout: Layout) -> None:
    """Say what of a layout overlaps, is too small to be legible, or is missing."""
    from tenfold.artist.plans import NoKeywords

    for one, other in layout.overlaps:
        _say(f"the boxes of {layout.texts[one]!r} and {layout.texts[other]!r} overlap")
    if small := layout.smaller_than(SMALL, stride=pipeline.pixels_per_place) if pipeline.vae is not None else ():
        _say(f"below {SMALL} latent places, as a rule too small to be legible: {', '.join(small)}")
    if not layout.words:
        warnings.warn(f"no words are found in {prompt!r}: its image will be plain", NoKeywords, stacklevel=2)


def _warn_of_others(prompt: str, layout: Layout) -> None:
    """Say where a layout has other words than the prompt quotes: those of the layout are written."""
    from tenfold.artist.quotations import quoted_words

    quoted = quoted_words(prompt)
    if quoted and sorted(map(str.casefold, quoted)) != sorted(text.casefold() for text in layout.texts):
        said = " ".join(layout.texts) or "no words"
        _say(f"the prompt quotes {' '.join(quoted)}, and --layout has {said}: the layout is followed")


def _described(pipeline: ArtistPipeline, layout: Layout) -> dict[str, Any]:
    """Return the layout as JSON holds it, each word with what stands in its box of the arrays that the networks get."""
    from tenfold.artist.conditioning import condition, conditioning_dump

    described = layout.described()
    if pipeline.tokenizer is None and layout.words:
        stride = pipeline.pixels_per_place
        (described["words"],) = conditioning_dump([layout], condition([layout], stride=stride), stride=stride)
    return described


def _boxes(text: str, words: list[str]) -> list[tuple[float, float, float, float]]:
    """Return the boxes of ``--boxes``; wrong usage unless there is one of shares for each word."""
    boxes = []
    for part in text.split(";"):
        try:
            x0, y0, x1, y1 = (float(value) for value in part.split(","))
        except ValueError:
            raise typer.BadParameter(f"--boxes {part.strip()!r}: give x0,y0,x1,y1, with ; between boxes") from None
        if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
            raise typer.BadParameter(f"--boxes {part.strip()!r}: shares of the sides, 0 <= x0 < x1 <= 1, y likewise")
        boxes.append((x0, y0, x1, y1))
    if len(boxes) != len(words):
        said = ", ".join(words) or "none"
        raise typer.BadParameter(f"--boxes has {len(boxes)} boxes for {len(words)} words ({said}): one each is needed")
    return boxes


def _font(name: str) -> Font:
    """Return a font that is always there by its name, or the one of a file. Raises MissingFonts."""
    from tenfold.artist.parts import fonts_of
    from tenfold.rendering.errors import MissingFonts
    from tenfold.rendering.fonts import bundled_fonts, fonts_in

    path = Path(name)
    if not path.is_file():
        return fonts_of(bundled_fonts(), [name])[0]
    found = [font for font in fonts_in(path.parent) if font.path == path]
    if not found:
        raise MissingFonts(f"{path} is no font with Latin letters, digits and punctuation (.ttf, .otf)")
    return found[0]


def _say(text: str) -> None:
    typer.echo(text, err=True)
