"""Conversations in batches and one by one, an endpoint's client under load, and BBQ's scores beside a peer's.

The agents that talk are a made-up decoder held to letters, and readers of default size after a few updates, or with
``--reader`` those that a folder holds, about the questions in ``--items``. lm-evaluation-harness is timed where it is
installed (pip install --no-deps lm-eval); its own functions are called on the same answers. Each cell runs in a process
of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.debias_talk import CATEGORIES, letter_agents, questions, reader_agents, talk
from benchmarks.machine import checkout, machine

RESULTS = Path(__file__).parent / "results" / "debias.json"
TALK, READERS, CALLS, SCORES = "conversation", "conversation of readers", "endpoint", "scores"
OURS, ONE, BARE, PEER = "tenfold", "one by one", "tenfold, no transcript", "lm-evaluation-harness"
METHODS = {TALK: (OURS, ONE), READERS: (OURS, ONE), CALLS: (OURS, BARE), SCORES: (OURS, PEER)}
ROWS = 57_292  # of BBQ in the mirror
SECONDS, CONCURRENCY = 0.2, 32  # of the endpoint: at most 160 calls a second
BATCH = 64

Cell = tuple[str, int, str]  # task, size, method


def cells(quick: bool) -> list[Cell]:
    """Return every cell that is measured; small ones if ``quick``."""
    sizes = (
        {TALK: 16, READERS: 64, CALLS: 64, SCORES: 2000}
        if quick
        else {TALK: 96, READERS: 256, CALLS: 1600, SCORES: ROWS}
    )
    return [(task, sizes[task], method) for task in METHODS for method in METHODS[task] if method != PEER or peer()]


def calls(count: int, method: str) -> float:
    """Return the seconds that so many calls take of an endpoint that answers each after 200 ms."""
    from tenfold.chat.client import Client
    from tenfold.chat.endpoint import Endpoint
    from tenfold.chat.messages import Message, Sampling
    from tenfold.chat.transcript import Transcript

    command = [sys.executable, "-m", "benchmarks.slow_endpoint", str(SECONDS)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1])
    try:
        assert server.stdout is not None
        address = f"http://127.0.0.1:{int(server.stdout.readline())}/v1"
        with tempfile.TemporaryDirectory() as folder:
            kept = Transcript(Path(folder) / "transcript.jsonl") if method == OURS else None
            client = Client(Endpoint(address, "m", concurrency=CONCURRENCY), kept)
            client.generate([[Message("user", "first")]], Sampling())
            asked = [[Message("user", f"{number} {'x' * 1500}")] for number in range(count)]
            started = time.perf_counter()
            client.generate(asked, Sampling())
            spent = time.perf_counter() - started
            if kept is not None:
                kept.close()
    finally:
        server.kill()
        server.wait()
    assert client.spent.failed == 0, "an answer did not come"
    return spent


def scores(count: int, method: str) -> float:
    """Return the seconds from answers to the scores of every group and of all."""
    items = questions(count)
    answers = np.random.default_rng(0).integers(0, 3, count)
    if method == OURS:
        from tenfold.debias.scores import score, score_groups

        started = time.perf_counter()
        score(items, answers), score_groups(items, answers)
        return time.perf_counter() - started
    found = peer()
    assert found is not None
    documents = [
        {
            **{f"ans{number}": text for number, text in enumerate(item.options)},
            "label": item.gold,
            "biased_answers": [item.options[item.target or 0]],
            "context_condition": item.condition,
            "category": item.group,
        }
        for item in items.rows
    ]
    likelihoods = [[(float(place == answer), False) for place in range(12)] for answer in answers]
    started = time.perf_counter()
    rows = [found.process_results_multiple_choice(*pair) for pair in zip(documents, likelihoods, strict=True)]
    for name in ("", *(f"_{category}" for category in CATEGORIES)):
        found.agg_amb_bias_scores([row[f"amb_bias_score{name}"] for row in rows])
        found.agg_disamb_bias_scores([row[f"disamb_bias_score{name}"] for row in rows])
    return time.perf_counter() - started


def peer() -> Any | None:
    """Return lm-evaluation-harness' module for BBQ, None where it is not installed."""
    package = importlib.util.find_spec("lm_eval")
    if package is None or not package.submodule_search_locations:
        return None
    path = Path(package.submodule_search_locations[0]) / "tasks" / "bbq" / "utils.py"
    spec = importlib.util.spec_from_file_location("harness_bbq", path)
    if spec is None or spec.loader is None or importlib.util.find_spec("datasets") is None:
        return None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_process(cell: Cell, options: argparse.Namespace) -> float | None:
    """Measure one cell in a new process; None if it fails or takes too long."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.debias", "--request", json.dumps(cell)]
    for name in ("reader", "items"):
        command += [f"--{name}", str(getattr(options, name))] if getattr(options, name) else []
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parents[1], timeout=options.cap
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode:
        print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
        return None
    return float(done.stdout.splitlines()[-1])


def sentences(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the numbers say, in words."""
    by = {(row["task"], row["method"]): row for row in rows}
    found = []
    for task, agents in ((TALK, "a decoder"), (READERS, "readers")):
        if (task, OURS) in by and (task, ONE) in by:
            ratio = by[task, ONE]["seconds"] / by[task, OURS]["seconds"]
            found.append(f"Conversations of {agents} in batches are {ratio:.1f} times as fast as one by one (goal: 5)")
    if (CALLS, OURS) in by:
        row = by[CALLS, OURS]
        rate, most = row["size"] / row["seconds"], CONCURRENCY / SECONDS
        found.append(f"{rate:.0f} calls per second of the {most:.0f} that the endpoint allows (goal: {0.9 * most:.0f})")
    if (SCORES, OURS) in by:
        row = by[SCORES, OURS]
        found.append(f"{row['size']:,} answers are scored in {row['seconds']:.2f} s (goal: 2)")
    return found


