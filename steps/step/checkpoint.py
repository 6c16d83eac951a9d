"""Checkpoints of nested state: arrays and tensors in safetensors, the rest in its header; no pickles."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np


class CheckpointError(ValueError):
    """A checkpoint cannot be written or read."""


def save(path: Path, tree: Any) -> None:
    """Write a tree of mappings, lists, numbers, strings, arrays and tensors; replace ``path`` in one rename.

    Raises CheckpointError for a value of any other type, naming its place in the tree.
    """
    from safetensors.numpy import save_file

    arrays: dict[str, np.ndarray] = {}
    structure = _split(tree, "state", arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    save_file(arrays, unfinished, metadata={"structure": json.dumps(structure)})
    os.replace(unfinished, path)


def load(path: Path) -> Any:
    """Return the tree that ``save`` wrote.

    Raises CheckpointError if the file is not a checkpoint (half-written ones never carry this name).
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            structure = json.loads(file.metadata()["structure"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        advice = "delete it to start over"
        raise CheckpointError(f"{path} is not a checkpoint of this project ({error}); {advice}") from None
    return _join(structure, arrays)


def state_of(item: Any) -> Any:
    """Return the state of a stateful object, a generator, or a mapping of them.

    A model that is trained in several processes has the state of the model alone, to go on in any number.
    """
    item = _alone(item)
    if isinstance(item, np.random.Generator):
        return item.bit_generator.state
    if type(item).__name__ == "Generator" and hasattr(item, "get_state"):  # torch.Generator
        return item.get_state()
    if isinstance(item, Mapping):
        return {name: state_of(part) for name, part in item.items()}
    if not hasattr(item, "load_state_dict"):
        raise CheckpointError(f"{type(item).__name__} has no state_dict and load_state_dict to checkpoint it by")
    return item.state_dict()


def restore(item: Any, state: Any) -> None:
    """Put ``state``, as ``state_of`` returned it, back into ``item``."""
    item = _alone(item)
    if isinstance(item, np.random.Generator):
        item.bit_generator.state = state
    elif type(item).__name__ == "Generator" and hasattr(item, "set_state"):
        item.set_state(state)
    elif isinstance(item, Mapping):
        for name, part in item.items():
            restore(part, state[name])
    else:
        item.load_state_dict(state)


def _alone(item: Any) -> Any:
    return item.module if type(item).__name__ == "DistributedDataParallel" else item


def _split(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return what JSON can hold of ``value``, and put each array in it into ``arrays``."""
    if isinstance(value, np.ndarray | np.generic):
        return _put("scalar" if isinstance(value, np.generic) else "array", np.asarray(value), place, arrays)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        return _split_tensor(value, place, arrays)
    if isinstance(value, Mapping):
        wrong = [key for key in value if type(key) not in (str, int)]
        if wrong:
            raise CheckpointError(f"{place}: keys must be strings or whole numbers, not {wrong[0]!r}")
        items = [_split(item, f"{place}.{key}", arrays) for key, item in value.items()]
        return {"mapping": items, "keys": list(value)}
    if isinstance(value, list | tuple):
        items = [_split(item, f"{place}.{index}", arrays) for index, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    raise CheckpointError(f"{place}: cannot checkpoint a {type(value).__name__}")


def _split_tensor(value: Any, place: str, arrays: dict[str, np.ndarray]) -> Any:
    import torch

    try:
        tensor = value.detach().cpu()
        if tensor.dtype is torch.bfloat16:  # which NumPy has not
            return _put("bfloat16", tensor.contiguous().view(torch.int16).numpy(), place, arrays)
        return _put("tensor", tensor.numpy(), place, arrays)
    except (TypeError, RuntimeError) as error:
        raise CheckpointError(f"{place}: cannot checkpoint a tensor of {value.dtype} ({error})") from None


def _put(kind: str, array: np.ndarray, place: str, arrays: dict[str, np.ndarray]) -> dict[str, str]:
    """File an array under a name of its own; places alone may coincide, as in {"a.b": 1, "a": {"b": 2}}."""
    if array.dtype.kind not in "biuf" or not array.dtype.isnative or array.dtype.itemsize > 8:
        raise CheckpointError(f"{place}: cannot checkpoint an array of {array.dtype}")
    name = f"{len(arrays)} {place}"
    arrays[name] = np.asarray(array, order="C")
    return {kind: name}


def _join(structure: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Return the value that ``_split`` was given."""
    match structure:
        case {"mapping": items, "keys": keys}:
            return dict(zip(keys, [_join(item, arrays) for item in items], strict=True))
        case {"list": items}:
            return [_join(item, arrays) for item in items]
        case {"tuple": items}:
            return tuple(_join(item, arrays) for item in items)
        case {"array": name}:
            return arrays[name]
        case {"scalar": name}:
            return arrays[name][()]
        case {"tensor": name} | {"bfloat16": name}:
            import torch

            tensor = torch.from_numpy(arrays[name].copy())
            return tensor.view(torch.bfloat16) if "bfloat16" in structure else tensor
    return structure
