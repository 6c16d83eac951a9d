"""``tenfold debias``: let models answer questions alone or in conversation, and score what they say."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

import typer

from tenfold import command_line as cli
from tenfold.debias.model_options import (
    Kind,
    chosen_backends,
    chosen_protocol,
    listed_options,
    model_names,
)
from tenfold.debias.score_command import EXAMPLE as SCORE_EXAMPLE
from tenfold.debias.score_command import score_command

if TYPE_CHECKING:
    from tenfold.debias.items import Items

Name = Literal[
    "single", "vote", "self_refine", "self_consistency", "decentralized", "centralized", "shuffled_peers", "silent"
]
AskName = Literal["single", "vote", "self_refine", "self_consistency", "decentralized", "centralized", "silent"]
Models = Annotated[
    str,
    typer.Option(
        help="Models with commas between: names at the endpoint. With --backend local: folders of transformers, or "
        "hub ids, id@revision to pin one."
    ),
]
Backend = Annotated[Kind, typer.Option(help="An OpenAI-compatible endpoint, or models on this machine.")]
BaseUrl = Annotated[
    list[str] | None, typer.Option(help="The endpoint's address, up to /v1: once, or once for each model.")
]
KeyVariable = Annotated[
    list[str] | None,
    typer.Option(help="The environment variable with the key: once, or for each model. Default: OPENAI_API_KEY."),
]
ProtocolName = Annotated[Name, typer.Option(metavar="NAME", help=f"Who hears whom: {', '.join(get_args(Name))}.")]
AskProtocol = Annotated[AskName, typer.Option(metavar="NAME", help=f"Who hears whom: {', '.join(get_args(AskName))}.")]
RoundCount = Annotated[
    int | None, typer.Option(min=0, help="Rounds after the first answers. Default: 2, under self_refine 1.")
]
Ties = Annotated[
    Literal["random", "first", "unknown"] | None, typer.Option(help="What a tied vote becomes. Default: random.")
]
AskTies = Annotated[Literal["random", "first"] | None, typer.Option(help="What a tied vote becomes. Default: random.")]
Centre = Annotated[
    str | None,
    typer.Option(help="The central model, or each in turn, with a file predictions.<centre>.jsonl. Default: each."),
]
AskCentre = Annotated[str | None, typer.Option(help="The central model, or each in turn. Default: each.")]
Samples = Annotated[int | None, typer.Option(min=1, help="Answers of each model under self_consistency. Default: 6.")]
EqualCalls = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Under self_refine and self_consistency: calls of each model per question, such as the k (1 + R) of a "
        "conversation among k models in R rounds.",
    ),
]
Planted = Annotated[
    Literal["always_biased", "always_unknown"] | None,
    typer.Option(help="Peers that always say so, in the others' place."),
]
Variant = Annotated[Literal["plain", "bias_aware"], typer.Option(help="How the models are asked.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws subset, options' order, peers' order and ties.")]
Temperature = Annotated[float | None, typer.Option(min=0, max=2, help="Default: 0, under self_consistency 0.7.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="The longest reply in tokens; what is longer is cut off.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Calls under way at once. Default: 8.")]
Device = Annotated[str | None, typer.Option(help="Of local models, such as cpu. Default: a GPU if there is one.")]
LEFT_OUT = "What was answered is kept: the same command with --resume asks only for the rest."
app = cli.application("Debiasing by several language models that talk.")
app.command("score", epilog=SCORE_EXAMPLE)(score_command)


@app.command(
    epilog=cli.example(
        "tenfold debias run --models llama3,qwen2.5,mistral",
        "--base-url http://localhost:11434/v1 --items bbq",
        "--limit-per-group 50 --out talks",
    )
)
def run(
    models: Models,
    items: Annotated[Path, typer.Option(help="A BBQ folder, or a file of questions (JSON lines, CSV).")],
    out: Annotated[Path, typer.Option(help="The folder to write into.")],
    backend: Backend = "http",
    base_url: BaseUrl = None,
    key_variable: KeyVariable = None,
    protocol: ProtocolName = "decentralized",
    rounds: RoundCount = None,
    tie: Ties = None,
    centre: Centre = None,
    samples: Samples = None,
    equal_calls: EqualCalls = None,
    planted: Planted = None,
    prompt_variant: Variant = "plain",
    limit_per_group: Annotated[int | None, typer.Option(min=1, help="Questions per group, evenly drawn.")] = None,
    seed: Seed = 0,
    temperature: Temperature = None,
    max_tokens: MaxTokens = 256,
    concurrency: Concurrency = None,
    max_calls: Annotated[int | None, typer.Option(min=1, help="Stop after so many calls.")] = None,
    max_tokens_total: Annotated[int | None, typer.Option(min=1, help="Stop after so many tokens.")] = None,
    prices: Annotated[str | None, typer.Option(help="IN,OUT per million tokens, for the cost shown.")] = None,
    device: Device = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue the run in --out.")] = False,
) -> None:
    """Let models answer questions by a protocol; write transcript, debates, predictions, scores and a page to read.

    A run that ends before its first reply leaves no folder; one that has replies is continued as it was begun.
    """
    from tenfold.chat.client import Spent
    from tenfold.chat.errors import ChatError, DamagedTranscript, TranscriptInUse
    from tenfold.chat.messages import Sampling
    from tenfold.debias.chat_run import ChatRun
    from tenfold.debias.errors import NoReply
    from tenfold.debias.prompts import ChatPrompts
    from tenfold.debias.run_folder import holds_replies

    paid, names = cli.token_prices(prices), model_names(models)
    given = {"rounds": rounds, "tie": tie, "centre": centre, "samples": samples, "planted": planted}
    talk = chosen_protocol(protocol, temperature, equal_calls=equal_calls, **given)
    questions, notes = _questions(items, limit_per_group, seed)
    backends = chosen_backends(backend, names, base_url, key_variable, concurrency, device, temperature or 0.0)
    sampling = Sampling(temperature=temperature or 0.0, max_tokens=max_tokens, seed=seed)
    spent = Spent(most_calls=max_calls, most_tokens=max_tokens_total, prompt_price=paid[0], completion_price=paid[1])
    chat_run = ChatRun(names, backends, talk, ChatPrompts(prompt_variant), sampling, seed, spent)
    try:
        lines = chat_run.run(questions, out, resume=resume, notes=notes, source=str(items))
    except (ChatError, NoReply) as error:  # such as a wrong key, or a budget that is spent
        if holds_replies(out) and not isinstance(error, TranscriptInUse | DamagedTranscript):
            typer.echo(LEFT_OUT, err=True)
        raise
    typer.echo("\n".join([*lines, *notes, f"wrote {out}"]))


@app.command(
    epilog=cli.example(
        "tenfold debias ask 'Who was late?' --context 'Ann and Bob arrived.'",
        "--options 'Ann;Bob;Not known' --models llama3,qwen2.5",
        "--base-url http://localhost:11434/v1",
    )
)
def ask(
    question: Annotated[str, typer.Argument(help="One question.")],
    options: Annotated[str, typer.Option(help="Its options, with semicolons between.")],
    models: Models,
    context: Annotated[str, typer.Option(help="What comes before the question.")] = "",
    backend: Backend = "http",
    base_url: BaseUrl = None,
    key_variable: KeyVariable = None,
    protocol: AskProtocol = "decentralized",
    rounds: RoundCount = None,
    tie: AskTies = None,
    centre: AskCentre = None,
    samples: Samples = None,
    equal_calls: EqualCalls = None,
    prompt_variant: Variant = "plain",
    seed: Seed = 0,
    temperature: Temperature = None,
    max_tokens: MaxTokens = 256,
    device: Device = None,
) -> None:
    """Put one question to the models and print the conversation as it happens."""
    from tenfold.chat.messages import Sampling
    from tenfold.debias.agents import agents_of
    from tenfold.debias.chat_run import check_replies, cut_lines
    from tenfold.debias.conversation import Conversation
    from tenfold.debias.items import Item
    from tenfold.debias.prompts import ChatPrompts
    from tenfold.debias.seeded_order import option_order
    from tenfold.debias.spoken import debate_words, question_words, turn_words

    item, names = Item("asked", question, listed_options(options), context), model_names(models)
    given = {"rounds": rounds, "tie": tie, "centre": centre, "samples": samples}
    talk = chosen_protocol(protocol, temperature, equal_calls=equal_calls, **given)
    agents = agents_of(
        names,
        chosen_backends(backend, names, base_url, key_variable, None, device, temperature or 0.0, told=_say),
        prompts=ChatPrompts(prompt_variant),
        sampling=Sampling(temperature=temperature or 0.0, max_tokens=max_tokens, seed=seed),
    )
    typer.echo(question_words(item, option_order(item, seed)))
    debates = Conversation(
        agents,
        talk,
        seed,
        heard=lambda item, turn: typer.echo(turn_words(item, turn)),
        ended=lambda debate: typer.echo(debate_words(debate)),
    ).run([item])
    check_replies(debates)
    for line in cut_lines(debates, max_tokens):
        typer.echo(line, err=True)


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _questions(path: Path, limit: int | None, seed: int) -> tuple[Items, list[str]]:
    """Return the questions, and what a reader of results must know of them."""
    from tenfold.debias.bbq import redrawn_groups
    from tenfold.debias.own_items import lacking_condition
    from tenfold.debias.predictions import read_questions
    from tenfold.debias.subsets import limit_per_group

    questions = read_questions(path)
    if (lacking := lacking_condition(questions)) is not None:
        _say(lacking)
    if limit is not None:
        questions = limit_per_group(questions, limit, seed=seed)
    redrawn = redrawn_groups(path) if path.is_dir() else ()
    return questions, [f"drawn anew from BBQ's templates, not as published: {', '.join(redrawn)}"] if redrawn else []


if __name__ == "__main__":
    sys.exit(cli.run(app))
