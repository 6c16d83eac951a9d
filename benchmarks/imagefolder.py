"""Folded sampling beside unfolded and uncached, everything beside plain code of the same formulas, and training.

    python -m benchmarks.imagefolder [--quick] [--rounds N]

All variants of a size take turns in one process, so that a slow minute hits all alike; ratios are medians of the
rounds' own ratios. Weights are random: they decide what is drawn, not how long it takes. Before anything is timed, the
variants that must agree are compared. Expect ten minutes for the whole, one with ``--quick``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor

from benchmarks import imagefolder_reference as reference
from benchmarks.machine import checkout, machine
from tenfold.imagefolder.config import GeneratorConfig, TokenizerConfig
from tenfold.imagefolder.generator import FoldedGenerator, NextScaleGenerator
from tenfold.imagefolder.sampling import sample
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.training import GeneratorTraining, TokenizerTraining, TrainingSettings
from tenfold.imagefolder.unfolded import UnfoldedGenerator

RESULTS = Path(__file__).parent / "results" / "imagefolder.json"
OURS, UNCACHED, UNFOLDED, BF16, COMPILED = "tenfold", "no cache", "unfolded", "bf16", "compiled"
PLAIN, PLAIN_CACHED, PLAIN_FUSED = "reference", "reference, cached", "reference, fused attention"
SAMPLING, RECONSTRUCTION, QUANTIZATION = "sampling with guidance", "encode and decode", "quantiser alone"
TOKENIZER_TRAINING, GENERATOR_TRAINING = "training the tokenizer", "training the generator"
GUIDANCE, TOP_P = 2.0, 0.95  # and a top_k of a quarter of the codes
RATIOS = (
    (SAMPLING, UNFOLDED, "folded sampling is {} times as fast as unfolded (goal: 1.5)"),
    (SAMPLING, UNCACHED, "sampling with the cache is {} times as fast as without"),
    (SAMPLING, PLAIN, "sampling is {} times as fast as the reference (goal: 2)"),
    (SAMPLING, PLAIN_CACHED, "sampling is {} times as fast as the reference with a cache"),
    (RECONSTRUCTION, PLAIN, "encode and decode are {} times as fast as the reference (goal: 2)"),
    (RECONSTRUCTION, PLAIN_FUSED, "encode and decode are {} times as fast as the reference with fused attention"),
    (QUANTIZATION, PLAIN, "the quantiser alone is {} times as fast as the reference's"),
    (SAMPLING, BF16, "bf16 sampling takes 1/{} of float32's time"),
    (SAMPLING, COMPILED, "compiled blocks make sampling take 1/{} of its time"),
)

Call = Callable[[], Any]
Cell = tuple[str, str]  # task, method


@dataclass(frozen=True)
class Size:
    """One tokenizer with its generator, and how many images a call makes."""

    name: str
    images: int
    quick_images: int
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    width: int = 64
    depth: int = 3
    heads: int = 4

    @property
    def generator(self) -> GeneratorConfig:
        sizes = {"width": self.width, "depth": self.depth, "heads": self.heads}
        return GeneratorConfig.for_tokenizer(self.tokenizer, gate_init=0.3, **sizes)


SIZES = (
    Size("default: 32², 31 positions, V = 256", 250, 100),
    Size(
        "larger: 64², 130 positions, V = 1024", 64, 16,
        TokenizerConfig(
            image_size=64, channels=3, width=128, depth=4, sides=(1, 2, 3, 4, 6, 8), codebook_size=1024, code_dim=16,
        ),
        width=128, depth=6,
    ),
)  # fmt: skip


@dataclass
class Models:
    """What one size's calls work on."""

    tokenizer: Tokenizer
    folded: NextScaleGenerator
    unfolded: NextScaleGenerator
    images: Tensor
    labels: Tensor

    @classmethod
    def of(cls, size: Size, count: int, device: torch.device) -> Models:
        torch.manual_seed(0)
        config = size.tokenizer
        tokenizer, folded = Tokenizer(config).eval(), FoldedGenerator(size.generator).eval()
        unfolded = UnfoldedGenerator(size.generator).eval()
        images = torch.rand(count, config.channels, config.image_size, config.image_size) * 2 - 1
        labels = torch.arange(count) % size.generator.classes
        models = tokenizer.to(device), folded.to(device), unfolded.to(device)
        return cls(*models, images.to(device), labels.to(device))

    @property
    def settings(self) -> dict[str, Any]:
        codes = self.tokenizer.config.codebook_size
        return {"guidance_scale": GUIDANCE, "top_k": codes // 4, "top_p": TOP_P}

    def doubled(self) -> Models:
        """Return copies in float64, with a few labels: rounding then decides nothing."""
        tokenizer, folded = deepcopy(self.tokenizer).double(), deepcopy(self.folded).double()
        return Models(tokenizer, folded, deepcopy(self.unfolded).double(), self.images[:16], self.labels[:16])


def check(models: Models) -> None:
    """Stop unless cache, reference and library make the same tokens and images."""
    exact = models.doubled()
    for generator in (exact.folded, exact.unfolded):
        cached = sample(generator, exact.tokenizer, exact.labels, **exact.settings)
        uncached = sample(generator, exact.tokenizer, exact.labels, **exact.settings, cache=False)
        assert torch.equal(cached, uncached), "the cache changes samples"
    wanted = sample(exact.folded, exact.tokenizer, exact.labels, **exact.settings)
    for cache in (False, True):
        found = reference.sample(exact.folded, exact.tokenizer, exact.labels, **exact.settings, cache=cache)
        assert torch.equal(found, wanted), "the reference samples other tokens"
    decoded = models.tokenizer.decode(ours := models.tokenizer.encode(models.images))
    for fused in (False, True):
        theirs = reference.encode(models.tokenizer, models.images, fused=fused)
        same = float((ours == theirs).flatten(1).all(dim=1).float().mean())
        assert same >= 0.99, f"the reference gives {same:.1%} of the images the same tokens"  # float32: a tie may fall
        assert torch.allclose(reference.decode(models.tokenizer, ours, fused=fused), decoded, atol=1e-4), "images"


def inference_calls(models: Models) -> dict[Cell, Call]:
    """Return what makes tokens and images, each call all images."""
    tokenizer, labels, settings = models.tokenizer, models.labels, models.settings
    quantizer, latents = tokenizer.quantizer, tokenizer.latents(models.images).detach()

    @torch.inference_mode()
    def there_and_back() -> Tensor:
        return quantizer.running_sums(quantizer(latents, dropout=False).indices)[-1]

    def reconstructed(*, fused: bool) -> Tensor:
        return reference.decode(tokenizer, reference.encode(tokenizer, models.images, fused=fused), fused=fused)

    return {
        (SAMPLING, OURS): lambda: sample(models.folded, tokenizer, labels, **settings),
        (SAMPLING, UNCACHED): lambda: sample(models.folded, tokenizer, labels, **settings, cache=False),
        (SAMPLING, UNFOLDED): lambda: sample(models.unfolded, tokenizer, labels, **settings),
        (SAMPLING, PLAIN): lambda: reference.sample(models.folded, tokenizer, labels, **settings, cache=False),
        (SAMPLING, PLAIN_CACHED): lambda: reference.sample(models.folded, tokenizer, labels, **settings, cache=True),
        (RECONSTRUCTION, OURS): lambda: tokenizer.decode(tokenizer.encode(models.images)),
        (RECONSTRUCTION, PLAIN): lambda: reconstructed(fused=False),
        (RECONSTRUCTION, PLAIN_FUSED): lambda: reconstructed(fused=True),
        (QUANTIZATION, OURS): there_and_back,
        (QUANTIZATION, PLAIN): lambda: reference.summed(quantizer, reference.quantize(quantizer, latents)),
    }


def gpu_calls(models: Models) -> dict[Cell, Call]:
    """Return the variants that are for a GPU only: half precision and compiled blocks."""
    compiled = deepcopy(models.folded)
    for block in compiled.blocks:
        block.compile(dynamic=True)

    def in_bf16(call: Call) -> Call:
        def run() -> Any:
            with torch.autocast("cuda", dtype=torch.bfloat16):
                return call()

        return run

    calls = inference_calls(models)
    return {
        (SAMPLING, BF16): in_bf16(calls[SAMPLING, OURS]),
        (RECONSTRUCTION, BF16): in_bf16(calls[RECONSTRUCTION, OURS]),
        (SAMPLING, COMPILED): lambda: sample(compiled, models.tokenizer, models.labels, **models.settings),
    }


def training_calls(size: Size, models: Models) -> dict[Cell, Call]:
    """Return one update on all images: of the tokenizer, and of both generators on its tokens."""
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=models.images.device.type == "cpu")
    settings = TrainingSettings(updates=100_000, collapse_check=0)

    def teacher(images: Tensor) -> Tensor:  # costs nothing
        return images.flatten(1)[:, : size.tokenizer.teacher_dim]

    training = TokenizerTraining(size.tokenizer, settings, accelerator, seed=0, teacher=teacher)
    indices = models.tokenizer.encode(models.images)
    calls: dict[Cell, Call] = {(TOKENIZER_TRAINING, OURS): lambda: training.update(1, models.images)}
    kinds: dict[str, type[NextScaleGenerator]] = {OURS: FoldedGenerator, UNFOLDED: UnfoldedGenerator}
    for method, kind in kinds.items():
        each = GeneratorTraining(
            size.generator, settings, accelerator, tokenizer=deepcopy(models.tokenizer), seed=0, kind=kind
        )
        calls[GENERATOR_TRAINING, method] = lambda each=each: each.update(1, indices, models.labels)  # type: ignore[misc]
    return calls


