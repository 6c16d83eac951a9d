"""What the small encoder and the small decoder learn before they meet: rotations, masked bands, questions about words.

Legend:  B items of a batch · C channels · H, W height and width · M mel bands · F frames · S stretches of time
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as functional
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.commit_tuning.model import SmallModel
from tenfold.commit_tuning.question_batches import QuestionEncoder, padded
from tenfold.commit_tuning.questions import Subject, article
from tenfold.nn.errors import InvalidConfig
from tenfold.nn.fitting import fit
from tenfold.nn.seeding import drawn_from
from tenfold.nn.token_convnet import TokenConvNet

BANDS, STRETCHES = 8, 8  # of a spectrogram: equal parts of its bands, and of its time


def rotated(
    images: Float[Tensor, "B C H H"], generator: torch.Generator
) -> tuple[Float[Tensor, "B C H H"], Int[Tensor, " B"]]:
    """Return squares turned by 0 to 3 quarters, and by how many (Gidaris et al. 2018)."""
    turns = torch.randint(4, (len(images),), generator=generator)
    turned = torch.stack([image.rot90(int(count), (1, 2)) for image, count in zip(images, turns, strict=True)])
    return turned, turns


def masked_band(
    spectrograms: Float[Tensor, "B 1 M F"], generator: torch.Generator
) -> tuple[Float[Tensor, "B 1 M F"], Float[Tensor, "B S"]]:
    """Return spectrograms with one of eight bands at its mean level, and its level over eight stretches of time.

    Raises InvalidConfig for fewer bands or frames than parts.
    """
    mels, frames = spectrograms.shape[2:]
    if mels < BANDS or frames < STRETCHES:
        raise InvalidConfig(f"a spectrogram of {mels} bands and {frames} frames has no {BANDS} by {STRETCHES} parts")
    high = mels // BANDS
    chosen = torch.randint(BANDS, (len(spectrograms),), generator=generator)
    masked, levels = spectrograms.clone(), []
    for row, band in zip(masked, chosen.tolist(), strict=True):
        part = row[0, high * band : high * (band + 1)]  # (high, F), a view
        levels.append(functional.adaptive_avg_pool1d(part.mean(dim=0, keepdim=True), STRETCHES)[0])
        part.fill_(part.mean())
    return masked, torch.stack(levels)


def pretrain_encoder(
    encoder: TokenConvNet,
    media: Float[Tensor, "N C H W"],
    pretext: Literal["rotation", "masked_band"],
    *,
    updates: int,
    seed: int,
    batch_size: int = 32,
    learning_rate: float = 2e-3,
) -> list[float]:
    """Train an encoder on its pretext with a linear head that is thrown away; return the loss of every update.

    A rotation's loss is a cross-entropy in nats, a masked band's a mean squared error of its level. Raises
    InvalidConfig for another pretext.
    """
    if pretext not in ("rotation", "masked_band"):
        raise InvalidConfig(f"a pretext is rotation or masked_band, not {pretext!r}")
    generator = torch.Generator().manual_seed(seed)
    with drawn_from(seed):
        head = nn.Linear(encoder.tokens * encoder.width, 4 if pretext == "rotation" else STRETCHES)

    def loss(places: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        changed, target = (rotated if pretext == "rotation" else masked_band)(media[places], generator)
        found = head(encoder(changed).flatten(1))
        return functional.cross_entropy(found, target) if pretext == "rotation" else functional.mse_loss(found, target)

    encoder.train()
    return fit(
        [*encoder.parameters(), *head.parameters()],
        loss,
        len(media),
        generator,
        updates=updates,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.01,
    )


def statements(subject: Subject) -> tuple[tuple[str, str], ...]:
    """Return every question about the subject's classes that words alone answer: "it is a cat . is it alive ?", yes."""
    found = []
    for name in subject.classes:
        said = f"it is {article(name)} {name} ."
        found.append((f"{said} what is it ?", name))
        for word, holders in subject.properties.items():
            found.append((f"{said} is it {word} ?", "yes" if name in holders else "no"))
        for other in subject.classes:
            found.append((f"{said} is it {article(other)} {other} ?", "yes" if other == name else "no"))
    return tuple(found)


def pretrain_decoder(
    model: SmallModel,
    encode: QuestionEncoder,
    subjects: Sequence[Subject],
    *,
    updates: int,
    seed: int,
    batch_size: int = 32,
    learning_rate: float = 3e-3,
) -> list[float]:
    """Train a model's decoder on statements, without images or sounds; return the loss of every update in nats."""
    rows = [
        encode.answered(question, answer, name=question, media=False)
        for subject in subjects
        for question, answer in statements(subject)
    ]

    def loss(places: Int[Tensor, " B"]) -> Float[Tensor, ""]:
        return model(**padded([rows[place] for place in places.tolist()], encode.tokenizer.pad_token_id)).loss

    model.train()
    return fit(
        list(model.language_model.parameters()),
        loss,
        len(rows),
        torch.Generator().manual_seed(seed),
        updates=updates,
        batch_size=batch_size,
        learning_rate=learning_rate,
        weight_decay=0.01,
    )
