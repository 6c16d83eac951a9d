"""The templates' environment: what Markdown, HTML and README share."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from flows.report import benchmark, formatting, verdicts
from flows.report.amendments import told_once
from flows.report.collect import Figure, Paper, Report, Table
from flows.report.interval import picture
from flows.report.verdicts import Outcome, Verdict
from tenfold.metrics.measurement import Measurement

ROWS_SHOWN = 50  # of a table; the rest stands in the CSV file
_CODE = re.compile(r"`([^`]+)`")
_ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)

PROFILES = {
    "smoke": "a test of the machinery on embedded data; its verdicts say nothing about the papers",
    "default": "real small data on a CPU, pretrained weights from packages alone; one seed where training is costly",
    "extended": "real small data on a CPU, several seeds, every row of the ablations, longer training",
    "gpu": "real data on one GPU, trained from scratch",
    "full": "the papers' own settings",
}
TONES = {  # how a verdict is coloured
    Verdict.REPRODUCED: "good",
    Verdict.CONTRADICTED: "bad",
    Verdict.INCONCLUSIVE: "unsure",
    Verdict.NOT_TESTABLE: "none",
    Verdict.CONFIRMED: "good",
    Verdict.NOT_CONFIRMED: "bad",
    Verdict.HOLDS: "good",
    Verdict.FAILS: "bad",
    Verdict.DERIVED: "check",
    Verdict.WITHDRAWN: "none",
}
ORIGINS = {
    "bundled": "bundled with a dependency",
    "packaged": "inside an installed package",
    "mirror": "mirror",
    "official": "official address",
    "stand_in": "STAND-IN",
}


@cache
def environment() -> Environment:
    """Return the environment; templates of HTML and SVG are escaped, those of Markdown are not."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=lambda name: str(name).endswith((".html.j2", ".svg.j2")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(
        number=formatting.number,
        duration=formatting.duration,
        memory=formatting.memory,
        words=formatting.in_words,
        kind=formatting.kind_in_words,
        moment=formatting.moment,
        sentence=lambda text: text[:1].upper() + text[1:],
        published=lambda value: value if isinstance(value, str) else formatting.exact(value),
        measured=measured,
        interval=interval,
        prose=prose,
        plain=plain,
        linked=linked,
        tally=tally,
        picture=lambda tested: Markup(picture(tested)),
        data_uri=data_uri,
        page_of=page_of,
        cell=cell,
        numeric=numeric,
        columns=columns,
        value=benchmark.cell,
    )
    made.globals.update(
        SYMBOLS=verdicts.SYMBOLS,
        TONES={verdict.value: tone for verdict, tone in TONES.items()},
        CLAIM_VERDICTS=verdicts.VERDICTS["claims"],
        Verdict=Verdict,
        Outcome=Outcome,
        PROFILES=PROFILES,
        ORIGINS=ORIGINS,
        ROWS_SHOWN=ROWS_SHOWN,
        shown=benchmark.shown,
        listed=benchmark.listed,
        remarks=benchmark.remarks,
        told_once=told_once,
    )
    return made


def page_of(paper: Paper, report: Report) -> str:
    """Return the way from the page of all verdicts to a paper's own."""
    return f"{report.profile}/{paper.slug}.html"


def measured(measurement: Measurement, compared_with: Sequence[float] = ()) -> str:
    """Return the measured value with its unit, told apart from the numbers it is compared with."""
    if measurement.value is None:
        return "not measured"
    return formatting.with_unit(formatting.number(measurement.value, compared_with), measurement.unit)


def interval(measurement: Measurement, compared_with: Sequence[float] = (), over: str | None = "") -> str:
    """Return the interval and what it is over, or "none": so too where its test names nothing that was resampled."""
    if not measurement.interval or over is None:
        return "none"
    units = formatting.resampled(over, measurement.seeds)
    return formatting.interval(measurement.interval, compared_with) + (f" over {units}" if units else "")


def prose(text: str) -> Markup:
    """Return a sentence as HTML: escaped, with `names in backticks` as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def plain(text: str) -> str:
    """Return a sentence for a line of Markdown: nothing in it but `code` is taken for markup."""
    parts = re.split(r"(`[^`]+`)", " ".join(str(text).split()))
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"([\\*$~]|(?<=\])\()", r"\\\1", parts[index]).replace("<", "&lt;").replace(">", "&gt;")
    return "".join(parts).replace("|", "\\|")


def linked(text: str) -> str:
    """Return a line of Markdown with every arXiv:NUMBER as a link to the paper."""
    return _ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", text)


def tally(counts: Mapping[str, int]) -> str:
    """Return a summary's counts of findings or facts, those that there are, or a dash where there is none."""
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count) or "–"


def data_uri(figure: Figure) -> str:
    """Return the picture as an address that needs no request (and runs no script)."""
    return f"data:{figure.media_type};base64,{base64.b64encode(figure.content).decode('ascii')}"


def numeric(text: str) -> bool:
    """Return whether a table's cell is a number."""
    return _NUMBER.fullmatch(text.strip()) is not None


def cell(text: str) -> str:
    """Return a table's cell: numbers with four significant digits, a dash where it is empty."""
    text = text.strip()
    if not text:
        return "–"
    return formatting.number(float(text)) if numeric(text) else text


def columns(table: Table) -> list[bool]:
    """Return, for each column of a table, whether its cells are numbers (empty ones aside)."""
    return [
        any(row[index].strip() for row in table.rows)
        and all(numeric(row[index]) for row in table.rows if row[index].strip())
        for index in range(len(table.header))
    ]
