"""Made-up receipts in the format of the kept subset of SROIE: images, boxes, transcripts and the four fields.

The shops do not exist, and no score on these receipts says anything about a model.
"""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tenfold.data.registry import StandIn

WIDTH, MARGIN = 360, 16
SHOPS = ("AMBER", "BIRCH", "CEDAR", "DELTA", "EMBER", "FABLE", "GROVE", "HARBOR", "IVORY", "KETTLE", "LUMEN", "MAPLE")
KINDS = ("STORES SDN BHD", "TRADING", "BOOKS & GIFTS", "CAFE", "HARDWARE SDN BHD")
GOODS = ("PAPER ROLL", "BLACK TEA", "HAND SOAP", "COPPER WIRE", "NOTE PAD", "RICE 5KG", "LIGHT BULB", "WALL PAINT")


@dataclass
class _Sheet:
    """A strip of paper being written on: the lines, with their boxes and the size of their letters."""

    font: Any
    image: Any
    pen: Any
    y: int = MARGIN
    boxes: list[list[int]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def write(self, text: str, size: int, anchor: str) -> None:
        """Write a text at the left, in the middle or at the right of the current line."""
        font = self.font(size)
        place, side = {"left": (MARGIN, "la"), "middle": (WIDTH // 2, "ma"), "right": (WIDTH - MARGIN, "ra")}[anchor]
        self.pen.text((place, self.y), text, fill=30, font=font, anchor=side)
        self.boxes.append([round(edge) for edge in self.pen.textbbox((place, self.y), text, font=font, anchor=side)])
        self.texts.append(text)

    def next_line(self, size: int) -> None:
        """Go down by a line."""
        self.y += round(1.5 * size)


def receipts(stand_in: StandIn) -> tuple[str, dict[str, bytes]]:
    """Make receipts.tar: ``rows`` receipts as labels.jsonl and images/*.jpg, drawn with Pillow's own font."""
    assert stand_in.rows
    generator = np.random.default_rng(stand_in.seed)
    rows, buffer = [], io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        images = []
        for number in range(stand_in.rows):
            row, encoded = _receipt(number, generator)
            rows.append(row)
            images.append((f"images/{row['file']}", encoded))
        lines = "".join(json.dumps(row) + "\n" for row in rows).encode()
        for name, content in (("labels.jsonl", lines), *images):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return f"MADE-UP RECEIPTS, {len(rows):,} of shops that do not exist", {"receipts.tar": buffer.getvalue()}


def _receipt(number: int, generator: np.random.Generator) -> tuple[dict[str, Any], bytes]:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("L", (WIDTH, 640), 244)
    sheet = _Sheet(ImageFont.load_default, image, ImageDraw.Draw(image))
    company = f"{generator.choice(SHOPS)} {generator.choice(KINDS)}"
    address = f"{generator.integers(1, 99)} {generator.choice(SHOPS)} ROAD, {generator.choice(SHOPS)} TOWN"
    day, month, year = generator.integers(1, 29), generator.integers(1, 13), generator.integers(2014, 2020)
    date = f"{day:02d}/{month:02d}/{year}"
    for text, size in ((company, 22), (address, 13)):
        sheet.write(text, size, "middle")
        sheet.next_line(size)
    sheet.write(f"INVOICE NO {generator.integers(10000, 99999)}", 15, "left")
    sheet.next_line(24)
    sheet.write(date, 15, "left")
    sheet.write(f"{generator.integers(8, 22):02d}:{generator.integers(0, 60):02d}", 15, "right")
    sheet.next_line(28)
    total = 0
    for name in generator.choice(GOODS, int(generator.integers(2, 6)), replace=False):
        price = int(generator.integers(100, 4000))
        total += price
        sheet.write(str(name), 15, "left")
        sheet.write(_money(price), 15, "right")
        sheet.next_line(15)
    sheet.next_line(10)
    sheet.write("TOTAL RM", 20, "left")
    sheet.write(_money(total), 20, "right")
    sheet.next_line(28)
    for text in ("GOODS SOLD ARE NOT RETURNABLE", "THANK YOU"):
        sheet.write(text, 12, "middle")
        sheet.next_line(14)
    image = image.crop((0, 0, WIDTH, sheet.y + MARGIN))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=72)
    row = {
        "id": f"{number:03d}",
        "file": f"{number:03d}.jpg",
        "width": image.width,
        "height": image.height,
        "original_size": list(image.size),
        "crop": [0, 0, *image.size],
        "scale": 1,
        "boxes": sheet.boxes,
        "texts": sheet.texts,
        "key": {"company": company, "date": date, "address": address, "total": _money(total)},
    }
    return row, buffer.getvalue()


def _money(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
