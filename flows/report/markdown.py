"""The report as Markdown, with its figures linked from ``results/``."""

from flows.report.collect import Report
from flows.report.rendering import environment


def render_markdown(report: Report) -> str:
    """Return the Markdown text; links are relative to ``reports/``."""
    return environment().get_template("report.md.j2").render(report=report)
