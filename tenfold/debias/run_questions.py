"""The questions that a run was asked, found beside its predictions: what is scored must be what was asked."""

from __future__ import annotations

from pathlib import Path

from tenfold.command_line import InvalidOutput
from tenfold.debias.debate import read_debates
from tenfold.debias.errors import InvalidAnswers
from tenfold.debias.items import Item, Items
from tenfold.debias.run_folder import DEBATES, RUN, items_digest, settings_of

WAY_OUT = "give --items the questions of that run, or leave --items out"


def questions_of_run(folder: Path) -> Items | None:
    """Return the questions of the run in a folder; None where there is no finished one. Raises DamagedDebates."""
    if not (folder / RUN).is_file() or not (folder / DEBATES).is_file():
        return None
    return Items(tuple({debate.item.key: debate.item for debate in read_debates(folder / DEBATES)}.values()))


def check_questions(predictions: Path, answered: Items) -> None:
    """Raise InvalidAnswers if predictions lie beside a run that was asked something else under the same keys.

    Right answers, targets and groups may have been added since.
    """
    begun = predictions.parent / RUN
    if not begun.is_file():
        return
    own = questions_of_run(predictions.parent)
    if own is not None:
        asked = {item.key: item for item in own.rows}
        for item in answered.rows:
            if item.key in asked and _words(item) != _words(asked[item.key]):
                raise InvalidAnswers(
                    f"{predictions}: under the key {item.key!r} the run was asked {_shown(asked[item.key])}, and not "
                    f"{_shown(item)}; {WAY_OUT}"
                )
        return
    try:
        known = settings_of(begun.parent)
    except InvalidOutput:
        raise InvalidAnswers(f"{predictions}: {begun} cannot be read; mend it, or move the predictions away") from None
    if known.get("questions") == len(answered) and known.get("questions_sha256") != items_digest(answered):
        raise InvalidAnswers(f"{predictions}: {begun} is of other questions; {WAY_OUT}")


def _words(item: Item) -> tuple[str, str, tuple[str, ...]]:
    return item.context, item.question, item.options


def _shown(item: Item) -> str:
    return f"{' '.join([item.context, item.question]).strip()!r} with {', '.join(item.options)}"
