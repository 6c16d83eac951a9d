"""What of a model is trained: encoders, adapters, projector, decoder; LoRA on the decoder through peft."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tenfold.llava_read.errors import InvalidParts
from tenfold.llava_read.model import LlavaReadForConditionalGeneration
from tenfold.multimodal.errors import InvalidGroups
from tenfold.multimodal.lora import lora_names, with_lora
from tenfold.multimodal.parameter_groups import parameters_by_group, train_only

Vision = Literal["frozen", "adapters", "full"]
DecoderTraining = Literal["frozen", "lora", "full"]
TRAINED = "trained.safetensors"  # what is trained outside of the decoder
LORA, LORA_SETTINGS = "adapter_model.safetensors", "adapter_config.json"  # as peft calls them


def part_paths(model: LlavaReadForConditionalGeneration) -> dict[str, list[str]]:
    """Return the paths of the model's parts: low, high, adapters, projector, decoder, and what is unused.

    The projector holds the last merge too, which is not the identity at the start and so is always trained with it.
    """
    paths = {
        "low": ["vision.low"],
        "unused": [f"vision.{path}" for path in model.vision.unused()],
        "high": [] if model.vision.high is None else ["vision.high"],
        "adapters": ["vision.adapters"] if len(model.vision.adapters) else [],
        "projector": ["projector", *(["vision.sum"] if model.vision.sum is not None else [])],
        "decoder": ["language_model"],
    }
    return {part: listed for part, listed in paths.items() if listed}


def set_trained(
    model: LlavaReadForConditionalGeneration,
    *,
    vision: Vision = "frozen",
    projector: bool = True,
    decoder: DecoderTraining = "full",
) -> dict[str, int]:
    """Let gradients reach the named parts alone; return how many values each trained part has.

    Stage I of the paper: ``projector`` alone; Stage II: the decoder too, and of the encoders nothing, the adapters
    alone or everything that a token passes through. Raises InvalidParts for adapters where merge is not gated, and
    for LoRA where there is none, or the whole decoder where there is.
    """
    if vision not in ("frozen", "adapters", "full") or decoder not in ("frozen", "lora", "full"):
        raise InvalidParts(f"vision is frozen, adapters or full, decoder frozen, lora or full: not {vision}, {decoder}")
    paths = part_paths(model)
    if vision == "adapters" and "adapters" not in paths:
        raise InvalidParts(f"merge: {model.config.merge} has no adapters to train; set merge: gated")
    adapted = _lora_names(model)
    if decoder != "frozen" and bool(adapted) != (decoder == "lora"):
        raise InvalidParts(
            "the decoder has LoRA: train decoder: lora, or merge it first"
            if adapted
            else "the decoder has no LoRA: call add_lora first"
        )
    encoders = {"frozen": [], "adapters": ["adapters"], "full": ["low", "high", "adapters"]}[vision]
    trained = [part for part in encoders if part in paths]
    trained += ["projector"] * projector + ["decoder"] * (decoder != "frozen")
    train_only(model, paths, trained)
    if decoder == "lora":
        for name, parameter in model.language_model.named_parameters():
            parameter.requires_grad_(name in adapted)
    model.train(model.training)  # encoders without a trained parameter leave the training mode
    groups = parameters_by_group(model, paths)
    return {part: sum(one.numel() for one in groups[part].values() if one.requires_grad) for part in trained}


def add_lora(
    model: LlavaReadForConditionalGeneration, *, rank: int = 16, alpha: int = 32, dropout: float = 0.0
) -> None:
    """Put low-rank adapters of peft on every linear map of the decoder's attention and MLPs; they start at zero.

    Raises InvalidParts if the decoder has LoRA already, or none of the maps that are known by name.
    """
    if _lora_names(model):
        raise InvalidParts("the decoder has LoRA already")
    try:
        model.language_model = with_lora(model.language_model, rank=rank, alpha=alpha, dropout=dropout)
    except InvalidGroups as error:
        raise InvalidParts(f"the decoder: {error}") from None


def merge_lora(model: LlavaReadForConditionalGeneration) -> None:
    """Add the decoder's LoRA to its weights and take it away. Raises InvalidParts if there is none."""
    if not _lora_names(model):
        raise InvalidParts("the decoder has no LoRA to merge")
    model.language_model = model.language_model.merge_and_unload()


