"""The injector: h_v,l ← h_v,l + Conv_l(h_t,l) at the mid block and the up blocks, by hooks on two U-Nets of diffusers.

    injector = Injector.between(text_unet, unet).attach(text_unet, unet)
    text_unet(...)  # its features are taken
    unet(...)  # and added here

Legend:  B images · l place (tap) · h_t,l, h_v,l features of the text and the visual U-Net there
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Self
from weakref import WeakKeyDictionary, ref

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from jaxtyping import Float
from torch import Tensor, nn

from tenfold.artist.errors import BatchMismatch, InvalidInjection
from tenfold.artist.features import Features
from tenfold.artist.hooks import CheckpointWithFeatures, Hook, replaced
from tenfold.artist.taps import Inject, Tap, TapKind, taps

_attached: WeakKeyDictionary[nn.Module, ref[Injector]] = WeakKeyDictionary()  # which injector a visual U-Net has


class Injector(ModelMixin, ConfigMixin):
    """The zero-initialised convolutions between two U-Nets, and the hooks that they act by.

    While every convolution is zero, the visual U-Net computes what it computes alone, bit for bit. Hooks are no
    weights: whoever loads an injector attaches it (`ArtistPipeline` does). ``inject: skip`` is the comparator
    that adds to skip connections instead, by the arguments that diffusers has for ControlNet.
    """

    @register_to_config
    def __init__(
        self,
        names: Sequence[str],
        text_channels: Sequence[int],
        visual_channels: Sequence[int],
        tap: TapKind = "layer",
        inject: Inject = "both",
        kernel_size: int = 1,
    ) -> None:
        super().__init__()
        if not len(names) == len(text_channels) == len(visual_channels) or not names:
            raise InvalidInjection(f"{len(names)} places, {len(text_channels)} and {len(visual_channels)} channels")
        if kernel_size not in (1, 3):
            raise InvalidInjection(f"kernel_size is 1 or 3, not {kernel_size}")
        self.names, self.tap, self.inject = tuple(names), tap, inject
        pairs = zip(text_channels, visual_channels, strict=True)
        self.convolutions = nn.ModuleList(nn.Conv2d(t, v, kernel_size, padding=kernel_size // 2) for t, v in pairs)
        for parameter in self.convolutions.parameters():
            nn.init.zeros_(parameter)
        self._features: Features | None = None
        self._taken: dict[int, Tensor] = {}
        self._handles: list[Any] = []
        self._visual: list[nn.Module] = []  # in a list, so that its weights are not the injector's

    @classmethod
    def between(
        cls, text_unet: Any, unet: Any, *, tap: TapKind = "layer", inject: Inject = "both", kernel_size: int = 1
    ) -> Self:
        """Return an injector for two U-Nets. Raises InvalidInjection if their places are not the same."""
        text, visual = (taps(net, tap=tap, inject=inject) for net in (text_unet, unet))
        _check_places([tap.name for tap in text], [tap.name for tap in visual])
        text_channels, visual_channels = ([tap.channels for tap in found] for found in (text, visual))
        return cls([tap.name for tap in text], text_channels, visual_channels, tap, inject, kernel_size)

    def attach(self, text_unet: Any, unet: Any) -> Self:
        """Hook both U-Nets; one that was hooked before by this injector is left.

        Raises InvalidInjection for networks whose places or channels are others, for one network in both parts, or a
        visual U-Net that another injector is attached to.
        """
        if text_unet is unet:
            raise InvalidInjection("a U-Net cannot take features from itself")
        other = _attached[unet]() if unet in _attached else None
        if other is not None and other is not self:
            raise InvalidInjection("another injector is attached to this U-Net; detach it first")
        found = [taps(net, tap=self.tap, inject=self.inject) for net in (text_unet, unet)]
        for places, side in zip(found, ("in_channels", "out_channels"), strict=True):
            _check_places(list(self.names), [place.name for place in places])
            wanted = [getattr(convolution, side) for convolution in self.convolutions]
            if wanted != [place.channels for place in places]:
                raise InvalidInjection(f"{[place.channels for place in places]} channels; the injector has {wanted}")
        self.detach()
        _attached[unet] = ref(self)
        self._visual = [unet]
        self._handles = [*self._hook_text(text_unet, found[0]), *self._hook_visual(unet, found[1])]
        return self

    def detach(self) -> None:
        """Take the hooks off both U-Nets and forget the features."""
        for handle in self._handles:
            handle.remove()
        for unet in self._visual:
            CheckpointWithFeatures.undo(unet)
            _attached.pop(unet, None)
        self._handles, self._visual, self._taken, self._features = [], [], {}, None

    @property
    def attached(self) -> bool:
        """Whether hooks are on two U-Nets now."""
        return bool(self._handles)

    @property
    def features(self) -> Features:
        """What the text U-Net's last call gave, or what was put in its place. Raises InvalidInjection if nothing."""
        if self._features is None:
            raise InvalidInjection("no features yet: call the text U-Net before the visual one")
        return self._features

    def use(self, features: Features | None) -> None:
        """Let the visual U-Net's next calls take these features; None forgets them."""
        if features is not None and len(features.maps) != len(self.names):
            raise InvalidInjection(f"features at {len(features.maps)} places for an injector of {len(self.names)}")
        self._features = features

    @contextmanager
    def using(self, features: Features | None) -> Iterator[None]:
        """Use features for a while, and then again those from before."""
        before = self._features
        self.use(features)
        try:
            yield
        finally:
            self._features = before

    def forward(self, features: Features) -> list[Float[Tensor, "B C h w"]]:
        """Return what is added at each place."""
        return [self._addition(i, features) for i in range(len(self.names))]

    def _addition(self, i: int, features: Features) -> Float[Tensor, "B C h w"]:
        convolution: Any = self.convolutions[i]
        added = convolution(features.maps[i].to(convolution.weight.dtype))
        return added if features.weights is None else added * features.weights.to(added).view(-1, 1, 1, 1)

    def _hook_text(self, unet: nn.Module, places: list[Tap]) -> list[Any]:
        """Take what leaves each place; the features are whole once the U-Net returns."""

        def begin(module: nn.Module, inputs: Any) -> None:
            self._taken = {}

        def finish(module: nn.Module, inputs: Any, output: Any) -> None:
            taken, self._taken = self._taken, {}
            self._features = Features(tuple(taken[i] for i in range(len(places))))

        def taking(i: int, name: str) -> Any:
            def take(module: nn.Module, inputs: Any, output: Any) -> None:
                if ".skip." in name:  # a down block returns its output, and what goes into the skip connections
                    output = output[1][int(name.rpartition(".")[2])]
                self._taken[i] = output if isinstance(output, Tensor) else output[0]

            return take

        hooked = [place.module.register_forward_hook(Hook(taking(i, place.name))) for i, place in enumerate(places)]
        return [
            unet.register_forward_pre_hook(Hook(begin)),
            *hooked,
            unet.register_forward_hook(Hook(finish)),
        ]

    def _hook_visual(self, unet: nn.Module, places: list[Tap]) -> list[Any]:
        """Add to what leaves each place, and return it in the type that it had."""

        def begin(module: nn.Module, inputs: Any, named: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
            CheckpointWithFeatures.install(unet, self)
            self._check_batch(len(inputs[0] if inputs else named["sample"]))
            return (inputs, self._with_residuals(named)) if self.inject == "skip" else (inputs, named)

        def adding(i: int) -> Any:
            def add(module: nn.Module, inputs: Any, output: Any) -> Any:
                return replaced(output, lambda h: self._injected(i, h))

            return add

        inside = [] if self.inject == "skip" else places
        hooked = [place.module.register_forward_hook(Hook(adding(i))) for i, place in enumerate(inside)]
        return [unet.register_forward_pre_hook(Hook(begin), with_kwargs=True), *hooked]

    def _injected(self, i: int, h: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        features = self.features
        if features.maps[i].shape[2:] != h.shape[2:]:
            raise InvalidInjection(
                f"{self.names[i]}: {tuple(features.maps[i].shape[2:])} places of the text U-Net against "
                f"{tuple(h.shape[2:])} of the visual one; give both the same canvas"
            )
        return h + self._addition(i, features).to(h.dtype)

    def _check_batch(self, batch: int) -> None:
        if len(self.features) != batch:
            raise BatchMismatch(
                f"features of {len(self.features)} images against a batch of {batch}: under guidance repeat them, "
                "injector.use(injector.features.repeated(2))"
            )

    def _with_residuals(self, named: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of a call with the additions as ControlNet's residuals."""
        if named.get("down_block_additional_residuals") is not None:
            raise InvalidInjection("this call brings ControlNet's residuals already, which inject: skip would replace")
        mid, *down = self(self.features)
        return named | {"mid_block_additional_residual": mid, "down_block_additional_residuals": tuple(down)}


def _check_places(wanted: list[str], found: list[str]) -> None:
    if wanted != found:
        other = sorted(set(wanted) ^ set(found))
        raise InvalidInjection(f"{len(wanted)} places against {len(found)}; these stand in one only: {other}")
