"""The order in which a generator predicts: segments of one scale each, of all branches at once or of one.

Folded, a segment predicts every branch of its scale from the same positions: S segments, L positions. Unfolded, a
segment predicts one branch: inside each scale the semantic branch (the last) comes first, then the others, each
conditioned on those before: S·P segments, L·P positions.

Legend:  B images · P branches · c code_dim · S scales · p side of a scale · K side of the latent map · T positions
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tenfold.imagefolder.quantizer import Quantizer


@dataclass(frozen=True)
class Segment:
    """Positions ``start`` to ``stop`` of the sequence predict ``branches`` of ``scale``.

    ``known`` says of each branch how many scales have been predicted before this segment.
    """

    scale: int
    branches: tuple[int, ...]
    start: int
    stop: int
    known: tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """The segments of one order."""

    sides: tuple[int, ...]
    branches: int
    folded: bool

    @property
    def segments(self) -> list[Segment]:
        """The segments in the order of prediction."""
        every = tuple(range(self.branches))
        orders = [every] if self.folded else [(branch,) for branch in reversed(every)]
        found: list[Segment] = []
        start, known = 0, [0] * self.branches
        for scale, side in enumerate(self.sides):
            for predicted in orders:
                found.append(Segment(scale, predicted, start, start + side * side, tuple(known)))
                start += side * side
                for branch in predicted:
                    known[branch] = scale + 1
        return found

    @property
    def length(self) -> int:
        """Positions of the sequence: L folded, P·L unfolded."""
        return self.segments[-1].stop

    def mask(self) -> Bool[Tensor, "T T"]:
        """Return the block-causal mask: a position attends to its own segment and to all before it."""
        numbers = torch.cat([torch.full((s.stop - s.start,), n) for n, s in enumerate(self.segments)])
        return numbers[:, None] >= numbers[None, :]


def segment_inputs(
    quantizer: Quantizer, sums: Float[Tensor, "S B P c K2"], segment: Segment
) -> Float[Tensor, "B p2 Pc"]:
    """Return a segment's input: what is known of every branch, averaged down to the segment's scale."""
    known = [
        sums[count - 1, :, branch] if count else torch.zeros_like(sums[0, :, branch])
        for branch, count in enumerate(segment.known)
    ]
    return quantizer.down(torch.cat(known, dim=1), segment.scale).transpose(1, 2)


@torch.no_grad()
def sequence_inputs(quantizer: Quantizer, indices: Int[Tensor, "B P L"], layout: Layout) -> Float[Tensor, "B T Pc"]:
    """Return the inputs of all segments for given tokens (teacher forcing); the first segment's are zero."""
    sums = quantizer.running_sums(indices)
    return torch.cat([segment_inputs(quantizer, sums, segment) for segment in layout.segments], dim=1)
