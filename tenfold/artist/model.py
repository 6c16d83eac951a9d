"""ARTIST: a visual module that assimilates the features of a text module.

Legend:  B images · C latent channels of the visual, T of the text module · h, w latent places
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from tenfold.artist.conditions import Conditions
from tenfold.artist.denoiser import Denoiser
from tenfold.artist.errors import FrozenChanged, InvalidInjection
from tenfold.artist.injector import Injector
from tenfold.nn.ema import ExponentialMovingAverage
from tenfold.nn.pretrained import weights_sha256


class Artist(nn.Module):
    """Both modules and the injector between them, attached; without a text module, a visual module alone.

    The visual module and the convolutions are trained; so is the text module unless it is frozen.
    Raises InvalidInjection for a text module without an injector, or the other way round.
    """

    def __init__(self, visual: Denoiser, text: Denoiser | None = None, injector: Injector | None = None) -> None:
        super().__init__()
        if (text is None) != (injector is None):
            raise InvalidInjection("a text module and an injector come together; a visual module alone has neither")
        self.visual, self.text, self.injector = visual, text, injector
        self.attach()

    def attach(self) -> None:
        """Hook the injector into both U-Nets."""
        if self.text is not None and self.injector is not None:
            self.injector.attach(self.text.unet, self.visual.unet)

    def forward(
        self,
        noisy: Float[Tensor, "B C h w"],
        t: Int[Tensor, " B"],
        conditions: Conditions,
        text_noisy: Float[Tensor, "B T h w"] | None = None,
        text_t: Int[Tensor, " B"] | None = None,
        text_conditions: Conditions | None = None,
    ) -> tuple[Float[Tensor, "B C h w"], Float[Tensor, "B T h w"] | None]:
        """Return both modules' predictions, the text module's first step of the two; None where there is none.

        ``text_noisy`` is the text image in the text module's branch, at times ``text_t``, by default ``t``, under
        ``text_conditions``, by default the same. Raises InvalidInjection if ``text_noisy`` is missing, or given where
        nothing reads it; InvalidConditions, BatchMismatch.
        """
        if (text_noisy is None) != (self.text is None):
            raise InvalidInjection("a text image is given exactly where there is a text module to read it")
        read = None
        if self.text is not None and text_noisy is not None:
            with torch.set_grad_enabled(torch.is_grad_enabled() and not self.text.frozen):
                read = self.text(text_noisy, t if text_t is None else text_t, text_conditions or conditions)
        return self.visual(noisy, t, conditions), read

    def trained(self) -> nn.ModuleDict:
        """Return the parts that are trained: the visual module, the injector, and a text module that is not frozen."""
        parts: dict[str, nn.Module] = {"visual": self.visual}
        if self.injector is not None:
            parts["injector"] = self.injector
        if self.text is not None and not self.text.frozen:
            parts["text"] = self.text
        return nn.ModuleDict(parts)

    @contextmanager
    def detached(self) -> Iterator[None]:
        """Take the hooks off for a while, so that networks can be copied."""
        if self.injector is not None:
            self.injector.detach()
        try:
            yield
        finally:
            self.attach()

    def average(self, decay: float) -> ExponentialMovingAverage:
        """Return a moving average of what is trained; call its ``update`` with ``trained()``."""
        with self.detached():
            return ExponentialMovingAverage(self.trained(), decay)

    def averaged(self, average: ExponentialMovingAverage) -> Artist:
        """Return the model with the averaged weights; a frozen text module is shared, not copied."""
        parts = copy.deepcopy(dict(average.model.items()))  # type: ignore[operator]
        text = parts.get("text", self.text)
        return Artist(parts["visual"], text, parts.get("injector")).eval()


@contextmanager
def unchanged(module: nn.Module, name: str = "the text module") -> Iterator[str]:
    """Yield the sha256 of a module's weights, and look at them again at the end. Raises FrozenChanged."""
    before = weights_sha256(module)
    yield before
    after = weights_sha256(module)
    if after != before:
        raise FrozenChanged(f"{name} was to stay as it is: sha256 {before[:12]}… before, {after[:12]}… after")
