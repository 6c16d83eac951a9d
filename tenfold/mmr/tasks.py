"""The eleven tasks of MMR and the twelve columns in which their points are counted (Chen et al. 2024).

Names are those of the official annotations (``mmr_qa.json``); columns stand in the order of the leaderboard.
"""

from __future__ import annotations

from typing import Literal, get_args

Task = Literal[
    "recognition_label",
    "recognition_pos",
    "font_size",
    "font_color",
    "localize_o",
    "localize_t",
    "spatial_ot",
    "spatial_oo",
    "spatial_tt",
    "grounding_o",
    "grounding_t",
]
Column = Literal[
    "recognition_label",
    "recognition_pos",
    "font_size",
    "font_color",
    "localize_o",
    "localize_t",
    "spatial_ot",
    "spatial_oo",
    "spatial_tt",
    "grounding_o",
    "grounding_t text",
    "grounding_t box",
]
TASKS: tuple[Task, ...] = get_args(Task)
COLUMNS: tuple[Column, ...] = get_args(Column)
RECOGNITION: tuple[Task, ...] = ("recognition_label", "recognition_pos")
CHOICE: tuple[Task, ...] = (
    "font_size",
    "font_color",
    "localize_o",
    "localize_t",
    "spatial_ot",
    "spatial_oo",
    "spatial_tt",
)
GROUNDING: tuple[Task, ...] = ("grounding_o", "grounding_t")
PER_TASK = 50  # items that the official runner keeps of each task, in the order of the file
MOST_POINTS = 600  # 50 for each of the twelve columns


def points_of(task: Task) -> int:
    """Return how many points an item of a task can have: 2 for text and box, 1 otherwise."""
    return 2 if task == "grounding_t" else 1
