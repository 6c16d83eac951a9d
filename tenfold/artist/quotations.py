"""The words that a prompt puts between quotation marks: by the official rule, and by one that knows apostrophes."""

from __future__ import annotations

import re

from tenfold.text.normalise import APOSTROPHES

OFFICIAL = re.compile(r"'(.*?)'")
_PAIRS = (('"', '"'), ("“", "”"), ("„", "“"), ("«", "»"))
_DOUBLE = "|".join(f"{re.escape(left)}([^{re.escape(left + right)}]*){re.escape(right)}" for left, right in _PAIRS)
# a single mark opens after no letter or digit and closes before none; those inside words are apostrophes
_SINGLE = r"(?<!\w)'(?=\S)((?:[^']|(?<=\w)'(?=\w))*)'(?!\w)"
_CURLY = r"(?<!\w)‘(?=\S)((?:[^‘’]|(?<=\w)’(?=\w))*)’(?!\w)"
_QUOTED = re.compile("|".join((_DOUBLE, _CURLY, _SINGLE)))
_OUTSIDE = re.compile(r"^[\s.,;:]+|[\s.,;:]+$")


def official_targets(prompt: str) -> list[str]:
    """Return the targets of MARIO-Eval's script (Chen et al. 2023, TextDiffuser) for a prompt.

    The spans between single straight quotes of the prompt in lower case, the shortest first, split at white space. An
    apostrophe counts as a quote: "'don't stop'" gives ["don"]. Double and curly quotes count for nothing.
    """
    return [word for span in OFFICIAL.findall(prompt.strip().lower()) for word in span.split()]


def quoted_words(prompt: str) -> list[str]:
    """Return the words between single, double or curly quotes, in order, in lower case, apostrophes straight.

    An apostrophe inside a word quotes nothing: "'don't stop'" gives ["don't", "stop"]. Stops and commas at the ends
    of a span are left out.
    """
    spans = ("".join(part or "" for part in match.groups()) for match in _QUOTED.finditer(prompt))
    return [word for span in spans for word in _OUTSIDE.sub("", span).translate(APOSTROPHES).lower().split()]


def without_quotes(prompt: str) -> str:
    """Return a prompt with the quotation marks around quoted spans taken off, and all else as it is."""
    return _QUOTED.sub(lambda match: "".join(part or "" for part in match.groups()), prompt)
