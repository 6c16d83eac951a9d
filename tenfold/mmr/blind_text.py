"""A model that reads the question and never the image: sentence embeddings and logistic regression.

What it scores above chance on choices is in the wording of questions and options, not in the images.

Legend:  N choice items · 4 options · D width of the sentence encoder · F features of an option
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64

from tenfold.mmr.annotations import options_of
from tenfold.mmr.baselines import ConstantBox
from tenfold.mmr.errors import InvalidModel, NoItems
from tenfold.mmr.items import ItemSet
from tenfold.mmr.predictions import Prediction, prediction_of
from tenfold.mmr.queries import Query
from tenfold.mmr.tasks import CHOICE, Task
from tenfold.text.encoder import SentenceEncoder

PENALTY = 0.1  # inverse strength of the regression's L2 penalty
FOLDS = 5


@dataclass(frozen=True)
class _Part:
    """What was learned from one set of items."""

    regression: Any
    box: ConstantBox


class BlindText:
    """Chooses the option that a logistic regression on text embeddings finds likeliest; grounding gets a constant box.

    An option's features are its embedding, the product of that with the question's, the option's number, and the task
    with that number. Recognition gets an empty reply.
    """

    name = "BlindText"

    def __init__(self, encoder: SentenceEncoder, parts: Sequence[_Part], folds: Mapping[str, int], detail: str) -> None:
        self._encoder, self._parts, self._folds, self._detail = encoder, tuple(parts), dict(folds), detail

    @classmethod
    def fitted(cls, items: ItemSet, encoder: SentenceEncoder) -> BlindText:
        """Return the model fitted on ``items``, which must not be those that it is scored on.

        Raises NoItems if none of them is a choice.
        """
        return cls(
            encoder,
            _learned(encoder, items, [np.ones(len(items), dtype=bool)]),
            {},
            f"fitted on {len(items)} items of {items.name}",
        )

    @classmethod
    def cross_fitted(cls, items: ItemSet, encoder: SentenceEncoder, *, folds: int = FOLDS, seed: int = 0) -> BlindText:
        """Return the model that answers each item by a fit to items about other images, in ``folds`` parts.

        Where answers are balanced by making, as ours are, it falls below chance: what is frequent in a fold is rare in
        the others. Fit such items on others, with ``fitted``.
        Raises InvalidModel for fewer than 2 folds or more folds than images, NoItems if a part has no choice to fit.
        """
        images = sorted(set(items.images.tolist()))
        if not 2 <= folds <= len(images):
            raise InvalidModel(f"cross-fitting takes 2 to {len(images)} folds (images), not {folds}")
        order = np.random.default_rng(seed).permutation(len(images))
        fold = {images[place]: number % folds for number, place in enumerate(order)}
        own = np.array([fold[name] for name in items.images.tolist()])
        parts = _learned(encoder, items, [own != number for number in range(folds)])
        keys = {item.key: int(number) for item, number in zip(items.rows, own, strict=True)}
        return cls(
            encoder, parts, keys, f"cross-fitted on {len(items)} items of {items.name}, {folds} folds, seed {seed}"
        )

    def identity(self) -> dict[str, Any]:
        """Return the kind, the encoder with its digest, and what it was fitted on."""
        encoder = {"name": self._encoder.name, "sha256": self._encoder.sha256}
        return {"kind": "blind text", "encoder": encoder, "fit": self._detail, "penalty": PENALTY}

    def answer(self, queries: Sequence[Query]) -> list[Prediction]:
        """Return likeliest numbers or the constant box; a cross-fitted model fails on an item that it does not know."""
        replies: dict[str, str] = {}
        for number, part in enumerate(self._parts):
            own = [one for one in queries if not self._folds or self._folds.get(one.key) == number]
            replies |= {one.key: one.reply or "" for one in part.box.answer(own)}
            choices = [one for one in own if one.task in CHOICE and options_of(one.question)]
            if choices:
                features = _features(self._encoder, [one.question for one in choices], [one.task for one in choices])
                likely = part.regression.predict_proba(features)[:, 1].reshape(-1, 4)  # (n, 4)
                replies |= {one.key: str(best + 1) for one, best in zip(choices, likely.argmax(axis=1), strict=True)}
        return [prediction_of(one.key, replies.get(one.key), why=self._why(one.key, replies)) for one in queries]

    def _why(self, key: str, replies: Mapping[str, str]) -> str:
        return "" if key in replies else "not among the items that it was cross-fitted on"


def _learned(encoder: SentenceEncoder, items: ItemSet, shown: Sequence[Bool[np.ndarray, " N"]]) -> list[_Part]:
    """Return what is learned from each mask of items; the texts are embedded once."""
    from sklearn.linear_model import LogisticRegression

    is_choice = np.isin(items.tasks, CHOICE)
    choices = [item for item in items.rows if item.task in CHOICE]
    if not all((mask & is_choice).any() for mask in shown):
        raise NoItems(
            f"too few of the {len(items)} items of {items.name} are choices; a blind model is fitted on choices"
        )
    features = _features(encoder, [item.question for item in choices], [item.task for item in choices])
    right = np.array([str(number) == item.answer for item in choices for number in range(1, 5)])
    parts = []
    for mask in shown:
        rows = mask[is_choice].repeat(4)
        regression = LogisticRegression(C=PENALTY, solver="newton-cholesky").fit(features[rows], right[rows])
        parts.append(_Part(regression, ConstantBox.fitted(items.only(mask))))
    return parts


def _features(encoder: SentenceEncoder, questions: Sequence[str], tasks: Sequence[Task]) -> Float64[np.ndarray, "N4 F"]:
    """Return one row of features per option, four rows per question."""
    asked = [question.partition("\n")[0].removeprefix("Question:").strip() for question in questions]
    options = [options_of(question) for question in questions]
    texts = sorted({*asked, *(option or " " for four in options for option in four)})  # each is embedded once
    place = {text: number for number, text in enumerate(texts)}
    vectors = encoder.encode(texts).astype(np.float64)
    ask = vectors[[place[text] for text in asked]].repeat(4, axis=0)  # (4N, D)
    option = vectors[[place[option or " "] for four in options for option in four]]  # (4N, D)
    number = np.tile(np.eye(4), (len(questions), 1))  # (4N, 4)
    task = np.eye(len(CHOICE))[[CHOICE.index(one) for one in tasks]].repeat(4, axis=0)
    with_number = (task[:, :, None] * number[:, None, :]).reshape(len(number), -1)
    scale = np.sqrt(vectors.shape[1])  # a unit vector's entries to the size of the others
    return np.concatenate([option * scale, ask * option * scale**2, number, with_number], axis=1)
