"""The published figure, with its caption."""

import pandas as pd
from matplotlib.figure import Figure

from steps.step.plotting import COLOURS, panels

TITLE = "The walk"


def curve(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw the distance to the target against updates, a line per arm."""
    figure, (axis,) = panels(1)
    for arm, colour in zip(("left", "right"), COLOURS, strict=False):
        axis.plot(table["update"], table[arm], color=colour, label=arm)
    axis.set(title=TITLE, xlabel="update", ylabel="distance to the target")
    axis.legend()
    return figure, f"{TITLE}: the distance that is left, by update and arm."
