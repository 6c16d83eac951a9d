"""Hooks that refuse to be copied, that keep the type of what they change, and that survive gradient checkpointing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from torch import Tensor

from tenfold.artist.errors import CopiedWhileAttached, InvalidInjection


class Hook:
    """A hook of an injector. A copied network would call it for another injector's sake, so that copying is refused."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        raise CopiedWhileAttached("an injector is attached to this network: detach it, copy, and attach both again")


def replaced(output: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a module's output with its first tensor changed: a tensor stays one, a tuple too.

    Raises InvalidInjection for another type.
    """
    if isinstance(output, Tensor):
        return change(output)
    if type(output) is tuple and output and isinstance(output[0], Tensor):
        return (change(output[0]), *output[1:])
    raise InvalidInjection(f"a place returns a {type(output).__name__}, neither a tensor nor a tuple of tensors")


class CheckpointWithFeatures:
    """A checkpointing function that computes a layer again with the features that it had the first time.

    Without it, a layer that is computed again in the backward pass would take the features of the last call.
    """

    def __init__(self, function: Callable[..., Any], injector: Any) -> None:
        self.function, self.injector = function, injector

    def __call__(self, module: Callable[..., Any], *arguments: Any) -> Any:
        features = self.injector.features

        def again(*inputs: Any) -> Any:
            with self.injector.using(features):
                return module(*inputs)

        return self.function(again, *arguments)

    def __deepcopy__(self, memo: dict[int, Any]) -> NoReturn:
        raise CopiedWhileAttached("an injector is attached to this network: detach it, copy, and attach both again")

    @classmethod
    def install(cls, unet: Any, injector: Any) -> None:
        """Put one around the checkpointing function of each up block that checkpoints."""
        for block in unet.up_blocks:
            function: Any = getattr(block, "_gradient_checkpointing_func", None)
            if block.gradient_checkpointing and not isinstance(function, cls):
                block._gradient_checkpointing_func = cls(function, injector)

    @classmethod
    def undo(cls, unet: Any) -> None:
        """Put the functions back that were there before."""
        for block in unet.up_blocks:
            function = getattr(block, "_gradient_checkpointing_func", None)
            if isinstance(function, cls):
                block._gradient_checkpointing_func = function.function
