"""Questions about images and sounds, in four parts that share no item."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steps.commit_tuning.tasks import FACTS, Task, task_named, write_part
from steps.step.json_files import read_json, write_json
from steps.step.params import Count, Params
from steps.step.run import Run

if TYPE_CHECKING:
    from tenfold.commit_tuning.item_parts import Items, Parts


SPARE = 5  # images per class more than are wanted, for those whose content is there twice


class ImageCounts(Params):
    """Images per class of each part."""

    train: Count
    validation: Count
    probe: Count
    test: Count


class SoundCounts(Params):
    """Whole takes of spoken digits per part, who is held out of ``fsdd_speakers``, and ESC-10's fold of the test.

    ``held_out_speaker``: the first by name if it is null. ``probe_recordings``: per class of ESC-10.
    """

    validation_takes: Count
    probe_takes: Count
    held_out_speaker: str | None
    test_fold: Count
    probe_recordings: Count


class PrepareParams(Params):
    """Which tasks there are, and how large their parts are."""

    tasks: list[str]
    images: ImageCounts
    sounds: SoundCounts


def prepare(
    cifar10: Path, fashion_mnist: Path, fsdd: Path, esc10: Path, *, out: Path, params: PrepareParams, run: Run
) -> None:
    """Cut each task into training, validation, probe and test parts, and ask three questions about each item.

    The test is the official one, or a speaker whom no other part knows. The probe, by which the balance is estimated,
    is in no other part.

    Reads   the sources' files; source.json of each
    Writes  <task>/<part>/items.npz: names (N,); pixels (N, H, W) or (N, H, W, 3) uint8, or samples (n,) int16 at
            ``sample_rate`` with offsets (N+1,) int64 and labels (N,) int64; <task>/<part>/questions.jsonl: id, item,
            kind, question, answer; tasks.json: origin, counts, digests, answers' prior, blind accuracy
            and blind loss of each task
    Raises  UnknownTask, TableMismatch, CorruptArchive, TooFewItems, LeakedItems
    """
    sources = {"cifar10": cifar10, "fashion_mnist": fashion_mnist, "fsdd": fsdd, "esc10": esc10}
    facts: dict[str, Any] = {}
    for name in params.tasks:
        task = task_named(name)
        source = read_json(sources[task.source] / "source.json")
        parts, arrays = _read(task, sources[task.source], params, run)
        facts[name] = {"origin": source["origin"], "stand_in": source["stand_in"], "modality": task.modality}
        facts[name] |= _write(task, parts, arrays, out, run)
        counts = facts[name]["items"]
        run.say(f"{name} ({source['origin']}): " + ", ".join(f"{part} {count}" for part, count in counts.items()))
    write_json(out / FACTS, facts)


def _read(task: Task, folder: Path, params: PrepareParams, run: Run) -> tuple[Parts, dict[str, dict[str, np.ndarray]]]:
    """Return the parts of a task and the arrays of each."""
    from tenfold.commit_tuning.item_parts import PARTS, clip_parts, digit_parts, image_parts
    from tenfold.data.images import read_images
    from tenfold.data.recordings import read_sound_clips, read_spoken_digits

    seed = int(run.generator(f"parts of {task.source}").integers(2**31))
    if task.modality == "images":
        images = params.images
        wanted = {"train": images.train + images.validation + images.probe, "test": images.test}
        train, test = (read_images(folder, split, per_class=count + SPARE) for split, count in wanted.items())  # type: ignore[arg-type]
        counts = {f"{name}_per_class": count for name, count in params.images.model_dump().items()}
        parts = image_parts(train, test, seed=seed, **counts)
        by_part = dict.fromkeys(PARTS, train.pixels) | {"test": test.pixels}
        return parts, {name: {"pixels": by_part[name][parts.part(name).places]} for name in PARTS}
    sounds: Any
    if task.source == "fsdd":
        sounds = read_spoken_digits(folder)
        held_out = params.sounds.held_out_speaker or min(sounds.speakers)
        parts = digit_parts(
            sounds,
            validation_takes=params.sounds.validation_takes,
            probe_takes=params.sounds.probe_takes,
            held_out_speaker=held_out if task.name == "fsdd_speakers" else None,
            seed=seed,
        )
    else:
        sounds = read_sound_clips(folder)
        recordings = params.sounds.probe_recordings
        parts = clip_parts(sounds, test_fold=params.sounds.test_fold, probe_recordings_per_class=recordings, seed=seed)
    return parts, {name: _sounds(sounds.sounds, parts.part(name), sounds.sample_rate) for name in PARTS}


def _sounds(sounds: tuple[np.ndarray, ...], items: Items, sample_rate: int) -> dict[str, np.ndarray]:
    chosen = [sounds[place] for place in items.places]
    offsets = np.cumsum([0, *(len(one) for one in chosen)])
    return {"samples": np.concatenate(chosen), "offsets": offsets, "sample_rate": np.array(sample_rate)}


def _write(task: Task, parts: Parts, arrays: dict[str, dict[str, np.ndarray]], out: Path, run: Run) -> dict[str, Any]:
    """Write the parts of a task and return what there is to say about them."""
    from tenfold.commit_tuning.item_parts import PARTS
    from tenfold.commit_tuning.questions import answer_prior, ask, blind_accuracy, blind_loss

    seed = int(run.generator(f"questions of {task.name}").integers(2**31))
    asked = {name: ask(task.subject, parts.part(name).names, parts.part(name).labels, seed=seed) for name in PARTS}
    for name in PARTS:
        items = parts.part(name)
        more = {"names": np.array(items.names), "labels": items.labels}
        write_part(out / task.name / name, arrays[name] | more, asked[name])
    return {
        "items": {name: len(parts.part(name)) for name in PARTS},
        "questions": {name: len(asked[name]) for name in PARTS},
        "items_sha256": {
            name: hashlib.sha256("\n".join(parts.part(name).names).encode()).hexdigest() for name in PARTS
        },
        "left_out": parts.left_out,
        "answer_prior": answer_prior(asked["test"]),
        "blind_accuracy": blind_accuracy(asked["train"], asked["test"]),
        "blind_loss": blind_loss(asked["train"], asked["test"]),
    }
