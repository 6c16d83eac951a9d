"""``tenfold debias``: let models answer questions alone or in conversation, and score what they say."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from tenfold import command_line as cli
from tenfold.debias.score_command import EXAMPLE as SCORE_EXAMPLE
from tenfold.debias.score_command import score_command

if TYPE_CHECKING:
    from tenfold.chat.client import ChatBackend
    from tenfold.debias.items import Items
    from tenfold.debias.protocols import Protocol

Kind = Literal["http", "local"]
Name = Literal[
    "single", "vote", "self_refine", "self_consistency", "decentralized", "centralized", "shuffled_peers", "silent"
]
Models = Annotated[str, typer.Option(help="Models with commas between: names at the endpoint, or folders.")]
Backend = Annotated[Kind, typer.Option(help="An OpenAI-compatible endpoint, or models on this machine.")]
BaseUrl = Annotated[
    list[str] | None, typer.Option(help="The endpoint's address, up to /v1: once, or once for each model.")
]
KeyVariable = Annotated[
    list[str] | None,
    typer.Option(help="The environment variable with the key: once, or for each model. Default: OPENAI_API_KEY."),
]
ProtocolName = Annotated[Name, typer.Option(metavar="NAME", help=f"Who hears whom: {', '.join(get_args(Name))}.")]
RoundCount = Annotated[int | None, typer.Option(min=0, help="Rounds after the first answers.")]
Ties = Annotated[Literal["random", "first", "unknown"] | None, typer.Option(help="What a tied vote becomes.")]
Centre = Annotated[str | None, typer.Option(help="The central model, or each in turn. Default: each.")]
Samples = Annotated[int | None, typer.Option(min=1, help="Answers of each model under self_consistency.")]
Planted = Annotated[
    Literal["always_biased", "always_unknown"] | None,
    typer.Option(help="Peers that always say so, in the others' place."),
]
Variant = Annotated[Literal["plain", "bias_aware"], typer.Option(help="How the models are asked.")]
Seed = Annotated[int, typer.Option(min=0, help="Draws subset, options' order, peers' order and ties.")]
Temperature = Annotated[float | None, typer.Option(min=0, max=2, help="Default: 0, under self_consistency 0.7.")]
MaxTokens = Annotated[int, typer.Option(min=1, help="The longest reply in tokens.")]
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
    """Let models answer questions by a protocol; write transcript, debates, predictions, scores and a page to read."""
    from tenfold.chat.client import Spent
    from tenfold.chat.errors import ChatError
    from tenfold.chat.messages import Sampling
    from tenfold.debias.chat_run import ChatRun
    from tenfold.debias.prompts import ChatPrompts

    paid = _prices(prices)
    talk = _protocol(protocol, temperature, rounds=rounds, tie=tie, centre=centre, samples=samples, planted=planted)
    questions, notes = _questions(items, limit_per_group, seed)
    backends = _backends(backend, models, base_url, key_variable, concurrency, device)
    sampling = Sampling(temperature=temperature or 0.0, max_tokens=max_tokens, seed=seed)
    spent = Spent(most_calls=max_calls, most_tokens=max_tokens_total, prompt_price=paid[0], completion_price=paid[1])
    chat_run = ChatRun(_names(models), backends, talk, ChatPrompts(prompt_variant), sampling, seed, spent)
    try:
        lines = chat_run.run(questions, out, resume=resume, notes=notes)
    except ChatError:  # such as a wrong key, or a budget that is spent
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
    protocol: ProtocolName = "decentralized",
    rounds: RoundCount = None,
    tie: Ties = None,
    centre: Centre = None,
    samples: Samples = None,
    prompt_variant: Variant = "plain",
    seed: Seed = 0,
    temperature: Temperature = None,
    max_tokens: MaxTokens = 256,
    device: Device = None,
) -> None:
    """Put one question to the models and print the conversation as it happens."""
    from tenfold.chat.messages import Sampling
    from tenfold.debias.agents import agents_of
    from tenfold.debias.conversation import Conversation
    from tenfold.debias.items import Item
    from tenfold.debias.prompts import ChatPrompts
    from tenfold.debias.spoken import debate_words, turn_words

    item = Item("asked", question, tuple(option.strip() for option in options.split(";")), context)
    talk = _protocol(protocol, temperature, rounds=rounds, tie=tie, centre=centre, samples=samples)
    agents = agents_of(
        _names(models),
        _backends(backend, models, base_url, key_variable, None, device),
        prompts=ChatPrompts(prompt_variant),
        sampling=Sampling(temperature=temperature or 0.0, max_tokens=max_tokens, seed=seed),
    )
    Conversation(
        agents,
        talk,
        seed,
        heard=lambda item, turn: typer.echo(turn_words(item, turn)),
        ended=lambda debate: typer.echo(debate_words(debate)),
    ).run([item])


def _questions(path: Path, limit: int | None, seed: int) -> tuple[Items, list[str]]:
    """Return the questions, and what a reader of results must know of them."""
    from tenfold.debias.bbq import redrawn_groups
    from tenfold.debias.predictions import read_questions
    from tenfold.debias.subsets import limit_per_group

    questions = read_questions(path)
    if limit is not None:
        questions = limit_per_group(questions, limit, seed=seed)
    redrawn = redrawn_groups(path) if path.is_dir() else ()
    return questions, [f"drawn anew from BBQ's templates, not as published: {', '.join(redrawn)}"] if redrawn else []


def _names(models: str) -> list[str]:
    names = [name.strip() for name in next(csv.reader([models], skipinitialspace=True), [])]
    if not names or not all(names):
        raise typer.BadParameter(f"--models {models!r}: give names with commas between, none of them empty")
    return names


def _protocol(name: str, temperature: float | None, **given: Any) -> Protocol:
    """Return the protocol; options that it has no use for are wrong usage."""
    from tenfold.debias.protocols import PROTOCOLS, protocol_named

    known = {field.name for field in fields(PROTOCOLS[name])}
    cli.refuse_unused(given, known, f"--protocol {name}")
    chosen = {option: value for option, value in given.items() if value is not None}
    if "temperature" in known and temperature is not None:
        chosen["temperature"] = temperature
    if given.get("planted") is not None:
        chosen["stop_on_agreement"] = False
    return protocol_named(name, **chosen)


def _backends(
    kind: Kind,
    models: str,
    base_url: Sequence[str] | None,
    key_variable: Sequence[str] | None,
    concurrency: int | None,
    device: str | None,
) -> list[ChatBackend]:
    from tenfold.chat.endpoint import KEY
    from tenfold.debias.agents import endpoints, local_models

    if kind == "local":
        given = {"base-url": base_url or None, "key-variable": key_variable or None, "concurrency": concurrency}
        cli.refuse_unused(given, (), "--backend local")
        return local_models(_names(models), device=cli.torch_device(device))
    cli.refuse_unused({"device": device}, (), "--backend http")
    if not base_url:
        raise typer.BadParameter("--backend http needs --base-url, such as http://localhost:8000/v1")
    return endpoints(_names(models), base_url, key_variable or (KEY,), concurrency=concurrency or 8)


def _prices(text: str | None) -> tuple[float, float]:
    if text is None:
        return 0.0, 0.0
    try:
        prompt, completion = (float(part) for part in text.split(","))
    except ValueError:
        prompt = completion = -1.0
    if not (prompt >= 0 and completion >= 0):
        raise typer.BadParameter(f"--prices {text!r}: give IN,OUT per million tokens, such as 0.5,1.5")
    return prompt, completion


if __name__ == "__main__":
    sys.exit(cli.run(app))
