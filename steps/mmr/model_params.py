"""Models that see, as parameters name them: of the hub or a folder, or behind an endpoint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import model_validator

from steps.step.params import Count, Params, Positive

if TYPE_CHECKING:
    from tenfold.chat.transcript import Transcript
    from tenfold.mmr.chat_model import ChatModel


class SeeingModel(Params):
    """One model. ``size``: its parameters in billions, null where they are not known.

    With ``base_url`` it is asked there, ``together`` replies at once, and its revision is the dated id of the model;
    otherwise it is loaded by its hub id at the revision, or from a folder, and answers ``together`` items in a batch.
    ``trust_remote_code`` runs code that comes with it. ``jpeg`` is the quality at which images are sent.
    """

    model: str
    revision: str | None
    size: Positive | None
    name: str | None = None
    base_url: str | None = None
    key_variable: str | None = None
    trust_remote_code: bool = False
    max_tokens: Count = 200
    together: Count = 8
    jpeg: Count | None = None

    @model_validator(mode="after")
    def _used(self) -> SeeingModel:
        """Refuse what a model of its kind has no use for."""
        if self.base_url is None and (self.key_variable is not None or self.jpeg is not None):
            raise ValueError("key_variable and jpeg belong to a model behind a base_url")
        if self.base_url is not None and self.trust_remote_code:
            raise ValueError("trust_remote_code is of no use for a model behind a base_url")
        return self

    @property
    def named(self) -> str:
        """What tables call it."""
        return self.name or self.model.rstrip("/").rpartition("/")[2]

    def made(self, device: str, transcript: Transcript) -> ChatModel:
        """Return the model. On a GPU those of the hub run in bfloat16. Raises InvalidModel, WrongEndpoint."""
        if self.base_url is None:
            from tenfold.mmr.hub_model import hub_model

            return hub_model(
                self.model,
                name=self.named,
                revision=self.revision,
                trust_remote_code=self.trust_remote_code,
                device=device,
                dtype="bfloat16" if device.startswith("cuda") else "float32",
                batch=self.together,
                max_new_tokens=self.max_tokens,
                transcript=transcript,
            )
        from tenfold.chat.endpoint import KEY
        from tenfold.chat.messages import Sampling
        from tenfold.mmr.endpoint_model import endpoint_model

        return endpoint_model(
            self.base_url,
            self.model,
            name=self.named,
            revision=self.revision,
            key_variable=self.key_variable or KEY,
            concurrency=self.together,
            sampling=Sampling(max_tokens=self.max_tokens),
            jpeg=self.jpeg,
            transcript=transcript,
        )
