"""A model that answers questions about an image or a sound: an encoder, a projector and a decoder.

Legend:  B rows of a batch · T tokens · F tokens of an item · D width of the encoder's · V vocabulary
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

from tenfold.commit_tuning.encoders import Encoder
from tenfold.commit_tuning.question_batches import MEDIA, SPECIAL, QuestionEncoder, answers, word_tokenizer
from tenfold.commit_tuning.question_errors import InvalidMedia
from tenfold.commit_tuning.questions import NAME_QUESTION
from tenfold.multimodal.labels import require_answers
from tenfold.multimodal.placeholders import place
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.pretrained import Pretrained
from tenfold.nn.token_convnet import TokenConvNet, TokenConvNetConfig


class MultimodalModel(nn.Module):
    """An encoder's tokens, mapped linearly to the decoder's width, stand where the prompt has placeholders."""

    def __init__(self, encoder: Encoder, language_model: Any, media_token_id: int) -> None:
        super().__init__()
        self.encoder: Any = encoder
        embeddings = language_model.get_input_embeddings()
        self.projector = nn.Linear(encoder.width, embeddings.embedding_dim)
        self.language_model: Any = language_model
        self.media_token_id = media_token_id

    @property
    def media_tokens(self) -> int:
        """How many placeholders an item has in a prompt."""
        return int(self.encoder.tokens)

    def forward(
        self,
        input_ids: Int[Tensor, "B T"],
        attention_mask: Int[Tensor, "B T"] | None = None,
        media: Float[Tensor, "B ..."] | None = None,
        labels: Int[Tensor, "B T"] | None = None,
    ) -> CausalLMOutputWithPast:
        """Return logits (B, T, V), and the mean loss per token of the answers in nats if there are labels.

        Without ``media`` it is the decoder alone. Raises PlaceholderMismatch for placeholders that do not fit,
        InvalidMedia for another number of items than rows, EmptyAnswer for a row of labels without an answer.
        """
        if labels is not None:
            require_answers(labels)
        if media is not None and len(media) != len(input_ids):
            raise InvalidMedia(f"{len(media)} items for {len(input_ids)} rows: one per row")
        embeddings = self.language_model.get_input_embeddings()(input_ids)  # (B, T, width)
        tokens = None if media is None else self.projector(self.encoder(media))  # (B, F, width)
        embeddings = place(embeddings, input_ids, self.media_token_id, tokens, name="item")
        return self.language_model(
            inputs_embeds=embeddings, attention_mask=attention_mask, labels=labels, use_cache=False
        )


@dataclass(frozen=True)
class SmallModelConfig:
    """Sizes of the small model: the encoder's, and of a Llama with ``hidden`` features over ``words``."""

    words: tuple[str, ...]
    encoder: TokenConvNetConfig = TokenConvNetConfig()  # noqa: RUF009  it is frozen
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    context: int = 64

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as JSON holds it."""
        return {**asdict(self), "words": list(self.words), "encoder": self.encoder.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return what ``to_dict`` gave. Raises InvalidConfig for a key that is none of the configuration's."""
        if unknown := sorted(set(values) - {field.name for field in fields(cls)}):
            raise InvalidConfig(f"a small model has no {', '.join(unknown)}")
        encoder = TokenConvNetConfig.from_dict(values["encoder"])
        return cls(**{**values, "words": tuple(values["words"]), "encoder": encoder})

    def decoder(self) -> LlamaConfig:
        """Return the decoder's configuration. Raises InvalidConfig for a width that the heads do not divide evenly."""
        if self.hidden % (2 * self.heads):
            raise InvalidConfig(f"{self.heads} heads of an even width do not make {self.hidden} features")
        return LlamaConfig(
            vocab_size=len(SPECIAL) + len(self.words),
            hidden_size=self.hidden,
            intermediate_size=3 * self.hidden,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.heads,
            max_position_embeddings=self.context,
            initializer_range=self.hidden**-0.5,  # at a width of 64, Llama's own 0.02 starts with next to no signal
            tie_word_embeddings=True,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=1,
        )


class SmallModel(MultimodalModel, Pretrained):
    """The small model, trained here from nothing; ``save_pretrained`` and ``from_pretrained`` write and read it."""

    Config = SmallModelConfig
    tags = ("multimodal", "visual-question-answering", "audio-question-answering")

    def __init__(self, config: SmallModelConfig) -> None:
        language_model = LlamaForCausalLM(config.decoder())
        super().__init__(TokenConvNet(config.encoder), language_model, SPECIAL.index(MEDIA))
        self.config = config

    def questions(self) -> QuestionEncoder:
        """Return how this model's questions are encoded."""
        return QuestionEncoder(word_tokenizer(self.config.words), self.media_tokens)

    def predict(self, inputs: Float[np.ndarray, "N C H W"]) -> np.ndarray:
        """Return what the items are, in words (N,), as the model answers; they are as `small_images` gives them."""
        media = torch.as_tensor(np.asarray(inputs), dtype=torch.float32)
        return np.array(answers(self, self.questions(), [NAME_QUESTION] * len(media), media))

    def state_dict(self, *arguments: Any, **options: Any) -> Any:
        """Return the weights without the output layer's, which are the embeddings'."""
        found = super().state_dict(*arguments, **options)
        found.pop("language_model.lm_head.weight", None)
        return found

    def load_state_dict(self, state_dict: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        """Load weights as ``state_dict`` returns them."""
        whole = {**state_dict, "language_model.lm_head.weight": state_dict["language_model.model.embed_tokens.weight"]}
        return super().load_state_dict(whole, *arguments, **options)
