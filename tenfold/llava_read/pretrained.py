"""A model from pretrained parts: CLIP, ConvNeXt and Vicuna by their hub ids, or EfficientNet-Lite0 and SmolLM2.

Folders serve as well as ids; weights are safetensors. What LLaVA-HR's code does at 768 and 1024 pixels is the default.
"""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tenfold.llava_read.characters import IMAGE
from tenfold.llava_read.config import LlavaReadConfig, TinyViTConfig, high_stride
from tenfold.llava_read.convnext_weights import load_timm_convnext
from tenfold.llava_read.errors import InvalidParts
from tenfold.llava_read.image_processor import HALF
from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.nn.seeding import drawn_from
from tenfold.vision.efficientnet_lite0 import MEAN, STD, EfficientNetLite0

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
TIMM_FILES = ("open_clip_model.safetensors", "model.safetensors")
# Messages of parts become text, each image its placeholder, before a template that knows text alone reads them.
PARTS_AS_TEXT = (
    "{%- set flat = namespace(messages=[]) -%}{%- for message in messages -%}{%- set text -%}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}"
    "{%- else -%}{%- for part in message['content'] -%}"
    "{%- if part['type'] == 'image' -%}{{- '<image>' -}}"
    "{%- elif part['type'] == 'text' -%}{{- part['text'] -}}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}{%- endset -%}"
    "{%- set flat.messages = flat.messages + [{'role': message['role'], 'content': text}] -%}{%- endfor -%}"
    "{%- set messages = flat.messages -%}"
)
# LLaVA-1.5's conversation for Vicuna-1.5, whose tokenizer brings no template.
VICUNA = (
    "{{- bos_token -}}{{- 'A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user\\'s questions.' -}}"
    "{%- for message in messages -%}"
    "{{- ' ' + ('USER' if message['role'] == 'user' else 'ASSISTANT') + ': ' + message['content'] -}}"
    "{%- if message['role'] == 'assistant' -%}{{- eos_token -}}{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- ' ASSISTANT:' -}}{%- endif -%}"
)


@dataclass(frozen=True)
class Parts:
    """Ids or folders of the encoders and the decoder, with pinned revisions; without ``low`` a small ViT is drawn."""

    text: str
    low: str | None = None
    high: str | None = None
    text_revision: str | None = None
    low_revision: str | None = None
    high_revision: str | None = None


PAPER = Parts(
    text="lmsys/vicuna-13b-v1.5",
    low="openai/clip-vit-large-patch14-336",
    high="laion/CLIP-convnext_large_d_320.laion2B-s29B-b131K-ft-soup",
)


def from_parts(
    parts: Parts,
    *,
    merge: Literal["none", "sum", "gated"] = "gated",
    merge_layers: tuple[int, ...] = (1, 4, 7),
    image_side_high: int = 768,
    image_side_low: int | None = None,
    feature_layer: int = -2,
    dtype: str = "float32",
    seed: int = 0,
) -> tuple[LlavaReadForConditionalGeneration, LlavaReadProcessor]:
    """Return a model of pretrained parts and its processor; projector, merge and adapters are drawn from ``seed``.

    ``image_side_low`` None is LLaVA-HR's rule: as many tokens as the high-resolution map has places, but not fewer
    than the encoder was trained with. ``merge_layers`` is used where merge is gated, ``high`` unless it is none.
    Raises InvalidParts for an id or a folder that holds no such part; InvalidConfig for sides that do not fit.
    """
    import torch

    if (parts.high is None) != (merge == "none"):
        raise InvalidParts(f"merge: {merge} and a high-resolution encoder {parts.high} do not go together")
    low, low_like = _low(parts, dtype)
    high, high_like = (None, {}) if parts.high is None else _high(parts.high, parts.high_revision, dtype)
    with drawn_from(seed):
        text, tokenizer = _text(parts, dtype)
    clip = parts.low is not None
    low_config: Any = low.config if clip else low
    config = LlavaReadConfig(
        vision_low_config=deepcopy(low_config),
        vision_high_config=None if high is None else deepcopy(high.config),
        text_config=deepcopy(text.config),
        merge=merge,
        merge_layers=list(merge_layers) if merge == "gated" else None,
        image_side_low=image_side_low or (_low_side(low_config, high, image_side_high) if clip else None),
        image_side_high=None if high is None else image_side_high,
        feature_layer=feature_layer if clip else -1,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE),
    )
    with drawn_from(seed):
        model = LlavaReadForConditionalGeneration.assembled(config, low if clip else None, high, text)
    model = model.to(getattr(torch, dtype))
    filler = tokenizer.pad_token_id
    model.generation_config.pad_token_id = tokenizer.eos_token_id if filler is None else filler
    return model.eval(), LlavaReadProcessor.for_config(config, tokenizer, **low_like, **high_like)


