"""Kind: a sum over nothing that is divided by. Padding of any length on either side changes no text and gives no NaN.

Joins: every package that averages or attends under a mask. Its entry points take a batch with padding, and one with a
text of padding alone.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
from transformers import BertConfig

from tenfold.ntk_attention.attention import BACKENDS
from tenfold.ntk_attention.backbones import MeanPooledClassifier
from tenfold.ntk_attention.config import NTKAttentionConfig, PrefixConfig
from tenfold.ntk_attention.model import adapter_modules, inject
from tests.tenfold.ntk_attention.models import tiny

MAPS = ("elu1", "taylor1", "taylor2", "favor", "hedgehog")
NORMALISERS = ("zero", "softplus", "abs")
ON_ONE_BACKBONE = [("gpt2", phi, k_param) for phi, k_param in product(MAPS, NORMALISERS)]
ON_EVERY_BACKBONE = [(kind, "elu1", "zero") for kind in ("bert", "llama", "mistral", "qwen2")]


def filled(model: Any) -> Any:
    """Give the adapters sums that matter, of either sign."""
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for module in adapter_modules(model):
            for parameter in module.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return model


def padded(side: str) -> tuple[torch.Tensor, torch.Tensor]:
    text, other = [5, 6], [5, 6, 7, 8]
    ids = torch.tensor([[0, 0, *text] if side == "left" else [*text, 0, 0], other])
    return ids, (ids != 0).long()


@pytest.mark.filterwarnings("ignore:flex_attention called without")
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize(("kind", "phi", "k_param"), ON_ONE_BACKBONE + ON_EVERY_BACKBONE)
def test_padding_changes_no_text_in_any_backend(kind: str, phi: Any, k_param: Any, side: str) -> None:
    backbone = tiny(kind)
    ids, mask = padded(side)
    places = {} if kind == "bert" else {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    shown = slice(2, None) if side == "left" else slice(0, 2)
    model = filled(inject(backbone, NTKAttentionConfig(phi=phi, k_param=k_param)))
    for backend in BACKENDS:
        for module in adapter_modules(model):
            module.config = NTKAttentionConfig(phi=phi, k_param=k_param, backend=backend)  # type: ignore[arg-type]
        with torch.no_grad():
            found = model(input_ids=ids, attention_mask=mask, **places).logits
            alone = model(input_ids=ids[:1, shown], attention_mask=mask[:1, shown]).logits
            nothing = model(input_ids=ids, attention_mask=mask * torch.tensor([[0], [1]]), **places).logits
        assert torch.isfinite(found).all() and torch.isfinite(nothing).all(), backend
        torch.testing.assert_close(nothing[1], found[1], rtol=0, atol=1e-5)
        if kind != "bert" or side == "right":  # one answer per text, which counts positions from the left
            part = found[:1] if kind == "bert" else found[:1, shown]
            torch.testing.assert_close(part, alone, rtol=0, atol=1e-5)
    if kind != "bert" and side == "left":
        options = {"max_new_tokens": 3, "do_sample": False, "pad_token_id": 0}
        together = model.generate(input_ids=ids, attention_mask=mask, **options)
        alone = model.generate(input_ids=ids[:1, 2:], attention_mask=mask[:1, 2:], **options)
        assert together[0, 2 : 2 + alone.shape[1]].tolist() == alone[0].tolist()


@pytest.mark.parametrize("length", [0, 3])
def test_a_prefix_answers_rows_without_keys(length: int) -> None:
    model = filled(inject(tiny("gpt2"), PrefixConfig(length=length)))
    ids, mask = padded("left")
    with torch.no_grad():
        found = model(input_ids=ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp(min=0)).logits
        alone = model(input_ids=ids[:1, 2:]).logits
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found[:1, 2:], alone, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore:flex_attention called without")
@pytest.mark.parametrize("denominator", [0.0, -0.5, 1e-44, 1e-25])
@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_a_row_without_keys_and_without_a_denominator_is_0(backend: str, denominator: float) -> None:
    q, k, v = (torch.randn(1, 1, 2, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(3))
    memory = torch.full((1, 1, 2, 8), 0.5), torch.full((1, 1, 2, 1), denominator)
    mask = torch.tensor([[False, False], [True, True]])[None, None]
    for gradients in (False, True) if backend != "flex" else (False,):
        leaf = q.clone().requires_grad_(gradients)
        with torch.set_grad_enabled(gradients):
            out = BACKENDS[backend](leaf, k, v, memory, mask, 8**-0.5)
        assert (out[0, 0, 0] == 0).all() and torch.isfinite(out).all()
        if gradients:
            assert torch.isfinite(torch.autograd.grad(out.sum(), leaf)[0]).all()


@torch.no_grad()
def test_a_text_of_padding_alone_is_classified_as_nothing() -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    model = MeanPooledClassifier(BertConfig(**sizes, vocab_size=9, max_position_embeddings=4, num_labels=2)).eval()
    ids = torch.tensor([[[1, 2, 3]], [[0, 0, 0]]])
    found = model(ids, (ids != 0).long())
    torch.testing.assert_close(found[1], model.classifier.bias)
    torch.testing.assert_close(found[:1], model(ids[:1], torch.ones_like(ids[:1])))
    assert torch.equal(model(ids[1:], 0 * ids[1:])[0], model.classifier.bias)