def save_trained(model: LlavaReadForConditionalGeneration, folder: Path) -> None:
    """Write LoRA, as peft does, and what else is trained outside of the decoder, into the new ``folder``.

    Raises InvalidParts if the decoder has no LoRA (`save_pretrained` writes such a model whole); FileExistsError.
    """
    from safetensors.torch import save_file

    if not _lora_names(model):
        raise InvalidParts("the decoder has no LoRA; save_pretrained writes the whole model")
    folder.mkdir(parents=True)
    model.language_model.save_pretrained(str(folder))
    save_file({name: one.detach().cpu().contiguous() for name, one in _others(model).items()}, folder / TRAINED)


def load_trained(model: LlavaReadForConditionalGeneration, folder: Path) -> None:
    """Put what ``save_trained`` wrote onto the model it was trained from.

    Raises InvalidParts, leaving the model as it was, if a file of the folder is missing, broken or does not fit.
    """
    import torch

    if _lora_names(model):
        raise InvalidParts("the decoder has LoRA already")
    for name in (TRAINED, LORA, LORA_SETTINGS):
        if not (folder / name).is_file():
            raise InvalidParts(f"{folder} holds no {name}; save_trained writes it")
    found, lora, own = _tensors(folder / TRAINED), _tensors(folder / LORA), dict(model.named_parameters())
    for name, values in found.items():
        if name not in own or own[name].shape != values.shape:
            raise InvalidParts(f"{folder / TRAINED} does not fit the model: {name} {tuple(values.shape)}")
    model.language_model = _with_saved_lora(model.language_model, folder, set(lora))
    with torch.no_grad():
        for name, values in found.items():
            own[name].copy_(values)


def _tensors(path: Path) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise InvalidParts(f"{path} cannot be read: {error}; it is broken, or was cut off") from None


def _with_saved_lora(decoder: Any, folder: Path, names: set[str]) -> Any:
    """Return the decoder with the LoRA of a folder, whose file has tensors of these names; as it was if they misfit.

    Embeddings that were resized stand in the file as well.
    """
    import torch
    from peft import PeftModel, get_peft_model_state_dict

    own = dict(decoder.named_parameters())
    trained = {name: one.requires_grad for name, one in own.items()}
    replaced = {name: one.detach().clone() for name, one in own.items() if f"base_model.model.{name}" in names}
    try:
        adapted = PeftModel.from_pretrained(decoder, str(folder))
        lora = {name for name in names if ".lora_" in name}
        if unlike := sorted(lora ^ set(get_peft_model_state_dict(adapted, save_embedding_layers=False))):
            raise ValueError(f"{len(unlike)} tensors are in one of them alone, such as {unlike[0]}")
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        _take_lora_off(decoder)
        with torch.no_grad():
            for name, one in own.items():
                one.requires_grad_(trained[name])
                if name in replaced:
                    one.copy_(replaced[name])
        why = " ".join(line.strip() for line in str(error).splitlines()[:2])  # the first tensor of many
        raise InvalidParts(f"{folder} holds no LoRA for this decoder: {why}") from None
    return adapted


def _take_lora_off(decoder: Any) -> None:
    """Put every linear map that peft has wrapped back in its place."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    for module in list(decoder.modules()):
        for name, layer in list(module.named_children()):
            if isinstance(layer, BaseTunerLayer):
                setattr(module, name, layer.get_base_layer())
    vars(decoder).pop("peft_config", None)


def _lora_names(model: LlavaReadForConditionalGeneration) -> set[str]:
    return lora_names(model.language_model)


def _others(model: LlavaReadForConditionalGeneration) -> dict[str, Any]:
    return {
        name: one
        for name, one in model.named_parameters()
        if one.requires_grad and not name.startswith("language_model.")
    }
