"""A leaderboard as one HTML page: sorted by any column without a script, nothing fetched, readable on a phone.

A column's head is a radio button; the style sheet holds each row's rank by each column, and puts rows in that order.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from tenfold.mmr.leaderboard_plots import in_radar, lines_in_radar, radar, totals
from tenfold.mmr.leaderboard_rows import Row, Table
from tenfold.mmr.leaderboard_style import STYLE
from tenfold.mmr.leaderboard_text import (
    GROUPS,
    OVERVIEW,
    SHORT,
    cell,
    overview,
    overviews,
    remarks_of,
    total_cell,
    total_head,
)

TEMPLATE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '{{ digest }}'; base-uri 'none'; \
form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ title }}</title>
<style>{{ style | safe }}</style>
</head>
<body>
<header>
<h1>{{ title }}</h1>
{% for note in notes %}
<p>{{ note }}</p>
{% endfor %}
<p>Choose a column's head to sort by it, the largest first. Numbers are points unless it says per cent; an interval
stands in brackets behind a total.</p>
</header>
<main>
{% for table in tables %}
<section>
<h2>{{ table.title }}</h2>
<div class="scroll" role="region" tabindex="0" aria-label="{{ table.title }}">
<table id="t{{ loop.index0 }}" role="table">
<thead role="rowgroup">
<tr role="row" class="groups"><td role="cell" class="span2"></td>
{% for name, span in table.groups %}
<th role="columnheader" class="span{{ span }}">{{ name }}</th>
{% endfor %}
</tr>
<tr role="row"><th role="columnheader" scope="col" class="name"><label><input type="radio" name="t{{ loop.index0 }}" \
id="t{{ loop.index0 }}n">Model</label></th>
{% set outer = loop.index0 %}
{% for head, most in table.heads %}
<th role="columnheader" scope="col"><label><input type="radio" name="t{{ outer }}" id="t{{ outer }}c{{ loop.index0 }}"\
{% if loop.first %} checked{% endif %}>{{ head }}{% if most %}<small>{{ most }}</small>{% endif %}</label></th>
{% endfor %}
</tr>
</thead>
<tbody role="rowgroup">
{% for row in table.rows %}
<tr role="row" id="t{{ outer }}r{{ loop.index0 }}" class="{{ row.kind }} {{ row.source }}">
<th role="rowheader" scope="row" class="name">{{ row.name }}{% for chip in row.chips %}<span class="chip">{{ chip }}\
</span>{% endfor %}</th>
{% for text, heat in row.cells %}
<td role="cell"{% if heat is not none %} class="h{{ heat }}"{% endif %}>{{ text }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
{% if table.remarks %}
<ul class="remarks">
{% for remark in table.remarks %}
<li>{{ remark }}</li>
{% endfor %}
</ul>
{% endif %}
<div class="plots">
<figure>{{ table.totals | safe }}<figcaption>Totals in per cent of the points to be had.{{ table.dots }}</figcaption>\
</figure>
{% if table.radar %}
<figure>{{ table.radar | safe }}
<figcaption>{{ table.radar_says }}</figcaption>
<ul class="legend">
{% for name, kind in table.legend %}
<li><svg viewBox="0 0 30 10" aria-hidden="true"><line class="row {{ kind }}" x1="1" y1="5" x2="29" y2="5"/></svg>\
{{ name }}</li>
{% endfor %}
</ul></figure>
{% endif %}
</div>
</section>
{% endfor %}
{% for heading, sets, rows in overviews %}
<section>
<h2>{{ heading }}</h2>
<div class="scroll" role="region" tabindex="0" aria-label="{{ heading }}">
<table class="plain">
<thead><tr><th scope="col" class="name">Model</th>
{% for name in sets %}
<th scope="col">{{ name }}</th>
{% endfor %}
</tr></thead>
<tbody>
{% for name, cells in rows.items() %}
<tr><th scope="row" class="name">{{ name }}</th>
{% for text in cells %}
<td>{{ text }}</td>
{% endfor %}
</tr>
{% endfor %}
</tbody>
</table>
</div>
</section>
{% endfor %}
</main>
</body>
</html>
"""


