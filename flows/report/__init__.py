"""The report: claims joined with measurements into verdicts, as Markdown, one HTML file and JSON."""
