"""The published tables, each with its caption."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from steps.artist.arm_setup import ARTIST
from steps.artist.compared_arms import EQUAL, Arm, Key
from steps.artist.estimates import GROUPS, MEASURES, OVER, Evidence, accuracy, difference, whole_canvases
from steps.artist.plan import FORMS, REAL, WORDLESS
from steps.artist.planning_measurements import alarm, planner_estimate, planners_of, precision, recall
from steps.artist.read import CANVAS, CROP
from steps.artist.read import REAL as COMPOSITES
from steps.step.publish import CaptionedTable
from tenfold.artist.quotations import official_targets
from tenfold.artist.readings import Reader
from tenfold.artist.score_rows import ScoreRow, score_table
from tenfold.text.line_scores import corrected_phrase_scores, line_scores, official_phrase_scores
from tenfold.text.word_scores import WordScores, corrected_word_table, mean_word_scores, official_word_table

INTERVALS = f"Low and high ends: 95 % over {OVER}; with one seed over prompts alone."
ROW = ("arm", "stage", "size", "budget", "updates", "seeds")


def arms(evidence: Evidence) -> CaptionedTable:
    """Return what was read of each arm in known boxes, by group of prompts and measure, beside the ceiling."""
    rows = []
    for engine, arm in _read(evidence):
        for group in GROUPS:
            ceiling = evidence.ceiling(arm.key.stage, engine, group=group)
            row = _about(arm) | {"group": group, **_stamp(evidence, arm, engine, CROP)}
            row["ceiling"] = None if ceiling is None else ceiling.value
            for measure in MEASURES:
                found = accuracy(evidence, arm, measure, group=group, engine=engine)
                if found is not None:
                    low, high = found.interval
                    row |= {measure: found.value, f"{measure}_low": low, f"{measure}_high": high, "prompts": found.n}
            if "prompts" in row:
                rows.append(row)
    return pd.DataFrame(rows), (
        "What is read in the boxes of the words × 100: words exactly, letters, and the normalised edit similarity of "
        "words (AnyText's NED), by group of prompts; main: one word in proportions of a design that training has "
        "seen. Ceiling: words that the same reader reads on real composites, in stage grey of the same words. "
        "Budget equal: as many visual updates as ARTIST; compute: as many operations as ARTIST with its text module. "
        f"{INTERVALS}"
    )


def differences(evidence: Evidence) -> CaptionedTable:
    """Return what each arm differs by from ARTIST of the same stage and size."""
    rows = []
    for engine, arm in _read(evidence):
        first = evidence.arms.get(Key(ARTIST, arm.key.stage, arm.key.size))
        if first is None or arm.key.arm == ARTIST:
            continue
        for group in GROUPS:
            for measure in MEASURES:
                found = difference(evidence, first, arm, measure, group=group, engine=engine)
                if found is not None:
                    low, high = found.interval
                    about = _about(arm) | {"group": group, "engine": engine, "measure": measure}
                    about |= {"seeds": found.seeds, "prompts": found.n}
                    rows.append(about | {"artist_minus_arm": found.value, "low": low, "high": high})
    return pd.DataFrame(rows, columns=None if rows else [*ROW, "group", "engine", "measure", "artist_minus_arm"]), (
        f"ARTIST less each other arm × 100, paired by prompt and by seed. {INTERVALS}"
    )


def training(rows: Sequence[Mapping[str, Any]]) -> CaptionedTable:
    """Return a row per model: how it was trained, what that took, and its validation losses."""
    told = []
    for row in rows:
        searched = row.get("searched") or {}
        grid = ", ".join(f"{float(rate):g}: {loss:.4f}" for rate, loss in searched.items())
        told.append({name: value for name, value in row.items() if name != "searched"} | {"searched": grid or "none"})
    return pd.DataFrame(told), (
        "Every trained model: learning rate, with the validation loss at each that was searched; updates, samples and "
        "floating-point operations, without and with those of the text module; mean squared validation errors, as they "
        "are, with other letters, and with the text branch's times moved by one image; the text module's sha256."
    )


def text_modules(controls: Sequence[Mapping[str, Any]]) -> CaptionedTable:
    """Return what each text module reads and writes by itself."""
    return pd.DataFrame([dict(row) for row in controls]), (
        "Each text module by itself, on new words: validation loss with the right letters and with letters exchanged, "
        "and what the reader reads (shares) on its own images, beside what it reads on drawn ones (ceiling)."
    )


def benchmarks(evidence: Evidence) -> dict[str, CaptionedTable]:
    """Return MARIO-Eval's and GlyphControl's scores of whole canvases and AnyText's of boxes, by stage and engine."""
    found: dict[str, CaptionedTable] = {}
    for engine in evidence.engines:
        for stage in dict.fromkeys(key.stage for key in evidence.arms):
            models = [(arm, seed) for arm in evidence.arms.values() if arm.key.stage == stage for seed in arm.seeds]
            whole = [_whole(evidence, arm, seed, engine) for arm, seed in models]
            crops = [_lines(evidence, arm, seed, engine) for arm, seed in models]
            for name, rows, caption in (("mario_eval", whole, MARIO), ("anytext", crops, ANYTEXT)):
                known = [row for row in rows if row is not None]
                if known:
                    found[f"{name}_{stage}_{engine}"] = pd.DataFrame(score_table(known)), caption
    return found


