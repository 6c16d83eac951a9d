"""The report: claims joined with measurements into verdicts, as Markdown, one HTML file and JSON."""

from tenfold.lazy import exports

__getattr__, __dir__, __all__ = exports(
    __name__,
    {
        "ReportError": "errors",
        "readme_is_current": "readme",
        "update_readme": "readme",
        "write_report": "write",
    },
)
