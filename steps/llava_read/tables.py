"""The published tables of answers, each with its caption. One table holds one measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from steps.llava_read.estimates import GROUPS, MEASURE, OVER, Asked, Estimated, difference, share
from steps.llava_read.measurements import FULL, MAIN, at_an_edge, is_judged, judged_source
from steps.llava_read.predictions import Answers
from steps.step.publish import CaptionedTable
from tenfold.llava_read.questions import KINDS
from tenfold.llava_read.scores import SHORT, Measure

INTERVALS = (
    f"Low and high: 95 % over {OVER} (bootstrap over pages, Student's over seeds, squares added); with one seed over "
    "pages alone."
)
MEANT: dict[Measure, str] = {
    "exact": "the same text but for case, width and outer punctuation",
    "contained": (
        "a reference stands in the answer, as OCRBench counts; it rewards long answers, so that their mean length "
        f"(characters) stands beside it, and references below {SHORT} characters apart"
    ),
    "anls_lmms": "normalised edit similarity as lmms-eval has it, where exactly ½ counts",
    "anls_docvqa": "normalised edit similarity as its paper defines it, where exactly ½ is 0",
    "relaxed": "numbers within 5 %, as ChartQA counts",
}
SHOWN = ("all", "text_rich", "sight", "text", "relation", "chart", "colour", "object", "layout", "between_sizes")
LATER = ("A9", "A10", "A11", "A12", "A13")  # codes whose reference is the full arm that is trained beside them


def scores(sets: Mapping[str, Asked], measure: Measure) -> CaptionedTable:
    """Return the score × 100 of each model by kind of question, by one measure."""
    rows = [row for asked in sets.values() for model in asked.answers for row in _scores(asked, model, measure)]
    columns = ["set", "code", "arm", "ocr_source", "seeds", "kind", "references", "questions", "pages"]
    return pd.DataFrame(rows, columns=[*columns, measure, "low", "high", "answer_length"]), (
        f"Score × 100 by kind of question, by the measure {measure}: {MEANT[measure]}. OCR source: whose text is in "
        f"the prompts. Answer length: characters. {INTERVALS} Measures are not to be compared with each other. "
        "Here a bar's colour is a question about a chart; among groups it is one about a colour."
    )


def _scores(asked: Asked, model: Answers, measure: Measure) -> Iterator[dict[str, Any]]:
    kinds = np.array([question.kind for question in asked.questions])
    short = np.array([min(map(len, question.answers)) < SHORT for question in asked.questions], dtype=bool)
    parts = {"long": ~short, "short": short} if measure == "contained" else {"all": np.ones(len(short), dtype=bool)}
    lengths = np.mean(
        [[len(model.replies[seed][one.id]) for one in asked.questions] for seed in model.seeds], axis=0, dtype=float
    )
    for kind in KINDS:
        for references, part in parts.items():
            chosen = (kinds == kind) & part
            if not chosen.any():
                continue
            per_seed = [asked.scores(model, seed, measure)[chosen].mean() for seed in model.seeds]
            yield {
                **_model(asked, model),
                "kind": kind,
                "references": references,
                "questions": int(chosen.sum()),
                "pages": len(np.unique(asked.pages[chosen])),
                measure: 100 * float(np.mean(per_seed)),
                **_ends(share(asked, model, chosen, measure)),
                "answer_length": float(lengths[chosen].mean()),
            }


def groups(sets: Mapping[str, Asked]) -> CaptionedTable:
    """Return the exact answers × 100 of each model by group of questions, as the claims have them."""
    rows = []
    for asked in sets.values():
        for name in GROUPS:
            chosen = asked.group(name)
            for model in asked.answers:
                if (found := share(asked, model, chosen)) is not None:
                    row = {**_model(asked, model), "group": name, "questions": int(chosen.sum()), "pages": found.n}
                    beside = {"chance": asked.chance, "naming": asked.by_naming}
                    means = {column: 100 * each[chosen].mean() for column, each in beside.items()}
                    rows.append(row | {MEASURE: found.value, **_ends(found), **means})
    columns = ["set", "code", "arm", "ocr_source", "seeds", "group", "questions", "pages", MEASURE, "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "chance", "naming"]), (
        "Exact answers × 100 by group of questions. Chance: the commonest answer of each stratum of questions, which "
        "needs no page. Naming: one of the page's colours, shapes, or texts of the kind that is asked for, drawn at "
        "random, which needs no binding of colours to shapes and no finding of the right text; receipts have none. "
        f"Questions about a bar's colour are among the colours here, not among the charts. {INTERVALS}"
    )


def arms(asked: Asked) -> CaptionedTable:
    """Return what each two of the main arms differ by, paired by page and seed."""
    models = [one for name in MAIN for one in judged(asked, name)]
    rows = [row for one, other in combinations(models, 2) for row in _differences(asked, one, other, SHOWN)]
    columns = ["set", "group", "first", "second", "first_source", "second_source", "difference", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "pages", "seeds"]), (
        f"Exact answers × 100 of one arm less those of another, on the same questions. {INTERVALS}"
    )


def ablations(asked: Asked) -> CaptionedTable:
    """Return what each ablated arm and OCR source differs by from the full arm that it belongs to."""
    rows = []
    for model in asked.answers:
        reference = reference_of(asked, model)
        if reference is not None:
            rows += [
                {"code": model.code, "arm": model.arm, **row, MEASURE: _value(asked, model, row["group"])}
                for row in _differences(asked, model, reference, SHOWN)
            ]
    columns = ["set", "code", "arm", "first_source", "group", MEASURE, "second", "second_source", "difference"]
    return pd.DataFrame(rows, columns=[*columns, "low", "high", "pages", "seeds"]), (
        "Exact answers × 100 of each arm (first) less those of the full arm (second), paired by page and by the seeds "
        f"that both have. A1 to A8: less the full arm of the main comparison; A9 to A13: less the one that was trained "
        f"beside them, with as many updates. {INTERVALS}"
    )


def reference_of(asked: Asked, model: Answers) -> Answers | None:
    """Return the full arm that a model is compared with, None for that arm itself and where there is none."""
    beside = [one for one in asked.answers if one.arm == FULL and one.code in LATER]
    own = judged_source(beside) if model.code in LATER else judged(asked, FULL)
    return next((one for one in own if one is not model), None) if own and own[0] is not model else None


def judged(asked: Asked, name: str) -> list[Answers]:
    """Return the model that stands for an arm in the claims, in a list; none where this profile has none."""
    return judged_source(one for one in asked.answers if one.arm == name and is_judged(name, one.code))[:1]


def _differences(asked: Asked, one: Answers, other: Answers, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        found = difference(asked, one, other, asked.group(name))
        if found is not None:
            yield {
                "set": asked.name,
                "group": name,
                "first": one.arm,
                "second": other.arm,
                "first_source": one.ocr_source,
                "second_source": other.ocr_source,
                "difference": found.value,
                **_ends(found),
                "pages": found.n,
                "seeds": found.seeds,
            }


def training(arms: Sequence[Mapping[str, Any]]) -> CaptionedTable:
    """Return what each arm and seed was trained with, and whether its learning rate lay within its grid."""
    rows = []
    for row in arms:
        plain = {name: value for name, value in row.items() if isinstance(value, str | int | float | bool)}
        plain = {name: value for name, value in plain.items() if "seconds" not in name}  # they vary from run to run
        plain["trained_parameters"] = sum(row.get("trained", {}).values())
        rate = row["rate"]
        grid = " ".join(f"{one:g}" for one in rate["grid"])
        rows.append(plain | {"rate": rate["chosen"], "rates_searched": grid, "at_an_edge": at_an_edge(rate)})
    first = ["arm", "code", "seed", "updates", "examples"]
    found = pd.DataFrame(rows, columns=list(dict.fromkeys([*first, *(name for row in rows for name in row)])))
    return found, (
        "Training of each arm and seed: updates and examples, OCR source in training, trained parameters, and the "
        "learning rate with the grid that was searched; at an edge: the least or largest of the grid won, or the grid "
        "has fewer than three."
    )


def _value(asked: Asked, model: Answers, group: str) -> float:
    found = share(asked, model, asked.group(group))
    return float("nan") if found is None else found.value


def _model(asked: Asked, model: Answers) -> dict[str, Any]:
    row: dict[str, Any] = {"set": asked.name, "code": model.code, "arm": model.arm, "ocr_source": model.ocr_source}
    return row | {"seeds": len(model.seeds)}


def _ends(found: Estimated | None) -> dict[str, float]:
    low, high = (np.nan, np.nan) if found is None else found.interval
    return {"low": low, "high": high}
