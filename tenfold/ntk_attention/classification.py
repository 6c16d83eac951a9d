"""A classifier of a person's own images or texts: a frozen checkpoint, an adapter and a new head, trained together.

Legend:  B batch · N examples · C classes
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Int
from torch.utils.data import DataLoader
from tqdm import tqdm

from tenfold.ntk_attention.config import NTKAttentionConfig
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.model import inject, trainable_parameters
from tenfold.ntk_attention.save_and_load import from_pretrained, save_pretrained

Examples = Sequence[Any]  # paths of images, or texts
Inputs = dict[str, torch.Tensor]
TASK = "task.json"
DEFAULT_TOKENS = 256
HEADS = ("classifier", "score")  # what transformers calls the layer that makes the logits
NEW = (*HEADS, "pooler")  # what a checkpoint may lack: it is trained, and kept with the adapter


class InvalidCheckpoint(ValueError):
    """A folder or a hub id is no checkpoint that can be adapted to this task."""


class UnusableClasses(ValueError):
    """The classes are too few, or others than were learned."""


class TrainingDiverged(ArithmeticError):
    """The loss is no finite number any more."""


class TextsCut(UserWarning):
    """Texts are longer than the task's limit of tokens."""


@dataclass(frozen=True)
class Task:
    """What an adapter was trained for: the checkpoint below it (a folder or a hub id), its inputs and its classes.

    ``text`` and ``target`` name the columns that texts came from; longer ones were cut to ``max_tokens``.
    Raises UnusableClasses if there are fewer than two.
    """

    kind: Literal["images", "texts"]
    model: str
    revision: str | None
    classes: tuple[str, ...]
    text: str | None = None
    target: str | None = None
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if len(self.classes) < 2:
            raise UnusableClasses(f"there is one class, {', '.join(self.classes)}: two are needed")

    def places(self, labels: Sequence[str]) -> Int[np.ndarray, " N"]:
        """Return the place of each label among the classes. Raises UnusableClasses for one that is none of them."""
        numbers = {name: number for number, name in enumerate(self.classes)}
        unknown = sorted(set(labels) - set(numbers))
        if unknown:
            raise UnusableClasses(f"{unknown[0]} is none of the classes that were learned: {', '.join(self.classes)}")
        return np.array([numbers[label] for label in labels], dtype=np.int64)

    @classmethod
    def load(cls, folder: Path, *, model: str | None = None) -> Task:
        """Read the task that `Classifier.save` wrote; its checkpoint may have moved to ``model``.

        Raises InvalidAdapter.
        """
        try:
            content = json.loads((folder / TASK).read_text(encoding="utf-8"))
            texts = [content["kind"], content["model"], *content["classes"]]
            if not isinstance(content["classes"], list) or not all(isinstance(text, str) for text in texts):
                raise TypeError("kind, model and classes must be texts")
            return cls(**content | {"classes": tuple(content["classes"])} | ({"model": model} if model else {}))
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InvalidAdapter(f"{folder} is no folder that `tenfold ntk-attention adapt` wrote: {error}") from None


