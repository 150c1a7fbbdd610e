"""A compiled loop gets its arguments as they are, and a loop that cannot be compiled is a sentence."""

import sys

import pytest
import torch

from deepdream.console import captured_messages
from deepdream.engines.torch.compiled import loop
from deepdream.engines.torch.compiled.loop import Block, Loop
from deepdream.errors import DreamError

pytest.importorskip("numba")


@pytest.fixture
def afresh(monkeypatch):
    """No loop has been compiled, in this process or before."""
    from deepdream.engines.torch.compiled import machine_code

    monkeypatch.setattr(machine_code, "_folders", list)
    loop._entry.cache_clear()
    yield
    loop._entry.cache_clear()


@pytest.fixture
def probe(afresh, monkeypatch):
    """A loop that writes what it has been given."""
    from deepdream.engines.torch.compiled import compiler, layer_loops

    def write(seen, share, number, pair, length, flags, bytes_, plane, scratch, first, last):
        for row in range(first, last):
            seen[row, 0], seen[row, 1] = share, number
            seen[row, 2], seen[row, 3], seen[row, 4] = pair[0], pair[1], len(length)
            seen[row, 5], seen[row, 6], seen[row, 7] = flags[1], bytes_[2], plane[1, 2]
            seen[row, 8], seen[row, 9] = plane.shape[0], plane.shape[1]
            scratch[0] = row
            seen[row, 10] = scratch[0]

    monkeypatch.setattr(layer_loops, "write", compiler.loop(write), raising=False)
    return Loop("layer_loops", "write")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_arguments_arrive(probe, dtype):
    seen, plane = torch.zeros(5, 11, dtype=dtype), torch.arange(15, dtype=torch.float32) / 3
    flags, bytes_ = torch.tensor([False, True]), torch.tensor([1, 2, 255], dtype=torch.uint8)
    blocks = [Block(flags, (2,)), Block(bytes_, (3,)), Block(plane, (3, 4), 2)]
    probe.run(5, Block(seen, (5, 11)), 1 / 3, 2**24 - 1, (-1, 2**40), (None, None, None), *blocks, scratch=(1, "f8"))
    for row in range(5):
        expected = torch.tensor([1 / 3, 2**24 - 1, -1, 2**40, 3, 1, 255, plane[8], 3, 4, row], dtype=dtype)
        assert seen[row].equal(expected)


def test_a_person_at_a_terminal_is_told_once_that_loops_are_compiled(monkeypatch):
    from deepdream.engines.torch.compiled import compiler

    heard = []
    compiler._tell.cache_clear()
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with captured_messages(heard.append):
        compiler._tell()
        compiler._tell()
    assert len(heard) == 1


def test_ctrl_c_while_a_loop_is_compiled(probe, monkeypatch):
    from deepdream.engines.torch.compiled import compiler

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(compiler, "compiled", stop)
        with pytest.raises(KeyboardInterrupt):
            in_range()
    in_range()


def in_range():
    x, inside = torch.tensor([1.0, 2, 3]), torch.zeros(3, dtype=torch.bool)
    Loop("layer_loops", "in_range").run(1, Block(x, (1, 3)), Block(inside, (1, 3)), 2.0, 2.0)
    assert inside.tolist() == [False, True, False]


def test_without_numba_there_are_no_loops(monkeypatch):
    monkeypatch.setattr(loop, "find_spec", lambda name: None)
    assert not loop.available.__wrapped__()


@pytest.mark.parametrize("fault", ["ImportError('Numba needs NumPy 1.26 or less')", "AttributeError('np.long')"])
def test_a_numba_that_does_not_work_is_told_from_none(monkeypatch, tmp_path, afresh, fault):
    (tmp_path / "numba.py").write_text(f"raise {fault}")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.partition(".")[0] == "numba"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "deepdream.engines.torch.compiled.compiler", raising=False)
    monkeypatch.delattr("deepdream.engines.torch.compiled.compiler", raising=False)
    with pytest.raises(DreamError, match=r"^numba .* loaded \((Numba needs|np.long).*\): .*--upgrade numba") as caught:
        in_range()
    assert "\n" not in str(caught.value)
