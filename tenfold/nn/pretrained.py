"""Models as folders: save_pretrained and from_pretrained, beside the library's save and load; no pickles."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import nn

from tenfold.arguments import plain
from tenfold.models.folder import WEIGHTS, InvalidModel, verify, write

CONFIG = "config.json"


class Pretrained(nn.Module):
    """A module with a configuration that can be written to a folder and read back; no pickles.

    ``Config`` is the configuration's class, with ``to_dict`` and ``from_dict``, which raises InvalidConfig. ``tags``
    stand at the head of the model card.
    """

    Config: ClassVar[Any]
    tags: ClassVar[tuple[str, ...]] = ()
    config: Any

    def save(self, folder: Path) -> None:
        """Write model.safetensors and config.json."""
        from safetensors.torch import save_file

        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(weights, folder / WEIGHTS)
        (folder / CONFIG).write_text(
            json.dumps(self.config.to_dict(), indent=1, default=plain) + "\n", encoding="utf-8"
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Return the model that ``save`` wrote, in evaluation mode. Raises InvalidModel if they do not fit."""
        from safetensors.torch import load_file

        try:
            config = cls.Config.from_dict(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise InvalidModel(f"{folder / CONFIG} is no configuration of a {cls.__name__}: {error}") from None
        model = cls(config)
        try:
            model.load_state_dict(load_file(folder / WEIGHTS))
        except (FileNotFoundError, RuntimeError) as error:
            raise InvalidModel(f"{folder} holds no weights for its own config.json: {error}") from None
        return model.eval()

    def save_pretrained(self, folder: str | Path, *, card: str | None = None) -> Path:
        """Write the model's folder with its card and checksums; ``folder`` must not exist yet."""
        path = Path(folder)
        write(path, self, self.card() if card is None else card)  # type: ignore[arg-type]
        return path

    @classmethod
    def from_pretrained(cls, source: str | Path, *, revision: str | None = None) -> Self:
        """Load from a folder that save_pretrained or a run wrote, or from such a folder on the hub.

        Raises InvalidModel, ForeignClass, or DamagedModel for a file that does not match its checksum.
        """
        folder = Path(source)
        if not folder.is_dir():
            from huggingface_hub import snapshot_download
            from huggingface_hub.errors import HFValidationError

            try:
                folder = Path(snapshot_download(str(source), revision=revision))
            except HFValidationError:
                raise InvalidModel(f"{source} is neither a folder nor a name on the hub") from None
        name = verify(folder)
        own = f"{cls.__module__}.{cls.__qualname__}"
        if name != own:
            raise InvalidModel(f"{folder} holds a {name}, not a {own}")
        return cls.load(folder)

    def card(self) -> str:
        """Return the model card in Markdown: what it is and its configuration."""
        count = sum(parameter.numel() for parameter in self.parameters())
        rows = "".join(f"| {name} | {value} |\n" for name, value in self.config.to_dict().items())
        summary = (type(self).__doc__ or "").split("\n")[0]
        tags = f"tags: [{', '.join(self.tags)}]\n" if self.tags else ""
        return (
            f"---\nlibrary_name: tenfold\n{tags}---\n\n"
            f"# {type(self).__name__}\n\n"
            f"{summary} {count:,} parameters.\n\n| setting | value |\n|---|---|\n{rows}"
        )


def weights_sha256(module: nn.Module) -> str:
    """Return the sha256 over all parameters and buffers (batch norms' statistics too), by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
