"""``tenfold artist plan``: which words a prompt wants, and where, as JSON and as an image."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Annotated

import typer

from tenfold import command_line as cli

EXAMPLE = cli.example(
    "tenfold artist plan \"a sign that says 'open late'\" --image plan.png",
    "--base-url http://localhost:11434/v1 --model qwen2.5:7b-instruct",
)


def plan_command(
    prompt: Annotated[str, typer.Argument(help="What the image should show.")],
    width: Annotated[int, typer.Option(min=8, help="Of the canvas, in pixels.")] = 512,
    height: Annotated[int, typer.Option(min=8, help="Of the canvas, in pixels.")] = 512,
    tagger: Annotated[
        Path | None, typer.Option(help="A keyword tagger, such as a run's plan/taggers/0, for words not quoted.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(help="A chat endpoint that plans words and boxes; needs --model.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The endpoint's model.")] = None,
    transcript: Annotated[Path | None, typer.Option(help="JSON lines that keep the endpoint's replies.")] = None,
    image: Annotated[
        Path | None, typer.Option(help="Draw boxes and words into this PNG, enlarged to 512 pixels or more.")
    ] = None,
    force: cli.Force = False,
) -> None:
    """Plan the words of an image: the quoted ones, those a tagger finds, or those a language model names.

    Without a language model words stand in the middle, as generate places them. The plan is printed as JSON with boxes
    in pixels, how the words were found, and which boxes were clamped or overlap.
    """
    from tenfold.artist.generation import centred_words
    from tenfold.artist.layouts import Fitted
    from tenfold.artist.planners import ChatPlanner, found_words
    from tenfold.artist.plans import NoKeywords
    from tenfold.artist.tagger import KeywordTagger
    from tenfold.chat.client import Client
    from tenfold.chat.endpoint import Endpoint
    from tenfold.chat.transcript import Transcript

    if (base_url is None) != (model is None):
        raise typer.BadParameter("--base-url and --model come together")
    known = None if tagger is None else KeywordTagger.load(tagger)
    if base_url is not None and model is not None:
        kept = None if transcript is None else Transcript(transcript)
        client = Client(Endpoint(base_url, model), kept)
        (plan,) = ChatPlanner(client, aspect=width / height, tagger=known).plan([prompt])
        fitted, how = plan.layout(width=width, height=height), plan.how
    else:
        cli.refuse_unused({"transcript": transcript}, [], "a plan without a language model")
        words, found = found_words(prompt, known)
        how = found if words else "none"
        layout = centred_words(words, width=width, height=height)
        fitted = Fitted(layout, (), layout.overlaps)
        if not words:
            warnings.warn(f"no words are found in {prompt!r}: its image will be plain", NoKeywords, stacklevel=2)
    told = {"how": how, **fitted.layout.described(), "clamped": fitted.clamped, "overlaps": fitted.overlaps}
    typer.echo(json.dumps(told, ensure_ascii=False))
    if image is not None:
        from tenfold.artist.plan_images import drawn_layout, legible_scale
        from tenfold.imaging.grids import png

        with cli.new_output(image, force=force) as path:
            path.write_bytes(png(drawn_layout(fitted.layout, scale=legible_scale(fitted.layout))))
