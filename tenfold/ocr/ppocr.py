"""PP-OCRv6 (PaddleOCR's small models) through ``rapidocr``, whose package carries the weights.

The engine runs on one thread, so that its numbers do not depend on the machine's cores, and is given the paths of the
package's own files, so that it has nothing to download.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data.checksums import sha256_file
from tenfold.ocr.engine import Pixels
from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
from tenfold.ocr.page import Box, Page, Word, words_of_line

WEIGHTS = {  # file in the package's folder of models -> sha256
    "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
}
LOWEST_SCORE = 0.5  # lines below it are dropped, as in PaddleOCR
SMALLEST_CROP = 8  # pixels; smaller crops are none
SMALLEST_PAGE = 64  # pixels; the detector enlarges narrower ones beyond all measure


class PaddleOcr:
    """PP-OCRv6: detection of lines, then recognition of each.

    Words have the boxes that the engine derives from the columns in which it saw their letters; where those do not
    agree with the text, the line is divided in proportion to its characters. Reads one image at a time, whatever the
    number of threads that ask.
    """

    name = "ppocr6"

    def __init__(self) -> None:
        """Load the engine. Raises EngineNotInstalled or EngineMismatch."""
        folder = _models()
        self.version = f"PP-OCRv6 small (rapidocr {_version()})"
        from rapidocr import RapidOCR

        detection, recognition = (str(folder / name) for name in WEIGHTS)
        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,
                "Global.text_score": LOWEST_SCORE,
                "Det.model_path": detection,
                "Rec.model_path": recognition,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        self._lock = threading.Lock()

    def read(self, image: Pixels) -> Page:
        """Return the words on an image, uint8 RGB (H, W, 3); lines from top to bottom."""
        height, width = image.shape[:2]
        found = self._run(_filled_up(image), use_det=True, return_word_box=True)
        words: list[Word] = []
        if found.txts is not None:
            per_line = list(found.word_results or ())
            measured = per_line if len(per_line) == len(found.txts) else [()] * len(found.txts)
            for number, (text, quad, score) in enumerate(zip(found.txts, found.boxes, found.scores, strict=True)):
                words += _words(text, upright(quad), float(score), number, measured[number])
        inside = (_inside(word, width, height) for word in words)
        return Page(width, height, tuple(word for word in inside if _has_area(word)), self.version)

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return the text of an image of one line, and the confidence."""
        if min(image.shape[:2]) < SMALLEST_CROP:
            return "", 0.0
        found = self._run(image, use_det=False, return_word_box=False)
        if not found.txts:
            return "", 0.0
        return str(found.txts[0]).strip(), float(found.scores[0])

    def _run(self, image: Pixels, **settings: bool) -> Any:
        bgr = np.ascontiguousarray(image[..., ::-1])  # what the engine takes arrays for
        with self._lock:  # the engine keeps the settings of its last call
            return self._engine(bgr, use_cls=False, use_rec=True, **settings)


def upright(quad: np.ndarray) -> Box:
    """Return the upright box around four corners (4, 2)."""
    (x0, y0), (x1, y1) = np.min(quad, axis=0).tolist(), np.max(quad, axis=0).tolist()
    return float(x0), float(y0), float(x1), float(y1)


def _filled_up(image: Pixels) -> Pixels:
    """Return an image with its last row and column repeated until both sides have 64 pixels."""
    rows, columns = (max(0, SMALLEST_PAGE - side) for side in image.shape[:2])
    return np.pad(image, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else image


def _inside(word: Word, width: int, height: int) -> Word:
    """Return a word with its box cut to the image: the engine's boxes reach a little around the ink."""
    x0, y0, x1, y1 = word.box
    box = min(max(x0, 0.0), width), min(max(y0, 0.0), height), min(x1, float(width)), min(y1, float(height))
    return replace(word, box=box)


def _has_area(word: Word) -> bool:
    return word.box[2] > word.box[0] and word.box[3] > word.box[1]


def _words(text: str, box: Box, score: float, line: int, measured: Any) -> list[Word]:
    """Return a line's words, in the boxes that the engine gives them if these are the line's words."""
    if [str(part[0]) for part in measured] == text.split():
        return [Word(str(word), upright(np.asarray(quad)), float(sure), line) for word, sure, quad in measured]
    return words_of_line(text, box, score, line)


def _models() -> Path:
    missing = [name for name in ("rapidocr", "onnxruntime", "cv2") if find_spec(name) is None]
    if missing:
        raise EngineNotInstalled(
            f"PP-OCRv6 needs {', '.join(missing)}: install the project's extra `ocr`, pip install 'tenfold[ocr]'"
        )
    spec = find_spec("rapidocr")
    assert spec is not None and spec.submodule_search_locations
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    for name, wanted in WEIGHTS.items():
        came = sha256_file(folder / name) if (folder / name).is_file() else "no file"
        if came != wanted:
            raise EngineMismatch(f"{folder / name}: expected sha256 {wanted}, found {came}: install rapidocr 3.10.0")
    return folder


def _version() -> str:
    from importlib.metadata import version

    return version("rapidocr")
