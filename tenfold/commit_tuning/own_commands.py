"""The commands of ``tenfold commit-tuning`` for one's own images and sounds: tune, ask."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.commit_tuning.model import SmallModel
    from tenfold.commit_tuning.own_items import ItemReader

MODEL, READER, FACTS, FIGURE = "model", "items.json", "facts.json", "balance.svg"
TUNE_EXAMPLE = cli.example("tenfold commit-tuning tune pets --method commit --out pets_run")
ASK_EXAMPLE = cli.example("tenfold commit-tuning ask new.png --model pets_run --question 'is it a cat ?'")
CARD = """# A small model that was taught the {medium}s of {name} by {method}

It answers "what is it ?" and "is it a CLASS ?"{more} about {medium}s of {classes}, in the words of its vocabulary; it
knows nothing else. It got {names:.3f} of the names right in a test part of {tested} {medium}s; {blind:.3f} can be had
without seeing or hearing. Whether the test part resembles what it will be asked is for its user to judge.
"""


def say(line: str) -> None:
    """Say something that is no result, on standard error."""
    typer.echo(line, err=True)


def tune_command(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Images, or WAV files, in a subfolder for each class; five or more of each.", metavar="FOLDER"
        ),
    ],
    out: Annotated[Path, typer.Option(help="The folder to write: model, trace, figure and scores.")],
    method: Annotated[
        Literal["constant", "tuned_constant", "feature_cd", "language_cd", "clr", "commit"],
        typer.Option(
            metavar="METHOD",
            help="commit, clr (without reward), constant, tuned_constant (five trainings), feature_cd or language_cd.",
        ),
    ] = "commit",
    updates: Annotated[int, typer.Option(min=1, help="Of the joined model, for each of its trainings.")] = 200,
    batch: Annotated[int, typer.Option(min=1, help="Questions per update.")] = 32,
    rate: Annotated[float, typer.Option(min=1e-9, max=1.0, help="The LLM's learning rate, before its factor.")] = 3e-3,
    ratio: Annotated[
        float | None, typer.Option(min=1e-6, max=1e6, help="The encoder's rate over the LLM's. Default: 1.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Updates between two estimates of the balance.")] = 4,
    side: Annotated[int | None, typer.Option(min=8, max=512, help="Pixels of an image's sides. Default: 32.")] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.25, max=60.0, help="Of a sound, that are heard. Default: all of the longest."),
    ] = None,
    properties: Annotated[
        Path | None, typer.Option(help='A JSON file of what else is asked, such as {"alive": ["cat", "dog"]}.')
    ] = None,
    pretrain_updates: Annotated[int, typer.Option(min=1, help="Of encoder and decoder, before they are joined.")] = 150,
    seed: Annotated[int, typer.Option(min=0, max=2**62, help="Draws parts, weights and the order of questions.")] = 0,
    force: cli.Force = False,
) -> None:
    """Teach a small model one's own images or sounds by a method of the comparison, and score it on a part of them."""
    from tenfold.commit_tuning.own_items import read_own_items, with_properties
    from tenfold.commit_tuning.own_tuning import TuningSettings, tune_own

    if method == "tuned_constant":
        cli.refuse_unused({"ratio": ratio}, (), "--method tuned_constant, which chooses it,")
    settings = TuningSettings(
        method, updates, batch, rate, 1.0 if ratio is None else ratio, every, pretrain_updates, seed
    )
    with cli.new_output(out, force=force, mark=FACTS) as unfinished:
        items = read_own_items(folder, side=side or 32, seconds=seconds, properties=with_properties(properties))
        medium = items.subject.medium
        if side is not None and medium == "sound":
            raise typer.BadParameter("sounds have no use for --side")
        say(f"{folder}: {len(items.names)} {medium}s of {', '.join(items.subject.classes)}")
        for count, what in (
            (items.left_out, "left out: copies of others"),
            (items.unread, f"files not read: they are no {medium}s"),
            (items.cut, f"sounds cut after {items.reader.seconds:g} s"),
        ):
            if count:
                say(f"{count} {what}")
        unfinished.mkdir()
        tuned = tune_own(items, settings, unfinished, told=say)
        _write(unfinished, tuned.model, tuned.facts, items.reader.to_dict(), folder.name, medium)
    typer.echo(f"wrote {out}: {method}, {settings.updates} updates, {tuned.facts['trainings']} training(s)")
    _report(tuned.facts, medium)


