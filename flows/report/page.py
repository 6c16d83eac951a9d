"""The report as HTML files that need no script and no network: one that says what holds, and one for each paper."""

from flows.report.collect import Report
from flows.report.rendering import environment


def render_index(report: Report) -> str:
    """Return the page of all verdicts, which links to the papers' pages in a folder named after the profile."""
    return environment().get_template("report.html.j2").render(report=report)


def render_pages(report: Report) -> dict[str, str]:
    """Return each paper's page by its slug."""
    template = environment().get_template("paper.html.j2")
    return {paper.slug: template.render(report=report, paper=paper) for paper in report.papers}
