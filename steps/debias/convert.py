"""Turn a decoder's quantised weights into safetensors, which load thirty times as fast."""

from __future__ import annotations

import shutil
from pathlib import Path

from steps.step.json_files import read_json, write_json
from steps.step.run import Run

GGUF = "*.gguf"
MADE_UP = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")


def convert(decoder: Path, *, out: Path, run: Run) -> None:
    """Write a decoder as a folder that transformers loads in under a second; one that is such a folder is copied.

    Reads   decoder/<name>.gguf, or the files of a made-up decoder; decoder/source.json
    Writes  config.json, model.safetensors (float32), the tokenizer's files with its chat template; origin.json
    Raises  DecoderMismatch if there is no decoder that can be read
    """
    from tenfold.language.decoder import convert_gguf, load_decoder

    files = sorted(decoder.glob(GGUF))
    if files:
        convert_gguf(files[0], out)
    else:
        for name in MADE_UP:
            shutil.copyfile(decoder / name, out / name)
    loaded = load_decoder(out)
    record = read_json(decoder / "source.json")
    parameters = sum(weights.numel() for weights in loaded.model.parameters())
    about = {"origin": record["origin"], "stand_in": record["stand_in"], "detail": record["detail"]}
    write_json(out / "origin.json", about | {"parameters": parameters, "context": loaded.context})
    run.say(f"{record['detail']}: {parameters:,} parameters")
