"""Messages and sampling in the words of the OpenAI protocol."""

from __future__ import annotations

import base64
from typing import Any

from tenfold.chat.messages import Message, Sampling


def request_options(sampling: Sampling) -> dict[str, Any]:
    """Return how a reply is to be drawn, as the protocol names it."""
    options: dict[str, Any] = {"temperature": sampling.temperature, "max_tokens": sampling.max_tokens}
    if sampling.top_p != 1:
        options["top_p"] = sampling.top_p
    if sampling.seed is not None:
        options["seed"] = sampling.seed
    if sampling.stop:
        options["stop"] = list(sampling.stop)
    return options


def message_part(message: Message) -> Any:
    """Return a message as the protocol has it, images as data addresses before the text."""
    if not message.images:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {
            "type": "image_url",
            "image_url": {"url": f"data:{image.media_type};base64,{base64.b64encode(image.data).decode()}"},
        }
        for image in message.images
    ]
    if message.text:
        parts.append({"type": "text", "text": message.text})
    return {"role": message.role, "content": parts}
