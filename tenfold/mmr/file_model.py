"""Predictions that somebody else made, as a model: a file of JSON lines with ``key`` and ``reply``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tenfold.mmr.errors import InvalidPredictions
from tenfold.mmr.items import Item, ItemSet, read_items
from tenfold.mmr.predictions import Prediction, read_predictions
from tenfold.mmr.queries import Query

NO_REPLIES = ("Failed to obtain answer via API.",)  # what another harness writes in the place of a reply


class FileModel:
    """The replies of a file, called ``name`` or as the file is; an item that the file does not hold has failed.

    A reply that is another harness's word for none has failed, too.
    Raises InvalidPredictions as ``read_predictions`` does, and for a key that comes twice.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path, self.name = path, name or path.stem
        self._found: dict[str, Prediction] = {}
        for one in read_predictions(path):
            if one.key in self._found:
                raise InvalidPredictions(f"{path}: {one.key!r} is answered twice; give one reply per item")
            reply = (one.reply or "").strip()
            self._found[one.key] = Prediction(one.key, None, "failed", reply) if reply in NO_REPLIES else one
        self._sha256 = hashlib.sha256(path.read_bytes()).hexdigest()

    def check(self, items: ItemSet) -> None:
        """Check that every reply is to one of the items, and that the run beside the file, if any, was asked the same.

        Raises InvalidPredictions for a key that no item has, or an item that is another one in that run.
        """
        from tenfold.mmr.run_folder import ITEMS, RUN

        asked = {item.key for item in items.rows}
        strange = [key for key in self._found if key not in asked]
        if strange:
            raise InvalidPredictions(
                f"{self.path}: no item of {items.name} has the key {strange[0]!r}, one of {len(strange)} such keys of "
                f"{len(self._found)}; keys are like {items.rows[0].key!r}, and --limit and --per-task leave items out"
            )
        folder = self.path.parent
        if not (folder / RUN).is_file() or not (folder / ITEMS).is_file():
            return
        known = {item.key: item for item in read_items(folder).rows}
        other = [item.key for item in items.rows if item.key in known and _asked(item) != _asked(known[item.key])]
        if other:
            raise InvalidPredictions(
                f"{self.path} is of a run that was asked otherwise under {len(other)} keys, such as {other[0]!r}; name "
                f"the items of that run, shown in the same way"
            )

    def identity(self) -> dict[str, Any]:
        """Return the kind and the sha256 of the file."""
        return {"kind": "file", "sha256": self._sha256}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return the file's prediction for each query, in order."""
        return [
            self._found.get(query.key, Prediction(query.key, None, "failed", "not in the file")) for query in queries
        ]


def _asked(item: Item) -> tuple[object, ...]:
    """Return all of an item that a reply may be right or wrong by."""
    return item.image, item.task, item.question, item.answer, item.also