def _report(facts: dict[str, Any], medium: str) -> None:
    """Say what a training came to: the ratio that was chosen, if one was, and the scores."""
    test, blind = facts["test"], facts["blind"]
    if facts["ratio_at_edge"] is not None:
        tried = ", ".join(facts["validation_loss_by_ratio"])
        edge = "at the edge of those tried, so that a better one may lie beyond" if facts["ratio_at_edge"] else "tried"
        typer.echo(
            f"encoder's rate {facts['settings']['ratio']:g} times the LLM's, chosen on validation; {edge}: {tried}"
        )
    typer.echo(f"test: loss {test['loss']:.3f} nats per token of the answers, on {facts['items']['test']} {medium}s")
    for kind in ("name", "property", "class"):
        if kind in test:
            typer.echo(f"test: {test[kind]:.3f} of the {kind} questions right, {blind[kind]:.3f} by their words alone")


def _write(
    folder: Path, model: SmallModel, facts: dict[str, Any], reader: dict[str, Any], name: str, medium: str
) -> None:
    from tenfold.commit_tuning.drawing import draw
    from tenfold.commit_tuning.inspection import read_log

    card = CARD.format(
        medium=medium,
        name=name,
        method=facts["settings"]["method"],
        more=', "is it PROPERTY ?"' if "property" in facts["test"] else "",
        classes=", ".join(facts["classes"]),
        names=facts["test"]["name"],
        tested=facts["items"]["test"],
        blind=facts["blind"]["name"],
    )
    model.save_pretrained(folder / MODEL, card=card)
    draw(read_log(folder / "trace.jsonl"), folder / FIGURE, ".svg")
    for file, content in ((READER, reader), (FACTS, facts)):
        (folder / file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def ask_command(
    files: Annotated[list[Path], typer.Argument(help="Images or sounds.", metavar="FILE...")],
    model: Annotated[Path, typer.Option(help="What tune wrote, or the folder of a model.")],
    question: Annotated[str, typer.Option(help="In the model's own words.")] = "what is it ?",
    like: Annotated[
        Literal["cifar10", "fashion_mnist", "fsdd", "esc10"] | None,
        typer.Option(metavar="TASK", help="A model of the pipeline: cifar10, fashion_mnist, fsdd or esc10."),
    ] = None,
) -> None:
    """Ask a model about images or sounds; each file's answer is a line of its own."""
    from tenfold.commit_tuning.model import SmallModel
    from tenfold.commit_tuning.own_items import ItemReader
    from tenfold.commit_tuning.own_questions import question_of
    from tenfold.commit_tuning.question_batches import answers

    home, known = _home(model)
    if (known is not None) and like is not None:
        raise typer.BadParameter(f"--model {model}: {known} says how its items are read: leave --like out")
    loaded = SmallModel.from_pretrained(home)
    reader = _reader_like(like, loaded, model) if known is None else ItemReader.from_file(known)
    if loaded.config.encoder.channels != (3 if reader.medium == "image" and reader.channels == 3 else 1):
        raise typer.BadParameter(
            f"--like {like}: {model} reads other items, of {loaded.config.encoder.channels} channels"
        )
    encode = loaded.questions()
    words = question_of(question, encode, context=loaded.config.context)
    media = reader.read(files)
    for path, answer in zip(files, answers(loaded, encode, [words] * len(files), media), strict=True):
        typer.echo(f"{path}: {answer or '(no answer)'}")


def _home(model: Path) -> tuple[Path, Path | None]:
    """Return the folder of a model's weights, and the file beside them that says how its items are read, if any."""
    if not model.is_dir():
        raise typer.BadParameter(f"--model {model} is no folder; give what tune wrote, or the folder of a model")
    if (model / READER).is_file():
        return model / MODEL, model / READER
    beside = model.parent / READER
    return model, beside if model.name == MODEL and beside.is_file() else None


def _reader_like(like: str | None, loaded: SmallModel, model: Path) -> ItemReader:
    """Return how a task's items are read; wrong usage without a task, or for one whose words the model lacks."""
    from tenfold.commit_tuning.own_items import like as read_like
    from tenfold.commit_tuning.question_batches import words_of
    from tenfold.commit_tuning.questions import SUBJECTS

    lacking = {name: set(words_of([one])) - set(loaded.config.words) for name, one in SUBJECTS.items()}
    fitting = [name for name, words in lacking.items() if not words]
    known = f"its words are those of {', '.join(fitting)}" if fitting else "its words are those of no task"
    if like is None:
        raise typer.BadParameter(f"--model {model}: say by --like what it was taught; {known}")
    if lacking[like]:
        raise typer.BadParameter(
            f"--like {like}: {model} was not taught it and knows no {', '.join(sorted(lacking[like])[:3])}; {known}"
        )
    return read_like(like)
