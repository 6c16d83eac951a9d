"""Train one tokenizer: the paper's, its comparator with one branch, or its control without quantisation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from steps.imagefolder import setting
from steps.imagefolder.encoding import mean_error, tokens_of
from steps.imagefolder.loops import fit_tokenizer, settings_from
from steps.imagefolder.pictures import Split, dataset_names, origin, read_split
from steps.step.params import Count, Field, Params
from steps.step.run import Run
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.errors import InvalidConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.usage import check_collapse, code_counts, perplexity, usage

# What each variant changes, and nothing else; p2 is the paper's. All have the semantic loss on their last branch.
VARIANTS: dict[str, dict[str, Any]] = {"p2": {}, "p1": {"branches": 1}, "unquantised": {"quantize": False}}
CARD = """# ImageFolder tokenizer {variant} of {dataset}

{positions} positions, {branches} branches, {bits:.0f} bits an image; {updates} updates on {source}, averaged weights.
Reads images in [−1, 1] of shape ({channels}, {size}, {size}). A reproduction of arXiv 2410.01756 at {scale}.
"""


class TokenizerParams(Params):
    """Sizes, training, and what it is trained with (``steps.imagefolder.setting``).

    ``sizes`` go to TokenizerConfig, as ``sized`` makes them fit the pictures. Warm-up, floor, perceptual_weight and
    micro_batches are those of TrainingSettings. Where pictures are files, their shorter sides are brought to
    ``resized`` (None: the crop's), ``views`` random crops of each are seen, and ``workers`` processes read them.
    ``frozen_size`` is the side of what the hub's frozen transformers read.
    """

    sizes: dict[str, Any]
    updates: Count
    batch_size: Count
    learning_rate: float
    ema_decay: float
    warmup: float = 0.05
    floor: float = 0.05
    micro_batches: Count = 1
    mixed_precision: Literal["no", "bf16"] = "no"
    teacher: str = "ssl_teacher"
    teacher_revision: str | None = None
    start_from: str | None = None
    start_revision: str | None = None
    perceptual: Literal["gradient_difference", "lpips"] = "gradient_difference"
    perceptual_weight: float = 0.25
    discriminator: Literal["none", "patch", "features"] = "none"
    discriminator_model: str | None = None
    discriminator_revision: str | None = None
    discriminator_depths: list[Count] = Field(default_factory=list)  # blocks after which heads look
    adversarial_start: float = 0.0  # as a share of the updates
    frozen_size: Count = 224
    resized: Count | None = None
    views: Count = 1
    workers: Annotated[int, Field(ge=0)] = 0


def tokenizer(prepared: Path, trained: Path, *, out: Path, params: TokenizerParams, run: Run) -> None:
    """Train one tokenizer: the paper's, its comparator with one branch, or its control without quantisation.

    Reads   prepared/<dataset>.npz, train and validation, and the files it lists; trained/models/<dataset>-ssl_teacher/
    Writes  models/<dataset>-<variant>/; usage.json: use of the codes on validation, by data set, branch and scale
    Logs    <dataset>/<loss>
    Raises  CodebookCollapsed, NotFinite, InvalidConfig, InvalidModel, MissingPackage
    """
    assert run.variant is not None
    tables: dict[str, list[dict[str, float]]] = {}
    for dataset in dataset_names(prepared):
        train, held_out = (read_split(prepared, dataset, split) for split in ("train", "validation"))
        teacher = setting.teacher(trained, dataset, train, params, run)
        sizes = {"image_size": train.size, "channels": train.channels, "teacher_dim": teacher.features}
        config = TokenizerConfig.from_dict({**sized(params.sizes, train.size), **sizes, **VARIANTS[run.variant]})
        semantic = config.semantic_branches != "none" and config.semantic_weight > 0
        files = setting.files_to_train_on(prepared, dataset, train.size, params, run)
        model = fit_tokenizer(
            run,
            dataset,
            config,
            settings_from(params),
            train.images if files is None else files,
            params.batch_size,
            teacher=teacher.described if semantic else None,
            perceptual=setting.perceptual(params.perceptual, run.device),
            adversarial=setting.adversarial(config, dataset, params, run),
            start=setting.start(config, dataset, params, run),
            mixed_precision=params.mixed_precision,
            workers=params.workers,
        )
        model.to(setting.place(params, run))
        error = mean_error(model, held_out)
        tables[dataset] = use_of_codes(model, held_out) if config.quantize else []
        card = CARD.format(
            variant=run.variant,
            dataset=dataset,
            positions=config.positions,
            branches=config.branches,
            bits=config.bits,
            updates=params.updates,
            source=origin(prepared, dataset),
            channels=config.channels,
            size=config.image_size,
            scale=setting.scale(run),
        )
        run.model(f"{dataset}-{run.variant}", model.to("cpu"), card=card, example=held_out.pixels[:2])
        run.say(f"{dataset}: error {error:.4f} on validation")
    (out / "usage.json").write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


def sized(sizes: dict[str, Any], image_size: int) -> dict[str, Any]:
    """Return sizes for pictures of one side: ``grid`` patches along it, where that is given in place of patch_size.

    Pictures of any side so have equally many patches. Raises InvalidConfig if they do not tile the picture.
    """
    if "grid" not in sizes:
        return sizes
    others = {name: value for name, value in sizes.items() if name != "grid"}
    if "patch_size" in others or image_size % sizes["grid"]:
        raise InvalidConfig(f"a grid of {sizes['grid']} patches, without patch_size, does not tile {image_size}")
    return {**others, "patch_size": image_size // sizes["grid"]}


def use_of_codes(model: Tokenizer, split: Split) -> list[dict[str, float]]:
    """Return usage and perplexity of the codes by branch and scale. Raises CodebookCollapsed."""
    config = model.config
    counts = code_counts(tokens_of(model, split), config.sides, config.codebook_size)
    check_collapse(counts)
    return [
        {
            "branch": branch,
            "scale": scale,
            "usage": float(usage(counts)[scale, branch]),
            "perplexity": float(perplexity(counts)[scale, branch]),
        }
        for branch in range(config.branches)
        for scale in range(len(config.sides))
    ]
