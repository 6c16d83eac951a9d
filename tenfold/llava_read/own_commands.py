"""The commands of ``tenfold llava-read`` for files of questions: run, score, finetune."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tenfold import command_line as cli
from tenfold.llava_read import command_options as given

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tenfold.llava_read.own_questions import OwnQuestion
    from tenfold.llava_read.reader import Reader
    from tenfold.ocr.page import Page

Questions = Annotated[Path, typer.Option(help="Questions about images, as JSON lines; the images beside the file.")]
RUN_EXAMPLE = cli.example("tenfold llava-read run --questions till.jsonl --out answers.jsonl")
SCORE_EXAMPLE = cli.example("tenfold llava-read score answers.jsonl --questions till.jsonl")
FINETUNE_EXAMPLE = cli.example(
    "tenfold llava-read finetune --questions till.jsonl --model model", "--updates 200 --out taught"
)
EVERY = 20  # updates between two lines of progress
SECONDS = 5.0  # between two lines of progress in reading


def run_command(
    questions: Questions,
    out: Annotated[Path, typer.Option(help="A file of JSON lines: a row per question.")],
    model: given.ModelPlace = None,
    ocr: given.Ocr = None,
    layout: given.OcrLayout = None,
    budget: given.Budget = None,
    enlarge: given.Enlarge = None,
    no_image: given.NoImage = False,
    batch: Annotated[int, typer.Option(min=1, help="Questions that are answered at once.")] = 16,
    device: given.Device = None,
    force: cli.Force = False,
) -> None:
    """Answer a file of questions; each row says which engine's words stood in its prompt."""
    from tenfold.llava_read.own_questions import read_questions, write_answers

    asked = read_questions(questions)
    with cli.new_output(out, force=force) as unfinished:
        reader, engine = given.asked_by(given.loaded(model, device), ocr, layout, budget, no_image, enlarge)
        images, pages = seen_and_read(asked, engine, reader.asking.enlarge)
        prompts = [reader.asked(one.question, images[one.image], pages.get(one.image)) for one in asked]
        answers = reader.answer(
            prompts, batch=batch, progress=lambda done, of: given.say(f"answered {done} of {of} questions")
        )
        write_answers(asked, answers, unfinished)
    none = sum(answer.status != "answered" for answer in answers)
    typer.echo(f"wrote {out}: {len(answers)} questions, {none} without an answer")


def score_command(
    answers: Annotated[Path, typer.Argument(help="What run wrote, or rows with id and reply from any program.")],
    questions: Questions,
    measure: Annotated[
        Literal["exact", "contained", "anls_lmms", "anls_docvqa", "relaxed"],
        typer.Option(metavar="MEASURE", help="exact, contained, anls_lmms, anls_docvqa or relaxed."),
    ] = "exact",
) -> None:
    """Score answers by one measure, by kind of question."""
    from tenfold.llava_read.own_questions import read_answers, read_questions
    from tenfold.llava_read.scores import score_table

    replies, source = read_answers(answers)
    table = score_table(measure, [one.scored for one in read_questions(questions)], replies, ocr_source=source)
    for row in table.rows:
        group = row.kind if row.references == "all" else f"{row.kind}, {row.references} references"
        typer.echo(
            f"{group}: {row.score:.3f} of {row.questions} questions about {row.pages} images "
            f"({measure}, OCR: {table.ocr_source}; answers of {row.answer_length:.1f} characters)"
        )


