"""PP-OCRv6 and PP-OCRv4 (PaddleOCR's small models) through ``rapidocr``.

The package of ``rapidocr`` carries PP-OCRv6; ``rapidocr-onnxruntime``, its predecessor, carries PP-OCRv4, of which only
the files are read: both live side by side, and ``rapidocr`` reads the same texts with those files as their own package.
The engine runs on one thread, so that its numbers do not depend on the machine's cores, and is given the paths of the
files, so that it has nothing to download.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tenfold.data.checksums import sha256_file
from tenfold.ocr.engine import Pixels
from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
from tenfold.ocr.page import Box, Page, Word, words_of_line


@dataclass(frozen=True)
class Release:
    """One generation of the models: the engine's ``name``, its ``title``, the package that carries it, its files.

    ``files`` are detection and recognition, in this order, with their sha256, in the package's folder ``models``;
    ``install`` says how to get the package.
    """

    name: str
    title: str
    module: str
    distribution: str
    install: str
    files: Mapping[str, str]


V6 = Release(
    "ppocr6",
    "PP-OCRv6 small",
    "rapidocr",
    "rapidocr",
    "rapidocr 3.10.0",
    {
        "PP-OCRv6_det_small.onnx": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        "PP-OCRv6_rec_small.onnx": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    },
)
# the Chinese recogniser, the only one that a package carries: it leaves out most spaces between Latin words
V4 = Release(
    "ppocr4",
    "PP-OCRv4 mobile (Chinese)",
    "rapidocr_onnxruntime",
    "rapidocr-onnxruntime",
    "rapidocr-onnxruntime 1.4.4 (pip install --no-deps rapidocr-onnxruntime==1.4.4)",
    {
        "ch_PP-OCRv4_det_infer.onnx": "d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9",
        "ch_PP-OCRv4_rec_infer.onnx": "48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b",
    },
)
LOWEST_SCORE = 0.5  # lines below it are dropped, as in PaddleOCR
SMALLEST_CROP = 8  # pixels; smaller crops are none
SMALLEST_PAGE = 64  # pixels; the detector enlarges narrower ones beyond all measure


class PaddleOcr:
    """PP-OCRv6, or another ``release``: detection of lines, then recognition of each.

    Words have the boxes that the engine derives from the columns in which it saw their letters; where those do not
    agree with the text, the line is divided in proportion to its characters. Reads one image at a time, whatever the
    number of threads that ask.
    """

    def __init__(self, release: Release = V6) -> None:
        """Load the engine. Raises EngineNotInstalled or EngineMismatch."""
        folder = _models(release)
        self.name, self.version = release.name, f"{release.title} ({_versions(release)})"
        from rapidocr import RapidOCR

        detection, recognition = (str(folder / name) for name in release.files)
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


def _models(release: Release) -> Path:
    missing = [name for name in ("rapidocr", "onnxruntime", "cv2") if find_spec(name) is None]
    if missing:
        raise EngineNotInstalled(
            f"{release.title} needs {', '.join(missing)}: install the project's extra `ocr`, pip install 'tenfold[ocr]'"
        )
    spec = find_spec(release.module)
    if spec is None or not spec.submodule_search_locations:
        raise EngineNotInstalled(f"{release.title} is not installed: install {release.install}")
    folder = Path(next(iter(spec.submodule_search_locations))) / "models"
    for name, wanted in release.files.items():
        came = sha256_file(folder / name) if (folder / name).is_file() else "no file"
        if came != wanted:
            raise EngineMismatch(f"{folder / name}: expected sha256 {wanted}, found {came}: install {release.install}")
    return folder


def _versions(release: Release) -> str:
    from importlib.metadata import version

    engine = f"rapidocr {version('rapidocr')}"
    if release.module == "rapidocr":
        return engine
    return f"{release.distribution} {version(release.distribution)}, run by {engine}"
