"""T2's error, measured: attention by (Z, k) against attention with the prefix whose sums (Z, k) are.

Target = the prefix and the input's own keys; model = the input's own keys and (Z, k) alone.

Legend:  T tokens · d head size · m prefix length
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float

from tenfold.ntk_attention.attention import eager, error_bound, memory_from_prefix, prefix_attention, read_memory
from tenfold.ntk_attention.features import feature_map

Vectors = Float[torch.Tensor, "1 1 T d"]


@dataclass(frozen=True)
class ErrorRow:
    """Errors in ‖·‖_∞; ``without`` is the error of leaving the prefix out, ``largest`` the target's largest entry."""

    phi: str
    kind: str
    scale: float
    m: int
    seed: int
    error: float
    without: float
    both: float
    """the error where the model sees the prefix as ordinary keys too, as the released script has it"""
    largest: float
    eta: float
    bound: float
    """2η/(1 − η)·max‖value‖ on ``difference``; infinite for η ≥ 1"""
    difference: float
    """the largest ‖·‖₂ of a row's error"""
    clamped: int

    def record(self) -> dict[str, Any]:
        return asdict(self)


def draw_prefix(
    kind: str, m: int, d: int, scale: float, generator: torch.Generator
) -> tuple[Float[torch.Tensor, "1 1 m d"], Float[torch.Tensor, "1 1 m d"]]:
    """Return the keys and values of a prefix: independent ("random"), or few directions repeated ("structured").

    Structured keys have small noise and their values follow them: averaging over a long prefix does not help there.
    """
    if kind == "random":
        key, value = (torch.randn(1, 1, m, d, generator=generator, dtype=torch.float64) for _ in range(2))
        return scale * key, value
    centres = torch.randn(4, d, generator=generator, dtype=torch.float64)
    answers = torch.randn(4, d, generator=generator, dtype=torch.float64)
    which = torch.randint(0, 4, (m,), generator=generator)
    noise = 0.1 * torch.randn(m, d, generator=generator, dtype=torch.float64)
    return scale * (centres[which] + noise)[None, None], answers[which][None, None]


@torch.no_grad()
def memory_share(
    prefix: tuple[torch.Tensor, torch.Tensor], phi_name: str, scale: float, seed: int, *, tokens: int
) -> float:
    """Return the share of all attention that goes to the memory, φᵀk/(Σ_j e^{s_j} + φᵀk), mean over 16 queries.

    The input has ``tokens`` keys of entries with standard deviation ``scale``: the longer the input, the smaller the
    share.
    """
    d = prefix[0].shape[-1]
    generator = torch.Generator().manual_seed(seed)
    query, key = (scale * torch.randn(size, d, generator=generator, dtype=torch.float64) for size in (16, tokens))
    phi = feature_map(phi_name, d, seed=seed).double()
    _, k = memory_from_prefix(prefix[0][0], prefix[1][0], phi)
    memory = phi(query) @ k[0]
    others = (query @ key.T * d**-0.5).exp().sum(dim=-1)
    return float((memory / (others + memory)).mean())


def measure_error(
    phi_name: str, kind: str, prefix: tuple[torch.Tensor, torch.Tensor], scale: float, seed: int, *, tokens: int = 16
) -> ErrorRow:
    """Return one row of the study: T random queries of entries with standard deviation ``scale``."""
    prefix_key, prefix_value = prefix
    d, m = prefix_key.shape[-1], prefix_key.shape[-2]
    generator = torch.Generator().manual_seed(seed)
    query, key, value = (torch.randn(1, 1, tokens, d, generator=generator, dtype=torch.float64) for _ in range(3))
    query, key = scale * query, scale * key
    phi = feature_map(phi_name, d, size=4 * d if phi_name == "favor" else None, seed=seed).double()
    with torch.no_grad():
        Z, k = memory_from_prefix(prefix_key[0], prefix_value[0], phi)
        numerator, denominator = read_memory(phi(query), Z, k)
        negative = denominator < 0
        found = eager(query, key, value, (numerator, denominator.clamp(min=0)), None, d**-0.5)
        exact = prefix_attention(query, key, value, prefix_key, prefix_value, None, d**-0.5)
        keys, values = torch.cat([prefix_key, key], dim=-2), torch.cat([prefix_value, value], dim=-2)
        twice = eager(query, keys, values, (numerator, denominator.clamp(min=0)), None, d**-0.5)
        plain = prefix_attention(query, key, value, prefix_key[..., :0, :], prefix_value[..., :0, :], None, d**-0.5)
        eta, bound = error_bound(query, prefix_key, prefix_value, value, phi, d**-0.5)
    off = {
        name: float((made - exact).abs().max())
        for name, made in (("error", found), ("without", plain), ("both", twice))
    }
    difference = float((found - exact).norm(dim=-1).max())
    return ErrorRow(
        phi_name,
        kind,
        scale,
        m,
        seed,
        **off,
        largest=float(exact.abs().max()),
        eta=eta,
        bound=bound,
        difference=difference,
        clamped=int(negative.sum()),
    )
