"""Compiled loops are kept for later processes, and what is damaged or cannot be kept is compiled again."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("numba")

from deepdream.engines.torch.compiled import machine_code
from deepdream.engines.torch.compiled.machine_code import Code

CODE = Code("f", ["sqrt"], b"\x7fELF\n\n{}\n\0")


@pytest.fixture
def folders(monkeypatch, tmp_path):
    found = [tmp_path / "package" / "loops-1", tmp_path / "cache" / "loops-1"]
    monkeypatch.setattr(machine_code, "_folders", lambda: found)
    return found


def test_what_is_kept_comes_back(folders):
    assert machine_code.kept("f-i8") is None
    machine_code.keep("f-i8", CODE)
    assert machine_code.kept("f-i8") == CODE
    assert machine_code.kept("f-f4") is None
    assert [folder.is_dir() for folder in folders] == [True, False]


def test_the_users_cache_serves_where_the_package_cannot_be_written(folders):
    folders[0].parent.write_text("a file, where there should be a folder")
    machine_code.keep("f-i8", CODE)
    assert (folders[1] / "f-i8").is_file()
    assert machine_code.kept("f-i8") == CODE
    machine_code.keep("g-i8", CODE)
    folders[1].parent.rename(folders[1].parent.with_name("gone"))
    folders[1].parent.write_text("a file, too")
    machine_code.keep("f-i8", CODE)
    assert machine_code.kept("f-i8") is None


def test_damaged_code_is_not_run(folders):
    machine_code.keep("f-i8", CODE)
    file = folders[0] / "f-i8"
    content = file.read_bytes()
    for place in range(len(content)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert machine_code.kept("f-i8") is None
        file.write_bytes(content[:place])
        assert machine_code.kept("f-i8") is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_its_place_is_not_waited_for(folders):
    folders[0].mkdir(parents=True)
    os.mkfifo(folders[0] / "f-i8")
    assert machine_code.kept("f-i8") is None
    machine_code.keep("f-i8", CODE)
    assert machine_code.kept("f-i8") == CODE


def test_the_code_of_other_versions_goes_in_time(folders):
    parent = folders[0].parent
    others = [parent / f"loops-{i}" for i in range(10, 21)]
    for age, folder in enumerate(others):
        folder.mkdir(parents=True)
        os.utime(folder, (age, age))
    (parent / "loop.cpython-311.pyc").touch()
    machine_code.keep("f-i8", CODE)
    left = {folders[0].name, "loop.cpython-311.pyc", *(folder.name for folder in others[-machine_code._FOLDERS + 1 :])}
    assert {path.name for path in parent.iterdir()} == left


def test_a_symbol_that_is_not_there_is_an_error():
    with pytest.raises(ImportError, match="there is no numba_not_there"):
        machine_code.load(Code("f", ["numba_not_there"], b""))


def test_a_later_process_does_not_need_numba():
    """And it computes the same."""
    program = """
import sys, torch
from deepdream.engines.torch import kernels
x = torch.linspace(-9, 9, 2 * 7 * 5 * 3).reshape(2, 7, 5, 3).contiguous(memory_format=torch.channels_last)
print(kernels.lrn_forward(x, 5, 1.0, 0.1).numpy().tobytes().hex(), "numba" in sys.modules)
"""
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    ]
    assert runs[1][1] == "False"
    assert runs[0][0] == runs[1][0]