def multimodal_template(template: str | None) -> str:
    """Return a chat template that reads messages of parts, each image as ``<image>``; without one, Vicuna's."""
    return PARTS_AS_TEXT + (VICUNA if template is None else template)


def _low(parts: Parts, dtype: str) -> tuple[Any, dict[str, Any]]:
    """Return CLIP's image encoder, or the configuration of a small one, and how its images are normalised."""
    if parts.low is None:
        return TinyViTConfig(), {"low_mean": HALF, "low_std": HALF}
    from transformers import CLIPVisionModel

    found = _loaded(CLIPVisionModel, parts.low, parts.low_revision, dtype, ("clip", "clip_vision_model"))
    mean, std = _normalisation(parts.low, parts.low_revision, (CLIP_MEAN, CLIP_STD))
    return found, {"low_mean": mean, "low_std": std}


def _high(place: str, revision: str | None, dtype: str) -> tuple[Any, dict[str, Any]]:
    """Return a convolutional encoder, in transformers' form or under timm's names, and how images are normalised."""
    import torch
    from transformers import ConvNextModel

    kind = _model_type(place, revision)
    if kind == EfficientNetLite0.config_class.model_type:
        return _loaded(EfficientNetLite0, place, revision, dtype, (kind,)), {"high_mean": MEAN, "high_std": STD}
    if kind == "convnext":
        found = _loaded(ConvNextModel, place, revision, dtype, (kind,))
    else:
        file = next(filter(None, (_file(place, name, revision) for name in TIMM_FILES)), None)
        if file is None:
            raise InvalidParts(f"{place} holds neither a ConvNeXt of transformers nor {' or '.join(TIMM_FILES)}")
        found = load_timm_convnext(file).to(getattr(torch, dtype))
    mean, std = _normalisation(place, revision, (CLIP_MEAN, CLIP_STD))
    return found, {"high_mean": mean, "high_std": std}


def _text(parts: Parts, dtype: str) -> tuple[Any, Any]:
    """Return a decoder and its tokenizer with the image's token, and a chat template that reads messages of parts."""
    from tenfold.language.errors import DecoderMismatch
    from tenfold.multimodal.decoders import load_decoder_with_placeholder

    try:
        model, tokenizer = load_decoder_with_placeholder(parts.text, IMAGE, revision=parts.text_revision, dtype=dtype)
    except DecoderMismatch as error:
        raise InvalidParts(str(error)) from None
    tokenizer.chat_template = multimodal_template(tokenizer.chat_template)
    return model, tokenizer


def _low_side(low: Any, high: Any, high_side: int) -> int:
    places = 0 if high is None else high_side // high_stride(high.config)
    return max(int(low.patch_size) * places, int(low.image_size))


def _loaded(kind: Any, place: str, revision: str | None, dtype: str, types: tuple[str, ...]) -> Any:
    import torch

    found = _model_type(place, revision)
    if found not in types:
        raise InvalidParts(f"{place} holds a {found or 'model without config.json'}, not a {' or '.join(types)}")
    try:
        return kind.from_pretrained(place, revision=revision, dtype=getattr(torch, dtype), use_safetensors=True)
    except (OSError, ValueError) as error:
        raise InvalidParts(f"{place}: {str(error).splitlines()[0]}") from None


def _model_type(place: str, revision: str | None) -> str | None:
    return _json(place, "config.json", revision).get("model_type")


def _normalisation(place: str, revision: str | None, default: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return mean and deviation that a checkpoint names, of transformers or of OpenCLIP; else the default's."""
    ours = _json(place, "preprocessor_config.json", revision)
    theirs = _json(place, "open_clip_config.json", revision).get("preprocess_cfg", {})
    mean = ours.get("image_mean") or theirs.get("mean") or default[0]
    return mean, ours.get("image_std") or theirs.get("std") or default[1]


def _json(place: str, name: str, revision: str | None) -> dict[str, Any]:
    file = _file(place, name, revision)
    return {} if file is None else json.loads(file.read_text(encoding="utf-8"))


def _file(place: str, name: str, revision: str | None) -> Path | None:
    """Return a file of a folder or of a hub's repository, or nothing if it is not there. Raises InvalidParts."""
    if Path(place).is_dir():
        return Path(place) / name if (Path(place) / name).is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HFValidationError

    try:
        return Path(hf_hub_download(place, name, revision=revision))
    except HFValidationError:
        raise InvalidParts(f"{place} is neither a folder nor a name on the hub") from None
    except EntryNotFoundError:
        return None
    except OSError as error:
        raise InvalidParts(f"{place}: {str(error).splitlines()[0]}") from None
