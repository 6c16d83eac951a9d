"""The scripted server of the chat tests, and a small set of items with images."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenfold.mmr.items import ItemSet
from tests.tenfold.chat.conftest import serve as serve
from tests.tenfold.mmr import small_items


@pytest.fixture
def items(tmp_path: Path) -> ItemSet:
    """Items of all tasks about few images, in a folder."""
    return small_items.write(tmp_path / "items", small_items.of_all_tasks())
