"""Questions as tokens: placeholders of the item, the words, and labels of the answer alone.

Legend:  B questions of a batch · T tokens
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tenfold.commit_tuning.question_errors import InvalidModelParts
from tenfold.commit_tuning.questions import Kind, Question, Subject
from tenfold.language.errors import EmptyAnswer
from tenfold.multimodal.labels import IGNORED, answer_labels
from tenfold.multimodal.placeholders import Placeholder, expand

PAD, END, MEDIA, UNKNOWN, ANSWER = "<pad>", "<end>", "<media>", "<unknown>", "<answer>"
SPECIAL = (PAD, END, MEDIA, UNKNOWN, ANSWER)
TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %} " + ANSWER


def words_of(subjects: Sequence[Subject]) -> tuple[str, ...]:
    """Return the words of all questions about the subjects, of their answers and of statements about them, in order."""
    texts = ["what is it ? yes no a an ."]
    for subject in subjects:
        texts += [*subject.classes, *subject.properties]
    return tuple(sorted({word for text in texts for word in text.split()}))


def word_tokenizer(words: Sequence[str]) -> Any:
    """Return a tokenizer of words between spaces, with a chat template."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(WordLevel({word: place for place, word in enumerate([*SPECIAL, *words])}, unk_token=UNKNOWN))
    inner.pre_tokenizer = WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token=PAD, eos_token=END, unk_token=UNKNOWN, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


@dataclass(frozen=True)
class QuestionEncoder:
    """Questions for a model with ``media_tokens`` tokens per item; ``tokenizer`` has a chat template and ``<media>``.

    Raises InvalidModelParts for a tokenizer without one of them.
    """

    tokenizer: Any
    media_tokens: int

    def __post_init__(self) -> None:
        if not self.tokenizer.chat_template:
            raise InvalidModelParts("the tokenizer has no chat template, which says where a question ends")
        if self.media_token_id in (None, self.tokenizer.unk_token_id):
            raise InvalidModelParts(f"the tokenizer has no token {MEDIA}; load_decoder_with_placeholder adds it")

    @property
    def media_token_id(self) -> int:
        """The placeholder's token."""
        return self.tokenizer.convert_tokens_to_ids(MEDIA)

    def prompt(self, question: str, *, media: bool = True) -> list[int]:
        """Return the tokens (T,) of a question, after the item's placeholders unless ``media`` is false.

        Raises PlaceholderMismatch if the question's own words hold a placeholder.
        """
        content = f"{MEDIA} {question}" if media else question
        messages = [{"role": "user", "content": content}]
        text = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        tokens = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return expand(tokens, {"item": Placeholder(self.media_token_id, (self.media_tokens,) * int(media))})

    def answered(self, question: str, answer: str, *, name: str, media: bool = True) -> tuple[list[int], list[int]]:
        """Return the tokens of a question with its answer and its end, and the labels (T,) of these last alone.

        Raises EmptyAnswer, naming the question, for an answer without a token.
        """
        words = self.tokenizer(answer, add_special_tokens=False)["input_ids"]
        if not words:
            raise EmptyAnswer(f"{name}: its answer {answer!r} has no token, so there is nothing to learn from")
        return answer_labels(self.prompt(question, media=media), [*words, self.tokenizer.eos_token_id], name=name)

    def batch(self, questions: Sequence[Question], media: Float[Tensor, "B ..."] | None) -> dict[str, Tensor]:
        """Return input_ids, attention_mask and labels (B, T), padded on the right, and the items, one per question.

        Raises EmptyAnswer, PlaceholderMismatch; ValueError for another number of items.
        """
        rows = [self.answered(one.question, one.answer, name=one.id, media=media is not None) for one in questions]
        found = padded(rows, self.tokenizer.pad_token_id)
        if media is not None:
            if len(media) != len(questions):
                raise ValueError(f"{len(media)} items for {len(questions)} questions: one per question")
            found["media"] = media
        return found


def padded(rows: Sequence[tuple[list[int], list[int]]], filler: int | None) -> dict[str, Tensor]:
    """Return tokens, mask and labels (B, T) of rows of tokens and labels, padded on the right."""
    from torch.nn.utils.rnn import pad_sequence

    def together(lists: Sequence[list[int]], value: int) -> Int[Tensor, "B T"]:
        return pad_sequence([torch.tensor(one) for one in lists], batch_first=True, padding_value=value)

    return {
        "input_ids": together([tokens for tokens, _ in rows], filler or 0),
        "attention_mask": together([[1] * len(tokens) for tokens, _ in rows], 0),
        "labels": together([labels for _, labels in rows], IGNORED),
    }


def exact_matches(
    logits: Float[Tensor, "B T V"], labels: Int[Tensor, "B T"], *, never: int | None = None
) -> Bool[Tensor, " B"]:
    """Say of each row whether greedy decoding gives its whole answer and then its end.

    It does if, and only if, the likeliest token is the right one at every place after the right ones before: one
    forward is enough. ``never`` is a token that no answer may hold, the placeholder. Raises EmptyAnswer for a row
    without an answer.
    """
    from tenfold.multimodal.labels import require_answers

    require_answers(labels)
    counted = labels[:, 1:] != IGNORED
    if never is not None:
        logits = logits.index_fill(-1, torch.tensor([never], device=logits.device), float("-inf"))
    return ((logits[:, :-1].argmax(dim=-1) == labels[:, 1:]) | ~counted).all(dim=1)


@torch.inference_mode()
def answers(
    model: Any, encode: QuestionEncoder, questions: Sequence[str], media: Float[Tensor, "B ..."], *, longest: int = 8
) -> list[str]:
    """Return a model's answers by greedy decoding, each until its end or ``longest`` tokens."""
    from torch.nn.utils.rnn import pad_sequence

    rows = [encode.prompt(question) for question in questions]
    starts, ended = [len(row) for row in rows], [False] * len(rows)
    for _ in range(longest):
        tokens = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
        mask = pad_sequence([torch.ones(len(row), dtype=torch.int64) for row in rows], batch_first=True)
        logits = model(input_ids=tokens, attention_mask=mask, media=media).logits
        logits[..., encode.media_token_id] = float("-inf")  # no answer holds a placeholder
        for number, row in enumerate(rows):
            said = int(logits[number, len(row) - 1].argmax())
            ended[number] |= said == encode.tokenizer.eos_token_id
            if not ended[number]:
                row.append(said)
        if all(ended):
            break
    return [
        encode.tokenizer.decode(row[start:], skip_special_tokens=True) for row, start in zip(rows, starts, strict=True)
    ]


def accuracy_by_kind(questions: Sequence[Question], right: Sequence[bool]) -> Mapping[Kind, float]:
    """Return the share of right answers of each kind of question, names apart from yes and no."""
    kinds: dict[Kind, list[bool]] = {}
    for one, correct in zip(questions, right, strict=True):
        kinds.setdefault(one.kind, []).append(bool(correct))
    return {kind: sum(found) / len(found) for kind, found in kinds.items()}
