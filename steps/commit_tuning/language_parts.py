"""Models of parts that others trained, and a task's parts as their encoders read them.

Legend:  N items · Q questions
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from steps.commit_tuning.tasks import ARRAYS, Encoded, Part, Task, encoded, read_part, sounds_of

if TYPE_CHECKING:
    from tenfold.commit_tuning.question_batches import QuestionEncoder


@dataclass(frozen=True)
class Parts:
    """Where the decoder and the encoder of a task are, and how its items come into the encoder."""

    decoder: Path
    encoder: Path
    task: Task
    side: int

    def model(self, scratch: Path, lora_rank: int, seed: int) -> tuple[Any, QuestionEncoder]:
        """Return the model that every method of a seed starts from, and how its questions are encoded."""
        from tenfold.commit_tuning.pretrained_model import LoraSettings, from_pretrained_parts

        lora = LoraSettings(lora_rank, 2 * lora_rank)
        return from_pretrained_parts(self.decoder, self._encoder(scratch), lora=lora, seed=seed)

    def _encoder(self, scratch: Path) -> Any:
        """Return the encoder, from the published weights, which are converted below ``scratch``, or a folder."""
        from tenfold.audio.whisper import convert_whisper
        from tenfold.commit_tuning.pretrained_model import lite0_tokens, whisper_tokens
        from tenfold.vision.efficientnet_lite0 import convert_efficientnet_lite0

        images = self.task.modality == "images"
        published = sorted(self.encoder.glob("*.pth" if images else "*.bin"))
        if published:
            (convert_efficientnet_lite0 if images else convert_whisper)(published[0], scratch)
        place = scratch if published else self.encoder
        return lite0_tokens(place) if images else whisper_tokens(place, seconds=self.task.seconds)

    def part(self, prepared: Path, name: str, encode: QuestionEncoder, chosen: Sequence[int] | None = None) -> Encoded:
        """Return a part's questions, or those at the places ``chosen``, with their items as the encoder reads them."""
        import torch

        whole = read_part(prepared, self.task, name)
        places = range(len(whole.questions)) if chosen is None else chosen
        items, own = np.unique(whole.items[list(places)].numpy(), return_inverse=True)
        media = self._media(prepared / self.task.name / name / ARRAYS, items)
        return encoded(Part(media, tuple(whole.questions[one] for one in places), torch.from_numpy(own)), encode)

    def _media(self, path: Path, items: np.ndarray) -> Any:
        from tenfold.commit_tuning.media import lite0_images, whisper_sounds

        with np.load(path) as content:
            if self.task.modality == "images":
                return lite0_images(content["pixels"][items], self.side)
            sounds = sounds_of({name: content[name] for name in ("samples", "offsets")})
            rate = int(content["sample_rate"])
        return whisper_sounds([sounds[place] for place in items], rate, seconds=self.task.seconds, longer="cut")


def placed(part: Encoded, device: Any) -> Encoded:
    """Return a part whose tensors are where the model is."""
    media = replace(part.part, media=part.part.media.to(device))
    return Encoded(media, part.input_ids.to(device), part.labels.to(device))
