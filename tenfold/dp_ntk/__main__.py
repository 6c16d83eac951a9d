"""``tenfold dp-ntk``: a private classifier for a person's own table."""

from __future__ import annotations

import csv as csv_module
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tenfold import command_line as cli

if TYPE_CHECKING:
    from tenfold.data.csv_files import Rows
    from tenfold.dp_ntk.estimator import PrivateNTKClassifier

Mode = Literal["ssp", "ridge-sample", "input", "paper"]
USED = {
    "ssp": ("features",),
    "ridge-sample": ("samples", "width", "label_share"),
    "input": ("closeness", "width", "label_share"),
    "paper": ("closeness", "width", "eta_min"),
}
ModelFolder = Annotated[Path, typer.Argument(metavar="MODEL", help="A folder that fit wrote.")]
app = cli.application("Differentially private classifiers for tables.")


@app.command(
    epilog=cli.example(
        "tenfold dp-ntk fit --csv train.csv --target income --classes '<=50K,>50K'",
        "--epsilon 1 --delta 1e-6 --out model",
    )
)
def fit(
    csv: cli.CSV,
    target: Annotated[str, typer.Option(help="The column that is predicted.")],
    classes: Annotated[
        str, typer.Option(help="All classes that the target could have: public, not read off the data.")
    ],
    epsilon: Annotated[float, typer.Option(help="ε of the release.")],
    delta: Annotated[float, typer.Option(help="δ of the release, well below 1 over the number of rows.")],
    out: Annotated[Path, typer.Option(help="The folder to write the model into.")],
    mode: Annotated[Mode, typer.Option(help="ssp protects rows and labels; paper proves nothing.")] = "ssp",
    closeness: Annotated[float | None, typer.Option(help="β: how far a unit row may move (input, paper).")] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Hidden units; without, infinitely many (not ssp).")] = None,
    samples: Annotated[int | None, typer.Option(min=1, help="k (ridge-sample). Default: 32.")] = None,
    features: Annotated[int | None, typer.Option(min=1, help="Public random features (ssp). Default: 200.")] = None,
    label_share: Annotated[
        float | None,
        typer.Option(help="Part of the budget for noisy labels (ridge-sample, input). Default: 0, public."),
    ] = None,
    eta_min: Annotated[float | None, typer.Option(help="Assumed smallest eigenvalue (paper).")] = None,
    ridge: Annotated[float, typer.Option(help="λ, chosen without looking at the data.")] = 1.0,
    intercept: Annotated[
        bool, typer.Option("--intercept", help="Add a constant 1 to each row, which then may be zero.")
    ] = False,
    public_seed: Annotated[int, typer.Option(min=0, help="Draws what is public: weights and projections.")] = 0,
    columns: cli.Columns = None,
    drop: cli.Drop = None,
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
    force: cli.Force = False,
) -> None:
    """Fit a private classifier to the numbers of a table.

    Each row is scaled to length 1 by itself. The noise comes from the operating system; what is written is safe to
    publish as far as the printed statement says. Every number given must be public: chosen without looking at the
    table.
    """
    from tenfold.dp_ntk.estimator import PrivateNTKClassifier
    from tenfold.models import write

    chosen = {
        "closeness": closeness,
        "width": width,
        "samples": samples,
        "features": features,
        "label_share": label_share,
        "eta_min": eta_min,
    }
    cli.refuse_unused(chosen, USED[mode], f"--mode {mode}")
    known = cli.listed(classes, "--classes")
    model = PrivateNTKClassifier(
        epsilon,
        delta,
        mode,
        **{name: value for name, value in chosen.items() if value is not None},  # type: ignore[arg-type]
        ridge=ridge,
        intercept=intercept,
        classes=known,
        public_seed=public_seed,
    )
    with cli.new_output(out, force=force, mark="estimator.json") as folder:
        reading = cli.Reading(header, separator, index, missing)
        table = reading.open(csv, named=[target])
        names = table.select(cli.listed(columns, "--columns"), drop=cli.listed(drop, "--drop"), but=[target])
        rows = reading.read(table, names, [target], {target: known})
        model.fit(_frame(rows, names), rows.texts[target])
        write(folder, model, _card(model, target))
    typer.echo(str(model.privacy_))
    typer.echo(f"wrote {out}")


@app.command(epilog=cli.example("tenfold dp-ntk predict model --csv new.csv --out predictions.csv"))
def predict(
    model: ModelFolder,
    csv: cli.CSV,
    out: Annotated[Path, typer.Option(help="A CSV file of each row's line and class.")],
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
    force: cli.Force = False,
) -> None:
    """Predict the class of each row of a table that has the model's columns; others are not read.

    The rows are not protected: they have no part in the release.
    """
    classifier = _load(model)
    names = classifier.feature_names_in_.tolist()
    with cli.new_output(out, force=force) as unfinished:
        reading = cli.Reading(header, separator, index, missing)
        rows = reading.read(reading.open(csv, named=names), names)
        found = classifier.predict(_frame(rows, names))
        with unfinished.open("w", newline="", encoding="utf-8") as file:
            csv_module.writer(file).writerows([("line", "predicted"), *zip(rows.lines, found, strict=True)])
    typer.echo(f"wrote {out}")


@app.command(epilog=cli.example("tenfold dp-ntk score model --csv test.csv --target income"))
def score(
    model: ModelFolder,
    csv: cli.CSV,
    target: Annotated[str, typer.Option(help="The column of the true classes.")],
    header: cli.Header = None,
    separator: cli.Separator = None,
    index: cli.Index = None,
    missing: cli.Missing = "refuse",
) -> None:
    """Print as JSON the share of rows whose class the model predicts.

    It is a function of the rows that no noise protects: publish it only of rows that are public.
    """
    classifier = _load(model)
    names = classifier.feature_names_in_.tolist()
    reading = cli.Reading(header, separator, index, missing)
    table = reading.open(csv, named=[*names, target])
    rows = reading.read(table, names, [target], {target: classifier.classes_.tolist()})
    accuracy = classifier.score(_frame(rows, names), rows.texts[target])
    typer.echo(json.dumps({"accuracy": accuracy, "rows": len(rows.lines)}))


def _frame(rows: Rows, names: list[str]) -> Any:
    """Return the numbers with their columns' names, which the model keeps."""
    import pandas as pd

    return pd.DataFrame(rows.numbers, columns=names)


def _load(folder: Path) -> PrivateNTKClassifier:
    from tenfold.dp_ntk.estimator import PrivateNTKClassifier
    from tenfold.models import InvalidModel, load

    found = load(folder)
    if not isinstance(found, PrivateNTKClassifier) or not hasattr(found, "feature_names_in_"):
        raise InvalidModel(f"{folder} holds a {type(found).__name__}, not what `tenfold dp-ntk fit` writes")
    return found


def _card(model: PrivateNTKClassifier, target: str) -> str:
    return (
        f"# Private classifier of {target}\n\n"
        f"Classes: {', '.join(model.classes_)}. Columns: {', '.join(model.feature_names_in_)}.\n\n"
        f"```\n{model.privacy_}\n```\n\n"
        "`tenfold dp-ntk predict` and `tenfold.models.load` read this folder.\n"
    )


if __name__ == "__main__":
    sys.exit(cli.run(app))
