"""Models as they are read: texts of unequal lengths in one batch."""

from __future__ import annotations

import torch
from transformers import BertConfig

from tenfold.ntk_attention.backbones import MeanPooledClassifier, without_common_padding


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    lengths = torch.tensor([5, 2, 3])
    mask = (torch.arange(9) < lengths[:, None]).long()[:, None]  # (3, 1, 9)
    return torch.randint(1, 30, (3, 1, 9), generator=torch.Generator().manual_seed(0)) * mask, mask


def test_what_is_padding_in_every_text_is_left_out_and_changes_nothing() -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_labels=3,
        intermediate_size=32,
        max_position_embeddings=9,
    )
    model = MeanPooledClassifier(config).eval()
    ids, mask = texts()
    seen: list[torch.Size] = []
    hook = model.bert.embeddings.register_forward_pre_hook
    hook(lambda *call: seen.append(call[2]["input_ids"].shape), with_kwargs=True)
    together = model(ids, mask)
    assert seen == [(3, 5)]
    for row in range(3):
        torch.testing.assert_close(model(ids[row : row + 1], mask[row : row + 1]), together[row : row + 1])
    left = torch.flip(ids, (-1,))[:, 0], torch.flip(mask, (-1,))[:, 0]
    assert [part.shape for part in without_common_padding(*left)] == [(3, 9)] * 2  # padding on the left stays
