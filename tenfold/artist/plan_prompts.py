"""What a language model is told to plan a layout: the task, three examples, and how a wrong reply is sent back."""

from __future__ import annotations

import json

from tenfold.chat.messages import Conversation, Message

TASK = (
    "You plan images that show written words. Read the prompt and list each word that has to be written on the image, "
    "in order, with its box [x0, y0, x1, y1]: left, top, right and bottom as shares of the image between 0 and 1. "
    'Reply with JSON only, in the form {"keywords": [{"text": "...", "box": [x0, y0, x1, y1]}]}. '
    'If nothing is to be written, reply {"keywords": []}.'
)
EXAMPLES: tuple[tuple[str, list[tuple[str, list[float]]]], ...] = (
    ("a wooden sign that says 'keep out'", [("keep", [0.1, 0.3, 0.45, 0.7]), ("out", [0.55, 0.3, 0.85, 0.7])]),
    ("a poster of a city at night saying welcome", [("welcome", [0.15, 0.35, 0.85, 0.65])]),
    ("two cats on a sofa", []),
)


def conversation(prompt: str) -> Conversation:
    """Return the messages that ask for the plan of a prompt."""
    messages = [Message("system", TASK)]
    for asked, keywords in EXAMPLES:
        reply = {"keywords": [{"text": text, "box": box} for text, box in keywords]}
        messages += [Message("user", asked), Message("assistant", json.dumps(reply))]
    return (*messages, Message("user", prompt))


def repair(asked: Conversation, reply: str, wrong: str) -> Conversation:
    """Return the messages that send a wrong reply back, with what is wrong."""
    told = f"That is not the JSON I asked for ({wrong}). Reply again with the JSON only."
    return (*asked, Message("assistant", reply), Message("user", told))
