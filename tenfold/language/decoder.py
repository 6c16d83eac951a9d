"""Small decoders: a model with its tokenizer, from a folder, a hub id or the GGUF file that a package carries.

Legend:  B rows of a batch · T tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenfold.language.errors import DecoderMismatch, EmptyAnswer

if TYPE_CHECKING:
    import torch

    from tenfold.chat.messages import Conversation

IGNORED = -100  # the label of a token that no loss counts


@dataclass(frozen=True)
class Decoder:
    """A causal language model with its tokenizer. ``name`` and ``revision`` tell it from others in transcripts."""

    model: Any
    tokenizer: Any
    name: str
    revision: str | None = None

    @cached_property
    def context(self) -> int:
        """The longest sequence in tokens."""
        config = self.model.config
        return int(getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None) or 2**31)

    @cached_property
    def ends(self) -> frozenset[int]:
        """The tokens that end a reply."""
        own = self.model.generation_config.eos_token_id if self.model.generation_config is not None else None
        listed = own if isinstance(own, list) else [own]
        return frozenset(one for one in (*listed, self.tokenizer.eos_token_id) if one is not None)

    def prompt(self, conversation: Conversation, *, reply_follows: bool = True) -> list[int]:
        """Return a conversation's tokens (T,) by the model's chat template; without one, as ``User: …`` line by line.

        Raises DecoderMismatch for a message with an image, which a language model cannot read.
        """
        if any(message.images for message in conversation):
            raise DecoderMismatch(f"{self.name} reads no images")
        if self.tokenizer.chat_template:
            messages = [{"role": message.role, "content": message.text} for message in conversation]
            text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=reply_follows)
            return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])
        lines = [f"{message.role.capitalize()}: {message.text}" for message in conversation]
        text = "\n".join([*lines, "Assistant:"] if reply_follows else lines)
        return list(self.tokenizer(text)["input_ids"])

    def answer_labels(self, conversation: Conversation) -> tuple[list[int], list[int]]:
        """Return a conversation's tokens (T,) and its labels (T,): those of the assistant's messages alone.

        Raises EmptyAnswer if no such message follows another one; DecoderMismatch if the template writes the
        beginning of a conversation otherwise than its whole.
        """
        if not any(message.role == "assistant" for message in conversation[1:]):
            raise EmptyAnswer("no assistant's message follows another one: there is nothing to learn from")
        tokens = self.prompt(conversation, reply_follows=False)
        labels = [IGNORED] * len(tokens)
        for number, message in enumerate(conversation):
            if message.role != "assistant" or number == 0:
                continue
            start = len(self.prompt(conversation[:number]))
            end = len(self.prompt(conversation[: number + 1], reply_follows=False))
            if self.prompt(conversation[:number]) != tokens[:start]:
                raise DecoderMismatch(
                    f"{self.name}: its chat template rewrites earlier messages; answers have no place"
                )
            labels[start:end] = tokens[start:end]
        return tokens, labels


def load_decoder(
    place: str | Path, *, revision: str | None = None, device: str = "cpu", dtype: str = "float32"
) -> Decoder:
    """Load a decoder from a folder or, by its id and pinned ``revision``, from the hub; weights are safetensors.

    Raises DecoderMismatch if there is no decoder with a tokenizer.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(
            place, revision=revision, use_safetensors=True, dtype=getattr(torch, dtype)
        )
        tokenizer = AutoTokenizer.from_pretrained(place, revision=revision)
    except (OSError, ValueError) as error:
        raise DecoderMismatch(f"{place}: no decoder with a tokenizer can be loaded ({_first_line(error)})") from None
    return Decoder(
        model.to(device).eval(), tokenizer, Path(place).name if Path(place).is_dir() else str(place), revision
    )


def convert_gguf(file: Path, folder: Path) -> None:
    """Write the decoder in a GGUF file as a folder of float32 safetensors, which loads thirty times as fast.

    Raises DecoderMismatch if the file cannot be read; needs the package ``gguf``.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model: Any = AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name, dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    except (OSError, ValueError, ImportError) as error:
        raise DecoderMismatch(f"{file}: {_first_line(error)}") from None
    for part in (model, model.config):  # the weights are no longer quantised
        for name in ("hf_quantizer", "quantization_method", "quantization_config"):
            if hasattr(part, name):
                delattr(part, name)
    model.is_quantized = False
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def padded(decoder: Decoder, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return tokens, mask and positions, each (B, T): padding stands before a row and has no place of its own."""
    import torch

    longest, device = max(map(len, rows)), decoder.model.device
    filler = min(decoder.ends, default=0)
    tokens = torch.tensor([[filler] * (longest - len(row)) + list(row) for row in rows], device=device)
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows], device=device)
    return tokens, mask, mask.cumsum(dim=1).sub(1).clamp(min=0)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
