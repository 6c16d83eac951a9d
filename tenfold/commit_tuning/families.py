"""Where encoder, projector and LLM lie: LLaVA, BLIP-2, Qwen2-Audio and this package's own models, with LoRA or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenfold.commit_tuning.components import Components, ProjectorGroup, bare
from tenfold.commit_tuning.errors import InvalidComponents

if TYPE_CHECKING:
    from torch import nn

FAMILIES = {  # class -> paths of encoder, of projector, of LLM; those that a model lacks are left out
    "LlavaForConditionalGeneration": (
        ("model.vision_tower",),
        ("model.multi_modal_projector",),
        ("model.language_model", "lm_head"),
    ),
    "LlavaNextForConditionalGeneration": (
        ("model.vision_tower",),
        ("model.multi_modal_projector", "model.image_newline"),
        ("model.language_model", "lm_head"),
    ),
    "Blip2ForConditionalGeneration": (
        ("vision_model",),
        ("query_tokens", "qformer", "language_projection"),
        ("language_model",),
    ),
    "Qwen2AudioForConditionalGeneration": (
        ("model.audio_tower",),
        ("model.multi_modal_projector",),
        ("model.language_model", "lm_head"),
    ),
    "MultimodalModel": (("encoder",), ("projector",), ("language_model",)),  # of this package
}
LORA = "base_model.model"  # where peft keeps the model that it wraps


def known_components(model: nn.Module, *, projector_group: ProjectorGroup = "encoder") -> Components:
    """Return the components of a model by its class, that of the model within for one that peft wraps.

    Raises InvalidComponents for another class: give `Components` the paths of its modules then.
    """
    model, prefix = bare(model), ""
    if hasattr(model, "peft_config") and LORA in dict(model.named_modules()):
        model, prefix = model.get_submodule(LORA), f"{LORA}."
    family = next((FAMILIES[kind.__name__] for kind in type(model).__mro__ if kind.__name__ in FAMILIES), None)
    if family is None:
        tops = [name for name, _ in model.named_children()]
        raise InvalidComponents(
            f"the parts of a {type(model).__name__} are not known by name, those of {', '.join(FAMILIES)} are: "
            f"give Components(encoder=…, projector=…, llm=…) paths among {', '.join(tops)}"
        )
    names = [name for name, _ in model.named_parameters()]
    encoder, projector, llm = (
        tuple(prefix + path for path in paths if any(name == path or name.startswith(f"{path}.") for name in names))
        for paths in family
    )
    return Components(encoder=encoder, projector=projector, llm=llm, projector_group=projector_group)
