"""The benchmark measures what it says, on few updates, and the report reads what it writes."""

from __future__ import annotations

import json

from benchmarks import commit_tuning as benchmark
from benchmarks.commit_tuning import LORA, METHODS, OURS, PEER, PLAIN, SMALL
from flows.report.benchmark import Benchmark, remarks


def test_copies_are_of_trained_tensors_alone():
    plain, ours = benchmark.measure(LORA, PLAIN, 1), benchmark.measure(LORA, benchmark.estimating(1), 1)
    assert plain["copied_bytes"] == 0
    assert ours["copied_bytes"] == ours["trained_bytes"] < 0.2 * ours["model_bytes"]
    small = benchmark.measure(SMALL, benchmark.REWARD, 1)
    assert small["copied_bytes"] == small["trained_bytes"] == small["model_bytes"]


def test_the_peer_scales_and_shakes_convolutions_alone():
    update, model, tuning = benchmark.updater(SMALL, PEER)
    assert tuning is None
    (batch,) = benchmark.batches(model.questions(), 1)
    loss = model(**batch).loss
    loss.backward()
    before = {name: one.grad.clone() for name, one in model.named_parameters()}
    benchmark.scale_gradients(model, batch, loss.detach())
    changed = {name for name, one in model.named_parameters() if not one.grad.equal(before[name])}
    assert changed == {name for name, one in model.encoder.named_parameters(prefix="encoder") if one.ndim == 4}
    update(batch)


def test_the_report_reads_the_result():
    rows = [
        {"model": kind, "method": method, "seconds": 1 + place / 100}
        | {"copied_bytes": 10, "trained_bytes": 10, "model_bytes": 100}
        for kind in (SMALL, LORA)
        for place, method in enumerate(METHODS)
    ]
    said = benchmark.sentences(rows)
    assert f"{SMALL}: {OURS} adds 4.0% to a plain update (goal: at most 10%)" in said
    assert any("100% of the trained tensors' size, 10% of the model's" in sentence for sentence in said)
    content = benchmark.document(rows, {"commit": None, "dirty": False}, {"cores": 2})
    read = Benchmark.model_validate_json(json.dumps(content, allow_nan=False))
    assert len(read.rows) == len(rows)
    remarks(read)
