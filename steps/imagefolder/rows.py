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
from torch.utils.data import TensorDataset

from steps.imagefolder import setting
from steps.imagefolder.encoding import picture_errors, tokens_of
from steps.imagefolder.loops import fit_generator, fit_tokenizer, settings_from
from steps.imagefolder.pictures import Split, dataset_names, read_split
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.discriminators import discriminator
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.metric_classifier import MetricClassifier
from tenfold.imagefolder.pictures import to_pixels
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.pretrained import FrozenTransformer
from tenfold.imagefolder.probes import linear_probe
from tenfold.imagefolder.rows import SWEEP, Row, ablation_rows, chosen_rows, sweep_rows
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.usage import code_counts, perplexity
from tenfold.metrics.generation import frechet_distance

GROUPS = {"quantisation": [*range(1, 5), *range(9, 9 + len(SWEEP))], "semantics": [*range(5, 9)]}
FEW = 3  # scales of truncated decoding


class RowsParams(Params):
    """Which rows (by number, those of the sweep by name) from how many seeds; sizes are those of the main models.

    ``discriminator`` is that of the rows before the seventh; that of rows 7 and 8 reads features of
    ``discriminator_model``, or of ssl_teacher where there is none. The other parameters are the tokenizer's.
    """

    rows: list[int | str]
    seeds: Count
    long_sides: list[int]  # the scales of rows 1 and 2
    adversarial_start: float  # of row 8, as a share of the updates
    updates: Count
    batch_size: Count
    learning_rate: float
    ema_decay: float
    generator_updates: int  # 0: no generators
    per_class: Count
    guidance: float
    top_p: float
    top_k: int = 0
    warmup: float = 0.05
    floor: float = 0.05
    micro_batches: Count = 1
    mixed_precision: Literal["no", "bf16"] = "no"
    teacher: str = setting.STAND_IN
    teacher_revision: str | None = None
    start_from: str | None = None
    start_revision: str | None = None
    perceptual: Literal["gradient_difference", "lpips"] = "gradient_difference"
    perceptual_weight: float = 0.25
    discriminator: Literal["none", "patch"] = "none"
    discriminator_model: str | None = None
    discriminator_revision: str | None = None
    discriminator_depths: list[Count] = Field(default_factory=list)
    frozen_size: Count = 224
    resized: Count | None = None
    views: Count = 1
    workers: Annotated[int, Field(ge=0)] = 0


