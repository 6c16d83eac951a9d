"""Measurements of the findings: what follows from the published configuration, and how the release samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import stats

from tenfold.imagefolder.config import PAPER_TOKENIZER, TokenizerConfig
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.quantizer import Quantizer
from tenfold.imagefolder.sampling import draw, filtered, joint_sample
from tenfold.metrics.measurement import Measurement
from tenfold.metrics.measurements import measured
from tenfold.nn.seeding import drawn_from

JOINT_DRAWS, FEW_CODES = 20_000, 6


def configuration_measurements() -> dict[str, Measurement]:
    """Return what follows from the published configuration alone."""
    sizes: dict[str, Any] = {"image_size": 176, "code_dim": 2, "codebook_size": 8, "sides": PAPER_TOKENIZER.sides}
    losses = []
    for reduction in ("mean", "sum"):
        config = TokenizerConfig.from_dict({**sizes, "patch_size": 16, "start_drop": 1, "commit_reduction": reduction})
        with drawn_from(0):
            quantizer = Quantizer(config).eval()
        z = torch.linspace(-1, 1, 2 * 2 * 121).view(1, 2, 2, 121)
        losses.append(float(quantizer(z).commitment_loss.detach()))
    one = TokenizerConfig.from_dict({**PAPER_TOKENIZER.to_dict(), "branches": 1, "semantic_branches": "none"})
    return {
        "published_positions": measured(float(PAPER_TOKENIZER.positions), "positions", "Σp² of the shipped schedule"),
        "commitment_ratio": measured(losses[1] / losses[0], "ratio", "commitment loss, summed over averaged"),
        "bits_ratio": measured(PAPER_TOKENIZER.bits / one.bits, "ratio", "bits of an image, P = 2 over P = 1"),
    }


def joint_measurements(model: ImageFolder) -> dict[str, Measurement]:
    """Return the p-value of a chi-square test: pairs drawn jointly against the product of both filtered marginals."""
    generator = model.generator
    first = generator.segments[0]
    zeros = generator.inputs.weight.new_zeros(1, first.stop, generator.inputs.in_features)
    with torch.inference_mode():
        classes = torch.zeros(1, dtype=torch.long, device=zeros.device)
        logits, _ = generator.next_segment(first, zeros, classes, None)
    best = logits[:, 0].topk(FEW_CODES, dim=-1).values.cpu()  # (1, 2, few): so few that every pair is drawn often
    kept = filtered(best, 0, 0.95)
    draws = torch.Generator().manual_seed(0)
    pairs = joint_sample(kept.expand(JOINT_DRAWS, -1, -1), 0, 1.0, draws)
    marginals = kept.softmax(dim=-1)[0].double()
    alone = [draw(m.expand(JOINT_DRAWS, -1), torch.rand(JOINT_DRAWS, generator=draws)) for m in marginals]
    codes = [torch.unique(torch.cat([pairs[:, b], alone[b]])) for b in range(2)]
    rows = [
        [int(((a == i) & (b == j)).sum()) for i in codes[0] for j in codes[1]]
        for a, b in (pairs.unbind(1), tuple(alone))
    ]
    counts = np.array(rows)
    counts = counts[:, counts.sum(axis=0) >= 10]
    p = 1.0 if counts.shape[1] < 2 else float(stats.chi2_contingency(counts).pvalue)
    detail = f"of {JOINT_DRAWS} pairs drawn jointly and as many drawn branch by branch"
    return {"joint_p_value": measured(p, "p-value", detail)}
