"""Programs that say `import caffe`, run by the stand-in's runner."""

import os
import subprocess
import sys

import pytest

from deepdream.cli import main
from deepdream.engines import choose_engine, not_caffe, real_caffe
from deepdream.pycaffe import runner
from tests.helpers.tiny import ROOT

# An unbuilt checkout of Caffe is in the way, and a child has it in the way, too. The name hides our package's.
PROGRAM = """
import os, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "python"))
import caffe
import caffe.io
import caffe.proto.caffe_pb2
from caffe import layers as L
from caffe.draw import get_edge_label
child = "import sys; sys.path.insert(0, 'python'); import caffe; print(caffe.__name__)"
subprocess.run([sys.executable, "-c", child], check=True)
print(caffe.__name__, sys.argv)
"""


@pytest.fixture
def clean(monkeypatch, tmp_path):
    """An empty current folder. What the runner changes in this process is undone."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in sys.modules if name.split(".")[0] == "caffe"]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.split(".")[0] == "caffe":
            del sys.modules[name]


def test_a_checkout_in_the_way_and_children(tmp_path):
    (tmp_path / "deepdream.py").write_text(PROGRAM)
    (tmp_path / "python" / "caffe").mkdir(parents=True)
    (tmp_path / "python" / "caffe" / "__init__.py").write_text("from ._caffe import Net\n")
    command = [sys.executable, str(ROOT / "dreamify.py"), "run", "deepdream.py", "--help", "x"]
    done = subprocess.run(command, cwd=str(tmp_path), stdout=subprocess.PIPE, check=True)
    child, last = done.stdout.decode().splitlines()
    assert child == "deepdream.pycaffe"
    assert last == "deepdream.pycaffe ['deepdream.py', '--help', 'x']"


def test_python_m_prints_the_folder_for_notebooks(capsys, monkeypatch):
    from deepdream.pycaffe import __main__ as module

    monkeypatch.setattr(sys, "argv", ["pycaffe"])
    assert module.main() == 0
    assert capsys.readouterr().out.strip() == str(ROOT / "deepdream" / "pycaffe" / "alias")
    monkeypatch.setattr(sys, "argv", ["pycaffe", "nowhere.py"])
    assert module.main() == 1
    assert "there is no program nowhere.py" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('no picture')", 1, "no picture\n"),
        ("raise SystemExit", 0, ""),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("open('nowhere')", 1, 'a.py", line 1, in <module>\n    open('),
        ("open('nowhere'", 1, "SyntaxError"),
        ("import sys; sys.exit(2**70)", 255, ""),
        ("import sys; sys.exit(-2)", 254, ""),
        ("__builtins__.xrange = range; import builtins; del builtins.xrange", 0, ""),
        ("import sys; sys.excepthook = lambda kind, *_: sys.stderr.write(f'own: {kind}'); 1 / 0", 1, "own: <class 'Z"),
    ],
)
def test_it_ends_as_in_python(clean, capsys, monkeypatch, text, code, said):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    (clean / "a.py").write_text(text)
    assert main(["run", "a.py"]) == code
    printed = capsys.readouterr().err
    assert said in printed
    assert "runner.py" not in printed


def test_the_command_line(clean, capsys):
    assert main(["run", "nowhere.py"]) == 1
    assert "there is no program nowhere.py" in capsys.readouterr().err
    assert main(["run"]) == 2
    assert "PROGRAM is missing: dreamify run program.py" in capsys.readouterr().err
    (clean / "a.py").write_text("import sys; print(sys.argv, __name__)")
    assert main(["run", "a.py", "\u2014x", "zoom", "--", "-"]) == 0
    assert capsys.readouterr().out == "['a.py', '\u2014x', 'zoom', '--', '-'] __main__\n"


def test_the_engine_auto_does_not_take_it_for_real_caffe(clean, monkeypatch):
    (clean / "a.py").write_text("")
    assert runner.run("a.py", []) == 0
    import caffe

    assert caffe.__name__ == "deepdream.pycaffe"
    assert not real_caffe.is_installed()
    assert not_caffe() is None
    assert choose_engine("auto").__name__ == "deepdream.engines.torch"
    with pytest.raises(real_caffe.NotCaffe, match="stand-in"):
        real_caffe.import_caffe()
    for name in [name for name in sys.modules if name.split(".")[0] == "caffe"]:
        del sys.modules[name]
    monkeypatch.syspath_prepend(str(runner.ALIAS))
    assert not real_caffe.is_installed()


def test_in_a_notebook(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(runner.ALIAS))
    lines = "import sys; sys.path.insert(0, 'python')\nimport caffe\nprint(caffe.__name__, caffe.io.__name__)"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(lines)])
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert book.cells[0].outputs[0].text == "deepdream.pycaffe deepdream.pycaffe.io\n"


def test_a_sitecustomize_that_is_hidden_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('mine')")
    paths = os.pathsep.join([str(runner.ALIAS), str(tmp_path)])
    command = [sys.executable, "-c", "print('program')"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().split() == ["mine", "program"]