MARIO = (
    "MARIO-Eval's scores of whole canvases, official: each line that was read is one item, targets from single "
    "straight quotes where a prompt has them; official_split: lines split into words; corrected: all quotes count, and "
    "accuracy asks for the same words. GlyphControl's (phrase_): share of images on which a line is the phrase; "
    "distance: least edit distance, images without a line skipped, or counted as empty (corrected). All of one engine; "
    "its ceiling is "
    "the corrected accuracy on real composites. Made-up test prompts, not MARIO-Eval's."
)
ANYTEXT = (
    "AnyText's scores of known boxes: words exactly, case and all, and NED. All of one engine; its ceiling is the "
    "share of words read on real composites. Made-up test prompts, not AnyText's."
)


def _whole(evidence: Evidence, arm: Arm, seed: int, engine: str) -> ScoreRow | None:
    name = arm.name(seed)
    wanted, lines = whole_canvases(evidence, name, engine)
    real, seen = whole_canvases(evidence, f"{COMPOSITES}{arm.key.stage}", engine)
    if not wanted or not real:
        return None
    prompts = [evidence.prompts[row["prompt"]].prompt for row in evidence.readings(name, mode=CANVAS, engine=engine)]
    official = [official_targets(prompt) or words for prompt, words in zip(prompts, wanted, strict=True)]
    split = [[word for line in read for word in line.split()] for read in lines]
    tables = {
        "official": official_word_table(official, lines),
        "official_split": official_word_table(official, split),
        "corrected": corrected_word_table(wanted, lines),
    }
    scores: dict[str, float] = {}
    for kind, table in tables.items():
        scores |= _word_scores(kind, mean_word_scores(table))
    phrases = [" ".join(words) for words in wanted]
    first, mended = official_phrase_scores(phrases, lines), corrected_phrase_scores(phrases, lines)
    scores |= {
        "phrase_exact": first.exact,
        "phrase_any_case": first.exact_any_case,
        "phrase_distance": first.distance,
        "phrase_skipped": float(first.skipped),
        "phrase_distance_corrected": mended.distance,
        "blank": float(sum(not any(read) for read in lines)),
        "images": float(len(lines)),
    }
    ceiling = mean_word_scores(corrected_word_table(real, seen)).accuracy
    return ScoreRow(name, scores, _reader(evidence, name, engine, CANVAS), ceiling)


def _word_scores(kind: str, scores: WordScores) -> dict[str, float]:
    return {
        f"{kind}_accuracy": scores.accuracy,
        f"{kind}_precision": scores.precision,
        f"{kind}_recall": scores.recall,
        f"{kind}_f": scores.f_measure,
    }