def in_turns(calls: dict[Cell, Call], rounds: int, wait: Callable[[], None]) -> dict[Cell, list[float]]:
    """Return each call's seconds in every round, after one round that is not counted."""
    seconds: dict[Cell, list[float]] = {cell: [] for cell in calls}
    for number in range(rounds + 1):
        for cell, call in calls.items():
            started = time.perf_counter()
            call()
            wait()
            if number:
                seconds[cell].append(time.perf_counter() - started)
    return seconds


def rows_of(size: str, seconds: dict[Cell, list[float]], count: int) -> list[dict[str, Any]]:
    """Return images per second with the quartiles over rounds."""
    rows = []
    for (task, method), values in seconds.items():
        low, _, high = quantiles(values, n=4, method="inclusive")
        rows.append(
            {"task": task, "size": size, "method": method, "images_per_second": count / median(values),
             "lower_quartile": count / high, "upper_quartile": count / low}
        )  # fmt: skip
    return rows


def sentences(size: str, seconds: dict[Cell, list[float]]) -> list[str]:
    """Return what the numbers say, in words."""
    found = []
    for task, method, text in RATIOS:
        if (task, method) in seconds:
            pairs = zip(seconds[task, method], seconds[task, OURS], strict=True)
            found.append(f"{size}: {text.format(f'{median(other / own for other, own in pairs):.2f}')}")
    return found


