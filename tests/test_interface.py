"""What `import deepdream` offers, which is imported only when it is asked for."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import deepdream


def test_everything_that_is_offered_is_listed_and_there():
    assert set(deepdream.__all__) <= set(dir(deepdream))
    assert {"load_net", "deepdream", "make_step", "objective_L2", "objective_guide", "__version__"} <= set(
        dir(deepdream)
    )
    for name in deepdream.__all__:
        home = import_module(f"deepdream.{deepdream._HOMES[name]}")
        assert getattr(deepdream, name) is getattr(home, name)
    with pytest.raises(AttributeError, match="has no attribute 'dream_deeply'"):
        deepdream.dream_deeply  # noqa: B018


def test_a_type_checker_sees_the_same_from_the_same_place():
    tree = ast.parse(Path(deepdream.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If) and node.test.id == "TYPE_CHECKING")
    assert {line.names[0].asname: line.module for line in block.body} == deepdream._HOMES


def test_listing_imports_nothing():
    program = "import sys, deepdream; dir(deepdream); sys.exit('numpy' in sys.modules)"
    root = str(Path(deepdream.__file__).parents[1])
    assert subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode == 0
