"""JSON files as steps read and write them: UTF-8, one space of indentation, a newline at the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """Return the content of a JSON file. Raises FileNotFoundError and json.JSONDecodeError."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` to ``path``, letters beyond ASCII as they are.

    Raises ValueError for NaN and infinities, which are not JSON.
    """
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
