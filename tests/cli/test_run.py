"""Programs that say `import caffe`, run by `dreamify run`: as Python runs them, and with the stand-in."""

import os
import subprocess
import sys

import pytest

from deepdream.cli import main
from deepdream.engines import choose_engine, not_caffe, real_caffe
from deepdream.engines.stand_in import ALIAS
from tests.helpers.tiny import ROOT

RUN = [sys.executable, str(ROOT / "dreamify.py"), "run"]
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
FACTS = f"""
import os, sys
paths = [path for path in sys.path if path != {str(ALIAS)!r}]
print(sys.argv, paths, sys.flags, sorted(globals()), globals().get("__file__"), __name__, __package__, sys.stdin.read())
print(__spec__ and __spec__.name, sys.excepthook is sys.__excepthook__)
import gc, signal, threading, helper
print(gc.get_threshold(), gc.get_freeze_count(), threading.active_count(), signal.getsignal(signal.SIGINT), helper)
"""
ENDS = {
    "nothing": "",
    "a number": "import sys; sys.exit(3)",
    "a text": "import sys; sys.exit('no picture')",
    "None": "raise SystemExit(None)",
    "a list": "raise SystemExit([1, 2])",
    "a large number": "import sys; sys.exit(2**70)",
    "a negative number": "import sys; sys.exit(-2)",
    "an exception": "def f():\n    open('nowhere')\n\n\nf()",
    "an exception with a cause": "try:\n    1 / 0\nexcept Exception as error:\n    raise ValueError('a') from error",
    "no Python": "open('nowhere'",
    "an interrupt": "raise KeyboardInterrupt",
    "a signal": "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)",
    "terminated": "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(9)",
    "an excepthook": "import sys; sys.excepthook = lambda kind, *_: sys.stderr.write(f'own: {kind}'); 1 / 0",
    "at exit": "import atexit, threading; atexit.register(print, 'x'); threading.Timer(0.05, print, ['y']).start()",
    "at once": "import os; os._exit(7)",
    "nobody reads": "import sys\nfor _ in range(9999):\n    print('x' * 99)",
    "builtins": "__builtins__.xrange = range; import builtins; print(builtins.xrange)",
    "its own text": "import inspect, sys; print(inspect.getsource(sys.modules['__main__']))",
}


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A function that writes a program in every form, and runs it by Python and by dreamify: (code, output) of each."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "helper.py").write_text("")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "lib"))

    def ran(text, args, is_read=True):
        for name in ("a.py", "a b.py", "-a.py", "elsewhere/b.py", "box/__main__.py", "box/part.py", "box/__init__.py"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text("" if name.endswith("__init__.py") else text)
        return [_ended([*command, *args], text.encode(), is_read) for command in ([sys.executable], RUN)]

    return ran


def _ended(command, text, is_read):
    reader, writer = os.pipe()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    if not is_read:
        os.close(reader)
    _, errors = process.communicate(text)
    output = b""
    if is_read:
        with open(reader, "rb") as file:  # noqa: PTH123
            output = file.read()
    return process.returncode, output, errors


@pytest.mark.skipif(os.name != "posix", reason="the process of its own is another one there")
@pytest.mark.parametrize(
    "args",
    [
        ["a.py"],
        ["a.py", "--help", "zoom", "--", "-", "\u2014x", ""],
        ["./a b.py", "-c"],
        ["elsewhere/b.py"],
        ["--", "a.py", "-x"],
        ["--", "-a.py"],
        ["-"],
        ["-", "a.py", "--", "x"],
        ["--", "-", "x"],
        ["-c", FACTS],
        ["-c", FACTS, "-c", "x"],
        ["-m", "a"],
        ["-m", "box.part", "--help"],
        ["-m", "box", "x"],
        ["box", "x"],
        ["-O", "-W", "error", "a.py", "x"],
        ["-OO", "-B", "-"],
        ["-m", "nowhere"],
        ["-c"],
        ["-O", "nowhere.py"],
        ["--version"],
    ],
)
def test_a_program_finds_what_it_finds_in_python(programs, args):
    python, ours = programs(FACTS, args)
    assert ours == python
    assert python[1] or python[0]  # something was printed, or it failed


@pytest.mark.skipif(os.name != "posix", reason="the process of its own is another one there")
@pytest.mark.parametrize("args", [["a.py"], ["-"], ["-m", "a"]])
@pytest.mark.parametrize("end", ENDS)
def test_a_program_ends_as_in_python(programs, end, args):
    python, ours = programs(ENDS[end], args, is_read=end != "nobody reads")
    assert ours == python


@pytest.mark.skipif(os.name != "posix", reason="there is no such shell")
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_stream_that_is_closed_is_as_in_python(closed):
    text = "import sys; print(1); print([s and s.name for s in (sys.stdin, sys.stdout, sys.stderr)], file=sys.stderr)"
    python, ours = (
        subprocess.run(
            ["sh", "-c", f'"$@" {closed}>&-', "sh", *command, "-c", text],
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "check": True},
        )
        for command in ([sys.executable], RUN)
    )
    assert (ours.stdout, ours.stderr) == (python.stdout, python.stderr)


