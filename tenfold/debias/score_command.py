"""``tenfold debias score``: bias scores of one's own predictions, by group and pooled, with intervals over templates.

The paper's command line adds it by ``app.command("score")(score_command)``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from tenfold.debias.items import Items
    from tenfold.metrics.bootstrap import Estimate

EXAMPLE = cli.example("tenfold debias score predictions.jsonl --items bbq --variants")
ALL = ("group", "rows", "parsed", "accuracy", "of n")
BY_CONDITION = ("s_AMB", "95 %", "n", "s_DIS", "95 %", "n", "acc AMB", "acc DIS")
UNDEFINED = "undefined"
LEAST_TEMPLATES = 5  # that define a score, for an interval: of fewer, resamples are too few to tell anything


def score_command(
    predictions: Annotated[
        Path,
        typer.Argument(help="JSON lines or CSV with key, answer: a letter, a number from 0 (−1: none), or a text."),
    ],
    items: Annotated[
        Path | None,
        typer.Option(help="A BBQ folder, or a file of questions (JSON lines, CSV). Default: those of the run beside."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page of the questions and answers, too.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write the scores as JSON, too.")] = None,
    variants: Annotated[bool, typer.Option("--variants", help="Show what other evaluations would say.")] = False,
    dropped: Annotated[
        bool, typer.Option("--drop-unparsed", help="Leave out answers that name no option, as BBQ's authors do.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the intervals.")] = 0,
    force: cli.Force = False,
) -> None:
    """Score predictions by BBQ's formulas: ×100, with intervals at 95 % over templates.

    n counts the answers that name a person. Where it is 0 a score is undefined, not fair. An interval takes five
    templates or more. An answer that names no option is wrong and outside n; a number that no option has is refused:
    they count from 0. Groups of names and of labels are apart, as BBQ's authors have them. The accuracy is of all
    questions with a right answer, which "of n" counts; "acc AMB" and "acc DIS" are those of each condition.
    """
    from tenfold.debias.predictions import read_predictions
    from tenfold.debias.run_folder import DEBATES, RUN
    from tenfold.debias.run_questions import check_questions

    beside = {} if items else {f"the run's {name}": predictions.parent / name for name in (RUN, DEBATES)}
    inputs = {"the predictions": predictions, "the questions": items, **beside}
    outputs = {"--out": out, "--html": html}
    refuse_overwriting(outputs, inputs)
    for option, path in outputs.items():
        if path is not None:
            cli.check_output(path, force=force, option=option)
    asked = _asked(items, predictions)
    answered, answers = read_predictions(predictions, asked)
    check_questions(predictions, answered)
    lines, described = _scored(answered, answers, seed=seed, dropped=dropped)
    conditioned = any(item.condition is not None for item in answered.rows)
    header = (*ALL, *BY_CONDITION) if conditioned else ALL
    typer.echo("\n".join(aligned([header, *(line[: len(header)] for line in lines)])))
    for line in _left_out(asked, answered):
        typer.echo(line, err=True)
    if variants:
        typer.echo("\n" + "\n".join(aligned(variant_lines(answered, answers))))
    if out is not None:
        _write_json(out, described, force=force)
    if html is not None:
        _write_page(html, predictions, answered, answers, force=force)


def _left_out(asked: Items, answered: Items) -> list[str]:
    """Return in lines which questions the scores do not count."""
    from tenfold.debias.own_items import lacking_condition

    lines, unanswered, without = [], len(asked) - len(answered), int((answered.target < 0).sum())
    if unanswered:
        lines.append(f"{unanswered} of {len(asked)} questions have no prediction")
    if without:
        lines.append(f"{without} question(s) without a target count for accuracy only")
    lacking = lacking_condition(answered)
    return lines if lacking is None else [*lines, lacking]


def refuse_overwriting(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """Refuse, before anything is read, an output that would replace an input, a file of one, or another output.

    ``outputs`` are by option, ``inputs`` by what they hold; None is not given. By ``--force`` it is refused as well.
    Raises InvalidOutput.
    """
    taken: dict[Path, str] = {path.resolve(): what for what, path in inputs.items() if path is not None}
    for option, path in outputs.items():
        if path is None:
            continue
        place = path.resolve()
        for other, what in taken.items():
            if place == other or (other in place.parents and place.exists()):
                raise cli.InvalidOutput(f"{option} {path} would overwrite {what} ({other}); give another place")
        taken[place] = f"what {option} writes"


def _asked(items: Path | None, predictions: Path) -> Items:
    """Return the questions that are named, or those of the run in whose folder the predictions lie."""
    from tenfold.debias.predictions import read_questions
    from tenfold.debias.run_questions import questions_of_run

    if items is not None:
        return read_questions(items)
    own = questions_of_run(predictions.parent)
    if own is None:
        raise typer.BadParameter(
            f"there is no run beside {predictions}: name the questions with --items, a BBQ folder or a file"
        )
    typer.echo(f"questions: those of the run in {predictions.parent}", err=True)
    return own


def _scored(
    items: Items, answers: np.ndarray, *, seed: int, dropped: bool
) -> tuple[list[tuple[str, ...]], dict[str, Any]]:
    """Return the table's lines, and the same as JSON takes it."""
    from tenfold.debias.accuracy import accuracy_by_group, accuracy_of
    from tenfold.debias.errors import InvalidItem
    from tenfold.debias.intervals import estimate_groups, estimate_score
    from tenfold.debias.own_items import ALL as POOLED
    from tenfold.debias.own_items import RESERVED, reserved_group
    from tenfold.debias.scores import Unparsed, score, score_groups

    for item in items.rows:
        if item.group.strip() in RESERVED:
            raise InvalidItem(f"{item.key}: the group {reserved_group(item.group)}")
    unparsed: Unparsed = "dropped" if dropped else "wrong"
    groups = score_groups(items, answers, unparsed=unparsed)
    right = accuracy_by_group(items, answers, unparsed=unparsed) | {
        POOLED: accuracy_of(items, answers, unparsed=unparsed)
    }
    estimates = {
        name: estimate_groups(items, answers, name, seed=seed, unparsed=unparsed)
        | {POOLED: estimate_score(items, answers, name, seed=seed, unparsed=unparsed)}
        for name in ("s_amb", "s_dis")
    }
    ends = {name: {group: _enough(one) for group, one in found.items()} for name, found in estimates.items()}
    lines: list[tuple[str, ...]] = []
    described: dict[str, Any] = {}
    for group, one in (*groups.items(), (POOLED, score(items, answers, unparsed=unparsed))):
        amb, dis, every = ends["s_amb"][group], ends["s_dis"][group], right[group]
        lines.append(
            (
                group or "–",
                f"{every.questions}",
                _share(every.parsed / every.questions),
                _share(every.accuracy),
                f"{every.graded}",
                *_score(one.s_amb, one.undefined_amb, amb, one.n_persons_amb),
                *_score(one.s_dis, one.undefined_dis, dis, one.n_persons_dis),
                _share(one.accuracy_amb),
                _share(one.accuracy_dis),
            )
        )
        intervals = {"s_amb_interval": amb and amb.interval, "s_dis_interval": dis and dis.interval}
        described[group] = one.reported() | intervals | every.described()
    return lines, described


