"""``tenfold llava-read``: ask about images, with the words that an OCR engine reads on them; teach one's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold import command_line as cli
from tenfold.llava_read import command_options as given
from tenfold.llava_read.own_commands import (
    FINETUNE_EXAMPLE,
    RUN_EXAMPLE,
    SCORE_EXAMPLE,
    finetune_command,
    run_command,
    score_command,
)

if TYPE_CHECKING:
    from PIL.Image import Image

    from tenfold.llava_read.asking import Asked

app = cli.application("Questions about images, by sight and by OCR.")


@app.command(
    epilog=cli.example(
        "tenfold llava-read ask --image till.png",
        "--question 'What is the total?' --overlay words.png",
    )
)
def ask(
    image: given.ImageFile,
    question: Annotated[str, typer.Option(help="The question.")],
    ocr: given.Ocr = None,
    model: given.ModelPlace = None,
    overlay: Annotated[Path | None, typer.Option(help="A PNG file: the image with the OCR words' boxes.")] = None,
    layout: given.OcrLayout = None,
    budget: given.Budget = None,
    enlarge: given.Enlarge = None,
    no_image: given.NoImage = False,
    device: given.Device = None,
    force: cli.Force = False,
) -> None:
    """Answer a question about an image, and show which OCR words stood in the prompt."""
    from tenfold.imaging.files import open_image

    seen = open_image(image, "RGB")
    if overlay is not None:
        cli.check_output(overlay, force=force, option="--overlay")
    reader, engine = given.asked_by(given.loaded(model, device), ocr, layout, budget, no_image, enlarge)
    if engine == "none" and overlay is not None:
        raise typer.BadParameter("--ocr none has no use for --overlay: no word is read")
    page = None
    if engine != "none":
        given.say(f"reading {image} by {given.NAMES.get(engine, engine)}")
        page = given.page_of(seen, engine, reader.asking.enlarge)
    answer = reader.ask(question, seen, page)
    asked = answer.asked
    typer.echo(
        f"answer: {answer.reply}" if answer.status == "answered" else f"no answer ({answer.status}): {answer.reply}"
    )
    words = " ".join(word.text for word in asked.used) or "none"
    typer.echo(f"OCR words in the prompt ({asked.ocr_source}): {words}")
    typer.echo(f"{len(asked.used)} used, {len(asked.cut)} cut by the budget")
    if overlay is not None:
        _write_overlay(seen, asked, overlay, force)


@app.command(epilog=cli.example("tenfold llava-read read --image till.png --layout space"))
def read(
    image: given.ImageFile,
    ocr: given.ReadingEngine = "pp",
    layout: given.LayoutName = "space",
    enlarge: given.ReadingEnlarge = 1,
) -> None:
    """Print the text of an image as it would stand in a prompt."""
    from tenfold.imaging.files import open_image
    from tenfold.llava_read.asking import Asking

    seen = open_image(image, "RGB")
    if ocr == "none":
        raise typer.BadParameter("--ocr none reads nothing; name an engine")
    page = given.page_of(seen, ocr, enlarge)
    text, words = Asking(ocr=given.layout_of(layout)).text_of(page)
    typer.echo(text.text)
    given.say(f"{len(words)} words, read by {page.engine}")


def _write_overlay(image: Image, asked: Asked, path: Path, force: bool) -> None:
    from tenfold.llava_read.ocr_overlay import overlay

    with cli.new_output(path, force=force, option="--overlay") as unfinished:
        overlay(image, asked.used, asked.cut).save(unfinished, format="PNG")
    typer.echo(f"wrote {path}: green boxes stand in the prompt, orange ones were cut")


app.command("run", epilog=RUN_EXAMPLE)(run_command)
app.command("score", epilog=SCORE_EXAMPLE)(score_command)
app.command("finetune", epilog=FINETUNE_EXAMPLE)(finetune_command)

if __name__ == "__main__":
    sys.exit(cli.run(app))
