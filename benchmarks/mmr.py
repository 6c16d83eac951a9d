"""The reading benchmark's scorer beside a plain alignment, a very long reply, and OCR engines on pages of text.

The plain alignment is the table and the walk back in Python that PNLS's description asks for, as the tests have it; it
scores the same pairs, and the scores must be equal. Replies are made of the references: right, with slips, another
text, and six texts in a row, a quarter each; with ``right`` three quarters of them are right, as a strong model's are.
OCR is timed on pages rendered here, on as many cores as the cell says. Each cell runs in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import checkout, machine

RESULTS = Path(__file__).parent / "results" / "mmr.json"
MIXED, RIGHT, LONG, OCR = "texts, a quarter right", "texts, three quarters right", "a long reply", "OCR"
OURS, PLAIN = "tenfold", "plain alignment"
TEXTS = 150  # of the benchmark's 550 items
CHARACTERS = 20_000
ENGINES = ("ppocr6", "tesseract")
TITLE = """the a of and novel guide history winter garden secrets light
James Mary Wilson north complete edition"""
WORDS = tuple(TITLE.split())

Cell = tuple[str, int, str]  # task, size, method


def cells(quick: bool) -> list[Cell]:
    """Return every cell that is measured; small ones if ``quick``."""
    found = [(task, TEXTS, method) for task in (MIXED, RIGHT) for method in (OURS, PLAIN)]
    found += [(MIXED, 1000 if quick else 10_000, method) for method in (OURS, PLAIN)]
    found += [(LONG, 2000 if quick else CHARACTERS, method) for method in (OURS, PLAIN)]
    return found + [(OCR, cores, engine) for cores in (1, 2) for engine in ENGINES if not quick]


def pairs(task: str, size: int) -> tuple[list[str], list[str]]:
    """Return references of the lengths that titles have, and replies to them."""
    chance = random.Random(size)
    if task == LONG:
        reply = " ".join(chance.choices(WORDS, k=size // 4))[:size]
        return ["complete winter guide x"], [reply]
    references = [" ".join(chance.choices(WORDS, k=chance.choice((1, 2, 2, 3, 3, 4, 6, 9)))) for _ in range(size)]
    replies = []
    for reference in references:
        kind = chance.randrange(4) if task == MIXED else chance.choice((0, 0, 0, chance.randrange(1, 4)))
        letters = list(reference)
        for _ in range(chance.randint(1, 3)):
            letters[chance.randrange(len(letters))] = chance.choice("abc ")
        others = " ".join(chance.choices(references, k=6))
        replies.append((reference, "".join(letters), chance.choice(references), others)[kind])
    return references, replies


def align(cell: Cell) -> tuple[float, float]:
    """Return the seconds that alignments take, and the sum of their scores, which is equal for both methods."""
    from tenfold.mmr.alignment import alignment_share
    from tests.tenfold.mmr.test_alignment import plain

    task, size, method = cell
    references, replies = pairs(task, size)
    if method == OURS:
        alignment_share(references[:2], replies[:2])
    started = time.perf_counter()
    if method == OURS:
        found = alignment_share(references, replies).tolist()
    else:
        found = [plain(*pair) for pair in zip(references, replies, strict=True)]
    return time.perf_counter() - started, sum(found)


def read_pages(cores: int, engine: str, count: int = 12) -> tuple[float, float]:
    """Return the seconds per image that an engine takes on so many cores, and the words that it found."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    from tenfold.ocr.reading import load_engine, read

    chance, images = random.Random(0), []
    for _ in range(count + 1):
        page = Image.new("RGB", (800, 1000), "white")
        drawing = ImageDraw.Draw(page)
        for line in range(12):
            text = " ".join(chance.choices(WORDS, k=6))
            drawing.text((40, 40 + 75 * line), text, fill="black", font=ImageFont.load_default(28))
        images.append(np.asarray(page))
    reader = load_engine(engine)
    read(images[:1], reader)
    started = time.perf_counter()
    pages = read(images[1:], reader)
    return (time.perf_counter() - started) / count, float(sum(len(page.words) for page in pages))


def in_process(cell: Cell, cap: float) -> tuple[float, float] | None:
    """Measure one cell in a new process on its cores; None if it fails or takes too long."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.mmr", "--request", json.dumps(cell)]
    cores = cell[1] if cell[0] == OCR else 1
    threads = {name: str(cores) for name in ("OMP_NUM_THREADS", "OMP_THREAD_LIMIT")}
    usable = sorted(os.sched_getaffinity(0))[:cores]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[1],
            timeout=cap,
            env=os.environ | threads,
            preexec_fn=lambda: os.sched_setaffinity(0, usable),
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    seconds, check = json.loads(done.stdout.splitlines()[-1])
    return float(seconds), float(check)


def sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the numbers say, in words."""
    by = {(row["task"], row["size"], row["method"]): row for row in rows}
    found = []
    for (task, size, method), row in by.items():
        plain = by.get((task, size, PLAIN))
        if method == OURS and plain is not None:
            ratio, equal = plain["seconds"] / row["seconds"], plain["check"] == row["check"]
            what = f"{task}, {size:,} {'characters' if task == LONG else 'pairs'}"
            found.append(f"{what}: {ratio:.0f} times as fast as the plain alignment (goal: 50), equal scores: {equal}")
        elif task == OCR:
            found.append(f"{method} reads {1 / row['seconds']:.2f} images per second on {size} core(s)")
    return found


def main() -> None:
    """Measure all cells, or with --request one, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, no OCR; writes nothing")
    parser.add_argument("--cap", type=float, default=600.0, help="seconds after which a cell is given up")
    parser.add_argument("--rounds", type=int, default=3, help="processes per cell")
    parser.add_argument("--request", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.request:
        task, size, method = json.loads(options.request)
        print(json.dumps(read_pages(size, method) if task == OCR else align((task, size, method))))
        return
    where, started, rows = checkout(), machine("numpy", "rapidocr", "onnxruntime"), []
    for task, size, method in cells(options.quick):
        found = [in_process((task, size, method), options.cap) for _ in range(1 if options.quick else options.rounds)]
        known = [one for one in found if one is not None]
        print(task, size, method, known, flush=True)
        if known:
            seconds, check = median(one for one, _ in known), known[0][1]
            rows.append({"task": task, "size": size, "method": method, "seconds": seconds, "check": check})
    said = sentences(rows)
    print("\n".join(said))
    if not options.quick:
        content = described(rows, said, where, started)
        RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def described(rows: list[dict[str, Any]], said: list[str], where: dict[str, Any], started: dict[str, Any]) -> Any:
    """Return the results in the form that the README's tables are made from."""
    value = {"role": "value", "unit": "s", "better": "lower", "superlative": "fastest"}
    return {
        "title": "Scores of the reading benchmark, and OCR",
        "note": "Medians over processes. Texts: alignments of so many references and replies on one core. OCR: seconds "
        "per rendered page of 800 × 1000 with 72 words, the size being cores.",
        "command": "python -m benchmarks.mmr",
        **where,
        "machine": started,
        "default": OURS,
        "findings": said,
        "columns": [
            {"name": "task", "label": "task", "role": "case"},
            {"name": "size", "label": "pairs, characters or cores", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {"name": "seconds", "label": "time", **value},
        ],
        "rows": rows,
    }


if __name__ == "__main__":
    main()
