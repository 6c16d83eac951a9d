"""A batch in parts: the same rows in the same order, whatever the number of threads."""

from __future__ import annotations

import threading

import pytest
import torch

from tenfold.imagefolder.parts import CACHED, in_parts


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 40])
def test_parts_come_back_in_order_and_no_larger_than_the_cache(threads, size):
    batch, seen = torch.arange(size * 4.0).view(size, 4), []

    def function(rows):
        seen.append((len(rows), threading.get_ident(), torch.get_num_threads()))
        return rows.sum(dim=1)

    assert torch.equal(in_parts(function, batch, CACHED // 3), batch.sum(dim=1))
    lengths, workers, within = zip(*seen, strict=True)
    assert sum(lengths) == size and max(lengths) <= 3
    assert set(within) == ({threads} if size <= 3 else {1}) and len(set(workers)) <= threads
    assert torch.get_num_threads() == threads
    count: list[int] = []
    other = threading.Thread(target=lambda: count.append(torch.get_num_threads()))
    other.start(), other.join()
    assert count == [threads]


def test_threads_keep_what_the_caller_set(threads):
    linear = torch.nn.Linear(8, 8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        halved = in_parts(linear, torch.randn(12, 8), CACHED)
    assert halved.dtype == torch.bfloat16 and not halved.requires_grad


def test_an_error_in_a_part_comes_out_and_leaves_the_threads(threads):
    def fail(rows):
        raise ValueError("row 7")

    with pytest.raises(ValueError, match="row 7"):
        in_parts(fail, torch.zeros(12, 2), CACHED)
    assert torch.get_num_threads() == threads
