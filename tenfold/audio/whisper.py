"""Whisper's encoder: from a CTranslate2 file to transformers' classes, loaded for sounds of any length up to 30 s.

Legend:  D width · T positions, two frames of the spectrogram each
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tenfold.audio.ctranslate2_file import read_ctranslate2
from tenfold.audio.errors import AudioError
from tenfold.nn.errors import UnknownWeights
from tenfold.nn.weight_names import fill

POSITIONS_PER_SECOND = 50
SPECIFICATION = "WhisperSpec"


def convert_whisper(file: Path, folder: Path) -> None:
    """Write the encoder in a CTranslate2 file of Whisper as a folder of float32 safetensors.

    Raises UnknownWeights for another file, or names that are not the encoder's; nothing is written then.
    """
    from transformers import WhisperConfig
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    arrays = {
        name.removeprefix("encoder/"): one
        for name, one in read_ctranslate2(file, specification=SPECIFICATION).items()
        if name.startswith("encoder/")
    }
    if missing := {"num_heads", "conv1/weight", "position_encodings/encodings"} - set(arrays):
        raise UnknownWeights(f"{file} has no {', '.join(sorted(missing))} of an encoder")
    width, mels, _ = arrays["conv1/weight"].shape
    layers = len({name.split("/")[0] for name in arrays if name.startswith("layer_") and name[6].isdigit()})
    inner = arrays["layer_0/ffn/linear_0/bias"].shape[0] if layers else 4 * width
    config = WhisperConfig(
        d_model=width,
        num_mel_bins=mels,
        encoder_layers=layers,
        encoder_attention_heads=int(arrays.pop("num_heads")),
        encoder_ffn_dim=inner,
        max_source_positions=arrays["position_encodings/encodings"].shape[0],
    )
    encoder = WhisperEncoder(config)
    fill(encoder, _renamed(arrays, layers), whole=True)
    encoder.save_pretrained(folder)


def load_whisper_encoder(place: str | Path, *, seconds: float = 30.0, revision: str | None = None) -> Any:
    """Return transformers' WhisperEncoder for sounds of exactly ``seconds``, from a converted folder or a hub's id.

    Positions beyond are cut off: an encoder of one second costs a thirtieth. ``place`` may hold a whole Whisper.
    Raises AudioError if there is no Whisper, or the length is none that it has positions for.
    """
    from transformers import AutoConfig, WhisperModel
    from transformers.models.whisper.modeling_whisper import WhisperEncoder

    options: dict[str, Any] = {"revision": revision, "use_safetensors": True, "dtype": torch.float32}
    try:
        kind = AutoConfig.from_pretrained(place, revision=revision)
        alone = "WhisperEncoder" in (kind.architectures or [])
        found: Any = (WhisperEncoder if alone else WhisperModel).from_pretrained(place, **options)
    except (OSError, ValueError) as error:
        raise AudioError(f"{place}: no Whisper can be loaded ({str(error).splitlines()[0]})") from None
    if kind.model_type != "whisper":
        raise AudioError(f"{place} holds a {kind.model_type}, not a whisper")
    encoder = found if alone else found.encoder
    return shortened(encoder, seconds).eval()


def shortened(encoder: Any, seconds: float) -> Any:
    """Keep the positions of the first ``seconds`` alone, in place; return the encoder. Raises AudioError."""
    wanted, there = round(seconds * POSITIONS_PER_SECOND), encoder.embed_positions.num_embeddings
    if not 1 <= wanted <= there or abs(seconds * POSITIONS_PER_SECOND - wanted) > 1e-6:
        raise AudioError(f"{seconds} s are not 1 to {there} times {1 / POSITIONS_PER_SECOND} s, as many as it can hear")
    kept = torch.nn.Embedding(wanted, encoder.embed_positions.embedding_dim)
    with torch.no_grad():
        kept.weight.copy_(encoder.embed_positions.weight[:wanted])
    encoder.embed_positions = kept.requires_grad_(False)
    encoder.config.max_source_positions = encoder.max_source_positions = wanted
    return encoder


def _renamed(arrays: Mapping[str, np.ndarray], layers: int) -> dict[str, Tensor]:
    """Return the weights under transformers' names; queries, keys and values stand in one matrix in the file."""
    pairs = {"conv1": "conv1", "conv2": "conv2", "layer_norm": "layer_norm"}
    for number in range(layers):
        theirs, mine = f"layer_{number}", f"layers.{number}"
        pairs |= {
            f"{theirs}/self_attention/layer_norm": f"{mine}.self_attn_layer_norm",
            f"{theirs}/self_attention/linear_1": f"{mine}.self_attn.out_proj",
            f"{theirs}/ffn/layer_norm": f"{mine}.final_layer_norm",
            f"{theirs}/ffn/linear_0": f"{mine}.fc1",
            f"{theirs}/ffn/linear_1": f"{mine}.fc2",
        }
    parts = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}
    found = {"embed_positions.weight": _tensor(arrays["position_encodings/encodings"])}
    fused: dict[str, Tensor] = {}
    for name, one in arrays.items():
        module, _, part = name.rpartition("/")
        if module in pairs and part in parts:
            found[f"{pairs[module]}.{parts[part]}"] = _tensor(one)
        elif module.endswith("self_attention/linear_0") and part in ("weight", "bias"):
            fused[name] = _tensor(one)
        elif module != "position_encodings":
            raise UnknownWeights(f"an encoder of Whisper has no {name}")
    for name, joined in fused.items():
        layer, part = name.split("/")[0].removeprefix("layer_"), name.rpartition("/")[2]
        for letter, rows in zip("qkv", joined.chunk(3), strict=True):
            if (letter, part) != ("k", "bias"):
                found[f"layers.{layer}.self_attn.{letter}_proj.{part}"] = rows
            elif rows.any():
                raise UnknownWeights(f"the keys of {name} have a bias, and Whisper's have none")
    return found


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
