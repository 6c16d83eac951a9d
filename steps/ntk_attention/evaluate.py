"""Join every step's output into measurements, tables and figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from steps.ntk_attention import figures, measurements, tables
from steps.step.arms import read_arms
from steps.step.run import Run

HEADLINES = ("vision_ntk_minus_lora", "vision_ntk_minus_prefix", "text_ntk_minus_lora")


def evaluate(
    vision: Path, text: Path, characters: Path, ablation: Path, theory: Path, timings: Path, *, out: Path, run: Run
) -> None:
    """Publish what the paper's claims are tested by.

    Reads   arms.csv, search.csv, items.npz of each adaptation, and origins.json where data came from the hub; descent,
            curves, error, fading and timing.csv
    Writes  metrics.json, claims.json, tables/*.csv and figures/*.svg with their captions
    """
    of_images, of_texts, of_characters, ablated = map(read_arms, (vision, text, characters, ablation))
    searches = pd.concat([of_images.search, of_texts.search])
    descent, curves, errors, fading = (
        pd.read_csv(theory / f"{name}.csv") for name in ("descent", "curves", "error", "fading")
    )
    timing = pd.read_csv(timings / "timing.csv")
    timed = measurements.timing_measurements(timing)
    run.publish(
        claims=measurements.comparisons("vision", of_images)
        | measurements.comparisons("text", of_texts)
        | measurements.language_model_measurements(of_characters)
        | measurements.descent_measurements(descent)
        | measurements.error_measurements(errors)
        | measurements.fading_measurements(fading)
        | timed
        | measurements.search_measurements(searches, pd.concat([of_images.arms, of_texts.arms]))
        | measurements.finding_measurements(),
        headlines=HEADLINES,
        timings=[*timed, "timing"],
        tables={
            "vision": tables.adapted("vision", of_images),
            "text": tables.adapted("text", of_texts),
            "characters": tables.adapted("characters", of_characters),
            "ablation": tables.ablation(ablated),
            "approximation": tables.approximation(errors),
            "fading": tables.fading(fading),
            "timing": tables.timing(timing),
        }
        | tables.origins((of_images, of_texts, of_characters)),
        figures={
            "vision": figures.arms(of_images.arms, "Images"),
            "text": figures.arms(of_texts.arms, "Texts"),
            "characters": figures.arms(of_characters.arms, "Characters"),
            "ablation": figures.arms(ablated.arms, "Ablation"),
            "approximation": figures.approximation(errors),
            "descent": figures.descent(curves, descent),
            "timing": figures.timing(timing),
            "loss_by_length": figures.loss_by_length(searches),
        },
    )
