"""Answers in batches and one by one, examples trained per second, and pages read by the OCR engine.

Models are of the default size, their weights drawn: a reply goes on to its longest. Replies in batches must be those of
one prompt at a time, with a cache and without one. Each cell runs in a process of its own on as many cores as it says.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.machine import checkout, machine

RESULTS = Path(__file__).parent / "results" / "llava_read.json"
ANSWERS, TRAINING, OCR = "answers", "examples trained", "pages read"
BATCHED, ONE, BARE = "tenfold, batches of 16", "one by one", "one by one, no cache"
FULL, BLIND, ENGINE = "full arm", "question only", "ppocr6"
BATCH, REPLY, BUDGET = 16, 16, 320

Cell = tuple[str, int, int, str]  # task, size, cores, method


def cells(quick: bool) -> list[Cell]:
    """Return every cell that is measured; small ones if ``quick``."""
    asked, examples, pages = (16, 16, 2) if quick else (64, 128, 24)
    found = [(ANSWERS, asked, 1, method) for method in (BATCHED, ONE, BARE)]
    found += [(TRAINING, examples, cores, method) for cores in (1, 2) for method in (FULL, BLIND)]
    return found + [(OCR, pages, cores, ENGINE) for cores in (1, 2) if not quick]


def drawn(count: int) -> list[Any]:
    """Return so many pages of the test part, in fonts that are always there."""
    from tenfold.llava_read.pages import draw_pages
    from tenfold.rendering.fonts import bundled_fonts

    return list(draw_pages("test", count, seed=0, fonts=bundled_fonts()))


def drawn_model() -> tuple[Any, Any]:
    """Return a model of the default sizes with drawn weights, and its processor."""
    import torch

    from tenfold.llava_read import LlavaReadConfig, LlavaReadForConditionalGeneration, LlavaReadProcessor
    from tenfold.llava_read.characters import IMAGE, character_tokenizer

    tokenizer = character_tokenizer()
    config = LlavaReadConfig(image_token_id=tokenizer.convert_tokens_to_ids(IMAGE))
    torch.manual_seed(0)
    return LlavaReadForConditionalGeneration(config).eval(), LlavaReadProcessor.for_config(config, tokenizer)


def ocr_texts(pages: list[Any]) -> dict[str, Any]:
    """Return the OCR text of each page as the prompts have it, by the page's id."""
    from tenfold.llava_read import ocr_text

    return {page.id: ocr_text(page.truth, layout="space", budget=BUDGET, policy="head_tail") for page in pages}


def encoded(model: Any, processor: Any, pages: list[Any]) -> Callable[[Sequence[int]], dict[str, Any]]:
    """Return what gives the model the features of pages by their numbers, as the frozen encoders make them, once."""
    import torch

    found = []
    with torch.no_grad():
        for start in range(0, len(pages), BATCH):
            pixels = processor.image_processor.preprocess([page.image for page in pages[start : start + BATCH]])
            found.append(model.vision.encoded(pixels["pixel_values_low"], pixels["pixel_values_high"]))
    low, high = (torch.cat(parts) for parts in zip(*found, strict=True))
    return lambda numbers: {"image_features": (low[list(numbers)], high[list(numbers)])}


