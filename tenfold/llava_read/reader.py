"""A trained model that answers questions about images: alone, with what an OCR engine read, or by that alone.

    reader = Reader.load("artifacts/default/llava_read/tune-full/models/full-0")
    answer = reader.ask("What is the total?", image, page)
    print(answer.reply, len(answer.asked.used), "OCR words in the prompt")

Replies are greedy, in batches of prompts of like length; a reply depends on its own prompt alone, up to rounding.

Legend:  B prompts of a batch · T tokens
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal, Self

from tenfold.arguments import whole
from tenfold.llava_read.asking import UNSAID, Asked, Asking
from tenfold.llava_read.config import LlavaReadConfig
from tenfold.llava_read.errors import InvalidInputs, InvalidParts
from tenfold.llava_read.image_processor import listed_images
from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.llava_read.processor import LlavaReadProcessor
from tenfold.ocr.page import Page

BATCH = 16
NAMED = 120  # letters of a place that an error repeats
Status = Literal["answered", "empty", "cut"]


@dataclass(frozen=True)
class Answer:
    """A reply to what was asked: "answered", "empty" (nothing but white space), or "cut" (at the longest reply)."""

    reply: str
    status: Status
    asked: Asked


@dataclass(frozen=True)
class Reader:
    """A model with its processor, and how it is asked. ``name`` and ``revision`` tell it from others."""

    model: LlavaReadForConditionalGeneration
    processor: LlavaReadProcessor
    asking: Asking = field(default_factory=Asking)
    name: str = "llava-read"
    revision: str | None = None

    @classmethod
    def load(cls, place: str | Path, *, revision: str | None = None, device: str = "cpu") -> Self:
        """Return the model of a folder or, by its id and pinned ``revision``, of the hub; weights are safetensors.

        Raises InvalidParts if there is no such model with a processor, or a hub id comes without a revision.
        """
        name, folder = _found(place, revision)
        config = _config(folder, name)
        if not isinstance(config, LlavaReadConfig):
            raise InvalidParts(f"{name} holds a {getattr(config, 'model_type', 'model of no kind')}, not a llava_read")
        try:
            model = LlavaReadForConditionalGeneration.from_pretrained(folder, use_safetensors=True)
            processor = LlavaReadProcessor.from_pretrained(folder)
        except (OSError, ValueError, KeyError) as error:
            raise InvalidParts(f"{name}: no model with a processor can be loaded ({_first_line(error)})") from None
        return cls(model.to(device).eval(), processor, Asking.load(folder), name, revision)  # type: ignore[arg-type]

    def save(self, folder: Path) -> None:
        """Write weights, processor and asking.json into ``folder``, which is made if need be.

        Raises InvalidParts while the decoder has LoRA.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_pretrained(folder)
        self.processor.save_pretrained(folder)
        self.asking.save(folder)

    def predict(self, inputs: Any) -> Any:
        """Return the replies (N,) to questions about images, rows (image's path, question); OCR as it was taught.

        Raises InvalidInputs for rows of other columns; InvalidImages.
        """
        import numpy as np

        from tenfold.imaging.files import open_image
        from tenfold.ocr.reading import DEFAULT, read

        given = np.asarray(inputs)
        if given.ndim != 2 or given.shape[1] != 2:
            raise InvalidInputs(f"rows are (image's path, question), an array (N, 2), not {given.shape}")
        rows = [(open_image(Path(str(image)), "RGB"), str(question)) for image, question in given]
        own, pages = self.asking, list[Page | None]([None] * len(rows))
        if own.ocr != "none":
            pages = [*read([np.asarray(image) for image, _ in rows], own.engine or DEFAULT, enlarge=own.enlarge)]
        asked = [self.asked(question, image, page) for (image, question), page in zip(rows, pages, strict=True)]
        return np.array([answer.reply for answer in self.answer(asked)])

    def asking_by(self, **changes: Any) -> Self:
        """Return the same model asked otherwise: ``ocr="none"`` by vision alone, ``image=False`` by OCR alone.

        Without OCR text there is no budget, no policy and no engine. Raises InvalidPrompt.
        """
        more = {"budget": None, "policy": None, **UNSAID} if changes.get("ocr") == "none" else {}
        return replace(self, asking=replace(self.asking, **more | changes))

    def tokens_of(self, text: str) -> int:
        """Return how many tokens a text has, as the budget counts them."""
        return len(self.processor.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])

    def asked(self, question: str, image: Any = None, page: Page | None = None) -> Asked:
        """Return a question as this model reads it. Raises InvalidPrompt."""
        return self.asking.asked(question, image, page, count=self.tokens_of)

    def ask(self, question: str, image: Any = None, page: Page | None = None) -> Answer:
        """Return the answer to one question about an image (PIL, uint8 (H, W) or (H, W, 3), or a path).

        ``page`` is what an OCR engine read on it. Raises InvalidPrompt, InvalidInputs, InvalidImages, MaskedValues.
        """
        return self.answer([self.asked(question, image, page)])[0]

    def answer(
        self, asked: Sequence[Asked], *, batch: int = BATCH, progress: Callable[[int, int], None] | None = None
    ) -> list[Answer]:
        """Return the answer to each of ``asked``, in order; ``progress`` is told how many of how many are answered.

        Raises InvalidInputs, before anything is answered, for a prompt that is longer than the model can read, and for
        a batch of less than one.
        """
        batch = whole(batch, "batch", least=1, error=InvalidInputs)
        for one in asked:
            if refused := self.refusal(one):
                raise InvalidInputs(refused)
        lengths = [self.length(one) for one in asked]
        found: dict[int, Answer] = {}
        order = sorted(range(len(asked)), key=lambda number: (lengths[number], number))
        for start in range(0, len(order), batch):
            numbers = order[start : start + batch]
            for number, (reply, ended) in zip(numbers, self._replies([asked[n] for n in numbers]), strict=True):
                status: Status = "cut" if not ended else "answered" if reply.strip() else "empty"
                found[number] = Answer(reply.strip(), status, asked[number])
            if progress is not None:
                progress(len(found), len(asked))
        return [found[number] for number in range(len(asked))]

    @cached_property
    def context(self) -> int:
        """The longest sequence in tokens, image and reply among them."""
        text: Any = self.model.config.text_config
        return int(getattr(text, "max_position_embeddings", None) or 2**31)

    def refusal(self, one: Asked) -> str:
        """Return why a question cannot be answered, since it is too long; "" if it can."""
        length, longest = self.length(one), self.asking.reply_tokens
        if length + longest <= self.context:
            return ""
        return (
            f"{one.prompt[-40:]!r}: {length} tokens and a reply of {longest} exceed the {self.context} that "
            f"{self.name} reads; give the OCR text a smaller budget"
        )

    def length(self, one: Asked) -> int:
        """Return how many tokens a prompt has, those of the chat template and of the image among them."""
        text = self.processor.prompts([self.processor.messages(one.prompt)], return_tensors=None)["input_ids"][0]
        return len(text) + self.processor.image_tokens * len(listed_images(one.image))

    def _replies(self, asked: Sequence[Asked]) -> list[tuple[str, bool]]:
        """Return each reply of a batch, and whether it came to its end."""
        from tenfold.llava_read.answering import greedy_replies

        inputs = self.processor.prompts([self.processor.messages(one.prompt, one.image) for one in asked])
        own = inputs.pop("attention_mask").bool()  # (B, T)
        prompts = [tokens[kept].tolist() for tokens, kept in zip(inputs.pop("input_ids"), own, strict=True)]
        pixels = dict(inputs.to(self.model.device))
        ends = list(accumulate(len(listed_images(one.image)) for one in asked))  # images as far as each row's last

        def images(numbers: Sequence[int]) -> dict[str, Any]:
            firsts = [0, *ends]
            shown = [place for number in numbers for place in range(firsts[number], ends[number])]
            return {name: each[shown] for name, each in pixels.items()}

        found = greedy_replies(
            self.model, prompts, ends=self._ends, longest=self.asking.reply_tokens, images=images, batch=len(prompts)
        )
        return [(self.processor.tokenizer.decode(one.tokens, skip_special_tokens=True), one.ended) for one in found]

    @cached_property
    def _ends(self) -> frozenset[int]:
        own = self.model.generation_config.eos_token_id
        listed = own if isinstance(own, list) else [own]
        return frozenset(one for one in (*listed, self.processor.tokenizer.eos_token_id) if one is not None)


def _found(place: str | Path, revision: str | None) -> tuple[str, Path]:
    """Return a model's name and its folder, fetched from the hub if it is none on this machine."""
    folder = Path(place)
    if os.path.isdir(folder):  # which a name too long for a file is no error to
        if revision is not None:
            raise InvalidParts(f"{place} is a folder, which has no revision {revision}")
        return folder.name, folder
    if revision is None or str(place).count("/") != 1:
        raise InvalidParts(
            f"there is no folder {str(place)[:NAMED]}: name the folder of a model, or one of the hub as "
            "OWNER/NAME@COMMIT"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    try:
        patterns = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
        return str(place), Path(snapshot_download(str(place), revision=revision, allow_patterns=patterns))
    except (OSError, HFValidationError) as error:
        raise InvalidParts(f"{place}@{revision}: {_first_line(error)}") from None


def _config(folder: Path, name: str) -> Any:
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise InvalidParts(f"{name} holds no model of transformers ({_first_line(error)})") from None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
