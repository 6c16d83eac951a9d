"""The toy paper's figure."""

TITLE = "The walk"


def curve(values):
    """Return a figure of the values."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().plot(values)
    figure.suptitle(TITLE)
    return figure
