"""How a model is asked: whether it sees the image, and how OCR text stands in its prompt; kept beside its weights.

    asking = Asking(ocr="space", budget=256)
    asked = asking.asked("What is the total?", image, page)
    print(asked.prompt, asked.used, asked.cut)

A model that was taught with OCR text laid out by spaces is at its best when it is asked so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from tenfold.arguments import whole
from tenfold.llava_read.errors import InvalidParts
from tenfold.llava_read.ocr_prompt import LEFT_OUT, PIECE, OcrText, Policy, ocr_text
from tenfold.llava_read.reading_errors import InvalidPrompt
from tenfold.llava_read.tasks import NO_OCR, question_prompt
from tenfold.ocr.page import Page, Word
from tenfold.ocr.reading_order import plain_order, xy_cut

OcrLayout = Literal["none", "plain", "xy_cut", "space"]
EngineName = Literal["ppocr6", "ppocr4", "easyocr", "tesseract"]
Count = Callable[[str], int]
FILE = "asking.json"
UNSAID: dict[str, Any] = {"engine": None, "enlarge": 1}


@dataclass(frozen=True)
class Asked:
    """A question as a model reads it: the prompt, the image (None if it sees none), and what became of the OCR words.

    ``used`` are the words of the prompt in its order, ``cut`` those for which the budget had no room.
    """

    prompt: str
    image: Any
    ocr_source: str
    text: OcrText | None = None
    used: tuple[Word, ...] = ()
    cut: tuple[Word, ...] = ()

    @property
    def prompt_sha256(self) -> str:
        """The sum of the prompt: with OCR text and without, it is another one."""
        return hashlib.sha256(self.prompt.encode()).hexdigest()


@dataclass(frozen=True)
class Asking:
    """How a model was taught to be asked.

    ``ocr`` is how OCR words stand in the prompt: plain (by rows), column by column, laid out by spaces, or not at all.
    ``image`` says whether it sees the image. ``budget`` is the most OCR text, in tokens of the model, which are
    characters for models that are trained here; ``policy`` is what a cut keeps, and ``reply_tokens`` the longest reply.
    ``engine`` is the OCR engine whose text it was taught with, where that is known, on images made ``enlarge`` times
    larger. Raises InvalidPrompt for values that make no sense.
    """

    ocr: OcrLayout = "space"
    image: bool = True
    budget: int | None = None
    policy: Policy | None = None
    reply_tokens: int = 48
    engine: EngineName | None = None
    enlarge: int = 1

    def __post_init__(self) -> None:
        if self.ocr not in get_args(OcrLayout):
            raise InvalidPrompt(f"no OCR layout is called {self.ocr!r}; there are {', '.join(get_args(OcrLayout))}")
        for name, value, known in (("policy", self.policy, Policy), ("engine", self.engine, EngineName)):
            if value is not None and value not in get_args(known):
                raise InvalidPrompt(f"no {name} is called {value!r}; there are {', '.join(get_args(known))}")
        if not isinstance(self.image, bool):
            raise InvalidPrompt(f"image = {self.image!r} must be true or false: whether the model sees")
        for name in ("budget", "reply_tokens", "enlarge"):
            if getattr(self, name) is not None or name != "budget":
                number = whole(getattr(self, name), name, least=1, error=InvalidPrompt)
                object.__setattr__(self, name, number)  # Python's own, which JSON can hold
        if self.ocr == "none" and (self.budget is not None or self.engine is not None or self.enlarge != 1):
            raise InvalidPrompt("a model that is given no OCR text has no use for a budget, an engine or enlarge")
        if self.policy is not None and self.budget is None:
            raise InvalidPrompt(f"without a budget nothing is cut: leave out policy={self.policy!r}, or give a budget")

    def asked(self, question: str, image: Any = None, page: Page | None = None, *, count: Count = len) -> Asked:
        """Return a question with what this model is given of an image and of what an engine read on it.

        ``count`` counts tokens of a text. Raises InvalidPrompt for an empty question, and where there is no image (an
        empty list holds none, either), or no page, that the model is to be given.
        """
        from tenfold.llava_read.image_processor import listed_images

        if not question.strip():
            raise InvalidPrompt("a question has a text")
        if self.image and not listed_images(image):
            raise InvalidPrompt("this model sees: give the image, or ask without (image=False)")
        seen = image if self.image else None
        if self.ocr == "none":
            return Asked(question_prompt(question, None), seen, NO_OCR)
        if page is None:
            raise InvalidPrompt("this model reads OCR text: give the page that an engine read, or ask with ocr='none'")
        text, ordered = self.text_of(page, count=count)
        head, tail = kept_pieces(text, len(ordered))
        used = ordered[:head] + ordered[len(ordered) - tail :]
        cut = ordered[head : len(ordered) - tail]
        return Asked(question_prompt(question, text), seen, text.source, text, tuple(used), tuple(cut))

    def text_of(self, page: Page, *, count: Count = len) -> tuple[OcrText, list[Word]]:
        """Return a page's OCR text for the prompt, and the page's words in the order in which the text has them."""
        text = ocr_text(
            page,
            order=None if self.ocr == "space" else "xy_cut" if self.ocr == "xy_cut" else "plain",
            layout="space" if self.ocr == "space" else "words",
            budget=self.budget,
            policy=self.policy,
            count=count,
        )
        order = (xy_cut if self.ocr == "xy_cut" else plain_order)([word.box for word in page.words])
        return text, [page.words[index] for index in order]

    def save(self, folder: Path) -> None:
        """Write asking.json into a model's folder; engine and enlarge only where they are said."""
        unsaid = {name: value for name, value in UNSAID.items() if getattr(self, name) == value}
        row = {name: value for name, value in asdict(self).items() if name not in unsaid}
        (folder / FILE).write_text(json.dumps(row, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Asking:
        """Return what ``save`` wrote; a folder without asking.json has the paper's way, OCR text laid out by spaces.

        Raises InvalidParts for a file that holds something else.
        """
        path = folder / FILE
        if not path.is_file():
            return cls()
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            known = {one.name for one in fields(cls)}
            if strange := sorted(set(row) - known):
                raise InvalidPrompt(f"there is no {', '.join(strange)}; there are {', '.join(sorted(known))}")
            return cls(**row)
        except (ValueError, TypeError, AttributeError) as error:
            raise InvalidParts(f"{path}: {error}; write it anew, or take it away to ask by the paper's way") from None


def kept_pieces(text: OcrText, words: int) -> tuple[int, int]:
    """Return how many of a text's ``words`` a cut kept at its beginning and, by "head_tail", at its end.

    Raises InvalidPrompt if the text has another number of words.
    """
    pieces = PIECE.findall(text.full)
    if len(pieces) != words:
        raise InvalidPrompt(f"a page of {words} words gave a text of {len(pieces)}: words hold no white space")
    if not text.truncated:
        return len(pieces), 0
    if text.full.startswith(text.text):
        return len(PIECE.findall(text.text)), 0
    for head in range(len(pieces)):
        begun = "".join(pieces[:head])
        if text.text.startswith(begun + LEFT_OUT):
            ending = text.text[len(begun + LEFT_OUT) :]
            tail = len(PIECE.findall(ending))
            if head + tail <= len(pieces) and "".join(pieces[len(pieces) - tail :]).lstrip() == ending:
                return head, tail
    raise InvalidPrompt(f"the text {text.text[:40]!r} is no cut of {text.full[:40]!r}")
