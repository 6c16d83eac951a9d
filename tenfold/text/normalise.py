"""Texts brought to one form before they are compared: case, width, apostrophes, white space, outer punctuation."""

from __future__ import annotations

import re
import unicodedata

APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "`": "'", "“": '"', "”": '"'})
_SPACE = re.compile(r"\s+")
_OUTSIDE = re.compile(r"^[\W_]+|[\W_]+$")


def normalised(text: str) -> str:
    """Return a text in lower case and NFKC form, apostrophes straight, runs of white space as one space.

    What is neither letter nor digit is taken off both ends.
    """
    text = unicodedata.normalize("NFKC", text).translate(APOSTROPHES).casefold()
    return _OUTSIDE.sub("", _SPACE.sub(" ", text))
