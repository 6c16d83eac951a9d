"""Train rows of the ablation table, each a tokenizer with a generator, from several seeds.

Variant "quantisation" has rows 1 to 4 and those of the sweep, "semantics" rows 5 to 8.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch.utils.data import Dataset, TensorDataset

from steps.imagefolder import objective
from steps.imagefolder.encoding import image_errors, tokens_of
from steps.imagefolder.imagenet import ImageFileParams, training_images
from steps.imagefolder.objective import PretrainedParams
from steps.imagefolder.splits import Split, dataset_names, read_split
from steps.imagefolder.training import TrainingParams, device_of, fit_generator, fit_tokenizer
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.rows import SWEEP, Row, ablation_rows, chosen_rows, sweep_rows
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.usage import code_counts, perplexity
from tenfold.imaging.pixels import to_pixels
from tenfold.metrics.generation import frechet_distance
from tenfold.metrics.metric_classifier import MetricClassifier
from tenfold.metrics.probes import linear_probe

GROUPS = {"quantisation": [*range(1, 5), *range(9, 9 + len(SWEEP))], "semantics": [*range(5, 9)]}
FEW = 3  # scales of truncated decoding


class RowsParams(Params):
    """Which rows (by number, those of the sweep by name) from how many seeds; sizes are those of the main models.

    ``discriminator`` is that of the rows before the seventh; that of rows 7 and 8 reads features of the pretrained
    network, or of ssl_teacher where there is none. ``training`` is the tokenizers', and the generators' apart from
    ``generator_updates``: 0 trains none.
    """

    rows: list[int | str]
    seeds: Count
    long_sides: list[int]  # the scales of rows 1 and 2
    training: TrainingParams
    generator_updates: Annotated[int, Field(ge=0)]
    discriminator: Literal["none", "patch"] = "none"
    adversarial_start: float  # of row 8, as a share of the updates
    per_class: Count  # samples that are measured
    guidance_scale: float
    top_p: float
    top_k: int = 0
    pretrained: PretrainedParams = PretrainedParams()
    image_files: ImageFileParams = ImageFileParams()


def rows(prepared: Path, trained: Path, p2: Path, folded: Path, *, out: Path, params: RowsParams, run: Run) -> None:
    """Train rows of the ablation table, each a tokenizer with a generator, from several seeds.

    A row whose codes collapse is measured like any other: its ``least_perplexity``, that of the branch that uses the
    fewest codes, is then near 1, and that branch's probe at chance.

    Reads   prepared/<first data set>.npz, and the files it lists; the networks'; sizes of p2's and folded's models
    Writes  rows.csv: by row and seed, what was measured on the test split
            items.npz: <row>|<seed>|<what> (N,), by test image: error, error_3_scales, probe_<branch>
    Logs    <row>/<seed>/<loss>
    Raises  InvalidConfig for a row that does not exist; InvalidModel, MissingPackage
    """
    dataset = dataset_names(prepared)[0]
    base = Tokenizer.load(p2 / "models" / f"{dataset}-p2").config
    sizes = ImageFolder.load(folded / "models" / f"{dataset}-folded-0").config.generator
    table: list[dict[str, Any]] = []
    items: dict[str, np.ndarray] = {}
    assert run.variant is not None
    study = Study(prepared, trained, dataset, sizes, params, run)
    every = ablation_rows(base, tuple(params.long_sides), discriminator=params.discriminator)
    every += sweep_rows(base, discriminator=params.discriminator)
    for row in chosen_rows(every, params.rows):
        if row.number not in GROUPS[run.variant]:
            continue
        for seed in range(params.seeds):
            found, by_image = study.measured(row, seed)
            table.append({"row": row.number, "title": row.title, "seed": seed, **found})
            items |= {f"{row.number}|{seed}|{what}": values for what, values in by_image.items()}
            run.say(f"row {row.number}, seed {seed}: " + ", ".join(f"{k} {v:.4g}" for k, v in found.items()))
    pd.DataFrame(table, columns=None if table else ["row", "title", "seed"]).to_csv(
        out / "rows.csv", index=False, float_format="%.6g"
    )
    np.savez_compressed(out / "items.npz", allow_pickle=False, **items)


class Study:
    """What all rows share: the images, the stand-in networks and how a row is trained and measured."""

    def __init__(
        self, prepared: Path, trained: Path, dataset: str, sizes: GeneratorConfig, params: RowsParams, run: Run
    ) -> None:
        self.prepared, self.trained, self.dataset = prepared, trained, dataset
        self.sizes, self.params, self.run = sizes, params, run
        self.device = device_of(params.training, run)
        self.train, self.test = read_split(prepared, dataset, "train"), read_split(prepared, dataset, "test")
        self.judge = MetricClassifier.load(trained / "models" / f"{dataset}-metric_clf").to(self.device)
        self.files = training_images(prepared, dataset, self.train.size, params.image_files, run)
        self.reference, _ = self.judge.measure(self.test.pixels)

    @cached_property
    def teacher(self) -> objective.Teacher:
        """The network that the semantic loss listens to."""
        params = self.params
        return objective.teacher(self.trained, self.dataset, self.train, params.pretrained, params.training, self.run)

    @cached_property
    def features(self) -> objective.FeatureNetwork:
        """The network whose features rows 7 and 8 discriminate by, and how wide they are."""
        return objective.feature_network(self.trained, self.dataset, self.params.pretrained)

    def measured(self, row: Row, seed: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return a row's figures, and what they are the means of, by test image."""
        tokenizer = self.tokenizer(row, seed).to(self.device)
        pixels, items, counts = reconstruct_split(tokenizer, self.test)
        features = [_features(tokenizer, part) for part in (self.train, self.test)]
        probes = {}
        for branch in range(row.tokenizer.branches):
            probe = linear_probe(features[0][:, branch], self.train.labels, features[1][:, branch], self.test.labels)
            items[f"probe_{branch}"], probes[f"probe_{branch}"] = probe.correct.astype(float), probe.accuracy
        found = {
            "positions": float(row.length),
            "bits": row.tokenizer.bits,
            "error": float(items["error"].mean()),
            "error_3_scales": float(items["error_3_scales"].mean()),
            "least_perplexity": float(perplexity(counts.sum(dim=0, keepdim=True)).min()),
            "rfd_metric_clf": self.distance(pixels),
            **probes,
        }
        if self.params.generator_updates:
            found |= self.generation(row, seed, tokenizer)
        return found, items

    def tokenizer(self, row: Row, seed: int) -> Tokenizer:
        """Train a row's tokenizer, against its discriminator if it has one."""
        run, params, config, name = self.run, self.params, row.tokenizer, f"{row.number}/{seed}"
        return fit_tokenizer(
            run,
            name,
            config,
            params.training,
            self.train.images if self.files is None else self.files,
            teacher=self.teacher.described if config.semantic_branches != "none" else None,
            adversarial=self.adversarial(row, name, seed),
            perceptual=objective.perceptual(params.pretrained, run),
            perceptual_weight=params.pretrained.perceptual_weight,
            start=objective.start(config, name, params.pretrained, run),
            workers=params.image_files.workers,
            collapse_check=0,  # a collapse is a result of the row
        )

    def adversarial(self, row: Row, name: str, seed: int) -> AdversarialLoss | None:
        """Return the adversarial part of a row's objective, or None without a discriminator."""
        training = self.params.training
        settings = row.adversarial(max(int(self.params.adversarial_start * training.updates), 1))
        if settings is None:
            return None
        weights_seed = int(self.run.generator(f"discriminator of {name}").integers(2**31))
        network = self.features if row.discriminator == "features" else None
        judge = objective.new_discriminator(row.discriminator, row.tokenizer.channels, weights_seed, network)
        accelerator = self.run.accelerator(mixed_precision=training.mixed_precision)
        return AdversarialLoss(judge, settings, accelerator, seed=seed)

    def generation(self, row: Row, seed: int, tokenizer: Tokenizer) -> dict[str, float]:
        """Train a row's generator and measure its images."""
        params = self.params
        names = ("classes", "width", "depth", "heads", "class_dropout", "drop_path")
        config = GeneratorConfig.for_tokenizer(tokenizer.config, **{name: getattr(self.sizes, name) for name in names})
        data: Dataset[Any] | None = self.files
        if data is None:
            data = TensorDataset(tokens_of(tokenizer, self.train), torch.from_numpy(self.train.labels))
        model = fit_generator(
            self.run,
            f"{row.number}/{seed}/generator",
            config,
            params.training.model_copy(update={"updates": params.generator_updates}),
            tokenizer,
            data,
            kind=FoldedGenerator,
            encodes=self.files is not None,
            workers=params.image_files.workers,
        )
        pixels = (
            ImageFolder.of(tokenizer, model)
            .to(self.device)
            .generate(
                np.tile(np.arange(config.classes), params.per_class),
                seed=seed,
                guidance_scale=params.guidance_scale,
                top_k=params.top_k,
                top_p=params.top_p,
            )
        )
        return {"fd_metric_clf": self.distance(pixels)}

    def distance(self, pixels: np.ndarray) -> float:
        """Return the Fréchet distance of images to as many of the test split."""
        features, _ = self.judge.measure(pixels)
        return frechet_distance(features, self.reference[: len(features)], resamples=2).value


@torch.no_grad()
def reconstruct_split(
    tokenizer: Tokenizer, split: Split
) -> tuple[np.ndarray, dict[str, np.ndarray], Float[torch.Tensor, "S P V"]]:
    """Return images as they come back, as bytes; their errors from all and from the first scales; the codes' use."""
    config, device = tokenizer.config, tokenizer.projection.weight.device
    pixels, whole, few = [], [], []
    counts = torch.zeros(len(config.sides), config.branches, config.codebook_size)
    for images in split.parts():
        tokens = tokenizer.encode(images.to(device))
        decoded = tokenizer.decode(tokens).cpu()
        pixels.append(to_pixels(decoded))
        whole.append(image_errors(decoded, images))
        few.append(image_errors(tokenizer.decode(tokens, FEW).cpu(), images))
        counts += code_counts(tokens.cpu(), config.sides, config.codebook_size)
    return np.concatenate(pixels), {"error": np.concatenate(whole), "error_3_scales": np.concatenate(few)}, counts


@torch.no_grad()
def _features(tokenizer: Tokenizer, split: Split) -> np.ndarray:
    device = tokenizer.projection.weight.device
    return torch.cat([tokenizer.features(images.to(device)).cpu() for images in split.parts()]).numpy()
