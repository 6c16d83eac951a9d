"""Models behind OpenAI-compatible endpoints: hosted ones, vLLM, Ollama, llama.cpp, transformers' own server."""

from __future__ import annotations

from tenfold.chat.client import Spent
from tenfold.chat.endpoint import KEY, Endpoint
from tenfold.chat.messages import Sampling
from tenfold.chat.transcript import Transcript
from tenfold.mmr.chat_model import MOST_TOKENS, ChatModel


def endpoint_model(
    base_url: str,
    model: str,
    *,
    name: str = "",
    revision: str | None = None,
    key_variable: str = KEY,
    concurrency: int = 8,
    timeout: float = 120.0,
    tries: int = 6,
    sampling: Sampling | None = None,
    jpeg: int | None = None,
    transcript: Transcript | None = None,
    spent: Spent | None = None,
) -> ChatModel:
    """Return a model behind an endpoint; images go as base64 beside the text, the key comes from the environment alone.

    ``name`` is what tables call it, the model's own name by default. ``revision`` is a dated id or anything else that
    changes when the model behind the name does. ``spent`` holds the budget. See ``tenfold.chat.Endpoint`` for what is
    tried again and what is final.
    Raises WrongEndpoint for an address that is none.
    """
    endpoint = Endpoint(
        base_url,
        model,
        revision=revision,
        concurrency=concurrency,
        timeout=timeout,
        tries=tries,
        key_variable=key_variable,
    )
    return ChatModel(
        name or model, endpoint, sampling or Sampling(max_tokens=MOST_TOKENS), jpeg, transcript, spent or Spent()
    )
