"""What is named by its id on the hub."""

from __future__ import annotations

from steps.step.params import Params


class HubRepository(Params):
    """A model or a data set, by its id on the hub or as a folder, and the revision that is read."""

    id: str
    revision: str
