"""Turn the training images into tokens and train generators on them: folded, or unfolded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from steps.imagefolder.encoding import tokens_of
from steps.imagefolder.imagenet import ImageFileParams, training_images
from steps.imagefolder.splits import dataset_names, origin, read_split
from steps.imagefolder.training import TrainingParams, device_of, fit_generator, scale_of
from steps.step.json_files import write_json
from steps.step.params import Count, Params
from steps.step.run import Run
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.generator import NextScaleGenerator
from tenfold.imagefolder.pipeline import KINDS, ImageFolder
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import evaluate_generator, summarise

CARD = """# ImageFolder of {dataset}, {variant} generator, seed {seed}

Tokenizer and generator: pictures of a class. {length} positions of {branches} branches for a class of {classes};
{updates} updates on {source}, averaged weights; {nats:.1f} nats an image on validation. A reproduction of
arXiv 2410.01756 at {scale}.
"""


class GeneratorParams(Params):
    """Sizes (``sizes`` go to GeneratorConfig), seeds and training.

    The first data set has a generator from each of ``seeds`` seeds, others have one.
    """

    sizes: dict[str, Any]
    seeds: Count
    training: TrainingParams
    image_files: ImageFileParams = ImageFileParams()


def generator(prepared: Path, tokenized: Path, *, out: Path, params: GeneratorParams, run: Run) -> None:
    """Turn the training images into tokens and train generators on them: folded, or unfolded.

    Arrays are turned into tokens once; images in files, batch by batch, as in the paper, whose crops are random.

    Reads   prepared/<dataset>.npz, train and validation, and the files it lists; tokenized/models/<dataset>-p2/
    Writes  models/<dataset>-<variant>-<seed>/: tokenizer and generator in one; generator.json: nats per token and
            per image on validation, by data set and seed
    Logs    <dataset>/<seed>/<loss>
    """
    assert run.variant is not None
    found: dict[str, list[dict[str, float]]] = {}
    for number, dataset in enumerate(dataset_names(prepared)):
        train, validation = (read_split(prepared, dataset, split) for split in ("train", "validation"))
        labels, classes = torch.from_numpy(train.labels), torch.from_numpy(validation.labels)
        device = device_of(params.training, run)
        coder = Tokenizer.load(tokenized / "models" / f"{dataset}-p2").to(device)
        held_out = tokens_of(coder, validation)
        files = training_images(prepared, dataset, train.size, params.image_files, run)
        data = TensorDataset(tokens_of(coder, train), labels) if files is None else files
        config = GeneratorConfig.for_tokenizer(coder.config, **params.sizes)
        found[dataset] = []
        for seed in range(1 if number else params.seeds):
            model = fit_generator(
                run,
                f"{dataset}/{seed}",
                config,
                params.training,
                coder,
                data,
                kind=KINDS[run.variant],
                encodes=files is not None,
                workers=params.image_files.workers,
            )
            scores = scored(model.to(device), coder.to(device), held_out.to(device), classes.to(device))
            found[dataset].append({"bits_of_tokens": coder.config.bits, **scores})
            nats, source = scores["nats_per_image"], origin(prepared, dataset)
            card = card_of(model, dataset, seed, nats=nats, source=source, updates=params.training.updates, run=run)
            whole = ImageFolder.of(coder, model).to("cpu")
            run.model(f"{dataset}-{run.variant}-{seed}", whole, card=card, example=np.arange(2))
            run.say(f"{dataset}, seed {seed}: {nats:.1f} nats per image on validation")
    write_json(out / "generator.json", found)


def scored(model: NextScaleGenerator, coder: Tokenizer, tokens: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Return nats of tokens; on a GPU of fewer at once, because their logits are large."""
    return summarise(evaluate_generator(model, coder, tokens, labels, batch=500 if tokens.device.type == "cpu" else 50))


def card_of(
    model: NextScaleGenerator, dataset: str, seed: int, *, nats: float, source: str, updates: int, run: Run
) -> str:
    """Return the card of tokenizer and generator in one."""
    return CARD.format(
        dataset=dataset,
        variant=run.variant,
        seed=seed,
        length=model.layout.length,
        branches=model.config.branches,
        classes=model.config.classes,
        updates=updates,
        source=source,
        nats=nats,
        scale=scale_of(run),
    )