@pytest.mark.skipif(os.name != "posix", reason="there is no such shell")
def test_what_a_shell_sees_of_an_interrupt():
    command = ["sh", "-c", '"$@"; echo $?', "sh", *RUN, "-c", "raise KeyboardInterrupt"]
    assert subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout == b"130\n"


def test_a_checkout_in_the_way_and_children(tmp_path):
    (tmp_path / "deepdream.py").write_text(PROGRAM)
    (tmp_path / "python" / "caffe").mkdir(parents=True)
    (tmp_path / "python" / "caffe" / "__init__.py").write_text("from ._caffe import Net\n")
    done = subprocess.run([*RUN, "deepdream.py", "--help", "x"], cwd=str(tmp_path), stdout=subprocess.PIPE, check=True)
    child, last = done.stdout.decode().splitlines()
    assert child == "deepdream.pycaffe"
    assert last == "deepdream.pycaffe ['deepdream.py', '--help', 'x']"


def test_without_pytorch_the_import_says_why(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('it is broken')")
    (tmp_path / "a.py").write_text("try:\n    import caffe\nexcept ImportError as error:\n    print(error)")
    done = subprocess.run([*RUN, str(tmp_path / "a.py")], stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().startswith("PyTorch cannot be loaded (it is broken): ")


def test_python_m_prints_the_folder_for_notebooks(capsys, monkeypatch):
    from deepdream.pycaffe import __main__ as module

    monkeypatch.setattr(sys, "argv", ["pycaffe"])
    assert module.main() == 0
    assert capsys.readouterr().out.strip() == str(ROOT / "deepdream" / "pycaffe" / "alias")
    monkeypatch.setattr(sys, "argv", ["pycaffe", "nowhere.py"])
    assert module.main() == 1
    assert capsys.readouterr().err.startswith("caffe: there is no program nowhere.py: ")


def test_python_m_runs_a_program_as_the_command_does(tmp_path):
    (tmp_path / "a.py").write_text("import sys, caffe\nprint(caffe.Net.__module__, sys.argv[1:])\nsys.exit(3)")
    modules = [sys.executable, "-m", "deepdream.pycaffe"], RUN
    runs = [subprocess.run([*each, str(tmp_path / "a.py"), "-x"], stdout=subprocess.PIPE, cwd=ROOT) for each in modules]
    assert {(run.returncode, run.stdout) for run in runs} == {(3, b"deepdream.pycaffe.net ['-x']\n")}


def test_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["run", "nowhere.py", "x"]) == 1
    assert "there is no program nowhere.py" in capsys.readouterr().err
    assert main(["run"]) == 2
    assert "PROGRAM is missing: dreamify run program.py" in capsys.readouterr().err
    assert main(["run", "help"]) == 2
    assert "help comes first: dreamify help run" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert "What follows run is Python's" in capsys.readouterr().out


def test_the_engine_auto_does_not_take_it_for_real_caffe(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "caffe"]:
        monkeypatch.delitem(sys.modules, name)
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(ALIAS))
    try:
        assert not real_caffe.is_installed()
        import caffe

        assert caffe.__name__ == "deepdream.pycaffe"
        assert not real_caffe.is_installed()
        assert not_caffe() is None
        assert choose_engine("auto").__name__ == "deepdream.engines.torch"
        with pytest.raises(real_caffe.NotCaffe, match="stand-in"):
            real_caffe.import_caffe()
    finally:
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "caffe":
                del sys.modules[name]


def test_in_a_notebook(tmp_path, monkeypatch):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("PYTHONPATH", str(ALIAS))
    lines = "import sys; sys.path.insert(0, 'python')\nimport caffe\nprint(caffe.__name__, caffe.io.__name__)"
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(lines)])
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert book.cells[0].outputs[0].text == "deepdream.pycaffe deepdream.pycaffe.io\n"


def test_a_sitecustomize_that_is_hidden_runs(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("print('mine')")
    paths = os.pathsep.join([str(ALIAS), str(tmp_path)])
    command = [sys.executable, "-c", "print('program')"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.PIPE, check=True)
    assert done.stdout.decode().split() == ["mine", "program"]
