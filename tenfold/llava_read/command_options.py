"""The options that the commands of ``tenfold llava-read`` share, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from PIL.Image import Image

    from tenfold.llava_read.asking import OcrLayout as OcrLayoutName
    from tenfold.llava_read.reader import Reader
    from tenfold.ocr.page import Page

Engine = Literal["pp", "ppocr6", "ppocr4", "easyocr", "tesseract", "none"]
Layout = Literal["plain", "words", "xy_cut", "space"]  # "words" is another name of "plain"
LAYOUTS = "plain: by rows; xy_cut: column by column; space: laid out by spaces."
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
ENLARGED = "How many times larger the image is made before it is read."
ReadingEnlarge = Annotated[int, typer.Option("--enlarge", min=1, max=8, help=ENLARGED)]
Enlarge = Annotated[
    int | None,
    typer.Option("--enlarge", min=1, max=8, help=f"{ENLARGED} Default: as the model was taught."),
]
ModelPlace = Annotated[
    str | None,
    typer.Option("--model", help="A model's folder, or OWNER/NAME@COMMIT. Default: what a run here trained longest."),
]
LayoutName = Annotated[Layout, typer.Option("--layout", metavar="LAYOUT", help=LAYOUTS)]
OcrLayout = Annotated[
    Layout | None,
    typer.Option(
        "--layout", metavar="LAYOUT", help=f"How OCR text stands in the prompt. {LAYOUTS} Default: as it was taught."
    ),
]
Budget = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The most characters of OCR text (tokens, if the model's are longer). Default: as the model was taught.",
    ),
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


def layout_of(name: Layout) -> OcrLayoutName:
    """Return a layout by the name that a model keeps it by."""
    return "plain" if name == "words" else name


def asked_by(
    reader: Reader,
    ocr: Engine | None,
    layout: Layout | None,
    budget: int | None,
    no_image: bool,
    enlarge: int | None = None,
) -> tuple[Reader, Engine]:
    """Return a reader that is asked as a command's options say, and the engine that reads for it.

    What is read, and on images of what size, is as the model was taught, unless an option says otherwise; then so does
    a line on standard error.
    """
    own = reader.asking
    engine: Engine = ("none" if own.ocr == "none" else own.engine or "pp") if ocr is None else ocr
    changes: dict[str, Any] = {"image": own.image and not no_image}
    if engine == "none":
        if layout is not None or budget is not None or enlarge not in (None, 1):
            raise typer.BadParameter("--ocr none has no use for --layout and --budget, nor for --enlarge")
        changes["ocr"] = "none"
    else:
        taught = "space" if own.ocr == "none" else own.ocr
        changes["ocr"] = taught if layout is None else layout_of(layout)
        changes["engine"] = NAMES.get(engine, engine)
        changes["enlarge"] = own.enlarge if enlarge is None else enlarge
        if own.engine is not None and (own.engine, own.enlarge) != (changes["engine"], changes["enlarge"]):
            was, now = _reading(own.engine, own.enlarge), _reading(changes["engine"], changes["enlarge"])
            say(f"{reader.name} was taught with what {was} reads; here {now} reads")
        changes["budget"] = own.budget if budget is None else budget
        if own.ocr == "none":
            say(f"{reader.name} was not taught with OCR text: what it makes of it is chance")
    if engine == "none" and not changes["image"]:
        say("neither the image nor OCR text is shown: what is answered is a guess")
    return reader.asking_by(**changes), engine


def _reading(engine: str, enlarge: int) -> str:
    return engine if enlarge == 1 else f"{engine} on images enlarged {enlarge} times"


def page_of(image: Image, engine: Engine, enlarge: int) -> Page:
    """Return what an engine reads on an image (RGB). Raises EngineNotInstalled, EngineMismatch."""
    import numpy as np

    from tenfold.ocr.reading import read

    return read([np.asarray(image)], NAMES.get(engine, engine), enlarge=enlarge)[0]
