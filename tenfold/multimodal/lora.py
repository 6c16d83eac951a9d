"""Low-rank adapters on one module of a model: never on a neighbour whose layers have the same names.

A target that is named by a part of a path, such as ``self_attn``, wraps every tower that has one. So peft is given the
module alone, and the whole last names of the linear maps within.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tenfold.multimodal.errors import InvalidGroups

if TYPE_CHECKING:
    from torch import nn

# linear maps of attention and MLPs: of decoders such as Llama's, and of Whisper's and CLIP's encoders
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "out_proj", "fc1", "fc2")


def with_lora(
    module: nn.Module, *, rank: int = 16, alpha: int = 32, dropout: float = 0.0, targets: Sequence[str] = TARGETS
) -> Any:
    """Return a module of transformers with adapters on its linear maps called ``targets``; they start at zero.

    The module's own weights no longer take gradients. Raises InvalidGroups if it has adapters already, or no such map.
    """
    from peft import LoraConfig, get_peft_model
    from torch import nn

    if lora_names(module):
        raise InvalidGroups(f"the {type(module).__name__} has LoRA already")
    there = {name.rpartition(".")[2] for name, one in module.named_modules() if isinstance(one, nn.Linear)}
    known = [name for name in targets if name in there]
    if not known:
        raise InvalidGroups(f"the {type(module).__name__} has none of the linear maps {', '.join(targets)}")
    settings = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=known)
    if hasattr(module, "generate"):
        settings.task_type = "CAUSAL_LM"
    return get_peft_model(module, settings)


def lora_names(module: nn.Module) -> set[str]:
    """Return the names of the adapters' parameters within a module."""
    return {name for name, _ in module.named_parameters() if ".lora_" in name}
