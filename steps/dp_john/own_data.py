"""The John ellipsoid of a person's own table: ``python -m flows solve dp_john --csv table.csv``."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from steps.runtime.outputs import OutputError, write_atomically

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class UnreadableTable(ValueError):
    """The file is not a table of numbers."""


@app.command()
def solve(
    csv: Annotated[Path, typer.Option(help="Table of numbers, one constraint |aᵀx| ≤ 1 a row; a header is optional.")],
    out: Annotated[Path, typer.Option(help="Where to write <out>.json and <out>.npz.")] = Path("john"),
    tolerance: Annotated[float, typer.Option(help="ξ: the largest leverage may exceed 1 by this much.")] = 1e-3,
    mode: Annotated[str, typer.Option(help="none, or a private mode: input, iterate, moment.")] = "none",
    epsilon: Annotated[float | None, typer.Option(help="ε of a private mode.")] = None,
    delta: Annotated[float | None, typer.Option(help="δ of a private mode.")] = None,
    closeness: Annotated[float | None, typer.Option(help="How far one row may move (modes input, iterate).")] = None,
    row_norm_bound: Annotated[float | None, typer.Option(help="Public bound r ≥ ‖a‖ (iterate, moment).")] = None,
    row_norm_floor: Annotated[float | None, typer.Option(help="Public bound r_min ≤ ‖a‖ (iterate).")] = None,
    ridge: Annotated[float | None, typer.Option(help="Public ridge λ₀ (iterate).")] = None,
    rounds: Annotated[int | None, typer.Option(help="Public number of rounds (iterate).")] = None,
    neighbours: Annotated[str | None, typer.Option(help="replace or add_remove (moment).")] = None,
) -> None:
    """Find the largest ellipsoid inside {x : |aᵀx| ≤ 1 for every row a}, with or without privacy.

    Private modes draw their noise from the operating system; what they write is safe to publish only as far as
    the printed statement says. Every number given must be public: chosen without looking at the table.
    """
    from rich.console import Console

    console = Console(stderr=True)
    with console.status(f"reading {csv}"):
        rows = read_rows(csv)
    console.print(f"{csv}: {rows.shape[0]} rows (counted from 0), {rows.shape[1]} columns")
    budget = {
        "epsilon": epsilon,
        "delta": delta,
        "closeness": closeness,
        "row_norm_bound": row_norm_bound,
        "row_norm_floor": row_norm_floor,
        "ridge": ridge,
        "rounds": rounds,
        "neighbours": neighbours,
    }
    with console.status("solving"):
        result, facts = _solved(rows, tolerance, mode, budget)
    arrays = {"matrix": result.ellipsoid.matrix}
    if result.weights is not None:
        arrays["weights"] = result.weights
    facts |= {
        "csv": csv.name,
        "rows": rows.shape[0],
        "columns": rows.shape[1],
        "log_volume": result.ellipsoid.log_volume,
    }
    _write(out, facts, arrays)
    if result.privacy is not None:
        console.print(str(result.privacy), markup=False, highlight=False)
    certificate = facts.get("max_leverage")
    if certificate is not None:
        console.print(f"largest leverage {certificate:.6g} (1 is optimal), {result.updates} updates")
    console.print(f"wrote {out}.json and {out}.npz", markup=False)


def read_rows(path: Path) -> Any:
    """Return the table as float64 (n, d); empty cells become NaN, which the solver refuses by name.

    Raises UnreadableTable if the file is missing, empty, or holds anything but numbers below its header.
    """
    import pandas as pd

    try:
        first = pd.read_csv(path, header=None, nrows=1, dtype=str)
    except FileNotFoundError:
        raise UnreadableTable(f"{path} does not exist") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UnreadableTable(f"{path} is not a CSV table: {error}") from None
    header = 0 if pd.to_numeric(first.iloc[0], errors="coerce").isna().all() else None
    try:
        return pd.read_csv(path, header=header, dtype=float).to_numpy()
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, ValueError) as error:
        raise UnreadableTable(
            f"{path} holds something that is not a number ({error}); leave out columns of text, or encode them"
        ) from None


def _solved(rows: Any, tolerance: float, mode: str, budget: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    from tenfold.dp_john.private import private_john_ellipsoid
    from tenfold.dp_john.solver import john_ellipsoid

    if mode == "none":
        given = [f"--{name.replace('_', '-')}" for name, value in budget.items() if value is not None]
        if given:
            raise typer.BadParameter(f"{', '.join(given)} need a private --mode: input, iterate or moment")
        found = john_ellipsoid(rows, tolerance)
        certificate = found.certificate
        return found, {
            "mode": "none",
            "privacy": None,
            "method": found.method,
            "updates": found.updates,
            "max_leverage": certificate.max_leverage,
            "volume_gap": certificate.volume_gap,
        }
    private = private_john_ellipsoid(rows, mode=mode, tolerance=tolerance, **budget)
    return private, {
        "mode": mode,
        "privacy": private.privacy.as_dict(),
        "method": private.method,
        "updates": private.updates,
        "containment_probability": private.containment_probability,
        "volume_gap": private.volume_gap,
    }


def _write(out: Path, facts: dict[str, Any], arrays: dict[str, Any]) -> None:
    import numpy as np

    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f".{out.name}.{os.getpid()}.npz")
    try:
        np.savez(unfinished, **arrays)
        os.replace(unfinished, out.with_name(out.name + ".npz"))
    except OSError as error:
        raise OutputError(error.errno, f"cannot write {out}.npz: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    write_atomically(out.with_name(out.name + ".json"), json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def main(arguments: list[str]) -> Any:
    """Run the command with ``arguments``; errors are the caller's."""
    return app(arguments, standalone_mode=False, prog_name=f"{Path(sys.argv[0]).name} solve dp_john")