def _enough(estimate: Estimate | None) -> Estimate | None:
    """Return an estimate that has templates enough for an interval, or None."""
    return estimate if estimate is not None and estimate.n >= LEAST_TEMPLATES else None


def variant_lines(items: Items, answers: np.ndarray) -> list[tuple[str, ...]]:
    """Return the lines of a table of what other evaluations make of the same answers."""
    from tenfold.debias.variants import variants

    lines: list[tuple[str, ...]] = [("as computed by", "s_AMB", "s_DIS", "accuracy", "")]
    for one in variants(items, answers):
        lines.append((one.name, _hundred(one.s_amb), _hundred(one.s_dis), _share(one.accuracy), one.note))
    return lines


def aligned(lines: list[tuple[str, ...]]) -> list[str]:
    """Return the lines of a table: the first column and the last, if it holds words, to the left, others right."""
    widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
    shown = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line, widths, strict=True)]
        cells[0] = line[0].ljust(widths[0])
        if not lines[0][-1]:
            cells[-1] = line[-1]
        shown.append("  ".join(cells).rstrip())
    return shown


def _score(value: float, undefined: bool, estimate: Estimate | None, persons: int) -> tuple[str, str, str]:
    ends = "–" if estimate is None else f"[{100 * estimate.interval[0]:.1f}, {100 * estimate.interval[1]:.1f}]"
    return UNDEFINED if undefined else _hundred(value), ends, f"{persons}"


def _hundred(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _write_json(out: Path, described: dict[str, Any], *, force: bool) -> None:
    import json

    with cli.new_output(out, force=force) as file:
        file.write_text(json.dumps(described, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(f"wrote {out}")


def _write_page(html: Path, predictions: Path, items: Items, answers: np.ndarray, *, force: bool) -> None:
    from tenfold.debias.debate import Debate, Turn
    from tenfold.debias.items import NONE
    from tenfold.debias.transcript_page import write_page

    debates = []
    for item, answer in zip(items.rows, answers, strict=True):
        choice = None if answer == NONE else int(answer)
        said = "(no option named)" if choice is None else item.options[choice]
        debates.append(Debate(item, "predictions", (Turn(predictions.stem, 0, "agent", said, choice),), choice))
    with cli.new_output(html, force=force, option="--html") as file:
        write_page(debates, file, title=f"Predictions of {predictions.name}")
    typer.echo(f"wrote {html}")
