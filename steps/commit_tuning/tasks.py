"""The tasks: what each is drawn from, and its four parts as tensors that training and testing read.

Legend:  N items · Q questions · T tokens · C channels · H, W sides of an image, or bands and frames of a spectrogram
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tenfold.commit_tuning.questions import SUBJECTS, Question, Subject

if TYPE_CHECKING:
    from torch import Tensor

    from tenfold.commit_tuning.question_batches import QuestionEncoder

Modality = Literal["images", "audio"]
QUESTIONS, ARRAYS, FACTS = "questions.jsonl", "items.npz", "tasks.json"


class UnknownTask(ValueError):
    """No task has this name, or none of this modality was prepared."""


@dataclass(frozen=True)
class Task:
    """What a task's items are taken from, what is asked about them, and how long a sound is heard, in seconds."""

    name: str
    source: str
    subject: Subject
    modality: Modality
    seconds: float = 0.0


TASKS = {
    task.name: task
    for task in (
        Task("cifar10", "cifar10", SUBJECTS["cifar10"], "images"),
        Task("fashion_mnist", "fashion_mnist", SUBJECTS["fashion_mnist"], "images"),
        Task("fsdd", "fsdd", SUBJECTS["fsdd"], "audio", seconds=1.0),
        Task("fsdd_speakers", "fsdd", SUBJECTS["fsdd"], "audio", seconds=1.0),
        Task("esc10", "esc10", SUBJECTS["esc10"], "audio", seconds=5.0),
    )
}


@dataclass(frozen=True)
class Part:
    """One part of a task: its items and the questions about them; ``items[q]`` is the place of question q's item."""

    media: Tensor  # (N, C, H, W) float32
    questions: tuple[Question, ...]
    items: Tensor  # (Q,)


def task_named(name: str) -> Task:
    """Return a task. Raises UnknownTask."""
    if name not in TASKS:
        raise UnknownTask(f"no task is called {name!r}; there are {', '.join(TASKS)}")
    return TASKS[name]


def tasks_of(prepared: Path, modality: str | None) -> list[Task]:
    """Return the tasks of a modality that were prepared. Raises UnknownTask if there is none."""
    from steps.step.json_files import read_json

    found = [task_named(name) for name in read_json(prepared / FACTS)]
    own = [task for task in found if task.modality == modality]
    if not own:
        raise UnknownTask(f"no task of {modality} was prepared, but {', '.join(task.name for task in found)}")
    return own


def seeds_of(seeds: Mapping[str, int], task: Task) -> int:
    """Return from how many seeds a task is trained. Raises UnknownTask if nothing says so."""
    if task.name not in seeds:
        raise UnknownTask(f"seeds names {', '.join(seeds)}, and not {task.name}, which was prepared: add it")
    return seeds[task.name]


def write_part(folder: Path, arrays: dict[str, np.ndarray], questions: Sequence[Question]) -> None:
    """Write a part as it came: ``pixels`` of images, or ``samples`` and ``offsets`` of sounds; names; its questions."""
    folder.mkdir(parents=True)
    np.savez_compressed(folder / ARRAYS, allow_pickle=False, **arrays)
    rows = [json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in questions]
    (folder / QUESTIONS).write_text("".join(rows), encoding="utf-8")


def read_part(prepared: Path, task: Task, part: str) -> Part:
    """Return a part with its items as the small encoder reads them."""
    import torch

    folder = prepared / task.name / part
    with np.load(folder / ARRAYS) as content:
        arrays = {name: content[name] for name in content.files}
    lines = (folder / QUESTIONS).read_text(encoding="utf-8").splitlines()
    questions = tuple(Question(**json.loads(line)) for line in lines)
    places = {name: place for place, name in enumerate(arrays["names"].tolist())}
    return Part(_media(task, arrays), questions, torch.tensor([places[one.item] for one in questions]))


def sounds_of(arrays: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Return the sounds, of 16 bits each, that lie one after the other in ``samples``."""
    return np.split(arrays["samples"], arrays["offsets"][1:-1])


def _media(task: Task, arrays: dict[str, np.ndarray]) -> Tensor:
    from tenfold.commit_tuning.media import CLIP_MEL, DIGIT_MEL, small_images, small_sounds

    if task.modality == "images":
        return small_images(arrays["pixels"])
    mel = CLIP_MEL if task.source == "esc10" else DIGIT_MEL
    return small_sounds(sounds_of(arrays), mel, seconds=task.seconds, longer="cut")


@dataclass(frozen=True)
class Encoded:
    """A part's questions as tokens, all of one length, padded on the right; labels of the answers alone."""

    part: Part
    input_ids: Tensor  # (Q, T)
    labels: Tensor  # (Q, T)

    def __len__(self) -> int:
        return len(self.input_ids)

    def batch(self, places: Sequence[int]) -> dict[str, Any]:
        """Return what the model takes for the questions at ``places``.

        There is no mask: no place before an answer's end sees the padding, which comes after it.
        """
        import torch

        chosen = torch.as_tensor(places)
        return {
            "input_ids": self.input_ids[chosen],
            "labels": self.labels[chosen],
            "media": self.part.media[self.part.items[chosen]],
        }


def encoded(part: Part, encode: QuestionEncoder) -> Encoded:
    """Return a part's questions as tokens. Raises EmptyAnswer."""
    from tenfold.commit_tuning.question_batches import padded

    texts = {(one.question, one.answer): one.id for one in part.questions}
    known = {text: encode.answered(*text, name=name) for text, name in texts.items()}  # the same ones come often
    found = padded([known[one.question, one.answer] for one in part.questions], encode.tokenizer.pad_token_id)
    return Encoded(part, found["input_ids"], found["labels"])
