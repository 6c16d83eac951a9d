"""A question of one's own, as the small model reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenfold.commit_tuning.question_batches import QuestionEncoder


def question_of(text: str, encode: QuestionEncoder, *, context: int | None = None) -> str:
    """Return a question in the model's words: small letters, marks apart.

    Raises InvalidSubject for words that it does not know, and for a question that leaves no room for an answer in
    ``context``, the tokens that it reads.
    """
    from tenfold.commit_tuning.question_batches import SPECIAL
    from tenfold.commit_tuning.question_errors import InvalidSubject
    from tenfold.commit_tuning.questions import LONGEST_ANSWER

    words = text.lower().replace("?", " ? ").replace(".", " . ").split()
    known = set(encode.tokenizer.get_vocab()) - set(SPECIAL)
    if unknown := [word for word in words if word not in known]:
        raise InvalidSubject(f"the model does not know {', '.join(unknown)}; it knows {' '.join(sorted(known))}")
    if not words:
        raise InvalidSubject("the question has no word")
    taken = len(encode.prompt(" ".join(words))) + LONGEST_ANSWER + 1  # the answer and its end
    if context is not None and taken > context:
        raise InvalidSubject(
            f"the question has {len(words)} words; item, question and answer take {taken} tokens, of which the model "
            f"reads {context}: shorten it by {taken - context}"
        )
    return " ".join(words)
