"""Whether an answer is right: exact, contained and relaxed match, and the accuracy of several annotators.

Each function takes one answer with its references and names the evaluation whose convention it follows; scores of
different conventions never stand in one table.
"""

from __future__ import annotations

from collections.abc import Sequence

from tenfold.text.errors import UnpairedTexts
from tenfold.text.normalise import normalised

TOLERANCE = 0.05  # of the target, in relaxed match
AGREEING = 3  # annotators whose agreement makes an answer fully right, in VQA


def exact_match(answer: str, references: Sequence[str]) -> bool:
    """Say whether an answer is one of the references, in the form of `tenfold.text.normalise.normalised`.

    This is the project's own convention: case, width, apostrophes and outer punctuation do not count. Of an answer
    that is nothing but punctuation, or empty, nothing is left: it is right only if a reference is the same text.
    Raises UnpairedTexts without references.
    """
    _checked(references)
    if not (form := normalised(answer)):
        return answer.strip() in {reference.strip() for reference in references}
    return form in {normalised(reference) for reference in references}


def contained_match(answer: str, references: Sequence[str], *, mathematics: bool = False) -> bool:
    """Say whether a reference stands in an answer, as in OCRBench's script (Liu et al. 2023).

    Both are stripped and in lower case, line breaks as spaces; ``mathematics`` takes all spaces out and keeps case, as
    the script does for handwritten mathematics. Long answers are at an advantage: report their length beside the score.
    Raises UnpairedTexts without references.
    """
    _checked(references)
    form = _without_spaces if mathematics else _lower
    return any(form(reference) in form(answer) for reference in references)


def relaxed_match(answer: str, reference: str, *, tolerance: float = TOLERANCE) -> bool:
    """Say whether a number is within ``tolerance`` of its target, and other texts equal: ChartQA (Masry et al. 2022).

    As in its published evaluation, "5%" is 0.05 on either side, so that "5%" against "5" is wrong; a target of 0 falls
    back to equality of the texts in lower case, so that "0.0" against "0" is wrong.
    """
    found, target = _number(answer), _number(reference)
    if found is None or not target:
        return answer.strip().lower() == reference.strip().lower()
    return abs(found - target) / abs(target) <= tolerance


def vqa_accuracy(answer: str, annotators: Sequence[str]) -> float:
    """Return the accuracy of an answer against several annotators (VQA; Antol et al. 2015), 0 to 1.

    The mean over annotators of min(1, equal answers among the *others* / 3), texts compared in the form of
    `tenfold.text.normalise.normalised`. **Deviation:** VQA's own script also takes out articles and writes number words
    as digits. Raises UnpairedTexts without annotators.
    """
    _checked(annotators)
    given = normalised(answer)
    equal = [normalised(one) == given for one in annotators]
    total = sum(equal)
    return sum(min(1.0, (total - one) / AGREEING) for one in equal) / len(equal)


def _checked(references: Sequence[str]) -> None:
    if isinstance(references, str) or not len(references):
        raise UnpairedTexts("an answer is compared with a list of references, one at least")


def _lower(text: str) -> str:
    return text.lower().strip().replace("\n", " ")


def _without_spaces(text: str) -> str:
    return text.strip().replace("\n", " ").replace(" ", "")


def _number(text: str) -> float | None:
    """Return the number that a text is, a percentage as its hundredth; None if it is none."""
    text = text.strip()
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        return None
