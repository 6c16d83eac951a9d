"""The leaderboard of MMR, as read-mes and the project page of its authors give it: secondary, never the paper's tables.

No figure here was read in the paper itself, and none is a threshold. They may be set beside a result only where it was
had on the real images with the official prompt and parser.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenfold.mmr.tasks import COLUMNS, MOST_POINTS, PER_TASK, Column

SOURCE = "leaderboard of the project page of MMR (Chen et al. 2024, arXiv 2408.14594), secondary"


@dataclass(frozen=True)
class PublishedRow:
    """The points of one model in the twelve columns, and the total that is printed beside them."""

    model: str
    points: tuple[int, ...]
    total: int

    @property
    def columns(self) -> dict[Column, int]:
        """The points by column."""
        return dict(zip(COLUMNS, self.points, strict=True))

    @property
    def summed(self) -> int:
        """The sum of the columns."""
        return sum(self.points)

    @property
    def columns_add_up(self) -> bool:
        """Whether the columns add up to the total that is printed."""
        return self.summed == self.total


LEADERBOARD: tuple[PublishedRow, ...] = (
    PublishedRow("Claude 3.5 Sonnet", (42, 31, 43, 46, 38, 45, 39, 36, 46, 39, 47, 11), 463),
    PublishedRow("GPT-4o", (46, 34, 43, 41, 40, 42, 34, 37, 40, 33, 46, 21), 457),
    PublishedRow("GPT-4V", (43, 33, 43, 40, 37, 38, 26, 26, 45, 26, 48, 10), 415),
    PublishedRow("LLaVA-NEXT 34B", (39, 27, 42, 39, 39, 39, 28, 31, 46, 40, 37, 5), 412),
    PublishedRow("Phi-3-Vision 4B", (40, 34, 42, 39, 41, 42, 31, 33, 42, 38, 13, 2), 397),
    PublishedRow("InternVL2 8B", (42, 30, 46, 44, 39, 42, 27, 33, 45, 15, 5, 0), 368),
    PublishedRow("Qwen-vl-max", (39, 27, 41, 36, 34, 33, 26, 32, 37, 24, 32, 5), 366),
    PublishedRow("LLaVA-NEXT 13B", (36, 27, 37, 33, 38, 38, 23, 31, 37, 39, 2, 0), 335),
    PublishedRow("Qwen-vl-plus", (38, 23, 32, 35, 26, 23, 24, 23, 27, 34, 22, 3), 310),
    PublishedRow("Idefics-2 8B", (36, 23, 36, 29, 31, 27, 20, 21, 33, 0, 0, 0), 256),
    PublishedRow("LLaVA-1.5 13B", (30, 10, 25, 20, 32, 17, 16, 24, 26, 33, 0, 4), 243),
    PublishedRow("InternVL2 1B", (35, 29, 32, 24, 28, 25, 17, 27, 19, 0, 1, 0), 237),
    PublishedRow("Monkey-Chat 7B", (36, 22, 33, 27, 26, 16, 9, 18, 27, 0, 0, 0), 214),
    PublishedRow("Idefics 80B", (0, 1, 21, 20, 21, 17, 20, 19, 20, 0, 0, 0), 139),
)
MOST = {"column": PER_TASK, "total": MOST_POINTS}


def published_row(model: str) -> PublishedRow:
    """Return the row of a model. Raises KeyError, with the names there are, for another."""
    for row in LEADERBOARD:
        if row.model == model:
            return row
    raise KeyError(f"no row is called {model!r}; there are {', '.join(row.model for row in LEADERBOARD)}")
