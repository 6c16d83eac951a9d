"""The settings of an NTK-Attention adapter, and of the prefix that the adapter stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from tenfold.arguments import real, whole
from tenfold.ntk_attention.errors import InvalidAdapter

FeatureMapName = Literal["elu1", "taylor1", "taylor2", "favor", "hedgehog"]
Normaliser = Literal["softplus", "abs", "zero"]
Initialisation = Literal["near_zero", "unit_k", "zero", "from_prefix"]
Backend = Literal["marker", "eager", "merged", "flex"]
DropoutMode = Literal["train", "always"]


@dataclass(frozen=True)
class NTKAttentionConfig:
    """One (Z, k) per layer and query head beside a frozen model's attention.

    ``phi``: the feature map φ. ``feature_size``: r of ``favor`` (default 2d). ``rank``: s of Z = Z_A Z_B, None for a
    full Z. ``k_param``: how k stays non-negative ("zero" removes it); the k of taylor1 and taylor2, whose features have
    either sign, is free. ``init``: "unit_k" starts k at 1 and Z near 0; "from_prefix" starts at 0 and waits for
    ``initialise_from_prefix``. ``pre_rope``: φ of the query before its rotation, so that the memory does not depend on
    the position. ``dropout``: on φ(q); ``dropout_mode`` "always" repeats the released code, which drops while
    evaluating too. ``layers``: which attention layers, None for all. ``modules_to_save``: names of modules that are
    trained and kept along (a new classifier).

    Raises InvalidAdapter if a value is not one of those allowed.
    """

    phi: FeatureMapName = "elu1"
    rank: int | None = None
    k_param: Normaliser = "softplus"
    init: Initialisation = "near_zero"
    backend: Backend = "marker"
    feature_size: int | None = None
    pre_rope: bool = False
    dropout: float = 0.0
    dropout_mode: DropoutMode = "train"
    layers: tuple[int, ...] | None = None
    modules_to_save: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in (
            ("phi", FeatureMapName),
            ("k_param", Normaliser),
            ("init", Initialisation),
            ("backend", Backend),
            ("dropout_mode", DropoutMode),
        ):
            _one_of(name, getattr(self, name), get_args(kind))
        for name in ("rank", "feature_size"):
            if getattr(self, name) is not None:
                _set_whole(self, name, least=1)
        if not isinstance(self.pre_rope, bool):
            raise InvalidAdapter(f"pre_rope = {self.pre_rope!r} must be true or false")
        object.__setattr__(self, "dropout", real(self.dropout, "dropout", error=InvalidAdapter))
        if not 0 <= self.dropout < 1:
            raise InvalidAdapter(f"dropout = {self.dropout}; give a share from 0 to below 1")
        if self.feature_size is not None and self.phi != "favor":
            raise InvalidAdapter(f"feature_size is favor's; {self.phi} has its size from the head")
        _set_common(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``from_dict`` reads, for JSON."""
        return {"method": "ntk_attention", **asdict(self)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> NTKAttentionConfig:
        """Return the settings that ``to_dict`` gave. Raises InvalidAdapter if a key is unknown."""
        return cls(**_known(cls, content))


@dataclass(frozen=True)
class PrefixConfig:
    """``length`` trained keys and values per layer before the others (prefix tuning, deep: P-Tuning v2).

    The keys are trained as they enter the attention, after any rotation, and shift no positions. ``tied``: one vector
    is both key and value, as in the paper's theory. ``sd``: the standard deviation that keys and values start with.

    Raises InvalidAdapter if ``length`` is negative.
    """

    length: int = 8
    tied: bool = False
    sd: float = 0.02
    layers: tuple[int, ...] | None = None
    modules_to_save: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        _set_whole(self, "length", least=0)
        if not isinstance(self.tied, bool):
            raise InvalidAdapter(f"tied = {self.tied!r} must be true or false")
        object.__setattr__(self, "sd", real(self.sd, "sd", error=InvalidAdapter))
        _set_common(self)

    def to_dict(self) -> dict[str, Any]:
        """Return what ``from_dict`` reads, for JSON."""
        return {"method": "prefix", **asdict(self)}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> PrefixConfig:
        """Return the settings that ``to_dict`` gave. Raises InvalidAdapter if a key is unknown."""
        return cls(**_known(cls, content))


AdapterConfig = NTKAttentionConfig | PrefixConfig


def config_from_dict(content: dict[str, Any]) -> AdapterConfig:
    """Return the settings of either method. Raises InvalidAdapter if the method or a key is unknown."""
    if not isinstance(content, dict):
        raise InvalidAdapter(f"an adapter's settings are a mapping of names, not a {type(content).__name__}")
    method = content.get("method")
    kinds: dict[Any, type[NTKAttentionConfig] | type[PrefixConfig]] = {
        "ntk_attention": NTKAttentionConfig,
        "prefix": PrefixConfig,
    }
    if not isinstance(method, str) or method not in kinds:
        raise InvalidAdapter(f"method {method!r}; known are {', '.join(kinds)}")
    return kinds[method].from_dict(content)


def _known(cls: type, content: dict[str, Any]) -> dict[str, Any]:
    names = {field.name for field in fields(cls)}
    unknown = set(content) - names - {"method"}
    if unknown:
        raise InvalidAdapter(f"unknown settings {', '.join(sorted(unknown))}; known are {', '.join(sorted(names))}")
    return {name: value for name, value in content.items() if name in names}


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in allowed:
        raise InvalidAdapter(f"{name} = {value!r}; choose one of {', '.join(allowed)}")


def _set_whole(config: Any, name: str, *, least: int) -> None:
    object.__setattr__(config, name, whole(getattr(config, name), name, least=least, error=InvalidAdapter))


def _set_common(config: Any) -> None:
    """Check what both methods have, and turn NumPy's numbers into Python's, which JSON holds."""
    _set_whole(config, "seed", least=0)
    if config.layers is not None:
        layers = _listed("layers", config.layers)
        numbers = tuple(whole(layer, "layers", least=0, error=InvalidAdapter) for layer in layers)
        object.__setattr__(config, "layers", numbers)
    names = _listed("modules_to_save", config.modules_to_save)
    if not all(isinstance(name, str) for name in names):
        raise InvalidAdapter(f"modules_to_save = {names!r} must be names of modules")
    object.__setattr__(config, "modules_to_save", tuple(names))


def _listed(name: str, values: Any) -> list[Any]:
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise InvalidAdapter(f"{name} = {values!r} must be a list")
    return list(values)
