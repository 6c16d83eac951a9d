"""Cross-attention as a torch module that answers from a private memory.

Shapes and argument names are those of diffusers' ``Attention``; the memory is given once, by ``fit``, which releases
one sketch per head. Afterwards ``forward`` touches no private row.

Legend: B batch, T query tokens, n memory rows, H heads, e head width, r features, c = e + 1.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import torch
from torch import nn

from tenfold.dp_cross_attention import answer as answering
from tenfold.dp_cross_attention.calibration import Setting, unit_noise
from tenfold.dp_cross_attention.calibration import setting as checked_setting
from tenfold.dp_cross_attention.errors import InvalidMemory, InvalidSetting, UnledgeredSketch
from tenfold.dp_cross_attention.features import FeatureMap
from tenfold.dp_cross_attention.ledger import Ledger, Release, digest_of
from tenfold.dp_cross_attention.sketch import released
from tenfold.dp_cross_attention.torch_attention import attend, clipped, sums_torch
from tenfold.dp_cross_attention.validation import OnViolation
from tenfold.privacy.account import kept_in
from tenfold.privacy.noise import NoiseSource
from tenfold.privacy.statement import PrivacyStatement


class PrivateCrossAttention(nn.Module):
    """Multi-head cross-attention over n private rows, released once and then asked without limit.

    ``query_dim``, ``cross_attention_dim``, ``heads``, ``dim_head``, ``dropout``, ``bias`` as in diffusers. Logits are
    <q, k>/√dim_head: with the same weights, the same function up to noise, truncation and clipping.
    The projections ``to_k``, ``to_v`` must not have been trained on the rows they are given.
    """

    def __init__(
        self,
        query_dim: int,
        cross_attention_dim: int | None = None,
        heads: int = 8,
        dim_head: int = 64,
        dropout: float = 0.0,
        bias: bool = False,
        out_bias: bool = True,
        on_violation: OnViolation = "error",
    ) -> None:
        super().__init__()
        self.on_violation = on_violation
        inner, cross = heads * dim_head, cross_attention_dim or query_dim
        self.heads, self.dim_head = heads, dim_head
        self.to_q = nn.Linear(query_dim, inner, bias=bias)
        self.to_k = nn.Linear(cross, inner, bias=bias)
        self.to_v = nn.Linear(cross, inner, bias=bias)
        self.to_out = nn.ModuleList([nn.Linear(inner, query_dim, bias=out_bias), nn.Dropout(dropout)])
        self.register_buffer("sketch", torch.empty(0, dtype=torch.float64))  # (H, r, c) once fitted
        self.sketch: torch.Tensor
        self.ledger: Ledger | None = None
        self._verified: tuple[int, int] | None = None

    @torch.no_grad()
    def fit(
        self,
        encoder_hidden_states: torch.Tensor,
        *,
        epsilon: float,
        delta: float,
        radius: float,
        value_radius: float,
        budget_epsilon: float | None = None,
        insecure_seed: int | None = None,
        **public: Any,
    ) -> PrivacyStatement:
        """Release the memory encoder_hidden_states (n, cross_attention_dim) at (ε, δ) for all heads together.

        ``radius`` bounds each head's keys and queries, ``value_radius`` each head's values; both are public. Longer
        vectors are an error, or are shortened by a module made with ``on_violation="clip"``, here and in ``forward``.
        A second call is a second release, charged with those of all copies of the module to one account;
        ``budget_epsilon``, said at the first, refuses what would exceed it. Another process that loads the state dict
        has an account of its own from then on.
        Raises as ``PrivateMemory.fit``; AccountElsewhere in a copy that was sent to another process.
        """
        mu = 1 / unit_noise(epsilon, delta)
        return self.fit_mu(
            encoder_hidden_states,
            mu=mu,
            delta=delta,
            radius=radius,
            value_radius=value_radius,
            budget_epsilon=budget_epsilon,
            insecure_seed=insecure_seed,
            **public,
        )

    @torch.no_grad()
    def fit_mu(
        self,
        encoder_hidden_states: torch.Tensor,
        *,
        mu: float,
        delta: float,
        radius: float,
        value_radius: float,
        budget_epsilon: float | None = None,
        insecure_seed: int | None = None,
        **public: Any,
    ) -> PrivacyStatement:
        """Release as ``fit``, for a budget in Gaussian DP, as one part of several that compose."""
        rows = _rows(encoder_hidden_states)
        known = checked_setting(
            rows=len(rows),
            dimension=self.dim_head,
            value_dimension=self.dim_head,
            radius=radius,
            value_radius=value_radius,
            temperature="sqrt_d",
            **public,
        )
        if known.released != "joint" or known.rows is None:
            raise InvalidSetting("attention needs its denominator and a public n: released='joint', 'replace_one'")
        ledger = self.ledger or Ledger(delta, (), budget_epsilon)
        if budget_epsilon not in (None, ledger.budget_epsilon):
            raise InvalidSetting(
                f"this module's account has budget_epsilon = {ledger.budget_epsilon}, not {budget_epsilon:g}"
            )
        if ledger.delta != delta:
            raise InvalidSetting(f"this module's ledger is kept at δ = {ledger.delta:g}, not {delta:g}: one δ for all")
        ledger.allow(mu)
        keys, values = (self._by_head(layer(rows)[None])[:, 0] for layer in (self.to_k, self.to_v))  # (H, n, e)
        sums = np.stack(
            [sums_torch(k, v, known, self.on_violation) for k, v in zip(keys, values, strict=True)]
        )  # (H, r, c)
        sensitivity = known.sensitivity() * math.sqrt(self.heads)  # one row is in every head's sketch
        source = NoiseSource(insecure_seed, lambda: ledger.charge(mu, known))
        noisy = released(sums, sensitivity / mu, source)
        release = Release(
            setting=known,
            sensitivity=sensitivity,
            noise_sd=sensitivity / mu,
            mu=mu,
            digest=digest_of(noisy),
            sketches=self.heads,
            insecure_seed=insecure_seed is not None,
        )
        self.ledger = ledger.with_release(release)
        self.sketch = torch.as_tensor(noisy, device=self.to_q.weight.device)
        self._verified = None
        return self.ledger.statement()

    @property
    def privacy(self) -> PrivacyStatement:
        """The guarantee of everything this module released."""
        return self._ledger().statement()

    def forward(
        self,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        **cross_attention_kwargs: Any,
    ) -> torch.Tensor:
        """Attend from hidden_states (B, T, query_dim), or (B, C, h, w), to the fitted memory.

        ``encoder_hidden_states`` is None or all zeros, which stands for "the memory": anything else would be new
        rows without a budget.
        Raises UnledgeredSketch for those, before ``fit``, or if the sketch is not the ledger's.
        """
        if encoder_hidden_states is not None and bool((encoder_hidden_states != 0).any()):
            raise UnledgeredSketch(
                "encoder_hidden_states holds rows that were never released: fit them first, then pass None (or zeros "
                "where a model insists on a tensor)"
            )
        if attention_mask is not None and not bool((attention_mask == 0).all() or (attention_mask == 1).all()):
            raise InvalidMemory("the memory is one sum: rows of it cannot be masked out; give no attention_mask")
        known, features, weights = self._prepared()
        shape = hidden_states.shape
        tokens = hidden_states.flatten(2).transpose(1, 2) if hidden_states.ndim == 4 else hidden_states  # (B, T, C)
        queries = self._by_head(self.to_q(tokens)).flatten(1, 2)  # (H, B·T, e)
        queries = clipped(queries, known.radius, "queries", self.on_violation)
        assert known.rows is not None
        allowed = answering.denominator_range(features, known, known.rows)
        attended, _ = attend(features, weights, queries, known, allowed)
        joined = attended.unflatten(1, tokens.shape[:2]).permute(1, 2, 0, 3).flatten(2).to(hidden_states.dtype)
        out = self.to_out[1](self.to_out[0](joined))  # (B, T, C)
        return out.transpose(1, 2).reshape(shape) if hidden_states.ndim == 4 else out

    def _by_head(self, projected: torch.Tensor) -> torch.Tensor:
        return projected.unflatten(-1, (self.heads, self.dim_head)).permute(2, 0, 1, 3)  # (H, B, T, e)

    def _ledger(self) -> Ledger:
        if self.ledger is None:
            raise UnledgeredSketch("this module has released nothing yet: call fit(encoder_hidden_states, …) first")
        return self.ledger

    def _prepared(self) -> tuple[Setting, FeatureMap, torch.Tensor]:
        """Return setting, features and scaled sketch, after checking the sketch against the ledger if it changed."""
        ledger = self._ledger()
        state = (self.sketch.data_ptr(), self.sketch._version)
        if self._verified != state:
            ledger.require(self.sketch.detach().cpu().numpy())
            release = ledger.releases[-1]
            release.require_calibrated()
            self._features = release.setting.feature_map()
            scale = torch.tensor(self._features.scale, device=self.sketch.device)
            self._weights = scale[:, None] * self.sketch
            self._verified = state
        return ledger.releases[-1].setting, self._features, self._weights

    def _apply(self, fn: Any, recurse: bool = True) -> PrivateCrossAttention:
        """Move as any module, but keep the sketch in float64: rounded, it would not be what was released."""
        sketch = self.sketch
        super()._apply(fn, recurse)
        self.sketch = sketch.to(self.to_q.weight.device)
        self._verified = None
        return self

    def get_extra_state(self) -> torch.Tensor:
        """Return the ledger as JSON in a uint8 tensor, which travels in the state dict, safetensors included."""
        text = json.dumps(None if self.ledger is None else self.ledger.as_dict())
        return torch.tensor(list(text.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: torch.Tensor) -> None:
        """Read what ``get_extra_state`` wrote. Raises NoAccount for a state dict of an earlier version."""
        content = json.loads(bytes(state.tolist()))
        if content is not None:
            kept_in(content, "the state dict")
        self.ledger = None if content is None else Ledger.from_dict(content)
        self._verified = None

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        if f"{prefix}sketch" in state_dict:
            self.sketch = torch.empty_like(state_dict[f"{prefix}sketch"], device=self.to_q.weight.device)
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self._verified = None


def _rows(encoder_hidden_states: torch.Tensor) -> torch.Tensor:
    """Return (n, C) from (n, C) or (1, n, C)."""
    rows = encoder_hidden_states
    if rows.ndim == 3 and rows.shape[0] == 1:
        rows = rows[0]
    if rows.ndim != 2 or rows.shape[0] == 0:
        raise InvalidMemory(
            f"encoder_hidden_states must be one memory, (n, C) or (1, n, C) with n ≥ 1, not {tuple(rows.shape)}"
        )
    return rows
