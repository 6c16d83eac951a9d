"""``tenfold artist evaluate``: any folder of images against the words that each should show."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.artist.evaluation import Evaluation

EXAMPLE = cli.example("tenfold artist evaluate images prompts.txt --engine ppocr6 --out scores.json")


def evaluate_command(
    images: Annotated[
        Path, typer.Argument(help="A folder of images, named <prompt>_<image> or in the prompts' order.")
    ],
    prompts: Annotated[
        Path, typer.Argument(help="A .txt with a prompt per line, or a .jsonl with prompt, words and boxes.")
    ],
    engine: Annotated[str, typer.Option(help="ppocr6, ppocr4, easyocr or tesseract.")] = "ppocr6",
    enlarge: Annotated[int, typer.Option(min=1, help="How many times as large images are read; 2 for tiny ones.")] = 1,
    border: Annotated[int, typer.Option(min=0, help="Pixels added around before detection; 40 for tiny ones.")] = 0,
    watermark: Annotated[int, typer.Option(min=0, help="Pixels to blacken at the lower right: 64 for DeepFloyd.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Write all scores as JSON, too.")] = None,
    force: cli.Force = False,
) -> None:
    """Score images by the words that an engine reads on them: as MARIO-Eval and GlyphControl do, and corrected.

    The targets are the quoted words of each prompt. Scores of another engine are other measures: compare none with
    them. An image on which nothing is read has 0 everywhere, and counts.
    """
    from tenfold.artist.asked import images_in, read_asked
    from tenfold.artist.evaluation import evaluate
    from tenfold.artist.told_progress import told_progress
    from tenfold.ocr.reading import load_engine

    shown = images_in(images, read_asked(prompts))
    with told_progress(f"reading {len(shown)} images", "image") as progress:
        options = {"enlarge": enlarge, "border": border, "watermark": watermark}
        found = evaluate(shown, load_engine(engine), **options, progress=progress)
    typer.echo("\n".join(_table(found)))
    if out is not None:
        with cli.new_output(out, force=force) as path:
            path.write_text(json.dumps(found.described(), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _shown(score: float | None) -> str:
    return "–" if score is None else f"{score:.4f}"


def _table(found: Evaluation) -> list[str]:
    """Return the scores as lines of text."""
    lines = [
        f"{len(found.shown)} images, {found.blank} without a word read; {found.reader.version}, {found.reader.how}"
    ]
    lines.append(f"{'MARIO-Eval':<16}{'accuracy':>10}{'precision':>11}{'recall':>8}{'F':>8}")
    for name in found.tables:
        scores = found.scores(name)
        lines.append(
            f"{name:<16}{scores.accuracy:>10.4f}{scores.precision:>11.4f}{scores.recall:>8.4f}{scores.f_measure:>8.4f}"
        )
    lines.append(f"{'GlyphControl':<16}{'exact':>10}{'any case':>11}{'edits':>8}{'skipped':>8}")
    for name, phrases in (("official", found.phrases), ("corrected", found.phrases_corrected)):
        counts = f"{phrases.distance:>8.3f}{phrases.skipped:>8}"
        lines.append(f"{name:<16}{phrases.exact:>10.4f}{phrases.exact_any_case:>11.4f}{counts}")
    if "boxes" in (described := found.described()):
        row = described["boxes"]
        said = ", ".join(f"{name} {_shown(row[name])}" for name in ("word_accuracy", "letter_accuracy", "ned"))
        lines.append(f"in known boxes: {said} ({row['reader']['how']})")
    return lines
