"""Taking turns at MLflow's store, where its writers would else both find something missing and both make it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import Connection

NUMBER = 10_000_000_010  # of the advisory lock: any number that nobody else takes


@contextmanager
def turn(uri: str) -> Iterator[None]:
    """Run the block while no other writer of the store at ``uri`` runs one.

    An SQLite file has a lock file beside it, PostgreSQL an advisory lock; either ends with its process. Other
    databases and servers have no turns: there two first writers at once may open two groups for one commit.
    """
    from sqlalchemy.engine import make_url

    kind = uri.split(":")[0].split("+")[0]
    if kind == "sqlite" and (database := make_url(uri).database):
        with open(f"{database}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    elif kind == "postgresql":
        with closing(_connection(uri)):
            yield
    else:
        yield


def _connection(uri: str) -> Connection:
    """Return a connection that holds the advisory lock for as long as it is open."""
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    connection = create_engine(uri, poolclass=NullPool).connect()
    connection.execute(text(f"SELECT pg_advisory_lock({NUMBER})"))
    return connection