def document(rows: list[dict[str, Any]], said: list[str], where: dict[str, Any], ran_on: dict[str, Any]) -> Any:
    """Return the result as the report reads it."""
    return {
        "title": "Sampling, reconstruction and training",
        "note": "Folded and unfolded draw equal numbers of tokens with the same transformer; guidance doubles the "
        "batch. The reference takes branches, scales and both guidance passes one after the other; the tokenizer's "
        "transformers are written out in it, the generator's blocks are the library's. Medians over rounds in which "
        "all variants take turns, in one process.",
        "command": "python -m benchmarks.imagefolder", **where, "machine": ran_on, "default": OURS, "findings": said,
        "columns": [
            {"name": "task", "label": "task", "role": "case"}, {"name": "size", "label": "size", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {"name": "images_per_second", "label": "images per second", "role": "value", "better": "higher",
             "superlative": "fastest"},
            {"name": "lower_quartile", "label": "lower quartile", "role": "detail"},
            {"name": "upper_quartile", "label": "upper quartile", "role": "detail"},
        ],
        "rows": rows,
    }  # fmt: skip


def measure(size: Size, count: int, rounds: int, device: torch.device) -> dict[Cell, list[float]]:
    """Check one size's variants against each other and time them."""
    models = Models.of(size, count, device)
    check(models)
    calls = inference_calls(models) | training_calls(size, models)
    if device.type == "cuda":
        return in_turns(calls | gpu_calls(models), rounds, torch.cuda.synchronize)
    return in_turns(calls, rounds, lambda: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few images, few rounds; writes nothing")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    where, ran_on = checkout(), machine("torch", "numpy")
    ran_on |= {"gpu": torch.cuda.get_device_name() if device.type == "cuda" else "none"}
    ran_on |= {"threads": torch.get_num_threads()}
    rows: list[dict[str, Any]] = []
    said: list[str] = []
    for size in SIZES:
        count = size.quick_images if options.quick else size.images
        seconds = measure(size, count, 3 if options.quick else options.rounds, device)
        rows += rows_of(size.name, seconds, count)
        said += sentences(size.name, seconds)
    if device.type == "cpu":
        said.append("bf16 and compiled variants are skipped: they are for a GPU, and there is none here")
    for row in rows:
        print(*row.values(), sep=" | ")
    print("\n".join(said))
    if not options.quick:
        content = document(rows, said, where, ran_on)
        RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
