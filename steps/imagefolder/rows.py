"""Train rows of the ablation table, each a tokenizer with a generator, from several seeds.

Variant "quantisation" has rows 1 to 4, "semantics" rows 5 to 8.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import torch
from torch.utils.data import TensorDataset

from steps.imagefolder.loops import fit_generator, fit_tokenizer, settings_from, standardised, tokens_of
from steps.imagefolder.pictures import dataset_names, read_split
from steps.runtime.params import Field, dataclass
from steps.runtime.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss
from tenfold.imagefolder.config import GeneratorConfig
from tenfold.imagefolder.discriminators import discriminator
from tenfold.imagefolder.generator import FoldedGenerator
from tenfold.imagefolder.metric_classifier import MetricClassifier
from tenfold.imagefolder.pictures import to_pixels
from tenfold.imagefolder.pipeline import ImageFolder
from tenfold.imagefolder.probes import linear_probe
from tenfold.imagefolder.rows import Row, ablation_rows
from tenfold.imagefolder.teacher import SSLTeacher
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.metrics.generation import frechet_distance

Count = Annotated[int, Field(gt=0)]
GROUPS = {"quantisation": range(1, 5), "semantics": range(5, 9)}
FEW = 3  # scales of truncated decoding


@dataclass
class RowsParams:
    """Which rows (by number) from how many seeds; the sizes are those of the main models."""

    rows: list[int]
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


def rows(prepared: Path, trained: Path, p2: Path, folded: Path, *, out: Path, params: RowsParams, run: Run) -> None:
    """Train rows of the ablation table, each a tokenizer with a generator, from several seeds.

    Reads   prepared/<first data set>.npz; the networks'; the sizes of p2's and folded's models
    Writes  rows.csv: by row and seed, what was measured on the test split
            items.npz: <row>|<seed>|<what> (N,), by test picture: error, error_3_scales, probe_<branch>
    Logs    <row>/<seed>/<loss>
    """
    dataset = dataset_names(prepared)[0]
    base = Tokenizer.load(p2 / "models" / f"{dataset}-p2").config
    sizes = ImageFolder.load(folded / "models" / f"{dataset}-folded-0").config.generator
    table: list[dict[str, Any]] = []
    items: dict[str, np.ndarray] = {}
    assert run.variant is not None
    study = Study(prepared, trained, dataset, sizes, params, run)
    for row in ablation_rows(base, tuple(params.long_sides)):
        if row.number not in GROUPS[run.variant] or row.number not in params.rows:
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
        self.train, self.test = read_split(prepared, dataset, "train"), read_split(prepared, dataset, "test")
        self.judge = MetricClassifier.load(trained / "models" / f"{dataset}-metric_clf")
        self.teacher = SSLTeacher.load(trained / "models" / f"{dataset}-ssl_teacher")
        self.sizes, self.params, self.run = sizes, params, run
        self.images = self.train.images
        self.reference, _ = self.judge.measure(self.test.pixels)

    def measured(self, row: Row, seed: int) -> tuple[dict[str, float], dict[str, np.ndarray]]:
        """Return a row's figures, and what they are the means of, by test picture."""
        tokenizer = self.tokenizer(row, seed)
        images, labels = self.test.images, self.test.labels
        tokens = tokens_of(tokenizer, images)
        whole = _decoded(tokenizer, tokens)
        few = _decoded(tokenizer, tokens, FEW)
        items = {"error": _errors(whole, images), "error_3_scales": _errors(few, images)}
        features = [_features(tokenizer, part) for part in (self.images, images)]
        probes = {}
        for branch in range(row.tokenizer.branches):
            probe = linear_probe(features[0][:, branch], self.train.labels, features[1][:, branch], labels)
            items[f"probe_{branch}"], probes[f"probe_{branch}"] = probe.correct.astype(float), probe.accuracy
        found = {
            "positions": float(row.length), "bits": row.tokenizer.bits, "error": float(items["error"].mean()),
            "error_3_scales": float(items["error_3_scales"].mean()),
            "rfd_metric_clf": self.distance(to_pixels(whole)), **probes,
        }  # fmt: skip
        if self.params.generator_updates:
            found |= self.generation(row, seed, tokenizer)
        return found, items

    def tokenizer(self, row: Row, seed: int) -> Tokenizer:
        """Train a row's tokenizer, against its discriminator if it has one."""
        run, params, config = self.run, self.params, row.tokenizer
        name = f"{row.number}/{seed}"
        adversarial = None
        settings = row.adversarial(max(int(params.adversarial_start * params.updates), 1))
        if settings is not None:
            widths = self.teacher.config.widths
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(run.generator(f"discriminator of {name}").integers(2**31)))
                judge = discriminator(row.discriminator, config.channels, network=self.teacher, widths=widths)
            adversarial = AdversarialLoss(judge, settings, run.accelerator(), seed=seed)
        teacher: Callable[[Any], Any] | None = None
        if config.semantic_branches != "none":
            teacher = standardised(self.teacher, self.images)
        return fit_tokenizer(
            run, name, config, settings_from(params), self.images, params.batch_size, teacher=teacher,
            adversarial=adversarial,
        )  # fmt: skip

    def generation(self, row: Row, seed: int, tokenizer: Tokenizer) -> dict[str, float]:
        """Train a row's generator and measure its pictures."""
        run, params = self.run, self.params
        size = {name: getattr(self.sizes, name) for name in ("classes", "width", "depth", "heads", "class_dropout")}
        config = GeneratorConfig.for_tokenizer(tokenizer.config, **size)
        labels = torch.from_numpy(self.train.labels)
        model = fit_generator(
            run, f"{row.number}/{seed}/generator", config, settings_from(params, updates=params.generator_updates),
            tokenizer, TensorDataset(tokens_of(tokenizer, self.images), labels), params.batch_size,
            kind=FoldedGenerator,
        )  # fmt: skip
        classes = np.tile(np.arange(config.classes), params.per_class)
        pixels = ImageFolder.of(tokenizer, model).generate(
            classes, seed=seed, guidance_scale=params.guidance, top_p=params.top_p
        )
        return {"fd_metric_clf": self.distance(pixels)}

    def distance(self, pixels: np.ndarray) -> float:
        """Return the Fréchet distance of pictures to as many of the test split."""
        features, _ = self.judge.measure(pixels)
        return frechet_distance(features, self.reference[: len(features)], resamples=2).value


@torch.no_grad()
def _decoded(tokenizer: Tokenizer, tokens: torch.Tensor, scales: int | None = None) -> torch.Tensor:
    return torch.cat([tokenizer.decode(part, scales) for part in tokens.split(500)])


@torch.no_grad()
def _features(tokenizer: Tokenizer, images: torch.Tensor) -> np.ndarray:
    return torch.cat([tokenizer.features(part) for part in images.split(500)]).numpy()


def _errors(found: torch.Tensor, images: torch.Tensor) -> np.ndarray:
    return (found - images).square().flatten(1).mean(1).numpy().astype(np.float64)