def answers(count: int, method: str) -> tuple[float, str]:
    """Return the seconds that so many answers take, with the image and OCR text, and a sum of the replies."""
    import torch

    from tenfold.llava_read import answer_samples
    from tenfold.llava_read.answering import greedy_replies

    model, processor = drawn_model()
    pages = drawn(-(-count // 4))
    places = {page.id: number for number, page in enumerate(pages)}
    features, samples = encoded(model, processor, pages), answer_samples(pages, texts=ocr_texts(pages))[:count]
    of_page = [places[sample.page] for sample in samples]
    prompts = [
        processor.prompts([processor.messages(sample.prompt, pages[number].image)])["input_ids"][0].tolist()
        for sample, number in zip(samples, of_page, strict=True)
    ]

    def seen(numbers: Sequence[int]) -> dict[str, Any]:
        return features([of_page[number] for number in numbers])

    def said(chosen: list[list[int]]) -> list[list[int]]:
        if method != BARE:
            ends, batch = frozenset([processor.tokenizer.eos_token_id]), BATCH if method == BATCHED else 1
            found = greedy_replies(model, chosen, ends=ends, longest=REPLY, images=seen, batch=batch)
            return [list(reply.tokens) for reply in found]
        return [_without_cache(model, prompt, seen([number]), processor) for number, prompt in enumerate(chosen)]

    with torch.inference_mode():
        said(prompts[:2])
        started = time.perf_counter()
        replies = said(prompts)
        seconds = time.perf_counter() - started
    return seconds, hashlib.sha256(json.dumps(replies).encode()).hexdigest()[:12]


def _without_cache(model: Any, prompt: list[int], seen: dict[str, Any], processor: Any) -> list[int]:
    import torch

    reply: list[int] = []
    while len(reply) < REPLY:
        logits = model(input_ids=torch.tensor([prompt + reply]), logits_to_keep=1, **seen).logits[0, -1]
        logits[processor.image_token_id] = -torch.inf
        if int(logits.argmax()) == processor.tokenizer.eos_token_id:
            break
        reply.append(int(logits.argmax()))
    return reply


def conversations(processor: Any, pages: list[Any], sees: bool) -> list[tuple[list[int], list[int]]]:
    """Return tokens and labels (T,) of all questions about each page, the OCR text once; the questions alone if not."""
    from tenfold.llava_read import answer_samples

    found = []
    for page in pages:
        messages: list[dict[str, Any]] = []
        for sample, question in zip(
            answer_samples([page], texts=ocr_texts([page]) if sees else None), page.questions, strict=True
        ):
            first = not messages
            prompt, image = (sample.prompt if first else question.question), (page.image if sees and first else None)
            messages += processor.messages(prompt, image, sample.answer)
        found.append(processor.all_answered(messages, name=page.id))
    return found


def training(count: int, method: str) -> tuple[float, str]:
    """Return the seconds of updates on ``count`` conversations of four answers each, the encoders frozen."""
    import torch
    from torch.nn.utils.rnn import pad_sequence

    from tenfold.llava_read import set_trained
    from tenfold.multimodal.labels import IGNORED

    model, processor = drawn_model()
    pages, sees = drawn(count), method == FULL
    features = encoded(model, processor, pages) if sees else None
    set_trained(model, vision="frozen", decoder="full")
    optimiser = torch.optim.AdamW([one for one in model.parameters() if one.requires_grad], lr=1e-3, fused=True)
    rows = conversations(processor, pages, sees)
    order = sorted(range(count), key=lambda number: len(rows[number][0]))
    model.train()
    started = time.perf_counter()
    for start in range(0, count, BATCH):
        numbers = order[start : start + BATCH]
        chosen = [[torch.tensor(part) for part in rows[number]] for number in numbers]
        loss = model(
            input_ids=pad_sequence([tokens for tokens, _ in chosen], batch_first=True),
            attention_mask=pad_sequence([torch.ones_like(tokens) for tokens, _ in chosen], batch_first=True),
            labels=pad_sequence([labels for _, labels in chosen], batch_first=True, padding_value=IGNORED),
            **({} if features is None else features(numbers)),
        ).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    answered = sum(len(page.questions) for page in pages)
    return time.perf_counter() - started, f"{answered} answers"


def read_pages(count: int, method: str) -> tuple[float, str]:
    """Return the seconds that an engine takes for so many pages, and how many words it found."""
    from tenfold.ocr.reading import load_engine, read

    images = [page.image for page in drawn(count + 1)]
    engine = load_engine(method)
    read(images[:1], engine)
    started = time.perf_counter()
    found = read(images[1:], engine)
    return time.perf_counter() - started, f"{sum(len(page.words) for page in found)} words"


def in_process(cell: Cell, cap: float) -> tuple[float, str] | None:
    """Measure one cell in a new process on its cores; None if it fails or takes too long."""
    cores = cell[2]
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.llava_read", "--request", json.dumps(cell)]
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
    return float(seconds), str(check)


def sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the numbers say, in words."""
    by = {(row["task"], row["cores"], row["method"]): row for row in rows}
    found, ours = [], by.get((ANSWERS, 1, BATCHED))
    for other in (ONE, BARE):
        row = by.get((ANSWERS, 1, other))
        if ours is not None and row is not None:
            ratio, equal = row["seconds"] / ours["seconds"], row["check"] == ours["check"]
            found.append(f"Answers in batches of {BATCH}: {ratio:.1f} times as fast as {other}, equal replies: {equal}")
    for (task, cores, method), row in by.items():
        rate = row["size"] / row["seconds"]
        if task == TRAINING:
            found.append(f"{method}: {4 * rate:.0f} answers trained per second on {cores} core(s)")
        elif task == OCR:
            found.append(f"{method} reads {rate:.2f} pages per second on {cores} core(s)")
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
        task, size, _, method = json.loads(options.request)
        print(json.dumps({ANSWERS: answers, TRAINING: training, OCR: read_pages}[task](size, method)))
        return
    where, started, rows = checkout(), machine("torch", "transformers", "rapidocr", "onnxruntime"), []
    for cell in cells(options.quick):
        found = [in_process(cell, options.cap) for _ in range(1 if options.quick else options.rounds)]
        known = [one for one in found if one is not None]
        print(*cell, known, flush=True)
        if known:
            named = dict(zip(("task", "size", "cores", "method"), cell, strict=True))
            rows.append(named | {"seconds": median(one for one, _ in known), "check": known[0][1]})
    said = sentences(rows)
    print("\n".join(said))
    if not options.quick:
        content = described(rows, said, where, started)
        RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def described(rows: list[dict[str, Any]], said: list[str], where: dict[str, Any], started: dict[str, Any]) -> Any:
    """Return the results in the form that the README's tables are made from."""
    value = {"role": "value", "unit": "s", "better": "lower", "superlative": "fastest"}
    return {
        "title": "LLaVA-Read: answers, training, and OCR",
        "note": f"Medians over processes. Answers: greedy, {REPLY} tokens each, with the image and OCR text. Training: "
        f"updates of {BATCH} conversations of four answers, encoders frozen. OCR: drawn pages of 256 × 256.",
        "command": "python -m benchmarks.llava_read",
        **where,
        "machine": started,
        "default": BATCHED,
        "findings": said,
        "columns": [
            {"name": "task", "label": "task", "role": "case"},
            {"name": "size", "label": "answers, conversations or pages", "role": "case"},
            {"name": "cores", "label": "cores", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {"name": "seconds", "label": "time", **value},
        ],
        "rows": rows,
    }


if __name__ == "__main__":
    main()
