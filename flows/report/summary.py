"""The verdicts as JSON: what the README's table and tests read."""

from __future__ import annotations

import json
from typing import Any

from flows.report.claims import Claim
from flows.report.collect import Paper, Report
from flows.report.formatting import in_words
from flows.report.verdicts import Judged, Tested
from tenfold.metrics.measurement import Measurement


def summarise(report: Report) -> dict[str, Any]:
    """Return the report's verdicts, reasons and measured numbers as plain data."""
    return {
        "profile": report.profile,
        "papers": [_paper(paper) for paper in report.papers],
        "absent": list(report.absent),
    }


def render_summary(report: Report) -> str:
    """Return the summary as JSON text."""
    return json.dumps(summarise(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _paper(paper: Paper) -> dict[str, Any]:
    return {
        "paper": paper.slug,
        "title": paper.declared.title,
        "arxiv": paper.declared.arxiv,
        "commit": paper.publisher.commit,
        "dirty_steps": list(paper.dirty_steps),
        "stand_ins": [source.name for source in paper.stand_ins],
        "claim_counts": paper.counts("claims"),
        "finding_counts": paper.counts("findings"),
        "fact_counts": paper.counts("facts"),
        "claims": [_judged(item) for item in paper.claims],
        "findings": [_judged(item) for item in paper.findings],
        "facts": [_judged(item) for item in paper.facts],
    }


def _judged(item: Judged) -> dict[str, Any]:
    entry = item.entry
    published = entry.published if isinstance(entry, Claim) else None
    return {
        "id": entry.id,
        "text": entry.text,
        "where": entry.where,
        "published": published.model_dump() if published else None,
        "verdict": item.verdict.value,
        "reason": item.reason,
        "amendments": [amendment.model_dump() for amendment in entry.amendments],
        "tests": [_tested(one) for one in item.tested],
    }


def _tested(one: Tested) -> dict[str, Any]:
    return {
        "test": in_words(one.test),
        "identity": one.test.identity,
        "control": one.test.control,
        "rival": one.test.rival,
        "training": one.test.training,
        "over": one.test.over,
        "outcome": one.outcome.value,
        "measurements": {name: _measurement(item) for name, item in one.measurements.items()},
    }


def _measurement(item: Measurement) -> dict[str, Any]:
    return item.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