def finetune_command(
    questions: Questions,
    out: Annotated[Path, typer.Option(help="The new model's folder.")],
    updates: Annotated[int, typer.Option(min=1, help="Updates of the weights.")],
    model: given.ModelPlace = None,
    ocr: given.Ocr = None,
    layout: given.OcrLayout = None,
    budget: given.Budget = None,
    enlarge: given.Enlarge = None,
    no_image: given.NoImage = False,
    batch: Annotated[int, typer.Option(min=1, help="Questions per update.")] = 8,
    learning_rate: Annotated[
        float, typer.Option(min=1e-9, max=1.0, help="At the first update; it falls to zero.")
    ] = 3e-4,
    vision: Annotated[
        Literal["frozen", "adapters", "full"], typer.Option(metavar="PART", help="frozen, adapters or full.")
    ] = "frozen",
    lora_rank: Annotated[
        int | None, typer.Option(min=1, help="Train LoRA of this rank. Default: the whole decoder.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Draws the order of the questions.")] = 0,
    device: given.Device = None,
    force: cli.Force = False,
) -> None:
    """Teach a model one's own questions, and write it as a new one."""
    from tenfold.llava_read.asking import FILE
    from tenfold.llava_read.finetuning import Lesson, finetune
    from tenfold.llava_read.own_questions import read_questions

    asked = read_questions(questions)
    right = [one.scored.answers[0] for one in asked]
    with cli.new_output(out, force=force, mark=FILE) as unfinished:
        reader, engine = given.asked_by(given.loaded(model, device), ocr, layout, budget, no_image, enlarge)
        reader = able_to_reply(reader, asked)
        images, pages = seen_and_read(asked, engine, reader.asking.enlarge)
        prompts = [reader.asked(one.question, images[one.image], pages.get(one.image)) for one in asked]
        lessons = [Lesson(one.id, prompt, answer) for one, prompt, answer in zip(asked, prompts, right, strict=True)]

        def told(update: int, loss: float) -> None:
            if update % EVERY == 0 or update in (1, updates):
                given.say(f"update {update} of {updates}: loss {loss:.3f} nats per token")

        losses = finetune(
            reader,
            lessons,
            updates=updates,
            batch_size=batch,
            learning_rate=learning_rate,
            vision=vision,
            lora_rank=lora_rank,
            seed=seed,
            told=told,
        )
        reader.save(unfinished)
    typer.echo(f"wrote {out}: {len(lessons)} questions, loss {losses[0]:.3f} to {losses[-1]:.3f} nats per token")


def able_to_reply(reader: Reader, questions: Sequence[OwnQuestion]) -> Reader:
    """Return the reader with replies long enough for each question's first answer and its end, said where it changes.

    Raises InvalidQuestion, with the question's id, for an answer of letters that the tokenizer does not know.
    """
    from tenfold.llava_read.reading_errors import InvalidQuestion

    tokenizer, longest = reader.processor.tokenizer, reader.asking.reply_tokens
    for one in questions:
        answer = one.scored.answers[0]
        tokens = tokenizer(answer, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        if tokenizer.unk_token_id is not None and tokenizer.unk_token_id in tokens:
            raise InvalidQuestion(f"question {one.id!r}: {answer!r} has letters that {reader.name} cannot write")
        longest = max(longest, len(tokens) + 1)
    if longest == reader.asking.reply_tokens:
        return reader
    given.say(f"replies may be {longest} tokens long, not {reader.asking.reply_tokens}: the longest answer needs it")
    return reader.asking_by(reply_tokens=longest)


def seen_and_read(
    questions: Sequence[OwnQuestion], engine: given.Engine, enlarge: int
) -> tuple[dict[str, Path], dict[str, Page]]:
    """Return the images' paths by name, and what the engine read on each, none by the engine "none".

    Every image is opened, so that a bad one is found before anything is answered, and one at a time is held. Raises
    InvalidImages.
    """
    from tenfold.imaging.files import open_image
    from tenfold.llava_read.own_questions import images_of

    images = images_of(questions)
    for path in images.values():
        open_image(path, "RGB")
    pages: dict[str, Page] = {}
    told = float("-inf")
    for name, path in images.items() if engine != "none" else ():
        pages[name] = given.page_of(open_image(path, "RGB"), engine, enlarge)
        if monotonic() - told >= SECONDS or len(pages) == len(images):  # the first image tells that it goes on
            given.say(f"read {len(pages)} of {len(images)} images by {given.NAMES.get(engine, engine)}")
            told = monotonic()
    return images, pages
