"""Semantic regularisation: a branch's mean token is pulled towards a frozen teacher's feature of the same image.

Legend:  N images that take part · c code_dim
"""

from __future__ import annotations

import torch
import torch.distributed as distributed
import torch.nn.functional as functional
from jaxtyping import Float
from torch import Tensor

from tenfold.imagefolder.errors import ProjectionCollapsed

SMALLEST_SPREAD = 1e-8


def gathered(features: Float[Tensor, "N c"]) -> Float[Tensor, "M c"]:
    """Return the features of all processes, with gradients: the contrast is over the global batch.

    Processes may have different N, because each draws which samples drop scales.
    """
    if not (distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1):
        return features
    from torch.distributed.nn.functional import all_gather

    own = torch.tensor([len(features)], device=features.device)
    counts = [torch.zeros_like(own) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, own)
    longest = max(int(count) for count in counts)
    padded = torch.cat([features, features.new_zeros(longest - len(features), features.shape[1])])
    return torch.cat([part[: int(count)] for part, count in zip(all_gather(padded), counts, strict=True)])


def info_nce(student: Float[Tensor, "N c"], teacher: Float[Tensor, "N c"], *, scale: float = 1.0) -> Tensor:
    """Return the symmetric contrastive loss in nats; scale 1 and no normalisation, as in the paper's configuration.

    Raises ProjectionCollapsed if all teacher features are alike: the trainable projection has lost them.
    """
    if len(teacher) > 1 and float(teacher.detach().std(dim=0).max()) < SMALLEST_SPREAD:
        raise ProjectionCollapsed(
            "the projection maps all teacher features to one point; lower semantic_weight or the learning rate"
        )
    logits = scale * student @ teacher.T  # (N, N)
    own = torch.arange(len(logits), device=logits.device)
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2
