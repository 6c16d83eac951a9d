"""How the codebooks are used: for each scale and branch, the share of codes and the perplexity.

Legend:  N images · P branches · L positions · S scales · V codes
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tenfold.imagefolder.errors import CodebookCollapsed
from tenfold.imagefolder.scales import slices


def code_counts(indices: Int[Tensor, "N P L"], sides: tuple[int, ...], codebook_size: int) -> Float[Tensor, "S P V"]:
    """Return how often each code occurs, by scale and branch."""
    P = indices.shape[1]
    offset = codebook_size * torch.arange(P, device=indices.device)[:, None]
    rows = [
        torch.bincount((indices[:, :, part] + offset).flatten(), minlength=P * codebook_size) for part in slices(sides)
    ]
    return torch.stack(rows).view(len(sides), P, codebook_size).float()


def usage(counts: Float[Tensor, "S P V"]) -> Float[Tensor, "S P"]:
    """Return the codes that occur as a share of those that could: a scale of n tokens can use at most n codes."""
    drawn = counts.sum(dim=-1)
    return (counts > 0).sum(dim=-1) / drawn.clamp(min=1, max=counts.shape[-1])


def perplexity(counts: Float[Tensor, "S P V"]) -> Float[Tensor, "S P"]:
    """Return e to the entropy of the codes in nats: between 1 (one code) and V."""
    shares = counts / counts.sum(dim=-1, keepdim=True).clamp(min=1)
    return torch.special.entr(shares).sum(dim=-1).exp()


def check_collapse(counts: Float[Tensor, "S P V"], *, smallest: float = 1.5) -> None:
    """Raise CodebookCollapsed if a branch, over all scales together, has a perplexity below ``smallest``.

    One scale alone is no alarm: a coarse scale may rightly have little to say.
    """
    merged = perplexity(counts.sum(dim=0, keepdim=True))[0]
    worst = int(merged.argmin())
    if float(merged[worst]) < smallest:
        raise CodebookCollapsed(
            f"branch {worst} of {len(merged)} uses practically one code (perplexity {float(merged[worst]):.2f} over "
            f"all scales); lower the learning rate, or raise commitment_weight"
        )
