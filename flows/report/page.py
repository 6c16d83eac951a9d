"""The report as one HTML file that needs no other file, no script and no network."""

from flows.report.collect import Report
from flows.report.rendering import environment


def render_page(report: Report) -> str:
    """Return the HTML page."""
    return environment().get_template("report.html.j2").render(report=report)