class Classifier:
    """A checkpoint with an adapter and a head for the classes of ``task``, on ``device``."""

    def __init__(self, task: Task, model: Any, read: Callable[[Examples], Inputs], device: str) -> None:
        self.task, self.model, self.device = task, model.to(device), device
        self._read = read

    @classmethod
    def new(cls, task: Task, config: NTKAttentionConfig, *, device: str = "cpu") -> Classifier:
        """Return a checkpoint with a new adapter and a new head, both drawn from the seed of ``config``.

        Raises InvalidCheckpoint, and UnsupportedModel for a kind of model that adapters do not know how to join.
        """
        model, fresh = _checkpoint(task, config.seed)
        task, read = _reader(task, model)
        return cls(task, inject(model, replace(config, modules_to_save=fresh)), read, device)

    @classmethod
    def load(cls, folder: Path, task: Task | None = None, *, device: str = "cpu") -> Classifier:
        """Return what ``save`` wrote, over the checkpoint that its task (or a changed ``task``) names.

        Raises InvalidAdapter, InvalidCheckpoint.
        """
        task = task or Task.load(folder)
        model, _ = _checkpoint(task, seed=0)
        task, read = _reader(task, model)
        return cls(task, from_pretrained(model, folder), read, device)

    def save(self, folder: Path) -> None:
        """Write the adapter with its head, and the task, into ``folder``, which is made; not the checkpoint."""
        save_pretrained(self.model, folder)
        (folder / TASK).write_text(json.dumps(asdict(self.task), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def fit(
        self,
        examples: Examples,
        labels: Int[np.ndarray, " N"],
        *,
        epochs: int,
        batch_size: int,
        learning_rate: float,
        seed: int,
    ) -> float:
        """Train adapter and head by AdamW in an order drawn from ``seed``; returns the last epoch's mean loss in nats.

        Raises TrainingDiverged.
        """
        torch.manual_seed(seed)  # of dropout
        generator = torch.Generator().manual_seed(seed)
        batches = self._batches(examples, labels, batch_size, generator=generator, shuffle=True)
        optimizer = torch.optim.AdamW(trainable_parameters(self.model), lr=learning_rate)
        self.model.train()
        mean = math.nan
        with tqdm(total=epochs * len(batches), desc="adapting", unit="batch", disable=None) as progress:
            for epoch in range(1, epochs + 1):
                losses = []
                for inputs, wanted in batches:
                    loss = torch.nn.functional.cross_entropy(self._logits(inputs), wanted.to(self.device))
                    if not torch.isfinite(loss):
                        raise TrainingDiverged(f"the loss is {loss.item()} in epoch {epoch}: lower the learning rate")
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    losses.append(loss.item())
                    progress.update()
                mean = float(np.mean(losses))
                progress.set_postfix(epoch=epoch, loss=f"{mean:.3g}")
        return mean

    @torch.inference_mode()
    def predict(self, examples: Examples, *, batch_size: int) -> Int[np.ndarray, " N"]:
        """Return the place of each example's class among those of the task."""
        self.model.eval()
        batches = self._batches(examples, np.zeros(len(examples), dtype=np.int64), batch_size)
        found = [self._logits(inputs).argmax(dim=-1).cpu() for inputs, _ in tqdm(batches, unit="batch", disable=None)]
        return torch.cat(found).numpy()

    def _logits(self, inputs: Inputs) -> torch.Tensor:
        return self.model(**{name: tensor.to(self.device) for name, tensor in inputs.items()}).logits.float()

    def _batches(self, examples: Examples, labels: np.ndarray, batch_size: int, **options: Any) -> DataLoader:
        def collate(pairs: list[tuple[Any, int]]) -> tuple[Inputs, torch.Tensor]:
            chosen, wanted = zip(*pairs, strict=True)
            return self._read(list(chosen)), torch.tensor(wanted)

        pairs: Any = list(zip(examples, labels.tolist(), strict=True))
        return DataLoader(pairs, batch_size=batch_size, collate_fn=collate, **options)


def _checkpoint(task: Task, seed: int) -> tuple[Any, tuple[str, ...]]:
    """Return the checkpoint with a head for the task's classes, and its modules that are new, drawn from ``seed``."""
    from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification

    kind: Any = AutoModelForImageClassification if task.kind == "images" else AutoModelForSequenceClassification
    names = dict(enumerate(task.classes))
    torch.manual_seed(seed)
    with _named(task):
        model, found = kind.from_pretrained(
            task.model,
            revision=task.revision,
            id2label=names,
            label2id={name: number for number, name in names.items()},
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    head = next((name for name in HEADS if hasattr(model, name)), None)
    if head is None:
        raise InvalidCheckpoint(f"{task.model}: a {type(model).__name__} has no head called {' or '.join(HEADS)}")
    absent = {*found["missing_keys"], *(key for key, *_ in found["mismatched_keys"])}
    fresh = {key.rpartition(".")[0] for key in absent} | {head}
    strange = sorted(name for name in fresh if not set(name.split(".")) & set(NEW))
    if strange:
        raise InvalidCheckpoint(
            f"{task.model} lacks the weights of {', '.join(strange[:3])}: it is no whole checkpoint"
        )
    return model, tuple(sorted(fresh))


def _reader(task: Task, model: Any) -> tuple[Task, Callable[[Examples], Inputs]]:
    """Return the task with its limit of tokens, and what turns examples into the model's inputs."""
    return (task, _image_reader(task, model)) if task.kind == "images" else _text_reader(task, model)


def _image_reader(task: Task, model: Any) -> Callable[[Examples], Inputs]:
    from transformers import AutoImageProcessor

    from tenfold.imaging.files import open_image

    with _named(task):
        processor: Any = AutoImageProcessor.from_pretrained(task.model, revision=task.revision)
    side = model.config.image_size

    def read(paths: Examples) -> Inputs:
        images = [open_image(path, "RGB") for path in paths]
        return dict(processor(images, size={"height": side, "width": side}, return_tensors="pt"))

    return read


def _text_reader(task: Task, model: Any) -> tuple[Task, Callable[[Examples], Inputs]]:
    from transformers import AutoTokenizer

    with _named(task):
        tokenizer: Any = AutoTokenizer.from_pretrained(task.model, revision=task.revision)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise InvalidCheckpoint(f"{task.model}: its tokenizer has neither a token for padding nor one for the end")
    tokenizer.padding_side = "right"
    model.config.pad_token_id = tokenizer.pad_token_id  # by which decoders find a text's last token
    most = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", None) or DEFAULT_TOKENS)
    limit = min(most, DEFAULT_TOKENS) if task.max_tokens is None else task.max_tokens
    if limit > most:
        raise InvalidCheckpoint(f"{task.model} reads {most} tokens at most, not {limit}; lower --max-tokens")

    def read(texts: Examples) -> Inputs:
        coded = tokenizer(texts, padding=True, truncation=True, max_length=limit, return_tensors="pt")
        if any(encoding.overflowing for encoding in coded.encodings or ()):
            warnings.warn(f"texts of more than {limit} tokens are cut there", TextsCut, stacklevel=2)
        return dict(coded)

    return replace(task, max_tokens=limit), read


@contextmanager
def _named(task: Task) -> Iterator[None]:
    """Turn what transformers raises into an InvalidCheckpoint of one line."""
    try:
        yield
    except (OSError, ValueError, ImportError, KeyError) as error:
        first = str(error).strip().partition("\n")[0]
        raise InvalidCheckpoint(f"{task.model} cannot serve as a checkpoint for {task.kind}: {first}") from error
