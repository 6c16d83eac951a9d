"""A store that was copied or moved with its checkout: its artifacts follow it.

MLflow keeps the absolute path of each experiment, run and model version. In a checkout under another name these
would point to the old one, and what is delivered would make its folder again.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

FOLDER = "mlartifacts"
LOCKED = 30  # seconds to wait for another program that holds SQLite


class MissingArtifacts(RuntimeError):
    """The folder in which an experiment keeps its artifacts belonged to a checkout that is not there any more."""


def database(uri: str) -> Path | None:
    """Return the file of an SQLite store, by its address; None for any other store."""
    found = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", uri)
    return Path(found.group(1)) if found else None


def follow(uri: str) -> None:
    """Point artifacts that a store kept beside itself, in an earlier place, to where it is now; hold the turn for it.

    An experiment's location is changed if it is ``…/mlartifacts/<its name or number>`` in another folder than that of
    the SQLite file. A run goes with it, and its model versions, unless its artifacts stayed where they were: those are
    read there on, and only new ones are written here.
    """
    file = database(uri)
    if file is None or not file.is_file():
        return
    here = file.resolve().parent / FOLDER
    with closing(sqlite3.connect(file, timeout=LOCKED)) as store, store:
        if not store.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone():
            return
        known = store.execute("SELECT experiment_id, name, artifact_location FROM experiments").fetchall()
        for number, name, before in known:
            place = local(before or "")
            if place is None or place.parent.name != FOLDER or place.name not in (name, str(number)):
                continue
            if place.parent.resolve() != here:
                _move(store, number, before, here / place.name)


def require_folder(paper: str, location: str) -> None:
    """Raise MissingArtifacts if artifacts would make the folder of a checkout again that is gone."""
    place = local(location)
    if place is not None and place.parent.name == FOLDER and not place.parent.parent.is_dir():
        raise MissingArtifacts(
            f"the experiment {paper} keeps its artifacts in {place}, but there is no {place.parent.parent}; bring that "
            f"folder back, or let MLFLOW_TRACKING_URI name a store of this checkout"
        )


def local(location: str) -> Path | None:
    """Return the folder that an artifact location names on this machine; None for one elsewhere."""
    parts = urlparse(location)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return Path(location) if location and not parts.scheme else None


def _move(store: sqlite3.Connection, number: int, before: str, place: Path) -> None:
    """Rewrite the places of one experiment and of what belongs to it."""
    after, old = place.as_uri(), local(before)
    store.execute("UPDATE experiments SET artifact_location = ? WHERE experiment_id = ?", (after, number))
    runs = store.execute("SELECT run_uuid, artifact_uri FROM runs WHERE experiment_id = ?", (number,)).fetchall()
    for run, uri in runs:
        rest = (uri or "").removeprefix(f"{before}/")
        stayed = old is not None and (old / run).is_dir() and not (place / run).is_dir()
        if rest == uri or not uri or stayed:
            continue
        store.execute("UPDATE runs SET artifact_uri = ? WHERE run_uuid = ?", (f"{after}/{rest}", run))
        for column in ("source", "storage_location"):
            store.execute(
                f"UPDATE model_versions SET {column} = ? || substr({column}, ?) "
                f"WHERE run_id = ? AND substr({column}, 1, ?) = ?",
                (after, len(before) + 1, run, len(before) + 1, f"{before}/"),
            )
