"""Turn the training pictures into tokens and train generators on them: folded, or unfolded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from torch.utils.data import TensorDataset

from steps.imagefolder import setting
from steps.imagefolder.encoding import tokens_of
from steps.imagefolder.loops import fit_generator, settings_from
from steps.imagefolder.pictures import dataset_names, origin, read_split
from steps.step.params import Count, Field, Params
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
    """Sizes (``sizes`` go to GeneratorConfig) and training; the rest as of the tokenizer.

    The first data set has a generator from each of ``seeds`` seeds, others have one.
    """

    sizes: dict[str, Any]
    seeds: Count
    updates: Count
    batch_size: Count
    learning_rate: float
    ema_decay: float
    warmup: float = 0.05
    flat: float = 0.0
    floor: float = 0.05
    micro_batches: Count = 1
    mixed_precision: Literal["no", "bf16"] = "no"
    resized: Count | None = None
    views: Count = 1
    workers: Annotated[int, Field(ge=0)] = 0


def generator(prepared: Path, tokenized: Path, *, out: Path, params: GeneratorParams, run: Run) -> None:
    """Turn the training pictures into tokens and train generators on them: folded, or unfolded.

    Arrays are turned into tokens once; pictures in files, batch by batch, as in the paper, whose crops are random.

    Reads   prepared/<dataset>.npz, train and validation, and the files it lists; tokenized/models/<dataset>-p2/
    Writes  models/<dataset>-<variant>-<seed>/: tokenizer and generator in one; generator.json: nats a token and an
            image on validation, by data set and seed
    Logs    <dataset>/<seed>/<loss>
    """
    assert run.variant is not None
    found: dict[str, list[dict[str, float]]] = {}
    for number, dataset in enumerate(dataset_names(prepared)):
        train, validation = (read_split(prepared, dataset, split) for split in ("train", "validation"))
        coder = Tokenizer.load(tokenized / "models" / f"{dataset}-p2")
        labels, classes = torch.from_numpy(train.labels), torch.from_numpy(validation.labels)
        place = setting.place(params, run)
        coder.to(place)
        held_out = tokens_of(coder, validation)
        files = setting.files_to_train_on(prepared, dataset, train.size, params, run)
        data = TensorDataset(tokens_of(coder, train), labels) if files is None else files
        config = GeneratorConfig.for_tokenizer(coder.config, **params.sizes)
        found[dataset] = []
        for seed in range(1 if number else params.seeds):
            model = fit_generator(
                run,
                f"{dataset}/{seed}",
                config,
                settings_from(params),
                coder,
                data,
                params.batch_size,
                kind=KINDS[run.variant],
                encodes=files is not None,
                mixed_precision=params.mixed_precision,
                workers=params.workers,
            )
            scores = scored(model.to(place), coder.to(place), held_out.to(place), classes.to(place))
            found[dataset].append({"bits_of_tokens": coder.config.bits, **scores})
            card = CARD.format(
                dataset=dataset,
                variant=run.variant,
                seed=seed,
                length=model.layout.length,
                branches=config.branches,
                classes=config.classes,
                updates=params.updates,
                source=origin(prepared, dataset),
                nats=scores["nats_per_image"],
                scale=setting.scale(run),
            )
            run.model(f"{dataset}-{run.variant}-{seed}", ImageFolder.of(coder, model).to("cpu"), card=card)
            run.say(f"{dataset}, seed {seed}: {scores['nats_per_image']:.1f} nats an image on validation")
    (out / "generator.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def scored(model: NextScaleGenerator, coder: Tokenizer, tokens: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    """Return nats of tokens; on a GPU of fewer at once, because their logits are large."""
    return summarise(evaluate_generator(model, coder, tokens, labels, batch=500 if tokens.device.type == "cpu" else 50))
