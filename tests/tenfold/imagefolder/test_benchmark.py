"""The benchmark on a tiny size: its variants agree, and the report reads what it writes."""

from __future__ import annotations

import json

import pytest
import torch

from benchmarks import imagefolder as benchmark
from benchmarks import imagefolder_reference as reference
from benchmarks.imagefolder import OURS, PLAIN, RECONSTRUCTION, SAMPLING, UNFOLDED, Models, Size
from flows.report.benchmark import Benchmark, remarks


@pytest.fixture(scope="module")
def size(config) -> Size:
    return Size("tiny", 10, 10, config, width=16, depth=2, heads=2)


@pytest.fixture(scope="module")
def models(size) -> Models:
    return Models.of(size, 10, torch.device("cpu"))


def test_the_variants_agree(models):
    benchmark.check(models)


def test_the_reference_filters_and_draws_as_it_says():
    shares = reference.filtered(torch.tensor([[[0.5, 0.25, 0.15, 0.1]]]).log(), 3, 0.6)
    assert torch.allclose(shares, torch.tensor([[[2 / 3, 1 / 3, 0, 0]]]))
    codes = reference.drawn(shares.expand(1, 4, -1), torch.tensor([[0.0, 0.6, 0.7, 0.999]]))
    assert codes.tolist() == [[0, 0, 1, 1]]


def test_a_reference_that_differs_is_noticed(models, monkeypatch):
    monkeypatch.setattr(reference, "encode", lambda tokenizer, images, *, fused: tokenizer.encode(images) * 0)
    with pytest.raises(AssertionError, match="the same tokens"):
        benchmark.check(models)


def test_the_report_reads_the_result(size):
    seconds = benchmark.measure(size, 10, 2, torch.device("cpu"))
    assert {(SAMPLING, OURS), (SAMPLING, UNFOLDED), (RECONSTRUCTION, PLAIN)} < set(seconds)
    said = benchmark.sentences(size.name, seconds)
    assert any("folded sampling is" in sentence for sentence in said)
    content = benchmark.document(benchmark.rows_of(size.name, seconds, 10), said, {}, {"cores": 2})
    read = Benchmark.model_validate_json(json.dumps(content, allow_nan=False))
    assert len(read.rows) == len(seconds)
    remarks(read)
