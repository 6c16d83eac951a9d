"""Image-and-text models of the hub, or of a folder in the hub's format, on this machine: greedy, in batches.

The models that the benchmark was published with, in the hub's own format: ``llava-hf/llava-1.5-13b-hf``,
``llava-hf/llava-v1.6-vicuna-13b-hf``, ``llava-hf/llava-v1.6-34b-hf``, ``HuggingFaceM4/idefics2-8b``. Models that bring
code of their own need ``trust_remote_code``, which runs that code: it is off unless asked for, and takes a commit.

Legend:  B conversations of a batch · T tokens
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from tenfold.chat.client import Spent
from tenfold.chat.messages import Conversation, Failure, Message, Reply, Sampling
from tenfold.chat.transcript import Transcript
from tenfold.imaging.files import open_image
from tenfold.mmr.chat_model import ChatModel, QueryImage
from tenfold.mmr.errors import InvalidModel

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.jinja", "*.py")
NEW_TOKENS = 200  # as the released code has it for LLaVA-1.5
BATCH = 8


@dataclass(frozen=True)
class HubBackend:
    """A model with its processor, loaded; see ``load_hub_model``. Replies are greedy."""

    model: Any
    processor: Any
    name: str
    revision: str
    dtype: str
    batch: int = BATCH

    def identity(self) -> Mapping[str, Any]:
        return {"kind": "hub", "model": self.name, "revision": self.revision, "dtype": self.dtype, "batch": self.batch}

    def replies(
        self, calls: Iterable[tuple[int, Conversation]], sampling: Sampling
    ) -> Iterator[tuple[int, Reply | Failure]]:
        """Answer numbered conversations, a batch at a time. Raises InvalidModel for anything but greedy sampling."""
        if sampling.temperature != 0 or sampling.stop:
            raise InvalidModel(f"{self.name} replies greedily: temperature is 0, and there are no stop words")
        numbered = iter(calls)
        while batch := list(islice(numbered, self.batch)):
            found = self._answered([conversation for _, conversation in batch], sampling.max_tokens)
            yield from zip((number for number, _ in batch), found, strict=True)

    @cached_property
    def context(self) -> int:
        """The longest sequence in tokens, image and reply among them."""
        config = self.model.config.get_text_config()
        return int(getattr(config, "max_position_embeddings", None) or 2**31)

    def _answered(self, conversations: Sequence[Conversation], longest: int) -> list[Reply | Failure]:
        """Return a reply to each conversation; one by one where they fail together, such as by lack of memory."""
        try:
            return self._generated(conversations, longest)
        except (RuntimeError, ValueError, IndexError) as error:
            if len(conversations) > 1:
                return [reply for one in conversations for reply in self._answered([one], longest)]
            return [Failure(f"{type(error).__name__}: {_first_line(error)}")]

    def _generated(self, conversations: Sequence[Conversation], longest: int) -> list[Reply | Failure]:
        import torch

        inputs = self._inputs(conversations).to(self.model.device)
        for name, value in inputs.items():
            if torch.is_floating_point(value):
                inputs[name] = value.to(self.model.dtype)
        tokens = inputs["input_ids"]  # (B, T)
        lengths = inputs["attention_mask"].sum(dim=1).tolist()
        if max(lengths) + longest > self.context:
            raise ValueError(f"{max(lengths)} tokens and a reply of {longest} exceed the context of {self.context}")
        with torch.inference_mode():
            # the checkpoint's own ways of drawing are left aside: they would be of no use, and would be warned of
            made = self.model.generate(
                **inputs, do_sample=False, num_beams=1, max_new_tokens=longest, temperature=None, top_p=None, top_k=None
            )
        return [self._reply(row[tokens.shape[1] :].tolist(), length) for row, length in zip(made, lengths, strict=True)]

    def _inputs(self, conversations: Sequence[Conversation]) -> Any:
        messages = [[_message(one) for one in conversation] for conversation in conversations]
        if self.processor.chat_template:
            return self.processor.apply_chat_template(
                messages,
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                processor_kwargs={"padding": True},
            )
        mark = getattr(self.processor, "image_token", None) or "<image>"
        texts = [plain_prompt(conversation, mark) for conversation in conversations]
        images = [[_pixels(image) for one in conversation for image in one.images] for conversation in conversations]
        given = {"images": images} if any(images) else {}
        return self.processor(text=texts, padding=True, return_tensors="pt", **given)

    def _reply(self, tokens: list[int], prompt_tokens: int) -> Reply:
        """Return what new tokens say; "length" where none of them ends the reply."""
        ended = [place for place, token in enumerate(tokens) if token in self._ends]
        own = tokens[: ended[0]] if ended else tokens
        text = self.processor.tokenizer.decode(own, skip_special_tokens=True)
        return Reply(text.strip(), "stop" if ended else "length", int(prompt_tokens), len(own) + bool(ended))

    @cached_property
    def _ends(self) -> frozenset[int]:
        own = self.model.generation_config.eos_token_id
        listed = own if isinstance(own, list) else [own]
        return frozenset(one for one in (*listed, self.processor.tokenizer.eos_token_id) if one is not None)


def load_hub_model(
    place: str | Path,
    *,
    revision: str | None = None,
    trust_remote_code: bool = False,
    device: str = "cpu",
    dtype: str = "auto",
    batch: int = BATCH,
) -> HubBackend:
    """Load a model by its hub id and pinned ``revision``, or from a folder; weights are safetensors.

    ``trust_remote_code`` runs code that comes with the model and needs a commit of 40 digits. A folder is known by the
    digest of its files. ``dtype`` is "auto" (the checkpoint's own) or one of torch's, such as "bfloat16".
    Raises InvalidModel for a hub id without a revision, or where there is no such model with a processor.
    """
    name, known = known_as(place, revision, trust_remote_code)
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    kind = dtype if dtype == "auto" else getattr(torch, dtype, None)
    if kind != "auto" and not isinstance(kind, torch.dtype):
        raise InvalidModel(f"dtype {dtype!r}: must be auto or one of torch's, such as bfloat16")
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        processor = AutoProcessor.from_pretrained(place, **options)
        model: Any = AutoModelForImageTextToText.from_pretrained(place, dtype=kind, use_safetensors=True, **options)
    except (OSError, ValueError, ImportError, KeyError) as error:
        raise InvalidModel(
            f"{place}: no image-and-text model with a processor can be loaded ({_first_line(error)})"
        ) from None
    if not hasattr(processor, "tokenizer"):
        raise InvalidModel(f"{place}: its processor is a {type(processor).__name__}, which takes no text with an image")
    processor.tokenizer.padding_side = "left"
    if processor.tokenizer.pad_token is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    return HubBackend(model.to(device).eval(), processor, name, known, str(model.dtype).removeprefix("torch."), batch)


def hub_model(
    place: str | Path,
    *,
    name: str = "",
    revision: str | None = None,
    trust_remote_code: bool = False,
    device: str = "cpu",
    dtype: str = "auto",
    batch: int = BATCH,
    max_new_tokens: int = NEW_TOKENS,
    transcript: Transcript | None = None,
    spent: Spent | None = None,
) -> ChatModel:
    """Return a model of the hub, or of a folder, as a model under test. Raises what ``load_hub_model`` raises."""
    backend = load_hub_model(
        place, revision=revision, trust_remote_code=trust_remote_code, device=device, dtype=dtype, batch=batch
    )
    sampling = Sampling(max_tokens=max_new_tokens)
    return ChatModel(name or backend.name, backend, sampling, None, transcript, spent or Spent())


def known_as(place: str | Path, revision: str | None, trust_remote_code: bool = False) -> tuple[str, str]:
    """Return a model's name and revision, of a folder the digest of its files; nothing is loaded.

    Raises InvalidModel for a hub id without a revision, foreign code without a commit, and what is neither.
    """
    folder = Path(place)
    if not folder.is_dir():
        return str(place), _pinned(str(place), revision, trust_remote_code)
    if revision is not None:
        raise InvalidModel(f"{place} is a folder, which has no revision {revision}")
    return folder.name, folder_digest(folder)


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and bytes of a model folder's files."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in FILES for path in folder.glob(pattern)}):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def plain_prompt(conversation: Conversation, mark: str) -> str:
    """Return a conversation as LLaVA-1.5 was taught: for a processor without a chat template."""
    names = {"system": "", "user": "USER: ", "assistant": "ASSISTANT: "}
    line = f"{mark}\n"
    parts = [f"{names[one.role]}{line * len(one.images)}{one.text}" for one in conversation]
    return " ".join([*parts, "ASSISTANT:"])


def _pinned(place: str, revision: str | None, trust_remote_code: bool) -> str:
    """Return the revision of a hub id, which must be given."""
    if not HUB_ID.fullmatch(place):
        raise InvalidModel(f"there is no folder {place}, and a hub id is owner/name")
    if not revision:
        raise InvalidModel(f"{place}: give a revision, so that the same weights come again; the hub lists its commits")
    if trust_remote_code and not COMMIT.fullmatch(revision):
        raise InvalidModel(
            f"{place}: the revision {revision!r} may come to mean other code: to run a model's own code, name "
            f"a commit of 40 digits"
        )
    return revision


def _message(message: Message) -> dict[str, Any]:
    """Return a message as processors have it, images before the text."""
    parts: list[dict[str, Any]] = [{"type": "image", "image": _pixels(image)} for image in message.images]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}


def _pixels(image: Any) -> Any:
    """Return a message's image as Pillow has it."""
    from PIL import Image

    if isinstance(image, QueryImage):
        return Image.fromarray(image.pixels)
    return open_image(image.data, "RGB")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
