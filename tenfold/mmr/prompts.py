"""What a model is told of an item: the released prompts, and the same with what they leave out.

Styles:
  official        the released user prompts, without a system message, as most of the open models had them
  official_system the same after a system message of the released ones' meaning, as GPT-4V, GPT-4o and Claude had them:
                  for boxes it says 0 to 1 and shows, for objects, an example in pixels
  explicit        the released user prompts, and for boxes that coordinates are shares from 0 to 1
  double_wrapped  as LLaVA-NeXT 34B and the two Idefics had them: "where is the …" around a question that holds it
  qwen            as the two Qwen-VL had them: the box prompts say 0 to 1; choice and recognition prompts are the bare
                  question, because the released keys miss these types
The user prompts are short and stand as released (llavar/MMR_Bench at c897df0, Apache-2.0), since scores depend on their
words; the system messages are ours, of the same meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from tenfold.mmr.errors import InvalidModel
from tenfold.mmr.items import ItemSet
from tenfold.mmr.queries import Query
from tenfold.mmr.showing import Showing
from tenfold.mmr.tasks import CHOICE, GROUNDING, RECOGNITION, Task

Style = Literal["official", "official_system", "explicit", "double_wrapped", "qwen"]
STYLES: tuple[Style, ...] = get_args(Style)

INDEX_ONLY = "Only print the index of the correct choice as answer, such as 1, 2, 3, or 4"
TEXT_ONLY = "Only print the text; do not include any other descriptions."
BOX = (
    "Please write the position as a bounding box, and output the [x_min, y_min, x_max, y_max] coordinates in float "
    "numbers in python list."
)
BOX_ONLY = "Output the text only."
TEXT_AND_BOX = 'Output the text and bounding box only. For example, "Hello world", [x_min, y_min, x_max, y_max]'
SHARES = (
    "Coordinates are shares of the image's width (x) and height (y), between 0 and 1, counted from the top left corner."
)
QWEN_RANGE = "Provide me with the x_min, y_min, x_max and y_max coordinate in range of 0 to 1 as a python list."
QWEN_BOX = "Please just output the list."
QWEN_TEXT_AND_BOX = 'Please output both the text and the list. An example is: "text text", [x1, y1, x2, y2]'

SYSTEM_CHOICE = "You know how to analyse images. Choose the right answer."
SYSTEM_READING = "You know how to read text in images. Give the text that is asked for."
SYSTEM_BOX = (
    "You know how to find objects in images. Write {what} as a python list of four float numbers on a scale from 0 to "
    "1: [x_min, y_min, x_max, y_max]. Write the list alone, without explanations. A demo reply is:\n{demo}"
)
OBJECT_DEMO = "[607.99, 629.82, 924.85, 762.85]"  # not on a scale from 0 to 1: the released example
TEXT_DEMO = '"Hello world", [0.19, 0.32, 0.85, 0.76]'


def prompt_of(task: Task, question: str, style: Style = "official") -> str:
    """Return the user message of a question. Raises InvalidModel for a style that there is not."""
    if style not in STYLES:
        raise InvalidModel(f"no style of prompts is called {style!r}; there are {', '.join(STYLES)}")
    if style == "qwen":
        return _qwen(task, question)
    asked = f"where is the {question} in the image?" if (style, task) == ("double_wrapped", "grounding_o") else question
    if task in CHOICE:
        return f"{asked}\n{INDEX_ONLY}"
    if task in RECOGNITION:
        return f"{asked}\n{TEXT_ONLY}"
    lines = [asked, BOX, BOX_ONLY if task == "grounding_o" else TEXT_AND_BOX]
    return "\n".join([*lines, SHARES] if style == "explicit" else lines)


def system_of(task: Task, style: Style = "official") -> str:
    """Return the system message of a task, "" under the styles that have none."""
    if style != "official_system":
        return ""
    if task in CHOICE:
        return SYSTEM_CHOICE
    if task in RECOGNITION:
        return SYSTEM_READING
    if task == "grounding_o":
        return SYSTEM_BOX.format(what="the bounding box of the object", demo=OBJECT_DEMO)
    return SYSTEM_BOX.format(what="the text and its bounding box", demo=TEXT_DEMO)


def queries_of(
    items: ItemSet,
    *,
    style: Style = "official",
    side: int | None = None,
    jpeg: int | None = None,
    rotation: int = 0,
    letterbox: bool = False,
    images: bool = True,
) -> Iterator[Query]:
    """Yield the query of each item, in order; its image is loaded when its query is.

    ``side`` is the longest side in pixels, to which larger images are reduced; ``jpeg`` the quality from 1 to 100 at
    which they are encoded once (the released code took 75); ``rotation`` moves the options of choice questions up by so
    many lines; ``letterbox`` pads images to squares. What replies are scored against is ``Showing.items`` with the same
    values: boxes in the image as it was shown, options where they were shown. Without ``images`` models are asked
    blindly.
    Raises InvalidModel for values that make no sense, MissingImage for an item without its image.
    """
    return Showing(side=side, jpeg=jpeg, rotation=rotation, letterbox=letterbox, images=images).queries(items, style)


def _qwen(task: Task, question: str) -> str:
    if task not in GROUNDING:
        return question
    if task == "grounding_o":
        return f"where is the {question} in the image?\n{QWEN_RANGE} {QWEN_BOX}"
    return f"{question} {QWEN_RANGE} {QWEN_TEXT_AND_BOX}"