def main() -> None:
    """Measure all cells, or with --request one, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes; writes nothing")
    parser.add_argument("--cap", type=float, default=300.0, help="seconds after which a cell is given up")
    parser.add_argument("--rounds", type=int, default=3, help="processes per cell")
    parser.add_argument("--reader", type=Path, help="folder of a trained reader")
    parser.add_argument("--items", type=Path, help="its questions, items.jsonl")
    parser.add_argument("--request", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.request:
        task, size, method = json.loads(options.request)
        batch = BATCH if method == OURS else 1
        measures: dict[str, Callable[[], float]] = {
            TALK: lambda: talk(size, batch, letter_agents),
            READERS: lambda: talk(size, batch, partial(reader_agents, options.reader, options.items)),
            CALLS: lambda: calls(size, method),
            SCORES: lambda: scores(size, method),
        }
        print(measures[task]())
        return
    where, started = checkout(), machine("torch", "openai", "lm_eval")
    rows: list[dict[str, Any]] = []
    for task, size, method in cells(options.quick):
        found = [in_process((task, size, method), options) for _ in range(1 if options.quick else options.rounds)]
        known = [one for one in found if one is not None]
        print(task, size, method, known, flush=True)
        if known:
            rows.append({"task": task, "size": size, "method": method, "seconds": median(known)})
    said = sentences(rows)
    print("\n".join(said))
    if options.quick:
        return
    value = {"role": "value", "unit": "s", "better": "lower", "superlative": "fastest"}
    content = {
        "title": "Conversations, calls of an endpoint, and scores",
        "note": "Medians over processes. Conversation: three agents, one round after the first answers. Endpoint: "
        f"{CONCURRENCY} calls at once, each answered after {SECONDS} s, by default with a transcript on disk. Scores: "
        "of all questions and of each group.",
        "command": "python -m benchmarks.debias",
        **where,
        "machine": started,
        "default": OURS,
        "findings": said,
        "columns": [
            {"name": "task", "label": "task", "role": "case"},
            {"name": "size", "label": "questions or calls", "role": "case"},
            {"name": "method", "label": "method", "role": "method"},
            {"name": "seconds", "label": "time", **value},
        ],
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
