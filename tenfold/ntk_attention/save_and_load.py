"""Adapters as folders: adapter_config.json and adapter.safetensors, no pickles."""

from __future__ import annotations

import json
from pathlib import Path

from torch import nn
from transformers import PreTrainedModel

from tenfold.ntk_attention.config import config_from_dict
from tenfold.ntk_attention.errors import InvalidAdapter
from tenfold.ntk_attention.model import adapter_modules, adapter_state_dict, inject

CONFIG, WEIGHTS = "adapter_config.json", "adapter.safetensors"


def save_pretrained(model: nn.Module, folder: Path | str, adapter_name: str = "default") -> None:
    """Write one adapter, without the backbone, into ``folder``, which is made."""
    from safetensors.torch import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in adapter_state_dict(model, adapter_name).items()}
    save_file(state, folder / WEIGHTS)
    content = adapter_modules(model, adapter_name)[0].config.to_dict()
    (folder / CONFIG).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def from_pretrained(model: PreTrainedModel, folder: Path | str, adapter_name: str = "default") -> PreTrainedModel:
    """Inject the adapter that ``save_pretrained`` wrote and make it the active one.

    Raises InvalidAdapter if a file is missing or unreadable, or the tensors do not fit this model, which is then as it
    was.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    folder = Path(folder)
    try:
        config = config_from_dict(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        state = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise InvalidAdapter(f"{folder} holds no adapter: {error.filename} is missing") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, SafetensorError) as error:
        raise InvalidAdapter(f"the adapter in {folder} cannot be read: {error}") from None
    return inject(model, config, adapter_name, state=state)
