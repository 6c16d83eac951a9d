"""LLaVA-Read: two encoders of images, a projector and a decoder that also reads what an OCR engine found.

The words of the engine come in with the prompt (`tenfold.llava_read.processor`); nothing of them is in the model.

Legend:  B rows of a batch · T tokens · N images of the whole batch, in the rows' order · F tokens of an image · D width
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from transformers import AutoModel, AutoModelForCausalLM, Cache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from tenfold.llava_read.config import LlavaReadConfig, TinyDecoderConfig
from tenfold.llava_read.decoder import TinyDecoderForCausalLM
from tenfold.llava_read.errors import InvalidInputs, InvalidParts
from tenfold.llava_read.vision import VisionEncoder
from tenfold.multimodal.labels import require_answers
from tenfold.multimodal.placeholders import place

IMAGES = ("pixel_values_low", "pixel_values_high", "image_features")  # what forward takes of images
ImageFeatures = tuple[Float[Tensor, "N F W"], Float[Tensor, "N C S S"] | None]


@dataclass
class LlavaReadOutput(CausalLMOutputWithPast):
    """Loss, logits, cache, and the projected tokens of the images (N, F, D) if there were any."""

    image_hidden_states: Tensor | None = None


class LlavaReadForConditionalGeneration(PreTrainedModel, GenerationMixin):
    """The whole model, with ``generate``, ``save_pretrained`` and ``from_pretrained`` of transformers (safetensors).

    Without images it is its decoder alone: vision only, OCR only or both is a matter of what the prompt holds.
    """

    config_class = LlavaReadConfig
    base_model_prefix = "llava_read"
    main_input_name = "input_ids"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _skip_keys_device_placement = ["past_key_values"]  # noqa: RUF012

    def __init__(self, config: LlavaReadConfig, *, low: Any = None, high: Any = None, text: Any = None) -> None:
        super().__init__(config)
        self.vision = VisionEncoder(config, low=low, high=high)
        width, wanted = int(config.vision_low_config.hidden_size), int(config.text_config.hidden_size)  # type: ignore[union-attr]
        layers: list[nn.Module] = [nn.Linear(width, wanted)]
        if config.projector == "mlp":
            layers += [nn.GELU(), nn.Linear(wanted, wanted)]
        self.projector = nn.Sequential(*layers)
        self.language_model: Any = _decoder(config.text_config) if text is None else text
        self.post_init()
        self.generation_config.suppress_tokens = [int(config.image_token_id)]  # no reply holds a placeholder

    @classmethod
    def assembled(cls, config: LlavaReadConfig, low: Any, high: Any, text: Any) -> Self:
        """Return a model of loaded encoders and a loaded decoder (None for one to draw) with a drawn rest.

        ``config`` holds copies of the parts' configurations. Raises InvalidParts if it took a part's own: transformers
        unsets the kind of attention in what a whole's configuration takes, and the part would then see the future.
        """
        for part in (low, high, text):
            own = None if part is None else part.config
            if own is not None and any(
                own is one for one in (config.vision_low_config, config.vision_high_config, config.text_config)
            ):
                raise InvalidParts(f"hand over a copy of the configuration of {type(part).__name__}")
            for module in () if part is None else part.modules():
                module._is_hf_initialized = True  # its weights are not drawn anew
        return cls(config, low=low, high=high, text=text)

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if getattr(module, "starts_itself", False):  # the adapters' layers
            module.reset_parameters()  # type: ignore[operator]
        else:
            super()._init_weights(module)

    def get_input_embeddings(self) -> nn.Module:
        """Return the decoder's embeddings of tokens."""
        return self.language_model.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put other embeddings into the decoder."""
        self.language_model.set_input_embeddings(value)

    def get_output_embeddings(self) -> nn.Module:
        """Return the decoder's last layer."""
        return self.language_model.get_output_embeddings()

    def encode_images(
        self, low: Float[Tensor, "N 3 h w"], high: Float[Tensor, "N 3 H W"] | None = None
    ) -> Float[Tensor, "N F D"]:
        """Return the tokens of images as the decoder reads them. Raises InvalidInputs, InvalidConfig."""
        return self.projector(self.vision(low, high))

    def forward(
        self,
        input_ids: Int[Tensor, "B T"] | None = None,
        attention_mask: Int[Tensor, "B S"] | None = None,
        pixel_values_low: Float[Tensor, "N 3 h w"] | None = None,
        pixel_values_high: Float[Tensor, "N 3 H W"] | None = None,
        labels: Int[Tensor, "B T"] | None = None,
        position_ids: Int[Tensor, "B T"] | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        image_features: ImageFeatures | None = None,
        **more: Any,
    ) -> LlavaReadOutput:
        """Return logits (B, T, V), and the mean loss per token of the answers (nats) if there are labels.

        ``image_features`` stand for pixels: what ``vision.encoded`` returned of the same images. Raises
        PlaceholderMismatch, with both numbers, for placeholders that do not fit the images; InvalidInputs for
        images of the wrong resolutions; EmptyAnswer for a row of labels without an answer.
        """
        if input_ids is None:
            raise InvalidInputs("the model needs input_ids, in which image placeholders are told from text")
        if pixel_values_low is None and pixel_values_high is not None:
            raise InvalidInputs("images of high resolution come with the same images of low resolution")
        if pixel_values_low is not None and image_features is not None:
            raise InvalidInputs("images come as pixels or as features, not as both")
        if labels is not None:
            require_answers(labels)
        embeddings = self.get_input_embeddings()(input_ids)  # (B, T, D)
        images = None
        if pixel_values_low is not None:
            images = self.encode_images(pixel_values_low, pixel_values_high)
        elif image_features is not None:
            images = self.projector(self.vision.merged(*image_features))
        embeddings = place(embeddings, input_ids, int(self.config.image_token_id), images)
        out = self.language_model(
            inputs_embeds=embeddings,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            use_cache=use_cache,
            labels=labels,
            logits_to_keep=logits_to_keep,
            **more,
        )
        return LlavaReadOutput(
            loss=out.loss, logits=out.logits, past_key_values=out.past_key_values, image_hidden_states=images
        )

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: Tensor, is_first_iteration: bool = False, use_cache: bool | None = None, **kwargs: Any
    ) -> Any:
        """Return what transformers prepares, with images for the first pass alone: the cache holds them after it."""
        found = super().prepare_inputs_for_generation(  # type: ignore[misc]
            input_ids,  # type: ignore[arg-type]
            is_first_iteration=is_first_iteration,
            use_cache=use_cache,
            **kwargs,
        )
        if not is_first_iteration and use_cache:
            for name in IMAGES:
                found.pop(name, None)
        return found

    def _expand_inputs_for_generation(
        self, expand_size: int = 1, is_encoder_decoder: bool = False, input_ids: Any = None, **kwargs: Any
    ) -> Any:
        """Return rows repeated for several replies to each, and with every row the images that are its own."""
        images = {name: kwargs.pop(name) for name in IMAGES if kwargs.get(name) is not None}
        if expand_size > 1 and images and input_ids is not None:
            rows = self._images_by_row(input_ids, images)
            order = torch.tensor([number for row in rows for _ in range(expand_size) for number in row])
            images = {name: _chosen(one, order) for name, one in images.items()}
        tokens, more = super()._expand_inputs_for_generation(  # type: ignore[misc]
            expand_size=expand_size, is_encoder_decoder=is_encoder_decoder, input_ids=input_ids, **kwargs
        )
        return tokens, more | images

    def _images_by_row(self, input_ids: Tensor, images: dict[str, Any]) -> list[range]:
        """Return the numbers of each row's images, by its placeholders; images have equally many tokens."""
        first = next(iter(images.values()))
        count = len(first[0] if isinstance(first, tuple) else first)
        where = (input_ids == int(self.config.image_token_id)).sum(dim=1).tolist()
        each = sum(where) // max(count, 1)
        if not each or each * count != sum(where) or any(one % each for one in where):
            raise InvalidInputs(f"{where} placeholders in rows do not fit {count} images")
        ends = list(accumulate(one // each for one in where))
        return [range(start, end) for start, end in zip([0, *ends], ends, strict=False)]

    def save_pretrained(self, save_directory: Any, **more: Any) -> None:  # type: ignore[override]
        """Write the model's folder (config.json, model.safetensors). Raises InvalidParts while the decoder has LoRA."""
        if any(".lora_" in name for name, _ in self.language_model.named_parameters()):
            raise InvalidParts("the decoder has LoRA: merge it (merge_lora), or write what is trained (save_trained)")
        super().save_pretrained(save_directory, **more)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode; an encoder without a trained parameter stays as it is for evaluation."""
        super().train(mode)
        for tower in (self.vision.low, self.vision.high):
            if mode and tower is not None and not any(one.requires_grad for one in tower.parameters()):
                tower.train(False)
        return self


def _chosen(images: Any, order: Tensor) -> Any:
    if isinstance(images, tuple):
        return tuple(None if one is None else _chosen(one, order) for one in images)
    return images[order.to(images.device)]


def _decoder(config: Any) -> PreTrainedModel:
    if isinstance(config, TinyDecoderConfig):
        return TinyDecoderForCausalLM(config)
    return AutoModelForCausalLM.from_config(config)


AutoModel.register(LlavaReadConfig, LlavaReadForConditionalGeneration, exist_ok=True)
