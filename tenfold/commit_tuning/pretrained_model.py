"""A model of parts that others trained: SmolLM2 or another decoder with LoRA, EfficientNet-Lite0 or Whisper before it.

Folders serve as well as hub ids, which want a pinned revision; weights are safetensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenfold.commit_tuning.encoders import Encoder, FrameTokens, MapTokens
from tenfold.commit_tuning.model import MultimodalModel
from tenfold.commit_tuning.question_batches import MEDIA, QuestionEncoder
from tenfold.commit_tuning.question_errors import InvalidModelParts
from tenfold.multimodal.lora import with_lora
from tenfold.nn.seeding import drawn_from
from tenfold.nn.token_convnet import TokenConvNet, TokenConvNetConfig


@dataclass(frozen=True)
class LoraSettings:
    """Rank and scale of low-rank adapters on the decoder and, with ``encoder_rank``, on Whisper's linear maps too."""

    rank: int = 8
    alpha: int = 16
    encoder_rank: int | None = None


def lite0_tokens(place: str | Path, *, grid: int = 2, revision: str | None = None) -> MapTokens:
    """Return EfficientNet-Lite0 as an encoder, from a folder that `convert_efficientnet_lite0` wrote, or the hub.

    Raises InvalidModelParts if there is none.
    """
    from tenfold.vision.efficientnet_lite0 import EfficientNetLite0

    options: dict[str, Any] = {"revision": revision, "use_safetensors": True}
    try:
        network: Any = EfficientNetLite0.from_pretrained(place, **options)
    except (OSError, ValueError) as error:
        raise InvalidModelParts(f"{place}: no EfficientNet-Lite0 ({str(error).splitlines()[0]})") from None
    return MapTokens(network, grid=grid)


def whisper_tokens(place: str | Path, *, seconds: float, tokens: int = 4, revision: str | None = None) -> FrameTokens:
    """Return Whisper's encoder for sounds of ``seconds``, as `tenfold.audio.load_whisper_encoder`; AudioError."""
    from tenfold.audio.whisper import load_whisper_encoder

    return FrameTokens(load_whisper_encoder(place, seconds=seconds, revision=revision), tokens=tokens)


def from_pretrained_parts(
    decoder: str | Path,
    encoder: Encoder | TokenConvNetConfig,
    *,
    lora: LoraSettings | None = None,
    revision: str | None = None,
    seed: int = 0,
) -> tuple[MultimodalModel, QuestionEncoder]:
    """Return a model of a loaded decoder and a loaded or drawn encoder, and how its questions are encoded.

    The projector, the placeholder's embedding, adapters and a drawn encoder come from ``seed`` alone. With ``lora`` the
    decoder's own weights are frozen; without ``encoder_rank`` the encoder is trained whole. Raises InvalidModelParts.
    """
    from tenfold.language.errors import DecoderMismatch
    from tenfold.multimodal.decoders import load_decoder_with_placeholder
    from tenfold.multimodal.errors import InvalidGroups

    with drawn_from(seed):
        try:
            language_model, tokenizer = load_decoder_with_placeholder(decoder, MEDIA, revision=revision)
        except DecoderMismatch as error:
            raise InvalidModelParts(str(error)) from None
        sense: Any = TokenConvNet(encoder) if isinstance(encoder, TokenConvNetConfig) else encoder
        questions = QuestionEncoder(tokenizer, sense.tokens)
        model = MultimodalModel(sense, language_model, questions.media_token_id)
        if lora is not None:
            try:
                model.language_model = with_lora(language_model, rank=lora.rank, alpha=lora.alpha)
                if lora.encoder_rank is not None:
                    model.encoder = _adapted(sense, lora)
            except InvalidGroups as error:
                raise InvalidModelParts(str(error)) from None
    return model.eval(), questions


def _adapted(encoder: Any, lora: LoraSettings) -> Any:
    if not isinstance(encoder, FrameTokens | MapTokens):
        raise InvalidModelParts("encoder_rank is for an encoder that others trained; this one is trained whole")
    encoder.network = with_lora(encoder.network, rank=int(lora.encoder_rank or 0), alpha=lora.alpha)
    return encoder
