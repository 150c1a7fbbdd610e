"""docs/reliability.md: every test that it names is there."""

import ast
import re

from tests.helpers.tiny import ROOT


def test_every_test_that_the_table_names_is_there():
    named = re.findall(
        r"(tests/[\w/]+\.py)(?:::(\w+))?", (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    )
    assert len(named) > 30
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert not name or name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, (path, name)
