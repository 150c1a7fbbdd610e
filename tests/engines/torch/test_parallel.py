"""Every row is worked on once, whichever threads do it."""

import threading

import pytest
import torch

from deepdream.engines.torch import parallel


@pytest.fixture(params=[1, 2, 3, 7])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=["openmp", "pool"])
def kind(request, monkeypatch):
    if request.param == "pool":
        monkeypatch.setattr(parallel, "_openmp", lambda: None)
    elif parallel._openmp() is None:
        pytest.skip("this PyTorch has no OpenMP with GOMP_parallel")
    return request.param


@pytest.mark.parametrize("count", [0, 1, 2, 5, 100])
def test_every_row_once(threads, kind, count):
    times = [0] * count

    def loop(first, last):
        for row in range(first, last):
            times[row] += 1

    parallel.in_parts([loop] * threads, count)
    assert times == [1] * count


def test_parts_run_side_by_side(kind):
    """Neither part can go on before the other has begun."""
    both = threading.Barrier(2, timeout=20)

    def loop(first, last):
        if last > first:
            both.wait()

    parallel.in_parts([loop] * 2, 2)
    assert not both.broken


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_failing_part_is_an_error(threads, kind):
    def loop(first, last):
        if first <= 5 < last:
            raise RuntimeError("loop has failed")

    with pytest.raises(RuntimeError, match="loop has failed"):
        parallel.in_parts([loop] * threads, 10)
