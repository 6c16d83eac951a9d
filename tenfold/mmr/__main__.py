"""``tenfold mmr``: let models read images, score what they say, and compare them."""

from __future__ import annotations

import sys

import typer

from tenfold import command_line as cli
from tenfold.mmr import run_options as given
from tenfold.mmr.items_command import EXAMPLE as ITEMS_EXAMPLE
from tenfold.mmr.items_command import Data, Items, Limit, PerTask, items_command
from tenfold.mmr.leaderboard_command import EXAMPLE as LEADERBOARD_EXAMPLE
from tenfold.mmr.leaderboard_command import leaderboard_command
from tenfold.mmr.score_command import COMPARE_EXAMPLE, Convention, compare_command, score_command
from tenfold.mmr.score_command import EXAMPLE as SCORE_EXAMPLE

LEFT_OUT = "What was answered is kept: the same command with --resume asks only for the rest."
app = cli.application("Reading in images: MMR as released, and mended.")
app.command("score", epilog=SCORE_EXAMPLE)(score_command)
app.command("compare", epilog=COMPARE_EXAMPLE)(compare_command)
app.command("items", epilog=ITEMS_EXAMPLE)(items_command)
app.command("leaderboard", epilog=LEADERBOARD_EXAMPLE)(leaderboard_command)


@app.command(
    epilog=cli.example(
        "tenfold mmr run --model qwen2.5-vl",
        "--base-url http://localhost:8000/v1 --max-calls 55",
        "--items rendered --limit 55 --out run",
    )
)
def run(
    model: given.ModelName,
    items: Items,
    out: given.Out,
    name: given.CalledName = None,
    data: Data = None,
    per_task: PerTask = None,
    limit: Limit = None,
    style: given.StyleName = "official",
    side: given.Side = None,
    jpeg: given.Jpeg = None,
    rotation: given.Rotation = 0,
    letterbox: given.Letterbox = False,
    no_images: given.NoImages = False,
    convention: Convention = "unit",
    ask_again: given.Again = False,
    base_url: given.BaseUrl = None,
    key_variable: given.KeyVariable = None,
    revision: given.Revision = None,
    concurrency: given.Concurrency = None,
    max_calls: given.MaxCalls = None,
    max_tokens_total: given.MaxTokensTotal = None,
    max_tokens: given.MaxTokens = None,
    temperature: given.Temperature = None,
    send_jpeg: given.SendJpeg = None,
    prices: given.Prices = None,
    engine: given.Engine = None,
    enlarge: given.Enlarge = None,
    pages: given.PagesFile = None,
    language_model: given.LanguageModel = None,
    device: given.Device = None,
    dtype: given.DType = None,
    batch: given.Batch = None,
    trust_remote_code: given.TrustRemoteCode = False,
    encoder: given.Encoder = None,
    fit: given.Fit = None,
    seed: given.Seed = 0,
    resume: given.Resume = False,
) -> None:
    """Ask a model about items; write replies, scores, a page to look at, and a leaderboard.

    The model sees the image, the question and the prompt, and nothing else of an item.
    """
    from tenfold.chat.client import Spent
    from tenfold.chat.errors import ChatError, DamagedTranscript, TranscriptInUse
    from tenfold.mmr.errors import NoReply
    from tenfold.mmr.item_sources import named_items
    from tenfold.mmr.models import ModelOptions
    from tenfold.mmr.run import Run
    from tenfold.mmr.run_folder import holds_replies
    from tenfold.mmr.run_results import write_scores, write_views
    from tenfold.mmr.showing import Showing

    paid = cli.token_prices(prices)
    showing = Showing(side=side, jpeg=jpeg, rotation=rotation, letterbox=letterbox, images=not no_images)
    spent = Spent(most_calls=max_calls, most_tokens=max_tokens_total, prompt_price=paid[0], completion_price=paid[1])
    options = ModelOptions(
        base_url=base_url,
        key_variable=key_variable,
        revision=revision,
        concurrency=concurrency,
        max_tokens=max_tokens,
        temperature=temperature,
        send_jpeg=send_jpeg,
        engine=engine,
        enlarge=enlarge,
        pages=pages,
        language_model=language_model,
        device=device,
        dtype=dtype,
        batch=batch,
        encoder=encoder,
        fit=fit,
        seed=seed,
        spent=spent,
        trust_remote_code=trust_remote_code or None,
    )
    named = named_items(items, data=data, per_task=per_task, limit=limit, seed=seed)
    showing, notes = given.possible_showing(model, showing, named)
    given.check_convention(convention, showing.items(named.items))
    budget = {"max_calls": max_calls, "max_tokens_total": max_tokens_total, "prices": prices}
    ready = given.chosen_model(
        model, options, named, showing, items=items, data=data, budget=budget, ask_again=ask_again, called=name
    )
    try:
        scored, predictions, lines = Run(ready, named, showing, style, ask_again).run(out, resume=resume)
    except (ChatError, NoReply) as error:  # such as a wrong key, or a budget that is spent
        if holds_replies(out) and not isinstance(error, TranscriptInUse | DamagedTranscript):
            typer.echo(LEFT_OUT, err=True)
        raise
    typer.echo("\n".join([*write_scores(out, scored, predictions, convention), *lines, *notes]))
    write_views(out, scored, predictions)
    typer.echo(f"wrote {out}")


if __name__ == "__main__":
    sys.exit(cli.run(app))
