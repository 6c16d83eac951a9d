"""Tesseract through its command line, where it is installed (Debian's package ``tesseract-ocr``)."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess

from tenfold.ocr.engine import Pixels
from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
from tenfold.ocr.page import Page, Word

WORD_LEVEL = "5"  # of the column `level`: words
PAGE, ONE_LINE = "3", "7"  # page segmentation modes


class Tesseract:
    """Tesseract's default English model, on one thread."""

    name = "tesseract"

    def __init__(self) -> None:
        """Find the program. Raises EngineNotInstalled if it is not on the path."""
        program = shutil.which("tesseract")
        if program is None:
            raise EngineNotInstalled("tesseract is not on the path: install it (Debian: apt install tesseract-ocr)")
        self._program = program
        first = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[
            0
        ]
        self.version = first.strip()

    def read(self, image: Pixels) -> Page:
        """Return the words on an image. Raises EngineMismatch, with what Tesseract said, if it fails."""
        return Page(image.shape[1], image.shape[0], parsed(self._run(image, PAGE)), self.version)

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return the text of an image of one line, and the mean confidence of its words. Raises EngineMismatch."""
        words = parsed(self._run(image, ONE_LINE))
        sure = sum(word.confidence for word in words) / len(words) if words else 0.0
        return " ".join(word.text for word in words), sure

    def _run(self, image: Pixels, segmentation: str) -> str:
        from PIL import Image

        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, format="PNG")
        done = subprocess.run(
            [self._program, "stdin", "stdout", "-l", "eng", "--psm", segmentation, "tsv"],
            input=buffer.getvalue(),
            capture_output=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
        if done.returncode:
            raise EngineMismatch(f"{self.version} failed: {done.stderr.decode(errors='replace').strip()[:200]}")
        return done.stdout.decode()


def parsed(table: str) -> tuple[Word, ...]:
    """Return the words of Tesseract's TSV output: one row per element, those of level 5 being words."""
    words: list[Word] = []
    lines: dict[tuple[str, str, str], int] = {}
    for row in csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE):
        text = (row["text"] or "").strip()
        if row["level"] != WORD_LEVEL or not text:
            continue
        line = lines.setdefault((row["block_num"], row["par_num"], row["line_num"]), len(lines))
        left, top, width, height = (float(row[name]) for name in ("left", "top", "width", "height"))
        confidence = max(0.0, float(row["conf"])) / 100
        words.append(Word(text, (left, top, left + width, top + height), confidence, line))
    return tuple(words)