def page(tables: Sequence[Table], *, title: str, notes: Sequence[str] = ()) -> str:
    """Return the page of tables; the same tables give the same text."""
    from jinja2 import Environment, StrictUndefined

    style = STYLE + "".join(_order(number, table) for number, table in enumerate(tables))
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.from_string(TEMPLATE).render(
        title=title,
        notes=notes,
        style=style,
        digest=f"sha256-{digest}",
        tables=[_table(table) for table in tables],
        overviews=[(f"{OVERVIEW}, {scorer} scorer", *overview(tables, scorer)) for scorer in overviews(tables)],
    )


def _order(number: int, table: Table) -> str:
    """Return the rules by which the chosen head orders the rows of a table; equal rows keep the order by total."""
    rules = [
        f"#t{number} {{ grid-template-columns: minmax(9rem, auto) max-content repeat({len(table.columns)}, auto); }}\n"
    ]
    keys: list[list[Any]] = [[-row.total / row.most for row in table.rows]]
    keys += [[-(row.share(column) or 0.0) for row in table.rows] for column in table.columns]
    ranks = [_ranks(values) for values in keys]
    by_name = _ranks([row.name.casefold() for row in table.rows])
    for place in range(len(table.rows)):
        orders = "".join(f"--c{column}: {own[place]}; " for column, own in enumerate(ranks))
        rules.append(f"#t{number}r{place} {{ {orders}--n: {by_name[place]}; }}\n")
    for suffix in [*(f"c{column}" for column in range(len(ranks))), "n"]:
        rules.append(f"#t{number}:has(#t{number}{suffix}:checked) tbody tr {{ order: var(--{suffix}); }}\n")
    return "".join(rules)


def _ranks(values: Sequence[Any]) -> list[int]:
    ordered = sorted(range(len(values)), key=lambda place: (values[place], place))
    ranks = [0] * len(values)
    for rank, place in enumerate(ordered):
        ranks[place] = rank
    return ranks


def _table(table: Table) -> dict[str, Any]:
    """Return what the template shows of a table."""
    total, _, most = total_head(table).partition(" ")
    heads = [
        (SHORT[column], "" if table.in_percent else f"/{table.rows[0].possible[column]:g}") for column in table.columns
    ]
    spans = [(name, sum(column in columns for column in table.columns)) for name, columns in GROUPS.items()]
    shown = in_radar(table)
    models = sum(row.kind == "model" for row in table.rows)
    chosen = f" {len(shown)} of {models} models: measured ones by total, and the best published."
    dashed = lines_in_radar(table)
    return {
        "title": table.title,
        "groups": [(name, span) for name, span in spans if span],
        "heads": [(total, most), *heads],
        "rows": [_row(table, row) for row in table.rows],
        "remarks": remarks_of(table),
        "totals": totals(table),
        "dots": " Hollow dots are published." if any(row.source == "published" for row in table.rows) else "",
        "radar": radar(table),
        "radar_says": "Share of each column's points, 0 in the middle, 1 outside."
        + (chosen if len(shown) < models else ""),
        "legend": [
            *((row.name, f"s{number}") for number, row in enumerate(shown)),
            *((row.name, row.kind) for row in dashed),
        ],
    }


def _row(table: Table, row: Row) -> dict[str, Any]:
    shares = [row.share(column) for column in table.columns]
    cells = [
        (cell(table, row, column), None if share is None else round(10 * share))
        for column, share in zip(table.columns, shares, strict=True)
    ]
    chips = (["published"] if row.source == "published" else []) + ([row.kind] if row.kind != "model" else [])
    return {
        "name": row.name,
        "chips": chips,
        "kind": row.kind,
        "source": row.source,
        "cells": [(total_cell(table, row), None), *cells],
    }
