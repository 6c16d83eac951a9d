"""Docstrings for the site: an asterisk that is mathematics, as in Q*, begins no emphasis."""

from __future__ import annotations

import re
from typing import Any

import griffe

MARKUP = r"``.+?``|`.+?`|\*\*|(?<![\w*])\*[^*\s](?:[^*\n]*[^*\s])?\*(?![\w*])"  # code, strong and emphasised words
ASTERISK = re.compile(rf"({MARKUP})|\*", re.DOTALL)


class Mathematics(griffe.Extension):
    """Escapes asterisks that are no markup."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one object."""
        if obj.docstring:
            obj.docstring.value = ASTERISK.sub(lambda found: found[1] or r"\*", obj.docstring.value)