def _lines(evidence: Evidence, arm: Arm, seed: int, engine: str) -> ScoreRow | None:
    name = arm.name(seed)
    rows = evidence.readings(name, engine=engine)
    ceiling = evidence.ceiling(arm.key.stage, engine, group="all")
    pairs = [pair for row in rows for pair in zip(row["wanted"], row["read"], strict=True)]
    if not pairs or ceiling is None:
        return None
    found = line_scores([wanted for wanted, _ in pairs], [read for _, read in pairs])
    scores = {"accuracy": found.accuracy, "ned": found.ned, "lines": float(len(pairs))}
    return ScoreRow(name, scores, _reader(evidence, name, engine, CROP), ceiling.value / 100)


def planners(plans: Sequence[Mapping[str, Any]]) -> CaptionedTable:
    """Return what each planner finds in real prompts, and in captions that want no words."""
    rows = []
    for planner in planners_of(plans):
        for form in FORMS:
            row: dict[str, Any] = {"planner": planner, "form": form}
            scores = {"recall": (recall, REAL), "precision": (precision, REAL), "false_alarms": (alarm, WORDLESS)}
            for name, (score, group) in scores.items():
                found = planner_estimate(plans, planner, form, score, name=group)
                if found is not None:
                    low, high = found.interval
                    row |= {name: found.value, f"{name}_low": low, f"{name}_high": high}
                    row |= {"templates": found.n, "seeds": found.seeds} if group == REAL else {}
            own = [one for one in plans if (one["planner"], one["form"], one["set"]) == (planner, form, REAL)]
            row |= {"plans": len(own), "fallbacks": sum(one["fallback"] for one in own)}
            rows.append(row)
    return pd.DataFrame(rows), (
        "What planners find in GlyphControl's real prompts × 100, with their quotes and without: recall and precision "
        "of the wanted words, averaged within prompts that differ by these alone; false alarms: made-up captions that "
        "want no words and get some, of templates that the tagger has learnt. Fallbacks: replies of a language model "
        "that were no plan. Low and high ends: 95 % over templates and seeds."
    )


def _read(evidence: Evidence) -> Iterator[tuple[str, Arm]]:
    for engine in evidence.engines:
        yield from ((engine, arm) for arm in evidence.arms.values() if evidence.was_read(arm, engine))


def _about(arm: Arm) -> dict[str, Any]:
    return arm.key._asdict() | {"updates": arm.updates, "seeds": len(arm.seeds)}


def _stamp(evidence: Evidence, arm: Arm, engine: str, mode: str) -> dict[str, str]:
    reader = _reader(evidence, arm.name(arm.seeds[0]), engine, mode)
    return {"engine": reader.engine, "version": reader.version, "reading": reader.how}


def _reader(evidence: Evidence, name: str, engine: str, mode: str) -> Reader:
    row = evidence.readings(name, mode=mode, engine=engine)[0]
    return Reader(row["engine"], row["version"], row["how"])


def outside(evidence: Evidence) -> CaptionedTable:
    """Return the share of edges outside all boxes, of each arm and of real composites."""
    rows = []
    for key, arm in evidence.arms.items():
        inks = [row["outside_ink"] for seed in arm.seeds for row in evidence.readings(arm.name(seed))]
        rows.append(_about(arm) | {"images": len(inks), "outside_ink": _mean(inks)} | {"stage": key.stage})
    for stage in dict.fromkeys(key.stage for key in evidence.arms):
        inks = [row["outside_ink"] for row in evidence.readings(f"{COMPOSITES}{stage}")]
        about = dict.fromkeys(ROW) | {"arm": "real composites", "stage": stage, "budget": EQUAL}
        rows.append(about | {"images": len(inks), "outside_ink": _mean(inks)})
    return pd.DataFrame(rows), (
        "The share of an image's edges (squared differences of neighbouring pixels) that lies outside the boxes of all "
        "words, mean over images. A background has edges of its own: real composites are the measure."
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
