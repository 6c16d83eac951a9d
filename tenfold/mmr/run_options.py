"""The options of ``tenfold mmr run``, and what they may not say together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.mmr.item_sources import NamedItems
    from tenfold.mmr.items import ItemSet
    from tenfold.mmr.models import ModelOptions
    from tenfold.mmr.run import Prepared
    from tenfold.mmr.showing import Showing

Styles = Literal["official", "official_system", "explicit", "double_wrapped", "qwen"]
ModelName = Annotated[
    str,
    typer.Option(
        help="oracle, random, constant_index, constant_box, blind_text, page_dump, ocr_rules, ocr_language_model, "
        "hub:OWNER/NAME@COMMIT, hub:FOLDER, file:PREDICTIONS, or a name at --base-url."
    ),
]
CalledName = Annotated[
    str | None,
    typer.Option(
        "--name",
        help="What the model is called on pages and leaderboards. Default: its own name, of a file the file's. Runs "
        "that are given one name are taken for one model's.",
    ),
]
Out = Annotated[Path, typer.Option(help="The folder to write into; made if need be.")]
StyleName = Annotated[Styles, typer.Option(help="The prompts: as released, or with what these leave out.")]
Side = Annotated[int | None, typer.Option(min=16, help="Reduce images to this longest side, in pixels.")]
Jpeg = Annotated[int | None, typer.Option(min=1, max=100, help="Encode images once as JPEG. As released: 75.")]
Rotation = Annotated[int, typer.Option(min=0, max=3, help="Move options up by so many lines.")]
Letterbox = Annotated[bool, typer.Option("--letterbox", help="Pad images to squares.")]
NoImages = Annotated[bool, typer.Option("--no-images", help="Ask without the images.")]
Again = Annotated[bool, typer.Option("--ask-again", help="Ask again where a reply is out of form; scored apart.")]
BaseUrl = Annotated[str | None, typer.Option(help="The endpoint's address, up to /v1.")]
KeyVariable = Annotated[
    str | None, typer.Option(help="The environment variable with the key. Default: OPENAI_API_KEY.")
]
Revision = Annotated[str | None, typer.Option(help="Of the model at the endpoint, such as a date.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Calls under way at once. Default: 8.")]
MaxCalls = Annotated[int | None, typer.Option(min=1, help="Stop after so many calls.")]
MaxTokensTotal = Annotated[int | None, typer.Option(min=1, help="Stop after so many tokens.")]
MaxTokens = Annotated[int | None, typer.Option(min=1, help="The longest reply. Default: 800, of hub models 200.")]
Temperature = Annotated[float | None, typer.Option(min=0, max=2, help="Default: 0.")]
SendJpeg = Annotated[int | None, typer.Option(min=1, max=100, help="Send JPEG of this quality, not PNG.")]
Prices = Annotated[str | None, typer.Option(help="IN,OUT per million tokens, for the cost shown.")]
Engine = Annotated[
    str | None,
    typer.Option(help="The OCR engine: ppocr6, ppocr4, easyocr, tesseract, or none. Default: ppocr6."),
]
Enlarge = Annotated[int | None, typer.Option(min=1, max=8, help="Enlarge images for OCR. Default: 1.")]
PagesFile = Annotated[
    Path | None, typer.Option(help="JSON lines with what another OCR read of each image, in the place of an engine.")
]
LanguageModel = Annotated[
    str | None, typer.Option(help="For ocr_language_model: a decoder's folder, or OWNER/NAME@COMMIT.")
]
Encoder = Annotated[str | None, typer.Option(help="For blind_text: the folder of a sentence encoder such as MiniLM.")]
Device = Annotated[str | None, typer.Option(help="Such as cpu. Default: a GPU if there is one.")]
DType = Annotated[str | None, typer.Option(help="Of a hub model, such as bfloat16. Default: its own.")]
Batch = Annotated[int | None, typer.Option(min=1, help="Conversations at once in a hub model. Default: 8.")]
TrustRemoteCode = Annotated[bool, typer.Option("--trust-remote-code", help="Run code that comes with a hub model.")]
Fit = Annotated[
    str | None,
    typer.Option(help="Items that constants are fitted to, by name or folder. Default: others of the same kind."),
]
Seed = Annotated[int, typer.Option(min=0, help="Draws items, and the replies of random.")]
Resume = Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")]


def chosen_model(
    name: str,
    options: ModelOptions,
    named: NamedItems,
    showing: Showing,
    *,
    items: str,
    data: Path | None,
    budget: Mapping[str, object],
    ask_again: bool,
    called: str | None = None,
) -> Prepared:
    """Return the model, by the name that it is ``called``; options that it has no use for are wrong usage."""
    from dataclasses import replace

    from tenfold.mmr.models import BUDGETED, READERS, USED, kind_of, model_named

    if called is not None and not called.strip():
        raise typer.BadParameter("--name is empty: give a name, or leave it out")
    kind = kind_of(name)
    again = {"ask_again": True if ask_again else None}
    used = [*USED[kind], *([*budget, *again] if kind in BUDGETED else [])]
    cli.refuse_unused(options.given() | dict(budget) | again, used, f"--model {name}")
    if kind in READERS and not showing.images:
        raise typer.BadParameter(f"--model {name} reads images: --no-images leaves it nothing")
    if options.pages is not None:
        instead: dict[str, object] = {"engine": options.engine, "enlarge": options.enlarge}
        instead |= {"side": showing.side, "letterbox": showing.letterbox or None}
        cli.refuse_unused(instead, (), "--pages, whose boxes are in pixels of the images as they are,")
    if options.temperature and kind == "hub":
        raise typer.BadParameter("models of the hub reply greedily: leave --temperature out")

    def fit() -> ItemSet:
        from tenfold.mmr.item_sources import named_items, others

        if options.fit not in (None, items):
            return showing.items(named_items(str(options.fit), seed=options.seed).items)
        return showing.items(others(items, named.items, data=data, seed=options.seed))

    found = model_named(name, options, showing.items(named.items), fit)
    return found if called is None else replace(found, name=called.strip(), called=True)


def possible_showing(name: str, showing: Showing, named: NamedItems) -> tuple[Showing, list[str]]:
    """Return how items can be shown to a model, and what to say about that: one that never looks needs no images.

    Raises MissingImage, with what to do, where another model would look and the items have none.
    """
    from dataclasses import replace

    from tenfold.mmr.errors import MissingImage
    from tenfold.mmr.image_files import why_absent
    from tenfold.mmr.models import BLIND, kind_of
    from tenfold.mmr.run import has_images

    if not showing.images or named.write is not None or has_images(named.items):
        return showing, []
    reasons = [why for item in named.items.rows if (why := why_absent(named.items, item))]
    said = f"{len(reasons)} of {len(named.items)} items of {named.items.name} have no image here"
    if kind_of(name) in BLIND and showing.side is None and showing.jpeg is None and not showing.letterbox:
        return replace(showing, images=False), [f"{said}; {name} is asked without"]
    way_out = "mend its file, or bring the image"
    if named.items.name == "official":
        way_out = "bring them (tenfold mmr items --items official --hub-images puar-playground/MMR)"
    raise MissingImage(f"{said}; the first: {reasons[0]}; {way_out}, or ask with --no-images")


def check_convention(convention: str, items: ItemSet) -> None:
    """Check, before a model is asked, that its boxes can be read in a convention; an image's file tells its size, too.

    Raises UnknownCoordinates for a name that is none, InvalidItem for an item whose size is needed and not known.
    """
    from tenfold.mmr.coordinates import checked_convention, needs_size
    from tenfold.mmr.errors import InvalidItem
    from tenfold.mmr.image_files import with_sizes
    from tenfold.mmr.tasks import GROUNDING

    if not needs_size(checked_convention(convention)):
        return
    for item in with_sizes(items).rows:
        if item.task in GROUNDING and not (item.width > 0 and item.height > 0):
            raise InvalidItem(
                f"{item.key}: boxes in {convention} need the image's width and height, which is not known"
            )
