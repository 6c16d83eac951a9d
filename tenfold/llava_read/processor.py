"""What a model reads: images in both resolutions, the prompt's tokens with placeholders expanded, labels of answers.

Legend:  B rows of a batch · T tokens · N images of the whole batch, in the rows' order
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transformers import AutoProcessor, ProcessorMixin
from transformers.feature_extraction_utils import BatchFeature

from tenfold.language.errors import EmptyAnswer
from tenfold.llava_read.characters import IMAGE, character_tokenizer
from tenfold.llava_read.config import LlavaReadConfig
from tenfold.llava_read.errors import InvalidInputs
from tenfold.llava_read.image_processor import LlavaReadImageProcessor, listed_images
from tenfold.multimodal.labels import IGNORED, answer_labels
from tenfold.multimodal.placeholders import Placeholder, expand

Messages = Sequence[Mapping[str, Any]]
KEPT = ("add_special_tokens", "sanitize_control_tokens")  # what the tokenizer is told


class LlavaReadProcessor(ProcessorMixin):
    """Images and prompts as a model reads them; one ``<image>`` per image in the text, expanded here.

    ``image_tokens`` is the number of tokens of an image, the model's ``config.image_tokens``.
    """

    def __init__(
        self,
        image_processor: LlavaReadImageProcessor,
        tokenizer: Any,
        image_tokens: int = 64,
        chat_template: str | None = None,
        **_: Any,
    ) -> None:
        self.image_tokens = int(image_tokens)
        self.image_token = IMAGE
        self.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE)
        if self.image_token_id is None or self.image_token_id == tokenizer.unk_token_id:
            raise InvalidInputs(f"the tokenizer has no token {IMAGE}: add it, as tenfold.llava_read.pretrained does")
        super().__init__(image_processor, tokenizer, chat_template=chat_template or tokenizer.chat_template)

    @classmethod
    def for_config(cls, config: LlavaReadConfig, tokenizer: Any = None, **normalisation: Any) -> LlavaReadProcessor:
        """Return the processor of a model's configuration; without a ``tokenizer``, the one of characters."""
        images = LlavaReadImageProcessor(config.image_side_low or 0, config.image_side_high, **normalisation)
        return cls(images, character_tokenizer() if tokenizer is None else tokenizer, config.image_tokens)

    def __call__(
        self,
        images: Any = None,
        text: str | Sequence[str] | None = None,
        return_tensors: str | None = "pt",
        padding_side: str = "left",
        **more: Any,
    ) -> BatchFeature:
        """Return input_ids and attention_mask (B, T), and the images in both resolutions if there are any.

        Raises PlaceholderMismatch, with both numbers, if the text has more or fewer ``<image>`` than there are images;
        InvalidInputs without text, or for truncation, which would cut placeholders off or an answer's evidence.
        """
        if text is None:
            raise InvalidInputs("the processor needs text; an image has its place in it, <image>")
        if more.pop("truncation", None):
            raise InvalidInputs("truncation cuts placeholders in two; give the OCR text a budget instead")
        given = {name for name, value in more.items() if value is not None}
        if unknown := sorted(given - {*KEPT, "padding"}):  # rows are always padded to the longest
            raise InvalidInputs(f"the processor does not know {', '.join(unknown)}")
        rows = self._expanded([text] if isinstance(text, str) else list(text), images, **more)
        found = self._padded(rows, padding_side)
        if images is not None and listed_images(images):
            found |= dict(self.image_processor.preprocess(images, return_tensors=None))
        return BatchFeature(found, tensor_type=return_tensors)

    def _expanded(self, text: list[str], images: Any, **more: Any) -> list[list[int]]:
        """Return each row's tokens; images fill placeholders row by row, in order."""
        kept = {name: more[name] for name in KEPT if name in more}
        rows: list[list[int]] = [list(row) for row in self.tokenizer(text, **kept)["input_ids"]]
        given = len(listed_images(images))
        flat = [token for row in rows for token in row]
        expand(flat, {"image": Placeholder(self.image_token_id, (self.image_tokens,) * given)})  # refuses a mismatch
        return [self._whole(row) for row in rows]

    def _whole(self, row: list[int]) -> list[int]:
        count = row.count(self.image_token_id)
        return expand(row, {"image": Placeholder(self.image_token_id, (self.image_tokens,) * count)})

    def _padded(self, rows: list[list[int]], side: str) -> dict[str, Any]:
        filler = self.tokenizer.pad_token_id
        if filler is None:
            filler = self.tokenizer.eos_token_id
        longest = max(map(len, rows), default=0)
        gaps = [longest - len(row) for row in rows]
        return {
            "input_ids": _beside(rows, gaps, filler, side),
            "attention_mask": _beside([[1] * len(row) for row in rows], gaps, 0, side),
        }

    def messages(self, prompt: str, images: Any = None, answer: str | None = None) -> list[dict[str, Any]]:
        """Return a conversation as chat templates read it: the images, the prompt, and an answer if there is one."""
        parts: list[dict[str, Any]] = [{"type": "image", "image": image} for image in listed_images(images)]
        asked = [{"role": "user", "content": [*parts, {"type": "text", "text": prompt}]}]
        return asked if answer is None else [*asked, {"role": "assistant", "content": answer}]

    def prompts(self, conversations: Sequence[Messages], *, return_tensors: str | None = "pt") -> BatchFeature:
        """Return conversations as ``generate`` reads them: padded on the left, the answer to come.

        Special tokens in a user's or an OCR engine's words are read as characters. Raises PlaceholderMismatch.
        """
        rows = [self._prompt(one) for one in conversations]
        found = self._padded(rows, "left")
        images = [image for one in conversations for image in _images(one)]
        if images:
            found |= dict(self.image_processor.preprocess(images, return_tensors=None))
        return BatchFeature(found, tensor_type=return_tensors)

    def supervised(
        self,
        conversations: Sequence[Messages],
        *,
        names: Sequence[str] | None = None,
        return_tensors: str | None = "pt",
    ) -> BatchFeature:
        """Return conversations that end with an answer, with labels (B, T) of that answer and its end alone.

        Raises EmptyAnswer, naming the sample, where there is none; PlaceholderMismatch.
        """
        called = [f"sample {number}" for number in range(len(conversations))] if names is None else list(names)
        rows, labels = [], []
        for name, one in zip(called, conversations, strict=True):
            tokens, own = self.answered(one, name=name)
            rows.append(tokens)
            labels.append(own)
        found = self._padded(rows, "right")
        gaps = [len(found["input_ids"][0]) - len(row) for row in rows]
        found["labels"] = _beside(labels, gaps, IGNORED, "right")
        images = [image for one in conversations for image in _images(one)]
        if images:
            found |= dict(self.image_processor.preprocess(images, return_tensors=None))
        return BatchFeature(found, tensor_type=return_tensors)

    def answered(self, conversation: Messages, *, name: str = "the sample") -> tuple[list[int], list[int]]:
        """Return a conversation's tokens (T,) and labels (T,): those of its last message and of the end of text.

        Raises EmptyAnswer, naming the sample, if the last message is not the assistant's or is empty.
        """
        last = conversation[-1] if conversation else {}
        if last.get("role") != "assistant" or len(conversation) < 2:
            raise EmptyAnswer(f"{name}: its last message is no answer of the assistant's")
        text = _text(last["content"])
        if not text:
            raise EmptyAnswer(f"{name}: its answer is empty, so there is nothing to learn from")
        answer = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        return answer_labels(self._prompt(conversation[:-1]), [*answer, self.tokenizer.eos_token_id], name=name)

    def all_answered(self, conversation: Messages, *, name: str = "the sample") -> tuple[list[int], list[int]]:
        """Return a conversation's tokens (T,) and labels (T,): those of every message of the assistant's with its end.

        One image's questions share its tokens so. Raises EmptyAnswer like ``answered``; InvalidInputs if the chat
        template writes the beginning of a conversation otherwise once more follows.
        """
        tokens: list[int] = []
        labels: list[int] = []
        for length in range(2, len(conversation) + 1, 2):
            found, own = self.answered(conversation[:length], name=name)
            if found[: len(tokens)] != tokens:
                raise InvalidInputs(f"{name}: the chat template rewrites earlier messages; train one answer at a time")
            labels += own[len(tokens) :]
            tokens = found
        if not tokens or len(conversation) % 2:
            raise EmptyAnswer(f"{name}: its last message is no answer of the assistant's")
        return tokens, labels

    def _prompt(self, conversation: Messages) -> list[int]:
        tokens = self.tokenizer.apply_chat_template(
            [dict(message) | {"content": _without_pixels(message["content"])} for message in conversation],
            chat_template=self.chat_template,
            add_generation_prompt=True,
            tokenize=True,
            return_dict=False,
            sanitize_control_tokens=True,
        )
        count = len(_images(conversation))
        return expand(list(tokens), {"image": Placeholder(self.image_token_id, (self.image_tokens,) * count)})


def _beside(rows: list[list[int]], gaps: list[int], filler: int, side: str) -> list[list[int]]:
    if side not in ("left", "right"):
        raise InvalidInputs(f"padding stands left or right, not {side!r}")
    return [
        [filler] * gap + row if side == "left" else row + [filler] * gap for row, gap in zip(rows, gaps, strict=True)
    ]


def _images(conversation: Messages) -> list[Any]:
    parts = [part for message in conversation if not isinstance(message["content"], str) for part in message["content"]]
    found = [part for part in parts if part.get("type") == "image"]
    for part in found:
        if part.get("image") is None:
            raise InvalidInputs("a message's image part holds no image; put it under the key image")
    return [part["image"] for part in found]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "".join(part["text"] for part in content if part.get("type") == "text")


def _without_pixels(content: Any) -> Any:
    if isinstance(content, str):
        return content
    return [{"type": "image"} if part.get("type") == "image" else dict(part) for part in content]


AutoProcessor.register(LlavaReadConfig, LlavaReadProcessor, exist_ok=True)
