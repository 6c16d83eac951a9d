"""The frozen models that are adapted: a small ViT, a sentence encoder with a classifier, a small Llama; or the hub's.

Legend:  B batch · C choices per item · T tokens · D width
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    BertConfig,
    BertModel,
    BertPreTrainedModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    ViTConfig,
    ViTForImageClassification,
)

from tenfold.arguments import unmasked

CHARACTERS = 128
LORA_TARGETS = {
    "vit": ("q_proj", "v_proj"),
    "bert": ("query", "value"),
    "llama": ("q_proj", "v_proj"),
    "qwen2": ("q_proj", "v_proj"),
}


def small_vit(*, size: int, patch: int, channels: int, width: int, layers: int, heads: int, classes: int) -> Any:
    """Return an untrained ViT without dropout."""
    config = ViTConfig(  # type: ignore[call-arg]
        image_size=size,
        patch_size=patch,
        num_channels=channels,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=2 * width,
        num_labels=classes,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return ViTForImageClassification(config)


def small_llama(*, context: int, width: int, layers: int, heads: int) -> Any:
    """Return an untrained language model of characters: rotary positions, two heads of queries per head of keys."""
    config = LlamaConfig(
        vocab_size=CHARACTERS,
        max_position_embeddings=context,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=max(heads // 2, 1),
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    return LlamaForCausalLM(config)


class MeanPooledClassifier(BertPreTrainedModel):
    """A BERT encoder, the mean over a text's tokens, and a linear classifier: how MiniLM was trained to be read."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = nn.Linear(config.hidden_size, int(config.num_labels or 2))
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for ids (B, 1, T); (B, C) for C choices, where the classifier has one output."""
        batch, choices, length = input_ids.shape
        ids, flat = without_common_padding(input_ids.reshape(-1, length), attention_mask.reshape(-1, length))
        hidden = self.bert(input_ids=ids, attention_mask=flat).last_hidden_state
        weight = flat[..., None].to(hidden.dtype)  # (B·C, T, 1)
        mean = (hidden * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1)  # 0 of a text without a token
        logits = self.classifier(mean)  # (B·C, classes or 1)
        return logits if choices == 1 else logits.reshape(batch, choices)


def without_common_padding(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids and mask (B, T) without the last places that are padding in every row; one place stays."""
    longest = 1 + max((place for place, shown in enumerate(mask.any(dim=0).tolist()) if shown), default=0)
    return ids[:, :longest], mask[:, :longest]


def encoder_with_classifier(folder: Path, outputs: int, seed: int) -> MeanPooledClassifier:
    """Return the encoder in ``folder`` with a new classifier; nothing is fetched."""
    torch.manual_seed(seed)
    return MeanPooledClassifier.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        num_labels=outputs,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def vit_from_hub(name: str, revision: str | None, classes: int) -> Any:
    """Return a published ViT, by its hub id or from a folder, with a new classifier of ``classes``."""
    return AutoModelForImageClassification.from_pretrained(
        name,
        revision=revision,
        num_labels=classes,
        ignore_mismatched_sizes=True,
        use_safetensors=True,
        dtype=torch.float32,
    )


def decoder_from_hub(name: str, revision: str | None) -> Any:
    """Return a published causal language model, by its hub id or from a folder."""
    return AutoModelForCausalLM.from_pretrained(name, revision=revision, use_safetensors=True, dtype=torch.float32)


def decoder_classifier_from_hub(name: str, revision: str | None, outputs: int, pad_token_id: int, seed: int) -> Any:
    """Return a published decoder with a new classifier, ``score``, of the hidden state at a text's last token."""
    torch.manual_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(
        name,
        revision=revision,
        num_labels=outputs,
        pad_token_id=pad_token_id,
        use_safetensors=True,
        dtype=torch.float32,
    )
    torch.manual_seed(seed)
    model.score.reset_parameters()
    return model


def decoder_logits(model: Any, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
    """Return a decoder's logits in the shapes of ``MeanPooledClassifier``, for texts padded on the right."""
    batch, choices, length = input_ids.shape
    ids, mask = without_common_padding(input_ids.reshape(-1, length), attention_mask.reshape(-1, length))
    logits = model(input_ids=ids, attention_mask=mask).logits.float()  # (B·C, classes or 1)
    return logits if choices == 1 else logits.reshape(batch, choices)


class Backbone:
    """A transformers model as a folder that the model registry keeps: config.json and model.safetensors."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model

    def save(self, folder: Path) -> None:
        """Write the model into ``folder``."""
        self.model.save_pretrained(folder)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the model that ``save`` wrote, in evaluation mode."""
        config = AutoConfig.from_pretrained(folder, local_files_only=True)
        kind = AutoModelForCausalLM if config.model_type == "llama" else AutoModelForImageClassification
        return cls(kind.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval())

    def predict(self, inputs: Any) -> np.ndarray:
        """Return logits: (B, classes) of images (B, channels, H, W) in [−1, 1], (B, T, characters) of ids (B, T)."""
        with torch.inference_mode():
            found = torch.as_tensor(np.asarray(unmasked(inputs, "inputs"))).to(self.model.device)
            found = found.to(self.model.dtype) if found.is_floating_point() else found
            return self.model(found).logits.float().cpu().numpy()
