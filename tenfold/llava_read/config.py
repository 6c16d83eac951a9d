"""Configurations: of the whole model, and of the small encoders and the small decoder that are trained here."""

from __future__ import annotations

from typing import Any, Literal

from transformers import AutoConfig, PreTrainedConfig
from transformers.configuration_utils import SubConfigSpec

from tenfold.nn.errors import InvalidConfig

CHOICES = {"merge": ("none", "sum", "gated"), "projector": ("linear", "mlp"), "class_token": ("dropped", "kept")}


class TinyViTConfig(PreTrainedConfig):
    """Sizes of the small vision transformer; an image of ``image_size`` pixels has (image_size/patch_size)² tokens."""

    model_type = "llava_read_vit"

    image_size: int = 96
    patch_size: int = 12
    hidden_size: int = 128
    num_hidden_layers: int = 4
    num_attention_heads: int = 4


class TinyConvNetConfig(PreTrainedConfig):
    """Widths of the small convolutional network: patches of ``patch_size`` pixels first, then halves of the side."""

    model_type = "llava_read_convnet"

    patch_size: int = 4
    hidden_sizes: list[int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        self.hidden_sizes = [32, 48, 96, 128] if self.hidden_sizes is None else list(self.hidden_sizes)
        super().__post_init__(**kwargs)


class TinyDecoderConfig(PreTrainedConfig):
    """Sizes of the small decoder of characters, whose attention reads a short causal convolution.

    **Deviation:** the paper's decoder is Vicuna; a plain small transformer learned no copying in the updates there are.
    """

    model_type = "llava_read_decoder"

    vocab_size: int = 256
    hidden_size: int = 128
    intermediate_size: int = 512
    num_hidden_layers: int = 3
    num_attention_heads: int = 4
    convolution_width: int = 3
    max_position_embeddings: int = 2048
    rope_theta: float = 10_000.0
    initializer_range: float = 0.05
    tie_word_embeddings: bool = True
    use_cache: bool = True
    pad_token_id: int | None = 0
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = 1

    @property
    def layer_types(self) -> list[str]:
        """What a cache keeps per layer: keys and values, and the last inputs of the convolution."""
        return ["hybrid"] * self.num_hidden_layers


class LlavaReadConfig(PreTrainedConfig):
    """The whole model: two encoders of images, how they are merged, the projector and the decoder.

    ``merge`` is *none* (the low-resolution encoder alone), *sum* (both, added at the end) or *gated* (the mixture of
    resolutions: added at the end and, by gated adapters, after the blocks of ``merge_layers``, counted from 1).
    ``feature_layer`` −1 reads the low-resolution encoder's last block, −2 the one before. ``class_token`` says whether
    the encoder's blocks see the class token of CLIP: LLaVA-HR drops it. Raises InvalidConfig.
    """

    model_type = "llava_read"
    sub_configs_defaults = {  # noqa: RUF012
        "vision_low_config": SubConfigSpec(config_class=AutoConfig, model_type="llava_read_vit"),
        "vision_high_config": SubConfigSpec(config_class=AutoConfig, model_type="llava_read_convnet", optional=True),
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llava_read_decoder"),
    }

    vision_low_config: dict | PreTrainedConfig | None = None
    vision_high_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    merge: Literal["none", "sum", "gated"] = "gated"
    merge_layers: list[int] | None = None
    image_side_low: int | None = None
    image_side_high: int | None = None
    projector: Literal["linear", "mlp"] = "mlp"
    feature_layer: int = -1
    class_token: Literal["dropped", "kept"] = "dropped"
    image_token_id: int = 2
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        if self.vision_high_config is None and self.merge != "none":
            self.vision_high_config = TinyConvNetConfig()
        super().__post_init__(**kwargs)
        low: Any = self.vision_low_config
        if self.image_side_low is None:
            self.image_side_low = int(low.image_size)
        if self.image_side_high is None and self.vision_high_config is not None:
            self.image_side_high = 8 * high_stride(self.vision_high_config)
        if self.merge_layers is None:
            self.merge_layers = list(range(1, self.blocks)) if self.merge == "gated" else []
        self._check()

    def _check(self) -> None:
        low: Any = self.vision_low_config
        choices = {
            "merge": ("none", "sum", "gated"),
            "projector": ("linear", "mlp"),
            "class_token": ("dropped", "kept"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise InvalidConfig(f"{name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}")
        if self.merge == "none" and (self.vision_high_config is not None or self.image_side_high is not None):
            raise InvalidConfig("merge: none uses no high-resolution encoder; leave it out, or set merge: sum or gated")
        if self.merge != "gated" and self.merge_layers:
            raise InvalidConfig(f"merge: {self.merge} has no adapters for merge_layers {self.merge_layers}")
        if self.feature_layer >= 0 or self.blocks < 1:
            raise InvalidConfig(
                f"feature_layer counts from the end, −1 to −{low.num_hidden_layers}, not {self.feature_layer}"
            )
        layers = list(self.merge_layers or [])
        if layers != sorted(set(layers)) or any(not 1 <= layer <= self.blocks for layer in layers):
            raise InvalidConfig(f"merge_layers are blocks from 1 to {self.blocks}, each once in order, not {layers}")
        if self.merge == "gated" and not layers:
            raise InvalidConfig("merge: gated needs merge_layers; merge: sum is the one without adapters")
        check_sides(self, int(self.image_side_low or 0), self.image_side_high)

    @property
    def blocks(self) -> int:
        """The number of the low-resolution encoder's blocks that are used."""
        low: Any = self.vision_low_config
        return int(low.num_hidden_layers) + 1 + self.feature_layer

    @property
    def image_tokens(self) -> int:
        """The number of tokens of an image: the low-resolution grid's, whatever the high resolution."""
        low: Any = self.vision_low_config
        return (int(self.image_side_low or 0) // int(low.patch_size)) ** 2


def high_stride(config: Any) -> int:
    """Return how many pixels of a side one place of a convolutional encoder's last map stands for."""
    return int(config.patch_size) * 2 ** (len(config.hidden_sizes) - 1)


def check_sides(config: LlavaReadConfig, low: int, high: int | None) -> None:
    """Raise InvalidConfig unless the sides in pixels are multiples of the patches and of the stride."""
    patch = int(config.vision_low_config.patch_size)  # type: ignore[union-attr]
    if low < patch or low % patch:
        raise InvalidConfig(f"a low-resolution side of {low} pixels is no multiple of the patch's {patch}")
    if config.vision_high_config is None:
        if high is not None:
            raise InvalidConfig(f"a high-resolution side of {high} pixels has no encoder to read it")
        return
    stride = high_stride(config.vision_high_config)
    if high is None or high < stride or high % stride:
        raise InvalidConfig(f"a high-resolution side of {high} pixels is no multiple of the encoder's stride {stride}")


for _config in (TinyViTConfig, TinyConvNetConfig, TinyDecoderConfig, LlavaReadConfig):
    AutoConfig.register(_config.model_type, _config, exist_ok=True)
