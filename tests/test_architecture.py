"""docs/architecture.md against the code: it lists every module, and imports run downwards in its order."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "deepdream"
TREE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
# From the top floor down; modules on one floor may import each other.
FLOORS = [
    {"__main__"},
    {"cli"},
    {"web"},
    {"tasks"},
    {"pipeline"},
    {"modelzoo", "video"},
    {"ascent"},
    {"dream"},
    {"seamless"},
    {"net_input"},
    {"resize"},
    {"pycaffe"},
    {"engines"},
    {"images"},
    {"caffe_format"},
    {"storage"},
    {"objectives", "regularizers", "console"},
    {"settings", "arrays", "system"},
    {"settings_zoom"},
    {"settings_base"},
    {"keyframes"},
    {"units", "errors", "compat"},
]
LEVEL = {name: len(FLOORS) - i for i, names in enumerate(FLOORS) for name in names}


def modules():
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "__init__.py")


def imported(path):
    """The parts of deepdream that a module imports, wherever in it."""
    inside = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            target = [*inside[: len(inside) - node.level + 1], *(node.module or "").split(".")]
            target = [part for part in target if part]
            if target == ["deepdream"]:
                yield from (alias.name for alias in node.names)
            else:
                yield target[1]


def test_every_module_is_listed():
    listed = set(re.findall(r"[a-z_0-9]+\.py", TREE))
    assert {path.name for path in modules()} <= listed
    assert {path.parent.name for path in PACKAGE.rglob("*.py")} <= set(re.findall(r"([a-z_]+)/", TREE))


def test_what_is_listed_is_there():
    there = {path.name for path in ROOT.rglob("*.py") if ".venv" not in path.parts}
    assert set(re.findall(r"[a-z_0-9]+\.py", TREE)) <= there


def test_imports_run_downwards():
    upwards, seen = [], 0
    for path in modules():
        own = path.relative_to(PACKAGE).parts[0].replace(".py", "")
        for other in imported(path):
            if other in LEVEL and other != own:
                seen += 1
                if LEVEL[other] >= LEVEL[own] and not {own, other} <= {"video", "modelzoo"}:
                    upwards.append(f"{path.relative_to(ROOT)} imports {other}")
    assert upwards == []
    assert seen > 150
