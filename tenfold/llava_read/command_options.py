"""The options that the commands of ``tenfold llava-read`` share, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from PIL.Image import Image

    from tenfold.llava_read.reader import Reader
    from tenfold.ocr.page import Page

Engine = Literal["pp", "ppocr6", "ppocr4", "easyocr", "tesseract", "none"]
Layout = Literal["words", "xy_cut", "space"]
NAMES: Mapping[str, str] = {"pp": "ppocr6"}  # an engine's name where it is another one

ImageFile = Annotated[Path, typer.Option("--image", help="An image file.")]
Ocr = Annotated[
    Engine | None,
    typer.Option(
        "--ocr",
        metavar="ENGINE",
        help="pp (PP-OCRv6), ppocr4, easyocr, tesseract, or none: vision alone. Default: as the model was taught.",
    ),
]
ReadingEngine = Annotated[
    Engine, typer.Option("--ocr", metavar="ENGINE", help="pp (PP-OCRv6), ppocr4, easyocr or tesseract.")
]
Enlarge = Annotated[int, typer.Option(min=1, max=8, help="How many times larger the image is made before it is read.")]
ModelPlace = Annotated[
    str | None,
    typer.Option("--model", help="A model's folder, or OWNER/NAME@COMMIT. Default: what a run here trained longest."),
]
LayoutName = Annotated[Layout, typer.Option(help="By rows, column by column, or laid out by spaces.")]
OcrLayout = Annotated[
    Layout | None, typer.Option("--layout", help="How OCR text stands in the prompt. Default: as the model was taught.")
]
Budget = Annotated[
    int | None, typer.Option(min=1, help="The most tokens of OCR text. Default: as the model was taught.")
]
NoImage = Annotated[bool, typer.Option("--no-image", help="Show no image: OCR text alone.")]
Device = Annotated[str | None, typer.Option(help="Such as cpu. Default: a GPU if there is one.")]


def say(text: str) -> None:
    """Say something that is no result, on standard error."""
    typer.echo(text, err=True)


def loaded(name: str | None, device: str | None) -> Reader:
    """Return the model of a name, or the one that a run below this folder trained. Raises InvalidParts."""
    from tenfold.llava_read.model_folders import named_model, trained_model

    place, revision = (str(trained_model(Path())), None) if name is None else named_model(name)
    from tenfold.command_line import torch_device
    from tenfold.llava_read.reader import Reader

    where = torch_device(device)
    if where.startswith("meta"):
        raise typer.BadParameter("--device meta holds no values: nothing can be computed there")
    reader = Reader.load(place, revision=revision, device=where)
    say(f"model: {place}" + (f"@{revision}" if revision else ""))
    return reader


def asked_by(
    reader: Reader, ocr: Engine | None, layout: Layout | None, budget: int | None, no_image: bool
) -> tuple[Reader, Engine]:
    """Return a reader that is asked as a command's options say, and the engine that reads for it."""
    own = reader.asking
    engine: Engine = ("none" if own.ocr == "none" else "pp") if ocr is None else ocr
    changes: dict[str, Any] = {"image": own.image and not no_image}
    if engine == "none":
        if layout is not None or budget is not None:
            raise typer.BadParameter("--ocr none has no use for --layout and --budget")
        changes["ocr"] = "none"
    else:
        taught = "space" if own.ocr == "none" else own.ocr
        changes["ocr"] = taught if layout is None else "plain" if layout == "words" else layout
        changes["budget"] = own.budget if budget is None else budget
        if own.ocr == "none":
            say(f"{reader.name} was not taught with OCR text: what it makes of it is chance")
    if engine == "none" and not changes["image"]:
        say("neither the image nor OCR text is shown: what is answered is a guess")
    return reader.asking_by(**changes), engine


def page_of(image: Image, engine: Engine, enlarge: int) -> Page:
    """Return what an engine reads on an image (RGB). Raises EngineNotInstalled, EngineMismatch."""
    import numpy as np

    from tenfold.ocr.reading import read

    return read([np.asarray(image)], NAMES.get(engine, engine), enlarge=enlarge)[0]
