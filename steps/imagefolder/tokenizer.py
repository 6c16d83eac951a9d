"""Train one tokenizer: the paper's, its comparator with one branch, or its control without quantisation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from steps.imagefolder import objective
from steps.imagefolder.encoding import mean_error, tokens_of
from steps.imagefolder.imagenet import ImageFileParams, training_images
from steps.imagefolder.objective import PretrainedParams
from steps.imagefolder.splits import Split, dataset_names, origin, read_split
from steps.imagefolder.training import TrainingParams, device_of, fit_tokenizer, scale_of
from steps.step.json_files import write_json
from steps.step.params import Params
from steps.step.run import Run
from tenfold.imagefolder.adversarial import AdversarialLoss, AdversarialSettings
from tenfold.imagefolder.config import TokenizerConfig
from tenfold.imagefolder.tokenizer import Tokenizer
from tenfold.imagefolder.usage import check_collapse, code_counts, perplexity, usage
from tenfold.nn.errors import InvalidConfig

# What each variant changes, and nothing else; p2 is the paper's. All have the semantic loss on their last branch.
VARIANTS: dict[str, dict[str, Any]] = {"p2": {}, "p1": {"branches": 1}, "unquantised": {"quantize": False}}
CARD = """# ImageFolder tokenizer {variant} of {dataset}

{positions} positions, {branches} branches, {bits:.0f} bits an image; {updates} updates on {source}, averaged weights.
A reproduction of arXiv 2410.01756 at {scale}.
"""


class TokenizerParams(Params):
    """Sizes, training, and what a tokenizer is trained with besides its images.

    ``sizes`` go to TokenizerConfig, as ``sized`` makes them fit the images. The adversarial term starts after the
    share ``adversarial_start`` of the updates.
    """

    sizes: dict[str, Any]
    training: TrainingParams
    discriminator: Literal["none", "patch", "features"] = "none"
    adversarial_start: float = 0.0
    pretrained: PretrainedParams = PretrainedParams()
    image_files: ImageFileParams = ImageFileParams()


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
        teacher = objective.teacher(trained, dataset, train, params.pretrained, params.training, run)
        sizes = {"image_size": train.size, "channels": train.channels, "teacher_dim": teacher.features}
        config = TokenizerConfig.from_dict({**sized(params.sizes, train.size), **sizes, **VARIANTS[run.variant]})
        semantic = config.semantic_branches != "none" and config.semantic_weight > 0
        files = training_images(prepared, dataset, train.size, params.image_files, run)
        model = fit_tokenizer(
            run,
            dataset,
            config,
            params.training,
            train.images if files is None else files,
            teacher=teacher.described if semantic else None,
            perceptual=objective.perceptual(params.pretrained, run),
            perceptual_weight=params.pretrained.perceptual_weight,
            adversarial=adversarial_loss(config, trained, dataset, params, run),
            start=objective.start(config, dataset, params.pretrained, run),
            workers=params.image_files.workers,
        )
        model.to(device_of(params.training, run))
        error = mean_error(model, held_out)
        tables[dataset] = use_of_codes(model, held_out) if config.quantize else []
        card = CARD.format(
            variant=run.variant,
            dataset=dataset,
            positions=config.positions,
            branches=config.branches,
            bits=config.bits,
            updates=params.training.updates,
            source=origin(prepared, dataset),
            scale=scale_of(run),
        )
        run.model(f"{dataset}-{run.variant}", model.to("cpu"), card=card, example=held_out.pixels[:2])
        run.say(f"{dataset}: error {error:.4f} on validation")
    write_json(out / "usage.json", tables)


def adversarial_loss(
    config: TokenizerConfig, trained: Path, dataset: str, params: TokenizerParams, run: Run
) -> AdversarialLoss | None:
    """Return the adversarial part of the objective, or None without a discriminator. Raises InvalidConfig."""
    if params.discriminator == "none":
        return None
    seed = int(run.generator(f"discriminator of {dataset}").integers(2**31))
    features = params.discriminator == "features"
    network = objective.feature_network(trained, dataset, params.pretrained) if features else None
    judge = objective.new_discriminator(params.discriminator, config.channels, seed, network)
    settings = AdversarialSettings(max(int(params.adversarial_start * params.training.updates), 1))
    accelerator = run.accelerator(mixed_precision=params.training.mixed_precision)
    return AdversarialLoss(judge, settings, accelerator, seed=seed)


def sized(sizes: dict[str, Any], image_size: int) -> dict[str, Any]:
    """Return sizes for images of one side: ``grid`` patches along it, where that is given in place of patch_size.

    Images of any side so have equally many patches. Raises InvalidConfig if they do not tile the image.
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
