"""What is called caffe and is not BVLC's: never taken for it, and never passed over without a word."""

import sys

import pytest

from deepdream import load_net
from deepdream.cli import main
from deepdream.engines import not_caffe
from deepdream.errors import DreamError
from tests.helpers.shared import ENGINE

pytestmark = pytest.mark.skipif(ENGINE == "caffe", reason="Caffe has been imported here")

NET = "class Net:\n    __module__ = 'caffe._caffe'\nNet.__module__ = 'caffe._caffe'\nclass Classifier(Net): pass\n"
PROTO = {
    "proto/__init__.py": "",
    "proto/caffe_pb2.py": (
        "class NetParameter:\n    class DESCRIPTOR:\n        full_name = 'caffe.NetParameter'\n"
        "        fields_by_name = {}\n"
    ),
}
LAYERS = "def layer_type_list(): return ['Convolution', 'Pooling', 'LRN', 'Concat', 'Split', 'InnerProduct']\n"
VERSION = "__version__ = '1.0.0'\n"
NOT_BVLC = r"the module caffe in .*__init__.py is not BVLC Caffe: it has no "

# {file: program}, and what is said of it.
MODULES = {
    "broken": (
        {"__init__.py": "print('things might go wrong')\nraise TypeError('Descriptors cannot be created\\nand more')"},
        r"Caffe cannot be imported \(Descriptors cannot be created\)",
    ),
    "ends the process": ({"__init__.py": "raise SystemExit('usage: caffe')"}, r"Caffe cannot be .* \(usage: caffe\)"),
    "empty": ({"__init__.py": ""}, r"Caffe cannot be imported \(cannot import name 'Classifier'.*\)"),
    "a Classifier alone": (
        {"__init__.py": "class Classifier: pass\n"},
        r"Caffe cannot .* \(No module named .*proto'\)",
    ),
    "no core": (
        {"__init__.py": VERSION + NET + LAYERS, **PROTO},
        r"Caffe cannot .* \(No module named 'caffe._caffe'\)",
    ),
    "all of it in Python": (
        {"__init__.py": VERSION + "from ._caffe import *", "_caffe.py": NET + LAYERS, **PROTO},
        NOT_BVLC + "compiled caffe._caffe",
    ),
    "a core that is a class": (
        {
            "__init__.py": VERSION + "from ._caffe import *",
            "_caffe.py": NET + LAYERS + "import sys\nclass Core: pass\ncore = Core()\ncore.__dict__.update(globals())\n"
            "core.__spec__ = None\nsys.modules['caffe._caffe'] = core\n",
            **PROTO,
        },
        NOT_BVLC + "compiled caffe._caffe",
    ),
    "another module's core": (
        {
            "__init__.py": VERSION
            + "import sys, _struct\nsys.modules['caffe._caffe'] = _struct\n"
            + "class Net: pass\nclass Classifier(Net): pass\n"
            + LAYERS,
            **PROTO,
        },
        r"Caffe cannot .* \(module '_struct' has no attribute 'Net'\)",
    ),
}


@pytest.fixture
def called_caffe(tmp_path, monkeypatch):
    """Puts a module called caffe onto Python's path."""

    def put(files):
        for name, program in files.items():
            (tmp_path / "caffe" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "caffe" / name).write_text(program)
        monkeypatch.syspath_prepend(tmp_path)

    def forget():
        for name in [name for name in sys.modules if name.partition(".")[0] == "caffe"]:
            del sys.modules[name]
        assert "deepdream.engines.caffe" not in sys.modules

    forget()
    yield put
    forget()


@pytest.mark.parametrize("what", MODULES)
def test_what_is_not_bvlcs_is_told_and_pytorch_computes(net, folder, called_caffe, capsys, what):
    files, says = MODULES[what]
    called_caffe(files)
    for model in ("plain", "again"):
        assert load_net(net).engine == "torch", model
    with pytest.raises(DreamError, match=rf"^{says}: install pycaffe, or use --engine torch$"):
        load_net(net, "caffe")
    assert capsys.readouterr().out == ""
    dream = ["in.png", "out.png", "--iterations", "1", "--octaves", "1", "--model", net]
    assert main(dream) == 0
    said = capsys.readouterr().err.splitlines()
    assert sum("using PyTorch" in line for line in said) == 1
    assert any("computing with torch" in line for line in said)
    assert main([*dream, "--engine", "caffe"]) == 1
    (*_, last) = capsys.readouterr().err.splitlines()
    assert last.endswith("install pycaffe, or use --engine torch")


def test_where_there_is_none_nothing_is_said(net, folder, called_caffe, capsys):
    """A folder of that name with no program in it, Caffe's sources say, is none."""
    called_caffe({"readme.md": ""})
    assert not_caffe() is None
    assert main(["in.png", "out.png", "--iterations", "1", "--octaves", "1", "--model", net]) == 0
    assert "affe" not in capsys.readouterr().err
    with pytest.raises(DreamError, match=r"Caffe cannot be imported \(cannot import name 'Classifier'"):
        load_net(net, "caffe")


def test_torch_that_is_asked_for_asks_for_no_caffe(net, folder, called_caffe, capsys):
    called_caffe({"__init__.py": "raise AssertionError('imported')"})
    assert main(["in.png", "out.png", "--iterations", "1", "--octaves", "1", "--model", net, "--engine", "torch"]) == 0
    assert "affe" not in capsys.readouterr().err
