"""Turn the training pictures into tokens and train generators on them: folded, or unfolded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import torch

from steps.imagefolder.loops import fit_generator, settings_from, tokens_of
from steps.imagefolder.pictures import dataset_names, origin, read_split
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.pipeline import KINDS, ImageFolder
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import evaluate_generator, summarise

Count = Annotated[int, Field(gt=0)]
CARD = """# ImageFolder of {dataset}, {variant} generator, seed {seed}

Tokenizer and generator: pictures of a class. {length} positions of {branches} branches for a class of {classes};
{updates} updates on {source}, averaged weights; {nats:.1f} nats an image on validation. A reproduction of
arXiv 2410.01756 at small scale.
"""


@dataclass
class GeneratorParams:
    """Sizes (``sizes`` go to GeneratorConfig) and training; from ``seeds`` seeds on the first data set, one on others."""

    sizes: dict[str, Any]
    seeds: Count
    updates: Count
    batch_size: Count
    learning_rate: float
    ema_decay: float


def generator(prepared: Path, tokenized: Path, *, out: Path, params: GeneratorParams, run: Run) -> None:
    """Turn the training pictures into tokens and train generators on them: folded, or unfolded.

    Reads   prepared/<dataset>.npz, train and validation; tokenized/models/<dataset>-p2/
    Writes  models/<dataset>-<variant>-<seed>/: tokenizer and generator in one; generator.json: nats a token and an
            image on validation, by data set and seed
    Logs    <dataset>/<seed>/<loss>
    """
    assert run.variant is not None
    found: dict[str, list[dict[str, float]]] = {}
    for place, dataset in enumerate(dataset_names(prepared)):
        train, validation = (read_split(prepared, dataset, split) for split in ("train", "validation"))
        coder = Tokenizer.load(tokenized / "models" / f"{dataset}-p2")
        tokens, held_out = tokens_of(coder, train.images), tokens_of(coder, validation.images)
        labels, classes = torch.from_numpy(train.labels), torch.from_numpy(validation.labels)
        config = GeneratorConfig.for_tokenizer(coder.config, **params.sizes)
        found[dataset] = []
        for seed in range(1 if place else params.seeds):
            model = fit_generator(
                run, f"{dataset}/{seed}", config, settings_from(params), coder, tokens, labels, params.batch_size,
                kind=KINDS[run.variant],
            )  # fmt: skip
            scores = summarise(evaluate_generator(model, coder, held_out, classes))
            found[dataset].append({"bits_of_tokens": coder.config.bits, **scores})
            card = CARD.format(
                dataset=dataset, variant=run.variant, seed=seed, length=model.layout.length, branches=config.branches,
                classes=config.classes, updates=params.updates, source=origin(prepared, dataset),
                nats=scores["nats_per_image"],
            )  # fmt: skip
            run.model(f"{dataset}-{run.variant}-{seed}", ImageFolder.of(coder, model), card=card)
            run.say(f"{dataset}, seed {seed}: {scores['nats_per_image']:.1f} nats an image on validation")
    (out / "generator.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
