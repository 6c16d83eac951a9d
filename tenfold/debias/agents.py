"""Agents from the names of models: behind chat endpoints, or in folders on this machine."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tenfold.chat.client import ChatBackend, Client, Progress, Spent
from tenfold.chat.endpoint import KEY, Endpoint
from tenfold.chat.messages import Sampling
from tenfold.chat.transcript import Transcript
from tenfold.debias.conversation import Agent
from tenfold.debias.errors import InvalidAgents
from tenfold.debias.prompts import PromptStyle

T = TypeVar("T")
WEIGHTS = ("*.safetensors", "*.json", "*.jinja", "*.model")  # of a model's folder: what its replies depend on

HUB_ID = r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?"
FOLDERS = {"model", "models", "checkpoint", "checkpoints", "data", "out", "outputs", "weights", "home", "tmp"}
HUB_SECONDS = 10.0  # for the hub to say whether it has a model


def endpoints(
    models: Sequence[str],
    base_urls: Sequence[str],
    key_variables: Sequence[str] = (KEY,),
    *,
    concurrency: int = 8,
    revisions: Sequence[str | None] = (None,),
    told: Callable[[str], None] | None = None,
) -> list[ChatBackend]:
    """Return each model's endpoint; one address, and one variable that holds a key, may serve them all.

    ``revisions`` are those of the weights that are served, as far as they are known; no endpoint tells. ``told`` is
    called with a line when a call has to be tried again.
    Raises InvalidAgents if there are neither one nor as many of them as models, and what `Endpoint` raises.
    """
    addresses, keys = _one_each("addresses", base_urls, models), _one_each("keys", key_variables, models)
    pinned = _one_each("revisions", revisions, models)
    return [
        Endpoint(address, model, revision, concurrency=concurrency, key_variable=key, told=told)
        for model, address, key, revision in zip(models, addresses, keys, pinned, strict=True)
    ]


def local_models(
    models: Sequence[str], *, device: str = "cpu", dtype: str = "float32", batch: int = 16
) -> list[ChatBackend]:
    """Return models from folders, or from the hub by ``id@revision``; one that comes twice is loaded once.

    Replies are kept under the digest of a folder's files, so that weights that change are asked anew.
    Raises InvalidAgents if there is neither such a folder nor a model on the hub, DecoderMismatch if a model cannot be
    loaded.
    """
    from tenfold.language.decoder import load_decoder
    from tenfold.language.generation import LocalModel

    loaded: dict[str, ChatBackend] = {}
    for model in dict.fromkeys(models):
        folder = Path(model)
        if folder.is_dir():
            decoder = replace(load_decoder(folder, device=device, dtype=dtype), revision=folder_digest(folder))
        else:
            place, _, revision = model.partition("@")
            check_hub(place, revision or None)
            decoder = load_decoder(place, revision=revision or None, device=device, dtype=dtype)
        loaded[model] = LocalModel(decoder, batch, max(256, 2 * batch))
    return [loaded[model] for model in models]


def check_hub(model: str, revision: str | None = None) -> None:
    """Ask once whether the hub, or its cache here, has a model that is no folder.

    Raises InvalidAgents, at once for a name that looks like a path.
    """
    first, *rest = model.split("/")
    if not re.fullmatch(HUB_ID, model) or first.casefold() in FOLDERS or (rest and Path(first).is_dir()):
        raise InvalidAgents(f"there is no folder {model}")
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(try_to_load_from_cache(model, "config.json", revision=revision), str):
        return
    try:
        HfApi().model_info(model, revision=revision, timeout=HUB_SECONDS)
    except HfHubHTTPError as error:  # no such model or revision, or none that may be read
        raise InvalidAgents(f"there is no folder {model}, nor such a model on the hub ({_first_line(error)})") from None
    except Exception as error:  # of whichever HTTP library is behind the hub's client
        why = f"{type(error).__name__}: {_first_line(error)}"
        raise InvalidAgents(f"there is no folder {model}, and the hub cannot be asked for it ({why})") from None


def agents_of(
    models: Sequence[str],
    backends: Sequence[ChatBackend],
    *,
    prompts: PromptStyle,
    sampling: Sampling,
    transcript: Transcript | None = None,
    spent: Spent | None = None,
    progress: Progress | None = None,
) -> list[Agent]:
    """Return an agent for each model; they share transcript and budget. The same model again is ``name #2``.

    Above temperature 0 each draws with a seed of its own, ``sampling.seed`` and the numbers after it.
    Raises InvalidAgents if a model comes twice at temperature 0, where both would say the same.
    """
    shared = Spent() if spent is None else spent
    seen: Counter[str] = Counter()
    agents = []
    for place, (model, backend) in enumerate(zip(models, backends, strict=True)):
        seen[model] += 1
        if seen[model] > 1 and sampling.temperature == 0:
            raise InvalidAgents(f"{model} twice would say the same twice: give a temperature above 0, or other models")
        own = replace(sampling, seed=(sampling.seed or 0) + place if sampling.temperature > 0 else None)
        name = model if seen[model] == 1 else f"{model} #{seen[model]}"
        agents.append(Agent(name, Client(backend, transcript, shared, progress), prompts, own))
    return agents


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and bytes of a model folder's files."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in WEIGHTS for path in folder.glob(pattern)}):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def _one_each(what: str, given: Sequence[T], models: Sequence[str]) -> Sequence[T]:
    if len(given) not in (1, len(models)):
        raise InvalidAgents(f"{len(given)} {what} for {len(models)} models: give one, or one for each model")
    return given if len(given) == len(models) else [given[0]] * len(models)
