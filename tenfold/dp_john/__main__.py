"""``tenfold dp-john``: the John ellipsoid of a person's own table."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tenfold import command_line as cli

Mode = Literal["none", "input", "input_exact", "iterate", "moment"]
USED = {
    "none": ("tolerance",),
    "input": ("epsilon", "delta", "closeness", "tolerance"),
    "input_exact": ("epsilon", "delta", "closeness", "tolerance"),
    "iterate": ("epsilon", "delta", "closeness", "row_norm_bound", "row_norm_floor", "ridge", "rounds"),
    "moment": ("epsilon", "delta", "row_norm_bound", "neighbours"),
}
app = cli.application("John ellipsoids, exact or differentially private.")


@app.command(epilog=cli.example("tenfold dp-john solve --csv table.csv --tolerance 1e-4 --out john"))
def solve(
    csv: cli.CSV,
    out: Annotated[Path, typer.Option(help="Where to write <out>.json and <out>.npz.")] = Path("john"),
    tolerance: Annotated[
        float | None, typer.Option(help="ξ: the largest leverage may exceed 1 by this much. Default: 0.001.")
    ] = None,
    mode: Annotated[Mode, typer.Option(help="none is without privacy.")] = "none",
    epsilon: Annotated[float | None, typer.Option(help="ε of a private mode.")] = None,
    delta: Annotated[float | None, typer.Option(help="δ of a private mode.")] = None,
    closeness: Annotated[float | None, typer.Option(help="How far one row may move (input, iterate).")] = None,
    row_norm_bound: Annotated[float | None, typer.Option(help="Public bound r ≥ ‖a‖ (iterate, moment).")] = None,
    row_norm_floor: Annotated[float | None, typer.Option(help="Public bound r_min ≤ ‖a‖ (iterate).")] = None,
    ridge: Annotated[float | None, typer.Option(help="Public ridge λ₀ (iterate).")] = None,
    rounds: Annotated[int | None, typer.Option(help="Public number of rounds (iterate).")] = None,
    neighbours: Annotated[
        Literal["replace", "add_remove"] | None, typer.Option(help="What one row may do (moment).")
    ] = None,
    columns: cli.Columns = None,
    drop: cli.Drop = None,
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
    force: cli.Force = False,
) -> None:
    """Find the largest ellipsoid inside {x : |aᵀx| ≤ 1 for every row a}.

    Private modes draw their noise from the operating system; what they write is safe to publish only as far as
    the printed statement says. Every number given must be public: chosen without looking at the table.
    """
    budget = {
        "tolerance": tolerance,
        "epsilon": epsilon,
        "delta": delta,
        "closeness": closeness,
        "row_norm_bound": row_norm_bound,
        "row_norm_floor": row_norm_floor,
        "ridge": ridge,
        "rounds": rounds,
        "neighbours": neighbours,
    }
    cli.refuse_unused(budget, USED[mode], f"--mode {mode}")
    if tolerance is not None and not tolerance > 0:
        raise typer.BadParameter(f"--tolerance {tolerance:g} must be above 0")
    if not out.name:
        raise typer.BadParameter(f"--out {out}: give a name")
    names = [out.with_name(f"{out.name}.{kind}") for kind in ("json", "npz")]
    with cli.new_output(names[0], force=force) as facts_file, cli.new_output(names[1], force=force) as arrays_file:
        reading = cli.Reading(header, separator, index, missing)
        table = reading.open(csv)
        chosen = table.select(cli.listed(columns, "--columns"), drop=cli.listed(drop, "--drop"))
        rows = reading.read(table, chosen).numbers
        result, facts = _solved(rows, mode, budget)
        count = {} if neighbours == "add_remove" else {"rows": len(rows)}  # add_remove hides it
        facts |= {"csv": csv.name, **count, "columns": len(chosen), "log_volume": result.ellipsoid.log_volume}
        _write(result, facts, facts_file, arrays_file)
    _print(result, facts)
    typer.echo(f"wrote {names[0]} and {names[1]}")


def _solved(rows: Any, mode: Mode, budget: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return the result, and what of it goes into the JSON file."""
    from tenfold.dp_john import john_ellipsoid, private_john_ellipsoid

    if mode == "none":
        found = john_ellipsoid(rows, budget["tolerance"] or 1e-3)
        return found, {
            "mode": mode,
            "privacy": None,
            "method": found.method,
            "updates": found.updates,
            "max_leverage": found.certificate.max_leverage,
            "volume_gap": found.certificate.volume_gap,
        }
    private = private_john_ellipsoid(rows, mode=mode, **budget)
    return private, {
        "mode": mode,
        "privacy": private.privacy.as_dict(),
        "method": private.method,
        "updates": private.updates,
        "containment_probability": private.containment_probability,
        "volume_gap": private.volume_gap,
    }


def _write(result: Any, facts: dict[str, Any], facts_file: Path, arrays_file: Path) -> None:
    import numpy as np

    arrays = {"matrix": result.ellipsoid.matrix}
    if result.weights is not None:
        arrays["weights"] = result.weights
    with arrays_file.open("wb") as file:
        np.savez(file, **arrays)
    facts_file.write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _print(result: Any, facts: dict[str, Any]) -> None:
    if result.privacy is not None:
        typer.echo(str(result.privacy))
    if "max_leverage" in facts:
        typer.echo(f"largest leverage {facts['max_leverage']:.6g} (1 is optimal), {result.updates} updates")


if __name__ == "__main__":
    sys.exit(cli.run(app))
