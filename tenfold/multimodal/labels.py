"""Labels of answers alone, token by token, and a refusal where there is no answer to learn from.

Legend:  B rows of a batch · T tokens
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tenfold.language.errors import EmptyAnswer

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor

IGNORED = -100  # the label of a token that no loss counts


def answer_labels(prompt: Sequence[int], answer: Sequence[int], *, name: str) -> tuple[list[int], list[int]]:
    """Return the tokens of a prompt with its answer and their labels: the answer's own, nothing for the prompt.

    Raises EmptyAnswer, naming the sample, if the answer has no token.
    """
    if not answer:
        raise EmptyAnswer(f"{name}: its answer has no token, so there is nothing to learn from")
    return [*prompt, *answer], [IGNORED] * len(prompt) + list(answer)


def require_answers(labels: Int[Tensor, "B T"], names: Sequence[str] | None = None) -> None:
    """Raise EmptyAnswer if a row of labels has none that a loss counts; ``names`` say which sample a row is.

    The label of the first token counts for nothing: no token before it could predict it.
    """
    empty = ((labels[:, 1:] != IGNORED).sum(dim=1) == 0).nonzero().flatten().tolist()
    if empty:
        listed = ", ".join(str(names[row]) if names is not None else f"row {row}" for row in empty)
        raise EmptyAnswer(
            f"{listed}: not one token of an answer is left to learn from; "
            f"a template that masks every token, or a text cut short, does this"
        )
