"""Files of what arms start from: a model with its processor, and what it was trained with, in spent.json."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from steps.llava_read.models import write_model
from steps.llava_read.starts import Decoder, Spent, Started
from steps.step.json_files import read_json, write_json

SPENT = "spent.json"


def write_start(started: Started, folder: Path) -> None:
    """Write a start into ``folder``, which is made if need be."""
    write_model(started.model, started.processor, folder)
    write_json(folder / SPENT, asdict(started.spent))


def read_spent(folder: Path) -> Spent:
    """Return what the start or decoder in ``folder`` was trained with."""
    return Spent(**read_json(folder / SPENT))


def write_decoder(decoder: Decoder, folder: Path) -> None:
    """Write a decoder that has learnt to copy, unless there is none."""
    if decoder.model is not None:
        decoder.model.save_pretrained(folder)
        write_json(folder / SPENT, asdict(decoder.spent))


def read_decoder(folder: Path) -> Decoder:
    """Return what ``write_decoder`` wrote: none where there is no folder."""
    from tenfold.llava_read.decoder import TinyDecoderForCausalLM

    if not folder.is_dir():
        return Decoder()
    return Decoder(TinyDecoderForCausalLM.from_pretrained(folder), read_spent(folder))