def rows(prepared: Path, trained: Path, p2: Path, folded: Path, *, out: Path, params: RowsParams, run: Run) -> None:
    """Train rows of the ablation table, each a tokenizer with a generator, from several seeds.

    A row whose codes collapse is measured like any other: its ``least_perplexity``, that of the branch that uses the
    fewest codes, is then near 1, and that branch's probe at chance.

    Reads   prepared/<first data set>.npz, and the files it lists; the networks'; sizes of p2's and folded's models
    Writes  rows.csv: by row and seed, what was measured on the test split
            items.npz: <row>|<seed>|<what> (N,), by test picture: error, error_3_scales, probe_<branch>
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
            found, by_picture = study.measured(row, seed)
            table.append({"row": row.number, "title": row.title, "seed": seed, **found})
            items |= {f"{row.number}|{seed}|{what}": values for what, values in by_picture.items()}
            run.say(f"row {row.number}, seed {seed}: " + ", ".join(f"{k} {v:.4g}" for k, v in found.items()))
    pd.DataFrame(table, columns=None if table else ["row", "title", "seed"]).to_csv(
        out / "rows.csv", index=False, float_format="%.6g"
    )
    np.savez_compressed(out / "items.npz", allow_pickle=False, **items)


class Study:
    """What all rows share: the pictures, the stand-in networks and how a row is trained and measured."""

    def __init__(
        self, prepared: Path, trained: Path, dataset: str, sizes: GeneratorConfig, params: RowsParams, run: Run
    ) -> None:
        self.prepared, self.trained, self.dataset = prepared, trained, dataset
        self.sizes, self.params, self.run = sizes, params, run
        self.place = setting.place(params, run)
        self.train, self.test = read_split(prepared, dataset, "train"), read_split(prepared, dataset, "test")
        self.judge = MetricClassifier.load(trained / "models" / f"{dataset}-metric_clf").to(self.place)
        self.files = setting.files_to_train_on(prepared, dataset, self.train.size, params, run)
        self.reference, _ = self.judge.measure(self.test.pixels)

    @cached_property
    def teacher(self) -> setting.Teacher:
        """The network that the semantic loss listens to."""
        return setting.teacher(self.trained, self.dataset, self.train, self.params, self.run)

    @cached_property
    def frozen(self) -> tuple[Any, tuple[int, ...]]:
        """The network whose features rows 7 and 8 discriminate by, and how wide they are."""
        params = self.params
        if params.discriminator_model is None:
            small = SSLTeacher.load(self.trained / "models" / f"{self.dataset}-{setting.STAND_IN}")
            return small, small.config.widths
        network = FrozenTransformer.from_pretrained(
            params.discriminator_model,
            revision=params.discriminator_revision,
            image_size=params.frozen_size,
            depths=tuple(params.discriminator_depths),
        )
        return network, network.widths

    def measured(self, row: Row, seed: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return a row's figures, and what they are the means of, by test picture."""
        tokenizer = self.tokenizer(row, seed).to(self.place)
        pixels, items, counts = there_and_back(tokenizer, self.test)
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
        run, params, config = self.run, self.params, row.tokenizer
        name, precision = f"{row.number}/{seed}", params.mixed_precision
        adversarial = None
        settings = row.adversarial(max(int(params.adversarial_start * params.updates), 1))
        if settings is not None:
            network, widths = self.frozen if row.discriminator == "features" else (None, ())
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(run.generator(f"discriminator of {name}").integers(2**31)))
                judge = discriminator(row.discriminator, config.channels, network=network, widths=widths)
            accelerator = run.accelerator(mixed_precision=precision)
            adversarial = AdversarialLoss(judge, settings, accelerator, seed=seed)
        return fit_tokenizer(
            run,
            name,
            config,
            settings_from(params, collapse_check=0),  # a collapse is a result of the row
            self.train.images if self.files is None else self.files,
            params.batch_size,
            teacher=self.teacher.described if config.semantic_branches != "none" else None,
            adversarial=adversarial,
            perceptual=setting.perceptual(params.perceptual, run.device),
            start=setting.start(config, name, params, run),
            mixed_precision=precision,
            workers=params.workers,
        )

    def generation(self, row: Row, seed: int, tokenizer: Tokenizer) -> dict[str, float]:
        """Train a row's generator and measure its pictures."""
        run, params, data = self.run, self.params, self.files
        names = ("classes", "width", "depth", "heads", "class_dropout", "drop_path")
        config = GeneratorConfig.for_tokenizer(tokenizer.config, **{name: getattr(self.sizes, name) for name in names})
        if data is None:
            data = TensorDataset(tokens_of(tokenizer, self.train), torch.from_numpy(self.train.labels))
        model = fit_generator(
            run,
            f"{row.number}/{seed}/generator",
            config,
            settings_from(params, updates=params.generator_updates),
            tokenizer,
            data,
            params.batch_size,
            kind=FoldedGenerator,
            encodes=self.files is not None,
            mixed_precision=params.mixed_precision,
            workers=params.workers,
        )
        classes = np.tile(np.arange(config.classes), params.per_class)
        pixels = (
            ImageFolder.of(tokenizer, model)
            .to(self.place)
            .generate(classes, seed=seed, guidance_scale=params.guidance, top_k=params.top_k, top_p=params.top_p)
        )
        return {"fd_metric_clf": self.distance(pixels)}

    def distance(self, pixels: np.ndarray) -> float:
        """Return the Fréchet distance of pictures to as many of the test split."""
        features, _ = self.judge.measure(pixels)
        return frechet_distance(features, self.reference[: len(features)], resamples=2).value


@torch.no_grad()
def there_and_back(
    tokenizer: Tokenizer, split: Split
) -> tuple[np.ndarray, dict[str, np.ndarray], Float[torch.Tensor, "S P V"]]:
    """Return pictures as they come back, as bytes; their errors from all and from the first scales; the codes' use."""
    config, device = tokenizer.config, tokenizer.projection.weight.device
    pixels, whole, few = [], [], []
    counts = torch.zeros(len(config.sides), config.branches, config.codebook_size)
    for images in split.parts():
        tokens = tokenizer.encode(images.to(device))
        decoded = tokenizer.decode(tokens).cpu()
        pixels.append(to_pixels(decoded))
        whole.append(picture_errors(decoded, images))
        few.append(picture_errors(tokenizer.decode(tokens, FEW).cpu(), images))
        counts += code_counts(tokens.cpu(), config.sides, config.codebook_size)
    return np.concatenate(pixels), {"error": np.concatenate(whole), "error_3_scales": np.concatenate(few)}, counts


@torch.no_grad()
def _features(tokenizer: Tokenizer, split: Split) -> np.ndarray:
    device = tokenizer.projection.weight.device
    return torch.cat([tokenizer.features(images.to(device)).cpu() for images in split.parts()]).numpy()
