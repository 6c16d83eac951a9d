"""The comparator that folding is measured against: the same tokens, twice the positions."""

from __future__ import annotations

from tenfold.imagefolder.generator import NextScaleGenerator


class UnfoldedGenerator(NextScaleGenerator):
    """Next-scale generator that predicts one branch at a time: the semantic map of a scale, then the others."""

    folded = False
