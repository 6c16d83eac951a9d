"""``tenfold dp-cross-attention``: a private memory of a person's own keys and values."""

from __future__ import annotations

import csv as csv_module
import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tenfold import command_line as cli

CSVFile = Annotated[Path | None, typer.Option("--csv", help="A CSV file in UTF-8, in place of --npz.")]
Clip = Annotated[bool, typer.Option("--clip", help="Shorten rows beyond their radius instead of refusing them.")]
USED = {"taylor": ("degree",), "rff": ("feature_count",)}
app = cli.application("Differentially private cross-attention.")


@app.command(
    epilog=cli.example(
        "tenfold dp-cross-attention build --csv rows.csv --keys 'k_*' --values 'v_*'",
        "--epsilon 1 --delta 1e-6 --radius 1 --out memory.safetensors",
    )
)
def build(
    epsilon: Annotated[float, typer.Option(help="ε of the release.")],
    delta: Annotated[float, typer.Option(help="δ of the release, well below 1 over the number of rows.")],
    radius: Annotated[float, typer.Option(help="Public bound ρ on the length of every key and query.")],
    out: Annotated[Path, typer.Option(help="The safetensors file to write.")],
    npz: Annotated[Path | None, typer.Option(help="An npz file with keys (n, d) and values (n, v).")] = None,
    csv: CSVFile = None,
    keys: Annotated[str | None, typer.Option(help="The CSV file's columns of keys, such as a,b,c or 'k_*'.")] = None,
    values: Annotated[str | None, typer.Option(help="The CSV file's columns of values.")] = None,
    value_radius: Annotated[float, typer.Option(help="Public bound on the length of every value.")] = 1.0,
    temperature: Annotated[str, typer.Option(help="τ of softmax(q·k/τ): a number, d or sqrt_d.")] = "d",
    features: Annotated[Literal["taylor", "rff"], typer.Option(help="What stands for the exponential.")] = "taylor",
    degree: Annotated[int | None, typer.Option(help="Even degree of the polynomial (taylor). Default: 4.")] = None,
    feature_count: Annotated[int | None, typer.Option(help="How many random features (rff). Default: 1024.")] = None,
    neighbours: Annotated[
        Literal["replace_one", "add_remove"], typer.Option(help="What one row may do: be another, or not be there.")
    ] = "replace_one",
    group: Annotated[int, typer.Option(min=1, help="How many rows one person may have.")] = 1,
    clip: Clip = False,
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
    force: cli.Force = False,
) -> None:
    """Release keys and values as one noisy memory.

    It answers any number of queries. The noise comes from the operating system; what is written is safe to publish as
    far as the printed statement says. Every number given must be public: chosen without looking at the rows.
    """
    from tenfold.dp_cross_attention import PrivateMemory

    given = {"degree": degree, "feature_count": feature_count}
    cli.refuse_unused(given, USED[features], f"--features {features}")
    public = {
        "radius": radius,
        "value_radius": value_radius,
        "temperature": _temperature(temperature),
        "features": features,
        "neighbours": neighbours,
        "group": group,
        **{name: value for name, value in given.items() if value is not None},
    }
    reading = cli.Reading(header, separator, index, missing)
    _check_source(npz, csv, {"keys": keys, "values": values, **reading.given()})
    with cli.new_output(out, force=force) as unfinished:
        if csv is None:
            pair = [_array(npz, name) for name in ("keys", "values")]
        else:
            pair = _columns(reading, csv, keys, values)
        memory = PrivateMemory.fit(
            *pair, epsilon=epsilon, delta=delta, on_violation="clip" if clip else "error", **public
        )
        memory.save(unfinished)
    typer.echo(str(memory.privacy))
    typer.echo(f"wrote {out}")


@app.command(
    epilog=cli.example("tenfold dp-cross-attention query memory.safetensors --csv queries.csv", "--out answers.csv")
)
def query(
    memory: Annotated[Path, typer.Argument(metavar="MEMORY", help="A file that build wrote.")],
    out: Annotated[Path, typer.Option(help="The file to write: CSV, or npz if it is called so.")],
    npz: Annotated[Path | None, typer.Option(help="An npz file with queries (m, d).")] = None,
    csv: CSVFile = None,
    errors: Annotated[bool, typer.Option("--errors", help="Write the noise's standard deviation, too.")] = False,
    clip: Clip = False,
    columns: cli.Columns = None,
    drop: cli.Drop = None,
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
    force: cli.Force = False,
) -> None:
    """Answer queries from a memory: the attention's value for each row.

    Answers cost no privacy, however many. The queries are not protected.
    """
    from tenfold.dp_cross_attention import PrivateMemory

    reading = cli.Reading(header, separator, index, missing)
    _check_source(npz, csv, {"columns": columns, "drop": drop, **reading.given()})
    with cli.new_output(out, force=force) as unfinished:
        loaded = PrivateMemory.load(memory)
        if csv is None:
            queries = _array(npz, "queries")
        else:
            table = reading.open(csv)
            chosen = table.select(cli.listed(columns, "--columns"), drop=cli.listed(drop, "--drop"))
            queries = reading.read(table, chosen).numbers
        answer = loaded.query(queries, errors=True, on_violation="clip" if clip else "error")
        found = {"values": answer.values} | ({"noise_sd": answer.noise_sd} if errors else {})
        _write(unfinished, found, as_npz=out.suffix == ".npz")
    clamped = int(answer.clamped.sum())
    if clamped:
        typer.echo(f"{clamped} answers rest on a denominator that noise moved out of its range", err=True)
    typer.echo(f"wrote {out}")


def _check_source(npz: Path | None, csv: Path | None, of_csv: dict[str, Any]) -> None:
    if (npz is None) == (csv is None):
        raise typer.BadParameter("give an npz file with --npz, or a CSV file with --csv")
    if csv is None:
        cli.refuse_unused(of_csv, (), "--npz")


def _columns(reading: cli.Reading, csv: Path, keys: str | None, values: str | None) -> list[Any]:
    """Return the columns of keys (n, d) and of values (n, v)."""
    if keys is None or values is None:
        raise typer.BadParameter("--csv needs --keys and --values, the names of its columns")
    table = reading.open(csv)
    first, second = table.select(cli.listed(keys, "--keys")), table.select(cli.listed(values, "--values"))
    rows = reading.read(table, [*first, *second]).numbers
    return [rows[:, : len(first)], rows[:, len(first) :]]


def _temperature(text: str) -> Any:
    if text in ("d", "sqrt_d"):
        return text
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"--temperature {text!r} is no number, nor d or sqrt_d") from None


def _array(path: Path | None, name: str) -> Any:
    """Return one array of an npz file. Raises InvalidMemory for what is no such file, or no numbers."""
    from tenfold.dp_cross_attention.errors import InvalidMemory
    from tenfold.npz_files import opened

    assert path is not None, "checked by _check_source"
    with opened(path, InvalidMemory, f"{name} that are numbers") as content:
        names = content.files
        found = content[name] if name in names else None
    if found is None or found.dtype.kind not in "fiub":
        raise InvalidMemory(f"{path} needs an array of numbers called {name}; it has {', '.join(names) or 'none'}")
    return found


def _write(path: Path, found: dict[str, Any], *, as_npz: bool) -> None:
    import numpy as np

    if as_npz:
        with path.open("wb") as file:
            np.savez(file, **found)
        return
    names = [f"{name}_{number}" for name, array in found.items() for number in range(1, array.shape[1] + 1)]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv_module.writer(file).writerows([names, *np.concatenate(list(found.values()), axis=1).tolist()])


if __name__ == "__main__":
    sys.exit(cli.run(app))
